package collect

import (
	"context"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/web"
)

// Light says whether the debtor may be contacted by a channel now. Kind good: yes. Warn:
// yes, with a remark. Bad: no; then there is no button for it.
type Light struct {
	Channel  dunning.Channel
	Kind     string
	Word     string
	Rule     string
	Citation string
	Text     string    // the rule in words
	Opens    time.Time // refused: the next opening; zero: something must happen first
	Point    string    // id of the contact point that would be used
	Waits    bool      // allowed, and a kill switch keeps back what is sent
}

// Allowed reports whether there may be a button.
func (l Light) Allowed() bool { return l.Kind != "bad" }

// channels are the ways that have a light, in order.
var channels = []dunning.Channel{dunning.Call, dunning.SMS, dunning.Email, dunning.Letter}

// Lights are the lights of all channels as of an instant, in order: of the case page, of a
// day's rows and of the API. on are the kill switches, creditor whose case it is, and template
// what is to be sent by it ("": whatever).
func Lights(f *dunning.Facts, on []dunning.Switch, creditor, template string, at time.Time) []Light {
	out := make([]Light, len(channels))
	for i, ch := range channels {
		out[i] = lightOf(f, on, creditor, template, ch, at)
	}
	return out
}

// lightOf asks the core about one channel, and the switches about what it allows.
func lightOf(f *dunning.Facts, on []dunning.Switch, creditor, template string, ch dunning.Channel, at time.Time) Light {
	one := []Light{light(f, at, ch)}
	waits(f, one, on, creditor, template, at)
	return one[0]
}

func light(f *dunning.Facts, at time.Time, ch dunning.Channel) Light {
	ask := dunning.Ask{Channel: ch, Purpose: "collect"}
	v, q := f.Reach(at, ask), f.Asked(at, ask)
	l := Light{Channel: ch, Kind: "good", Word: "Allowed now", Point: q.Point.ID}
	switch {
	case !v.Allowed:
		l.refused(f, q, v)
	case len(v.Warn) > 0:
		l.Kind, l.Word = "warn", "Allowed, mind"
		l.of(f, q, v.Warn[0])
	}
	return l
}

// waits marks the ways to write on which a kill switch keeps messages back: what is ordered
// there is kept until the switch is lifted. A person's own call is stopped by none.
func waits(f *dunning.Facts, all []Light, on []dunning.Switch, creditor, template string, at time.Time) {
	m := dunning.Leaving{Creditor: creditor, Template: template}
	if f.Sequence != nil {
		m.Sequence = f.Sequence.ID
	}
	for i := range all {
		l := &all[i]
		m.Channel = l.Channel
		if _, until, off := dunning.SwitchedOff(on, m, at); off && l.Allowed() && l.Channel != dunning.Call {
			*l = Light{Channel: l.Channel, Kind: "warn", Word: "Waits", Text: "A kill switch is on: what is sent now leaves when it is lifted.", Opens: until, Point: l.Point, Waits: true}
		}
	}
}

// switches are the kill switches that are on; none where nobody tells them.
func (d Deps) switches(ctx context.Context) ([]dunning.Switch, error) {
	if d.Switches == nil {
		return nil, nil
	}
	return d.Switches(ctx)
}

// refused words a no: the rule that refuses longest.
func (l *Light) refused(f *dunning.Facts, q contact.Query, v contact.Verdict) {
	l.Kind, l.Word, l.Rule, l.Opens = "bad", "Not now", v.Rule, v.NotBefore
	if v.NotBefore.IsZero() {
		l.Word = "Not allowed"
	}
	for _, r := range v.Reasons {
		if r.Rule == v.Rule {
			l.of(f, q, r)
			break
		}
	}
	if q.Point.ID == "" && !strings.HasPrefix(v.Rule, "hold:") {
		l.Word, l.Text = "No address", "No usable contact point: "+web.Words(q.Point.Reason)+"."
	}
}

func (l *Light) of(f *dunning.Facts, q contact.Query, r contact.Reason) {
	l.Rule = r.Rule
	if kind, held := strings.CutPrefix(r.Rule, "hold:"); held {
		l.Text = "A hold keeps contact back: " + web.Words(kind) + "."
		return
	}
	l.Citation, l.Text = f.Policies.Citation(r.Rule), f.Policies.Text(q, r)
}
