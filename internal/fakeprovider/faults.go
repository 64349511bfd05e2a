package fakeprovider

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Kind is a way in which a provider can fail. "Before" fails without taking
// the message, "After" takes it and then fails: the difference is exactly what
// a sender cannot see.
type Kind string

// The faults.
const (
	None              Kind = ""
	RateLimit         Kind = "rate_limit"         // 429 with Retry-After: 7
	ErrorBefore       Kind = "error_before"       // 500
	ErrorAfter        Kind = "error_after"        // 500
	UnavailableBefore Kind = "unavailable_before" // 503 with an HTML page
	UnavailableAfter  Kind = "unavailable_after"  // 503 with an HTML page
	ResetBefore       Kind = "reset_before"       // the connection breaks (RST)
	ResetAfter        Kind = "reset_after"        // the connection breaks (RST)
	TimeoutBefore     Kind = "timeout_before"     // no answer until the client goes away
	TimeoutAfter      Kind = "timeout_after"      // no answer until the client goes away
	EmptyBefore       Kind = "empty_before"       // a success without an id
	EmptyAfter        Kind = "empty_after"        // a success without an id
	Redirect          Kind = "redirect"           // 307 to a place that would accept the message again
	SlowBody          Kind = "slow_body"          // taken; the answer's body trickles until the client goes away
	HugeBody          Kind = "huge_body"          // taken; the answer's body is 64 MB
	Refuse            Kind = "refuse"             // not taken: Fault.Status and Fault.Code
)

// AllKinds lists every fault but Refuse, in a fixed order.
func AllKinds() []Kind {
	return []Kind{
		RateLimit, ErrorBefore, ErrorAfter, UnavailableBefore, UnavailableAfter, ResetBefore, ResetAfter,
		TimeoutBefore, TimeoutAfter, EmptyBefore, EmptyAfter, Redirect, SlowBody, HugeBody,
	}
}

// Takes reports whether the provider takes the message in spite of the fault.
func (k Kind) Takes() bool {
	return k == None || strings.HasSuffix(string(k), "_after") || k == SlowBody || k == HugeBody
}

// Fault is what happens to one call.
type Fault struct {
	Kind   Kind
	Status int    // Refuse: HTTP status
	Code   int    // Refuse: Twilio's error code in the body; 0 = a body without one
	Field  string // Refuse: SendGrid's field in the body
}

// Call is what a fault may depend on.
type Call struct {
	Provider string // twilio or sendgrid
	To       string
	Attempt  string // attempt id, when the request carries one
	Try      int    // how many requests for this recipient came before this one
}

// Rate returns a fault function that hits about percent of the calls, evenly
// over kinds. It depends on seed, provider, recipient and try only, so two runs
// of the same work meet the same faults whatever the order of goroutines.
func Rate(seed uint64, percent int, kinds ...Kind) func(Call) Fault {
	return func(c Call) Fault {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%d", seed, c.Provider, c.To, c.Try))
		if len(kinds) == 0 || binary.BigEndian.Uint64(sum[:8])%100 >= uint64(max(percent, 0)) {
			return Fault{}
		}
		return Fault{Kind: kinds[binary.BigEndian.Uint64(sum[8:16])%uint64(len(kinds))]}
	}
}

// act plays the part of a fault that a client sees; false means that the call
// goes on as usual.
func (s *Server) act(w http.ResponseWriter, r *http.Request, f Fault) bool {
	switch f.Kind {
	case RateLimit:
		w.Header().Set("Retry-After", "7")
		writeJSON(w, http.StatusTooManyRequests, map[string]any{"code": 20429, "status": 429, "message": "Too Many Requests"})
	case ErrorBefore, ErrorAfter:
		writeJSON(w, http.StatusInternalServerError, map[string]any{"code": 20500, "status": 500, "message": "Internal Server Error"})
	case UnavailableBefore, UnavailableAfter:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<html><h1>503 Service Unavailable</h1></html>")) // the client may be gone
	case ResetBefore, ResetAfter:
		reset(w)
	case TimeoutBefore, TimeoutAfter:
		s.untilGone(r)
		panic(http.ErrAbortHandler) // never answer late
	case Redirect:
		http.Redirect(w, r, r.URL.RequestURI()+"?redirected=1", http.StatusTemporaryRedirect)
	default:
		return false
	}
	return true
}

// reset breaks the connection so that the client reads "connection reset".
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // not a real connection: at least no answer
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // close then sends RST; without it a FIN, which is broken enough too
	}
	_ = conn.Close()
}

// untilGone waits until the client hangs up or the server closes.
func (s *Server) untilGone(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closed:
	}
}

// trickle sends body slowly and never to its end.
func (s *Server) trickle(w http.ResponseWriter, r *http.Request, body []byte) {
	ctl := http.NewResponseController(w)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; i < len(body)-1; i++ {
		if _, err := w.Write(body[i : i+1]); err != nil || ctl.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
	s.untilGone(r)
}

// flood sends a valid beginning and then 64 MB of spaces, or what the client
// still reads of them.
func flood(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body[:len(body)-1]); err != nil {
		return
	}
	chunk := []byte(strings.Repeat(" ", 1<<16))
	for range 1 << 10 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}
