package dunning

import (
	"slices"
	"testing"
	"time"
)

// lapsed is a case with an email on its third day, a call on its fifth and a letter on its
// eighth; history is what the backup holds beside the debt.
func lapsed(t testing.TB, more ...Fact) Facts {
	t.Helper()
	n := func(d int) *int { return &d }
	seq := &Sequence{ID: "s", Version: "1", Spacing: 1, Steps: []Step{
		{ID: "mail", At: n(3), Verb: VerbSend, Send: []Channeled{{Channel: Email, Template: "t"}}},
		{ID: "call", At: n(5), Verb: VerbCall, Call: &CallStep{Queue: "early", Attempts: 2, Within: 2}},
		{ID: "post", At: n(8), Verb: VerbSend, Send: []Channeled{{Channel: Letter, Template: "t"}}},
	}}
	setup := Setup{
		Creditor: Creditor{ID: "c", Role: "first_party", Zone: "UTC", Queues: Queues{Supervisor: "sup", Operations: "ops"}}, Debtor: "d", Account: "a", Case: "k", Currency: "EUR",
		Sequence: seq, Zone: func(string) *time.Location { return time.UTC },
	}
	f, err := Fold(setup, append([]Fact{
		{At: on(0), Body: DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}}},
		{At: on(0), Body: PointKnown{ID: "e", Channel: Email}},
		{At: on(0), Body: PointKnown{ID: "l", Channel: Letter}},
		{At: on(0), Account: "a", Body: Item{Key: "A", Due: Date{2024, 3, 1}, Amount: eur("100.00")}},
		{At: on(1), Account: "a", Case: "k", By: "system", Body: CaseOpened{Sequence: "s", Version: "1"}},
	}, more...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// on is a day after the debt fell due, at noon.
func on(day int) time.Time { return time.Date(2024, 3, 1+day, 12, 0, 0, 0, time.UTC) }

// mailed3 is the email as reserved on the third day, and as it stands.
func mailed3(states ...ContactState) []Fact {
	at := on(3)
	lines := []ItemLine{{Key: "A", Step: "mail", Amount: eur("100.00")}}
	out := []Fact{{At: at, Account: "a", Case: "k", By: "system", Body: ContactPlanned{
		ID: "k/0/mail/email/1", Step: "mail", Channel: Email, Point: "e", Ordinal: 1, Items: lines, Automatic: true, Creditor: "c",
	}}}
	for _, s := range states {
		out = append(out, Fact{At: at, Account: "a", Case: "k", By: "system", Body: ContactMoved{ID: "k/0/mail/email/1", State: s}})
	}
	return out
}

func TestMissing(t *testing.T) {
	fact := func(day int, b Body) Fact { return Fact{At: on(day), Account: "a", Case: "k", By: "user:1", Body: b} }
	for _, c := range []struct {
		about        string
		since, until time.Time
		closed       time.Time
		facts        []Fact
		want         string // id of the contact; "" = none can have left
		at           time.Time
		known        bool
	}{
		{"nothing matured in the lapse", on(1), on(2), time.Time{}, nil, "", time.Time{}, false},
		{"the email matured in the lapse", on(1), on(4), time.Time{}, nil, "k/0/mail/email/1", time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC), false},
		{"the email was due before the lapse and had not left", on(4), on(5), time.Time{}, nil, "k/0/mail/email/1", on(4), false},
		{"the email left before: then came a call that nobody made, and the letter", on(4), on(12), time.Time{}, mailed3(ContactSending, ContactAccepted), "k/0/post/letter/1", time.Date(2024, 3, 9, 0, 0, 0, 0, time.UTC), false},
		{"the letter is not due yet when the lapse ends", on(4), on(8).Add(-13 * time.Hour), time.Time{}, mailed3(ContactSending, ContactAccepted), "", time.Time{}, false},
		{"the email is reserved: it may have left", on(3), on(4), time.Time{}, mailed3(), "k/0/mail/email/1", on(3), true},
		{"it was reserved after the lapse: somebody is about to send it", on(1), on(2), time.Time{}, mailed3(), "", time.Time{}, false},
		{"the email is in doubt already: nothing later can have left", on(3), on(12), time.Time{}, mailed3(ContactSending, ContactUnknown), "", time.Time{}, false},
		{"the email is at the provider", on(3), on(12), time.Time{}, mailed3(ContactSending), "", time.Time{}, false},
		{"it was paid, as is known by now", on(1), on(12), time.Time{}, []Fact{fact(2, Payment{ID: "p", Amount: eur("100.00")})}, "", time.Time{}, false},
		{"contact was held through the lapse", on(2), on(4), time.Time{}, []Fact{fact(2, HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Contact: true})}, "", time.Time{}, false},
		{"the case is closed", on(1), on(12), time.Time{}, []Fact{fact(2, CaseClosed{Reason: "recalled"})}, "", time.Time{}, false},
		{"the case opened after all was put right", on(-9), on(-8), on(0), nil, "", time.Time{}, false},
		{"the case opened before all was put right", on(1), on(4), on(6), nil, "k/0/mail/email/1", time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC), false},
	} {
		f := lapsed(t, c.facts...)
		m, ok, err := f.Missing(Lapse{Since: c.since, Until: c.until, Closed: c.closed})
		if err != nil || ok != (c.want != "") || m.Contact.ID != c.want || m.Known != c.known || !m.At.Equal(c.at) {
			t.Errorf("%s: %v %q at %v known %v, %v", c.about, ok, m.Contact.ID, m.At, m.Known, err)
		}
		if ok && !m.Known && !m.Made[len(m.Made)-1].At.Equal(c.at) {
			t.Errorf("%s: the decision is of %v", c.about, m.Made[len(m.Made)-1].At)
		}
	}
}

// TestMissingNow: what is due now may have left in a lapse, however little speaks for it,
// unless the case was not led then.
func TestMissingNow(t *testing.T) {
	for _, c := range []struct {
		about string
		lapse Lapse
		at    time.Time
		facts []Fact
		want  bool
	}{
		{"it fell due long after the lapse", Lapse{Since: on(1), Until: on(2)}, on(4), nil, true},
		{"nothing is due", Lapse{Since: on(1), Until: on(2)}, on(2), nil, false},
		{"a call is due", Lapse{Since: on(1), Until: on(2)}, on(6), mailed3(ContactSending, ContactAccepted), false},
		{"one is in doubt", Lapse{Since: on(1), Until: on(2)}, on(9), mailed3(ContactSending, ContactUnknown), false},
		{"the case opened after all was put right", Lapse{Since: on(-3), Until: on(-2), Closed: on(-1)}, on(4), nil, false},
	} {
		m, ok, err := lapsed(t, c.facts...).MissingNow(c.lapse, c.at)
		if err != nil || ok != c.want || ok && (!m.At.Equal(c.at) || m.Known || m.Contact.ID == "") {
			t.Errorf("%s: %v %+v, %v", c.about, ok, m, err)
		}
	}
}

// TestReckoned: what is learnt after all was put right says nothing about the lapse; what became
// of contacts does.
func TestReckoned(t *testing.T) {
	history := []Fact{
		{At: on(1), Body: MessageAsked{ID: "before"}},
		{At: on(4), Body: MessageAsked{ID: "as it was put right"}},
		{At: on(5), Body: ContactMoved{ID: "contact"}},
		{At: on(5), Body: ContactPlanned{ID: "contact"}},
		{At: on(5), Body: MessageAsked{ID: "after"}},
	}
	l := Lapse{Since: on(2), Until: on(3)}
	if got := l.Reckoned(history); len(got) != 5 {
		t.Errorf("while nothing is put right: %+v", got)
	}
	l.Closed = on(4)
	if got := l.Reckoned(history); len(got) != 4 || slices.ContainsFunc(got, func(x Fact) bool { return x.Body == MessageAsked{ID: "after"} }) || len(history) != 5 {
		t.Errorf("after it was put right: %+v", got)
	}
}

// TestRecalled: what evidence about a missing contact makes true, and what the case does next.
func TestRecalled(t *testing.T) {
	l, now := Lapse{Since: on(1), Until: on(4)}, on(5)
	third := time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		about  string
		found  EvidenceKind
		state  ContactState
		counts time.Time // instant of the state
	}{
		{"the provider took it: it left when it would have, and the call is next", EvidenceAccepted, ContactAccepted, third},
		{"the provider did not take it: it is tried again under the next id", EvidenceNotAccepted, ContactFailed, third},
		{"nobody can tell: it is unknown from now, and the case waits", EvidenceCannotKnow, ContactUnknown, now},
	} {
		f := lapsed(t)
		m, ok, err := f.Missing(l)
		if !ok || err != nil {
			t.Fatal(m, err)
		}
		facts, err := f.Recalled(m, "d1", Evidence{Found: c.found, ProviderID: "p1", Code: "x"}, l, now)
		if err != nil {
			t.Fatal(err)
		}
		g, err := f.Apply(facts)
		if err != nil {
			t.Fatal(err)
		}
		k := g.contact(m.Contact.ID)
		if k == nil || k.State != c.state || !k.At.Equal(third) || !k.Moved.Equal(c.counts) || k.Decision != "d1" {
			t.Errorf("%s: %+v", c.about, k)
			continue
		}
		if until, doubt := MayHaveLeftUntil(k.Code); doubt != (c.state == ContactUnknown) || doubt && !until.Equal(l.Until) {
			t.Errorf("%s: code %q", c.about, k.Code)
		}
		if d := Decide(g, now); c.state == ContactUnknown && d.Waiting != "unknown" || c.state == ContactAccepted && d.Step != "call" || c.state == ContactFailed && (d.Contact == nil || d.Contact.Ordinal != 2) {
			t.Errorf("%s: then %+v", c.about, d)
		}
		if _, again, err := g.Missing(l); again && c.state != ContactFailed || err != nil {
			t.Errorf("%s: it is missed again, %v", c.about, err)
		}
	}
}

func TestTries(t *testing.T) {
	ids := func(m Missing) (out []string) {
		for _, c := range m.Tries() {
			out = append(out, c.ID)
		}
		return out
	}
	c := ContactPlanned{ID: "k/0/mail/email/2", Ordinal: 2}
	if got := ids(Missing{Contact: c}); !slices.Equal(got, []string{"k/0/mail/email/2", "k/0/mail/email/3", "k/0/mail/email/4"}) {
		t.Errorf("tries %v", got)
	}
	if got := ids(Missing{Contact: c, Known: true}); !slices.Equal(got, []string{c.ID}) {
		t.Errorf("of a reservation %v", got)
	}
	if got := ids(Missing{Contact: ContactPlanned{ID: "odd"}}); !slices.Equal(got, []string{"odd"}) {
		t.Errorf("of an odd id %v", got)
	}
	for _, code := range []string{"", "restored:", "restored:x", "fenced:12"} {
		if _, ok := MayHaveLeftUntil(code); ok {
			t.Errorf("code %q", code)
		}
	}
	if at, ok := MayHaveLeftUntil(Lapse{Until: on(4)}.Code()); !ok || !at.Equal(on(4)) {
		t.Errorf("until %v %v", at, ok)
	}
}
