// Package health answers whether a process lives and can work, and asks it.
//
// It owns /healthz, /readyz and the place of /metrics of processes without HTTP of
// their own (worker, starter) and the probe that a container without a shell needs: the program
// itself, called with the argument "healthcheck". It does not own what ready
// means: the process hands in named checks.
package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// EnvAddr names the address to listen on, host:port; DefaultAddr without it.
const (
	EnvAddr     = "DULY_HEALTH_ADDR"
	DefaultAddr = ":8081"
)

// patience bounds one check, and with that one probe; slowest bounds any answer.
const (
	patience = 3 * time.Second
	slowest  = 20 * time.Second
)

// Check reports why something is not ready, nil when it is. Its text is not
// shown to whoever asks: addresses and users may be in it.
type Check func(context.Context) error

// Handler serves /healthz (the process lives: always 200) and /readyz (200 when
// all checks pass, else 503 with the names of those that fail, in order).
func Handler(checks map[string]Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		failing := run(r.Context(), checks)
		if len(failing) > 0 {
			http.Error(w, "not ready: "+strings.Join(failing, ", "), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	return mux
}

// run gives all checks one deadline together and returns the names that failed.
func run(ctx context.Context, checks map[string]Check) []string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(checks))
	for name, check := range checks {
		go func() { results <- result{name, check(ctx)} }()
	}
	var failing []string
	for range checks {
		if r := <-results; r.err != nil {
			failing = append(failing, r.name)
		}
	}
	slices.Sort(failing)
	return failing
}

// Server is a running health endpoint.
type Server struct {
	http *http.Server
	addr string
	done chan error
}

// Start listens on addr and serves the checks until Stop, and metrics under /metrics
// unless it is nil.
func Start(addr string, checks map[string]Check, metrics http.Handler) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: cannot listen there: %w", EnvAddr, addr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", Handler(checks))
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	s := &Server{
		http: &http.Server{Handler: mux, ReadHeaderTimeout: patience, WriteTimeout: slowest},
		addr: listener.Addr().String(),
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Addr is host:port as bound, with the real port where 0 was asked for.
func (s *Server) Addr() string { return s.addr }

// Stop lets answers under way finish until ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Asked reports whether a program was called only to probe its twin: its first
// argument is "healthcheck".
func Asked(args []string) bool { return len(args) == 2 && args[1] == "healthcheck" }

// Probe asks the process that listens on DULY_HEALTH_ADDR of this machine
// whether it is ready.
func Probe(ctx context.Context, getenv func(string) string) error {
	target, err := local(getenv(EnvAddr))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+target+"/readyz", nil)
	if err != nil {
		return err
	}
	// A proxy from the environment has no business between two processes of
	// one container.
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return fmt.Errorf("status %d: %s", res.StatusCode, strings.TrimSpace(string(words)))
	}
	return nil
}

// local turns an address to listen on into one to connect to.
func local(addr string) (string, error) {
	if addr == "" {
		addr = DefaultAddr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%s=%s: write host:port or :port", EnvAddr, addr)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}

// ProbeMain is Probe for a main: it prints the reason and returns the exit
// status, 0 when ready and 1 when not.
func ProbeMain(getenv func(string) string, stderr io.Writer) int {
	if err := Probe(context.Background(), getenv); err != nil {
		_, _ = fmt.Fprintln(stderr, "not healthy:", err)
		return 1
	}
	return 0
}
