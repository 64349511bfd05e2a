package operate

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// A reply stands in the inbox with its words, and beside them what Duly reads in them; without
// words, with what was read when it came.
func TestRepliesInTheInbox(t *testing.T) {
	said := map[string]string{"sms/1": "I will pay 50 USD on 25 April", "sms/2": "mhm", "task/reply": ""}
	asked := ""
	d := &operations{Deps{Reply: func(_ context.Context, id string) (string, string, error) {
		asked = id
		if text := said[id]; text != "" {
			return "", text, nil
		}
		return "", "", errors.New("erased")
	}}}
	for _, c := range []struct {
		why         string
		work        read.Work
		asks        string
		text, wants string
	}{
		{"a task names the message that it is about", read.Work{ID: "case/task/reply/x", Contact: "sms/1", Reason: "will_pay"}, "sms/1", "I will pay", "will pay 50 USD, 2026-04-25"},
		{"a reply is its own message", read.Work{ID: "sms/1", Reason: "sms"}, "sms/1", "I will pay", "will pay 50 USD, 2026-04-25"},
		{"what says nothing keeps what was read first", read.Work{ID: "sms/2", Reason: "unclear"}, "sms/2", "mhm", "unclear"},
		{"words that are erased", read.Work{ID: "sms/9", Reason: "hardship"}, "sms/9", "", "hardship"},
	} {
		got := d.replyOf(t.Context(), read.WorkRow{Work: c.work, Today: dunning.Date{Year: 2026, Month: 4, Day: 16}})
		if asked != c.asks || !strings.HasPrefix(got.Text, c.text) || c.text == "" && got.Text != "" || !strings.HasPrefix(got.Wants, c.wants) {
			t.Errorf("%s: asked for %s, %q wants %q; want %q, %q", c.why, asked, got.Text, got.Wants, c.text, c.wants)
		}
	}
	if got := (&operations{}).replyOf(t.Context(), read.WorkRow{Work: read.Work{ID: "x", Reason: "paid"}}); got.Text != "" || got.Wants != "paid" {
		t.Errorf("of no inbox: %+v", got)
	}
}
