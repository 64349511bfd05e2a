package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/internal/clock"
)

// Limits of the server.
const (
	// inline is how long the events of a request are processed before it is answered:
	// Twilio waits 15 s.
	inline = 10 * time.Second
	// lease is how long nobody else takes an event that a request is processing.
	lease = 60 * time.Second
	// atOnce bounds how many requests of an endpoint are in hand at the same time, and so
	// their memory; of mails and batches of events, which may be large, only a few. One
	// endpoint never holds up another.
	atOnce      = 64
	gridAtOnce  = 8
	mailsAtOnce = 4
	// maxTries is how often an event is processed before a person is needed.
	maxTries = 20
	// foreignTries is how often a report about nobody's message is looked at: the answer
	// to the hand-over may still be on its way into the database.
	foreignTries = 3
)

// Server takes webhooks. It is an http.Handler for the paths under /webhooks/. It may be
// used by many goroutines.
type Server struct {
	c       Config
	p       Ports
	sources map[string]*source // by path

	mu     sync.Mutex
	counts map[string]int64
}

// source is one endpoint.
type source struct {
	name    string
	limit   int64
	slots   chan struct{}
	missing func() string // which setting is missing, "" = none
	verify  func(r *http.Request, body []byte) bool
	parse   func(r Request) ([]Event, error)
	keep    []string // headers that are kept with the body
	query   bool     // the query is kept: reading the events needs it
	// tell: whoever sends is told what became of each event, and what cannot be read is
	// refused. Else it is kept for a person: a provider would only send it again.
	tell   bool
	answer func(w http.ResponseWriter) // a success without anything to tell
}

// New builds the server. Run must be running somewhere so that what fails is tried again.
func New(c Config, p Ports) (*Server, error) {
	if c.Twilio == nil || c.SendGrid == nil || c.Token == nil {
		return nil, errors.New("webhooks: Config.Twilio, SendGrid and Token are required")
	}
	if p.Inbox == nil || p.Reports == nil || p.Answers == nil || p.Payments == nil {
		return nil, errors.New("webhooks: Ports.Inbox, Reports, Answers and Payments are required")
	}
	if c.Now == nil {
		c.Now = clock.Wall
	}
	if c.EventAge == 0 {
		c.EventAge = DefaultEventAge
	}
	if c.PaymentAge == 0 {
		c.PaymentAge = DefaultPaymentAge
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if err := c.checkURL(); err != nil {
		return nil, err
	}
	s := &Server{c: c, p: p, counts: map[string]int64{}}
	s.sources = s.endpoints()
	for _, src := range s.sources {
		src.slots = make(chan struct{}, atOnce)
	}
	s.sources[SendGridEventsPath].slots = make(chan struct{}, gridAtOnce)
	s.sources[SendGridInboundPath].slots = make(chan struct{}, mailsAtOnce)
	return s, nil
}

func (s *Server) endpoints() map[string]*source {
	twiml := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Response/>`) // the client may be gone
	}
	empty := func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }
	okay := func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) } // SendGrid wants a 200
	twilioHeaders := []string{"Content-Type", "X-Twilio-Signature", "I-Twilio-Idempotency-Token"}
	gridHeaders := []string{"Content-Type", headerGridSignature, headerGridTime}
	return map[string]*source{
		TwilioStatusPath: {
			name: sourceTwilioStatus, limit: maxTwilio, missing: s.missingTwilio, keep: twilioHeaders, query: true, answer: empty,
			verify: func(r *http.Request, b []byte) bool { return s.verifyTwilio(TwilioStatusPath, r, b) }, parse: s.parseTwilioStatus,
		},
		TwilioInboundPath: {
			name: sourceTwilioInbound, limit: maxTwilio, missing: s.missingTwilio, keep: twilioHeaders, query: true, answer: twiml,
			verify: func(r *http.Request, b []byte) bool { return s.verifyTwilio(TwilioInboundPath, r, b) }, parse: s.parseTwilioInbound,
		},
		SendGridEventsPath: {
			name: sourceGridEvents, limit: maxGridEvents, missing: s.missingGridKey, keep: gridHeaders, answer: okay,
			verify: s.verifyGridEvents, parse: s.parseGridEvents,
		},
		SendGridInboundPath: {
			name: sourceGridInbound, limit: maxGridInbound, missing: s.missingInboundKey, keep: gridHeaders, answer: okay,
			verify: s.verifyGridInbound, parse: s.parseGridInbound,
		},
		PaymentsPath: {
			name: sourcePayments, limit: maxPayments, missing: s.missingPayments, keep: []string{"Content-Type", headerPayment}, tell: true,
			verify: s.verifyPayments, parse: s.parsePayments,
		},
	}
}

func (s *Server) missingTwilio() string {
	switch {
	case s.c.PublicURL == "":
		return "DULY_PUBLIC_URL"
	case len(s.c.TwilioTokens) == 0:
		return "TWILIO_AUTH_TOKEN"
	}
	return ""
}

func (s *Server) missingGridKey() string {
	if len(s.c.SendGridKeys) == 0 {
		return "SENDGRID_WEBHOOK_PUBLIC_KEY"
	}
	return ""
}

func (s *Server) missingInboundKey() string {
	if len(s.c.InboundKeys) == 0 && len(s.c.SendGridKeys) == 0 {
		return "SENDGRID_INBOUND_KEY"
	}
	return ""
}

func (s *Server) missingPayments() string {
	if len(s.c.PaymentSecrets) == 0 {
		return "DULY_PAYMENTS_SECRET"
	}
	return ""
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	src := s.sources[r.URL.Path]
	switch {
	case src == nil:
		http.Error(w, "there is no such webhook", http.StatusNotFound)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "webhooks are posted", http.StatusMethodNotAllowed)
	case src.missing() != "":
		http.Error(w, "this webhook is switched off: "+src.missing()+" is not set", http.StatusNotFound)
	default:
		s.take(w, r, src)
	}
}

// take reads a request, proves it and receives it.
func (s *Server) take(w http.ResponseWriter, r *http.Request, src *source) {
	select {
	case src.slots <- struct{}{}:
		defer func() { <-src.slots }()
	case <-r.Context().Done():
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, src.limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		s.count("webhook_too_large", src)
		http.Error(w, "the request is too large", http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		http.Error(w, "the request broke off", http.StatusBadRequest)
		return
	}
	if !src.verify(r, body) {
		s.count("webhook_bad_signature", src)
		http.Error(w, "the signature is wrong, too old or missing", http.StatusForbidden)
		return
	}
	s.receive(w, r, src, request(src, r, body))
}

// request is what is kept of an HTTP request: never a credential.
func request(src *source, r *http.Request, body []byte) Request {
	out := Request{Source: src.name, Headers: map[string]string{}, Body: body}
	if src.query {
		out.Query = r.URL.RawQuery
	}
	for _, name := range src.keep {
		if v := r.Header.Get(name); v != "" && len(v) < 4096 {
			out.Headers[name] = v
		}
	}
	return out
}

// receive keeps the request, processes its events and answers.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, src *source, req Request) {
	events, err := s.events(src, req)
	if err != nil && src.tell {
		s.count("webhook_malformed", src)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	} else if err != nil {
		s.count("webhook_malformed", src)
		events = []Event{unreadable(req)}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), inline)
	defer cancel()
	rows, err := s.p.Inbox.Receive(ctx, req, events, lease)
	if err != nil {
		s.failed(src, "receive", err)
		http.Error(w, "the request could not be stored; send it again", http.StatusServiceUnavailable)
		return
	}
	results, whole := s.processAll(ctx, events, rows)
	switch {
	case !whole: // it is kept and will be processed, but nobody may rely on it yet
		http.Error(w, "the request is stored and not yet processed; send it again", http.StatusServiceUnavailable)
	case src.tell:
		tell(w, events, results)
	default:
		src.answer(w)
	}
}

// events parses a request. What is wrong in it never takes the server down.
func (s *Server) events(src *source, req Request) (events []Event, err error) {
	defer func() {
		if recover() != nil {
			s.log().Error("panic while a webhook was read", slog.String("source", src.name), slog.String("at", string(debug.Stack())))
			events, err = nil, errMalformed
		}
	}()
	return src.parse(req)
}

// processAll processes the events of a request, urgent ones first. whole is false when an
// urgent one could not be: then the request must not be answered with a success.
func (s *Server) processAll(ctx context.Context, events []Event, rows []Row) (results []Result, whole bool) {
	order := make([]int, len(events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case events[a].urgent == events[b].urgent:
			return 0
		case events[a].urgent:
			return -1
		}
		return 1
	})
	results, whole = make([]Result, len(events)), true
	for _, i := range order {
		if ctx.Err() != nil && !events[i].urgent {
			continue // Run goes on with it
		}
		results[i] = s.process(ctx, events[i], rows[i])
		if events[i].urgent && results[i].State == Pending && results[i].Code != "" {
			whole = false
		}
	}
	return results, whole
}

// process carries out one event and keeps what it came to. An event that is done already
// is not touched.
func (s *Server) process(ctx context.Context, e Event, row Row) Result {
	if row.State == Done {
		return Result{State: Done, Outcome: row.Outcome}
	}
	res := s.carryOut(ctx, e, row)
	if err := s.p.Inbox.Settle(ctx, row.ID, res); err != nil {
		s.failed(&source{name: row.Source}, "settle", err)
		return Result{State: Pending, Code: "settle"}
	}
	return res
}

func (s *Server) carryOut(ctx context.Context, e Event, row Row) Result {
	m, err := s.safely(ctx, e, row)
	res := Result{State: Done, Outcome: m.Outcome, Contact: m.Contact, Debtors: m.Debtors}
	refusal := (*Refusal)(nil)
	switch {
	case errors.As(err, &refusal):
		res.State, res.Code = Failed, refusal.Code
		res.Outcome = refusal.Text
	case err != nil:
		s.failed(&source{name: row.Source}, "process", err)
		res.State, res.Code, res.Retry = Pending, "technical", backoff(row.Attempts)
		if row.Attempts+1 >= maxTries {
			res.State = Failed
		}
	case m.Nobody && row.Attempts+1 < e.patience:
		res.State, res.Retry = Pending, backoff(row.Attempts)
	case m.Nobody && e.foreign:
		res.Outcome = "not_ours"
	case m.Nobody:
		res.State = Unmatched
	}
	return res
}

// safely runs an event's processing; a panic is a technical error of that event alone.
func (s *Server) safely(ctx context.Context, e Event, row Row) (m Matched, err error) {
	defer func() {
		if recover() != nil {
			s.log().Error("panic while a webhook was processed", slog.Int64("event", row.ID), slog.String("at", string(debug.Stack())))
			err = errors.New("panic")
		}
	}()
	return e.do(ctx, s)
}

// backoff spaces the tries of an event: from 5 s to an hour.
func backoff(attempts int) time.Duration {
	return min(5*time.Second<<min(max(attempts, 0), 12), time.Hour)
}

// Run processes what requests left behind until ctx ends, looking every so often (0: 2 s).
func (s *Server) Run(ctx context.Context, every time.Duration) {
	if every <= 0 {
		every = 2 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		for {
			n, err := s.Work(ctx)
			if err != nil && ctx.Err() == nil {
				s.failed(&source{name: "inbox"}, "claim", err)
			}
			if n == 0 || err != nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// batch is how many events one Work takes.
const batch = 50

// Work processes a batch of pending events whose time has come and returns how many.
func (s *Server) Work(ctx context.Context) (int, error) {
	rows, err := s.p.Inbox.Claim(ctx, batch, lease)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if ctx.Err() != nil {
			break // the lease ends and somebody else takes them
		}
		s.again(ctx, row)
	}
	return len(rows), nil
}

// again processes an event out of the inbox: from the raw body, as when it came.
func (s *Server) again(ctx context.Context, row Row) {
	e, err := s.eventOf(ctx, row)
	if err != nil {
		e = Event{do: func(context.Context, *Server) (Matched, error) { return Matched{}, err }}
	}
	s.process(ctx, e, row)
}

// eventOf reads an event from the request that it came with.
func (s *Server) eventOf(ctx context.Context, row Row) (Event, error) {
	req, err := s.p.Inbox.RequestOf(ctx, row)
	if err != nil {
		return Event{}, err
	}
	if len(req.Body) == 0 {
		return Event{}, &Refusal{Code: "forgotten", Text: "the body of the request has been wiped"}
	}
	req.At = row.At
	for _, src := range s.sources {
		if src.name != row.Source {
			continue
		}
		events, err := s.events(src, req)
		i := slices.IndexFunc(events, func(e Event) bool { return e.ID == row.Event })
		if err != nil || i < 0 {
			return unreadable(req), nil
		}
		return events[i], nil
	}
	return Event{}, &Refusal{Code: "no_such_source", Text: "this program knows no such source of webhooks"}
}

// tell answers with what became of each event: 200 when all are booked or were before.
func tell(w http.ResponseWriter, events []Event, results []Result) {
	type one struct {
		ID     string `json:"id"`
		State  State  `json:"state"`
		Detail string `json:"detail,omitempty"`
	}
	out := make([]one, len(events))
	status := http.StatusOK
	for i, e := range events {
		out[i] = one{e.ID, results[i].State, results[i].Outcome}
		if results[i].State == Failed {
			status = http.StatusUnprocessableEntity
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"events": out}) // the client may be gone
}

// Counts returns how often something was counted since the start, by name, such as
// "webhook_bad_signature twilio_status".
func (s *Server) Counts() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int64, len(s.counts))
	for name, n := range s.counts {
		out[name] = n
	}
	return out
}

func (s *Server) count(what string, src *source) {
	name := what + " " + src.name
	s.mu.Lock()
	s.counts[name]++
	s.mu.Unlock()
	if s.p.Count != nil {
		s.p.Count(name)
	}
	s.log().Warn("webhook", slog.String("what", what), slog.String("source", src.name))
}

// failed logs a technical error. Errors of our ports hold ids, never what a request said.
func (s *Server) failed(src *source, doing string, err error) {
	s.log().Error("webhook", slog.String("source", src.name), slog.String("doing", doing), slog.Any("error", err))
}

func (s *Server) log() *slog.Logger {
	if s.p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.p.Log
}
