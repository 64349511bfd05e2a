package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

func finding(key, kind, creditor string, at time.Time) read.NewFinding {
	return read.NewFinding{
		Key: key, Source: read.BySweep, Kind: kind, Title: "A message left against a rule", Creditor: creditor, Decision: "d1", Contact: "c1",
		Rules: []string{"HOUSE-CAP"}, At: at, Opened: at.Add(time.Hour), By: "system",
	}
}

// A finding lives: opened once however often it is found, given to somebody, fixed with
// words, opened again; every step stays.
func TestFindingLives(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	f := finding("contact/c1/outside", read.Violation, "acme", noon)
	f.Detail = json.RawMessage(`{"verdict": "outside"}`)
	id, opened, err := s.OpenFinding(ctx, f)
	if err != nil || !opened {
		t.Fatal(id, opened, err)
	}
	if again, opened, err := s.OpenFinding(ctx, f); err != nil || opened || again != id {
		t.Errorf("found again: %s, %v, %v", again, opened, err)
	}
	owner, due := "user:1", dunning.Date{Year: 2026, Month: 3, Day: 9}
	step := func(scope read.Scope, x read.FindingStep) (read.FindingRow, read.FindingRow, error) {
		x.At, x.By = noon.Add(2*time.Hour), "user:2"
		return s.StepFinding(ctx, scope, id, x)
	}
	before, after, err := step(read.Everything(), read.FindingStep{Owner: &owner, Due: &due})
	if err != nil || before.Owner != "" || after.Owner != owner || after.Due != due || after.Status != read.FindingOpen {
		t.Errorf("%+v to %+v, %v", before, after, err)
	}
	if !after.Late(due.AddDays(1)) || after.Late(due) {
		t.Error("it is late from the day after its due day")
	}
	for why, x := range map[string]struct {
		scope read.Scope
		step  read.FindingStep
		want  error
	}{
		"closed without words":           {read.Everything(), read.FindingStep{Status: read.FindingFixed, Words: " "}, postgres.ErrNoWords},
		"another creditor's":             {read.Only("other"), read.FindingStep{Words: "x"}, postgres.ErrNotFound},
		"a status that there is none of": {read.Everything(), read.FindingStep{Status: "gone", Words: "x"}, postgres.ErrRefused},
	} {
		if _, _, err := step(x.scope, x.step); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", why, err)
		}
	}
	for _, x := range []read.FindingStep{{Status: read.FindingFixed, Words: "The window was set right."}, {Status: read.FindingOpen, Words: "It came again."}, {Words: "Looking."}, {Status: read.FindingAccepted, Words: "Imported."}} {
		if _, _, err := step(read.Only("acme"), x); err != nil {
			t.Fatal(err)
		}
	}
	got, history, err := s.Finding(ctx, read.Only("acme"), id)
	if err != nil || got.Status != read.FindingAccepted || got.Owner != owner || got.Due != due || string(got.Detail) != string(f.Detail) || got.Rules[0] != "HOUSE-CAP" {
		t.Errorf("%+v, %v", got, err)
	}
	var was []string
	for _, e := range history {
		was = append(was, e.Status)
	}
	if strings.Join(was, " ") != "open open fixed open open accepted" || history[1].Owner != owner || history[2].Words == "" || history[0].By != "system" {
		t.Errorf("%+v", history)
	}
	if _, _, err := s.Finding(ctx, read.Only("other"), id); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("another creditor's finding: %v", err)
	}
	for _, id := range []string{"x", uuid.NewString()} {
		if _, _, err := s.Finding(ctx, read.Everything(), id); !errors.Is(err, postgres.ErrNotFound) {
			t.Errorf("finding %s: %v", id, err)
		}
	}
}

func TestFindingsAreListed(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	for i := range 7 {
		f := finding(fmt.Sprint("k", i), []string{read.Violation, read.NearMiss}[i%2], []string{"acme", "other"}[i/4], noon.AddDate(0, 0, 3*i))
		if i == 3 {
			f.Owner, f.Rules, f.Case = "user:7", []string{"US-FDCPA-HOURS", "HOUSE-CAP"}, "33333333-3333-4333-8333-333333333333"
		}
		if _, _, err := s.OpenFinding(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		why   string
		scope read.Scope
		f     read.FindingFilter
		want  int
	}{
		{"all", read.Everything(), read.FindingFilter{}, 7},
		{"of a creditor", read.Only("acme"), read.FindingFilter{}, 4},
		{"of no creditor", read.Only(), read.FindingFilter{}, 0},
		{"of two, narrowed to one", read.Only("acme", "other"), read.FindingFilter{Creditors: []string{"other"}}, 3},
		{"narrowed to somebody else's", read.Only("acme"), read.FindingFilter{Creditors: []string{"other"}}, 0},
		{"violations", read.Everything(), read.FindingFilter{Kinds: []string{read.Violation}}, 4},
		{"fixed", read.Everything(), read.FindingFilter{Statuses: []string{read.FindingFixed}}, 0},
		{"of somebody", read.Everything(), read.FindingFilter{Owner: "user:7"}, 1},
		{"by a rule", read.Everything(), read.FindingFilter{Rule: "US-FDCPA-HOURS"}, 1},
		{"by a case", read.Everything(), read.FindingFilter{Case: "33333333-3333-4333-8333-333333333333"}, 1},
		{"by a case that is none", read.Everything(), read.FindingFilter{Case: "x"}, 0},
		{"of samples", read.Everything(), read.FindingFilter{Sources: []string{read.BySample}}, 0},
		{"of a span", read.Everything(), read.FindingFilter{From: noon, Until: noon.AddDate(0, 0, 6)}, 2},
	} {
		rows := walk(t, 2, func(p read.Page) (read.List[read.FindingRow], error) { return s.Findings(ctx, c.scope, c.f, p) })
		if len(rows) != c.want || !slices.IsSortedFunc(rows, func(a, b read.FindingRow) int { return b.At.Compare(a.At) }) {
			t.Errorf("%s: %d findings, want %d", c.why, len(rows), c.want)
		}
	}
	if _, err := s.Findings(ctx, read.Everything(), read.FindingFilter{}, read.Page{After: "junk"}); !errors.Is(err, read.ErrBadCursor) {
		t.Errorf("a cursor that is none: %v", err)
	}
	weeks, err := s.FindingWeeks(ctx, read.Only("acme"), noon.AddDate(0, 0, -1), noon.AddDate(0, 1, 0))
	want := []read.FindingWeek{
		{Monday: dunning.Date{Year: 2026, Month: 3, Day: 2}, Violations: 2, NearMisses: 1, Open: 3},
		{Monday: dunning.Date{Year: 2026, Month: 3, Day: 9}, NearMisses: 1, Open: 1},
	}
	if err != nil || !slices.Equal(weeks, want) {
		t.Errorf("%+v, %v", weeks, err)
	}
}

func TestWhatAFindingNeeds(t *testing.T) {
	s := pgtest.New(t)
	for why, change := range map[string]func(*read.NewFinding){
		"no key":                 func(f *read.NewFinding) { f.Key = "" },
		"no title":               func(f *read.NewFinding) { f.Title = "" },
		"no creditor":            func(f *read.NewFinding) { f.Creditor = "" },
		"a kind that is none":    func(f *read.NewFinding) { f.Kind = "x" },
		"a source that is none":  func(f *read.NewFinding) { f.Source = "x" },
		"a detail of other form": func(f *read.NewFinding) { f.Detail = json.RawMessage("[]") },
		"by nobody":              func(f *read.NewFinding) { f.By = "" },
	} {
		f := finding("k", read.Violation, "acme", noon)
		change(&f)
		if _, opened, err := s.OpenFinding(t.Context(), f); err == nil || opened {
			t.Errorf("%s: opened", why)
		}
	}
}

func TestSweepsAreKept(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	begin := func(began time.Time, creditors ...string) (read.SweepRow, error) {
		w := read.SweepRow{ID: uuid.NewString(), Kind: read.FullSweep, Creditors: creditors, By: "user:1", At: noon, Began: began, ToPos: 7}
		return w, s.BeginSweep(ctx, w)
	}
	all, err := begin(wall)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begin(wall.Add(time.Minute)); !errors.Is(err, postgres.ErrSweeping) {
		t.Errorf("two of all at once: %v", err)
	}
	mine, err := begin(wall.Add(time.Minute), "acme")
	if err != nil {
		t.Errorf("one of a creditor beside one of all: %v", err)
	}
	all.Beat, all.State = wall.Add(time.Minute), read.SweepRunning
	all.Parts = map[string]read.Coverage{"acme": {Debtors: 2, Swept: 5, Outside: 1, Weeks: map[string]int{"2026-03-02": 5}}, "other": {Debtors: 1, Swept: 9}}
	if err := s.MoveSweep(ctx, all); err != nil {
		t.Fatal(err)
	}
	all.State, all.Ended = read.SweepComplete, wall.Add(2*time.Minute)
	if err := s.MoveSweep(ctx, all); err != nil {
		t.Fatal(err)
	}
	if err := s.MoveSweep(ctx, all); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a sweep that ended moves: %v", err)
	}
	rows, err := s.Sweeps(ctx, read.Everything(), wall.Add(3*time.Minute), 9)
	if err != nil || len(rows) != 2 || rows[0].ID != mine.ID || rows[0].State != read.SweepRunning || rows[1].Sum().Swept != 14 || rows[1].Creditors != nil {
		t.Errorf("%+v, %v", rows, err)
	}
	rows, err = s.Sweeps(ctx, read.Only("other"), wall.Add(3*time.Minute), 9)
	if err != nil || len(rows) != 1 || rows[0].Sum().Swept != 9 || len(rows[0].Parts) != 1 || !slices.Equal(rows[0].Creditors, []string{"other"}) {
		t.Errorf("whom else it covered is not told: %+v, %v", rows, err)
	}
	if rows, err = s.Sweeps(ctx, read.Everything(), wall.Add(time.Hour), 9); err != nil || rows[0].State != read.SweepFailed {
		t.Errorf("silent for an hour: %+v, %v", rows, err)
	}
	if _, err := begin(wall.Add(time.Hour), "acme"); err != nil {
		t.Errorf("after the process died: %v", err)
	}
	if last, ok, err := s.LastSweep(ctx, read.FullSweep); err != nil || !ok || last.ID != all.ID || last.ToPos != 7 {
		t.Errorf("%+v, %v, %v", last, ok, err)
	}
	if _, ok, err := s.LastSweep(ctx, read.NewsSweep); err != nil || ok {
		t.Errorf("there was none of news: %v, %v", ok, err)
	}
	for _, sql := range []string{"UPDATE sweeps SET parts = '{}' WHERE state = 'complete'", "DELETE FROM sweeps", "TRUNCATE sweeps", "DELETE FROM findings", "DELETE FROM seals", "UPDATE chain_checks SET fault = ''"} {
		if _, err := s.Pool().Exec(ctx, sql); err == nil || !strings.Contains(err.Error(), "is refused") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestDebtorsToSweep(t *testing.T) {
	a := newBundle(t)
	a.reserved()
	s, ctx := a.Store, t.Context()
	a.mustAdd(a.caseFact(dunning.ContactLogged{ID: "l1", Channel: dunning.Call, Direction: "outbound"}))
	quiet := bundleOf(t, s, "D-2")
	quiet.mustAdd(sourced(quiet, "q"))
	mustSeal(t, s, patient)
	through, err := s.SealedThrough(ctx, "facts")
	a.must(err)
	if all, err := s.ToSweep(ctx, read.Everything(), "", 9); err != nil || len(all) != 1 || all[0] != (read.Swept{Debtor: a.debtor, Creditor: creditor}) {
		t.Errorf("%+v, %v", all, err)
	}
	for _, c := range []struct {
		why   string
		scope read.Scope
		after int64
		want  int
	}{
		{"everything is news", read.Everything(), 0, 1},
		{"of another creditor", read.Only("other"), 0, 0},
		{"nothing came since", read.Everything(), through, 0},
	} {
		if news, err := s.NewsToSweep(ctx, c.scope, c.after, through); err != nil || len(news) != c.want {
			t.Errorf("%s: %+v, %v", c.why, news, err)
		}
	}
	if next, err := s.ToSweep(ctx, read.Everything(), a.debtor, 9); err != nil || len(next) != 0 {
		t.Errorf("after the last: %+v, %v", next, err)
	}
}
