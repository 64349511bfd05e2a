package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// What somebody sends fits until their room, or everybody's, is full; what is given back
// can be taken again, once.
func TestRoom(t *testing.T) {
	r := NewRoom(64<<20, 100<<20)
	take := func(who string, mib int64) func() {
		t.Helper()
		give, err := r.Take(who, mib<<20)
		if err != nil {
			t.Fatal(err)
		}
		return give
	}
	refused := func(who string, mib int64, says string) {
		t.Helper()
		give, err := r.Take(who, mib<<20)
		var e *Error
		if give != nil || !errors.As(err, &e) || e.Status != http.StatusTooManyRequests || e.Retry == 0 || !strings.Contains(e.Detail, says) {
			t.Errorf("%s with %d MiB: %v", who, mib, err)
		}
	}
	first := take("ann", 32)
	take("ann", 32)
	refused("ann", 1, "You are sending 64 MiB already, and there is room for 64 MiB")
	refused("cat", 65, "room for 64 MiB of one sender")
	take("bob", 36)
	refused("cat", 1, "Others are sending 100 MiB just now")
	take("cat", 0)
	first()
	first()
	take("cat", 32)
	refused("dan", 1, "Others are")
	var all sync.WaitGroup
	r = NewRoom(1000, 1000)
	for range 50 {
		all.Go(func() {
			for range 100 {
				if give, err := r.Take("x", 30); err == nil {
					give()
				}
			}
		})
	}
	all.Wait()
	if r.sum != 0 || len(r.held) != 0 {
		t.Errorf("%d bytes of %d are never given back", r.sum, len(r.held))
	}
}

// A request counts with what it says it has, and with all it may have when it says nothing
// or too much.
func TestSent(t *testing.T) {
	for why, c := range map[string]struct{ says, want int64 }{"it says": {7, 7}, "nothing": {-1, 100}, "too much": {101, 100}, "empty": {0, 0}} {
		r := httptest.NewRequest("POST", "/", nil)
		r.ContentLength = c.says
		if got := Sent(r, 100); got != c.want {
			t.Errorf("%s: %d", why, got)
		}
	}
}
