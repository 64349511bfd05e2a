package ops

import (
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// Columns are the head of Lines.
func (t MigrationTrial) Columns() []string {
	return []string{
		"case", "from version", "to version", "outcome", "why", "until",
		"before: does", "before: step", "before: channel", "before: at", "before: waits for", "before: reaches out within a day",
		"after: does", "after: step", "after: channel", "after: at", "after: waits for", "after: reaches out within a day",
		"steps waived",
	}
}

// Lines are the rows for a file: what each case does next as it is, and after the migration. They
// hold no personal data.
func (t MigrationTrial) Lines() [][]string {
	out := make([][]string, 0, len(t.Rows))
	for _, r := range t.Rows {
		outcome, why := r.Outcome, r.Why
		switch {
		case r.Same:
			outcome = "there already"
		case r.Fault != "":
			outcome, why = "not possible", r.Fault
		}
		line := append([]string{r.Case, r.From, t.Order.Version, outcome, why, instant(r.Until)}, next(r.Before)...)
		out = append(out, append(append(line, next(r.After)...), strings.Join(r.waived(), " ")))
	}
	return out
}

// waived are the steps that are left out for some item, each once, in their order.
func (r MigrationRow) waived() (steps []string) {
	seen := map[string]bool{}
	for _, m := range r.Moves {
		for _, s := range m.Waived {
			if !seen[s] {
				seen[s], steps = true, append(steps, s)
			}
		}
	}
	return steps
}

func next(o dunning.Outlook) []string {
	reaches := ""
	if o.Verb != "" || o.Waiting != "" {
		reaches = map[bool]string{true: "yes", false: "no"}[o.Reaches]
	}
	return []string{string(o.Verb), o.Step, string(o.Channel), instant(o.At), o.Waiting, reaches}
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
