package api

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	generator "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/sampling"
)

// schemaOf is the JSON Schema of a Go type as JSON writes it.
func schemaOf(t reflect.Type, optional ...string) *generator.Schema {
	r := &generator.Reflector{Anonymous: true, DoNotReference: true, ExpandedStruct: true, Mapper: mapped}
	s := r.ReflectFromType(t)
	s.Version, s.ID = "", ""
	s.Required = slices.DeleteFunc(s.Required, func(name string) bool { return slices.Contains(optional, name) })
	return s
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	textType    = reflect.TypeFor[encoding.TextMarshaler]()
	dateType    = reflect.TypeFor[dunning.Date]()
	amountType  = reflect.TypeFor[money.Amount]()
	rawType     = reflect.TypeFor[json.RawMessage]()
	bodyOfFact  = reflect.TypeFor[dunning.Body]()
	bytesOfFile = reflect.TypeFor[[]byte]()
	digestType  = reflect.TypeFor[sampling.Key]()
)

// mapped are the types that write themselves.
func mapped(t reflect.Type) *generator.Schema {
	switch t {
	case timeType:
		return &generator.Schema{Type: "string", Format: "date-time", Description: "an instant, RFC 3339"}
	case dateType:
		return &generator.Schema{Type: "string", Format: "date", Description: "a day, such as 2026-03-02"}
	case amountType:
		props := generator.NewProperties()
		props.Set("amount", &generator.Schema{Type: "string", Pattern: `^-?\d{1,15}(\.\d{1,4})?$`, Description: "decimal digits, never a float"})
		props.Set("currency", &generator.Schema{Type: "string", Pattern: "^[A-Z]{3}$"})
		return &generator.Schema{Type: "object", Properties: props, Required: []string{"amount", "currency"}, AdditionalProperties: generator.FalseSchema}
	case digestType:
		return &generator.Schema{Type: "string", Pattern: "^[0-9a-f]{64}$", Description: "SHA-256"}
	case bytesOfFile:
		return &generator.Schema{Type: "string", ContentEncoding: "base64"}
	case rawType, bodyOfFact:
		return &generator.Schema{Description: "any JSON"}
	}
	switch {
	case t.Kind() == reflect.Pointer || !t.Implements(textType):
		return nil
	case t.Name() == "Date": // of another package of ours, written as dunning.Date is
		return mapped(dateType)
	}
	return &generator.Schema{Type: "string"}
}

// checker holds a body against a schema. names are all members that the schema knows.
type checker struct {
	schema *jsonschema.Schema
	names  map[string]bool
}

// checkers are those of this process, by what a body is made of: a schema follows from it
// alone, and to compile those of all operations takes longer than to answer most.
var checkers sync.Map // of checkerKey

type checkerKey struct {
	body     reflect.Type
	optional string
}

// bodyChecker compiles the schema of an operation's body, once in a process.
func bodyChecker(op Operation) (*checker, error) {
	key := checkerKey{op.bodyType(), strings.Join(op.optional, "\x00")}
	if c, ok := checkers.Load(key); ok {
		return c.(*checker), nil
	}
	c, err := newChecker(op.schema())
	if err == nil {
		checkers.Store(key, c)
	}
	return c, err
}

func newChecker(s *generator.Schema) (*checker, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("body.json", doc); err != nil {
		return nil, err
	}
	compiled, err := c.Compile("body.json")
	names := map[string]bool{}
	namesOf(doc, names)
	return &checker{compiled, names}, err
}

// namesOf collects the members that a schema knows.
func namesOf(schema any, names map[string]bool) {
	switch v := schema.(type) {
	case []any:
		for _, x := range v {
			namesOf(x, names)
		}
	case map[string]any:
		props, _ := v["properties"].(map[string]any)
		for name := range props {
			names[name] = true
		}
		for _, x := range v {
			namesOf(x, names)
		}
	}
}

// check lists all faults of a body.
func (c *checker) check(body []byte) error {
	if err := scan(body, c.names); err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return unreadable(err)
	}
	var faults *jsonschema.ValidationError
	if err := c.schema.Validate(doc); errors.As(err, &faults) {
		return invalid(c.leaves(faults)...)
	} else if err != nil {
		return err
	}
	return nil
}

func unreadable(err error) *failure {
	detail := "It must be one JSON value."
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		detail = fmt.Sprintf("The fault is at byte %d.", syntax.Offset)
	}
	return fail(400, "unreadable", "The body is not JSON", detail)
}

// leaves are the faults that a person can mend, ordered by place.
func (c *checker) leaves(e *jsonschema.ValidationError) []Fault {
	seen := map[string]Fault{}
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			f := Fault{Pointer: pointer(e.InstanceLocation, c.names), Detail: c.words(e.ErrorKind)}
			seen[f.Pointer+"\x00"+f.Detail] = f
		}
		for _, c := range e.Causes {
			walk(c)
		}
	}
	walk(e)
	var out []Fault
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, seen[key])
	}
	return out[:min(len(out), 20)]
}

// pointer is a JSON pointer as far as its members are the schema's: a name that was made up
// by who asks ends it, because it may be anything, also personal.
func pointer(path []string, known map[string]bool) string {
	var b strings.Builder
	for _, p := range path {
		if _, err := strconv.Atoi(p); err != nil && !known[p] {
			break
		}
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

// words say what is wrong without the value that is.
func (c *checker) words(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("is a %s and must be %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Required:
		return "lacks " + strings.Join(k.Missing, ", ")
	case *kind.AdditionalProperties:
		known := slices.Sorted(maps.Keys(c.names))
		text := "has a member that is not known"
		if len(k.Properties) > 1 {
			text = "has members that are not known"
		}
		return text + meant(k.Properties[0], known)
	case *kind.Format:
		return "is not a " + k.Want
	case *kind.Pattern:
		return "must look like " + k.Want
	case *kind.Enum:
		want, _ := json.Marshal(k.Want)
		return "must be one of " + string(want)
	}
	return "does not fit the schema of this operation"
}
