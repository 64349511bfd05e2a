package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/health"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/api"
	outgoing "github.com/duly/duly/internal/web/hooks"
	"github.com/duly/duly/internal/web/unsubscribe"
	"github.com/duly/duly/internal/web/webhooks"
	"github.com/duly/duly/internal/whatif"
)

// The environment of the console.
const (
	EnvHTTPAddr   = "DULY_HTTP_ADDR" // DefaultHTTPAddr without it
	EnvPublicURL  = "DULY_PUBLIC_URL"
	EnvProxies    = "DULY_PROXIES" // how many proxies of ours add X-Forwarded-For
	EnvOIDCIssuer = "OIDC_ISSUER"
	// EnvPrivateHooks=yes lets outgoing webhooks reach private networks.
	EnvPrivateHooks = "DULY_HOOKS_PRIVATE"

	DefaultHTTPAddr = ":8080"
)

// ConsoleOptions are what the environment says of a console.
type ConsoleOptions struct {
	// Public is the address under which people reach it. Required.
	Public *url.URL
	OIDC   *web.OIDC     // may be nil
	Hint   template.HTML // words for the login page, such as the demo's
	Behind int           // proxies of ours in front
	// Getenv configures what providers and debtors call (/webhooks/, /u/); nil: these are
	// not served.
	Getenv func(string) string
	// PrivateHooks lets outgoing webhooks reach this machine and private networks.
	PrivateHooks bool
}

// Console serves the console, the REST API and health. Deps.Temporal is only looked at, for
// the health page, and may be nil: the console works while Temporal is away.
type Console struct {
	deps Deps
	o    ConsoleOptions
	book *Book
	web  *web.Console
	api  *api.Server
	// whatif answers what would happen; made with first use.
	whatif *whatif.Service
	// callbacks and oneClick are what providers and debtors call; nil without Options.Getenv.
	callbacks *webhooks.Server
	oneClick  http.Handler
	ui        *url.URL     // of Temporal; may be nil
	decoder   http.Handler // of payloads, for the UI; may be nil
	handler   http.Handler
	meters    *metrics.Set
	watch     *watch // of Temporal; nil: none is configured
	ops       *Desk
	lights    *lights
	counted   counted // what takes long to count
	cancel    context.CancelFunc
	done      chan struct{}
}

// NewConsole wires everything. A database without published configuration is fine: the
// console says so on its pages.
func NewConsole(d Deps, o ConsoleOptions) (*Console, error) {
	c := &Console{deps: d, o: o, book: NewBook(d.Store, clock.Wall), meters: d.measured("console"), lights: &lights{store: d.Store}, watch: newWatch(d), counted: newCounted()}
	watchPool(c.meters, d.Store)
	c.ops = NewDesk(d.Store, c.book, d.Clock, d.Log)
	var err error
	if c.ops.look, err = newCaseLook(d, o.Getenv); err != nil {
		return nil, err
	}
	w, err := web.New(web.Options{
		People: d.Store, Record: c.record, Clock: d.Clock, Wall: clock.Wall, Public: o.Public, Creditors: c.creditors, Hooks: d.Store,
		Banners: c.banners, Light: c.lights.light, Search: c.search, OIDC: o.OIDC, Log: d.Log, Hint: o.Hint, Behind: o.Behind,
	})
	if err != nil {
		return nil, err
	}
	c.web = w
	for _, set := range c.sets() {
		if err := w.Add(set); err != nil {
			return nil, err
		}
	}
	if c.api, err = c.newAPI(); err != nil {
		return nil, err
	}
	if err := c.wireCallers(); err != nil {
		return nil, err
	}
	c.handler = c.mount()
	return c, nil
}

// Web is the frame with all its routes, for tests of rights.
func (c *Console) Web() *web.Console { return c.web }

// wireCallers makes what providers and debtors call.
func (c *Console) wireCallers() (err error) {
	if c.o.Getenv == nil {
		return nil
	}
	if err := c.wireCodec(); err != nil {
		return err
	}
	d := WebhookDeps{Store: c.deps.Store, Book: c.book, Clock: c.deps.Clock, Count: c.meters.Event, Log: c.deps.Log}
	if c.callbacks, err = NewWebhooks(c.o.Getenv, d); err != nil {
		return err
	}
	c.oneClick, err = NewUnsubscribe(c.o.Getenv, c.deps.Store, c.book, c.deps.Clock, c.meters.Event)
	return err
}

// mount puts everything under one address.
func (c *Console) mount() http.Handler {
	mux := http.NewServeMux()
	checks := health.Handler(map[string]health.Check{"postgres": func(ctx context.Context) error { return c.deps.Store.Pool().Ping(ctx) }})
	mux.Handle("GET /healthz", checks)
	mux.Handle("GET /readyz", checks)
	mux.Handle("GET /metrics", c.meters.Handler())
	mux.Handle(api.Prefix+"/", c.api)
	if c.callbacks != nil {
		mux.Handle("/webhooks/", c.callbacks)
		mux.Handle(unsubscribe.Path, c.oneClick)
	}
	if c.decoder != nil {
		mux.Handle(CodecPath, c.decoder)
	}
	mux.Handle("/", c.web.Handler())
	return counting(c.meters, mux)
}

// Handler serves everything.
func (c *Console) Handler() http.Handler { return c.handler }

// record keeps what somebody did, looked at or was refused.
func (c *Console) record(ctx context.Context, r web.Record) error {
	return c.deps.Store.Audit(ctx, postgres.Audited{At: r.At, By: r.By, Action: r.Action, Subject: r.Subject, Detail: r.Detail})
}

// creditors are those of the published configuration.
func (c *Console) creditors(ctx context.Context) ([]web.Creditor, error) {
	cfg, err := c.book.Current(ctx)
	if errors.Is(err, ErrNothingPublished) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []web.Creditor
	for _, cr := range cfg.Creditors() {
		out = append(out, web.Creditor{ID: cr.ID, Name: cr.Name, Zone: cr.Zone})
	}
	return out, nil
}

// banners say what everybody must know on every page: that nothing is published, and the
// switches in force over creditors that somebody may see.
func (c *Console) banners(ctx context.Context, who identity.Principal) ([]web.Banner, error) {
	var out []web.Banner
	switch _, err := c.book.Current(ctx); {
	case errors.Is(err, ErrNothingPublished):
		out = append(out, web.Banner{Kind: "warn", Text: "No configuration is published: nothing is sent. Run duly apply DIR."})
	case err != nil:
		out = append(out, web.Banner{Kind: "bad", Text: "The published configuration cannot be read. Ask operations."})
	}
	now, err := c.deps.Clock.Now(ctx)
	if err != nil {
		return nil, err
	}
	if l, err := c.lights.get(ctx); err == nil && l.Checked && l.Check.Broken != nil && (who.Somewhere(identity.Audit) || who.Somewhere(identity.Monitor)) {
		out = append(out, web.Banner{Kind: "bad", Text: "The audit chain is broken: " + l.Check.Broken.String() + ".", Path: c.lights.path(who)})
	}
	switches, err := c.deps.Store.Switches(ctx)
	var shown []postgres.Switch
	for _, s := range switches {
		mine := who.Can(identity.View, s.Subject) || who.Can(identity.Monitor, s.Subject)
		if s.InForce(now) && (s.Scope != dunning.SwitchCreditor || mine) {
			shown = append(shown, s)
		}
	}
	for _, s := range likeChannels(shown) {
		out = append(out, c.switchBanner(s, who))
	}
	return out, err
}

// likeChannels makes one switch, for people to read, of those of several channels that one
// thing has turned on.
func likeChannels(all []postgres.Switch) (out []postgres.Switch) {
	for _, s := range all {
		i := slices.IndexFunc(out, func(o postgres.Switch) bool {
			return s.Scope == dunning.SwitchChannel && o.Scope == s.Scope && o.Reason == s.Reason && o.On.Equal(s.On) && o.Until.Equal(s.Until)
		})
		if i < 0 {
			out = append(out, s)
		} else {
			out[i].Subject += " and " + s.Subject
		}
	}
	return out
}

func (c *Console) switchBanner(s postgres.Switch, who identity.Principal) web.Banner {
	b := web.Banner{Kind: "bad", Text: "Nothing is sent: everything is switched off. " + s.Reason}
	if s.Scope != dunning.SwitchGlobal {
		b.Text = fmt.Sprintf("Nothing is sent for the %s %s. %s", s.Scope, s.Subject, s.Reason)
		if strings.Contains(s.Subject, " and ") {
			b.Text = fmt.Sprintf("Nothing is sent by %s. %s", s.Subject, s.Reason)
		}
	}
	if !s.Until.IsZero() {
		b.Text += s.Until.UTC().Format(" (until Mon 2 Jan 2006, 15:04 UTC)")
	}
	if who.Somewhere(identity.Operate) {
		b.Path = "/switches"
	}
	return b
}

// search finds what is typed into the command menu.
func (c *Console) search(ctx context.Context, scope read.Scope, text string) ([]web.Hit, error) {
	hits, err := c.deps.Store.Search(ctx, scope, text, 12)
	if err != nil {
		return nil, err
	}
	return webHits(hits), nil
}

// webHits leads from what was found to its pages.
func webHits(hits []read.Hit) []web.Hit {
	var out []web.Hit
	for _, h := range hits {
		if h.Case == "" {
			continue
		}
		out = append(out, webHit(h))
	}
	return out
}

// webHit shows a person by the name, and beside it by what else they were found: a name
// is stored for the search as nobody writes it.
func webHit(h read.Hit) web.Hit {
	detail := []string{h.AccountKey}
	if h.Kind != "name" {
		detail = append(detail, web.Words(h.Kind)+" "+h.Text)
	}
	return web.Hit{Path: "/cases/" + h.Case, Label: cmp.Or(h.Name, h.DebtorKey), Detail: strings.Join(append(detail, h.Status, web.Money(h.Open)), " · ")}
}

// Start begins what runs beside requests: old sessions are dropped, webhooks are told.
// Stop must follow.
func (c *Console) Start(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.done = make(chan struct{})
	sender := &outgoing.Sender{Store: hookStore{c.deps.Store}, Wall: clock.Wall, Log: c.deps.Log, Private: c.o.PrivateHooks}
	var group sync.WaitGroup
	group.Go(func() { c.sweep(ctx) })
	if c.deps.Store.Watched() {
		group.Go(func() { c.deps.keepWatch(ctx) })
	}
	group.Go(func() { sender.Run(ctx) })
	group.Go(func() { c.ops.Run(ctx) })
	group.Go(func() { c.guardian().Run(ctx) })
	if c.callbacks != nil {
		group.Go(func() { c.callbacks.Run(ctx, 0) })
	}
	go func() { group.Wait(); close(c.done) }()
}

// Stop ends what Start began.
func (c *Console) Stop() {
	if c.cancel != nil {
		c.cancel()
		<-c.done
		c.cancel = nil
	}
}

// How old sessions, logins and kept answers may become.
const (
	sweepEvery = 10 * time.Minute
	keepAnswer = 48 * time.Hour
)

func (c *Console) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		now := clock.Wall()
		if err := c.deps.Store.Sweep(ctx, now, now.Add(-web.Idle), now.Add(-keepAnswer)); err != nil && ctx.Err() == nil && c.deps.Log != nil {
			c.deps.Log.Warn("old sessions were not dropped", slog.String("type", kindOf(err)))
		}
		if _, err := c.deps.Store.ForgetFiles(ctx, now.Add(-keepFiles)); err != nil && ctx.Err() == nil && c.deps.Log != nil {
			c.deps.Log.Warn("old uploaded files were not wiped", slog.String("type", kindOf(err)))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// RunConsole is the main of the console.
func RunConsole(ctx context.Context, p Process) error {
	if len(p.Args) > 1 {
		return usageError{errors.New("usage: console   (it is configured by its environment: DATABASE_URL, DULY_PUBLIC_URL, DULY_HTTP_ADDR, …; see docs/console.md)")}
	}
	o, err := consoleOptions(p)
	if err != nil {
		return err
	}
	d, done, err := Connect(ctx, p, false)
	if err != nil {
		return err
	}
	defer done()
	if err := d.watchRestores(ctx); err != nil {
		return err
	}
	if d.Temporal, d.Namespace, err = optionalTemporal(p, d.Log); err != nil {
		return err
	}
	if d.Temporal != nil {
		defer d.Temporal.Close()
	}
	c, err := NewConsole(d, o)
	if err != nil {
		return err
	}
	c.Start(ctx)
	defer c.Stop()
	return ServeHTTP(ctx, or(p.Getenv(EnvHTTPAddr), DefaultHTTPAddr), c.Handler(), func(addr string) {
		d.Log.Info("the console listens", slog.String("address", addr), slog.String("public", o.Public.String()))
	})
}

// consoleOptions reads the environment; all that is wrong with it is reported at once.
func consoleOptions(p Process) (o ConsoleOptions, err error) {
	o.Getenv = p.Getenv
	text := p.Getenv(EnvPublicURL)
	o.Public, err = url.Parse(text)
	if text == "" || err != nil || o.Public.Host == "" || o.Public.Scheme != "http" && o.Public.Scheme != "https" {
		o.Public = &url.URL{}
		err = fmt.Errorf("%s=%s: write the address under which people reach the console, such as https://duly.example.com", EnvPublicURL, text)
	}
	if n := p.Getenv(EnvProxies); n != "" {
		var bad error
		if o.Behind, bad = strconv.Atoi(n); bad != nil || o.Behind < 0 {
			err = errors.Join(err, fmt.Errorf("%s=%s: write how many proxies of yours add X-Forwarded-For, such as 1", EnvProxies, n))
		}
	}
	o.PrivateHooks = p.Getenv(EnvPrivateHooks) == "yes"
	if p.Getenv(EnvOIDCIssuer) != "" {
		var bad error
		o.OIDC, bad = oidcOf(p, o.Public)
		err = errors.Join(err, bad)
	}
	if err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// oidcOf reads OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME, OIDC_ROLES
// ("group=creditor/role group=role …") and OIDC_ROLES_CLAIM.
func oidcOf(p Process, public *url.URL) (*web.OIDC, error) {
	cfg := web.OIDCConfig{
		Issuer: p.Getenv(EnvOIDCIssuer), ClientID: p.Getenv("OIDC_CLIENT_ID"), ClientSecret: p.Getenv("OIDC_CLIENT_SECRET"),
		Name: p.Getenv("OIDC_NAME"), RolesClaim: p.Getenv("OIDC_ROLES_CLAIM"),
	}
	for _, pair := range strings.Fields(p.Getenv("OIDC_ROLES")) {
		i := strings.LastIndex(pair, "=")
		if i < 0 {
			return nil, fmt.Errorf("OIDC_ROLES: %q: write GROUP=ROLE or GROUP=CREDITOR/ROLE, with blanks between", pair)
		}
		creditor, role, ok := strings.Cut(pair[i+1:], "/")
		if !ok {
			creditor, role = identity.AllCreditors, pair[i+1:]
		}
		if cfg.Roles == nil {
			cfg.Roles = map[string]identity.Grant{}
		}
		cfg.Roles[pair[:i]] = identity.Grant{Creditor: creditor, Role: identity.Role(role)}
	}
	return web.NewOIDC(cfg, public)
}

// ServeHTTP serves until ctx ends, and lets answers under way finish. told gets the address
// as bound.
func ServeHTTP(ctx context.Context, addr string, h http.Handler, told func(addr string)) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%s=%s: cannot listen there: %w", EnvHTTPAddr, addr, err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 10 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	told(listener.Addr().String())
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return srv.Shutdown(ending)
}
