package browsertest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duly/duly/internal/evidence"
	"github.com/duly/duly/internal/identity"
)

// aDecisionIsReEvaluatedAndPacked: from the list to a decision, again to the same answer,
// and the pack of its case on the disk, which verifies.
func aDecisionIsReEvaluatedAndPacked(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Compliance)
	dir := t.TempDir()
	p.must(p.call("", "Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "browserContextId": p.context, "downloadPath": dir}, nil))
	p.visit("/decisions?case=" + s.cases["101"])
	p.press("j")
	p.press("Enter")
	p.at("/decisions/")
	p.sees("Decided from")
	p.press("e") // re-evaluate
	p.until("the same answer", func() bool { return p.text(`!!document.querySelector("#again .badge.good")`) == "true" })
	p.click(`.tools a[href$="/evidence"]`)
	var pack string
	p.until("the pack on the disk", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "*.zip"))
		if len(found) == 1 {
			pack = found[0]
		}
		begun, _ := filepath.Glob(filepath.Join(dir, "*.crdownload"))
		return pack != "" && len(begun) == 0
	})
	text, err := os.ReadFile(pack)
	s.must(err)
	m, digest, err := evidence.Verify(bytes.NewReader(text), int64(len(text)))
	if err != nil || digest == "" || !strings.Contains(string(mustJSON(t, m)), s.cases["101"]) {
		t.Errorf("the pack does not verify as one of the case: %v, %s, %+v", err, digest, m)
	}
	text[len(text)/2] ^= 1
	if _, _, err := evidence.Verify(bytes.NewReader(text), int64(len(text))); err == nil {
		t.Error("a pack in which a bit was turned verifies")
	}
	p.clean("a decision")
}

// aSweepFindsTheTextAtNight: the ledger is judged again, and the text that a person sent at
// two in the night is a finding.
func aSweepFindsTheTextAtNight(t *testing.T, s *site, b *chrome) {
	s.atNight("204")
	p := s.tabOf(t, b, identity.Compliance)
	p.visit("/violations")
	p.leads(func() { p.press("s") })
	p.at("/violations")
	finding := `!!document.querySelector("#findings [data-row] .badge")`
	p.until("the finding", func() bool {
		if p.text(finding) == "true" {
			return true
		}
		p.visit("/violations")
		return p.text(finding) == "true"
	})
	p.press("j")
	p.press("Enter")
	p.at("/violations/")
	p.sees("What becomes of it")
	p.leads(func() { p.press("Escape") }) // back to the list
	p.at("/violations")
	p.clean("the sweep")
}

// frequencyShowsTheLimit: from who was contacted most to one person's bars and the line.
func frequencyShowsTheLimit(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Compliance)
	p.until("the count", func() bool { // counted behind when it takes long
		p.visit("/frequency")
		return p.text(`!!document.querySelector("#frequent [data-row]")`) == "true"
	})
	p.press("j")
	p.press("Enter")
	p.at("/frequency/")
	for what, selector := range map[string]string{"a line at the limit": "svg line.hot", "a bar": "svg rect.load", "words for who cannot see it": "svg[role=img][aria-label]"} {
		if p.text(`document.querySelectorAll("`+selector+`").length > 0`) != "true" {
			t.Errorf("the picture has no %s", what)
		}
	}
	p.clean("frequency")
}

// consentsAreFilteredAndLooksAreAudited: the ledger of consents by its filter in the
// address, and the look at it in the audit, with who looked.
func consentsAreFilteredAndLooksAreAudited(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Compliance)
	p.visit("/consents?channel=sms")
	p.sees("consented")
	before := p.text(`document.querySelectorAll("[data-row]").length`)
	p.visit("/consents?channel=letter")
	if after := p.text(`document.querySelectorAll("[data-row]").length`); after == before || after != "0" {
		t.Errorf("the filter shows %s rows of letters, %s of texts", after, before)
	}
	p.sees("Widen the filter, or clear it")
	p.visit("/cases/" + s.cases["109"])
	p.visit("/audit?action=view.case&subject=" + s.cases["109"])
	p.sees("view.case")
	if who := p.text(`document.querySelector("[data-row] a").textContent`); who != "compliance" {
		t.Errorf("who looked is %q", who)
	}
	p.visit("/audit?action=view.consents")
	p.sees("view.consents")
	p.clean("consents")
}

// healthLeadsToTheRows: every tile with a number leads to a list that exists.
func healthLeadsToTheRows(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.visit("/health")
	links := p.strings(`[...document.querySelectorAll("a.tile")].map(a => a.getAttribute("href"))`)
	if len(links) < 4 {
		t.Fatalf("only %d tiles lead anywhere", len(links))
	}
	for _, path := range links {
		p.visit(path)
		if p.text(`!!document.querySelector("main h1")`) != "true" || p.text(`document.body.innerText.includes("does not exist")`) == "true" {
			t.Errorf("a tile leads to %s, which is no page", path)
		}
	}
	p.clean("health")
}

// aViewIsSavedAndShared: a filter is in the address, gets a name, and comes back by it.
func aViewIsSavedAndShared(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.visit("/cases?waits=task%3Acall&sort=amount")
	rows := p.text(`document.querySelectorAll("[data-row]").length`)
	p.press("v")
	p.until("the form of views", func() bool { return p.text(`document.querySelector("details[data-views]").open`) == "true" })
	p.fill("#view-name", "Calls, largest first")
	p.leads(func() { p.click("details[data-views] form button") })
	p.at("/cases")
	p.visit("/cases")
	p.press("v")
	p.sees("Calls, largest first")
	p.click("[data-views-list] a")
	p.at("/cases?")
	if at := p.text("location.search"); !strings.Contains(at, "waits=task%3Acall") || !strings.Contains(at, "sort=amount") {
		t.Errorf("the view leads to %s", at)
	}
	if again := p.text(`document.querySelectorAll("[data-row]").length`); again != rows {
		t.Errorf("the view shows %s rows, the filter %s", again, rows)
	}
	p.clean("views")
}

// rejectsSayHowToMend: a run leads to its rejected rows, with row, column and what to write.
func rejectsSayHowToMend(t *testing.T, s *site, b *chrome) {
	p := s.tabOf(t, b, identity.Operations)
	p.visit("/imports")
	p.press("j")
	p.press("Enter")
	p.at("/imports/")
	p.sees("Write days as YYYY-MM-DD")
	if n := p.text(`document.querySelectorAll("[data-row]").length`); n != "2" {
		t.Errorf("%s rejected rows, want 2", n)
	}
	p.clean("rejects")
}
