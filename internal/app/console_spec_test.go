package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/web/api"
)

// contract is the published document, against which every answer of the tests is held.
type contract struct {
	mu      sync.Mutex
	doc     map[string]any
	schemas map[string]*jsonschema.Schema
	// addresses tell which operation an address belongs to.
	addresses *http.ServeMux
}

func (c *contract) at(path ...string) any {
	var v any = c.doc
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// schema compiles what stands at a place of the document, with references into it.
func (c *contract) schema(t testing.TB, path ...string) *jsonschema.Schema {
	t.Helper()
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[b.String()]; s != nil {
		return s
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", c.doc); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("openapi.json#" + (&url.URL{Path: b.String()}).EscapedPath())
	if err != nil {
		t.Fatalf("%s: %v", b.String(), err)
	}
	c.schemas[b.String()] = s
	return s
}

var published = struct {
	sync.Mutex
	c *contract
}{}

// contractOf reads the document of a console once.
func (d *desk) contract() *contract {
	d.t.Helper()
	published.Lock()
	defer published.Unlock()
	if published.c == nil {
		res, err := http.Get(d.srv.URL + api.Prefix + "/openapi.json") //nolint:noctx // a test
		d.must(err)
		defer func() { _ = res.Body.Close() }()
		doc, err := jsonschema.UnmarshalJSON(res.Body)
		d.must(err)
		published.c = &contract{doc: doc.(map[string]any), schemas: map[string]*jsonschema.Schema{}, addresses: http.NewServeMux()}
		for _, op := range d.console.api.Operations() {
			published.c.addresses.Handle(op.Method+" "+op.Path, http.NotFoundHandler())
		}
	}
	return published.c
}

// holds compares an answer with what the document says of it.
func (d *desk) holds(method, path string, res reply) {
	d.t.Helper()
	if path == "/openapi.json" || strings.HasPrefix(path, "/docs") || res.StatusCode == http.StatusMethodNotAllowed || res.StatusCode == http.StatusNotFound && strings.Contains(res.body, "no such address") {
		return
	}
	c := d.contract()
	pattern := d.patternOf(method, path)
	if pattern == "" {
		return
	}
	place := []string{"paths", api.Prefix + pattern, strings.ToLower(method), "responses"}
	if res.StatusCode >= 400 {
		d.fits(c.schema(d.t, "components", "schemas", "Problem"), res, method+" "+pattern)
		return
	}
	said, ok := c.at(append(place, fmt.Sprint(res.StatusCode))...).(map[string]any)
	if !ok {
		d.t.Errorf("%s %s answers %d, which the document does not know", method, pattern, res.StatusCode)
		return
	}
	content, _ := said["content"].(map[string]any)
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if _, ok := content[kind]; !ok && len(content)+len(res.body) > 0 {
		d.t.Errorf("%s %s answers with %q, the document says %v", method, pattern, kind, content)
		return
	}
	if kind == "application/json" {
		d.fits(c.schema(d.t, append(place, fmt.Sprint(res.StatusCode), "content", kind, "schema")...), res, method+" "+pattern)
	}
}

func (d *desk) fits(s *jsonschema.Schema, res reply, what string) {
	d.t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(res.body))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		d.t.Errorf("%s answers %d and breaks its schema: %v\n%.600s", what, res.StatusCode, err, res.body)
	}
}

// patternOf is the operation's path for an address.
func (d *desk) patternOf(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	req, err := http.NewRequestWithContext(d.t.Context(), method, "http://x"+path, nil)
	if err != nil {
		return ""
	}
	_, pattern := d.contract().addresses.Handler(req)
	_, pattern, _ = strings.Cut(pattern, " ")
	return pattern
}

func TestAPISpecIsValid(t *testing.T) {
	d := newDesk(t)
	res := d.call("", "GET", "/openapi.json", "")
	doc, err := openapi3.NewLoader().LoadFromData([]byte(res.body))
	d.must(err)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %q", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableSchemaFormatValidation(), openapi3.EnableExamplesValidation()); err != nil {
		t.Errorf("the document is not valid: %.2000s", err)
	}
	for _, name := range dunning.CommandNames() {
		for _, on := range []string{"/cases/{case}", "/accounts/{account}"} {
			item := doc.Paths.Find(api.Prefix + on + "/commands/" + name)
			if item == nil || item.Post == nil || item.Post.RequestBody == nil {
				t.Errorf("%s/commands/%s is not described", on, name)
			}
		}
	}
}

// TestAPIExamplesFit holds every example of the document against the schema beside it.
func TestAPIExamplesFit(t *testing.T) {
	d := newDesk(t)
	c := d.contract()
	n := 0
	var walk func(v any, path []string)
	walk = func(v any, path []string) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if example, ok := m["example"]; ok && m["schema"] != nil {
			n++
			if err := c.schema(t, append(path, "schema")...).Validate(example); err != nil {
				b, _ := json.Marshal(example)
				t.Errorf("%s: %v\n%s", strings.Join(path, " "), err, b)
			}
		}
		for name, x := range m {
			walk(x, append(path[:len(path):len(path)], name))
		}
	}
	for _, part := range []string{"paths", "webhooks", "components"} {
		walk(c.doc[part], []string{part})
	}
	if n < 150 {
		t.Errorf("only %d examples", n)
	}
}

// TestAPIDocsAreReadable: the page names every operation, and loads nothing from elsewhere.
func TestAPIDocsAreReadable(t *testing.T) {
	d := newDesk(t)
	res := d.call("", "GET", "/docs", "")
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("status %d, %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	for _, op := range d.console.api.Operations() {
		if !strings.Contains(res.body, `id="`+op.ID+`"`) {
			t.Errorf("%s is not there", op.ID)
		}
	}
	for _, foreign := range []string{"<script", "src=\"http", "url(http", "@import", "style=\""} {
		if strings.Contains(res.body, foreign) {
			t.Errorf("the page has %s", foreign)
		}
	}
	css := d.call("", "GET", "/docs.css", "")
	if css.StatusCode != 200 || !strings.HasPrefix(css.Header.Get("Content-Type"), "text/css") {
		t.Errorf("its style: %d", css.StatusCode)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
