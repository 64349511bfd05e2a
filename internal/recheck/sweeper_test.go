package recheck_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
)

// keeper keeps sweeps and findings in memory.
type keeper struct {
	sweeps   []read.SweepRow // the states of each, in order
	findings []read.NewFinding
	last     *read.SweepRow
	debtors  []read.Swept
	asked    [][2]int64 // of news
	busy     error
	moveErr  error
}

func (k *keeper) BeginSweep(_ context.Context, w read.SweepRow) error {
	k.sweeps = append(k.sweeps, w)
	return k.busy
}

func (k *keeper) MoveSweep(_ context.Context, w read.SweepRow) error {
	k.sweeps = append(k.sweeps, w)
	if w.State == read.SweepRunning {
		return k.moveErr
	}
	return nil
}

func (k *keeper) LastSweep(context.Context, string) (read.SweepRow, bool, error) {
	if k.last == nil {
		return read.SweepRow{}, false, nil
	}
	return *k.last, true, nil
}

func (k *keeper) OpenFinding(_ context.Context, f read.NewFinding) (string, bool, error) {
	known := slices.ContainsFunc(k.findings, func(g read.NewFinding) bool { return g.Key == f.Key })
	if !known {
		k.findings = append(k.findings, f)
	}
	return f.Key, !known, nil
}

func (k *keeper) SealedThrough(context.Context, string) (int64, error) { return 42, nil }

func (k *keeper) ToSweep(_ context.Context, scope read.Scope, after string, _ int) (out []read.Swept, _ error) {
	for _, d := range k.debtors {
		if d.Debtor > after && scope.Allows(d.Creditor) {
			out = append(out, d)
		}
	}
	return out, nil
}

func (k *keeper) NewsToSweep(ctx context.Context, scope read.Scope, after, to int64) ([]read.Swept, error) {
	k.asked = append(k.asked, [2]int64{after, to})
	return k.ToSweep(ctx, scope, "", 0)
}

func sweeperOf(b *book, k *keeper) *recheck.Sweeper {
	k.debtors = []read.Swept{{Debtor: "d", Creditor: "c"}}
	return &recheck.Sweeper{
		Ledger: b, Frames: b, Keeper: k, Wall: func() time.Time { return monday },
		Now: func(context.Context) (time.Time, error) { return monday.AddDate(0, 2, 0), nil },
	}
}

// night is a call of somebody's own at eleven in the evening.
func night() dunning.Fact {
	return dunning.Fact{At: time.Date(2026, 3, 20, 3, 0, 0, 0, time.UTC), Account: "a", Case: "a", By: "user:1", Body: dunning.ContactLogged{ID: "night", Direction: "outbound", Channel: dunning.Call, Point: "p", Outcome: "no_answer"}}
}

// A sweep keeps what it covered, week by week, and opens each finding once.
func TestSweepIsKept(t *testing.T) {
	b, k := written(t), &keeper{}
	b.insert(b.sending(t)+1, night())
	for i, opened := range []int{1, 0} {
		begun, err := sweeperOf(b, k).Begin(t.Context(), read.FullSweep, read.Everything(), "user:7")
		if err != nil {
			t.Fatal(err)
		}
		if err := begun.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		row := begun.Row()
		sum := row.Sum()
		if row.State != read.SweepComplete || row.Ended.IsZero() || row.ToPos != 42 || row.AfterPos != 0 || row.By != "user:7" || row.Creditors != nil {
			t.Errorf("%+v", row)
		}
		if begun.Opened != opened || sum.Debtors != 1 || sum.ByHand != 1 || sum.Against != 1 || sum.Swept < 2 || sum.Outside != 0 {
			t.Errorf("sweep %d: %+v, %d findings opened", i, sum, begun.Opened)
		}
		n := 0
		for week, m := range sum.Weeks {
			if day, err := time.Parse(time.DateOnly, week); err != nil || day.Weekday() != time.Monday {
				t.Errorf("week %s", week)
			}
			n += m
		}
		if n != sum.Swept+sum.ByHand {
			t.Errorf("%d contacts are in weeks, %d were judged", n, sum.Swept+sum.ByHand)
		}
	}
	f := k.findings[0]
	if f.Key != "contact/d/night/by_hand" || f.Kind != read.Violation || f.Source != read.BySweep || f.Creditor != "c" || f.Debtor != "d" || len(f.Rules) == 0 || !f.At.Equal(night().At) {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(string(f.Detail), `"verdict":"by_hand"`) {
		t.Errorf("%s", f.Detail)
	}
	if first, last := k.sweeps[0], k.sweeps[len(k.sweeps)-1]; first.State != read.SweepRunning || last.State != read.SweepComplete {
		t.Errorf("from %s to %s", first.State, last.State)
	}
}

// A contact that left without any decision on file is a violation that names the decision.
func TestAFindingNamesItsDecision(t *testing.T) {
	b, k := written(t), &keeper{}
	b.decisions = nil
	begun, err := sweeperOf(b, k).Begin(t.Context(), read.FullSweep, read.Everything(), "system")
	if err != nil || begun.Run(t.Context()) != nil {
		t.Fatal(err)
	}
	if len(k.findings) == 0 || k.findings[0].Decision != "0" || k.findings[0].Kind != read.Violation || !strings.Contains(k.findings[0].Title, "no decision on file") {
		t.Errorf("%+v", k.findings)
	}
}

// News are what came since the last sweep of all; without one everything is swept.
func TestSweepOfNews(t *testing.T) {
	k := &keeper{}
	begun, err := sweeperOf(written(t), k).Begin(t.Context(), read.NewsSweep, read.Everything(), "system")
	if err != nil || begun.Row().Kind != read.FullSweep {
		t.Errorf("the first: %+v, %v", begun.Row(), err)
	}
	k.last = &read.SweepRow{ToPos: 17}
	begun, err = sweeperOf(written(t), k).Begin(t.Context(), read.NewsSweep, read.Everything(), "system")
	if err != nil || begun.Run(t.Context()) != nil {
		t.Fatal(err)
	}
	if row := begun.Row(); row.Kind != read.NewsSweep || row.AfterPos != 17 || row.ToPos != 42 || len(k.asked) != 1 || k.asked[0] != [2]int64{17, 42} || row.Sum().Debtors != 1 {
		t.Errorf("%+v, asked %v", row, k.asked)
	}
}

// Of a scope only its debtors are judged; a sweep that cannot go on says so.
func TestSweepOfAScopeAndItsEnd(t *testing.T) {
	k := &keeper{}
	begun, err := sweeperOf(written(t), k).Begin(t.Context(), read.FullSweep, read.Only("other"), "user:1")
	if err != nil || begun.Run(t.Context()) != nil || begun.Row().Sum().Debtors != 0 || !slices.Equal(begun.Row().Creditors, []string{"other"}) {
		t.Errorf("%+v, %v", begun.Row(), err)
	}
	k = &keeper{busy: errors.New("busy")}
	if _, err := sweeperOf(written(t), k).Begin(t.Context(), read.FullSweep, read.Everything(), "user:1"); !errors.Is(err, k.busy) {
		t.Errorf("while another runs: %v", err)
	}
	k = &keeper{moveErr: errors.New("gone")}
	begun, err = sweeperOf(written(t), k).Begin(t.Context(), read.FullSweep, read.Everything(), "user:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := begun.Run(t.Context()); !errors.Is(err, k.moveErr) || begun.Row().State != read.SweepFailed || k.sweeps[len(k.sweeps)-1].State != read.SweepFailed {
		t.Errorf("%v, %+v", err, begun.Row())
	}
}
