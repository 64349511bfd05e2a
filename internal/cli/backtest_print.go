package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/duly/duly/internal/simulate"
)

// printBacktest prints the summary for people.
func printBacktest(w io.Writer, r backtested) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	span := ""
	if !r.From.IsZero() {
		span = " from " + r.From.Format(time.DateOnly) + " to " + r.Until.Format(time.DateOnly)
	}
	p("\n%d accounts lived through twice%s.", r.Accounts, span)
	columns := []simulate.Totals{r.InForce, r.Draft}
	heads := []string{"in force", "draft"}
	if r.Really != nil {
		columns, heads = append(columns, *r.Really), append(heads, "really")
	}
	sums(w, heads, columns)
	steps(w, heads[:2], columns[:2])
	rules(w, r)
	p("\nFrom in force to the draft: %d moved, %d vanished, %d new.",
		r.Differences[simulate.Moved], r.Differences[simulate.Vanished], r.Differences[simulate.Appeared])
	if r.Really != nil {
		p("The ledger against what is in force: %d changed by another configuration, %d late, %d wrong.",
			r.Ledger[simulate.ByConfig], r.Ledger[simulate.Late], r.Ledger[simulate.Wrong])
	}
	p("%d contacts of the draft are forbidden by the rules in force.", r.Violations)
}

// sums prints the columns' totals.
func sums(w io.Writer, heads []string, columns []simulate.Totals) {
	t := tabwriter.NewWriter(w, 2, 2, 2, ' ', tabwriter.AlignRight)
	row := func(label string, of func(simulate.Totals) string) {
		_, _ = fmt.Fprint(t, label+"\t")
		for _, c := range columns {
			_, _ = fmt.Fprint(t, of(c)+"\t")
		}
		_, _ = fmt.Fprintln(t)
	}
	_, _ = fmt.Fprintln(t, "\t"+strings.Join(heads, "\t")+"\t")
	row("contacts", func(x simulate.Totals) string { return fmt.Sprint(x.Contacts) })
	for _, ch := range channelsOf(columns) {
		row(ch, func(x simulate.Totals) string { return fmt.Sprint(countOf(x.Channels, ch)) })
	}
	row("SMS segments", func(x simulate.Totals) string { return fmt.Sprint(x.Cost.Segments) })
	row("letters", func(x simulate.Totals) string { return fmt.Sprint(x.Cost.Letters) })
	row("call tasks", func(x simulate.Totals) string { return fmt.Sprint(x.Cost.Calls) })
	row("first", func(x simulate.Totals) string { return dayOf(x.First) })
	row("last", func(x simulate.Totals) string { return dayOf(x.Last) })
	_ = t.Flush()
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format(time.DateOnly)
}

func channelsOf(columns []simulate.Totals) []string {
	var out []string
	for _, c := range columns {
		for _, k := range c.Channels {
			if !slices.Contains(out, k.Key) {
				out = append(out, k.Key)
			}
		}
	}
	slices.Sort(out)
	return out
}

func countOf(all []simulate.Count, key string) int {
	for _, c := range all {
		if c.Key == key {
			return c.N
		}
	}
	return 0
}

// steps prints a line for each sequence and step, in force and in the draft.
func steps(w io.Writer, heads []string, columns []simulate.Totals) {
	_, _ = fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 2, 2, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "sequence\tstep\t\tcontacts\tput off\ttasks\tsegments\tletters\tfirst\tlast\tby")
	for _, k := range stepsOf(columns) {
		for i, c := range columns {
			s, ok := stepOf(c, k)
			if !ok {
				_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t–\t\t\t\t\t\t\t\n", k[0], k[1], heads[i])
				continue
			}
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n",
				k[0], k[1], heads[i], s.Contacts, total(s.Refused), s.Tasks, s.Cost.Segments, s.Cost.Letters, dayOf(s.First), dayOf(s.Last), list(s.Channels))
		}
	}
	_ = t.Flush()
}

// stepsOf are the steps of all columns, those of the first in its order.
func stepsOf(columns []simulate.Totals) (out [][2]string) {
	for _, c := range columns {
		for _, s := range c.Steps {
			if k := [2]string{s.Sequence, s.Step}; !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

func stepOf(t simulate.Totals, k [2]string) (simulate.StepTotal, bool) {
	for _, s := range t.Steps {
		if s.Sequence == k[0] && s.Step == k[1] {
			return s, true
		}
	}
	return simulate.StepTotal{}, false
}

func total(all []simulate.Count) (n int) {
	for _, c := range all {
		n += c.N
	}
	return n
}

func list(all []simulate.Count) string {
	var out []string
	for _, c := range all {
		out = append(out, fmt.Sprintf("%d %s", c.N, c.Key))
	}
	return strings.Join(out, ", ")
}

// rules prints what rules put off, in force and in the draft.
func rules(w io.Writer, r backtested) {
	var names []string
	for _, c := range slices.Concat(r.InForce.Refused, r.Draft.Refused) {
		if !slices.Contains(names, c.Key) {
			names = append(names, c.Key)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	t := tabwriter.NewWriter(w, 2, 2, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\nput off by\tin force\tdraft")
	for _, n := range names {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\n", n, countOf(r.InForce.Refused, n), countOf(r.Draft.Refused, n))
	}
	_ = t.Flush()
}
