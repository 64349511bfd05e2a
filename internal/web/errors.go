package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// Error is an answer that is not what was asked for. Title and Detail are read by the
// person: what, where, how to mend; no personal data.
type Error struct {
	Status        int
	Title, Detail string
	// Fields are the faults of a form, by the name of the input.
	Fields map[string]string
	// Permission that was missing.
	Permission identity.Permission
	Creditor   string
	// Retry is after how many seconds it may be tried again; 0: not said.
	Retry int
	cause error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%d %s: %v", e.Status, e.Title, e.cause)
	}
	return fmt.Sprintf("%d %s: %s", e.Status, e.Title, e.Detail)
}

func (e *Error) Unwrap() error { return e.cause }

// NotFound is for what does not exist or lies outside of what the user may see: the two
// look the same.
func NotFound(what string) *Error {
	return &Error{Status: http.StatusNotFound, Title: "Not found", Detail: what + " does not exist, or you may not see it."}
}

// Forbidden is for what the user may see and not do.
func Forbidden(p identity.Permission, creditor string) *Error {
	return &Error{
		Status: http.StatusForbidden, Title: "Not allowed", Permission: p, Creditor: creditor,
		Detail: fmt.Sprintf("This needs the permission %q, which your roles do not give. Ask an admin.", p),
	}
}

// Invalid is for input that cannot be; fields may name inputs.
func Invalid(detail string, fields map[string]string) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Title: "Please check your input", Detail: detail, Fields: fields}
}

// Conflict is for what is not possible now.
func Conflict(detail string) *Error {
	return &Error{Status: http.StatusConflict, Title: "Not possible now", Detail: detail}
}

// AsError turns errors of the product into answers. What it does not know is a 500 whose
// cause is for the log only.
func AsError(err error) *Error {
	var e *Error
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return e
	case authority.AsRefusal(err) != nil:
		r := authority.AsRefusal(err)
		f := Forbidden(r.Permission, r.Creditor)
		if r.Limit != "" {
			f.Detail = r.Limit
		}
		return f
	case errors.As(err, &tooBig):
		return &Error{Status: http.StatusRequestEntityTooLarge, Title: "Too large", Detail: fmt.Sprintf("The limit is %d bytes.", tooBig.Limit), cause: err}
	case errors.Is(err, commands.ErrNoCase), errors.Is(err, identity.ErrNotFound):
		return &Error{Status: http.StatusNotFound, Title: "Not found", Detail: "It does not exist, or you may not see it.", cause: err}
	case errors.Is(err, identity.ErrLastAdmin):
		return Conflict("That would leave no admin who can sign in. Make another user admin of all creditors first.")
	case errors.Is(err, read.ErrTooLong):
		return &Error{Status: http.StatusServiceUnavailable, Title: "Takes too long", Detail: err.Error(), cause: err}
	case errors.Is(err, dunning.ErrUnknown):
		return &Error{Status: http.StatusNotFound, Title: "Not found", Detail: err.Error(), cause: err}
	case errors.Is(err, dunning.ErrConflict):
		return &Error{Status: http.StatusConflict, Title: "Not possible now", Detail: err.Error(), cause: err}
	case errors.Is(err, dunning.ErrInvalid):
		return &Error{Status: http.StatusUnprocessableEntity, Title: "Please check your input", Detail: err.Error(), cause: err}
	}
	return &Error{
		Status: http.StatusInternalServerError, Title: "Something went wrong", cause: err,
		Detail: "Nothing was changed by this request as far as we know. Try again; if it stays, tell operations the request id.",
	}
}
