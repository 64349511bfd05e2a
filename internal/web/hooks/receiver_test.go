package hooks

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/internal/identity"
)

// memory is a store of deliveries that are all due at once.
type memory struct {
	mu    sync.Mutex
	due   []Attempt
	ended map[int64]ending
}

type ending struct {
	delivered, next time.Time
	status          int
	problem         string
}

func (*memory) Hooks(context.Context) ([]identity.Hook, error) { return nil, nil }
func (*memory) Spread(context.Context, int, time.Time, func(Happened) ([]Told, error)) (int, error) {
	return 0, nil
}
func (*memory) DropOldEvents(context.Context, time.Time) error { return nil }

func (m *memory) Claim(_ context.Context, most int, _, _ time.Time, waiting []string) (out []Attempt, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due = slices.DeleteFunc(m.due, func(a Attempt) bool {
		taken := len(out) < most && !slices.Contains(waiting, a.Hook)
		if taken {
			out = append(out, a)
		}
		return taken
	})
	return out, nil
}

func (m *memory) EndDelivery(_ context.Context, id int64, delivered, next time.Time, status int, problem string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended[id] = ending{delivered, next, status, problem}
	return nil
}

// receiver is another system, over real HTTP, that behaves as the path asks.
type receiver struct {
	mu   sync.Mutex
	seen []string
	stop chan struct{}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	r.mu.Lock()
	r.seen = append(r.seen, req.URL.Path)
	r.mu.Unlock()
	switch req.URL.Path {
	case "/fails":
		w.WriteHeader(http.StatusInternalServerError)
	case "/gone":
		w.WriteHeader(http.StatusGone)
	case "/redirects":
		http.Redirect(w, req, "/trap", http.StatusTemporaryRedirect)
	case "/silent": // takes the request and never answers
		select {
		case <-req.Context().Done():
		case <-r.stop:
		}
	case "/drips": // answers, and never ends the answer
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-req.Context().Done():
		case <-r.stop:
		}
	case "/hangs up":
		panic(http.ErrAbortHandler)
	case "/talks":
		_, _ = w.Write([]byte(strings.Repeat("x", 1<<20)))
	}
}

// allowed is how long an address has to answer: nothing comes from the silent one however
// long that is, one that drips takes all of it, and no other comes near the end of it.
func allowed(url string) time.Duration {
	switch {
	case strings.HasSuffix(url, "/silent"):
		return 300 * time.Millisecond
	case strings.HasSuffix(url, "/drips"):
		return 10 * time.Second
	}
	return time.Minute
}

// TestReceivers: whatever the other side does, a try ends in time, is tried again or given
// up as documented, and keeps no other address waiting.
func TestReceivers(t *testing.T) {
	r := &receiver{stop: make(chan struct{})}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(r.stop) })
	now := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	again := now.Add(waits[0])
	for name, c := range map[string]struct {
		url       string
		tries     int
		delivered bool
		next      time.Time
		status    int
		says      string
	}{
		"an answer of 200 is an end":                           {srv.URL + "/fine", 1, true, time.Time{}, 200, ""},
		"an answer of a megabyte, too":                         {srv.URL + "/talks", 1, true, time.Time{}, 200, ""},
		"a failure is tried again":                             {srv.URL + "/fails", 1, false, again, 500, "answered 500"},
		"later each time":                                      {srv.URL + "/fails", 4, false, now.Add(waits[3]), 500, "answered 500"},
		"after the last time it is given up":                   {srv.URL + "/fails", len(waits) + 1, false, time.Time{}, 500, "answered 500"},
		"410 ends it at once":                                  {srv.URL + "/gone", 1, false, time.Time{}, 410, "answered 410"},
		"a redirect is not followed":                           {srv.URL + "/redirects", 1, false, again, 307, "answered 307"},
		"who does not answer has had their time":               {srv.URL + "/silent", 1, false, again, 0, "no answer in time"},
		"who does not end the answer has said that it is fine": {srv.URL + "/drips", 1, true, time.Time{}, 200, ""},
		"who hangs up is tried again":                          {srv.URL + "/hangs up", 1, false, again, 0, "connection failed"},
		"nobody listens":                                       {"http://127.0.0.1:1/x", 1, false, again, 0, "nobody listens"},
		"the metadata service of a cloud is never called":      {"http://169.254.169.254/latest/meta-data", 1, false, again, 0, "private network"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{ended: map[int64]ending{}, due: []Attempt{{ID: 1, Tries: c.tries, URL: c.url, Secret: "whsec_test", Body: []byte("{}")}}}
			s := &Sender{Store: m, Wall: func() time.Time { return now }, Private: true, Timeout: allowed(c.url)}
			if err := s.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, ok := m.ended[1]
			if !ok || got.delivered.IsZero() == c.delivered || !got.next.Equal(c.next) || got.status != c.status || !strings.Contains(got.problem, c.says) {
				t.Errorf("%+v, want %+v", got, c)
			}
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.seen, "/trap") {
		t.Error("a redirect was followed")
	}
}

// TestSilentAddressesHoldUpNobody: seven that do not answer still have their time when the
// eighth has been told.
func TestSilentAddressesHoldUpNobody(t *testing.T) {
	r := &receiver{stop: make(chan struct{})}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	m := &memory{ended: map[int64]ending{}}
	for i := range int64(8) {
		path := "/silent"
		if i == 7 {
			path = "/fine"
		}
		m.due = append(m.due, Attempt{ID: i, Tries: 1, URL: srv.URL + path, Secret: "whsec_test"})
	}
	now := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	s := &Sender{Store: m, Wall: func() time.Time { return now }, Private: true, Timeout: 5 * time.Minute}
	done := make(chan error, 1)
	go func() { done <- s.Once(context.Background()) }()
	told := func() map[int64]ending {
		m.mu.Lock()
		defer m.mu.Unlock()
		return maps.Clone(m.ended)
	}
	for end := time.Now().Add(time.Minute); len(told()) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := told(); len(got) != 1 || got[7].delivered.IsZero() {
		t.Errorf("the eighth waits for the silent ones: %+v", got)
	}
	close(r.stop) // now they answer
	if err := <-done; err != nil || len(told()) != 8 {
		t.Errorf("%v, %d of 8 tries ended", err, len(told()))
	}
}

// TestASilentAddressKeepsItsQueueToItself: a webhook whose address does not answer and for
// which hundreds wait does not stand before the others with each of them.
func TestASilentAddressKeepsItsQueueToItself(t *testing.T) {
	r := &receiver{stop: make(chan struct{})}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(r.stop) })
	m := &memory{ended: map[int64]ending{}}
	for i := range int64(300) {
		m.due = append(m.due, Attempt{ID: i, Hook: "silent", Tries: 1, URL: srv.URL + "/silent", Secret: "whsec_test"})
	}
	for i := range int64(20) {
		m.due = append(m.due, Attempt{ID: 1000 + i, Hook: "fine", Tries: 1, URL: srv.URL + "/fine", Secret: "whsec_test"})
	}
	now := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	s := &Sender{Store: m, Wall: func() time.Time { return now }, Private: true, Timeout: 8 * time.Second} // the other has it, too
	if err := s.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(m.ended); n != 30 || m.ended[1019].delivered.IsZero() {
		t.Errorf("%d tries, want 10 of the silent one and all 20 of the other", n)
	}
	now, s.Timeout = now.Add(waits[0]), 300*time.Millisecond // only the silent one is left
	if err := s.Once(t.Context()); err != nil || len(m.ended) != 40 {
		t.Errorf("later it is tried again: %d tries, %v", len(m.ended), err)
	}
}

// TestWhileASecretChangesBothSign: the other side may check with either.
func TestWhileASecretChangesBothSign(t *testing.T) {
	now := time.Unix(1767225600, 0)
	a := Attempt{Secret: "whsec_new", Old: []identity.OldSecret{{Secret: "whsec_old", Until: now.Add(90 * time.Minute)}, {Secret: "whsec_older", Until: now.Add(time.Hour)}}, Body: []byte("{}")}
	v1 := func(secret string, at time.Time) string {
		_, sum, _ := strings.Cut(Sign(secret, at, a.Body), ",")
		return "," + sum
	}
	if got, want := a.sign(now), Sign("whsec_new", now, a.Body)+v1("whsec_old", now)+v1("whsec_older", now); got != want {
		t.Errorf("%q, want %q: after two changes within a day all three sign", got, want)
	}
	hour := now.Add(time.Hour)
	if got, want := a.sign(hour), Sign("whsec_new", hour, a.Body)+v1("whsec_old", hour); got != want {
		t.Errorf("%q, want %q: each old one signs until its own end", got, want)
	}
	if got := a.sign(now.Add(2 * time.Hour)); got != Sign("whsec_new", now.Add(2*time.Hour), a.Body) {
		t.Errorf("after that only the new one signs: %q", got)
	}
}

// TestEveryEventIsExplained: each type has words and an example that is one.
func TestEveryEventIsExplained(t *testing.T) {
	for _, kind := range identity.EventKinds {
		if When(kind) == "" || Example(kind).Type != kind {
			t.Errorf("%s has no words or no example", kind)
		}
	}
	if len(when) != len(identity.EventKinds) {
		t.Errorf("%d explained, %d there", len(when), len(identity.EventKinds))
	}
}
