package operate

import (
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// From when on something is called stuck.
const (
	stuckCase  = 10 * time.Minute // business time past the instant of a case
	stuckNudge = time.Minute      // wall time in the outbox
	stuckHook  = time.Minute
)

// tile is one answer of the health page. Kind good, warn or bad.
type tile struct {
	Label, Value, Note, Path, Kind string
}

type healthPage struct {
	Verdict    string
	Kind       string
	Tiles      []tile
	Violations []Violation
	Switches   []Switch
	Health     read.Health
}

// health answers whether anything is stuck, in a sentence, and then with tiles that lead
// to the rows behind them.
func (d *operations) health(r *web.Request) error {
	ctx := r.R.Context()
	h, err := d.Read.HealthNumbers(ctx, r.Scope(identity.Monitor), r.Now)
	if err != nil {
		return err
	}
	p := healthPage{Health: h, Tiles: tiles(h, r.Now, clock.Wall())}
	if p.Violations, err = d.Doctor(ctx, r.Now); err != nil {
		return err
	}
	if p.Switches, err = d.inForce(ctx, r.Now); err != nil {
		return err
	}
	p.Tiles = append(p.Tiles, feedTiles(h.Feeds, r.Now)...)
	p.judge()
	return r.Page("health.html", p)
}

// judge sums up: the worst of the tiles, and the doctor.
func (p *healthPage) judge() {
	p.Kind, p.Verdict = "good", "Nothing is stuck."
	n := len(p.Violations)
	for _, t := range p.Tiles {
		switch {
		case t.Kind == "bad":
			n++
			p.Kind = "bad"
		case t.Kind == "warn" && p.Kind == "good":
			p.Kind, p.Verdict = "warn", "Nothing is stuck, but look at what is marked."
		}
	}
	if len(p.Violations) > 0 {
		p.Kind = "bad"
	}
	if p.Kind == "bad" {
		p.Verdict = web.Plural(n, "thing is stuck", "things are stuck") + ": see what is red."
	}
}

// tiles of the store's numbers. business is now, wall the machine's time.
func tiles(h read.Health, business, wall time.Time) []tile {
	late := func(at time.Time, now time.Time, limit time.Duration) string {
		switch {
		case at.IsZero():
			return "good"
		case now.Sub(at) > limit:
			return "bad"
		}
		return "warn"
	}
	since := func(at, now time.Time) string {
		if at.IsZero() {
			return "none waits"
		}
		return "oldest " + web.Relative(at, now)
	}
	failed := "good"
	if h.FailedHour > 0 {
		failed = "warn"
		if h.FailedHour > h.AcceptedHour {
			failed = "bad"
		}
	}
	return []tile{
		{"Open cases", web.Plural(h.Open.N, "case", "cases"), about(h.Open), "/cases", "good"},
		{"Worker: cases due", web.Plural(h.Due, "case", "cases"), since(h.OldestDue, business), "/cases?waits=worker", late(h.OldestDue, business, stuckCase)},
		{"Outbox of nudges", web.Plural(h.Outbox, "nudge", "nudges"), since(h.OldestNudge, wall), "", late(h.OldestNudge, wall, stuckNudge)},
		{"Webhooks to process", web.Plural(h.Webhooks, "event", "events"), since(h.OldestHook, wall), "/inbox", late(h.OldestHook, wall, stuckHook)},
		{"Sent or not?", web.Plural(h.Unknown, "message", "messages"), since(h.OldestUnk, business), "/messages?state=unknown", late(h.OldestUnk, business, 24*time.Hour)},
		{"At providers now", web.Plural(h.Sending, "message", "messages"), "being handed over", "/messages?state=sending", "good"},
		{"Failed in the last hour", web.Plural(h.FailedHour, "message", "messages"), web.Plural(h.AcceptedHour, "accepted", "accepted"), "/messages?state=failed", failed},
		{"Waits for people", web.Plural(h.Work, "thing", "things"), web.Plural(h.WorkLate, "late", "late"), "/cases?waits=task", kindOf(h.WorkLate > 0)},
		{"Imports under way", web.Plural(h.Imports, "import", "imports"), "begun and not finished", "/imports", "good"},
	}
}

func about(c read.Count) string {
	if c.Exact {
		return "counted"
	}
	return "estimated"
}

func kindOf(warn bool) string {
	if warn {
		return "warn"
	}
	return "good"
}

// feedTiles say until when each creditor's payment data is complete.
func feedTiles(feeds []read.Feed, now time.Time) []tile {
	var out []tile
	for _, f := range feeds {
		t := tile{Label: "Payment data of " + f.Creditor, Value: web.Relative(f.Until, now), Note: "complete until then", Kind: "good"}
		switch {
		case f.Until.IsZero():
			t.Value, t.Note, t.Kind = "never", "no feed was seen", "warn"
		case now.Sub(f.Until) > 48*time.Hour:
			t.Kind = "bad"
		}
		out = append(out, t)
	}
	return out
}
