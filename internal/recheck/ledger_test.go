package recheck_test

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/simulate"
)

// book is a journal of one debtor whose contacts are swept.
type book struct {
	journal
}

func (b *book) Contacted(_ context.Context, after string, _ int) ([]string, error) {
	if after != "" {
		return nil, nil
	}
	return []string{"d"}, nil
}

func (b *book) AccountRef(_ context.Context, id string) (dunning.CaseRef, error) {
	return dunning.CaseRef{Account: id, Debtor: "d"}, nil
}

func (b *book) Decision(_ context.Context, id string) (dunning.StoredDecision, bool, error) {
	n, err := strconv.Atoi(id)
	if err != nil || n >= len(b.decisions) {
		return dunning.StoredDecision{}, false, nil
	}
	return b.decisions[n], true, nil
}

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return z
}

var monday = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC) // 10:00 in New York

// written lives through a year of an agency's account in New York under the shipped
// packs, with the decisions numbered as the contacts name them.
func written(t *testing.T, more ...dunning.Fact) *book {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	n := func(d int) *int { return &d }
	mail := []dunning.Channeled{{Channel: dunning.SMS, Template: "t"}}
	setup := dunning.Setup{
		Creditor: dunning.Creditor{ID: "c", Role: "first_party", Zone: "America/New_York"}, Debtor: "d", Account: "a", Currency: "USD", Record: true,
		Policies: cfg.Policies(), Zone: zone,
		Sequence: &dunning.Sequence{ID: "s", Version: "1", Spacing: 3, Steps: []dunning.Step{
			{ID: "one", At: n(3), Verb: dunning.VerbSend, Send: mail}, {ID: "two", At: n(10), Verb: dunning.VerbSend, Send: mail},
		}},
	}
	facts := append([]dunning.Fact{
		{At: monday, Body: dunning.DebtorKnown{DebtorKind: "consumer", Country: "US", Places: []string{"US-PA"}, Zones: []string{"America/New_York"}}},
		{At: monday, Body: dunning.PointKnown{ID: "m", Channel: dunning.SMS, PointKind: "mobile"}},
		{At: monday, Body: dunning.PointKnown{ID: "p", Channel: dunning.Call, PointKind: "mobile"}},
		{At: monday, Account: "a", Body: dunning.Item{Key: "A", Due: dunning.Date{Year: 2026, Month: 3, Day: 1}, Amount: money.MustParse("10", "USD")}},
	}, more...)
	life, err := simulate.Run(simulate.Account{Setup: setup, Facts: facts}, monday.AddDate(0, 2, 0))
	if err != nil {
		t.Fatal(err)
	}
	b := &book{journal{life: life, setup: setup}}
	for i, x := range b.life.Facts { // in production a contact names the decision that allowed it
		if p, ok := x.Body.(dunning.ContactPlanned); ok {
			p.Decision = "0"
			b.life.Facts[i].Body = p
		}
	}
	b.decisions = []dunning.StoredDecision{{ID: "0", Case: "a", Core: dunning.CoreVersion}}
	return b
}

func swept(t *testing.T, b *book) (recheck.Sweep, []recheck.Finding) {
	t.Helper()
	var found []recheck.Finding
	sum, err := recheck.Contacts(t.Context(), b, b, func(f recheck.Finding) error { found = append(found, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return sum, found
}

// sending is the index of the first fact that a contact left.
func (b *book) sending(t *testing.T) int {
	t.Helper()
	for i, x := range b.life.Facts {
		if m, ok := x.Body.(dunning.ContactMoved); ok && m.State == dunning.ContactSending {
			return i
		}
	}
	t.Fatal("nothing left")
	return 0
}

// What the simulator sent under the shipped packs was inside every rule.
func TestSweepOfALifeFindsNothing(t *testing.T) {
	sum, found := swept(t, written(t))
	if sum.Swept != 2 || sum.Outside+sum.Changed+sum.Late+sum.Against != 0 || len(found) > 0 {
		t.Errorf("%+v, %+v", sum, found)
	}
}

func TestSweepFindsWhatWasOutside(t *testing.T) {
	for _, c := range []struct {
		about  string
		change func(t *testing.T, b *book)
		want   recheck.Sweep
		rule   string
	}{
		{"a message that left at night, whatever the decision said", func(t *testing.T, b *book) {
			i := b.sending(t)
			b.life.Facts[i].At = time.Date(2026, 3, 5, 4, 0, 0, 0, time.UTC)
		}, recheck.Sweep{Swept: 2, Outside: 1}, "POLICY-COURTESY"},
		{"a message that left although the debtor had refused texts", func(t *testing.T, b *book) {
			b.insert(b.sending(t)-1, dunning.Fact{At: monday, Body: dunning.OptedOut{ID: "o", Channel: dunning.SMS}})
		}, recheck.Sweep{Swept: 2, Outside: 2}, "HOUSE-OPTOUT"},
		{"the same, by rules that cannot be had any more", func(t *testing.T, b *book) {
			b.insert(b.sending(t)-1, dunning.Fact{At: monday, Body: dunning.OptedOut{ID: "o", Channel: dunning.SMS}})
			b.changed = []string{"release"}
		}, recheck.Sweep{Swept: 2, Changed: 2}, "HOUSE-OPTOUT"},
		{"a refusal received before the message left, and entered after it", func(t *testing.T, b *book) {
			i := b.sending(t)
			b.life.Facts = append(b.life.Facts, dunning.Fact{
				Version: b.life.Final.Version + 1, At: b.life.Facts[i].At.Add(-time.Minute), Body: dunning.OptedOut{ID: "o", Channel: dunning.SMS},
			})
		}, recheck.Sweep{Swept: 2, Late: 2}, "HOUSE-OPTOUT"},
		{"a collector's call at night", func(t *testing.T, b *book) {
			b.insert(b.sending(t)+1, dunning.Fact{
				At: time.Date(2026, 3, 20, 3, 0, 0, 0, time.UTC), Account: "a", Case: "a", By: "user:1",
				Body: dunning.ContactLogged{ID: "x", Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer", Point: "p"},
			})
		}, recheck.Sweep{Swept: 2, ByHand: 1, Against: 1}, "POLICY-COURTESY"},
		{"a collector's call by day", func(t *testing.T, b *book) {
			b.insert(b.sending(t)+1, dunning.Fact{
				At: time.Date(2026, 3, 20, 15, 0, 0, 0, time.UTC), Account: "a", Case: "a", By: "user:1",
				Body: dunning.ContactLogged{ID: "x", Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer", Point: "p"},
			})
		}, recheck.Sweep{Swept: 2, ByHand: 1}, ""},
		{"a debtor's own call is nobody's doing", func(t *testing.T, b *book) {
			b.insert(b.sending(t)+1, dunning.Fact{
				At: time.Date(2026, 3, 20, 3, 0, 0, 0, time.UTC), Account: "a", Case: "a",
				Body: dunning.ContactLogged{ID: "x", Direction: "inbound", Channel: dunning.Call, Outcome: "conversation", Point: "p"},
			})
		}, recheck.Sweep{Swept: 2}, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			b := written(t)
			c.change(t, b)
			sum, found := swept(t, b)
			if sum != c.want {
				t.Errorf("%+v, want %+v", sum, c.want)
			}
			if n := c.want.Outside + c.want.Changed + c.want.Late + c.want.Against; len(found) != n {
				t.Fatalf("%d findings, want %d", len(found), n)
			}
			for _, f := range found {
				if !refusedBy(f, c.rule) || f.Contact == "" || f.At.IsZero() {
					t.Errorf("finding %+v names no refusal by %s", f, c.rule)
				}
			}
		})
	}
}

// A contact that left and that no decision on file allowed is a finding, and the
// sweep goes on to the others.
func TestSweepTellsOfContactsWithoutADecision(t *testing.T) {
	for _, c := range []struct {
		about  string
		change func(p dunning.ContactPlanned) dunning.Body
	}{
		{"the decision is not in the journal", func(p dunning.ContactPlanned) dunning.Body {
			p.Decision = "gone"
			return p
		}},
		{"nobody planned it", func(p dunning.ContactPlanned) dunning.Body {
			p.ID = "another"
			return p
		}},
	} {
		t.Run(c.about, func(t *testing.T) {
			b := written(t)
			for i, x := range b.life.Facts {
				if p, ok := x.Body.(dunning.ContactPlanned); ok {
					b.life.Facts[i].Body = c.change(p)
					break
				}
			}
			sum, found := swept(t, b)
			if sum != (recheck.Sweep{Swept: 2, Outside: 1}) || len(found) != 1 {
				t.Fatalf("%+v, %+v", sum, found)
			}
			if f := found[0]; f.Verdict != recheck.Outside || f.Error == "" || f.Contact == "" || f.Debtor == "" || f.At.IsZero() {
				t.Errorf("%+v does not say what is wrong", f)
			}
		})
	}
}

func refusedBy(f recheck.Finding, rule string) bool {
	for _, r := range f.Checked.Verdict.Reasons {
		if r.Rule == rule {
			return true
		}
	}
	return false
}

// insert puts a fact before position i, under a version of its own.
func (b *book) insert(i int, x dunning.Fact) {
	facts := append([]dunning.Fact(nil), b.life.Facts[:i]...)
	x.Version = b.life.Facts[i].Version
	facts = append(facts, x)
	for _, y := range b.life.Facts[i:] {
		y.Version++
		facts = append(facts, y)
	}
	b.life.Facts = facts
	b.life.Final.Version++
}

// A decision keeps what it was taken from, and a record that differs is found.
func TestRecordsAreCompared(t *testing.T) {
	b := written(t)
	b.decisions = nil
	asked := 0
	for i, d := range b.life.Decisions {
		if len(d.Checks) == 0 {
			continue // the simulator gives decisions in one look one version
		}
		b.decisions = append(b.decisions, dunning.StoredDecision{ID: strconv.Itoa(i), Case: "a", Decision: d, Core: dunning.CoreVersion})
		asked += len(d.Checks)
	}
	if sum, diffs := run(t, &b.journal); len(diffs) > 0 || sum.By[recheck.Same] != len(b.decisions) {
		t.Fatalf("%+v, %+v", sum, diffs)
	}
	if asked == 0 {
		t.Fatal("no decision recorded what the policies were asked")
	}
	for i := range b.decisions {
		if c := b.decisions[i].Decision.Checks; len(c) > 0 {
			if len(c[0].Zones) == 0 || len(c[0].Places) == 0 || len(c[0].Facts) == 0 || len(c[0].Rules)+len(c[0].Allowed) == 0 {
				t.Errorf("the record is not complete: %+v", c[0])
			}
			other := c[0]
			other.Zones = []dunning.Candidate{{Name: "Asia/Tokyo"}}
			b.decisions[i].Decision.Checks = []dunning.Checked{other}
			break
		}
	}
	if sum, diffs := run(t, &b.journal); sum.By[recheck.Wrong] != 1 || len(diffs) != 1 {
		t.Errorf("a record with another zone: %+v, %+v", sum, diffs)
	}
}

// The words of a decision come from its record and the facts of then.
func TestWhy(t *testing.T) {
	b := written(t)
	for i, d := range b.life.Decisions {
		stored := dunning.StoredDecision{ID: strconv.Itoa(i), Case: "a", Decision: d, Core: dunning.CoreVersion}
		reasons, err := recheck.Why(t.Context(), b, b, stored)
		if err != nil || len(reasons) != len(d.Checks) {
			t.Fatalf("decision %d: %d reasonings of %d, %v", i, len(reasons), len(d.Checks), err)
		}
		for _, r := range reasons {
			for _, want := range []string{"sms", "America/New_York", "US-PA", "HOUSE-CAP-SMS"} {
				if !strings.Contains(r.Text, want) {
					t.Errorf("decision %d does not say %q:\n%s", i, want, r.Text)
				}
			}
		}
	}
}

// A record holds codes, not words: it stays small where many rules apply to somebody
// with a long history.
func TestRecordsAreSmall(t *testing.T) {
	b := written(t)
	b.setup.Creditor.Role, b.setup.Case = "third_party", "a"
	facts := append(b.life.Facts, dunning.Fact{
		At: monday, Body: dunning.DebtorKnown{
			DebtorKind: "consumer", Zones: []string{"America/New_York", "America/Chicago"},
			Places: []string{"US-NY-NYC", "US-MA", "US-DC", "US-FL"},
		},
	})
	for i := range 200 {
		facts = append(facts, dunning.Fact{
			At: monday.AddDate(0, 0, -i).Add(48 * time.Hour), Account: "a", Body: dunning.ContactLogged{
				ID: strconv.Itoa(i), Direction: "outbound", Channel: []dunning.Channel{dunning.Call, dunning.SMS}[i%2], Outcome: []string{
					"no_answer",
					"busy_signal", "sent",
				}[i%3], Point: "m",
			},
		})
	}
	f, err := dunning.Fold(b.setup, facts)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Check(monday.AddDate(0, 0, 2), dunning.Ask{Channel: dunning.SMS, Automated: true})
	raw, err := json.Marshal(c)
	if err != nil || len(raw) > 12<<10 || len(c.Rules) < 5 {
		t.Errorf("a record of %d bytes and %d rules, %v", len(raw), len(c.Rules), err)
	}
	t.Logf("%d bytes, %d rules", len(raw), len(c.Rules))
}
