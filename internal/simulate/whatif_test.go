package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/simulate"
)

// shipped is the configuration that is shipped.
func shipped(t testing.TB) *config.Config {
	t.Helper()
	c, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// consumer is an invented account in New York under the shipped configuration.
func consumer(c *config.Config, account string, amounts ...string) simulate.Account {
	cr, _ := c.Creditor("demo")
	cr.Stale = 0
	at := time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC)
	facts := []dunning.Fact{
		{At: at, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}, Country: "US", Places: []string{"US-NY"}, Locale: "en"}},
		{At: at, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
		{At: at, Body: dunning.PointKnown{ID: "s", Channel: dunning.SMS, PointKind: "mobile"}},
		{At: at, Body: dunning.PointKnown{ID: "l", Channel: dunning.Letter}},
		{At: at, Body: dunning.Consented{ID: "c", Basis: "written", Channel: dunning.SMS}},
	}
	for i, a := range amounts {
		due := dunning.DateOf(at).AddDays(10 + 9*i)
		facts = append(facts, dunning.Fact{At: at, Account: account, Body: dunning.Item{Key: fmt.Sprint("i", i), Issued: due.AddDays(-30), Due: due, Amount: money.MustParse(a, "USD"), Class: "consumer"}})
	}
	return simulate.Account{
		Choose: c.Select, Facts: facts, Setup: dunning.Setup{
			Creditor: cr.Creditor, Debtor: "d-" + account, Account: account, Currency: "USD", Sequence: &dunning.Sequence{}, Policies: c.Policies(), Holiday: c.Holiday,
			Zone: func(n string) *time.Location { l, _ := time.LoadLocation(n); return l },
		},
	}
}

func lives(t testing.TB, a simulate.Account, until time.Time) simulate.Life {
	t.Helper()
	l, err := simulate.Run(a, until)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWhatGoesOnIsWhatWouldHaveBeen: a life that is taken up half-way, from nothing but the
// facts of then, goes on exactly as the whole one did.
func TestWhatGoesOnIsWhatWouldHaveBeen(t *testing.T) {
	c := shipped(t)
	whole := consumer(c, "a", "640.00", "120.00")
	paid := dunning.Fact{At: time.Date(2026, 2, 20, 17, 0, 0, 0, time.UTC), Account: "a", Body: dunning.Payment{ID: "p", Amount: money.MustParse("640.00", "USD")}}
	whole.Facts = append(whole.Facts, paid)
	until := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	want := lives(t, whole, until)
	if len(want.Events()) < 8 {
		t.Fatalf("too little happens to say anything:\n%s", simulate.Print(want.Events(), time.UTC))
	}
	for _, begin := range []string{"2026-01-20T05:00:00Z", "2026-01-31T12:34:56Z", "2026-02-20T17:00:00Z", "2026-03-08T06:59:59Z", "2026-04-02T00:00:00Z"} {
		at, _ := time.Parse(time.RFC3339, begin)
		rest := whole
		rest.Facts, rest.Begin = nil, at
		for _, x := range want.Facts {
			if !x.At.After(at) {
				rest.Past = append(rest.Past, x)
			}
		}
		if paid.At.After(at) {
			rest.Facts = []dunning.Fact{paid}
		}
		rest.Choose = nil
		rest.Setup.Sequence, rest.Setup.Case = c.Sequence("consumer-standard"), "a"
		got := lives(t, rest, until)
		after := slices.DeleteFunc(want.Events(), func(e dunning.Event) bool { return !e.At.After(at) })
		if diff := simulate.Compare(after, got.Events()); len(diff) > 0 {
			t.Errorf("from %s on it goes otherwise: %+v\nwhole:\n%s\nrest:\n%s", begin, diff, simulate.Print(after, time.UTC), simulate.Print(got.Events(), time.UTC))
		}
		for _, e := range got.Events() {
			if e.At.Before(at) {
				t.Errorf("from %s on there is an event at %s", begin, e.At)
			}
		}
	}
}

// TestWhatWasUnderWayArrives: a letter that waited for its batch when the simulation begins
// is taken to be posted; it is no event of the simulation and blocks nothing.
func TestWhatWasUnderWayArrives(t *testing.T) {
	c := shipped(t)
	whole := consumer(c, "a", "640.00")
	until := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	want := lives(t, whole, until)
	for _, last := range []dunning.ContactState{dunning.ContactReserved, dunning.ContactSending} {
		rest := whole
		rest.Facts, rest.Choose = nil, nil
		rest.Setup.Sequence, rest.Setup.Case = c.Sequence("consumer-standard"), "a"
		for _, x := range want.Facts { // up to the first contact, which goes no further than last
			m, moved := x.Body.(dunning.ContactMoved)
			_, reserved := x.Body.(dunning.ContactPlanned)
			if moved && (last == dunning.ContactReserved || m.State != dunning.ContactSending) {
				break
			}
			rest.Past, rest.Begin = append(rest.Past, x), x.At
			if moved && m.State == last || reserved && last == dunning.ContactReserved {
				break
			}
		}
		got := lives(t, rest, until)
		n := 0
		for _, e := range got.Events() {
			if e.Kind == "contact" {
				n++
			}
		}
		wanted := 0
		for _, e := range want.Events() {
			if e.Kind == "contact" {
				wanted++
			}
		}
		if n != wanted-1 {
			t.Errorf("%s: %d contacts follow, want %d", last, n, wanted-1)
		}
	}
}

func TestCompare(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC) }
	one, two := "one", "two"
	contact := func(at int, step string, items ...string) dunning.Event {
		e := dunning.Event{At: day(at), Account: "a", Kind: "contact", Step: step, Channel: dunning.Email}
		for _, k := range items {
			e.Items = append(e.Items, dunning.EventItem{Key: k, Step: &step})
		}
		return e
	}
	for _, c := range []struct {
		about         string
		before, after []dunning.Event
		want          string
	}{
		{"the same", []dunning.Event{contact(1, one, "A")}, []dunning.Event{contact(1, one, "A")}, ""},
		{"later", []dunning.Event{contact(1, one, "A")}, []dunning.Event{contact(3, one, "A")}, "moved one A 1→3"},
		{"gone", []dunning.Event{contact(1, one, "A"), contact(2, two, "A")}, []dunning.Event{contact(1, one, "A")}, "vanished two A 2→"},
		{"new", nil, []dunning.Event{contact(1, one, "A")}, "new one A →1"},
		{
			"one between two of the same step is new, and the others stay",
			[]dunning.Event{contact(1, one, "A"), contact(9, one, "C")},
			[]dunning.Event{contact(1, one, "A"), contact(5, one, "B"), contact(9, one, "C")},
			"new one B →5",
		},
		{"an item more in it is the same contact", []dunning.Event{contact(1, one, "A")}, []dunning.Event{contact(1, one, "A", "B")}, ""},
		{
			"another channel is another contact",
			[]dunning.Event{contact(1, one, "A")},
			[]dunning.Event{{At: day(1), Account: "a", Kind: "contact", Step: one, Channel: dunning.SMS, Items: []dunning.EventItem{{Key: "A", Step: &one}}}},
			"vanished one A 1→; new one A →1",
		},
		{"why something was put off is no difference", []dunning.Event{{At: day(1), Kind: "deferred", Step: one}}, nil, ""},
		{
			"in the order in which they are seen",
			[]dunning.Event{contact(5, one, "A"), contact(8, two, "A")},
			[]dunning.Event{contact(6, one, "A"), contact(2, two, "A")},
			"moved two A 8→2; moved one A 5→6",
		},
	} {
		var got []string
		for _, d := range simulate.Compare(c.before, c.after) {
			at := func(t time.Time) string {
				if t.IsZero() {
					return ""
				}
				return fmt.Sprint(t.Day())
			}
			got = append(got, fmt.Sprintf("%s %s %s %s→%s", d.What, d.Step, strings.Join(d.Items, "+"), at(d.Before), at(d.After)))
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s: %q, want %q", c.about, text, c.want)
		}
	}
}

// TestTally: the sums say what the events say.
func TestTally(t *testing.T) {
	c := shipped(t)
	var tally simulate.Tally
	tally.Segments = func(p dunning.ContactPlanned, locale string) int {
		if p.Template == "" || locale != "en" {
			t.Errorf("asked for template %q in %q", p.Template, locale)
		}
		return 2
	}
	until := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	byKind, byChannel, byStep := map[string]int{}, map[string]int{}, map[string]int{}
	var first, last time.Time
	for i := range 3 {
		l := lives(t, consumer(c, fmt.Sprint("a", i), "640.00", "75.00"), until)
		tally.Add(l)
		for _, e := range l.Events() {
			byKind[e.Kind]++
			if e.Kind == "contact" {
				byChannel[string(e.Channel)]++
				byStep[e.Step]++
				if first.IsZero() || e.At.Before(first) {
					first = e.At
				}
				if e.At.After(last) {
					last = e.At
				}
			}
		}
	}
	sum := tally.Totals()
	for _, k := range sum.Events {
		if byKind[k.Key] != k.N {
			t.Errorf("%d events %s, want %d", k.N, k.Key, byKind[k.Key])
		}
	}
	for _, k := range sum.Channels {
		if byChannel[k.Key] != k.N {
			t.Errorf("%d by %s, want %d", k.N, k.Key, byChannel[k.Key])
		}
	}
	if sum.Accounts != 3 || sum.Contacts != byKind["contact"] || len(sum.Channels) != len(byChannel) || !sum.First.Equal(first) || !sum.Last.Equal(last) {
		t.Errorf("%+v; want %d contacts from %s to %s", sum, byKind["contact"], first, last)
	}
	if sum.Cost.Segments != 2*byChannel["sms"] || sum.Cost.Letters != byChannel["letter"] || byChannel["sms"] == 0 {
		t.Errorf("cost %+v of %v", sum.Cost, byChannel)
	}
	var order []string
	for _, s := range sum.Steps {
		if s.Step != "" {
			order = append(order, s.Step)
		}
		if s.Sequence != "consumer-standard" || s.Contacts != byStep[s.Step] {
			t.Errorf("step %s of %q: %d contacts, want %d", s.Step, s.Sequence, s.Contacts, byStep[s.Step])
		}
	}
	seq := c.Sequence("consumer-standard")
	if !slices.IsSortedFunc(order, func(a, b string) int { return seq.StepIndex(a) - seq.StepIndex(b) }) {
		t.Errorf("steps are not in the sequence's order: %v", order)
	}
}

// TestEach: lives come in the order of their accounts; what goes wrong ends everything.
func TestEach(t *testing.T) {
	c := shipped(t)
	until := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	make := func(i int) (simulate.Account, time.Time, error) {
		return consumer(c, fmt.Sprint("a", i), "100.00"), until, nil
	}
	next := 0
	err := simulate.Each(t.Context(), 40, make, func(i int, l simulate.Life) error {
		if i != next || l.Final.Account != fmt.Sprint("a", i) {
			t.Errorf("turn %d brings %d, account %s", next, i, l.Final.Account)
		}
		next++
		return nil
	})
	if err != nil || next != 40 {
		t.Errorf("%d lives, %v", next, err)
	}
	broken := errors.New("broken")
	for about, run := range map[string]func() error{
		"an account that cannot be made": func() error {
			return simulate.Each(t.Context(), 40, func(i int) (simulate.Account, time.Time, error) {
				if i == 7 {
					return simulate.Account{}, until, broken
				}
				return make(i)
			}, func(i int, _ simulate.Life) error {
				if i >= 7 {
					t.Errorf("life %d after the broken one", i)
				}
				return nil
			})
		},
		"a reader who has enough": func() error {
			return simulate.Each(t.Context(), 40, make, func(i int, _ simulate.Life) error {
				if i == 3 {
					return broken
				}
				return nil
			})
		},
	} {
		if err := run(); !errors.Is(err, broken) {
			t.Errorf("%s: %v", about, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := simulate.Each(ctx, 40, make, func(int, simulate.Life) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	if _, err := simulate.RunContext(ctx, consumer(c, "a", "1.00"), until); !errors.Is(err, context.Canceled) {
		t.Errorf("one life that nobody waits for: %v", err)
	}
}

// TestNotes: what is put off says why, with its citation; the windows of a day are exactly
// the seconds at which the answer is yes.
func TestNotes(t *testing.T) {
	c := shipped(t)
	a := consumer(c, "a", "640.00")
	a.Setup.Record = true
	var notes simulate.Notes
	checked := 0
	a.Watch = func(f *dunning.Facts, d *dunning.Decision) {
		notes.Watch(f, d)
		if d.Contact == nil || !d.Due() || checked > 3 {
			return
		}
		checked++
		ask := dunning.Ask{Channel: d.Contact.Channel, Purpose: "collect", Automated: true}
		spans := simulate.Windows(f, d.At, ask)
		in := func(t time.Time) bool {
			return slices.ContainsFunc(spans, func(s simulate.Interval) bool { return !t.Before(s.From) && t.Before(s.Until) })
		}
		day := dunning.StartOfDay(dunning.DateOf(d.At.In(f.Zones[0])), f.Zones[0])
		for m := 0; m < 24*60; m += 7 {
			at := day.Add(time.Duration(m) * time.Minute)
			if got := f.Reach(at, ask).Allowed; got != in(at) {
				t.Errorf("%s at %s: allowed %v, windows %v", ask.Channel, at.In(f.Zones[0]), got, spans)
			}
		}
		for _, s := range spans {
			if !f.Reach(s.From, ask).Allowed || !f.Reach(s.Until.Add(-time.Second), ask).Allowed {
				t.Errorf("a window has an edge that is not allowed: %v", s)
			}
		}
	}
	l := lives(t, a, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	contacts, deferred := 0, 0
	for _, e := range l.Events() {
		note, ok := notes.Of(e)
		switch e.Kind {
		case "contact":
			contacts++
			if !ok || len(note.Windows) == 0 && e.Channel != dunning.Letter || note.Zone != "America/New_York" {
				t.Errorf("contact of %s at %s: note %+v", e.Step, e.At, note)
			}
		case "deferred":
			deferred++
			if !ok || len(note.Why) == 0 || note.Why[0].Text == "" {
				t.Errorf("%s was put off by %s without a word: %+v", e.Step, e.Rule, note)
			}
		default:
			if ok {
				t.Errorf("%s has a note", e.Kind)
			}
		}
	}
	if contacts < 3 || deferred < 3 || checked < 3 {
		t.Errorf("%d contacts and %d deferrals, %d checked", contacts, deferred, checked)
	}
}

// BenchmarkYearOf500: goal under 2 s for 500 accounts over a year.
func BenchmarkYearOf500(b *testing.B) {
	c := shipped(b)
	for b.Loop() {
		var t simulate.Tally
		err := simulate.Each(b.Context(), 500, func(i int) (simulate.Account, time.Time, error) {
			return consumer(c, fmt.Sprint("a", i), "640.00", "120.00", "75.50"), time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC), nil
		}, func(_ int, l simulate.Life) error { t.Add(l); return nil })
		if err != nil || t.Totals().Accounts != 500 {
			b.Fatal(err)
		}
	}
}

// TestPeopleDoTheirWork: drafts are approved and cases handed back so long after the task
// was opened, and the sequence goes on to its end; without them it waits for ever.
func TestPeopleDoTheirWork(t *testing.T) {
	c := shipped(t)
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	alone := lives(t, consumer(c, "a", "640.00"), until)
	a := consumer(c, "a", "640.00")
	a.React = simulate.Diligent(30 * time.Hour)
	busy := lives(t, a, until)
	if len(busy.Refused) > 0 {
		t.Errorf("people did what the core refuses: %v", busy.Refused)
	}
	letters := func(l simulate.Life) (n int) {
		for _, e := range l.Events() {
			if e.Kind == "contact" && e.Channel == dunning.Letter {
				n++
			}
		}
		return n
	}
	if letters(alone) != 0 || letters(busy) == 0 {
		t.Errorf("%d letters when nobody approves, %d when somebody does", letters(alone), letters(busy))
	}
	opened := map[string]time.Time{}
	drafts := 0
	for _, x := range busy.Facts {
		switch b := x.Body.(type) {
		case dunning.TaskOpened:
			opened[b.ID] = x.At
		case dunning.TaskEnded:
			if b.Outcome != "approved" {
				continue
			}
			drafts++
			if took := x.At.Sub(opened[b.ID]); took != 30*time.Hour || x.By != "people" {
				t.Errorf("%s ended after %s by %q", b.ID, took, x.By)
			}
		}
	}
	if drafts == 0 {
		t.Error("no draft was approved")
	}
}

// TestWhatPeopleDidIsLivedThroughAgain: a life in which people ended tasks for want of a
// channel, approved drafts and handed back is, told again from its log, the very same: what
// was committed together (the end of a task and what follows from it) is told together.
func TestWhatPeopleDidIsLivedThroughAgain(t *testing.T) {
	c := shipped(t)
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	a := consumer(c, "a", "640.00")
	known := a.Facts[0].At
	a.Facts = append(a.Facts, dunning.Fact{At: known.AddDate(0, 0, 1), Body: dunning.OptedOut{ID: "no", Everything: true}})
	a.React = simulate.Diligent(30 * time.Hour)
	really := lives(t, a, until)
	ends := map[dunning.TaskKind]int{}
	for _, task := range really.Final.Tasks {
		if !task.Ended.IsZero() {
			ends[task.Task]++
		}
	}
	if ends[dunning.TaskNoChannel] == 0 || ends[dunning.TaskEscalation] == 0 {
		t.Fatalf("the life has too little to say: %v", ends)
	}
	h := simulate.Split(really.Facts, "a", known)
	again := simulate.Account{
		Choose: a.Choose, Setup: a.Setup, Past: h.Past, Begin: known,
		Facts: h.Facts, Commands: h.Commands, Reply: h.Reply, Cases: h.Cases,
	}
	for _, d := range simulate.Compare(really.Events(), lives(t, again, until).Events()) {
		t.Errorf("%s %s %s: %s, again %s", d.What, d.Kind, d.Step, d.Before, d.After)
	}
}
