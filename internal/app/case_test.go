package app

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/workflows"
)

// activities wires the real activities of a site to the sandbox.
func (s *site) activities() *activities.Activities {
	s.t.Helper()
	ch, err := OpenChannels(func(string) string { return "" }, s.store)
	s.must(err)
	return &activities.Activities{
		Store: actStore{s.store}, Frames: s.book, Renderer: &Renderer{Store: s.store, Book: s.book}, Channels: ch.Active(),
		Clock: s.clock, Gate: activities.NewGate(clock.Wall, nil),
	}
}

// environment plays the Case workflow with the real activities; its time is business time.
func (s *site) environment() *testsuite.TestWorkflowEnvironment {
	s.t.Helper()
	suite := &testsuite.WorkflowTestSuite{}
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(time.Minute)
	e.RegisterWorkflowWithOptions(workflows.Case, workflow.RegisterOptions{Name: workflows.CaseType})
	for name, f := range s.activities().All() {
		e.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: string(name)})
	}
	s.clock.get = e.Now
	return e
}

// messages in the sandbox, oldest first, as "channel subject-or-text".
func (s *site) messages() []dunning.Message {
	s.t.Helper()
	m, err := s.store.Sandbox().Latest(context.Background(), 100)
	s.must(err)
	slices.SortFunc(m, func(a, b dunning.Message) int { return a.At.Compare(b.At) })
	return m
}

// TestCaseOnPostgres lives a case through the real workflow, activities, database,
// configuration, templates and sandbox, until the debtor pays.
func TestCaseOnPostgres(t *testing.T) {
	s := newSite(t)
	a := s.debtor("D1", "300.00", date(1))
	sum, err := s.starter().Run(t.Context(), StartOptions{})
	if err != nil || sum.Opened != 1 {
		t.Fatalf("starter: %+v, %v", sum, err)
	}
	nudges, err := s.store.Undelivered(t.Context(), 10)
	if err != nil || len(nudges) != 1 || !nudges[0].Open {
		t.Fatalf("nudges %+v, %v; want one for the new case", nudges, err)
	}
	id := nudges[0].Case
	e := s.environment()
	var paid error
	e.RegisterDelayedCallback(func() {
		_, paid = s.commands().Do(context.Background(), id, dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")}, "import")
		e.SignalWorkflow(workflows.Nudge.Name, workflows.Nudged{})
	}, 20*24*time.Hour)
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: id})
	if err := e.GetWorkflowError(); err != nil || paid != nil {
		t.Fatalf("workflow: %v, payment: %v", err, paid)
	}
	state, err := s.store.CaseState(t.Context(), id)
	if err != nil || state.Open || state.CloseReason != "paid" {
		t.Fatalf("case %+v, %v; want it closed as paid", state, err)
	}
	checkMessages(t, s.messages(), a)
	s.checkVersions(id)
	s.checkAgain(len(s.messages()))
}

// checkMessages: a friendly email, a text, an offer and thanks, each within New York's hours
// and each once; the emails that ask for money name what is owed.
func checkMessages(t *testing.T, got []dunning.Message, a account) {
	t.Helper()
	want := []dunning.Channel{dunning.Email, dunning.SMS, dunning.Email, dunning.Email}
	asks := []bool{true, false, true, false}
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	ny, _ := time.LoadLocation("America/New_York")
	for i, m := range got {
		if m.Channel != want[i] || asks[i] != strings.Contains(m.Text, "300.00") {
			t.Errorf("message %d is %s %q, want %s, naming 300.00: %v", i+1, m.Channel, m.Text, want[i], asks[i])
		}
		if h := m.At.In(ny).Hour(); h < 9 || h >= 18 {
			t.Errorf("message %d left at %s", i+1, m.At.In(ny))
		}
		if m.To == "" || m.Attempt == "" {
			t.Errorf("message %d has no recipient or attempt", i+1)
		}
	}
	if got[0].To != a.key+"@example.invalid" {
		t.Errorf("the email went to %q", got[0].To)
	}
}

// checkVersions: every decision of the case carries the versions that a re-check needs, and
// comes out the same again from the facts as of then.
func (s *site) checkVersions(id string) {
	s.t.Helper()
	ctx := s.t.Context()
	all, err := s.store.Decisions(ctx, id)
	s.must(err)
	ref, err := s.store.CaseRef(ctx, id)
	s.must(err)
	frame, err := s.book.Frame(ctx, ref)
	s.must(err)
	for _, d := range all {
		if d.Core == "" || d.Policies == "" || d.Zones == "" {
			s.t.Fatalf("decision %s lacks versions: %+v", d.ID, d)
		}
		facts, err := s.store.FactsAsOf(ctx, ref.Debtor, d.Decision.Version)
		s.must(err)
		f, err := dunning.Fold(frame.Setup, facts)
		s.must(err)
		again := dunning.Decide(f, d.Decision.At)
		if again.Verb != d.Decision.Verb || again.Step != d.Decision.Step || !again.WakeAt.Equal(d.Decision.WakeAt) || again.Rule != d.Decision.Rule {
			s.t.Fatalf("decision %s: stored %+v, again %+v", d.ID, d.Decision, again)
		}
	}
	if len(all) < 6 {
		s.t.Fatalf("only %d decisions", len(all))
	}
}
