package webhooks

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/secret"
)

var (
	wall     = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
	newToken = secret.New("new-auth-token")
	oldToken = secret.New("old-auth-token")
	payKey   = secret.New("pay-key")
	mailKey  = secret.New("mail-key")
	public   = "https://duly.example.com"
)

// world is a server over an inbox in memory and ports that write down what they are told.
type world struct {
	t      *testing.T
	server *Server
	key    *ecdsa.PrivateKey
	now    time.Time
	log    bytes.Buffer

	mu       sync.Mutex
	requests map[int64]Request
	rows     []*memRow
	reports  []Report
	inbound  []Inbound
	payments []Payment
	fail     error // what ports answer
	nobody   bool
	panics   bool
	lost     bool // the inbox cannot be written
}

type memRow struct {
	Row
	result Result
	free   time.Time
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, key: key, now: wall, requests: map[int64]Request{}}
	c := Config{
		PublicURL: public, TwilioTokens: []secret.Value{newToken, oldToken}, SendGridKeys: []*ecdsa.PublicKey{&key.PublicKey},
		InboundKeys: []secret.Value{mailKey}, PaymentSecrets: []secret.Value{payKey, secret.New("old-pay-key")},
		Now: func() time.Time { return w.now }, Token: func(attempt, token string) bool { return token == "token-of-"+attempt },
		Twilio: func(status string, code int) dunning.Delivery {
			switch {
			case code == 30006:
				return dunning.Landline
			case status == "delivered":
				return dunning.Delivered
			}
			return dunning.Taken
		},
		SendGrid: func(event, kind, _ string) dunning.Delivery {
			return map[string]dunning.Delivery{
				"processed": dunning.Taken, "deferred": dunning.Taken, "delivered": dunning.Delivered, "dropped": dunning.HardBounced,
				"bounce": map[string]dunning.Delivery{"blocked": dunning.SoftBounced}[kind], "spamreport": dunning.SpamReported,
				"unsubscribe": dunning.Unsubscribed, "group_unsubscribe": dunning.Unsubscribed,
			}[event]
		},
	}
	for _, f := range change {
		f(&c)
	}
	w.server, err = New(c, Ports{Inbox: w, Reports: w, Answers: w, Payments: w, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) Receive(_ context.Context, r Request, events []Event, lease time.Duration) ([]Row, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost {
		return nil, errors.New("the database is away")
	}
	id := int64(len(w.requests) + 1)
	r.Body = bytes.Clone(r.Body)
	w.requests[id] = r
	out := make([]Row, len(events))
	for i, e := range events {
		j := slices.IndexFunc(w.rows, func(x *memRow) bool { return x.Source == r.Source && x.Event == e.ID })
		if j < 0 {
			j = len(w.rows)
			w.rows = append(w.rows, &memRow{
				Row:  Row{ID: int64(j + 1), Request: id, Source: r.Source, Event: e.ID, Part: e.Part, At: w.now, State: Pending},
				free: w.now.Add(lease),
			})
		}
		out[i] = w.rows[j].Row
	}
	return out, nil
}

func (w *world) RequestOf(_ context.Context, row Row) (Request, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests[row.Request], nil
}

func (w *world) Claim(_ context.Context, limit int, lease time.Duration) (out []Row, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rows {
		if r.State == Pending && !r.free.After(w.now) && len(out) < limit {
			r.free = w.now.Add(lease)
			out = append(out, r.Row)
		}
	}
	return out, nil
}

func (w *world) Settle(_ context.Context, id int64, r Result) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	row := w.rows[id-1]
	if row.State != Done {
		row.State, row.Outcome, row.result, row.free = r.State, r.Outcome, r, w.now.Add(r.Retry)
		row.Attempts++
	}
	return nil
}

func (w *world) told() (Matched, error) {
	if w.panics {
		panic("the text of a debtor")
	}
	return Matched{Outcome: "told", Nobody: w.nobody}, w.fail
}

func (w *world) Report(_ context.Context, r Report) (Matched, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, r)
	return w.told()
}

func (w *world) Inbound(_ context.Context, m Inbound) (Matched, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbound = append(w.inbound, m)
	return w.told()
}

func (w *world) Pay(_ context.Context, p Payment) (Matched, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.payments = append(w.payments, p)
	return w.told()
}

// states are the states of all events, in order.
func (w *world) states() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, r := range w.rows {
		out = append(out, string(r.State))
	}
	return strings.Join(out, " ")
}

// work runs the processor once after a while.
func (w *world) work(after time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(after)
	if _, err := w.server.Work(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// post sends a request and returns status and body.
func (w *world) post(path string, header http.Header, body []byte) (int, string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, bytes.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// twilio posts a form as Twilio does.
func (w *world) twilio(key secret.Value, pathAndQuery string, form url.Values) (int, string) {
	w.t.Helper()
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {twilioSignature(key, public+pathAndQuery, form)}}
	return w.post(pathAndQuery, h, []byte(form.Encode()))
}

func twilioSignature(key secret.Value, address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(key.Reveal()))
	mac.Write([]byte(address + parameters(form)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// grid posts a body as SendGrid does, signed at an instant.
func (w *world) grid(path string, at time.Time, contentType string, body []byte) (int, string) {
	w.t.Helper()
	stamp := fmt.Sprint(at.Unix())
	sum := sha256.Sum256(append([]byte(stamp), body...))
	sig, err := ecdsa.SignASN1(rand.Reader, w.key, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return w.post(path, http.Header{
		"Content-Type": {contentType}, http.CanonicalHeaderKey(headerGridTime): {stamp},
		http.CanonicalHeaderKey(headerGridSignature): {base64.StdEncoding.EncodeToString(sig)},
	}, body)
}

func (w *world) pay(key secret.Value, at time.Time, body string) (int, string) {
	w.t.Helper()
	return w.post(PaymentsPath, http.Header{headerPayment: {SignPayment(key, at, []byte(body))}}, []byte(body))
}

// sharedFile reads a file of the private data beside the repository.
func sharedFile(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if b, err := os.ReadFile(filepath.Join(dir, "shared", "data", "webhooks", name)); err == nil {
			return b
		}
		if dir == filepath.Dir(dir) {
			t.Logf("the private data in ../shared is not here: %s", name)
			t.Skip("../shared is absent")
		}
	}
}
