// Package simulate is the second shell around the core: the same decisions as
// in production, under a simulated clock, in memory.
//
// It owns the order of events and the pretence that every hand-over is
// accepted at once (unless a script says otherwise). It does not own any rule:
// what is decided, and when next, is dunning.Settle.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
)

// Reply is how a simulated provider answers one contact.
type Reply struct {
	State     dunning.ContactState // accepted (default), failed, unknown
	Class     dunning.FailureClass
	Permanent bool
	RetryIn   time.Duration
	Deadline  time.Duration // unknown: until when evidence is awaited
}

// Account is one account to live through: who it is, what follows it, and the
// facts that arrive from outside, in time order.
type Account struct {
	Setup dunning.Setup
	Facts []dunning.Fact
	// Commands are played through dunning.Handle when their time comes.
	Commands []Command
	// Reply answers a contact; nil accepts everything.
	Reply func(c dunning.ContactPlanned, at time.Time) Reply
	// Outages are intervals in which nothing is decided.
	Outages []Interval
	// Choose picks the sequence when a case opens; nil keeps Setup.Sequence.
	Choose func(v dunning.View) *dunning.Sequence

	// Versions are other versions of the sequence, by the names that the command migrate
	// may give them.
	Versions map[string]*dunning.Sequence

	// Past is what is known when the simulation begins: it is folded and not told again.
	// Facts and commands come after Begin.
	Past []dunning.Fact
	// Begin is the instant from which an account with a Past is lived through; an open case
	// is looked at then. Zero: the first fact.
	Begin time.Time
	// Cases are the ids of the cases that are opened, one after another; what is left out is
	// named after the account.
	Cases []string
	// React is asked after every change what people do next by themselves, and when; nil
	// commands and no React: nobody does anything.
	React func(f *dunning.Facts) (time.Time, dunning.Command)
	// Watch is told of every look: the facts and what was decided over them. May be nil.
	Watch func(f *dunning.Facts, d *dunning.Decision)
}

// Command is a command at an instant.
type Command struct {
	At      time.Time
	By      string
	Command dunning.Command
	// Pick chooses the command by what is known when its time comes, such as
	// which task is open; it comes before Command. nil: nobody does anything.
	Pick func(f dunning.Facts) dunning.Command
	// Happen are facts of which no command tells, by what is known then: a
	// provider's report. It comes before Pick.
	Happen func(f dunning.Facts) []dunning.Fact
}

// Interval is [From, Until).
type Interval struct{ From, Until time.Time }

// Life is everything that happened to one account.
type Life struct {
	Facts     []dunning.Fact
	Decisions []dunning.Decision
	Final     dunning.Facts
	Refused   []error // commands that the core refused
}

// Events is the account's timeline.
func (l Life) Events() []dunning.Event {
	return dunning.Timeline(l.Final.Account, l.Final.Debtor, l.Facts, l.Decisions)
}

// ErrRunaway is returned when a life does not come to rest.
var ErrRunaway = errors.New("the simulation does not come to rest")

// maxLooks bounds decisions of one account.
const maxLooks = 20_000

// run is the state of one simulated account.
type run struct {
	acc   Account
	life  Life
	facts dunning.Facts
	now   time.Time
	next  dunning.Decision
	have  bool // next is a plan that still stands
	feed  int
	cmd   int
	cases int // opened so far
	// reaction is what people do next, for facts of a version; none without a command.
	reaction Command
	reacted  int64
}

// Run lives through one account from its first fact, or from Begin, until an instant.
func Run(a Account, until time.Time) (Life, error) { return RunContext(context.Background(), a, until) }

// RunContext is Run that ends with the context's error when nobody waits any more.
func RunContext(ctx context.Context, a Account, until time.Time) (Life, error) {
	r := &run{acc: a, now: a.Begin}
	var err error
	if r.facts, err = dunning.Fold(a.Setup, a.Past); err != nil {
		return r.life, fmt.Errorf("account %s: %w", a.Setup.Account, err)
	}
	if err := r.begin(); err != nil {
		return r.life, fmt.Errorf("account %s: %w", a.Setup.Account, err)
	}
	for looks := 0; looks < maxLooks; looks++ {
		if err := ctx.Err(); err != nil {
			return r.life, err
		}
		at, ok := r.nextInstant()
		if !ok || at.After(until) {
			r.life.Final = r.facts
			return r.life, nil
		}
		r.now = at
		if err := r.step(); err != nil {
			return r.life, fmt.Errorf("account %s at %s: %w", a.Setup.Account, at.UTC().Format(time.RFC3339), err)
		}
	}
	return r.life, fmt.Errorf("account %s: %w", a.Setup.Account, ErrRunaway)
}

// begin takes over an account with a past: what was under way to a provider is taken to be
// accepted, and an open case is looked at. What is made true here is no event of the life.
func (r *run) begin() error {
	if r.acc.Begin.IsZero() {
		return nil
	}
	for _, c := range r.facts.Contacts {
		if c.Account != r.facts.Account || c.Logged != nil || c.State != dunning.ContactReserved && c.State != dunning.ContactSending {
			continue
		}
		if err := r.arrives(c); err != nil {
			return err
		}
	}
	r.life.Facts = nil
	if r.facts.CaseOpen {
		r.next, r.have = dunning.Decision{Verb: dunning.VerbLook, WakeAt: r.now}, true
	}
	return nil
}

// arrives lets a contact that was under way be accepted.
func (r *run) arrives(c dunning.ContactFacts) error {
	if c.State == dunning.ContactReserved {
		moved := dunning.ContactMoved{ID: c.ID, State: dunning.ContactSending}
		if err := r.add(dunning.Fact{At: r.now, Account: c.Account, Case: c.Case, By: "system", Body: moved}); err != nil {
			return err
		}
	}
	return r.add(r.facts.Concluded(c.ID, dunning.Outcome{State: dunning.SendAccepted}, r.now)...)
}

// nextInstant is the earliest of: the next fact, the next command, the planned
// decision, the opening of a case.
func (r *run) nextInstant() (time.Time, bool) {
	var first time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if r.feed < len(r.acc.Facts) {
		consider(r.acc.Facts[r.feed].At)
	}
	if r.cmd < len(r.acc.Commands) {
		consider(r.acc.Commands[r.cmd].At)
	}
	if c, ok := r.people(); ok {
		consider(c.At)
	}
	if r.have && !r.next.WakeAt.IsZero() {
		consider(r.up(later(r.next.WakeAt, r.now)))
	}
	if t, ok := r.opens(); ok {
		consider(r.up(later(t, r.now)))
	}
	return first, !first.IsZero()
}

// people is what people do next by themselves.
func (r *run) people() (Command, bool) {
	if r.acc.React == nil {
		return Command{}, false
	}
	if r.reacted != r.facts.Version || r.facts.Version == 0 {
		at, cmd := r.acc.React(&r.facts)
		r.reaction, r.reacted = Command{At: later(at, r.now), By: "people", Command: cmd}, r.facts.Version
	}
	return r.reaction, r.reaction.Command != nil
}

// up moves an instant out of an outage.
func (r *run) up(t time.Time) time.Time {
	for _, o := range r.acc.Outages {
		if !t.Before(o.From) && t.Before(o.Until) {
			t = o.Until
		}
	}
	return t
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// opens is when a case is to be opened; ok is false while one is open.
func (r *run) opens() (time.Time, bool) {
	if r.facts.CaseOpen || r.facts.Sequence == nil && r.acc.Choose == nil {
		return time.Time{}, false
	}
	if r.acc.Choose != nil && !r.facts.CaseOpen {
		s := r.acc.Choose(r.facts.View(r.now))
		if s == nil {
			return time.Time{}, false
		}
		r.facts.Sequence = s
	}
	return dunning.Opens(r.facts)
}

// step plays one instant: what the plan says first, then what arrives. Work
// that is due comes before facts of the same instant, as in production, where
// the clock does not run past work.
func (r *run) step() error {
	down := r.up(r.now).After(r.now)
	if !down {
		if t, ok := r.opens(); ok && !t.After(r.now) {
			return r.open()
		}
		if r.have && !r.next.WakeAt.IsZero() && !r.next.WakeAt.After(r.now) {
			return r.act()
		}
	}
	version := r.facts.Version
	if err := r.arrive(); err != nil {
		return err
	}
	if !down || r.facts.Version > version { // in an outage whoever enters something opens a case again, and nobody else
		if err := r.add(r.facts.Reopening(r.now)...); err != nil {
			return err
		}
	}
	switch {
	case !r.facts.CaseOpen:
		r.have = false
	case down: // the nudge waits for whoever decides
		r.next, r.have = dunning.Decision{Verb: dunning.VerbLook, WakeAt: r.now}, true
	default:
		return r.look()
	}
	return nil
}

func (r *run) arrive() error {
	if r.feed < len(r.acc.Facts) && !r.acc.Facts[r.feed].At.After(r.now) {
		f := r.acc.Facts[r.feed]
		r.feed++
		return r.add(f)
	}
	if r.cmd < len(r.acc.Commands) && !r.acc.Commands[r.cmd].At.After(r.now) {
		c := r.acc.Commands[r.cmd]
		r.cmd++
		return r.obey(c)
	}
	if c, ok := r.people(); ok && !c.At.After(r.now) {
		r.reaction.Command = nil // once, also where the core refuses it
		return r.obey(c)
	}
	return nil
}

// obey plays one command. What the core refuses is kept and changes nothing.
func (r *run) obey(c Command) error {
	if c.Happen != nil {
		return r.add(c.Happen(r.facts)...)
	}
	if c.Pick != nil {
		c.Command = c.Pick(r.facts)
	}
	if c.Command == nil {
		return nil
	}
	before := r.facts.Target
	if m, ok := c.Command.(dunning.Migrate); ok {
		c.Command = r.target(m)
	}
	facts, err := dunning.Handle(r.facts, c.Command, c.By, r.now)
	if err != nil || len(facts) == 0 {
		r.facts.Target = before
	}
	if err != nil {
		r.life.Refused = append(r.life.Refused, err)
		return nil
	}
	return r.add(facts...)
}

// target puts the version before the core that a migration names.
func (r *run) target(m dunning.Migrate) dunning.Migrate {
	if s := r.acc.Versions[m.Version]; s != nil {
		r.facts.Target, m.Version = s, s.Version
	}
	return m
}

func (r *run) add(facts ...dunning.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	version := r.facts.Version + 1
	facts = slices.Clone(facts)
	for i := range facts {
		facts[i].Version = version
	}
	g, err := r.facts.Apply(facts)
	if err != nil {
		return err
	}
	r.facts = g
	r.life.Facts = append(r.life.Facts, facts...)
	return nil
}

// open opens a case, or re-opens the last one if it closed over a debt that has
// come back since.
func (r *run) open() error {
	if again := r.facts.Reopening(r.now); len(again) > 0 {
		if err := r.add(again...); err != nil {
			return err
		}
		return r.look()
	}
	s := r.facts.Sequence
	r.facts.Case = r.caseID()
	err := r.add(dunning.Fact{
		At: r.now, Account: r.facts.Account, Case: r.facts.Case, By: "system",
		Body: dunning.CaseOpened{Sequence: s.ID, Version: s.Version},
	})
	if err != nil {
		return err
	}
	return r.look()
}

// caseID names the case that is opened now.
func (r *run) caseID() string {
	r.cases++
	if r.cases <= len(r.acc.Cases) {
		return r.acc.Cases[r.cases-1]
	}
	if n := r.facts.CaseCloses; n > 0 {
		return fmt.Sprintf("%s#%d", r.facts.Account, n+1)
	}
	return r.facts.Account
}

// look decides and keeps the plan.
func (r *run) look() error {
	if r.facts.Case == "" {
		return nil
	}
	_, made, err := dunning.Settle(r.facts, r.now)
	if err != nil {
		return err
	}
	for _, d := range made[:len(made)-1] {
		if err := r.add(d.Effects...); err != nil {
			return err
		}
	}
	r.life.Decisions = append(r.life.Decisions, made...)
	r.next, r.have = made[len(made)-1], true
	if r.acc.Watch != nil {
		r.acc.Watch(&r.facts, &r.next)
	}
	return nil
}

// act carries out the plan if fresh facts still say so.
func (r *run) act() error {
	if err := r.look(); err != nil {
		return err
	}
	d := r.next
	if !d.Due() {
		return nil
	}
	r.have = false
	if d.Contact == nil || len(d.Effects) > 0 {
		if err := r.add(d.Effects...); err != nil {
			return err
		}
		return r.look()
	}
	if err := r.hand(d); err != nil {
		return err
	}
	return r.look()
}

// hand pretends the three transactions of a send.
func (r *run) hand(d dunning.Decision) error {
	fact := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: r.now, Account: r.facts.Account, Case: r.facts.Case, By: "system", Body: b}
	}
	id := d.Contact.ID
	if err := r.add(fact(*d.Contact)); err != nil {
		return err
	}
	if err := r.add(fact(dunning.ContactMoved{ID: id, State: dunning.ContactSending})); err != nil {
		return err
	}
	return r.conclude(id, *d.Contact)
}

// conclude answers for the provider.
func (r *run) conclude(id string, c dunning.ContactPlanned) error {
	reply := Reply{State: dunning.ContactAccepted}
	if r.acc.Reply != nil {
		reply = r.acc.Reply(c, r.now)
	}
	o := dunning.Outcome{State: dunning.SendState(reply.State), Class: reply.Class, Permanent: reply.Permanent, RetryAfter: reply.RetryIn}
	facts := r.facts.Concluded(id, o, r.now)
	if m, ok := facts[0].Body.(dunning.ContactMoved); ok && reply.Deadline > 0 {
		m.Deadline = r.now.Add(reply.Deadline)
		facts[0].Body = m
	}
	return r.add(facts...)
}
