package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/health"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/secret"
	"github.com/duly/duly/internal/temporalx"
)

// Process is what a main has of its surroundings.
type Process struct {
	Args    []string
	Environ []string
	Stdout  io.Writer
	Stderr  io.Writer
}

// OS is the process that this is.
func OS() Process {
	return Process{Args: os.Args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}
}

// Getenv reads the process's environment.
func (p Process) Getenv(name string) string {
	for i := len(p.Environ) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(p.Environ[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// Main runs a process until it ends or is told to (SIGINT, SIGTERM), and returns its exit
// status: 0 well, 1 trouble, 2 wrong usage. Called with the one argument "healthcheck" it
// only asks its twin.
func Main(p Process, run func(context.Context, Process) error) int {
	if health.Asked(p.Args) {
		return health.ProbeMain(p.Getenv, p.Stderr)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, p)
	switch usage := (usageError{}); {
	case err == nil, errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 0
	case errors.As(err, &usage):
		_, _ = fmt.Fprintln(p.Stderr, err)
		return 2
	default:
		_, _ = fmt.Fprintln(p.Stderr, err)
		return 1
	}
}

// usageError is a fault of whoever called the program.
type usageError struct{ error }

// Connect opens the database, the clock, Temporal and the channels as the environment says.
// close ends what was opened. All that is wrong with the environment is reported at once.
func Connect(ctx context.Context, p Process, needTemporal bool) (d Deps, done func(), err error) {
	d.Log, d.Metrics = slog.New(slog.NewTextHandler(p.Stderr, nil)), metrics.New()
	opts, err := clientOptions(p, d.Log, needTemporal)
	dsn, derr := secret.FromEnv(p.Getenv, "DATABASE_URL")
	if derr == nil && !dsn.IsSet() {
		derr = errors.New("DATABASE_URL is not set: write postgres://user@host:5432/database, or name a file that holds it with DATABASE_URL_FILE")
	}
	err = errors.Join(err, derr)
	if err != nil {
		return d, nil, usageError{err}
	}
	if d.Store, err = postgres.Open(ctx, dsn.Reveal()); err != nil {
		return d, nil, err
	}
	closers := []func(){d.Store.Close}
	done = func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}
	if err = d.connect(ctx, p, opts, needTemporal, &closers); err != nil {
		done()
		return d, nil, err
	}
	return d, done, nil
}

// connect opens what stands on the database.
func (d *Deps) connect(ctx context.Context, p Process, opts client.Options, needTemporal bool, closers *[]func()) (err error) {
	if d.Clock, err = clock.Open(ctx, d.Store.Pool(), d.Store.EarliestWork); err != nil {
		return err
	}
	if err = UseDataKeys(d.Store, p.Getenv); err != nil {
		return usageError{err}
	}
	if err = UseReportLimit(d.Store, p.Getenv); err != nil {
		return usageError{err}
	}
	if d.Channels, err = OpenChannelsOn(p.Getenv, d.Store, d.Clock); err != nil {
		return usageError{err}
	}
	if d.Unsubscribe, err = unsubscribeLinks(p.Getenv); err != nil {
		return usageError{err}
	}
	if !needTemporal {
		return nil
	}
	d.Namespace, opts.MetricsHandler = opts.Namespace, d.Metrics.Temporal()
	if d.Temporal, err = dial(ctx, opts, d.Log); err == nil {
		*closers = append(*closers, d.Temporal.Close)
	}
	return err
}

// clientOptions are the SDK's standard environment with our encryption and logger.
func clientOptions(p Process, log *slog.Logger, need bool) (client.Options, error) {
	if !need {
		return client.Options{}, nil
	}
	opts, err := temporalx.FromEnviron(p.Environ)
	keys, kerr := codec.FromEnv(p.Getenv)
	if err = errors.Join(err, kerr); err != nil {
		return opts, err
	}
	Encrypt(&opts, keys)
	opts.Logger = TemporalLog(log)
	return opts, nil
}

// UseDataKeys gives a store the keys of the environment (DULY_DATA_KEY, else those of
// DULY_CODEC_KEYS) under which messages and letters are sealed. Without any, a process can
// neither seal nor show them; a worker always has some, because Temporal needs them too.
func UseDataKeys(store *postgres.Store, getenv func(string) string) error {
	keys, err := codec.DataFromEnv(getenv)
	if errors.Is(err, codec.ErrNoKeys) {
		return nil
	}
	if err == nil {
		store.UseCipher(keys)
	}
	return err
}

// EnvReportTimeout is how long one question of a report may take in the database.
const EnvReportTimeout = "DULY_REPORT_TIMEOUT"

// A report needs a moment, and none is worth an hour of a connection.
const (
	leastReport = time.Second
	mostReport  = time.Hour
)

// UseReportLimit gives a store the bound of the environment on what reports ask; without one
// postgres.LongestReport holds.
func UseReportLimit(store *postgres.Store, getenv func(string) string) error {
	text := getenv(EnvReportTimeout)
	if text == "" {
		return nil
	}
	longest, err := time.ParseDuration(text)
	if err != nil || longest < leastReport || longest > mostReport {
		return fmt.Errorf("%s=%s: write a duration from 1s to 1h, such as 5m, or leave it away for %s", EnvReportTimeout, text, postgres.LongestReport)
	}
	store.UseReportLimit(longest)
	return nil
}

// Encrypt makes a client encrypt all payloads and failures.
func Encrypt(opts *client.Options, keys codec.Keys) {
	opts.DataConverter = codec.DataConverter(keys)
	opts.FailureConverter = codec.FailureConverter(opts.DataConverter)
}

// patience is how long a process waits at its start for Temporal.
const patience = 5 * time.Minute

// dial connects to Temporal, and waits for it: processes of a deployment start together.
func dial(ctx context.Context, opts client.Options, log *slog.Logger) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c, err := client.DialContext(ctx, opts)
		if err == nil {
			return c, nil
		}
		log.Info("waiting for Temporal", slog.String("address", opts.HostPort), slog.String("type", kindOf(err)))
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no Temporal server answers at %s (TEMPORAL_ADDRESS): %w", opts.HostPort, err)
		case <-time.After(2 * time.Second):
		}
	}
}

// RunWorker is the main of the worker.
func RunWorker(ctx context.Context, p Process) error {
	if len(p.Args) > 1 {
		return usageError{errors.New("usage: worker   (it is configured by its environment: DATABASE_URL, TEMPORAL_ADDRESS, DULY_CODEC_KEYS, …)")}
	}
	d, done, err := Connect(ctx, p, true)
	if err != nil {
		return err
	}
	defer done()
	o, err := p.workerOptions(d)
	if err != nil {
		return err
	}
	w, err := NewWorker(ctx, d, o)
	if err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	defer w.Stop()
	ctx, cancel := w.lives(ctx)
	defer cancel()
	err = serveHealth(ctx, p, w.Checks(), w.meters.Handler())
	if errors.Is(context.Cause(ctx), errGaveUp) {
		return fmt.Errorf("%w (%s)", errGaveUp, kindOf(*w.failed.Load()))
	}
	return err
}

// workerOptions: in a rehearsal there is no time to wait for a Schedule or for minutes of
// lateness, so the worker opens cases itself and sweeps soon.
func (p Process) workerOptions(d Deps) (o WorkerOptions, err error) {
	if d.Clock != clock.Real() {
		o = WorkerOptions{OpenEvery: 200 * time.Millisecond, Late: 5 * time.Second, Sweep: time.Second, Poll: time.Second}
	}
	if every := p.Getenv("DULY_OPEN_EVERY"); every != "" {
		if o.OpenEvery, err = time.ParseDuration(every); err != nil || o.OpenEvery <= 0 {
			return o, usageError{fmt.Errorf("DULY_OPEN_EVERY=%s: write a duration such as 15m, or leave it away and use the starter", every)}
		}
	}
	if keep := p.Getenv("DULY_INBOX_KEEP"); keep != "" {
		if o.Inbox, err = time.ParseDuration(keep); err != nil || o.Inbox < leastInbox {
			return o, usageError{fmt.Errorf("DULY_INBOX_KEEP=%s: write how long texts stay, at least 720h (30 days), such as 8760h for a year; or leave it away to keep them", keep)}
		}
	}
	o.Limits, err = p.limits()
	return o, err
}

// leastInbox leaves people the time to read what debtors wrote.
const leastInbox = 30 * 24 * time.Hour

// limits are the least times between two hand-overs of this process, by channel:
// DULY_SMS_EVERY=1s is one text a second.
func (p Process) limits() (map[dunning.Channel]activities.Limits, error) {
	out := map[dunning.Channel]activities.Limits{}
	for name, ch := range map[string]dunning.Channel{
		"DULY_SMS_EVERY": dunning.SMS, "DULY_EMAIL_EVERY": dunning.Email, "DULY_LETTER_EVERY": dunning.Letter,
	} {
		text := p.Getenv(name)
		if text == "" {
			continue
		}
		every, err := time.ParseDuration(text)
		if err != nil || every < 0 || every > time.Hour {
			return nil, usageError{fmt.Errorf("%s=%s: write the time between two messages, such as 1s or 50ms", name, text)}
		}
		out[ch] = activities.Limits{Every: every}
	}
	return out, nil
}

// serveHealth answers health checks, and what the process measures, until ctx ends.
func serveHealth(ctx context.Context, p Process, checks map[string]health.Check, measured http.Handler) error {
	h, err := health.Start(or(p.Getenv(health.EnvAddr), health.DefaultAddr), checks, measured)
	if err != nil {
		return err
	}
	<-ctx.Done()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return h.Stop(ending)
}
