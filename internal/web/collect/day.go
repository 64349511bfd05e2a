package collect

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/tell"
	"github.com/duly/duly/internal/web"
)

// dayRows is how many rows of "my day" are shown at once: more than a person does in a
// morning, few enough to look up every light.
const dayRows = 40

// dayRow is a line of "my day".
type dayRow struct {
	read.WorkRow
	Why    string // what is to be done
	Order  string // why it stands where it stands
	Lights []Light
	Whose  string    // name of who has it
	Until  time.Time // snoozed until
	Late   bool
	Also   []string // what else waits of the same account
	Zone   string
}

type dayPage struct {
	Rows      []dayRow
	Snoozed   []dayRow
	Later     []dayRow // calls promised for later
	Next      string
	Creditors []web.Creditor
	Queues    []string
	Kinds     []string
	Counts    []dayCount
	Mine      bool
}

// dayCount is a tile: work of a queue.
type dayCount struct {
	Queue string
	N     int64
	Late  int64
}

// day is the ranked list: the row on top is the one to take next, and says why.
func (d Deps) day(r *web.Request) error {
	scope, ctx := r.Scope(identity.TakeOver), r.R.Context()
	if r.WantsCSV() {
		return r.CSV("day", dayHeader, d.dayCells(r))
	}
	list, err := d.Read.Worklist(ctx, scope, dayFilter(r), r.Now, read.Page{After: r.Value("after"), Limit: dayRows})
	if err != nil {
		return err
	}
	p := dayPage{Next: list.Next, Mine: r.Value("mine") != ""}
	rows, err := d.dayRows(ctx, list.Rows, r.Now)
	if err != nil {
		return err
	}
	for _, row := range together(theirs(r, rows)) {
		if row.Until.IsZero() {
			p.Rows = append(p.Rows, row)
		} else {
			p.Snoozed = append(p.Snoozed, row)
		}
	}
	if p.Later, err = d.later(r, scope); err != nil {
		return err
	}
	if err := d.dayChoices(r, scope, &p); err != nil {
		return err
	}
	return r.Page("day.html", p)
}

// later are the calls that were promised for later, the next first.
func (d Deps) later(r *web.Request, scope read.Scope) ([]dayRow, error) {
	f := dayFilter(r)
	if len(f.Kinds) > 0 && f.Kinds[0] != read.WorkCallback {
		return nil, nil
	}
	f.Kinds, f.Later = nil, true
	list, err := d.Read.Worklist(r.R.Context(), scope, f, r.Now, read.Page{Limit: dayRows})
	if err != nil {
		return nil, err
	}
	rows, err := d.dayRows(r.R.Context(), list.Rows, r.Now)
	slices.SortStableFunc(rows, func(a, b dayRow) int { return a.Due.Compare(b.Due) })
	return rows, err
}

var dayHeader = []string{"case", "customer", "name", "account", "creditor", "overdue", "currency", "oldest days", "what", "queue", "owner", "due", "since", "last contact"}

// dayCells are all rows of the list as a file.
func (d Deps) dayCells(r *web.Request) iter.Seq2[[]string, error] {
	scope, f := r.Scope(identity.Export), dayFilter(r)
	rows := read.All(func(p read.Page) (read.List[read.WorkRow], error) {
		return d.Read.Worklist(r.R.Context(), scope, f, r.Now, p)
	})
	return func(yield func([]string, error) bool) {
		for w, err := range rows {
			cells := []string{
				w.Case, w.DebtorKey, w.Name, w.AccountKey, w.Creditor, w.Buckets.Overdue.Decimal(), w.Standing.Currency, strconv.Itoa(w.Buckets.Oldest), tell.Task(w.Work),
				w.Queue, w.Owner, stamp(w.Due), stamp(w.Opened), stamp(w.Last.At),
			}
			if !yield(cells, err) || err != nil {
				return
			}
		}
	}
}

// stamp is an instant for files: RFC 3339 in UTC, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// theirs leaves out tasks of kinds that who looks may not end: a draft is not in the day of
// somebody who cannot approve it.
func theirs(r *web.Request, rows []dayRow) []dayRow {
	return slices.DeleteFunc(rows, func(row dayRow) bool {
		need, isTask := needOfWork(row.Kind)
		return isTask && !r.Can(need, row.Creditor)
	})
}

// needOfWork is the permission to end a task by its kind of work; false for other work.
func needOfWork(kind string) (identity.Permission, bool) {
	task, isTask := strings.CutPrefix(kind, "task:")
	return needOf(dunning.TaskKind(task)), isTask
}

// together leaves one row per account: the most urgent, which names what else there is.
func together(rows []dayRow) []dayRow {
	var out []dayRow
	at := map[string]int{}
	for _, row := range rows {
		if i, ok := at[row.Account]; ok {
			out[i].Also = append(out[i].Also, row.Why)
			continue
		}
		at[row.Account] = len(out)
		out = append(out, row)
	}
	return out
}

// dayFilter reads the filter out of the address. Without one a collector sees what is
// theirs and what nobody has.
func dayFilter(r *web.Request) read.WorkFilter {
	f := read.WorkFilter{Owner: userID(r.User), Mine: r.Value("mine") != ""}
	if q := r.Value("queue"); q != "" {
		f.Queues = []string{q}
	}
	if k := r.Value("kind"); k != "" {
		f.Kinds = []string{k}
	}
	if c := r.Value("creditor"); c != "" {
		f.Creditors = []string{c}
	}
	return f
}

// userID is how leases name somebody.
func userID(p identity.Principal) string { return strings.TrimPrefix(p.By, "user:") }

// dayChoices fills the filters and the tiles.
func (d Deps) dayChoices(r *web.Request, scope read.Scope, p *dayPage) (err error) {
	if p.Creditors, err = r.Creditors(identity.TakeOver); err != nil {
		return err
	}
	counts, err := d.Read.Queues(r.R.Context(), scope, r.Now)
	if err != nil {
		return err
	}
	queues, kinds := map[string]dayCount{}, map[string]bool{}
	for _, c := range counts {
		if need, isTask := needOfWork(c.Kind); isTask && !r.User.Somewhere(need) {
			continue
		}
		q := queues[c.Queue]
		queues[c.Queue] = dayCount{c.Queue, q.N + c.N, q.Late + c.Late}
		kinds[c.Kind] = true
	}
	p.Kinds = slices.Sorted(maps.Keys(kinds))
	for _, q := range slices.Sorted(maps.Keys(queues)) {
		p.Counts = append(p.Counts, queues[q])
		if q != "" {
			p.Queues = append(p.Queues, q)
		}
	}
	return nil
}

// dayRows adds words and lights. The lights need the facts of each debtor, so a few are
// asked for at a time.
func (d Deps) dayRows(ctx context.Context, work []read.WorkRow, at time.Time) ([]dayRow, error) {
	names, err := d.Names(ctx)
	if err != nil {
		return nil, err
	}
	on, err := d.switches(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]dayRow, len(work))
	faults := make([]error, len(work))
	var wg sync.WaitGroup
	gate := make(chan struct{}, 4)
	for i, w := range work {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			out[i] = dayRow{
				WorkRow: w, Why: tell.Task(w.Work), Order: order(w.Ranking), Whose: whose(names, w), Until: snoozed(w.Standing, at),
				Late: late(w.Work, at), Zone: firstOf(w.Standing.Zones),
			}
			out[i].Lights, faults[i] = d.rowLights(ctx, w, on, at)
		})
	}
	wg.Wait()
	return out, cmp.Or(faults...)
}

// whose names who has the work: a person, or the team that was given the case.
func whose(names map[string]string, w read.WorkRow) string {
	if l := w.Standing.Lease; w.Owner == "" && l != nil {
		return ownerName(names, l.Owner)
	}
	return names[w.Owner]
}

// callLate is by how much a promised call may be late before it is called so.
const callLate = 15 * time.Minute

func late(w read.Work, at time.Time) bool {
	due := w.Due
	if w.Kind == read.WorkCallback {
		due = due.Add(callLate)
	}
	return !w.Due.IsZero() && due.Before(at)
}

// Note is the note that a row is about, "" for others.
func (r dayRow) Note() string {
	if r.Kind != read.WorkMention {
		return ""
	}
	note, _, _ := strings.Cut(r.ID, "/")
	return note
}

// Call reports whether the row is a promised call: then its time is shown where the debtor is.
func (r dayRow) Call() bool { return r.Kind == read.WorkCallback }

// CallAt is when a promised call is due, on the debtor's clock, in few letters.
func (r dayRow) CallAt() string {
	loc, err := time.LoadLocation(r.Zone)
	if err != nil || r.Zone == "" {
		return r.Due.UTC().Format("Mon 15:04 UTC")
	}
	return r.Due.In(loc).Format("Mon 15:04") + " there"
}

// rowLights are the lights of a row: a call, and the ways to write.
func (d Deps) rowLights(ctx context.Context, w read.WorkRow, on []dunning.Switch, at time.Time) ([]Light, error) {
	if w.Case == "" {
		return nil, nil
	}
	f, err := d.fold(ctx, w.Case, nil)
	if err != nil {
		return nil, err
	}
	return Lights(&f, on, w.Creditor, "", at), nil
}

// fold is the account's facts in their set-up; log nil: the debtor's as of now.
func (d Deps) fold(ctx context.Context, caseID string, log []dunning.Fact) (dunning.Facts, error) {
	ref, err := d.CaseRef(ctx, caseID)
	if err != nil {
		return dunning.Facts{}, err
	}
	setup, err := d.Setup(ctx, ref)
	if err != nil {
		return dunning.Facts{}, err
	}
	setup.Record = false // nothing of this is stored
	if log == nil {
		if log, err = d.Facts(ctx, ref.Debtor); err != nil {
			return dunning.Facts{}, err
		}
	}
	return dunning.Fold(setup, log)
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// snoozed is until when a person has put the account away; zero: they have not.
func snoozed(s read.Standing, at time.Time) (until time.Time) {
	for _, h := range s.Holds {
		if h.Kind == dunning.HoldManual && h.Scope != dunning.ScopeItem && h.In(at) && h.Until.After(until) {
			until = h.Until
		}
	}
	return until
}

// next leads to the case that stands after another in "my day", or to the first.
func (d Deps) next(r *web.Request) error {
	path, err := d.after(r, r.Value("after"))
	if err != nil {
		return err
	}
	return r.Redirect(path)
}

// nextWithin is how far down the list the case at hand is looked for.
const nextWithin = 200

// after is the path of the case behind another in the list; "/day" when there is none.
func (d Deps) after(r *web.Request, caseID string) (string, error) {
	f := read.WorkFilter{Owner: userID(r.User)}
	list, err := d.Read.Worklist(r.R.Context(), r.Scope(identity.TakeOver), f, r.Now, read.Page{Limit: nextWithin})
	if err != nil {
		return "", err
	}
	first, here := "", false
	for _, w := range list.Rows {
		need, isTask := needOfWork(w.Kind)
		if w.Case == "" || !snoozed(w.Standing, r.Now).IsZero() || isTask && !r.Can(need, w.Creditor) {
			continue
		}
		switch {
		case w.Case == caseID:
			here = true
		case here:
			return "/cases/" + w.Case, nil
		case first == "":
			first = w.Case
		}
	}
	if first == "" {
		return "/day", nil
	}
	return "/cases/" + first, nil
}

// order says why a row stands where it stands: each part of its rank in words.
func order(rank read.Ranking) string {
	var parts []string
	for _, p := range rank.Parts {
		switch p.Code {
		case "due":
			parts = append(parts, "by its due time")
		case "opened":
			parts = append(parts, fmt.Sprintf("should be done within %d h", -p.Hours))
		case "promised":
			parts = append(parts, "first, because the debtor waits for the call")
		case "amount":
			parts = append(parts, fmt.Sprintf("%d h sooner for the amount", p.Hours))
		case "age":
			parts = append(parts, fmt.Sprintf("%d h sooner for its age", p.Hours))
		case "tried":
			parts = append(parts, fmt.Sprintf("%d h later because it was tried", -p.Hours))
		}
	}
	return strings.Join(parts, " · ")
}
