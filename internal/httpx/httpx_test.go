package httpx

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

func TestParseBase(t *testing.T) {
	cases := []struct {
		name, raw, want, err string
	}{
		{"https", "https://api.example.com", "https://api.example.com", ""},
		{"https with a port and a slash", "https://api.example.com:8443/", "https://api.example.com:8443", ""},
		{"http to this machine", "http://127.0.0.1:8080", "http://127.0.0.1:8080", ""},
		{"http to this machine by name", "http://localhost:8080", "http://localhost:8080", ""},
		{"http to this machine in IPv6", "http://[::1]:8080", "http://[::1]:8080", ""},
		{"http to elsewhere would be readable on the way", "http://api.example.com", "", "clear text"},
		{"a name that only looks local", "http://localhost.example.com", "", "clear text"},
		{"a path would be ignored silently", "https://api.example.com/v2", "", "scheme and host only"},
		{"a password does not belong here", "https://user:pa55word@api.example.com", "", "scheme and host only"},
		{"a password in something broken", "ftp://user:pa55word@api.example.com", "", "…@api.example.com"},
		{"no scheme", "api.example.com", "", "scheme and a host"},
		{"nothing", "", "", "scheme and a host"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u, err := ParseBase(c.raw)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "pa55word") {
					t.Errorf("error %v, want one with %q and no password", err, c.err)
				}
				return
			}
			if err != nil || u.String() != c.want {
				t.Errorf("got %v, %v", u, err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	date := "Mon, 02 Mar 2026 15:00:00 GMT"
	cases := []struct {
		name, header, date string
		want               time.Duration
	}{
		{"nothing said", "", date, 0},
		{"seconds", "7", date, 7 * time.Second},
		{"spaces around", " 7 ", date, 7 * time.Second},
		{"a negative wait is none", "-5", date, 0},
		{"a year is cut to six hours", "31536000", date, 6 * time.Hour},
		{"more than fits a duration is cut too", "9223372036854775807", date, 6 * time.Hour},
		{"a date, relative to the answer's own", "Mon, 02 Mar 2026 15:01:30 GMT", date, 90 * time.Second},
		{"a date in the past", "Mon, 02 Mar 2026 14:00:00 GMT", date, 0},
		{"a date without one to relate it to", "Mon, 02 Mar 2026 15:01:30 GMT", "", 0},
		{"nonsense", "soon", date, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := retryAfter(http.Header{"Retry-After": {c.header}, "Date": {c.date}}); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func newTransport(t testing.TB, o Options) *Transport {
	t.Helper()
	tr, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func post(t testing.TB, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "https://other.example/path?q=%2B12025550100", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rawServer accepts connections and gives each to handle.
func rawServer(t *testing.T, handle func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go handle(c.(*net.TCPConn))
		}
	}()
	return "http://" + l.Addr().String()
}

// rst closes so that the client reads a reset.
func rst(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// TestWhatIsKnownAboutABrokenCall is the heart of this package: "not written"
// must be claimed only where the provider cannot have the whole request.
func TestWhatIsKnownAboutABrokenCall(t *testing.T) {
	huge := bytes.Repeat([]byte("x"), 32<<20)
	cases := []struct {
		name   string
		handle func(*net.TCPConn)
		body   []byte
		cause  string
		never  bool // proven: not written
		either bool // both answers are right; it depends on who is faster
	}{
		{"reset in the middle of a large request: it can never have been whole", func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1024))
			rst(c)
		}, huge, "connection", true, false},
		{"reset after the whole request: it may have been taken", func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1<<16))
			rst(c)
		}, []byte("small"), "connection", false, false},
		{"closed after the whole request", func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1<<16))
			_ = c.Close()
		}, []byte("small"), "connection", false, false},
		{"time-out while a large request is being written: proof only if writing was seen to fail", func(*net.TCPConn) {}, huge, "timeout", false, true},
		{"time-out after the whole request", func(*net.TCPConn) {}, []byte("small"), "timeout", false, false},
		{"an answer that is no HTTP", func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1<<16))
			_, _ = c.Write([]byte("220 smtp.example ESMTP\r\n"))
			_ = c.Close()
		}, []byte("small"), "connection", false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			patience := time.Minute // no answer to this fault may be mistaken for a time-out
			if c.cause == "timeout" {
				patience = 2 * time.Second // long enough to write a small request, however busy the machine
			}
			tr := newTransport(t, Options{BaseURL: rawServer(t, c.handle), Timeout: patience})
			a := tr.Do(t.Context(), post(t, c.body))
			if a.Status != 0 || a.NotWritten != c.never && !c.either || a.Cause != c.cause {
				t.Errorf("got status %d, not written %v, cause %s; want not written %v, cause %s", a.Status, a.NotWritten, a.Cause, c.never, c.cause)
			}
			out, ok := Common(a)
			if !ok || (out.State == dunning.SendFailed) != a.NotWritten {
				t.Errorf("outcome %+v", out)
			}
		})
	}
}

// TestAPostIsNeverRepeated: net/http may send a request anew when a connection that was
// kept open breaks; a POST it must not. The server answers the first request on each
// connection and breaks off at the second. Whether a connection is kept is net/http's own
// choice, which it makes by the clock: so posts are made until one met a kept connection.
func TestAPostIsNeverRepeated(t *testing.T) {
	var requests atomic.Int32
	base := rawServer(t, func(c *net.TCPConn) {
		buf := make([]byte, 1<<16)
		for i := 0; ; i++ {
			if _, err := c.Read(buf); err != nil {
				return
			}
			requests.Add(1)
			if i == 1 { // the second request on a connection that was kept open
				rst(c)
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		}
	})
	tr := newTransport(t, Options{BaseURL: base})
	for posts := int32(1); posts <= 100; posts++ {
		a := tr.Do(t.Context(), post(t, []byte("x")))
		if n := requests.Load(); n != posts || a.NotWritten {
			t.Fatalf("got %+v after %d requests for %d posts; net/http must not send a POST again by itself", a, n, posts)
		}
		if a.Status == 0 {
			return // it met a kept connection, and was not sent again
		}
	}
	t.Error("no connection was ever kept open")
}

func TestRedirectsAreRefused(t *testing.T) {
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/again", http.StatusPermanentRedirect)
	}))
	defer srv.Close()
	tr := newTransport(t, Options{BaseURL: srv.URL})
	a := tr.Do(t.Context(), post(t, []byte("x")))
	if a.Status != 308 || a.Cause != "redirect" || a.NotWritten || calls.Load() != 1 {
		t.Errorf("got %+v after %d calls", a, calls.Load())
	}
}

func TestBodiesAreLimited(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 4096))
	}))
	defer srv.Close()
	cases := []struct {
		name     string
		max      int64
		complete bool
		cause    string
	}{
		{"below the limit", 5000, true, ""},
		{"exactly one more than the body", 4097, true, ""},
		{"above the limit the answer is not whole", 4000, false, "size"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := newTransport(t, Options{BaseURL: srv.URL, MaxBody: c.max}).Do(t.Context(), post(t, nil))
			if a.Status != 200 || a.Complete != c.complete || a.Cause != c.cause || int64(len(a.Body)) > c.max {
				t.Errorf("got status %d, complete %v, cause %q, %d bytes", a.Status, a.Complete, a.Cause, len(a.Body))
			}
		})
	}
}

func TestOnlySchemeAndHostAreReplaced(t *testing.T) {
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Host + " " + r.URL.RequestURI() + " " + r.Header.Get("Date")
	}))
	defer srv.Close()
	tr := newTransport(t, Options{BaseURL: srv.URL})
	r := post(t, nil)
	tr.Stamp(r, time.Date(2026, 3, 2, 16, 0, 0, 0, time.FixedZone("", 3600)))
	tr.Do(t.Context(), r)
	if want := strings.TrimPrefix(srv.URL, "http://") + " /path?q=%2B12025550100 Mon, 02 Mar 2026 15:00:00 GMT"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	live, r := newTransport(t, Options{BaseURL: "https://api.example.com"}), post(t, nil)
	live.Stamp(r, time.Date(2026, 3, 2, 16, 0, 0, 0, time.UTC))
	if !live.Live() || r.Header.Get("Date") != "" {
		t.Error("a real provider is never sent a rehearsal's date")
	}
}

// TestAnSDKWithoutContext plays an SDK that takes no context: it is given a
// client of its own, and the caller's deadline ends its call all the same.
func TestAnSDKWithoutContext(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // it must be written by then
	defer cancel()
	var trace Trace
	began := time.Now()
	resp, err := newTransport(t, Options{BaseURL: srv.URL}).Client(ctx, &trace).Post("https://api.example.com/x", "text/plain", strings.NewReader("x"))
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("no error")
	}
	if trace.NotWritten() || trace.Status() != 0 || time.Since(began) > 8*time.Second { // DefaultTimeout is 10 s
		t.Errorf("not written %v, status %d after %v", trace.NotWritten(), trace.Status(), time.Since(began))
	}
}

func TestCommon(t *testing.T) {
	cases := []struct {
		name string
		a    Answer
		want dunning.Outcome
		ok   bool
	}{
		{"never written may be tried again at once", Answer{NotWritten: true, Cause: "dial"}, dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: "net:dial"}, true},
		{"no answer after writing is unknown", Answer{Cause: "timeout"}, dunning.Outcome{State: dunning.SendUnknown, Code: "net:timeout"}, true},
		{"503 is unknown even with Retry-After", Answer{Status: 503, RetryAfter: time.Minute}, dunning.Outcome{State: dunning.SendUnknown, Code: "http:503"}, true},
		{"429 was never taken", Answer{Status: 429, RetryAfter: time.Minute}, dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "http:429", RetryAfter: time.Minute}, true},
		{"202 is the adapter's to read", Answer{Status: 202}, dunning.Outcome{}, false},
		{"400 is the adapter's to read", Answer{Status: 400}, dunning.Outcome{}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := Common(c.a); got != c.want || ok != c.ok {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
	for status, want := range map[int]dunning.FailureClass{401: dunning.FailedConfig, 404: dunning.FailedConfig, 407: dunning.FailedConfig, 400: dunning.FailedContent, 413: dunning.FailedContent, 451: dunning.FailedContent} {
		if got := ByStatus(status); got != want {
			t.Errorf("status %d is %s, want %s", status, got, want)
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	var open, most atomic.Int32
	three := make(chan struct{}) // closed when three are there at once
	var all sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := open.Add(1)
		defer open.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 3 {
			all.Do(func() { close(three) })
		}
		select {
		case <-three:
		case <-time.After(time.Minute): // they are fewer
		}
		<-time.After(5 * time.Millisecond) // long enough for a fourth to come
	}))
	defer srv.Close()
	tr := newTransport(t, Options{BaseURL: srv.URL, MaxConns: 3, Timeout: 2 * time.Minute})
	answers := make(chan Answer, 60)
	for range cap(answers) {
		go func() { answers <- tr.Do(t.Context(), post(t, []byte("x"))) }()
	}
	for range cap(answers) {
		if a := <-answers; a.Status != 200 {
			t.Errorf("a call that waited for a connection came to %+v", a)
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d connections at once, want 3", most.Load())
	}
}

func ExampleTransport_Client() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	defer srv.Close()
	tr, err := New(Options{BaseURL: srv.URL})
	if err != nil {
		panic(err)
	}
	var trace Trace
	resp, err := tr.Client(context.Background(), &trace).Post("https://api.example.com/v3/mail/send", "application/json", strings.NewReader("{}"))
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	fmt.Println(trace.Status(), trace.NotWritten())
	// Output: 202 false
}
