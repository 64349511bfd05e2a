package app

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/webhooks"
	"github.com/duly/duly/workflows"
)

// says posts a text message from the debtor's number and returns the event's id.
func (h *hooked) says(n int, text string) string {
	h.t.Helper()
	sid := fmt.Sprintf("SM%d", n)
	form := url.Values{"MessageSid": {sid}, "From": {"+12125550100"}, "To": {"+15005550006"}, "Body": {text}}
	if w := h.twilio(webhooks.TwilioInboundPath, form); w.Code != 200 {
		h.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return "twilio_inbound/" + sid
}

// folded are a debtor's facts as the core sees them in a case.
func (h *hooked) folded(ref dunning.CaseRef) dunning.Facts {
	h.t.Helper()
	setup, err := h.book.Setup(h.t.Context(), ref)
	h.must(err)
	history, err := h.store.FactsAsOf(h.t.Context(), ref.Debtor, 1<<40)
	h.must(err)
	f, err := dunning.Fold(setup, history)
	h.must(err)
	return f
}

// kindsOf counts a debtor's facts.
func (h *hooked) kindsOf(debtor string) map[dunning.Kind]int {
	h.t.Helper()
	facts, err := h.store.FactsAsOf(h.t.Context(), debtor, 1<<40)
	h.must(err)
	n := map[dunning.Kind]int{}
	for _, f := range facts {
		n[f.Body.Kind()]++
	}
	return n
}

// TestRepliesOverTheWebhook: what debtors write becomes facts on the real store before
// the webhook is answered, and a task where a person must read it.
func TestRepliesOverTheWebhook(t *testing.T) {
	for n, c := range []struct {
		about, text, outcome string
		facts                []dunning.Kind
		task                 string
	}{
		{"a stop word", "STOP", "opt_out", []dunning.Kind{"opted_out"}, ""},
		{"a plain wish in German", "Bitte schreiben Sie mir nicht mehr", "opt_out", []dunning.Kind{"opted_out"}, ""},
		{"a dispute", "I dispute this debt", "dispute", []dunning.Kind{"dispute_raised", "task_opened"}, "dispute"},
		{"a lawyer", "contact my attorney", "represented", []dunning.Kind{"status_known", "hold_placed", "task_opened"}, "represented"},
		{"a proposal", "I will pay $40 on Friday", "will_pay", []dunning.Kind{"task_opened"}, "will_pay"},
		{"a stranger", "wrong number", "wrong_person", []dunning.Kind{"point_dead"}, ""},
		{"what nobody can read", "qwertz", "unclear", []dunning.Kind{"task_opened"}, "unclear"},
	} {
		t.Run(c.about, func(t *testing.T) {
			h := newHooked(t)
			before := h.kindsOf(h.a.debtor)
			id := h.says(n, c.text)
			after := h.kindsOf(h.a.debtor)
			for _, k := range append(c.facts, "contact_logged") {
				if after[k] != before[k]+1 {
					t.Errorf("%d facts of kind %s, %d before", after[k], k, before[k])
				}
			}
			rows, err := h.store.Inbox(t.Context(), postgres.InboxFilter{})
			h.must(err)
			if len(rows) != 1 || rows[0].State != postgres.InboxDone || rows[0].Outcome != c.outcome {
				t.Errorf("inbox %+v", rows)
			}
			tasks, err := h.store.OpenTasks(t.Context(), "", h.ref.Case, 10)
			h.must(err)
			switch {
			case c.task == "" && len(tasks) > 0, c.task != "" && len(tasks) != 1:
				t.Fatalf("tasks %+v", tasks)
			case c.task != "" && (tasks[0].Reason != c.task || tasks[0].Kind != dunning.TaskReply || tasks[0].Contact != id):
				t.Errorf("task %+v", tasks[0])
			}
			h.says(n, c.text)
			if again := h.kindsOf(h.a.debtor); fmt.Sprint(again) != fmt.Sprint(after) {
				t.Errorf("the same message again: %v, before %v", again, after)
			}
			if facts, err := h.store.FactsAsOf(t.Context(), h.a.debtor, 1<<40); err != nil || strings.Contains(fmt.Sprintf("%+v", facts), c.text) {
				t.Errorf("facts hold what was written: %v", err)
			}
		})
	}
}

// TestStopIsConfirmedOnce: where law allows one confirmation, in its minutes, exactly
// one is decided, to the number that it came from; to nobody later.
func TestStopIsConfirmedOnce(t *testing.T) {
	h := newHooked(t)
	h.says(1, "STOP")
	at := h.clock.time().Add(time.Minute)
	f := h.folded(h.ref)
	d := dunning.Decide(f, at)
	if d.Verb != dunning.VerbSend || d.Step != dunning.CourtesyConfirm || d.Contact == nil || d.Contact.Point != h.a.key+"-m" || d.Contact.Purpose != "opt_out_confirmation" {
		t.Fatalf("decided %+v", d)
	}
	if late := dunning.Decide(f, at.Add(5*time.Minute)); late.Step == dunning.CourtesyConfirm {
		t.Errorf("after five minutes: %+v", late)
	}
	d.Contact.Decision = ""
	g, err := f.Apply([]dunning.Fact{{At: at, Account: h.ref.Account, Case: h.ref.Case, Body: *d.Contact}, {At: at, Account: h.ref.Account, Case: h.ref.Case, Body: dunning.ContactMoved{ID: d.Contact.ID, State: dunning.ContactSending}}})
	h.must(err)
	if again := dunning.Decide(g, at.Add(time.Second)); again.Step == dunning.CourtesyConfirm {
		t.Errorf("a second one: %+v", again)
	}
}

// TestWhereNoLawSpeaksOfConfirmationsNoneLeaves: the same word from a debtor in Germany.
func TestWhereNoLawSpeaksOfConfirmationsNoneLeaves(t *testing.T) {
	h := newHooked(t)
	h.add(h.a, dunning.Fact{At: start, Body: dunning.DebtorKnown{DebtorKind: "consumer", Locale: "de", Country: "DE", Places: []string{"DE"}, Zones: []string{"Europe/Berlin"}}})
	h.says(1, "STOP")
	if d := dunning.Decide(h.folded(h.ref), h.clock.time().Add(time.Minute)); d.Step == dunning.CourtesyConfirm {
		t.Fatalf("decided %+v", d)
	}
}

// TestHelpIsAnswered: HELP leads to one message that says who writes.
func TestHelpIsAnswered(t *testing.T) {
	h := newHooked(t)
	h.says(1, "help")
	d := dunning.Decide(h.folded(h.ref), h.clock.time().Add(time.Second))
	if d.Verb != dunning.VerbSend || d.Step != dunning.CourtesyHelp || d.Contact.Template != "help" {
		t.Fatalf("decided %+v", d)
	}
}

// TestARefusalHoldsForEverybodyAndTheRestForOne: two debtors with one number. What the
// message refuses holds for both; what it says about the debt is about the one who was
// written to last.
func TestARefusalHoldsForEverybodyAndTheRestForOne(t *testing.T) {
	h := newHooked(t)
	b := h.debtor("D2", "50.00", date(1))
	h.sends("x1", dunning.SMS, dunning.ContactAccepted)
	h.says(1, "I dispute this debt. Stop texting me")
	one, two := h.kindsOf(h.a.debtor), h.kindsOf(b.debtor)
	if one["opted_out"] != 1 || two["opted_out"] != 1 {
		t.Errorf("refusals: %d and %d", one["opted_out"], two["opted_out"])
	}
	if one["dispute_raised"] != 1 || two["dispute_raised"] != 0 {
		t.Errorf("disputes: %d and %d", one["dispute_raised"], two["dispute_raised"])
	}
	answered := 0
	for _, debtor := range []string{h.a.debtor, b.debtor} {
		facts, err := h.store.FactsAsOf(t.Context(), debtor, 1<<40)
		h.must(err)
		for _, f := range facts {
			if l, ok := f.Body.(dunning.ContactLogged); ok && l.Answer != "" {
				answered++
			}
		}
	}
	if answered != 1 {
		t.Errorf("%d answers for one message", answered)
	}
}

// TestOneNumberTwiceIsOnePerson: the same number under two ids is one writer, of whom
// nothing is lost, and a stranger's number is given up under both.
func TestOneNumberTwiceIsOnePerson(t *testing.T) {
	for n, c := range []struct {
		text    string
		refused int
		dispute int
		dead    int
	}{
		{"I dispute this debt. Stop texting me", 1, 1, 0},
		{"wrong number", 0, 0, 2},
	} {
		h := newHooked(t)
		h.must(h.store.PutPoints(t.Context(), h.a.debtor, postgres.Point{ID: "a-first", Channel: dunning.SMS, Value: "+12125550100"}))
		h.add(h.a, dunning.Fact{At: start, Body: dunning.PointKnown{ID: "a-first", Channel: dunning.SMS}})
		for range 2 { // the second is the same message again
			h.says(n, c.text)
			if k := h.kindsOf(h.a.debtor); k["contact_logged"] != 1 || k["opted_out"] != c.refused || k["dispute_raised"] != c.dispute || k["point_dead"] != c.dead {
				t.Errorf("%s: %v", c.text, k)
			}
		}
	}
}

// TestTheCaseOfAnAddressMeansNothing: the debtor was imported with capitals, providers
// give addresses in lower case.
func TestTheCaseOfAnAddressMeansNothing(t *testing.T) {
	h := newHooked(t)
	m, err := NewReplies(h.store, h.book, h.clock).Inbound(t.Context(), webhooks.Inbound{
		ID: "m/1", Channel: dunning.Email, From: strings.ToLower("D1@example.invalid"), Text: "Please stop emailing me",
	})
	if k := h.kindsOf(h.a.debtor); err != nil || m.Nobody || k["opted_out"] != 1 {
		t.Errorf("%+v %v: %v", m, err, k)
	}
}

// TestAReplyWithoutACaseIsShownToPeople: no task can hold it, so the inbox does.
func TestAReplyWithoutACaseIsShownToPeople(t *testing.T) {
	h := newHooked(t)
	h.add(h.a, dunning.Fact{At: start, Account: h.ref.Account, Case: h.ref.Case, Body: dunning.CaseClosed{Reason: "paid"}})
	h.says(1, "please call me")
	rows, err := h.store.Inbox(t.Context(), postgres.InboxFilter{State: postgres.InboxUnmatched})
	h.must(err)
	if len(rows) != 1 || rows[0].Outcome != replyKept {
		t.Errorf("inbox %+v", rows)
	}
}

// TestAnAnswerToAnEarlierCaseConcernsTheOpenOne: the account has got its next case, which
// has not written yet, when the debtor answers a message of the one before.
func TestAnAnswerToAnEarlierCaseConcernsTheOpenOne(t *testing.T) {
	h := newHooked(t)
	h.sends("1", dunning.SMS, dunning.ContactAccepted)
	in := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: h.clock.time(), Account: h.ref.Account, Case: h.ref.Case, By: "system", Body: b}
	}
	h.add(h.a, in(dunning.CaseClosed{Reason: "paid"}))
	first := h.ref.Case
	h.ref.Case = uuid.NewString()
	h.must(h.store.InDebtor(t.Context(), []string{h.a.debtor}, func(tx *postgres.Tx) error {
		if _, err := tx.OpenCase(t.Context(), h.ref); err != nil {
			return err
		}
		_, _, err := tx.Append(t.Context(), h.a.debtor, []dunning.Fact{in(dunning.CaseOpened{Sequence: h.ref.Sequence, Version: h.ref.Version})})
		return err
	}))
	h.says(1, "please call me")
	facts, err := h.store.FactsAsOf(t.Context(), h.a.debtor, 1<<40)
	h.must(err)
	tasks := 0
	for _, x := range facts {
		if x.Body.Kind() == "task_opened" {
			tasks++
			if x.Case != h.ref.Case {
				t.Errorf("the task is of case %s, want %s, which follows %s", x.Case, h.ref.Case, first)
			}
		}
	}
	if rows, err := h.store.Inbox(t.Context(), postgres.InboxFilter{State: postgres.InboxUnmatched}); err != nil || len(rows) > 0 || tasks != 1 {
		t.Errorf("%d tasks, in the inbox for people without a case: %+v %v", tasks, rows, err)
	}
}

// TestAMachineSaysNothing: an automatic reply is neither a contact of the debtor nor work.
func TestAMachineSaysNothing(t *testing.T) {
	h := newHooked(t)
	before := h.kindsOf(h.a.debtor)
	m, err := NewReplies(h.store, h.book, h.clock).Inbound(t.Context(), webhooks.Inbound{
		ID: "m/1", Channel: dunning.Email, From: "D1@example.invalid", Text: "I paid already", Automatic: true,
	})
	if err != nil || m.Outcome != string(answers.AutoReply) || m.Nobody {
		t.Errorf("%+v %v", m, err)
	}
	if after := h.kindsOf(h.a.debtor); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%v, before %v", after, before)
	}
}

// TestStopInALivingCase: a STOP in the middle of a case, through the real workflow,
// activities, templates and sandbox: one confirmation to the number within five minutes,
// which says nothing else, and no text message after it. HELP is answered, too.
func TestStopInALivingCase(t *testing.T) {
	h := newHooked(t)
	e := h.environment()
	stop := start.Add(9 * 24 * time.Hour)
	told := false
	say := func(id, text string) func() {
		return func() {
			_, err := NewReplies(h.store, h.book, h.clock).Inbound(t.Context(), webhooks.Inbound{ID: id, Channel: dunning.SMS, From: "+12125550100", Text: text, Received: e.Now()})
			if err != nil {
				t.Error(err)
			}
			told = true
			e.SignalWorkflow(workflows.Nudge.Name, workflows.Nudged{})
		}
	}
	e.RegisterDelayedCallback(say("in/help", "help"), 24*time.Hour+3*time.Hour)
	e.RegisterDelayedCallback(say("in/stop", "STOP"), stop.Sub(start))
	e.RegisterDelayedCallback(e.CancelWorkflow, 20*24*time.Hour)
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: h.ref.Case})
	if !told {
		t.Fatal("nothing was said")
	}
	var before, after []dunning.Message
	for _, m := range h.messages() {
		switch {
		case m.Channel != dunning.SMS:
		case m.At.Before(stop):
			before = append(before, m)
		default:
			after = append(after, m)
		}
	}
	if len(before) == 0 || !strings.Contains(before[0].Text, "STOP") || !strings.Contains(before[0].Text, "202 555 0100") {
		t.Errorf("HELP was answered by %+v", before)
	}
	if len(after) != 1 || after[0].At.Sub(stop) >= 5*time.Minute || after[0].To != "+12125550100" {
		t.Fatalf("after the STOP: %+v", after)
	}
	if text := after[0].Text; !strings.Contains(text, "received your request to stop") || strings.Contains(text, "$") || strings.Contains(text, "?") || strings.Contains(text, "Ada") {
		t.Errorf("the confirmation says %q", text)
	}
}
