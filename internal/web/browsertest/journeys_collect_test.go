package browsertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
)

// tabOf is a new tab in which somebody of a role has signed in.
func (s *site) tabOf(t *testing.T, b *chrome, role identity.Role) *tab {
	t.Helper()
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, role)
	return p
}

// submit sends the open form of the case page by its main button.
func (p *tab) submit() {
	p.t.Helper()
	p.click("details[open] button.primary")
}

// forget drops what was noted with some words in it: an answer that was expected.
func (p *tab) forget(words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = slices.DeleteFunc(p.faults, func(f string) bool { return strings.Contains(f, words) })
}

// row is the text of a customer's row in my day, "" when there is none.
func (p *tab) row(id string) string {
	p.t.Helper()
	return p.text(fmt.Sprintf(`document.querySelector("#day tr[data-id=\"%s\"]")?.innerText || ""`, id))
}

func aNoteIsPinnedAndMentions(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	at := "/cases/" + s.cases["300"]
	p.visit(at)
	p.press("n")
	p.types("@nobody calls after six")
	p.press("Ctrl-Enter")
	p.sees("Nobody who works on this case is called @nobody")
	p.forget("422") // the browser notes what was refused
	p.fill("#f-text", "@supervisor calls after six, from rosa@example.com")
	p.click("details[open] [name=pin]")
	p.press("Ctrl-Enter")
	p.sees("The note is kept")
	p.until("the pin on top", func() bool {
		return strings.Contains(p.text(`document.querySelector(".pins").innerText`), "calls after six")
	})
	if note := last(p, s, "300", func(dunning.NoteWritten) bool { return true }); len(note.Mentions) != 1 || note.Mentions[0] != s.users[identity.Supervisor].ID {
		t.Errorf("the note mentions %v", note.Mentions)
	}
	p.shoot("journey-pin", false)
	p.clean("the note")

	other := s.tabOf(t, b, identity.Supervisor)
	other.visit("/day?kind=mention")
	other.sees("A note mentions you")
	other.click(`#day form[action$="/note/seen"] button`)
	other.sees("Read.")
	if seen := last(other, s, "300", func(dunning.MentionSeen) bool { return true }); seen.User != s.users[identity.Supervisor].ID {
		t.Errorf("read by %s", seen.User)
	}
	other.visit("/day?kind=mention")
	if row := other.row(s.cases["300"]); row != "" {
		t.Errorf("the note was read and is still there: %s", row)
	}
	other.clean("the mention")

	p.visit(at)
	p.click(".pins button")
	p.sees("not on top any more")
	if p.text(`!!document.querySelector(".pins")`) != "false" {
		t.Error("the note was unpinned and is still on top")
	}
	p.clean("unpinning")
}

func aCallbackComesBack(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	at := "/cases/" + s.cases["301"]
	p.visit(at)
	p.press("b")
	p.sees("Calls back") // the suggestion is possible
	tomorrow := dunning.DateOf(now.AddDate(0, 0, 1))
	p.fill("#f-day", tomorrow.String())
	p.fill("#f-time", "22:30")
	p.sees("No call is allowed at") // the core says so, and when it is
	p.fill("#f-time", "16:15")
	p.sees("16:15")
	p.shoot("journey-callback", false)
	p.submit()
	p.sees("The callback is planned")
	set := last(p, s, "301", func(dunning.CallbackSet) bool { return true })
	if there := set.When.In(mustZone(t, "America/New_York")); dunning.DateOf(there) != tomorrow || there.Hour() != 16 || there.Minute() != 15 || set.Owner != s.users[identity.Collector].ID {
		t.Errorf("planned as %+v", set)
	}

	p.visit("/day")
	p.sees("Calls promised for later")
	if row := p.row(s.cases["301"]); strings.Contains(row, "Call back as promised") {
		t.Errorf("it is not yet its time, and the row says %q", row)
	}
	s.clock.set(set.When.Add(time.Second))
	defer s.clock.set(now)
	p.visit("/day")
	if first := p.text(`document.querySelector("#day tr[data-row]").innerText`); !strings.Contains(first, "Call back as promised") || !strings.Contains(first, "the debtor waits for the call") {
		t.Errorf("on top is %q", first)
	}
	p.shoot("journey-day-callback", false)
	p.visit(at)
	p.press("c")
	p.sees("Voicemail")
	p.press("3")
	p.until("another page", func() bool { return !strings.Contains(p.text("location.pathname"), s.cases["301"]) })
	p.visit("/day?kind=callback")
	if row := p.row(s.cases["301"]); row != "" {
		t.Errorf("the call was made and is still to be made: %q", row)
	}
	p.clean("the callback")
}

func aCaseIsHandedOver(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	at := "/cases/" + s.cases["302"]
	p.visit(at)
	p.press("a")
	p.submit()
	p.sees("You have the case")
	p.press("a")
	p.fill("#f-owner", s.users[identity.Supervisor].ID)
	p.fill("#f-words-a", "Wants to speak with somebody above me")
	p.shoot("journey-handover", false)
	p.click(".handover button")
	p.sees("The case is handed over")
	p.sees("Wants to speak with somebody above me")

	other := s.tabOf(t, b, identity.Supervisor)
	other.visit("/day?mine=yes")
	other.sees("Handed over to you")
	other.visit(at)
	other.press("a")
	other.fill("#f-owner", "team:late")
	other.fill("#f-words-a", "Yours")
	other.click(".handover button")
	other.sees("with team late")
	other.clean("handing over to a team")

	p.visit("/day?queue=late")
	if row := p.row(s.cases["302"]); !strings.Contains(row, "Handed over to the team") {
		t.Errorf("the team sees %q", row)
	}
	p.visit(at)
	p.press("a")
	p.submit()
	p.sees("You have the case")
	p.press("a")
	p.submit()
	p.sees("The case goes on by its sequence")
	p.clean("handing over")
}

func aSettlementIsApproved(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	at := "/cases/" + s.cases["303"] // owes 700.00
	p.visit(at)
	p.press("s")
	p.sees("within your authority")
	p.fill("#f-given", "25")
	p.sees("needs approval")
	p.sees("gives up 175.00 USD")
	p.click("details[open] [name=accepted]")
	p.shoot("journey-settlement", false)
	p.submit()
	p.sees("The settlement is recorded")
	p.sees("waits for approval")
	p.clean("the settlement")

	other := s.tabOf(t, b, identity.Supervisor)
	other.visit("/day?kind=task:settlement")
	other.sees("Approve the settlement")
	other.visit(at)
	other.sees("gives up 175.00 USD (25 %)")
	other.shoot("journey-settlement-approve", false)
	other.click(`.tasks button[value=approved]`)
	other.sees("The task is done")
	other.sees("agreed")
	other.clean("the approval")

	_, err := s.commands.Do(context.Background(), s.cases["303"], dunning.RecordPayment{ID: "settles", Amount: money.MustParse("525.00", "USD")}, "import")
	s.must(err)
	s.play(s.cases["303"], now)
	p.visit(at)
	p.sees("closed: settled")
	p.sees("Settlement kept")
	p.clean("the end")
}

func aPlanAddsUp(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	p.visit("/cases/" + s.cases["304"] + "?open=plan") // owes 800.00
	p.fill("#f-count", "3")
	p.until("three instalments", func() bool { return p.text(`document.querySelectorAll(".schedule tbody tr").length`) == "3" })
	if sum := p.text(`[...document.querySelectorAll(".schedule tbody td.num")].reduce((n, td) => n + Math.round(100 * parseFloat(td.innerText.replace(/[^0-9.]/g, ""))), 0)`); sum != "80000" {
		t.Errorf("the instalments add up to %s cents, want 80000", sum)
	}
	if days := p.text(`[...document.querySelectorAll(".schedule tbody td:first-child")].some(td => /^(Sat|Sun)/.test(td.innerText))`); days != "false" {
		t.Error("an instalment falls on a weekend")
	}
	p.submit()
	p.sees("The plan is agreed")
	var sum int64
	for _, ins := range last(p, s, "304", func(dunning.PlanAgreed) bool { return true }).Instalments {
		sum += ins.Amount.Minor()
	}
	if sum != 80000 {
		t.Errorf("agreed are %d cents", sum)
	}
	p.press("z")
	p.sees("The plan is ended")
	p.clean("the plan")
}

func oneKeyUndoes(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	at := "/cases/" + s.cases["304"]
	for _, order := range []struct{ key, done, undone string }{
		{"b", "The callback is planned", "The callback is cancelled"},
		{"s", "The settlement is recorded", "The settlement is withdrawn"},
		{"a", "You have the case", "The case goes on by its sequence"},
		{"h", "The hold is placed", "The hold is lifted"},
	} {
		p.visit(at)
		p.press(order.key)
		p.until("its button", func() bool { return p.text(`!!document.querySelector("details[open] button.primary")`) == "true" })
		p.submit()
		p.sees(order.done)
		p.press("z")
		p.sees(order.undone)
	}
	p.visit(at)
	p.press("p")
	p.until("its button", func() bool { return p.text(`!!document.querySelector("details[open] button.primary")`) == "true" })
	p.submit()
	p.sees("The promise is kept in mind") // on the next case …
	p.press("z")
	p.at(at) // … and back
	p.sees("The promise is taken back")
	p.clean("undoing")
}

// aboveTheFold: what is to be known before a call is seen without scrolling, on a desk's
// screen and on a tablet.
func aboveTheFold(t *testing.T, s *site, b *chrome) {
	for _, screen := range []struct{ wide, high int }{{1366, 768}, {1024, 768}} {
		p := b.open(t, s.srv.URL, screen.wide, screen.high)
		s.signIn(p, identity.Collector)
		for _, key := range []string{"101", "102", "103", "104", "105", "109", "110"} {
			p.visit("/cases/" + s.cases[key])
			p.lettered()
			if bottom := p.text(`Math.round(Math.max(...[...document.querySelectorAll(".above .card")].map(c => c.getBoundingClientRect().bottom))) <= innerHeight`); bottom != "true" {
				t.Errorf("at %dx%d the cards of %s end below the fold: %s", screen.wide, screen.high, key,
					p.text(`[...document.querySelectorAll(".above .card")].map(c => c.querySelector("h2").innerText + " " + Math.round(c.getBoundingClientRect().bottom)).join(", ")`))
			}
			if small := p.text(`[...document.querySelectorAll(".actions > * > summary, .actions > a")].filter(e => e.getBoundingClientRect().height < 24).length`); small != "0" {
				t.Errorf("%s actions of %s are too small to touch", small, key)
			}
			p.shoot(fmt.Sprintf("fold-%s-%d", key, screen.wide), false)
		}
		p.clean("above the fold")
	}
}
