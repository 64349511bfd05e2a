package activities

import (
	"context"
	"sync"
	"time"

	"github.com/duly/duly/dunning"
)

// Limits of a channel. The zero value has no rate limit.
type Limits struct {
	// Every is the least time between two hand-overs of this process.
	Every time.Duration
}

// Gate keeps channels to their providers' wishes before anything is reserved: a rate, a
// pause after "too many requests", and a breaker that opens when hand-overs stay unknown
// one after another. It is shared by all activities of a process, and the breaker by all
// workers where they have a place for it (Share). A nil Gate is open.
type Gate struct {
	wall   func() time.Time
	limits map[dunning.Channel]Limits
	shared Breakers // nil: the breaker is this process's own

	mu       sync.Mutex
	channels map[dunning.Channel]*lane
}

// lane is the state of one channel.
type lane struct {
	next     time.Time // when the next hand-over may begin by the rate
	paused   time.Time // until when the provider wants to be left alone
	unknowns int       // in a row
	lookups  int       // look-ups under way
	probe    time.Time // breaker: when the next trial may be made
}

const (
	// breakAfter unknown hand-overs in a row open a channel's breaker.
	breakAfter = 5
	// probeEvery is how often an open breaker lets one hand-over try.
	probeEvery = 5 * time.Minute
	// configPause is how long a channel rests whose provider refuses the sender.
	configPause = 15 * time.Minute
	// maxLookups of a channel are under way at once in a process.
	maxLookups = 25
	// shortWait is waited for within the activity; longer pauses put the case to sleep.
	shortWait = 5 * time.Second
)

// NewGate makes a gate that reads the wall clock through wall.
func NewGate(wall func() time.Time, limits map[dunning.Channel]Limits) *Gate {
	return &Gate{wall: wall, limits: limits, channels: map[dunning.Channel]*lane{}}
}

// Share has the breaker kept in one place for all workers: what one of them does not get
// answered counts for all, and of all of them one tries an open channel. It returns g.
func (g *Gate) Share(b Breakers) *Gate {
	g.shared = b
	return g
}

// tries reports for how long the breaker of all workers keeps them from a channel; 0: a
// hand-over may begin, and if the breaker is open this one is the trial.
func (g *Gate) tries(ctx context.Context, ch dunning.Channel) (time.Duration, error) {
	if g == nil || g.shared == nil {
		return 0, nil
	}
	return g.shared.AdmitBreaker(ctx, string(ch))
}

// tell tells the breaker of all workers what became of a hand-over. What was never written
// to the wire was answered by nobody.
func (g *Gate) tell(ctx context.Context, ch dunning.Channel, o dunning.Outcome) error {
	switch {
	case g == nil || g.shared == nil || o.Class == dunning.FailedNow:
		return nil
	case o.State == dunning.SendUnknown:
		return g.shared.BreakerUnknown(ctx, string(ch))
	}
	return g.shared.BreakerAnswered(ctx, string(ch), "hand_over")
}

// tellAnswered tells it that the provider's records could be read again.
func (g *Gate) tellAnswered(ctx context.Context, ch dunning.Channel, e dunning.Evidence) error {
	if g == nil || g.shared == nil || e.Found == dunning.EvidenceCannotKnow || e.Found == "" {
		return nil
	}
	return g.shared.BreakerAnswered(ctx, string(ch), "look_up")
}

// admit waits for a channel's turn. It returns 0 when a hand-over may begin, else for
// how long the channel is closed.
func (g *Gate) admit(ctx context.Context, ch dunning.Channel) time.Duration {
	if g == nil {
		return 0
	}
	wait, closed := g.take(ch)
	if closed > 0 || wait == 0 {
		return closed
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0
	case <-ctx.Done():
		return shortWait
	}
}

// take reserves the next slot of a channel.
func (g *Gate) take(ch dunning.Channel) (wait, closed time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, now := g.lane(ch), g.wall()
	if g.shared == nil && l.unknowns >= breakAfter {
		if d := l.probe.Sub(now); d > 0 {
			return 0, d
		}
		l.probe = now.Add(probeEvery) // this one tries
	}
	start := now
	for _, t := range []time.Time{l.next, l.paused} {
		if t.After(start) {
			start = t
		}
	}
	if d := start.Sub(now); d > shortWait {
		return 0, d
	}
	l.next = start.Add(g.limits[ch].Every)
	return start.Sub(now), 0
}

// report learns from the outcome of a hand-over.
func (g *Gate) report(ch dunning.Channel, o dunning.Outcome) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l, now := g.lane(ch), g.wall()
	if o.State == dunning.SendUnknown {
		if l.unknowns++; l.unknowns >= breakAfter {
			l.probe = now.Add(probeEvery)
		}
		return
	}
	if o.Class != dunning.FailedNow { // never written to the wire: no answer at all
		l.unknowns = 0
	}
	switch {
	case o.Alone: // this message only
	case o.Class == dunning.FailedLater:
		l.pause(now.Add(o.RetryAfter))
	case o.Class == dunning.FailedConfig: // every other message would be refused as well
		l.pause(now.Add(configPause))
	}
}

// pause closes a channel. Calls that were under way together are refused together: the
// longest of what the provider asked them for is kept.
func (l *lane) pause(until time.Time) {
	if until.After(l.paused) {
		l.paused = until
	}
}

// lookUp reports whether a provider's records may be asked now. Looks share their workers
// with all decisions, so a provider that answers slowly may keep only a few of them; those
// who are told no ask again later (see noTurn). Each yes is given back with lookedUp.
func (g *Gate) lookUp(ch dunning.Channel) bool {
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lane(ch)
	if l.lookups >= maxLookups {
		return false
	}
	l.lookups++
	return true
}

// lookedUp gives back what lookUp has given.
func (g *Gate) lookedUp(ch dunning.Channel) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lane(ch).lookups--
}

// answered closes the breaker when a provider's records can be read again.
func (g *Gate) answered(ch dunning.Channel, e dunning.Evidence) {
	if g == nil || e.Found == dunning.EvidenceCannotKnow || e.Found == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lane(ch).unknowns = 0
}

// Broken reports whether the breaker of a channel that is this process's own is open.
func (g *Gate) Broken(ch dunning.Channel) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lane(ch).unknowns >= breakAfter
}

func (g *Gate) lane(ch dunning.Channel) *lane {
	l, ok := g.channels[ch]
	if !ok {
		l = &lane{}
		g.channels[ch] = l
	}
	return l
}
