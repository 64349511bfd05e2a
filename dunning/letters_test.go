package dunning

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// posted is a case whose step went to the outbox as a letter.
func inOutbox(t *testing.T, more ...Fact) Facts {
	t.Helper()
	step := 3
	seq := &Sequence{ID: "s", Steps: []Step{{ID: "one", At: &step, Verb: VerbSend, Send: []Channeled{{Channel: Letter, Template: "t"}}}}}
	s := Setup{Creditor: Creditor{ID: "c", Role: "first_party"}, Debtor: "d", Account: "a", Case: "k", Currency: "EUR", Sequence: seq, Zone: func(string) *time.Location { return time.UTC }}
	before := noon.Add(-time.Hour)
	history := []Fact{
		{At: noon.AddDate(0, 0, -9), Account: "a", Body: Item{Key: "A", Due: Date{2024, 3, 1}, Amount: eur("100.00")}},
		{At: noon.AddDate(0, 0, -4), Account: "a", Case: "k", Body: CaseOpened{Sequence: "s"}},
		{At: before, Body: DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}, Country: "DE"}},
		{At: before, Body: PointKnown{ID: "p", Channel: Letter}},
		{At: before, Account: "a", Case: "k", Body: ContactPlanned{
			ID: "k/0/one/letter/1", Step: "one", Channel: Letter, Point: "p", Ordinal: 1, Automatic: true, Purpose: "collect",
			Items: []ItemLine{{Key: "A", Step: "one", Amount: eur("100.00")}},
		}},
		{At: before, Account: "a", Case: "k", Body: ContactMoved{ID: "k/0/one/letter/1", State: ContactSending}},
		{At: before, Account: "a", Case: "k", Body: ContactMoved{ID: "k/0/one/letter/1", State: ContactAccepted}},
	}
	f, err := Fold(s, append(history, more...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLettersAreDecidedAgain(t *testing.T) {
	const (
		id        = "k/0/one/letter/1"
		stillRead = "a person still reads what the debtor wrote: it waits"
	)
	of := func(b Body) Fact { return Fact{At: noon, Account: "a", Case: "k", Body: b} }
	for _, c := range []struct {
		about string
		fact  Fact
		id    string
		want  string
	}{
		{"nothing has happened", Fact{}, id, ""},
		{"it was paid", of(Payment{ID: "x", Amount: eur("100")}), id, "changed"},
		{"a part was paid: the letter says too much", of(Payment{ID: "x", Amount: eur("40")}), id, "changed"},
		{"the invoice was corrected", of(ItemCorrected{Item: "A", Amount: eur("90")}), id, "changed"},
		{"it was recalled", of(ItemsDisposed{Items: []string{"A"}, To: Recalled}), id, "changed"},
		{"the invoice is disputed", of(DisputeRaised{ID: "d", Item: "A"}), id, "held:item"},
		{"the account is disputed", of(DisputeRaised{ID: "d"}), id, "held:hold:dispute"},
		{"the debtor is bankrupt", of(HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true, Clock: true}), id, "held:hold:bankruptcy"},
		{"a promise was made", of(PromiseMade{ID: "p", Amount: eur("10"), Due: Date{2024, 3, 20}}), id, "held:promise"},
		{"a settlement was agreed", of(SettlementOffered{ID: "s", Items: []string{"A"}, Amount: eur("60"), Owed: eur("100"), Due: Date{2024, 3, 20}, Accepted: true}), id, "held:settlement"},
		{"a settlement is offered and not agreed: nobody has promised anything", of(SettlementOffered{ID: "s", Items: []string{"A"}, Amount: eur("60"), Owed: eur("100"), Due: Date{2024, 3, 20}}), id, ""},
		{stillRead, of(TaskOpened{ID: "r", Task: TaskReply, Until: noon.AddDate(0, 0, 2)}), id, "held:task"},
		{"what the debtor wrote keeps everything back for longer than a letter waits", of(TaskOpened{ID: "r", Task: TaskReply, Until: noon.AddDate(0, 0, 9)}), id, "held:task"},
		{"what the debtor wrote was not read in time", of(TaskOpened{ID: "r", Task: TaskReply, Until: noon}), id, ""},
		{"a collector has it", of(LeaseTaken{ID: "l", Owner: "o", Until: noon.AddDate(0, 0, 3)}), id, "held:lease"},
		{"the address is dead", of(PointDead{ID: "p", Reason: "returned_mail"}), id, "address_dead"},
		{"the case is closed", of(CaseClosed{Reason: "recalled"}), id, "case_closed"},
		{"it was called off already", of(ContactMoved{ID: id, State: ContactCancelled}), id, "not_waiting"},
		{"there is no such letter", Fact{}, "k/9", "not_waiting"},
	} {
		t.Run(c.about, func(t *testing.T) {
			var more []Fact
			if c.fact.Body != nil {
				more = append(more, c.fact)
			}
			f := inOutbox(t, more...)
			if got, later := f.LetterStands(c.id, noon.Add(time.Hour)); got != c.want || later != (c.about == stillRead) {
				t.Errorf("%q, later %v; want %q", got, later, c.want)
			}
		})
	}
}

// TestALetterInFlightWaits: it lies in the outbox already, and its hand-over is not stored yet,
// or is in doubt. Left out of the batch it would never be posted, and yet count as sent.
func TestALetterInFlightWaits(t *testing.T) {
	const id = "k/0/one/letter/1"
	for _, state := range []ContactState{ContactReserved, ContactSending, ContactUnknown} {
		f := inOutbox(t)
		f.contact(id).State = state
		if reason, later := f.LetterStands(id, noon.Add(time.Hour)); reason != "held:unknown" || !later {
			t.Errorf("%s: %q, later %v; want it to wait", state, reason, later)
		}
		if off := f.LetterCalledOff(id, "held:unknown", noon.Add(time.Hour)); len(off) != 0 {
			t.Errorf("%s: called off: %+v", state, off)
		}
	}
}

// TestACalledOffLetterGivesItsStepBack: what did not leave is not done, and is decided
// anew; what was posted stays done, however often that is said.
func TestACalledOffLetterGivesItsStepBack(t *testing.T) {
	const id = "k/0/one/letter/1"
	at := noon.Add(time.Hour)
	f := inOutbox(t)
	done := func(f Facts) bool { return f.nextStep(f.item("A")) == 1 }
	if !done(f) {
		t.Fatal("an accepted letter does its step")
	}
	posted, err := f.Apply(f.LetterPosted(id, "b1", at))
	if err != nil || !done(posted) || posted.contact(id).State != ContactAccepted {
		t.Errorf("posted: %v", err)
	}
	if facts := posted.LetterCalledOff(id, "changed", at); len(facts) != 0 {
		t.Errorf("what was posted is called off: %+v", facts)
	}
	if reason, _ := posted.LetterStands(id, at); reason != letterGone {
		t.Errorf("what was posted waits: %q", reason)
	}
	off := f.LetterCalledOff(id, "changed", at)
	g, err := f.Apply(off)
	if err != nil || done(g) || g.contact(id).State != ContactCancelled {
		t.Errorf("called off: %v, %+v", err, g.contact(id))
	}
	if d := Decide(g, at); d.Verb != VerbSend || d.Contact == nil || d.Contact.Ordinal != 2 {
		t.Errorf("decided anew: %s %+v", d.Verb, d.Contact)
	}
	if len(g.LetterCalledOff(id, "changed", at)) != 0 || len(g.LetterPosted(id, "b1", at)) != 0 {
		t.Error("a letter that is off can be neither called off nor posted")
	}
}

// TestAnOrderedLetter: what a person ordered stands, unless law, a hold or a later agreement
// speaks against it (DESIGN 5: what automation waits for does not bind a person).
func TestAnOrderedLetter(t *testing.T) {
	const (
		id         = "k/asked/letter/1"
		lawForbids = "law wants something first, and a person's order changes nothing about that"
	)
	law, faults := contact.Compile(contact.PackSpec{
		Pack: "x", Title: "X", Version: "1", Kind: "law", Jurisdiction: "*", Reviewed: "2026-11-22",
		Rules: []contact.RuleSpec{{ID: "X-1", Title: "A notice first", Citation: "x", Certainty: "text", Channels: []string{"letter"}, Notice: &contact.NoticeSpec{Kind: "debt_letter"}}},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	fact := func(at time.Time, b Body) Fact { return Fact{At: at, Account: "a", Case: "k", Body: b} }
	before, after := noon, noon.Add(2*time.Hour)
	promise := PromiseMade{ID: "p", Amount: eur("10"), Due: Date{2024, 3, 20}}
	settled := func(keys ...string) Body {
		return SettlementOffered{ID: "s", Items: keys, Amount: eur("60"), Owed: eur("100"), Due: Date{2024, 3, 20}, Accepted: true}
	}
	other := Item{Key: "B", Due: Date{2024, 3, 1}, Amount: eur("80.00")}
	plan := PlanAgreed{ID: "pl", Items: []string{"A"}, Instalments: []Instalment{{Due: Date{2024, 4, 1}, Amount: eur("100.00")}}}
	planOf := func(key string) Body {
		p := plan
		p.Items = []string{key}
		p.Instalments = []Instalment{{Due: Date{2024, 4, 1}, Amount: eur("80.00")}}
		return p
	}
	for _, c := range []struct {
		about string
		facts []Fact
		want  string
	}{
		{"nothing has happened", nil, ""},
		{"what the debtor wrote is not read yet: the letter may be the answer", []Fact{fact(before, TaskOpened{ID: "r", Task: TaskReply, Until: noon.AddDate(0, 0, 2)})}, ""},
		{"a collector has the case, and may write", []Fact{fact(before, LeaseTaken{ID: "l", Owner: "o", Until: noon.AddDate(0, 0, 3)})}, ""},
		{"somebody takes the case after the order: it stands", []Fact{fact(after, LeaseTaken{ID: "l", Owner: "o", Until: noon.AddDate(0, 0, 3)})}, ""},
		{"it was ordered although a promise is open", []Fact{fact(before, promise)}, ""},
		{"a promise was made since", []Fact{fact(after, promise)}, "held:promise"},
		{"a promise that was made since is over", []Fact{fact(after, promise), fact(after, PromiseEnded{ID: "p", Outcome: "withdrawn"})}, ""},
		{"it was ordered under a settlement", []Fact{fact(before, settled("A"))}, ""},
		{"a settlement was agreed since over what it asks for", []Fact{fact(after, settled("A"))}, "held:settlement"},
		{"a settlement was agreed since over another invoice", []Fact{fact(before, other), fact(after, settled("B"))}, ""},
		{"a settlement is offered since and not agreed", []Fact{fact(after, SettlementOffered{ID: "s", Items: []string{"A"}, Amount: eur("60"), Owed: eur("100"), Due: Date{2024, 3, 20}})}, ""},
		{"it was ordered under a plan over another invoice", []Fact{fact(before, other), fact(before, planOf("B"))}, ""},
		{"a plan was agreed since over another invoice", []Fact{fact(before, other), fact(after, planOf("B"))}, ""},
		{"a plan was agreed since over what it asks for: nothing of it is due now", []Fact{fact(after, plan)}, "changed"},
		{"a part was paid since: it asks for too much", []Fact{fact(after, Payment{ID: "x", Amount: eur("40")})}, "changed"},
		{"the invoice is disputed", []Fact{fact(after, DisputeRaised{ID: "d", Item: "A"})}, "held:item"},
		{"a hold forbids contact", []Fact{fact(after, HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true, Clock: true})}, "held:hold:bankruptcy"},
		{lawForbids, nil, "refused:X-1"},
		{"the address is dead", []Fact{fact(after, PointDead{ID: "p", Reason: "returned_mail"})}, "address_dead"},
		{"the case is closed", []Fact{fact(after, CaseClosed{Reason: "recalled"})}, "case_closed"},
	} {
		t.Run(c.about, func(t *testing.T) {
			var known, since []Fact
			for _, x := range c.facts {
				if x.At.After(noon.Add(time.Hour)) {
					since = append(since, x)
				} else {
					known = append(known, x)
				}
			}
			at := noon.Add(time.Hour)
			facts := append(known,
				fact(at, MessageAsked{ID: "ask", Channel: Letter, Template: "t"}),
				fact(at, ContactPlanned{ID: id, Step: StepAsked, Round: 1, Channel: Letter, Point: "p", Purpose: "collect", Items: []ItemLine{{Key: "A", Amount: eur("100.00")}}}),
				fact(at, ContactMoved{ID: id, State: ContactSending}), fact(at, ContactMoved{ID: id, State: ContactAccepted}))
			f := inOutbox(t, append(facts, since...)...)
			if c.about == lawForbids {
				f.Policies = contact.Set{law}
			}
			if got, later := f.LetterStands(id, noon.Add(3*time.Hour)); got != c.want || later {
				t.Errorf("%q, later %v; want %q", got, later, c.want)
			}
		})
	}
}

// TestALetterWaitsForFreshPayments: what may be paid by now is not posted, whoever ordered it.
func TestALetterWaitsForFreshPayments(t *testing.T) {
	f := inOutbox(t, Fact{At: noon, Body: FeedSeen{Until: noon}})
	f.Creditor.Stale = 24
	for _, c := range []struct {
		about string
		after time.Duration
		want  string
	}{
		{"the payments are known", 24 * time.Hour, ""},
		{"nobody knows what was paid since", 24*time.Hour + time.Second, "held:stale"},
	} {
		if got, later := f.LetterStands("k/0/one/letter/1", noon.Add(c.after)); got != c.want || later != (c.want != "") {
			t.Errorf("%s: %q, later %v", c.about, got, later)
		}
	}
}

// TestAReminderOfAnInstalmentIsDecidedAgain: it lists no invoice, so the plan itself says
// whether it is still true.
func TestAReminderOfAnInstalmentIsDecidedAgain(t *testing.T) {
	const id = "k/plan/letter/2"
	of := func(at time.Time, b Body) Fact { return Fact{At: at, Account: "a", Case: "k", Body: b} }
	plan := PlanAgreed{ID: "pl", Items: []string{"A"}, Instalments: []Instalment{
		{Due: Date{2024, 3, 9}, Amount: eur("50.00")}, {Due: Date{2024, 3, 12}, Amount: eur("50.00")},
	}}
	paid := func(id, amount string) Fact {
		return of(noon.Add(time.Hour), Payment{ID: id, Amount: eur(amount), Item: "A"})
	}
	for _, c := range []struct {
		about string
		facts []Fact
		at    time.Time
		want  string
	}{
		{"nothing has happened", nil, noon.Add(2 * time.Hour), ""},
		{"the one before was paid", []Fact{paid("1", "50.00")}, noon.Add(2 * time.Hour), ""},
		{"it was paid itself", []Fact{paid("1", "50.00"), paid("2", "50.00")}, noon.Add(2 * time.Hour), "changed"},
		{"the plan is over", []Fact{of(noon.Add(time.Hour), PlanEnded{ID: "pl", Outcome: "broken"})}, noon.Add(2 * time.Hour), "changed"},
		{"its day has not come", nil, time.Date(2024, 3, 11, 23, 59, 0, 0, time.UTC), ""},
		{"its day has come", nil, time.Date(2024, 3, 12, 0, 0, 0, 0, time.UTC), "outdated"},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := inOutbox(t, append([]Fact{
				of(noon, plan),
				of(noon, ContactPlanned{ID: id, Step: CourtesyReminder, Round: 2, Channel: Letter, Point: "p", Purpose: "scheduled_payment_reminder"}),
				of(noon, ContactMoved{ID: id, State: ContactSending}), of(noon, ContactMoved{ID: id, State: ContactAccepted}),
			}, c.facts...)...)
			if got, later := f.LetterStands(id, c.at); got != c.want || later {
				t.Errorf("%q, later %v; want %q", got, later, c.want)
			}
		})
	}
}
