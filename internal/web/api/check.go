package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	generator "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
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
	dateType    = reflect.TypeFor[dunning.Date]()
	amountType  = reflect.TypeFor[money.Amount]()
	rawType     = reflect.TypeFor[json.RawMessage]()
	bodyOfFact  = reflect.TypeFor[dunning.Body]()
	bytesOfFile = reflect.TypeFor[[]byte]()
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
	case bytesOfFile:
		return &generator.Schema{Type: "string", ContentEncoding: "base64"}
	case rawType, bodyOfFact:
		return &generator.Schema{Description: "any JSON"}
	}
	return nil
}

// checker holds a body against a schema.
type checker struct{ schema *jsonschema.Schema }

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
	return &checker{compiled}, err
}

// check lists all faults of a body.
func (c *checker) check(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	var any json.RawMessage
	if err := dec.Decode(&any); err != nil {
		return unreadable(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fail(400, "unreadable", "The body is not JSON", "There is more after the first value.")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(any))
	if err != nil {
		return unreadable(err)
	}
	var faults *jsonschema.ValidationError
	if err := c.schema.Validate(doc); errors.As(err, &faults) {
		return invalid(leaves(faults)...)
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
func leaves(e *jsonschema.ValidationError) []Fault {
	seen := map[string]Fault{}
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			f := Fault{Pointer: pointer(e.InstanceLocation), Detail: words(e.ErrorKind)}
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

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

// plainName is a member's name that can be repeated without telling anything.
var plainName = regexp.MustCompile(`^[a-z_]{1,30}$`)

// words say what is wrong without the value that is.
func words(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("is a %s and must be %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Required:
		return "lacks " + strings.Join(k.Missing, ", ")
	case *kind.AdditionalProperties:
		var names []string
		for _, n := range k.Properties {
			if plainName.MatchString(n) {
				names = append(names, n)
			}
		}
		return strings.TrimSpace("has members that are not known: " + strings.Join(names, ", "))
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
