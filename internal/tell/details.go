package tell

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/web"
)

// Detail is a member of a fact in words.
type Detail struct{ Name, Value string }

// Speech is how details are put.
type Speech struct {
	People People
	Clock  func(t time.Time) string // an instant; nil: UTC
	// Point is the address of a contact point with its id; "" when it is not known. nil: ids only.
	Point func(id string) string
}

// Details are all members of a fact that its [Line] does not say, in the order in which its
// type lists them. What is empty or zero is left out; what a kind of tomorrow says is there,
// too. Nothing is JSON.
func (s Speech) Details(body dunning.Body) []Detail {
	var out []Detail
	s.members(reflect.ValueOf(body), Fact(body, s.People).said, &out)
	return out
}

// members adds those of a struct; an embedded one's are its own.
func (s Speech) members(v reflect.Value, said []string, out *[]Detail) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && field.Type.Kind() == reflect.Struct && name == "":
			s.members(v.Field(i), said, out)
			continue
		case !field.IsExported(), name == "-", slices.Contains(said, name), v.Field(i).IsZero() && (field.Type.Kind() != reflect.Bool || strings.Contains(options, "omitempty")):
			continue
		}
		name = either(name, field.Name)
		if text := s.value(name, v.Field(i)); text != "" {
			*out = append(*out, Detail{labelOf(name), text})
		}
	}
}

// labels are names that say more than their code.
var labels = map[string]string{
	"id": "id", "at": "at", "to": "now", "when": "when", "alt": "alternative", "point": "address", "contact": "stops contact", "clock": "stops the clock",
	"fees": "stops fees", "hold": "provider’s hold", "from": "from", "instalments": "instalments", "task": "task", "sequence_version": "version",
	"time_from": "from", "time_to": "to", "grace": "days of grace", "notice": "days of notice", "automatic": "by Duly itself", "provider_id": "provider’s id",
	"seconds": "seconds", "decision": "decision", "entry": "entry", "digest": "SHA-256 of the draft", "suggest": "seems to ask",
}

func labelOf(name string) string { return either(labels[name], web.Words(name)) }

// codes are members whose text is a code of ours, and not an id, a name or somebody's words.
var codes = strings.Fields("reason outcome why to step steps purpose basis class code scope refusal topic medium relation stage status wish direction channel " +
	"point_kind debt_kind debtor_kind role itemization_kind time_barred_basis intended method answer reader hold state template in_reply_to where tags task " +
	"queue intent command source notice place")

// value is a member for people; "" when there is nothing to say.
func (s Speech) value(name string, v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Time:
		return s.clock(x)
	case dunning.Date:
		return x.String()
	case money.Amount:
		return web.Money(x)
	case dunning.ItemLine:
		return lineWords(x)
	case dunning.Instalment:
		return web.Money(x.Amount) + " on " + x.Due.String()
	case dunning.Channel:
		return Channel(x)
	}
	switch v.Kind() {
	case reflect.String:
		return s.text(name, v.String())
	case reflect.Bool:
		return map[bool]string{true: "yes", false: "no"}[v.Bool()]
	case reflect.Slice, reflect.Array:
		return s.list(name, v)
	case reflect.Map:
		return s.pairs(name, v)
	case reflect.Pointer:
		return s.value(name, v.Elem())
	case reflect.Struct:
		return s.inner(v)
	}
	return fmt.Sprint(v.Interface())
}

func (s Speech) clock(t time.Time) string {
	if s.Clock != nil {
		return s.Clock(t)
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// lineWords is an item of a message, with the step that it counts for.
func lineWords(l dunning.ItemLine) string {
	text := l.Key + " " + web.Money(l.Amount)
	if l.Step == "" {
		return text + ", listed along"
	}
	return text + ", counts for " + web.Words(l.Step)
}

func (s Speech) text(name, text string) string {
	switch {
	case name == "point" && s.Point != nil && s.Point(text) != "":
		return s.Point(text) + " (" + text + ")"
	case name == "owner" || name == "collector" || name == "from" && strings.HasPrefix(text, "user:"):
		return s.people(text)
	case slices.Contains(codes, name):
		return web.Words(text)
	}
	return text
}

// people names somebody by a user's id, with or without "user:", or a team.
func (s Speech) people(who string) string {
	if strings.HasPrefix(who, "user:") {
		return s.People.By(who)
	}
	return s.People.Owner(who)
}

func (s Speech) list(name string, v reflect.Value) string {
	var parts []string
	for i := range v.Len() {
		parts = append(parts, s.value(name, v.Index(i)))
	}
	return strings.Join(parts, "; ")
}

func (s Speech) pairs(name string, v reflect.Value) string {
	if v.Type().Key().Kind() != reflect.String {
		return fmt.Sprint(v.Interface())
	}
	by := map[string]string{}
	for _, k := range v.MapKeys() {
		by[k.String()] = s.value(name, v.MapIndex(k))
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, k+" by "+by[k])
	}
	return strings.Join(parts, "; ")
}

func (s Speech) inner(v reflect.Value) string {
	var all []Detail
	s.members(v, nil, &all)
	var parts []string
	for _, d := range all {
		parts = append(parts, d.Name+" "+d.Value)
	}
	return strings.Join(parts, ", ")
}
