package activities

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/workflows"
)

// silent answers nothing and knows nothing.
func silent(w *world) {
	w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
		return dunning.Outcome{State: dunning.SendUnknown, Code: "net:timeout"}, true
	}
	w.provider.lookup = func(dunning.Message) dunning.Evidence {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow}
	}
}

// TestUnknownWaits: while a hand-over is unknown nothing else leaves, its evidence is
// sought ever more rarely, and at the deadline a person is asked.
func TestUnknownWaits(t *testing.T) {
	w := newWorld().begin()
	silent(w)
	var looks []time.Duration
	sent := day(3).Truncate(24 * time.Hour)
	for w.wake(); w.have && !w.next.WakeAt.IsZero() && w.next.WakeAt.Before(sent.Add(48*time.Hour)); {
		w.pass(w.next.WakeAt)
		before := w.provider.lookups
		w.retried(activityOf(w.next.Verb))
		if w.provider.lookups > before {
			looks = append(looks, w.now.Sub(sent))
		}
	}
	m := time.Minute
	want := []time.Duration{15 * m, 30 * m, 60 * m, 120 * m, 240 * m, 480 * m, 960 * m, 24 * time.Hour}
	if !slices.Equal(looks, want) {
		t.Fatalf("looked up after %s, want %s", looks, want)
	}
	if len(w.provider.order) != 1 || !w.asked(dunning.TaskUnknown) {
		t.Fatalf("sent %v; want one message and a person asked\n%s", w.provider.order, text(w.events()))
	}
}

// TestEvidence: what a look-up proves decides what happens to an unknown hand-over.
func TestEvidence(t *testing.T) {
	for _, tc := range []struct {
		name string
		took bool // whether the provider took it
		sent int  // messages that the debtor got in the end
		step string
	}{
		{"accepted: the step is done, nothing is sent again", true, 1, "p"},
		{"not accepted: it is sent again under a key of its own", false, 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld().begin()
			first := true
			w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
				if first {
					first = false
					return dunning.Outcome{State: dunning.SendUnknown, Code: "http:503"}, tc.took
				}
				return dunning.Outcome{State: dunning.SendAccepted}, true
			}
			w.live(day(4))
			if got := w.provider.steps["email remind"]; got != tc.sent {
				t.Fatalf("the debtor got it %d times, want %d", got, tc.sent)
			}
			accepted := w.contacts(dunning.ContactAccepted)
			if len(accepted) != 1 || w.provider.lookups != 1 {
				t.Fatalf("%d accepted after %d look-ups, want one of each", len(accepted), w.provider.lookups)
			}
			w.mustKeep(t)
		})
	}
}

// TestEvidenceOfOffer: an offer whose message is found out to have left is open.
func TestEvidenceOfOffer(t *testing.T) {
	w := newWorld().begin()
	w.provider.answer = func(m dunning.Message) (dunning.Outcome, bool) {
		if m.Text == "plan" {
			return dunning.Outcome{State: dunning.SendUnknown}, true
		}
		return dunning.Outcome{State: dunning.SendAccepted}, true
	}
	w.live(day(8))
	offers := 0
	for _, x := range w.store.Facts("deb") {
		if _, ok := x.Body.(dunning.OfferOpened); ok {
			offers++
		}
	}
	if offers != 1 {
		t.Fatalf("%d offers, want one\n%s", offers, text(w.events()))
	}
}

// lasts is how long f takes on the wall.
func lasts(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// TestNoProofWhileCalling: that a provider has no record proves nothing while whoever
// passed the fence may still be calling it. The look waits that out.
func TestNoProofWhileCalling(t *testing.T) {
	w := newWorld().begin()
	w.acts.Patience, w.acts.Call = 30*time.Millisecond, 30*time.Millisecond
	w.wake()
	w.pass(w.next.WakeAt)
	intent := w.next
	var during time.Duration
	w.provider.before = func() {
		// The first run is in the middle of its call. The workflow was terminated and
		// started anew: another run looks.
		w.next = dunning.Next{}
		during = lasts(w.wake)
	}
	w.next = intent
	w.retried(workflows.Send)
	if during < 40*time.Millisecond {
		t.Fatalf("the look waited %s, want until the call must be over", during)
	}
	if len(w.contacts(dunning.ContactAccepted)) == 0 {
		t.Fatalf("contacts %+v; the acceptance must be known in the end", w.contacts())
	}
}

// keeper is a store with a clock of its own.
type keeper struct {
	port
	since time.Duration
	err   error
}

func (k *keeper) SinceFence(context.Context, string) (time.Duration, bool, error) {
	return k.since, true, k.err
}

// TestClocksOfWorkersDiffer: whether a call may still be under way is measured by the store's
// clock. By that of a worker an hour ahead it would be over long ago, and an empty listing
// would be taken for proof while the provider takes the message.
func TestClocksOfWorkersDiffer(t *testing.T) {
	w := newWorld().begin()
	w.acts.Patience, w.acts.Call = 30*time.Millisecond, 30*time.Millisecond
	k := &keeper{port: port{w.store}, since: 10 * time.Millisecond}
	w.acts.Store = k
	w.wake()
	w.pass(w.next.WakeAt)
	intent := w.next
	var during time.Duration
	w.provider.before = func() {
		w.passWall(time.Hour)
		w.next = dunning.Next{}
		k.err = errors.New("postgres is away")
		if err := w.call(workflows.Look); err == nil || w.provider.lookups > 0 {
			t.Errorf("asked while nobody knew how long ago that was: %v", err)
		}
		k.err = nil
		during = lasts(w.wake)
	}
	w.next = intent
	w.retried(workflows.Send)
	if during < 40*time.Millisecond {
		t.Fatalf("the look waited %s, want until the call must be over", during)
	}
	w.mustKeep(t)
}

// TestBelatedOutcome: a run that was taken for dead still tells its outcome; the case is
// nudged to look at it.
func TestBelatedOutcome(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	intent := w.next
	w.provider.lookup = func(dunning.Message) dunning.Evidence {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow}
	}
	var second dunning.Next
	w.provider.after = func() {
		w.passWall(time.Hour)
		w.retried(workflows.Send) // the retry, while the first run hangs
		second = w.next
		w.next = intent
	}
	w.retried(workflows.Send)
	if w.next != second {
		t.Fatalf("the belated run returned %+v, want what its retry decided: %+v", w.next, second)
	}
	if got := w.contacts(dunning.ContactAccepted); len(got) != 1 || len(w.provider.order) != 1 {
		t.Fatalf("accepted %+v, sent %v", got, w.provider.order)
	}
	if got := w.store.TakeNudges(); !slices.Equal(got, []string{"acc"}) {
		t.Fatalf("nudged %q, want the case itself", got)
	}
}

// TestRefusalByARunThatIsBehind: a run that cannot write the message knows nothing of what
// another run of the same activity has handed over meanwhile. Its "failed" would make an
// unknown hand-over repeatable.
func TestRefusalByARunThatIsBehind(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	intent := w.next
	w.provider.lookup = func(dunning.Message) dunning.Evidence {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow}
	}
	w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
		return dunning.Outcome{State: dunning.SendUnknown, Code: "timeout"}, true
	}
	var second dunning.Next
	behind := &failingRenderer{world: w, err: &RenderError{Code: "template:missing", Class: dunning.FailedContent}, times: 1}
	w.acts.Renderer = rendererFunc(func(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
		w.acts.Renderer = w
		w.retried(workflows.Send) // the retry, while this run hangs
		second = w.next
		w.next = intent
		return behind.Render(ctx, ref, c)
	})
	w.retried(workflows.Send)
	if w.next != second {
		t.Fatalf("the run that is behind returned %+v, want what its retry decided: %+v", w.next, second)
	}
	if got := w.contacts(dunning.ContactUnknown); len(got) != 1 {
		t.Fatalf("unknown %+v; timeline\n%s", got, text(w.events()))
	}
}

// rendererFunc is a function as renderer.
type rendererFunc func(context.Context, dunning.CaseRef, dunning.ContactPlanned) (dunning.Message, error)

func (f rendererFunc) Render(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
	return f(ctx, ref, c)
}

// TestBreaker: after five unknown hand-overs in a row nothing more is reserved on the
// channel until it answers.
func TestBreaker(t *testing.T) {
	wall := epoch
	g := NewGate(func() time.Time { return wall }, nil)
	unknown := dunning.Outcome{State: dunning.SendUnknown}
	ctx := context.Background()
	for i := range breakAfter {
		if g.admit(ctx, dunning.Email) != 0 {
			t.Fatalf("closed after %d unknowns", i)
		}
		g.report(dunning.Email, unknown)
	}
	steps := []struct {
		sentence string
		do       func()
		closed   time.Duration
	}{
		{"open breaker: closed for now", func() {}, probeEvery},
		{"another channel goes on", func() {}, 0},
		{"after a while one may try", func() { wall = wall.Add(probeEvery) }, 0},
		{"but only one", func() {}, probeEvery},
		{"the next try fails too: closed again", func() { wall = wall.Add(probeEvery); g.admit(ctx, dunning.Email); g.report(dunning.Email, unknown) }, probeEvery},
		{"a look-up that cannot know proves nothing", func() { g.answered(dunning.Email, dunning.Evidence{Found: dunning.EvidenceCannotKnow}) }, probeEvery},
		{"a look-up that is answered closes it", func() { g.answered(dunning.Email, dunning.Evidence{Found: dunning.EvidenceNotAccepted}) }, 0},
	}
	for i, s := range steps {
		s.do()
		ch := dunning.Email
		if i == 1 {
			ch = dunning.SMS
		}
		if got := g.admit(ctx, ch); got != s.closed {
			t.Fatalf("%s: closed for %s, want %s", s.sentence, got, s.closed)
		}
	}
	if g.Broken(dunning.Email) {
		t.Fatal("the breaker is still open")
	}
}

// TestBreakerInLife: a case that meets an open breaker reserves nothing, says why, stays
// awake, and sends when the channel is back.
func TestBreakerInLife(t *testing.T) {
	w := newWorld().begin()
	for range breakAfter {
		w.acts.Gate.report(dunning.Email, dunning.Outcome{State: dunning.SendUnknown})
	}
	w.wake()
	w.acts.Gate.channels[dunning.Email].probe = w.next.WakeAt.Add(time.Hour)
	w.pass(w.next.WakeAt)
	w.retried(workflows.Send)
	d := w.decisions()
	last := d[len(d)-1]
	if len(w.contacts()) > 0 || last.Rule != "shell:channel_paused" || !last.WakeAt.Equal(w.now.Add(time.Hour)) {
		t.Fatalf("contacts %+v, decision %+v; want nothing reserved and a pause of an hour", w.contacts(), last)
	}
	w.live(day(4))
	if len(w.provider.order) != 1 {
		t.Fatalf("sent %v after the pause", w.provider.order)
	}
	if w.acts.Gate.Broken(dunning.Email) {
		t.Fatal("the channel answered; its breaker must be closed")
	}
}

// TestGate: rates and pauses of a channel.
func TestGate(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		name    string
		limits  Limits
		outcome dunning.Outcome
		after   time.Duration
		closed  time.Duration
	}{
		{"no limit, no pause", Limits{}, dunning.Outcome{State: dunning.SendAccepted}, 0, 0},
		{"a slow channel is closed until its next turn", Limits{Every: time.Minute}, dunning.Outcome{State: dunning.SendAccepted}, 10 * time.Second, 50 * time.Second},
		{"after its turn it is open", Limits{Every: time.Minute}, dunning.Outcome{State: dunning.SendAccepted}, time.Minute, 0},
		{"too many requests close it for as long as the provider says", Limits{}, dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, RetryAfter: time.Hour}, time.Minute, 59 * time.Minute},
		{"a refused sender closes it for a while", Limits{}, dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedConfig}, 0, configPause},
		{"a refused recipient does not", Limits{}, dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedRecipient}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wall := epoch
			g := NewGate(func() time.Time { return wall }, map[dunning.Channel]Limits{dunning.SMS: tc.limits})
			if g.admit(ctx, dunning.SMS) != 0 {
				t.Fatal("closed at first")
			}
			g.report(dunning.SMS, tc.outcome)
			wall = wall.Add(tc.after)
			if got := g.admit(ctx, dunning.SMS); got != tc.closed {
				t.Fatalf("closed for %s, want %s", got, tc.closed)
			}
		})
	}
	t.Run("a short wait is waited for", func(t *testing.T) {
		g := NewGate(func() time.Time { return epoch }, map[dunning.Channel]Limits{dunning.SMS: {Every: 20 * time.Millisecond}})
		began := time.Now()
		for range 3 {
			g.admit(ctx, dunning.SMS)
		}
		if d := time.Since(began); d < 50*time.Millisecond {
			t.Fatalf("three took %s, want the rate kept", d)
		}
	})
}

// TestDeadlinesByChannel: how long evidence is awaited depends on how long a provider may
// take to give it; the looks before are spread over that time.
func TestDeadlinesByChannel(t *testing.T) {
	for _, c := range []struct {
		channel dunning.Channel
		want    []time.Duration
	}{
		{dunning.SMS, []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour}},
		{dunning.Letter, []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 32 * time.Hour, 64 * time.Hour, 72 * time.Hour}},
	} {
		t.Run(string(c.channel), func(t *testing.T) {
			w := newWorld().begin()
			w.seq.Steps[0].Send = []dunning.Channeled{{Channel: c.channel, Template: "remind"}}
			silent(w)
			sent := day(3).Truncate(24 * time.Hour)
			var looks []time.Duration
			for w.wake(); w.have && !w.next.WakeAt.IsZero() && w.next.WakeAt.Before(sent.Add(100*time.Hour)); {
				w.pass(w.next.WakeAt)
				before := w.provider.lookups
				w.retried(activityOf(w.next.Verb))
				if w.provider.lookups > before {
					looks = append(looks, w.now.Sub(sent))
				}
			}
			if !slices.Equal(looks, c.want) || !w.asked(dunning.TaskUnknown) {
				t.Errorf("looked up after %s, want %s, and then a person asked", looks, c.want)
			}
		})
	}
}

// TestAPaidCaseStaysOpenWhileAMessageIsInDoubt: nobody else would look at it: nudges of closed cases
// are dropped, and evidence is sought by a contact's own case.
func TestAPaidCaseStaysOpenWhileAMessageIsInDoubt(t *testing.T) {
	w := newWorld().begin()
	silent(w)
	w.live(day(3))
	w.say(dunning.Payment{ID: "p", Amount: usd("100.00")})
	w.wake()
	if !w.have || w.next.WakeAt.IsZero() || len(w.contacts(dunning.ContactUnknown)) != 1 {
		t.Fatalf("next is %+v, contacts %+v; want another look at the message", w.next, w.contacts())
	}
	w.provider.lookup = nil // its records can be read again
	w.live(day(4))
	if w.have || len(w.contacts(dunning.ContactAccepted)) != 1 {
		t.Errorf("next is %+v, contacts %+v; want the message known and the case closed", w.next, w.contacts())
	}
	w.mustKeep(t)
}

// TestNothingIsSentAgainUnasked: at its deadline a hand-over without an answer is sent again where
// its step says so, but not before its provider was asked for the last time.
func TestNothingIsSentAgainUnasked(t *testing.T) {
	w := newWorld().begin()
	w.seq.Steps[0].Unknown = dunning.UnknownResend
	silent(w)
	w.live(day(3))
	for w.now.Before(day(4)) && w.have && w.next.WakeAt.Before(day(4)) { // the deadline is a day after it
		w.pass(w.next.WakeAt)
		if w.now.Sub(day(3).Truncate(24*time.Hour)) >= 24*time.Hour {
			break
		}
		w.retried(activityOf(w.next.Verb))
	}
	w.provider.lookup = nil // its records can be read again: it has the message
	for range maxLookups {
		w.acts.Gate.lookUp(dunning.Email)
	}
	if err := w.call(workflows.Look); err == nil || len(w.provider.order) != 1 {
		t.Fatalf("while nobody can be asked: %v, left %v", err, w.provider.order)
	}
	for range maxLookups {
		w.acts.Gate.lookedUp(dunning.Email)
	}
	w.provider.answer = nil
	w.retried(workflows.Look)
	w.live(day(4).Add(12 * time.Hour))
	w.mustKeep(t)
}

// othersTx answers only whose messages these are.
type othersTx struct {
	Tx
	taken  []string
	rivals int
}

func (o othersTx) Others(context.Context, string, dunning.ContactPlanned, []string, time.Time, time.Time) ([]string, int, error) {
	return o.taken, o.rivals, nil
}

// TestTwinsAreNotGuessedAt: of messages that look alike, the one that no other contact is
// known for is the contact's own; where that leaves a doubt, it stays unknown.
func TestTwinsAreNotGuessedAt(t *testing.T) {
	found := func(id string, looks ...string) lookedUp {
		return lookedUp{dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: id, Code: "twilio:sent"}, looks}
	}
	for _, tc := range []struct {
		about  string
		found  lookedUp
		taken  []string
		rivals int
		want   string // provider id; "" = nothing is proven
	}{
		{"one message looks like it, and nobody else is in doubt", found("SM1", "SM1"), nil, 0, "SM1"},
		{"the only one is another contact's", found("SM1", "SM1"), []string{"SM1"}, 0, ""},
		{"the nearest is another contact's, the next is nobody's", found("SM1", "SM1", "SM2"), []string{"SM1"}, 0, "SM2"},
		{"two look like it and are nobody's", found("SM1", "SM1", "SM2"), nil, 0, ""},
		{"one looks like it, and another contact to the same number is in doubt", found("SM1", "SM1"), nil, 1, ""},
		{"one found by the attempt's own id is its own, whoever else is in doubt", found("X1"), nil, 3, "X1"},
		{"one found by the attempt's id that is recorded for another contact is not", found("X1"), []string{"X1"}, 0, ""},
	} {
		t.Run(tc.about, func(t *testing.T) {
			turn := &turn{job: &job{}, tx: othersTx{taken: tc.taken, rivals: tc.rivals}}
			got, err := turn.ours(context.Background(), dunning.ContactFacts{}, tc.found)
			if err != nil || got.ProviderID != tc.want || (got.Found == dunning.EvidenceAccepted) != (tc.want != "") {
				t.Fatalf("%+v, %v; want %q", got, err, tc.want)
			}
		})
	}
	nothing := lookedUp{Evidence: dunning.Evidence{Found: dunning.EvidenceNotAccepted, Code: "x"}}
	if got, err := (&turn{}).ours(context.Background(), dunning.ContactFacts{}, nothing); err != nil || got != nothing.Evidence {
		t.Fatalf("%+v, %v", got, err)
	}
}

// sharedBreakers is a place that two gates share.
type sharedBreakers struct {
	unknown, answered int
	closed            time.Duration
}

func (s *sharedBreakers) AdmitBreaker(context.Context, string) (time.Duration, error) {
	return s.closed, nil
}

func (s *sharedBreakers) BreakerUnknown(context.Context, string) error { s.unknown++; return nil }

func (s *sharedBreakers) BreakerAnswered(context.Context, string, string) error {
	s.answered++
	return nil
}

// TestASharedBreakerIsTheOnlyOne: what this process saw by itself closes nothing where all
// workers keep the breaker together, and all outcomes that say something reach it.
func TestASharedBreakerIsTheOnlyOne(t *testing.T) {
	ctx, s := context.Background(), &sharedBreakers{}
	g := NewGate(func() time.Time { return epoch }, nil).Share(s)
	for range 2 * breakAfter {
		g.report(dunning.SMS, dunning.Outcome{State: dunning.SendUnknown})
		if err := g.tell(ctx, dunning.SMS, dunning.Outcome{State: dunning.SendUnknown}); err != nil {
			t.Fatal(err)
		}
	}
	if g.admit(ctx, dunning.SMS) != 0 {
		t.Error("the process's own breaker is in the way")
	}
	for _, o := range []dunning.Outcome{
		{State: dunning.SendAccepted},
		{State: dunning.SendFailed, Class: dunning.FailedRecipient},
		{State: dunning.SendFailed, Class: dunning.FailedNow}, // nobody answered
	} {
		if err := g.tell(ctx, dunning.SMS, o); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []dunning.EvidenceKind{dunning.EvidenceNotAccepted, dunning.EvidenceCannotKnow} {
		if err := g.tellAnswered(ctx, dunning.SMS, dunning.Evidence{Found: e}); err != nil {
			t.Fatal(err)
		}
	}
	if s.unknown != 2*breakAfter || s.answered != 3 {
		t.Errorf("%d unknown and %d answered reached it, want %d and 3", s.unknown, s.answered, 2*breakAfter)
	}
	s.closed = time.Minute
	if d, err := g.tries(ctx, dunning.SMS); d != time.Minute || err != nil {
		t.Errorf("closed for %v, %v", d, err)
	}
}

// TestEvidenceOfWhatCannotBeWrittenAgain: the debtor's address is gone when the outcome of
// a hand-over is in doubt. Records that name attempts tell all the same; where messages are
// compared nothing is asked, and nothing is taken for proof.
func TestEvidenceOfWhatCannotBeWrittenAgain(t *testing.T) {
	gone := &RenderError{Code: "point:gone", Class: dunning.FailedRecipient}
	for _, tc := range []struct {
		name     string
		compares bool
		took     bool
		want     dunning.ContactState
	}{
		{"records name the attempt: accepted", false, true, dunning.ContactAccepted},
		{"records name the attempt, and do not have it: failed", false, false, dunning.ContactFailed},
		{"records hold messages only: still unknown", true, true, dunning.ContactUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld().begin()
			w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
				w.acts.Renderer = rendererFunc(func(context.Context, dunning.CaseRef, dunning.ContactPlanned) (dunning.Message, error) {
					return dunning.Message{}, gone
				})
				return dunning.Outcome{State: dunning.SendUnknown, Code: "http:503"}, tc.took
			}
			if tc.compares {
				for name, ch := range w.acts.Channels {
					w.acts.Channels[name] = comparing{ch}
				}
			}
			w.live(day(3).Add(time.Hour))
			if len(w.contacts(tc.want)) == 0 || tc.compares && w.provider.lookups > 0 {
				t.Fatalf("no contact is %s after %d look-ups\n%s", tc.want, w.provider.lookups, text(w.events()))
			}
			w.mustKeep(t)
		})
	}
}

// TestUnreadRecordsAreNoEvidence: the database was away while a hand-over's evidence was
// sought, at its deadline. That is asked again at once: a person would be asked for nothing,
// and nothing would ever ask the records again.
func TestUnreadRecordsAreNoEvidence(t *testing.T) {
	w := newWorld().begin()
	silent(w)
	w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
		return dunning.Outcome{State: dunning.SendUnknown, Code: "letter:store"}, true
	}
	w.wake()
	w.pass(w.next.WakeAt)
	w.retried(activityOf(w.next.Verb))
	doubt := w.contacts(dunning.ContactUnknown)
	if len(doubt) != 1 {
		t.Fatalf("unknown %+v\n%s", doubt, text(w.events()))
	}
	away := 3
	w.provider.lookup = func(dunning.Message) dunning.Evidence {
		if away--; away >= 0 {
			return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "letter:store", Unread: true}
		}
		return dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: "x"}
	}
	w.pass(doubt[0].Deadline)
	w.wake()
	if len(w.contacts(dunning.ContactAccepted)) != 1 || w.asked(dunning.TaskUnknown) || away != -1 {
		t.Fatalf("after %d look-ups too few\n%s", away+1, text(w.events()))
	}
	w.mustKeep(t)
}

// comparing is a channel whose provider's records name no attempt.
type comparing struct{ Channel }

func (c comparing) Resembling(ctx context.Context, m dunning.Message) (dunning.Evidence, []string) {
	return c.Lookup(ctx, m), nil
}
