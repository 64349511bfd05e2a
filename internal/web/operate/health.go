package operate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/internal/web"
)

// From when on something is called stuck.
const (
	stuckCase  = 10 * time.Minute // business time past the instant of a case
	stuckNudge = time.Minute      // wall time in the outbox
	stuckHook  = time.Minute
	stuckQueue = time.Minute      // wall time of the oldest task
	stuckPoll  = 2 * time.Minute  // since a worker last asked for tasks
	stuckSweep = 3 * time.Minute  // since late cases were last looked for
	stuckTx    = 10 * time.Minute // a transaction that long keeps the database from cleaning up
)

// tile is one answer of the health page. Kind good, warn, bad, or quiet: not known.
type tile struct {
	Group, Label, Value, Note, Path, Kind string
}

// tileGroup is tiles under a heading.
type tileGroup struct {
	Name  string
	Tiles []tile
}

// doctorRows is how many of the doctor's findings the page shows: who has more mends a
// cause and not rows.
const doctorRows = 50

type healthPage struct {
	Verdict    string
	Kind       string
	Tiles      []tile
	Violations []Violation // the first of them
	Found      int         // all that the doctor found
	Examined   string      // how long ago it looked, where that takes long; "": now
	Unexamined bool        // it has not looked yet
	Switches   []Switch
	Restored   read.Restored
	Health     read.Health
	Temporal   Temporal
	Operating  read.Operating
	Dead       map[string]int64
	Wall       time.Time
}

// Ago says when something was by the wall's clock, as Temporal tells it.
func (p healthPage) Ago(t time.Time) string { return web.Relative(t, p.Wall) }

// UTC is an instant in full.
func (p healthPage) UTC(t time.Time) string { return stampOf(t) }

// Groups are the tiles under their headings, in order.
func (p healthPage) Groups() []tileGroup {
	var out []tileGroup
	for _, t := range p.Tiles {
		i := slices.IndexFunc(out, func(g tileGroup) bool { return g.Name == t.Group })
		if i < 0 {
			i, out = len(out), append(out, tileGroup{Name: t.Group})
		}
		out[i].Tiles = append(out[i].Tiles, t)
	}
	return out
}

// Groups of tiles, in the order of the page.
const (
	groupWork     = "Work"
	groupTemporal = "Temporal and workers"
	groupChannels = "Channels"
	groupBelow    = "Below"
)

// health answers whether anything is stuck, in a sentence, and then with tiles that lead
// to the rows behind them.
func (d *operations) health(r *web.Request) (err error) {
	ctx, scope := r.R.Context(), r.Scope(identity.Monitor)
	var p healthPage
	if p.Health, err = d.Read.HealthNumbers(ctx, scope, r.Now); err != nil {
		return err
	}
	if p.Operating, err = d.Read.Operating(ctx, scope, r.Now); err != nil {
		return err
	}
	if p.Temporal, err = d.Temporal(ctx, scope); err != nil {
		return err
	}
	examined, err := d.Examined(ctx)
	if err != nil {
		return err
	}
	p.Violations, p.Examined, p.Unexamined = examined.Value, examined.Says(), !examined.Known()
	p.Found = len(p.Violations)
	p.Violations = p.Violations[:min(p.Found, doctorRows)]
	if p.Switches, err = d.inForce(ctx, r.Now); err != nil {
		return err
	}
	if p.Restored, err = d.Restored(ctx); err != nil {
		return err
	}
	if p.Dead, err = d.Desk.DeadCounts(ctx, r.User); err != nil {
		return err
	}
	c, err := d.Clock(ctx)
	if err != nil {
		return err
	}
	wall := clock.Wall()
	p.Wall = wall
	p.Tiles = slices.Concat(tiles(p.Health, r.Now, wall), deadTiles(p.Dead, p.Operating), temporalTiles(p.Temporal, wall), workerTiles(p.Operating, wall),
		channelTiles(p.Operating, wall), belowTiles(p.Operating, c, r.Now, wall), feedTiles(p.Health.Feeds, r.Now))
	p.judge()
	return r.Page("health.html", p)
}

// judge sums up: the worst of the tiles, and the doctor.
func (p *healthPage) judge() {
	p.Kind, p.Verdict = "good", "Nothing is stuck."
	if p.Unexamined {
		p.Kind, p.Verdict = "quiet", "Nothing is known to be stuck; the doctor is still looking."
	}
	var bad, warn []string
	for _, t := range p.Tiles {
		switch t.Kind {
		case "bad":
			bad = append(bad, t.Label)
		case "warn":
			warn = append(warn, t.Label)
		}
	}
	if len(warn) > 0 { // named: the tile may lie below the fold
		p.Kind, p.Verdict = "warn", "Nothing is stuck, but look at "+strings.Join(warn, ", ")+"."
	}
	n := len(bad) + p.Found
	if n == 0 {
		return
	}
	if len(p.Violations) > 0 {
		bad = append(bad, "the doctor’s findings")
	}
	p.Kind, p.Verdict = "bad", web.Plural(n, "thing is stuck", "things are stuck")+": "+strings.Join(bad, ", ")+"."
}

// late judges the oldest of what waits.
func late(at, now time.Time, limit time.Duration) string {
	switch {
	case at.IsZero():
		return "good"
	case now.Sub(at) > limit:
		return "bad"
	}
	return "warn"
}

// since says how old the oldest is.
func since(at, now time.Time) string {
	if at.IsZero() {
		return "none waits"
	}
	return "oldest " + web.Relative(at, now)
}

// tiles of the store's numbers. business is now, wall the machine's time.
func tiles(h read.Health, business, wall time.Time) []tile {
	failed := kindOf(h.FailedHour > 0)
	if h.FailedHour > h.AcceptedHour {
		failed = "bad"
	}
	return []tile{
		{groupWork, "Open cases", web.Plural(int(h.Open.N), "case", "cases"), about(h.Open), "/cases", "good"},
		{groupWork, "Worker: cases due", many(h.Due, "case", "cases"), since(h.OldestDue, business), "/cases?waits=worker", late(h.OldestDue, business, stuckCase)},
		{groupWork, "Outbox of nudges", many(h.Outbox, "nudge", "nudges"), since(h.OldestNudge, wall), "/dead?kind=stuck", late(h.OldestNudge, wall, stuckNudge)},
		{groupWork, "Webhooks to process", many(h.Webhooks, "event", "events"), since(h.OldestHook, wall), "/inbox", late(h.OldestHook, wall, stuckHook)},
		{groupWork, "Waits for people", many(h.Work, "thing", "things"), many(h.WorkLate, "late", "late"), "/cases?waits=task", kindOf(h.WorkLate > 0)},
		{groupWork, "Imports under way", many(h.Imports, "import", "imports"), noteOf(h.Imports, "begun, not at the end"), "/imports", "good"},
		{groupChannels, "Sent or not?", many(h.Unknown, "message", "messages"), since(h.OldestUnk, business), "/dead?kind=unknown", late(h.OldestUnk, business, 24*time.Hour)},
		{groupChannels, "At providers now", many(h.Sending, "message", "messages"), noteOf(h.Sending, "being handed over"), "/messages?state=sending", "good"},
		{groupChannels, "Failed in the last hour", many(h.FailedHour, "message", "messages"), many(h.AcceptedHour, "accepted", "accepted"), "/messages?state=failed", failed},
	}
}

// noteOf says what some are; of none there is nothing to say.
func noteOf(n int64, words string) string {
	if n == 0 {
		return "none now"
	}
	return words
}

func many(n int64, one, more string) string { return web.Plural(int(n), one, more) }

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

// deadTiles say what waits for operations.
func deadTiles(dead map[string]int64, o read.Operating) []tile {
	var n int64
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(dead)) {
		n += dead[kind]
		parts = append(parts, deadWords(dead[kind])+" "+strings.TrimSuffix(deadName(kind, dead[kind]), "?"))
	}
	note := "nothing died"
	if len(parts) > 0 {
		note = strings.Join(parts, ", ")
	}
	return []tile{
		{groupWork, "Dead letters", deadTotal(n, dead), note, "/dead", kindOf(n > 0)},
		{groupWork, "Inbox", many(o.Inbox, "event", "events"), noteOf(o.Inbox, "for a person to assign"), "/inbox", kindOf(o.Inbox > 0)},
	}
}

// deadWords is a count of a kind, which is not counted beyond read.DeadMost.
func deadWords(n int64) string {
	if n > read.DeadMost {
		return fmt.Sprintf("over %d", read.DeadMost)
	}
	return strconv.FormatInt(n, 10)
}

// deadTotal is a count over all kinds.
func deadTotal(n int64, dead map[string]int64) string {
	for _, of := range dead {
		if of > read.DeadMost {
			return fmt.Sprintf("over %d letters", read.DeadMost)
		}
	}
	return many(n, "letter", "letters")
}

// temporalTiles say how Temporal does. Without one that was named, the tile is grey.
func temporalTiles(t Temporal, wall time.Time) []tile {
	switch {
	case !t.Configured:
		return []tile{{groupTemporal, "Temporal", "not watched", "set TEMPORAL_ADDRESS for this console to see it; cases run without", "", "quiet"}}
	case !t.Facts.Reachable:
		return []tile{{groupTemporal, "Temporal", "no answer", "within 2 s: see TEMPORAL_ADDRESS and the server; what people do is kept and waits", "/dead?kind=stuck", "bad"}}
	}
	out := []tile{{groupTemporal, "Temporal", "answers", many(t.Facts.Running, "workflow runs", "workflows run"), "/cases", "good"}}
	for _, q := range t.Facts.Queues {
		out = append(out, queueTile(q, wall))
	}
	ended := tile{groupTemporal, "Ended badly", many(int64(len(t.Facts.Ended)), "workflow", "workflows"), "failed or terminated, and not started again", "/dead?kind=workflow", kindOf(len(t.Facts.Ended) > 0)}
	out = append(out, failingTile(t))
	if len(t.Facts.Missing) > 0 {
		out = append(out, tile{groupTemporal, "Not answered", many(int64(len(t.Facts.Missing)), "question", "questions"), strings.Join(t.Facts.Missing, ", "), "", "warn"})
	}
	return append(out, ended)
}

// From which attempt on an activity that fails is no hiccup, and is stuck.
const (
	warnAttempt  = 3
	stuckAttempt = 10
)

// failingTile says what fails and is tried again, of the cases that have work due.
func failingTile(t Temporal) tile {
	out := tile{groupTemporal, "Failing activities", many(int64(len(t.Failing)), "activity", "activities"), "nothing that is due fails", "/dead?kind=stuck", "good"}
	if t.Asked > 0 {
		out.Note = "of " + many(int64(t.Asked), "case that is due", "cases that are due")
	}
	if len(t.Failing) == 0 {
		return out
	}
	worst := slices.MaxFunc(t.Failing, func(a, b temporalx.CasePending) int { return cmp.Compare(a.Attempt, b.Attempt) })
	out.Path = "/cases/" + worst.Case + "/temporal"
	out.Note = fmt.Sprintf("%s: attempt %d, %s", worst.Type, worst.Attempt, worst.Failure)
	switch {
	case worst.Attempt >= stuckAttempt || worst.State == "paused":
		out.Kind = "bad"
	case worst.Attempt >= warnAttempt:
		out.Kind = "warn"
	}
	return out
}

// queueTile is one task queue: who polls it, and what waits.
func queueTile(q temporalx.Queue, wall time.Time) tile {
	t := tile{groupTemporal, "Queue " + q.Name + ", " + q.Kind, many(int64(len(q.Pollers)), "poller", "pollers"), "nothing waits", "/cases?waits=worker", "good"}
	if q.Backlog > 0 {
		t.Note, t.Kind = many(q.Backlog, "task waits", "tasks wait")+", oldest for "+q.Age.Round(time.Second).String(), kindOf(q.Age > 5*time.Second)
	}
	switch {
	case len(q.Pollers) == 0:
		t.Kind, t.Note = "bad", "no worker takes its tasks: start worker; "+t.Note
	case wall.Sub(q.Pollers[0].Last) > stuckPoll:
		t.Kind, t.Note = "bad", "last asked for "+web.Relative(q.Pollers[0].Last, wall)+"; "+t.Note
	case q.Age > stuckQueue && q.Backlog > 0:
		t.Kind = "bad"
	}
	return t
}

// workerReport is what a worker says of itself; see internal/app.
type workerReport struct {
	Broken   []string `json:"broken"`
	Breakers []struct {
		Channel string    `json:"channel"`
		Event   string    `json:"event"` // opened, closed
		At      time.Time `json:"at"`    // wall time
	} `json:"breakers"`
	Swept time.Time `json:"swept"`
	Woken int       `json:"woken"`
}

// silent is when a process has not been heard of for too long.
const silent = time.Minute

// workerTiles say which workers are there, and when late cases were looked for.
func workerTiles(o read.Operating, wall time.Time) []tile {
	alive, swept := 0, time.Time{}
	for _, p := range o.Processes {
		var w workerReport
		if p.Age > silent || json.Unmarshal(p.Body, &w) != nil {
			continue
		}
		alive++
		if w.Swept.After(swept) {
			swept = w.Swept
		}
	}
	workers := tile{groupTemporal, "Workers", many(int64(alive), "worker", "workers"), "heard of in the last minute", "", "good"}
	if alive == 0 {
		workers.Kind, workers.Note = "bad", "none was heard of in the last minute: start worker"
		if len(o.Processes) == 0 {
			workers.Kind = "warn"
		}
	}
	sweeper := tile{groupTemporal, "Sweeper", many(o.Late, "late case", "late cases"), "no worker has swept yet", "/dead?kind=stuck", kindOf(o.Late > 0)}
	if !swept.IsZero() {
		sweeper.Note = "looked " + web.Relative(swept, wall)
		if wall.Sub(swept) > stuckSweep {
			sweeper.Kind = "bad"
		}
	}
	return []tile{workers, sweeper}
}

// channelTiles say how each channel does: errors, breakers, pauses.
func channelTiles(o read.Operating, wall time.Time) []tile {
	broken, last := breakers(o, wall)
	var out []tile
	for _, c := range o.Channels {
		out = append(out, rateTile(c, broken[string(c.Channel)], last[string(c.Channel)]))
		delete(broken, string(c.Channel))
	}
	for _, ch := range slices.Sorted(maps.Keys(broken)) {
		out = append(out, tile{groupChannels, web.Words(ch), "breaker open", "five unknown in a row" + last[ch] + ": it tries again by itself", "/dead?kind=unknown", "bad"})
	}
	for _, p := range o.Paused {
		out = append(out, tile{groupChannels, "Sender " + p.Sender, "paused", "its provider asked for it, until " + web.Relative(p.Until, wall), "", "warn"})
	}
	if len(out) == 0 {
		out = append(out, tile{groupChannels, "Error rate", "none", "nothing was handed over in 15 min", "/messages", "good"})
	}
	return out
}

// breakers are the channels whose breaker is open, and since when a channel's breaker
// stands as it does, as words to add. Workers keep them together, so any report tells.
func breakers(o read.Operating, wall time.Time) (broken map[string]bool, last map[string]string) {
	broken, last = map[string]bool{}, map[string]string{}
	for _, p := range o.Processes {
		var w workerReport
		if p.Age > silent || json.Unmarshal(p.Body, &w) != nil {
			continue
		}
		for _, ch := range w.Broken {
			broken[ch] = true
		}
		for _, e := range w.Breakers { // the newest first
			if last[e.Channel] == "" && wall.Sub(e.At) < 24*time.Hour {
				last[e.Channel] = ", " + e.Event + " " + web.Relative(e.At, wall)
			}
		}
	}
	return broken, last
}

// shut is what is added about a breaker that is closed: when it was closed, if it was open.
func shut(last string) string { return strings.TrimPrefix(last, ", closed") }

// rateTile is a channel's error rate. A few failures are no alarm: half of ten are.
func rateTile(c read.ChannelRate, broken bool, last string) tile {
	all := c.Accepted + c.Failed + c.Unknown
	wrong := c.Failed + c.Unknown
	t := tile{
		groupChannels, web.Words(c.Channel) + ", 15 min", fmt.Sprintf("%d %% errors", wrong*100/max(all, 1)),
		fmt.Sprintf("%d of %d failed, %d unknown; breaker closed%s", c.Failed, all, c.Unknown, shut(last)), "/messages?channel=" + string(c.Channel) + "&state=failed", kindOf(wrong*20 > all),
	}
	switch {
	case broken:
		t.Kind, t.Note = "bad", "breaker open: five unknown in a row"+last+"; it tries again by itself"
	case all >= 10 && wrong*2 > all:
		t.Kind = "bad"
	}
	return t
}

// belowTiles are the clock and the database.
func belowTiles(o read.Operating, c Clock, business, wall time.Time) []tile {
	at := tile{groupBelow, "Clock", "wall time", business.UTC().Format("2 Jan 2006 15:04:05 UTC"), "", "good"}
	if c.Rehearsal {
		at.Value, at.Note, at.Kind = fmt.Sprintf("rehearsal × %g", c.Rate), business.UTC().Format("2 Jan 2006 15:04 UTC")+", here "+wall.UTC().Format("2 Jan 15:04 UTC"), "quiet"
	}
	d := o.Database
	db := tile{groupBelow, "Database", fmt.Sprintf("%d of %d connections", d.Connections, d.Most), "PostgreSQL " + cmp.Or(d.Version, "?"), "", kindOf(d.Most > 0 && d.Connections*10 > d.Most*8)}
	if d.Waiting > 0 {
		db.Note += ", " + many(int64(d.Waiting), "waits for a lock", "wait for locks")
	}
	tx := tile{groupBelow, "Oldest transaction", d.OldestTx.Round(time.Millisecond).String(), "open right now", "", "good"}
	if d.OldestTx > time.Minute {
		tx.Kind = "warn"
	}
	if d.OldestTx > stuckTx {
		tx.Kind, tx.Note = "bad", "it keeps the database from cleaning up: find it in pg_stat_activity"
	}
	out := []tile{at, db, tx}
	for _, r := range d.Replicas {
		out = append(out, tile{groupBelow, "Replica " + r.Name, r.State, "behind by " + r.Lag.Round(time.Millisecond).String(), "", kindOf(r.Lag > time.Minute || r.State != "streaming")})
	}
	return out
}

// feedTiles say until when each creditor's payment data is complete.
func feedTiles(feeds []read.Feed, now time.Time) []tile {
	var out []tile
	for _, f := range feeds {
		t := tile{groupBelow, "Payment data of " + f.Creditor, web.Relative(f.Until, now), "complete until then", "/imports", "good"}
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
