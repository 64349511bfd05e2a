package read_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/read"
)

func dayOf(t *testing.T, s string) dunning.Date {
	t.Helper()
	d, err := dunning.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func zoned(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestShares: a rate is rounded half up, and of nothing there is none.
func TestShares(t *testing.T) {
	for _, c := range []struct {
		count, of     int64
		percent, said string
	}{
		{0, 0, "", `{"count":0,"of":0}`},
		{0, 3, "0.0", `{"count":0,"of":3,"per_mille":0}`},
		{1, 3, "33.3", `{"count":1,"of":3,"per_mille":333}`},
		{2, 3, "66.7", `{"count":2,"of":3,"per_mille":667}`},
		{1, 2000, "0.1", `{"count":1,"of":2000,"per_mille":1}`},
		{1, 2001, "0.0", `{"count":1,"of":2001,"per_mille":0}`},
		{7, 7, "100.0", `{"count":7,"of":7,"per_mille":1000}`},
		{5_000_000_000, 10_000_000_000, "50.0", `{"count":5000000000,"of":10000000000,"per_mille":500}`},
	} {
		s := read.ShareOf(c.count, c.of)
		b, err := json.Marshal(s)
		if err != nil || s.Percent() != c.percent || string(b) != c.said {
			t.Errorf("%d of %d: %q %s, want %q %s (%v)", c.count, c.of, s.Percent(), b, c.percent, c.said, err)
		}
	}
}

// TestSpans: days begin where their zone says, also when clocks change; months are cut to
// the span.
func TestSpans(t *testing.T) {
	berlin, cairo := zoned(t, "Europe/Berlin"), zoned(t, "Africa/Cairo")
	starts := read.Span{From: dayOf(t, "2026-03-28"), Until: dayOf(t, "2026-03-30"), Zone: berlin}.Starts()
	if len(starts) != 4 || starts[1].Sub(starts[0]) != 24*time.Hour || starts[2].Sub(starts[1]) != 23*time.Hour {
		t.Errorf("the days around the spring change: %v", starts)
	}
	// In Cairo midnight of 24 April 2026 does not exist: the day begins at one.
	first := read.Span{From: dayOf(t, "2026-04-24"), Until: dayOf(t, "2026-04-24"), Zone: cairo}.Starts()[0]
	if first.Format(time.RFC3339) != "2026-04-24T01:00:00+03:00" {
		t.Errorf("a day without midnight begins at %v", first)
	}
	names, months := read.Span{From: dayOf(t, "2025-12-30"), Until: dayOf(t, "2026-02-01"), Zone: berlin}.Months()
	if !reflect.DeepEqual(names, []string{"2025-12", "2026-01", "2026-02"}) || len(months) != 4 ||
		dunning.DateOf(months[0]) != dayOf(t, "2025-12-30") || dunning.DateOf(months[3]) != dayOf(t, "2026-02-02") {
		t.Errorf("months %v %v", names, months)
	}
}

// TestReportAsks: what people leave out follows from the report and the day; what cannot be
// is refused with words.
func TestReportAsks(t *testing.T) {
	today := dayOf(t, "2026-03-31")
	for _, c := range []struct{ report, from, until, wantFrom, wantUntil, fault string }{
		{read.ReportRun, "", "", "2026-03-25", "2026-03-31", ""},
		{read.ReportSteps, "", "", "2026-03-04", "2026-03-31", ""},
		{read.ReportPromises, "", "", "2026-01-01", "2026-03-31", ""},
		{read.ReportRecovery, "", "", "2025-10-01", "2026-03-31", ""},
		{read.ReportRun, "", "2026-02-10", "2026-02-04", "2026-02-10", ""}, // the same length, up to that day
		{read.ReportRun, "2026-03-30", "", "2026-03-30", "2026-03-31", ""},
		{read.ReportRun, "2026-03-01", "2026-03-31", "2026-03-01", "2026-03-31", ""}, // 31 days
		{read.ReportRun, "2026-02-28", "2026-03-31", "", "", "are 32 days; this report reads at most 31"},
		{read.ReportRun, "2026-04-01", "", "", "", "is before the first"},
		{read.ReportRun, "31.3.2026", "", "", "", "from: write a day"},
		{read.ReportSteps, "", "2026-02-30", "", "", "until: write a day"},
		{read.ReportAgeing, "nonsense", "nonsense", "2026-03-31", "2026-03-31", ""}, // it has no span
	} {
		s, err := read.ReportAsk{Report: c.report, From: c.from, Until: c.until}.Span(today, time.UTC)
		switch {
		case c.fault != "":
			if !errors.Is(err, dunning.ErrInvalid) || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s from %q until %q: %v, want %q", c.report, c.from, c.until, err, c.fault)
			}
		case err != nil || s.From.String() != c.wantFrom || s.Until.String() != c.wantUntil:
			t.Errorf("%s from %q until %q: %s to %s, %v", c.report, c.from, c.until, s.From, s.Until, err)
		}
	}
}

// TestAgeingInstants: the end of an earlier day of the creditor, never of one to come.
func TestAgeingInstants(t *testing.T) {
	tokyo, now := zoned(t, "Asia/Tokyo"), time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC) // 1 April in Tokyo
	for _, c := range []struct {
		report, at, want, fault string
		past                    bool
	}{
		{read.ReportAgeing, "", "2026-03-31T16:00:00Z", "", false},
		{read.ReportAgeing, "2026-04-01", "2026-03-31T16:00:00Z", "", false}, // today there: now
		{read.ReportAgeing, "2026-03-31", "2026-03-31T14:59:59.999999Z", "", true},
		{read.ReportAgeing, "2026-04-02", "", "is yet to come", false},
		{read.ReportAgeing, "yesterday", "", "at: write a day", false},
		{read.ReportRun, "2026-03-01", "", "only the report of ageing", false},
	} {
		at, past, err := read.ReportAsk{Report: c.report, At: c.at}.Instant(now, tokyo)
		if c.fault != "" {
			if !errors.Is(err, dunning.ErrInvalid) || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s at %q: %v, want %q", c.report, c.at, err, c.fault)
			}
			continue
		}
		if err != nil || past != c.past || at.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("%s at %q: %v, past %v, %v", c.report, c.at, at.UTC(), past, err)
		}
	}
}

// TestBucketsAgree: a day lies in the bucket whose bounds hold it, in one and no other, and
// SQL's bounds give the same number.
func TestBucketsAgree(t *testing.T) {
	for days := -400; days < 400; days++ {
		var in []string
		number := 0
		for _, b := range read.AgeBuckets() {
			from, until := read.BucketDays(b)
			if (from == nil || days >= *from) && (until == nil || days <= *until) {
				in = append(in, b)
			}
		}
		for _, bound := range read.BucketBounds() {
			if days >= int(bound) {
				number++
			}
		}
		if len(in) != 1 || read.BucketOf(days) != in[0] || read.AgeBuckets()[number] != in[0] {
			t.Errorf("%d days overdue: in %v, %s, bucket %d", days, in, read.BucketOf(days), number)
		}
	}
}

// --- steps -----------------------------------------------------------------------------------

var sentAt = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func message(account, step string, round int, after time.Duration) read.StepMessage {
	return read.StepMessage{Account: account, Sequence: "s", Version: "v", Step: step, Case: "c-" + account, Round: round, At: sentAt.Add(after)}
}

func paid(account, id string, after time.Duration) read.StepPayment {
	return read.StepPayment{Account: account, ID: id, At: sentAt.Add(after), Minor: 100, Currency: "USD"}
}

// creditCase is what was sent and paid, and what is credited to the steps "a" and "b".
type creditCase struct {
	name     string
	messages []read.StepMessage
	payments []read.StepPayment
	taken    []string
	now      time.Duration // 0: long after
	a, b     creditRow
}

type creditRow struct{ sendings, paid7, of7, paid14, of14, minor int64 }

const aDay = 24 * time.Hour

var creditCases = []creditCase{
	{
		name:     "a payment at the very instant counts",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", 0)},
		a: creditRow{1, 1, 1, 1, 1, 100},
	},
	{
		name:     "one before the message does not",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", -1)},
		a: creditRow{1, 0, 1, 0, 1, 0},
	},
	{
		name:     "the end of the seventh day counts, a moment later is the second week",
		messages: []read.StepMessage{message("1", "a", 0, 0), message("2", "a", 0, 0)},
		payments: []read.StepPayment{paid("1", "p", 7*aDay), paid("2", "q", 7*aDay+1)},
		a:        creditRow{2, 1, 2, 2, 2, 200},
	},
	{
		name:     "after fourteen days it is nobody's",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", 14*aDay+1)},
		a: creditRow{1, 0, 1, 0, 1, 0},
	},
	{
		name:     "the later step takes it, though the earlier was in time",
		messages: []read.StepMessage{message("1", "a", 0, 0), message("1", "b", 0, 3*aDay)}, payments: []read.StepPayment{paid("1", "p", 4*aDay)},
		a: creditRow{1, 0, 1, 0, 1, 0}, b: creditRow{1, 1, 1, 1, 1, 100},
	},
	{
		name:     "another account's step does not",
		messages: []read.StepMessage{message("1", "a", 0, 0), message("2", "b", 0, 3*aDay)}, payments: []read.StepPayment{paid("1", "p", 4*aDay)},
		a: creditRow{1, 1, 1, 1, 1, 100}, b: creditRow{1, 0, 1, 0, 1, 0},
	},
	{
		name:     "two payments are one sending that was paid, and all of their money",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", aDay), paid("1", "q", 2*aDay)},
		a: creditRow{1, 1, 1, 1, 1, 200},
	},
	{
		name:     "what was taken back is no payment",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", aDay)}, taken: []string{"p"},
		a: creditRow{1, 0, 1, 0, 1, 0},
	},
	{
		name:     "email and letter of a step are one sending from the first of them",
		messages: []read.StepMessage{message("1", "a", 0, 0), message("1", "a", 0, 5*aDay)}, payments: []read.StepPayment{paid("1", "p", 8*aDay)},
		a: creditRow{1, 0, 1, 1, 1, 100},
	},
	{
		name:     "the same step in another round is another",
		messages: []read.StepMessage{message("1", "a", 0, 0), message("1", "a", 1, 5*aDay)}, payments: []read.StepPayment{paid("1", "p", 8*aDay)},
		a: creditRow{2, 1, 2, 1, 2, 100},
	},
	{
		name:     "what is not old enough is in no rate",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", aDay)}, now: 7*aDay - 1,
		a: creditRow{1, 0, 0, 0, 0, 0},
	},
	{
		name:     "after a week it is in one of them",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", aDay)}, now: 7 * aDay,
		a: creditRow{1, 1, 1, 0, 0, 0},
	},
	{
		name:     "a step before the span takes its payments and is not counted",
		messages: []read.StepMessage{message("1", "b", 0, -2*aDay), message("1", "a", 0, 2*aDay)},
		payments: []read.StepPayment{paid("1", "p", aDay), paid("1", "q", 3*aDay)},
		a:        creditRow{1, 1, 1, 1, 1, 100},
	},
	{
		name:     "so does one after it",
		messages: []read.StepMessage{message("1", "a", 0, 0), message("1", "b", 0, 11*aDay)}, payments: []read.StepPayment{paid("1", "p", 12*aDay)},
		a: creditRow{1, 0, 1, 0, 1, 0},
	},
	{
		name:     "a payment that is yet to come is not known",
		messages: []read.StepMessage{message("1", "a", 0, 0)}, payments: []read.StepPayment{paid("1", "p", 8*aDay)}, now: 7 * aDay,
		a: creditRow{1, 0, 1, 0, 0, 0},
	},
}

// TestPaymentsAreCreditedToTheLastStep: a sentence for each case.
func TestPaymentsAreCreditedToTheLastStep(t *testing.T) {
	for _, c := range creditCases {
		t.Run(c.name, func(t *testing.T) {
			taken := map[string]bool{}
			for _, id := range c.taken {
				taken[id] = true
			}
			if c.now == 0 {
				c.now = 40 * aDay
			}
			tally := read.NewStepTally(sentAt.Add(-aDay), sentAt.Add(10*aDay), sentAt.Add(c.now))
			tally.Add(c.messages, c.payments, taken)
			got := map[string]creditRow{}
			for _, r := range tally.Rows() {
				x := creditRow{r.Sendings, r.Paid[0].Count, r.Paid[0].Of, r.Paid[1].Count, r.Paid[1].Of, 0}
				for _, m := range r.Credited {
					x.minor += m.Minor()
				}
				got[r.Step] = x
			}
			if got["a"] != c.a || got["b"] != c.b {
				t.Errorf("a %+v, want %+v; b %+v, want %+v", got["a"], c.a, got["b"], c.b)
			}
		})
	}
}

// TestOrderOfFactsDoesNotMatter: the database may hand messages and payments over in any order.
func TestOrderOfFactsDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hours := func(most int) time.Duration { return time.Duration(r.IntN(most)) * time.Hour }
	for range 200 {
		var messages []read.StepMessage
		var payments []read.StepPayment
		for range 1 + r.IntN(8) {
			messages = append(messages, message(pick(r, "1", "2"), pick(r, "a", "b"), r.IntN(2), hours(480)))
			payments = append(payments, paid(pick(r, "1", "2"), pick(r, "c", "d", "e"), hours(720)))
		}
		count := func() []read.StepRow {
			tally := read.NewStepTally(sentAt, sentAt.AddDate(0, 0, 10), sentAt.AddDate(0, 0, 25))
			tally.Add(messages, payments, map[string]bool{"c": true})
			return tally.Rows()
		}
		want := count()
		r.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
		r.Shuffle(len(payments), func(i, j int) { payments[i], payments[j] = payments[j], payments[i] })
		if got := count(); !reflect.DeepEqual(got, want) {
			t.Fatalf("in another order\n got %+v\nwant %+v", got, want)
		}
	}
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// --- files -----------------------------------------------------------------------------------

func share(days int, k, n int64) read.RecoveryShare {
	return read.RecoveryShare{Days: days, Share: read.ShareOf(k, n)}
}

// sampleReports are one report of each kind, with what its file holds letter by letter.
func sampleReports(t *testing.T) map[string]read.Table {
	usd, jpy := money.MustParse("1234.50", "USD"), money.MustParse("700", "JPY")
	row := read.NewAgeingRow("acme, \"west\"", "USD")
	row.Buckets[1].Open, row.Buckets[1].Items, row.Buckets[1].Debtors, row.Buckets[1].Cases = usd, 3, 2, 1
	row.Total = read.AgeingCell{Bucket: "total", Open: usd, Items: 3, Debtors: 2, Cases: 1}
	day := dayOf(t, "2026-03-02")
	return map[string]read.Table{
		`creditor,currency,bucket,open,items,debtors,cases
"acme, ""west""",USD,current,0.00,0,0,0
"acme, ""west""",USD,1-30,1234.50,3,2,1
"acme, ""west""",USD,31-60,0.00,0,0,0
"acme, ""west""",USD,61-90,0.00,0,0,0
"acme, ""west""",USD,over-90,0.00,0,0,0
"acme, ""west""",USD,total,1234.50,3,2,1
`: read.AgeingReport{Rows: []read.AgeingRow{row}},
		`day,creditor,what,channel,reason,n
2026-03-02,acme,sent,email,,7
2026-03-02,acme,deferred,,us.hours,2
`: read.RunReport{Counts: []read.RunLine{
			{Day: day, Creditor: "acme", What: read.RunSent, Channel: dunning.Email, N: 7},
			{Day: day, Creditor: "acme", What: read.RunDeferred, Reason: "us.hours", N: 2},
		}},
		`of,month,creditor,currency,what,n,amount,rate of,percent
promises,2026-03,acme,USD,made,4,1234.50,,
promises,2026-03,acme,USD,kept,1,1234.50,3,33.3
promises,2026-03,acme,USD,partly,0,,,
promises,2026-03,acme,USD,broken,2,,,
promises,2026-03,acme,USD,withdrawn,0,,,
plans,2026-03,acme,,agreed,1,,,
plans,2026-03,acme,,kept,0,,0,
plans,2026-03,acme,,broken,0,,,
plans,2026-03,acme,,cancelled,1,,,
calls,2026-03,acme,,right party,0,,3,0.0
calls,2026-03,acme,,no_answer,3,,,
`: read.PromiseReport{
			Promises: []read.PromiseRow{{
				Month: "2026-03", Creditor: "acme", Currency: "USD", Made: 4, Promised: usd, Kept: 1, KeptSum: usd, Broken: 2, Rate: read.ShareOf(1, 3),
			}},
			Plans: []read.PlanRow{{Month: "2026-03", Creditor: "acme", Agreed: 1, Cancelled: 1}},
			Calls: []read.CallRow{{Month: "2026-03", Creditor: "acme", Calls: 3, Outcomes: []read.OutcomeCount{{Outcome: "no_answer", N: 3}}, RightParty: read.ShareOf(0, 3)}},
		},
		`sequence,version,step,messages,sendings,paid in 7 days,"of, 7 days","percent, 7 days",paid in 14 days,"of, 14 days","percent, 14 days",credited,currency
s,v,a,5,4,1,4,25.0,2,3,66.7,700,JPY
s,v,a,,,,,,,,,1234.50,USD
s,v,b,1,1,0,0,,0,0,,,
`: read.StepReport{Rows: []read.StepRow{
			{
				Sequence: "s", Version: "v", Step: "a", Messages: 5, Sendings: 4, Paid: []read.RecoveryShare{share(7, 1, 4), share(14, 2, 3)},
				Credited: []money.Amount{jpy, usd},
			},
			{Sequence: "s", Version: "v", Step: "b", Messages: 1, Sendings: 1, Paid: []read.RecoveryShare{share(7, 0, 0), share(14, 0, 0)}},
		}},
		`month,creditor,currency,opened,paid in 30 days,"of, 30 days","percent, 30 days",paid in 60 days,"of, 60 days","percent, 60 days",` +
			`paid in 90 days,"of, 90 days","percent, 90 days",payments,collected
2026-03,acme,USD,8,3,8,37.5,0,0,,0,0,,5,1234.50
`: read.RecoveryReport{Rows: []read.RecoveryRow{{
			Month: "2026-03", Creditor: "acme", Currency: "USD", Opened: 8, Paid: []read.RecoveryShare{share(30, 3, 8), share(60, 0, 0), share(90, 0, 0)},
			Payments: 5, Collected: usd,
		}}},
	}
}

// TestReportFiles: what is in the files, letter by letter; every line has all columns.
func TestReportFiles(t *testing.T) {
	for want, report := range sampleReports(t) {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(append([][]string{report.Columns()}, report.Lines()...)); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("%T:\n got %s\nwant %s", report, b.String(), want)
		}
		if _, err := csv.NewReader(strings.NewReader(b.String())).ReadAll(); err != nil {
			t.Errorf("%T: %v", report, err)
		}
	}
}

// TestSayingWhatAReportIsOf: the instant, the creditor, the days and their zone.
func TestSayingWhatAReportIsOf(t *testing.T) {
	h := read.ReportHead{At: sentAt, Creditor: "acme", From: dayOf(t, "2026-03-01"), Until: dayOf(t, "2026-03-02"), Zone: "Europe/Berlin"}
	want := "As of 2026-03-02T09:00:00Z, creditor acme, 2026-03-01 until 2026-03-02, days of Europe/Berlin."
	if got := h.Says(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (read.ReportHead{At: sentAt}).Says(); got != "As of 2026-03-02T09:00:00Z." {
		t.Error(got)
	}
}
