package metrics

import (
	"maps"
	"time"

	"go.temporal.io/sdk/client"
)

// Temporal takes the metrics of a Temporal client and of the workers on it: give it to the
// client's options. What the catalogue does not name is dropped, and so are all labels but
// those that it names: ids of workflows and runs are none of them.
func (s *Set) Temporal() client.MetricsHandler { return bridge{set: s} }

// bridge is the SDK's handler with the tags so far.
type bridge struct {
	set  *Set
	tags map[string]string
}

// WithTags implements client.MetricsHandler.
func (b bridge) WithTags(tags map[string]string) client.MetricsHandler {
	all := make(map[string]string, len(b.tags)+len(tags))
	maps.Copy(all, b.tags)
	maps.Copy(all, tags)
	return bridge{b.set, all}
}

// of finds a metric with the values of its labels; nil: it is not served.
func (b bridge) of(name string, k Kind) (*family, []string) {
	f := b.set.temporal[name]
	if f == nil || f.def.Kind != k {
		return nil, nil
	}
	values := make([]string, len(f.def.Labels))
	for i, label := range f.def.Labels {
		values[i] = or(b.tags[label], none)
	}
	return f, values
}

// Counter implements client.MetricsHandler.
func (b bridge) Counter(name string) client.MetricsCounter {
	f, values := b.of(name, Counter)
	if f == nil {
		return client.MetricsNopHandler.Counter(name)
	}
	return counts(func(n int64) { f.add(float64(max(n, 0)), values) })
}

// Gauge implements client.MetricsHandler.
func (b bridge) Gauge(name string) client.MetricsGauge {
	f, values := b.of(name, Gauge)
	if f == nil {
		return client.MetricsNopHandler.Gauge(name)
	}
	return stands(func(v float64) { f.put(v, values) })
}

// Timer implements client.MetricsHandler.
func (b bridge) Timer(name string) client.MetricsTimer {
	f, values := b.of(name, Histogram)
	if f == nil {
		return client.MetricsNopHandler.Timer(name)
	}
	return takes(func(d time.Duration) { f.observe(d.Seconds(), values) })
}

type (
	counts func(int64)
	stands func(float64)
	takes  func(time.Duration)
)

// Inc implements client.MetricsCounter.
func (c counts) Inc(n int64) { c(n) }

// Update implements client.MetricsGauge.
func (g stands) Update(v float64) { g(v) }

// Record implements client.MetricsTimer.
func (t takes) Record(d time.Duration) { t(d) }
