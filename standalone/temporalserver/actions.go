package temporalserver

import (
	"sync"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
)

// Actions counts what Temporal Cloud would bill, from the server's own metric
// "action", by namespace and type. Pass it as Options.Metrics. All other metrics
// are dropped, so it may run for as long as a test likes.
type Actions struct {
	metrics.Handler
	tags   map[string]string
	counts *counts
}

type counts struct {
	mu          sync.Mutex
	byNamespace map[string]map[string]int64
}

// NewActions returns a counter at zero.
func NewActions() *Actions {
	return &Actions{
		Handler: metrics.NoopMetricsHandler,
		counts:  &counts{byNamespace: map[string]map[string]int64{}},
	}
}

// In returns the actions in a namespace so far, by type, and their sum.
func (a *Actions) In(namespace string) (byType map[string]int64, total int64) {
	a.counts.mu.Lock()
	defer a.counts.mu.Unlock()
	byType = map[string]int64{}
	for k, n := range a.counts.byNamespace[namespace] {
		byType[k] = n
		total += n
	}
	return byType, total
}

// WithTags implements metrics.Handler.
func (a *Actions) WithTags(tags ...metrics.Tag) metrics.Handler {
	return &Actions{Handler: a.Handler, tags: merged(a.tags, tags), counts: a.counts}
}

// Counter implements metrics.Handler.
func (a *Actions) Counter(name string) metrics.CounterIface {
	if name != metrics.ActionCounter.Name() {
		return a.Handler.Counter(name)
	}
	return metrics.CounterFunc(func(n int64, tags ...metrics.Tag) { a.record(n, merged(a.tags, tags)) })
}

// StartBatch implements metrics.Handler.
func (a *Actions) StartBatch(string) metrics.BatchHandler { return batch{a} }

// Stop implements metrics.Handler.
func (a *Actions) Stop(log.Logger) {}

func (a *Actions) record(n int64, tags map[string]string) {
	a.counts.mu.Lock()
	defer a.counts.mu.Unlock()
	ns := tags["namespace"]
	if a.counts.byNamespace[ns] == nil {
		a.counts.byNamespace[ns] = map[string]int64{}
	}
	a.counts.byNamespace[ns][tags["action_type"]] += n
}

// batch sends each metric on its own.
type batch struct{ metrics.Handler }

func (batch) Close() error { return nil }

func merged(a map[string]string, tags []metrics.Tag) map[string]string {
	out := make(map[string]string, len(a)+len(tags))
	for k, v := range a {
		out[k] = v
	}
	for _, t := range tags {
		out[t.Key] = t.Value
	}
	return out
}
