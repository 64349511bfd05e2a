package operate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
)

// kinds are the kinds of tiles by their labels.
func kinds(all []tile) map[string]string {
	out := map[string]string{}
	for _, t := range all {
		out[t.Label] = t.Kind
	}
	return out
}

func TestTemporalTiles(t *testing.T) {
	polled := func(name string, ago time.Duration, backlog int64, age time.Duration) temporalx.Queue {
		return temporalx.Queue{Name: name, Kind: "activity", Pollers: []temporalx.Poller{{Identity: "w", Last: noon.Add(-ago)}}, Backlog: backlog, Age: age}
	}
	with := func(q ...temporalx.Queue) Temporal {
		return Temporal{Configured: true, Facts: temporalx.Facts{Reachable: true, Queues: q}}
	}
	for _, c := range []struct {
		about, label, kind string
		t                  Temporal
	}{
		{"none is configured: grey, and not an alarm", "Temporal", "quiet", Temporal{}},
		{"it does not answer", "Temporal", "bad", Temporal{Configured: true}},
		{"it answers", "Temporal", "good", with()},
		{"a queue that nobody polls", "Queue duly, activity", "bad", with(temporalx.Queue{Name: "duly", Kind: "activity"})},
		{"a queue that is polled", "Queue duly, activity", "good", with(polled("duly", time.Second, 0, 0))},
		{"one whose worker went silent", "Queue duly, activity", "bad", with(polled("duly", 5*time.Minute, 0, 0))},
		{"a short backlog that is worked off", "Queue duly, activity", "good", with(polled("duly", time.Second, 9, time.Second))},
		{"an old backlog", "Queue duly, activity", "bad", with(polled("duly", time.Second, 9, 10*time.Minute))},
		{"a backlog in between", "Queue duly, activity", "warn", with(polled("duly", time.Second, 9, 20*time.Second))},
		{"questions that were not answered in time", "Not answered", "warn", Temporal{Configured: true, Facts: temporalx.Facts{Reachable: true, Missing: []string{"running"}}}},
		{"a workflow that ended badly", "Ended badly", "warn", Temporal{Configured: true, Facts: temporalx.Facts{Reachable: true, Ended: []temporalx.Dead{{Workflow: "x"}}}}},
		{"none ended badly", "Ended badly", "good", with()},
	} {
		if got := kinds(temporalTiles(c.t, noon))[c.label]; got != c.kind {
			t.Errorf("%s: tile %q is %q, want %q", c.about, c.label, got, c.kind)
		}
	}
}

func report(age time.Duration, swept time.Time, broken ...string) read.ProcessRow {
	body, _ := json.Marshal(workerReport{Broken: broken, Swept: swept})
	return read.ProcessRow{Process: "w", Kind: "worker", Age: age, Body: body}
}

func TestWorkerAndChannelTiles(t *testing.T) {
	rate := func(accepted, failed, unknown int64) []read.ChannelRate {
		return []read.ChannelRate{{Channel: dunning.SMS, Accepted: accepted, Failed: failed, Unknown: unknown}}
	}
	for _, c := range []struct {
		about, label, kind string
		o                  read.Operating
	}{
		{"a worker that reports", "Workers", "good", read.Operating{Processes: []read.ProcessRow{report(time.Second, noon)}}},
		{"one that went silent", "Workers", "bad", read.Operating{Processes: []read.ProcessRow{report(5*time.Minute, noon)}}},
		{"none was ever heard of", "Workers", "warn", read.Operating{}},
		{"the sweeper looked a moment ago", "Sweeper", "good", read.Operating{Processes: []read.ProcessRow{report(time.Second, noon.Add(-30*time.Second))}}},
		{"the sweeper stopped looking", "Sweeper", "bad", read.Operating{Processes: []read.ProcessRow{report(time.Second, noon.Add(-time.Hour))}}},
		{"cases are late", "Sweeper", "warn", read.Operating{Late: 3, Processes: []read.ProcessRow{report(time.Second, noon)}}},
		{"no errors", "sms, 15 min", "good", read.Operating{Channels: rate(100, 2, 0)}},
		{"some errors", "sms, 15 min", "warn", read.Operating{Channels: rate(100, 10, 0)}},
		{"few messages are no alarm", "sms, 15 min", "warn", read.Operating{Channels: rate(1, 2, 0)}},
		{"most fail", "sms, 15 min", "bad", read.Operating{Channels: rate(4, 8, 8)}},
		{"an open breaker", "sms, 15 min", "bad", read.Operating{Channels: rate(100, 0, 0), Processes: []read.ProcessRow{report(time.Second, noon, "sms")}}},
		{"an open breaker of a channel that is silent", "email", "bad", read.Operating{Processes: []read.ProcessRow{report(time.Second, noon, "email")}}},
		{"a breaker of a worker that is gone says nothing", "email", "", read.Operating{Processes: []read.ProcessRow{report(time.Hour, noon, "email")}}},
		{"a paused sender", "Sender acme", "warn", read.Operating{Paused: []read.PausedRow{{Sender: "acme", Until: noon.Add(time.Minute)}}}},
	} {
		all := slices.Concat(workerTiles(c.o, noon), channelTiles(c.o, noon))
		got := kinds(all)
		for label, kind := range kinds(all) {
			got[strings.ToLower(label)] = kind
		}
		if k := got[c.label]; k != c.kind && got[strings.ToLower(c.label)] != c.kind {
			t.Errorf("%s: tile %q is %q, want %q (%v)", c.about, c.label, k, c.kind, got)
		}
	}
}

func TestBelowTiles(t *testing.T) {
	d := func(connections int, oldest time.Duration) read.Operating {
		return read.Operating{Database: read.Database{Version: "15.8", Connections: connections, Most: 100, OldestTx: oldest}}
	}
	for _, c := range []struct {
		about, label, kind string
		o                  read.Operating
		c                  Clock
	}{
		{"a rehearsal is said and is no alarm", "Clock", "quiet", d(1, 0), Clock{Rehearsal: true, Rate: 86400}},
		{"wall time", "Clock", "good", d(1, 0), Clock{Rate: 1}},
		{"connections to spare", "Database", "good", d(20, 0), Clock{Rate: 1}},
		{"connections run out", "Database", "warn", d(90, 0), Clock{Rate: 1}},
		{"a short transaction", "Oldest transaction", "good", d(1, time.Second), Clock{Rate: 1}},
		{"a long one", "Oldest transaction", "warn", d(1, 2*time.Minute), Clock{Rate: 1}},
		{"one that holds everything up", "Oldest transaction", "bad", d(1, time.Hour), Clock{Rate: 1}},
		{"a replica far behind", "Replica b", "warn", read.Operating{Database: read.Database{Replicas: []read.Replica{{Name: "b", State: "streaming", Lag: time.Hour}}}}, Clock{Rate: 1}},
	} {
		if got := kinds(belowTiles(c.o, c.c, noon, noon))[c.label]; got != c.kind {
			t.Errorf("%s: tile %q is %q, want %q", c.about, c.label, got, c.kind)
		}
	}
}

func TestEffectsOfARelease(t *testing.T) {
	counts := []read.SequenceCount{{Sequence: "b", Version: "v7", N: 1140}, {Sequence: "b", Version: "v6", N: 312}, {Sequence: "gone", Version: "v1", N: 5}}
	got := effectsOf(map[string]string{"a": "v1", "b": "v7"}, counts)
	if len(got) != 3 || got[0].Sequence != "a" || got[0].Follow != 0 || got[1].Follow != 1140 || got[1].StayN() != 312 || got[2].Version != "" || got[2].StayN() != 5 {
		t.Errorf("%+v; want b with 1140 on it and 312 that stay, and what the release does not hold", got)
	}
}

func TestBulkText(t *testing.T) {
	for _, c := range []struct {
		counts     map[string]int64
		kind, want string
	}{
		{map[string]int64{"done": 2}, "good", "2 cases are done."},
		{map[string]int64{"done": 1, "waiting": 40}, "good", "1 case is done. 40 cases wait and will be done behind."},
		{map[string]int64{"done": 1, "refused": 1}, "warn", "1 case is done. 1 case was refused: see why below."},
	} {
		if kind, text := bulkText(read.Bulk{Counts: c.counts}); kind != c.kind || text != c.want {
			t.Errorf("%v: %s %q", c.counts, kind, text)
		}
	}
}
