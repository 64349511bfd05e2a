package app

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// TestEveryAttemptEnds: providers fail in every way on 60 % of the calls, and of the
// webhooks that could tell, many are lost, doubled, late and out of order. All the same
// every hand-over comes to a final state by its deadline: by evidence, or as the step's
// on_unknown says; with "ask" a person has a task. Nothing is taken twice unless "resend"
// was chosen.
func TestEveryAttemptEnds(t *testing.T) {
	for _, policy := range []dunning.OnUnknown{dunning.UnknownAsk, dunning.UnknownSkip, dunning.UnknownResend} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			s := firstSteps(t, "on_unknown: "+string(policy))
			fake, url := s.told(7)
			var accounts []account
			for i := range 5 {
				a := s.debtor(fmt.Sprintf("D%d", i), "300.00", date(1))
				s.must(s.store.PutPoints(t.Context(), a.debtor, postgres.Point{ID: a.key + "-m", Channel: dunning.SMS, Value: number(i), Kind: "mobile"}))
				accounts = append(accounts, a)
			}
			if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
				t.Fatal(err)
			}
			for _, a := range accounts {
				refs, err := s.store.CasesOf(t.Context(), a.debtor)
				s.must(err)
				s.run(refs[0].Case, s.reporting(url), 11*24*time.Hour, 500*time.Millisecond)
			}
			fake.Quiet()
			s.allEnded(policy, fake)
			t.Logf("%d taken, %v, webhooks %v", len(fake.Log()), s.states(), fake.WebhookCounts())
		})
	}
}

// TestStrongDeliveryOnPostgres: under the same faults no email of a strong step stays in
// doubt: what may have been taken is called back, and what then leaves, leaves once.
func TestStrongDeliveryOnPostgres(t *testing.T) {
	s := firstSteps(t, "delivery: strong")
	fake, url := s.told(11)
	for i := range 6 {
		s.debtor(fmt.Sprintf("D%d", i), "300.00", date(1))
	}
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		ids, err := s.store.FindCases(t.Context(), "demo", fmt.Sprintf("D%d", i))
		s.must(err)
		s.run(ids[0], s.reporting(url), 7*24*time.Hour, 500*time.Millisecond)
	}
	counts, err := s.store.CountContacts(t.Context())
	s.must(err)
	for _, c := range counts {
		if c.Channel == dunning.Email && (c.State == dunning.ContactUnknown || c.State == dunning.ContactSending) {
			t.Errorf("%d emails of step %s are %s", c.N, c.Step, c.State)
		}
	}
	back, left := 0, map[string]int{}
	for _, m := range fake.Log() {
		switch {
		case m.Provider != "sendgrid": // texts cannot be held
		case m.Recalled:
			back++
		case m.Batch == "":
			t.Errorf("the mail of attempt %s left at once", m.Attempt)
		default:
			left[m.To]++
		}
	}
	for to, n := range left {
		if n > 1 {
			t.Errorf("%s got the same reminder %d times", to, n)
		}
	}
	if back == 0 || len(left) == 0 {
		t.Errorf("%d called back, %d left: the faults proved nothing", back, len(left))
	}
	t.Logf("%d called back, %d left, %v", back, len(left), s.states())
}

// firstSteps publishes the shipped configuration with a line more for the first two steps.
func firstSteps(t *testing.T, more string) *site {
	t.Helper()
	s := &site{t: t, store: pgtest.New(t), clock: &handClock{now: start}}
	dir := t.TempDir()
	s.must(os.CopyFS(dir, os.DirFS("../../config")))
	file := filepath.Join(dir, "sequences", "consumer-standard.yaml")
	text, err := os.ReadFile(file)
	s.must(err)
	line := "\n    " + more
	changed := strings.NewReplacer(
		"send: [{email: friendly-reminder}]", "send: [{email: friendly-reminder}]"+line,
		"send: [{sms: nudge, else: [{email: nudge}]}]", "send: [{sms: nudge, else: [{email: nudge}]}]"+line,
	).Replace(string(text))
	if strings.Count(changed, line) < 2 {
		t.Fatal("the first steps of the shipped sequence have changed: adapt this test")
	}
	s.must(os.WriteFile(file, []byte(changed), 0o600))
	if _, _, err := Publish(t.Context(), s.store, os.DirFS(dir), "test", start); err != nil {
		t.Fatal(err)
	}
	s.book = NewBook(s.store, clock.Wall)
	return s
}

// told is a provider that fails and tells, and the webhooks that it tells.
func (s *site) told(seed uint64) (*fakeprovider.Server, string) {
	s.t.Helper()
	key, public, err := fakeprovider.NewGridKey()
	s.must(err)
	env := with(hookEnv, "SENDGRID_WEBHOOK_PUBLIC_KEY", public, "TWILIO_AUTH_TOKEN", twilioEnv["TWILIO_AUTH_TOKEN"])
	server, err := NewWebhooks(getenv(env), WebhookDeps{Store: s.store, Book: s.book, Clock: s.clock})
	s.must(err)
	duly := httptest.NewServer(server)
	fake, err := fakeprovider.New(fakeprovider.Options{
		Now: s.clock.time, TrustDate: true, Faults: fakeprovider.Rate(seed, 60, fakeprovider.AllKinds()...),
		Webhooks: &fakeprovider.Webhooks{
			URL: duly.URL, PublicURL: env["DULY_PUBLIC_URL"], TwilioToken: env["TWILIO_AUTH_TOKEN"], GridKey: key,
			Fate: fakeprovider.WebhookRate(seed, 40, 300*time.Millisecond), Pause: time.Millisecond,
		},
	})
	s.must(err)
	web := httptest.NewServer(fake)
	s.t.Cleanup(func() { fake.Close(); web.Close(); duly.Close() })
	return fake, web.URL
}

// reporting is an environment that leads both providers to one address and asks for
// delivery reports.
func (s *site) reporting(url string) Channels {
	s.t.Helper()
	env := with(twilioEnv, "TWILIO_BASE_URL", url, "SENDGRID_BASE_URL", url, "DULY_PUBLIC_URL", hookURL)
	for k, v := range gridEnv {
		env[k] = v
	}
	ch, err := OpenChannelsOn(getenv(env), s.store, s.clock)
	s.must(err)
	return ch
}

func (s *site) states() map[dunning.ContactState]int64 {
	s.t.Helper()
	counts, err := s.store.CountContacts(s.t.Context())
	s.must(err)
	out := map[dunning.ContactState]int64{}
	for _, c := range counts {
		out[c.State] += c.N
	}
	return out
}

// allEnded checks every contact at the end.
func (s *site) allEnded(policy dunning.OnUnknown, fake *fakeprovider.Server) {
	s.t.Helper()
	states := s.states()
	if len(fake.Log()) == 0 || states[dunning.ContactReserved]+states[dunning.ContactSending] > 0 {
		s.t.Errorf("%d taken; contacts %v: some never came to an end", len(fake.Log()), states)
	}
	unknown, err := s.store.Unsettled(s.t.Context(), s.clock.time(), 1000)
	s.must(err)
	for _, c := range unknown {
		if s.clock.time().Before(c.Deadline) {
			continue // evidence is still awaited
		}
		tasks, err := s.store.OpenTasks(s.t.Context(), "", c.Case, 100)
		s.must(err)
		asked := false
		for _, k := range tasks {
			asked = asked || k.Kind == dunning.TaskUnknown && k.Contact == c.ID
		}
		if policy != dunning.UnknownAsk || !asked {
			s.t.Errorf("contact %s is %s after its deadline %s; on_unknown is %s and nobody was asked", c.ID, c.State, c.Deadline, policy)
		}
	}
	taken := map[string]int{}
	for _, a := range fake.Log() {
		taken[a.Attempt]++
	}
	for attempt, n := range taken {
		if n > 1 { // a resend is a contact of its own, with an attempt of its own
			s.t.Errorf("attempt %s was taken %d times", attempt, n)
		}
	}
}
