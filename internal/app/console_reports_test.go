package app

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// reportDesk is a desk with a payment, a promise that was kept, a call, a day's run, and a second
// creditor who has nothing.
func reportDesk(t *testing.T) *desk {
	d := newDesk(t)
	now := d.clock.time()
	of := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: now, Account: d.acc.id, Case: d.ref.Case, By: "system", Body: b}
	}
	d.add(d.acc, of(dunning.Payment{ID: "p1", Amount: money.MustParse("20.00", "USD")}),
		of(dunning.PromiseMade{ID: "m1", Amount: money.MustParse("20.00", "USD"), Due: dunning.DateOf(now)}), of(dunning.PromiseEnded{ID: "m1", Outcome: "kept"}),
		of(dunning.ContactLogged{ID: "l1", Direction: "outbound", Channel: dunning.Call, Outcome: "conversation"}))
	return d
}

// TestReportsForPeopleAndPrograms: every report is a page, a file and an answer of the API, with
// the same numbers.
func TestReportsForPeopleAndPrograms(t *testing.T) {
	d := reportDesk(t)
	who := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	key := d.key(identity.AllCreditors, everyScope()...)
	for _, c := range []struct{ report, page, file, answer string }{
		{read.ReportAgeing, "100.00</b>", "demo,USD,31-60,100.00,1,1,1", `"bucket":"31-60","open":{"amount":"100.00","currency":"USD"},"items":1,"debtors":1,"cases":1`},
		{read.ReportRun, "Kept back", "demo,opened,,,1", `"creditor":"demo","what":"opened","n":1`},
		{read.ReportPromises, "<b>100.0 %</b> <small>1 of 1</small>", "demo,USD,kept,1,20.00,1,100.0", `"right_party":{"count":1,"of":1,"per_mille":1000}`},
		{read.ReportSteps, "No step was sent in these days", "sequence,version,step", `"rows":[]`},
		{read.ReportRecovery, "20.00", "1,20.00", `"payments":1,"collected":{"amount":"20.00","currency":"USD"}`},
	} {
		if page := d.open(who, "GET", "/reports/"+c.report); page.StatusCode != 200 || !strings.Contains(page.body, c.page) {
			t.Errorf("the page of %s (%d) does not say %q: %s", c.report, page.StatusCode, c.page, page.body)
		}
		file := d.open(who, "GET", "/reports/"+c.report+"?format=csv")
		if file.StatusCode != 200 || !strings.Contains(file.body, c.file) || !strings.Contains(file.Header.Get("Content-Disposition"), ".csv") {
			t.Errorf("the file of %s (%d) does not hold %q: %s", c.report, file.StatusCode, c.file, file.body)
		}
		if _, err := csv.NewReader(strings.NewReader(file.body)).ReadAll(); err != nil {
			t.Errorf("the file of %s: %v", c.report, err)
		}
		if res := d.call(key, "GET", "/reports/"+c.report, ""); res.StatusCode != 200 || !strings.Contains(compact(res.body), c.answer) {
			t.Errorf("the answer of %s (%d) does not hold %s: %s", c.report, res.StatusCode, c.answer, res.body)
		}
		if res := d.call(key, "GET", "/exports/reports/"+c.report, ""); res.StatusCode != 200 || !strings.Contains(res.body, c.file) {
			t.Errorf("the export of %s: %d %s", c.report, res.StatusCode, res.body)
		}
	}
	link := `href="/cases?creditor=demo&amp;currency=USD&amp;maxdays=60&amp;mindays=31&amp;sort=age"`
	if page := d.open(who, "GET", "/reports"); page.StatusCode != 200 || !strings.Contains(page.body, link) {
		t.Errorf("the first report does not lead to the cases behind a number: %s", page.body)
	}
	if page := d.open(who, "GET", "/reports/tea"); page.StatusCode != http.StatusNotFound {
		t.Errorf("a report that there is not: %d", page.StatusCode)
	}
}

func compact(body string) string {
	return strings.NewReplacer("\n", "", "\t", "", `": `, `":`, ", \"", ",\"").Replace(body)
}

// TestReportsDaysAndScopes: days are those of the creditor asked for; what is asked wrongly is said
// to be; who may not see a creditor is told neither its numbers nor that it exists.
func TestReportsDaysAndScopes(t *testing.T) {
	d := reportDesk(t)
	all := d.key(identity.AllCreditors, everyScope()...)
	other := d.key("demo-de", everyScope()...)
	var r read.RunReport
	d.call(all, "GET", "/reports/run?creditor=demo", "").into(t, &r)
	cfg, err := d.book.Current(t.Context())
	d.must(err)
	zone := ""
	for _, c := range cfg.Creditors() {
		if c.ID == "demo" {
			zone = c.Zone
		}
	}
	if r.Zone != zone || r.Creditor != "demo" || r.From.Days(r.Until) != 6 {
		t.Errorf("a week in the creditor's zone %s is %+v", zone, r.ReportHead)
	}
	d.call(all, "GET", "/reports/run?until=2026-02-01", "").into(t, &r)
	if r.Zone != "UTC" || r.From.String() != "2026-01-26" || len(r.Counts) != 0 {
		t.Errorf("a week that ends on a day, of all creditors: %+v", r)
	}
	for path, want := range map[string]string{
		"/reports/run?from=2026-01-01&until=2026-02-15":      "at most 31",
		"/reports/steps?from=2026-03-02&until=2026-03-01":    "is before the first",
		"/reports/recovery?creditor=nobody":                  "there is no creditor",
		"/reports/recovery?from=2024-01-01&until=2026-01-01": "at most 400",
	} {
		if res := d.call(all, "GET", path, ""); res.StatusCode != 422 || !strings.Contains(res.body, want) {
			t.Errorf("%s: %d %s, want 422 and %q", path, res.StatusCode, res.body, want)
		}
	}
	var then, now read.AgeingReport
	today := dunning.DateOf(d.clock.time().In(zoneNamed(t, zone)))
	d.call(all, "GET", "/reports/ageing?creditor=demo&at="+today.AddDays(-1).String(), "").into(t, &then)
	d.call(all, "GET", "/reports/ageing?creditor=demo&at="+today.String(), "").into(t, &now)
	if !then.Past || then.At.Before(d.clock.time().AddDate(0, 0, -2)) || len(then.Rows) > 1 {
		t.Errorf("yesterday %+v", then)
	}
	if now.Past || len(now.Rows) != 1 || now.Rows[0].Total.Open.Decimal() != "100.00" {
		t.Errorf("today %+v", now)
	}
	if res := d.call(all, "GET", "/reports/ageing?at=2199-01-01", ""); res.StatusCode != 422 || !strings.Contains(res.body, "is yet to come") {
		t.Errorf("an ageing of days to come: %d %s", res.StatusCode, res.body)
	}
	mine := d.call(other, "GET", "/reports/ageing?creditor=demo", "")
	none := d.call(other, "GET", "/reports/ageing?creditor=nobody", "")
	if mine.StatusCode != 422 || strings.ReplaceAll(instance(mine.body), "demo", "X") != strings.ReplaceAll(instance(none.body), "nobody", "X") {
		t.Errorf("another creditor's report is told from one that is not there: %s and %s", mine.body, none.body)
	}
	for _, name := range read.Reports() {
		res := d.call(other, "GET", "/reports/"+name, "")
		if res.StatusCode != 200 || strings.Contains(res.body, `"demo"`) {
			t.Errorf("%s as another creditor: %d %s", name, res.StatusCode, res.body)
		}
		if res := d.call(d.key(identity.AllCreditors, identity.View), "GET", "/reports/"+name, ""); res.StatusCode != 403 {
			t.Errorf("%s without the permission: %d", name, res.StatusCode)
		}
	}
}

func zoneNamed(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestRunLeadsToDecisionsOfItsDays: the list behind a number holds the decisions that it counts and no
// others, in the creditor's days as in those of UTC; so does its file.
func TestRunLeadsToDecisionsOfItsDays(t *testing.T) {
	d := reportDesk(t)
	who := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Compliance}, identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	var ids []string
	d.must(d.store.InDebtor(t.Context(), []string{d.acc.debtor}, func(tx *postgres.Tx) error {
		for i, at := range []string{"2026-02-20T04:59:59Z", "2026-02-20T05:00:00Z", "2026-02-21T04:59:59Z", "2026-02-21T05:00:00Z"} { // New York is 5 hours behind
			when, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return err
			}
			ids = append(ids, fmt.Sprint("edge-", i))
			if err := tx.StoreDecision(t.Context(), dunning.StoredDecision{ID: ids[i], Case: d.ref.Case, Core: "1", Wall: start, Decision: dunning.Decision{
				Verb: dunning.VerbLook, At: when, WakeAt: start, Step: "nudge", Rule: "test.edge", Deferred: true, NotBefore: start.Add(time.Duration(i) * time.Hour),
			}}); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, c := range []struct {
		query string
		has   []string
		zone  string
	}{
		{"creditor=demo&", ids[1:3], "Days of <b>America/New_York</b>, the zone of the creditor"},
		{"", ids[:2], "Days of <b>UTC</b>: choose a creditor"},
	} {
		page := d.open(who, "GET", "/reports/run?"+c.query+"from=2026-02-20&until=2026-02-20")
		link := regexp.MustCompile(`<code>test\.edge</code></td><td class="num"><a href="([^"]+)">2</a>`).FindStringSubmatch(page.body)
		if link == nil {
			t.Fatalf("%s: the page does not count two: %s", c.query, page.body)
		}
		path := html.UnescapeString(link[1])
		for _, format := range []string{"", "&format=csv"} {
			list := d.open(who, "GET", path+format)
			for _, id := range ids {
				if strings.Contains(list.body, id) != slices.Contains(c.has, id) {
					t.Errorf("%s%s: holds %s: %v", path, format, id, !slices.Contains(c.has, id))
				}
			}
			if format == "" && !strings.Contains(list.body, c.zone) {
				t.Errorf("%s does not say whose days these are", path)
			}
		}
	}
}

// TestReportsThatTakeTooLong: what the database stopped is said to people and programs, with how to
// mend it; a page that waited is told as well, and asks no more.
func TestReportsThatTakeTooLong(t *testing.T) {
	d := reportDesk(t)
	who := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	key := d.key(identity.AllCreditors, everyScope()...)
	d.store.UseReportLimit(50 * time.Millisecond)
	other, err := d.store.Pool().Begin(t.Context())
	d.must(err)
	defer func() { _ = other.Rollback(t.Context()) }()
	_, err = other.Exec(t.Context(), "LOCK TABLE account_standings IN ACCESS EXCLUSIVE MODE")
	d.must(err)
	const words = "report takes too long to count: the database stopped it after 50ms"
	page := d.counted(who, "")
	if page.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page.body, words) || !strings.Contains(page.body, "DULY_REPORT_TIMEOUT") || !strings.Contains(page.body, `name="at"`) {
		t.Errorf("the page: %d %s", page.StatusCode, page.body)
	}
	if part := d.counted(who, "live"); part.StatusCode != 200 || !strings.Contains(part.body, words) || !strings.Contains(part.body, `<div id="report">`) {
		t.Errorf("a page that waited: %d %s", part.StatusCode, part.body)
	}
	if file := d.open(who, "GET", "/reports/ageing?format=csv"); file.StatusCode != http.StatusServiceUnavailable || !strings.Contains(file.body, words) {
		t.Errorf("the file: %d %s", file.StatusCode, file.body)
	}
	for _, path := range []string{"/reports/ageing", "/exports/reports/ageing"} {
		if res := d.call(key, "GET", path, ""); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(res.body, words) || !strings.Contains(res.body, `urn:duly:problem:too-long`) {
			t.Errorf("%s of the API: %d %s", path, res.StatusCode, res.body)
		}
	}
	d.must(other.Rollback(t.Context()))
	d.store.UseReportLimit(postgres.LongestReport)
	if res := d.call(key, "GET", "/reports/ageing", ""); res.StatusCode != 200 {
		t.Errorf("when nothing is in its way any more: %d %s", res.StatusCode, res.body)
	}
}

// counted opens the first report once it is no longer being counted; part says who asks.
func (d *desk) counted(who, part string) reply {
	d.t.Helper()
	for {
		req, err := http.NewRequestWithContext(d.t.Context(), "GET", d.srv.URL+"/reports/ageing", nil)
		d.must(err)
		req.AddCookie(&http.Cookie{Name: "duly-session", Value: who})
		if part != "" {
			req.Header.Set("Duly-Part", part)
		}
		res, err := http.DefaultClient.Do(req)
		d.must(err)
		b, err := io.ReadAll(res.Body)
		d.must(err)
		d.must(res.Body.Close())
		if !strings.Contains(string(b), "being counted") {
			return reply{res, string(b)}
		}
	}
}

// TestReportsGiveUp: a report for a program that others keep from being counted ends with words.
func TestReportsGiveUp(t *testing.T) {
	d := newDesk(t)
	for range reportsAtOnce {
		d.console.counted.reports.room <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := d.console.counting(read.Everything(), read.ReportAsk{Report: read.ReportAgeing})(ctx)
	if !errors.Is(err, read.ErrTooLong) || !strings.Contains(err.Error(), "counting it, and others before it, took minutes") {
		t.Errorf("one that never had its turn: %v", err)
	}
}

// TestReportLimitOfTheEnvironment: a bound that is none is refused with how it is written.
func TestReportLimitOfTheEnvironment(t *testing.T) {
	store := pgtest.New(t)
	for value, good := range map[string]bool{"": true, "1s": true, "90s": true, "1h": true, "0": false, "999ms": false, "2h": false, "-1m": false, "soon": false} {
		err := UseReportLimit(store, getenv(map[string]string{EnvReportTimeout: value}))
		if (err == nil) != good || err != nil && (!strings.Contains(err.Error(), EnvReportTimeout+"="+value) || !strings.Contains(err.Error(), "leave it away for 2m0s")) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// instance leaves out of a problem what names the request.
func instance(body string) string {
	at := strings.Index(body, `"instance"`)
	if at < 0 {
		return body
	}
	return body[:at] + body[strings.IndexByte(body[at:], '\n')+at:]
}

// TestReportsOnPages: a fault is said on the page, which keeps its form; a file is refused to who
// may not export; and what is asked is in the audit.
func TestReportsOnPages(t *testing.T) {
	d := reportDesk(t)
	who := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	page := d.open(who, "GET", "/reports/run?from=2026-03-01&until=2026-01-01")
	if page.StatusCode != 422 || !strings.Contains(page.body, "is before the first") || !strings.Contains(page.body, `value="2026-03-01"`) {
		t.Errorf("a span that ends before it begins: %d %s", page.StatusCode, page.body)
	}
	if page := d.open(who, "GET", "/reports/run?from=yesterday"); page.StatusCode != 422 || !strings.Contains(page.body, "YYYY-MM-DD") {
		t.Errorf("a day that is none: %d", page.StatusCode)
	}
	d.open(who, "GET", "/reports/ageing?format=csv")
	var n int
	d.must(d.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM audit WHERE action = 'export.report-ageing'").Scan(&n))
	if n != 1 {
		t.Errorf("%d rows in the audit of a file that was taken", n)
	}
	collector := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Collector})
	if res := d.open(collector, "GET", "/reports"); res.StatusCode != 403 {
		t.Errorf("a collector: %d", res.StatusCode)
	}
}

// TestAFileHoldsNoMoreThanItsPage: who may see the numbers of one creditor, and take files of
// another, takes those of neither.
func TestAFileHoldsNoMoreThanItsPage(t *testing.T) {
	d := reportDesk(t)
	of := func(role identity.Role, creditor string) string {
		return d.as(identity.Grant{Creditor: "demo-de", Role: identity.Operations}, identity.Grant{Creditor: creditor, Role: role})
	}
	both := d.open(of(identity.Operations, "demo"), "GET", "/reports/ageing?format=csv")
	if both.StatusCode != 200 || !strings.Contains(both.body, "\ndemo,USD,") {
		t.Fatalf("operations of both creditors: %d %s", both.StatusCode, both.body)
	}
	legal := of(identity.Legal, "demo") // sees cases and takes files, and no numbers of operations
	for _, report := range read.Reports() {
		for _, path := range []string{"/reports/" + report, "/reports/" + report + "?format=csv"} {
			if res := d.open(legal, "GET", path); res.StatusCode != 200 || strings.Contains(res.body, "\ndemo,") || strings.Contains(res.body, ",demo,") {
				t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
			}
		}
	}
	if res := d.open(legal, "GET", "/reports/ageing?creditor=demo&format=csv"); res.StatusCode != 422 || !strings.Contains(res.body, "there is no creditor") {
		t.Errorf("a file of a creditor whose page is not shown: %d %s", res.StatusCode, res.body)
	}
}

// TestStepsComeInTheOrderOfTheirSequence: as people know it, and steps that it no longer has behind.
func TestStepsComeInTheOrderOfTheirSequence(t *testing.T) {
	d := newDesk(t)
	cfg, err := d.book.Current(t.Context())
	d.must(err)
	rows := []read.StepRow{}
	for _, step := range []string{"zzz", "nudge", "final-notice", "aaa", "friendly-email"} {
		rows = append(rows, read.StepRow{Sequence: "consumer-standard", Version: "v", Step: step})
	}
	inOrder(rows, cfg)
	var got []string
	for _, r := range rows {
		got = append(got, r.Step)
	}
	if want := "[friendly-email nudge final-notice aaa zzz]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	inOrder(rows, nil) // nothing is published: as they are
}

// TestReportFilesRunNothing: what a spreadsheet would take for a formula is text in a report.
func TestReportFilesRunNothing(t *testing.T) {
	d := reportDesk(t)
	ctx := t.Context()
	const evil = `=HYPERLINK("https://evil.invalid","x")`
	d.must(d.store.PutCreditors(ctx, evil))
	debtor, err := d.store.PutDebtor(ctx, postgres.Profile{Creditor: evil, Key: "E-1"})
	d.must(err)
	id, err := d.store.PutAccount(ctx, postgres.Account{Debtor: debtor, Creditor: evil, Key: "E-1", Currency: "USD"})
	d.must(err)
	d.add(account{debtor: debtor, id: id}, dunning.Fact{At: d.clock.time(), Account: id, Body: dunning.Item{
		Key: "i", Due: dunning.Date{Year: 2025, Month: 1, Day: 1}, Amount: money.MustParse("9.99", "USD"),
	}})
	who := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	rows, err := csv.NewReader(strings.NewReader(d.open(who, "GET", "/reports/ageing?format=csv").body)).ReadAll()
	d.must(err)
	found := 0
	for _, row := range rows {
		if strings.HasPrefix(row[0], "=") {
			t.Errorf("a spreadsheet would run %q", row[0])
		}
		if row[0] == "'"+evil {
			found++
		}
	}
	if found != 6 {
		t.Errorf("%d lines of the creditor, want six", found)
	}
}

// TestReportsLeaveRoom: however many reports are asked for at once, only so many are counted side
// by side; one that has waited too long ends and takes no room.
func TestReportsLeaveRoom(t *testing.T) {
	m := newReportMemo()
	var now, most atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := m.counted(t.Context(), func() (read.Table, error) {
				n := now.Add(1)
				for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
				runtime.Gosched()
				now.Add(-1)
				return nil, nil //nolint:nilnil // what is counted is not the point
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() > reportsAtOnce {
		t.Errorf("%d reports were counted side by side", most.Load())
	}
	full := newReportMemo()
	for range reportsAtOnce {
		full.room <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := full.counted(ctx, func() (read.Table, error) { t.Error("counted without room"); return nil, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("one that gave up: %v", err)
	}
	if len(full.room) != reportsAtOnce {
		t.Error("one that gave up took room away")
	}
}
