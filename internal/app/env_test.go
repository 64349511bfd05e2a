package app

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/pgtest"
)

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

var (
	twilioEnv = map[string]string{"TWILIO_ACCOUNT_SID": "AC" + strings.Repeat("0", 32), "TWILIO_AUTH_TOKEN": "tok", "TWILIO_FROM": "+12025550100"}
	gridEnv   = map[string]string{"SENDGRID_API_KEY": "SG.key", "SENDGRID_FROM_EMAIL": "a@example.invalid"}
)

func with(base map[string]string, pairs ...string) map[string]string {
	out := map[string]string{}
	for k, v := range base {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// TestChannels: what the environment configures is used, the rest is the sandbox, and live
// providers are refused while business time is rehearsed.
func TestChannels(t *testing.T) {
	store := pgtest.New(t)
	rehearsed := &handClock{now: start}
	for _, tc := range []struct {
		name    string
		env     map[string]string
		live    int
		refused bool
		fault   string
	}{
		{"nothing configured: everything stays here", nil, 0, false, ""},
		{"Twilio is live", twilioEnv, 1, true, ""},
		{"SendGrid is live", gridEnv, 1, true, ""},
		{"a loopback address is not", with(twilioEnv, "TWILIO_BASE_URL", "http://127.0.0.1:9"), 0, false, ""},
		{"a mail server of one's own is live", map[string]string{"DULY_SMTP_HOST": "mail.example.invalid", "DULY_SMTP_FROM": "a@example.invalid"}, 1, true, ""},
		{"a relay on this machine is not", map[string]string{"DULY_SMTP_HOST": "127.0.0.1", "DULY_SMTP_FROM": "a@example.invalid", "DULY_SMTP_TLS": "none"}, 0, false, ""},
		{"two ways for email are one too many", with(gridEnv, "DULY_SMTP_HOST", "mail.example.invalid", "DULY_SMTP_FROM", "a@example.invalid"), 0, false, "keep one of them"},
		{"half a mail server is a fault", map[string]string{"DULY_SMTP_HOST": "mail.example.invalid"}, 0, false, "DULY_SMTP_FROM"},
		{"half a configuration is a fault that names what is missing", map[string]string{"TWILIO_ACCOUNT_SID": twilioEnv["TWILIO_ACCOUNT_SID"]}, 0, false, "TWILIO_AUTH_TOKEN"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ch, err := OpenChannels(getenv(tc.env), store)
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Fatalf("error %v, want %s named", err, tc.fault)
				}
				return
			}
			if err != nil || len(ch.Live()) != tc.live || len(ch.Active()) != 3 {
				t.Fatalf("live %v of %d, %v", ch.Live(), len(ch), err)
			}
			if err := ch.Guard(clock.Real()); err != nil {
				t.Fatalf("on the wall clock: %v", err)
			}
			if err := ch.Guard(rehearsed); (err != nil) != tc.refused {
				t.Fatalf("rehearsed: %v, want refused %v", err, tc.refused)
			}
			for _, a := range ch {
				if strings.Contains(a.String(), "tok") || strings.Contains(a.String(), "SG.key") {
					t.Fatal("a secret is printed")
				}
			}
		})
	}
}

// TestMain runs the mains with environments that cannot work: the exit status and the words
// must help.
func TestMains(t *testing.T) {
	dsn := "DATABASE_URL=" + pgtest.DSN(t)
	for _, tc := range []struct {
		name string
		run  func(context.Context, Process) error
		args []string
		env  []string
		code int
		says string
	}{
		{"a worker without a database", RunWorker, nil, []string{"DULY_CODEC_KEYS=k:" + key}, 2, "DATABASE_URL is not set"},
		{"a worker without a key", RunWorker, nil, []string{dsn}, 2, "DULY_CODEC_KEYS"},
		{"a worker with arguments", RunWorker, []string{"x"}, nil, 2, "usage"},
		{"a starter with a wrong flag", RunStarter, []string{"--wet-run"}, nil, 2, "usage"},
		{"a schedule that is too dense", RunStarter, []string{"--schedule", "1s"}, nil, 2, "at least 1m"},
		{"a starter without anything published", RunStarter, nil, []string{dsn}, 0, "0 accounts looked at"},
		{"a database that does not answer", RunStarter, nil, []string{"DATABASE_URL=postgres://x@127.0.0.1:1/x?connect_timeout=1"}, 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			p := Process{Args: append([]string{"p"}, tc.args...), Environ: tc.env, Stdout: &out, Stderr: &out}
			if code := Main(p, tc.run); code != tc.code || !strings.Contains(out.String(), tc.says) {
				t.Fatalf("status %d, said %q; want %d and %q", code, out.String(), tc.code, tc.says)
			}
		})
	}
}

// TestAWorkerThatIsRefusedEnds: a worker that the server will not have does nothing any
// more; its process must end, or nobody restarts it.
func TestAWorkerThatIsRefusedEnds(t *testing.T) {
	w := &Worker{dead: make(chan struct{})}
	ctx, cancel := w.lives(t.Context())
	defer cancel()
	if ctx.Err() != nil {
		t.Fatal("it ended by itself")
	}
	w.giveUp(errors.New("namespace not found"))
	w.giveUp(errors.New("again"))
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), errGaveUp) || w.failed.Load() == nil || (*w.failed.Load()).Error() != "namespace not found" {
		t.Fatalf("ended by %v", context.Cause(ctx))
	}
}

const key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// TestStarterMain: the command opens cases and says so, also as JSON, and a dry run names
// the accounts.
func TestStarterMain(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := pgtest.Open(t, dsn)
	if _, _, err := Publish(t.Context(), store, os.DirFS("../../config"), "test", start); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, store: store, clock: &handClock{now: start}}
	s.debtor("soon", "300.00", dunning.DateOf(time.Now().AddDate(0, 0, -2)))
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--dry-run"}, "account soon would follow consumer-standard"},
		{[]string{"--dry-run", "--output", "json"}, `"opened":1`},
		{nil, "1 cases opened"},
		{nil, "0 cases opened"},
	} {
		var out, errs bytes.Buffer
		p := Process{Args: append([]string{"starter"}, tc.args...), Environ: []string{"DATABASE_URL=" + dsn}, Stdout: &out, Stderr: &errs}
		if code := Main(p, RunStarter); code != 0 || !strings.Contains(out.String(), tc.want) {
			t.Fatalf("%q: status %d, said %q and %q; want %q", tc.args, code, out.String(), errs.String(), tc.want)
		}
	}
}

// TestWorkerOptions: what the environment says of a worker.
func TestWorkerOptions(t *testing.T) {
	for _, tc := range []struct {
		name  string
		env   []string
		clock clock.Clock
		ok    func(WorkerOptions) bool
		fault string
	}{
		{"on the wall clock the starter opens cases", nil, clock.Real(), func(o WorkerOptions) bool { return o.OpenEvery == 0 && o.Late == 0 }, ""},
		{"in a rehearsal the worker does, and sweeps soon", nil, &handClock{}, func(o WorkerOptions) bool { return o.OpenEvery > 0 && o.Late < time.Minute }, ""},
		{"a rate is a time between two messages", []string{"DULY_SMS_EVERY=1s"}, clock.Real(), func(o WorkerOptions) bool {
			return o.Limits[dunning.SMS].Every == time.Second && o.Limits[dunning.Email].Every == 0
		}, ""},
		{"texts of the inbox stay for a year", []string{"DULY_INBOX_KEEP=8760h"}, clock.Real(), func(o WorkerOptions) bool { return o.Inbox == 8760*time.Hour }, ""},
		{"nobody wipes what has not been read yet", []string{"DULY_INBOX_KEEP=24h"}, clock.Real(), nil, "DULY_INBOX_KEEP"},
		{"a wrong rate is refused by name", []string{"DULY_SMS_EVERY=often"}, clock.Real(), nil, "DULY_SMS_EVERY"},
		{"a wrong interval is refused by name", []string{"DULY_OPEN_EVERY=-1m"}, clock.Real(), nil, "DULY_OPEN_EVERY"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := Process{Environ: tc.env}.workerOptions(Deps{Clock: tc.clock})
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil || !tc.ok(o) {
				t.Fatalf("options %+v, %v", o, err)
			}
		})
	}
}

// TestPending: business time does not run past what cases have planned, nor past the
// opening of a case.
func TestPending(t *testing.T) {
	s := newSite(t)
	a := s.debtor("later", "300.00", date(5))
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	at, ok, err := s.store.EarliestWork(t.Context(), start)
	if want := time.Date(2026, 3, 6, 5, 0, 0, 0, time.UTC); err != nil || !ok || !at.Equal(want) {
		t.Fatalf("pending at %s (%v, %v), want the opening at %s", at, ok, err, want)
	}
	s.clock.set(at)
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil || len(s.cases(a)) != 1 {
		t.Fatalf("cases %v, %v", s.cases(a), err)
	}
	if now, ok, err := s.store.EarliestWork(t.Context(), start); err != nil || !ok || !now.Equal(at) {
		t.Fatalf("pending at %s (%v, %v), want %s: the new case waits to be looked at", now, ok, err, at)
	}
}

// TestKindOf: errors are named without their words.
func TestKindOf(t *testing.T) {
	err := errors.New("duplicate key (email)=(ann@example.com)")
	if s := kindOf(err); strings.Contains(s, "ann") {
		t.Fatalf("said %q", s)
	}
}
