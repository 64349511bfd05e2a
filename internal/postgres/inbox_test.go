package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

func eventIDs(ids ...string) []postgres.InboxEvent {
	out := make([]postgres.InboxEvent, len(ids))
	for i, id := range ids {
		out[i] = postgres.InboxEvent{ID: id, Kind: "k", Part: i}
	}
	return out
}

// TestInbox: an event is kept once, with the request that brought it first, and goes its
// way from pending to an end.
func TestInbox(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	at := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	body := []byte("a\x00\xff=1")
	req := postgres.InboxRequest{Source: "s", Query: "a=1", Headers: map[string]string{"H": "v\x00"}, Body: body}
	first, err := s.Receive(ctx, req, eventIDs("b", "a"), at, time.Hour)
	must(err)
	if len(first) != 2 || first[0].Event != "b" || first[1].Event != "a" || first[0].State != postgres.InboxPending || !first[0].At.Equal(at) {
		t.Fatalf("received %+v", first)
	}
	again, err := s.Receive(ctx, postgres.InboxRequest{Source: "s", Body: []byte("other")}, eventIDs("a", "c"), at, 0)
	must(err)
	if again[0].ID != first[1].ID || again[0].Request != first[1].Request || again[1].Request == again[0].Request {
		t.Errorf("again %+v", again)
	}
	elsewhere, err := s.Receive(ctx, postgres.InboxRequest{Source: "s2"}, eventIDs("a"), at, time.Hour)
	must(err)
	if elsewhere[0].ID == first[1].ID {
		t.Error("the same id of another source is another event")
	}
	got, err := s.InboxRequestOf(ctx, first[0].Request)
	must(err)
	if !bytes.Equal(got.Body, body) || got.Query != "a=1" || got.Headers["H"] != "v\ufffd" {
		t.Errorf("request %+v", got)
	}

	claimed, err := s.ClaimInbox(ctx, 10, time.Hour)
	must(err)
	if len(claimed) != 1 || claimed[0].Event != "c" {
		t.Errorf("claimed %+v: only what is due and nobody has", claimed)
	}
	if more, err := s.ClaimInbox(ctx, 10, time.Hour); err != nil || len(more) != 0 {
		t.Errorf("claimed twice: %+v, %v", more, err)
	}
	must(s.SettleInbox(ctx, claimed[0].ID, postgres.InboxResult{State: postgres.InboxPending, ErrorCode: "technical"}))
	if more, err := s.ClaimInbox(ctx, 10, time.Hour); err != nil || len(more) != 1 || more[0].Attempts != 1 {
		t.Errorf("not given out again: %+v, %v", more, err)
	}
	must(s.SettleInbox(ctx, first[0].ID, postgres.InboxResult{State: postgres.InboxDone, Outcome: "x", Contact: "c1", Debtors: []string{"11111111-1111-5111-8111-111111111111"}}))
	must(s.SettleInbox(ctx, first[0].ID, postgres.InboxResult{State: postgres.InboxFailed}))
	row, err := s.InboxEventOf(ctx, first[0].ID)
	must(err)
	if row.State != postgres.InboxDone || row.Outcome != "x" || row.Contact != "c1" || len(row.Debtors) != 1 || row.Processed.IsZero() {
		t.Errorf("what is done stays done: %+v", row)
	}
	must(s.SettleInbox(ctx, first[1].ID, postgres.InboxResult{State: postgres.InboxUnmatched}))
	backlog, err := s.InboxBacklog(ctx)
	must(err)
	if backlog.Pending != 2 || backlog.People != 1 || backlog.Oldest.IsZero() {
		t.Errorf("backlog %+v", backlog)
	}
	list, err := s.Inbox(ctx, postgres.InboxFilter{Source: "s", Limit: 2})
	must(err)
	if len(list) != 2 || list[0].Event != "c" {
		t.Errorf("list %+v, want the newest first", list)
	}
	rest, err := s.Inbox(ctx, postgres.InboxFilter{Source: "s", Before: list[1].ID})
	must(err)
	if len(rest) != 1 {
		t.Errorf("next page %+v", rest)
	}
	if n, err := s.ReplayInbox(ctx, postgres.InboxFilter{State: postgres.InboxUnmatched}); n != 1 || err != nil {
		t.Errorf("replayed %d, %v", n, err)
	}
	if n, err := s.ReplayInbox(ctx, postgres.InboxFilter{}, first[0].ID); n != 1 || err != nil {
		t.Errorf("replayed %d of one, %v", n, err)
	}
	if _, err := s.ReplayInbox(ctx, postgres.InboxFilter{}); err == nil {
		t.Error("everything was replayed by accident")
	}
	for _, r := range []int64{first[0].ID, first[1].ID} {
		must(s.SettleInbox(ctx, r, postgres.InboxResult{State: postgres.InboxDone}))
	}
	if n, err := s.ForgetInbox(ctx, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)); n != 1 || err != nil {
		t.Errorf("wiped %d, %v; want the one request whose events are done", n, err)
	}
	if got, err := s.InboxRequestOf(ctx, first[0].Request); err != nil || len(got.Body) > 0 {
		t.Errorf("not wiped: %+v, %v", got, err)
	}
	if _, err := s.InboxEventOf(ctx, 1<<40); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("an event that is not there: %v", err)
	}
}

// TestInboxRace: the same request many times at once is one request.
func TestInboxRace(t *testing.T) {
	s := pgtest.New(t)
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	for i := range 24 {
		group.Go(func() {
			ids := []string{"a", "b", "c"}
			if i%2 == 1 {
				slices.Reverse(ids)
			}
			rows, err := s.Receive(t.Context(), postgres.InboxRequest{Source: "s", Body: []byte("x")}, eventIDs(ids...), time.Now(), time.Hour)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, r := range rows {
				seen[r.ID] = true
			}
		})
	}
	group.Wait()
	if len(seen) != 3 {
		t.Errorf("%d events, want 3", len(seen))
	}
	var requests int
	if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM inbox_requests").Scan(&requests); err != nil || requests > 3 {
		t.Errorf("%d requests kept, %v", requests, err)
	}
}

// turned seals by turning bytes, under a key that may be changed.
type turned struct{ key string }

func (c *turned) Seal(name string, plain []byte) (string, []byte, error) {
	return c.key, turn(c.key+name, plain), nil
}

func (c *turned) Open(keyID, name string, sealed []byte) ([]byte, error) {
	return turn(keyID+name, sealed), nil
}

func (c *turned) Newest() string { return c.key }

func turn(key string, b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ key[i%len(key)]
	}
	return out
}

// TestInboxIsSealed: with a data key no body lies in the database in clear, and it follows
// when keys are rotated.
func TestInboxIsSealed(t *testing.T) {
	s := pgtest.New(t)
	keys := &turned{key: "k1"}
	s.UseCipher(keys)
	body := []byte("From=%2B12125550100&Body=leave+me+alone")
	rows, err := s.Receive(t.Context(), postgres.InboxRequest{Source: "s", Body: body}, eventIDs("a"), time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	check := func(wantKey string) {
		t.Helper()
		var raw []byte
		var key string
		if err := s.Pool().QueryRow(t.Context(), "SELECT body, key_id FROM inbox_requests").Scan(&raw, &key); err != nil {
			t.Fatal(err)
		}
		if key != wantKey || bytes.Contains(raw, []byte("leave")) {
			t.Errorf("under key %q lies %q", key, raw)
		}
		got, err := s.InboxRequestOf(t.Context(), rows[0].Request)
		if err != nil || !bytes.Equal(got.Body, body) {
			t.Errorf("opened %q, %v", got.Body, err)
		}
	}
	check("k1")
	keys.key = "k2"
	if n, err := s.Reseal(t.Context()); err != nil || n != 1 {
		t.Errorf("sealed anew %d, %v", n, err)
	}
	check("k2")
	s.UseCipher(nil)
	if _, err := s.InboxRequestOf(t.Context(), rows[0].Request); !errors.Is(err, postgres.ErrNoCipher) {
		t.Errorf("without a key: %v", err)
	}
}

// TestDeliveriesOnlyGoUp: in whatever order statuses come, the furthest one stays.
func TestDeliveriesOnlyGoUp(t *testing.T) {
	b := newBundle(t)
	id := b.reserved().ID
	if c, ok, err := b.ContactByAttempt(t.Context(), dunning.AttemptID(id)); err != nil || !ok || c.ID != id {
		t.Errorf("by its attempt: %+v, %v, %v", c, ok, err)
	}
	for _, none := range []string{dunning.AttemptID("other"), "no-uuid", ""} {
		if _, ok, err := b.ContactByAttempt(t.Context(), none); ok || err != nil {
			t.Errorf("by %q: %v, %v", none, ok, err)
		}
	}
	for i, rank := range []int{20, 10, 40, 30, 40} {
		kept, err := b.NoteDelivery(t.Context(), postgres.Delivery{Contact: id, Status: fmt.Sprint("s", rank), Rank: rank, At: time.Now(), ProviderID: map[int]string{0: "P"}[i]})
		if want := i == 0 || i == 2; err != nil || kept != want {
			t.Errorf("rank %d kept: %v, %v", rank, kept, err)
		}
	}
	d, ok, err := b.DeliveryOf(t.Context(), id)
	if err != nil || !ok || d.Rank != 40 || d.ProviderID != "P" {
		t.Errorf("delivery %+v, %v, %v", d, ok, err)
	}
}
