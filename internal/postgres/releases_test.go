package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// TestNobodyWaitsLongForAPublisher: one that has many accounts looked at again holds the lock for
// long. That is no fault of the accounts that a starter notes meanwhile.
func TestNobodyWaitsLongForAPublisher(t *testing.T) {
	dsn, ctx := pgtest.DSN(t), t.Context()
	sep := "?"
	if strings.Contains(dsn, sep) {
		sep = "&"
	}
	s := pgtest.Open(t, dsn+sep+"lock_timeout=50ms")
	publisher, err := s.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publisher.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('duly releases', 0))"); err != nil {
		t.Fatal(err)
	}
	account := postgres.DebtorID(creditor, "C1")
	if err := s.Checked(ctx, account, 1, "r1", time.Time{}); err != nil {
		t.Errorf("while a release is being published: %v", err)
	}
	if err := publisher.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Checked(ctx, "no id", 1, "r1", time.Time{}); err == nil {
		t.Error("what fails otherwise is not said")
	}
}

func TestReleases(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	if _, ok, err := s.CurrentRelease(ctx); ok || err != nil {
		t.Errorf("a release before any: %v, %v", ok, err)
	}
	first := postgres.Release{
		Version: "r1", Published: noon, By: "user:1",
		Files:     map[string][]byte{"sequences/a.yaml": []byte("a\x00b"), "queues.yaml": {}},
		Sequences: map[string]string{"a": "v1"},
	}
	second := postgres.Release{Version: "r2", Published: noon.Add(time.Hour), By: "user:2", Files: map[string][]byte{"x": []byte("y")}, Sequences: map[string]string{"a": "v1", "b": "v1"}}
	for _, c := range []struct {
		why   string
		r     postgres.Release
		added bool
	}{
		{"a new release is published", first, true},
		{"and so is the next", second, true},
		{"the one in force again changes nothing", second, false},
		{"the first again is gone back to", first, true},
		{"and the second put into force again", second, true},
	} {
		if added, err := s.PublishRelease(ctx, c.r); added != c.added || err != nil {
			t.Errorf("%s: %v, %v", c.why, added, err)
		}
	}
	current, ok, err := s.CurrentRelease(ctx)
	if !ok || err != nil || current.Version != "r2" {
		t.Errorf("current release %s, %v, %v", current.Version, ok, err)
	}
	got, err := s.Release(ctx, "r1")
	if first.Sequences = nil; err != nil || !cmp.Equal(got, first) {
		t.Errorf("release r1 came back as %+v, %v", got, err)
	}
	if _, err := s.Release(ctx, "r9"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a release that is not there: %v", err)
	}
	for sequence, want := range map[string]string{"a": "r1", "b": "r2"} {
		if r, err := s.ReleaseOf(ctx, sequence, "v1"); r != want || err != nil {
			t.Errorf("sequence %s came with %s, %v; want %s", sequence, r, err, want)
		}
	}
	if _, err := s.ReleaseOf(ctx, "a", "v9"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a sequence version that was never published: %v", err)
	}
	var story []string
	activations, err := s.Activations(ctx)
	for _, a := range activations {
		story = append(story, a.Release+" by "+a.By)
	}
	if want := "r1 by user:1, r2 by user:2, r1 by user:1, r2 by user:2"; strings.Join(story, ", ") != want || err != nil {
		t.Errorf("in force were %s, %v; want %s", strings.Join(story, ", "), err, want)
	}
	all, err := s.Releases(ctx)
	if err != nil || len(all) != 2 || all[0].Version != "r1" {
		t.Errorf("releases %+v, %v", all, err)
	}
}

func TestOneOfTwoPublishersWins(t *testing.T) {
	s := pgtest.New(t)
	var added atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			ok, err := s.PublishRelease(t.Context(), postgres.Release{Version: "r", Published: noon, Files: map[string][]byte{"a": []byte("b")}})
			if err != nil {
				t.Error(err)
			}
			if ok {
				added.Add(1)
			}
		})
	}
	wg.Wait()
	if added.Load() != 1 {
		t.Errorf("published %d times", added.Load())
	}
}

func TestSandboxAndLetters(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	box := s.Sandbox()
	m := dunning.Message{Attempt: "a1", Channel: dunning.Email, To: "ada@example.invalid", Subject: "Hello\x00", Text: "text", At: noon}
	for range 2 {
		if err := box.Put(ctx, "a1", noon, m); err != nil {
			t.Fatal(err)
		}
	}
	late := m
	late.Attempt, late.Subject = "a2", "Later"
	if err := box.Put(ctx, "a2", noon.Add(time.Hour), late); err != nil {
		t.Fatal(err)
	}
	if n, err := box.Count(ctx); n != 2 || err != nil {
		t.Errorf("%d messages, %v; the same attempt twice is one", n, err)
	}
	for attempt, want := range map[string]bool{"a1": true, "a9": false} {
		if ok, err := box.Has(ctx, attempt); ok != want || err != nil {
			t.Errorf("Has(%s) = %v, %v", attempt, ok, err)
		}
	}
	got, err := box.Latest(ctx, 10)
	if err != nil || len(got) != 2 || !cmp.Equal(got[0], late) || got[1].Subject != "Hello\ufffd" {
		t.Errorf("messages, the newest first and whole: %+v, %v", got, err)
	}
	letter := postgres.LetterFile{Attempt: "l1", At: noon, PDF: []byte("%PDF"), HTML: "<p>"}
	for range 2 {
		if err := s.PutLetter(ctx, letter); err != nil {
			t.Fatal(err)
		}
	}
	if back, err := s.Letter(ctx, "l1"); err != nil || !cmp.Equal(back, letter) {
		t.Errorf("letter %+v, %v", back, err)
	}
	if ok, err := s.HasLetter(ctx, "l2"); ok || err != nil {
		t.Errorf("HasLetter of none: %v, %v", ok, err)
	}
	if _, err := s.Letter(ctx, "l2"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a letter that is not there: %v", err)
	}
}

func TestAudit(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	rows := []postgres.Audited{
		{At: noon, By: "user:1", Action: "publish", Subject: "r1", Detail: map[string]string{"note": "a"}},
		{At: noon, By: "user:2", Action: "erase", Subject: "d1"},
	}
	for _, a := range rows {
		if err := s.Audit(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.AuditOf(ctx, "r1", 10)
	if err != nil || !cmp.Equal(got, rows[:1]) {
		t.Errorf("audit of r1: %+v, %v", got, err)
	}
	if got, err = s.AuditOf(ctx, "", 10); err != nil || len(got) != 2 || got[0].Action != "erase" {
		t.Errorf("audit of everything, the newest first: %+v, %v", got, err)
	}
	if err := s.Audit(ctx, postgres.Audited{At: noon, Action: "x"}); !errors.Is(err, postgres.ErrRefused) || !strings.Contains(err.Error(), "audit_by") {
		t.Errorf("an audit row by nobody: %v", err)
	}
}
