package app

import (
	"context"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/workflows"
)

// TestAMessageThatAPersonAsksFor goes the whole way: a collector has the case and orders a
// message; it leaves once, through reservation and fence, from the real templates.
func TestAMessageThatAPersonAsksFor(t *testing.T) {
	s := newSite(t)
	s.debtor("D1", "300.00", date(1))
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	nudges, err := s.store.Undelivered(t.Context(), 10)
	if err != nil || len(nudges) != 1 {
		t.Fatalf("nudges %+v, %v; want one for the new case", nudges, err)
	}
	id := nudges[0].Case
	e := s.environment()
	do := func(after time.Duration, cmds ...dunning.Command) {
		e.RegisterDelayedCallback(func() {
			for _, cmd := range cmds {
				if _, err := s.commands().Do(context.Background(), id, cmd, "user:u"); err != nil {
					t.Errorf("%T: %v", cmd, err)
				}
			}
			e.SignalWorkflow(workflows.Nudge.Name, workflows.Nudged{})
		}, after)
	}
	order := dunning.SendMessage{ID: "ask", Channel: dunning.Email, Template: "friendly-reminder"}
	do(8*24*time.Hour+time.Hour, dunning.TakeLease{ID: "l", Owner: "u", Until: start.AddDate(0, 0, 15)}, order, order)
	do(12*24*time.Hour, dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")})
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: id})
	if err := e.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	contacts, err := s.store.Contacts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, c := range contacts {
		if c.Step == dunning.StepAsked {
			asked++
			if c.State != dunning.ContactAccepted {
				t.Errorf("the contact is %+v", c)
			}
		}
	}
	if asked != 1 {
		t.Errorf("%d messages left for one order, given twice", asked)
	}
}
