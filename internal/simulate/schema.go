package simulate

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Schema is docs/schemas/facts-v1.json: the JSON Schema of File, with every kind
// of fact and every command that may stand in its list.
func Schema() ([]byte, error) {
	r := reflector()
	doc := r.Reflect(&File{})
	doc.ID = "https://duly.dev/schemas/facts-v1.json"
	doc.Title = "A single case: facts file, version 1"
	doc.Description = `Everything that happens to one account from outside, for "duly simulate --facts". Instants are RFC 3339, or "2006-01-02 15:04", or "2006-01-02" (start of the day), in the debtor's first zone.`
	var any []*jsonschema.Schema
	for _, k := range OutsideKinds() {
		body, err := dunning.DecodeBody(k, []byte("{}"))
		if err != nil {
			return nil, err
		}
		any = append(any, entry(r, "kind", string(k), reflect.TypeOf(body)))
	}
	for _, name := range dunning.CommandNames() {
		cmd, err := dunning.DecodeCommand(name, []byte("{}"))
		if err != nil {
			return nil, err
		}
		any = append(any, entry(r, "do", name, reflect.TypeOf(cmd)))
	}
	any = append(any, entry(r, "reply", "", reflect.TypeOf(replyEntry{})), entry(r, "outage", "", reflect.TypeOf(outageEntry{})))
	facts, _ := doc.Properties.Get("facts")
	facts.Items = &jsonschema.Schema{AnyOf: any}
	b, err := json.MarshalIndent(doc, "", "  ")
	return append(b, '\n'), err
}

// OutsideKinds are the kinds of fact that a file may hold, sorted.
func OutsideKinds() []dunning.Kind { return slices.Sorted(maps.Keys(outside)) }

// replyEntry says how the provider answers contacts from an instant on.
type replyEntry struct {
	Reply     string `json:"reply" jsonschema:"enum=accepted,enum=failed,enum=unknown"`
	Step      string `json:"step,omitempty" jsonschema_description:"only contacts of this step"`
	Channel   string `json:"channel,omitempty" jsonschema_description:"only contacts of this channel"`
	Class     string `json:"class,omitempty" jsonschema:"enum=recipient,enum=config,enum=content,enum=later,enum=now"`
	Permanent bool   `json:"permanent,omitempty"`
	Times     int    `json:"times,omitempty" jsonschema_description:"so many contacts; left out: all"`
	Retry     int    `json:"retry_minutes,omitempty"`
	Deadline  int    `json:"deadline_hours,omitempty" jsonschema_description:"unknown: until when evidence is awaited"`
}

// outageEntry stops all deciding from its instant until the one it names.
type outageEntry struct {
	Outage string `json:"outage" jsonschema_description:"until when nothing is decided"`
}

// entry is the schema of one kind of list entry.
func entry(r *jsonschema.Reflector, by, name string, t reflect.Type) *jsonschema.Schema {
	s := r.ReflectFromType(t)
	s.Version, s.ID = "", ""
	s.AdditionalProperties = nil
	s.Title = strings.TrimSpace(by + " " + name)
	s.Properties.Set("at", &jsonschema.Schema{Type: "string", Description: "when"})
	s.Properties.Set("by", &jsonschema.Schema{Type: "string", Description: `who, "user:<id>" for a person`})
	required := []string{"at", by}
	if name != "" {
		s.Properties.Set(by, &jsonschema.Schema{Const: name})
	}
	for _, n := range s.Required {
		if !slices.Contains(required, n) && by == "kind" {
			required = append(required, n)
		}
	}
	s.Required = required
	return s
}

// reflector writes amounts, dates and instants as files may have them.
func reflector() *jsonschema.Reflector {
	return &jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch t {
			case reflect.TypeOf(money.Amount{}):
				return &jsonschema.Schema{
					Description: `a plain decimal in the file's currency, or {"amount": "12.50", "currency": "USD"}`,
					AnyOf:       []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "object"}},
				}
			case reflect.TypeOf(dunning.Date{}):
				return &jsonschema.Schema{Type: "string", Pattern: `^\d{4}-\d{2}-\d{2}$`}
			case reflect.TypeOf(time.Time{}):
				return &jsonschema.Schema{Type: "string", Description: "an instant"}
			}
			return nil
		},
	}
}
