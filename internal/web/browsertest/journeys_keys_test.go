package browsertest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/identity"
)

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// quickly makes what the page does every few seconds happen at once, for tests.
func (p *tab) quickly() {
	p.t.Helper()
	p.do("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `(() => { const slow = setTimeout; window.setTimeout = (f, ms, ...rest) => slow(f, ms >= 10000 && ms < 120000 ? 250 : ms, ...rest); })()`}, nil)
}

// aLiveListKeepsTheRow: a case is opened that belongs on top of the list. The row under the
// cursor stays where it is and keeps the focus; the news waits behind a button and a key.
func aLiveListKeepsTheRow(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.quickly()
	p.visit("/cases?sort=opened")
	p.press("j")
	p.press("j")
	row := p.text("document.activeElement.id")
	top := p.text("document.activeElement.getBoundingClientRect().top")
	s.put(person{
		key: "990", name: "Nina New", zone: "America/New_York", place: "US-NY", country: "US", locale: "en", creditor: "demo", currency: "USD", kind: "consumer",
		items: []item{{"333.00", 4}},
	})
	_, err := (&app.Starter{Store: s.store, Book: s.book, Clock: s.clock}).Run(t.Context(), app.StartOptions{})
	s.must(err)
	p.until("the news", func() bool { return p.text(`!!document.querySelector("[data-newer]")`) == "true" })
	if now := p.text("document.activeElement.id"); now != row {
		t.Errorf("the cursor was on %s and is on %s", row, now)
	}
	if now := p.text("document.activeElement.getBoundingClientRect().top"); now != top {
		t.Errorf("the row stood at %s and stands at %s", top, now)
	}
	if said := p.text(`document.querySelector("#live").textContent`); !strings.Contains(said, "in the list; press u") {
		t.Errorf("who cannot see it hears %q", said)
	}
	p.press("u")
	p.sees("Nina New")
	p.until("the cursor on its row", func() bool { return p.text("document.activeElement.id") == row })
	p.clean("a live list")
}

// theCommandMenuFinds: pages, what one can do here, and people; by keyboard alone, and the
// focus goes back to where it was.
func theCommandMenuFinds(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.visit("/cases")
	p.press("j")
	row := p.text("document.activeElement.id")
	open := func() bool { return p.text(`document.querySelector("#palette").open`) == "true" }
	p.press("Ctrl-k")
	p.until("the menu", open)
	p.press("Escape")
	p.until("the focus on the row again", func() bool { return !open() && p.text("document.activeElement.id") == row })
	p.press("Ctrl-k")
	p.until("the menu", open)
	p.types("switches")
	p.until("the entry", func() bool {
		return strings.Contains(p.text(`document.querySelector("#palette [aria-selected=true]")?.textContent`), "Switches")
	})
	p.press("Enter")
	p.at("/switches")
	p.press("Ctrl-k")
	p.until("the menu", open)
	p.types("Lovelace")
	p.until("the person", func() bool {
		return strings.Contains(p.text(`document.querySelector("#palette-found")?.textContent`), "Ada Lovelace")
	})
	p.press("ArrowDown")
	p.press("Enter")
	p.at("/cases/" + s.cases["101"])
	p.clean("the command menu")
}

// helpListsTheKeys: "?" shows the keys of the page and those that work everywhere; letters
// that were switched off do nothing, and what has Ctrl still does.
func helpListsTheKeys(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Supervisor)
	one := "/cases/" + s.cases["101"]
	p.visit(one)
	p.press("?")
	p.until("the keys", func() bool { return p.text(`document.querySelector("#keys").open`) == "true" })
	for _, words := range []string{"Command menu", "Promise", "Next, previous row", "Undo"} {
		p.sees(words)
	}
	p.press("Escape")
	p.visit("/profile")
	p.fill("#f-keys", "off")
	p.click("form[action='/profile'] button, form.card button.primary, main form button.primary")
	p.until("letters off", func() bool { return p.text(`document.documentElement.dataset.keys`) == "off" })
	p.visit(one)
	p.press("n")
	p.press("?")
	if p.text(`!!document.querySelector("details.pop[open]") || document.querySelector("#keys").open`) != "false" {
		t.Error("letters are switched off, and one did something")
	}
	p.press("Ctrl-k")
	p.until("the menu", func() bool { return p.text(`document.querySelector("#palette").open`) == "true" })
	p.clean("help")
}

// escapeClosesFromTheTop: first the peek, then the selection, then the page.
func escapeClosesFromTheTop(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.visit("/cases")
	p.press("j")
	p.press("x")
	p.press(" ")
	p.until("the peek", func() bool { return p.text(`!document.querySelector("#peek").hidden`) == "true" })
	chosen := func() string { return p.text(`document.querySelectorAll('[data-row][aria-selected="true"]').length`) }
	p.press("Escape")
	p.until("the peek closed", func() bool { return p.text(`document.querySelector("#peek").hidden`) == "true" })
	if n := chosen(); n != "1" {
		t.Fatalf("%s rows are chosen after the peek was closed, want 1", n)
	}
	p.press("Escape")
	p.until("nothing chosen", func() bool { return chosen() == "0" })
	p.visit("/imports/" + importID)
	p.leads(func() { p.press("Escape") })
	p.at("/imports")
	p.clean("escape")
}

// timesTurnAndIdsAreCopied: t turns times from relative to ours to UTC and back, for the next
// page too; y copies the id of the row.
func timesTurnAndIdsAreCopied(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Auditor)
	p.must(p.call("", "Browser.grantPermissions", map[string]any{"origin": s.srv.URL, "browserContextId": p.context, "permissions": []string{"clipboardReadWrite", "clipboardSanitizedWrite"}}, nil))
	p.visit("/profile")
	p.fill("#f-zone", "Europe/Berlin")
	p.click("main form[action='/profile'] button, main form button.primary")
	p.sees("Your settings are saved")
	p.visit("/cases")
	stamp := func() string { return p.text(`document.querySelector("tbody time[data-relative]").textContent`) }
	seen := map[string]bool{stamp(): true}
	for range 2 {
		p.press("t")
		if now := stamp(); seen[now] || now == "" {
			t.Errorf("t shows %q again", now)
		} else {
			seen[now] = true
		}
	}
	p.until("UTC", func() bool { return strings.Contains(stamp(), "UTC") })
	p.until("the choice to be kept", func() bool {
		return s.one("SELECT coalesce(settings->>'time', '') FROM users WHERE name = 'auditor'") == "utc"
	})
	p.visit("/cases")
	if now := stamp(); !strings.Contains(now, "UTC") {
		t.Errorf("the next page shows %q", now)
	}
	p.press("j")
	id := p.text("document.activeElement.dataset.id")
	p.press("y")
	p.until("the words", func() bool { return p.text(`document.querySelector("#live").textContent`) == "Copied "+id })
	var got string
	p.must(p.eval(`navigator.clipboard.readText()`, &got))
	if got != id {
		t.Errorf("copied is %q, want %q", got, id)
	}
	p.clean("times")
}

// theStorysEventsHaveTheirIDs: j walks through what happened to a case, the event under the
// cursor shows its ids, y copies the first of them, and a button its provider's.
func theStorysEventsHaveTheirIDs(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.must(p.call("", "Browser.grantPermissions", map[string]any{"origin": s.srv.URL, "browserContextId": p.context, "permissions": []string{"clipboardReadWrite", "clipboardSanitizedWrite"}}, nil))
	p.visit("/cases/" + s.cases["101"])
	copied := func() (text string) {
		p.must(p.eval(`navigator.clipboard.readText()`, &text))
		return text
	}
	p.press("y")
	p.until("the case's id", func() bool { return copied() == s.cases["101"] })
	if n := p.text(`document.querySelectorAll("#story [data-event] .ids button").length`); n == "0" {
		t.Fatal("no event has an id")
	}
	visible := `[...document.querySelectorAll("#story .ids")].filter(e => e.getClientRects().length).length`
	if n := p.text(visible); n != "0" {
		t.Errorf("%s events show their ids before one is looked at", n)
	}
	message := `document.querySelector("#story li[data-cursor] .ids button[data-copy]:nth-child(1)") && document.activeElement.querySelectorAll(".ids button").length > 1`
	p.until("a message under the cursor", func() bool { p.press("j"); return p.text(message) == "true" })
	if n := p.text(visible); n != "1" {
		t.Errorf("%s events show their ids, want that under the cursor", n)
	}
	id := p.text(`document.activeElement.dataset.id`)
	p.scheme("dark")
	p.shoot("story-ids-dark", false)
	p.scheme("light")
	p.shoot("story-ids", false)
	p.press("y")
	p.until("the words", func() bool { return p.text(`document.querySelector("#live").textContent`) == "Copied "+id })
	if got := copied(); got != id || !strings.HasPrefix(id, s.cases["101"]) {
		t.Errorf("copied is %q, want the message's %q", got, id)
	}
	provider := p.text(`document.querySelectorAll("#story li[data-cursor] .ids button")[1].dataset.copy`)
	p.click("#story li[data-cursor] .ids span:nth-child(2) button")
	p.until("the provider's id", func() bool { return copied() == provider })
	if provider == "" || provider == id {
		t.Errorf("the provider's id is %q", provider)
	}
	p.press("x")
	if p.text(`document.querySelectorAll('[data-event][aria-selected]').length`) != "0" {
		t.Error("x chooses an event, with which nothing can be done")
	}
	p.clean("the story")
}

// everythingIsReachedByTab walks a page with the Tab key alone: every control that can be
// seen is reached once, with a ring around it, and the way leads out again.
func everythingIsReachedByTab(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	for _, path := range []string{"/cases/" + s.cases["101"], "/day", "/profile"} {
		p.visit(path)
		p.must(p.eval(`(() => { const rows = document.querySelectorAll("tr[data-row]"); window.want = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
			.filter(e => e.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}) && e.getClientRects().length && !e.disabled && !e.closest("dialog:not([open])") && e.tabIndex >= 0 && !(e.type === "radio" && !e.checked)); window.had = new Set(); document.body.focus(); })()`, nil))
		var missed []string
		p.until("the way through "+path, func() bool {
			for range 40 {
				p.press("Tab")
				p.must(p.eval(`window.had.add(document.activeElement)`, nil))
			}
			missed = p.strings(`window.want.filter(e => !window.had.has(e)).map(e => e.outerHTML.slice(0, 90))`)
			return len(missed) == 0
		})
		if p.text(`(() => { const e = [...document.querySelectorAll("main :is(a[href], button, summary)")].find(e => e.checkVisibility() && e.getClientRects().length); e.focus({focusVisible: true}); return getComputedStyle(e).outlineStyle; })()`) == "none" {
			t.Errorf("%s: what has the focus has no ring", path)
		}
	}
	p.clean("tab")
}

// stillAndStark: who asked for less motion sees none, and in forced colours states keep a shape.
func stillAndStark(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "forced-colors", "value": "active"}}}, nil)
	p.visit("/cases")
	p.must(p.eval(`document.querySelector("[data-row]").classList.add("fresh")`, nil))
	if got := p.text(`getComputedStyle(document.querySelector("[data-row] td")).animationName`); got != "none" {
		t.Errorf("a row moves (%s) for somebody who asked for less", got)
	}
	if got := p.text(`getComputedStyle(document.querySelector(".badge")).borderTopStyle`); got != "solid" {
		t.Errorf("in forced colours a state has the border %q", got)
	}
	p.shoot("forced-colours", false)
	p.clean("still and stark")
}

// zUndoesOnce: what was undone is not offered again.
func zUndoesOnce(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Collector)
	p.visit("/cases/" + s.cases["904"] + "?open=hold")
	p.sees("Comes back")
	p.press("Enter")
	p.sees("The hold is placed")
	p.press("z")
	p.sees("The hold is lifted")
	n := s.count("904", dunning.HoldPlaced{}.Kind())
	p.press("z")
	p.visit("/cases/" + s.cases["904"])
	if now := s.count("904", dunning.HoldPlaced{}.Kind()); now != n {
		t.Errorf("a second z changed the holds from %d to %d", n, now)
	}
	p.clean("undo")
}

// keysMeanOneThing: with rows chosen, b leads to them and never to all that match; g and a
// letter that leads nowhere for somebody is not the letter alone.
func keysMeanOneThing(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.visit("/cases")
	p.press("j")
	p.press("x")
	p.press("b")
	if at := p.text(`!!document.activeElement.closest("[data-selection]") + " " + document.querySelector("details.card").open`); at != "true false" {
		t.Errorf("a row is chosen, and b leads to the chosen, and opens all that match: %s", at)
	}
	p.press("Escape")
	p.press("Escape")
	p.until("nothing chosen", func() bool { return p.text(`document.querySelector("[data-selection]").hidden`) == "true" })
	p.press("b")
	if open := p.text(`document.querySelector("details.card").open`); open != "true" {
		t.Error("nothing is chosen, and b does not open the action for all")
	}
	p.clean("bulk by key")

	c := s.tabOf(t, b, identity.Collector)
	c.visit("/cases/" + s.cases["101"])
	c.goes("h") // health is none of theirs; h alone is a hold
	if open := c.text(`document.querySelectorAll("main details.pop[open]").length`); open != "0" {
		t.Errorf("g h opened %s forms on the case of somebody without the health page", open)
	}
	c.press("h")
	c.until("the hold", func() bool { return c.text(`document.querySelectorAll("main details.pop[open]").length`) == "1" })
	c.clean("g and a letter")
}
