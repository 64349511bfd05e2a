package app

import (
	"context"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// metricsPage is what a set serves.
func metricsPage(t testing.TB, m *metrics.Set) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestFiguresOfTheDatabase: what stands in the database is what the figures say, before and
// after it changes.
func TestFiguresOfTheDatabase(t *testing.T) {
	s := newSite(t)
	m := metrics.New()
	watchPool(m, s.store)
	watchFigures(m, s.store, s.clock)
	s.sees(m, "a quiet database", map[string]string{
		"duly_figures_up": "1", "duly_cases_open": "0", "duly_oldest_due_age_seconds": "0", "duly_nudges_waiting": "0", "duly_contacts_unknown": "0",
		`duly_channel_breaker_open{channel="sms"}`: "0", `duly_channel_switched_off{channel="letter"}`: "0", `duly_switches_on{scope="global"}`: "0",
		`duly_senders_paused{channel="email"}`: "0", `duly_contacts_recent{channel="sms",state="accepted"}`: "0",
		"duly_hook_deliveries_waiting": "0", "duly_hook_deliveries_given_up": "0", "duly_inbox_pending": "0", "duly_audit_chain_broken": "0", "duly_restore_open": "0",
		"duly_payment_feed_oldest_age_seconds": "0",
		"duly_database_replica_lag_seconds":    "0", `duly_db_pool_connections{state="in_use"}`: "0",
	})
	s.debtor("D1", "300.00", date(1))
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	s.clock.set(start.Add(2 * time.Hour)) // nobody has looked at the case for two hours
	for range 5 {
		s.must(s.store.BreakerUnknown(t.Context(), "sms"))
	}
	s.must(s.store.Pause(t.Context(), "email", time.Hour))
	for _, sw := range []dunning.Switch{
		{Scope: dunning.SwitchChannel, Subject: "letter"},
		{Scope: dunning.SwitchCreditor, Subject: "demo"},
		{Scope: dunning.SwitchTemplate, Subject: "nudge", Until: start.Add(time.Hour)},
	} {
		_, err := s.store.SwitchOn(t.Context(), postgres.Switch{Switch: sw, Reason: "test", By: "user:ada", On: start})
		s.must(err)
	}
	s.must(s.store.FeedComplete(t.Context(), "demo", start.Add(-time.Hour)))
	s.sees(m, "a case that waits, and channels that are closed", map[string]string{
		"duly_cases_open": "1", "duly_cases_due": "1", "duly_oldest_due_age_seconds": "7200", "duly_cases_late": "1", "duly_nudges_waiting": "1",
		`duly_channel_breaker_open{channel="sms"}`: "1", `duly_channel_breaker_open{channel="email"}`: "0",
		`duly_channel_switched_off{channel="letter"}`: "1", `duly_channel_switched_off{channel="sms"}`: "0", // a switch over a creditor closes no channel
		`duly_switches_on{scope="channel"}`: "1", `duly_switches_on{scope="creditor"}`: "1", `duly_switches_on{scope="template"}`: "0", // it has ended
		`duly_senders_paused{channel="email"}`: "1", "duly_payment_feed_oldest_age_seconds": "10800",
	})
	id, err := s.store.Declare(t.Context(), start, start.Add(2*time.Hour), "user:ada", "test")
	s.must(err)
	s.sees(m, "a database that was restored", map[string]string{"duly_restore_open": "1", `duly_channel_switched_off{channel="email"}`: "1"})
	s.must(s.store.RestoreDone(t.Context(), id, start.Add(2*time.Hour), "user:bob", "all is put right"))
	s.sees(m, "one that is put right, and whose switches a person lifts", map[string]string{"duly_restore_open": "0"})
	if page := metricsPage(t, m); strings.Contains(page, "demo") || strings.Contains(page, "D1") {
		t.Error("a creditor or an account is named")
	}
	s.clock.get = func() time.Time { panic("no clock") }
	s.sees(m, "business time that cannot be read", map[string]string{"duly_figures_up": "0"})
}

// sees compares lines of the page.
func (s *site) sees(m *metrics.Set, when string, want map[string]string) {
	s.t.Helper()
	page := metricsPage(s.t, m)
	for series, value := range want {
		if !strings.Contains(page, "\n"+series+" "+value+"\n") {
			_, rest, _ := strings.Cut(page, "\n"+series+" ")
			got, _, _ := strings.Cut(rest, "\n")
			s.t.Errorf("%s: %s is %q, want %s", when, series, got, value)
		}
	}
}

// liveAndPay plays the only case with measured activities until the debtor pays on day 20.
func (s *site) liveAndPay(m *metrics.Set) {
	s.t.Helper()
	nudges, err := s.store.Undelivered(s.t.Context(), 10)
	if err != nil || len(nudges) != 1 {
		s.t.Fatalf("nudges %+v, %v", nudges, err)
	}
	acts := s.activities()
	acts.Meter, acts.Count = m, m.Event
	e := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(time.Minute)
	e.RegisterWorkflowWithOptions(workflows.Case, workflow.RegisterOptions{Name: workflows.CaseType})
	for name, f := range acts.All() {
		e.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: string(name)})
	}
	s.clock.get = e.Now
	var paid error
	e.RegisterDelayedCallback(func() {
		_, paid = s.commands().Do(context.Background(), nudges[0].Case, dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")}, "import")
		e.SignalWorkflow(workflows.Nudge.Name, workflows.Nudged{})
	}, 20*24*time.Hour)
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: nudges[0].Case})
	if err := e.GetWorkflowError(); err != nil || paid != nil {
		s.t.Fatalf("workflow: %v, payment: %v", err, paid)
	}
}

// TestMeterOfActivities: a case that is lived through the real activities is counted: its
// looks, its messages, what they waited for.
func TestMeterOfActivities(t *testing.T) {
	s := newSite(t)
	s.debtor("D1", "300.00", date(1))
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	m := metrics.New()
	m.Works()
	s.liveAndPay(m)
	page := metricsPage(t, m)
	for why, line := range map[string]string{
		"three emails that were taken":            `duly_contacts_total{channel="email",class="none",state="accepted"} 3`,
		"one text":                                `duly_contacts_total{channel="sms",class="none",state="accepted"} 1`,
		"each is timed":                           `duly_decided_to_accepted_seconds_count{channel="email"} 3`,
		"and the calls of the provider":           `duly_provider_call_seconds_count{channel="sms",state="accepted"} 1`,
		"nothing failed":                          `duly_contacts_total{channel="email",class="none",state="failed"} 0`,
		"and nothing crossed":                     `duly_events_total{name="crossed_in_post"} 0`,
		"nothing was sent late, in business time": `duly_due_to_decided_seconds_bucket{verb="send",le="60"} `,
	} {
		if !strings.Contains(page, "\n"+line) {
			t.Errorf("%s: no line %s", why, line)
		}
	}
	for _, zero := range []string{`duly_activities_total{outcome="ok",verb="look"} 0`, `duly_activities_total{outcome="ok",verb="send"} 0`} {
		if strings.Contains(page, "\n"+zero+"\n") {
			t.Errorf("after a case: %s", zero)
		}
	}
}

// TestAgeOfTheVerification: a chain that was never verified counts from its first seal, so that the
// alert sees it; from its verification afterwards.
func TestAgeOfTheVerification(t *testing.T) {
	s := newSite(t)
	m := metrics.New()
	watchFigures(m, s.store, s.clock)
	age := func() time.Duration {
		_, rest, found := strings.Cut(metricsPage(t, m), "\n"+metrics.VerifiedAge+" ")
		if !found {
			return -1
		}
		seconds, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		s.must(err)
		return time.Duration(seconds * float64(time.Second))
	}
	if got := age(); got != -1 {
		t.Errorf("nothing is sealed, and the chain is said to have waited %s to be verified", got)
	}
	s.must(s.store.Audit(t.Context(), postgres.Audited{At: start, By: "user:ada", Action: "test"}))
	_, err := s.store.Seal(t.Context(), clock.Wall().Add(-31*time.Hour), postgres.SealOptions{})
	s.must(err)
	s.must(s.store.Audit(t.Context(), postgres.Audited{At: start, By: "user:ada", Action: "test"}))
	_, err = s.store.Seal(t.Context(), clock.Wall(), postgres.SealOptions{})
	s.must(err)
	if got := age(); got < 31*time.Hour || got > 32*time.Hour {
		t.Errorf("never verified in the 31 hours since the first seal: %s", got)
	}
	g := &Guardian{Store: s.store, Clock: s.clock}
	_, err = g.Verify(t.Context(), "test")
	s.must(err)
	if got := age(); got < 0 || got > time.Hour {
		t.Errorf("verified just now: %s", got)
	}
}

// TestFiguresOfASchedule: one that never ran counts from when it was made; how often it is to run
// is its interval, or the longest pause of a calendar.
func TestFiguresOfASchedule(t *testing.T) {
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	spec := func(every ...time.Duration) *client.ScheduleSpec {
		s := &client.ScheduleSpec{}
		for _, e := range every {
			s.Intervals = append(s.Intervals, client.ScheduleIntervalSpec{Every: e})
		}
		return s
	}
	for _, c := range []struct {
		why   string
		spec  *client.ScheduleSpec
		runs  []time.Time
		next  []time.Time
		last  time.Time
		every time.Duration
	}{
		{"it has just been made", spec(15 * time.Minute), nil, []time.Time{at(1)}, at(0), 15 * time.Minute},
		{"it ran twice", spec(24 * time.Hour), []time.Time{at(24), at(48)}, []time.Time{at(72), at(96)}, at(48), 24 * time.Hour},
		{"somebody has given it a second interval", spec(24*time.Hour, time.Hour), []time.Time{at(24)}, nil, at(24), time.Hour},
		{"somebody has given it a calendar", spec(), []time.Time{at(24)}, []time.Time{at(48), at(72), at(144), at(168)}, at(24), 72 * time.Hour},
		{"it has nothing to run any more", nil, []time.Time{at(24)}, nil, at(24), 0},
	} {
		d := &client.ScheduleDescription{Schedule: client.Schedule{Spec: c.spec, State: &client.ScheduleState{Paused: true}}}
		d.Info.CreatedAt, d.Info.NextActionTimes, d.Info.NumActionsMissedCatchupWindow = at(0), c.next, 3
		for _, r := range c.runs {
			d.Info.RecentActions = append(d.Info.RecentActions, client.ScheduleActionResult{ActualTime: r})
		}
		want := []metrics.Sample{
			{Name: metrics.SchedulePaused, Value: 1},
			{Name: metrics.ScheduleMissed, Value: 3},
			{Name: metrics.ScheduleLast, Value: float64(c.last.Unix())},
			{Name: metrics.ScheduleEvery, Value: c.every.Seconds()},
		}
		if got := scheduleSamples(d); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", c.why, got, want)
		}
	}
}
