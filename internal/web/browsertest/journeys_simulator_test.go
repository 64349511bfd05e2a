package browsertest

import (
	"strings"
	"testing"

	"github.com/duly/duly/internal/identity"
)

// theSimulatorMovesTimeOn: from a case to its future, one decision at a time by the key "."
// and back by ",", and an invented account by the keyboard alone. Nothing happens to the case.
func theSimulatorMovesTimeOn(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	before := len(s.facts("101"))
	p.visit("/cases/" + s.cases["101"])
	p.click(`a[href^="/simulator?case="]`)
	p.sees("What would happen")
	p.sees("Calendar")
	entries := `String(document.querySelectorAll(".sim-story > li").length)`
	all := p.text(entries)
	for _, step := range []struct{ key, want, n string }{{".", "1 of " + all, "1"}, {".", "2 of " + all, "2"}, {".", "3 of " + all, "3"}, {",", "2 of " + all, "2"}} {
		p.leads(func() { p.press(step.key) })
		p.sees(step.want)
		if n := p.text(entries); n != step.n {
			t.Errorf("after %q there are %s entries, want %s", step.key, n, step.n)
		}
	}
	if !strings.Contains(p.text("location.search"), "n=2") || !strings.Contains(p.text("location.search"), "case="+s.cases["101"]) {
		t.Errorf("the address does not hold the question: %s", p.text("location.search"))
	}
	p.leads(func() { p.goes("x") })
	p.at("/simulator")
	p.fill("#f-amount", "640.00")
	p.fill("#f-place", "US-NY")
	p.press("Ctrl-Enter")
	p.sees("Email: friendly email")
	p.sees("put off by a rule")
	if got := len(s.facts("101")); got != before {
		t.Errorf("the case has %d facts, and had %d", got, before)
	}
	p.clean("in the simulator")
}
