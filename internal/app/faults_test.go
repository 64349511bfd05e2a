package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// faultySequence writes three times; what stays unknown of the first is given up by the
// sequence's own choice, what stays unknown of the others is a person's.
const faultySequence = `sequence: faults
title: Three messages
applies_when: creditor.id == "demo"
priority: 99
spacing: 1d
steps:
  - {id: one, at: +1d, send: [{email: friendly-reminder}], on_unknown: skip}
  - {id: two, at: +4d, send: [{sms: nudge}]}
  - {id: three, at: +8d, send: [{email: friendly-reminder}]}
`

// TestFaults is the small form of the big run: DULY_FAULT_ACCOUNTS=1000 is the big one
// (make e2e). Providers fail on 30 % of the calls in every way, webhooks are lost,
// doubled, delayed and overtaken, the worker is killed at random points between two
// lines, and some debtors write STOP while messages are on their way. By the providers'
// own log nothing is taken twice, nothing is lost beyond what on_unknown chose, and
// nothing leaves after a STOP was answered.
func TestFaults(t *testing.T) {
	n := 10
	if v := os.Getenv("DULY_FAULT_ACCOUNTS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	f := newFleet(t, n)
	f.live(start.AddDate(0, 0, 16))
	f.settled()
	f.judge()
}

// fleet is many cases, the providers, and workers that are killed and replaced.
type fleet struct {
	*site
	fake     *fakeprovider.Server
	url      string
	accounts []account
	numbers  map[string]int // SMS number → account
	cases    map[string]*life
	keys     codec.Keys
	calls    atomic.Int64
	kills    atomic.Int64
	runs     atomic.Int64
	ours     atomic.Pointer[[]string] // ids that no provider may see
	stops    sync.WaitGroup           // STOPs that are on their way

	mu      sync.Mutex
	worker  *generation
	arrived map[string][]arrival // by number: when the provider was asked, in wall time
	stopped map[string]time.Time // by number: when the STOP was answered
	stopNow map[int]bool         // accounts whose next text is answered by STOP
	rnd     *rand.Rand
}

// arrival is one call of a provider.
type arrival struct {
	at      time.Time
	attempt string
}

// life is a case as Temporal would know it.
type life struct {
	id      string
	next    dunning.Next
	due     time.Time // business time; zero: only a nudge
	nudged  bool
	closed  bool
	pending *workflows.Request // what a killed worker has left
	verb    workflows.Activity
}

// generation is one worker process. Once it is dead it can neither read nor write, and
// what it was told by a provider is lost with it.
type generation struct {
	ctx  context.Context
	kill context.CancelFunc
	left atomic.Int64 // steps that it still takes before it dies
	acts map[workflows.Activity]workflows.Func
}

var errDead = errors.New("the worker was killed")

func (g *generation) step() error {
	if g.left.Add(-1) <= 0 {
		g.kill()
		return errDead
	}
	return nil
}

// mortalStore is the store as a worker has it that may die between any two lines.
type mortalStore struct {
	actStore
	g *generation
}

func (s mortalStore) InDebtor(ctx context.Context, debtor string, f func(activities.Tx) error) error {
	if err := s.g.step(); err != nil {
		return err
	}
	err := s.actStore.InDebtor(context.WithoutCancel(ctx), debtor, func(tx activities.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.g.step() // before the commit: nothing remains
	})
	if err != nil {
		return err
	}
	return s.g.step() // after it: all remains, and nobody knows
}

// mortalChannel dies before or after the provider was called.
type mortalChannel struct {
	activities.Channel
	g *generation
}

func (c mortalChannel) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	if c.g.step() != nil {
		<-c.g.ctx.Done() // the process is gone: this call never happens
		return dunning.Outcome{State: dunning.SendUnknown, Code: "dead"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(c.g.ctx, cancel)() // a killed process breaks its connections
	defer cancel()
	return c.Channel.Send(ctx, m)
}

func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{
		numbers: map[string]int{}, cases: map[string]*life{}, arrived: map[string][]arrival{}, stopped: map[string]time.Time{},
		stopNow: map[int]bool{}, rnd: rand.New(rand.NewPCG(7, 11)),
	}
	f.site = &site{t: t, store: pgtest.New(t), clock: &handClock{now: start}}
	dir := t.TempDir()
	f.must(os.CopyFS(dir, os.DirFS("../../config")))
	f.must(os.WriteFile(filepath.Join(dir, "sequences", "faults.yaml"), []byte(faultySequence), 0o600))
	_, _, err := Publish(t.Context(), f.store, os.DirFS(dir), "test", start)
	f.must(err)
	f.book = NewBook(f.store, clock.Wall)
	f.keys, err = codec.ParseKeys(codec.Generate())
	f.must(err)
	f.store.UseCipher(f.keys)
	f.providers()
	for i := range n {
		f.accounts = append(f.accounts, f.debtorWith(i))
		f.numbers[number(i)] = i
		f.stopNow[i] = i%10 == 3
	}
	_, err = f.starter().Run(t.Context(), StartOptions{})
	f.must(err)
	for _, a := range f.accounts {
		refs, err := f.store.CasesOf(t.Context(), a.debtor)
		f.must(err)
		if len(refs) != 1 {
			t.Fatalf("%d cases of a debtor", len(refs))
		}
		f.cases[refs[0].Case] = &life{id: refs[0].Case, due: start, nudged: true}
	}
	var ids []string
	for _, a := range f.accounts {
		ids = append(ids, a.debtor, a.id)
	}
	for id := range f.cases {
		ids = append(ids, id)
	}
	f.ours.Store(&ids)
	f.worker = f.newWorker()
	return f
}

// providers play Twilio and SendGrid with faults on 30 % of the calls, and tell Duly by
// webhooks of which a third is lost, doubled or delayed.
func (f *fleet) providers() {
	key, public, err := fakeprovider.NewGridKey()
	f.must(err)
	env := with(hookEnv, "SENDGRID_WEBHOOK_PUBLIC_KEY", public)
	hooks, err := NewWebhooks(getenv(env), WebhookDeps{Store: f.store, Book: f.book, Clock: f.clock})
	f.must(err)
	listening := httptest.NewServer(http.HandlerFunc(hooks.ServeHTTP))
	f.t.Cleanup(listening.Close)
	faults := fakeprovider.Rate(42, 30, fakeprovider.AllKinds()...)
	f.fake, err = fakeprovider.New(fakeprovider.Options{
		Now: f.clock.time, TrustDate: true, Check: f.identifies,
		Faults: func(c fakeprovider.Call) fakeprovider.Fault {
			f.calls.Add(1)
			f.asked(c)
			return faults(c)
		},
		Webhooks: &fakeprovider.Webhooks{
			URL: listening.URL, PublicURL: hookURL, TwilioToken: hookToken, GridKey: key, InboundKey: hookMail,
			Fate: fakeprovider.WebhookRate(5, 12, 200*time.Millisecond),
		},
	})
	f.must(err)
	web := httptest.NewServer(f.fake)
	f.t.Cleanup(func() { f.fake.Close(); web.Close() })
	f.url = web.URL
}

// identifies looks for identifiers of ours in a request: the attempt is the only one that a
// provider is given.
func (f *fleet) identifies(r *http.Request, body []byte) error {
	whole := r.URL.String() + fmt.Sprint(r.Header) + string(body)
	if ids := f.ours.Load(); ids != nil {
		for _, id := range *ids {
			if strings.Contains(whole, id) || strings.Contains(whole, url.QueryEscape(id)) {
				return errors.New("a request names an id of ours that is no attempt")
			}
		}
	}
	return nil
}

// asked notes a call, and lets the debtor write STOP at that very moment.
func (f *fleet) asked(c fakeprovider.Call) {
	i, ok := f.numbers[c.To]
	if !ok {
		return
	}
	f.mu.Lock()
	f.arrived[c.To] = append(f.arrived[c.To], arrival{time.Now(), c.Attempt})
	stop := f.stopNow[i]
	f.stopNow[i] = false
	f.mu.Unlock()
	if !stop {
		return
	}
	f.stops.Go(func() {
		for try := 0; ; try++ {
			status, err := f.fake.Text("SMstop"+c.To[1:], c.To, "+12025550100", "STOP")
			if err == nil && status == http.StatusOK {
				break
			}
			if try > 50 {
				f.t.Errorf("STOP is not answered: %d, %v", status, err)
				return
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.stopped[c.To] = time.Now()
	})
}

func (f *fleet) debtorWith(i int) account {
	key := fmt.Sprintf("D%d", i)
	a := f.debtor(key, "300.00", date(2))
	f.must(f.store.PutPoints(f.t.Context(), a.debtor, postgres.Point{ID: key + "-m", Channel: dunning.SMS, Value: number(i), Kind: "mobile"}))
	return a
}

// newWorker is a fresh process that will die after some steps.
func (f *fleet) newWorker() *generation {
	g := &generation{}
	g.ctx, g.kill = context.WithCancel(context.Background())
	g.left.Store(int64(40 + f.rnd.IntN(min(20*max(len(f.accounts), 12), 1200))))
	channels := map[dunning.Channel]activities.Channel{}
	env := with(twilioEnv, "TWILIO_BASE_URL", f.url, "SENDGRID_BASE_URL", f.url, "TWILIO_AUTH_TOKEN", hookToken, EnvPublicURL, hookURL)
	for k, v := range gridEnv {
		env[k] = v
	}
	open, err := OpenChannelsOn(getenv(env), f.store, f.clock)
	if err != nil {
		panic(err)
	}
	for name, ch := range open.Active() {
		channels[name] = mortalChannel{ch, g}
	}
	g.acts = (&activities.Activities{
		Store: mortalStore{actStore{f.store}, g}, Frames: f.book, Renderer: &Renderer{Store: f.store, Book: f.book}, Channels: channels, Clock: f.clock,
		Gate: activities.NewGate(f.clock.time, nil), Pacer: nil, Call: 250 * time.Millisecond, Patience: 250 * time.Millisecond,
	}).All()
	return g
}

// alive is a worker that lives, at least now.
func (f *fleet) alive() *generation {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.worker.ctx.Err() != nil {
		f.kills.Add(1)
		f.worker = f.newWorker()
	}
	return f.worker
}

// live plays what Temporal does: each case sleeps until its instant or a nudge, and an
// activity that failed is tried again.
func (f *fleet) live(until time.Time) {
	for idle := 0; ; {
		f.nudges()
		due := f.due()
		if len(due) > 0 {
			idle = 0
			f.together(due)
			continue
		}
		f.fake.Quiet() // webhooks on their way may nudge
		if idle++; idle < 2 {
			continue
		}
		next, ok := f.earliest()
		if !ok || next.After(until) {
			return
		}
		f.clock.set(next)
		idle = 0
	}
}

func (f *fleet) due() (out []*life) {
	now := f.clock.time()
	for _, l := range f.cases {
		if !l.closed && (l.nudged || l.pending != nil || !l.due.IsZero() && !l.due.After(now)) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *life) int { return strings.Compare(a.id, b.id) })
	return out
}

func (f *fleet) earliest() (at time.Time, ok bool) {
	for _, l := range f.cases {
		if !l.closed && !l.due.IsZero() && (!ok || l.due.Before(at)) {
			at, ok = l.due, true
		}
	}
	return at, ok
}

func (f *fleet) nudges() {
	list, err := f.store.Undelivered(context.Background(), 500)
	f.must(err)
	for _, n := range list {
		if l := f.cases[n.Case]; l != nil && n.Open {
			l.nudged = true
		}
	}
	f.must(f.store.Delivered(context.Background(), list))
}

// together runs one activity of each case, some at a time, as a worker does.
func (f *fleet) together(due []*life) {
	next := make(chan *life)
	var group sync.WaitGroup
	for range min(max(len(f.cases)/4, 12), 64) {
		group.Go(func() {
			for l := range next {
				f.turn(l)
			}
		})
	}
	for _, l := range due {
		next <- l
	}
	close(next)
	group.Wait()
}

// turn is workflows.Case for one activity.
func (f *fleet) turn(l *life) {
	if l.pending == nil {
		l.pending = &workflows.Request{Case: l.id, Intent: l.next.DecisionID, Nudged: l.nudged}
		l.verb = workflows.Look
		if !l.nudged {
			l.verb = verbOf(l.next.Verb)
		}
		l.nudged = false
	}
	f.runs.Add(1)
	g := f.alive()
	next, err := g.acts[l.verb](context.WithoutCancel(g.ctx), *l.pending)
	if err != nil {
		return // the same request again, by whoever lives then
	}
	l.pending, l.next, l.due, l.closed = nil, next, next.WakeAt, next.Closed
}

func verbOf(v dunning.Verb) workflows.Activity {
	return map[dunning.Verb]workflows.Activity{
		dunning.VerbSend: workflows.Send, dunning.VerbCall: workflows.Call, dunning.VerbOffer: workflows.Offer, dunning.VerbEscalate: workflows.Escalate,
		dunning.VerbTask: workflows.Task, dunning.VerbRefer: workflows.Refer, dunning.VerbClose: workflows.Close, dunning.VerbLook: workflows.Look,
	}[v]
}

// settled lets the last webhooks arrive, and the last STOPs be answered.
func (f *fleet) settled() {
	f.stops.Wait()
	f.fake.Quiet()
	f.live(f.clock.time())
	f.stops.Wait()
}

// judge compares the providers' own log with what Duly believes.
func (f *fleet) judge() {
	t := f.t
	for _, d := range f.fake.Duplicates() {
		t.Errorf("%s took attempt %s again", d.Provider, d.Attempt)
	}
	for _, c := range f.fake.Complaints() {
		t.Errorf("a provider complains: %s", c)
	}
	taken := map[string]bool{}
	for _, m := range f.fake.Log() {
		taken[m.Attempt] = true
	}
	counts := map[string]int{}
	steps := map[string]string{} // of attempts
	for _, l := range f.cases {
		f.judgeCase(l, taken, counts, steps)
	}
	for number, answered := range f.stopped {
		for _, a := range f.arrived[number] {
			// One confirmation may leave: it says that nothing else will (47 CFR 64.1200(a)(12)).
			if a.at.After(answered) && steps[a.attempt] != "on.opt_out" {
				t.Errorf("the text of step %q was handed over %s after the STOP was answered", steps[a.attempt], a.at.Sub(answered))
			}
		}
	}
	t.Logf("%d accounts, %d activity runs, %d calls of providers, %d taken, %d workers killed, %d STOPs, webhooks %v; contacts %v",
		len(f.accounts), f.runs.Load(), f.calls.Load(), len(taken), f.kills.Load(), len(f.stopped), f.fake.WebhookCounts(), counts)
	if f.kills.Load() < 3 || len(f.stopped) == 0 || int(f.calls.Load()) < 2*len(f.accounts) {
		t.Error("too little happened to prove anything")
	}
}

// judgeCase checks every step of a case: done, or in a person's hands, or given up by
// choice; and what Duly says of each contact against the provider's log.
func (f *fleet) judgeCase(l *life, taken map[string]bool, counts map[string]int, steps map[string]string) {
	t := f.t
	contacts, err := f.store.Contacts(context.Background(), l.id)
	f.must(err)
	done := map[string]bool{}
	for _, c := range contacts {
		counts[string(c.Channel)+" "+string(c.State)]++
		has := taken[activities.AttemptID(c.ID)]
		steps[activities.AttemptID(c.ID)] = c.Step
		switch {
		case c.State == dunning.ContactAccepted && !has:
			t.Errorf("%s counts as accepted, but its provider never took it", c.ID)
		case (c.State == dunning.ContactCancelled && c.Code != "unknown_skip" || c.State == dunning.ContactReserved) && has:
			t.Errorf("%s is %s, but its provider took it", c.ID, c.State)
		case c.State == dunning.ContactFailed && has:
			t.Errorf("%s counts as failed (%s), but its provider took it: it may be sent twice", c.ID, c.Code)
		case c.State == dunning.ContactReserved || c.State == dunning.ContactSending:
			t.Errorf("%s is still %s", c.ID, c.State)
		}
		done[c.Step] = done[c.Step] || c.State == dunning.ContactAccepted || c.State == dunning.ContactUnknown || strings.HasPrefix(c.Code, "unknown_")
	}
	tasks, err := f.store.OpenTasks(context.Background(), "", l.id, 20)
	f.must(err)
	for _, step := range []string{"one", "two", "three"} {
		if !done[step] && len(tasks) == 0 && !l.closed {
			t.Errorf("case %s: nothing was sent for step %s, and nobody was asked", l.id, step)
		}
	}
}
