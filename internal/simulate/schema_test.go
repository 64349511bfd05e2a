package simulate_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/duly/duly/internal/simulate"
)

const schemaFile = "../../docs/schemas/facts-v1.json"

// TestFactsSchema: the committed schema is what the code generates, and every
// scenario of the corpus is valid by it.
func TestFactsSchema(t *testing.T) {
	got, err := simulate.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s is not current: run go test ./internal/simulate -run FactsSchema -update", schemaFile)
	}
	schema := compileSchema(t, want)
	files, _ := filepath.Glob(filepath.Join(corpus, "*.txt"))
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(jsonOf(t, section(txtar.Parse(raw), "case.yaml"))); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
	bad := `{"format":"v1","currency":"EUR","debtor":{"kind":"consumer","zones":["UTC"]},"facts":[{"at":"2024-01-01","kind":"contact_planned"}]}`
	if err := schema.Validate(jsonOf(t, []byte(bad))); err == nil {
		t.Error("the schema accepts a kind of fact that only deciding makes")
	}
}

func compileSchema(t *testing.T, src []byte) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("facts.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("facts.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// jsonOf reads YAML (or JSON) as the JSON value that a facts file would hold.
func jsonOf(t *testing.T, src []byte) any {
	var v map[string]any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	v["format"] = "v1"
	b, err := json.Marshal(plainTimes(v))
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFactsFileRefusesNonsense: what is wrong is said with its place.
func TestFactsFileRefusesNonsense(t *testing.T) {
	head := `{"format":"v1","currency":"EUR","debtor":{"kind":"consumer","zones":["UTC"]},"facts":`
	for _, c := range []struct{ about, in, say string }{
		{"an empty file", ``, "EOF"},
		{"another version", `{"format":"v9"}`, `"v1"`},
		{"a misspelt member", `{"format":"v1","currancy":"EUR"}`, "currancy"},
		{"no facts", head + `[]}`, "empty"},
		{"an impossible day", head + `[{"at":"2024-02-30","kind":"payment"}]}`, "not an instant"},
		{"a kind that only deciding makes", head + `[{"at":"2024-02-03","kind":"contact_planned"}]}`, "from outside"},
		{"an unknown command", head + `[{"at":"2024-02-03","do":"dance"}]}`, "unknown command"},
		{"an entry that is nothing", head + `[{"at":"2024-02-03"}]}`, `"kind"`},
		{"an unknown zone", strings.Replace(head, "UTC", "Mars/Olympus", 1) + `[{"at":"2024-02-03","kind":"note_written"}]}`, "IANA"},
		{"two documents", head + `[{"at":"2024-02-03","kind":"note_written"}]} {}`, "follows"},
		{"a broken amount", head + `[{"at":"2024-02-03","kind":"payment","id":"p","amount":"1.2.3"}]}`, "decimal"},
	} {
		t.Run(c.about, func(t *testing.T) {
			f, err := simulate.ReadFile(strings.NewReader(c.in))
			if err == nil {
				env := simulate.Environment{}
				env.Setup.Zone = zoneByName
				_, _, err = f.Compile(env)
			}
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("error %v, want one that says %q", err, c.say)
			}
		})
	}
}

// TestTooLargeAFile: a facts file that is cut off by its bound is said to be too large, and
// not to be broken.
func TestTooLargeAFile(t *testing.T) {
	huge := io.MultiReader(strings.NewReader(`{"format": "v1", "facts": [`), io.LimitReader(blanks{}, 65<<20))
	if _, err := simulate.ReadFile(huge); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("%v", err)
	}
}

// blanks are blanks without an end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
