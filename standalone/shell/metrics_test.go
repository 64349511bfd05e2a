package shell

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.temporal.io/sdk/client"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/health"
	"github.com/duly/duly/internal/metrics"
)

// TestMetricsOfAWorker lets a real worker run a case to its end and scrapes it as Prometheus
// would: before, and after.
func TestMetricsOfAWorker(t *testing.T) {
	b := start(t, 86400, nil)
	m := metrics.New()
	b.measureTemporal(m)
	w := b.hireMeasured(m)
	server, err := health.Start("127.0.0.1:0", w.Checks(), w.Metrics().Handler())
	b.must(err)
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	before := scrape(t, server.Addr())
	if before["duly_activities_total"] != 0 || before["duly_contacts_total"] != 0 || before["duly_figures_up"] != 1 {
		t.Errorf("a worker without work counts activities %v and contacts %v, its figures are up %v", before["duly_activities_total"], before["duly_contacts_total"], before["duly_figures_up"])
	}
	debtor, account := b.debtor("M1", "300.00")
	b.until("a message has left", func(context.Context) bool {
		return scrape(t, server.Addr())[`duly_contacts_total{channel="email",class="none",state="accepted"}`] > 0
	})
	b.pay(debtor, account)
	b.until("the case is closed", func(ctx context.Context) bool { return b.allClosed(ctx, 1) })
	after := map[string]float64{}
	b.until("the worker has told of its end", func(context.Context) bool {
		after = scrape(t, server.Addr())
		return after["temporal_workflow_completed_total"] > 0 && after["duly_cases_open"] == 0 && after["duly_nudges_waiting"] == 0
	})
	for _, name := range []string{
		`duly_activities_total{outcome="ok",verb="look"}`, `duly_activities_total{outcome="ok",verb="send"}`, "duly_activity_seconds_count",
		"duly_decisions_total", "duly_due_to_decided_seconds_count", `duly_decided_to_accepted_seconds_count{channel="email"}`,
		`duly_provider_call_seconds_count{channel="email",state="accepted"}`, `duly_nudges_total{outcome="delivered"}`, "duly_cases_opened_total",
		`duly_starter_runs_total{outcome="ok"}`, `duly_build_info`, "duly_db_pool_connections_max", "duly_database_connections", "temporal_request_total",
		"temporal_request_latency_seconds_count", "temporal_workflow_task_schedule_to_start_latency_seconds_count",
		"temporal_activity_schedule_to_start_latency_seconds_count", "temporal_activity_execution_latency_seconds_count", "temporal_num_pollers",
		"temporal_worker_task_slots_available", "go_goroutines", "process_start_time_seconds",
	} {
		if after[name] <= 0 {
			t.Errorf("after a case %s is %v", name, after[name])
		}
	}
	if n := after[`duly_activities_total`]; n < 3 || n != after[`duly_activities_total{}ok`] {
		t.Errorf("%v activities, of which %v went well", n, after[`duly_activities_total{}ok`])
	}
	for _, name := range []string{`duly_channel_breaker_open{channel="sms"}`, `duly_switches_on{scope="global"}`, "duly_contacts_unknown", "duly_cases_late"} {
		if v, there := after[name]; !there || v != 0 {
			t.Errorf("%s is %v (there: %v), want 0", name, v, there)
		}
	}
	b.checkPage(server.Addr(), debtor, account)
}

// measureTemporal dials again with a set that takes the SDK's metrics.
func (b *bench) measureTemporal(m *metrics.Set) {
	b.t.Helper()
	opts := client.Options{Logger: nothing{}, MetricsHandler: m.Temporal()}
	app.Encrypt(&opts, b.keys)
	c, err := b.site.Temporal().Dial(b.t.Context(), opts)
	b.must(err)
	b.t.Cleanup(c.Close)
	b.client = c
}

// hireMeasured starts a worker that measures into a set, and ends with the test.
func (b *bench) hireMeasured(m *metrics.Set) *app.Worker {
	b.t.Helper()
	ch, err := app.OpenChannels(func(string) string { return "" }, b.site.Store())
	b.must(err)
	w, err := app.NewWorker(b.t.Context(), app.Deps{
		Store: b.site.Store(), Temporal: b.client, Clock: b.site.Clock(), Channels: ch, Metrics: m,
	}, app.WorkerOptions{Late: 5 * time.Second, Sweep: time.Second, Poll: time.Second, OpenEvery: 200 * time.Millisecond})
	b.must(err)
	b.must(w.Start(b.t.Context()))
	b.t.Cleanup(w.Stop)
	return w
}

// pay pays a debtor's only account.
func (b *bench) pay(debtor, account string) {
	b.t.Helper()
	for id, ref := range b.refs(b.t.Context()) {
		if ref.Debtor == debtor && ref.Account == account {
			_, err := app.NewCommands(b.site.Store(), app.NewBook(b.site.Store(), clock.Wall), b.site.Clock()).
				Do(b.t.Context(), id, dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")}, "import")
			b.must(err)
		}
	}
}

// page is what a process serves under /metrics.
func page(t testing.TB, addr string) string {
	t.Helper()
	res, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", res.StatusCode, err)
	}
	return string(body)
}

// scrape reads the samples, by series and, summed, by name. All activities that went well
// are summed under a name of their own.
func scrape(t testing.TB, addr string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range strings.Lines(page(t, addr)) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if !ok {
			series, value, ok = strings.Cut(strings.TrimSpace(line), " ")
		} else {
			series += "}"
		}
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			continue
		}
		name, _, labelled := strings.Cut(series, "{")
		out[name] += v
		if labelled {
			out[series] = v
		}
		if name == "duly_activities_total" && strings.Contains(series, `outcome="ok"`) {
			out["duly_activities_total{}ok"] += v
		}
	}
	return out
}

// checkPage looks at the text as a whole: it parses, keeps the rules of Prometheus, is in the
// catalogue, and names nobody.
func (b *bench) checkPage(addr, debtor, account string) {
	b.t.Helper()
	text := page(b.t, addr)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	b.must(err)
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "duly_") || strings.HasPrefix(p.Metric, "temporal_") {
			b.t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	b.must(err)
	for _, d := range metrics.Catalogue() {
		if f := families[d.Name]; f != nil && strings.ToLower(f.GetType().String()) != string(d.Kind) {
			b.t.Errorf("%s is a %s, the catalogue says %s", d.Name, f.GetType(), d.Kind)
		}
		delete(families, d.Name)
	}
	for name := range families {
		if strings.HasPrefix(name, "duly_") || strings.HasPrefix(name, "temporal_") {
			b.t.Errorf("%s is not in the catalogue", name)
		}
	}
	for _, word := range []string{debtor, account, "M1", "inv-M1", "example.invalid", "Ada", "+1212", "demo"} {
		if strings.Contains(text, word) {
			b.t.Errorf("%q is served", word)
		}
	}
	if ids := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-`).FindAllString(text, -1); len(ids) > 0 {
		b.t.Errorf("ids are served: %v", ids)
	}
	if n := strings.Count(text, "\n"); n > 4000 {
		b.t.Errorf("%d lines after one case", n)
	}
}

// TestMetricsOfTheProcesses runs worker and starter as their mains do, and asks them where
// DULY_HEALTH_ADDR says.
func TestMetricsOfTheProcesses(t *testing.T) {
	b := start(t, 1, nil)
	keys := "DULY_CODEC_KEYS=" + codec.Generate()
	worker := b.process("worker", app.RunWorker, keys)
	starter := b.process("starter", app.RunStarter, keys, "--schedule", "1m")
	for _, c := range []struct {
		why, addr string
		there     []string // series above 0
		not       []string // series that are another process's
	}{
		{
			"the worker tells its work and the database's figures", worker,
			[]string{"duly_figures_up", "duly_database_connections", "duly_db_pool_connections_max", "temporal_num_pollers", "temporal_request_total", `duly_starter_runs_total{outcome="ok"}`},
			[]string{"duly_schedule_last_start_timestamp_seconds"},
		},
		{
			"the starter tells how its Schedule stands", starter,
			[]string{"duly_figures_up", "duly_schedule_last_start_timestamp_seconds", "duly_schedule_interval_seconds", "duly_db_pool_connections_max", "temporal_request_total"},
			[]string{"duly_cases_open", "temporal_num_pollers"},
		},
	} {
		got := map[string]float64{}
		b.until(c.why, func(context.Context) bool {
			got = scrape(t, c.addr)
			return !slices.ContainsFunc(c.there, func(name string) bool { return got[name] <= 0 })
		})
		for _, name := range c.not {
			if _, there := got[name]; there {
				t.Errorf("%s: it has %s", c.why, name)
			}
		}
		if !strings.Contains(page(t, c.addr), `duly_build_info{core="`+dunning.CoreVersion+`"`) {
			t.Errorf("%s: it does not say what it is", c.why)
		}
	}
	if got := scrape(t, starter); got["duly_schedule_paused"] != 0 || got["duly_schedule_missed_total"] != 0 {
		t.Errorf("a new Schedule is paused %v and has missed %v", got["duly_schedule_paused"], got["duly_schedule_missed_total"])
	}
}

// process runs a main until the test ends, and returns where it answers.
func (b *bench) process(name string, run func(context.Context, app.Process) error, keys string, args ...string) (addr string) {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	addr = l.Addr().String()
	b.must(l.Close())
	p := app.Process{
		Args: append([]string{name}, args...), Environ: append(b.site.Env(), keys, health.EnvAddr+"="+addr), Stdout: io.Discard, Stderr: io.Discard,
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, p) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			b.t.Errorf("%s: %v", name, err)
		}
	})
	b.until(name+" answers", func(context.Context) bool {
		select {
		case err := <-ended:
			ended <- err
			b.t.Fatalf("%s ended: %v", name, err)
		default:
		}
		res, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return addr
}
