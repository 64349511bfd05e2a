package postgres_test

import (
	"errors"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// TestSnapshot: what is committed while a snapshot is read is not in it, by whichever way it
// is asked; a snapshot writes nothing, and gives its fault back.
func TestSnapshot(t *testing.T) {
	b := newBundle(t).open()
	version := func(s *postgres.Store) (facts int, page int64) {
		t.Helper()
		log, err := s.FactsAsOf(t.Context(), b.debtor, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.ListCases(t.Context(), read.Everything(), read.CaseFilter{Status: read.StatusAny}, read.Page{})
		if err != nil {
			t.Fatal(err)
		}
		return len(log), int64(len(list.Rows))
	}
	before, _ := version(b.Store)
	fault := errors.New("mine")
	err := b.Snapshot(t.Context(), func(as *postgres.Store) error {
		version(as) // begins it
		b.mustAdd(b.fact(dunning.NoteWritten{ID: "n1", Text: "meanwhile"}))
		if now, _ := version(as); now != before {
			t.Errorf("%d facts became %d within a snapshot", before, now)
		}
		if now, _ := version(b.Store); now != before+1 {
			t.Errorf("%d facts outside, want %d", now, before+1)
		}
		return fault
	})
	if !errors.Is(err, fault) {
		t.Errorf("the fault is %v", err)
	}
	err = b.Snapshot(t.Context(), func(as *postgres.Store) error {
		_, err := as.HandleDead(t.Context(), read.DeadRow{Kind: read.DeadStuck, Subject: "x", Since: noon}, "user:1", "why", noon)
		return err
	})
	if err == nil {
		t.Error("a snapshot wrote")
	}
}
