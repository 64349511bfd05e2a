package rehearse

import (
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/postgres"
)

// writer is an account whose debtor has a number and an address.
func (s *stage) writer(key string) string {
	s.t.Helper()
	id := s.account(key)
	a, err := s.Account(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	err = s.Store().PutPoints(s.t.Context(), a.Debtor,
		postgres.Point{ID: key + "/mail", Channel: dunning.Email, Value: strings.ToLower(key) + "@example.invalid"},
		postgres.Point{ID: key + "/phone", Channel: dunning.SMS, Value: "+12125550110"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.script(s.debt(id, key+"/debt", dunning.Date{Year: 2026, Month: 1, Day: 15}))
	s.turns(3)
	return id
}

// What a debtor writes comes in by the webhooks: it is kept in the inbox with its words,
// takes effect at once, and the same row again changes nothing.
func TestReplies(t *testing.T) {
	s := newStage(t, nil)
	id := s.writer("R-1")
	for _, b := range []ReplyBody{
		{Account: id, Channel: dunning.Email, From: "r-1@example.invalid", Subject: "Re: your reminder", Text: "I dispute this debt."},
		{Account: id, Channel: dunning.SMS, From: "+12125550110", Text: "STOP"},
	} {
		for range 2 { // as after a crash
			row := Row("debtor/x/"+string(b.Channel), noon, Reply, b)
			if _, err := playReply(t.Context(), s.Player, row); err != nil {
				t.Fatal(err)
			}
		}
	}
	for kind, want := range map[dunning.Kind]int{"contact_logged": 2, "dispute_raised": 1, "opted_out": 1} {
		if got := s.facts(id, kind); got != want {
			t.Errorf("%d facts %s, want %d", got, kind, want)
		}
	}
	rows, err := s.Store().Inbox(t.Context(), postgres.InboxFilter{})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d events in the inbox, %v; want 2", len(rows), err)
	}
	m, err := app.ReplyText(t.Context(), s.Store(), MessageID("debtor/x/sms"))
	if err != nil || m.Text != "STOP" || !m.Received.Equal(noon) {
		t.Errorf("the words are %+v, %v", m, err)
	}
}

// A stranger's mail and a payment to nobody's account wait for a person, each once.
func TestWhatIsNobodys(t *testing.T) {
	s := newStage(t, nil)
	s.writer("R-2")
	for range 2 {
		if err := s.Receive(t.Context(), "stranger", ReplyBody{Channel: dunning.Email, From: "who@example.invalid", Text: "What is this?"}); err != nil {
			t.Fatal(err)
		}
		err := s.PostPayment(t.Context(), map[string]string{
			"id": "P-1", "creditor": "demo", "account": "none", "amount": "10.00", "currency": "USD", "at": noon.Add(-time.Hour).Format(time.RFC3339),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := s.Store().Inbox(t.Context(), postgres.InboxFilter{})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d events, %v; want the mail and the payment", len(rows), err)
	}
	for _, r := range rows {
		if r.State != "unmatched" {
			t.Errorf("%s is %s (%s), want unmatched", r.Source, r.State, r.Outcome)
		}
	}
}

// What a webhook refuses is an error, so that the row is played again.
func TestARefusedMessageIsNotLost(t *testing.T) {
	s := newStage(t, nil)
	if err := s.PostPayment(t.Context(), "no payment"); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("got %v, want what the webhook said", err)
	}
}

// The payment data of a rehearsal is as fresh as its day, and the next day follows.
func TestFeed(t *testing.T) {
	s := newStage(t, nil)
	s.account("F-1")
	next, err := playFeed(t.Context(), s.Player, FeedRow("demo", noon))
	if err != nil || len(next) != 1 || !next[0].At.Equal(noon.Add(24*time.Hour)) {
		t.Fatalf("%+v, %v; want tomorrow's row", next, err)
	}
	feeds, err := s.Store().Feeds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range feeds {
		if f.Creditor == "demo" && !f.Until.Equal(noon) {
			t.Errorf("complete until %s, want %s", f.Until, noon)
		}
	}
	if _, err := playFeed(t.Context(), s.Player, FeedRow("nobody", noon)); err != nil {
		t.Errorf("a creditor that is not known yet: %v", err)
	}
}
