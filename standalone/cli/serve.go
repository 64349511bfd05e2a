package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/standalone/site"
)

// serveFlags as they are given.
type serveFlags struct {
	site.Options
	http  string
	rate  float64
	start string
	hold  time.Duration
}

func serve() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run Postgres, Temporal and the clock for other processes of Duly",
		Long: `Runs a private PostgreSQL (or the one that DATABASE_URL leads to), a Temporal
server that keeps its state there, and business time, until it is told to stop.
It prints the variables that lead a worker, starter or console here, and writes
them to the file "env" in the data directory.

With --data it can be killed at any moment and started again: everything goes on
where it was, at the same addresses.`,
		Example: `  standalone serve --data .duly
  standalone serve --data .duly --rate 86400 --start 2026-03-01`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.Dir, "data", "", "directory that keeps everything (default: temporary, forgotten at the end)")
	fs.StringVar(&f.http, "http", "127.0.0.1:8080", "address of the console, /status and /healthz; empty: none")
	fs.IntVar(&f.PGPort, "postgres-port", 0, "port of the private PostgreSQL on 127.0.0.1 (default: as in the last run, else any)")
	fs.IntVar(&f.TemporalPort, "port", 0, "port of the Temporal server on 127.0.0.1 (default: as in the last run, else any)")
	fs.StringVar(&f.Namespace, "namespace", "", `Temporal namespace (default "default")`)
	fs.Float64Var(&f.rate, "rate", 0, "rehearse: business seconds per second, such as 86400 (default: real time)")
	fs.StringVar(&f.start, "start", "", "rehearse from this day or instant, such as 2026-03-01 or 2026-03-01T09:00:00Z (default: now)")
	fs.DurationVar(&f.hold, "hold", clock.DefaultHold, "rehearse: longest wait for work that is due at one instant")
	fs.BoolVar(&f.ForgetWorkflows, "forget-workflows", false, "start with an empty Temporal; open cases are started again by Duly's sweeper")
	fs.BoolVar(&f.Unsafe, "unsafe", false, "do not sync to disk: faster, but a power cut may lose everything")
	return cmd
}

// run starts the site and waits for the end of ctx.
func (f *serveFlags) run(ctx context.Context, out, log io.Writer) (err error) {
	if f.Rehearsal, err = f.rehearsal(clock.Wall()); err != nil {
		return err
	}
	f.DatabaseURL = os.Getenv("DATABASE_URL")
	f.Told = func(line string) { fmt.Fprintln(log, line) }
	web, err := listen(f.http)
	if err != nil {
		return err
	}
	begun := clock.Wall()
	s, err := site.Start(ctx, f.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	end, err := openConsole(ctx, s, web, log, nil, firstUser)
	if err != nil {
		return err
	}
	defer end()
	fmt.Fprint(out, site.Exports(s.Env()))
	fmt.Fprintf(log, "ready after %s%s; stop with Ctrl-C\n", clock.Wall().Sub(begun).Round(time.Millisecond), statusAt(web))
	<-ctx.Done()
	return nil
}

// rehearsal is what the flags ask for, nil for real time.
func (f *serveFlags) rehearsal(now time.Time) (*clock.Setting, error) {
	if f.rate == 0 && f.start == "" {
		return nil, nil
	}
	s := &clock.Setting{Start: now, Rate: f.rate, Hold: f.hold}
	if f.rate == 0 {
		s.Rate = 1
	}
	if s.Rate < 0 {
		return nil, fmt.Errorf("--rate %v: it must be above 0, for example 86400 for a day a second", f.rate)
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if f.start == "" {
			return s, nil
		}
		if at, err := time.Parse(layout, f.start); err == nil {
			s.Start = at
			return s, nil
		}
	}
	return nil, fmt.Errorf("--start %s: give a day such as 2026-03-01 or an instant such as 2026-03-01T09:00:00Z", f.start)
}

// listen takes the address before anything is started: a taken one is found at once.
func listen(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("the console: %w; choose another address with --http, or none with --http ''", err)
	}
	return l, nil
}

// serveHTTP serves until the function that it returns is called.
func serveHTTP(l net.Listener, h http.Handler) (end func()) {
	if l == nil {
		return func() {}
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Shutdown
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
	}
}

func statusAt(l net.Listener) string {
	if l == nil {
		return ""
	}
	return ", console at http://" + l.Addr().String() + "/"
}
