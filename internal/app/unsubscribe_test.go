package app

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/web/unsubscribe"
)

// TestUnsubscribe: the link of an email ends emails for good, at once, on the real store;
// the same click again changes nothing, and no other channel is touched.
func TestUnsubscribe(t *testing.T) {
	h := newHooked(t)
	mail := h.sends("m", dunning.Email, dunning.ContactAccepted)
	env := map[string]string{codec.EnvKeys: codec.Generate(), EnvPublicURL: "https://duly.example"}
	links, err := unsubscribeLinks(getenv(env))
	h.must(err)
	link := links(activities.AttemptID(mail))
	if !strings.HasPrefix(link, "https://duly.example"+unsubscribe.Path) {
		t.Fatalf("link %q", link)
	}
	server, err := NewUnsubscribe(getenv(env), h.store, h.book, h.clock, nil)
	h.must(err)
	click := func(method, link string) int {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, link, strings.NewReader("List-Unsubscribe=One-Click")))
		return w.Code
	}
	outs := func() (n int) {
		facts, err := h.store.FactsAsOf(t.Context(), h.a.debtor, 1<<40)
		h.must(err)
		for _, x := range facts {
			if o, ok := x.Body.(dunning.OptedOut); ok {
				if o.Channel != dunning.Email || o.Point != "" {
					t.Errorf("it refuses %+v", o)
				}
				n++
			}
		}
		return n
	}
	if click("GET", link) != 200 || outs() != 0 {
		t.Error("looking must change nothing")
	}
	if click("POST", link) != 200 || outs() != 1 {
		t.Error("one click must be one refusal")
	}
	if click("POST", link) != 200 || outs() != 1 {
		t.Error("the same click again must change nothing")
	}
	if code := click("POST", links(activities.AttemptID("another"))); code != 404 {
		t.Errorf("a message that was never sent: %d", code)
	}
	if code := click("POST", link+"x"); code != 404 {
		t.Errorf("a forged link: %d", code)
	}
	without, err := NewUnsubscribe(getenv(nil), h.store, h.book, h.clock, nil)
	h.must(err)
	w := httptest.NewRecorder()
	without.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", link, nil))
	if w.Code != 404 {
		t.Errorf("without keys no link is known: %d", w.Code)
	}
}
