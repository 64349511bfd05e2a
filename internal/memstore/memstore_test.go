package memstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func note(id string) dunning.Fact {
	return dunning.Fact{At: at, Source: id, Body: dunning.NoteWritten{ID: id}}
}

// TestTransactions: a transaction leaves everything or nothing.
func TestTransactions(t *testing.T) {
	crash := errors.New("crash")
	for _, tc := range []struct {
		name  string
		point string
		inner error
		want  int // facts that remain
	}{
		{"a commit keeps what was appended", "", nil, 1},
		{"an error in the function keeps nothing", "", crash, 0},
		{"a crash before the lock keeps nothing", PointBegin, nil, 0},
		{"a crash while appending keeps nothing", PointAppend, nil, 0},
		{"a crash before the commit keeps nothing", PointCommit, nil, 0},
		{"a crash after the commit keeps everything", PointAfter, nil, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &Store{Fault: func(p string) error {
				if p == tc.point {
					return crash
				}
				return nil
			}}
			err := s.InDebtor(context.Background(), "d", func(tx *Tx) error {
				if _, _, err := tx.Append(context.Background(), "d", []dunning.Fact{note("n")}); err != nil {
					return err
				}
				return tc.inner
			})
			if (err == nil) != (tc.point == "" && tc.inner == nil) {
				t.Fatalf("error %v", err)
			}
			if got := len(s.Facts("d")); got != tc.want {
				t.Fatalf("%d facts remain, want %d", got, tc.want)
			}
		})
	}
}

// TestAppend: versions rise by one per append with something new, and the same source is
// the same fact.
func TestAppend(t *testing.T) {
	s := &Store{}
	add := func(facts ...dunning.Fact) (version int64, added int) {
		err := s.InDebtor(context.Background(), "d", func(tx *Tx) (err error) {
			version, added, err = tx.Append(context.Background(), "d", facts)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return version, added
	}
	for _, tc := range []struct {
		sentence  string
		facts     []dunning.Fact
		version   int64
		wantAdded int
	}{
		{"two facts share a version", []dunning.Fact{note("a"), note("b")}, 1, 2},
		{"the same facts again change nothing", []dunning.Fact{note("a"), note("b")}, 1, 0},
		{"nothing is nothing", nil, 1, 0},
		{"of a mix only the new one is added", []dunning.Fact{note("b"), note("c")}, 2, 1},
	} {
		if v, n := add(tc.facts...); v != tc.version || n != tc.wantAdded {
			t.Fatalf("%s: version %d added %d, want %d and %d", tc.sentence, v, n, tc.version, tc.wantAdded)
		}
	}
}

// TestConstraints: what the real database refuses is refused here too.
func TestConstraints(t *testing.T) {
	ctx := context.Background()
	planned := func(decision string) []dunning.Fact {
		return []dunning.Fact{{At: at, Case: "c", Body: dunning.ContactPlanned{ID: "k", Decision: decision}}}
	}
	for _, tc := range []struct {
		name string
		run  func(tx *Tx) error
	}{
		{"a contact without a stored decision", func(tx *Tx) error {
			_, _, err := tx.Append(ctx, "d", planned("none"))
			return err
		}},
		{"a send key twice", func(tx *Tx) error {
			_ = tx.StoreDecision(ctx, dunning.StoredDecision{ID: "x"})
			_, _, _ = tx.Append(ctx, "d", planned("x"))
			_, _, err := tx.Append(ctx, "d", planned("x"))
			return err
		}},
		{"an intent twice", func(tx *Tx) error {
			_ = tx.StoreDecision(ctx, dunning.StoredDecision{ID: "x", Intent: "i"})
			return tx.StoreDecision(ctx, dunning.StoredDecision{ID: "y", Intent: "i"})
		}},
		{"a decision id twice", func(tx *Tx) error {
			_ = tx.StoreDecision(ctx, dunning.StoredDecision{ID: "x"})
			return tx.StoreDecision(ctx, dunning.StoredDecision{ID: "x"})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &Store{}
			if err := s.InDebtor(ctx, "d", tc.run); err == nil {
				t.Fatal("was not refused")
			}
		})
	}
}

// TestOpenCase: an account has one open case at most.
func TestOpenCase(t *testing.T) {
	s, ctx := &Store{}, context.Background()
	open := func(id string) (created bool) {
		_ = s.InDebtor(ctx, "d", func(tx *Tx) (err error) {
			created, err = tx.OpenCase(ctx, dunning.CaseRef{Case: id, Account: "a", Debtor: "d"})
			return err
		})
		return created
	}
	if !open("c1") || open("c2") {
		t.Fatal("want the first case opened and the second refused")
	}
	_ = s.InDebtor(ctx, "d", func(tx *Tx) error {
		_, _, err := tx.Append(ctx, "d", []dunning.Fact{{At: at, Case: "c1", Body: dunning.CaseClosed{Reason: "paid"}}})
		return err
	})
	if !open("c2") {
		t.Fatal("after the first is closed another may be opened")
	}
}
