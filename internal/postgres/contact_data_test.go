package postgres_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// contactData is one fact of every kind that contact law asks for, with all members.
func contactData(account string) []dunning.Body {
	told := dunning.Told{
		Medium: "letter", Written: true, Words: "leave me\nalone", Reader: "user:1", Person: "p1", During: "c1", Evidence: "box 7", Recorded: noon.Add(time.Hour),
	}
	day := dunning.Date{Year: 2026, Month: 2, Day: 28}
	return []dunning.Body{
		dunning.DebtKnown{
			Class: "consumer", DebtKind: "student_loan", Role: "third_party", Original: "Bank", Itemized: day, ItemizedBy: "charge_off", Default: day, Obtained: day,
			InDefault: true, ChargedOff: day, TimeBarred: true, BarredBasis: "six years", LastPayment: day, Servicing: "77", Received: day, TermsGiven: true,
			Secured: "car", ContractLaw: "US-NY", EvidenceLink: "x",
		},
		dunning.PersonKnown{ID: "p1", Relation: "executor", Debts: []string{account}, Language: "es", Minor: true},
		dunning.LocationKnown{Zone: "America/Chicago", Place: "US-IL", Basis: "said so", Told: told},
		dunning.StatusKnown{
			ID: "s1", Status: "bankruptcy", Stage: "open", Since: noon, Until: noon.Add(time.Hour), Debts: []string{account}, Who: "p1", ContactKnown: true,
			WrittenTo: noon, Responded: true, DirectConsent: true, Chapter: "13", District: "SDNY", Number: "26-1", Relief: day, Dismissed: day, Discharged: day, Checked: day, Told: told,
		},
		dunning.WishStated{ID: "w1", Wish: "inconvenient_place", Place: "home", Told: told},
		dunning.WishWithdrawn{ID: "w1", Told: told},
		dunning.Consented{
			ID: "k1", Basis: "written", Channel: dunning.Call, Point: "m", Scope: "contact", GivenTo: "acme", Direct: true, DuringBreach: true, EmployerOwned: true,
			Purpose: "collect", Frequency: true, Debts: []string{account}, OnlyOn: day, From: "20:00", To: "24:00", Until: noon, Told: told,
		},
		dunning.ConsentRevoked{ID: "k1", Told: told},
		dunning.OptedOut{ID: "o1", Channel: dunning.SMS, Point: "m", Everything: true, Refusal: "keyword", StopWord: true, InReplyTo: "collect", Topic: "survey", Debts: []string{account}, Told: told},
		dunning.OptedIn{ID: "o1", Channel: dunning.SMS, Point: "m", Told: told},
		dunning.TimesInconvenient{ID: "t1", Days: []string{"Mon"}, From: "09:00", To: "12:00", Zone: "America/New_York", Told: told},
		dunning.NoticeSent{
			ID: "n1", Notice: "validation_notice", Channel: dunning.Letter, Method: "certified", Template: "t", Language: "en", Debts: []string{account},
			Received: day, Ends: day, Deadline: day, Undeliverable: true, OptedOut: true, Proof: "x", Recorded: noon,
		},
		dunning.NoticeReceived{ID: "r1", Notice: "refuses_to_pay", Debts: []string{account}, Duplicative: true, Told: told},
		dunning.NoticeChanged{ID: "n1", Undeliverable: true, Delivered: day, OptedOut: true},
		dunning.NumberChecked{ID: "x1", Point: "m", Database: "rnd", Answer: "same", Asked: day},
		dunning.DisputeRaised{ID: "d1", Duplicative: true, Told: told},
		dunning.ContactLogged{
			ID: "l1", Direction: "outbound", Channel: dunning.Call, Outcome: "conversation", Point: "m", Person: "p1", Intended: "p2", Verified: "birth year",
			Purpose: "collect", Creditor: "acme", Debts: []string{account}, Collector: "user:1", Seconds: 60, Basis: "litigation", Evidence: "x", Recorded: noon,
		},
		dunning.PointKnown{
			ID: "m", Channel: dunning.SMS, PointKind: "voip", Source: "skip_trace", Owner: "p1", Place: "home", Shared: true, Employer: true, Public: true, Evidence: "x",
			Obtained: day, Checked: day, Zones: []string{"UTC"}, Places: []string{"US"}, Rank: 2,
		},
		dunning.DebtorKnown{DebtorKind: "consumer", Places: []string{"US-NY"}, Evidence: map[string]string{"US-NY": "address"}},
	}
}

// Contact data comes back from the database with every member, in order.
func TestContactDataComesBack(t *testing.T) {
	b := newBundle(t)
	var want []dunning.Fact
	for _, body := range contactData(b.account) {
		want = append(want, b.fact(body))
	}
	b.mustAdd(want...)
	facts, err := b.FactsAsOf(t.Context(), b.debtor, 1<<60)
	b.must(err)
	got := facts[len(facts)-len(want):]
	for i := range want {
		want[i].Version = got[i].Version
		if !got[i].At.Equal(want[i].At) {
			t.Errorf("%s came back at %s", want[i].Body.Kind(), got[i].At)
		}
		if !reflect.DeepEqual(got[i].Body, want[i].Body) {
			t.Errorf("%s came back as\n%+v, not\n%+v", want[i].Body.Kind(), got[i].Body, want[i].Body)
		}
	}
}

// What no rule would look for is refused by the database as well.
func TestContactDataThatMakesNoSense(t *testing.T) {
	b := newBundle(t)
	noAccount := func(x dunning.Fact) dunning.Fact { x.Account = ""; return x }
	for _, c := range []struct {
		why, rule string
		fact      dunning.Fact
	}{
		{"a status that no law knows", "facts_status", b.fact(dunning.StatusKnown{ID: "s", Status: "mood"})},
		{"a status without an id could never end", "facts_id", b.fact(dunning.StatusKnown{Status: "attorney"})},
		{"a wish that no rule looks for", "facts_wish", b.fact(dunning.WishStated{ID: "w", Wish: "quiet"})},
		{"a received notice that no rule looks for", "facts_notice_received", b.fact(dunning.NoticeReceived{ID: "n", Notice: "cease"})},
		{"a check without an answer", "facts_number_checked", b.fact(dunning.NumberChecked{ID: "k", Point: "m"})},
		{"a check of no number", "facts_number_checked", b.fact(dunning.NumberChecked{ID: "k", Answer: "same"})},
		{"a refusal in a sense that nobody knows", "facts_refusal", b.fact(dunning.OptedOut{Refusal: "maybe"})},
		{"a refusal of a channel that nobody uses", "facts_channel", b.fact(dunning.OptedOut{Channel: "emial"})},
		{"a consent without an id could not be revoked", "facts_id", b.fact(dunning.Consented{Basis: "written"})},
		{"a debt that is nobody's account", "facts_debt", noAccount(b.fact(dunning.DebtKnown{DebtKind: "medical"}))},
		{"a hold for stolen identity", "", b.fact(dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldIdentityTheft, Scope: dunning.ScopeAccount})},
		{"a refusal of everything", "", b.fact(dunning.OptedOut{Everything: true})},
	} {
		err := b.add(c.fact)
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%s: %v", c.why, err)
		case c.rule != "" && (!errors.Is(err, postgres.ErrRefused) || !strings.Contains(err.Error(), c.rule+" ")):
			t.Errorf("%s: got %v, want a refusal by %s", c.why, err, c.rule)
		}
	}
}

// Names of people beside the debtor are kept apart from the facts and erased with the
// debtor's own.
func TestPersons(t *testing.T) {
	b := newBundle(t)
	b.must(b.PutPersons(t.Context(), b.debtor, postgres.Person{ID: "p1", Name: "A. Advocate"}, postgres.Person{ID: "p2", Name: "S. Spouse"}))
	b.must(b.PutPersons(t.Context(), b.debtor, postgres.Person{ID: "p1", Name: "B. Advocate"}))
	got, err := b.Persons(t.Context(), b.debtor)
	b.must(err)
	if want := []postgres.Person{{ID: "p1", Name: "B. Advocate"}, {ID: "p2", Name: "S. Spouse"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("people %+v, want %+v", got, want)
	}
	b.must(b.Erase(t.Context(), b.debtor))
	got, err = b.Persons(t.Context(), b.debtor)
	b.must(err)
	if len(got) != 2 || got[0].Name != "" || got[1].Name != "" {
		t.Errorf("after erasing: %+v", got)
	}
}

// The sweep finds debtors with contacts, a page at a time.
func TestContacted(t *testing.T) {
	b := newBundle(t)
	ids, err := b.Contacted(t.Context(), "", 10)
	b.must(err)
	if len(ids) != 0 {
		t.Fatalf("nobody was contacted: %v", ids)
	}
	b.mustAdd(b.fact(dunning.ContactLogged{ID: "l1", Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer"}))
	ids, err = b.Contacted(t.Context(), "", 10)
	b.must(err)
	if len(ids) != 1 || ids[0] != b.debtor {
		t.Errorf("contacted: %v", ids)
	}
	if ids, err = b.Contacted(t.Context(), b.debtor, 10); err != nil || len(ids) != 0 {
		t.Errorf("after the last: %v, %v", ids, err)
	}
	ref, err := b.AccountRef(t.Context(), b.account)
	if err != nil || ref.Debtor != b.debtor || ref.Account != b.account || ref.Currency == "" || ref.Case != "" {
		t.Errorf("account %+v, %v", ref, err)
	}
}
