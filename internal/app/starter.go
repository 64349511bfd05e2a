package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// Starter opens a case for every account that needs one: an open item comes within 48 hours
// of its first step. It may run as often as wanted, and twice at once: the row in Postgres
// decides, so nothing is opened twice. The case's workflow is started by the relay, from
// the nudge that is committed with the case.
type Starter struct {
	Store *postgres.Store
	Book  *Book
	Clock clock.Clock
	Log   *slog.Logger
	// Meter is told what each run of Watch and of the Schedule came to; nil: nobody is.
	Meter interface {
		Started(opened, unmatched int, well bool)
	}
}

// Opening is a case that was opened, or would be.
type Opening struct {
	Account, AccountKey string
	Case                string // "" in a dry run
	Sequence, Version   string
	At                  time.Time // business instant from which the case is due
	Reopened            bool
}

// StartOptions of one run.
type StartOptions struct {
	DryRun bool
	// Progress is told after each account; nil: nobody is.
	Progress func(looked, opened int)
	// Each is told of each opening; nil: nobody is.
	Each func(Opening)
	// Alive is told before each account that the run goes on; nil: nobody is.
	Alive func()
	// Unmatched is told of each account with debts that no sequence applies to; nil: nobody is.
	Unmatched func(Opening)
}

// StartSummary is what a run came to.
type StartSummary struct {
	Looked int `json:"looked"`
	Opened int `json:"opened"`
	// Unmatched accounts have debts and no sequence that applies: to be reported.
	Unmatched int `json:"unmatched"`
	// Failed accounts could not be looked at; the others were.
	Failed int  `json:"failed"`
	DryRun bool `json:"dry_run,omitempty"`
}

const startPage = 500

// Run looks at all accounts without an open case that may need one. One account's trouble
// does not keep it from the others; the error tells of the first.
func (s *Starter) Run(ctx context.Context, o StartOptions) (StartSummary, error) {
	sum := StartSummary{DryRun: o.DryRun}
	at, err := clock.Recent(ctx, s.Clock) // each account is looked at as of its own instant
	if err != nil {
		return sum, fmt.Errorf("business time: %w", err)
	}
	var first error
	since := at
	if o.DryRun { // it says how all accounts stand, also those that an earlier run has looked at
		since = time.Time{}
	}
	for cursor := ""; ; {
		page, err := s.Store.Candidates(ctx, since, cursor, startPage)
		if err != nil {
			return sum, err
		}
		for _, c := range page {
			if o.Alive != nil {
				o.Alive()
			}
			if err := s.guarded(ctx, c, o, &sum); err != nil {
				sum.Failed++
				s.found(ctx, c, o)
				first = cmpErr(first, fmt.Errorf("account %s: %w", c.Account, err))
			}
			if ctx.Err() != nil {
				return sum, ctx.Err()
			}
		}
		if len(page) < startPage {
			return sum, first
		}
		cursor = page[len(page)-1].Account
	}
}

// found opens a finding about an account that cannot be looked at, once, so that somebody
// sees it who does not read logs. No case opens for it, and nothing is sent.
func (s *Starter) found(ctx context.Context, c postgres.Candidate, o StartOptions) {
	if o.DryRun || ctx.Err() != nil {
		return
	}
	at, err := s.Clock.Now(ctx)
	if err != nil {
		return // the next run finds it
	}
	_, opened, err := s.Store.OpenFinding(ctx, read.NewFinding{
		Key: "starter/" + c.Account, Source: read.BySweep, Kind: read.NearMiss, Title: "The account cannot be judged, so no case opens for it",
		Creditor: c.Creditor, Debtor: c.Debtor, Account: c.Account, At: at, Opened: at, By: "system",
		Words: "Its facts, or what surrounds them, cannot be read by this program. Run duly doctor, and see the log of the starter. Other accounts go on.",
	})
	if s.Log != nil && (opened || err != nil) {
		s.Log.Error("an account cannot be judged; it is among the findings", slog.String("account", c.Account), slog.String("type", kindOf(err)))
	}
}

func cmpErr(first, err error) error {
	if first != nil {
		return first
	}
	return err
}

// guarded keeps a panic over one account's data from the worker and from the others. The
// value of a panic may quote data; the place does not.
func (s *Starter) guarded(ctx context.Context, c postgres.Candidate, o StartOptions, sum *StartSummary) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if s.Log != nil {
				s.Log.Error("panic over an account", slog.String("account", c.Account), slog.String("at", string(debug.Stack())))
			}
			err = errors.New("a fault in Duly: the log has the place")
		}
	}()
	return s.one(ctx, c, o, sum)
}

// one looks at one account.
func (s *Starter) one(ctx context.Context, c postgres.Candidate, o StartOptions, sum *StartSummary) error {
	sum.Looked++
	var v view
	err := s.inAccount(ctx, c, func(tx *postgres.Tx) (err error) {
		v, err = s.look(ctx, tx, c)
		if err != nil || !v.due || o.DryRun {
			return err
		}
		return s.open(ctx, tx, &v)
	})
	if err != nil {
		return err
	}
	if v.unmatched {
		sum.Unmatched++
		if o.Unmatched != nil {
			o.Unmatched(v.opening)
		}
	}
	if v.due {
		sum.Opened++
		if o.Each != nil {
			o.Each(v.opening)
		}
	} else if !o.DryRun {
		err = s.Store.Checked(ctx, c.Account, v.version, v.release, v.opensAt)
	}
	if o.Progress != nil {
		o.Progress(sum.Looked, sum.Opened)
	}
	return err
}

func (s *Starter) inAccount(ctx context.Context, c postgres.Candidate, f func(*postgres.Tx) error) error {
	return s.Store.InDebtor(ctx, []string{c.Debtor}, f)
}

// view is an account as the starter sees it, under the debtor's lock.
type view struct {
	ref       dunning.CaseRef
	version   int64
	release   string // in force, by which was looked ahead
	cases     int    // of the account so far
	at        time.Time
	due       bool
	unmatched bool
	opensAt   time.Time // when time alone makes it due; zero: never
	reopening []dunning.Fact
	opening   Opening
}

// look decides whether an account needs a case now, and when it will.
func (s *Starter) look(ctx context.Context, tx *postgres.Tx, c postgres.Candidate) (v view, err error) {
	v.ref = dunning.CaseRef{Account: c.Account, Debtor: c.Debtor, Creditor: c.Creditor, Currency: c.Currency}
	if v.at, err = s.Clock.Now(ctx); err != nil {
		return v, err
	}
	history, version, err := tx.Facts(ctx, c.Debtor)
	if err != nil {
		return v, err
	}
	v.version = version
	v.opening = Opening{Account: c.Account, AccountKey: c.AccountKey}
	if done, err := s.lookBack(ctx, tx, &v, history); done || err != nil {
		return v, err
	}
	return v, s.lookAhead(ctx, &v, history)
}

// lookBack finds out whether the account's last case is to be opened again, because a debt
// that it was closed over has come back. done: an open case was found, or it is.
func (s *Starter) lookBack(ctx context.Context, tx *postgres.Tx, v *view, history []dunning.Fact) (done bool, err error) {
	cases, err := tx.CasesOf(ctx, v.ref.Debtor)
	if err != nil {
		return false, err
	}
	mine := slices.DeleteFunc(cases, func(r dunning.CaseRef) bool { return r.Account != v.ref.Account })
	if v.cases = len(mine); v.cases == 0 {
		return false, nil
	}
	last := mine[len(mine)-1]
	if last.Open { // another starter was faster
		return true, nil
	}
	setup, err := s.Book.Setup(ctx, last)
	if err != nil {
		return false, err
	}
	f, err := dunning.Fold(setup, history)
	if err != nil {
		return false, err
	}
	if v.reopening = f.Reopening(v.at); len(v.reopening) == 0 {
		return false, nil
	}
	v.ref, v.due = last, true
	v.opening.Sequence, v.opening.Version, v.opening.At, v.opening.Reopened = last.Sequence, last.Version, v.at, true
	return true, nil
}

// lookAhead picks the sequence for a new case and asks the core when it is needed.
func (s *Starter) lookAhead(ctx context.Context, v *view, history []dunning.Fact) error {
	cfg, err := s.Book.Current(ctx)
	if err != nil {
		return err
	}
	v.release = s.Book.versionOf(cfg)
	setup, err := s.Book.Setup(ctx, v.ref)
	if err != nil {
		return err
	}
	f, err := dunning.Fold(setup, history)
	if err != nil {
		return err
	}
	seq, err := cfg.Choose(f.View(v.at))
	if err != nil {
		return err
	}
	if seq == nil {
		v.unmatched = owes(f)
		// The answer may change by time alone (days overdue): look again in a day.
		v.opensAt = v.at.Add(24 * time.Hour)
		return nil
	}
	f.Sequence = seq
	at, ever := dunning.Opens(f)
	if !ever {
		return nil
	}
	v.opensAt, v.due = at, !at.After(v.at)
	v.opening.Sequence, v.opening.Version, v.opening.At = seq.ID, seq.Version, at
	return nil
}

// owes reports whether anything is open in sequence.
func owes(f dunning.Facts) bool {
	return slices.ContainsFunc(f.Items, func(it dunning.ItemState) bool {
		return it.Open > 0 && it.Disposition == dunning.InSequence
	})
}

// feed tells a case that opens until when its creditor's payment data is complete: feeds
// are told to the cases that are open when they come.
func (s *Starter) feed(ctx context.Context, v *view) ([]dunning.Fact, error) {
	feeds, err := s.Store.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range feeds {
		if f.Creditor == v.ref.Creditor && !f.Until.IsZero() {
			source := "feed/" + f.Creditor + "/" + f.Until.UTC().Format(time.RFC3339Nano)
			return []dunning.Fact{{At: v.at, By: "system", Source: source, Body: dunning.FeedSeen{Until: f.Until, Creditor: f.Creditor}}}, nil
		}
	}
	return nil, nil
}

// open makes the case with its first fact and wakes it, all in one transaction.
func (s *Starter) open(ctx context.Context, tx *postgres.Tx, v *view) error {
	facts := v.reopening
	if !v.opening.Reopened {
		// The id follows from the account: a case that a restored database has forgotten gets
		// the id that it had, and with it its contacts those that the providers know.
		v.ref.Case, v.ref.Sequence, v.ref.Version = postgres.CaseID(v.ref.Account, v.cases), v.opening.Sequence, v.opening.Version
		created, err := tx.OpenCase(ctx, v.ref)
		if err != nil {
			return err
		}
		if v.due = created; !created {
			return nil
		}
		facts = []dunning.Fact{{
			At: v.at, Account: v.ref.Account, Case: v.ref.Case, By: "system",
			Body: dunning.CaseOpened{Sequence: v.ref.Sequence, Version: v.ref.Version},
		}}
	}
	feed, err := s.feed(ctx, v)
	if err != nil {
		return err
	}
	if _, _, err := tx.Append(ctx, v.ref.Debtor, append(slices.Clone(facts), feed...)); err != nil {
		return err
	}
	v.opening.Case = v.ref.Case
	return tx.Nudge(ctx, v.ref.Case)
}

// openCases is the activity of the Schedule. Without a sign of life Temporal would take a long
// run for dead and begin another beside it; the SDK sends few of those that it is told.
func (s *Starter) openCases(ctx context.Context) error {
	sum, err := s.Run(ctx, StartOptions{Alive: func() { activity.RecordHeartbeat(ctx) }})
	s.tell(sum, err)
	if err != nil {
		return errors.New("some accounts could not be looked at; the worker's log says why")
	}
	return nil
}

// Watch runs the starter when a case falls due to be opened, and at least every so often,
// until ctx ends. In a rehearsal business time waits for it.
func (s *Starter) Watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		sum, err := s.Run(ctx, StartOptions{})
		if ctx.Err() != nil {
			return
		}
		s.tell(sum, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tell measures and logs what a run came to.
func (s *Starter) tell(sum StartSummary, err error) {
	if s.Meter != nil {
		s.Meter.Started(sum.Opened, sum.Unmatched, err == nil)
	}
	if s.Log == nil {
		return
	}
	if err != nil {
		s.Log.Warn("accounts could not be looked at", slog.Int("failed", sum.Failed), slog.String("type", kindOf(err)))
	}
	if sum.Opened > 0 || sum.Unmatched > 0 {
		s.Log.Info("cases opened", slog.Int("opened", sum.Opened), slog.Int("looked", sum.Looked), slog.Int("unmatched", sum.Unmatched))
	}
}
