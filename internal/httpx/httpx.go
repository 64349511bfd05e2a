// Package httpx is the HTTP floor under the provider adapters: one
// RoundTripper of ours that the official SDKs, or our thin clients, sit on.
//
// It owns: replacing scheme and host (tests, demos, regional endpoints),
// deadlines, refusing redirects, limits on what is read, Retry-After, and the
// one question that decides whether a message may be sent again: can the
// request have reached the server at all? It does not own any provider's
// meaning of a status; only what holds for both is in Common.
//
// Nothing here returns an error text of net/http: those contain the URL, and a
// provider's URL contains telephone numbers.
package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Defaults of Options.
const (
	DefaultTimeout  = 10 * time.Second
	DefaultMaxBody  = 1 << 20
	DefaultMaxConns = 64
)

// ErrRedirect is what a 3xx answer becomes. A message that is redirected may
// or may not have been taken, and following would hand it over twice.
var ErrRedirect = errors.New("the provider answered with a redirect, which is never followed")

// ErrBodyTooLarge is returned by reads beyond the limit of an answer's body.
var ErrBodyTooLarge = errors.New("the provider's answer is larger than allowed")

// Options configure a Transport. The zero value of a field takes the default.
type Options struct {
	BaseURL  string            // scheme and host that requests go to, such as https://api.twilio.com; required
	Timeout  time.Duration     // longest time of one call including reading the answer
	MaxBody  int64             // bytes of an answer that are read at most
	MaxConns int               // connections to the provider at most; further calls wait, still not written
	Next     http.RoundTripper // the transport below; nil = one of our own without HTTP/2 and without compression
}

// Transport is a http.RoundTripper for one provider. It may be used by many
// goroutines; everything about a single call lives in that call's Trace.
type Transport struct {
	base    *url.URL
	timeout time.Duration
	maxBody int64
	next    http.RoundTripper
}

// New checks o and builds the transport. The base URL must be https, or http
// on a loopback address: in clear text credentials and debts would be readable
// on the way.
func New(o Options) (*Transport, error) {
	base, err := ParseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	t := &Transport{base: base, timeout: o.Timeout, maxBody: o.MaxBody, next: o.Next}
	if t.timeout <= 0 {
		t.timeout = DefaultTimeout
	}
	if t.maxBody <= 0 {
		t.maxBody = DefaultMaxBody
	}
	if t.next == nil {
		t.next = newNext(o.MaxConns)
	}
	return t, nil
}

// newNext builds the net/http transport. HTTP/1.1 only: its rules for "was it
// written" are measured in this package's tests, and it never repeats a POST of
// which a byte was written.
func newNext(maxConns int) *http.Transport {
	if maxConns <= 0 {
		maxConns = DefaultMaxConns
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // non-nil switches HTTP/2 off
		MaxConnsPerHost:        maxConns,
		MaxIdleConns:           maxConns,
		MaxIdleConnsPerHost:    maxConns,
		IdleConnTimeout:        20 * time.Second, // below the providers' own, or a POST meets a connection that is just being closed
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// ParseBase checks a base URL: scheme and host only, https or loopback.
func ParseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("base URL %q: want a scheme and a host, such as https://api.example.com", redactURL(raw))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("base URL with host %q: it replaces scheme and host only; leave out user, path and query", u.Host)
	}
	if u.Scheme == "http" && !isLoopback(u) {
		return nil, fmt.Errorf("base URL http://%s: clear text is allowed only to this machine (127.0.0.1, ::1, localhost); use https", u.Host)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// redactURL cuts what stands before an @, where people put passwords.
func redactURL(raw string) string {
	if i := strings.LastIndex(raw, "@"); i >= 0 {
		return "…" + raw[i:]
	}
	return raw
}

// Live reports whether the transport leaves this machine.
func (t *Transport) Live() bool { return !isLoopback(t.base) }

// Host returns scheme and host that requests go to.
func (t *Transport) Host() string { return t.base.String() }

// Timeout returns the longest time of one call.
func (t *Transport) Timeout() time.Duration { return t.timeout }

func isLoopback(u *url.URL) bool {
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Client returns a client for exactly one call. The SDKs take no context, so
// it is bound here: every request made with the client runs under ctx and is
// recorded in trace. A client is never shared: that is what makes it
// impossible for two sends to see each other's request.
func (t *Transport) Client(ctx context.Context, trace *Trace) *http.Client {
	return &http.Client{
		Transport:     bound{t: t, ctx: ctx, trace: trace},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bound is a Transport with one call's context and trace.
type bound struct {
	t     *Transport
	ctx   context.Context //nolint:containedctx // the whole purpose: SDKs that take no context get one here
	trace *Trace
}

// RoundTrip implements http.RoundTripper.
func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.ctx.Err(); err != nil {
		closeBody(r.Body)
		return nil, err // nothing is dialled for a call that is already over
	}
	out := r.Clone(b.trace.into(b.ctx))
	out.URL.Scheme, out.URL.Host, out.Host = b.t.base.Scheme, b.t.base.Host, b.t.base.Host
	resp, err := b.t.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	b.trace.answered(resp)
	resp.Body = &limited{rc: resp.Body, left: b.t.maxBody}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		closeBody(resp.Body)
		return nil, ErrRedirect
	}
	return resp, nil
}

func closeBody(rc io.Closer) {
	if rc != nil {
		_ = rc.Close() // the connection is given up; there is nothing to do about a failing close
	}
}

// limited reads at most left bytes and then fails instead of cutting silently.
type limited struct {
	rc   io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, ErrBodyTooLarge
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.rc.Read(p)
	l.left -= int64(n)
	return n, err
}

func (l *limited) Close() error { return l.rc.Close() }

// Stamp puts the business instant of a hand-over into the request's Date
// header (RFC 9110, 6.6.1) when the transport stays on this machine. A fake
// provider can then date its records in rehearsal time, where weeks pass in
// minutes, so that look-ups find them. Real providers are not sent it.
func (t *Transport) Stamp(r *http.Request, at time.Time) {
	if !t.Live() && !at.IsZero() {
		r.Header.Set("Date", at.UTC().Format(http.TimeFormat))
	}
}
