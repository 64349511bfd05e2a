package app

import (
	"net/http/httptest"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/workflows"
)

// TestProviders lives cases against a server that plays Twilio and SendGrid and fails in
// every way that a provider can. Whatever it does, it never takes a contact twice. What it
// refused, or what Twilio's records prove it never got, arrives in the end; what only
// SendGrid knows waits for a person.
func TestProviders(t *testing.T) {
	for _, provider := range []string{"twilio", "sendgrid"} {
		for _, kind := range append(fakeprovider.AllKinds(), fakeprovider.None) {
			t.Run(provider+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				fake, url := s.provider(provider, kind)
				a := s.debtor("D1", "300.00", date(1))
				if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
					t.Fatal(err)
				}
				s.run(s.cases(a)[0].Case, s.against(url), 10*24*time.Hour, patienceFor(kind))
				if d := fake.Duplicates(); len(d) > 0 {
					t.Fatalf("taken twice: %+v", d)
				}
				for _, c := range fake.Complaints() {
					t.Error(c)
				}
				s.eachOnce(fake, provider)
			})
		}
	}
}

// patienceFor is how long a call may take of a provider that fails like that. Only those that
// never answer are not waited for; of the others a busy machine must not make some.
func patienceFor(kind fakeprovider.Kind) time.Duration {
	switch kind {
	case fakeprovider.TimeoutBefore, fakeprovider.TimeoutAfter, fakeprovider.SlowBody:
		return 3 * time.Second
	}
	return activities.DefaultCall
}

// provider plays Twilio and SendGrid; the first call of one of them fails.
func (s *site) provider(name string, kind fakeprovider.Kind) (*fakeprovider.Server, string) {
	s.t.Helper()
	p, err := fakeprovider.New(fakeprovider.Options{
		Now: s.clock.time, TrustDate: true,
		Faults: func(c fakeprovider.Call) fakeprovider.Fault {
			if c.Provider == name && c.Try == 0 {
				return fakeprovider.Fault{Kind: kind}
			}
			return fakeprovider.Fault{}
		},
	})
	s.must(err)
	web := httptest.NewServer(p)
	s.t.Cleanup(func() { p.Close(); web.Close() })
	return p, web.URL
}

// against is an environment that leads both providers to one address.
func (s *site) against(url string) Channels {
	s.t.Helper()
	env := with(twilioEnv, "TWILIO_BASE_URL", url, "SENDGRID_BASE_URL", url)
	for k, v := range gridEnv {
		env[k] = v
	}
	ch, err := OpenChannelsOn(getenv(env), s.store, s.clock)
	s.must(err)
	if len(ch.Live()) > 0 {
		s.t.Fatalf("a loopback address is live: %v", ch.Live())
	}
	return ch
}

// run plays a case's workflow for some business time, with providers whose calls may take so
// long.
func (s *site) run(id string, ch Channels, length, call time.Duration) {
	s.t.Helper()
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(silent{})
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(2 * time.Minute)
	e.SetWorkflowRunTimeout(length)
	e.RegisterWorkflowWithOptions(workflows.Case, workflow.RegisterOptions{Name: workflows.CaseType})
	acts := &activities.Activities{
		Store: actStore{s.store}, Frames: s.book, Renderer: &Renderer{Store: s.store, Book: s.book}, Channels: ch.Active(),
		Clock: s.clock, Gate: activities.NewGate(s.clock.time, nil), Call: call,
	}
	for name, f := range acts.All() {
		e.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: string(name)})
	}
	s.clock.follow(e.Now)
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: id})
}

// eachOnce: the reminder and the text count as accepted and were taken, or are unknown for
// want of SendGrid's records and in a person's hands.
func (s *site) eachOnce(p *fakeprovider.Server, failing string) {
	s.t.Helper()
	taken := map[string]bool{}
	for _, m := range p.Log() {
		taken[m.Attempt] = true
	}
	counts, err := s.store.CountContacts(s.t.Context())
	s.must(err)
	states := map[dunning.ContactState]int64{}
	for _, c := range counts {
		states[c.State] += c.N
	}
	accepted, unknown := states[dunning.ContactAccepted], states[dunning.ContactUnknown]
	if int64(len(taken)) < accepted || states[dunning.ContactSending]+states[dunning.ContactReserved] > 0 {
		s.t.Errorf("%d were taken, contacts by state: %v", len(taken), states)
	}
	if failing == "twilio" && (accepted < 2 || unknown > 0) {
		s.t.Errorf("Twilio's records prove everything, yet contacts by state: %v", states)
	}
	if failing == "sendgrid" && accepted < 2 && unknown != 1 {
		s.t.Errorf("contacts by state: %v", states)
	}
}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
