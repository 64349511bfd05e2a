package dunning

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// known is base with contact points, a person, a wish, a consent and the like.
func known(t testing.TB, more ...Fact) Facts {
	t.Helper()
	f := base(t)
	f.Setup.Zone = func(n string) *time.Location {
		z, err := time.LoadLocation(n)
		if err != nil {
			return nil
		}
		return z
	}
	day := noon.AddDate(0, 0, -2)
	history := []Fact{
		{Version: 1, At: day, Body: PointKnown{ID: "e", Channel: Email}},
		{Version: 1, At: day, Body: PointKnown{ID: "m", Channel: SMS, PointKind: "mobile"}},
		{Version: 1, At: day, Body: PointKnown{ID: "w", Channel: Call, PointKind: "work"}},
		{Version: 2, At: day, Body: PersonKnown{ID: "p1", Relation: "attorney"}},
		{Version: 3, At: day, Body: Consented{ID: "c1", Basis: "written", Scope: "tcpa", Told: Told{Medium: "portal"}}},
		{Version: 4, At: day, Body: OptedOut{ID: "o1", Channel: SMS}},
		{Version: 5, At: day, Body: TimesInconvenient{ID: "t1", From: "09:00", To: "10:00"}},
		{Version: 6, At: day, Body: WishStated{ID: "w1", Wish: WishNoWork}},
		{Version: 7, At: day, Body: NoticeSent{ID: "n1", Notice: "validation_notice", Channel: Letter}},
		{Version: 8, At: day, Body: NoticeReceived{ID: "r1", Notice: NoticeCease, Debts: []string{"other"}, Told: Told{Medium: "letter"}}},
		{Version: 9, At: day, Body: StatusKnown{ID: "s1", Status: StatusAttorney, Stage: "open"}},
		{Version: 10, At: day, Account: "other", Body: Item{Key: "Z", Due: Date{2024, 3, 1}, Amount: eur("1")}},
	}
	f, err := f.Apply(append(history, more...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestContactCommandsAreRefusedWithAReason(t *testing.T) {
	future := noon.Add(time.Hour)
	for _, c := range []struct {
		about string
		cmd   Command
		want  error
		says  string
	}{
		{"an opt-out of a channel that nobody uses", OptOut{OptedOut: OptedOut{Channel: "emial"}}, ErrInvalid, "emial"},
		{"an opt-out of a point that the debtor does not have", OptOut{OptedOut: OptedOut{Point: "x"}}, ErrUnknown, "contact point"},
		{"an opt-out of an email address as a text number", OptOut{OptedOut: OptedOut{Channel: SMS, Point: "e"}}, ErrInvalid, "of the channel email"},
		{"an opt-out of everything that is narrowed", OptOut{OptedOut: OptedOut{Everything: true, Channel: SMS}}, ErrInvalid, "everything"},
		{"an opt-out for a debt that nobody owes", OptOut{OptedOut: OptedOut{Channel: SMS, Debts: []string{"x"}}}, ErrUnknown, "no account"},
		{"an opt-out that will be received tomorrow", OptOut{OptedOut: OptedOut{Channel: SMS}, Received: future}, ErrInvalid, "future"},
		{"the same opt-out with another content", OptOut{OptedOut: OptedOut{ID: "o1", Channel: Email}}, ErrConflict, "before"},
		{"an opt-in of nothing", OptIn{OptedIn: OptedIn{ID: "nope"}}, ErrUnknown, "no opt-out"},
		{"a consent without a basis", GiveConsent{Consented: Consented{ID: "c"}}, ErrInvalid, "basis"},
		{"a consent that expires before it was given", GiveConsent{Consented: Consented{ID: "c", Basis: "written", Until: noon.Add(-time.Hour)}}, ErrInvalid, "expire"},
		{"a consent at a time that no clock shows", GiveConsent{Consented: Consented{ID: "c", Basis: "written", From: "25:00"}}, ErrInvalid, "HH:MM"},
		{"a consent in a medium that nobody knows", GiveConsent{Consented: Consented{ID: "c", Basis: "written", Told: Told{Medium: "pigeon"}}}, ErrInvalid, "medium"},
		{"a consent by a person who is not known", GiveConsent{Consented: Consented{ID: "c", Basis: "written", Told: Told{Person: "x"}}}, ErrUnknown, "nobody"},
		{"a consent whose scope is no code", GiveConsent{Consented: Consented{ID: "c", Basis: "written", Scope: "All of it"}}, ErrInvalid, "scope"},
		{"the revocation of an unknown consent", RevokeConsent{ID: "x"}, ErrUnknown, "no such consent"},
		{"times without an end", StateTimes{TimesInconvenient: TimesInconvenient{ID: "t", From: "09:00"}}, ErrInvalid, "until which"},
		{"times on a day that no week has", StateTimes{TimesInconvenient: TimesInconvenient{ID: "t", From: "09:00", To: "10:00", Days: []string{"Sol"}}}, ErrInvalid, "Sol"},
		{"times in a zone that is nowhere", StateTimes{TimesInconvenient: TimesInconvenient{ID: "t", From: "09:00", To: "10:00", Zone: "Mars/Olympus"}}, ErrInvalid, "IANA"},
		{"a wish that no rule looks for", StateWish{WishStated: WishStated{ID: "x", Wish: "quiet"}}, ErrInvalid, "quiet"},
		{"taking back a wish that nobody had", WithdrawWish{ID: "x"}, ErrUnknown, "no such wish"},
		{"a status that no law knows", RecordStatus{StatusKnown: StatusKnown{ID: "s", Status: "mood"}}, ErrInvalid, "mood"},
		{"a stage that the status does not have", RecordStatus{StatusKnown: StatusKnown{ID: "s", Status: StatusDeceased, Stage: "dismissed"}}, ErrInvalid, "dismissed"},
		{"a status that ends before it began", RecordStatus{StatusKnown: StatusKnown{ID: "s", Status: StatusBreathingSpace, Since: noon, Until: noon}}, ErrInvalid, "end before"},
		{"another status under an id that is taken", RecordStatus{StatusKnown: StatusKnown{ID: "s1", Status: StatusDeceased}}, ErrConflict, "attorney"},
		{"a debt of a class that does not exist", DescribeDebt{DebtKnown{Class: "toxic"}}, ErrInvalid, "toxic"},
		{"a person without a relation", KnowPerson{PersonKnown{ID: "p"}}, ErrInvalid, "relation"},
		{"a person whose id is a word for a relation", KnowPerson{PersonKnown{ID: "spouse", Relation: "spouse"}}, ErrInvalid, "another"},
		{"a location that is only guessed", KnowLocation{LocationKnown: LocationKnown{Zone: "Europe/Berlin"}}, ErrInvalid, "basis"},
		{"a point on no channel", KnowPoint{PointKnown{ID: "x"}}, ErrInvalid, "channel"},
		{"a point of a kind that does not exist", KnowPoint{PointKnown{ID: "x", Channel: SMS, PointKind: "drum"}}, ErrInvalid, "drum"},
		{"a notice from the debtor entered as sent", RecordNotice{NoticeSent: NoticeSent{ID: "n", Notice: NoticeCease}}, ErrInvalid, "received"},
		{"a received notice that no rule looks for", ReceiveNotice{NoticeReceived: NoticeReceived{ID: "n", Notice: "cease"}}, ErrInvalid, "cease"},
		{"what became of a notice that nobody sent", ChangeNotice{NoticeChanged{ID: "r1", Undeliverable: true}}, ErrUnknown, "no such notice"},
		{"a check of a number that nobody has", CheckNumber{NumberChecked: NumberChecked{ID: "k", Point: "x", Database: "rnd", Answer: "same"}}, ErrUnknown, "contact point"},
		{"a check whose answer is no answer", CheckNumber{NumberChecked: NumberChecked{ID: "k", Point: "m", Database: "rnd", Answer: "maybe"}}, ErrInvalid, "maybe"},
		{"a dead point that nobody has", MarkPoint{PointDead{ID: "x", Reason: "r"}}, ErrUnknown, "contact point"},
		{"a contact with an outcome that no rule counts by", LogContact{ContactLogged: ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "talked"}}, ErrInvalid, "talked"},
		{"a contact about a debt that nobody owes", LogContact{ContactLogged: ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "conversation", Debts: []string{"x"}}}, ErrUnknown, "no account"},
		{"a contact of tomorrow", LogContact{ContactLogged: ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "no_answer"}, Happened: future}, ErrInvalid, "future"},
		{"a contact by a point of another kind", LogContact{ContactLogged: ContactLogged{ID: "x", Direction: "outbound", Channel: Email, Outcome: "sent", Point: "m"}}, ErrInvalid, "channel"},
	} {
		t.Run(c.about, func(t *testing.T) {
			facts, err := Handle(known(t), c.cmd, "user:1", noon)
			if !errors.Is(err, c.want) || len(facts) > 0 {
				t.Fatalf("facts %+v, error %v; want %v", facts, err, c.want)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
}

// Every command about contact data makes facts once, remembers both instants, and
// changes nothing when it is repeated.
func TestContactCommandsAreIdempotent(t *testing.T) {
	past := noon.Add(-3 * time.Hour)
	told := Told{Medium: "letter", Words: "as I said", Evidence: "box 7"}
	for _, c := range []struct {
		about string
		cmd   Command
		kinds []Kind
	}{
		{"a consent", GiveConsent{Consented: Consented{ID: "c", Basis: "written", Told: told}, Received: past}, []Kind{"consented"}},
		{"a revocation", RevokeConsent{ID: "c1", Saying: Saying{Told: told, Received: past}}, []Kind{"consent_revoked"}},
		{"an opt-out of one number", OptOut{OptedOut: OptedOut{ID: "o", Point: "m", Told: told}, Received: past}, []Kind{"opted_out"}},
		{"an opt-out of one topic for one debt", OptOut{OptedOut: OptedOut{ID: "o", Channel: Email, Topic: "collect", Debts: []string{"a"}, Told: told}, Received: past}, []Kind{"opted_out"}},
		{"an opt-in by id", OptIn{OptedIn: OptedIn{ID: "o1", Told: told}, Received: past}, []Kind{"opted_in"}},
		{"times", StateTimes{TimesInconvenient: TimesInconvenient{ID: "t", From: "22:00", To: "06:00", Days: []string{"Mon"}, Told: told}, Received: past}, []Kind{"times_inconvenient"}},
		{"a wish", StateWish{WishStated: WishStated{ID: "w", Wish: WishPlace, Place: "home", Told: told}, Received: past}, []Kind{"wish_stated"}},
		{"times taken back", WithdrawWish{ID: "t1", Saying: Saying{Told: told, Received: past}}, []Kind{"wish_withdrawn"}},
		{"a wish taken back", WithdrawWish{ID: "w1", Saying: Saying{Told: told, Received: past}}, []Kind{"wish_withdrawn"}},
		{"a bankruptcy stops everything", RecordStatus{StatusKnown: StatusKnown{ID: "s", Status: StatusBankruptcy, Told: told}, Received: past}, []Kind{"status_known", "hold_placed"}},
		{"service in the forces stops nothing", RecordStatus{StatusKnown: StatusKnown{ID: "s", Status: StatusServicemember, Told: told}, Received: past}, []Kind{"status_known"}},
		{"a notice received", ReceiveNotice{NoticeReceived: NoticeReceived{ID: "n", Notice: NoticeRefuses, Told: told}, Received: past}, []Kind{"notice_received"}},
		{"a notice sent", RecordNotice{NoticeSent: NoticeSent{ID: "n", Notice: "debt_letter"}, Sent: past}, []Kind{"notice_sent"}},
		{"a notice that came back", ChangeNotice{NoticeChanged{ID: "n1", Undeliverable: true}}, []Kind{"notice_changed"}},
		{"a number check", CheckNumber{NumberChecked: NumberChecked{ID: "k", Point: "m", Database: "rnd", Answer: "same"}, Received: past}, []Kind{"number_checked"}},
		{"a location", KnowLocation{LocationKnown: LocationKnown{Zone: "Europe/Berlin", Basis: "told us", Told: told}, Received: past}, []Kind{"location_known"}},
		{"a person", KnowPerson{PersonKnown{ID: "p2", Relation: "spouse", Debts: []string{}}}, []Kind{"person_known"}},
		{"a debt", DescribeDebt{DebtKnown{DebtKind: "medical"}}, []Kind{"debt_known"}},
		{"a point", KnowPoint{PointKnown{ID: "x", Channel: SMS, Zones: []string{}}}, []Kind{"point_known"}},
		{"a dispute in writing", RaiseDispute{ID: "d", Told: told, Received: past}, []Kind{"dispute_raised"}},
		{"a call of this morning", LogContact{ContactLogged: ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "conversation", Debts: []string{"a", "other"}}, Happened: past}, []Kind{"contact_logged"}},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := known(t)
			facts, err := Handle(f, c.cmd, "user:1", noon)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []Kind
			for _, x := range facts {
				kinds = append(kinds, x.Body.Kind())
			}
			if !slices.Equal(kinds, c.kinds) {
				t.Fatalf("facts %v, want %v", kinds, c.kinds)
			}
			if r := reflect.ValueOf(facts[0].Body).FieldByName("Recorded"); r.IsValid() && !r.IsZero() {
				if !facts[0].At.Equal(past) || !r.Interface().(time.Time).Equal(noon) {
					t.Errorf("received %s, entered %s", facts[0].At, r.Interface())
				}
			}
			for i := range facts {
				facts[i].Version = 20
			}
			g, err := f.Apply(facts)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Handle(g, c.cmd, "user:2", noon.Add(time.Minute)); err != nil || len(again) > 0 {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
}

// The hold that a status brings ends with it, and one that a person lifted stays lifted.
func TestStatusAndItsHold(t *testing.T) {
	f := known(t)
	do := func(c Command) []Fact {
		t.Helper()
		facts, err := Handle(f, c, "user:1", noon)
		if err != nil {
			t.Fatal(err)
		}
		if f, err = f.Apply(facts); err != nil {
			t.Fatal(err)
		}
		return facts
	}
	status := func(stage string) RecordStatus {
		return RecordStatus{StatusKnown: StatusKnown{ID: "b", Status: StatusBankruptcy, Stage: stage}}
	}
	do(status("open"))
	if h := f.HoldMeant("b", noon); h == nil || h.over(noon) || h.HoldKind != HoldBankruptcy || h.Scope != ScopeDebtor {
		t.Fatalf("hold %+v", h)
	}
	do(status("dismissed"))
	if h := f.HoldMeant("b", noon); !h.over(noon) {
		t.Errorf("dismissed, and the hold goes on: %+v", h)
	}
	do(status("open"))
	if h := f.HoldMeant("b", noon); !h.over(noon) {
		t.Errorf("a hold that is over does not come back by itself: %+v", h)
	}
	no := false
	if facts := do(RecordStatus{StatusKnown: StatusKnown{ID: "l", Status: StatusLitigation}, Hold: &no}); len(facts) != 1 {
		t.Errorf("a status that is told to stop nothing: %+v", facts)
	}
	until := noon.AddDate(0, 0, 60)
	do(RecordStatus{StatusKnown: StatusKnown{ID: "s", Status: StatusBreathingSpace, Until: until}})
	do(RecordStatus{StatusKnown: StatusKnown{ID: "s", Status: StatusBreathingSpace, Until: until.AddDate(0, 0, 30)}})
	if h := f.HoldMeant("s", noon); !h.End.Equal(until.AddDate(0, 0, 30)) {
		t.Errorf("a longer breathing space ends its hold at %s", h.End)
	}
}

// TestAStatusLeavesOtherHoldsAlone: a status whose id is that of another hold of the debtor would
// bring none of its own, and its end would end the other: it needs an id of its own.
func TestAStatusLeavesOtherHoldsAlone(t *testing.T) {
	f := base(t, HoldPlaced{ID: "b", HoldKind: HoldDeceased, Scope: ScopeDebtor, Contact: true, Clock: true})
	open := RecordStatus{StatusKnown: StatusKnown{ID: "b", Status: StatusBankruptcy, Stage: "open"}}
	if facts, err := Handle(f, open, "user:1", noon); !errors.Is(err, ErrConflict) {
		t.Errorf("%+v, %v; want that it is refused", facts, err)
	}
	f = base(t, HoldPlaced{ID: "b", HoldKind: HoldDeceased, Scope: ScopeDebtor}, open.StatusKnown) // as earlier releases took it
	for _, c := range []RecordStatus{
		{StatusKnown: StatusKnown{ID: "b", Status: StatusBankruptcy, Stage: "dismissed"}},
		{StatusKnown: StatusKnown{ID: "b", Status: StatusBankruptcy, Stage: "open", Until: noon.AddDate(0, 0, 3)}},
		{StatusKnown: StatusKnown{ID: "m", Status: StatusMinor, Stage: stageEnded}},
	} {
		if facts, err := Handle(f, c, "user:1", noon); err != nil || len(facts) != 1 {
			t.Errorf("%+v: %+v, %v; want the status alone", c, facts, err)
		}
	}
}

// A dispute that was resolved says so, and how.
func TestSecondResolutionOfADispute(t *testing.T) {
	f := base(t, DisputeRaised{ID: "d", Item: "A"}, DisputeResolved{ID: "d", Outcome: "rejected"})
	if facts, err := Handle(f, ResolveDispute{ID: "d", Outcome: "rejected"}, "user:1", noon); err != nil || len(facts) > 0 {
		t.Errorf("the same again: %+v, %v", facts, err)
	}
	_, err := Handle(f, ResolveDispute{ID: "d", Outcome: "closed"}, "user:1", noon)
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "rejected") {
		t.Errorf("another outcome: %v", err)
	}
}

// What the contact policies are asked holds every fact, in its scope.
func TestQueryHoldsEveryFact(t *testing.T) {
	fact := func(account string, b Body) Fact {
		return Fact{Version: 30, At: noon.Add(-time.Hour), Account: account, Body: b}
	}
	email := Ask{Channel: Email}
	for _, c := range []struct {
		about string
		facts []Fact
		ask   Ask
		see   func(q contact.Query) bool
	}{
		{"the role of this account goes before the creditor's", []Fact{fact("a", DebtKnown{Role: "third_party"})}, email, func(q contact.Query) bool { return q.Role == "third_party" }},
		{"class, kind and charge-off of the debt", []Fact{fact("a", DebtKnown{Class: "consumer", DebtKind: "medical", ChargedOff: Date{2024, 1, 1}, TimeBarred: true})}, email, func(q contact.Query) bool {
			d := q.Debts[0]
			return d.Class == "consumer" && d.Kind == "medical" && d.ChargedOff && d.TimeBarred
		}},
		{"student loans of one servicing account are one debt", []Fact{fact("a", DebtKnown{Servicing: "7"}), fact("other", DebtKnown{Servicing: "7"})}, email, func(q contact.Query) bool { return slices.Equal(q.Debts[0].Same, []string{"other"}) }},
		{"a refusal of everything has no channel", []Fact{fact("", OptedOut{ID: "x", Everything: true})}, email, func(q contact.Query) bool { return q.OptOuts[len(q.OptOuts)-1].Channel == "" }},
		{"a refusal for another debt does not count here", []Fact{fact("", OptedOut{ID: "x", Channel: Email, Debts: []string{"other"}})}, email, func(q contact.Query) bool { return len(q.OptOuts) == 1 }},
		{"a refusal of another topic does not count here", []Fact{fact("", OptedOut{ID: "x", Channel: Email, Topic: "survey"})}, email, func(q contact.Query) bool { return len(q.OptOuts) == 1 }},
		{"a refusal by text with a stop word", []Fact{fact("", OptedOut{ID: "x", Channel: SMS, Refusal: RefusesKeyword, StopWord: true, Told: Told{Medium: "sms"}})}, email, func(q contact.Query) bool {
			o := q.OptOuts[len(q.OptOuts)-1]
			return o.Kind == contact.OptOutKeyword && o.Keyword && o.Written && o.By == person
		}},
		{"consent with its whole scope", []Fact{fact("", Consented{
			ID: "x", Basis: "express", Channel: Call, Direct: true, Frequency: true, Purpose: "collect", Debts: []string{"a"}, From: "20:00", To: "24:00", OnlyOn: Date{2024, 3, 6},
		})}, email, func(q contact.Query) bool {
			k := q.Consents[len(q.Consents)-1]
			return k.Kind == "contact" && k.Direct && k.GivenTo == "c" && k.Frequency && k.Hours && k.From == 72000 && k.To == 86400 && k.OnlyOn != 0 && !k.Written && slices.Equal(k.Channels, []string{"call"})
		}},
		{"consent given to somebody else stays theirs", []Fact{fact("", Consented{ID: "x", Basis: "written", GivenTo: "original_creditor"})}, email, func(q contact.Query) bool {
			k := q.Consents[len(q.Consents)-1]
			return k.GivenTo == "original_creditor" && !k.Direct
		}},
		{"consent that expires", []Fact{fact("", Consented{ID: "x", Basis: "written", Until: noon.Add(time.Hour)})}, email, func(q contact.Query) bool { return q.Consents[len(q.Consents)-1].Revoked.Equal(noon.Add(time.Hour)) }},
		{"consent that was revoked", []Fact{fact("", ConsentRevoked{ID: "c1"})}, email, func(q contact.Query) bool { return !q.Consents[0].Revoked.IsZero() }},
		{"a wish about places, in writing", []Fact{fact("", WishStated{ID: "x", Wish: WishPlace, Place: "home", Told: Told{Medium: "letter", Person: "p1"}})}, email, func(q contact.Query) bool {
			p := q.Preferences[len(q.Preferences)-1]
			return p.Kind == contact.InconvenientPlace && p.Place == "home" && p.Written && p.By == "p1"
		}},
		{"wishes and times that were taken back are none", []Fact{fact("", WishWithdrawn{ID: "w1"}), fact("", WishWithdrawn{ID: "t1"})}, email, func(q contact.Query) bool { return len(q.Preferences) == 0 }},
		{"a written dispute of this account", []Fact{fact("a", DisputeRaised{ID: "x", Duplicative: true, Told: Told{Medium: "letter"}})}, email, func(q contact.Query) bool {
			n := q.Notices[len(q.Notices)-1]
			return n.Kind == "dispute" && n.Written && n.Duplicative && slices.Equal(n.Debts, []string{"a"})
		}},
		{"an oral dispute is not in writing", []Fact{fact("a", DisputeRaised{ID: "x", Told: Told{Medium: "call"}})}, email, func(q contact.Query) bool { return !q.Notices[len(q.Notices)-1].Written }},
		{"a cease letter about another debt does not count here", nil, email, func(q contact.Query) bool { return len(q.Notices) == 1 && q.Notices[0].Kind == "validation_notice" }},
		{"a notice that came back", []Fact{fact("", NoticeChanged{ID: "n1", Undeliverable: true})}, email, func(q contact.Query) bool { return q.Notices[0].Undeliverable }},
		{"an end that is printed earlier than 30 days after receipt is not believed", []Fact{
			fact("", NoticeSent{ID: "n2", Notice: NoticeValidation, Channel: Letter, Debts: []string{"a"}, Ends: Date{2024, 3, 20}}),
			fact("", NoticeChanged{ID: "n2", Delivered: Date{2024, 3, 4}}),
		}, email, func(q contact.Query) bool { return q.Notices[1].PeriodEnds == contact.DateOf(2024, 4, 3) }},
		{"a validation notice whose receipt is known ends 30 days later", []Fact{fact("", NoticeChanged{ID: "n1", Delivered: Date{2024, 3, 4}})}, email, func(q contact.Query) bool { return q.Notices[0].PeriodEnds == contact.DateOf(2024, 4, 3) }},
		{"an attorney, described after the hold was placed", []Fact{
			fact("", HoldPlaced{ID: "s1", HoldKind: HoldRepresented, Scope: ScopeDebtor}),
			fact("", StatusKnown{ID: "s1", Status: StatusAttorney, Stage: "open", ContactKnown: true, WrittenTo: noon, DirectConsent: true}),
		}, email, func(q contact.Query) bool {
			return len(q.Flags) == 1 && q.Flags[0].ContactKnown && q.Flags[0].DirectConsent && q.Flags[0].WrittenTo.Equal(noon) && q.Flags[0].Since.Equal(noon.AddDate(0, 0, -2))
		}},
		{"a status beside a hold that it does not describe weakens nothing", []Fact{
			fact("", HoldPlaced{ID: "h", HoldKind: HoldRepresented, Scope: ScopeDebtor}),
		}, email, func(q contact.Query) bool { return len(q.Flags) == 2 && q.Flags[1].ContactKnown }},
		{"a status that ended is none", []Fact{fact("", StatusKnown{ID: "s1", Status: StatusAttorney, Stage: "ended"})}, email, func(q contact.Query) bool { return len(q.Flags) == 0 }},
		{"a status of another debt is none here", []Fact{fact("", StatusKnown{ID: "s1", Status: StatusAttorney, Debts: []string{"other"}})}, email, func(q contact.Query) bool { return len(q.Flags) == 0 }},
		{"a number check", []Fact{fact("", NumberChecked{ID: "k", Point: "m", Answer: "reassigned"})}, email, func(q contact.Query) bool { return len(q.Checks) == 1 && q.Checks[0].Reassigned }},
		{"a database that knows nothing is no check", []Fact{fact("", NumberChecked{ID: "k", Point: "m", Answer: "no_data"})}, email, func(q contact.Query) bool { return len(q.Checks) == 0 }},
		{"actual knowledge of the place replaces every candidate zone", []Fact{
			fact("", DebtorKnown{Zones: []string{"America/New_York", "America/Denver"}, Places: []string{"US-NY"}, Evidence: map[string]string{"US-NY": "address"}}),
			fact("", LocationKnown{Zone: "Europe/Berlin", Place: "DE"}),
		}, email, func(q contact.Query) bool {
			return len(q.Zones) == 1 && q.Zones[0].Name == "Europe/Berlin" && q.Zones[0].Evidence == "known location" && len(q.Places) == 2 && q.Places[1].Evidence == "address"
		}},
		{"an employer's email address is the employer's", []Fact{fact("", PointKnown{ID: "e", Channel: Email, PointKind: "personal", Employer: true})}, email, func(q contact.Query) bool { return q.Point.Kind == "employer" }},
		{"a landline is tied to the home", []Fact{fact("", PointKnown{ID: "l", Channel: Call, PointKind: "landline", Rank: -1})}, Ask{Channel: Call}, func(q contact.Query) bool { return q.Point.ID == "l" && q.Point.Place == "home" }},
		{"another person's number is never taken for the debtor's", []Fact{fact("", PointKnown{ID: "s", Channel: SMS, Owner: "p1", Rank: -1})}, Ask{Channel: SMS}, func(q contact.Query) bool { return q.Point.ID == "m" }},
		{"the attorney by the attorney's own number", []Fact{fact("", PointKnown{ID: "s", Channel: Call, Owner: "p1"})}, Ask{Channel: Call, Point: "s", Person: "p1"}, func(q contact.Query) bool {
			return q.Person == "p1" && q.Relation == "attorney" && q.Point.Owner == "attorney" && q.Point.Usable && q.Debtor == person
		}},
		{"a shared number", []Fact{fact("", PointKnown{ID: "m", Channel: SMS, Shared: true})}, Ask{Channel: SMS}, func(q contact.Query) bool { return q.Point.Shared }},
		{"a conversation counts for every debt discussed", []Fact{fact("other", ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "conversation", Point: "w", Debts: []string{"a", "other"}})}, email, func(q contact.Query) bool {
			r := q.Ledger[len(q.Ledger)-1]
			return slices.Equal(r.Debts, []string{"a", "other"}) && r.PointKind == "work" && r.Outcome == "conversation"
		}},
		{"a call to the spouse is the spouse's", []Fact{fact("a", ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "conversation", Person: "spouse"})}, email, func(q contact.Query) bool { return q.Ledger[len(q.Ledger)-1].Person == "spouse" }},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := known(t, c.facts...)
			if q := f.Asked(noon, c.ask); !c.see(q) {
				t.Errorf("query %+v", q)
			}
		})
	}
}

// Facts of a debtor that name an account by OwnAccount are about that account.
func TestWithAccounts(t *testing.T) {
	for _, b := range []Body{
		OptedOut{Debts: []string{OwnAccount}},
		Consented{Debts: []string{OwnAccount}},
		NoticeReceived{Debts: []string{OwnAccount}},
		NoticeSent{Debts: []string{OwnAccount}},
		StatusKnown{Debts: []string{OwnAccount}},
	} {
		got := reflect.ValueOf(WithAccounts(b, "acc")).FieldByName("Debts").Interface().([]string)
		if !slices.Equal(got, []string{"acc"}) || reflect.ValueOf(b).FieldByName("Debts").Interface().([]string)[0] != OwnAccount {
			t.Errorf("%T: %v", b, got)
		}
	}
}

// TestAStatusAndTheAccountsOwnHold: a hold that was placed by hand for the account stands for
// the status of its id while it says the same, or was lifted; else the status brings its own.
func TestAStatusAndTheAccountsOwnHold(t *testing.T) {
	own := HoldPlaced{ID: "b", HoldKind: HoldBankruptcy, Scope: ScopeAccount, Contact: true, Clock: true, Manual: true}
	with := func(change func(*HoldPlaced)) HoldPlaced { h := own; change(&h); return h }
	for why, c := range map[string]struct {
		state []Body
		holds bool
	}{
		"none is there":          {nil, true},
		"it is in force":         {[]Body{own}, false},
		"a person lifted it":     {[]Body{own, HoldLifted{ID: "b"}}, false},
		"it is of another kind":  {[]Body{with(func(h *HoldPlaced) { h.HoldKind = HoldManual })}, true},
		"it is on one item only": {[]Body{with(func(h *HoldPlaced) { h.Scope, h.Item = ScopeItem, "A" })}, true},
		"it has run out":         {[]Body{with(func(h *HoldPlaced) { h.Until = noon.Add(-time.Minute) })}, true},
	} {
		f := base(t, c.state...)
		facts, err := Handle(f, RecordStatus{StatusKnown: StatusKnown{ID: "b", Status: StatusBankruptcy, Stage: "open"}}, "user:1", noon)
		if err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		holds := slices.ContainsFunc(facts, func(x Fact) bool {
			h, ok := x.Body.(HoldPlaced)
			return ok && h.Scope == ScopeDebtor && x.Account == ""
		})
		if holds != c.holds {
			t.Errorf("%s: the status brings a hold: %v, want %v", why, holds, c.holds)
		}
	}
}
