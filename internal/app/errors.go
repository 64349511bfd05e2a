package app

import (
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
)

// kindOf names an error without its words: those of databases and servers may quote data.
func kindOf(err error) string {
	var sql interface{ SQLState() string }
	if errors.As(err, &sql) {
		return "sqlstate " + sql.SQLState()
	}
	var away *serviceerror.Unavailable
	if errors.As(err, &away) {
		return "temporal unavailable"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Sprintf("%T", err)
		}
		err = inner
	}
}
