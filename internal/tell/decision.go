package tell

import (
	"fmt"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/web"
)

// Outlook is a decision in a sentence. Kind is that of its badge: good, warn, info, quiet, bad.
type Outlook struct {
	Text     string
	At       time.Time // when it is due, or could be allowed at the earliest; zero: only something new changes it
	Look     bool      // At is when the case is looked at again, which may be before the end of what it waits for
	Rule     string
	Citation string // of Rule, where whoever asked added it
	Kind     string
}

// Decision turns a decision into a sentence.
func Decision(d dunning.Decision) Outlook {
	o := Outlook{At: d.WakeAt, Rule: d.Rule, Kind: "info"}
	switch {
	case d.Deferred && d.NotBefore.IsZero():
		o.Text, o.Kind = fmt.Sprintf("%s is held back: %s. Time alone does not cure it", step(d), web.Words(d.Reason)), "warn"
	case d.Deferred:
		o.Text, o.Kind, o.At = fmt.Sprintf("%s is held: %s", step(d), reason(d)), "warn", d.NotBefore
	case d.Verb == dunning.VerbClose:
		o.Text, o.Kind = "The case closes: "+web.Words(d.Reason), "good"
	case d.Waiting != "" && d.Verb == dunning.VerbLook:
		o.Text, o.Kind, o.Look = waits(d), "quiet", true
	case d.Step != "":
		o.Text = step(d)
	default:
		o.Text = Sentence(string(d.Verb))
	}
	return o
}

func reason(d dunning.Decision) string {
	if d.Reason != "" && d.Reason != d.Rule {
		return web.Words(d.Reason)
	}
	return web.Words(d.Rule)
}

// step names a step and what it does.
func step(d dunning.Decision) string {
	verb := map[dunning.Verb]string{
		dunning.VerbSend: "Send", dunning.VerbCall: "Call", dunning.VerbOffer: "Offer a plan", dunning.VerbEscalate: "Hand to a collector",
		dunning.VerbRefer: "Refer", dunning.VerbTask: "Ask a person", dunning.VerbLook: "Look again", dunning.VerbClose: "Close",
	}[d.Verb]
	if verb == "" {
		verb = Sentence(string(d.Verb))
	}
	if ch := d.Channel(); ch != "" {
		verb += " " + Channel(ch)
	}
	if d.Step == "" {
		return verb
	}
	return verb + " “" + web.Words(d.Step) + "”"
}

// waits says whom or what the case waits for.
func waits(d dunning.Decision) string {
	words := map[string]string{
		"plan": "Waits for the plan’s instalments", "promise": "Waits for the promise", "settlement": "Waits for the settlement’s money",
		"lease": "A collector has it: nothing is sent by itself",
		"offer": "Waits for an answer to the offer", "unknown": "Waits to learn whether a message left", "stale": "Waits for fresh payment data",
		"matures": "Waits for the next step to be due", "refused": "Waits for something new: a rule refuses",
		"closed": "The case is closed: nothing waits", "migration": "Moves to another version once the last message cannot come back any more",
	}
	switch {
	case d.Waiting == "hold":
		return "Held: " + web.Words(strings.TrimPrefix(d.Rule, "hold:"))
	case d.Waiting == "task":
		return "Waits for a person: " + web.Words(strings.TrimPrefix(d.Rule, "task:"))
	case words[d.Waiting] != "":
		return words[d.Waiting]
	}
	return "Waits: " + web.Words(d.Waiting)
}

// MovesWhen says when a migration that waits takes effect, by what it waits for as
// dunning.MigrationPreview names it: "when the promise has ended". "" is at the next look.
func MovesWhen(why string) string {
	words := map[string]string{
		"":              "at the next look",
		"plan":          "when the instalment plan has ended",
		"promise":       "when the promise has ended",
		"settlement":    "when the settlement has ended",
		"lease":         "when the case is handed back",
		"unknown":       "when it is known whether the last message left",
		"offer":         "when the offer is answered or over",
		"step":          "when the step that has begun is complete",
		"letter":        "when the letter in the outbox is posted or called off",
		"delivery":      "when the last message cannot come back any more",
		"task:call":     "when the call is made or given up",
		"task:approval": "when the referral is approved or rejected",
	}
	if text, ok := words[why]; ok {
		return text
	}
	if task, ok := strings.CutPrefix(why, "task:"); ok {
		return "when the open task is done: " + web.Words(task)
	}
	return "when this has ended: " + web.Words(why)
}
