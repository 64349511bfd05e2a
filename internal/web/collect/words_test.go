package collect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/read"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

func TestOrderSaysEveryPart(t *testing.T) {
	rank := read.Rank(read.Work{Kind: "task:call", Opened: noon, Tries: 2}, read.Standing{
		Open: 1_234_500, Currency: "USD", Oldest: dunning.DateOf(noon.AddDate(0, -4, 0)),
	})
	got := order(rank)
	for _, want := range []string{"within 24 h", "for the amount", "for its age", "because it was tried"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

func TestSharesFillTheBar(t *testing.T) {
	usd := func(s string) money.Amount { return money.MustParse(s, "USD") }
	b := read.Buckets{Total: usd("100.00"), Current: usd("10.00"), To30: usd("20.00"), To60: usd("30.00"), To90: usd("15.00"), Over90: usd("25.00")}
	x := 0
	for _, s := range shares(b) {
		if s.X != x {
			t.Errorf("%s begins at %d, want %d", s.Label, s.X, x)
		}
		x += s.W
	}
	if x != 1000 {
		t.Errorf("the bar is filled up to %d of 1000", x)
	}
	for _, s := range shares(read.Buckets{}) {
		if s.W != 0 {
			t.Errorf("nothing is owed, and %s has a width", s.Label)
		}
	}
}

func TestOneRowPerAccount(t *testing.T) {
	row := func(account, why string) dayRow {
		r := dayRow{Why: why}
		r.Account = account
		return r
	}
	got := together([]dayRow{row("a", "call"), row("b", "draft"), row("a", "reply")})
	if len(got) != 2 || got[0].Why != "call" || len(got[0].Also) != 1 || got[0].Also[0] != "reply" || got[1].Also != nil {
		t.Errorf("%+v", got)
	}
}

// TestMentions: an @ and a name mention somebody, an email address nobody.
func TestMentions(t *testing.T) {
	people := []Colleague{{ID: "1", Handle: "rosa"}, {ID: "2", Handle: "ola.berg"}, {ID: "3", Handle: "q-team"}}
	for _, c := range []struct {
		text         string
		ids, unknown []string
	}{
		{"nobody", nil, nil},
		{"@rosa please call", []string{"1"}, nil},
		{"ask @ola.berg, and (@rosa)", []string{"2", "1"}, nil},
		{"@rosa and @rosa again", []string{"1"}, nil},
		{"at the end @ola.berg.", []string{"2"}, nil},
		{"writes from rosa@example.com", nil, nil},
		{"@nobody knows", nil, []string{"@nobody"}},
		{"line\n@q-team", []string{"3"}, nil},
		{"a lone @ is one", nil, nil},
		{"@Rosa is not how she signs in", nil, nil},
	} {
		ids, unknown := mentions(c.text, people)
		if !slices.Equal(ids, c.ids) || !slices.Equal(unknown, c.unknown) {
			t.Errorf("%q mentions %v and %v, want %v and %v", c.text, ids, unknown, c.ids, c.unknown)
		}
	}
}

// TestCallAt: the time of a promised call is the debtor's, and says so where it is not known.
func TestCallAt(t *testing.T) {
	r := dayRow{Zone: "America/New_York"}
	r.Due = noon
	if got := r.CallAt(); got != "Tue 07:00 there" {
		t.Errorf("in New York: %q", got)
	}
	r.Zone = ""
	if got := r.CallAt(); got != "Tue 12:00 UTC" {
		t.Errorf("nobody knows where: %q", got)
	}
}

// TestWordsOfReplies: what a debtor wrote stands in the story; an id that a person or a key
// recorded is never looked up, since it could name another debtor's message.
func TestWordsOfReplies(t *testing.T) {
	inbox := map[string][2]string{"twilio_inbound/SM1": {"", " call me tomorrow "}, "mail/1": {"Invoice 7", "paid already"}, "mail/long": {"", strings.Repeat("é", replyRunes+1)}}
	d := Deps{Reply: func(_ context.Context, id string) (string, string, error) {
		m, there := inbox[id]
		if !there {
			return "", "", errors.New("erased")
		}
		return m[0], m[1], nil
	}}
	for _, c := range []struct{ about, id, by, direction, outcome, want string }{
		{"the debtor's own words", "twilio_inbound/SM1", "debtor", "inbound", "received", "call me tomorrow"},
		{"a mail with its subject", "mail/1", "debtor", "inbound", "received", "Invoice 7 · paid already"},
		{"a long one ends with a sign", "mail/long", "debtor", "inbound", "received", strings.Repeat("é", replyRunes) + "…"},
		{"words that are gone are said to be", "twilio_inbound/SM9", "debtor", "inbound", "received", "Its words are not kept here."},
		{"an id that a person typed", "twilio_inbound/SM1", "user:1", "inbound", "received", ""},
		{"a person whose name is debtor", "twilio_inbound/SM1", "user:2", "inbound", "received", ""},
		{"an id that a key sent", "twilio_inbound/SM1", "key:1", "inbound", "received", ""},
		{"a call of the debtor has no text", "twilio_inbound/SM1", "debtor", "inbound", "conversation", ""},
		{"what we sent is no reply", "twilio_inbound/SM1", "debtor", "outbound", "received", ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			p := &casePage{}
			p.Names = map[string]string{"2": "debtor"}
			tell := teller{casePage: p}
			tell.tell(read.TimelineRow{By: c.by, Fact: &dunning.Fact{By: c.by, Body: dunning.ContactLogged{
				ID: c.id, Direction: c.direction, Channel: dunning.SMS, Outcome: c.outcome,
			}}})
			d.words(t.Context(), tell.events)
			if len(tell.events) != 1 || tell.events[0].Text != c.want {
				t.Errorf("told %+v, want %q", tell.events, c.want)
			}
		})
	}
}
