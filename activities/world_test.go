package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/memstore"
	"github.com/duly/duly/workflows"
)

// due is the day on which the item falls due, a Monday; epoch is business time at the start
// of every test, within 48 hours of the first step.
var (
	due   = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	epoch = due.AddDate(0, 0, 1)
)

func days(n int) *int { return &n }

func usd(s string) money.Amount { return money.MustParse(s, "USD") }

// reminders is a sequence with every verb.
func reminders() *dunning.Sequence {
	send := func(c dunning.Channel, template string, other ...dunning.Channeled) dunning.Channeled {
		return dunning.Channeled{Channel: c, Template: template, Else: other}
	}
	return &dunning.Sequence{
		ID: "s", Version: "1", Ladder: dunning.LadderLeading, Include: dunning.IncludeAllOverdue, Spacing: 1,
		Steps: []dunning.Step{
			{ID: "remind", At: days(3), Verb: dunning.VerbSend, Send: []dunning.Channeled{send(dunning.Email, "remind")}},
			{ID: "text", At: days(5), Verb: dunning.VerbSend, Send: []dunning.Channeled{send(dunning.SMS, "text", send(dunning.Email, "text"))}},
			{ID: "plan", At: days(7), Verb: dunning.VerbOffer, Offer: &dunning.OfferStep{Instalments: []int{3}, OpenFor: 2, Send: []dunning.Channeled{send(dunning.Email, "plan")}}},
			{ID: "call", At: days(9), Verb: dunning.VerbCall, Call: &dunning.CallStep{Queue: "early", Attempts: 2, Within: 4}},
			{ID: "collector", At: days(11), Verb: dunning.VerbEscalate, Escalate: &dunning.EscalateStep{Queue: "late", SLA: 5, OnTimeout: "continue"}},
			{ID: "final", At: days(13), Verb: dunning.VerbSend, Send: []dunning.Channeled{send(dunning.Email, "final"), send(dunning.Letter, "final")}},
			{ID: "legal", At: days(15), Verb: dunning.VerbRefer, Refer: &dunning.ReferStep{To: "legal"}},
		},
		Plan: dunning.PlanTerms{Cure: 3, DefaultAfter: 1},
	}
}

// policies are two rules: opt-outs are honoured, texts leave from midnight to 20:00.
var policies = func() contact.Set {
	p, faults := contact.Compile(contact.PackSpec{
		Pack: "test", Title: "Test", Version: "1", Kind: "house", Jurisdiction: "*",
		Rules: []contact.RuleSpec{
			{ID: "OPT-OUT", Citation: "test", Channels: []string{"contact"}, OptOut: &contact.OptOutSpec{Kinds: []string{"medium"}}},
			{ID: "HOURS", Citation: "test", Channels: []string{"sms"}, Hours: &contact.HoursSpec{Windows: []contact.WindowSpec{{From: "00:00", To: "20:00"}}}},
		},
	})
	if len(faults) > 0 {
		panic(fmt.Sprint(faults))
	}
	return contact.Set{p}
}()

// world is one debtor's case with its store, clocks, providers and shell.
type world struct {
	store    *memstore.Store
	acts     *Activities
	ref      dunning.CaseRef
	seq      *dunning.Sequence
	versions map[string]*dunning.Sequence // others, to which the case may be moved
	paces    map[dunning.Channel]Pace
	provider *provider

	mu   sync.Mutex
	now  time.Time // business
	wall time.Time
	ids  int

	onRender func() // between tx1 and tx2
	next     dunning.Next
	have     bool
	failures int // activity runs that failed
	counted  map[string]int
}

// newWorld makes a case over one item of 100 USD of a case.
func newWorld() *world {
	w := &world{
		store: &memstore.Store{}, seq: reminders(), now: epoch, wall: epoch, counted: map[string]int{},
		ref: dunning.CaseRef{Case: "acc", Account: "acc", Debtor: "deb", Creditor: "acme", Currency: "USD", Sequence: "s", Version: "1"},
	}
	w.provider = &provider{w: w, calls: map[string]int{}, taken: map[string]int{}, steps: map[string]int{}}
	w.acts = &Activities{
		Store: port{w.store}, Frames: w, Renderer: w, Clock: w, wall: w.wallNow, Patience: time.Second, Call: time.Second, storeTries: 1,
		Channels: map[dunning.Channel]Channel{dunning.Email: w.provider, dunning.SMS: w.provider, dunning.Letter: w.provider},
		Count:    func(name string) { w.counted[name]++ },
		NewID: func() string {
			w.ids++
			return fmt.Sprintf("d%d", w.ids)
		},
	}
	w.acts.Gate = NewGate(w.wallNow, nil)
	w.store.AddCase(w.ref)
	return w
}

// begin adds what is known of the debtor and opens the case.
func (w *world) begin() *world {
	w.add(
		dunning.Fact{At: epoch, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}}},
		dunning.Fact{At: epoch, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
		dunning.Fact{At: epoch, Body: dunning.PointKnown{ID: "m", Channel: dunning.SMS}},
		dunning.Fact{At: epoch, Body: dunning.PointKnown{ID: "l", Channel: dunning.Letter}},
		dunning.Fact{At: epoch, Account: "acc", Body: dunning.Item{Key: "i1", Issued: dunning.DateOf(epoch), Due: dunning.DateOf(due), Amount: usd("100.00")}},
		dunning.Fact{At: epoch, Account: "acc", Case: "acc", By: "system", Body: dunning.CaseOpened{Sequence: "s", Version: "1"}},
	)
	return w
}

// add commits facts as somebody else would: from outside of any activity.
func (w *world) add(facts ...dunning.Fact) {
	fault := w.store.Fault
	w.store.Fault = nil
	defer func() { w.store.Fault = fault }()
	err := w.store.InDebtor(context.Background(), "deb", func(tx *memstore.Tx) error {
		_, _, err := tx.Append(context.Background(), "deb", facts)
		return err
	})
	if err != nil {
		panic(err)
	}
}

// say adds a fact about the account now.
func (w *world) say(b dunning.Body) {
	w.add(dunning.Fact{At: w.now, Account: "acc", Case: "acc", By: "user:1", Body: b})
}

// port adapts memstore to the ports of this package.
type port struct{ *memstore.Store }

func (p port) InDebtor(ctx context.Context, debtor string, f func(Tx) error) error {
	return p.Store.InDebtor(ctx, debtor, func(tx *memstore.Tx) error { return f(tx) })
}

func (p port) CaseRef(ctx context.Context, id string) (dunning.CaseRef, error) {
	ref, err := p.Store.CaseRef(ctx, id)
	if errors.Is(err, memstore.ErrNotFound) {
		err = ErrNoCase
	}
	return ref, err
}

// Frame is the world as configuration.
func (w *world) Frame(_ context.Context, ref dunning.CaseRef) (Frame, error) {
	return Frame{Setup: w.setup(ref), Policies: "none", Zones: "test", Paces: w.paces}, nil
}

func (w *world) setup(ref dunning.CaseRef) dunning.Setup {
	follows := w.seq
	if s := w.versions[ref.Version]; s != nil {
		follows = s
	}
	return dunning.Setup{
		Creditor: dunning.Creditor{ID: "acme", Role: "first_party", Zone: "UTC", Queues: dunning.Queues{Supervisor: "sup", Operations: "ops"}},
		Debtor:   ref.Debtor, Account: ref.Account, Case: ref.Case, Currency: "USD", Sequence: follows, Target: w.versions[ref.TargetVersion], Policies: policies,
		Zone: func(string) *time.Location { return time.UTC },
	}
}

// Render is the world as renderer.
func (w *world) Render(_ context.Context, _ dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
	if f := w.onRender; f != nil {
		w.onRender = nil
		f()
	}
	return dunning.Message{Channel: c.Channel, To: c.Point, Text: c.Template}, nil
}

// Now and WakeWall are the world as clock: wall time is business time.
func (w *world) Now(context.Context) (time.Time, error) { return w.now, nil }

// WakeWall is the instant itself.
func (w *world) WakeWall(_ context.Context, at time.Time) (time.Time, error) { return at, nil }

func (w *world) wallNow() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wall
}

func (w *world) passWall(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wall = w.wall.Add(d)
}

// provider plays all channels. It keeps what it took, by attempt.
type provider struct {
	w       *world
	calls   map[string]int // hand-overs by attempt
	taken   map[string]int // what it took, by attempt
	steps   map[string]int // what it took, by channel and recipient text
	order   []string       // channels of what it took
	last    dunning.Message
	answer  func(m dunning.Message) (o dunning.Outcome, took bool) // nil: takes everything
	lookup  func(m dunning.Message) dunning.Evidence               // nil: exact
	before  func()                                                 // called once, after the fence and before it takes
	after   func()                                                 // called once, after it took and before it answers
	lookups int
}

// Send takes a message, or not.
func (p *provider) Send(_ context.Context, m dunning.Message) dunning.Outcome {
	p.calls[m.Attempt]++
	p.last = m
	once(&p.before)
	o, took := dunning.Outcome{State: dunning.SendAccepted, ProviderID: "p-" + m.Attempt[:8]}, true
	if p.answer != nil {
		o, took = p.answer(m)
	}
	if took {
		p.taken[m.Attempt]++
		p.steps[string(m.Channel)+" "+m.Text]++
		p.order = append(p.order, string(m.Channel))
	}
	once(&p.after)
	return o
}

func once(f *func()) {
	if g := *f; g != nil {
		*f = nil
		g()
	}
}

// Lookup knows exactly, unless told otherwise.
func (p *provider) Lookup(_ context.Context, m dunning.Message) dunning.Evidence {
	p.lookups++
	if p.lookup != nil {
		return p.lookup(m)
	}
	if p.taken[m.Attempt] > 0 {
		return dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: "p-" + m.Attempt[:8]}
	}
	return dunning.Evidence{Found: dunning.EvidenceNotAccepted}
}

// call runs one activity as the workflow would.
func (w *world) call(a workflows.Activity) error {
	nudged := a == workflows.Look && w.next.WakeAt.After(w.now)
	next, err := w.acts.All()[a](context.Background(), workflows.Request{Case: w.ref.Case, Intent: w.next.DecisionID, Nudged: nudged})
	if err == nil {
		w.next, w.have = next, !next.Closed
	}
	return err
}

// retried runs an activity until it works, as Temporal does; wall time passes between.
func (w *world) retried(a workflows.Activity) {
	for try := 0; ; try++ {
		err := w.call(a)
		if err == nil {
			return
		}
		if try > 200 {
			panic(fmt.Sprintf("%s does not recover: %v", a, err))
		}
		w.failures++
		w.passWall(5 * time.Second)
	}
}

// activityOf is the workflow's table from verb to activity.
func activityOf(v dunning.Verb) workflows.Activity {
	for verb, a := range map[dunning.Verb]workflows.Activity{
		dunning.VerbSend: workflows.Send, dunning.VerbCall: workflows.Call, dunning.VerbOffer: workflows.Offer, dunning.VerbTask: workflows.Task,
		dunning.VerbEscalate: workflows.Escalate, dunning.VerbRefer: workflows.Refer, dunning.VerbClose: workflows.Close,
	} {
		if verb == v {
			return a
		}
	}
	return workflows.Look
}

// wake is a nudge: the workflow looks.
func (w *world) wake() { w.retried(workflows.Look) }

// live plays the workflow until business time reaches an instant or nothing is planned.
func (w *world) live(until time.Time) {
	if !w.have && w.next.DecisionID == "" {
		w.wake()
	}
	for n := 0; w.have && !w.next.WakeAt.IsZero() && !w.next.WakeAt.After(until); n++ {
		if n > 500 {
			panic(fmt.Sprintf("the case does not come to rest: %+v", w.next))
		}
		w.pass(w.next.WakeAt)
		w.retried(activityOf(w.next.Verb))
	}
	w.pass(until)
}

// pass moves business and wall time forward.
func (w *world) pass(to time.Time) {
	if to.After(w.now) {
		w.passWall(to.Sub(w.now))
		w.now = to
	}
}

func day(n int) time.Time { return due.AddDate(0, 0, n) }

// decisions of the case.
func (w *world) decisions() []dunning.Decision {
	var out []dunning.Decision
	for _, s := range w.store.Decisions(w.ref.Case) {
		out = append(out, s.Decision)
	}
	return out
}

// events is the case's timeline as words.
func (w *world) events() []string {
	return lines(dunning.Timeline("acc", "deb", w.store.Facts("deb"), w.decisions()))
}

func lines(events []dunning.Event) []string {
	var out []string
	for _, e := range events {
		s := fmt.Sprintf("%s %s", e.At.UTC().Format("2006-01-02T15:04:05"), e.Kind)
		for _, p := range []string{e.Step, string(e.Channel), e.Rule, e.Reason} {
			if p != "" {
				s += " " + p
			}
		}
		for _, i := range e.Items {
			if e.Kind != "deferred" { // which items waited is the core's own story
				s += " " + i.Key + "=" + i.Amount
			}
		}
		out = append(out, s)
	}
	return out
}

// contacts of the case in some states (all when none is given).
func (w *world) contacts(states ...dunning.ContactState) []dunning.ContactFacts {
	if len(states) == 0 {
		states = []dunning.ContactState{
			dunning.ContactReserved, dunning.ContactSending, dunning.ContactAccepted, dunning.ContactFailed,
			dunning.ContactUnknown, dunning.ContactBounced, dunning.ContactCancelled,
		}
	}
	return contactsOf(w.store.Facts("deb"), w.ref.Case, states...)
}

// mustKeep checks what holds in every world, whatever happened.
func (w *world) mustKeep(t failer) {
	t.Helper()
	for attempt, n := range w.provider.calls {
		if n > 1 {
			t.Fatalf("attempt %s was handed over %d times", attempt, n)
		}
	}
	for what, n := range w.provider.steps {
		if n > 1 {
			t.Fatalf("the debtor got %q %d times", what, n)
		}
	}
	w.mustBeDecided(t)
}

// mustBeDecided: every contact names a stored decision that allowed exactly it, with the
// facts just before the reservation.
func (w *world) mustBeDecided(t failer) {
	t.Helper()
	for _, x := range w.store.Facts("deb") {
		c, ok := x.Body.(dunning.ContactPlanned)
		if !ok {
			continue
		}
		s, found, err := w.store.Decision(context.Background(), c.Decision)
		if err != nil || !found {
			t.Fatalf("contact %s names decision %q, which is not stored", c.ID, c.Decision)
		}
		d := s.Decision
		if !d.Due() || d.Contact == nil || d.Contact.ID != c.ID || d.Version >= x.Version {
			t.Fatalf("contact %s at version %d was allowed by %+v", c.ID, x.Version, d)
		}
	}
	w.mustBeOpenWhileUnderWay(t)
}

// mustBeOpenWhileUnderWay: while a contact is reserved, in a provider's hands or in doubt its case
// is open, so that there is somebody who seeks evidence about it.
func (w *world) mustBeOpenWhileUnderWay(t failer) {
	t.Helper()
	open, under := map[string]bool{}, map[string]string{}
	for _, x := range w.store.Facts("deb") {
		switch b := x.Body.(type) {
		case dunning.CaseOpened:
			open[x.Case] = true
		case dunning.CaseClosed:
			open[x.Case] = false
		case dunning.ContactPlanned:
			under[b.ID] = x.Case
		case dunning.ContactMoved:
			if b.State != dunning.ContactReserved && b.State != dunning.ContactSending && b.State != dunning.ContactUnknown {
				delete(under, b.ID)
			} else if under[b.ID] = x.Case; x.Case == "" {
				t.Fatalf("contact %s is %s and of no case", b.ID, b.State)
			}
		}
		for id, c := range under {
			if !open[c] {
				t.Fatalf("at version %d contact %s is under way and its case is closed", x.Version, id)
			}
		}
	}
}
