package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// TestConsoleOfARestoredDatabase: every page says it once, two say what to do, and who may
// operate everything says that it is put right.
func TestConsoleOfARestoredDatabase(t *testing.T) {
	d := newDesk(t)
	ops := d.person(everywhere(identity.Operations))
	d.shows(ops.token, "/health", "No kill switch is on")
	if page := d.shows(ops.token, "/switches"); strings.Contains(page, "restored") {
		t.Error("the page speaks of a restore though there was none")
	}
	r := d.console.restoration()
	d.must(r.Declare(t.Context(), d.clock.time().Add(-time.Hour), "user:test", "the machine was set back"))
	page := d.shows(ops.token, "/switches", "the machine was set back", "duly restore reconcile", "The providers were not asked yet", "although the providers were not asked")
	if n := strings.Count(page, "Nothing is sent by"); n != 1 {
		t.Errorf("one thing is said in %d banners", n)
	}
	d.shows(ops.token, "/cases", "Nothing is sent by email and letter and sms")
	d.shows(ops.token, "/health", "The database was restored or taken over", "What to do")

	monitor := d.key("*", identity.Monitor)
	var s read.Restored
	d.call(monitor, "GET", "/restores", "").into(t, &s)
	if !s.Open || len(s.Restores) != 1 || s.Restores[0].Noticed != "person" || s.Restores[0].State != read.RestoreNoticed || len(s.Off) != 3 {
		t.Errorf("the API says %+v", s)
	}
	d.endings(ops, monitor)
	audit, err := d.store.AuditOf(t.Context(), "restore/1", 9)
	if err != nil || len(audit) != 2 || audit[0].Action != "restore_done" || audit[0].By != "user:"+ops.id || audit[0].Detail["reason"] != "all is in" {
		t.Errorf("audit %+v, %v", audit, err)
	}
	if s, err = r.Status(t.Context()); err != nil || s.Open || len(s.Off) != 3 {
		t.Errorf("after the end %+v, %v: it lifts nothing", s, err)
	}
}

// endings tries to end the restore, in the console and by keys.
func (d *desk) endings(ops person, monitor string) {
	d.t.Helper()
	one := d.person(identity.Grant{Creditor: "demo", Role: identity.Operations})
	for _, c := range []struct {
		about string
		token string
		form  []string
		want  int
	}{
		{"who operates one creditor only", one.token, []string{"reason", "x"}, http.StatusForbidden},
		{"without a word", ops.token, nil, http.StatusUnprocessableEntity},
		{"before the providers were asked", ops.token, []string{"reason", "x"}, http.StatusConflict},
	} {
		if res := d.send(c.token, "/switches/restored", c.form...); res.StatusCode != c.want {
			d.t.Errorf("%s: status %d, want %d", c.about, res.StatusCode, c.want)
		}
	}
	for _, c := range []struct {
		about, key, body string
		want             int
	}{
		{"a key that may only look", monitor, `{"reason":"x"}`, http.StatusForbidden},
		{"a key of one creditor", d.key("demo", identity.Operate), `{"reason":"x"}`, http.StatusForbidden},
		{"without a reason", d.key("*", identity.Operate), `{}`, http.StatusUnprocessableEntity},
		{"before the providers were asked", d.key("*", identity.Operate), `{"reason":"x"}`, http.StatusConflict},
	} {
		if res := d.call(c.key, "POST", "/restores/done", c.body); res.StatusCode != c.want {
			d.t.Errorf("%s: status %d, want %d: %s", c.about, res.StatusCode, c.want, res.body)
		}
	}
	if res := d.send(ops.token, "/switches/restored", "reason", "all is in", "anyway", "yes"); res.StatusCode != http.StatusSeeOther {
		d.t.Errorf("status %d: %.300s", res.StatusCode, res.body)
	}
	if res := d.call(d.key("*", identity.Operate), "POST", "/restores/done", `{"reason":"again"}`); res.StatusCode != http.StatusConflict {
		d.t.Errorf("ended twice: status %d", res.StatusCode)
	}
}
