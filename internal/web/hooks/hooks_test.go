package hooks

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
)

// samples are facts of all kinds that are events, each with all that it can hold.
func samples() []dunning.Body {
	usd := money.MustParse("12.50", "USD")
	return []dunning.Body{
		dunning.CaseOpened{Sequence: "s", Version: "v"},
		dunning.Migrated{ID: "m", Sequence: "s", Version: "v2", Reason: "Ada says so"},
		dunning.CaseClosed{Reason: "paid"},
		dunning.CaseClosed{Reason: "recalled"},
		dunning.StepCounted{Items: []string{"i"}, Step: "call", Why: "done"},
		dunning.ContactMoved{ID: "c", State: dunning.ContactAccepted},
		dunning.ContactMoved{ID: "c", State: dunning.ContactFailed},
		dunning.ContactMoved{ID: "c", State: dunning.ContactUnknown},
		dunning.ContactMoved{ID: "c", State: dunning.ContactBounced},
		dunning.ItemsDisposed{To: dunning.Exhausted},
		dunning.ItemsDisposed{To: dunning.Referred},
		dunning.ItemsDisposed{To: dunning.WrittenOff},
		dunning.Payment{ID: "p", Amount: usd},
		dunning.PaymentReversed{Payment: "p", Reason: "Ada says so"},
		dunning.PromiseMade{ID: "m", Amount: usd},
		dunning.PromiseEnded{ID: "m", Outcome: "kept"},
		dunning.PromiseEnded{ID: "m", Outcome: "partly"},
		dunning.PromiseEnded{ID: "m", Outcome: "broken"},
		dunning.OfferOpened{ID: "o", Step: "offer-plan", Items: []string{"i"}},
		dunning.OfferEnded{ID: "o", Outcome: "declined"},
		dunning.PlanAgreed{ID: "l", Instalments: []dunning.Instalment{{Amount: usd}}},
		dunning.SettlementOffered{ID: "s", Amount: usd, Owed: usd},
		dunning.SettlementOffered{ID: "s", Amount: usd, Owed: usd, Accepted: true},
		dunning.SettlementAnswered{ID: "s", Outcome: "approved"},
		dunning.SettlementAnswered{ID: "s", Outcome: "accepted"},
		dunning.SettlementEnded{ID: "s", Outcome: "kept"},
		dunning.SettlementEnded{ID: "s", Outcome: "broken"},
		dunning.SettlementEnded{ID: "s", Outcome: "expired"},
		dunning.PlanEnded{ID: "l", Outcome: "broken"},
		dunning.PlanEnded{ID: "l", Outcome: "kept"},
		dunning.DisputeRaised{ID: "d"},
		dunning.DisputeResolved{ID: "d", Outcome: "rejected"},
		dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldDeceased, Owner: "Ada"},
		dunning.HoldLifted{ID: "h"},
		dunning.PlanEnded{ID: "l", Outcome: "cancelled"},
		dunning.ContactMoved{ID: "case/0/friendly-email/email/1", State: dunning.ContactAccepted},
		dunning.TaskOpened{ID: "t", Task: dunning.TaskEscalation, Queue: "late", Reason: "Ada says so"},
		dunning.TaskOpened{ID: "t", Task: dunning.TaskCall, Queue: "early", Reason: "Ada says so"},
		dunning.OptedOut{},
	}
}

// TestEveryEventHasAFact: what docs and API promise happens, and nothing else.
func TestEveryEventHasAFact(t *testing.T) {
	var got []string
	for _, b := range samples() {
		names := Names(b)
		if len(names) == 0 {
			t.Errorf("%T is no event", b)
		}
		got = append(got, names...)
	}
	for _, name := range installed {
		got = append(got, name)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, identity.EventKinds) {
		t.Errorf("events\n%v, want\n%v", got, identity.EventKinds)
	}
	for _, b := range []dunning.Body{
		dunning.NoteWritten{ID: "n", Text: "x"},
		dunning.ContactMoved{State: dunning.ContactSending},
		dunning.ItemsDisposed{To: dunning.InPlan},
		dunning.PromiseEnded{Outcome: "withdrawn"},
		dunning.DebtorKnown{},
		dunning.LeaseTaken{},
	} {
		if n := Names(b); len(n) > 0 {
			t.Errorf("%+v is told as %v", b, n)
		}
	}
}

func TestNothingPersonalIsTold(t *testing.T) {
	h := identity.Hook{Creditor: identity.AllCreditors}
	for _, b := range samples() {
		_, body, ok, err := For(h, Happened{ID: "e", Creditor: "acme", Customer: "C-1", Fact: dunning.Fact{At: time.Unix(0, 0).UTC(), By: "user:ada", Source: "Ada", Body: b}})
		if err != nil || !ok {
			t.Fatalf("%T: %v, %v", b, ok, err)
		}
		for _, private := range []string{"Ada", "ada", "deceased"} {
			if strings.Contains(string(body), private) {
				t.Errorf("%T tells %q: %s", b, private, body)
			}
		}
		var e Event
		if err := json.Unmarshal(body, &e); err != nil || e.Type == "" || e.Customer != "C-1" {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestWhoIsToldWhat(t *testing.T) {
	paid := Happened{Creditor: "acme", Fact: dunning.Fact{Body: dunning.CaseClosed{Reason: "paid"}}}
	sent := dunning.ContactMoved{ID: "case/0/friendly-email/email/1", State: dunning.ContactAccepted}
	for kinds, want := range map[string]string{"step.done": "step.done", "contact.accepted": "contact.accepted", "task.opened": ""} {
		name, body, ok, err := For(identity.Hook{Creditor: "acme", Kinds: []string{kinds}}, Happened{Creditor: "acme", Fact: dunning.Fact{Body: sent}})
		if err != nil || name != want || ok != (want != "") || ok && !strings.Contains(string(body), `"step":"friendly-email"`) {
			t.Errorf("a message that left, for who wants %s: %q %s %v", kinds, name, body, err)
		}
	}
	for name, c := range map[string]struct {
		hook identity.Hook
		want string
	}{
		"all kinds: the most exact name":               {identity.Hook{Creditor: "acme"}, "case.paid"},
		"the wider name, when that is wanted":          {identity.Hook{Creditor: "acme", Kinds: []string{"case.closed"}}, "case.closed"},
		"both wanted: the exact one, once":             {identity.Hook{Creditor: "acme", Kinds: []string{"case.closed", "case.paid"}}, "case.paid"},
		"another kind wanted":                          {identity.Hook{Creditor: "acme", Kinds: []string{"case.opened"}}, ""},
		"another creditor's webhook":                   {identity.Hook{Creditor: "other"}, ""},
		"a webhook of all creditors":                   {identity.Hook{Creditor: "*"}, "case.paid"},
		"a webhook without a creditor is told nothing": {identity.Hook{}, ""},
		"nothing of the installation among the kinds":  {identity.Hook{Creditor: "acme", Kinds: []string{"integrity.sealed"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, ok, err := For(c.hook, paid)
			if err != nil || got != c.want || ok != (c.want != "") {
				t.Errorf("told %q, %v, %v; want %q", got, ok, err, c.want)
			}
		})
	}
}

// TestSignature pins the form that other systems check.
func TestSignature(t *testing.T) {
	const want = "t=1767225600,v1=c9c43053c587d9a132baf3e87a7f5cd6b5e5e5acf4ecb038f8c897644f666304"
	got := Sign("whsec_test", time.Unix(1767225600, 0), []byte(`{"id":"1"}`))
	if got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	if got == Sign("whsec_other", time.Unix(1767225600, 0), []byte(`{"id":"1"}`)) || got == Sign("whsec_test", time.Unix(1767225601, 0), []byte(`{"id":"1"}`)) || got == Sign("whsec_test", time.Unix(1767225600, 0), []byte(`{"id":"2"}`)) {
		t.Error("secret, time and body do not all matter")
	}
}

func TestAllowedAddresses(t *testing.T) {
	for address, c := range map[string]struct{ public, private bool }{
		"93.184.216.34": {true, true}, "2606:2800:220:1::1": {true, true},
		"127.0.0.1": {false, true}, "::1": {false, true}, "10.1.2.3": {false, true}, "192.168.0.1": {false, true}, "172.16.0.1": {false, true},
		"100.64.0.1": {false, true}, "fd00::1": {false, true}, "::ffff:127.0.0.1": {false, true}, "::ffff:10.0.0.1": {false, true},
		"64:ff9b::7f00:1": {false, true}, "64:ff9b::a9fe:a9fe": {false, true}, "64:ff9b:1::a00:1": {false, true}, "2002:7f00:1::1": {false, true}, "2001:0:1::1": {false, true},
		"::7f00:1": {false, true}, "fec0::1": {false, true}, "0.1.2.3": {false, true}, "198.18.0.1": {false, true}, "192.0.0.8": {false, true}, "240.0.0.1": {false, true},
		"2001:4860:4860::8888": {true, true}, "198.20.0.1": {true, true},
		"169.254.169.254": {false, false}, "fe80::1": {false, false}, "0.0.0.0": {false, false}, "::": {false, false}, "224.0.0.1": {false, false}, "255.255.255.255": {false, false},
	} {
		ip := net.ParseIP(address)
		if got := (&Sender{}).allowed(ip) == nil; got != c.public {
			t.Errorf("%s: allowed %v", address, got)
		}
		if got := (&Sender{Private: true}).allowed(ip) == nil; got != c.private {
			t.Errorf("%s with private networks: allowed %v", address, got)
		}
	}
	if (&Sender{Private: true}).allowed(nil) == nil {
		t.Error("what is no address is allowed")
	}
}

// What is about the installation is told to webhooks of all creditors only.
func TestTheInstallationIsTold(t *testing.T) {
	at := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	sealed := Happened{ID: "e", Creditor: identity.AllCreditors, At: at, Kind: "integrity_sealed", Said: []byte(`{"head":"7:ab","rows":9,"outcome":"whole"}`)}
	for name, c := range map[string]struct {
		hook identity.Hook
		x    Happened
		want string
	}{
		"a webhook of all creditors":             {identity.Hook{Creditor: "*"}, sealed, `{"id":"e","type":"integrity.sealed","at":"2026-03-02T14:00:00Z","creditor":"*","data":{"outcome":"whole","head":"7:ab","rows":9}}`},
		"that asks for it":                       {identity.Hook{Creditor: "*", Kinds: []string{"integrity.sealed"}}, sealed, `{"id":"e","type":"integrity.sealed","at":"2026-03-02T14:00:00Z","creditor":"*","data":{"outcome":"whole","head":"7:ab","rows":9}}`},
		"that asks for something else":           {identity.Hook{Creditor: "*", Kinds: []string{"case.paid"}}, sealed, ""},
		"a webhook of one creditor":              {identity.Hook{Creditor: "acme"}, sealed, ""},
		"a kind of a later program is not known": {identity.Hook{Creditor: "*"}, Happened{Creditor: "*", Kind: "comet_seen", Said: []byte("{}")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, body, ok, err := For(c.hook, c.x)
			if err != nil || ok != (c.want != "") || string(body) != c.want {
				t.Errorf("%s, %v, %v; want %s", body, ok, err, c.want)
			}
		})
	}
	if _, _, _, err := For(identity.Hook{Creditor: "*"}, Happened{Creditor: "*", Kind: "proposal_made", Said: []byte("{")}); err == nil {
		t.Error("what cannot be read is told")
	}
}

// A settlement that is agreed on the spot is told as accepted; one that waits for approval is not yet.
func TestSettlementsAreTold(t *testing.T) {
	for why, c := range map[string]struct {
		b    dunning.Body
		want []string
	}{
		"offered":                       {dunning.SettlementOffered{}, []string{"settlement.offered"}},
		"agreed on the spot":            {dunning.SettlementOffered{Accepted: true}, []string{"settlement.accepted", "settlement.offered"}},
		"agreed, and waits for a nod":   {dunning.SettlementOffered{Accepted: true, Approval: true}, []string{"settlement.offered"}},
		"kept":                          {dunning.SettlementEnded{Outcome: "kept"}, []string{"settlement.kept", "settlement.ended"}},
		"moot":                          {dunning.SettlementEnded{Outcome: "moot"}, []string{"settlement.ended"}},
		"an offer of a plan that ended": {dunning.OfferEnded{Outcome: "expired"}, []string{"plan.offer_ended"}},
	} {
		if got := Names(c.b); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", why, got, c.want)
		}
	}
}
