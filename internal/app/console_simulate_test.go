package app

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
)

func init() { apiOf["GET /simulator"] = []string{"simulate"} }

func everywhereAs(role identity.Role) identity.Grant {
	return identity.Grant{Creditor: identity.AllCreditors, Role: role}
}

// rows counts what every table holds, but for sessions, users and the audit.
func (d *desk) rows() string {
	d.t.Helper()
	var text string
	d.must(d.store.Pool().QueryRow(d.t.Context(), `SELECT string_agg(t, ' ' ORDER BY t) FROM (
		SELECT 'facts ' || count(*) AS t FROM facts UNION ALL SELECT 'decisions ' || count(*) FROM decisions UNION ALL SELECT 'contacts ' || count(*) FROM contacts
		UNION ALL SELECT 'nudges ' || count(*) FROM nudges UNION ALL SELECT 'cases ' || count(*) FROM cases UNION ALL SELECT 'releases ' || count(*) FROM releases) x`).Scan(&text))
	return text
}

func (d *desk) audited(action string) (n int) {
	d.t.Helper()
	d.must(d.store.Pool().QueryRow(d.t.Context(), `SELECT count(*) FROM audit WHERE action = $1`, action).Scan(&n))
	return n
}

func TestSimulatorPage(t *testing.T) {
	d := newDesk(t)
	before := d.rows()
	ops := d.as(everywhereAs(identity.Operations))
	res := d.open(ops, "GET", "/simulator?case="+d.ref.Case)
	for _, want := range []string{"What would happen", "consumer-standard", "Calendar", "America/New_York", " UTC", "In force"} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the page of a real case lacks %q: status %d", want, res.StatusCode)
		}
	}
	if strings.Contains(res.body, "Ada Example") {
		t.Error("the page tells the debtor's name, which it does not need")
	}
	if n := d.audited("simulate.case"); n != 1 {
		t.Errorf("%d rows in the audit about it", n)
	}
	res = d.open(ops, "GET", "/simulator?case="+d.ref.Case+"&do1=pays&on1="+date(9).String())
	if !strings.Contains(res.body, "closed: paid") {
		t.Errorf("who pays all does not close the case: status %d", res.StatusCode)
	}
	one := d.open(ops, "GET", "/simulator?case="+d.ref.Case+"&n=1")
	if !strings.Contains(one.body, "1 of ") || !strings.Contains(one.body, "n=2") || strings.Contains(one.body, "At the end") {
		t.Error("one decision is not one decision, with a way to the next")
	}
	res = d.open(ops, "GET", "/simulator?who=cohort&run=1&c.status=open")
	if res.StatusCode != 200 || !strings.Contains(res.body, "All 1 account of the filter") || !strings.Contains(res.body, d.ref.Case[:8]) {
		t.Errorf("a cohort: status %d", res.StatusCode)
	}
	res = d.open(ops, "GET", "/simulator?creditor=demo&amount=640.00&due=2026-03-01&place=US-NY&from=2026-02-20&until=2026-09-01")
	if res.StatusCode != 200 || !strings.Contains(res.body, "Facts file") || !strings.Contains(res.body, "↻") {
		t.Errorf("an invented account: status %d", res.StatusCode)
	}
	if after := d.rows(); after != before {
		t.Errorf("simulating has written: %s, before %s", after, before)
	}
}

// TestSimulatorCompares: another release, side by side.
func TestSimulatorCompares(t *testing.T) {
	d := newDesk(t)
	dir := t.TempDir()
	d.must(os.CopyFS(dir, os.DirFS("../../config")))
	path := filepath.Join(dir, "sequences", "consumer-standard.yaml")
	b, err := os.ReadFile(path)
	d.must(err)
	changed := strings.Replace(string(b), "at: +3d", "at: +5d", 1)
	if changed == string(b) {
		t.Fatal("the shipped sequence has no step at +3d")
	}
	d.must(os.WriteFile(path, []byte(changed), 0o600))
	now, err := d.clock.Now(t.Context())
	d.must(err)
	old, _, err := d.store.CurrentVersion(t.Context())
	d.must(err)
	if _, _, err := Publish(t.Context(), d.store, os.DirFS(dir), "user:test", now); err != nil {
		t.Fatal(err)
	}
	ops := d.as(everywhereAs(identity.Operations))
	q := "/simulator?creditor=demo&amount=640.00&due=2026-03-01&place=US-NY&from=2026-02-20&until=2026-09-01&config=" + old + "&against=in-force"
	res := d.open(ops, "GET", q)
	for _, want := range []string{"From A to B", "moved", "B: In force", "A: Release " + old[:8]} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the comparison lacks %q: status %d", want, res.StatusCode)
		}
	}
	same := d.open(ops, "GET", strings.Replace(q, "against=in-force", "against="+old, 1))
	if !strings.Contains(same.body, "Nothing moves, nothing vanishes, nothing is new.") {
		t.Errorf("a release differs from itself: status %d", same.StatusCode)
	}
	// The case in force keeps its own version; under the other release it follows that one.
	res = d.open(ops, "GET", "/simulator?case="+d.ref.Case+"&against="+old)
	if res.StatusCode != 200 || !strings.Contains(res.body, "A: In force") {
		t.Errorf("a real case under two releases: status %d", res.StatusCode)
	}
}

// TestSimulatorOfAProposal: what waits for approval can be tried by its id, beside what is in
// force.
func TestSimulatorOfAProposal(t *testing.T) {
	d := newDesk(t)
	const path = "sequences/consumer-standard.yaml"
	later := strings.Replace(d.text(path), "at: +3d", "at: +5d", 1)
	body, err := json.Marshal(map[string]any{"changes": map[string]string{path: later}, "reason": "write two days later"})
	d.must(err)
	key := d.somebody(identity.Operations).key(identity.Publish)
	res := d.call(key, "POST", "/proposals", string(body))
	var made struct {
		ID string `json:"id"`
	}
	res.into(t, &made)
	if made.ID == "" {
		t.Fatalf("status %d: %.300s", res.StatusCode, res.body)
	}
	ops := d.as(everywhereAs(identity.Operations))
	form := d.open(ops, "GET", "/simulator")
	if !strings.Contains(form.body, "proposal: write two days later") {
		t.Error("the form does not offer the proposal")
	}
	page := d.open(ops, "GET", "/simulator?creditor=demo&amount=640.00&due=2026-03-01&place=US-NY&from=2026-02-20&until=2026-09-01&against="+made.ID)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "A: In force") || !strings.Contains(page.body, "moved") {
		t.Errorf("status %d", page.StatusCode)
	}
	if res := d.open(ops, "GET", "/simulator?creditor=demo&amount=640.00&due=2026-03-01&against="+uuid.NewString()); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a proposal of nobody: status %d", res.StatusCode)
	}
}

// TestSimulatorRights: real cases need the right to see cases, for their creditor; files of
// them the right to export.
func TestSimulatorRights(t *testing.T) {
	d := newDesk(t)
	invented := "/simulator?creditor=demo&amount=640.00&due=2026-03-01"
	one, many := "/simulator?case="+d.ref.Case, "/simulator?who=cohort&run=1"
	for _, c := range []struct {
		about  string
		grant  identity.Grant
		path   string
		status int
	}{
		{"admins see no debtor", everywhereAs(identity.Admin), one, 403},
		{"nor many", everywhereAs(identity.Admin), many, 403},
		{"but may invent one", everywhereAs(identity.Admin), invented, 200},
		{"collectors have no configuration", everywhereAs(identity.Collector), one, 403},
		{"auditors look", everywhereAs(identity.Auditor), one, 200},
		{"and export", everywhereAs(identity.Auditor), one + "&format=csv", 200},
		{"a supervisor of the creditor", identity.Grant{Creditor: "demo", Role: identity.Supervisor}, one, 200},
		{"a supervisor of another", identity.Grant{Creditor: "demo-de", Role: identity.Supervisor}, one, 404},
		{"who invents one of their creditor", identity.Grant{Creditor: "demo-de", Role: identity.Supervisor}, strings.Replace(invented, "demo", "demo-de", 1) + "&currency=EUR", 200},
		{"and not one of another", identity.Grant{Creditor: "demo-de", Role: identity.Supervisor}, invented, 422},
	} {
		res := d.open(d.as(c.grant), "GET", c.path)
		if res.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.about, res.StatusCode, c.status)
		}
	}
	other := d.open(d.as(identity.Grant{Creditor: "demo-de", Role: identity.Supervisor}), "GET", many)
	if other.StatusCode != 200 || strings.Contains(other.body, d.ref.Case[:8]) {
		t.Errorf("a cohort reaches into another creditor: status %d", other.StatusCode)
	}
}

func TestSimulatorRefusesWhatIsHostile(t *testing.T) {
	d := newDesk(t)
	ops := d.as(everywhereAs(identity.Operations))
	base := "/simulator?creditor=demo&amount=640.00&due=2026-03-01"
	evil := url.QueryEscape(`"><script>alert(1)</script>`)
	for about, path := range map[string]string{
		"a century":                     base + "&until=2126-01-01",
		"an end before the beginning":   base + "&from=2026-03-01&until=2026-02-01",
		"the year 99999":                base + "&until=99999-01-01",
		"a day that does not exist":     base + "&until=2026-02-30",
		"no amount":                     strings.Replace(base, "640.00", "x", 1),
		"a negative amount":             strings.Replace(base, "640.00", "-1", 1),
		"an amount with too many zeros": strings.Replace(base, "640.00", strings.Repeat("9", 60), 1),
		"a due date in the stone age":   strings.Replace(base, "2026-03-01", "0001-01-01", 1),
		"a zone that is none":           base + "&zone=" + evil,
		"a zone of the disk":            base + "&zone=" + url.QueryEscape("../../etc/passwd"),
		"a release that is none":        base + "&config=" + evil,
		"a release that is not there":   base + "&config=0123456789abcdef",
		"a release with a NUL":          base + "&config=%00",
		"a sequence that is none":       base + "&sequence=" + evil,
		"a creditor that is none":       strings.Replace(base, "demo", "nobody", 1),
		"a currency that is none":       base + "&currency=ZZZ",
		"an assumption that is none":    base + "&do1=explode&on1=2026-04-01",
		"one without a day":             base + "&do1=pays",
		"a promise without its date":    base + "&do1=promises&on1=2026-04-01",
		"a cohort's filter":             "/simulator?who=cohort&run=1&c.mindays=-5",
	} {
		res := d.open(ops, "GET", path)
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", about, res.StatusCode)
		}
		if strings.Contains(res.body, "<script>alert") {
			t.Errorf("%s: it comes back as it was sent", about)
		}
	}
	for about, path := range map[string]string{
		"a case that is none":    "/simulator?case=" + evil,
		"a case with a NUL":      "/simulator?case=%00",
		"a case of nobody":       "/simulator?case=" + uuid.NewString(),
		"a download of no kind":  base + "&format=exe",
		"facts of a real case":   "/simulator?case=" + d.ref.Case + "&format=facts",
		"facts of another's, up": "/simulator?case=../" + d.ref.Case,
	} {
		if res := d.open(ops, "GET", path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", about, res.StatusCode)
		}
	}
}

func TestSimulatorFiles(t *testing.T) {
	d := newDesk(t)
	ops := d.as(everywhereAs(identity.Operations))
	base := "/simulator?creditor=demo&amount=640.00&due=2026-03-01&place=US-NY&from=2026-02-20&until=2026-09-01"
	csv := d.open(ops, "GET", base+"&format=csv")
	if lines := strings.Count(csv.body, "\n"); lines < 5 || !strings.Contains(csv.body, "2026-03-0") || !strings.HasPrefix(csv.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("CSV of %d lines", lines)
	}
	jsonl := d.open(ops, "GET", base+"&format=json")
	if n := strings.Count(jsonl.body, "\n"); n != strings.Count(csv.body, "\n")-1 {
		t.Errorf("%d events as JSON, %d lines as CSV", n, strings.Count(csv.body, "\n"))
	}
	for line := range strings.Lines(jsonl.body) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %q", line)
		}
	}
	facts := d.open(ops, "GET", base+"&format=facts")
	if !strings.Contains(facts.body, `"format": "v1"`) {
		t.Errorf("a facts file: %.200s", facts.body)
	}
	if n := d.audited("export.simulation"); n != 3 {
		t.Errorf("%d exports in the audit, want 3", n)
	}
}

// TestSimulateByAPI: the API gives the same answer as the page, within the key's scopes.
func TestSimulateByAPI(t *testing.T) {
	d := newDesk(t)
	before := d.rows()
	invented := `{"invented":{"creditor":"demo","items":[{"amount":"640.00","due":"2026-03-01"}],"place":"US-NY"},"from":"2026-02-20","until":"2026-09-01"}`
	both := d.key("demo", identity.Config, identity.View)
	res := d.call(both, "POST", "/simulations", invented)
	var got struct {
		Zone  string `json:"zone"`
		Sides []struct {
			InForce  bool `json:"in_force"`
			Timeline []struct {
				Local string `json:"local"`
				Kind  string `json:"kind"`
			} `json:"timeline"`
		} `json:"sides"`
		File map[string]any `json:"file"`
	}
	res.into(t, &got)
	page := d.open(d.as(everywhereAs(identity.Operations)), "GET", "/simulator?creditor=demo&amount=640.00&due=2026-03-01&place=US-NY&from=2026-02-20&until=2026-09-01&format=json")
	if got.Zone != "America/New_York" || len(got.Sides) != 1 || !got.Sides[0].InForce || len(got.Sides[0].Timeline) != strings.Count(page.body, "\n") || got.File["format"] != "v1" {
		t.Fatalf("status %d: %.300s", res.StatusCode, res.body)
	}
	lines := strings.Split(page.body, "\n")
	for i, e := range got.Sides[0].Timeline {
		if !strings.Contains(lines[i], `"at":"`+e.Local+`"`) || !strings.Contains(lines[i], `"kind":"`+e.Kind+`"`) {
			t.Errorf("entry %d: %+v, the page has %s", i, e, lines[i])
		}
	}
	one := `{"case":"` + d.ref.Case + `","people_after_hours":24}`
	for about, c := range map[string]struct {
		key, body string
		status    int
	}{
		"a real case":                              {both, one, 200},
		"of another creditor":                      {d.key("demo-de", identity.Config, identity.View), one, 404},
		"without the scope to see cases":           {d.key("demo", identity.Config), one, 403},
		"without the scope to see configuration":   {d.key("demo", identity.View), one, 403},
		"a cohort":                                 {both, `{"cohort":{"status":"open"}}`, 200},
		"a cohort of what cannot be read":          {both, `{"cohort":{"mindays":"x"}}`, 422},
		"nobody":                                   {both, `{}`, 422},
		"two at once":                              {both, `{"case":"` + d.ref.Case + `","cohort":{}}`, 422},
		"a century":                                {both, `{"case":"` + d.ref.Case + `","until":"2126-01-01"}`, 422},
		"an assumption that is none":               {both, `{"case":"` + d.ref.Case + `","assume":[{"do":"explode","on":"2026-04-01"}]}`, 422},
		"an invoice without end":                   {both, strings.Replace(invented, "640.00", strings.Repeat("9", 40), 1), 422},
		"an invented one of another creditor":      {d.key("demo-de", identity.Config, identity.View), invented, 422},
		"people who need longer than a year":       {both, `{"case":"` + d.ref.Case + `","people_after_hours":9000}`, 422},
		"a release that was never there":           {both, `{"case":"` + d.ref.Case + `","against":"0123456789abcdef"}`, 422},
		"what the core would refuse is told, only": {both, `{"case":"` + d.ref.Case + `","assume":[{"do":"promises","on":"2026-03-20","amount":"1.00","until":"2026-03-01"}]}`, 200},
	} {
		if res := d.call(c.key, "POST", "/simulations", c.body); res.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d: %.200s", about, res.StatusCode, c.status, res.body)
		}
	}
	if d.audited("view.simulation") == 0 {
		t.Error("nobody is told who looked")
	}
	if after := d.rows(); after != before {
		t.Errorf("simulating has written: %s, before %s", after, before)
	}
}
