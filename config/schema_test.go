package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	invopop "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning/contact"
)

//go:generate go test -run TestSchemas -update .

// schemas are the kinds of files with the struct that each is read into.
var schemas = map[string]struct {
	title string
	of    any
	match string // files that it is for
}{
	"sequence-v1.json":    {"Duly: a sequence", SequenceSpec{}, "sequences/*.yaml"},
	"creditor-v1.json":    {"Duly: a creditor", CreditorSpec{}, "creditors/*.yaml"},
	"policy-v1.json":      {"Duly: a pack of contact rules", contact.PackSpec{}, "policies/*.yaml"},
	"mapping-v1.json":     {"Duly: a mapping of columns", mapping.Mapping{}, "mappings/*.yaml"},
	"holidays-v1.json":    {"Duly: a calendar of holidays", HolidaysSpec{}, "holidays/*.yaml"},
	"queues-v1.json":      {"Duly: queues", QueuesSpec{}, "queues.yaml"},
	"roles-v1.json":       {"Duly: roles", RolesSpec{}, "roles.yaml"},
	"disclosures-v1.json": {"Duly: disclosures", DisclosuresSpec{}, "disclosures.yaml"},
	"template-v1.json":    {"Duly: front matter of a template", TemplateSpec{}, "templates/*/*.md"},
}

const schemaDir = "../docs/schemas"

// reflectSchema makes the schema of a struct; descriptions come from tags and
// from the doc comments of the source.
func reflectSchema(t *testing.T, file string) []byte {
	t.Helper()
	r := &invopop.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true}
	for _, dir := range []string{"./", "./mapping", "../dunning/contact"} {
		if err := r.AddGoComments("github.com/duly/duly/config", dir); err != nil {
			t.Fatal(err)
		}
	}
	s := r.Reflect(schemas[file].of)
	s.Title = schemas[file].title
	s.ID = invopop.ID("https://duly.example/schemas/" + file)
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

func TestSchemasAreCurrent(t *testing.T) {
	for file := range schemas {
		golden(t, path.Join(schemaDir, file), string(reflectSchema(t, file)))
	}
}

// Every key that the loader reads is in the schema, and every key of the
// schema is read by the loader.
func TestEveryFieldIsInTheSchema(t *testing.T) {
	for file, s := range schemas {
		var doc map[string]any
		if err := json.Unmarshal(reflectSchema(t, file), &doc); err != nil {
			t.Fatal(err)
		}
		defs, _ := doc["$defs"].(map[string]any)
		compareFields(t, file, reflect.TypeOf(s.of), doc, defs, map[reflect.Type]bool{})
	}
}

func compareFields(t *testing.T, where string, typ reflect.Type, schema, defs map[string]any, seen map[reflect.Type]bool) {
	t.Helper()
	if seen[typ] {
		return
	}
	seen[typ] = true
	props, _ := schema["properties"].(map[string]any)
	var inSchema, inStruct []string
	for k := range props {
		inSchema = append(inSchema, k)
	}
	for _, f := range reflect.VisibleFields(typ) {
		name, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Anonymous && rest == "inline" {
			continue // its fields follow
		}
		if name == "" || name == "-" {
			t.Errorf("%s: field %s.%s has no yaml name", where, typ, f.Name)
			continue
		}
		inStruct = append(inStruct, name)
		if sub := structOf(f.Type); sub != nil {
			def, ok := defs[sub.Name()].(map[string]any)
			if !ok {
				t.Errorf("%s: there is no definition of %s", where, sub)
				continue
			}
			compareFields(t, where+" "+sub.Name(), sub, def, defs, seen)
		}
	}
	slices.Sort(inSchema)
	slices.Sort(inStruct)
	if !slices.Equal(inSchema, inStruct) {
		t.Errorf("%s: the schema has %v, the struct %v", where, inSchema, inStruct)
	}
}

// structOf is the struct within pointers, lists and maps, nil for other types.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		return t
	}
	return nil
}

func compileSchema(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(path.Join(schemaDir, file))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(file, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asEditorsSee reads YAML into the plain values that a schema is checked against.
func asEditorsSee(t *testing.T, name string, data []byte) any {
	t.Helper()
	if strings.HasSuffix(name, ".md") {
		front, _, _ := strings.Cut(strings.TrimPrefix(string(data), "---\n"), "\n---\n")
		data = []byte(front)
	}
	var n yaml.Node
	if err := yaml.Load(data, &n); err != nil {
		t.Fatal(name, err)
	}
	if n.Kind == yaml.DocumentNode {
		return plainValue(n.Content[0])
	}
	return plainValue(&n)
}

func plainValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plainValue(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		s := []any{}
		for _, c := range n.Content {
			s = append(s, plainValue(c))
		}
		return s
	}
	switch n.Tag {
	case "!!int", "!!float":
		f, err := strconv.ParseFloat(n.Value, 64)
		if err == nil {
			return f
		}
	case "!!bool":
		return n.Value == "true"
	case "!!null":
		return nil
	}
	return n.Value
}

// All shipped files are right in the eyes of an editor that knows the schemas,
// and say in their first lines which schema is theirs.
func TestShippedFilesFollowTheirSchemas(t *testing.T) {
	checked := 0
	for _, file := range slices.Sorted(maps.Keys(schemas)) {
		s := compileSchema(t, file)
		names, err := fs.Glob(DefaultFiles(), schemas[file].match)
		if err != nil || len(names) == 0 {
			t.Errorf("no files match %s: %v", schemas[file].match, err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(DefaultFiles(), name)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(asEditorsSee(t, name, data)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			head, _, _ := strings.Cut(strings.TrimPrefix(string(data), "---\n"), "\n")
			up := strings.Repeat("../", strings.Count(name, "/")+1)
			if want := fmt.Sprintf("# yaml-language-server: $schema=%sdocs/schemas/%s", up, file); head != want {
				t.Errorf("%s begins with %q, not with %q", name, head, want)
			}
			checked++
		}
	}
	if checked < 60 {
		t.Errorf("only %d files were checked", checked)
	}
}

// The schemas refuse what the loader refuses, as far as shape goes: an editor
// shows a misspelt key while it is typed.
func TestSchemasRefuseMistakes(t *testing.T) {
	cases := []struct{ what, schema, src string }{
		{"a misspelt key", "sequence-v1.json", "sequence: a\naplies_when: x\nsteps: [{id: a}]\n"},
		{"a misspelt key within else", "sequence-v1.json", "sequence: a\nsteps: [{id: a, send: [{sms: x, else: [{emial: x}]}]}]\n"},
		{"hours for days", "sequence-v1.json", "sequence: a\nsteps: [{id: a, at: 48h}]\n"},
		{"a number for days", "sequence-v1.json", "sequence: a\nsteps: [{id: a, at: 3}]\n"},
		{"a word that is not one of those known", "sequence-v1.json", "sequence: a\nladder: eech\nsteps: [{id: a}]\n"},
		{"a day that is none", "sequence-v1.json", "sequence: a\nsend_window: {days: [monday]}\nsteps: [{id: a}]\n"},
		{"no steps", "sequence-v1.json", "sequence: a\n"},
		{"an amount with a comma", "sequence-v1.json", "sequence: a\ntolerance: {USD: \"1,00\"}\nsteps: [{id: a}]\n"},
		{"a creditor without a role", "creditor-v1.json", "creditor: a\nname: A\nzone: UTC\ncurrency: USD\nlocale: en\naddress: [a]\nqueues: {supervisor: a, operations: a}\n"},
		{"a purpose that is none", "template-v1.json", "purpose: remind\n"},
	}
	for _, c := range cases {
		if err := compileSchema(t, c.schema).Validate(asEditorsSee(t, "x.yaml", []byte(c.src))); err == nil {
			t.Errorf("%s is taken by %s", c.what, c.schema)
		}
	}
}
