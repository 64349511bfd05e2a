package dunning

import (
	"slices"
	"testing"
	"time"
)

// version is a version of a sequence whose steps send one email each.
func version(v string, steps ...string) *Sequence {
	s := &Sequence{ID: "s", Version: v}
	for i, id := range steps {
		at := 3 + i
		s.Steps = append(s.Steps, Step{ID: id, At: &at, Verb: VerbSend, Send: []Channeled{{Channel: Email, Template: "t"}}})
	}
	return s
}

// mover is a life of one account that is played fact by fact, as the simulator does.
type mover struct {
	t     *testing.T
	facts Facts
	log   []Fact
}

func (m *mover) add(at time.Time, bodies ...Body) {
	m.t.Helper()
	for _, b := range bodies {
		m.play(Fact{At: at, Account: "a", Case: m.facts.Case, Body: b})
	}
}

func (m *mover) play(facts ...Fact) {
	m.t.Helper()
	g, err := m.facts.Apply(facts)
	if err != nil {
		m.t.Fatal(err)
	}
	m.facts, m.log = g, append(m.log, facts...)
}

// move carries out a migration to another version at once.
func (m *mover) move(id string, to *Sequence, steps map[string]string, at time.Time) {
	m.t.Helper()
	m.facts.Target = to
	facts, err := Handle(m.facts, Migrate{ID: id, Version: to.Version, Steps: steps, AtOnce: true, Reason: "test"}, "user:1", at)
	if err != nil {
		m.t.Fatal(err)
	}
	m.play(facts...)
	facts = m.facts.judgeMigration(at)
	if len(facts) == 0 {
		m.t.Fatalf("the migration waits: %+v", m.facts.preview(m.facts.Migration().MigrationAsked, at))
	}
	m.play(facts...)
}

func start(t *testing.T, s *Sequence) *mover {
	t.Helper()
	m := &mover{t: t}
	f, err := Fold(Setup{Creditor: Creditor{ID: "c", Role: "first_party"}, Debtor: "d", Account: "a", Case: "k", Currency: "EUR", Sequence: s, Zone: func(string) *time.Location { return time.UTC }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.facts = f
	m.add(noon.AddDate(0, 0, -20), Item{Key: "A", Due: Date{2024, 2, 20}, Amount: eur("100.00")}, DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}, Country: "DE"}, PointKnown{ID: "p", Channel: Email})
	m.add(noon.AddDate(0, 0, -15), CaseOpened{Sequence: "s", Version: s.Version})
	return m
}

func (m *mover) sent(step string, at time.Time) {
	id := "k/0/" + step + "/email/1"
	m.add(at, ContactPlanned{ID: id, Step: step, Channel: Email, Point: "p", Ordinal: 1, Automatic: true, Purpose: "collect", Items: []ItemLine{{Key: "A", Step: step, Amount: eur("100.00")}}},
		ContactMoved{ID: id, State: ContactSending}, ContactMoved{ID: id, State: ContactAccepted})
}

func (m *mover) bounced(step string, at time.Time) {
	m.add(at, ContactMoved{ID: "k/0/" + step + "/email/1", State: ContactBounced, Permanent: true})
}

func (m *mover) exhausted(at time.Time) {
	m.add(at, ItemsDisposed{Items: []string{"A"}, To: Exhausted, Reason: "exhausted"})
}

// again is the same life, read at once by the version that is followed last.
func (m *mover) again() Facts {
	m.t.Helper()
	s := m.facts.Setup
	g, err := Fold(s, m.log)
	if err != nil {
		m.t.Fatal(err)
	}
	return g
}

// TestAMoveKeepsSinceWhenItemsStandWhereTheyDo: a message that came back before a migration
// took an item back from exhausted by the version of then. Read again by the version of now
// the item stands where it does since the same instant.
func TestAMoveKeepsSinceWhenItemsStandWhereTheyDo(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	for _, c := range []struct {
		about string
		first *Sequence
		play  func(*mover)
	}{
		{"the new version has a step before it, so the bounce would not be seen", version("1", "one"), func(m *mover) {
			m.sent("one", day(-10))
			m.exhausted(day(-10))
			m.bounced("one", day(-9))
			m.move("m", version("2", "zero", "one"), nil, day(-8))
		}},
		{"the step has another name now", version("1", "one"), func(m *mover) {
			m.sent("one", day(-10))
			m.exhausted(day(-10))
			m.bounced("one", day(-9))
			m.move("m", version("2", "uno"), map[string]string{"one": "uno"}, day(-8))
		}},
		{"exhausted again before the move: since the second time", version("1", "one"), func(m *mover) {
			m.sent("one", day(-10))
			m.exhausted(day(-10))
			m.bounced("one", day(-9))
			m.add(day(-8), StepCounted{Items: []string{"A"}, Step: "one", Why: "test"})
			m.exhausted(day(-8))
			m.move("m", version("2", "uno"), map[string]string{"one": "uno"}, day(-3))
		}},
		{"the bounce would be seen by the new version alone", version("1", "one", "two"), func(m *mover) {
			m.sent("one", day(-12))
			m.sent("two", day(-11))
			m.exhausted(day(-11))
			m.move("m", version("2", "one"), nil, day(-10))
			m.bounced("two", day(-9))
			m.move("n", version("3", "one", "two"), nil, day(-3))
		}},
		{"moved twice", version("1", "one"), func(m *mover) {
			m.sent("one", day(-10))
			m.exhausted(day(-10))
			m.bounced("one", day(-9))
			m.move("m", version("2", "uno"), map[string]string{"one": "uno"}, day(-8))
			m.move("n", version("3", "zero", "eins"), map[string]string{"uno": "eins"}, day(-7))
		}},
	} {
		t.Run(c.about, func(t *testing.T) {
			m := start(t, c.first)
			c.play(m)
			f := m.again()
			one, two := m.facts.item("A"), f.item("A")
			if one.Disposition != two.Disposition || !one.disposed.Equal(two.disposed) || !one.revived.Equal(two.revived) || !one.again.Equal(two.again) {
				t.Errorf("played: %s since %s, back %s; read again: %s since %s, back %s", one.Disposition, one.disposed, one.revived, two.Disposition, two.disposed, two.revived)
			}
		})
	}
}

// TestAMoveIsOfItsCase: a later case of the account that follows the old version again, and
// is to move to the same new one, follows the old one until it moves itself.
func TestAMoveIsOfItsCase(t *testing.T) {
	v1, v2 := version("1", "one", "two"), version("2", "zero", "one", "two")
	m := start(t, v1)
	m.move("m", v2, nil, noon.AddDate(0, 0, -14))
	m.add(noon.AddDate(0, 0, -13), Payment{ID: "p", Amount: eur("100.00")}, CaseClosed{Reason: "paid"})
	m.facts.Case, m.facts.Sequence, m.facts.Target = "k2", v1, nil
	m.add(noon.AddDate(0, 0, -5), Item{Key: "B", Due: Date{2024, 3, 1}, Amount: eur("50.00")}, CaseOpened{Sequence: "s", Version: "1"})
	m.facts.Target = v2
	asked, err := Handle(m.facts, Migrate{ID: "n", Version: "2", AtOnce: true, Reason: "test"}, "user:1", noon)
	if err != nil || !slices.ContainsFunc(asked, func(x Fact) bool { return x.Body.Kind() == "migration_asked" }) {
		t.Fatalf("asked: %v, %v", asked, err)
	}
	m.play(asked...)
	if got := m.facts.Sequence.Name(); got != "s@1" {
		t.Errorf("asked, it follows %s", got)
	}
	s := m.facts.Setup
	s.Sequence, s.Target = v1, v2
	g, err := Fold(s, m.log)
	if err != nil || g.Sequence.Name() != "s@1" {
		t.Errorf("asked and read again, it follows %s (%v)", g.Sequence.Name(), err)
	}
	if facts := g.judgeMigration(noon); len(facts) == 0 {
		t.Error("it does not move")
	}
}

// TestAMoveWaitsForTheLetterInTheOutbox: where a step is sent otherwise by the new version, a
// letter that lies in the outbox keeps the move waiting, however long: called off, its step
// is owed by the new version, and posted, it is done.
func TestAMoveWaitsForTheLetterInTheOutbox(t *testing.T) {
	const id = "k/0/one/letter/1"
	v1, v2 := version("1", "one", "two"), version("2", "one", "two")
	v1.Steps[0].Send = []Channeled{{Channel: Letter, Template: "t"}}
	m := start(t, v1)
	m.add(noon.AddDate(0, 0, -10), PointKnown{ID: "l", Channel: Letter},
		ContactPlanned{ID: id, Step: "one", Channel: Letter, Point: "l", Ordinal: 1, Automatic: true, Purpose: "collect", Items: []ItemLine{{Key: "A", Step: "one", Amount: eur("100.00")}}},
		ContactMoved{ID: id, State: ContactSending}, ContactMoved{ID: id, State: ContactAccepted, Waits: true})
	m.facts.Target = v2
	for _, c := range []struct {
		about   string
		facts   []Fact
		outcome string
		why, to string
	}{
		{"it lies in the outbox", nil, MigrationWaits, "letter", ""},
		{"it was called off: its step is owed", m.facts.LetterCalledOff(id, "changed", noon), MigrationMoves, "", "one"},
		{"it was posted: its step is done", m.facts.LetterPosted(id, "b", noon), MigrationMoves, "", "two"},
	} {
		t.Run(c.about, func(t *testing.T) {
			f, err := m.facts.Apply(c.facts)
			if err != nil {
				t.Fatal(err)
			}
			p, err := PreviewMigration(f, Migrate{ID: "m", Version: "2", AtOnce: true, Reason: "test"}, noon.Add(time.Hour))
			if err != nil || p.Outcome != c.outcome || p.Why != c.why || c.to != "" && (len(p.Moves) != 1 || p.Moves[0].To != c.to) {
				t.Errorf("%+v, %v; want %s %s to %s", p, err, c.outcome, c.why, c.to)
			}
		})
	}
}
