package whatif

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
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/simulate"
)

var now = time.Date(2026, 3, 3, 15, 30, 0, 0, time.UTC)

// town is a portfolio in memory: every account owes one invoice and has an open case; those
// with an odd number belong to another creditor.
type town struct {
	n    int
	cfg  *config.Config
	asks int // pages of cases that were read
}

func (w *town) ref(i int) dunning.CaseRef {
	s := w.cfg.Sequence("consumer-standard")
	return dunning.CaseRef{
		Case: fmt.Sprintf("case-%05d", i), Account: fmt.Sprintf("account-%05d", i), Debtor: fmt.Sprintf("debtor-%05d", i), Creditor: []string{"demo", "demo-agency"}[i%2], Currency: "USD",
		Sequence: s.ID, Version: s.Version, Open: true,
	}
}

func number(id string) (i int) {
	_, _ = fmt.Sscanf(id[strings.LastIndex(id, "-")+1:], "%d", &i)
	return i
}

func (w *town) log(i int) []dunning.Fact {
	r, at := w.ref(i), now.AddDate(0, 0, -20)
	due := dunning.DateOf(at).AddDays(5 + i%9)
	return []dunning.Fact{
		{At: at, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}, Country: "US", Places: []string{"US-NY"}, Locale: "en"}},
		{At: at, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
		{At: at, Body: dunning.PointKnown{ID: "l", Channel: dunning.Letter}},
		{At: at, Account: r.Account, Body: dunning.Item{Key: "i", Issued: due.AddDays(-30), Due: due, Amount: money.MustParse("640.00", "USD"), Class: "consumer"}},
		{At: at.AddDate(0, 0, 6), Account: r.Account, Case: r.Case, By: "system", Body: dunning.CaseOpened{Sequence: r.Sequence, Version: r.Version}},
	}
}

func (w *town) deps() Deps {
	return Deps{
		Config: func(_ context.Context, version string) (*config.Config, string, error) {
			if version != "" && version != "shipped" {
				return nil, "", fmt.Errorf("release: %w", identity.ErrNotFound)
			}
			return w.cfg, "shipped", nil
		},
		Sequence: func(_ context.Context, id, _ string) (*dunning.Sequence, error) { return w.cfg.Sequence(id), nil },
		CaseRef: func(_ context.Context, id string) (dunning.CaseRef, error) {
			if !strings.HasPrefix(id, "case-") || number(id) >= w.n {
				return dunning.CaseRef{}, identity.ErrNotFound
			}
			return w.ref(number(id)), nil
		},
		Log: func(_ context.Context, debtor string) ([]dunning.Fact, error) { return w.log(number(debtor)), nil },
		Cases: func(_ context.Context, s read.Scope, _ read.CaseFilter, p read.Page) (out read.List[read.CaseRow], _ error) {
			w.asks++
			for i := number("-0" + p.After); i < w.n; i++ {
				if len(out.Rows) == p.Size() {
					out.Next = fmt.Sprint(i)
					break
				}
				if r := w.ref(i); s.Allows(r.Creditor) {
					out.Rows = append(out.Rows, read.CaseRow{Case: r.Case, Who: read.Who{Account: r.Account, Debtor: r.Debtor, Creditor: r.Creditor}, Sequence: r.Sequence, Version: r.Version, Open: money.MustParse("640.00", "USD")})
				}
			}
			return out, nil
		},
		Filter: func(names map[string]string, _ time.Time) (read.CaseFilter, map[string]string) {
			if names["mindays"] == "x" {
				return read.CaseFilter{}, map[string]string{"mindays": "Days: write a number."}
			}
			return read.CaseFilter{}, nil
		},
		Zone: func(n string) *time.Location { z, _ := time.LoadLocation(n); return z },
	}
}

func townOf(t testing.TB, n int) (*Service, *town) {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	w := &town{n: n, cfg: cfg}
	s := New(w.deps())
	s.limit = time.Hour // what is asked of a town, not how fast this machine is; TestBounds is about that
	return s, w
}

var cohort = Ask{Cohort: map[string]string{"status": "open"}, Until: "2026-09-01"}

// TestCohortOfAllAndOfASample: up to 500 accounts are all lived through, of more the same
// sample every time, spread over the whole.
func TestCohortOfAllAndOfASample(t *testing.T) {
	few, _ := townOf(t, 30)
	r, err := few.Run(t.Context(), read.Everything(), cohort, now)
	if err != nil || !r.Sample.All || r.Sample.Taken != 30 || r.Sides[0].Totals.Accounts != 30 || len(r.Sides[0].Lines) != 30 || r.Sides[0].Totals.Contacts == 0 {
		t.Fatalf("%v: %+v", err, r.Sample)
	}
	many, _ := townOf(t, 1300)
	taken := func() (ids []string) {
		r, err := many.Run(t.Context(), read.Everything(), cohort, now)
		if err != nil || r.Sample.All || r.Sample.Taken != MaxAccounts || r.Sample.Of != 1300 {
			t.Fatalf("%v: %+v", err, r.Sample)
		}
		for _, l := range r.Sides[0].Lines {
			ids = append(ids, l.Case)
		}
		return ids
	}
	one, two := taken(), taken()
	if !slices.Equal(one, two) {
		t.Error("the sample is another one the second time")
	}
	late := 0
	for _, id := range one {
		if number(id) >= 650 {
			late++
		}
	}
	if late < 150 || late > 350 {
		t.Errorf("%d of 500 come from the second half", late)
	}
	huge, w := townOf(t, 30_000)
	r, err = huge.Run(t.Context(), read.Everything(), cohort, now)
	if err != nil || r.Sample.Of != maxWalk || w.asks > maxWalk/read.MaxLimit {
		t.Errorf("%v: %+v after %d pages", err, r.Sample, w.asks)
	}
}

func TestScope(t *testing.T) {
	s, _ := townOf(t, 10)
	r, err := s.Run(t.Context(), read.Only("demo"), cohort, now)
	if err != nil || r.Sample.Taken != 5 {
		t.Errorf("%v: %+v", err, r.Sample)
	}
	for _, l := range r.Sides[0].Lines {
		if number(l.Case)%2 != 0 {
			t.Errorf("%s is of another creditor", l.Case)
		}
	}
	for about, c := range map[string]struct {
		scope read.Scope
		ask   Ask
		ok    bool
	}{
		"one's own case":                      {read.Only("demo"), Ask{Case: "case-00004"}, true},
		"another creditor's":                  {read.Only("demo"), Ask{Case: "case-00003"}, false},
		"one that is not there":               {read.Everything(), Ask{Case: "case-00099"}, false},
		"whoever may see nothing sees no one": {read.Scope{}, Ask{Case: "case-00004"}, false},
	} {
		_, err := s.Run(t.Context(), c.scope, c.ask, now)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %v", about, err)
		}
	}
}

// TestBounds: two at once, each for so long; who goes away is not waited for.
func TestBounds(t *testing.T) {
	s, w := townOf(t, 300)
	s.limit = time.Nanosecond // over before it begins: a timer may be late by more than the whole takes
	if _, err := s.Run(t.Context(), read.Everything(), cohort, now); !errors.Is(err, ErrTooLong) || !errors.Is(err, dunning.ErrConflict) {
		t.Errorf("too long: %v", err)
	}
	s.limit, s.wait = time.Hour, time.Minute
	var done []func()
	for range cap(s.slots) {
		free, err := s.slot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, free)
	}
	s.wait = time.Millisecond
	if _, err := s.Run(t.Context(), read.Everything(), cohort, now); !errors.Is(err, ErrBusy) {
		t.Errorf("all places are taken: %v", err)
	}
	s.wait = time.Minute // who has one millisecond may miss a place that is free
	done[0]()
	if _, err := s.Run(t.Context(), read.Everything(), Ask{Case: "case-00001"}, now); err != nil {
		t.Errorf("a place is free again: %v", err)
	}
	done[1]()
	ctx, cancel := context.WithCancel(t.Context())
	deps := w.deps()
	deps.Log = func(context.Context, string) ([]dunning.Fact, error) { cancel(); return w.log(1), nil }
	gone := New(deps)
	if _, err := gone.Run(ctx, read.Everything(), cohort, now); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	if len(gone.slots) != 0 || len(s.slots) != 0 {
		t.Error("a place is not given back")
	}
}

// TestAsOfThen: a case is taken as it was known at the beginning.
func TestAsOfThen(t *testing.T) {
	_, w := townOf(t, 3)
	deps := w.deps()
	paid := dunning.Fact{At: now.Add(-24 * time.Hour), Account: "account-00002", Body: dunning.Payment{ID: "p", Amount: money.MustParse("640.00", "USD")}}
	deps.Log = func(context.Context, string) ([]dunning.Fact, error) { return append(w.log(2), paid), nil }
	s := New(deps)
	for about, c := range map[string]struct {
		from     string
		contacts bool
	}{
		"now it is paid":          {"", false},
		"before the payment came": {now.AddDate(0, 0, -5).Format(time.RFC3339), true},
	} {
		r, err := s.Run(t.Context(), read.Everything(), Ask{Case: "case-00002", From: c.from, Until: "2026-08-01"}, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Sides[0].Totals.Contacts > 0; got != c.contacts {
			t.Errorf("%s: %d contacts, ends %s", about, r.Sides[0].Totals.Contacts, r.Sides[0].Ends)
		}
	}
}

// TestQuestions: what is wrong is named by the field that it is about.
func TestQuestions(t *testing.T) {
	s, _ := townOf(t, 3)
	inv := func(change func(*Invented)) Ask {
		v := &Invented{Creditor: "demo", Items: []Owed{{"640.00", "2026-03-02"}}}
		change(v)
		return Ask{Invented: v}
	}
	for about, c := range map[string]struct {
		ask   Ask
		field string
	}{
		"nobody":                     {Ask{}, "who"},
		"two":                        {Ask{Case: "case-00001", Cohort: map[string]string{}}, "who"},
		"no invoice":                 {inv(func(v *Invented) { v.Items = nil }), "amount"},
		"too many":                   {inv(func(v *Invented) { v.Items = make([]Owed, 21) }), "amount"},
		"an amount in words":         {inv(func(v *Invented) { v.Items[0].Amount = "much" }), "amount"},
		"half a yen":                 {inv(func(v *Invented) { v.Currency, v.Items[0].Amount = "JPY", "0.5" }), "amount"},
		"a day that is none":         {inv(func(v *Invented) { v.Items[0].Due = "2026-02-30" }), "due"},
		"a channel that is none":     {inv(func(v *Invented) { v.Channels = []string{"pigeon"} }), "channels"},
		"a kind that is none":        {inv(func(v *Invented) { v.Kind = "state" }), "kind"},
		"a zone that is none":        {inv(func(v *Invented) { v.Zone = "Mars/Olympus" }), "zone"},
		"a creditor that is none":    {inv(func(v *Invented) { v.Creditor = "x" }), "creditor"},
		"a long place":               {inv(func(v *Invented) { v.Place = strings.Repeat("x", 999) }), "place"},
		"a release that is none":     {Ask{Case: "case-00001", Against: "nope"}, "against"},
		"a filter that is none":      {Ask{Cohort: map[string]string{"mindays": "x"}}, "mindays"},
		"six years":                  {Ask{Case: "case-00001", Until: "2032-03-03"}, "until"},
		"backwards":                  {Ask{Case: "case-00001", Until: "2026-01-01"}, "until"},
		"an assumption of the past":  {Ask{Case: "case-00001", Assume: []Assumption{{Do: "pays", On: "2026-01-01"}}}, "assume"},
		"an assumption without date": {Ask{Case: "case-00001", Assume: []Assumption{{Do: "pays"}}}, "on1"},
		"a hold without end":         {Ask{Case: "case-00001", Assume: []Assumption{{Do: "pays", On: "2026-04-01"}, {Do: "hold", On: "2026-04-01"}}}, "on2"},
		"thirteen assumptions":       {Ask{Case: "case-00001", Assume: make([]Assumption, 13)}, "assume"},
	} {
		_, err := s.Run(t.Context(), read.Everything(), c.ask, now)
		var f Faults
		if !errors.As(err, &f) || f[c.field] == "" || !errors.Is(err, dunning.ErrInvalid) {
			t.Errorf("%s: %v, want a fault of %s", about, err, c.field)
		}
	}
}

// TestAgainstItself: a configuration differs from itself in nothing, for one and for many.
func TestAgainstItself(t *testing.T) {
	s, _ := townOf(t, 40)
	for _, a := range []Ask{{Case: "case-00001", Against: InForce, People: 24}, {Cohort: map[string]string{}, Against: "shipped", Assume: []Assumption{{Do: "pays", On: "2026-04-01"}}}} {
		r, err := s.Run(t.Context(), read.Everything(), a, now)
		if err != nil || len(r.Sides) != 2 || len(r.Differences) > 0 || len(r.Differ) != 3 || r.Sides[0].Totals.Contacts == 0 {
			t.Errorf("%v: %+v", err, r.Differ)
		}
	}
	r, err := s.Run(t.Context(), read.Everything(), Ask{Cohort: map[string]string{}, Assume: []Assumption{{Do: "pays", On: "2026-04-01"}}}, now)
	if err != nil {
		t.Fatal(err)
	}
	closed := 0
	for _, l := range r.Sides[0].Lines {
		if l.Ends == "closed:paid" {
			closed++
		}
	}
	if closed != 40 || r.Sides[0].Totals.Closed[0] != (simulate.Count{Key: "paid", N: 40}) {
		t.Errorf("%d of 40 are paid: %+v", closed, r.Sides[0].Totals.Closed)
	}
}

// BenchmarkCohort: goal under 2 s for 500 accounts over a year.
func BenchmarkCohort(b *testing.B) {
	s, _ := townOf(b, 500)
	ask := Ask{Cohort: map[string]string{}, Until: "2027-03-03", People: 24}
	for b.Loop() {
		if r, err := s.Run(b.Context(), read.Everything(), ask, now); err != nil || r.Sides[0].Totals.Accounts != 500 {
			b.Fatal(err)
		}
	}
}
