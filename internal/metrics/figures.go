package metrics

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/duly/duly/internal/memo"
)

// Sample is a value of a metric of the catalogue, with its labels' values in their order.
type Sample struct {
	Name   string
	Value  float64
	Labels []string
}

// How long a scrape waits for figures: for fresh ones, and while there are none at all. What
// takes longer is shown as it was known last, with its age, while it is asked anew behind.
const (
	patience = 2 * time.Second
	first    = 5 * time.Second
)

// longest bounds a reading: a database that has not answered by then does not answer.
const longest = time.Minute

// Figures are values that are asked for, from the database or elsewhere.
type Figures struct {
	wall func() time.Time
	memo *memo.Memo[struct{}, []Sample]
	ask  func(context.Context) ([]Sample, error)
	// down: the latest reading that ended failed. While one hangs, scrapes before it ends are
	// not told of a fault by the memo.
	down atomic.Bool
}

// Watch has the set show what ask answers, asked anew when somebody looks, once at a time.
// It takes the place of an earlier one.
func (s *Set) Watch(wall func() time.Time, ask func(context.Context) ([]Sample, error)) {
	s.watch(wall, ask, longest, patience)
}

func (s *Set) watch(wall func() time.Time, ask func(context.Context) ([]Sample, error), longest, patience time.Duration) {
	f := &Figures{wall: wall, memo: memo.New[struct{}, []Sample](wall, patience, max(patience, min(first, longest)))}
	f.ask = func(ctx context.Context) (all []Sample, err error) {
		ctx, cancel := context.WithTimeout(ctx, longest)
		defer cancel()
		well := false // not when ask panics, either
		defer func() { f.down.Store(!well) }()
		all, err = ask(ctx)
		well = err == nil
		return all, err
	}
	s.figures.Store(f)
}

// Pool is how a pool of database connections stands.
type Pool struct {
	Idle, InUse, Opening, Most int
	Waits                      int64
	Waited                     time.Duration
}

// WatchPool has the set show a pool. It takes the place of an earlier one.
func (s *Set) WatchPool(ask func() Pool) { s.pool.Store(&ask) }

// pulled collects what is asked for. It describes nothing before, because it depends on who
// is watched; what it sends is checked against the catalogue.
type pulled struct{ set *Set }

// Describe implements prometheus.Collector.
func (*pulled) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (p *pulled) Collect(to chan<- prometheus.Metric) {
	if ask := p.set.pool.Load(); ask != nil {
		sendAll(to, poolSamples((*ask)()))
	}
	if f := p.set.figures.Load(); f != nil {
		sendAll(to, f.samples())
	}
}

// samples are the figures as far as they are known, with whether and when.
func (f *Figures) samples() []Sample {
	ctx, cancel := context.WithTimeout(context.Background(), first+time.Second)
	defer cancel()
	a, err := f.memo.Get(ctx, struct{}{}, f.ask)
	switch {
	case err != nil, f.down.Load():
		return []Sample{{Name: FiguresUp, Value: 0}}
	case !a.Known(): // the first time, and it takes long
		return nil
	}
	age := max(f.wall().Sub(a.At), 0)
	return append([]Sample{{Name: FiguresUp, Value: 1}, {Name: FiguresAge, Value: age.Seconds()}}, a.Value...)
}

func poolSamples(p Pool) []Sample {
	return []Sample{
		{PoolConnections, float64(p.Idle), []string{"idle"}},
		{PoolConnections, float64(p.InUse), []string{"in_use"}},
		{PoolConnections, float64(p.Opening), []string{"opening"}},
		{PoolMost, float64(p.Most), nil},
		{PoolWaits, float64(p.Waits), nil},
		{PoolWaitSeconds, p.Waited.Seconds(), nil},
	}
}

var pulledDefs = func() map[string]Def {
	out := map[string]Def{}
	for _, d := range own {
		if pull(d) {
			out[d.Name] = d
		}
	}
	return out
}()

// sendAll sends what the catalogue knows. A sample that does not fit it is left out: the
// others are served.
func sendAll(to chan<- prometheus.Metric, all []Sample) {
	for _, s := range all {
		d := pulledDefs[s.Name]
		desc := prometheus.NewDesc(s.Name, d.Help, d.Labels, nil)
		kind := prometheus.GaugeValue
		if d.Kind == Counter {
			kind = prometheus.CounterValue
		}
		m, err := prometheus.NewConstMetric(desc, kind, s.Value, s.Labels...)
		if err != nil || d.Name == "" {
			m = prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(errUnfit(s.Name)), errUnfit(s.Name))
		}
		to <- m
	}
}

type errUnfit string

func (e errUnfit) Error() string {
	return "the metric " + string(e) + " does not fit the catalogue of internal/metrics: its name or number of labels"
}
