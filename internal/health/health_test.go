package health

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func up(context.Context) error { return nil }

func down(context.Context) error { return errors.New("postgres://duly:hunter2@db refused") }

// slow fails only when its time is over.
func slow(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func start(t *testing.T, checks map[string]Check) *Server {
	t.Helper()
	s, err := Start("127.0.0.1:0", checks, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	return s
}

func get(t *testing.T, s *Server, path string) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + s.Addr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(body))
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		why    string
		checks map[string]Check
		path   string
		code   int
		body   string
	}{
		{"a process that answers lives, whatever it lacks", map[string]Check{"postgres": down}, "/healthz", 200, "ok"},
		{"nothing to check is ready", nil, "/readyz", 200, "ready"},
		{"all checks pass", map[string]Check{"postgres": up, "temporal": up}, "/readyz", 200, "ready"},
		{"failing checks are named in order, without their text", map[string]Check{"temporal": down, "postgres": down, "clock": up}, "/readyz", 503, "not ready: postgres, temporal"},
		{"a check that hangs fails when its time is over", map[string]Check{"temporal": slow, "postgres": up}, "/readyz", 503, "not ready: temporal"},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			if code, body := get(t, start(t, c.checks), c.path); code != c.code || body != c.body {
				t.Errorf("%d %q, want %d %q", code, body, c.code, c.body)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	ready := start(t, map[string]Check{"postgres": up})
	notReady := start(t, map[string]Check{"postgres": down})
	for _, c := range []struct {
		why, addr string
		code      int
		says      string
	}{
		{"ready", ready.Addr(), 0, ""},
		{"not ready: the failing check is named", notReady.Addr(), 1, "status 503: not ready: postgres"},
		{"nobody listens", "127.0.0.1:1", 1, "refused"}, // a port that was let go may be another test's at once
		{"an address without a port is explained", "nonsense", 1, EnvAddr},
	} {
		var stderr bytes.Buffer
		code := ProbeMain(func(string) string { return c.addr }, &stderr)
		if code != c.code || !strings.Contains(stderr.String(), c.says) || strings.Contains(stderr.String(), "hunter2") {
			t.Errorf("%s: status %d, %q", c.why, code, stderr.String())
		}
	}
}

func TestLocal(t *testing.T) {
	for _, c := range []struct{ why, addr, want string }{
		{"nothing set", "", "localhost:8081"},
		{"every interface is reached over the loopback", ":9000", "localhost:9000"},
		{"so is the unspecified address", "0.0.0.0:9000", "localhost:9000"},
		{"and that of IPv6", "[::]:9000", "localhost:9000"},
		{"a given host is kept", "10.0.0.7:9000", "10.0.0.7:9000"},
	} {
		if got, err := local(c.addr); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.why, got, err, c.want)
		}
	}
}

func TestAsked(t *testing.T) {
	for _, c := range []struct {
		why  string
		args []string
		want bool
	}{
		{"the probe", []string{"worker", "healthcheck"}, true},
		{"the program itself", []string{"worker"}, false},
		{"something else", []string{"worker", "--help"}, false},
		{"arguments after it are not ours", []string{"worker", "healthcheck", "x"}, false},
	} {
		if Asked(c.args) != c.want {
			t.Errorf("%s: %v", c.why, !c.want)
		}
	}
}

func TestStartSaysWhichAddressIsTaken(t *testing.T) {
	taken := start(t, nil)
	if _, err := Start(taken.Addr(), nil, nil); err == nil || !strings.Contains(err.Error(), taken.Addr()) || !strings.Contains(err.Error(), EnvAddr) {
		t.Fatalf("error %v", err)
	}
}

func TestMetricsAreServedBesideTheChecks(t *testing.T) {
	told := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "duly_x 1\n") })
	with, err := Start("127.0.0.1:0", map[string]Check{"a": down}, told)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = with.Stop(context.Background()) })
	for _, c := range []struct {
		why  string
		s    *Server
		path string
		code int
		body string
	}{
		{"a process that is not ready tells its figures all the same", with, "/metrics", 200, "duly_x 1"},
		{"its checks are where they were", with, "/readyz", 503, "not ready: a"},
		{"a process without figures has no such page", start(t, nil), "/metrics", 404, "404 page not found"},
	} {
		if code, body := get(t, c.s, c.path); code != c.code || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.why, code, body, c.code, c.body)
		}
	}
}
