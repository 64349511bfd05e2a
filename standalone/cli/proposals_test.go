package cli

import (
	"io"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/pgtest"
)

// TestTheDemonstrationHasSomethingToReview: users once, one open proposal, two people
// needed; opening the same directory again adds nothing.
func TestTheDemonstrationHasSomethingToReview(t *testing.T) {
	store := pgtest.New(t)
	if err := demoUsers(t.Context(), store, io.Discard); err != nil {
		t.Fatalf("with nothing published: %v", err)
	}
	if _, _, err := app.Publish(t.Context(), store, config.DefaultFiles(), "rehearsal", time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := demoUsers(t.Context(), store, io.Discard); err != nil {
			t.Fatal(err)
		}
		open, err := store.Proposals(t.Context(), true)
		if err != nil || len(open) != 1 || len(open[0].Changes) != 2 {
			t.Fatalf("%+v, %v", open, err)
		}
		if four, err := store.FourEyes(t.Context()); err != nil || !four.Required {
			t.Errorf("two people are not needed: %v", err)
		}
	}
}
