package activities

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/simulate"
)

// script is what people do to a case.
type script []simulate.Command

// play lives a script through the activities: work that is due first, then what people do,
// each of which nudges the case. It is the same order as the simulator's.
func (s script) play(w *world, until time.Time) {
	w.wake()
	for _, c := range s {
		if c.At.After(until) {
			break
		}
		w.liveBefore(c.At)
		w.command(c)
		if w.isOpen() {
			w.wake()
		} else {
			w.have = false
		}
	}
	w.live(until)
}

// liveBefore carries out all that is due at or before an instant.
func (w *world) liveBefore(at time.Time) { w.live(at) }

// command does what package commands does.
func (w *world) command(c simulate.Command) {
	f, err := dunning.Fold(w.setup(w.ref), w.store.Facts("deb"))
	if err != nil {
		panic(err)
	}
	facts, err := dunning.Handle(f, c.Command, c.By, c.At)
	if err != nil || len(facts) == 0 {
		return
	}
	w.add(facts...)
	if f, err = dunning.Fold(w.setup(w.ref), w.store.Facts("deb")); err != nil {
		panic(err)
	}
	if again := f.Reopening(c.At); len(again) > 0 {
		w.add(again...)
	}
}

func (w *world) isOpen() bool {
	f, err := dunning.Fold(w.setup(w.ref), w.store.Facts("deb"))
	return err == nil && f.CaseOpen
}

// draw draws what people do within forty days.
func draw(t *rapid.T) script {
	var s script
	for i := range rapid.IntRange(0, 7).Draw(t, "commands") {
		at := epoch.Add(time.Duration(rapid.IntRange(1, 40*24*60).Draw(t, "minute")) * time.Minute)
		s = append(s, simulate.Command{At: at, By: "user:1", Command: drawOne(t, i, at)})
	}
	slices.SortStableFunc(s, func(a, b simulate.Command) int { return a.At.Compare(b.At) })
	return s
}

func drawOne(t *rapid.T, i int, at time.Time) dunning.Command {
	id, until := fmt.Sprintf("x%d", i), at.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "until"))*time.Hour)
	switch rapid.IntRange(0, 8).Draw(t, "kind") {
	case 0:
		return dunning.RecordPayment{ID: id, Amount: usd(rapid.SampledFrom([]string{"10.00", "50.00", "100.00"}).Draw(t, "amount"))}
	case 1:
		return dunning.PlaceHold{ID: id, HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount, Until: until}
	case 2:
		return dunning.RaiseDispute{ID: id}
	case 3:
		return dunning.ResolveDispute{ID: fmt.Sprintf("x%d", max(0, i-1)), Outcome: "rejected"}
	case 4:
		return dunning.MakePromise{ID: id, Amount: usd("40.00"), Due: dunning.DateOf(until), Grace: 1}
	case 5:
		return dunning.AgreePlan{ID: id, Count: 2, First: dunning.DateOf(until), Every: 14}
	case 6:
		return dunning.TakeLease{ID: id, Owner: "u", Until: until}
	case 7:
		return dunning.LogContact{ContactLogged: dunning.ContactLogged{ID: id, Direction: "outbound", Channel: dunning.Call, Outcome: "conversation"}}
	}
	return dunning.OptOut{OptedOut: dunning.OptedOut{Channel: dunning.SMS}}
}

// TestSameAsSimulator: whatever people do, the activities and the simulator tell the same
// story of the same case, event by event.
func TestSameAsSimulator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		people, until := draw(t), day(60)
		w := newWorld().begin()
		people.play(w, until)
		facts := newWorld().begin().store.Facts("deb")
		ref := w.ref
		ref.Case = ""
		sim, err := simulate.Run(simulate.Account{Setup: w.setup(ref), Facts: facts[:5], Commands: people}, until)
		if err != nil {
			t.Fatal(err)
		}
		want := lines(sim.Events())
		end := secondCase(want)
		got, want := before(end, w.events()), before(end, want)
		if !slices.Equal(got, want) {
			t.Fatalf("activities\n%s\nsimulator\n%s", text(got), text(want))
		}
	})
}

// secondCase is when a second case is opened, "" if never: opening is the starter's, which
// this world has not.
func secondCase(events []string) string {
	opened := 0
	for _, e := range events {
		if e[20:] == "opened s" {
			if opened++; opened > 1 {
				return e[:19]
			}
		}
	}
	return ""
}

// before cuts a timeline at an instant.
func before(end string, events []string) []string {
	if i := slices.IndexFunc(events, func(e string) bool { return end != "" && e[:19] >= end }); i >= 0 {
		return events[:i]
	}
	return events
}
