package api

import (
	"reflect"
	"strings"

	"github.com/duly/duly/internal/identity"
)

// Operation is one endpoint: the row of a table from which routing, rights, checking and
// documentation follow.
type Operation struct {
	Method, Path string // below /api/v1, with {wildcards} as net/http has them
	ID           string // operationId
	Tag          string
	Summary      string
	Need         identity.Permission   // scope of the key
	Also         []identity.Permission // scopes needed besides
	Query        []Param
	Body         any    // value of the request's type; nil: no body
	Raw          string // content type of a body that is not JSON; "" = JSON
	Result       any    // value of the answer's type
	ResultType   string // content type of an answer that is not JSON
	Status       int    // of success; 0 = 200
	// Saw is what the audit calls a look at this answer; set where it holds personal data.
	Saw string
	// Repeats says that doing it twice is doing it once, so that no answer is kept for
	// an idempotency key.
	Repeats bool
	MaxBody int64 // bytes; 0 = 1 MiB
	Handle  func(*Call) (any, error)

	optional []string // members of the body that may be left out though the type has them
	check    *checker
}

// Param is one parameter of the query.
type Param struct {
	Name, Type, Description string // Type: string, integer, boolean, date, date-time
	Enum                    []string
	Many                    bool // may be repeated
}

// params of the path, in order.
func (o Operation) params() []string {
	var out []string
	for _, part := range strings.Split(o.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, strings.TrimSuffix(name, "}"))
		}
	}
	return out
}

// needs are all scopes that a key must have.
func (o Operation) needs() []identity.Permission {
	return append([]identity.Permission{o.Need}, o.Also...)
}

// changes reports whether the operation may change something.
func (o Operation) changes() bool { return o.Method != "GET" }

func (o Operation) bodyType() reflect.Type {
	if o.Body == nil {
		return nil
	}
	return reflect.TypeOf(o.Body)
}
