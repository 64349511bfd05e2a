package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// alert is a rule of deploy/alerts.yml.
type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string  `yaml:"name"`
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	dec, err := yaml.NewLoader(strings.NewReader(string(read(t, "deploy/alerts.yml"))), yaml.WithKnownFields())
	if err == nil {
		err = dec.Load(&file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		if g.Name == "" || len(g.Rules) == 0 {
			t.Errorf("a group without name or rules: %q", g.Name)
		}
		all = append(all, g.Rules...)
	}
	return all
}

var usedLabel = regexp.MustCompile(`\$labels\.([a-z_]+)`)

func TestAlertsNameOnlyMetricsThatExist(t *testing.T) {
	all, seen := alerts(t), map[string]bool{}
	if len(all) < 20 {
		t.Fatalf("only %d alerts", len(all))
	}
	span := regexp.MustCompile(`^([0-9]+[smhd])?$`)
	for _, a := range all {
		if a.Alert == "" || seen[a.Alert] {
			t.Errorf("%q has no name, or another's", a.Alert)
		}
		seen[a.Alert] = true
		if err := check(catalogue(), a.Expr); err != nil {
			t.Errorf("%s: %v", a.Alert, err)
		}
		if !span.MatchString(a.For) {
			t.Errorf("%s: for %q is no span", a.Alert, a.For)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s: severity %q", a.Alert, a.Labels["severity"])
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s does not say what it means and what to do", a.Alert)
		}
		for _, used := range usedLabel.FindAllStringSubmatch(a.Annotations["summary"]+a.Annotations["description"], -1) {
			if !regexp.MustCompile(`by \([a-z_, ]*\b` + used[1] + `\b`).MatchString(a.Expr) {
				t.Errorf("%s speaks of the label %s, which its expression does not keep", a.Alert, used[1])
			}
		}
	}
}

func TestTheDashboardNamesOnlyMetricsThatExist(t *testing.T) {
	var board struct {
		Title  string `json:"title"`
		Panels []struct {
			ID      int    `json:"id"`
			Type    string `json:"type"`
			Title   string `json:"title"`
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr, LegendFormat string }
		} `json:"panels"`
	}
	if err := json.Unmarshal(read(t, "deploy/grafana-dashboard.json"), &board); err != nil {
		t.Fatal(err)
	}
	ids, queries := map[int]bool{}, 0
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 {
			t.Errorf("panel %d %q: its id is another's, or it has no title or place", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			queries++
			if err := check(catalogue(), target.Expr); err != nil {
				t.Errorf("%s: %v", p.Title, err)
			}
			for _, label := range regexp.MustCompile(`\{\{([a-z_]+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !strings.Contains(target.Expr, label[1]) {
					t.Errorf("%s: the legend shows %s, which the expression does not keep", p.Title, label[1])
				}
			}
		}
	}
	if queries < 30 {
		t.Errorf("only %d queries", queries)
	}
}

// TestWhatIsWatchedMatters: what the issue of monitoring names has an alert each.
func TestWhatIsWatchedMatters(t *testing.T) {
	var text strings.Builder
	for _, a := range alerts(t) {
		text.WriteString(a.Expr + "\n")
	}
	for _, name := range []string{
		OldestDueAge, OldestNudgeAge, CasesLate, Activities, OldestUnknownAge, BreakerOpen, SwitchedOff, Contacts, FeedAge, OldestInboxAge,
		DeliveriesGivenUp, DBOldestTx, PoolWaitSeconds, ScheduleLast, StarterRuns, "temporal_activity_schedule_to_start_latency_seconds",
	} {
		if !strings.Contains(text.String(), name) {
			t.Errorf("no alert looks at %s", name)
		}
	}
}

// TestAlertsOnTheFirstOfAnythingSeeIt: increase() of a counter that appears with its first
// count is nothing. What an alert wants to be told of once is there from the start, at 0.
func TestAlertsOnTheFirstOfAnythingSeeIt(t *testing.T) {
	s := New()
	s.Works()
	text, _ := scrape(t, s)
	first := regexp.MustCompile(`increase\((duly_[a-z_]+)\{([a-z]+="[^"]+")\}\[[0-9a-z]+\]\)\) > 0`)
	seen := 0
	for _, a := range alerts(t) {
		for _, m := range first.FindAllStringSubmatch(a.Expr, -1) {
			seen++
			if !regexp.MustCompile(`(?m)^` + m[1] + `\{[^}]*\b` + m[2] + `[^}]*\} 0$`).MatchString(text) {
				t.Errorf("%s: a worker that has just begun does not serve %s{%s} 0", a.Alert, m[1], m[2])
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d alerts on the first of something", seen)
	}
}

// TestForgedWebhooksAreSeen: the console counts them by source, as webhooks.Server.Counts says.
func TestForgedWebhooksAreSeen(t *testing.T) {
	for _, a := range alerts(t) {
		if a.Alert != "DulyForgedWebhooks" {
			continue
		}
		m := regexp.MustCompile(`duly_events_total\{name(=~?)"([^"]+)"\}`).FindStringSubmatch(a.Expr)
		const counted = "webhook_bad_signature twilio_status"
		if m == nil || m[1] == "=" && m[2] != counted || m[1] == "=~" && !regexp.MustCompile("^(?:"+m[2]+")$").MatchString(counted) {
			t.Errorf("%s never counts the event %q", a.Expr, counted)
		}
		return
	}
	t.Error("no alert looks at forged webhooks")
}

// TestMonitoringIsDocumented: docs/monitoring.md has a row for every metric, with its type and
// labels, and none for what does not exist; and it names every alert.
func TestMonitoringIsDocumented(t *testing.T) {
	doc := string(read(t, "docs/monitoring.md"))
	for _, row := range Rows() {
		if !strings.Contains(doc, row+"\n") {
			t.Errorf("docs/monitoring.md lacks the row\n%s", row)
		}
	}
	known := catalogue()
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:duly|temporal)_[a-z_]+)`").FindAllStringSubmatch(doc, -1) {
		if known[m[1]].Name == "" {
			t.Errorf("docs/monitoring.md has a row for %s, which does not exist", m[1])
		}
	}
	for _, a := range alerts(t) {
		if !strings.Contains(doc, "`"+a.Alert+"`") {
			t.Errorf("docs/monitoring.md does not name the alert %s", a.Alert)
		}
	}
}

func TestPrometheusAsksWhereProcessesListen(t *testing.T) {
	var file struct {
		Rules []string `yaml:"rule_files"`
		Jobs  []struct {
			Name string `yaml:"job_name"`
			DNS  []struct {
				Names []string `yaml:"names"`
				Port  int      `yaml:"port"`
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
		Global map[string]string `yaml:"global"`
	}
	if err := yaml.Unmarshal(read(t, "deploy/prometheus.yml"), &file); err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]any `yaml:"services"`
	}
	if err := yaml.Unmarshal(read(t, "docker-compose.yml"), &compose); err != nil {
		t.Fatal(err)
	}
	ports := map[string]int{"duly-worker": 8081, "duly-starter": 8081, "duly-console": 8080, "temporal": 8000}
	for _, j := range file.Jobs {
		if len(j.DNS) != 1 || j.DNS[0].Port != ports[j.Name] || compose.Services[j.DNS[0].Names[0]] == nil {
			t.Errorf("%s is asked at %+v: no such service, or another port than %d", j.Name, j.DNS, ports[j.Name])
		}
		delete(ports, j.Name)
	}
	if len(ports) > 0 || !slices.Equal(file.Rules, []string{"alerts.yml"}) {
		t.Errorf("not asked: %v; rules %v", ports, file.Rules)
	}
	if every, err := time.ParseDuration(file.Global["scrape_interval"]); err != nil || every > 30*time.Second {
		t.Errorf("scrape_interval %s", file.Global["scrape_interval"])
	}
}
