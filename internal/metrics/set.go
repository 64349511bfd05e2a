package metrics

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/duly/duly/dunning"
)

// Set is everything that a process measures. It may be used by many goroutines.
type Set struct {
	registry *prometheus.Registry
	families map[string]*family // by name of Prometheus
	temporal map[string]*family // by name of the SDK
	figures  atomic.Pointer[Figures]
	pool     atomic.Pointer[func() Pool]
}

// New makes a set with all metrics of the catalogue and those of the Go runtime and the
// process.
func New() *Set {
	s := &Set{registry: prometheus.NewRegistry(), families: map[string]*family{}, temporal: map[string]*family{}}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &pulled{set: s})
	for _, d := range own {
		if pull(d) {
			continue
		}
		s.families[d.Name] = newFamily(d)
		s.registry.MustRegister(s.families[d.Name].collector())
	}
	for name, d := range sdk {
		f := newFamily(served(name, d))
		s.temporal[name] = f
		s.registry.MustRegister(f.collector())
	}
	return s
}

// pull reports whether a metric is asked for when /metrics is, and counted by nobody here.
func pull(d Def) bool {
	return d.Figure || strings.HasPrefix(d.Name, "duly_db_pool_") || strings.HasPrefix(d.Name, "duly_schedule_") || d.Name == FiguresUp || d.Name == FiguresAge
}

// Handler serves everything as text for Prometheus.
func (s *Set) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 15 * time.Second})
}

// Gather is what Handler would serve.
func (s *Set) Gather() prometheus.Gatherer { return s.registry }

// Catalogue is what may be served, in order of names: Duly's own metrics, and those of the
// Temporal SDK under the names that they have here.
func Catalogue() []Def {
	out := slices.Clone(own)
	for name, d := range sdk {
		out = append(out, served(name, d))
	}
	slices.SortFunc(out, func(a, b Def) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// served is a metric of the SDK under the name that Prometheus wants.
func served(name string, d Def) Def {
	d.Name = name
	switch d.Kind {
	case Counter:
		d.Name += "_total"
	case Histogram:
		d.Name, d.Buckets = name+"_seconds", latency
	}
	return d
}

// --- what is counted as it happens ---------------------------------------------------

// Describe says what the process is: worker, starter, console, standalone.
func (s *Set) Describe(process, core, language string) {
	s.put(Build, 1, process, core, language)
}

// Works shows a worker's counters from the start, so that the first of anything is seen as
// an increase.
func (s *Set) Works() {
	for _, v := range []dunning.Verb{
		dunning.VerbLook, dunning.VerbSend, dunning.VerbCall, dunning.VerbOffer, dunning.VerbEscalate, dunning.VerbTask, dunning.VerbRefer, dunning.VerbClose,
	} {
		s.add(Activities, 0, string(v), okay)
		s.add(Activities, 0, string(v), "panic")
	}
	for _, ch := range []dunning.Channel{dunning.Email, dunning.SMS, dunning.Letter} {
		for _, state := range []dunning.SendState{dunning.SendAccepted, dunning.SendFailed, dunning.SendUnknown} {
			s.add(Contacts, 0, string(ch), string(state), none)
		}
		s.add(Contacts, 0, string(ch), string(dunning.SendFailed), string(dunning.FailedConfig)) // the channel then rests: the next is long in coming
	}
	for _, outcome := range []string{"delivered", "dropped", "failed"} {
		s.add(Nudges, 0, outcome)
	}
	s.add(StarterRuns, 0, okay)
	s.add(StarterRuns, 0, failed)
	s.add(Events, 0, "crossed_in_post")
}

// Values of labels.
const (
	okay   = "ok"
	failed = "failed"
	none   = "none"
	other  = "other"
)

// Carried is told of each activity that ended: its verb, the code of its error ("" when it
// went well), and how long it took.
func (s *Set) Carried(v dunning.Verb, code string, took time.Duration) {
	s.add(Activities, 1, string(v), or(code, okay))
	s.observe(ActivitySeconds, took.Seconds(), string(v))
}

// Decided is told of each decision that an activity came to.
func (s *Set) Decided(d dunning.Decision) {
	s.add(Decisions, 1, string(d.Verb))
	if d.Deferred {
		s.add(Deferrals, 1, or(d.Rule, none))
	}
}

// Served is told how long after its planned instant a decision was taken, in business time.
func (s *Set) Served(v dunning.Verb, late time.Duration) {
	s.observe(DueToDecided, max(late, 0).Seconds(), string(v))
}

// Called is told of each call of a provider that was made, or not made in time.
func (s *Set) Called(ch dunning.Channel, o dunning.Outcome, took time.Duration) {
	s.observe(ProviderCalls, took.Seconds(), string(ch), string(o.State))
}

// HandedOver is told what became of a contact whose outcome is stored, and how long after
// the decision that allowed it that was.
func (s *Set) HandedOver(ch dunning.Channel, o dunning.Outcome, since time.Duration) {
	s.add(Contacts, 1, string(ch), string(o.State), or(string(o.Class), none))
	if o.State == dunning.SendAccepted {
		s.observe(DecidedToAccepted, since.Seconds(), string(ch))
	}
}

// Event counts something by a name of ours.
func (s *Set) Event(name string) { s.add(Events, 1, name) }

// Relayed is told what became of nudges.
func (s *Set) Relayed(delivered, dropped, failures int) {
	s.add(Nudges, float64(delivered), "delivered")
	s.add(Nudges, float64(dropped), "dropped")
	s.add(Nudges, float64(failures), failed)
}

// Woken is told how many late cases the sweeper woke.
func (s *Set) Woken(n int) { s.add(Swept, float64(n)) }

// Started is told what a run of the starter came to.
func (s *Set) Started(opened, unmatched int, well bool) {
	outcome := okay
	if !well {
		outcome = failed
	}
	s.add(StarterRuns, 1, outcome)
	s.add(Opened, float64(opened))
	s.put(Unmatched, float64(unmatched))
}

// Request is told of each request that was answered; class is one of 1xx to 5xx.
func (s *Set) Request(route, class string, took time.Duration) {
	s.observe(Requests, took.Seconds(), route, class)
}

func (s *Set) add(name string, n float64, labels ...string)     { s.families[name].add(n, labels) }
func (s *Set) put(name string, v float64, labels ...string)     { s.families[name].put(v, labels) }
func (s *Set) observe(name string, v float64, labels ...string) { s.families[name].observe(v, labels) }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// --- a metric with its labels ----------------------------------------------------------

// most label values of one metric; what comes after that is "other". A page of a hundred
// routes with four classes fits.
const most = 1000

// family is a metric with all its label values.
type family struct {
	def     Def
	counter *prometheus.CounterVec
	gauge   *prometheus.GaugeVec
	histo   *prometheus.HistogramVec

	mu   sync.Mutex
	seen map[string]bool
}

func newFamily(d Def) *family {
	f := &family{def: d, seen: map[string]bool{}}
	switch d.Kind {
	case Counter:
		f.counter = prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.Name, Help: d.Help}, d.Labels)
	case Gauge:
		f.gauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: d.Name, Help: d.Help}, d.Labels)
	case Histogram:
		f.histo = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: d.Name, Help: d.Help, Buckets: d.Buckets}, d.Labels)
	default:
		panic(fmt.Sprintf("metric %s has no kind", d.Name))
	}
	return f
}

func (f *family) collector() prometheus.Collector {
	switch f.def.Kind {
	case Counter:
		return f.counter
	case Gauge:
		return f.gauge
	}
	return f.histo
}

// bounded are the values, or "other" for each when there are too many already. Values that
// are no text are none.
func (f *family) bounded(values []string) []string {
	if len(values) == 0 {
		return values
	}
	key := strings.ToValidUTF8(strings.Join(values, "\x00"), "?")
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.seen[key] && len(f.seen) >= most {
		return slices.Repeat([]string{other}, len(values))
	}
	f.seen[key] = true
	return strings.Split(key, "\x00")[:len(values)]
}

func (f *family) add(n float64, values []string) {
	f.counter.WithLabelValues(f.bounded(values)...).Add(n)
}

func (f *family) put(v float64, values []string) {
	f.gauge.WithLabelValues(f.bounded(values)...).Set(v)
}

func (f *family) observe(v float64, values []string) {
	f.histo.WithLabelValues(f.bounded(values)...).Observe(v)
}
