package webhooks

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"testing"
	"time"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// fuzzed checks what every parser promises: it returns, twice the same, and its events have
// ids that the database takes.
func fuzzed(t *testing.T, w *world, path string, r Request) {
	r.Source, r.At = w.server.sources[path].name, wall
	events, err := w.server.sources[path].parse(r)
	again, err2 := w.server.sources[path].parse(r)
	if (err == nil) != (err2 == nil) || len(events) != len(again) {
		t.Fatalf("read twice: %d events (%v), then %d (%v)", len(events), err, len(again), err2)
	}
	seen := map[string]bool{}
	for i, e := range events {
		if e.ID == "" || len(e.ID) > 400 || seen[e.ID] || e.ID != again[i].ID || e.do == nil {
			t.Fatalf("event %d: %+v", i, e)
		}
		seen[e.ID] = true
		if res := w.server.carryOut(t.Context(), e, Row{}); res.Code == "technical" {
			t.Fatalf("processing failed: %+v", res)
		}
	}
}

// fuzzWorld is one world for all inputs of a fuzz target: a key takes time to make.
func fuzzWorld(f *testing.F) func(*testing.T) *world {
	f.Helper()
	var w *world
	return func(t *testing.T) *world {
		if w == nil {
			w = newWorld(t)
		}
		w.t, w.reports, w.inbound, w.payments = t, nil, nil, nil
		return w
	}
}

func FuzzTwilioStatus(f *testing.F) {
	f.Add("MessageSid=SM1&MessageStatus=delivered&To=%2B1", "a=A1&t=token-of-A1")
	f.Add("SmsSid=SM1&SmsStatus=undelivered&ErrorCode=30006", "a=%zz;;")
	f.Add("%", "")
	world := fuzzWorld(f)
	f.Fuzz(func(t *testing.T, body, query string) {
		fuzzed(t, world(t), TwilioStatusPath, Request{Body: []byte(body), Query: query})
	})
}

func FuzzTwilioInbound(f *testing.F) {
	f.Add("MessageSid=SM1&From=%2B12125550100&Body=STOP&OptOutType=STOP")
	f.Add("From=whatsapp:+1&Body=%00%ff")
	world := fuzzWorld(f)
	f.Fuzz(func(t *testing.T, body string) { fuzzed(t, world(t), TwilioInboundPath, Request{Body: []byte(body)}) })
}

func FuzzSendGridEvents(f *testing.F) {
	f.Add(`[{"event":"delivered","sg_event_id":"1","duly_attempt":"A1","timestamp":1}]`)
	f.Add(`{"event":"bounce","type":"blocked","timestamp":"x","category":["a"]}`)
	f.Add(`[null,{},[],1,"x",{"event":{}}]`)
	world := fuzzWorld(f)
	f.Fuzz(func(t *testing.T, body string) { fuzzed(t, world(t), SendGridEventsPath, Request{Body: []byte(body)}) })
}

func FuzzSendGridInbound(f *testing.F) {
	body, kind := mailBody(map[string]string{
		"from": "a@b.example", "text": "hi", "email": "From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x--", "charsets": `{"text":"utf-16"}`,
	})
	f.Add(string(body), kind)
	f.Add("from=a%40b.example&text=hi", "application/x-www-form-urlencoded")
	f.Add("--b\r\n", "multipart/form-data; boundary=b")
	world := fuzzWorld(f)
	f.Fuzz(func(t *testing.T, body, kind string) {
		began := time.Now()
		fuzzed(t, world(t), SendGridInboundPath, Request{Body: []byte(body), Headers: map[string]string{"Content-Type": kind}})
		if took := time.Since(began); took > time.Minute { // such a request would hold up others; a busy machine takes seconds, too
			t.Fatalf("reading took %s", took)
		}
	})
}

func FuzzPayments(f *testing.F) {
	f.Add(`{"id":"p1","creditor":"acme","account":"C-1","amount":"10.50","currency":"EUR","at":"2026-03-01T12:00:00Z"}`)
	f.Add(`{"payments":[{"id":"r","type":"reversal","payment":"p","currency":"EUR"},null]}`)
	world := fuzzWorld(f)
	f.Fuzz(func(t *testing.T, body string) { fuzzed(t, world(t), PaymentsPath, Request{Body: []byte(body)}) })
}

// FuzzSignatures: whatever the headers say, an unsigned request is not taken.
func FuzzSignatures(f *testing.F) {
	f.Add("t=1772463600,v1=00", "AAAA", "1772463600", "x")
	world := fuzzWorld(f)
	f.Fuzz(func(t *testing.T, pay, sig, stamp, body string) {
		w := world(t)
		r := httptest.NewRequestWithContext(t.Context(), "POST", PaymentsPath, nil)
		r.Header[headerPayment] = []string{pay}
		r.Header["X-Twilio-Signature"] = []string{sig}
		r.Header["X-Twilio-Email-Event-Webhook-Signature"] = []string{sig}
		r.Header["X-Twilio-Email-Event-Webhook-Timestamp"] = []string{stamp}
		r.Header["Authorization"] = []string{sig}
		for path, src := range w.server.sources {
			if src.verify(r, []byte(body)) {
				t.Fatalf("%s takes what nobody has signed", path)
			}
		}
	})
}
