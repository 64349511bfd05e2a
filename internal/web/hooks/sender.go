package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/duly/duly/internal/identity"
)

// Attempt is a delivery that is tried now.
type Attempt struct {
	ID          int64
	Hook        string
	Tries       int // this one counted
	Name, Event string
	Body        []byte
	URL, Secret string
	// Old secrets sign, too, each until its instant.
	Old []identity.OldSecret
}

// Told is what one webhook is to be told.
type Told struct {
	Hook, Name string
	Body       []byte
}

// Store is where events and deliveries are kept; instants are wall time.
type Store interface {
	Hooks(ctx context.Context) ([]identity.Hook, error)
	// Spread hands new events to f and keeps what it makes of each, in one transaction.
	Spread(ctx context.Context, max int, now time.Time, f func(Happened) ([]Told, error)) (int, error)
	// Claim takes deliveries that are due until an instant, webhook by webhook in turn, without
	// those of webhooks that wait.
	Claim(ctx context.Context, max int, now, until time.Time, waiting []string) ([]Attempt, error)
	EndDelivery(ctx context.Context, id int64, delivered, next time.Time, status int, problem string) error
	DropOldEvents(ctx context.Context, before time.Time) error
}

// Sender spreads events and makes deliveries. Several processes may each run one.
type Sender struct {
	Store Store
	Wall  func() time.Time
	Log   *slog.Logger // may be nil
	// Private allows addresses of this machine and of private networks.
	Private bool
	// Every is how often it looks; 0 = 2 s.
	Every time.Duration
	// Timeout is how long an address has to answer; 0 = 10 s.
	Timeout time.Duration

	mu sync.Mutex
	// silent are webhooks whose address did not answer, until when they wait: each of their
	// tries takes all the time that there is, and others stand behind it.
	silent map[string]time.Time
}

// How deliveries are made.
const (
	timeout = 10 * time.Second    // of one
	claim   = time.Minute         // after which another process may try
	keep    = 30 * 24 * time.Hour // of what was told, for replays
	batch   = 100
)

// waits are the pauses after failures; after the last the delivery is given up and waits
// for a replay. In all about three days.
var waits = []time.Duration{
	30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// Run sends until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	every := s.Every
	if every == 0 {
		every = 2 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.Once(ctx); err != nil && ctx.Err() == nil && s.Log != nil {
			s.Log.Warn("webhooks wait", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Once spreads what is new and makes the deliveries that are due now.
func (s *Sender) Once(ctx context.Context) error {
	if err := s.spread(ctx); err != nil {
		return err
	}
	client := s.client()
	for {
		now := s.Wall()
		due, err := s.Store.Claim(ctx, batch/10, now, now.Add(claim), s.waiting(now))
		if err != nil || len(due) == 0 {
			return errors.Join(err, s.Store.DropOldEvents(ctx, now.Add(-keep)))
		}
		if err := s.deliverAll(ctx, client, due); err != nil {
			return err
		}
	}
}

// deliverAll makes tries side by side: an address that is slow keeps none of the others
// waiting longer than one timeout.
func (s *Sender) deliverAll(ctx context.Context, client *http.Client, due []Attempt) error {
	faults := make([]error, len(due))
	var group sync.WaitGroup
	for i, a := range due {
		group.Go(func() { faults[i] = s.deliver(ctx, client, a) })
	}
	group.Wait()
	return errors.Join(faults...)
}

func (s *Sender) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return timeout
}

// spread turns new events into deliveries.
func (s *Sender) spread(ctx context.Context) error {
	for {
		all, err := s.Store.Hooks(ctx)
		if err != nil {
			return err
		}
		n, err := s.Store.Spread(ctx, batch, s.Wall(), func(x Happened) ([]Told, error) { return tell(all, x) })
		if err != nil || n < batch {
			return err
		}
	}
}

// tell is what all webhooks are told of a fact. A webhook that is younger than the fact
// hears of it, too, if the event was left for another.
func tell(all []identity.Hook, x Happened) ([]Told, error) {
	var out []Told
	for _, h := range all {
		name, body, ok, err := For(h, x)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, Told{h.ID, name, body})
		}
	}
	return out, nil
}

// deliver makes one try and keeps what came of it.
func (s *Sender) deliver(ctx context.Context, client *http.Client, a Attempt) error {
	status, problem := s.post(ctx, client, a)
	now := s.Wall()
	if status == 0 {
		s.rest(a.Hook, now.Add(waits[0]))
	}
	if status/100 == 2 {
		return s.Store.EndDelivery(ctx, a.ID, now, time.Time{}, status, "")
	}
	var next time.Time
	if a.Tries <= len(waits) && status != http.StatusGone {
		next = now.Add(waits[a.Tries-1])
	}
	return s.Store.EndDelivery(ctx, a.ID, time.Time{}, next, status, problem)
}

// rest leaves a webhook alone until an instant.
func (s *Sender) rest(hook string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent == nil {
		s.silent = map[string]time.Time{}
	}
	s.silent[hook] = until
}

// waiting are the webhooks that are left alone now, in order.
func (s *Sender) waiting(now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.silent, func(_ string, until time.Time) bool { return !until.After(now) })
	return slices.Sorted(maps.Keys(s.silent))
}

// post sends and returns the status, 0 when no answer came. What the other side writes is
// not kept: it is not ours to show.
func (s *Sender) post(ctx context.Context, client *http.Client, a Attempt) (status int, problem string) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(a.Body))
	if err != nil {
		return 0, "the address cannot be used"
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Duly-Webhook/1")
	req.Header.Set("Duly-Event", a.Name)
	req.Header.Set("Duly-Event-Id", a.Event)
	req.Header.Set("Duly-Delivery", strconv.FormatInt(a.ID, 10))
	req.Header.Set("Duly-Signature", a.sign(s.Wall()))
	res, err := client.Do(req)
	if err != nil {
		return 0, reason(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		problem = fmt.Sprintf("the other side answered %d", res.StatusCode)
	}
	return res.StatusCode, problem
}

// reason says in our words why no answer came.
func reason(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errPrivate):
		return errPrivate.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &dns):
		return "the name of the address is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at the address"
	}
	return "the connection failed"
}

// sign signs with the secret and, while it is being changed, with those before: one v1= each.
func (a Attempt) sign(now time.Time) string {
	text := Sign(a.Secret, now, a.Body)
	for _, o := range a.Old {
		if now.Before(o.Until) {
			_, old, _ := strings.Cut(Sign(o.Secret, now, a.Body), ",")
			text += "," + old
		}
	}
	return text
}

// Sign is the signature of a body sent at an instant: t=<unix seconds>,v1=<hex of
// HMAC-SHA256 over "<unix seconds>.<body>" with the webhook's secret>.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%s.", t)
	_, _ = mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

var errPrivate = errors.New("the address leads into a private network; set DULY_HOOKS_PRIVATE=yes if that is meant")

// client follows no redirect, takes no proxy from an answer, and looks at every address
// before it connects: a public name may lead inside.
func (s *Sender) client() *http.Client {
	d := &net.Dialer{Timeout: s.timeout(), Control: func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		return s.allowed(net.ParseIP(host))
	}}
	return &http.Client{
		Timeout:       s.timeout(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: s.timeout(), DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
	}
}

// inside are networks that no public service has, beside those that package net knows: "this
// network", the carriers' (RFC 6598), protocols', benchmarks' and reserved ones, IPv6
// addresses of sites, and those that carry an IPv4 address within them (RFC 6052, 8215, 3056,
// 4291), by which a gateway would lead inside.
var inside = func() (out []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96",
	} {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}()

func (s *Sender) allowed(ip net.IP) error {
	a, ok := netip.AddrFromSlice(ip)
	a = a.Unmap()
	switch {
	case !ok, a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(), ip.Equal(net.IPv4bcast):
		return errPrivate
	case s.Private:
		return nil
	case a.IsLoopback(), a.IsPrivate(), slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(a) }):
		return errPrivate
	}
	return nil
}
