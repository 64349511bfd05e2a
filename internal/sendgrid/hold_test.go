package sendgrid

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
	"github.com/duly/duly/internal/fakeprovider"
)

// hand is a clock that is moved by hand.
type hand struct {
	mu sync.Mutex
	at time.Time
}

func (h *hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hand) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func (h *hand) Now(context.Context) (time.Time, error) { return h.now(), nil }

func (h *hand) WakeWall(_ context.Context, at time.Time) (time.Time, error) { return at, nil }

// TestHeldMail: a mail in a batch leaves later and can be called back until shortly before;
// a mail that was called back never left, whatever the answer to its hand-over was.
func TestHeldMail(t *testing.T) {
	for _, c := range []struct {
		about  string
		fault  fakeprovider.Kind // of the hand-over
		after  time.Duration     // until it is called back
		again  bool              // called back twice
		back   bool
		lost   fakeprovider.Kind // of the answer to the cancellation
		recall bool              // the provider's own record says so
	}{
		{"accepted and called back", fakeprovider.None, time.Minute, false, true, fakeprovider.None, true},
		{"the answer was lost, and yet it was taken", fakeprovider.TimeoutAfter, 15 * time.Minute, false, true, fakeprovider.None, true},
		{"the answer was lost and it was never taken", fakeprovider.ResetBefore, 30 * time.Minute, false, true, fakeprovider.None, false},
		{"called back twice", fakeprovider.None, time.Minute, true, true, fakeprovider.None, true},
		{"the answer to the cancellation was lost: its status is asked for", fakeprovider.None, time.Minute, false, true, fakeprovider.ErrorAfter, true},
		{"too late: nothing is promised", fakeprovider.None, dunning.CallableFor, false, false, fakeprovider.None, false},
	} {
		t.Run(c.about, func(t *testing.T) {
			clk := &hand{at: channeltest.Start}
			p, err := fakeprovider.Listen("127.0.0.1:0", fakeprovider.Options{
				Now: clk.now, APIKey: testKey, Check: channeltest.Contract(t),
				Faults: func(call fakeprovider.Call) fakeprovider.Fault {
					switch call.To {
					case "batch":
						return fakeprovider.Fault{}
					case "cancel":
						return fakeprovider.Fault{Kind: c.lost}
					}
					return fakeprovider.Fault{Kind: c.fault}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = p.Stop() }()
			cfg := testConfig(p.URL)
			cfg.Clock, cfg.Timeout = clk, time.Minute
			a := newAdapter(t, cfg)
			cfg.Timeout = 2 * time.Second // the hand-over alone may wait in vain
			sender := newAdapter(t, cfg)
			m := channeltest.Message(dunning.Email, 1)
			m.At = clk.now()
			var out dunning.Outcome
			if m.Hold, out = a.OpenHold(t.Context(), m); m.Hold == "" {
				t.Fatalf("no hold: %+v", out)
			}
			sender.Send(t.Context(), m)
			clk.pass(c.after)
			got := a.CallBack(t.Context(), m)
			if c.again {
				got = got && a.CallBack(t.Context(), m)
			}
			if got != c.back {
				t.Errorf("called back: %v, want %v", got, c.back)
			}
			for _, l := range p.Log() {
				if l.Recalled != c.recall || !l.SendAt.Equal(channeltest.Start.Add(dunning.HeldFor)) {
					t.Errorf("the provider has %+v", l)
				}
			}
			for _, complaint := range p.Complaints() {
				t.Error(complaint)
			}
		})
	}
}

// TestNoHold: without a batch nothing is handed over, and the outcome says why.
func TestNoHold(t *testing.T) {
	m := channeltest.Message(dunning.Email, 1)
	for _, c := range []struct {
		about  string
		status int
		body   string
		want   dunning.SendState
		class  dunning.FailureClass
	}{
		{"a wrong key", 401, `{}`, dunning.SendFailed, dunning.FailedConfig},
		{"too many requests", 429, ``, dunning.SendFailed, dunning.FailedLater},
		{"an answer without an id", 201, `{}`, dunning.SendFailed, dunning.FailedLater},
		{"an id that would break out of an address", 201, `{"batch_id":"../../x"}`, dunning.SendFailed, dunning.FailedLater},
		{"an outage", 503, ``, dunning.SendUnknown, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			cfg := testConfig(answering(t, c.status, nil, c.body))
			cfg.Clock = &hand{at: channeltest.Start}
			id, out := newAdapter(t, cfg).OpenHold(t.Context(), m)
			if id != "" || out.State != c.want || out.Class != c.class {
				t.Errorf("%q, %+v", id, out)
			}
		})
	}
	if id, out := newAdapter(t, testConfig("http://127.0.0.1:1")).OpenHold(t.Context(), m); id != "" || out.Class != dunning.FailedConfig {
		t.Errorf("without a clock: %q, %+v", id, out)
	}
	m.Hold, m.NotAfter = "abcd1234", m.At.Add(dunning.HeldFor)
	cfg := testConfig("http://127.0.0.1:1")
	if out := newAdapter(t, cfg).Send(t.Context(), m); out.Code != "sendgrid:window_over" {
		t.Errorf("a mail that would leave after the window: %+v", out)
	}
}
