package browsertest

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web"
)

type route = web.Route

// everything is the portfolio with what stretches a page: long and foreign names, great and
// small amounts, words from right to left, an import with rejects, keys and webhooks.
func everything(t testing.TB) *site {
	t.Helper()
	s := portfolio(t)
	de := person{zone: "Europe/Berlin", place: "DE", country: "DE", locale: "de", creditor: "demo-de", currency: "EUR", kind: "consumer"}
	ny := person{zone: "America/New_York", place: "US-NY", country: "US", locale: "en", creditor: "demo", currency: "USD", kind: "consumer"}
	for _, p := range []struct {
		base      person
		key, name string
		items     []item
	}{
		{de, "901", "Şükrü Çağlayan-İpekçioğlu", []item{{"84.50", 26}}},
		{de, "902", "Anna-Katharina Freifrau von und zu Hohenstein-Schwarzenberg-Rudolstadt", []item{{"1249000.00", 25}, {"0.10", 20}}},
		{ny, "903", "Bartholomew Featherstonehaugh-Cholmondeley Industrial Refrigeration Holdings (International) LLC", []item{{"12345678.90", 26}}},
		{ny, "904", "Ng", []item{{"25.00", 25}}},
		{ny, "905", "مريم بنت عبد الله", []item{{"311.00", 28}}},
	} {
		p.base.key, p.base.name, p.base.items = p.key, p.name, p.items
		s.put(p.base)
	}
	s.must(s.store.FeedSeen(context.Background(), "demo-de", now))
	s.live()
	s.do("905", dunning.WriteNote{ID: uuid.NewString(), Text: "قالت: سأدفع يوم الخميس — INV-905-1, 311.00 USD — إن شاء الله"})
	s.do("903", dunning.WriteNote{ID: uuid.NewString(), Text: "Reference " + strings.Repeat("0123456789abcdef", 12)})
	s.imported()
	s.adminThings()
	s.atNight("205")
	return s
}

// atNight logs a text that somebody sent at two in the night, which no rule allows.
func (s *site) atNight(key string) {
	s.t.Helper()
	s.do(key, dunning.LogContact{
		ContactLogged: dunning.ContactLogged{ID: uuid.NewString(), Direction: "outbound", Channel: dunning.SMS, Outcome: "delivered", Point: key + "-s"},
		Happened:      time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC),
	})
}

// swept sweeps the ledger by its button and is the page of a finding.
func (s *site) swept() string {
	s.t.Helper()
	s.submit(s.visitor("*", identity.Compliance), "/violations/sweep", "x", "y")
	var id string
	for end := time.Now().Add(patience); id == ""; time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("the sweep finds no text at night")
		}
		s.must(s.store.Pool().QueryRow(context.Background(), "SELECT coalesce(max(id::text), '') FROM findings").Scan(&id))
	}
	return "/violations/" + id
}

// wentBack publishes a release and goes back to the one before; it is the page of it.
func (s *site) wentBack() string {
	s.t.Helper()
	before, files := s.release(), fstest.MapFS{}
	from := os.DirFS("../../../config")
	s.must(fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(from, path)
		files[path] = &fstest.MapFile{Data: b}
		return err
	}))
	queue := files["queues.yaml"]
	queue.Data = append(queue.Data, "\n# a note beside the queues\n"...)
	_, added, err := app.Publish(context.Background(), s.store, files, "user:"+s.users[identity.Operations].ID, now)
	s.must(err)
	if !added {
		s.t.Fatal("the release is not another one")
	}
	s.submit(s.visitor("*", identity.Operations), "/releases/"+before+"/activate", "typed", before[:8], "reason", "the note was wrong")
	_, body := s.visitor("*", identity.Compliance).ask("/review")
	m := regexp.MustCompile(`/review/back/\d+`).FindString(body)
	if m == "" {
		s.t.Fatalf("the review queue does not hold the going back: %.3000s", body)
	}
	return m
}

// imported makes a run of an import with rows that were rejected.
func (s *site) imported() {
	s.t.Helper()
	ctx := context.Background()
	s.must2(s.store.BeginImport(ctx, postgres.ImportRun{ID: importID, Kind: "items", Creditor: "demo", File: "invoices-2026-02-28 <b>final</b> (copy).csv", Mapping: "demo-invoices", At: now}))
	s.must2(s.store.ImportBatch(ctx, importID, nil, func([]postgres.ImportResult) postgres.ImportCheckpoint {
		return postgres.ImportCheckpoint{Row: 412, Counts: map[string]int{"added": 409, "known": 1, "refused": 2}}
	}))
	s.must2(s.store.Pool().Exec(ctx, `INSERT INTO import_rejects (run_id, row, reason) VALUES
		($1, 17, 'column "due": "31.02.2026" is no day. Write days as YYYY-MM-DD.'), ($1, 203, 'column "amount": "1.234,5x" is no amount. Write it as 1234.50.')`, importID))
	s.must(s.store.FinishImport(ctx, importID))
}

const importID = "0c2f0f86-6ab0-4e05-9b7f-2f5c1c6b7d01"

func (s *site) must2(_ any, err error) {
	s.t.Helper()
	s.must(err)
}

// adminThings makes a key and a webhook by their forms.
func (s *site) adminThings() {
	s.t.Helper()
	admin := s.visitor("*", identity.Admin)
	for path, form := range map[string][]string{
		"/keys":  {"name", "ERP of the accounting department", "creditor", "demo", "days", "365", "scope", "view"},
		"/hooks": {"creditor", "demo", "url", "https://hooks.example.com/duly/events", "kind", "case.opened"},
	} {
		if status, body := admin.ask(path, form...); status != http.StatusOK {
			s.t.Fatalf("POST %s: status %d: %.2000s", path, status, body)
		}
	}
}

// sampled draws a sample as compliance does; it is the sample's page.
func (s *site) sampled() string {
	s.t.Helper()
	return s.submit(s.visitor("*", identity.Compliance), "/samples",
		"title", "Letters and mails of February", "kind", "contacts", "method", "both", "seed", "duly", "size", "12", "from", "2026-01-01", "until", "2026-03-02")
}

// submit sends a form that is answered by leading on, and says where to.
func (s *site) submit(v visitor, path string, pairs ...string) string {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return s.send(v, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// send posts a body that is answered by leading on, and says where to.
func (s *site) send(v visitor, path, kind string, body io.Reader) string {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.srv.URL+path, body)
	s.must(err)
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.AddCookie(&http.Cookie{Name: "duly-session", Value: v.token})
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	s.must(err)
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("POST %s: status %d: %.1500s", path, res.StatusCode, text)
	}
	return res.Header.Get("Location")
}

// furtherPages are those of compliance, of the set-up and of everybody.
func (s *site) furtherPages() []page {
	sample := s.sampled()
	decision := "/decisions/" + s.one("SELECT id::text FROM decisions ORDER BY seq DESC LIMIT 1")
	debtor := s.one("SELECT id::text FROM debtors WHERE key = '101'")
	finding, back := s.swept(), s.wentBack()
	hook := "/hooks/" + s.one("SELECT id::text FROM hooks LIMIT 1")
	return []page{
		{"login", "", "/login"},
		{"error", identity.Collector, "/there/is/nothing"},
		{"profile", identity.Collector, "/profile"},
		{"users", identity.Admin, "/users"},
		{"keys", identity.Admin, "/keys"},
		{"hooks", identity.Admin, "/hooks"},
		{"hook", identity.Admin, hook},
		{"audit", identity.Admin, "/audit"},
		{"day-supervisor", identity.Supervisor, "/day"},
		{"day-empty", identity.Collector, "/day?kind=no-such-kind"},
		{"case-long", identity.Collector, "/cases/" + s.cases["903"]},
		{"case-right-to-left", identity.Collector, "/cases/" + s.cases["905"]},
		{"case-supervisor", identity.Supervisor, "/cases/" + s.cases["104"]},
		{"case-auditor", identity.Auditor, "/cases/" + s.cases["101"]},
		{"cases-empty", identity.Operations, "/cases?mindays=9999"},
		{"messages-empty", identity.Operations, "/messages?channel=letter&state=failed"},
		{"import", identity.Operations, "/imports/" + importID},
		{"decisions", identity.Compliance, "/decisions"},
		{"decision", identity.Compliance, decision},
		{"decision-again", identity.Compliance, decision + "/again"},
		{"violations", identity.Compliance, "/violations"},
		{"finding", identity.Compliance, finding},
		{"integrity", identity.Compliance, "/integrity"},
		{"review-back", identity.Compliance, back},
		{"frequent", identity.Compliance, "/frequency"},
		{"frequency", identity.Compliance, "/frequency/" + debtor},
		{"consents", identity.Compliance, "/consents"},
		{"policy", identity.Compliance, "/policy"},
		{"audit-compliance", identity.Compliance, "/audit"},
		{"samples", identity.Compliance, "/samples"},
		{"sample-new", identity.Compliance, "/samples/new"},
		{"sample", identity.Compliance, sample},
		{"sample-row", identity.Compliance, sample + "/1"},
		{"sample-verify", identity.Compliance, sample + "/verify"},
	}
}
