package site

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/pgserver"
)

// Values come from URLs with passwords: a shell must read back exactly what was meant.
func TestExportsSurviveAShell(t *testing.T) {
	for _, c := range []struct{ why, value string }{
		{"a plain address", "127.0.0.1:7233"},
		{"a URL with what shells expand", "postgres://u:p$HOME`id`\\!@h/db?a=b&c=*"},
		{"a quote", "it's"},
		{"an equals sign and a blank", "a=b c"},
		{"nothing", ""},
	} {
		script := Exports([]string{"VALUE=" + c.value}) + `printf %s "$VALUE"`
		out, err := exec.Command("sh", "-c", script).Output()
		if err != nil || string(out) != c.value {
			t.Errorf("%s: %q came back as %q, %v", c.why, c.value, out, err)
		}
	}
}

// A site on a given PostgreSQL leaves it running, waits for the work that it is told
// about, says when a part is away, and refuses a faulty rehearsal without leftovers.
func TestSiteOnAGivenPostgres(t *testing.T) {
	given, err := pgserver.Start(t.Context(), pgserver.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer given.Stop()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	script := start.Add(36 * time.Hour)
	opts := Options{
		DatabaseURL: given.DSN("postgres"),
		Rehearsal:   &clock.Setting{Start: start, Rate: -1},
		Pending: []clock.Pending{func(_ context.Context, after time.Time) (time.Time, bool, error) {
			return script, script.After(after), nil
		}},
	}
	if s, err := Start(t.Context(), opts); err == nil {
		s.Stop()
		t.Fatal("a negative rate was taken")
	}
	opts.Rehearsal.Rate = 1e9 // the line is far ahead at once: only the script holds it
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Clock().Now(t.Context())
	if err != nil || !now.Equal(script) {
		t.Errorf("business time %s, %v; want it to wait at the script's %s", now, err, script)
	}
	st := s.Status(t.Context())
	for begun := clock.Wall(); !st.Healthy() && clock.Wall().Sub(begun) < time.Minute; { // a busy machine may take longer to answer than Status waits
		st = s.Status(t.Context())
	}
	if !st.Healthy() || !st.Rehearsed || st.OpenCases != 0 {
		t.Errorf("status %+v, want all well", st)
	}
	checkAway(t, s, given)
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.temp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary directory %s is still there", s.temp)
	}
	if err := given.CreateDatabase(t.Context(), "still_here"); err != nil {
		t.Errorf("the given PostgreSQL was stopped with the site: %v", err)
	}
}

// checkAway takes Postgres away and looks at what is said, then brings it back.
func checkAway(t *testing.T, s *Site, given *pgserver.Server) {
	t.Helper()
	if err := given.Kill(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/healthz": "not all parts answer", "/": "does not answer"} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), given.Password()) {
			t.Errorf("%s without Postgres (%d):\n%s", path, w.Code, w.Body)
		}
		if path == "/healthz" && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d, want 503", path, w.Code)
		}
	}
	if err := given.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}
