package app

import (
	"archive/zip"
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/api"
)

// TestRoutesForPrograms: a route answers a program within its rights, says what a person
// would be told, and shows no page.
func TestRoutesForPrograms(t *testing.T) {
	d := newDesk(t)
	who := func(creditor string, scopes ...identity.Permission) identity.Principal {
		return identity.Principal{By: "key:k", Name: "k", Creditor: creditor, Scopes: scopes, Owner: "user:x"}
	}
	for name, c := range map[string]struct {
		who            identity.Principal
		method, target string
		status         int // of the error; 0: none
		says           string
	}{
		"a list as a file":                      {who("demo", identity.View, identity.Export), "GET", "/cases?format=csv", 0, "C-1"},
		"of another creditor's cases: no rows":  {who("demo-de", identity.View, identity.Export), "GET", "/cases?format=csv", 0, "case,customer"},
		"without the right of the page":         {who("demo", identity.Export), "GET", "/cases?format=csv", 403, ""},
		"by nobody":                             {identity.Principal{}, "GET", "/cases?format=csv", 403, ""},
		"a case's evidence":                     {who("demo", identity.Export), "GET", "/cases/" + d.ref.Case + "/evidence", 0, "PK"},
		"another creditor's":                    {who("demo-de", identity.Export), "GET", "/cases/" + d.ref.Case + "/evidence", 404, ""},
		"a route that is not there":             {who("*", identity.View), "GET", "/nothing/here", 404, ""},
		"a target that is no address":           {who("*", identity.View), "GET", "/%zz", 404, ""},
		"undoing what was never done":           {who("demo", identity.Operate), "POST", "/cases/bulk/undo/" + uuid.NewString(), 404, ""},
		"a file of an import that is not there": {who("demo", identity.Monitor), "GET", "/imports/" + uuid.NewString() + "?format=csv", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := d.console.Web().Call(t.Context(), c.who, c.method, c.target, url.Values{})
			status := 0
			if err != nil {
				status = web.AsError(err).Status
			}
			if status != c.status || err == nil && !bytes.Contains(a.Body, []byte(c.says)) {
				t.Errorf("error %v (%d, want %d), body %.200q", err, status, c.status, a.Body)
			}
			if strings.Contains(name, "no rows") && bytes.Contains(a.Body, []byte("C-1")) {
				t.Errorf("it shows a row: %s", a.Body)
			}
		})
	}
}

// TestAPIBulk: preview, run, undo, by the console's own page.
func TestAPIBulk(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	var p struct {
		Count int
		Cases []string
	}
	d.call(key, "POST", "/bulk/preview?status=open", "").into(t, &p)
	if p.Count != 1 || len(p.Cases) != 1 || p.Cases[0] != d.ref.Case {
		t.Fatalf("preview: %+v", p)
	}
	order := `{"action":"hold","cases":["` + d.ref.Case + `"],"count":1,"until":"2026-03-20"}`
	var done struct{ Said, Batch string }
	res := d.call(key, "POST", "/bulk", order, "Idempotency-Key", "b-1")
	res.into(t, &done)
	if res.StatusCode != 200 || !strings.Contains(done.Said, "1 case is done") {
		t.Fatalf("bulk: %d %s", res.StatusCode, res.body)
	}
	if again := d.call(key, "POST", "/bulk", order, "Idempotency-Key", "b-1"); again.body != res.body {
		t.Errorf("the same order again: %s", again.body)
	}
	for body, status := range map[string]int{
		`{"action":"hold","cases":["` + d.ref.Case + `"],"count":7,"until":"2026-03-20"}`: 422, // did not look
		`{"action":"burn","cases":["` + d.ref.Case + `"],"count":1}`:                      422,
		`{"action":"hold","cases":["` + d.ref.Case + `"],"count":1,"until":"2020-01-01"}`: 422,
		`{"action":"note","cases":["nothing"],"count":1,"text":"x"}`:                      422,
		`{"action":"note","cases":[],"count":0,"text":"x"}`:                               422,
	} {
		if res := d.call(key, "POST", "/bulk", body); res.StatusCode != status {
			t.Errorf("%s: %d %s", body, res.StatusCode, res.body)
		}
	}
	if res := d.call(key, "POST", "/bulk/"+done.Batch+"/undo", ""); res.StatusCode != 200 || !strings.Contains(res.body, `"said":"1 `) {
		t.Errorf("undo: %d %s", res.StatusCode, res.body)
	}
	if res := d.call(key, "POST", "/bulk/"+done.Batch+"/undo", ""); res.StatusCode != http.StatusConflict && res.StatusCode != http.StatusNotFound {
		t.Errorf("undo again: %d", res.StatusCode)
	}
}

// TestAPIEvidence: the file is a ZIP with the manifest, and the audit has its digest.
func TestAPIEvidence(t *testing.T) {
	d := newDesk(t)
	res := d.call(d.key("demo", identity.Export), "GET", "/cases/"+d.ref.Case+"/evidence", "")
	z, err := zip.NewReader(strings.NewReader(res.body), int64(len(res.body)))
	if err != nil || len(z.File) < 4 {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
	all, err := d.store.AuditOf(t.Context(), d.ref.Case, 10)
	d.must(err)
	if len(all) == 0 || all[0].Action != "export.evidence" || all[0].Detail["manifest_sha256"] == "" || !strings.HasPrefix(all[0].By, "key:") {
		t.Errorf("the audit: %+v", all)
	}
}

// BenchmarkAPIReads measures what stands around the store's answers: door, checks,
// writing, the record of the look.
func BenchmarkAPIReads(b *testing.B) {
	d := newDesk(b)
	ring := &keyring{d: d}
	ops := map[string]string{"list": "/cases", "case": "/cases/" + d.ref.Case, "work": "/work", "search": "/search?q=Ada"}
	for _, name := range slices.Sorted(maps.Keys(ops)) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				key := ring.next(api.Operation{})
				began := time.Now()
				if res := d.call(key, "GET", ops[name], ""); res.StatusCode != http.StatusOK {
					b.Fatalf("%s: %d", name, res.StatusCode)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[(len(took)-1)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
