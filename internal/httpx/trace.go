package httpx

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRetryAfter caps what a provider may ask us to wait: a broken header must
// not park a contact for a year.
const maxRetryAfter = 6 * time.Hour

// Trace records what is known about one call. Its zero value is ready. It may
// be read while the transport's goroutines still write to it.
type Trace struct {
	mu         sync.Mutex
	connected  bool
	wrote      bool
	writeErr   error
	status     int
	retryAfter time.Duration
	header     http.Header
}

// into attaches the trace to ctx.
func (t *Trace) into(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport asks for a connection again only when not one byte of
		// the try before was written, so what was recorded then is void.
		GetConn: func(string) { t.set(func() { t.connected, t.wrote, t.writeErr = false, false, nil }) },
		GotConn: func(httptrace.GotConnInfo) { t.set(func() { t.connected = true }) },
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			t.set(func() { t.wrote, t.writeErr = true, i.Err })
		},
	})
}

func (t *Trace) set(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

func (t *Trace) answered(r *http.Response) {
	after := retryAfter(r.Header)
	t.set(func() { t.status, t.header, t.retryAfter = r.StatusCode, r.Header, after })
}

// Status returns the status of the answer, 0 when there was none.
func (t *Trace) Status() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

// Header returns the named header of the answer, "" when there was none.
func (t *Trace) Header(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.header.Get(name)
}

// RetryAfter returns how long the answer asks to wait, 0 when it does not say.
func (t *Trace) RetryAfter() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.retryAfter
}

// NotWritten reports that the whole request provably never reached the
// server: there was no connection, or writing it failed.
//
// A call that is cancelled while the request is being written is not proof:
// the goroutine that writes may still finish. So "no WroteRequest seen" with a
// connection counts as maybe written.
func (t *Trace) NotWritten() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status != 0 {
		return false
	}
	return !t.connected || t.wrote && t.writeErr != nil
}

// retryAfter reads Retry-After (RFC 9110, 10.2.3: seconds or a date). A date
// is taken relative to the answer's own Date header, so no clock is read here
// and a wrong clock on this machine changes nothing.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return clampWait(n)
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return clampWait(int64(until.Sub(now) / time.Second))
}

// clampWait turns seconds into a wait between 0 and maxRetryAfter.
func clampWait(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
}
