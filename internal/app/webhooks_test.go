package app

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/secret"
	"github.com/duly/duly/internal/twilio"
	"github.com/duly/duly/internal/web/webhooks"
)

const (
	hookURL   = "https://duly.example.com"
	hookToken = "twilio-auth-token"
	hookPay   = "payment-secret"
	hookMail  = "inbound-key"
)

// hookEnv configures every endpoint but SendGrid's events.
var hookEnv = map[string]string{
	"DULY_PUBLIC_URL": hookURL, "TWILIO_AUTH_TOKEN": hookToken, "DULY_PAYMENTS_SECRET": hookPay, "SENDGRID_INBOUND_KEY": hookMail,
}

// hooked is a site with a case of which a text message has been planned, and its webhooks.
type hooked struct {
	*site
	server *webhooks.Server
	a      account
	ref    dunning.CaseRef
}

func newHooked(t *testing.T) *hooked {
	t.Helper()
	s := newSite(t)
	h := &hooked{site: s, a: s.debtor("D1", "300.00", date(1))}
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	refs, err := s.store.CasesOf(t.Context(), h.a.debtor)
	s.must(err)
	h.ref = refs[0]
	h.server, err = NewWebhooks(getenv(hookEnv), WebhookDeps{Store: s.store, Book: s.book, Clock: s.clock})
	s.must(err)
	return h
}

// sends makes a contact that has been handed over and stands at a state.
func (h *hooked) sends(id string, ch dunning.Channel, state dunning.ContactState) string {
	h.t.Helper()
	ctx := h.t.Context()
	key := h.ref.Case + "/0/nudge/" + id
	point := map[dunning.Channel]string{dunning.SMS: "-m", dunning.Email: "-e"}[ch]
	fact := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: h.clock.time(), Account: h.ref.Account, Case: h.ref.Case, By: "system", Body: b}
	}
	h.must(h.store.InDebtor(ctx, []string{h.a.debtor}, func(tx *postgres.Tx) error {
		d := dunning.StoredDecision{ID: "d-" + id, Case: h.ref.Case, Core: "1", Wall: start, Decision: dunning.Decision{Verb: dunning.VerbSend, At: start, WakeAt: start}}
		if err := tx.StoreDecision(ctx, d); err != nil {
			return err
		}
		facts := []dunning.Fact{
			fact(dunning.ContactPlanned{
				ID: key, Step: "nudge", Channel: ch, Template: "nudge", Ordinal: len(id) + int(id[0]), Point: h.a.key + point, Decision: d.ID, Automatic: true,
				Items: []dunning.ItemLine{{Key: "inv-D1", Step: "nudge", Amount: money.MustParse("300.00", "USD")}},
			}),
			fact(dunning.ContactMoved{ID: key, State: dunning.ContactSending, Code: "fenced:1"}),
		}
		if state != dunning.ContactSending {
			m := dunning.ContactMoved{ID: key, State: state}
			switch state {
			case dunning.ContactAccepted:
				m.ProviderID = "SM" + id
			case dunning.ContactFailed:
				m.Class = dunning.FailedNow
			}
			facts = append(facts, fact(m))
		}
		_, _, err := tx.Append(ctx, h.a.debtor, facts)
		return err
	}))
	return key
}

func (h *hooked) post(path string, header http.Header, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, path, strings.NewReader(body))
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	return w
}

// twilio posts a form as Twilio signs it.
func (h *hooked) twilio(pathAndQuery string, form url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.post(pathAndQuery, twilioHeader(pathAndQuery, form), form.Encode())
}

func twilioHeader(pathAndQuery string, form url.Values) http.Header {
	var names []string
	for k := range form {
		names = append(names, k)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(hookToken))
	mac.Write([]byte(hookURL + pathAndQuery))
	for _, k := range names {
		mac.Write([]byte(k + form.Get(k)))
	}
	return http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
}

// status posts a delivery report of a contact by the callback address that it was given.
func (h *hooked) status(contact, sid, word, code string) {
	h.t.Helper()
	attempt := dunning.AttemptID(contact)
	q := url.Values{"a": {attempt}, "t": {twilio.Token(secret.New(hookToken), attempt)}}
	form := url.Values{"MessageSid": {sid}, "MessageStatus": {word}, "To": {"+12125550100"}}
	if code != "" {
		form.Set("ErrorCode", code)
	}
	if w := h.twilio(webhooks.TwilioStatusPath+"?"+q.Encode(), form); w.Code/100 != 2 {
		h.t.Fatalf("%d %s", w.Code, w.Body)
	}
}

// now is a contact's state, the delivery that is known, and what is wrong with its point.
func (h *hooked) now(contact string) string {
	h.t.Helper()
	c, err := h.store.Contact(h.t.Context(), contact)
	h.must(err)
	d, _, err := h.store.DeliveryOf(h.t.Context(), contact)
	h.must(err)
	points, err := h.store.Points(h.t.Context(), h.a.debtor)
	h.must(err)
	dead := ""
	for _, p := range points {
		if p.Dead != "" {
			dead += " " + p.ID + ":" + p.Dead
		}
	}
	return fmt.Sprintf("%s %s %s%s", c.State, c.ProviderID, d.Status, dead)
}

// TestStatusResolves: what Twilio reports, in whatever state the hand-over is.
func TestStatusResolves(t *testing.T) {
	type report struct{ word, code string }
	h := newHooked(t)
	for i, c := range []struct {
		about   string
		state   dunning.ContactState
		reports []report
		want    string
	}{
		{"the answer is still on its way: the report proves it", dunning.ContactSending, []report{{"queued", ""}}, "accepted SMx twilio:queued"},
		{"the answer was lost: the report proves it", dunning.ContactUnknown, []report{{"sent", ""}}, "accepted SMx twilio:sent"},
		{"called failed, and yet it left", dunning.ContactFailed, []report{{"delivered", ""}}, "accepted SMx twilio:delivered"},
		{"delivered after sent", dunning.ContactUnknown, []report{{"sent", ""}, {"delivered", ""}}, "accepted SMx twilio:delivered"},
		{"sent after delivered changes nothing", dunning.ContactUnknown, []report{{"delivered", ""}, {"sent", ""}, {"queued", ""}}, "accepted SMx twilio:delivered"},
		{"handset off: it counts as sent", dunning.ContactUnknown, []report{{"undelivered", "30003"}}, "accepted SMx twilio:undelivered"},
		{"a landline: the else takes over, the number is dead", dunning.ContactUnknown, []report{{"undelivered", "30006"}}, "bounced SMx twilio:undelivered D1-m:landline"},
		{"the same, twice, and late news of its way", dunning.ContactUnknown, []report{{"undelivered", "30006"}, {"undelivered", "30006"}, {"sent", ""}}, "bounced SMx twilio:undelivered D1-m:landline"},
	} {
		t.Run(c.about, func(t *testing.T) {
			h.t = t
			name := string(rune('a' + i))
			id := h.sends(name, dunning.SMS, c.state)
			for _, r := range c.reports {
				h.status(id, "SM"+name, r.word, r.code)
			}
			if got := h.now(id); got != strings.ReplaceAll(c.want, "SMx", "SM"+name) {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			rows, err := h.store.Inbox(t.Context(), postgres.InboxFilter{})
			h.must(err)
			for _, r := range rows {
				if r.State != postgres.InboxDone || strings.HasPrefix(r.Event, "SM"+name+"/") && r.Contact != id || !slices.Equal(r.Debtors, []string{h.a.debtor}) {
					t.Errorf("inbox row %+v", r)
				}
			}
		})
	}
}

// TestReportsInAnyOrder: reports that come doubled and in any order lead to the same.
func TestReportsInAnyOrder(t *testing.T) {
	h := newHooked(t)
	words := []string{"queued", "sending", "sent", "delivered"}
	n := 0
	permute(words, func(order []string) {
		n++
		id := h.sends(string(rune('a'+n)), dunning.SMS, dunning.ContactUnknown)
		sid := fmt.Sprint("SM", n)
		for _, w := range append(slices.Clone(order), order[0]) {
			h.status(id, sid, w, "")
		}
		if got, want := h.now(id), "accepted "+sid+" twilio:delivered"; got != want {
			t.Errorf("%v: %s, want %s", order, got, want)
		}
	})
	if n != 24 {
		t.Fatalf("%d orders", n)
	}
}

func permute(words []string, f func([]string)) {
	var rec func(k int)
	rec = func(k int) {
		if k == len(words) {
			f(words)
			return
		}
		for i := k; i < len(words); i++ {
			words[k], words[i] = words[i], words[k]
			rec(k + 1)
			words[k], words[i] = words[i], words[k]
		}
	}
	rec(0)
}

// TestReportsWakeNobodyInVain: a delivery that changes no decision wakes no case (each
// waking is billed); one that does wakes it.
func TestReportsWakeNobodyInVain(t *testing.T) {
	h := newHooked(t)
	drain := func() (n int) {
		nudges, err := h.store.Undelivered(t.Context(), 100)
		h.must(err)
		h.must(h.store.Delivered(t.Context(), nudges))
		return len(nudges)
	}
	taken := h.sends("a", dunning.SMS, dunning.ContactAccepted)
	flying := h.sends("b", dunning.SMS, dunning.ContactSending)
	unknown := h.sends("c", dunning.SMS, dunning.ContactUnknown)
	drain()
	h.status(taken, "SMa", "sent", "")
	h.status(taken, "SMa", "delivered", "")
	h.status(flying, "SMb", "queued", "")
	if n := drain(); n != 0 {
		t.Errorf("%d cases were woken by news that change nothing", n)
	}
	h.status(unknown, "SMc", "delivered", "")
	if n := drain(); n != 1 {
		t.Errorf("%d cases were woken by the end of a doubt, want the one", n)
	}
	h.status(taken, "SMa", "undelivered", "30006")
	if n := drain(); n != 1 {
		t.Errorf("%d cases were woken by a dead number, want the one", n)
	}
}

// TestByProviderID: without our token in the address the provider's own id finds the message.
func TestByProviderID(t *testing.T) {
	h := newHooked(t)
	id := h.sends("x", dunning.SMS, dunning.ContactAccepted)
	form := url.Values{"MessageSid": {"SMx"}, "MessageStatus": {"delivered"}}
	for _, query := range []string{"", "?a=" + dunning.AttemptID("other") + "&t=forged"} {
		if w := h.twilio(webhooks.TwilioStatusPath+query, form); w.Code != 204 {
			t.Fatal(w.Code)
		}
	}
	if got := h.now(id); got != "accepted SMx twilio:delivered" {
		t.Error(got)
	}
}

// TestStopReachesEverybody: a stop word is an opt-out of everybody whose number it is,
// before the request is answered; the same text again changes nothing.
func TestStopReachesEverybody(t *testing.T) {
	h := newHooked(t)
	b := h.debtor("D2", "50.00", date(1)) // the same number, no case yet
	form := url.Values{"MessageSid": {"SM1"}, "From": {"+12125550100"}, "To": {"+15005550006"}, "Body": {" Stop. "}}
	for range 2 {
		if w := h.twilio(webhooks.TwilioInboundPath, form); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	for _, a := range []account{h.a, b} {
		facts, err := h.store.FactsAsOf(t.Context(), a.debtor, 1<<40)
		h.must(err)
		n := map[dunning.Kind]int{}
		for _, f := range facts {
			n[f.Body.Kind()]++
			if o, ok := f.Body.(dunning.OptedOut); ok && (o.Channel != dunning.SMS || f.By != "debtor") {
				t.Errorf("opted out %+v by %s", o, f.By)
			}
		}
		if n["opted_out"] != 1 || n["contact_logged"] != 1 {
			t.Errorf("%s: %v", a.key, n)
		}
	}
}

// TestReplyTextIsPersonal: who may sees the words of a reply by the id that facts name; they
// go when a debtor's personal data is erased.
func TestReplyTextIsPersonal(t *testing.T) {
	h := newHooked(t)
	form := url.Values{"MessageSid": {"SM1"}, "From": {"+12125550100"}, "Body": {"call me tomorrow"}}
	if w := h.twilio(webhooks.TwilioInboundPath, form); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	m, err := ReplyText(t.Context(), h.store, "twilio_inbound/SM1")
	if err != nil || m.Text != "call me tomorrow" || m.From != "+12125550100" {
		t.Errorf("read %+v, %v", m, err)
	}
	if _, err := ReplyText(t.Context(), h.store, "twilio_inbound/SM2"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a reply that never came: %v", err)
	}
	h.must(h.store.Erase(t.Context(), h.a.debtor))
	if m, err := ReplyText(t.Context(), h.store, "twilio_inbound/SM1"); !errors.Is(err, webhooks.ErrNoMessage) {
		t.Errorf("erased: %+v, %v", m, err)
	}
	var left int
	if err := h.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM inbox_requests WHERE body <> ''").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d bodies are left, %v", left, err)
	}
}

// TestUnknownSender: what nobody known has written waits for a person and is read when the
// number is known.
func TestUnknownSender(t *testing.T) {
	h := newHooked(t)
	form := url.Values{"MessageSid": {"SM1"}, "From": {"+12125550177"}, "Body": {"STOP"}}
	if w := h.twilio(webhooks.TwilioInboundPath, form); w.Code != 200 {
		t.Fatal(w.Code)
	}
	unmatched := postgres.InboxFilter{State: postgres.InboxUnmatched}
	rows, err := h.store.Inbox(t.Context(), unmatched)
	h.must(err)
	if len(rows) != 1 || rows[0].Source != "twilio_inbound" {
		t.Fatalf("inbox %+v", rows)
	}
	h.must(h.store.PutPoints(t.Context(), h.a.debtor, postgres.Point{ID: "D1-m", Channel: dunning.SMS, Value: "+12125550177"}))
	if n, err := h.store.ReplayInbox(t.Context(), unmatched); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := h.server.Work(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	row, err := h.store.InboxEventOf(t.Context(), rows[0].ID)
	h.must(err)
	if row.State != postgres.InboxDone || row.Outcome != "opt_out" {
		t.Errorf("inbox %+v", row)
	}
}

// TestPaymentsAreBooked: payments over the webhook, once each, and taken back.
func TestPaymentsAreBooked(t *testing.T) {
	h := newHooked(t)
	pay := func(body string) (int, string) {
		w := h.post(webhooks.PaymentsPath, http.Header{"Duly-Signature": {webhooks.SignPayment(secret.New(hookPay), clock.Wall(), []byte(body))}}, body)
		return w.Code, w.Body.String()
	}
	const p1 = `{"id":"p1","creditor":"demo","account":"D1","amount":"100.00","currency":"USD"}`
	for _, c := range []struct {
		about, body string
		status      int
		want        string
	}{
		{"booked", p1, 200, `"detail":"booked"`},
		{"the same again", p1, 200, `"state":"done"`},
		{"on an invoice, by the number on it", strings.NewReplacer(`"p1"`, `"p2"`, `"amount"`, `"invoice":"inv-D1","amount"`).Replace(p1), 200, `"detail":"booked"`},
		{"on an invoice that is not known: the oldest first", strings.NewReplacer(`"p1"`, `"p3"`, `"amount"`, `"invoice":"R-9","amount"`).Replace(p1), 200, "booked_oldest_first"},
		{"an account that is not known", strings.NewReplacer(`"p1"`, `"p4"`, `D1`, `D9`).Replace(p1), 200, `"state":"unmatched"`},
		{"a currency that the account is not in", strings.NewReplacer(`"p1"`, `"p5"`, `USD`, `EUR`).Replace(p1), 200, `"state":"unmatched"`},
		{"from the future", strings.NewReplacer(`"p1"`, `"p6"`, `"amount"`, `"at":"2199-01-01T00:00:00Z","amount"`).Replace(p1), 422, "future"},
		{"a clock that is a minute ahead", strings.NewReplacer(`"p1"`, `"p7"`, `"amount"`, `"at":"`+start.Add(time.Minute).Format(time.RFC3339)+`","amount"`).Replace(p1), 200, `"booked"`},
		{"taken back", `{"id":"r1","type":"reversal","creditor":"demo","account":"D1","currency":"USD","payment":"p1"}`, 200, `"booked"`},
		{"taken back before it came: it waits", `{"id":"r2","type":"reversal","creditor":"demo","account":"D1","currency":"USD","payment":"p99"}`, 200, `"pending"`},
	} {
		if code, text := pay(c.body); code != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s, want %d and %s", c.about, code, text, c.status, c.want)
		}
	}
	facts, err := h.store.FactsAsOf(t.Context(), h.a.debtor, 1<<40)
	h.must(err)
	n := map[dunning.Kind]int{}
	for _, f := range facts {
		n[f.Body.Kind()]++
	}
	if n["payment"] != 4 || n["payment_reversed"] != 1 {
		t.Errorf("facts %v", n)
	}
}

// TestReportsAfterALateBounce: a message that comes back after days stays counted as sent, and what
// is reported of it after that is taken like anything else: a complaint is never lost over it, and
// a batch of letters of which one came back before anybody confirmed the posting can be confirmed.
func TestReportsAfterALateBounce(t *testing.T) {
	h := newHooked(t)
	mail := h.sends("mail", dunning.Email, dunning.ContactAccepted)
	h.clock.set(start.Add(80 * time.Hour))
	for _, c := range []struct {
		id    string
		means dunning.Delivery
	}{
		{"e1", dunning.HardBounced}, {"e2", dunning.Delivered}, {"e3", dunning.SoftBounced}, {"e4", dunning.HardBounced}, {"e5", dunning.SpamReported},
	} {
		cmd := dunning.ReportDelivery{ID: c.id, Contact: mail, Report: c.means}
		if _, err := h.commands().Do(t.Context(), h.ref.Case, cmd, byWebhook); err != nil {
			t.Errorf("%s: %v", c.means, err)
		}
	}
	facts, err := h.store.FactsAsOf(t.Context(), h.a.debtor, 1<<40)
	h.must(err)
	if !slices.ContainsFunc(facts, func(x dunning.Fact) bool { return x.Body.Kind() == "opted_out" }) {
		t.Error("the reader called it spam, and nobody knows")
	}
	c, err := h.store.Contact(t.Context(), mail)
	h.must(err)
	if c.State != dunning.ContactBounced {
		t.Errorf("it is %s", c.State)
	}
}
