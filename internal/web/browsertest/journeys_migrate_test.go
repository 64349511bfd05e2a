package browsertest

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
)

// newerConsumers publishes the shipped configuration with a step more in the consumers'
// sequence, and returns the version before and the new one.
func (s *site) newerConsumers() (before, after string) {
	s.t.Helper()
	const file = "sequences/consumer-standard.yaml"
	s.must(s.store.Pool().QueryRow(context.Background(), "SELECT sequence_version FROM cases WHERE id = $1", s.cases["105"]).Scan(&before))
	out := fstest.MapFS{}
	s.must(fs.WalkDir(os.DirFS("../../../config"), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(os.DirFS("../../../config"), p)
		if p == file {
			more := strings.Replace(string(b), "  - id: call\n", "  - id: second-nudge\n    at: +19d\n    send: [{email: nudge}]\n  - id: call\n", 1)
			if more == string(b) {
				s.t.Fatalf("%s has no step call", file)
			}
			b = []byte(more)
		}
		out[p] = &fstest.MapFile{Data: b}
		return err
	}))
	_, _, err := app.Publish(context.Background(), s.store, out, "user:cli", now)
	s.must(err)
	s.book.Forget()
	cfg, err := s.book.Current(context.Background())
	s.must(err)
	return before, cfg.Sequence("consumer-standard").Version
}

// records writes what has become true of a case, as a worker that a nudge wakes.
func (s *site) records(id string) {
	s.t.Helper()
	ctx := context.Background()
	ref, err := s.store.CaseRef(ctx, id)
	s.must(err)
	setup, err := s.book.Setup(ctx, ref)
	s.must(err)
	s.must(s.store.InDebtor(ctx, []string{ref.Debtor}, func(tx *postgres.Tx) error {
		log, _, err := tx.Facts(ctx, ref.Debtor)
		if err != nil {
			return err
		}
		f, err := dunning.Fold(setup, log)
		if err != nil {
			return err
		}
		_, made, err := dunning.Settle(f, now)
		for _, d := range made {
			if err == nil && d.Verb == dunning.VerbRecord {
				_, _, err = tx.Append(ctx, ref.Debtor, d.Effects)
			}
		}
		return err
	}))
}

// follows is the version that a case follows.
func (s *site) follows(key string) string {
	s.t.Helper()
	ref, err := s.store.CaseRef(context.Background(), s.cases[key])
	s.must(err)
	return ref.Version
}

// order opens the form on the page of a case, and gives the order with the number typed.
func (s *site) order(p *tab, key, preview string) {
	p.t.Helper()
	p.visit("/cases/" + s.cases[key])
	p.click(`a[href*="/migrate?case="]`)
	p.at("/sequences/consumer-standard/migrate")
	p.fill("#f-reason", "One more letter <b>before</b> the call")
	p.shoot("migrate-"+key, false)
	p.click(`form[aria-label="Move running cases"] button.primary`)
	p.sees("This changes 1 case")
	p.sees(preview)
	p.shoot("migrate-preview-"+key, false)
	p.scheme("dark")
	p.shoot("migrate-preview-"+key+"-dark", false)
	p.scheme("light")
	p.click("form[data-type] button.primary")
	p.until("the question", func() bool { return p.text(`document.querySelector("#confirm").open`) == "true" })
	if p.text(`document.querySelector("#confirm button[value=yes]").disabled`) != "true" {
		p.t.Error("the number was not typed, and the order can be given")
	}
	p.types("1")
	p.press("Enter")
	p.sees("1 case is done")
}

// aCaseMovesToANewerVersion: a case that waits says when it moves, and can be kept; one that
// is free moves, says so, and is moved back by one key.
func aCaseMovesToANewerVersion(t *testing.T, s *site, b *chrome) {
	before, after := s.newerConsumers()
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	p.until("the console to see the new release", func() bool {
		p.visit("/sequences/consumer-standard/migrate")
		return p.text(`document.querySelector("main select[name=version]").value`) == after
	})

	s.order(p, "105", "when the promise has ended")
	p.visit("/cases/" + s.cases["105"])
	p.sees("Moves to version " + after[:8] + " when the promise has ended")
	p.sees("One more letter <b>before</b> the call")
	p.shoot("case-waits-to-move", false)
	p.scheme("dark")
	p.shoot("case-waits-to-move-dark", false)
	p.scheme("light")
	p.leads(func() { p.click("#moving button") })
	p.sees("The case stays on its version")
	if p.text(`!!document.querySelector("#moving")`) != "false" {
		t.Error("the migration was taken back, and the case is still to move")
	}
	if ended := last(p, s, "105", func(dunning.MigrationEnded) bool { return true }); ended.Outcome != "withdrawn" || s.follows("105") != before {
		t.Errorf("taken back as %+v, the case follows %s", ended, s.follows("105"))
	}

	s.order(p, "108", "1 move now")
	s.records(s.cases["108"])
	p.visit("/cases/" + s.cases["108"])
	p.sees("Moved from version " + before[:8] + " to " + after[:8])
	if s.follows("108") != after {
		t.Errorf("the case follows %s, want %s", s.follows("108"), after)
	}
	p.shoot("case-moved", false)
	p.visit("/bulk")
	p.click("#bulks tbody a")
	p.sees("Undo all of it")
	p.click("form.actions button.danger")
	p.click("#confirm button[value=yes]")
	p.sees("1 case is as before")
	s.records(s.cases["108"])
	if s.follows("108") != before {
		t.Errorf("undone, the case follows %s, want %s", s.follows("108"), before)
	}
	p.clean("migrate")

	p.visit("/releases/" + s.release())
	p.sees("Move them")
	p.shoot("release-moves", false)
	p.click(`a[href^="/sequences/consumer-standard/migrate?to="]`)
	p.at("/sequences/consumer-standard/migrate")
	p.shoot("migrate", false)
	p.scheme("dark")
	p.shoot("migrate-dark", false)
	p.scheme("light")
	p.clean("release")
}
