package app

import (
	"io/fs"
	"os"
	"strings"
	"testing/fstest"

	"github.com/duly/duly/internal/recheck"
)

// checkAgain re-derives all decisions of the site and sweeps its ledger. A decision over a
// message has a record of what the contact policies were asked, and what has been
// published since changes nothing of the past.
func (s *site) checkAgain(messages int) {
	s.t.Helper()
	s.findNothing(messages)
	if _, added, err := Publish(s.t.Context(), s.store, stricter(s.t), "test", s.clock.time()); err != nil || !added {
		s.t.Fatalf("publishing a change: added %v, %v", added, err)
	}
	s.book = NewBook(s.store, s.clock.time)
	s.findNothing(messages)
}

func (s *site) findNothing(messages int) {
	s.t.Helper()
	ctx := s.t.Context()
	asked := 0
	all, _, err := s.store.AllDecisions(ctx, 0, 10_000)
	s.must(err)
	for _, d := range all {
		asked += len(d.Decision.Checks)
		if v := d.Decision.Versions; v.Release == "" || v.Zones == "" || v.Prefixes == "" {
			s.t.Fatalf("decision %s does not name its release, zones and prefixes: %+v", d.ID, v)
		}
	}
	if asked < messages {
		s.t.Errorf("%d records of what the policies were asked, for %d messages", asked, messages)
	}
	sum, err := recheck.Run(ctx, s.store, s.book, func(d recheck.Difference) error {
		s.t.Errorf("decision %s is %s (%v):\n%+v\nagain\n%+v %s", d.Decision, d.Verdict, d.Changed, d.Stored, d.Again, d.Error)
		return nil
	})
	s.must(err)
	if sum.Checked != len(all) || sum.By[recheck.Same]+sum.By[recheck.Shell] != len(all) {
		s.t.Errorf("of %d decisions: %+v", len(all), sum)
	}
	swept, err := recheck.Contacts(ctx, s.store, s.book, func(f recheck.Finding) error {
		s.t.Errorf("contact %s is %s: %+v", f.Contact, f.Verdict, f.Checked.Verdict)
		return nil
	})
	s.must(err)
	if swept.Swept != messages || swept.Outside+swept.Changed+swept.Late+swept.Against != 0 {
		s.t.Errorf("swept %+v, want %d contacts", swept, messages)
	}
}

// stricter is the shipped configuration with a creditor of another role and another cap.
func stricter(t interface{ Fatal(...any) }) fs.FS {
	out := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS("../../config"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") && !strings.HasSuffix(path, ".md") && !strings.Contains(path, "templates/") {
			return err
		}
		text, err := fs.ReadFile(os.DirFS("../../config"), path)
		if path == "policies/house.yaml" {
			text = []byte(strings.ReplaceAll(strings.Replace(string(text), `version: "`, `version: "9`, 1), "max: 7", "max: 1"))
		}
		out[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
