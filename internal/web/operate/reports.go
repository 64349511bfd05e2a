package operate

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/memo"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// reportPage is one report.
type reportPage struct {
	Report    string
	Reports   []string
	Creditors []web.Creditor
	Head      read.ReportHead
	Most      int    // days that it may span; 0: it has no span
	Known     bool   // it was counted before
	Says      string // how long ago, where counting takes long
	Fault     string // why there is none

	Ageing   []ageingLine
	Past     bool // the ageing is of an earlier day
	Run      []runDay
	RunSum   runDay
	Reasons  []runReason
	Promises *read.PromiseReport
	Steps    []read.StepRow
	Recovery []read.RecoveryRow
}

// Title is what a report is called.
func (p reportPage) Title(report string) string {
	switch report {
	case read.ReportAgeing:
		return "Ageing"
	case read.ReportRun:
		return "Run"
	case read.ReportPromises:
		return "Promises and calls"
	case read.ReportSteps:
		return "Steps"
	}
	return "Recovery"
}

// Path leads to another report about the same creditor.
func (p reportPage) Path(report string) string {
	path := "/reports/" + report
	if p.Head.Creditor != "" {
		path += "?" + url.Values{"creditor": {p.Head.Creditor}}.Encode()
	}
	return path
}

// reports is the first of them.
func (d *operations) reports(r *web.Request) error { return d.reportOf(r, read.ReportAgeing) }

// report is one report, as a page or as a file.
func (d *operations) report(r *web.Request) error {
	name := r.R.PathValue("report")
	if !slices.Contains(read.Reports(), name) {
		return web.NotFound("This report")
	}
	return d.reportOf(r, name)
}

func (d *operations) reportOf(r *web.Request, name string) error {
	q := r.R.URL.Query()
	ask := read.ReportAsk{Report: name, Creditor: q.Get("creditor"), From: q.Get("from"), Until: q.Get("until"), At: q.Get("at")}
	if r.WantsCSV() {
		if !r.User.Somewhere(identity.Export) {
			return web.Forbidden(identity.Export, "")
		}
		t, err := d.WholeReport(r.R.Context(), taken(r, identity.Monitor), ask)
		if err != nil {
			return err
		}
		return r.CSV("report-"+name, t.Columns(), asRows(t.Lines()))
	}
	p := reportPage{Report: name, Reports: read.Reports(), Most: read.MostDays(name)}
	var err error
	if p.Creditors, err = r.Creditors(identity.Monitor); err != nil {
		return err
	}
	a, err := d.Report(r.R.Context(), r.Scope(identity.Monitor), ask)
	if err != nil {
		return p.faulty(r, err)
	}
	p.fill(a)
	return r.Page("report.html", p)
}

// faulty says on the page, which keeps its form, why there is no report. A page that waited for
// it is told as an update of itself: browsers take those only when all is well.
func (p reportPage) faulty(r *web.Request, err error) error {
	status := web.AsError(err).Status
	if !errors.Is(err, dunning.ErrInvalid) && !errors.Is(err, read.ErrTooLong) {
		return err
	}
	if p.Fault = sentence(err); r.Live() {
		status = http.StatusOK
	}
	return r.PageStatus(status, "report.html", p)
}

// taken is whose rows a file holds: those that one sees on its page and may take away.
func taken(r *web.Request, page identity.Permission) read.Scope {
	return r.Scope(page).And(r.Scope(identity.Export))
}

func asRows(lines [][]string) func(yield func([]string, error) bool) {
	return func(yield func([]string, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (p *reportPage) fill(a memo.Answer[read.Table]) {
	p.Known, p.Says = a.Known(), a.Says()
	switch t := a.Value.(type) {
	case read.AgeingReport:
		p.Head, p.Ageing, p.Past = t.ReportHead, ageingLines(t.Rows), t.Past
	case read.RunReport:
		p.Head = t.ReportHead
		p.Run, p.RunSum, p.Reasons = runDays(t)
	case read.PromiseReport:
		p.Head, p.Promises = t.ReportHead, &t
	case read.StepReport:
		p.Head, p.Steps = t.ReportHead, t.Rows
	case read.RecoveryReport:
		p.Head, p.Recovery = t.ReportHead, t.Rows
	}
}

// --- ageing ----------------------------------------------------------------------------

// ageingLine is a row of read.AgeingReport, or the sum of all creditors in a currency.
type ageingLine struct {
	read.AgeingRow
	Sum bool
}

// ageingLines adds a sum for each currency that several creditors have. Currencies are never
// added up, and a customer belongs to one creditor.
func ageingLines(rows []read.AgeingRow) []ageingLine {
	var out []ageingLine
	sums, n := map[string]*read.AgeingRow{}, map[string]int{}
	for _, r := range rows {
		out = append(out, ageingLine{AgeingRow: r})
		if sums[r.Currency] == nil {
			fresh := read.NewAgeingRow("", r.Currency)
			sums[r.Currency] = &fresh
		}
		s := sums[r.Currency]
		for i := range s.Buckets {
			addCell(&s.Buckets[i], r.Buckets[i])
		}
		addCell(&s.Total, r.Total)
		n[r.Currency]++
	}
	for _, r := range rows {
		if n[r.Currency] > 1 {
			out = append(out, ageingLine{*sums[r.Currency], true})
			n[r.Currency] = 0
		}
	}
	return out
}

func addCell(to *read.AgeingCell, c read.AgeingCell) {
	to.Open = to.Open.Of(to.Open.Minor() + c.Open.Minor())
	to.Items, to.Debtors, to.Cases = to.Items+c.Items, to.Debtors+c.Debtors, to.Cases+c.Cases
}

// Cases is the list of the open cases of a bucket.
func (l ageingLine) Cases(c read.AgeingCell) string {
	q := url.Values{"currency": {l.Currency}, "sort": {string(read.ByAge)}}
	if l.Creditor != "" {
		q.Set("creditor", l.Creditor)
	}
	if slices.Contains(read.AgeBuckets(), c.Bucket) {
		from, until := read.BucketDays(c.Bucket)
		for name, n := range map[string]*int{"mindays": from, "maxdays": until} {
			if n != nil {
				q.Set(name, strconv.Itoa(*n))
			}
		}
	}
	return "/cases?" + q.Encode()
}

// --- run ----------------------------------------------------------------------------------

// runDay are the counts of a day over all creditors.
type runDay struct {
	Day                                                     dunning.Date
	Decided, Deferred, Refused, Skipped                     int64
	Email, SMS, Letter, Failed, Bounced, Unknown, Cancelled int64
	Opened, Reopened, Closed                                int64
}

func (d *runDay) add(l read.RunLine) {
	to := map[string]*int64{
		read.RunDecided: &d.Decided, read.RunDeferred: &d.Deferred, read.RunRefused: &d.Refused, read.RunSkipped: &d.Skipped,
		read.RunFailed: &d.Failed, read.RunBounced: &d.Bounced,
		read.RunUnknown: &d.Unknown, read.RunCancelled: &d.Cancelled, read.RunOpened: &d.Opened, read.RunReopened: &d.Reopened, read.RunClosed: &d.Closed,
		read.RunSent + string(dunning.Email): &d.Email, read.RunSent + string(dunning.SMS): &d.SMS, read.RunSent + string(dunning.Letter): &d.Letter,
	}
	key := l.What
	if l.What == read.RunSent {
		key += string(l.Channel)
	}
	if n := to[key]; n != nil {
		*n += l.N
	}
}

// runReason is why so often.
type runReason struct {
	What    string
	Channel dunning.Channel
	Reason  string
	N       int64
	Path    string // rows behind it; "" where no list shows them
	Need    string // permission of that list
}

// runDays are all days of the span, the latest first, their sum, and the reasons.
func runDays(t read.RunReport) (days []runDay, sum runDay, why []runReason) {
	for d := t.From; !t.Until.Before(d); d = d.AddDays(1) {
		days = append(days, runDay{Day: d})
	}
	for _, l := range t.Counts {
		days[t.From.Days(l.Day)].add(l)
		sum.add(l)
		if l.What == read.RunSent || l.What == read.RunOpened || l.What == read.RunReopened {
			continue
		}
		same := func(x runReason) bool { return x.What == l.What && x.Channel == l.Channel && x.Reason == l.Reason }
		i := slices.IndexFunc(why, same)
		if i < 0 {
			i, why = len(why), append(why, reasonOf(l, t.ReportHead))
		}
		why[i].N += l.N
	}
	slices.Reverse(days)
	order := append(read.RunKinds()[1:], read.RunDecided) // decisions are many and explain least
	slices.SortStableFunc(why, func(a, b runReason) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.What), slices.Index(order, b.What)), cmp.Compare(b.N, a.N),
			cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Reason, b.Reason))
	})
	return days, sum, why
}

// reasonOf names a reason and the list that shows what is behind it.
func reasonOf(l read.RunLine, head read.ReportHead) runReason {
	x := runReason{What: l.What, Channel: l.Channel, Reason: l.Reason}
	q := url.Values{}
	if head.Creditor != "" {
		q.Set("creditor", head.Creditor)
	}
	set := func(path, need string, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		x.Path, x.Need = path+"?"+q.Encode(), need
	}
	span := []string{"from", head.From.String(), "until", head.Until.String()}
	switch l.What {
	case read.RunDecided:
		set("/decisions", string(identity.Review), append(span, "verb", l.Reason)...)
	case read.RunDeferred, read.RunRefused:
		set("/decisions", string(identity.Review), append(span, "rule", l.Reason)...)
	case read.RunFailed, read.RunBounced, read.RunUnknown, read.RunCancelled:
		set("/messages", string(identity.View), "state", l.What, "channel", string(l.Channel))
	case read.RunClosed:
		set("/cases", string(identity.View), "status", read.StatusClosed, "reason", l.Reason)
	}
	return x
}

// Words says what a reason counts.
func (x runReason) Words() string {
	switch x.What {
	case read.RunDeferred:
		return "put off"
	case read.RunRefused:
		return "kept back"
	case read.RunUnknown:
		return "sent or not?"
	}
	return x.What
}

// Coded reports whether the reason is the name of a rule or a provider's code, and no word.
func (x runReason) Coded() bool {
	return slices.Contains([]string{read.RunDeferred, read.RunRefused, read.RunFailed, read.RunBounced}, x.What)
}

// Name is what people call a creditor.
func (p reportPage) Name(creditor string) string {
	for _, c := range p.Creditors {
		if c.ID == creditor {
			return c.Name
		}
	}
	return creditor
}
