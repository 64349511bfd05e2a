package browsertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
)

// facts of a debtor's case, newest last.
func (s *site) facts(key string) []dunning.Fact {
	s.t.Helper()
	ref, err := s.store.CaseRef(context.Background(), s.cases[key])
	s.must(err)
	log, err := s.store.FactsAsOf(context.Background(), ref.Debtor, 1<<62)
	s.must(err)
	return log
}

// last is the newest fact of a type; it waits for it.
func last[B dunning.Body](p *tab, s *site, key string, is func(B) bool) (found B) {
	p.t.Helper()
	p.until(fmt.Sprintf("a fact %T", found), func() bool {
		for _, x := range slices.Backward(s.facts(key)) {
			if b, ok := x.Body.(B); ok && is(b) && strings.HasPrefix(x.By, "user:") {
				found = b
				return true
			}
		}
		return false
	})
	return found
}

// aWholeCallInSixKeys: open, read, log the call, take a promise, go on to the next.
// Enter c 1 Enter: four keystrokes beside what is typed; with another day and Tab still six.
func aWholeCallInSixKeys(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Collector)
	p.visit("/day?kind=task:call")
	keys := 0
	press := func(key string) { keys++; p.press(key) }
	first := p.text(`document.querySelector("tr[data-row]").dataset.id`)
	key := ""
	for k, id := range s.cases {
		if id == first {
			key = k
		}
	}

	press("Enter") // opens the row on top
	p.at("/cases/" + first)
	p.sees("Allowed now")
	press("c")
	p.sees("Answered")
	press("1")
	p.at("/cases/" + first + "?open=promise")
	p.until("the suggested promise", func() bool { return p.text(`document.activeElement.name`) == "due" })
	due := dunning.DateOf(now.AddDate(0, 0, 9))
	p.fill("#f-due", due.String()) // typed
	p.sees("Then:")
	press("Enter")
	p.until("the next case", func() bool {
		at := p.text("location.pathname")
		return strings.HasPrefix(at, "/cases/") && at != "/cases/"+first && p.text("document.readyState") == "complete"
	})

	call := last(p, s, key, func(c dunning.ContactLogged) bool { return c.Channel == dunning.Call })
	if call.Outcome != "conversation" || call.Direction != "outbound" || call.Task == "" || call.Point == "" || call.Collector != s.users[identity.Collector].ID {
		t.Errorf("the call is recorded as %+v", call)
	}
	if made := last(p, s, key, func(dunning.PromiseMade) bool { return true }); made.Due != due || made.Amount.Minor() <= 0 {
		t.Errorf("the promise is recorded as %+v, want it by %s", made, due)
	}
	if keys > 6 {
		t.Errorf("the call took %d keystrokes, want at most 6", keys)
	}
	t.Logf("a whole call: %d keystrokes beside the day that was typed", keys)
	p.clean("the call")
}

func noAnswerGoesOnToTheNext(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Collector)
	p.visit("/cases/" + s.cases["202"])
	p.press("c")
	p.sees("Voicemail")
	p.press("4")
	p.until("another case", func() bool { return !strings.Contains(p.text("location.pathname"), s.cases["202"]) })
	if call := last(p, s, "202", func(c dunning.ContactLogged) bool { return c.Channel == dunning.Call }); call.Outcome != "wrong_person" {
		t.Errorf("recorded as %q", call.Outcome)
	}
	last(p, s, "202", func(d dunning.PointDead) bool { return d.ID == "202-c" })
	p.visit("/cases/" + s.cases["202"])
	if p.text(`!!document.querySelector("summary[data-key=c]")`) != "false" {
		t.Error("the number is wrong, and there is still a button to call it")
	}
	p.clean("no answer")
}

func peekKeepsTheRow(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Collector)
	p.visit("/day")
	p.press("j")
	row := p.text("document.activeElement.id")
	p.press(" ")
	p.until("the peek", func() bool {
		return p.text(`!document.querySelector("#peek").hidden && !!document.querySelector("#peek .case")`) == "true"
	})
	p.shoot("peek", false)
	p.press("Escape")
	p.until("the focus on the row again", func() bool {
		return p.text("document.activeElement.id") == row && p.text(`document.querySelector("#peek").hidden`) == "true"
	})
	p.clean("peek")
}

func formsShowWhatFollows(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Collector)
	at := "/cases/" + s.cases["107"]

	p.visit(at + "?open=plan")
	p.sees("Then:")
	p.fill("#f-count", "4")
	p.until("four instalments", func() bool { return p.text(`document.querySelectorAll(".schedule tbody tr").length`) == "4" })
	p.fill("#f-count", "40")
	p.sees("You may agree up to 6 instalments")
	p.fill("#f-count", "4")
	p.until("four instalments", func() bool { return p.text(`document.querySelectorAll(".schedule tbody tr").length`) == "4" })
	p.click("details[open] button.primary")
	p.sees("The plan is agreed")
	if got := last(p, s, "107", func(dunning.PlanAgreed) bool { return true }); len(got.Instalments) != 4 {
		t.Errorf("the plan has %d instalments", len(got.Instalments))
	}

	at = "/cases/" + s.cases["102"]
	p.visit(at + "?open=hold")
	p.sees("Comes back")
	p.press("Enter")
	p.sees("The hold is placed")
	hold := last(p, s, "102", func(dunning.HoldPlaced) bool { return true })
	if ny := hold.Until.In(mustZone(t, "America/New_York")); ny.Hour() != 0 || ny.Minute() != 0 {
		t.Errorf("the hold ends at %s there, want the start of a day", ny)
	}
	p.press("z") // within ten seconds it is undone
	p.sees("The hold is lifted")

	p.visit(at + "?open=dispute")
	p.fill("#f-words", "I never got the goods")
	p.sees("Then:")
	p.click("details[open] button.primary")
	p.sees("The dispute is recorded")
	if got := last(p, s, "102", func(dunning.DisputeRaised) bool { return true }); got.Words != "I never got the goods" {
		t.Errorf("the dispute holds %q", got.Words)
	}
	p.sees("A hold keeps contact back: dispute")
	p.clean("the forms")
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func aMessageFromATemplate(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Collector)
	p.visit("/cases/" + s.cases["203"])
	p.press("m")
	p.until("the templates", func() bool { return p.text(`document.activeElement.id`) == "f-template" })
	p.fill("#f-template", "sms/nudge")
	p.sees("segment")
	p.shoot("message-preview", false)
	p.click("details[open] button.primary")
	p.sees("The message is on its way")
	if got := last(p, s, "203", func(dunning.MessageAsked) bool { return true }); got.Template != "nudge" || got.Channel != dunning.SMS {
		t.Errorf("ordered is %+v", got)
	}
	s.play(s.cases["203"], now)
	p.visit("/cases/" + s.cases["203"] + "?group=message")
	p.sees("SMS “nudge”")
	p.clean("the message")
}

func takeOverAndHandBack(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Collector)
	p.visit("/cases/" + s.cases["201"])
	p.press("a")
	p.click("details[open] button.primary")
	p.sees("You have the case")
	p.sees("with Rosa Diaz")
	p.press("a")
	p.click("details[open] button.primary")
	p.sees("The case goes on by its sequence")
	p.press("n")
	p.types("Spoke with the <b>daughter</b>")
	p.press("Ctrl-Enter")
	p.sees("The note is kept")
	p.sees("Spoke with the <b>daughter</b>")
	p.clean("take over")
}

func operationsStopAndGoOn(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	p.visit("/health")
	p.goes("w")
	p.at("/switches")
	p.fill("#f-scope", "channel")
	p.fill("#f-subject", "sms")
	p.fill("#f-reason", "provider trouble")
	p.click("form.card button.danger")
	p.click("#confirm button[value=yes]")
	p.sees("Nothing is sent for the channel sms. provider trouble")
	p.shoot("switched-off", false)
	p.visit("/cases")
	p.sees("Nothing is sent for the channel sms")
	p.visit("/switches")
	p.fill("input[name=reason]", "works again")
	p.click("td form button")
	p.click("#confirm button[value=yes]")
	p.sees("What waited goes on")
	p.clean("switches")
}

func operationsAfterARestore(t *testing.T, s *site, b *chrome) {
	const since = 26 * time.Hour
	_, err := s.store.Declare(context.Background(), now.Add(-since), now, "user:cli", "the virtual machine was set back")
	s.must(err)
	t.Cleanup(func() {
		for _, ch := range dunning.SwitchChannels() {
			_ = s.store.SwitchOff(context.Background(), dunning.Switch{Scope: dunning.SwitchChannel, Subject: string(ch)}, now, "user:cli", "the journey is over")
		}
	})
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	p.visit("/health")
	p.sees("The database was restored or taken over: the virtual machine was set back")
	p.shoot("restored-health", false)
	p.goes("w")
	p.at("/switches")
	p.sees("duly restore reconcile")
	p.shoot("restored", true)
	p.fill("#f-restored", "looked up, payments are in")
	p.click("input[name=anyway]")
	p.click("form[action='/switches/restored'] button")
	p.click("#confirm button[value=yes]")
	p.sees("The restore is put right")
	p.clean("switches")
}

func bulkHoldNeedsTheNumber(t *testing.T, s *site, b *chrome) {
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	p.visit("/cases?waits=task%3Acall")
	p.press("j")
	p.press("x")
	p.press("J")
	p.sees("2 chosen")
	p.click(".selection button.primary")
	p.sees("This changes 2 cases")
	p.shoot("bulk", false)
	p.click("form[data-type] button.primary")
	p.until("the question", func() bool { return p.text(`document.querySelector("#confirm").open`) == "true" })
	if p.text(`document.querySelector("#confirm button[value=yes]").disabled`) != "true" {
		t.Error("the number was not typed, and the action can be confirmed")
	}
	p.types("2")
	p.press("Enter")
	p.sees("2 cases are done")
	for _, key := range []string{"110", "200", "201", "204", "205", "101", "102"} {
		for _, x := range s.facts(key) {
			if h, ok := x.Body.(dunning.HoldPlaced); ok && h.Owner == "Ola Berg" && h.Until.In(mustZone(t, "America/New_York")).Hour() != 0 {
				t.Errorf("the hold of %s ends at %s, want the start of a day there", key, h.Until)
			}
		}
	}
	p.press("z")
	p.sees("2 cases are as before")
	p.clean("bulk")
}
