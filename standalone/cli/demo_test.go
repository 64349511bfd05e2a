package cli

import (
	"testing"
	"time"

	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/standalone/rehearse"
)

// A demonstration is over when its end was reached and summed up, and not before: until then
// another start in its directory plays on to the end.
func TestADemonstrationIsOverOnce(t *testing.T) {
	store := pgtest.New(t)
	is := func(want bool, when string) {
		t.Helper()
		if over, err := isOver(t.Context(), store); err != nil || over != want {
			t.Errorf("%s: over %v, %v; want %v", when, over, err, want)
		}
	}
	is(false, "nothing was begun")
	at := time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)
	if _, err := store.AddScript(t.Context(), rehearse.EndRow(at)); err != nil {
		t.Fatal(err)
	}
	is(false, "its end lies ahead, or was reached and not summed up")
	if err := rehearse.New(rehearse.Options{Store: store}).EndDone(t.Context()); err != nil {
		t.Fatal(err)
	}
	is(true, "business time went on after its end")
}
