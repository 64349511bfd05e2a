package channeltest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/fakeprovider"
)

// timeout of the adapters under test where a fault makes them wait. The
// provider's machine is this one, so it is generous even on a busy machine.
const timeout = 2 * time.Second

// patience is the time-out of an adapter that meets a fault: short only where it
// must run out, else so long that no busy machine is taken for a provider that is
// silent.
func patience(kind fakeprovider.Kind) time.Duration {
	switch kind {
	case fakeprovider.TimeoutBefore, fakeprovider.TimeoutAfter, fakeprovider.SlowBody:
		return timeout
	}
	return time.Minute
}

// HTTP is the set-up for channels that hand over to a provider by HTTP.
type HTTP struct {
	Provider string // fakeprovider's name of it
	Channel  dunning.Channel
	// New builds an adapter towards base whose clock stands at Later. Zero
	// timeout means the default.
	New func(t testing.TB, base string, timeout time.Duration) Channel
	// Secrets must appear in nothing.
	Secrets []string
	// Exact: a look-up proves that a message was not taken. Without it, the
	// look-up may only find or not know.
	Exact bool
}

// RunHTTP runs the suite for a provider's adapter.
func RunHTTP(t *testing.T, s HTTP) {
	t.Run("every fault gets the outcome that is known, and a look-up finds the rest", s.faults)
	t.Run("no connection is proof that nothing was taken", s.unreachable)
	t.Run("deadline and cancellation are honoured", s.deadline)
	t.Run("every 4xx is a refusal for good, every 5xx and 3xx unknown", s.statuses)
	t.Run("recipients are never swapped", s.swapped)
	t.Run("under faults on 30 % of the calls nothing arrives twice and nothing is lost", s.once)
	t.Run("a message after its window is not handed over", s.window)
	t.Run("impossible messages cost no request", s.impossible)
}

// fake starts a provider that checks requests against the contract when the
// specifications are at hand.
func (s HTTP) fake(t testing.TB, o fakeprovider.Options) *fakeprovider.Running {
	t.Helper()
	o.Now = func() time.Time { return Start }
	if o.Check == nil {
		o.Check = Contract(t)
	}
	p, err := fakeprovider.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stopping the fake provider: %v", err)
		}
		for _, c := range p.Complaints() {
			t.Errorf("a request breaks the provider's contract: %s", c)
		}
	})
	return p
}

// want is what a fault must come to.
type want struct {
	state dunning.SendState
	class dunning.FailureClass
}

// wants says it for every fault. Slow and huge answers differ: SendGrid's id
// is in the header, Twilio's in the body that cannot be read to its end.
func (s HTTP) wants() map[fakeprovider.Kind]want {
	unknown := want{state: dunning.SendUnknown}
	w := map[fakeprovider.Kind]want{
		fakeprovider.None:      {state: dunning.SendAccepted},
		fakeprovider.RateLimit: {dunning.SendFailed, dunning.FailedLater},
	}
	for _, k := range fakeprovider.AllKinds() {
		if _, ok := w[k]; !ok {
			w[k] = unknown
		}
	}
	if s.Provider == "sendgrid" {
		w[fakeprovider.SlowBody], w[fakeprovider.HugeBody] = want{state: dunning.SendAccepted}, want{state: dunning.SendAccepted}
	}
	return w
}

func (s HTTP) faults(t *testing.T) {
	wants := s.wants()
	for i, kind := range append([]fakeprovider.Kind{fakeprovider.None}, fakeprovider.AllKinds()...) {
		t.Run("fault "+string(kind), func(t *testing.T) {
			p := s.fake(t, fakeprovider.Options{Faults: first(kind)})
			c, m := s.New(t, p.URL, patience(kind)), Message(s.Channel, i)
			out := c.Send(t.Context(), m)
			CheckOutcome(t, out)
			if got := (want{out.State, out.Class}); got != wants[kind] {
				t.Errorf("got %+v (%s), want %+v", got, out.Code, wants[kind])
			}
			if kind == fakeprovider.RateLimit && out.RetryAfter != 7*time.Second {
				t.Errorf("waits %v, the provider said 7 s", out.RetryAfter)
			}
			s.record(t, p, c, m, out, kind.Takes())
		})
	}
}

// first is a fault function that hits the first call only.
func first(kind fakeprovider.Kind) func(fakeprovider.Call) fakeprovider.Fault {
	return func(c fakeprovider.Call) fakeprovider.Fault {
		if c.Try > 0 {
			return fakeprovider.Fault{}
		}
		return fakeprovider.Fault{Kind: kind}
	}
}

// record compares one Send with the provider's own record of it.
func (s HTTP) record(t *testing.T, p *fakeprovider.Running, c Channel, m dunning.Message, out dunning.Outcome, taken bool) {
	t.Helper()
	if n := p.Calls(s.Provider); n != 1 {
		t.Errorf("one Send made %d requests", n)
	}
	log := p.Log()
	if taken != (len(log) == 1) || len(log) > 1 {
		t.Fatalf("the provider took %d, want taken = %v", len(log), taken)
	}
	if out.State == dunning.SendFailed && taken {
		t.Error("reported as failed, but the provider has it: this is how debtors get mail twice")
	}
	e := c.Lookup(t.Context(), m)
	CheckSilent(t, m, s.Secrets, out, e, c)
	switch {
	case taken && e.Found != dunning.EvidenceAccepted:
		t.Errorf("the provider has it, the look-up says %+v", e)
	case taken && (e.ProviderID != log[0].ID || log[0].To != m.To || out.ProviderID != "" && out.ProviderID != log[0].ID):
		t.Errorf("the provider has id %s, Send says %q, the look-up %q", log[0].ID, out.ProviderID, e.ProviderID)
	case !taken && s.Exact && e.Found != dunning.EvidenceNotAccepted:
		t.Errorf("the provider never had it and its records prove it, the look-up says %+v", e)
	case !taken && !s.Exact && e.Found != dunning.EvidenceCannotKnow:
		t.Errorf("nothing can be proven, the look-up says %+v", e)
	}
}

func (s HTTP) unreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, base := range map[string]string{
		"nobody listens":               closed,
		"the other side speaks no TLS": "https://" + strings.TrimPrefix(plain.URL, "http://"),
		"the name does not resolve":    "https://no-such-provider.invalid",
	} {
		t.Run(name, func(t *testing.T) {
			c, m := s.New(t, base, 0), Message(s.Channel, 1)
			out := c.Send(t.Context(), m)
			CheckOutcome(t, out)
			CheckSilent(t, m, s.Secrets, out, c)
			if out.State != dunning.SendFailed || out.Class != dunning.FailedNow {
				t.Errorf("got %+v, want failed, may be tried again at once", out)
			}
		})
	}
}

func (s HTTP) deadline(t *testing.T) {
	p := s.fake(t, fakeprovider.Options{Faults: func(fakeprovider.Call) fakeprovider.Fault {
		return fakeprovider.Fault{Kind: fakeprovider.TimeoutBefore}
	}})
	cases := map[string]struct {
		ctx   func(context.Context) (context.Context, context.CancelFunc)
		after time.Duration // the adapter's own time-out
		state dunning.SendState
		code  string
	}{
		"the adapter's own time-out ends the call": {func(c context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(c) }, timeout, dunning.SendUnknown, "net:timeout"},
		"the caller's deadline ends the call": {func(c context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(c, timeout)
		}, 0, dunning.SendUnknown, "net:timeout"},
		"the caller's cancellation ends the call": {func(c context.Context) (context.Context, context.CancelFunc) {
			c, cancel := context.WithCancel(c)
			time.AfterFunc(timeout, cancel)
			return c, cancel
		}, 0, dunning.SendUnknown, "net:canceled"},
		"a call that is over before it begins is never written": {func(c context.Context) (context.Context, context.CancelFunc) {
			c, cancel := context.WithCancel(c)
			cancel()
			return c, cancel
		}, 0, dunning.SendFailed, "net:canceled"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each mostly waits
			adapter := s.New(t, p.URL, c.after)
			ctx, cancel := c.ctx(t.Context())
			defer cancel()
			began := time.Now()
			out := adapter.Send(ctx, Message(s.Channel, 1))
			CheckOutcome(t, out)
			if took := time.Since(began); took > 8*time.Second { // an adapter's own is 10 s
				t.Errorf("took %v", took)
			}
			if out.State != c.state || out.Code != c.code {
				t.Errorf("got %+v, want %s %s", out, c.state, c.code)
			}
		})
	}
}

func (s HTTP) statuses(t *testing.T) {
	var mu sync.Mutex
	status := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html>%s and the request: %s</html>", textMarker, r.URL) // a proxy's page, with personal data in it
	}))
	defer srv.Close()
	c, m := s.New(t, srv.URL, 0), Message(s.Channel, 1)
	for code := 200; code < 600; code++ {
		if code == http.StatusSwitchingProtocols {
			continue
		}
		mu.Lock()
		status = code
		mu.Unlock()
		out := c.Send(t.Context(), m)
		CheckOutcome(t, out)
		CheckSilent(t, m, s.Secrets, out)
		if want := stateOf(code); out.State != want || code == 429 != (out.Class == dunning.FailedLater) {
			t.Errorf("status %d gave %+v, want %s", code, out, want)
		}
	}
}

// stateOf is what a status without a body that can be understood comes to.
func stateOf(status int) dunning.SendState {
	if status >= 400 && status < 500 && status != http.StatusRequestTimeout {
		return dunning.SendFailed
	}
	return dunning.SendUnknown
}

func (s HTTP) swapped(t *testing.T) {
	const workers, each = 8, 500
	p := s.fake(t, fakeprovider.Options{Check: sampled(Contract(t), 40)})
	c := s.New(t, p.URL, 30*time.Second)
	ids := make([]string, workers*each)
	Parallel(workers, func(worker int) {
		for i := worker * each; i < (worker+1)*each; i++ {
			out := c.Send(t.Context(), Message(s.Channel, i))
			if out.State != dunning.SendAccepted {
				t.Errorf("message %d: %+v", i, out)
			}
			ids[i] = out.ProviderID
		}
	})
	s.compare(t, p.Log(), ids)
	if d := p.Duplicates(); len(d) > 0 {
		t.Errorf("%d messages were handed over twice", len(d))
	}
}

// sampled checks every n-th request only: a contract check costs more than a
// hundred sends.
func sampled(check func(*http.Request, []byte) error, n int64) func(*http.Request, []byte) error {
	var count atomic.Int64
	return func(r *http.Request, body []byte) error {
		if check == nil || count.Add(1)%n != 0 {
			return nil
		}
		return check(r, body)
	}
}

// compare checks that every message is in the log once, with its own
// recipient, text and attempt, under the id that its sender was told.
func (s HTTP) compare(t *testing.T, log []fakeprovider.Accepted, ids []string) {
	t.Helper()
	if len(log) != len(ids) {
		t.Fatalf("the provider took %d messages, %d were sent", len(log), len(ids))
	}
	byID := map[string]fakeprovider.Accepted{}
	for _, a := range log {
		byID[a.ID] = a
	}
	for i, id := range ids {
		m, a := Message(s.Channel, i), byID[id]
		if a.To != m.To || a.Attempt != m.Attempt || !strings.Contains(a.Text, fmt.Sprintf("#%d#", i)) {
			t.Fatalf("message %d arrived as %s for %s with the text %q", i, a.Attempt, a.To, a.Text)
		}
	}
}

// once drives many messages through faults as the shell does: what failed is
// sent again, what is unknown is looked up and sent again only when it is proven
// not to have arrived.
func (s HTTP) once(t *testing.T) {
	const messages, workers = 400, 16
	p := s.fake(t, fakeprovider.Options{Check: sampled(Contract(t), 40), Faults: fakeprovider.Rate(7, 30, fakeprovider.AllKinds()...)})
	// Generous: a request that a busy machine takes up after its time-out would
	// be a late arrival, which the shell waits for and this loop does not.
	c := s.New(t, p.URL, 4*time.Second)
	open := make([]bool, messages)
	var next atomic.Int64
	Parallel(workers, func(int) {
		for i := int(next.Add(1)) - 1; i < messages; i = int(next.Add(1)) - 1 {
			open[i] = !deliver(t, c, Message(s.Channel, i))
		}
	})
	if d := p.Duplicates(); len(d) > 0 {
		t.Errorf("%d messages arrived twice, the first to be so was accepted as number %d", len(d), d[0].Seq)
	}
	arrived := map[string]bool{}
	for _, a := range p.Log() {
		arrived[a.Attempt] = true
	}
	unresolved := 0
	for i, o := range open {
		if o {
			unresolved++
		}
		if !o && !arrived[Message(s.Channel, i).Attempt] {
			t.Errorf("message %d counts as delivered and never arrived", i)
		}
	}
	if s.Exact && unresolved > 0 || unresolved > messages/3 {
		t.Errorf("%d of %d messages stay unknown", unresolved, messages)
	}
}

// deliver sends until it is settled; false when it stays unknown.
func deliver(t *testing.T, c Channel, m dunning.Message) bool {
	for range 20 {
		out := c.Send(t.Context(), m)
		CheckOutcome(t, out)
		switch {
		case out.State == dunning.SendAccepted:
			return true
		case out.Permanent:
			t.Errorf("a fault that passes was taken for a refusal: %+v", out)
			return false
		case out.State == dunning.SendUnknown:
			if found := c.Lookup(t.Context(), m).Found; found != dunning.EvidenceNotAccepted {
				return found == dunning.EvidenceAccepted
			}
		}
	}
	t.Error("twenty tries in a row failed at 30 %: the faults do not depend on the try")
	return false
}

func (s HTTP) window(t *testing.T) {
	p := s.fake(t, fakeprovider.Options{})
	c, m := s.New(t, p.URL, 0), Message(s.Channel, 1)
	for _, end := range []time.Duration{0, -time.Second, -time.Hour} {
		m.NotAfter = m.At.Add(end)
		out := c.Send(t.Context(), m)
		CheckOutcome(t, out)
		if out.Class != dunning.FailedLater {
			t.Errorf("window over since %v: %+v, want later", -end, out)
		}
	}
	if n := p.Calls(s.Provider); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func (s HTTP) impossible(t *testing.T) {
	p := s.fake(t, fakeprovider.Options{})
	c := s.New(t, p.URL, 0)
	cases := []struct {
		name  string
		spoil func(*dunning.Message)
		want  dunning.FailureClass
	}{
		{"no recipient", func(m *dunning.Message) { m.To = "" }, dunning.FailedRecipient},
		{"two recipients in one", func(m *dunning.Message) { m.To += "," + m.To }, dunning.FailedRecipient},
		{"a recipient with a line break", func(m *dunning.Message) { m.To += "\r\nBcc: all@example.com" }, dunning.FailedRecipient},
		{"nothing to say", func(m *dunning.Message) { m.Text, m.HTML = " \n", "" }, dunning.FailedContent},
		{"another channel's message", func(m *dunning.Message) { m.Channel = dunning.Letter }, dunning.FailedConfig},
		{"no attempt id", func(m *dunning.Message) { m.Attempt = "" }, dunning.FailedConfig},
		{"far too long", func(m *dunning.Message) { m.Text = strings.Repeat("x", 2<<20) }, dunning.FailedContent},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			m := Message(s.Channel, 1)
			tc.spoil(&m)
			out := c.Send(t.Context(), m)
			CheckOutcome(t, out)
			if out.Class != tc.want {
				t.Errorf("got %+v, want class %s", out, tc.want)
			}
		})
	}
	if n := p.Calls(s.Provider); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}
