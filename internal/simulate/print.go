package simulate

import (
	"fmt"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// Print writes a timeline for people: one line an event, local time first.
// Items in brackets are only listed along; "@step" follows an item that counts
// for another step than the contact's.
func Print(events []dunning.Event, zone *time.Location) string {
	var b strings.Builder
	for _, e := range events {
		parts := []string{e.At.In(zone).Format("2006-01-02 15:04"), pad(e.Kind, 9)}
		for _, s := range []string{e.Step, string(e.Channel)} {
			if s != "" {
				parts = append(parts, s)
			}
		}
		if items := printItems(e); items != "" {
			parts = append(parts, items)
		}
		for _, s := range []string{e.Reason, e.Rule} {
			if s != "" && s != e.Reason || s != "" && s == e.Reason && s != e.Rule {
				parts = append(parts, s)
			}
		}
		if e.Rule != "" && e.Rule == e.Reason {
			parts = append(parts, e.Rule)
		}
		if !e.NotBefore.IsZero() {
			parts = append(parts, "not before "+e.NotBefore.In(zone).Format("2006-01-02 15:04"))
		}
		b.WriteString(strings.TrimRight(strings.Join(parts, " "), " ") + "\n")
	}
	return b.String()
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-len(s), 0)) }

func printItems(e dunning.Event) string {
	var out []string
	for _, i := range e.Items {
		s := i.Key
		if i.Amount != "" {
			s += "=" + i.Amount
		}
		switch {
		case i.Step == nil && e.Kind == "contact":
			s = "[" + s + "]"
		case i.Step != nil && *i.Step != e.Step:
			s += "@" + *i.Step
		}
		out = append(out, s)
	}
	return strings.Join(out, "+")
}

// Describe is one line of fmt for a decision, used in failure messages.
func Describe(d dunning.Decision) string {
	return fmt.Sprintf("%s %s %s waits for %q until %s (%s)", d.At.UTC().Format(time.RFC3339), d.Verb, d.Step, d.Waiting, d.WakeAt.UTC().Format(time.RFC3339), d.Rule)
}
