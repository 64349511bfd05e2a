package app

import (
	"testing"

	"github.com/duly/duly/dunning"
)

// What only first messages must say is asked for until something has left to
// the debtor for this creditor, or may have.
func TestFirstMessages(t *testing.T) {
	contact := func(id, creditor string, state dunning.ContactState, logged *dunning.ContactLogged) dunning.ContactFacts {
		c := dunning.ContactFacts{State: state, Logged: logged}
		c.ID, c.Creditor = id, creditor
		return c
	}
	for _, tc := range []struct {
		what     string
		contacts []dunning.ContactFacts
		first    bool
	}{
		{"nothing at all", nil, true},
		{"only the message itself", []dunning.ContactFacts{contact("self", "demo", dunning.ContactUnknown, nil)}, true},
		{"one that the provider took", []dunning.ContactFacts{contact("a", "demo", dunning.ContactAccepted, nil)}, false},
		{"one that may have left", []dunning.ContactFacts{contact("a", "demo", dunning.ContactUnknown, nil)}, false},
		{"one that came back had left", []dunning.ContactFacts{contact("a", "demo", dunning.ContactBounced, nil)}, false},
		{"one that failed", []dunning.ContactFacts{contact("a", "demo", dunning.ContactFailed, nil)}, true},
		{"one for another creditor", []dunning.ContactFacts{contact("a", "other", dunning.ContactAccepted, nil)}, true},
		{"a letter from the debtor", []dunning.ContactFacts{contact("a", "demo", dunning.ContactAccepted, &dunning.ContactLogged{Direction: "inbound"})}, true},
		{"a collector's call", []dunning.ContactFacts{contact("a", "demo", dunning.ContactAccepted, &dunning.ContactLogged{Direction: "outbound"})}, false},
	} {
		w := &writing{ref: dunning.CaseRef{Creditor: "demo"}, contact: dunning.ContactPlanned{ID: "self"}, facts: dunning.Facts{Contacts: tc.contacts}}
		if got := w.first(); got != tc.first {
			t.Errorf("%s: first is %v", tc.what, got)
		}
	}
}

// A suit that comes too late is a matter of the account written about.
func TestTimeBarredAccounts(t *testing.T) {
	barred := dunning.DebtState{Account: "a"}
	barred.TimeBarred = true
	for account, want := range map[string]bool{"a": true, "b": false} {
		w := &writing{facts: dunning.Facts{Debts: []dunning.DebtState{barred, {Account: "b"}}}}
		w.facts.Account = account
		if got := w.timeBarred(); got != want {
			t.Errorf("account %s: %v", account, got)
		}
	}
}
