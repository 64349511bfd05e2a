package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// Prefix is where the API lives.
const Prefix = "/api/v1"

// Keys is where API keys and kept answers are.
type Keys interface {
	Key(ctx context.Context, hash identity.Hash) (identity.Key, error)
	TouchKey(ctx context.Context, id string, now time.Time) error
	BeginAnswer(ctx context.Context, by, key string, request identity.Hash, now time.Time) (bool, identity.Answer, error)
	FinishAnswer(ctx context.Context, by, key string, a identity.Answer) error
	ForgetAnswer(ctx context.Context, by, key string) error
}

// Options of the API. All but Log, Behind and Secure are required.
type Options struct {
	Keys   Keys
	Ports  Ports
	Record func(context.Context, web.Record) error
	Clock  clock.Clock      // business time
	Wall   func() time.Time // for keys and rates
	Log    *slog.Logger
	Behind int  // proxies of ours, see web.Options
	Secure bool // served with https
}

// Server is the API.
type Server struct {
	o   Options
	mux *http.ServeMux
	ops []Operation
	// spec and docs describe the API; they are written when they are first asked for.
	spec, docs func() ([]byte, error)

	calls   *web.Buckets // of a key: 100 at once, 50 a second
	silence *web.Buckets // of refusals of strangers that are recorded: 100, then one a second
	room    *web.Room    // for large bodies, which lie in memory or on disk
	strange *web.Buckets // of callers without a key that works: 10 at once, then one in 6 s
}

// How often a key may call.
const (
	perSecond = 50
	burst     = 100
)

// How much of large bodies (imports, releases) is held at once, of a key and of all: the
// largest body that an operation takes is 256 MiB.
const (
	roomOfKey = 512 << 20
	roomOfAll = 1 << 30
)

// New builds the API from the table of operations.
func New(o Options) (*Server, error) { return build(o, operations(o.Ports)) }

func build(o Options, ops []Operation) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		o: o, mux: http.NewServeMux(),
		calls: web.NewBuckets(o.Wall, perSecond, burst), silence: web.NewBuckets(o.Wall, 1, 100), strange: web.NewBuckets(o.Wall, rate.Every(6*time.Second), 10),
		room: web.NewRoom(roomOfKey, roomOfAll),
	}
	for _, op := range ops {
		if op.Body != nil && op.Raw == "" {
			var err error
			if op.check, err = bodyChecker(op); err != nil {
				return nil, fmt.Errorf("schema of %s: %w", op.ID, err)
			}
		}
		s.ops = append(s.ops, op)
		s.mux.Handle(op.Method+" "+Prefix+op.Path, s.serve(op))
	}
	s.spec = sync.OnceValues(func() ([]byte, error) { return spec(s.ops) })
	s.docs = sync.OnceValues(func() ([]byte, error) { return docsOf(s.ops) })
	s.documents()
	return s, nil
}

// Operations are all operations, for tests of rights.
func (s *Server) Operations() []Operation { return s.ops }

// ServeHTTP serves everything below Prefix.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	web.SecurityHeaders(w.Header(), s.o.Secure)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	ctx := web.NewRequestID(r.Context())
	w.Header().Set("Request-Id", web.RequestID(ctx))
	r = r.WithContext(ctx)
	defer s.rescue(w, r)
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.unknown(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// unknown tells an address that is not there from a method that it does not have.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	f := fail(http.StatusNotFound, "not-found", "Not found", "There is no such address; "+Prefix+"/openapi.json lists them.")
	for _, method := range []string{"GET", "POST", "DELETE"} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); pattern != "" {
			f = fail(http.StatusMethodNotAllowed, "method", "Method not allowed", "This address knows "+method+".")
			f.header = map[string]string{"Allow": method}
		}
	}
	problemOf(r.Context(), f, nil).write(w)
}

func (s *Server) rescue(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.o.Log.Error("panic in the API", slog.String("request", web.RequestID(r.Context())), slog.String("what", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
	problemOf(r.Context(), fail(500, "failed", "Something went wrong", ""), nil).write(w)
}

// Call is one request with a key that works and a body that fits.
type Call struct {
	R    *http.Request
	Who  identity.Principal
	At   time.Time // business instant
	Body []byte
	op   Operation
	// key is the idempotency key, "" for none.
	key string
	// sum is of the body where that is not in memory.
	sum  identity.Hash
	seal *seal
	srv  *Server
	done []func() // when the answer is given
}

// record writes into the audit what the key did that is no fact of a debtor.
func (c *Call) record(action, subject string, detail map[string]string) error {
	return c.srv.record(c, web.Record{At: c.At, By: c.Who.By, Action: action, Subject: subject, Detail: detail})
}

// record writes into the audit what the key did that is no fact of a debtor: with the key's
// owner and the request.
func (s *Server) record(c *Call, rec web.Record) error {
	detail := map[string]string{"by": "api", "operation": c.op.ID, "request": web.RequestID(c.R.Context())}
	if c.Who.Owner != "" {
		detail["owner"] = c.Who.Owner
	}
	maps.Copy(detail, rec.Detail)
	rec.Detail = detail
	return s.o.Record(context.WithoutCancel(c.R.Context()), rec)
}

// Scope is whose data may be read.
func (c *Call) Scope() read.Scope { return web.ScopeOf(c.Who, c.op.Need) }

// Into reads the body, which fits its type.
func (c *Call) Into(v any) error {
	if err := json.Unmarshal(c.Body, v); err != nil {
		return invalid(Fault{Detail: withoutEchoes(err.Error(), c.Body)})
	}
	return nil
}

// Query is a parameter of the query.
func (c *Call) Query(name string) string { return c.R.URL.Query().Get(name) }

// Require refuses unless the key has the operation's scope for a creditor. What one may
// not see does not exist.
func (c *Call) Require(creditor, what string) error {
	if c.Who.Can(c.op.Need, creditor) {
		return nil
	}
	return web.NotFound(what)
}

// ID is an id for what the call makes: the same for the same idempotency key, so that a
// request that is repeated makes nothing twice even where its answer was lost.
func (c *Call) ID() string {
	if c.key == "" {
		return uuid.NewString()
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(c.Who.By+"\x00"+c.op.ID+"\x00"+c.key)).String()
}

// serve wraps an operation: key, rate, scope, size, schema, idempotency, problems.
func (s *Server) serve(op Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		web.NoteRouteOf(r.Context(), op.Method+" "+Prefix+op.Path)
		c := &Call{R: r, op: op, srv: s}
		a, err := s.answer(w, c)
		if err != nil {
			s.problem(w, c, err)
			return
		}
		send(w, a)
	})
}

func (s *Server) problem(w http.ResponseWriter, c *Call, err error) {
	sent := append([]byte(c.R.URL.RequestURI()+"\n"+c.R.URL.Path+"\n"), c.Body...)
	if raw, ok := c.R.Body.(*overheard); ok {
		sent = append(sent, raw.heard...)
	}
	f := problemOf(c.R.Context(), err, sent)
	switch {
	case f.Status >= 500:
		s.o.Log.Error("api", slog.String("request", web.RequestID(c.R.Context())), slog.String("operation", c.op.ID), slog.String("error", err.Error()))
	case f.Status == http.StatusUnauthorized || f.Status == http.StatusForbidden:
		s.refused(c, f)
	}
	f.write(w)
}

// refused records a refusal.
func (s *Server) refused(c *Call, f *failure) {
	who := c.Who.By
	if who == "" {
		if ok, _ := s.silence.Allow("all"); !ok {
			return // strangers must not fill the database
		}
		who = "nobody"
	}
	rec := web.Record{At: c.At, By: who, Action: "refused", Detail: map[string]string{"why": f.Type, "what": c.op.ID}}
	if rec.At.IsZero() {
		rec.At, _ = s.o.Clock.Now(c.R.Context())
	}
	if err := s.record(c, rec); err != nil {
		s.o.Log.Error("a refusal could not be recorded", slog.String("error", err.Error()))
	}
}

func (s *Server) answer(w http.ResponseWriter, c *Call) (identity.Answer, error) {
	defer func() {
		for _, f := range c.done {
			f()
		}
	}()
	if err := s.begin(w, c); err != nil {
		return identity.Answer{}, err
	}
	if c.key != "" {
		return s.once(w, c)
	}
	return s.run(c)
}

// run carries the request out, and records the look if it is one.
func (s *Server) run(c *Call) (identity.Answer, error) {
	a, err := c.do()
	if err == nil && c.op.Saw != "" {
		err = s.saw(c)
	}
	return a, err
}

// begin finds out who asks, and holds the request against the operation.
func (s *Server) begin(w http.ResponseWriter, c *Call) (err error) {
	if c.Who, err = s.door(w, c); err != nil {
		return err
	}
	if c.At, err = s.o.Clock.Now(c.R.Context()); err != nil {
		return err
	}
	for _, need := range c.op.needs() {
		if !c.Who.Somewhere(need) {
			return fail(http.StatusForbidden, "forbidden", "Not allowed", lacks(c.Who, need))
		}
	}
	if err := checkPlace(c); err != nil {
		return err
	}
	if err := checkQuery(c.op, c.R); err != nil {
		return err
	}
	if c.op.changes() {
		if c.key, err = idempotencyKey(c.R); err != nil {
			return err
		}
	}
	return c.readBody(w)
}

// lacks says why a key has not a scope.
func lacks(who identity.Principal, need identity.Permission) string {
	if slices.Contains(who.Scopes, need) {
		return fmt.Sprintf("Who made this key has the permission %q no more, so the key has not either.", need)
	}
	return fmt.Sprintf("This key lacks the scope %q.", need)
}

// idempotencyKey is the request's, "" for none.
func idempotencyKey(r *http.Request) (string, error) {
	key := strings.TrimSpace(r.Header.Get("Idempotency-Key"))
	if len(key) > 255 || len(r.Header.Values("Idempotency-Key")) > 1 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", fail(400, "idempotency", "Idempotency-Key", "There is one, of up to 255 visible ASCII characters, such as a UUID.")
	}
	return key, nil
}

// saw records who looked at what. An answer that cannot be recorded is not given.
func (s *Server) saw(c *Call) error {
	rec := web.Record{At: c.At, By: c.Who.By, Action: "view." + c.op.Saw}
	for _, name := range c.op.params() {
		rec.Subject = c.R.PathValue(name)
	}
	return s.record(c, rec)
}

// door lets in who has a key that is in force.
func (s *Server) door(w http.ResponseWriter, c *Call) (identity.Principal, error) {
	r := c.R
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !strings.HasPrefix(text, identity.KeyPrefix) || len(text) > 200 {
		return identity.Principal{}, s.stranger(r)
	}
	now := s.o.Wall()
	k, err := s.o.Keys.Key(r.Context(), identity.HashToken(text))
	switch {
	case errors.Is(err, identity.ErrNotFound), err == nil && !k.InForce(now):
		return identity.Principal{}, s.stranger(r)
	case err != nil:
		return identity.Principal{}, err
	}
	ok, wait := s.calls.Allow(k.ID)
	s.rates(w.Header(), k.ID)
	switch {
	case !ok:
		return k.Principal(), tooMany(wait)
	case k.Stopped():
		return k.Principal(), ownerOut()
	}
	if c.seal, err = newSeal(text); err != nil {
		return k.Principal(), err
	}
	if now.Sub(k.Used) > time.Minute {
		err = s.o.Keys.TouchKey(r.Context(), k.ID, now)
	}
	return k.Principal(), err
}

// rates tells how many calls are left (draft-ietf-httpapi-ratelimit-headers).
func (s *Server) rates(h http.Header, key string) {
	left, full := s.calls.Left(key)
	h.Set("RateLimit-Limit", strconv.Itoa(burst))
	h.Set("RateLimit-Remaining", strconv.Itoa(left))
	h.Set("RateLimit-Reset", strconv.Itoa(int((full+time.Second-1)/time.Second)))
	h.Set("RateLimit-Policy", fmt.Sprintf("%d;w=%d", burst, burst/perSecond))
}

// stranger refuses who has no key, ever more slowly.
func (s *Server) stranger(r *http.Request) error {
	if ok, wait := s.strange.Allow(web.Caller(r, s.o.Behind)); !ok {
		return tooMany(wait)
	}
	f := fail(http.StatusUnauthorized, "unauthorized", "No key", "Send Authorization: Bearer with an API key that is in force. An admin makes keys in the console.")
	f.header = map[string]string{"WWW-Authenticate": `Bearer realm="duly"`}
	return f
}

// ownerOut refuses a key whose owner is shut out, with words for who has it.
func ownerOut() error {
	f := fail(http.StatusUnauthorized, "owner-out", "This key is stopped", "Who made this key is shut out, so it does not work. An admin lets them in again, or somebody else makes another key.")
	f.header = map[string]string{"WWW-Authenticate": `Bearer realm="duly", error="invalid_token"`}
	return f
}

func tooMany(wait time.Duration) *failure {
	f := fail(http.StatusTooManyRequests, "too-many", "Too many requests", "Slow down and try again after Retry-After.")
	f.header = map[string]string{"Retry-After": fmt.Sprint(int(wait/time.Second) + 1)}
	return f
}

// readBody reads and checks what was sent.
func (c *Call) readBody(w http.ResponseWriter) error {
	limit := c.op.MaxBody
	if limit == 0 {
		limit = 1 << 20
	}
	if err := c.checkType(); err != nil {
		return err
	}
	if limit > 1<<20 {
		give, err := c.srv.room.Take(c.Who.By, web.Sent(c.R, limit))
		if err != nil {
			return err
		}
		c.done = append(c.done, give)
	}
	c.R.Body = http.MaxBytesReader(w, c.R.Body, limit)
	if c.op.Raw != "" { // a handler reads it as it comes
		c.R.Body = &overheard{ReadCloser: c.R.Body}
		return c.spool()
	}
	body, err := io.ReadAll(c.R.Body)
	if err != nil {
		return unread(err)
	}
	c.Body, c.sum = body, identity.HashToken(string(body))
	if c.op.check == nil {
		return nil // nothing is expected and nothing is looked at
	}
	if len(bytes.TrimSpace(body)) == 0 {
		c.Body = []byte("{}")
	}
	return c.op.check.check(c.Body)
}

func unread(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return fail(http.StatusRequestEntityTooLarge, "too-large", "Too large", fmt.Sprintf("The limit is %d bytes.", big.Limit))
	}
	return fail(400, "unreadable", "The body cannot be read", "")
}

// checkType refuses bodies in another coding than the operation reads. JSON is what a body
// is unless it says otherwise; what curl calls a body given with -d is taken as JSON, too.
func (c *Call) checkType() error {
	h := c.R.Header
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return fail(http.StatusUnsupportedMediaType, "media-type", "Content-Encoding", "Send the body as it is, not compressed.")
	}
	text := h.Get("Content-Type")
	if text == "" || c.op.check == nil {
		return nil
	}
	kind, params, err := mime.ParseMediaType(text)
	charset := strings.ToLower(params["charset"])
	switch {
	case err != nil, kind != "application/json" && !strings.HasSuffix(kind, "+json") && kind != "application/x-www-form-urlencoded":
		return fail(http.StatusUnsupportedMediaType, "media-type", "Content-Type", "Send application/json.")
	case charset != "" && charset != "utf-8" && charset != "us-ascii":
		return fail(http.StatusUnsupportedMediaType, "media-type", "Content-Type", "JSON is UTF-8.")
	}
	return nil
}

// overheard remembers the beginning of what a handler reads, so that no fault repeats it.
type overheard struct {
	io.ReadCloser
	heard []byte
}

func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	if room := 64<<10 - len(o.heard); room > 0 {
		o.heard = append(o.heard, p[:min(n, room)]...)
	}
	return n, err
}

// spool keeps a body on disk when the request has an idempotency key, so that its sum is
// known before anything is done.
func (c *Call) spool() error {
	if c.key == "" {
		return nil
	}
	f, err := os.CreateTemp("", "duly-body-")
	if err != nil {
		return err
	}
	c.done = append(c.done, func() { _, _ = f.Close(), os.Remove(f.Name()) })
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, sum), c.R.Body); err != nil {
		return unread(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c.sum, c.R.Body = identity.Hash(sum.Sum(nil)), &overheard{ReadCloser: io.NopCloser(f)}
	return nil
}

// do runs the handler and writes its result into memory.
func (c *Call) do() (identity.Answer, error) {
	inner := *c
	if err := inner.openCursor(); err != nil {
		return identity.Answer{}, err
	}
	v, err := c.op.Handle(&inner)
	if err != nil {
		return identity.Answer{}, err
	}
	v = c.closeCursor(v)
	a := identity.Answer{Status: c.op.Status, Type: c.op.ResultType}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	switch v := v.(type) {
	case nil:
		a.Status = http.StatusNoContent
	case []byte:
		a.Body = v
	default:
		a.Type = "application/json"
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return a, err
		}
		a.Body = b.Bytes()
	}
	return a, nil
}

// once runs a request of an idempotency key unless it was run before. A request that
// changed nothing gives its key back, so that it can be mended and sent again.
func (s *Server) once(w http.ResponseWriter, c *Call) (identity.Answer, error) {
	ctx := context.WithoutCancel(c.R.Context())
	request := identity.HashToken(c.R.Method + "\x00" + c.R.URL.RequestURI() + "\x00" + string(c.sum[:]))
	mine, before, err := s.o.Keys.BeginAnswer(ctx, c.Who.By, c.key, request, s.o.Wall())
	switch {
	case err != nil:
		return identity.Answer{}, err
	case !mine && before.Request != request:
		return identity.Answer{}, fail(http.StatusUnprocessableEntity, "idempotency", "Idempotency-Key", "Another request was sent with this key. A key belongs to one request.")
	case !mine && before.Status == 0:
		f := fail(http.StatusConflict, "idempotency", "Idempotency-Key", "The first request with this key is still under way.")
		f.header = map[string]string{"Retry-After": "1"}
		return identity.Answer{}, f
	case !mine && before.Type == tooLong:
		return s.run(c)
	case !mine:
		w.Header().Set("Idempotency-Replayed", "true")
		if before.Body, err = c.seal.open(before.Body, request[:]); err == nil && c.op.Saw != "" {
			err = s.saw(c)
		}
		return before, err
	}
	a, err := s.run(c)
	if err != nil {
		return a, errors.Join(err, s.o.Keys.ForgetAnswer(ctx, c.Who.By, c.key))
	}
	return a, s.o.Keys.FinishAnswer(ctx, c.Who.By, c.key, c.kept(a, request))
}

const (
	// keptAnswer is how long an answer may be to be kept.
	keptAnswer = 256 << 10
	// tooLong is the type of a kept answer whose body is not: the request is run again,
	// which for operations that Repeat is the same.
	tooLong = "run again"
)

// kept is an answer as the store may have it: sealed, so that it opens only for who asked.
func (c *Call) kept(a identity.Answer, request identity.Hash) identity.Answer {
	if len(a.Body) > keptAnswer && c.op.Repeats {
		return identity.Answer{Status: a.Status, Type: tooLong}
	}
	a.Body = c.seal.close(a.Body, request[:])
	return a
}

func send(w http.ResponseWriter, a identity.Answer) {
	if a.Type != "" {
		w.Header().Set("Content-Type", a.Type)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // a reader who went away needs no error
}

// pageOf reads limit and after.
func pageOf(q url.Values) (read.Page, error) {
	p := read.Page{After: q.Get("after")}
	if text := q.Get("limit"); text != "" {
		if _, err := fmt.Sscanf(text, "%d", &p.Limit); err != nil || p.Limit < 1 || p.Limit > read.MaxLimit || fmt.Sprint(p.Limit) != text {
			return p, invalid(Fault{Parameter: "limit", Detail: fmt.Sprintf("a number from 1 to %d", read.MaxLimit)})
		}
	}
	return p, nil
}
