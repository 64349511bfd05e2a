package simulate

import (
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// Why is one rule that said no, in words.
type Why struct {
	Rule     string `json:"rule"`
	Citation string `json:"citation,omitempty"`
	Text     string `json:"text"`
}

// Note is what stands behind an event: why not, and when on that day it would be allowed.
type Note struct {
	At   time.Time `json:"-"`
	Step string    `json:"-"`
	Why  []Why     `json:"why,omitempty"`
	// Windows are the spans of the debtor's day in which all rules allow the channel, as
	// things stood before the contact.
	Windows []Interval `json:"windows,omitempty"`
	Zone    string     `json:"zone,omitempty"` // of the day
	// Asked says that the contact policies were asked: without windows they allow no hour of
	// that day.
	Asked bool `json:"asked,omitempty"`
}

// maxNotes bounds how many events of a life are explained.
const maxNotes = 200

// Notes watches a life and explains what it does not send, and the hours of what it does.
// The set-up must have Record set.
type Notes struct{ all map[noteKey]Note }

type noteKey struct {
	at   int64
	step string
}

// Watch is for Account.Watch.
func (n *Notes) Watch(f *dunning.Facts, d *dunning.Decision) {
	k := noteKey{d.At.UnixNano(), d.Step}
	if n.all == nil {
		n.all = map[noteKey]Note{}
	}
	_, known := n.all[k]
	if known || len(n.all) >= maxNotes || !d.Deferred && (d.Contact == nil || !d.Due()) {
		return
	}
	note := Note{At: d.At, Step: d.Step}
	if d.Deferred {
		note.Why = whyNot(f, d)
	}
	if note.Asked = len(d.Checks) > 0 || d.Contact != nil; note.Asked && len(f.Zones) > 0 {
		note.Zone, note.Windows = f.Zones[0].String(), Windows(f, d.At, askOf(d))
	}
	n.all[k] = note
}

// Of is the note of an event; ok is false where there is none.
func (n *Notes) Of(e dunning.Event) (Note, bool) {
	note, ok := n.all[noteKey{e.At.UnixNano(), e.Step}]
	return note, ok && (e.Kind == "contact" || e.Kind == "deferred")
}

// askOf is what the contact policies were asked last for a decision.
func askOf(d *dunning.Decision) dunning.Ask {
	if len(d.Checks) == 0 {
		return dunning.Ask{Channel: d.Channel(), Purpose: "collect", Automated: true}
	}
	return asked(d.Checks[len(d.Checks)-1])
}

func asked(c dunning.Checked) dunning.Ask {
	return dunning.Ask{Channel: c.Channel, Purpose: c.Purpose, Automated: c.Automated, Point: c.Point, Person: c.Person, Debts: c.Debts}
}

// whyNot words every rule that refused, each once, and what is not a rule of a policy.
func whyNot(f *dunning.Facts, d *dunning.Decision) []Why {
	var out []Why
	seen := map[string]bool{}
	for _, c := range d.Checks {
		q := f.Asked(d.At, asked(c))
		for _, r := range c.Verdict.Reasons {
			if text := f.Policies.Text(q, r); !seen[r.Rule+text] {
				seen[r.Rule+text] = true
				out = append(out, Why{r.Rule, f.Policies.Citation(r.Rule), text})
			}
		}
	}
	if len(out) == 0 {
		out = []Why{{Rule: d.Rule, Citation: f.Policies.Citation(d.Rule), Text: ownRule(d.Rule, d.Reason)}}
	}
	return out
}

// own are the sequence's own reasons to wait, in words.
var own = map[string]string{
	"spacing":     "The sequence keeps a distance between two messages.",
	"daily_limit": "At most one automatic message leaves for a debtor and creditor a day.",
	"send_window": "The sequence does not want to write at this hour, or on this day.",
}

// ownRule words what the core says of itself: spacing, the sequence's hours, holds.
func ownRule(rule, reason string) string {
	if kind, held := strings.CutPrefix(rule, "hold:"); held {
		return "A hold keeps contact back: " + strings.ReplaceAll(kind, "_", " ") + "."
	}
	if text, ok := own[rule]; ok {
		return text
	}
	text := strings.ReplaceAll(rule, "_", " ")
	if reason != "" && reason != rule {
		text += ": " + strings.ReplaceAll(reason, "_", " ")
	}
	return "It waits: " + text + "."
}

// grain is how finely the end of a window is looked for before it is found to the second.
const grain = 15 * time.Minute

// Windows are the spans of the local day of an instant, in the debtor's first zone, in
// which a contact would be allowed as things stand: midnight to midnight, in order.
func Windows(f *dunning.Facts, at time.Time, ask dunning.Ask) []Interval {
	if len(f.Zones) == 0 {
		return nil
	}
	day := dunning.DateOf(at.In(f.Zones[0]))
	t, end := dunning.StartOfDay(day, f.Zones[0]), dunning.StartOfDay(day.AddDays(1), f.Zones[0])
	var out []Interval
	for t.Before(end) {
		v := f.Reach(t, ask)
		if v.Allowed {
			until := closes(f, t, end, ask)
			out = append(out, Interval{t, until})
			t = until
			continue
		}
		if v.NotBefore.IsZero() {
			return out
		}
		t = later(t.Add(time.Second), v.NotBefore)
	}
	return out
}

// closes is when a window that is open at t ends: the first second at which the answer is
// no, or the end of the day.
func closes(f *dunning.Facts, t, end time.Time, ask dunning.Ask) time.Time {
	lo := t
	for hi := t.Add(grain); ; hi = hi.Add(grain) {
		if !hi.Before(end) {
			hi = end
		}
		if hi.Equal(end) || !f.Reach(hi, ask).Allowed {
			return edge(f, lo, hi, end, ask)
		}
		lo = hi
	}
}

func edge(f *dunning.Facts, lo, hi, end time.Time, ask dunning.Ask) time.Time {
	if hi.Equal(end) && f.Reach(end.Add(-time.Second), ask).Allowed {
		return end
	}
	for hi.Sub(lo) > time.Second {
		mid := lo.Add(hi.Sub(lo) / 2).Truncate(time.Second)
		if !mid.After(lo) {
			break
		}
		if f.Reach(mid, ask).Allowed {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}
