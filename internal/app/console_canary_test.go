package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/web/api"
)

// keys are handed out one after the other, so that no test is slowed down by the rate of
// one key.
type keyring struct {
	d        *desk
	used     int
	one, all string
}

// next is a key of one creditor, or, for what is over the installation, of all.
func (k *keyring) next(op api.Operation) string {
	if k.used%90 == 0 {
		k.one, k.all = k.d.key("demo", everyScope()...), k.d.key("*", everyScope()...)
	}
	if k.used++; op.Need.Everywhere() {
		return k.all
	}
	return k.one
}

// placeOf fills an operation's path: real ids where there are, else what is given.
func (d *desk) placeOf(op api.Operation, other string) string {
	return strings.NewReplacer("{case}", d.ref.Case, "{account}", d.acc.id, "{debtor}", d.acc.debtor, "{id}", other, "{user}", other, "{version}", other, "{batch}", other,
		"{channel}", "email", "{name}", other, "{n}", "1", "{delivery}", "1", "{key}", other).Replace(op.Path)
}

// exampleOf is the example of an operation's body in the document, nil without one.
func (d *desk) exampleOf(op api.Operation) any {
	content, _ := d.contract().at("paths", api.Prefix+op.Path, strings.ToLower(op.Method), "requestBody", "content", "application/json").(map[string]any)
	return content["example"]
}

// membersOf are the members that an operation's body may have.
func (d *desk) membersOf(op api.Operation) []string {
	schema, _ := d.contract().at("paths", api.Prefix+op.Path, strings.ToLower(op.Method), "requestBody", "content", "application/json", "schema", "properties").(map[string]any)
	return slices.Sorted(maps.Keys(schema))
}

// mutants are copies of a JSON value in each of which one place is replaced, or has a
// member that is not known.
func mutants(v any, with any) (out []any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			for _, m := range mutants(v[name], with) {
				c := maps.Clone(v)
				c[name] = m
				out = append(out, c)
			}
		}
		c := maps.Clone(v)
		c[fmt.Sprint(with)] = with
		out = append(out, c)
	case []any:
		for i := range v {
			for _, m := range mutants(v[i], with) {
				c := slices.Clone(v)
				c[i] = m
				out = append(out, c)
			}
		}
	}
	return append(out, with)
}

// TestAPINoFaultRepeatsWhatWasSent puts a canary into every field, member's name, parameter
// and path of every operation: no problem sings.
func TestAPINoFaultRepeatsWhatWasSent(t *testing.T) {
	d := newDesk(t)
	ring := &keyring{d: d}
	const canary = "canaryada"
	faults := 0
	check := func(op api.Operation, what, path, body string, header ...string) {
		res := d.call(ring.next(op), op.Method, path, body, header...)
		if res.StatusCode >= 500 {
			t.Errorf("%s, %s: %d %s\nsent %.300s", op.ID, what, res.StatusCode, res.body, body)
		}
		if res.StatusCode < 400 {
			return
		}
		if faults++; strings.Contains(strings.ToLower(res.body), canary) {
			t.Errorf("%s, %s: %s\nsent %.300s", op.ID, what, res.body, body)
		}
		for name, values := range res.Header {
			if strings.Contains(strings.ToLower(strings.Join(values, " ")), canary) {
				t.Errorf("%s, %s: header %s: %v", op.ID, what, name, values)
			}
		}
	}
	for _, op := range d.console.api.Operations() {
		check(op, "path", d.placeOf(op, canary), "{}")
		for _, p := range op.Query {
			check(op, "query "+p.Name, d.placeOf(op, uuid.NewString())+"?"+p.Name+"="+canary, "{}")
		}
		check(op, "unknown parameter", d.placeOf(op, uuid.NewString())+"?"+canary+"="+canary, "{}")
		check(op, "idempotency key", d.placeOf(op, uuid.NewString()), `{"`+canary+`":1}`, "Idempotency-Key", canary+uuid.NewString()+strings.Repeat("x", 300))
		if op.Method == http.MethodGet {
			continue
		}
		if strings.HasSuffix(op.ID, "_on_account") {
			continue // the same bodies as on a case
		}
		all := mutants(d.exampleOf(op), canary)
		for _, name := range d.membersOf(op) {
			all = append(all, map[string]any{name: canary})
			if len(all)%4 == 0 { // one of four is enough for what only the schema sees
				all = append(all, map[string]any{name: []any{canary}}, map[string]any{name: map[string]any{canary: canary}})
			}
		}
		for i, m := range all {
			b, err := json.Marshal(m)
			d.must(err)
			check(op, fmt.Sprint("body ", i), d.placeOf(op, uuid.NewString()), string(b))
		}
	}
	if faults < 500 {
		t.Errorf("only %d faults were seen", faults)
	}
}

// nasty are bodies that no operation wants.
var nasty = map[string]string{
	"nothing":                 "",
	"half of an object":       `{"a":`,
	"an array":                `[]`,
	"null":                    `null`,
	"a number":                `7`,
	"not a number":            `{"amount":NaN}`,
	"infinity":                `{"amount":Infinity}`,
	"a huge exponent":         `{"id":1e999999999}`,
	"a huge number":           `{"id":` + strings.Repeat("9", 5000) + `}`,
	"deep arrays":             strings.Repeat("[", 100000),
	"deep objects":            strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000),
	"the same member twice":   `{"id":"a","id":"b"}`,
	"not UTF-8":               "{\"id\":\"\xff\xfe\"}",
	"a NUL":                   `{"id":"a\u0000b","text":"a\u0000b","words":"\u0000"}`,
	"half a surrogate":        `{"text":"\ud800"}`,
	"a byte order mark":       "\ufeff{}",
	"two values":              `{} {}`,
	"a comment":               `{/* x */}`,
	"a very long name":        `{"` + strings.Repeat("x", 100000) + `":1}`,
	"numbers for everything":  `{"id":-1,"amount":-1,"text":-1,"due":-1,"rows":-1,"files":-1,"url":-1,"cases":-1}`,
	"far years":               `{"id":"x","due":"9999-12-31","until":"9999-12-31T23:59:59Z","first":"0001-01-01","at":"0001-01-01T00:00:00Z"}`,
	"amounts without measure": `{"id":"x","amount":{"amount":"999999999999999.9999","currency":"XXX"},"due":"2026-03-05"}`,
}

// TestAPINothingBreaksIt sends every operation what it cannot read: 4xx, never 5xx, and
// never a body that is read in two ways.
func TestAPINothingBreaksIt(t *testing.T) {
	d := newDesk(t)
	ring := &keyring{d: d}
	odd := []string{"%00", "%ff", "..%2f..%2fetc%2fpasswd", "%e2%80%ae", strings.Repeat("9", 200), "-1", "%27%3B--", "1e9"}
	names := slices.Sorted(maps.Keys(nasty))
	for i, op := range d.console.api.Operations() {
		if strings.HasSuffix(op.ID, "_on_account") {
			continue // the same bodies as on a case
		}
		for _, v := range odd[i%2 : i%2+2] {
			if res := d.call(ring.next(op), op.Method, d.placeOf(op, v), "{}"); res.StatusCode >= 500 {
				t.Errorf("%s with %s in its path: %d %s", op.ID, v, res.StatusCode, res.body)
			}
		}
		for _, p := range op.Query {
			for _, v := range odd[i%3 : i%3+3] {
				if res := d.call(ring.next(op), op.Method, d.placeOf(op, uuid.NewString())+"?"+p.Name+"="+v, "{}"); res.StatusCode >= 500 {
					t.Errorf("%s with %s=%s: %d %s", op.ID, p.Name, v, res.StatusCode, res.body)
				}
			}
		}
		if op.Method == http.MethodGet || op.Body == nil && op.Raw == "" {
			continue
		}
		for j, name := range names {
			if body := nasty[name]; (i+j)%3 != 0 && len(body) < 1000 {
				continue // every body meets a third of the operations; the fuzz target all
			}
			body := nasty[name]
			res := d.call(ring.next(op), op.Method, d.placeOf(op, uuid.NewString()), body)
			if res.StatusCode >= 500 {
				t.Errorf("%s with %s: %d %s", op.ID, name, res.StatusCode, res.body)
			}
			if strings.Contains("the same member twice not UTF-8 two values half of an object", name) && op.Raw == "" && res.StatusCode != 400 && res.StatusCode != 404 {
				t.Errorf("%s reads %s: %d %s", op.ID, name, res.StatusCode, res.body)
			}
		}
	}
}

func TestAPIContentTypes(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	path := "/cases/" + d.ref.Case + "/commands/write_note"
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"no type is JSON":                       {nil, 200},
		"JSON":                                  {[]string{"Content-Type", "application/json"}, 200},
		"JSON in UTF-8":                         {[]string{"Content-Type", "application/json; charset=UTF-8"}, 200},
		"a kind of JSON":                        {[]string{"Content-Type", "application/vnd.erp+json"}, 200},
		"what curl calls a body":                {[]string{"Content-Type", "application/x-www-form-urlencoded"}, 200},
		"JSON in another coding":                {[]string{"Content-Type", "application/json; charset=iso-8859-1"}, 415},
		"XML":                                   {[]string{"Content-Type", "application/xml"}, 415},
		"a form of many parts":                  {[]string{"Content-Type", "multipart/form-data; boundary=x"}, 415},
		"what is no type":                       {[]string{"Content-Type", ";;;"}, 415},
		"a compressed body":                     {[]string{"Content-Encoding", "gzip"}, 415},
		"a body that says it is not compressed": {[]string{"Content-Encoding", "identity"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			if res := d.call(key, "POST", path, `{"text":"x"}`, c.header...); res.StatusCode != c.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, c.status, res.body)
			}
		})
	}
}

// TestAPIPaging: what comes meanwhile is neither doubled nor lost, and a cursor is good for
// one list, one filter and one key, unchanged.
func TestAPIPaging(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	for i := range 7 {
		d.call(key, "POST", "/cases/"+d.ref.Case+"/commands/write_note", fmt.Sprintf(`{"text":"note %d"}`, i))
	}
	type page struct {
		Rows []struct {
			Version int64
			Seq     int64
		}
		Next string
	}
	list := "/cases/" + d.ref.Case + "/timeline?limit=3"
	seen, after := map[string]int{}, ""
	for n := 0; n == 0 || after != ""; n++ {
		if n > 20 {
			t.Fatal("the list does not end")
		}
		var p page
		d.call(key, "GET", list+"&after="+url.QueryEscape(after), "").into(t, &p)
		for _, r := range p.Rows {
			seen[fmt.Sprint(r.Version, "/", r.Seq)]++
		}
		if after = p.Next; n == 0 {
			d.call(key, "POST", "/cases/"+d.ref.Case+"/commands/write_note", `{"text":"meanwhile"}`)
		}
	}
	for row, n := range seen {
		if n != 1 {
			t.Errorf("row %s is there %d times", row, n)
		}
	}
	if len(seen) < 8 {
		t.Errorf("%d rows, want all eight or more", len(seen))
	}
	var first page
	d.call(key, "GET", list, "").into(t, &first)
	good := url.QueryEscape(first.Next)
	for name, c := range map[string]struct {
		key, path string
		status    int
	}{
		"as it was given":         {key, list + "&after=" + good, 200},
		"with another size":       {key, strings.Replace(list, "limit=3", "limit=2", 1) + "&after=" + good, 200},
		"with one letter changed": {key, list + "&after=" + url.QueryEscape(flip(first.Next)), 400},
		"without its end":         {key, list + "&after=" + url.QueryEscape(first.Next[:len(first.Next)-1]), 400},
		"made up":                 {key, list + "&after=eyJvIjoidGltZWxpbmUiLCJ2IjpbIjEiXX0", 400},
		"with another filter":     {key, list + "&group=" + "note" + "&after=" + good, 400},
		"for another list":        {key, "/cases/" + d.ref.Case + "/decisions?after=" + good, 400},
		"by another key":          {d.key("demo", everyScope()...), list + "&after=" + good, 400},
	} {
		t.Run(name, func(t *testing.T) {
			res := d.call(c.key, "GET", c.path, "")
			if res.StatusCode != c.status && !(c.status == 400 && res.StatusCode == 422 && strings.Contains(name, "filter")) {
				t.Errorf("status %d, want %d: %s", res.StatusCode, c.status, res.body)
			}
			if c.status == 400 && res.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("type %q", res.Header.Get("Content-Type"))
			}
		})
	}
}

// flip changes the first letter.
func flip(s string) string {
	if s[0] == 'f' {
		return "e" + s[1:]
	}
	return "f" + s[1:]
}

// TestAPIListsArePaged: every operation that answers a list of rows takes a limit and a
// cursor, but for those that are short by nature.
func TestAPIListsArePaged(t *testing.T) {
	d := newDesk(t)
	short := map[string]string{
		"search": "the best fifty", "getLights": "one for each channel", "listChanges": "files of a release", "listFrequent": "the top of a ranking",
		"countFindings": "one for each week", "getAgeing": "one for each creditor and currency", "getSteps": "one for each step", "getRecovery": "one for each month",
		"listSweeps":   "the last few",
		"listGoneBack": "the last few", "getSample": "as many as were drawn", "verifySample": "as many as were drawn", "exportSample": "as many as were drawn",
	}
	for _, op := range d.console.api.Operations() {
		schema, _ := d.contract().at("paths", api.Prefix+op.Path, strings.ToLower(op.Method), "responses", "200", "content", "application/json", "schema").(map[string]any)
		props, _ := schema["properties"].(map[string]any)
		_, rows := props["rows"]
		isArray := strings.Contains(fmt.Sprint(schema["type"]), "array")
		has := slices.ContainsFunc(op.Query, func(p api.Param) bool { return p.Name == "after" })
		if (rows || isArray) && !has && short[op.ID] == "" && op.Method == http.MethodGet && op.ID != "getFrequency" {
			t.Errorf("%s answers a list that has no pages", op.ID)
		}
	}
}

// TestAPIRates: who calls too often hears when to come back, and before that how much is left.
func TestAPIRates(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	res := d.call(key, "GET", "/me", "")
	if res.Header.Get("RateLimit-Limit") != "100" || res.Header.Get("RateLimit-Remaining") != "99" || res.Header.Get("RateLimit-Policy") != "100;w=2" {
		t.Errorf("after one call: %v", res.Header)
	}
	if res = d.hurry(key); res.StatusCode != http.StatusTooManyRequests {
		t.Fatal("thousands of calls side by side were not too many")
	}
	if res.Header.Get("Retry-After") == "" || res.Header.Get("RateLimit-Remaining") != "0" {
		t.Errorf("refused with %v", res.Header)
	}
}

// hurry calls side by side until a call is refused as one too many: one after the other,
// a busy machine is slower than the rate of a key.
func (d *desk) hurry(key string) reply {
	d.t.Helper()
	var once sync.Once
	var refused reply
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 16 {
		wg.Go(func() {
			for range 500 {
				select {
				case <-done:
					return
				default:
				}
				req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.srv.URL+api.Prefix+"/me", nil)
				if err != nil {
					return
				}
				req.Header.Set("Authorization", "Bearer "+key)
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					continue
				}
				_ = res.Body.Close()
				if res.StatusCode == http.StatusTooManyRequests {
					once.Do(func() { refused = reply{Response: res}; close(done) })
				}
			}
		})
	}
	wg.Wait()
	if refused.Response == nil {
		return reply{Response: &http.Response{}}
	}
	return refused
}
