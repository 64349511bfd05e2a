package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/comply"
)

// How the chain is looked after, in wall time.
const (
	sealEvery    = 2 * time.Second  // with sealAge: whatever is committed is sealed within five seconds
	lookEvery    = time.Minute      // whether a verification is due
	sweepLook    = 3 * time.Minute  // whether a sweep is; in a rehearsal weeks go by meanwhile
	sealAge      = 3 * time.Second  // a row waits that long for others to be sealed with
	sealBatch    = 500              // unless that many wait
	sealPatience = 5 * time.Second  // for writers under way
	verifyEvery  = 24 * time.Hour   // everything is hashed again
	verifiedFor  = 30 * time.Hour   // after that the light turns amber
	unsealedFor  = 10 * time.Minute // so does it when a row waits longer
)

// How often the ledger is swept, in business time: a rehearsal lives through it, too.
const (
	sweepNews = 24 * time.Hour     // what was learned since the sweep before
	sweepAll  = 7 * 24 * time.Hour // everything
)

// Guardian chains what was added, verifies the chain once a day, and sweeps the ledger once
// a day. Every worker and every console has one; which of them does it does not matter.
type Guardian struct {
	Store *postgres.Store
	Book  *Book
	Clock clock.Clock
	Log   *slog.Logger // nil: silent

	// rest is until when, in wall time, no sweep is begun: one that failed would most
	// likely fail again, and reads everything.
	rest time.Time
}

// Run works until ctx ends. What fails is tried again. Sealing goes on while the rest,
// which can take long, is under way.
func (g *Guardian) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { g.every(ctx, sealEvery, "sealing the ledgers", g.seal) })
	group.Go(func() { g.every(ctx, lookEvery, "verifying the chain", g.verifyWhenDue) })
	group.Go(func() { g.every(ctx, sweepLook, "sweeping the ledger", g.sweepWhenDue) })
	group.Wait()
}

// every calls f now and then until ctx ends.
func (g *Guardian) every(ctx context.Context, wait time.Duration, what string, f func(context.Context) error) {
	tick := time.NewTicker(wait)
	defer tick.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil && g.Log != nil {
			g.Log.Warn(what+" did not work; it is tried again", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (g *Guardian) seal(ctx context.Context) error {
	for {
		out, err := g.Store.Seal(ctx, clock.Wall(), postgres.SealOptions{Rows: sealBatch, Age: sealAge, Patience: sealPatience})
		if err != nil || !out.More {
			return err
		}
	}
}

// verifyWhenDue verifies the chain once a day, and writes its head into the log: a place
// that who changes the database does not reach.
func (g *Guardian) verifyWhenDue(ctx context.Context) error {
	if due, err := g.verifyDue(ctx); err != nil || !due {
		return err
	}
	_, err := g.Store.Verifying(ctx, func() error {
		due, err := g.verifyDue(ctx) // another may just have done it
		if err == nil && due {
			_, err = g.Verify(ctx, "system")
		}
		return err
	})
	return err
}

// verifyDue reports whether a day has passed since the chain was verified, or the clock was
// set back behind that.
func (g *Guardian) verifyDue(ctx context.Context) (bool, error) {
	checks, err := g.Store.Checks(ctx, 1)
	if err != nil || len(checks) == 0 {
		return err == nil, err
	}
	ago := clock.Wall().Sub(checks[0].At)
	return ago >= verifyEvery || ago < -verifyEvery, nil
}

// Verify verifies the chain, keeps the result for the light, and tells the log.
func (g *Guardian) Verify(ctx context.Context, by string, kept ...chain.Head) (c chain.Check, err error) {
	c = chain.Check{At: clock.Wall(), By: by}
	if c.Report, err = g.Store.VerifyChain(ctx, kept...); err != nil {
		return c, err
	}
	if err := g.Store.PutCheck(ctx, c); err != nil || g.Log == nil {
		return c, err
	}
	head := slog.String("head", c.Head.String())
	if c.Broken != nil {
		g.Log.Error("THE AUDIT CHAIN IS BROKEN; see docs/runbook.md, A red integrity light", slog.String("where", c.Broken.String()), head)
		return c, nil
	}
	g.Log.Info("the audit chain is whole; keep its head elsewhere", head, slog.Int64("rows", c.Rows))
	return c, nil
}

// restAfterFailure is how long nothing is swept after a sweep that failed.
const restAfterFailure = time.Hour

// sweepWhenDue sweeps the ledger: what was learned since the day before, and everything
// once a week. Without published configuration there is nothing to judge by.
func (g *Guardian) sweepWhenDue(ctx context.Context) error {
	if _, err := g.Book.Current(ctx); err != nil || clock.Wall().Before(g.rest) {
		return nil //nolint:nilerr // nothing published: nothing left
	}
	kind, err := g.dueSweep(ctx)
	if err != nil || kind == "" {
		return err
	}
	begun, err := g.Sweeper().Begin(ctx, kind, read.Everything(), "system")
	if err != nil {
		return nil //nolint:nilerr // another process is sweeping, or the next round tells
	}
	if err = begun.Run(ctx); err != nil {
		g.rest = clock.Wall().Add(restAfterFailure)
	}
	if sum := begun.Row().Sum(); g.Log != nil && err == nil {
		g.Log.Info("the ledger was swept", slog.String("kind", begun.Row().Kind), slog.Int("debtors", sum.Debtors), slog.Int("messages", sum.Swept),
			slog.Int("outside", sum.Outside), slog.Int("new_findings", begun.Opened))
	}
	return err
}

// dueSweep is the kind of sweep that is due, "" for none.
func (g *Guardian) dueSweep(ctx context.Context) (string, error) {
	now, err := g.Clock.Now(ctx)
	if err != nil {
		return "", err
	}
	full, ok, err := g.Store.LastSweep(ctx, read.FullSweep)
	if err != nil || !ok || now.Sub(full.At) >= sweepAll {
		return read.FullSweep, err
	}
	last, _, err := g.Store.LastSweep(ctx, "")
	if err != nil || now.Sub(last.At) < sweepNews {
		return "", err
	}
	return read.NewsSweep, nil
}

// guardian is the console's.
func (c *Console) guardian() *Guardian {
	return &Guardian{Store: c.deps.Store, Book: c.book, Clock: c.deps.Clock, Log: c.deps.Log}
}

// Sweeper sweeps the ledger and keeps what comes out.
func (g *Guardian) Sweeper() *recheck.Sweeper {
	return &recheck.Sweeper{Ledger: g.Store, Frames: g.Book, Keeper: g.Store, Now: g.Clock.Now, Wall: clock.Wall}
}

// lights asks for the state of the chain at most every few seconds, since every page of
// compliance shows it.
type lights struct {
	store *postgres.Store
	mu    sync.Mutex
	state chain.State
	at    time.Time
}

// lightFor is how long an answer is good for.
const lightFor = 5 * time.Second

func (l *lights) get(ctx context.Context) (chain.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := clock.Wall(); now.Sub(l.at) > lightFor {
		state, err := l.store.ChainState(ctx)
		if err != nil {
			return state, err
		}
		l.state, l.at = state, now
	}
	return l.state, nil
}

// forget makes the next question be asked of the database.
func (l *lights) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = time.Time{}
}

// light is the integrity light for somebody. Who has the audit can open its page.
func (l *lights) light(ctx context.Context, who identity.Principal) (*web.Light, error) {
	state, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	out := LightOf(state, clock.Wall())
	out.Path = l.path(who)
	return &out, nil
}

// path is the page about the chain for who may open it, "" for others.
func (l *lights) path(who identity.Principal) string {
	if who.Somewhere(identity.Audit) {
		return "/integrity"
	}
	return ""
}

// LightOf is how the chain stands: red when it is broken, amber when rows wait too long to be
// sealed or when it was not verified lately, green when neither is so. now is wall time.
func LightOf(s chain.State, now time.Time) web.Light {
	switch {
	case s.Checked && s.Check.Broken != nil:
		return web.Light{Kind: "bad", Text: "Audit chain broken", Title: upper(s.Check.Broken.String()) + ". Found " + s.Check.At.UTC().Format("2 Jan 2006, 15:04 UTC") + "."}
	case s.Oldest > unsealedFor:
		return web.Light{Kind: "warn", Text: "Audit not sealed", Title: fmt.Sprintf("Rows of %s wait for %s to be sealed. Is a worker running?", strings.ReplaceAll(strings.Join(s.Unsealed, ", "), "_", " "), comply.Lasted(s.Oldest))}
	case !s.Checked:
		return web.Light{Kind: "warn", Text: "Audit not verified", Title: "The chain was never verified. It is, once a day, while a worker or a console runs."}
	case now.Sub(s.Check.At) > verifiedFor:
		return web.Light{Kind: "warn", Text: "Audit not verified", Title: "The chain was last verified " + s.Check.At.UTC().Format("2 Jan 2006, 15:04 UTC") + "."}
	}
	return web.Light{
		Kind: "good", Text: "Audit whole",
		Title: fmt.Sprintf("%d rows through seal %d were as they had been written, %s. Rows since then are sealed as they come.", s.Check.Rows, s.Check.Head.N, s.Check.At.UTC().Format("2 Jan 2006, 15:04 UTC")),
	}
}

// upper begins a sentence.
func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
