package browsertest

import (
	"context"
	"strings"
	"testing"

	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/proposal"
)

// proposals is maker and checker of the site.
func (s *site) proposals() *app.Proposals {
	return &app.Proposals{Store: s.store, Book: s.book, Clock: s.clock}
}

// proposed is a proposal of everything that can be shown: a changed sequence with steps
// that come and go, a template, a rule. It is made once.
func (s *site) proposed() string {
	s.t.Helper()
	ctx := context.Background()
	open, err := s.proposals().List(ctx, true)
	s.must(err)
	for _, p := range open {
		if strings.HasPrefix(p.Reason, "Softer tone") {
			return p.ID
		}
	}
	base, files, err := s.proposals().Files(ctx, "")
	s.must(err)
	change := func(path string, pairs ...string) {
		text := string(files[path])
		for i := 0; i+1 < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				s.t.Fatalf("%s holds no %q", path, pairs[i])
			}
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		files[path] = []byte(text)
	}
	change("sequences/consumer-standard.yaml", "  - id: nudge\n    at: +8d\n", "  - id: nudge\n    at: +9d\n",
		"  - id: call\n", "  - id: second-nudge\n    at: +19d\n    send: [{email: nudge}]\n  - id: call\n")
	for _, name := range []string{"friendly-reminder.en.md", "friendly-reminder.de.md"} {
		path := "templates/email/" + name
		files[path] = []byte(strings.TrimRight(string(files[path]), "\n") + "\n\nThank you for looking at this.\n")
	}
	change("policies/house.yaml", "days: 7", "days: 8")
	p, err := s.proposals().Make(ctx, s.users[identity.Operations].Principal(), proposal.Draft{
		Base: base, Files: files, Reason: "Softer tone in the first weeks\n\nComplaints went up after the change of January; the house rule is widened by a day.",
	})
	s.must(err)
	return p.ID
}

// aMakerEditsACheckerApproves: the whole way in the browser, by the keys that the review
// queue promises.
func aMakerEditsACheckerApproves(t *testing.T, s *site, b *chrome) {
	maker, checker := b.open(t, s.srv.URL, 1366, 768), b.open(t, s.srv.URL, 1366, 768)
	s.signIn(maker, identity.Operations)
	s.signIn(checker, identity.Compliance)
	older := s.proposed() // over the release that is in force before the other is approved

	maker.visit("/templates/one?channel=sms&name=nudge&locale=en")
	maker.sees("Propose a change")
	maker.visit("/propose?file=templates/sms/nudge.en.md")
	text := maker.text(`document.querySelector("textarea.code").value`)
	maker.fill("textarea.code", strings.Replace(text, "purpose:", "purpos:", 1))
	maker.sees(`unknown key "purpos"`)
	maker.shoot("propose-fault", false)
	maker.fill("textarea.code", strings.TrimRight(text, "\n")+" Thanks!\n")
	maker.sees("No fault: 1 file differs")
	maker.sees("Thanks!")
	maker.fill("#f-reason", "A friendlier text message")
	maker.click(`#propose button[value="save"]`)
	maker.sees("Proposed. Somebody else looks at it")
	maker.sees("somebody else checks it")
	if maker.text(`!!document.querySelector("[data-key=A]")`) != "false" {
		t.Error("the maker is offered to approve")
	}
	at := maker.text("location.pathname")

	checker.visit("/health")
	checker.goes("r")
	checker.at("/review")
	checker.sees("A friendlier text message")
	checker.until("the row under the cursor", func() bool {
		checker.press("j")
		return checker.text(`document.activeElement.dataset.href`) == at
	})
	checker.press("Enter")
	checker.at(at)
	checker.sees("use the new words at once")
	checker.press("d")
	checker.until("the diff", func() bool { return checker.text("location.hash") == "#files" })
	checker.press("R")
	checker.until("the words of a rejection", func() bool { return checker.text("document.activeElement.name") == "words" })
	checker.press("Escape")
	checker.press("Escape")
	checker.press("A")
	checker.until("the question", func() bool { return checker.text(`document.querySelector("#confirm").open`) == "true" })
	checker.press("Enter")
	checker.at("/review")
	checker.sees("Approved, and in force")
	_, files, err := s.proposals().Files(context.Background(), "")
	s.must(err)
	if !strings.Contains(string(files["templates/sms/nudge.en.md"]), "Thanks!") {
		t.Error("what was approved is not in force")
	}
	checker.visit("/proposals/" + older)
	opened := `(() => { const d = document.querySelector('section[aria-label*="email"] details'); d.open = true; d.scrollIntoView(); return [...d.querySelectorAll("iframe")].filter(f => f.getBoundingClientRect().height > 300).length })()`
	checker.until("the message as it looks", func() bool { return checker.text(opened) == "2" })
	checker.until("both sides to be loaded", func() bool {
		return checker.text(`performance.getEntriesByType("resource").filter(e => e.initiatorType === "iframe" && e.responseEnd > 0 && e.name.includes("/message?")).length`) == "2"
	})
	checker.shoot("proposal-frames", false)
	// What was proposed before over the old release is to be made anew, in one click.
	maker.visit("/proposals/" + older)
	maker.sees("Another release came into force since")
	maker.shoot("proposal-stale", false)
	maker.click(`form[action$="/anew"] button`)
	maker.sees("Made anew over the release in force")
	maker.clean("making a proposal")
	checker.clean("checking a proposal")
}
