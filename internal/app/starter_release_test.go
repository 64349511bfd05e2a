package app

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// publish puts the shipped configuration into force, with something replaced in the sequence
// for consumers.
func (s *site) publish(old, with string) {
	s.t.Helper()
	files := fstest.MapFS{}
	for name, content := range mustRead(s.t) {
		files[name] = &fstest.MapFile{Data: content}
	}
	f := files["sequences/consumer-standard.yaml"]
	if !strings.Contains(string(f.Data), old) {
		s.t.Fatalf("the shipped sequence has no %q", old)
	}
	f.Data = []byte(strings.Replace(string(f.Data), old, with, 1))
	_, _, err := Publish(s.t.Context(), s.store, files, "test", start)
	s.must(err)
	s.book.Forget()
}

// TestAnotherReleaseIsLookedAtAnew: when a case opens, and whether one does, was found by the
// release that was in force. Another one may open it earlier, or at all.
func TestAnotherReleaseIsLookedAtAnew(t *testing.T) {
	for why, c := range map[string]struct{ amount, old, with string }{
		"the first step comes earlier":          {"300.00", "at: +3d", "at: -80d"},
		"a sequence applies that did not":       {"24.00", `balance >= money("25.00")`, `balance >= money("20.00")`},
		"what was below the tolerance is above": {"30.00", "tolerance: {USD: 1.00", "tolerance: {USD: 1.00"},
	} {
		t.Run(why, func(t *testing.T) {
			s := newSite(t)
			due := date(1)
			if strings.Contains(c.with, "-80d") {
				due = date(60)
			}
			if strings.Contains(c.old, "tolerance") {
				s.publish(c.old, "tolerance: {USD: 50.00")
			}
			a := s.debtor("D", c.amount, due)
			for range 2 {
				if sum, err := s.starter().Run(t.Context(), StartOptions{}); err != nil || sum.Opened != 0 {
					t.Fatalf("before: %+v, %v", sum, err)
				}
			}
			s.publish(c.old, c.with+" ") // a space: another release in any case
			if sum, err := s.starter().Run(t.Context(), StartOptions{}); err != nil || sum.Looked != 1 || sum.Opened != 1 || len(s.cases(a)) != 1 {
				t.Errorf("with the other release: %+v, %v; want the case opened", sum, err)
			}
		})
	}
}

// TestWhatTheReleaseBeforeFoundIsNotKept: a starter that still goes by the release before, or
// that was overtaken while it looked, notes nothing.
func TestWhatTheReleaseBeforeFoundIsNotKept(t *testing.T) {
	s := newSite(t)
	s.debtor("D", "300.00", date(60))
	before, _, err := s.store.CurrentVersion(t.Context())
	s.must(err)
	candidates := func() int {
		t.Helper()
		found, err := s.store.Candidates(t.Context(), start, "", 10)
		s.must(err)
		return len(found)
	}
	all, err := s.store.Candidates(t.Context(), time.Time{}, "", 10)
	s.must(err)
	s.publish("at: +3d", "at: +4d")
	s.must(s.store.Checked(t.Context(), all[0].Account, all[0].Version, before, start.Add(time.Hour)))
	if candidates() != 1 {
		t.Error("what the release before found keeps the starter from looking")
	}
	now, _, err := s.store.CurrentVersion(t.Context())
	s.must(err)
	s.must(s.store.Checked(t.Context(), all[0].Account, all[0].Version, now, start.Add(time.Hour)))
	if candidates() != 0 {
		t.Error("what the release in force found was not noted")
	}
	if _, _, err := Publish(t.Context(), s.store, os.DirFS("../../config"), "test", start); err != nil || candidates() != 1 {
		t.Errorf("going back to a release: %v, %d candidates", err, candidates())
	}
}

// TestADryRunNamesWhatNoSequenceAppliesTo: also when a run has looked at it a minute before.
func TestADryRunNamesWhatNoSequenceAppliesTo(t *testing.T) {
	s := newSite(t)
	s.debtor("small", "3.00", date(1))
	s.debtor("later", "300.00", date(60))
	_, err := s.starter().Run(t.Context(), StartOptions{})
	s.must(err)
	var named []string
	sum, err := s.starter().Run(t.Context(), StartOptions{DryRun: true, Unmatched: func(o Opening) { named = append(named, o.AccountKey) }})
	if err != nil || sum.Looked != 2 || sum.Unmatched != 1 || len(named) != 1 || named[0] != "small" {
		t.Errorf("%+v, %v, named %v; want the account small", sum, err, named)
	}
	again, err := s.starter().Run(t.Context(), StartOptions{})
	if err != nil || again.Looked != 0 {
		t.Errorf("a dry run made others look again: %+v, %v", again, err)
	}
}

// TestNoBarInALog: what the starter writes where nobody watches is what came of it, and no
// bar that is drawn over and over.
func TestNoBarInALog(t *testing.T) {
	s := newSite(t)
	s.debtor("D", "300.00", date(1))
	var out, log bytes.Buffer
	s.must(startOnce(t.Context(), Process{Stdout: &out, Stderr: &log}, s.starter(), starterFlags{output: "text"}))
	if log.Len() != 0 || !strings.HasPrefix(out.String(), "1 accounts looked at, 1 cases opened") {
		t.Errorf("stdout %q, stderr %q", out.String(), log.String())
	}
}
