package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/workflows"
)

// disaster is an installation whose database is lost and restored from a copy, while the
// providers keep what they took.
type disaster struct {
	*site
	fake *fakeprovider.Server
	env  map[string]string
}

// siteOn is a site on a database of its own, which may be copied.
func siteOn(t *testing.T, dsn string, at time.Time) *site {
	t.Helper()
	s := &site{t: t, store: pgtest.Open(t, dsn), clock: &handClock{now: at}}
	s.book = NewBook(s.store, clock.Wall)
	return s
}

func (d *disaster) channels() Channels {
	d.t.Helper()
	ch, err := OpenChannelsOn(getenv(d.env), d.store, d.clock)
	d.must(err)
	return ch
}

func (d *disaster) deps() Deps {
	return Deps{Store: d.store, Clock: d.clock, Channels: d.channels(), Log: slog.New(slog.DiscardHandler)}
}

// live leads a case from an instant on for so long, as the workflow does, with what a worker
// has. intent is what Temporal holds of before; "": nothing.
func (d *disaster) live(id string, from time.Time, length time.Duration) {
	d.t.Helper()
	d.clock.set(from)
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(silent{})
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(from)
	e.SetTestTimeout(2 * time.Minute)
	e.SetWorkflowRunTimeout(length)
	e.RegisterWorkflowWithOptions(workflows.Case, workflow.RegisterOptions{Name: workflows.CaseType})
	acts := d.deps().hands(d.book)
	acts.Gate, acts.Call = activities.NewGate(d.clock.time, nil), time.Second
	for name, f := range acts.All() {
		e.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: string(name)})
	}
	d.clock.follow(e.Now)
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: id})
	d.clock.follow(nil)
	d.clock.set(from.Add(length))
}

// left are the attempts that the providers took, in order.
func (d *disaster) left() (out []string) {
	for _, m := range d.fake.Log() {
		out = append(out, m.Provider+" "+m.Attempt)
	}
	return out
}

func (d *disaster) noneTwice() {
	d.t.Helper()
	all := d.left()
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		d.t.Errorf("of %d messages %d left twice: %v", len(all), len(all)-n, all)
	}
}

const week = 7 * 24 * time.Hour

// struck lives an account for twelve days, in which an email and a text leave, and comes back
// with a copy of the database from before them, as it was before the case was opened or just
// after.
func struck(t *testing.T, opened bool, env map[string]string) (d *disaster, caseID string) {
	t.Helper()
	dsn := pgtest.DSN(t)
	d = &disaster{site: siteOn(t, dsn, start)}
	if _, _, err := Publish(t.Context(), d.store, os.DirFS("../../config"), "test", start); err != nil {
		t.Fatal(err)
	}
	a := d.debtor("D1", "300.00", date(1))
	var err error
	d.fake, err = fakeprovider.New(fakeprovider.Options{Now: func() time.Time { return d.clock.time() }, TrustDate: true})
	d.must(err)
	web := httptest.NewServer(d.fake)
	t.Cleanup(func() { d.fake.Close(); web.Close() })
	d.env = with(twilioEnv, "TWILIO_BASE_URL", web.URL, "SENDGRID_BASE_URL", web.URL, "DULY_PUBLIC_URL", hookURL)
	for k, v := range env {
		d.env[k] = v
	}
	open := func() {
		t.Helper()
		if sum, err := d.starter().Run(t.Context(), StartOptions{}); err != nil || sum.Opened != 1 {
			t.Fatalf("starter: %+v, %v", sum, err)
		}
	}
	d.must(d.deps().watchRestores(t.Context()))
	if opened {
		open()
	}
	d.store.Close()
	copied := pgtest.Copy(t, dsn) // the backup

	d.site = siteOn(t, dsn, start)
	if !opened {
		open()
	}
	refs, err := d.store.CasesOf(t.Context(), a.debtor)
	d.must(err)
	caseID = refs[0].Case
	d.live(caseID, start, 12*24*time.Hour)
	if got := d.left(); len(got) < 2 || !strings.HasPrefix(got[0], "sendgrid") || !strings.HasPrefix(got[1], "twilio") {
		t.Fatalf("left before the disaster: %v; want an email and a text", got)
	}

	at := d.clock.time().Add(time.Hour)
	d.site = siteOn(t, copied, at)
	d.must(d.deps().watchRestores(t.Context())) // the first thing that any process does
	if !opened {
		open()
	}
	if refs, err = d.store.CasesOf(t.Context(), a.debtor); err != nil || len(refs) != 1 || refs[0].Case != caseID {
		t.Fatalf("cases %+v, %v; want the one that was lost, %s", refs, err, caseID)
	}
	return d, caseID
}

// restoration as the command line has it.
func (d *disaster) restoration() *Restoration { return NewRestoration(d.deps()) }

func (d *disaster) status() read.Restored {
	d.t.Helper()
	s, err := d.restoration().Status(d.t.Context())
	d.must(err)
	return s
}

// TestARestoredDatabaseSendsNothingTwice is the whole way back: noticed, switched off, looked
// up, lifted. What had left is known again, by the providers' records, and what had not left
// leaves.
func TestARestoredDatabaseSendsNothingTwice(t *testing.T) {
	for _, c := range []struct {
		about     string
		opened    bool // the backup has the case
		reconcile bool // a person asks the providers before the switches are lifted
	}{
		{"a backup that has the case, looked up by a person", true, true},
		{"a backup that has the case, looked up by the case itself", true, false},
		{"a backup from before the case was opened, looked up by a person", false, true},
		{"a backup from before the case was opened, looked up by the case itself", false, false},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			env := with(gridEnv, "SENDGRID_ACTIVITY", "true")
			d, id := struck(t, c.opened, env)
			before := d.left()
			s := d.status()
			on, err := d.store.Switches(t.Context())
			d.must(err)
			if !s.Open || len(s.Off) != 3 || s.Restores[0].Since.After(start) || !strings.Contains(on[0].Reason, "restored") {
				t.Fatalf("noticed %+v, %+v", s, on)
			}
			d.live(id, d.clock.time(), 24*time.Hour)
			if got := d.left(); !slices.Equal(got, before) {
				t.Fatalf("left while everything is switched off: %v", got[len(before):])
			}
			if c.reconcile {
				d.reconciles(2)
			}
			d.lift()
			d.live(id, d.clock.time(), 3*week)
			d.noneTwice()
			if got := d.left(); len(got) <= len(before) {
				t.Error("nothing left any more after the switches were lifted")
			}
			known := map[string]bool{}
			contacts, err := d.store.Contacts(t.Context(), id)
			d.must(err)
			for _, k := range contacts {
				known[activities.AttemptID(k.ID)] = k.State == dunning.ContactAccepted
			}
			for _, m := range d.fake.Log() {
				if !known[m.Attempt] {
					t.Errorf("the database does not know of a message by %s", m.Provider)
				}
			}
			d.checkVersions(id)
			if n := len(d.status().Restores); n != 1 {
				t.Errorf("%d restores were noticed", n)
			}
		})
	}
}

// reconciles asks the providers, twice, and ends the restore.
func (d *disaster) reconciles(atLeast int) {
	d.t.Helper()
	ctx := d.t.Context()
	if err := d.restoration().Done(ctx, "user:ada", "looked up", false); !errors.Is(err, ErrNotLookedUp) {
		d.t.Errorf("ended before anybody looked: %v", err)
	}
	before := d.left()
	for range 2 {
		told := 0
		sum, err := d.restoration().Reconcile(ctx, func(Reconciled) { told++ })
		if err != nil || sum.Cases != 1 || sum.Failed+sum.Doubts > 0 || told != 1 {
			d.t.Fatalf("reconciled %+v, %v", sum, err)
		}
		if n := d.states()[dunning.ContactAccepted]; n < int64(atLeast) {
			d.t.Errorf("%d contacts are known to have left", n)
		}
	}
	if !slices.Equal(d.left(), before) {
		d.t.Error("looking up has sent something")
	}
	if r := d.status().Restores[0]; r.Looked.IsZero() {
		d.t.Errorf("nobody noted that it was looked up: %+v", r)
	}
	if err := d.restoration().Done(ctx, "user:ada", "looked up", false); err != nil {
		d.t.Error(err)
	}
	if err := d.restoration().Done(ctx, "user:ada", "again", false); !errors.Is(err, ErrNoRestore) {
		d.t.Errorf("ended twice: %v", err)
	}
}

func (d *disaster) lift() {
	d.t.Helper()
	for _, ch := range d.status().Off {
		sw := dunning.Switch{Scope: dunning.SwitchChannel, Subject: string(ch)}
		d.must(d.store.SwitchOff(d.t.Context(), sw, d.clock.time(), "user:ada", "looked up"))
	}
}

// TestRestoreWithoutActivityFeed: SendGrid without its activity add-on cannot say whether it took
// an email. It is not sent again: it is in doubt, for its events or a person to settle.
func TestRestoreWithoutActivityFeed(t *testing.T) {
	d, id := struck(t, true, gridEnv)
	before := d.left()
	sum, err := d.restoration().Reconcile(t.Context(), nil)
	if err != nil || sum.Doubts != 1 {
		t.Fatalf("reconciled %+v, %v; want the email in doubt", sum, err)
	}
	s := d.status()
	if len(s.Doubts) != 1 || s.Doubts[0].Channel != dunning.Email {
		t.Fatalf("in doubt %+v", s.Doubts)
	}
	if s.Doubts[0].Until.IsZero() {
		t.Errorf("it does not say that it is in doubt because of the restore: %+v", s.Doubts[0])
	}
	d.lift()
	d.live(id, d.clock.time(), week)
	if got := d.left(); !slices.Equal(got, before) {
		t.Errorf("left while the email is in doubt: %v", got[len(before):])
	}
	// A person finds it in SendGrid's console.
	d.clock.follow(nil)
	_, err = d.commands().Do(t.Context(), id, dunning.FinishTask{ID: s.Doubts[0].Contact + "/unknown", Outcome: "sent"}, "user:ada")
	d.must(err)
	d.live(id, d.clock.time(), 2*week)
	d.noneTwice()
}

// TestReconcileGoesOn: what broke off goes on behind the last case that was noted, and a case
// that cannot be looked at keeps the others from nothing.
func TestReconcileGoesOn(t *testing.T) {
	s := newSite(t)
	for i := range 3 {
		s.debtor(fmt.Sprint("D", i), "300.00", date(1))
	}
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	ids, err := s.store.OpenCasesAfter(t.Context(), "", 9)
	if err != nil || len(ids) != 3 || !slices.IsSorted(ids) {
		t.Fatalf("open cases %v, %v", ids, err)
	}
	d := &disaster{site: s, env: map[string]string{}}
	d.must(d.restoration().Declare(t.Context(), start.Add(-time.Hour), "user:ada", "the machine was set back"))
	r := d.status().Restores[0]
	d.must(s.store.LookedTo(t.Context(), r.ID, ids[0], time.Time{}))
	sum, err := d.restoration().Reconcile(t.Context(), nil)
	if err != nil || sum.Cases != 2 {
		t.Errorf("went on: %+v, %v; want the two cases behind", sum, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = d.restoration().Reconcile(ctx, func(Reconciled) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("broken off: %v", err)
	}
	broken := d.restoration()
	broken.Hands.Frames = noFrames{}
	if sum, err = broken.Reconcile(t.Context(), nil); err != nil || sum.Failed != sum.Cases || sum.Cases == 0 {
		t.Errorf("cases that cannot be looked at: %+v, %v", sum, err)
	}
	if sum, err = d.restoration().Reconcile(t.Context(), nil); err != nil || sum.Cases != 3 {
		t.Errorf("after some failed, all are looked at again: %+v, %v", sum, err)
	}
}

// TestReconcileForgetsNoFailure: who breaks off after a case that could not be looked at does not
// go on behind it, so that it is not said that all were.
func TestReconcileForgetsNoFailure(t *testing.T) {
	s := newSite(t)
	for i := range 3 {
		s.debtor(fmt.Sprint("D", i), "300.00", date(1))
	}
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	d := &disaster{site: s, env: map[string]string{}}
	d.must(d.restoration().Declare(t.Context(), start.Add(-time.Hour), "user:ada", "the machine was set back"))
	broken := d.restoration()
	broken.Hands.Frames, broken.page = noFrames{}, 1
	ctx, cancel := context.WithCancel(t.Context())
	sum, err := broken.Reconcile(ctx, func(r Reconciled) {
		if r.Cases == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || sum.Failed != 2 {
		t.Fatalf("broken off: %+v, %v", sum, err)
	}
	if sum, err = d.restoration().Reconcile(t.Context(), nil); err != nil || sum.Cases != 3 {
		t.Errorf("went on: %+v, %v; want all three", sum, err)
	}
}

// noFrames is a configuration that cannot be read.
type noFrames struct{}

func (noFrames) Frame(context.Context, dunning.CaseRef) (activities.Frame, error) {
	return activities.Frame{}, errors.New("it cannot be read")
}

// TestMemoryTrips: a decision that the journal does not hold switches everything off, once,
// though nothing was known to be forgotten a moment before.
func TestMemoryTrips(t *testing.T) {
	d := &disaster{site: newSite(t), env: map[string]string{}}
	m := d.deps().hands(d.book).Memory
	if l, err := m.Lapses(t.Context()); len(l) > 0 || err != nil {
		t.Fatalf("forgotten %v, %v", l, err)
	}
	for range 2 {
		d.must(m.Forgot(t.Context(), clock.Wall().Add(-time.Minute)))
	}
	l, err := m.Lapses(t.Context())
	if s := d.status(); err != nil || len(l) != 1 || len(s.Restores) != 1 || s.Restores[0].Noticed != postgres.ByJournal || len(s.Off) != 3 {
		t.Errorf("forgotten %v, %v; %+v", l, err, s)
	}
}

// TestAnothersMessageIsNoProofAfterARestore: a reminder by text names neither amount nor person,
// so each reads like the last. One that left within the lapse and is known is no proof that the
// next one has: that leaves, too.
func TestAnothersMessageIsNoProofAfterARestore(t *testing.T) {
	d := &disaster{site: newSite(t)}
	d.versionOfConsumers("  - id: offer-plan\n", "  - id: nudge-again\n    at: +12d\n    send: [{sms: nudge, else: [{email: nudge}]}]\n  - id: offer-plan\n")
	var err error
	d.fake, err = fakeprovider.New(fakeprovider.Options{Now: d.clock.time, TrustDate: true})
	d.must(err)
	web := httptest.NewServer(d.fake)
	t.Cleanup(func() { d.fake.Close(); web.Close() })
	d.env = with(twilioEnv, "TWILIO_BASE_URL", web.URL, "DULY_PUBLIC_URL", hookURL)
	a := d.debtor("D1", "300.00", date(1))
	if sum, err := d.starter().Run(t.Context(), StartOptions{}); err != nil || sum.Opened != 1 {
		t.Fatalf("starter: %+v, %v", sum, err)
	}
	refs, err := d.store.CasesOf(t.Context(), a.debtor)
	d.must(err)
	day := 24 * time.Hour
	d.live(refs[0].Case, start, 8*day) // the first text leaves on 9 March
	if n := len(d.left()); n != 1 {
		t.Fatalf("left before the restore: %v; want one text", d.left())
	}
	d.must(d.restoration().Declare(t.Context(), d.clock.time().Add(-2*day), "user:ada", "the machine was set back"))
	d.lift()
	d.live(refs[0].Case, d.clock.time().Add(time.Hour), 6*day) // the second is due on 13 March
	if n := len(d.left()); n != 2 {
		t.Errorf("left %d texts in all, want the second as well: %v", n, d.left())
	}
}
