package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// Programs read findings, sweeps and the chain, and step findings, each with its scope and
// over its creditor only.
func TestIntegrityByTheAPI(t *testing.T) {
	d := newDesk(t)
	at := d.clock.time()
	id, opened, err := d.store.OpenFinding(t.Context(), read.NewFinding{
		Key: "contact/x/outside", Source: read.BySweep, Kind: read.Violation, Title: "Duly let it leave against a rule", Creditor: "demo", Contact: "x", Rules: []string{"HOUSE-CAP"},
		At: at.Add(-time.Hour), Opened: at, By: "system",
	})
	if err != nil || !opened {
		t.Fatal(opened, err)
	}
	d.must(d.store.BeginSweep(t.Context(), read.SweepRow{ID: "99999999-9999-4999-8999-999999999999", Kind: read.FullSweep, By: "system", At: at, Began: at}))
	one := "/findings/" + id
	reviews, mends, foreign, audits := d.key("demo", identity.Review), d.key("demo", identity.Findings), d.key("demo-de", identity.Review, identity.Findings), d.key("*", identity.Audit)
	for _, c := range []struct {
		why, key, method, path, body string
		status                       int
		says                         string
	}{
		{"findings are listed", reviews, "GET", "/findings?status=open&kind=violation&rule=HOUSE-CAP", "", 200, id},
		{"none is fixed", reviews, "GET", "/findings?status=fixed", "", 200, `"rows":[]`},
		{"a kind that is none", reviews, "GET", "/findings?kind=x", "", 422, "must be one of violation, near_miss"},
		{"another creditor's are not listed", foreign, "GET", "/findings", "", 200, `"rows":[]`},
		{"another creditor's is not there", foreign, "GET", one, "", 404, ""},
		{"another creditor's is not stepped", foreign, "POST", one, `{"words": "x"}`, 404, ""},
		{"weeks", reviews, "GET", "/findings/weeks", "", 200, `"violations":1`},
		{"sweeps", reviews, "GET", "/sweeps", "", 200, "99999999-9999-4999-8999-999999999999"},
		{"one with its history", reviews, "GET", one, "", 200, `"history":[{`},
		{"who reviews does not mend", reviews, "POST", one, `{"status": "fixed", "words": "x"}`, 403, "findings"},
		{"closed without words", mends, "POST", one, `{"status": "fixed"}`, 422, "words"},
		{"a day that is none", mends, "POST", one, `{"due": "soon"}`, 422, "/due"},
		{"an owner and a day", mends, "POST", one, `{"owner": "user:7", "due": "2026-04-01"}`, 200, `"due":"2026-04-01"`},
		{"fixed", mends, "POST", one, `{"status": "fixed", "words": "The window was set right."}`, 200, `"status":"fixed"`},
		{"opened again, without the day", mends, "POST", one, `{"status": "open", "words": "Again.", "due": ""}`, 200, "Again."},
		{"the chain, for who has the audit", audits, "GET", "/integrity", "", 200, `"checks":[]`},
		{"not for others", reviews, "GET", "/integrity", "", 403, "audit"},
		{"verified", audits, "POST", "/integrity/verify", "", 200, `"rows":`},
		{"the check is kept", audits, "GET", "/integrity", "", 200, `"checks":[{`},
	} {
		res := d.call(c.key, c.method, c.path, c.body)
		if res.StatusCode != c.status || !strings.Contains(strings.ReplaceAll(res.body, `": `, `":`), c.says) {
			t.Errorf("%s: status %d, want %d %q\n%.500s", c.why, res.StatusCode, c.status, c.says, res.body)
		}
	}
	if _, err := d.store.Verifying(t.Context(), func() error {
		if res := d.call(audits, http.MethodPost, "/integrity/verify", ""); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "under way") {
			t.Errorf("verified twice at once: %d %s", res.StatusCode, res.body)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, history, err := d.store.Finding(t.Context(), read.Everything(), id)
	d.must(err)
	if len(history) != 4 || history[2].Owner != "user:7" || !history[3].Due.IsZero() || !strings.HasPrefix(history[1].By, "key:") {
		t.Errorf("%+v", history)
	}
	rows, err := d.store.AuditLog(t.Context(), read.Everything(), read.AuditFilter{Action: "finding.step", Subject: id}, read.Page{})
	d.must(err)
	if len(rows.Rows) != 3 || rows.Rows[1].Detail["before"] != "open, owner user:7, due 2026-04-01" || rows.Rows[1].Detail["reason"] != "The window was set right." {
		t.Errorf("the audit: %+v", rows.Rows)
	}
	if res := d.call(audits, http.MethodGet, "/openapi.json", ""); !strings.Contains(res.body, "/findings/{finding}") {
		t.Error("the description lacks findings")
	}
}
