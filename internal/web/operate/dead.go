package operate

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/internal/web"
)

// deadKind is a kind of dead letters: many of them, one of them, and what they are.
type deadKind struct{ Kind, Words, One, What string }

// deadKinds are the kinds of dead letters, in the order in which they hurt, with words.
var deadKinds = []deadKind{
	{read.DeadUnknown, "sent or not?", "sent or not?", "Messages of which nobody knows whether they left"},
	{read.DeadFailed, "failed", "failed step", "Steps that failed for good, or whose decisions do not settle"},
	{read.DeadStuck, "stuck cases", "stuck case", "Cases whose instant has passed and that do not move: an activity fails, or no worker is there"},
	{read.DeadWorkflow, "ended workflows", "ended workflow", "Workflows that ended badly and that nothing has started again"},
	{read.DeadInbox, "events", "event", "Received events that could not be processed"},
	{read.DeadHook, "deliveries", "delivery", "Deliveries to outgoing webhooks that were given up"},
}

type deadPage struct {
	User   identity.Principal // who looks
	List   read.List[read.DeadRow]
	Ended  []temporalx.Dead
	Counts map[string]int64
	Kind   string
	Runs   map[string]temporalx.Run // of stuck cases, as Temporal tells them
	Wall   time.Time
	Kinds  []deadKind
}

// What says what a dead letter is.
func (p deadPage) What(kind string) string { return deadName(kind, 1) }

// deadName names so many dead letters of a kind.
func deadName(kind string, n int64) string {
	for _, k := range deadKinds {
		switch {
		case k.Kind != kind:
		case n == 1:
			return k.One
		default:
			return k.Words
		}
	}
	return kind
}

// Why is a row's code in words. What a delivery came to is a sentence already.
func (p deadPage) Why(r read.DeadRow) string {
	if r.Kind == read.DeadHook {
		return r.Code
	}
	return web.Words(r.Code)
}

// Whose names what a row without a customer is about.
func (p deadPage) Whose(r read.DeadRow) string {
	switch {
	case r.Name != "" || r.DebtorKey != "":
		return cmp.Or(r.Name, r.DebtorKey)
	case r.Kind == read.DeadInbox || r.Kind == read.DeadHook:
		return p.What(r.Kind) + " " + r.Subject
	}
	return r.Subject
}

// Count is how many there are of a kind, in words.
func (p deadPage) Count(kind string) string { return deadWords(p.Counts[kind]) }

// Actions are what can be done with a row.
func (p deadPage) Actions(r read.DeadRow) []string { return ops.DeadActions(r) }

// Words say what an action does and does not repeat.
func (p deadPage) Words(kind, action string) string { return ops.DeadWords(kind, action) }

// Fails is what fails in a stuck case, as Temporal tells it.
func (p deadPage) Fails(r read.DeadRow) []temporalx.Pending {
	if r.Kind != read.DeadStuck {
		return nil
	}
	return p.Runs[r.Case].Failing()
}

// Ago says when something is by the wall's clock.
func (p deadPage) Ago(t time.Time) string { return web.Relative(t, p.Wall) }

// Href leads to what a row is about; "" where its reader may not go.
func (p deadPage) Href(r read.DeadRow) string {
	need, to := identity.View, ""
	switch {
	case r.Kind == read.DeadInbox:
		need, to = identity.Operate, "/inbox/"+r.Subject
	case r.Kind == read.DeadHook:
		need, to = identity.Hooks, "/hooks/"+r.Task
	case r.Kind == read.DeadUnknown:
		to = "/messages/one?id=" + url.QueryEscape(r.Subject)
	case r.Case != "":
		to = "/cases/" + r.Case
	}
	if !p.User.Somewhere(need) {
		return ""
	}
	return to
}

// dead lists what was tried and came to no end.
func (d *operations) dead(r *web.Request) (err error) {
	ctx := r.R.Context()
	p := deadPage{User: r.User, Kind: r.Value("kind"), Kinds: deadKinds}
	var kinds []string
	if p.Kind != "" {
		kinds = []string{p.Kind}
	}
	if r.WantsCSV() {
		who := r.User
		return r.CSV("dead-letters", deadHeader, mapped(read.All(func(pg read.Page) (read.List[read.DeadRow], error) { return d.Desk.DeadLetters(ctx, who, kinds, pg) }), deadCells))
	}
	if p.List, err = d.Desk.DeadLetters(ctx, r.User, kinds, read.Page{After: r.Value("after")}); err != nil {
		return err
	}
	p.Wall, p.Runs = clock.Wall(), d.Desk.CaseRuns(ctx, stuckIn(p.List.Rows))
	if p.Counts, err = d.Desk.DeadCounts(ctx, r.User); err != nil {
		return err
	}
	t, err := d.Temporal(ctx, r.Scope(identity.Monitor))
	if err != nil {
		return err
	}
	p.Counts[read.DeadWorkflow] = int64(len(t.Facts.Ended))
	if (p.Kind == "" || p.Kind == read.DeadWorkflow) && r.Value("after") == "" {
		p.Ended = t.Facts.Ended
	}
	return r.Page("dead.html", p)
}

// stuckIn are the stuck cases among rows.
func stuckIn(rows []read.DeadRow) (cases []string) {
	for _, r := range rows {
		if r.Kind == read.DeadStuck {
			cases = append(cases, r.Case)
		}
	}
	return cases
}

var deadHeader = []string{"kind", "subject", "case", "customer", "account", "creditor", "since", "code", "tries", "channel", "template"}

func deadCells(r read.DeadRow) []string {
	return []string{r.Kind, r.Subject, r.Case, r.DebtorKey, r.AccountKey, r.Creditor, stamp(r.Since), r.Code, strconv.Itoa(r.Tries), string(r.Channel), r.Template}
}

// takeUp does something with a dead letter.
func (d *operations) takeUp(r *web.Request) error {
	kind, action := r.Value("kind"), r.Value("do")
	if !slices.ContainsFunc(deadKinds, func(k deadKind) bool { return k.Kind == kind }) {
		return web.Invalid("There is no such kind of dead letter. Open the list again.", nil)
	}
	if err := d.Desk.TakeUp(r.R.Context(), r.User, kind, r.Value("subject"), action, r.Value("reason")); err != nil {
		return err
	}
	back := "/dead"
	if r.Value("back") != "" {
		back += "?kind=" + url.QueryEscape(r.Value("back"))
	}
	return r.Done(back, map[string]string{ops.DeadRetry: "It is tried again. ", ops.DeadSkip: "It is skipped. "}[action]+ops.DeadWords(kind, action))
}
