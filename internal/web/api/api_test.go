package api

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
)

func TestDetailsDoNotEcho(t *testing.T) {
	for name, c := range map[string]struct{ detail, sent, want string }{
		"what was sent is blanked":                 {`unknown kind "Ada"; kinds are [a b]`, `{"hold":"Ada"}`, `unknown kind "…"; kinds are [a b]`},
		"in another case, too":                     {`unknown kind "ada"`, `{"hold":"ADA"}`, `unknown kind "…"`},
		"what the product says stays":              {`this needs the permission "hold"`, `{"text":"x"}`, `this needs the permission "hold"`},
		"several are blanked":                      {`"a1" is not "b2"`, `a1 b2`, `"…" is not "…"`},
		"an empty quotation hides nothing":         {`name ""`, `{}`, `name ""`},
		"a quotation with an escaped quote, whole": {`parsing "x\"y"`, `x\"y`, `parsing "…"`},
	} {
		if got := withoutEchoes(c.detail, []byte(c.sent)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestCheckerSaysWhere(t *testing.T) {
	c, err := newChecker(schemaOf(reflect.TypeFor[dunning.AgreePlan](), "id"))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"id":"l","count":3,"first":"2026-03-10"}`: "",
		`{"count":3}`:          "",
		`{"count":"three"}`:    "/count",
		`{"count":1.5}`:        "/count",
		`{"first":"10 March"}`: "/first",
		`{"instalments":[{"due":"2026-03-10","amount":{"amount":"1.00","currency":"usd"}}]}`: "/instalments/0/amount/currency",
		`{"instalments":[{"due":"2026-03-10","amount":{"amount":"1e9","currency":"USD"}}]}`:  "/instalments/0/amount/amount",
		`{"instalments":[{"due":"2026-03-10","amount":{"amount":1,"currency":"USD"}}]}`:      "/instalments/0/amount/amount",
		`{"instalments":[{"due":"2026-03-10"}]}`:                                             "/instalments/0",
		`{"a/b~c":1}`:                                                                        "",
		`[]`:                                                                                 "",
		`null`:                                                                               "",
	} {
		err := c.check([]byte(body))
		var f *failure
		switch {
		case strings.HasPrefix(body, `{"count":3`) || strings.HasPrefix(body, `{"id"`):
			if err != nil {
				t.Errorf("%s is refused: %v", body, err)
			}
		case !errors.As(err, &f) || f.Status != 422 || len(f.Errors) == 0:
			t.Errorf("%s: %v", body, err)
		case f.Errors[0].Pointer != want:
			t.Errorf("%s: at %q, want %q", body, f.Errors[0].Pointer, want)
		}
	}
}

func TestRowsAreTheSameFileInAnyOrderOfMembers(t *testing.T) {
	a, err := asCSV([]map[string]string{{"b": "2", "a": "1"}, {"a": "3", "c": "x,\"y\"\nz"}})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := asCSV([]map[string]string{{"a": "1", "b": "2"}, {"c": "x,\"y\"\nz", "a": "3"}})
	if string(a) != string(b) || !strings.HasPrefix(string(a), "a,b,c\n1,2,\n3,,") {
		t.Errorf("%q, %q", a, b)
	}
	if _, err := asCSV([]map[string]string{{}}); err == nil {
		t.Error("rows without members are accepted")
	}
}

// harmless are operations that answer a question with a POST, change what is their owner's
// alone, or judge again what is there.
var harmless = []string{"checkContacts", "tryCommand", "saveView", "dropView", "sweepLedger", "verifyChain", "simulate"}

// TestTheTable: ids and addresses are unique, scopes exist, and whatever changes something
// needs a scope that changes something.
func TestTheTable(t *testing.T) {
	known, ids, places := identity.Permissions(), map[string]bool{}, map[string]bool{}
	for _, op := range operations(Ports{}) {
		place := op.Method + " " + op.Path
		if ids[op.ID] || places[place] || op.ID == "" || op.Summary == "" || op.Tag == "" || op.Handle == nil {
			t.Errorf("%s (%s) is there twice or lacks something", op.ID, place)
		}
		ids[op.ID], places[place] = true, true
		found := op.Need == identity.SignedIn
		for _, p := range known {
			found = found || p == op.Need
		}
		if !found {
			t.Errorf("%s needs %q, which nobody can have", op.ID, op.Need)
		}
		if op.changes() && !slices.Contains(harmless, op.ID) && !op.Need.Changes() {
			t.Errorf("%s changes something with a scope that only reads (%s)", op.ID, op.Need)
		}
		if !op.changes() && op.Body != nil {
			t.Errorf("%s has a body", op.ID)
		}
	}
	for _, name := range making {
		if !ids[name+"_on_case"] {
			t.Errorf("there is no command %s", name)
		}
	}
}
