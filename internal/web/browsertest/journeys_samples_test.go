package browsertest

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/sampling"
)

// aSampleIsDrawnReviewedAndSigned: g q, n, the form, then every question by its key and
// Ctrl-Enter from row to row, one no with its finding, the sign-off, and drawing again.
func aSampleIsDrawnReviewedAndSigned(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Compliance)
	p.visit("/decisions")
	p.goes("q")
	p.at("/samples")
	p.press("n")
	p.at("/samples/new")
	p.sees("What it is drawn from")
	p.shoot("journey-sample-new", false)
	before := p.text(`document.querySelector("#preview .big").textContent`)
	p.fill("#f-title", "Every February <b>SMS</b>")
	p.choose("#f-channel", "sms")
	p.until("the count to follow the filter", func() bool { return p.text(`document.querySelector("#preview .big").textContent`) != before })
	p.choose("#f-channel", "")
	p.until("the count to follow it back", func() bool { return p.text(`document.querySelector("#preview .big").textContent`) == before })
	p.fill("#f-size", "5")
	p.fill("#f-seed", "browser-1")
	p.press("Ctrl-Enter")
	p.sees("5 rows were drawn from")
	p.sees("Every February <b>SMS</b>")
	id := strings.TrimPrefix(p.text("location.pathname"), "/samples/")
	p.press("n")
	p.at("/samples/" + id + "/1")
	p.sees("Was the hour lawful?")
	p.fits(".checklist button.primary")
	for n := 1; n <= 5; n++ {
		answerByKeys(p, n == 3)
		if n == 3 {
			p.shoot("journey-sample-no", false)
			p.press("Ctrl-Enter") // from the note's field
		} else {
			p.press("Ctrl-Enter")
		}
		if n < 5 {
			p.at("/samples/" + id + "/" + strconv.Itoa(n+1))
		}
	}
	p.at("/samples/" + id)
	p.sees("Every row has its answer")
	p.sees("to be signed off")
	p.press("s")
	p.until("the words", func() bool { return p.text(`document.activeElement.name`) == "words" })
	p.types("One finding, five rows")
	p.press("Ctrl-Enter")
	p.sees("Round 1 is signed off")
	p.shoot("journey-sample-signed", true)
	p.press("d")
	p.at("/samples/" + id + "/verify")
	p.sees("same population, row by row")
	p.sees("1 sign-off fits")
	p.shoot("journey-sample-verified", false)
	if pictures() {
		for _, path := range []string{"", "/3"} {
			p.visit("/samples/" + id + path)
			p.scheme("dark")
			p.shoot("journey-sample-dark"+strings.ReplaceAll(path, "/", "-"), false)
			p.scheme("light")
		}
		p.visit("/samples")
		p.shoot("journey-samples", false)
	}
	p.clean("a sample")
	wasSigned(t, s, id)
}

// answerByKeys answers every question by its key: once for yes, twice for no.
func answerByKeys(p *tab, wrong bool) {
	p.t.Helper()
	keys, err := strconv.Atoi(p.text(`document.querySelectorAll("fieldset.question").length`))
	p.must(err)
	for k := 1; k <= keys; k++ {
		p.press(strconv.Itoa(k))
	}
	if !wrong {
		return
	}
	p.press("1")
	p.until("the finding's form", func() bool { return p.text(`getComputedStyle(document.querySelector(".mend")).display`) == "block" })
	p.fill("#f-note", "It left at 21:05 there.")
	p.fill("#f-fix", "Narrow the window of the sequence.")
	p.fill("#f-due", "2026-04-01")
	p.must(p.eval(`document.querySelector("#f-owner").selectedIndex = 1`, nil))
}

// choose takes an option of a select, as a person would.
func (p *tab) choose(selector, value string) {
	p.t.Helper()
	p.must(p.eval(`(() => { const c = document.querySelector("`+selector+`"); c.value = "`+value+`"; for (const e of ["input", "change"]) c.dispatchEvent(new Event(e, {bubbles: true})); return 0 })()`, nil))
}

// fits wants an element wholly on the screen.
func (p *tab) fits(selector string) {
	p.t.Helper()
	p.lettered()
	if at := p.text(`(() => { const r = document.querySelector("` + selector + `").getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight && r.right <= innerWidth ? "in" : JSON.stringify(r) })()`); at != "in" {
		p.t.Errorf("%s is not on the screen at 1366×768: %s", selector, at)
	}
}

func wasSigned(t *testing.T, s *site, id string) {
	t.Helper()
	r, err := s.store.Review(context.Background(), id)
	s.must(err)
	if score := r.Score(); score.Done != 5 || score.Wrong != 1 || score.No != 1 || r.Latest().Signed == nil || r.Latest().Signed.Digest != r.AnswersDigest(1) {
		t.Errorf("score %+v, rounds %+v", score, r.Rounds)
	}
	for _, g := range r.Answers {
		for q, v := range g.Values {
			if want := map[bool]sampling.Value{true: sampling.No, false: sampling.Yes}[g.N == 3 && q == r.Questions[0].ID]; v != want {
				t.Errorf("row %d, %s: %s, want %s", g.N, q, v, want)
			}
		}
	}
	if n := s.one("SELECT count(*)::text FROM findings WHERE source = 'sample' AND key LIKE 'sample/" + id + "/%' AND owner <> ''"); n != "1" {
		t.Errorf("%s findings were opened", n)
	}
}
