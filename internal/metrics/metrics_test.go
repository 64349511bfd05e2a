package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/duly/duly/dunning"
)

// scrape is what Prometheus would get.
func scrape(t *testing.T, s *Set) (text string, code int) {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String(), w.Code
}

// everything makes a set in which each metric of the catalogue has a value.
func everything() *Set {
	s := New()
	s.Describe("worker", "3", "go")
	s.Works()
	s.Carried(dunning.VerbSend, "store", time.Second)
	s.Decided(dunning.Decision{Verb: dunning.VerbSend, Deferred: true, Rule: "us-fdcpa/hours"})
	s.Served(dunning.VerbSend, time.Minute)
	s.Called(dunning.SMS, dunning.Outcome{State: dunning.SendAccepted}, time.Second)
	s.HandedOver(dunning.SMS, dunning.Outcome{State: dunning.SendAccepted}, time.Second)
	s.Started(2, 3, true)
	s.Woken(1)
	s.Request("GET /login", "2xx", time.Millisecond)
	s.WatchPool(func() Pool { return Pool{Idle: 1, Most: 4} })
	s.Watch(time.Now, func(context.Context) (all []Sample, _ error) {
		for _, d := range own {
			if pull(d) && d.Name != FiguresUp && d.Name != FiguresAge && !strings.HasPrefix(d.Name, "duly_db_pool_") {
				all = append(all, Sample{d.Name, 1, make([]string, len(d.Labels))})
			}
		}
		return all, nil
	})
	for name, d := range sdk {
		h := s.Temporal().WithTags(map[string]string{"task_queue": "duly"})
		switch d.Kind {
		case Counter:
			h.Counter(name).Inc(1)
		case Gauge:
			h.Gauge(name).Update(1)
		case Histogram:
			h.Timer(name).Record(time.Second)
		}
	}
	return s
}

func TestEveryMetricOfTheCatalogueIsServedAsItSays(t *testing.T) {
	text, code := scrape(t, everything())
	if code != 200 {
		t.Fatalf("status %d: %s", code, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, d := range Catalogue() {
		known[d.Name] = true
		f := families[d.Name]
		if f == nil {
			t.Errorf("%s is not served", d.Name)
			continue
		}
		if got := strings.ToLower(f.GetType().String()); got != string(d.Kind) {
			t.Errorf("%s is a %s, the catalogue says %s", d.Name, got, d.Kind)
		}
		if f.GetHelp() != d.Help {
			t.Errorf("%s says %q, the catalogue %q", d.Name, f.GetHelp(), d.Help)
		}
		if got := len(f.GetMetric()[0].GetLabel()); got != len(d.Labels) {
			t.Errorf("%s has %d labels, the catalogue says %v", d.Name, got, d.Labels)
		}
	}
	for name := range families {
		if !known[name] && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is served and not in the catalogue", name)
		}
	}
}

func TestNamesKeepTheRulesOfPrometheus(t *testing.T) {
	text, _ := scrape(t, everything())
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	forbidden := regexp.MustCompile(`case_id|account|debtor|creditor|workflow_id|run_id|email|phone|name_of|user`)
	seen := map[string]bool{}
	for _, d := range Catalogue() {
		if seen[d.Name] {
			t.Errorf("%s stands twice in the catalogue", d.Name)
		}
		seen[d.Name] = true
		for _, label := range d.Labels {
			if forbidden.MatchString(label) {
				t.Errorf("%s has the label %s, which may name somebody", d.Name, label)
			}
		}
	}
}

func TestWhatIsCounted(t *testing.T) {
	s := New()
	s.Works()
	s.Carried(dunning.VerbSend, "", 2*time.Second)
	s.Carried(dunning.VerbSend, "panic", time.Second)
	s.Decided(dunning.Decision{Verb: dunning.VerbLook, Deferred: true, Rule: "house/hours"})
	s.Decided(dunning.Decision{Verb: dunning.VerbSend, Rule: "not_deferred"})
	s.Served(dunning.VerbSend, 20*time.Minute)
	s.Served(dunning.VerbSend, -time.Second)
	s.HandedOver(dunning.SMS, dunning.Outcome{State: dunning.SendAccepted}, 40*time.Millisecond)
	s.HandedOver(dunning.SMS, dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater}, time.Second)
	s.HandedOver(dunning.Email, dunning.Outcome{State: dunning.SendUnknown}, time.Second)
	s.Event("crossed_in_post")
	s.Relayed(3, 2, 1)
	s.Started(4, 7, false)
	text, _ := scrape(t, s)
	for why, line := range map[string]string{
		"an activity that went well":                  `duly_activities_total{outcome="ok",verb="send"} 1`,
		"an activity that failed, by its code":        `duly_activities_total{outcome="panic",verb="send"} 1`,
		"a verb that nothing was done of":             `duly_activities_total{outcome="ok",verb="close"} 0`,
		"both are timed":                              `duly_activity_seconds_sum{verb="send"} 3`,
		"the next thing":                              `duly_decisions_total{verb="send"} 1`,
		"a deferral by its rule":                      `duly_deferrals_total{rule="house/hours"} 1`,
		"20 minutes late, and one early that is none": `duly_due_to_decided_seconds_sum{verb="send"} 1200`,
		"its bucket":                                  `duly_due_to_decided_seconds_bucket{verb="send",le="900"} 1`,
		"a message that was taken":                    `duly_contacts_total{channel="sms",class="none",state="accepted"} 1`,
		"one that was refused, with its class":        `duly_contacts_total{channel="sms",class="later",state="failed"} 1`,
		"one that nobody knows of":                    `duly_contacts_total{channel="email",class="none",state="unknown"} 1`,
		"only what was taken is timed":                `duly_decided_to_accepted_seconds_count{channel="sms"} 1`,
		"an event":                                    `duly_events_total{name="crossed_in_post"} 1`,
		"nudges":                                      `duly_nudges_total{outcome="dropped"} 2`,
		"nudges that wait":                            `duly_nudges_total{outcome="failed"} 1`,
		"a run of the starter":                        `duly_starter_runs_total{outcome="failed"} 1`,
		"what it opened":                              `duly_cases_opened_total 4`,
		"what no sequence applies to":                 `duly_accounts_unmatched 7`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s: no line %s", why, line)
		}
	}
	if strings.Contains(text, "not_deferred") {
		t.Error("a decision that defers nothing is counted as a deferral")
	}
}

func TestLabelValuesAreBounded(t *testing.T) {
	s := New()
	for i := range 3 * most {
		s.Decided(dunning.Decision{Deferred: true, Rule: fmt.Sprintf("rule/%d", i)})
	}
	s.Event("bad\xffutf8\x00")
	text, code := scrape(t, s)
	if n := strings.Count(text, "duly_deferrals_total{"); code != 200 || n != most+1 {
		t.Errorf("status %d, %d series, want %d and one for the others", code, n, most)
	}
	if line := fmt.Sprintf(`duly_deferrals_total{rule="other"} %d`, 2*most); !strings.Contains(text, line) {
		t.Errorf("no line %s", line)
	}
	if !strings.Contains(text, `duly_events_total{name="bad?utf8"} 1`) {
		t.Error("a name that is no text breaks the page or is not counted")
	}
}

func TestTemporalKeepsOnlyWhatTheCatalogueNames(t *testing.T) {
	s := New()
	h := s.Temporal().WithTags(map[string]string{"namespace": "secret", "task_queue": "duly", "workflow_id": "case/123"}).
		WithTags(map[string]string{"activity_type": "send"})
	h.Timer("temporal_activity_schedule_to_start_latency").Record(30 * time.Millisecond)
	h.Counter("temporal_activity_execution_failed").Inc(2)
	h.Counter("temporal_activity_execution_failed").Inc(-1)
	h.Gauge("temporal_worker_task_slots_used").Update(3)
	h.Counter("temporal_unheard_of").Inc(1)
	h.Gauge("temporal_activity_execution_failed").Update(1) // of another type than it is
	h.Timer("temporal_unheard_of").Record(1)
	text, _ := scrape(t, s)
	for _, line := range []string{
		`temporal_activity_schedule_to_start_latency_seconds_bucket{activity_type="send",task_queue="duly",le="0.05"} 1`,
		`temporal_activity_execution_failed_total{activity_type="send"} 2`,
		`temporal_worker_task_slots_used{task_queue="duly",worker_type="none"} 3`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	for _, word := range []string{"secret", "case/123", "unheard"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is served", word)
		}
	}
}

func TestFiguresThatCannotBeHad(t *testing.T) {
	s := New()
	if text, _ := scrape(t, s); strings.Contains(text, FiguresUp) {
		t.Error("a process that watches no figures says whether they could be read")
	}
	s.Watch(time.Now, func(context.Context) ([]Sample, error) { return nil, errors.New("postgres://duly:hunter2@db refused") })
	text, code := scrape(t, s)
	if code != 200 || !strings.Contains(text, FiguresUp+" 0\n") || strings.Contains(text, "hunter2") {
		t.Errorf("a database that is away: status %d and not %s 0, or its address: %s", code, FiguresUp, text)
	}
	s.Watch(time.Now, func(context.Context) ([]Sample, error) { panic("no") })
	if text, code := scrape(t, s); code != 200 || !strings.Contains(text, FiguresUp+" 0\n") {
		t.Errorf("figures that panic: status %d", code)
	}
	s.Watch(time.Now, func(context.Context) ([]Sample, error) {
		return []Sample{{Name: "duly_unheard_of", Value: 1}, {Name: CasesDue, Value: 5}, {Name: BreakerOpen, Value: 1}}, nil
	})
	text, code = scrape(t, s)
	if code != 200 || !strings.Contains(text, CasesDue+" 5\n") || strings.Contains(text, "unheard_of 1") || strings.Contains(text, BreakerOpen+" 1") {
		t.Errorf("samples that do not fit the catalogue take others with them, or are served: status %d", code)
	}
}

// TestADatabaseThatHangsIsDown: an attempt that comes to no end is given up, and from then on
// every scrape says that the figures cannot be read, until an attempt goes well: an alert with
// a "for" is only then ever raised.
func TestADatabaseThatHangsIsDown(t *testing.T) {
	s, hangs := New(), atomic.Bool{}
	s.watch(time.Now, func(ctx context.Context) ([]Sample, error) {
		if hangs.Load() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return []Sample{{Name: CasesDue, Value: 5}}, nil
	}, 50*time.Millisecond, time.Millisecond)
	until := func(line string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			if text, _ := scrape(t, s); strings.Contains(text, line+"\n") {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("never: %s", line)
			}
		}
	}
	until(FiguresUp + " 1")
	hangs.Store(true)
	until(FiguresUp + " 0")
	for range 40 { // some while an attempt hangs, some after it
		if text, _ := scrape(t, s); !strings.Contains(text, FiguresUp+" 0\n") || strings.Contains(text, CasesDue+" 5") {
			t.Fatal("the figures are said to be read while the database hangs")
		}
	}
	hangs.Store(false)
	until(FiguresUp + " 1")
	until(CasesDue + " 5")
}

func TestSlowFiguresDoNotHoldUpTheRest(t *testing.T) {
	s, release := New(), make(chan struct{})
	defer close(release)
	asked := make(chan struct{}, 1)
	var ended atomic.Bool // a scrape that was held up ends after it
	s.Watch(time.Now, func(ctx context.Context) ([]Sample, error) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		ended.Store(true)
		return nil, nil
	})
	text, code := scrape(t, s)
	<-asked
	if code != 200 || ended.Load() || !strings.Contains(text, "go_goroutines") {
		t.Errorf("status %d, after the figures: %t", code, ended.Load())
	}
	if strings.Contains(text, FiguresUp) {
		t.Error("figures that were never read are said to be up or down")
	}
}
