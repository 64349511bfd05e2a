package read

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Reports that operations read.
const (
	ReportAgeing   = "ageing"   // what is owed, by age
	ReportRun      = "run"      // what happened, day by day
	ReportPromises = "promises" // promises, plans and calls, month by month
	ReportSteps    = "steps"    // which steps are followed by a payment
	ReportRecovery = "recovery" // how soon cases end with their debt paid, month by month
)

// Reports lists them in the order in which they are shown.
func Reports() []string {
	return []string{ReportAgeing, ReportRun, ReportPromises, ReportSteps, ReportRecovery}
}

// ErrTooLong is wrapped by the error of a report that was stopped because it took too long. The
// error says how to mend it.
var ErrTooLong = errors.New("the report takes too long to count")

// MostDays is how many days a report may span; 0: it is of an instant and spans none.
func MostDays(report string) int {
	switch report {
	case ReportRun:
		return 31
	case ReportSteps:
		return 92
	case ReportPromises, ReportRecovery:
		return 400
	}
	return 0
}

// Span is a span of whole calendar days in a zone, the first and the last included.
type Span struct {
	From, Until dunning.Date
	Zone        *time.Location
}

// SpanFor is the span that a report has when nobody says which: the last seven days, the
// last 28, this month with the two or the five before it. today is a day in zone.
func SpanFor(report string, today dunning.Date, zone *time.Location) Span {
	s := Span{From: today, Until: today, Zone: zone}
	months := func(n int) dunning.Date {
		return dunning.DateOf(time.Date(today.Year, today.Month-time.Month(n), 1, 0, 0, 0, 0, time.UTC))
	}
	switch report {
	case ReportRun:
		s.From = today.AddDays(-6)
	case ReportSteps:
		s.From = today.AddDays(-27)
	case ReportPromises:
		s.From = months(2)
	case ReportRecovery:
		s.From = months(5)
	}
	return s
}

// Check refuses a span that is empty or longer than the report reads. The error wraps
// dunning.ErrInvalid and says how to mend it.
func (s Span) Check(report string) error {
	most := MostDays(report)
	switch n := s.From.Days(s.Until) + 1; {
	case n < 1:
		return fmt.Errorf("the last day, %s, is before the first, %s: %w", s.Until, s.From, dunning.ErrInvalid)
	case n > most:
		return fmt.Errorf("from %s until %s are %d days; this report reads at most %d: %w", s.From, s.Until, n, most, dunning.ErrInvalid)
	}
	return nil
}

// Starts are the first instants of its days, and the instant at which the last one is over.
func (s Span) Starts() []time.Time {
	var out []time.Time
	for d := s.From; !s.Until.Before(d); d = d.AddDays(1) {
		out = append(out, dunning.StartOfDay(d, s.Zone))
	}
	return append(out, dunning.StartOfDay(s.Until.AddDays(1), s.Zone))
}

// Months are the months that it touches, as "2006-01", with the first instants of them and
// the instant at which the last one is over, cut to the span.
func (s Span) Months() (names []string, starts []time.Time) {
	for d := s.From; !s.Until.Before(d); d = d.MonthEnd().AddDays(1) {
		names, starts = append(names, d.String()[:7]), append(starts, dunning.StartOfDay(d, s.Zone))
	}
	return names, append(starts, dunning.StartOfDay(s.Until.AddDays(1), s.Zone))
}

// Share is how many of how many. A rate is never told without what it is a rate of.
type Share struct {
	Count int64 `json:"count"`
	Of    int64 `json:"of"`
	// PerMille is the share in thousandths, rounded half up; nil of nothing.
	PerMille *int64 `json:"per_mille,omitempty"`
}

// ShareOf makes a share.
func ShareOf(count, of int64) Share {
	s := Share{Count: count, Of: of}
	if of > 0 {
		r := (count*2000 + of) / (2 * of)
		s.PerMille = &r
	}
	return s
}

// Percent is the share in percent with one digit behind the point, "62.5"; "" of nothing.
func (s Share) Percent() string {
	if s.PerMille == nil {
		return ""
	}
	return fmt.Sprintf("%d.%d", *s.PerMille/10, *s.PerMille%10)
}

// cells are a share in a file: how many, of how many, and the percentage.
func (s Share) cells() []string { return []string{count(s.Count), count(s.Of), s.Percent()} }

func count(n int64) string { return fmt.Sprint(n) }

// ReportHead says what a report is of. At is the business instant at which it was counted.
type ReportHead struct {
	At       time.Time    `json:"at"`
	Creditor string       `json:"creditor,omitempty"` // "" = all that may be seen
	From     dunning.Date `json:"from,omitzero"`      // first day, in Zone
	Until    dunning.Date `json:"until,omitzero"`     // last day, in Zone
	Zone     string       `json:"zone,omitempty"`     // IANA name
}

// Head implements Table.
func (h ReportHead) Head() ReportHead { return h }

// Says says of what a report is: the instant, and the days with the zone that they are of.
func (h ReportHead) Says() string {
	text := "As of " + h.At.UTC().Format(time.RFC3339)
	if h.Creditor != "" {
		text += ", creditor " + h.Creditor
	}
	if !h.From.IsZero() {
		text += fmt.Sprintf(", %s until %s, days of %s", h.From, h.Until, h.Zone)
	}
	return text + "."
}

// Table is a report as a file: the columns and their rows, in an order that does not depend
// on the database. Money is a decimal with its currency in a column of its own.
type Table interface {
	Head() ReportHead
	Columns() []string
	Lines() [][]string
}

// --- ageing ---------------------------------------------------------------------------

// Buckets of age.
const (
	BucketCurrent = "current" // due today or later
	BucketTo30    = "1-30"    // days overdue
	BucketTo60    = "31-60"
	BucketTo90    = "61-90"
	BucketOver90  = "over-90"
)

// AgeBuckets lists them, the youngest first.
func AgeBuckets() []string {
	return []string{BucketCurrent, BucketTo30, BucketTo60, BucketTo90, BucketOver90}
}

// BucketDays are the days overdue of a bucket, both included; a nil bound is none.
func BucketDays(bucket string) (from, until *int) {
	at := func(n int) *int { return &n }
	switch bucket {
	case BucketCurrent:
		return nil, at(0)
	case BucketTo30:
		return at(1), at(30)
	case BucketTo60:
		return at(31), at(60)
	case BucketTo90:
		return at(61), at(90)
	}
	return at(91), nil
}

// BucketOf is the bucket of debt that is days overdue; not yet due is 0 and less.
func BucketOf(days int) string {
	all := AgeBuckets()
	for _, b := range all {
		if _, until := BucketDays(b); until != nil && days <= *until {
			return b
		}
	}
	return all[len(all)-1]
}

// BucketBounds are the days overdue at which a bucket begins, without the youngest, which
// has no beginning.
func BucketBounds() (out []int32) {
	for _, b := range AgeBuckets()[1:] {
		from, _ := BucketDays(b)
		out = append(out, int32(*from)) //nolint:gosec // 1 to 91
	}
	return out
}

// AgeingReport is what is owed by age, as of At.
type AgeingReport struct {
	ReportHead
	// Past says that At is the end of an earlier day: no list shows the cases of then.
	Past bool        `json:"past,omitempty"`
	Rows []AgeingRow `json:"rows"`
}

// AgeingRow is what is owed to one creditor in one currency.
type AgeingRow struct {
	Creditor string       `json:"creditor"`
	Currency string       `json:"currency"`
	Buckets  []AgeingCell `json:"buckets"` // all of AgeBuckets, in that order
	// Total counts a debtor once, also one who is in several buckets.
	Total AgeingCell `json:"total"`
}

// AgeingCell is one bucket. Open, Items and Debtors are of items of that age on the day of
// each debtor's own zone. Cases are open cases whose oldest debt is of that age on the day
// in UTC: the list of cases with the same days shows exactly these.
type AgeingCell struct {
	Bucket  string       `json:"bucket"` // "total" of the total
	Open    money.Amount `json:"open"`
	Items   int64        `json:"items"`
	Debtors int64        `json:"debtors"`
	Cases   int64        `json:"cases"`
}

// NewAgeingRow is a row of nothing.
func NewAgeingRow(creditor, currency string) AgeingRow {
	r := AgeingRow{Creditor: creditor, Currency: currency, Total: AgeingCell{Bucket: "total", Open: Minor(0, currency)}}
	for _, b := range AgeBuckets() {
		r.Buckets = append(r.Buckets, AgeingCell{Bucket: b, Open: Minor(0, currency)})
	}
	return r
}

// Columns implements Table.
func (r AgeingReport) Columns() []string {
	return []string{"creditor", "currency", "bucket", "open", "items", "debtors", "cases"}
}

// Lines implements Table.
func (r AgeingReport) Lines() (out [][]string) {
	for _, row := range r.Rows {
		for _, c := range append(slices.Clone(row.Buckets), row.Total) {
			out = append(out, []string{row.Creditor, row.Currency, c.Bucket, c.Open.Decimal(), count(c.Items), count(c.Debtors), count(c.Cases)})
		}
	}
	return out
}

// --- run -----------------------------------------------------------------------------

// What a line of the run report counts.
const (
	RunDecided   = "decided"   // decisions, by verb
	RunSent      = "sent"      // messages that a provider took, by channel; letters when they went to the outbox
	RunDeferred  = "deferred"  // steps that a rule put off, by rule
	RunRefused   = "refused"   // steps that matured and that only a new fact or a person lets leave, by rule
	RunSkipped   = "skipped"   // steps that will not be done: a condition was false, waived, or no channel; by why
	RunFailed    = "failed"    // attempts that a provider did not take, by channel and code
	RunBounced   = "bounced"   // messages that came back, by channel and code
	RunUnknown   = "unknown"   // messages of which nobody knew whether they left, by channel
	RunCancelled = "cancelled" // messages that were given up before they left, by channel
	RunOpened    = "opened"    // cases
	RunReopened  = "reopened"  // cases, after a payment was taken back or an item came back
	RunClosed    = "closed"    // cases, by reason
)

// RunKinds lists them in the order of a report.
func RunKinds() []string {
	return []string{
		RunDecided, RunSent, RunDeferred, RunRefused, RunSkipped, RunFailed, RunBounced, RunUnknown, RunCancelled, RunOpened, RunReopened, RunClosed,
	}
}

// RunReport is what happened on each day of its span.
type RunReport struct {
	ReportHead
	Counts []RunLine `json:"counts"`
}

// RunLine is one count of one day.
type RunLine struct {
	Day      dunning.Date    `json:"day"`
	Creditor string          `json:"creditor"`
	What     string          `json:"what"`
	Channel  dunning.Channel `json:"channel,omitempty"`
	// Reason is a verb, a rule, a class and code of failure, or a reason of closing.
	Reason string `json:"reason,omitempty"`
	N      int64  `json:"n"`
}

// Columns implements Table.
func (r RunReport) Columns() []string {
	return []string{"day", "creditor", "what", "channel", "reason", "n"}
}

// Lines implements Table.
func (r RunReport) Lines() (out [][]string) {
	for _, l := range r.Counts {
		out = append(out, []string{l.Day.String(), l.Creditor, l.What, string(l.Channel), l.Reason, count(l.N)})
	}
	return out
}

// --- promises, plans, calls -----------------------------------------------------------

// PromiseReport is what became of promises, plans and calls, month by month.
type PromiseReport struct {
	ReportHead
	Promises []PromiseRow `json:"promises"`
	Plans    []PlanRow    `json:"plans"`
	Calls    []CallRow    `json:"calls"`
}

// PromiseRow is a month of promises of one creditor in one currency. Made and Promised are
// of those made in the month, all else of those that ended in it.
type PromiseRow struct {
	Month     string       `json:"month"` // 2006-01
	Creditor  string       `json:"creditor"`
	Currency  string       `json:"currency"`
	Made      int64        `json:"made"`
	Promised  money.Amount `json:"promised"`
	Kept      int64        `json:"kept"`
	Partly    int64        `json:"partly"`
	Broken    int64        `json:"broken"`
	Withdrawn int64        `json:"withdrawn"`
	KeptSum   money.Amount `json:"kept_amount"` // promised by those that were kept
	// Rate is kept of kept, partly kept and broken.
	Rate Share `json:"rate"`
}

// PlanRow is a month of payment plans of one creditor. Agreed is of those agreed in the
// month, all else of those that ended in it.
type PlanRow struct {
	Month     string `json:"month"`
	Creditor  string `json:"creditor"`
	Agreed    int64  `json:"agreed"`
	Kept      int64  `json:"kept"` // to the end, or paid off early
	Broken    int64  `json:"broken"`
	Cancelled int64  `json:"cancelled"`
	// Rate is kept of kept and broken.
	Rate Share `json:"rate"`
}

// CallRow is a month of outbound calls that collectors logged.
type CallRow struct {
	Month    string         `json:"month"`
	Creditor string         `json:"creditor"`
	Calls    int64          `json:"calls"`
	Outcomes []OutcomeCount `json:"outcomes"` // in the order of their names
	// RightParty is conversations with the debtor, of all calls.
	RightParty Share `json:"right_party"`
}

// OutcomeCount is how many calls ended so.
type OutcomeCount struct {
	Outcome string `json:"outcome"`
	N       int64  `json:"n"`
}

// Settle computes the rate.
func (r *PromiseRow) Settle() { r.Rate = ShareOf(r.Kept, r.Kept+r.Partly+r.Broken) }

// Settle computes the rate.
func (r *PlanRow) Settle() { r.Rate = ShareOf(r.Kept, r.Kept+r.Broken) }

// Columns implements Table. Promises, plans and calls are in one file, told apart by their
// first column; what is a number of each of them is a row.
func (r PromiseReport) Columns() []string {
	return []string{"of", "month", "creditor", "currency", "what", "n", "amount", "rate of", "percent"}
}

// Lines implements Table.
func (r PromiseReport) Lines() (out [][]string) {
	for _, p := range r.Promises {
		line := func(what string, n int64, amount, of, percent string) {
			out = append(out, []string{"promises", p.Month, p.Creditor, p.Currency, what, count(n), amount, of, percent})
		}
		line("made", p.Made, p.Promised.Decimal(), "", "")
		line("kept", p.Kept, p.KeptSum.Decimal(), count(p.Rate.Of), p.Rate.Percent())
		line("partly", p.Partly, "", "", "")
		line("broken", p.Broken, "", "", "")
		line("withdrawn", p.Withdrawn, "", "", "")
	}
	for _, p := range r.Plans {
		line := func(what string, n int64, of, percent string) {
			out = append(out, []string{"plans", p.Month, p.Creditor, "", what, count(n), "", of, percent})
		}
		line("agreed", p.Agreed, "", "")
		line("kept", p.Kept, count(p.Rate.Of), p.Rate.Percent())
		line("broken", p.Broken, "", "")
		line("cancelled", p.Cancelled, "", "")
	}
	for _, c := range r.Calls {
		line := func(what string, n int64, of, percent string) {
			out = append(out, []string{"calls", c.Month, c.Creditor, "", what, count(n), "", of, percent})
		}
		line("right party", c.RightParty.Count, count(c.RightParty.Of), c.RightParty.Percent())
		for _, o := range c.Outcomes {
			line(o.Outcome, o.N, "", "")
		}
	}
	return out
}

// --- recovery --------------------------------------------------------------------------

// RecoveryDays are the ages at which recovery is looked at.
func RecoveryDays() []int { return []int{30, 60, 90} }

// RecoveryReport is how soon cases end with their debt paid, and what was paid.
type RecoveryReport struct {
	ReportHead
	Rows []RecoveryRow `json:"rows"`
}

// RecoveryRow is a month of one creditor in one currency.
type RecoveryRow struct {
	Month    string `json:"month"`
	Creditor string `json:"creditor"`
	Currency string `json:"currency"`
	// Opened are cases opened in the month, those opened again not counted anew.
	Opened int64 `json:"opened"`
	// Paid are those of them that are closed as paid or settled now and were so within a number
	// of days of their opening, of those that were opened that long ago.
	Paid []RecoveryShare `json:"paid"`
	// Payments that arrived in the month and were not taken back, on any account of the creditor.
	Payments  int64        `json:"payments"`
	Collected money.Amount `json:"collected"`
}

// RecoveryShare is a point of a curve.
type RecoveryShare struct {
	Days int `json:"days"`
	Share
}

// Columns implements Table.
func (r RecoveryReport) Columns() []string {
	out := []string{"month", "creditor", "currency", "opened"}
	for _, d := range RecoveryDays() {
		out = append(out, fmt.Sprintf("paid in %d days", d), fmt.Sprintf("of, %d days", d), fmt.Sprintf("percent, %d days", d))
	}
	return append(out, "payments", "collected")
}

// Lines implements Table.
func (r RecoveryReport) Lines() (out [][]string) {
	for _, row := range r.Rows {
		line := []string{row.Month, row.Creditor, row.Currency, count(row.Opened)}
		for _, p := range row.Paid {
			line = append(line, p.cells()...)
		}
		out = append(out, append(line, count(row.Payments), row.Collected.Decimal()))
	}
	return out
}

// ReportAsk is a question for a report as people put it: days as YYYY-MM-DD, the last one
// included, "" for what the report has by itself; "" as creditor for all that may be seen.
type ReportAsk struct {
	Report, Creditor, From, Until string
	// At is the day at whose end an ageing is wanted; "" or today: now.
	At string
}

// Instant is the instant that an ageing is of: now, or the end of an earlier day in a zone
// (past is true). The error wraps dunning.ErrInvalid; other reports are of now.
func (a ReportAsk) Instant(now time.Time, zone *time.Location) (at time.Time, past bool, err error) {
	if a.At == "" {
		return now, false, nil
	}
	today := dunning.DateOf(now.In(zone))
	d, err := dunning.ParseDate(a.At)
	switch {
	case err != nil:
		return now, false, fmt.Errorf("at: write a day as YYYY-MM-DD, such as %s: %w", today, dunning.ErrInvalid)
	case a.Report != ReportAgeing:
		return now, false, fmt.Errorf("at: only the report of ageing is of a day; this one has a first and a last day: %w", dunning.ErrInvalid)
	case today.Before(d):
		return now, false, fmt.Errorf("at: %s is yet to come: %w", d, dunning.ErrInvalid)
	case d == today:
		return now, false, nil
	}
	return dunning.StartOfDay(d.AddDays(1), zone).Add(-time.Microsecond), true, nil
}

// Span is the span that is asked for, in a zone, today being a day in it. The error wraps
// dunning.ErrInvalid; an ageing report has no span and refuses none.
func (a ReportAsk) Span(today dunning.Date, zone *time.Location) (Span, error) {
	s := SpanFor(a.Report, today, zone)
	if MostDays(a.Report) == 0 {
		return s, nil
	}
	length := s.From.Days(s.Until)
	for _, x := range []struct {
		name, text string
		to         *dunning.Date
	}{{"from", a.From, &s.From}, {"until", a.Until, &s.Until}} {
		if x.text == "" {
			continue
		}
		d, err := dunning.ParseDate(x.text)
		if err != nil {
			return s, fmt.Errorf("%s: write a day as YYYY-MM-DD, such as %s: %w", x.name, today, dunning.ErrInvalid)
		}
		*x.to = d
	}
	if a.From == "" && a.Until != "" {
		s.From = s.Until.AddDays(-length)
	}
	return s, s.Check(a.Report)
}
