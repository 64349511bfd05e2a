package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/webhooks"
	"github.com/duly/duly/workflows"
)

// textFirst publishes the shipped configuration with a text message as the first step.
func textFirst(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, store: pgtest.New(t), clock: &handClock{now: start}}
	dir := t.TempDir()
	s.must(os.CopyFS(dir, os.DirFS("../../config")))
	file := filepath.Join(dir, "sequences", "consumer-standard.yaml")
	text, err := os.ReadFile(file)
	s.must(err)
	changed := strings.Replace(string(text), "send: [{email: friendly-reminder}]", "send: [{sms: nudge, else: [{email: nudge}]}]", 1)
	s.must(os.Remove(filepath.Join(dir, "creditors", "demo-agency.yaml"))) // an agency's first contact must disclose more than a text holds
	if changed == string(text) {
		t.Fatal("the first step of the shipped sequence has changed: adapt this test")
	}
	s.must(os.WriteFile(file, []byte(changed), 0o600))
	if _, _, err := Publish(t.Context(), s.store, os.DirFS(dir), "test", start); err != nil {
		t.Fatal(err)
	}
	s.book = NewBook(s.store, clock.Wall)
	return s
}

// arrivals are when the provider was first asked to take a message, by recipient.
type arrivals struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *arrivals) note(to string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.at[to]; !ok {
		a.at[to] = time.Now()
	}
}

func (a *arrivals) of(to string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.at[to]
	return at, ok
}

// TestStopRace: a debtor's STOP arrives while the sender sends to that very debtor. Once
// the webhook is answered nothing leaves any more, whichever was first, and the case does
// not write again. DULY_RACES sets how many races are run.
func TestStopRace(t *testing.T) {
	n := 120
	if v := os.Getenv("DULY_RACES"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	s := textFirst(t)
	seen := &arrivals{at: map[string]time.Time{}}
	fake, err := fakeprovider.New(fakeprovider.Options{Now: s.clock.time, TrustDate: true, Faults: func(c fakeprovider.Call) fakeprovider.Fault {
		seen.note(c.To)
		return fakeprovider.Fault{}
	}})
	s.must(err)
	web := httptest.NewServer(fake)
	t.Cleanup(func() { fake.Close(); web.Close() })
	accounts := make([]account, n)
	for i := range accounts {
		key := fmt.Sprintf("D%d", i)
		accounts[i] = s.debtor(key, "300.00", date(1))
		s.must(s.store.PutPoints(t.Context(), accounts[i].debtor, postgres.Point{ID: key + "-m", Channel: dunning.SMS, Value: number(i), Kind: "mobile"}))
	}
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	r := &races{site: s, seen: seen, acts: s.against(web.URL)}
	r.server, err = NewWebhooks(getenv(hookEnv), WebhookDeps{Store: s.store, Book: s.book, Clock: s.clock})
	s.must(err)
	next := make(chan int)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			for i := range next {
				r.race(i, accounts[i])
			}
		})
	}
	for i := range accounts {
		next <- i
	}
	close(next)
	group.Wait()
	r.report(n)
	if d := fake.Duplicates(); len(d) > 0 {
		t.Errorf("taken twice: %+v", d)
	}
}

func number(i int) string { return fmt.Sprintf("+1212556%04d", i) }

type races struct {
	*site
	seen   *arrivals
	acts   Channels
	server *webhooks.Server

	mu      sync.Mutex
	way     time.Duration // that a hand-over takes here from its begin to the provider, lately
	left    int           // messages that left before the answer
	stopped int           // messages that did not leave
	took    []time.Duration
}

// racePoints are the points of a hand-over's way at which STOP comes: at the first before it
// begins, at the last when the provider has been asked.
const racePoints = 25

// await waits for the point of a race. Those in between are spread over the time that a
// hand-over takes here, so that either may be first however busy the machine is.
func (r *races) await(i int, sent <-chan struct{}) {
	if point := i % racePoints; point < racePoints-1 {
		r.mu.Lock()
		way := cmp.Or(r.way, 20*time.Millisecond)
		r.mu.Unlock()
		time.Sleep(way * time.Duration(point) / racePoints) // the point of the race: it is not waited for anything
		return
	}
	for tick := time.Tick(time.Millisecond); ; {
		if _, asked := r.seen.of(number(i)); asked {
			return
		}
		select {
		case <-sent:
			return
		case <-tick:
		}
	}
}

// learn remembers how a race went.
func (r *races) learn(way time.Duration, left bool, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took = append(r.took, took)
	if !left {
		r.stopped++
		return
	}
	r.left++
	r.way = (3*cmp.Or(r.way, way) + way) / 4
}

// stop posts a debtor's STOP, and is when it was answered.
func (r *races) stop(i int) (began, answered time.Time) {
	began = time.Now()
	form := url.Values{"MessageSid": {fmt.Sprintf("SM%032d", i)}, "From": {number(i)}, "Body": {"STOP"}}
	req := httptest.NewRequestWithContext(context.Background(), "POST", webhooks.TwilioInboundPath, strings.NewReader(form.Encode()))
	req.Header = twilioHeader(webhooks.TwilioInboundPath, form)
	rec := httptest.NewRecorder()
	r.server.ServeHTTP(rec, req)
	answered = time.Now()
	if rec.Code != 200 {
		r.t.Errorf("race %d: %d %s", i, rec.Code, rec.Body)
	}
	return began, answered
}

// race runs one race. The STOP starts at every point of the hand-over's way.
func (r *races) race(i int, a account) {
	ctx := context.Background()
	acts := (&activities.Activities{
		Store: actStore{r.store}, Frames: r.book, Renderer: &Renderer{Store: r.store, Book: r.book}, Channels: r.acts.Active(), Clock: r.clock,
		Gate: activities.NewGate(clock.Wall, nil),
	}).All()
	refs, err := r.store.CasesOf(ctx, a.debtor)
	if err != nil || len(refs) != 1 {
		r.t.Errorf("cases %v, %v", refs, err)
		return
	}
	intent, err := acts[workflows.Look](ctx, workflows.Request{Case: refs[0].Case})
	if err != nil || intent.Verb != dunning.VerbSend {
		r.t.Errorf("the first look: %+v, %v", intent, err)
		return
	}
	var began, answered time.Time
	if i%racePoints == 0 {
		began, answered = r.stop(i)
	}
	var after dunning.Next
	sent, begun := make(chan struct{}), time.Now()
	go func() {
		defer close(sent)
		var err error
		if after, err = acts[workflows.Send](ctx, workflows.Request{Case: refs[0].Case, Intent: intent.DecisionID}); err != nil {
			r.t.Errorf("send: %v", err)
		}
	}()
	if i%racePoints > 0 {
		r.await(i, sent)
		began, answered = r.stop(i)
	}
	<-sent
	at, left := r.seen.of(number(i))
	if left && at.After(answered) {
		r.t.Errorf("race %d: a message left %s after STOP was answered", i, at.Sub(answered))
	}
	if after.Verb == dunning.VerbSend && after.Channel == dunning.SMS && after.Step != dunning.CourtesyConfirm && !after.WakeAt.After(r.clock.time()) {
		r.t.Errorf("race %d: the case would write again: %+v", i, after)
	}
	r.learn(at.Sub(begun), left, answered.Sub(began))
}

func (r *races) report(n int) {
	if len(r.took) < n {
		r.t.Errorf("%d of %d races came to their end", len(r.took), n)
		return
	}
	slices.SortFunc(r.took, cmp.Compare)
	r.t.Logf("%d races: in %d the message was first, in %d STOP; from the webhook to its answer p50 %s, p99 %s, longest %s",
		n, r.left, r.stopped, r.took[n/2], r.took[n*99/100], r.took[n-1])
	if r.left == 0 || r.stopped == 0 {
		r.t.Errorf("no race: %d left, %d were stopped", r.left, r.stopped)
	}
	// In the big run the machine does nothing else.
	if half := r.took[n/2]; half > time.Second && os.Getenv("DULY_RACES") != "" {
		r.t.Errorf("half of the answers took more than %s, want all within a second on a machine that is not loaded", half)
	}
}
