package webhooks

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func status(sid, word string, more ...string) url.Values {
	f := url.Values{"MessageSid": {sid}, "MessageStatus": {word}, "To": {"+12125550100"}, "AccountSid": {"AC1"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

// TestStatus: what a delivery report comes to.
func TestStatus(t *testing.T) {
	for _, c := range []struct {
		about string
		query string
		form  url.Values
		want  Report
	}{
		{
			"our attempt with its token", "?a=A1&t=token-of-A1", status("SM1", "delivered"),
			Report{ID: "twilio_status/SM1/delivered", Attempt: "A1", ProviderID: "SM1", Means: dunning.Delivered, Status: "twilio:delivered", Rank: 60, Address: "+12125550100"},
		},
		{
			"an attempt whose token is not ours counts for nothing", "?a=A1&t=token-of-A2", status("SM1", "sent"),
			Report{ID: "twilio_status/SM1/sent", ProviderID: "SM1", Means: dunning.Taken, Status: "twilio:sent", Rank: 40, Address: "+12125550100"},
		},
		{
			"an error code", "", status("SM1", "undelivered", "ErrorCode", "30006"),
			Report{ID: "twilio_status/SM1/undelivered/30006", ProviderID: "SM1", Means: dunning.Landline, Status: "twilio:undelivered", Rank: 50, Code: "twilio:30006", Address: "+12125550100"},
		},
		{
			"a message over WhatsApp", "", status("SM1", "delivered", "To", "whatsapp:+31612345678"),
			Report{ID: "twilio_status/SM1/delivered", ProviderID: "SM1", Means: dunning.Delivered, Status: "twilio:delivered", Rank: 60, Address: "+31612345678"},
		},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			if code, text := w.twilio(newToken, TwilioStatusPath+c.query, c.form); code != 204 {
				t.Fatal(code, text)
			}
			c.want.Channel = dunning.SMS
			if len(w.reports) != 1 || fmt.Sprint(w.reports[0]) != fmt.Sprint(c.want) || w.states() != "done" {
				t.Errorf("told %+v, want %+v; %s", w.reports, c.want, w.states())
			}
		})
	}
}

// TestRealCallbacks: bodies as they were seen in the wild.
func TestRealCallbacks(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(sharedFile(t, "twilio-status-callbacks.txt"))), "\n")
	for _, line := range lines {
		w := newWorld(t)
		form, err := url.ParseQuery(line)
		if err != nil {
			t.Fatal(err)
		}
		if code, _ := w.twilio(newToken, TwilioStatusPath, form); code != 204 || len(w.reports) != 1 || w.reports[0].Means != dunning.Delivered {
			t.Errorf("%d, told %+v of %s", code, w.reports, line)
		}
	}
}

// TestSampleEvents: SendGrid's own samples, each event for itself.
func TestSampleEvents(t *testing.T) {
	w := newWorld(t)
	if code, text := w.grid(SendGridEventsPath, wall, "application/json", sharedFile(t, "sendgrid-events-sample.json")); code != 200 {
		t.Fatal(code, text)
	}
	if got, want := w.states(), "done done done done done done done done unmatched"; got != want {
		t.Errorf("states %s, want %s: a suspended account is shown to a person", got, want)
	}
	means := map[dunning.Delivery]int{}
	for _, r := range w.reports {
		means[r.Means]++
		if r.Address != "example@test.com" || r.Attempt != "" {
			t.Errorf("told %+v", r)
		}
	}
	if fmt.Sprint(means) != "map[bounced:1 delivered:1 spam_report:1 taken:2 unsubscribed:2]" {
		t.Errorf("meanings %v", means)
	}
}

// TestEvents: members of events that matter, and the traps in them.
func TestEvents(t *testing.T) {
	for _, c := range []struct {
		about, event string
		check        func(Report) bool
	}{
		{"our attempt", `{"event":"delivered","sg_event_id":"e","duly_attempt":"A1","timestamp":1513299569,"email":"X@Y.z"}`, func(r Report) bool {
			return r.Attempt == "A1" && r.At.Unix() == 1513299569 && r.Address == "x@y.z" && r.ID == "sendgrid_events/e/delivered"
		}},
		{"the number of tries of a deferred mail is no attempt of ours", `{"event":"deferred","sg_event_id":"e","attempt":"5"}`, func(r Report) bool { return r.Attempt == "" }},
		{"a category may be a list", `{"event":"delivered","sg_event_id":"e","category":["a","b"],"duly_attempt":"A1"}`, func(r Report) bool { return r.Attempt == "A1" }},
		{"a timestamp in quotes", `{"event":"delivered","timestamp":"1513299569"}`, func(r Report) bool { return r.At.Unix() == 1513299569 }},
		{"a member of an odd type", `{"event":"delivered","sg_event_id":{"a":1},"reason":[1],"email":7}`, func(r Report) bool { return r.Address == "7" }},
		{"the message id without SendGrid's suffix", `{"event":"delivered","sg_message_id":"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0"}`, func(r Report) bool {
			return r.ProviderID == "14c5d75ce93.dfd.64b469" && len(r.ProviderIDs) == 7
		}},
		{"the newer suffix", `{"event":"delivered","sg_message_id":"Wgl2HWPuRdqG.recvd-canary-1"}`, func(r Report) bool { return r.ProviderID == "Wgl2HWPuRdqG" }},
		{"a reason never leaves: it quotes addresses", `{"event":"dropped","reason":"550 ada@example.com unknown","type":"bounce","status":"5.1.1"}`, func(r Report) bool {
			return r.Code == "sendgrid:dropped:bounce:5.1.1"
		}},
		{"a block ranks below a delivery", `{"event":"bounce","type":"blocked"}`, func(r Report) bool { return r.Rank < gridRanks["delivered"] }},
		{"an unsubscription from one list says nothing of others", `{"event":"group_unsubscribe"}`, func(r Report) bool { return r.Narrow }},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			if code, text := w.grid(SendGridEventsPath, wall, "application/json", []byte("["+c.event+"]")); code != 200 {
				t.Fatal(code, text)
			}
			if len(w.reports) != 1 || !c.check(w.reports[0]) {
				t.Errorf("told %+v", w.reports)
			}
		})
	}
}

// TestOnceEach: an event counts once, however often and in whatever company it comes.
func TestOnceEach(t *testing.T) {
	w := newWorld(t)
	a, b := `{"event":"delivered","sg_event_id":"1"}`, `{"event":"delivered","sg_event_id":"2"}`
	for _, body := range []string{"[" + a + "]", "[" + a + "]", "[" + b + "," + a + "," + b + "]", a} {
		if code, _ := w.grid(SendGridEventsPath, wall, "application/json", []byte(body)); code != 200 {
			t.Fatal(code)
		}
	}
	if len(w.reports) != 2 || len(w.rows) != 2 {
		t.Errorf("%d reports of %d events, want 2 of 2", len(w.reports), len(w.rows))
	}
	for range 3 {
		w.twilio(newToken, TwilioInboundPath, url.Values{"MessageSid": {"SM9"}, "From": {"+12125550100"}, "Body": {"STOP"}})
	}
	if len(w.inbound) != 1 {
		t.Errorf("one text was read %d times", len(w.inbound))
	}
}

// TestInboundText: a text message, whole.
func TestInboundText(t *testing.T) {
	w := newWorld(t)
	code, body := w.twilio(newToken, TwilioInboundPath, url.Values{
		"MessageSid": {"SM9"}, "From": {"whatsapp:+12125550100"}, "To": {"+15005550006"}, "Body": {"bitte nicht mehr schreiben 🙏"}, "OptOutType": {"stop"},
	})
	want := Inbound{
		ID: "twilio_inbound/SM9", Channel: dunning.SMS, From: "+12125550100", To: "+15005550006", Text: "bitte nicht mehr schreiben 🙏", Keyword: "STOP",
	}
	if code != 200 || !contains(body, "<Response/>") || len(w.inbound) != 1 || fmt.Sprint(w.inbound[0]) != fmt.Sprint(want) {
		t.Errorf("%d %s, read %+v", code, body, w.inbound)
	}
}

func mailBody(fields map[string]string) ([]byte, string) {
	var b bytes.Buffer
	mw := multipart.NewWriter(&b)
	for _, name := range []string{"headers", "from", "to", "subject", "text", "html", "envelope", "charsets", "email", "dkim", "SPF"} {
		if v, ok := fields[name]; ok {
			_ = mw.WriteField(name, v)
		}
	}
	part, _ := mw.CreateFormFile("attachment1", "invoice.pdf")
	_, _ = part.Write([]byte("%PDF"))
	_ = mw.Close()
	return b.Bytes(), mw.FormDataContentType()
}

// TestInboundMail: mail as SendGrid posts it, parsed and raw.
func TestInboundMail(t *testing.T) {
	const raw = "From: =?utf-8?q?Zo=C3=AB?= <ZOE@example.com>\r\nTo: billing@acme.example\r\nSubject: =?iso-8859-1?q?M=FCller?=\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n" +
		"Content-Transfer-Encoding: quoted-printable\r\n\r\nIch zahle n=E4chste Woche\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+SGk8L3A+\r\n--b--\r\n"
	for _, c := range []struct {
		about  string
		fields map[string]string
		want   Inbound
	}{
		{
			"the writer's own address counts, in lower case",
			map[string]string{"from": "Ada <Ada@Example.com>", "envelope": `{"to":["in@parse.acme.example"],"from":"bounces@x.example"}`, "subject": "Re: hi", "text": "ok"},
			Inbound{From: "ada@example.com", To: "in@parse.acme.example", Subject: "Re: hi", Text: "ok"},
		},
		{
			"without one, the envelope's",
			map[string]string{"from": "???", "envelope": `{"to":[],"from":"ada@example.com"}`, "text": "ok"},
			Inbound{From: "ada@example.com", Text: "ok"},
		},
		{
			"a text in another charset",
			map[string]string{"from": "a@b.example", "charsets": `{"text":"iso-8859-1"}`, "text": "n\xe4chste Woche"},
			Inbound{From: "a@b.example", Text: "nächste Woche"},
		},
		{
			"bytes that are no text",
			map[string]string{"from": "a@b.example", "text": "a\xffb"},
			Inbound{From: "a@b.example", Text: "a\ufffdb"},
		},
		{
			"a machine's answer is marked",
			map[string]string{"from": "a@b.example", "headers": "Received: x\nAuto-Submitted: auto-replied\n", "text": "I am away"},
			Inbound{From: "a@b.example", Text: "I am away", Automatic: true},
		},
		{
			"a help desk that marks everything as bulk has people who write",
			map[string]string{"from": "a@b.example", "headers": "Precedence: bulk\n", "text": "stop writing to me"},
			Inbound{From: "a@b.example", Text: "stop writing to me"},
		},
		{
			"an old responder says so",
			map[string]string{"from": "a@b.example", "headers": "Precedence: auto_reply\n", "text": "I am away"},
			Inbound{From: "a@b.example", Text: "I am away", Automatic: true},
		},
		{
			"a signature of the sender's domain vouches",
			map[string]string{"from": "a@b.example", "text": "start", "dkim": "{@mailer.test : fail, @b.example : pass}"},
			Inbound{From: "a@b.example", Text: "start", Vouched: true},
		},
		{
			"one of somebody else's does not",
			map[string]string{"from": "a@b.example", "text": "start", "dkim": "{@evil.example : pass}", "SPF": "pass", "envelope": `{"from":"x@evil.example"}`},
			Inbound{From: "a@b.example", Text: "start"},
		},
		{
			"one that failed does not",
			map[string]string{"from": "a@b.example", "text": "start", "dkim": "{@b.example : fail}", "SPF": "softfail", "envelope": `{"from":"a@b.example"}`},
			Inbound{From: "a@b.example", Text: "start"},
		},
		{
			"a server that the domain names, for an envelope of its own part, vouches",
			map[string]string{"from": "a@b.example", "text": "start", "dkim": "none", "SPF": "pass", "envelope": `{"from":"bounce@mail.B.example"}`},
			Inbound{From: "a@b.example", Text: "start", Vouched: true},
		},
		{
			"a single label is nobody's domain",
			map[string]string{"from": "a@b.example", "text": "start", "dkim": "{@example : pass}"},
			Inbound{From: "a@b.example", Text: "start"},
		},
		{
			"a person's answer is not",
			map[string]string{"from": "a@b.example", "headers": "Auto-Submitted: no\n", "text": "hi"},
			Inbound{From: "a@b.example", Text: "hi"},
		},
		{
			"the whole mail, raw",
			map[string]string{"email": raw, "to": "billing@acme.example"},
			Inbound{From: "zoe@example.com", To: "billing@acme.example", Subject: "Müller", Text: "Ich zahle nächste Woche", HTML: "<p>Hi</p>"},
		},
		{
			"a display name that breaks parsers",
			map[string]string{"from": `"Ada, "the" one" <ada@example.com>`, "text": "hi"},
			Inbound{From: "ada@example.com", Text: "hi"},
		},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			body, kind := mailBody(c.fields)
			for range 2 { // SendGrid sends it again when our answer is lost
				if code, text := w.post(SendGridInboundPath+"?key=mail-key", http.Header{"Content-Type": {kind}}, body); code != 200 {
					t.Fatal(code, text)
				}
			}
			if len(w.inbound) != 1 {
				t.Fatalf("read %d times", len(w.inbound))
			}
			got := w.inbound[0]
			c.want.ID, c.want.Channel = got.ID, dunning.Email
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("read %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestPayments: what is told of payments, and what is refused with a reason.
func TestPayments(t *testing.T) {
	with := func(change string) string {
		return strings.Replace(`{"id":"p1","creditor":"acme","account":"C-1","amount":"10.50","currency":"EUR"}`, `"id":"p1"`, change, 1)
	}
	for _, c := range []struct {
		about, body string
		status      int
		text        string // part of the answer
		payments    int
	}{
		{"a payment", with(`"id":"p1"`), 200, `"state":"done"`, 1},
		{"a payment with everything", with(`"id":"p1","type":"payment","invoice":"R-1","at":"2026-03-01T12:00:00+01:00"`), 200, `"done"`, 1},
		{"several", `{"payments":[` + with(`"id":"p1"`) + `,` + with(`"id":"p2"`) + `]}`, 200, `"p2"`, 2},
		{"a reversal", `{"id":"r1","type":"reversal","creditor":"acme","account":"C-1","currency":"EUR","payment":"p1","reason":"returned"}`, 200, `"done"`, 1},
		{"one of two is wrong: the other counts", `{"payments":[` + with(`"id":"p1"`) + `,{"id":"p2","creditor":"acme","account":"C-1","amount":"x","currency":"EUR"}]}`, 422, `"failed"`, 1},
		{"a number as amount: floats lose cents", strings.Replace(with(`"id":"p1"`), `"10.50"`, `10.50`, 1), 400, "amount: want a text in quotes", 0},
		{"more places than the currency has", strings.Replace(with(`"id":"p1"`), `10.50`, `10.505`, 1), 422, "amount", 0},
		{"nothing", strings.Replace(with(`"id":"p1"`), `10.50`, `0`, 1), 422, "above zero", 0},
		{"less than nothing", strings.Replace(with(`"id":"p1"`), `10.50`, `-1`, 1), 422, "above zero", 0},
		{"a currency that is none", strings.Replace(with(`"id":"p1"`), `EUR`, `EURO`, 1), 422, "currency", 0},
		{"no id", with(`"type":"payment"`), 400, "id:", 0},
		{"no customer", `{"id":"p1","creditor":"acme","amount":"1","currency":"EUR"}`, 422, "customer number", 0},
		{"a reversal of nothing", `{"id":"r1","type":"reversal","creditor":"acme","account":"C-1","currency":"EUR"}`, 422, "reversal names", 0},
		{"a type that is none", with(`"id":"p1","type":"refund"`), 422, "payment or reversal", 0},
		{"a day instead of an instant", with(`"id":"p1","at":"2026-03-01"`), 422, "at:", 0},
		{"a misspelt member", with(`"id":"p1","ammount":"1"`), 400, "not known", 0},
		{"the same id twice", `{"payments":[` + with(`"id":"p1"`) + `,` + with(`"id":"p1"`) + `]}`, 400, "twice", 0},
		{"an empty list", `{"payments":[]}`, 400, "1 to 5000", 0},
		{"no JSON", `hello`, 400, "JSON", 0},
		{"a list", `[]`, 400, "JSON object", 0},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			code, text := w.pay(payKey, wall, c.body)
			if code != c.status || !contains(text, c.text) || len(w.payments) != c.payments {
				t.Errorf("%d %s with %d payments; want %d, %q and %d", code, text, len(w.payments), c.status, c.text, c.payments)
			}
		})
	}
	w := newWorld(t)
	w.pay(payKey, wall, with(`"id":"p1","at":"2026-03-01T12:00:00+01:00"`))
	if p := w.payments[0]; p.Amount.String() != "10.50 EUR" && p.Amount.Decimal() != "10.50" || !p.At.Equal(time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("told %+v", p)
	}
}

// TestNoSuccessBeforeItCounts: what keeps messages back is answered with a success only
// when it is processed; what fails is kept and tried again, until a person is needed.
func TestNoSuccessBeforeItCounts(t *testing.T) {
	stop := url.Values{"MessageSid": {"SM9"}, "From": {"+12125550100"}, "Body": {"STOP"}}
	for _, c := range []struct {
		about   string
		prepare func(*world)
		post    func(*world) int
		want    int
		states  string
	}{
		{"a text whose processing fails", func(w *world) { w.fail = errors.New("the database is away") }, func(w *world) int {
			code, _ := w.twilio(newToken, TwilioInboundPath, stop)
			return code
		}, 503, "pending"},
		{"a text whose processing panics", func(w *world) { w.panics = true }, func(w *world) int {
			code, _ := w.twilio(newToken, TwilioInboundPath, stop)
			return code
		}, 503, "pending"},
		{"a text that cannot be stored", func(w *world) { w.lost = true }, func(w *world) int {
			code, _ := w.twilio(newToken, TwilioInboundPath, stop)
			return code
		}, 503, ""},
		{"a text of nobody whom we know", func(w *world) { w.nobody = true }, func(w *world) int {
			code, _ := w.twilio(newToken, TwilioInboundPath, stop)
			return code
		}, 200, "unmatched"},
		{"an unsubscription whose processing fails", func(w *world) { w.fail = errors.New("away") }, func(w *world) int {
			code, _ := w.grid(SendGridEventsPath, wall, "application/json", []byte(`[{"event":"delivered"},{"event":"unsubscribe"}]`))
			return code
		}, 503, "pending pending"},
		{"a delivery whose processing fails is kept, which is enough", func(w *world) { w.fail = errors.New("away") }, func(w *world) int {
			code, _ := w.grid(SendGridEventsPath, wall, "application/json", []byte(`[{"event":"delivered"}]`))
			return code
		}, 200, "pending"},
		{"a report of another program's message is looked at again", func(w *world) { w.nobody = true }, func(w *world) int {
			code, _ := w.twilio(newToken, TwilioStatusPath, status("SM1", "delivered"))
			return code
		}, 204, "pending"},
		{"a payment that the core refuses", func(w *world) { w.fail = fmt.Errorf("payment: no such item: %w", dunning.ErrUnknown) }, func(w *world) int {
			code, _ := w.pay(payKey, wall, `{"id":"p","creditor":"a","account":"b","amount":"1","currency":"EUR"}`)
			return code
		}, 422, "failed"},
		{"a payment whose processing fails", func(w *world) { w.fail = errors.New("away") }, func(w *world) int {
			code, _ := w.pay(payKey, wall, `{"id":"p","creditor":"a","account":"b","amount":"1","currency":"EUR"}`)
			return code
		}, 503, "pending"},
		{"a reversal that overtook its payment", func(w *world) { w.nobody = true }, func(w *world) int {
			code, _ := w.pay(payKey, wall, `{"id":"r","type":"reversal","creditor":"a","account":"b","currency":"EUR","payment":"p"}`)
			return code
		}, 200, "pending"},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			c.prepare(w)
			if got := c.post(w); got != c.want || w.states() != c.states {
				t.Fatalf("%d, %q; want %d, %q", got, w.states(), c.want, c.states)
			}
			if contains(w.log.String(), "debtor") || contains(w.log.String(), "+1212") || contains(w.log.String(), "STOP") {
				t.Errorf("the log tells what was written: %s", w.log.String())
			}
		})
	}
}

// TestTriedAgain: what was left behind is processed from the raw body, with growing pauses,
// and in the end a person is needed.
func TestTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.fail = errors.New("away")
	body, kind := mailBody(map[string]string{"from": "ada@example.com", "text": "STOP", "headers": "X: y"})
	w.post(SendGridInboundPath+"?key=mail-key", http.Header{"Content-Type": {kind}}, body)
	w.twilio(newToken, TwilioInboundPath, url.Values{"MessageSid": {"SM9"}, "From": {"+12125550100"}, "Body": {"STOP"}})
	w.twilio(newToken, TwilioStatusPath+"?a=A1&t=token-of-A1", status("SM1", "sent"))
	w.grid(SendGridEventsPath, wall, "application/json", []byte(`[{"event":"delivered","sg_event_id":"1"},{"event":"delivered","sg_event_id":"2"}]`))
	w.pay(payKey, wall, `{"id":"p","creditor":"a","account":"b","amount":"1","currency":"EUR"}`)
	first := fmt.Sprintf("%+v %+v %+v", w.inbound, w.reports, w.payments)
	w.inbound, w.reports, w.payments = nil, nil, nil
	w.fail = nil
	w.work(2 * time.Minute)
	at := func(s string) string { return strings.ReplaceAll(s, wall.String(), time.Time{}.String()) }
	if again := at(fmt.Sprintf("%+v %+v %+v", w.inbound, w.reports, w.payments)); again != first {
		t.Errorf("told\n%s\nand again\n%s", first, again)
	}
	if got := w.states(); got != "done done done done done done" {
		t.Errorf("states %s", got)
	}

	w = newWorld(t)
	w.fail = errors.New("away")
	w.twilio(newToken, TwilioStatusPath, status("SM1", "sent"))
	for range maxTries {
		w.work(time.Hour + time.Minute)
	}
	if got := w.states(); got != "failed" || len(w.reports) != maxTries {
		t.Errorf("%s after %d tries, want failed after %d", got, len(w.reports), maxTries)
	}

	w = newWorld(t)
	w.nobody = true
	w.twilio(newToken, TwilioStatusPath, status("SM1", "sent"))
	for range 3 {
		w.work(time.Hour)
	}
	if got := w.states(); got != "done" || w.rows[0].Outcome != "not_ours" || len(w.reports) != foreignTries {
		t.Errorf("another program's message: %s %q after %d tries", got, w.rows[0].Outcome, len(w.reports))
	}
}

// TestHostile: nothing that is posted takes the server down; what is signed and cannot be
// read is kept for a person.
func TestHostile(t *testing.T) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, c := range []struct {
		about  string
		post   func(*world) int
		want   int
		states string
	}{
		{"a form that is none", func(w *world) int {
			h := form.Clone()
			h.Set("X-Twilio-Signature", twilioSignature(newToken, public+TwilioStatusPath, nil))
			code, _ := w.post(TwilioStatusPath, h, []byte("%zz"))
			return code
		}, 403, ""},
		{"a status without a message", func(w *world) int { c, _ := w.twilio(newToken, TwilioStatusPath, url.Values{"x": {"y"}}); return c }, 204, "failed"},
		{"a status with a hostile id", func(w *world) int { c, _ := w.twilio(newToken, TwilioStatusPath, status("SM1'; --", "sent")); return c }, 204, "failed"},
		{"an error code that is none", func(w *world) int {
			c, _ := w.twilio(newToken, TwilioStatusPath, status("SM1", "sent", "ErrorCode", "9e9"))
			return c
		}, 204, "failed"},
		{"events that are no JSON", func(w *world) int {
			c, _ := w.grid(SendGridEventsPath, wall, "application/json", []byte("[{"))
			return c
		}, 200, "failed"},
		{"one event of three that is none", func(w *world) int {
			c, _ := w.grid(SendGridEventsPath, wall, "application/json", []byte(`[{"event":"delivered"},7,{"event":"<script>"}]`))
			return c
		}, 200, "done failed failed"},
		{"nothing at all", func(w *world) int { c, _ := w.grid(SendGridEventsPath, wall, "application/json", nil); return c }, 200, "failed"},
		{"a mail without a boundary", func(w *world) int {
			c, _ := w.post(SendGridInboundPath+"?key=mail-key", http.Header{"Content-Type": {"multipart/form-data"}}, []byte("x"))
			return c
		}, 200, "failed"},
		{"a mail that breaks off", func(w *world) int {
			body, kind := mailBody(map[string]string{"from": "a@b.example", "text": "hello"})
			c, _ := w.post(SendGridInboundPath+"?key=mail-key", http.Header{"Content-Type": {kind}}, body[:len(body)/2])
			return c
		}, 200, "failed"},
		{"a text too large", func(w *world) int {
			c, _ := w.twilio(newToken, TwilioInboundPath, url.Values{"Body": {strings.Repeat("x", maxTwilio)}})
			return c
		}, 413, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			if got := c.post(w); got != c.want || w.states() != c.states {
				t.Errorf("%d, %q; want %d, %q", got, w.states(), c.want, c.states)
			}
		})
	}
	w := newWorld(t)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, TwilioStatusPath, nil)
	rec := newRecorder()
	w.server.ServeHTTP(rec, r)
	if rec.Code != 405 || rec.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d", rec.Code)
	}
}

// TestTwilioJSON: a body that is no form is signed by its digest in the address.
func TestTwilioJSON(t *testing.T) {
	body := []byte(`{"a":1}`)
	path := TwilioStatusPath + "?bodySHA256=" + hexSum(body)
	w := newWorld(t)
	h := http.Header{"Content-Type": {"application/json"}, "X-Twilio-Signature": {twilioSignature(newToken, public+path, nil)}}
	if code, _ := w.post(path, h, body); code != 204 || w.states() != "failed" {
		t.Errorf("%d %s: a proven body of a shape that is not known is kept for a person", code, w.states())
	}
	if code, _ := w.post(path, h, []byte(`{"a":2}`)); code != 403 {
		t.Errorf("another body: %d", code)
	}
}

// TestReadMessage: a person reads in the inbox what was read when it came.
func TestReadMessage(t *testing.T) {
	w := newWorld(t)
	w.twilio(newToken, TwilioInboundPath, url.Values{"MessageSid": {"SM9"}, "From": {"+12125550100"}, "Body": {"call me"}})
	body, kind := mailBody(map[string]string{"from": "ada@example.com", "text": "I paid"})
	w.post(SendGridInboundPath+"?key=mail-key", http.Header{"Content-Type": {kind}}, body)
	w.twilio(newToken, TwilioStatusPath, status("SM1", "sent"))
	for id, want := range map[int64]string{1: "call me", 2: "I paid"} {
		got, err := ReadMessage(w.requests[id])
		if err != nil || got.Text != want || fmt.Sprint(got) != fmt.Sprint(w.inbound[id-1]) {
			t.Errorf("read %+v, %v", got, err)
		}
	}
	for _, r := range []Request{w.requests[3], {Source: sourceTwilioInbound}, {Source: sourceGridInbound}, {}} {
		if _, err := ReadMessage(r); !errors.Is(err, ErrNoMessage) {
			t.Errorf("%s: %v", r.Source, err)
		}
	}
}

// TestEndpointsDoNotHoldUpOneAnother: as many mails as are read at once hang, and a STOP by
// text gets through.
func TestEndpointsDoNotHoldUpOneAnother(t *testing.T) {
	w := newWorld(t)
	src := w.server.sources[SendGridInboundPath]
	for range cap(src.slots) {
		src.slots <- struct{}{}
	}
	if code, _ := w.twilio(newToken, TwilioInboundPath, url.Values{"MessageSid": {"SM9"}, "From": {"+12125550100"}, "Body": {"STOP"}}); code != 200 || len(w.inbound) != 1 {
		t.Errorf("%d, read %d", code, len(w.inbound))
	}
}
