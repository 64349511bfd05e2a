// Package fakeprovider is an HTTP server that plays Twilio's Messages API and
// SendGrid's Mail Send API, with faults on demand and a log of what it took.
// Tests, the end-to-end runs and demos send to it through TWILIO_BASE_URL and
// SENDGRID_BASE_URL; its log is the provider's own record against which
// "handed over once" is judged.
//
// It owns the protocols as far as Duly uses them. It does not own delivery: it
// never sends anything anywhere.
package fakeprovider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxRequest bounds what the fake reads of a request.
const maxRequest = 32 << 20

// Options configure a Server.
type Options struct {
	Now        func() time.Time                  // dates the records; required
	Faults     func(Call) Fault                  // decides each call's fate; nil = all goes well
	Check      func(*http.Request, []byte) error // looks at every API request (contract tests); nil = no check
	AccountSID string                            // Twilio credentials to insist on; empty = any
	AuthToken  string
	APIKey     string        // SendGrid key to insist on; empty = any
	PageSize   int           // largest page of a listing; 50 when 0
	QueuedFor  time.Duration // how long a Twilio message stays queued, without date_sent
	// TrustDate dates records by the request's Date header. Duly's adapters set
	// it towards loopback addresses, so that records fit a rehearsal's clock.
	TrustDate bool
	// Webhooks are told of what was taken; nil: nobody is.
	Webhooks *Webhooks
}

// Accepted is one message that the provider took.
type Accepted struct {
	Seq      int       `json:"seq"` // order of acceptance, from 1
	Provider string    `json:"provider"`
	ID       string    `json:"id"`      // Sid or X-Message-Id
	Attempt  string    `json:"attempt"` // attempt id that the request carried, "" when none
	To       string    `json:"to"`
	From     string    `json:"from"`
	Digest   string    `json:"digest"` // SHA-256 of the text, hexadecimal
	At       time.Time `json:"at"`
	Validity int       `json:"validity,omitempty"` // Twilio: ValidityPeriod in seconds, 0 = none
	Batch    string    `json:"batch,omitempty"`    // SendGrid: batch of a mail that is held until SendAt
	SendAt   time.Time `json:"send_at,omitzero"`
	Recalled bool      `json:"recalled,omitempty"` // its batch was cancelled in time: it never left
	Text     string    `json:"-"`                  // what was taken; kept out of the log endpoint

	callback string // Twilio: StatusCallback
}

// Server plays both providers. It is an http.Handler.
type Server struct {
	o      Options
	mux    *http.ServeMux
	closed chan struct{}
	once   sync.Once
	teller *teller // nil: no webhooks

	mu         sync.Mutex
	log        []Accepted
	tries      map[string]int
	calls      map[string]int
	complaints []string
	batches    map[string]string // state by batch: "" or "cancel"
}

// New builds a server.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		return nil, errors.New("fakeprovider: Options.Now is missing: pass the clock that dates the records")
	}
	if o.PageSize <= 0 {
		o.PageSize = 50
	}
	s := &Server{o: o, mux: http.NewServeMux(), closed: make(chan struct{}), tries: map[string]int{}, calls: map[string]int{}, batches: map[string]string{}}
	if o.Webhooks != nil {
		s.teller = newTeller(*o.Webhooks)
	}
	s.mux.HandleFunc("POST /2010-04-01/Accounts/{account}/Messages.json", s.api("twilio", s.twilioCreate))
	s.mux.HandleFunc("GET /2010-04-01/Accounts/{account}/Messages.json", s.api("twilio", s.twilioList))
	s.mux.HandleFunc("POST /v3/mail/send", s.api("sendgrid", s.sendgridSend))
	s.mux.HandleFunc("POST /v3/mail/batch", s.api("sendgrid", s.sendgridBatch))
	s.mux.HandleFunc("POST /v3/user/scheduled_sends", s.api("sendgrid", s.sendgridCancel))
	s.mux.HandleFunc("GET /v3/user/scheduled_sends/{batch}", s.api("sendgrid", s.sendgridCancelled))
	s.mux.HandleFunc("GET /v3/messages", s.api("sendgrid", s.sendgridActivity))
	s.mux.HandleFunc("GET /_fake/log", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.Log()) })
	s.mux.HandleFunc("GET /_fake/summary", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.Summary()) })
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close lets every hanging call go. The server still answers new ones.
// Webhooks that have not been posted yet are not posted any more.
func (s *Server) Close() {
	s.once.Do(func() { close(s.closed) })
	if s.teller != nil {
		s.teller.end()
	}
}

// api wraps a handler: read the body, authenticate, check against the
// contract.
func (s *Server) api(provider string, h func(http.ResponseWriter, *http.Request, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
		if err != nil {
			panic(http.ErrAbortHandler) // the request broke off: nothing to answer
		}
		s.mu.Lock()
		s.calls[provider]++
		s.mu.Unlock()
		if s.o.Check != nil {
			if err := s.o.Check(r, body); err != nil {
				s.complain(provider + " " + r.Method + " " + r.URL.Path + ": " + err.Error())
				writeJSON(w, 400, map[string]any{"code": 20001, "status": 400, "message": "the request breaks the contract"})
				return
			}
		}
		if !s.authentic(provider, r) {
			writeJSON(w, 401, map[string]any{
				"code": 20003, "status": 401, "message": "Authenticate",
				"errors": []any{map[string]any{"message": "authorization required", "field": nil}},
			})
			return
		}
		h(w, r, body)
	}
}

func (s *Server) authentic(provider string, r *http.Request) bool {
	if provider == "sendgrid" {
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return ok && key != "" && (s.o.APIKey == "" || key == s.o.APIKey)
	}
	user, pass, ok := r.BasicAuth()
	return ok && user == r.PathValue("account") &&
		(s.o.AccountSID == "" || user == s.o.AccountSID) && (s.o.AuthToken == "" || pass == s.o.AuthToken)
}

// fate decides what happens to a call about a message.
func (s *Server) fate(provider, to, attempt string) Fault {
	s.mu.Lock()
	key := provider + "\x00" + to
	try := s.tries[key]
	s.tries[key]++
	s.mu.Unlock()
	if s.o.Faults == nil {
		return Fault{}
	}
	return s.o.Faults(Call{Provider: provider, To: to, Attempt: attempt, Try: try})
}

// accept puts a message into the log.
func (s *Server) accept(r *http.Request, a Accepted) Accepted {
	a.At = s.o.Now()
	if date, err := http.ParseTime(r.Header.Get("Date")); err == nil && s.o.TrustDate {
		a.At = date
	}
	sum := sha256.Sum256([]byte(a.Text))
	a.Digest = hex.EncodeToString(sum[:])
	a = s.enter(a)
	if a.Batch == "" { // what is held is not told of: it may be called back
		s.teller.tell(a)
	}
	return a
}

// enter gives a message its id and its place in the log.
func (s *Server) enter(a Accepted) Accepted {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Seq = len(s.log) + 1
	id := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", a.Provider, a.Seq, a.Digest))
	a.ID = hex.EncodeToString(id[:16])
	if a.Provider == "twilio" {
		a.ID = "SM" + a.ID
	}
	s.log = append(s.log, a)
	return a
}

// Log returns every message taken, in the order of acceptance.
func (s *Server) Log() []Accepted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Calls returns how many API requests a provider got, look-ups included.
func (s *Server) Calls(provider string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[provider]
}

// Complaints returns what Options.Check objected to.
func (s *Server) Complaints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.complaints)
}

func (s *Server) complain(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complaints = append(s.complaints, text)
}

// Reset forgets the log and the tries.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.tries, s.calls, s.complaints = nil, map[string]int{}, map[string]int{}, nil
}

// Duplicates returns the messages that were taken again: the same attempt, or
// the same recipient and text when the request carried no attempt. In the
// order of acceptance; the first of each is not among them.
func (s *Server) Duplicates() []Accepted {
	seen, out := map[string]bool{}, []Accepted(nil)
	for _, a := range s.Log() {
		if a.Recalled {
			continue
		}
		key := a.Provider + "\x00" + a.Attempt
		if a.Attempt == "" {
			key = a.Provider + "\x00" + a.To + "\x00" + a.Digest
		}
		if seen[key] {
			out = append(out, a)
		}
		seen[key] = true
	}
	return out
}

// Summary is the log in numbers.
type Summary struct {
	Accepted   map[string]int `json:"accepted"` // by provider
	Calls      map[string]int `json:"calls"`    // by provider
	Duplicates int            `json:"duplicates"`
	Complaints int            `json:"complaints"`
}

// Summary counts the log.
func (s *Server) Summary() Summary {
	out := Summary{Accepted: map[string]int{}, Calls: map[string]int{}, Duplicates: len(s.Duplicates()), Complaints: len(s.Complaints())}
	for _, a := range s.Log() {
		out.Accepted[a.Provider]++
	}
	for _, p := range []string{"sendgrid", "twilio"} {
		out.Calls[p] = s.Calls(p)
	}
	return out
}

// Running is a Server that listens.
type Running struct {
	*Server
	URL  string // scheme and host to put into TWILIO_BASE_URL and SENDGRID_BASE_URL
	http *http.Server
	done chan error
}

// Listen starts a server on addr, such as "127.0.0.1:0".
func Listen(addr string, o Options) (*Running, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("fakeprovider: cannot listen on %s: %w", addr, err)
	}
	r := &Running{Server: s, URL: "http://" + l.Addr().String(), http: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}, done: make(chan error, 1)}
	go func() { r.done <- r.http.Serve(l) }()
	return r, nil
}

// Stop closes the listener and all connections and waits for the end.
func (r *Running) Stop() error {
	r.Close()
	err := r.http.Close()
	if served := <-r.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Serve runs a server on addr until ctx ends.
func Serve(ctx context.Context, addr string, o Options) error {
	r, err := Listen(addr, o)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return r.Stop()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
