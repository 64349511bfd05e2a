package config

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/duly/duly/dunning"
)

// TestPaces: how fast a sender may go is read, and nonsense is refused where it stands.
func TestPaces(t *testing.T) {
	for _, c := range []struct {
		about, senders string
		want           map[dunning.Channel]Pace
		fault          string
	}{
		{"no limits", "email: {from: a@b.example}", map[dunning.Channel]Pace{}, ""},
		{"a limit for email", "email: {from: a@b.example, per_minute: 120, burst: 10}", map[dunning.Channel]Pace{dunning.Email: {500 * time.Millisecond, 10}}, ""},
		{"without a burst it is one", "sms: {from: \"+12025550123\", per_minute: 60}", map[dunning.Channel]Pace{dunning.SMS: {time.Second, 1}}, ""},
		{"none at all", "email: {per_minute: 0}", nil, "from 1 to 60000"},
		{"faster than anything", "email: {per_minute: 60001}", nil, "from 1 to 60000"},
		{"a burst of nothing", "email: {per_minute: 5, burst: 0}", nil, "from 1 to 10000"},
		{"a burst alone", "email: {burst: 5}", nil, "without per_minute"},
	} {
		t.Run(c.about, func(t *testing.T) {
			cfg, err := Load(withSenders(t, c.senders))
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), "demo.yaml:") {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cr, _ := cfg.Creditor("demo")
			if len(cr.Paces) != len(c.want) {
				t.Errorf("%+v", cr.Paces)
			}
			for ch, p := range c.want {
				if cr.Paces[ch] != p {
					t.Errorf("%s: %+v, want %+v", ch, cr.Paces[ch], p)
				}
			}
		})
	}
}

// withSenders is the shipped configuration with other senders of one creditor.
func withSenders(t *testing.T, senders string) fstest.MapFS {
	t.Helper()
	shipped, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	for name, data := range shipped.Release().Files {
		if name == "creditors/demo.yaml" {
			head, tail, ok := strings.Cut(string(data), "senders:\n")
			_, rest, ok2 := strings.Cut(tail, "queues:")
			if !ok || !ok2 {
				t.Fatal("the shipped creditor has changed its form")
			}
			data = []byte(head + "senders:\n  " + senders + "\nqueues:" + rest)
		}
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}
