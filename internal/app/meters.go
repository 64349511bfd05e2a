package app

import (
	"context"
	"runtime"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// measured is the set of d, or one of its own, as that of a process of a kind: worker, starter
// or console, or of several of them in one.
func (d Deps) measured(kind string) *metrics.Set {
	s := d.Metrics
	if s == nil {
		s = metrics.New()
	}
	s.Describe(kind, dunning.CoreVersion, runtime.Version())
	return s
}

// watchPool shows the store's pool of connections.
func watchPool(m *metrics.Set, store *postgres.Store) {
	m.WatchPool(func() metrics.Pool {
		p := store.Pool().Stat()
		return metrics.Pool{
			Idle: int(p.IdleConns()), InUse: int(p.AcquiredConns()), Opening: int(p.ConstructingConns()), Most: int(p.MaxConns()),
			Waits: p.EmptyAcquireCount(), Waited: p.EmptyAcquireWaitTime(),
		}
	})
}

// watchFigures shows what the database says of the work: of all creditors together.
func watchFigures(m *metrics.Set, store *postgres.Store, c clock.Clock) {
	m.Watch(clock.Wall, func(ctx context.Context) ([]metrics.Sample, error) {
		now, err := c.Now(ctx)
		if err != nil {
			return nil, err
		}
		f := figures{store: store, now: now, wall: clock.Wall()}
		for _, ask := range []func(context.Context) error{f.health, f.operating, f.channels, f.deliveries, f.chain, f.restore} {
			if err := ask(ctx); err != nil {
				return nil, err
			}
		}
		return f.out, nil
	})
}

// measuredChannels are those that messages leave by.
var measuredChannels = []dunning.Channel{dunning.Email, dunning.SMS, dunning.Letter}

// channelOf is the channel of a sender, which is a channel or channel/creditor.
func channelOf(sender string) dunning.Channel {
	ch, _, _ := strings.Cut(sender, "/")
	return dunning.Channel(ch)
}

// figures gathers samples as of an instant of business time and of the wall's.
type figures struct {
	store     *postgres.Store
	now, wall time.Time
	out       []metrics.Sample
}

func (f *figures) put(name string, v float64, labels ...string) {
	f.out = append(f.out, metrics.Sample{Name: name, Value: v, Labels: labels})
}

// age is how long ago the oldest of something was; 0 when there is none.
func (f *figures) age(name string, oldest, now time.Time) {
	if oldest.IsZero() {
		oldest = now
	}
	f.put(name, max(now.Sub(oldest), 0).Seconds())
}

// health are the numbers of the health page.
func (f *figures) health(ctx context.Context) error {
	h, err := f.store.HealthNumbers(ctx, read.Everything(), f.now)
	if err != nil {
		return err
	}
	for name, n := range map[string]int64{
		metrics.CasesOpen: h.Open.N, metrics.CasesDue: h.Due, metrics.NudgesWaiting: h.Outbox, metrics.Unknown: h.Unknown, metrics.Sending: h.Sending,
		metrics.WorkWaiting: h.Work, metrics.WorkLate: h.WorkLate, metrics.InboxPending: h.Webhooks,
	} {
		f.put(name, float64(n))
	}
	f.age(metrics.OldestDueAge, h.OldestDue, f.now)
	f.age(metrics.OldestUnknownAge, h.OldestUnk, f.now)
	f.age(metrics.OldestNudgeAge, h.OldestNudge, f.wall)
	f.age(metrics.OldestInboxAge, h.OldestHook, f.wall)
	f.feeds(h.Feeds)
	return nil
}

// feeds tells of the one that is furthest behind.
func (f *figures) feeds(all []read.Feed) {
	var oldest time.Time
	for _, feed := range all {
		if !feed.Until.IsZero() && (oldest.IsZero() || feed.Until.Before(oldest)) {
			oldest = feed.Until
		}
	}
	f.age(metrics.FeedAge, oldest, f.now)
}

// operating are the numbers of the health page that are about programs.
func (f *figures) operating(ctx context.Context) error {
	o, err := f.store.Operating(ctx, read.Everything(), f.now)
	if err != nil {
		return err
	}
	f.put(metrics.CasesLate, float64(o.Late))
	f.put(metrics.InboxUnassigned, float64(o.Inbox))
	f.recent(o.Channels)
	f.database(o.Database)
	paused := map[dunning.Channel]int{}
	for _, p := range o.Paused {
		paused[channelOf(p.Sender)]++
	}
	for _, ch := range measuredChannels {
		f.put(metrics.SendersPaused, float64(paused[ch]), string(ch))
	}
	return nil
}

func (f *figures) recent(rates []read.ChannelRate) {
	by := map[dunning.Channel]read.ChannelRate{}
	for _, r := range rates {
		by[r.Channel] = r
	}
	for _, ch := range measuredChannels {
		f.put(metrics.Recent, float64(by[ch].Accepted), string(ch), "accepted")
		f.put(metrics.Recent, float64(by[ch].Failed), string(ch), "failed")
		f.put(metrics.Recent, float64(by[ch].Unknown), string(ch), "unknown")
	}
}

func (f *figures) database(d read.Database) {
	var lag time.Duration
	for _, r := range d.Replicas {
		lag = max(lag, r.Lag)
	}
	f.put(metrics.DBConnections, float64(d.Connections))
	f.put(metrics.DBMost, float64(d.Most))
	f.put(metrics.DBLocked, float64(d.Waiting))
	f.put(metrics.DBOldestTx, d.OldestTx.Seconds())
	f.put(metrics.DBReplicaLag, lag.Seconds())
}

// channels tells of breakers and switches.
func (f *figures) channels(ctx context.Context) error {
	breakers, err := f.store.Breakers(ctx)
	if err != nil {
		return err
	}
	on, err := f.store.Switches(ctx)
	if err != nil {
		return err
	}
	open := map[dunning.Channel]float64{}
	for _, b := range breakers {
		if !b.Since.IsZero() {
			open[b.Channel] = 1
		}
	}
	scopes := map[dunning.SwitchScope]float64{}
	var inForce []dunning.Switch
	for _, s := range on {
		if s.InForce(f.now) {
			scopes[s.Scope]++
			inForce = append(inForce, s.Switch)
		}
	}
	for _, ch := range measuredChannels {
		f.put(metrics.BreakerOpen, open[ch], string(ch))
		_, _, off := dunning.SwitchedOff(inForce, dunning.Leaving{Channel: ch}, f.now)
		f.put(metrics.SwitchedOff, one(off), string(ch))
	}
	for _, scope := range dunning.SwitchScopes() {
		f.put(metrics.SwitchesOn, scopes[scope], string(scope))
	}
	return nil
}

func (f *figures) deliveries(ctx context.Context) error {
	b, err := f.store.HookBacklog(ctx)
	if err != nil {
		return err
	}
	f.put(metrics.DeliveriesWaiting, float64(b.Waiting))
	f.put(metrics.DeliveriesGivenUp, float64(b.GivenUp))
	f.age(metrics.OldestDelivery, b.Oldest, f.wall)
	return nil
}

// restore tells whether the database was restored and is not put right yet.
func (f *figures) restore(ctx context.Context) error {
	newest, err := f.store.Restores(ctx, 1)
	if err == nil {
		f.put(metrics.RestoreOpen, one(len(newest) > 0 && newest[0].Done.IsZero()))
	}
	return err
}

// chain is the light of integrity as numbers.
func (f *figures) chain(ctx context.Context) error {
	s, err := f.store.ChainState(ctx)
	if err != nil {
		return err
	}
	f.put(metrics.ChainBroken, one(s.Checked && s.Check.Broken != nil))
	f.put(metrics.UnsealedAge, s.Oldest.Seconds())
	since := s.Check.At
	if !s.Checked {
		since, err = f.store.FirstSealed(ctx)
	}
	if !since.IsZero() {
		f.age(metrics.VerifiedAge, since, f.wall)
	}
	return err
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// watchSchedule shows how the Temporal Schedule stands that opens cases.
func watchSchedule(m *metrics.Set, c client.Client) {
	m.Watch(clock.Wall, func(ctx context.Context) ([]metrics.Sample, error) {
		ctx, cancel := context.WithTimeout(ctx, temporalPatience)
		defer cancel()
		d, err := c.ScheduleClient().GetHandle(ctx, ScheduleID).Describe(ctx)
		if err != nil {
			return nil, err
		}
		return scheduleSamples(d), nil
	})
}

// scheduleSamples are the figures of a Schedule. One that has never begun counts from when it
// was made: it is as late as one that has stopped.
func scheduleSamples(d *client.ScheduleDescription) []metrics.Sample {
	last := d.Info.CreatedAt
	if n := len(d.Info.RecentActions); n > 0 {
		last = d.Info.RecentActions[n-1].ActualTime
	}
	return []metrics.Sample{
		{Name: metrics.SchedulePaused, Value: one(d.Schedule.State != nil && d.Schedule.State.Paused)},
		{Name: metrics.ScheduleMissed, Value: float64(d.Info.NumActionsMissedCatchupWindow)},
		{Name: metrics.ScheduleLast, Value: float64(last.UnixMilli()) / 1000},
		{Name: metrics.ScheduleEvery, Value: scheduleEvery(d).Seconds()},
	}
}

// scheduleEvery is the longest that a Schedule lets pass between two runs: its interval, or, where
// somebody has given it a calendar, the longest pause among the runs that are next. 0 is said of
// one that has nothing to run: it is late as soon as it may be.
func scheduleEvery(d *client.ScheduleDescription) (every time.Duration) {
	if s := d.Schedule.Spec; s != nil {
		for _, i := range s.Intervals {
			if every == 0 || i.Every < every {
				every = i.Every
			}
		}
	}
	for i, next := range d.Info.NextActionTimes {
		if i > 0 && (d.Schedule.Spec == nil || len(d.Schedule.Spec.Intervals) == 0) {
			every = max(every, next.Sub(d.Info.NextActionTimes[i-1]))
		}
	}
	return every
}
