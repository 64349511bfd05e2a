package operate

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

func TestCaseFilter(t *testing.T) {
	for _, c := range []struct {
		about, query, fault string
		is                  func(read.CaseFilter) bool
	}{
		{"an empty address narrows nothing", "", "", func(f read.CaseFilter) bool { return f.Sort == read.ByNext && f.Waits == nil && f.MinDays == nil }},
		{"what a case waits for", "waits=task%3Acall", "", func(f read.CaseFilter) bool { return slices.Equal(f.Waits, []read.Wait{"task:call"}) }},
		{"an amount with its currency", "min=500.00&currency=USD", "", func(f read.CaseFilter) bool { return f.MinOpen != nil && f.MinOpen.Minor() == 50000 }},
		{"an amount without a currency cannot be compared", "min=500.00", "min", func(f read.CaseFilter) bool { return f.MinOpen == nil }},
		{"an amount that is none", "min=lots&currency=USD", "min", func(f read.CaseFilter) bool { return f.MinOpen == nil }},
		{"days", "mindays=30", "", func(f read.CaseFilter) bool {
			return f.MinDays != nil && *f.MinDays == 30 && f.Today == dunning.DateOf(noon)
		}},
		{"days below nothing", "mindays=-1", "mindays", func(f read.CaseFilter) bool { return f.MinDays == nil }},
		{"a day", "nextbefore=2026-03-09", "", func(f read.CaseFilter) bool { return f.NextBefore.Day() == 9 }},
		{"a day that is none", "nextbefore=soon", "nextbefore", func(f read.CaseFilter) bool { return f.NextBefore.IsZero() }},
		{"an unknown order is the usual one", "sort=';drop", "", func(f read.CaseFilter) bool { return f.Sort == read.ByNext }},
	} {
		t.Run(c.about, func(t *testing.T) {
			q, err := url.ParseQuery(c.query)
			if err != nil && c.fault == "" && c.query != "sort=';drop" {
				t.Fatal(err)
			}
			f, faults := caseFilter(q, noon)
			if !c.is(f) || (c.fault == "") != (len(faults) == 0) || c.fault != "" && faults[c.fault] == "" {
				t.Errorf("%+v, faults %v", f, faults)
			}
		})
	}
}

func TestHealthInASentence(t *testing.T) {
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	for _, c := range []struct {
		about string
		h     read.Health
		found []Violation
		kind  string
	}{
		{"nothing waits", read.Health{}, nil, "good"},
		{"a case is due just now", read.Health{Due: 1, OldestDue: ago(time.Minute)}, nil, "warn"},
		{"a case is due for an hour: no worker", read.Health{Due: 1, OldestDue: ago(time.Hour)}, nil, "bad"},
		{"nudges stay in the outbox", read.Health{Outbox: 3, OldestNudge: ago(10 * time.Minute)}, nil, "bad"},
		{"a webhook waits too long", read.Health{Webhooks: 1, OldestHook: ago(10 * time.Minute)}, nil, "bad"},
		{"more fails than leaves", read.Health{FailedHour: 9, AcceptedHour: 2}, nil, "bad"},
		{"little fails", read.Health{FailedHour: 1, AcceptedHour: 200}, nil, "warn"},
		{"the doctor finds something", read.Health{}, []Violation{{Kind: "no_next"}}, "bad"},
	} {
		t.Run(c.about, func(t *testing.T) {
			p := healthPage{Tiles: tiles(c.h, noon, noon), Found: len(c.found), Violations: c.found}
			p.judge()
			if p.Kind != c.kind {
				t.Errorf("%s: %s, want %s", p.Verdict, p.Kind, c.kind)
			}
			for _, shown := range p.Tiles {
				if shown.Kind == c.kind && c.kind != "good" && !strings.Contains(p.Verdict, shown.Label) {
					t.Errorf("%q does not name %s", p.Verdict, shown.Label)
				}
			}
		})
	}
}
