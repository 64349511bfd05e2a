// Package temporalserver runs a real Temporal server inside this process, with its
// state in Postgres, so that it survives kill -9 and needs neither a container nor
// a download.
//
// It owns the databases temporal and temporal_visibility on the Postgres it is
// given: it makes them, brings their schemas up to the server's version, and
// registers the namespace and the search attributes that Duly's workflows use. It
// does not own Postgres itself and knows no workflow.
package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"

	"github.com/duly/duly/internal/pgserver"
)

// Options of a server.
type Options struct {
	// DSN of any database on the Postgres that keeps the state, as URL. Its role
	// must be allowed to create databases (and is the server's own role, too).
	DSN string
	// Port of the frontend on 127.0.0.1. Zero: any free one. Clients that should
	// find the server again after a restart need a fixed one.
	Port int
	// Namespace to register. Empty: "default".
	Namespace string
	// Retention of closed workflows, wall time. Zero: 30 days.
	Retention time.Duration
	// Shards of the history service; fixed by the first start on a database, later
	// values are ignored. Zero: 16, the fastest measured on two cores.
	Shards int32
	// Dynamic configuration, over Duly's own settings (see dynamicDefaults).
	Dynamic map[string]any
	// Metrics receives the server's metrics; nil discards them. See Actions.
	Metrics metrics.Handler
	// LogFile gets the server's warnings and errors; empty discards them.
	LogFile string
	// Patience is how long Start tries. Zero: a minute.
	Patience time.Duration
}

// Server is a running Temporal server.
type Server struct {
	opts  Options
	inner temporal.Server
	port  int
	once  sync.Once
	err   error
}

// Start makes or migrates the databases, runs the server and returns when the
// namespace takes workflows with all search attributes.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if _, err := sqlConfig(opts.DSN, mainDB, 1); err != nil {
		return nil, err // trying again would not help
	}
	ctx, cancel := context.WithTimeout(ctx, opts.Patience)
	defer cancel()
	if err := migrate(ctx, opts.DSN); err != nil {
		return nil, err
	}
	s, err := launch(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := s.bootstrap(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	if o.Retention == 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	if o.Shards == 0 {
		o.Shards = 16
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.Metrics == nil {
		o.Metrics = metrics.NoopMetricsHandler
	}
	return o
}

// launch starts the services. Ports that were free a moment ago may be taken by
// now, so it tries again with others; a port that the caller asked for stays.
func launch(ctx context.Context, opts Options) (*Server, error) {
	var err error
	for range 3 {
		var s *Server
		if s, err = launchOnce(opts); err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("starting the Temporal server (its log: %s): %w", orNone(opts.LogFile), err)
}

func launchOnce(opts Options) (*Server, error) {
	p, err := choosePorts(opts.Port)
	if err != nil {
		return nil, err
	}
	cfg, err := opts.config(p)
	if err != nil {
		return nil, err
	}
	inner, err := temporal.NewServer(
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithConfig(cfg),
		temporal.WithLogger(opts.logger()),
		temporal.WithDynamicConfigClient(opts.dynamic()),
		temporal.WithCustomMetricsHandler(opts.Metrics),
		temporal.WithStaticHosts(p.hosts()),
		// Nobody but this machine reaches the frontend: no authorizer.
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
	if err != nil {
		return nil, err
	}
	if err := inner.Start(); err != nil {
		_ = inner.Stop() // the start's error is the one that matters
		return nil, err
	}
	return &Server{opts: opts, inner: inner, port: p.frontend}, nil
}

// HostPort is the address of the frontend, for TEMPORAL_ADDRESS.
func (s *Server) HostPort() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Port of the frontend on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Namespace that was registered, for TEMPORAL_NAMESPACE.
func (s *Server) Namespace() string { return s.opts.Namespace }

// Dial connects a client to this server and its namespace, unless opts names another.
func (s *Server) Dial(ctx context.Context, opts client.Options) (client.Client, error) {
	opts.HostPort = s.HostPort()
	if opts.Namespace == "" {
		opts.Namespace = s.opts.Namespace
	}
	return client.DialContext(ctx, opts)
}

// Stop ends the server; calling it again returns the same.
func (s *Server) Stop() error {
	s.once.Do(func() { s.err = s.inner.Stop() })
	return s.err
}

func (o Options) logger() log.Logger {
	if o.LogFile == "" {
		return log.NewNoopLogger()
	}
	return log.NewZapLogger(log.BuildZapLogger(log.Config{Level: "warn", OutputFile: o.LogFile}))
}

// dynamicDefaults are measured for one machine with a few cores (facts/TEMPORAL.md
// 9 gives the figures): timers without the usual second of slack, one partition a
// task queue, rates that do not throttle a burst, and a history cache that fits.
func dynamicDefaults() map[string]any {
	return map[string]any{
		"history.timerProcessorMaxTimeShift":   10 * time.Millisecond,
		"matching.numTaskqueueReadPartitions":  1,
		"matching.numTaskqueueWritePartitions": 1,
		"system.enableActivityEagerExecution":  true,
		"system.namespaceCacheRefreshInterval": time.Second,
		"history.hostLevelCacheMaxSize":        8192,
		"frontend.rps":                         100_000,
		"frontend.namespaceRPS":                100_000,
		"frontend.namespaceCount":              100_000,
		"frontend.persistenceMaxQPS":           100_000,
		"history.rps":                          100_000,
		"history.persistenceMaxQPS":            100_000,
		"matching.rps":                         100_000,
		"matching.persistenceMaxQPS":           100_000,
		"frontend.namespaceRPS.visibility":     1_000,
	}
}

func (o Options) dynamic() dynamicconfig.Client {
	all := dynamicconfig.StaticClient{}
	for k, v := range dynamicDefaults() {
		all[dynamicconfig.MakeKey(k)] = v
	}
	for k, v := range o.Dynamic {
		all[dynamicconfig.MakeKey(k)] = v
	}
	return all
}

// ports of the services. Temporal needs them below 32768, as it keeps them in a SMALLINT.
type ports struct{ frontend, history, matching, worker int }

func choosePorts(frontend int) (ports, error) {
	// The server itself takes the whole process down when it cannot listen.
	if frontend != 0 && !pgserver.PortFree(frontend) {
		return ports{}, fmt.Errorf("port %d on 127.0.0.1 is taken: end what listens there or choose another", frontend)
	}
	p := ports{frontend: frontend}
	taken := map[int]bool{frontend: true}
	for _, port := range []*int{&p.frontend, &p.history, &p.matching, &p.worker} {
		for *port == 0 {
			free, err := pgserver.FreePort()
			if err != nil {
				return ports{}, err
			}
			if !taken[free] {
				*port, taken[free] = free, true
			}
		}
	}
	return p, nil
}

// hosts replaces the membership protocol: with one process there is nothing to
// gossip about, and no member of a killed run is waited for.
func (p ports) hosts() map[primitives.ServiceName]static.Hosts {
	at := func(port int) static.Hosts {
		return static.SingleLocalHost(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: at(p.frontend),
		primitives.HistoryService:  at(p.history),
		primitives.MatchingService: at(p.matching),
		primitives.WorkerService:   at(p.worker),
	}
}

func orNone(s string) string {
	if s == "" {
		return "none was asked for"
	}
	return s
}
