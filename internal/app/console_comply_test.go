package app

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/evidence"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/workflows"
)

// lived is a desk whose case was lived through to its end: paid after 20 days.
func lived(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	e := d.environment()
	var paid error
	e.RegisterDelayedCallback(func() {
		_, paid = d.commands().Do(context.Background(), d.ref.Case, dunning.RecordPayment{ID: "p", Amount: money.MustParse("120.00", "USD")}, "import")
		e.SignalWorkflow(workflows.Nudge.Name, workflows.Nudged{})
	}, 20*24*time.Hour)
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: d.ref.Case})
	if err := e.GetWorkflowError(); err != nil || paid != nil {
		t.Fatalf("workflow: %v, payment: %v", err, paid)
	}
	now := d.clock.time()
	d.clock.follow(nil)
	d.clock.set(now)
	return d
}

func everywhere(role identity.Role) identity.Grant {
	return identity.Grant{Creditor: identity.AllCreditors, Role: role}
}

// shows asks for a page and wants words on it.
func (d *desk) shows(token, path string, words ...string) string {
	d.t.Helper()
	res := d.open(token, "GET", path)
	if res.StatusCode != http.StatusOK {
		d.t.Errorf("GET %s: status %d\n%.600s", path, res.StatusCode, res.body)
	}
	for _, w := range words {
		if !strings.Contains(res.body, w) {
			d.t.Errorf("GET %s does not say %q", path, w)
		}
	}
	return res.body
}

// asked is the first decision over a send that asked the contact policies.
func (d *desk) asked() dunning.StoredDecision {
	d.t.Helper()
	all, err := d.store.Decisions(d.t.Context(), d.ref.Case)
	d.must(err)
	for _, x := range all {
		if len(x.Decision.Checks) > 0 && x.Decision.Contact != nil {
			return x
		}
	}
	d.t.Fatal("no decision asked the contact policies")
	return dunning.StoredDecision{}
}

// compliance pages over one lived case.
func TestComplianceConsole(t *testing.T) {
	d := lived(t)
	token, foreign := d.as(everywhere(identity.Compliance)), d.as(identity.Grant{Creditor: "demo-de", Role: identity.Compliance})
	t.Run("decisions", func(t *testing.T) { d.on(t).decisionPages(token, foreign) })
	t.Run("frequency", func(t *testing.T) { d.on(t).frequencyPages(token, foreign) })
	t.Run("consents", func(t *testing.T) { d.on(t).consentPages(token, foreign) })
	t.Run("policy", func(t *testing.T) {
		d := d.on(t)
		d.shows(token, "/policy", "policies/house.yaml:", "HOUSE-CAP", "12 CFR")
		if page := d.shows(token, "/policy?place=DE&kind=law", "policies/de.yaml:"); strings.Contains(page, "policies/house.yaml:") {
			t.Error("the filter keeps other packs")
		}
		d.shows(token, "/policy?q=HOUSE-CAP&format=csv", "policies/house.yaml", "At most")
		d.shows(token, "/policy?q=no+such+rule", "No rule matches")
	})
	t.Run("audit", func(t *testing.T) { d.on(t).auditPages(token, foreign) })
	t.Run("violations", func(t *testing.T) { d.on(t).violationPages(token, foreign) })
	t.Run("integrity", func(t *testing.T) { d.on(t).integrityPages(token) })
	t.Run("evidence", func(t *testing.T) { d.on(t).evidencePack(token, foreign) })
	t.Run("evidence while facts come in", func(t *testing.T) { d.on(t).evidenceWhileWritten(token) })
	t.Run("names are text", func(t *testing.T) { d.on(t).hostileName(token) })
}

// on is the desk for a subtest.
func (d *desk) on(t *testing.T) *desk {
	s, copied := *d.site, *d
	s.t, copied.site = t, &s
	return &copied
}

func (d *desk) decisionPages(token, foreign string) {
	x := d.asked()
	d.shows(token, "/decisions", x.ID, "allowed")
	d.shows(token, "/decisions?case="+d.ref.Case+"&verb=send", x.ID)
	if strings.Contains(d.shows(token, "/decisions?kept=yes"), x.ID) {
		d.t.Error("a decision that allowed is listed among those kept back")
	}
	d.shows(token, "/decisions?format=csv", x.ID, "debtor version")
	d.shows(token, "/decisions/"+x.ID, "In plain words", "America/New_York", "HOUSE-CAP", x.Decision.Versions.Release, x.Policies)
	d.shows(token, "/decisions/"+x.ID+"/again", "The same facts and the same rules give the same decision")
	all, err := d.store.Decisions(d.t.Context(), d.ref.Case)
	d.must(err)
	for _, y := range all { // every kind of decision has a page
		d.shows(token, "/decisions/"+y.ID+"/again", y.ID)
	}
	if strings.Contains(d.shows(foreign, "/decisions"), x.ID) {
		d.t.Error("another creditor's compliance sees the decision")
	}
	if res := d.open(foreign, "GET", "/decisions/"+x.ID); res.StatusCode != http.StatusNotFound {
		d.t.Errorf("another creditor's compliance: status %d", res.StatusCode)
	}
}

// swept sweeps the ledger as somebody and returns the page afterwards.
func (d *desk) swept(token string) string {
	d.t.Helper()
	if res := d.open(token, "POST", "/violations/sweep"); res.StatusCode != http.StatusSeeOther {
		d.t.Fatalf("sweep: status %d %s", res.StatusCode, res.body)
	}
	page := ""
	until(d.t, "the sweep ends", func() bool {
		page = d.shows(token, "/violations")
		return strings.Contains(page, "Judged again") && !strings.Contains(page, "A sweep is under way")
	})
	return page
}

func (d *desk) violationPages(token, foreign string) {
	d.shows(token, "/violations", "Not swept yet", "Week of ", "none judged")
	if page := d.swept(token); !strings.Contains(page, "complete, nothing found") || !strings.Contains(page, "over 1 debtor") || !strings.Contains(page, "1 judged") {
		d.t.Errorf("the sweep of a lawful life:\n%s", page)
	}
	if page := d.swept(foreign); !strings.Contains(page, "over 0 debtors") {
		d.t.Error("another creditor's sweep covers the debtor")
	}
	_, err := d.commands().Do(d.t.Context(), d.ref.Case, dunning.LogContact{
		ContactLogged: dunning.ContactLogged{ID: "night", Direction: "outbound", Channel: dunning.SMS, Outcome: "delivered", Point: "C-1-m"},
		Happened:      time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC),
	}, "user:1")
	d.must(err)
	page := d.swept(token)
	for _, w := range []string{"complete, with findings", "own contact, against a rule", "<b>1</b> of 1", "1 violation, 0 near misses"} {
		if !strings.Contains(page, w) {
			d.t.Errorf("a text at two in the morning: the page does not say %q\n%s", w, page)
		}
	}
	d.shows(token, "/violations?format=csv", "night", "by_hand")
	if page := d.swept(foreign); strings.Contains(page, "night") || strings.Contains(page, "own contact") {
		d.t.Error("another creditor's compliance sees the finding")
	}
	if page := d.swept(token); strings.Count(page, "own contact, against a rule") != 1 {
		d.t.Error("a finding that is found again is listed twice")
	}
	d.findingPages(token, foreign)
}

// findingPages gives the finding to somebody, and closes it.
func (d *desk) findingPages(token, foreign string) {
	list, err := d.store.Findings(d.t.Context(), read.Everything(), read.FindingFilter{}, read.Page{})
	d.must(err)
	if len(list.Rows) != 1 || len(list.Rows[0].Rules) == 0 {
		d.t.Fatalf("findings: %+v", list.Rows)
	}
	path := "/violations/" + list.Rows[0].ID
	d.shows(token, path, "nobody yet", list.Rows[0].Rules[0], "History", `href="/decisions?case=`+d.ref.Case)
	users, err := d.store.Users(d.t.Context())
	d.must(err)
	owner := "user:" + users[0].ID
	for _, c := range []struct {
		why, token, form string
		status           int
		says             string
	}{
		{"an auditor changes nothing", d.as(everywhere(identity.Auditor)), "status=fixed&words=x", http.StatusForbidden, ""},
		{"another creditor's compliance", foreign, "status=fixed&words=x", http.StatusNotFound, ""},
		{"closed without words", token, "status=fixed", 422, "Say why"},
		{"a day that is none", token, "due=tomorrow", 422, "2026-11-30"},
		{"a status that is none", token, "status=gone&words=x", 422, "Choose open"},
		{"an owner who is none", token, "owner=user:x", 422, "from the list"},
		{"given to somebody", token, "status=open&due=2026-03-12&owner=" + owner, http.StatusSeeOther, ""},
		{"fixed", token, "status=fixed&words=Told+not+to+write+at+night.&due=2026-03-12&owner=" + owner, http.StatusSeeOther, ""},
	} {
		if res := d.open(c.token, "POST", path+"?"+c.form); res.StatusCode != c.status || !strings.Contains(res.body, c.says) {
			d.t.Errorf("%s: status %d, want %d\n%.400s", c.why, res.StatusCode, c.status, res.body)
		}
	}
	d.shows(token, path, "Told not to write at night.", "2026-03-12", "fixed", users[0].Label())
	if page := d.shows(token, "/violations"); strings.Contains(page, path) {
		d.t.Error("what is fixed is listed among the open ones")
	}
	d.shows(token, "/violations?status=fixed&kind=violation&source=sweep", path)
	d.shows(token, "/audit?action=finding.step", "before: open", "after: fixed", "reason: Told not to write at night.")
	if res := d.open(foreign, "GET", path); res.StatusCode != http.StatusNotFound {
		d.t.Errorf("another creditor's compliance: status %d", res.StatusCode)
	}
}

// integrityPages verify the chain, change a row behind the program's back, and see the light.
func (d *desk) integrityPages(token string) {
	verify := func() string {
		before, err := d.store.Checks(d.t.Context(), 100)
		d.must(err)
		if res := d.open(token, "POST", "/integrity/verify"); res.StatusCode != http.StatusSeeOther {
			d.t.Fatalf("verify: status %d %s", res.StatusCode, res.body)
		}
		until(d.t, "the verification ends", func() bool {
			after, err := d.store.Checks(d.t.Context(), 100)
			d.must(err)
			return len(after) > len(before)
		})
		page := ""
		until(d.t, "the light has forgotten what it knew", func() bool { // which it does after the result is kept
			page = d.shows(token, "/integrity")
			return !strings.Contains(page, "Audit not verified") && (len(before) == 0 || strings.Contains(page, "broken"))
		})
		return page
	}
	d.shows(token, "/integrity", "Audit not verified", "nothing yet")
	if page := verify(); !strings.Contains(page, "Audit whole") || !strings.Contains(page, "through seal ") {
		d.t.Errorf("the light is not green:\n%s", page)
	}
	d.shows(token, "/decisions", `class="badge light good"`, "Audit whole")
	if page := d.shows(d.as(everywhere(identity.Operations)), "/health"); strings.Contains(page, "badge light") {
		d.t.Error("the light is on pages of others")
	}
	_, err := d.store.Pool().Exec(d.t.Context(), "ALTER TABLE audit DISABLE TRIGGER ALL; UPDATE audit SET by = 'user:other' WHERE id = 1; ALTER TABLE audit ENABLE TRIGGER ALL")
	d.must(err)
	if page := verify(); !strings.Contains(page, "Row 1 of audit was changed") || !strings.Contains(page, "runbook") {
		d.t.Errorf("the light is not red:\n%s", page)
	}
	d.shows(token, "/decisions", `class="badge light bad"`, "Audit chain broken")
	d.shows(d.as(everywhere(identity.Operations)), "/health", "The audit chain is broken: row 1 of audit was changed")
	d.shows(token, "/audit?action=audit.verify", "audit.verify")
}

func (d *desk) frequencyPages(token, foreign string) {
	defer d.clock.set(d.clock.time())
	d.clock.set(d.asked().Decision.At.AddDate(0, 0, 5))
	d.shows(token, "/frequency", "Ada Example")
	page := d.shows(token, "/frequency/"+d.acc.debtor, "Ada Example", "<svg class=\"picture\"", "HOUSE-CAP", "stroke-dasharray", "1 of ")
	if !strings.Contains(page, "below the limit") {
		d.t.Errorf("no limit is shown:\n%s", page)
	}
	d.shows(token, "/frequency?format=csv", d.acc.debtor)
	if strings.Contains(d.shows(foreign, "/frequency"), "Ada Example") {
		d.t.Error("another creditor's compliance sees the debtor")
	}
	for _, id := range []string{d.acc.debtor, "nonsense"} {
		if res := d.open(foreign, "GET", "/frequency/"+id); res.StatusCode != http.StatusNotFound {
			d.t.Errorf("debtor %s of another creditor: status %d", id, res.StatusCode)
		}
	}
}

func (d *desk) consentPages(token, foreign string) {
	_, err := d.commands().Do(d.t.Context(), d.ref.Case, dunning.OptOut{OptedOut: dunning.OptedOut{ID: "stop", Channel: dunning.SMS}}, "user:1")
	d.must(err)
	d.shows(token, "/consents", "opted out", "consented", "Ada Example")
	if only := d.shows(token, "/consents?kind=opted_out&channel=sms", "opted out"); strings.Contains(only, ">✓</i>consented") {
		d.t.Error("the filter by kind keeps others")
	}
	d.shows(token, "/consents?format=csv", "opted_out", "seconds between")
	if strings.Contains(d.shows(foreign, "/consents"), "Ada Example") {
		d.t.Error("another creditor's compliance sees the ledger")
	}
}

func (d *desk) auditPages(token, foreign string) {
	x := d.asked()
	d.shows(token, "/decisions/"+x.ID)
	d.shows(token, "/audit?action=view.&subject="+x.ID, "view.decision", x.ID)
	d.shows(token, "/audit?action=view.audit", "view.audit") // the look just before
	d.shows(token, "/audit?format=csv&action=view.decision", x.ID, "view.decision")
	d.shows(token, "/audit?action=export.audit", "export.audit")
	if strings.Contains(d.shows(foreign, "/audit?subject="+x.ID), "view.decision<") {
		d.t.Error("who audits one creditor sees rows that name none")
	}
	if res := d.open(d.as(everywhere(identity.Collector)), "GET", "/audit"); res.StatusCode != http.StatusForbidden {
		d.t.Errorf("a collector opens the audit: status %d", res.StatusCode)
	}
}

func (d *desk) hostileName(token string) {
	_, err := d.store.PutDebtor(d.t.Context(), postgres.Profile{Creditor: "demo", Key: d.acc.key, Name: "<script>steal()</script>", Locale: "en", Country: "US"})
	d.must(err)
	d.clock.set(d.asked().Decision.At.AddDate(0, 0, 5))
	for _, path := range []string{"/consents", "/frequency", "/frequency/" + d.acc.debtor} {
		if strings.Contains(d.shows(token, path, "&lt;script&gt;steal"), "<script>steal") {
			d.t.Errorf("%s runs a name", path)
		}
	}
}

func (d *desk) evidencePack(token, foreign string) {
	path := "/cases/" + d.ref.Case + "/evidence"
	raw := d.shows(token, path)
	m, digest, err := evidence.Verify(strings.NewReader(raw), int64(len(raw)))
	d.must(err)
	var paths []string
	for _, f := range m.Files {
		paths = append(paths, f.Path)
	}
	for _, want := range []string{"case.json", "facts.json", "decisions.json", "messages/0001.json", "messages/0004.json", "summary.html"} {
		if !slices.Contains(paths, want) {
			d.t.Errorf("the pack lacks %s: %v", want, paths)
		}
	}
	d.shows(token, "/audit?action=export.evidence", digest)
	if res := d.open(foreign, "GET", path); res.StatusCode != http.StatusNotFound {
		d.t.Errorf("another creditor's compliance: status %d", res.StatusCode)
	}
}

// evidenceWhileWritten exports packs while notes are written: each is of one instant, so its
// files never disagree.
func (d *desk) evidenceWhileWritten(token string) {
	ctx, stop := context.WithCancel(d.t.Context())
	var written atomic.Int64
	ended := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			note := dunning.WriteNote{ID: fmt.Sprint("race-", written.Add(1)), Text: "meanwhile"}
			if _, err := d.commands().Do(d.t.Context(), d.ref.Case, note, "user:1"); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	versions, deadline := map[int64]bool{}, time.Now().Add(time.Minute)
	for n := 0; n < 8 || (written.Load() < 10 || len(versions) < 2) && time.Now().Before(deadline); n++ { // on a busy machine until something has raced
		versions[d.agrees(d.shows(token, "/cases/"+d.ref.Case+"/evidence"))] = true
	}
	stop()
	d.must(<-ended)
	if written.Load() < 10 || len(versions) < 2 {
		d.t.Errorf("%d notes, packs of the versions %v: nothing raced", written.Load(), versions)
	}
}

// agrees checks that the files of a pack are of one version of the customer, and returns it.
func (d *desk) agrees(raw string) int64 {
	d.t.Helper()
	z, err := zip.NewReader(strings.NewReader(raw), int64(len(raw)))
	d.must(err)
	parse := func(name string, v any) {
		f, err := z.Open(name)
		d.must(err)
		d.must(json.NewDecoder(f).Decode(v))
	}
	var page struct {
		Version   int64 `json:"log_version"`
		Decisions int
		Messages  []any
	}
	var facts []struct{ Version int64 }
	var decisions []any
	parse("case.json", &page)
	parse("facts.json", &facts)
	parse("decisions.json", &decisions)
	messages := 0
	for _, f := range z.File {
		if strings.HasPrefix(f.Name, "messages/") {
			messages++
		}
	}
	if last := facts[len(facts)-1].Version; last != page.Version || page.Decisions != len(decisions) || len(page.Messages) != messages {
		d.t.Errorf("the case is of version %d with %d decisions and %d messages; the files hold facts up to %d, %d decisions and %d messages",
			page.Version, page.Decisions, len(page.Messages), last, len(decisions), messages)
	}
	f, err := z.Open("summary.html")
	d.must(err)
	summary, err := io.ReadAll(f)
	d.must(err)
	if want := fmt.Sprintf("(version %d of the customer)", page.Version); !strings.Contains(string(summary), want) {
		d.t.Errorf("the summary is not of %s", want)
	}
	return page.Version
}
