package audit

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/duly/duly/dunning"
)

// Count is how often something happened.
type Count struct {
	What string `json:"what"`
	N    int    `json:"n"`
}

// Summary is what a rehearsal came to. Two runs of one script give equal summaries.
type Summary struct {
	Accounts  int              `json:"accounts"`
	Cases     int              `json:"cases"`
	Open      int              `json:"open"`
	Reopened  int              `json:"reopened"`
	Contacts  []Count          `json:"contacts"` // by channel and step
	Deferred  []Count          `json:"deferred"` // messages put off, by rule; however often it was looked
	Tasks     []Count          `json:"tasks"`    // by kind
	Escalated int              `json:"escalated"`
	Offers    int              `json:"offers"`
	Plans     []Count          `json:"plans"`    // agreed, and how they ended
	Promises  []Count          `json:"promises"` // made, and how they ended
	Disputes  []Count          `json:"disputes"` // raised, and how they ended
	Referred  int              `json:"referred"` // invoices
	Payments  int              `json:"payments"`
	Reversed  int              `json:"reversed"`
	Paid      map[string]int64 `json:"paid"`   // minor units by currency, less what came back
	Closed    []Count          `json:"closed"` // by reason
}

type tally struct {
	Summary
	by map[*[]Count]map[string]int
	// waits are the messages of one account that are put off, with the rules that did so.
	waits map[putOff]bool
}

// putOff is a rule that put a step's next message off.
type putOff struct{ step, rule string }

func (t *tally) count(list *[]Count, what string) {
	if t.by == nil {
		t.by = map[*[]Count]map[string]int{}
	}
	if t.by[list] == nil {
		t.by[list] = map[string]int{}
	}
	t.by[list][what]++
}

func (t *tally) done() Summary {
	for list, counts := range t.by {
		*list = nil
		for _, what := range slices.Sorted(maps.Keys(counts)) {
			*list = append(*list, Count{what, counts[what]})
		}
	}
	return t.Summary
}

func (t *tally) life(l Life) {
	t.Accounts++
	t.Cases += len(l.Cases)
	for _, c := range l.Cases {
		if c.Open {
			t.Open++
		}
	}
	t.waits = map[putOff]bool{}
	for _, e := range l.Events() {
		t.event(e)
	}
	payments := map[string]dunning.Payment{}
	for _, x := range l.Facts {
		if x.Account == l.Account.ID {
			t.fact(x, payments)
		}
	}
}

func (t *tally) event(e dunning.Event) {
	switch e.Kind {
	case "contact":
		t.count(&t.Contacts, string(e.Channel)+" "+e.Step)
		t.left(e.Step)
	case "deferred":
		t.deferred(putOff{e.Step, e.Rule})
	case "task":
		t.count(&t.Tasks, e.Reason)
	case "escalated":
		t.Escalated++
	case "offer":
		t.Offers++
	case "referred":
		t.Referred += len(e.Items)
	case "plan":
		t.count(&t.Plans, e.Reason)
	case "promise":
		t.count(&t.Promises, e.Reason)
	case "closed":
		t.count(&t.Closed, e.Reason)
		clear(t.waits)
	}
}

// deferred counts a message that a rule puts off, once until it leaves: how often a case
// was looked at meanwhile depends on the machine, and what was put off does not.
func (t *tally) deferred(p putOff) {
	// What a channel's pause or a try that failed puts off is about machines.
	if strings.HasPrefix(p.rule, "shell:") || p.rule == "retry_after" || t.waits[p] {
		return
	}
	t.waits[p] = true
	t.count(&t.Deferred, p.rule)
}

// left ends the waiting of a step's message.
func (t *tally) left(step string) {
	maps.DeleteFunc(t.waits, func(p putOff, _ bool) bool { return p.step == step })
}

// fact counts what the story does not tell.
func (t *tally) fact(x dunning.Fact, payments map[string]dunning.Payment) {
	switch b := x.Body.(type) {
	case dunning.CaseOpened:
		if b.Reopened {
			t.Reopened++
		}
	case dunning.Payment:
		payments[b.ID] = b
		t.Payments++
		t.add(b, 1)
	case dunning.PaymentReversed:
		t.Reversed++
		t.add(payments[b.Payment], -1)
	case dunning.PromiseMade:
		t.count(&t.Promises, "made")
	case dunning.DisputeRaised:
		t.count(&t.Disputes, "raised")
	case dunning.DisputeResolved:
		t.count(&t.Disputes, b.Outcome)
	}
}

func (t *tally) add(p dunning.Payment, sign int64) {
	if t.Paid == nil {
		t.Paid = map[string]int64{}
	}
	t.Paid[p.Amount.Currency()] += sign * p.Amount.Minor()
}

// Write prints the report as a table.
func (r Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	s := r.Summary
	line := func(what string, n any) { _, _ = fmt.Fprintf(t, "%s\t%v\n", what, n) }
	group := func(title string, counts []Count) {
		for _, c := range counts {
			line(title+": "+c.What, c.N)
		}
	}
	line("accounts", s.Accounts)
	line("cases", s.Cases)
	group("contacts", s.Contacts)
	group("deferred by", s.Deferred)
	group("tasks", s.Tasks)
	line("escalated", s.Escalated)
	line("plans offered", s.Offers)
	group("plans", s.Plans)
	group("promises", s.Promises)
	group("disputes", s.Disputes)
	line("invoices referred", s.Referred)
	line("payments", fmt.Sprintf("%d, of which %d came back", s.Payments, s.Reversed))
	for _, cur := range slices.Sorted(maps.Keys(s.Paid)) {
		line("paid", fmt.Sprintf("%d.%02d %s", s.Paid[cur]/100, s.Paid[cur]%100, cur))
	}
	group("closed", s.Closed)
	line("reopened", s.Reopened)
	line("open", s.Open)
	for _, g := range r.Guarantees {
		line("guarantee: "+g.Name, g.String())
	}
	return t.Flush()
}

// Diff lists what differs between two summaries, at most a few lines.
func Diff(a, b Summary) []string {
	lines := func(s Summary) []string {
		var sb strings.Builder
		_ = Report{Summary: s}.Write(&sb)
		out := strings.Split(strings.TrimSpace(sb.String()), "\n")
		for i := range out {
			out[i] = strings.Join(strings.Fields(out[i]), " ")
		}
		return out
	}
	var out []string
	left, right := lines(a), lines(b)
	for _, l := range left {
		if !slices.Contains(right, l) {
			out = append(out, "- "+l)
		}
	}
	for _, r := range right {
		if !slices.Contains(left, r) {
			out = append(out, "+ "+r)
		}
	}
	slices.SortStableFunc(out, func(x, y string) int { return cmp.Compare(x[2:], y[2:]) })
	return out
}
