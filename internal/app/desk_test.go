package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/webhooks"
)

func init() {
	maps.Copy(apiOf, map[string][]string{
		"GET /health":                       {"getHealth", "getSystemState", "listViolations"},
		"GET /bulk":                         {"listBulk"},
		"GET /bulk/{id}":                    {"getBulk", "listBulkCases"},
		"POST /cases/bulk/preview":          {"previewBulk", "tryBulk"},
		"GET /dead":                         {"listDeadLetters", "getSystemState"},
		"POST /dead":                        {"takeUpDeadLetter"},
		"GET /cases/{id}/temporal":          {"getCaseRun"},
		"POST /cases/{id}/temporal":         {"tryCaseNow"},
		"GET /inbox/{id}":                   {"getInboxEvent"},
		"POST /inbox/{id}/assign":           {"assignInboxEvent"},
		"POST /inbox/assignments/{id}/undo": {"undoAssignment", "listAssignments"},
		"POST /uploads":                     {"uploadFile", "listMappings"},
		"GET /uploads/{id}":                 {"getUpload", "listUploads"},
		"GET /uploads/{id}/rejects":         {"getUploadRejects"},
		"POST /uploads/{id}/store":          {"storeUpload"},
		"POST /uploads/{id}/give-up":        {"giveUpUpload"},
		"GET /imports/{id}/file":            {"getRejectFile"},
		"GET /releases/{version}":           {"listChanges", "listSequenceVersions"},
	})
}

// bench is a desk over a site with two debtors whose cases are open.
type bench struct {
	*site
	desk         *Desk
	one          account
	two          account
	case1, case2 string
	ops          identity.Principal
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{site: newSite(t)}
	b.one, b.two = b.debtor("C-1", "120.00", date(2).AddDays(-40)), b.debtor("C-2", "75.50", date(2).AddDays(-40))
	if _, err := b.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	b.case1, b.case2 = b.caseOf("C-1"), b.caseOf("C-2")
	b.desk = b.newDesk()
	b.ops = b.user(identity.Operations, identity.AllCreditors)
	return b
}

// newDesk is the desk of a process that waits for what can be done at once, however busy the
// machine is.
func (b *bench) newDesk() *Desk {
	d := NewDesk(b.store, b.book, b.clock, nil)
	d.atOnce = time.Minute
	return d
}

func (b *bench) caseOf(key string) string {
	b.t.Helper()
	ids, err := b.store.FindCases(b.t.Context(), "demo", key)
	if err != nil || len(ids) != 1 {
		b.t.Fatalf("cases of %s: %v, %v", key, ids, err)
	}
	return ids[0]
}

// user is somebody with a role.
func (b *bench) user(role identity.Role, creditor string) identity.Principal {
	b.t.Helper()
	u := identity.User{Name: "u" + strings.ReplaceAll(uuid.NewString(), "-", ""), Created: clock.Wall(), Grants: []identity.Grant{{Creditor: creditor, Role: role}}}
	id, err := b.store.AddUser(b.t.Context(), u)
	b.must(err)
	u.ID = id
	return u.Principal()
}

// event puts one into the inbox, as a webhook that found nobody left it.
func (b *bench) event(source, id, body string, headers map[string]string) int64 {
	b.t.Helper()
	at := b.clock.time()
	rows, err := b.store.Receive(b.t.Context(), postgres.InboxRequest{Source: source, Headers: headers, Body: []byte(body)}, []postgres.InboxEvent{{ID: id, Kind: "payment"}}, at, time.Minute)
	b.must(err)
	b.must(b.store.SettleInbox(b.t.Context(), rows[0].ID, postgres.InboxResult{State: postgres.InboxUnmatched, Outcome: "no_such_account"}))
	return rows[0].ID
}

func (b *bench) payment(id, account, invoice, amount string) int64 {
	b.t.Helper()
	body, err := json.Marshal(map[string]string{"id": id, "creditor": "demo", "account": account, "invoice": invoice, "amount": amount, "currency": "USD"})
	b.must(err)
	return b.event("payments", id, string(body), nil)
}

func (b *bench) facts(caseID string) dunning.Facts {
	b.t.Helper()
	ref, err := b.store.CaseRef(b.t.Context(), caseID)
	b.must(err)
	f, err := b.desk.fold(b.t.Context(), ref)
	b.must(err)
	return f
}

// paid is what stands booked at a case, in cents.
func (b *bench) paid(caseID string) (sum int64) {
	for _, p := range b.facts(caseID).Payments {
		if p.Reversed.IsZero() {
			sum += p.Amount.Minor()
		}
	}
	return sum
}

func status(err error) int {
	if err == nil {
		return 200
	}
	return web.AsError(err).Status
}

func TestAssignAPayment(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	id := b.payment("bank-7", "00C-1", "inv-C-1", "120.00")

	e, err := b.desk.Event(ctx, b.ops, id, "")
	if err != nil || e.Payment == nil || len(e.Suggested) == 0 || e.Suggested[0].Account != b.one.id || len(e.Suggested[0].Reasons) < 2 {
		t.Fatalf("the event says %+v and suggests %+v, %v; want C-1 first, by invoice and amount", e.Payment, e.Suggested, err)
	}
	a, err := b.desk.Assign(ctx, b.ops, read.Assign{Event: id, Account: b.one.id})
	if err != nil || a.State != "done" || b.paid(b.case1) != 12000 {
		t.Fatalf("assigned %+v, %v; %d cents are booked", a, err, b.paid(b.case1))
	}
	if row, err := b.store.InboxEventOf(ctx, id); err != nil || row.State != postgres.InboxDone || row.Outcome != "assigned" || !slices.Contains(row.Debtors, b.one.debtor) {
		t.Errorf("the event is %+v, %v", row, err)
	}
	if _, err := b.desk.Assign(ctx, b.user(identity.Operations, identity.AllCreditors), read.Assign{Event: id, Account: b.two.id}); status(err) != 409 || !strings.Contains(err.Error(), "C-1") || b.paid(b.case2) != 0 {
		t.Errorf("the second operator gets %v, want to be told who was first and to whom", err)
	}
	if n, err := b.store.ReplayInbox(ctx, postgres.InboxFilter{}, id); err != nil || n != 0 {
		t.Errorf("an assigned event is processed again: %d, %v", n, err)
	}

	if _, err := b.desk.Unassign(ctx, b.ops, a.ID, "no"); status(err) != 422 {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := b.desk.Unassign(ctx, b.ops, a.ID, "it was the neighbour's"); err != nil || b.paid(b.case1) != 0 {
		t.Fatalf("taken back: %v; %d cents are booked", err, b.paid(b.case1))
	}
	if _, err := b.desk.Unassign(ctx, b.ops, a.ID, "once more"); status(err) != 409 {
		t.Errorf("taken back twice: %v", err)
	}
	again, err := b.desk.Assign(ctx, b.ops, read.Assign{Event: id, Case: b.case1})
	if err != nil || again.Payment == a.Payment || b.paid(b.case1) != 12000 {
		t.Errorf("assigned again after all: %+v, %v; %d cents are booked", again, err, b.paid(b.case1))
	}
}

func TestTwoOperatorsAssignAtOnce(t *testing.T) {
	b := newBench(t)
	id := b.payment("bank-8", "unknown", "", "75.50")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for i := range 6 {
		who, to := b.ops, b.one.id
		if i%2 == 1 {
			who, to = b.user(identity.Operations, identity.AllCreditors), b.two.id
		}
		wg.Go(func() {
			_, err := b.desk.Assign(context.Background(), who, read.Assign{Event: id, Account: to})
			mu.Lock()
			defer mu.Unlock()
			if got[status(err)]++; status(err) == 500 {
				t.Errorf("an answer that tells nothing: %v", err)
			}
		})
	}
	wg.Wait()
	if sum := b.paid(b.case1) + b.paid(b.case2); sum != 7550 || got[200]+got[409] != 6 || got[200] == 0 {
		t.Errorf("%d cents are booked in all, want 7550 once; answers %v", sum, got)
	}
}

func TestWhoMayAssign(t *testing.T) {
	b := newBench(t)
	id := b.payment("bank-9", "unknown", "", "10.00")
	for _, c := range []struct {
		about string
		who   identity.Principal
		in    read.Assign
		want  int
	}{
		{"a collector does not", b.user(identity.Collector, identity.AllCreditors), read.Assign{Account: b.one.id}, 404},
		{"compliance sees and does not", b.user(identity.Compliance, identity.AllCreditors), read.Assign{Account: b.one.id}, 403},
		{"operations of another creditor see nothing", b.user(identity.Operations, "demo-de"), read.Assign{Account: b.one.id}, 404},
		{"an account must be named", b.ops, read.Assign{}, 422},
		{"one that is there", b.ops, read.Assign{Account: uuid.NewString()}, 404},
		{"and one by its id", b.ops, read.Assign{Account: "C-1"}, 404},
		{"an invoice that is not the account's", b.ops, read.Assign{Account: b.one.id, Item: "inv-C-2"}, 404},
		{"not ours needs words", b.ops, read.Assign{Foreign: true}, 422},
		{"not ours, with words", b.ops, read.Assign{Foreign: true, Reason: "a bank's test"}, 200},
		{"what is not ours is done with", b.ops, read.Assign{Account: b.one.id}, 409},
	} {
		t.Run(c.about, func(t *testing.T) {
			c.in.Event = id
			if _, err := b.desk.Assign(t.Context(), c.who, c.in); status(err) != c.want {
				t.Errorf("%v, want %d", err, c.want)
			}
		})
	}
	if b.paid(b.case1)+b.paid(b.case2) != 0 {
		t.Error("money was booked")
	}
}

func TestAReversalFindsTheAssignedPayment(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	id := b.payment("bank-10", "unknown", "", "30.00")
	if _, err := b.desk.Assign(ctx, b.ops, read.Assign{Event: id, Account: b.two.id}); err != nil {
		t.Fatal(err)
	}
	h := b.desk.hooks
	p := webhooks.Payment{ID: "rev-10", Creditor: "demo", Account: "unknown", Reverses: "bank-10", Reason: "bounced"}
	p.Amount, _ = parseUSD("0")
	if m, err := h.Pay(ctx, p); err != nil || m.Nobody || b.paid(b.case2) != 0 {
		t.Errorf("the reversal comes to %+v, %v; %d cents stand", m, err, b.paid(b.case2))
	}
	p.Creditor = "demo-de"
	if m, err := h.Pay(ctx, p); err != nil || !m.Nobody {
		t.Errorf("another creditor's reversal comes to %+v, %v", m, err)
	}
}

func TestAssignAReply(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	id := b.event("twilio_inbound", "SM77", "From=%2B12125559999&To=%2B12125550111&Body=Please+stop.+Invoice+inv-C-2&MessageSid=SM77", map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
	e, err := b.desk.Event(ctx, b.ops, id, "")
	if err != nil || e.Reply == nil || e.Reply.From != "+12125559999" || len(e.Suggested) == 0 || e.Suggested[0].Account != b.two.id {
		t.Fatalf("the event says %+v and suggests %+v, %v", e.Reply, e.Suggested, err)
	}
	a, err := b.desk.Assign(ctx, b.ops, read.Assign{Event: id, Account: b.two.id})
	if err != nil {
		t.Fatal(err)
	}
	refuses := func() bool { f := b.facts(b.case2); return len(f.OptOuts) > 0 }
	if !refuses() {
		t.Error("what the message forbids is not committed")
	}
	if _, err := b.desk.Unassign(ctx, b.ops, a.ID, "another person's"); err != nil || !refuses() {
		t.Errorf("taken back: %v; the refusal must stay, for to be silent is safe", err)
	}
	if row, err := b.store.InboxEventOf(ctx, id); err != nil || row.State != postgres.InboxUnmatched {
		t.Errorf("the event is %+v, %v; want it to wait again", row, err)
	}
}

// --- bulk actions --------------------------------------------------------------------

func (b *bench) holds(caseID string) (n int) {
	now := b.clock.time()
	for _, h := range b.facts(caseID).Holds {
		if !h.From.After(now) && (h.End.IsZero() || h.End.After(now)) {
			n++
		}
	}
	return n
}

func TestBulkHoldAndUndoOutliveTheProcess(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	id := uuid.NewString()
	until := map[string]string{"until": "2026-03-20"}
	bulk, err := b.desk.StartBulk(ctx, b.ops, id, ops.BulkHold, until, []string{b.case1, b.case2})
	if err != nil || bulk.State != "done" || bulk.Counts["done"] != 2 || b.holds(b.case1) != 1 || b.holds(b.case2) != 1 {
		t.Fatalf("%+v, %v", bulk, err)
	}
	if again, err := b.desk.StartBulk(ctx, b.ops, id, ops.BulkHold, until, []string{b.case1, b.case2}); err != nil || again.Total() != 2 || b.holds(b.case1) != 1 {
		t.Errorf("the same order again: %+v, %v; %d holds", again, err, b.holds(b.case1))
	}
	ends := b.facts(b.case1).Holds[0].End.In(time.FixedZone("New York in March", -4*3600))
	if ends.Hour() != 0 || ends.Day() != 20 {
		t.Errorf("the hold ends at %s there, want the start of the day", ends)
	}
	later := b.newDesk() // another process
	who := b.user(identity.Operations, identity.AllCreditors)
	undone, err := later.UndoBulk(ctx, who, id)
	if err != nil || undone.State != "undone" || undone.Counts["undone"] != 2 || undone.UndoneBy != who.By || b.holds(b.case1)+b.holds(b.case2) != 0 {
		t.Fatalf("undone: %+v, %v", undone, err)
	}
	if _, err := later.UndoBulk(ctx, b.ops, id); status(err) != 409 || !strings.Contains(err.Error(), "already") {
		t.Errorf("undone twice: %v", err)
	}
}

func TestBulkActions(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		about, action string
		params        map[string]string
		role          identity.Role
		want          int
		done          string // state of both items
		undo          bool
	}{
		{"a note", ops.BulkNote, map[string]string{"text": "asked for papers"}, identity.Operations, 200, "done", false},
		{"a dispute", ops.BulkDispute, nil, identity.Operations, 200, "done", true},
		{"no holds to lift", ops.BulkLift, nil, identity.Operations, 200, "same", true},
		{"a hold beyond the role's limit is refused case by case", ops.BulkHold, map[string]string{"until": "2026-12-31"}, identity.Operations, 200, "refused", true},
		{"a hold into the past", ops.BulkHold, map[string]string{"until": "2026-03-01"}, identity.Operations, 422, "", false},
		{"a hold that law asks for is no bulk action", ops.BulkHold, map[string]string{"until": "2026-03-20", "kind": "bankruptcy"}, identity.Operations, 422, "", false},
		{"an empty note", ops.BulkNote, nil, identity.Operations, 422, "", false},
		{"an unknown action", "explode", nil, identity.Operations, 422, "", false},
		{"messages are not for operations alone", ops.BulkMessage, map[string]string{"channel": "sms", "template": "nudge"}, identity.Operations, 403, "", false},
		{"a collector does no bulk action", ops.BulkNote, map[string]string{"text": "x"}, identity.Collector, 403, "", false},
		{"an auditor changes nothing", ops.BulkNote, map[string]string{"text": "x"}, identity.Auditor, 403, "", false},
	} {
		t.Run(c.about, func(t *testing.T) {
			bulk, err := b.desk.StartBulk(t.Context(), b.user(c.role, identity.AllCreditors), uuid.NewString(), c.action, c.params, []string{b.case1, b.case2})
			if status(err) != c.want {
				t.Fatalf("%v, want %d", err, c.want)
			}
			if err != nil {
				return
			}
			if bulk.Counts[c.done] != 2 || bulk.CanUndo() != c.undo {
				t.Errorf("%+v", bulk)
			}
			items, err := b.store.BulkItems(t.Context(), read.Everything(), bulk.ID, "", 0, 10)
			if err != nil || len(items) != 2 || items[0].Account != "C-1" || items[1].Account != "C-2" || (c.done == "refused") != (items[0].Reason != "") {
				t.Errorf("items %+v, %v", items, err)
			}
		})
	}
}

func TestBulkLiftIsUndoneByTheSameHold(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	until := start.AddDate(0, 0, 20)
	_, err := b.commands().Do(ctx, b.case1, dunning.PlaceHold{ID: "h1", HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount, Until: until, Owner: "Rosa"}, "user:x")
	b.must(err)
	bulk, err := b.desk.StartBulk(ctx, b.ops, uuid.NewString(), ops.BulkLift, map[string]string{"kind": "hardship"}, []string{b.case1, b.case2})
	if err != nil || bulk.Counts["done"] != 1 || bulk.Counts["same"] != 1 || b.holds(b.case1) != 0 {
		t.Fatalf("%+v, %v", bulk, err)
	}
	if _, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID); err != nil || b.holds(b.case1) != 1 {
		t.Fatalf("undone: %v, %d holds", err, b.holds(b.case1))
	}
	holds := b.facts(b.case1).Holds
	if h := holds[len(holds)-1]; !h.End.Equal(until) || h.HoldKind != dunning.HoldHardship || h.Owner != "Rosa" {
		t.Errorf("it comes back as %+v", h)
	}
}

func TestBulkGoesOnAfterACrash(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	bulk := read.Bulk{ID: uuid.NewString(), Action: ops.BulkNote, Params: map[string]string{"text": "after the crash"}, By: b.ops.By, At: start}
	added, err := b.store.PutBulk(ctx, bulk, []string{b.case1, b.case2}, 0, 0)
	if err != nil || !added {
		t.Fatal(added, err)
	}
	// The process that took it died after one case, before it could say so.
	if _, ok, err := b.store.ClaimBulk(ctx, bulk.ID, time.Millisecond); err != nil || !ok {
		t.Fatal(ok, err)
	}
	_, _, err = b.desk.bulkCase(ctx, b.ops, bulk, read.BulkItem{Seq: 1, Case: b.case1})
	b.must(err)
	run, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); b.desk.runBulk(run, 5*time.Millisecond) }()
	until(t, "the order is carried out", func() bool {
		got, err := b.store.Bulk(ctx, read.Everything(), bulk.ID)
		b.must(err)
		return got.State == "done" && got.Counts["done"] == 2
	})
	stop()
	<-done
	for _, id := range []string{b.case1, b.case2} {
		log, err := b.store.FactsAsOf(ctx, b.facts(id).Debtor, 1<<62)
		b.must(err)
		if n := len(slices.DeleteFunc(log, func(f dunning.Fact) bool {
			n, ok := f.Body.(dunning.NoteWritten)
			return !ok || n.Text != "after the crash"
		})); n != 1 {
			t.Errorf("case %s has the note %d times", id, n)
		}
	}
}

func TestBulkOfSomebodyShutOutStops(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	bulk := read.Bulk{ID: uuid.NewString(), Action: ops.BulkNote, Params: map[string]string{"text": "x"}, By: b.ops.By, At: start}
	_, err := b.store.PutBulk(ctx, bulk, []string{b.case1}, 0, 0)
	b.must(err)
	b.must(b.store.Disable(ctx, strings.TrimPrefix(b.ops.By, "user:"), clock.Wall()))
	_, err = b.desk.bulkOnce(ctx, bulk.ID, 0)
	b.must(err)
	if got, err := b.store.Bulk(ctx, read.Everything(), bulk.ID); err != nil || got.Counts["refused"] != 1 || got.State != "done" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBulkMessagesWaitForTheUndo(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	u := identity.User{Name: "both", Created: clock.Wall(), Grants: []identity.Grant{{Creditor: "*", Role: identity.Operations}, {Creditor: "*", Role: identity.Supervisor}}}
	id, err := b.store.AddUser(ctx, u)
	b.must(err)
	u.ID = id
	params := map[string]string{"channel": "sms", "template": "nudge"}
	tried, err := b.desk.TryBulk(ctx, u.Principal(), ops.BulkMessage, params, []string{b.case1})
	if err != nil || len(tried) != 1 || tried[0].Refused == "" && tried[0].Segments == 0 {
		t.Fatalf("tried: %+v, %v; want segments, or a reason", tried, err)
	}
	bulk, err := b.desk.StartBulk(ctx, u.Principal(), uuid.NewString(), ops.BulkMessage, params, []string{b.case1})
	if err != nil || bulk.Counts["waiting"] != 1 || bulk.Starts.Sub(bulk.Made) < 9*time.Minute {
		t.Fatalf("%+v, %v; want it to wait until it cannot be undone any more", bulk, err)
	}
	if undone, err := b.desk.UndoBulk(ctx, u.Principal(), bulk.ID); err != nil || undone.Counts["dropped"] != 1 || undone.State != "undone" {
		t.Errorf("undone: %+v, %v", undone, err)
	}
}

// --- dead letters ----------------------------------------------------------------------

func TestDeadLetters(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, err := b.store.Pool().Exec(ctx, "UPDATE cases SET next_at = $2 WHERE id = $1::uuid", b.case1, start.Add(-time.Hour))
	b.must(err)
	failed := b.event("payments", "bad", "{}", nil)
	b.must(b.store.SettleInbox(ctx, failed, postgres.InboxResult{State: postgres.InboxFailed, ErrorCode: "invalid"}))
	list, err := b.desk.DeadLetters(ctx, b.ops, nil, read.Page{})
	if err != nil || len(list.Rows) != 2 {
		t.Fatalf("%+v, %v; want a stuck case and a failed event", list.Rows, err)
	}
	if counts, err := b.desk.DeadCounts(ctx, b.ops); err != nil || counts[read.DeadStuck] != 1 || counts[read.DeadInbox] != 1 {
		t.Errorf("counts %v, %v", counts, err)
	}
	if foreign, err := b.desk.DeadLetters(ctx, b.user(identity.Operations, "demo-de"), nil, read.Page{}); err != nil || len(foreign.Rows) != 0 {
		t.Errorf("another creditor's operations see %+v, %v", foreign.Rows, err)
	}
	nudges := func() int64 {
		h, err := b.store.HealthNumbers(ctx, read.Everything(), start)
		b.must(err)
		return h.Outbox
	}
	nudged, err := b.store.Undelivered(ctx, 100)
	b.must(err)
	b.must(b.store.Delivered(ctx, nudged))
	before := nudges()
	for _, c := range []struct {
		about                 string
		who                   identity.Principal
		kind, subject, action string
		reason                string
		want                  int
	}{
		{"an auditor does not", b.user(identity.Auditor, "*"), read.DeadStuck, b.case1, ops.DeadRetry, "", 409},
		{"compliance does not", b.user(identity.Compliance, "*"), read.DeadStuck, b.case1, ops.DeadRetry, "", 409},
		{"another creditor's operations do not", b.user(identity.Operations, "demo-de"), read.DeadStuck, b.case1, ops.DeadRetry, "", 409},
		{"a stuck case looks again", b.ops, read.DeadStuck, b.case1, ops.DeadRetry, "", 200},
		{"twice is once more a look", b.ops, read.DeadStuck, b.case1, ops.DeadRetry, "", 200},
		{"skipping needs words", b.ops, read.DeadStuck, b.case1, ops.DeadSkip, "", 422},
		{"skipped", b.ops, read.DeadStuck, b.case1, ops.DeadSkip, "the customer is dealt with by phone", 200},
		{"what was skipped is no dead letter any more", b.ops, read.DeadStuck, b.case1, ops.DeadSkip, "again", 409},
		{"an event is processed again", b.ops, read.DeadInbox, fmt.Sprint(failed), ops.DeadRetry, "", 200},
		{"and then it is none any more", b.ops, read.DeadInbox, fmt.Sprint(failed), ops.DeadRetry, "", 409},
		{"a message's verdict does not fit an event", b.ops, read.DeadStuck, b.case2, ops.DeadLeft, "sure", 409},
		{"there is no such kind", b.ops, "ghost", b.case1, ops.DeadRetry, "", 409},
		{"a workflow is started again", b.ops, read.DeadWorkflow, b.case2, ops.DeadRetry, "", 200},
		{"of a case that is there", b.ops, read.DeadWorkflow, uuid.NewString(), ops.DeadRetry, "", 404},
	} {
		t.Run(c.about, func(t *testing.T) {
			if err := b.desk.TakeUp(ctx, c.who, c.kind, c.subject, c.action, c.reason); status(err) != c.want {
				t.Errorf("%v, want %d", err, c.want)
			}
		})
	}
	if after := nudges(); after <= before {
		t.Errorf("%d nudges wait, before %d: nobody was woken", after, before)
	}
	if row, err := b.store.InboxEventOf(ctx, failed); err != nil || row.State != postgres.InboxPending {
		t.Errorf("the event is %+v, %v", row, err)
	}
}

// --- uploads -----------------------------------------------------------------------------

const itemsFile = "account,name,kind,email,country,state,zip,invoice,issued,due,amount,currency\n" +
	"U-1,Berta Beispiel,consumer,u1@example.invalid,US,NY,10001,up-1,2026-01-01,2026-01-31,50.00,USD\n" +
	"U-2,Carl Case,consumer,u2@example.invalid,US,NY,10001,up-2,2026-01-01,soon,60.00,USD\n" +
	"U-3,Dora Due,consumer,u3@example.invalid,US,NY,10001,up-3,2026-01-01,2026-01-31,many,USD\n"

func TestUploadIsCheckedThenTakenIn(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	u, err := b.desk.TakeFile(ctx, b.ops, `..\..\etc/items 2026.csv`, "items", "demo", strings.NewReader(itemsFile))
	if err != nil || u.State != "checked" || u.Name != "items 2026.csv" || !u.HasRejects {
		t.Fatalf("%+v, %v", u, err)
	}
	var sum struct{ Rows, Valid, Rejected int }
	if err := json.Unmarshal(u.Summary, &sum); err != nil || sum.Rows != 3 || sum.Valid != 1 || sum.Rejected != 2 {
		t.Fatalf("summary %s, %v", u.Summary, err)
	}
	if found, err := b.store.AccountsByKey(ctx, "demo", "U-1"); err != nil || len(found) != 0 {
		t.Fatalf("a check stored %v, %v", found, err)
	}
	if _, body, err := b.store.UploadRejects(ctx, read.Everything(), u.ID); err != nil || !strings.Contains(string(body), "U-2,Carl Case") || !strings.HasPrefix(string(body), "account,name") {
		t.Errorf("the reject file of the check: %q, %v", body, err)
	}
	stored, err := b.desk.StoreFile(ctx, b.ops, u.ID)
	if err != nil || stored.State != "stored" || stored.Run == "" {
		t.Fatalf("%+v, %v", stored, err)
	}
	if found, err := b.store.AccountsByKey(ctx, "demo", "U-1"); err != nil || len(found) != 1 {
		t.Errorf("accounts of U-1: %v, %v", found, err)
	}
	rejects, err := b.store.ImportRejects(ctx, read.Everything(), stored.Run, read.Page{})
	if err != nil || len(rejects.Rows) != 2 || rejects.Rows[0].Row != 3 || rejects.Rows[0].Column != "due" || rejects.Rows[1].Column != "amount" || rejects.Rows[0].Reason == "" {
		t.Errorf("rejected rows %+v, %v; want row, column and reason", rejects.Rows, err)
	}
	name, body, err := b.store.RejectFile(ctx, read.Only("demo"), stored.Run)
	if err != nil || !strings.Contains(string(body), "U-3,Dora Due") || name != "items 2026.csv.rejects.csv" {
		t.Errorf("the reject file: %q, %q, %v", name, body, err)
	}
	if _, _, err := b.store.RejectFile(ctx, read.Only("demo-de"), stored.Run); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("another creditor's operations get the reject file: %v", err)
	}
	if _, err := b.desk.StoreFile(ctx, b.ops, u.ID); status(err) != 409 {
		t.Errorf("taken in twice: %v", err)
	}
	mended, err := b.desk.TakeFile(ctx, b.ops, "mended.csv", "items", "demo", strings.NewReader(strings.NewReplacer("soon", "2026-01-31", "many", "70.00").Replace(itemsFile)))
	if err != nil || mended.HasRejects {
		t.Fatalf("%+v, %v", mended, err)
	}
	again, err := b.desk.StoreFile(ctx, b.ops, mended.ID)
	var done struct{ Added, Known int }
	if err != nil || json.Unmarshal(again.Summary, &done) != nil || done.Added != 2 || done.Known != 1 {
		t.Errorf("the mended file: %s, %v; want two new rows and one known", again.Summary, err)
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		about, mapping, creditor, body string
		who                            identity.Principal
		want                           int
		state                          string
	}{
		{"an empty file", "items", "demo", "", b.ops, 422, ""},
		{"no such mapping", "../items", "demo", itemsFile, b.ops, 422, ""},
		{"no such creditor", "items", "nobody", itemsFile, b.ops, 422, ""},
		{"a collector imports nothing", "items", "demo", itemsFile, b.user(identity.Collector, "*"), 403, ""},
		{"operations of another creditor", "items", "demo", itemsFile, b.user(identity.Operations, "demo-de"), 403, ""},
		{"a file without its columns is told, and nothing stored", "items", "demo", "a,b\n1,2\n", b.ops, 200, "failed"},
		{"an unreadable one", "items", "demo", "\x00\x01\x02\xff\xfe", b.ops, 200, "failed"},
		{"UTF-16 with a byte order mark is read", "items", "demo", utf16(itemsFile), b.ops, 200, "checked"},
		{"too large a file", "items", "demo", itemsFile + strings.Repeat("x", ops.MostUpload), b.ops, 413, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			u, err := b.desk.TakeFile(t.Context(), c.who, "f.csv", c.mapping, c.creditor, strings.NewReader(c.body))
			if status(err) != c.want || err == nil && (u.State != c.state || (c.state == "failed") != (u.Fault != "")) {
				t.Errorf("%+v, %v; want %d %s", u, err, c.want, c.state)
			}
		})
	}
}

func TestPlainName(t *testing.T) {
	for in, want := range map[string]string{
		"items.csv": "items.csv", "../../etc/passwd": "passwd", `C:\temp\a b.csv`: "a b.csv", "": "upload.csv", "...": "upload.csv", "/": "upload.csv",
		"<script>.csv": "_script_.csv", "a\x00b\n.csv": "a_b_.csv", ".htaccess": "htaccess", "Zahlungen März.csv": "Zahlungen März.csv",
	} {
		if got := plainName(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if n := len([]rune(plainName(strings.Repeat("ü", 500) + ".csv"))); n > 120 {
		t.Errorf("a name of %d characters", n)
	}
}

func TestFreshPayment(t *testing.T) {
	gone := func(id string) dunning.PaymentState {
		return dunning.PaymentState{Payment: dunning.Payment{ID: id}, Reversed: start}
	}
	there := func(id string) dunning.PaymentState { return dunning.PaymentState{Payment: dunning.Payment{ID: id}} }
	for _, c := range []struct {
		about           string
		payments        []dunning.PaymentState
		fresh, standing string
	}{
		{"never booked", nil, "p", ""},
		{"booked: the same id, so that it counts once", []dunning.PaymentState{there("p")}, "p", "p"},
		{"taken back: the next id", []dunning.PaymentState{gone("p")}, "p/again/1", ""},
		{"taken back and booked again", []dunning.PaymentState{gone("p"), there("p/again/1")}, "p/again/1", "p/again/1"},
		{"taken back twice", []dunning.PaymentState{gone("p"), gone("p/again/1")}, "p/again/2", ""},
	} {
		f := dunning.Facts{}
		f.Payments = c.payments
		if got := freshPayment(f, "p"); got != c.fresh {
			t.Errorf("%s: fresh %q, want %q", c.about, got, c.fresh)
		}
		if got := standingPayment(f, "p"); got != c.standing {
			t.Errorf("%s: standing %q, want %q", c.about, got, c.standing)
		}
	}
}

func parseUSD(text string) (money.Amount, error) { return money.Parse(text, "USD") }

// utf16 is a text in UTF-16, little endian, with its mark.
func utf16(text string) string {
	var out strings.Builder
	out.WriteString("\xff\xfe")
	for _, r := range text {
		out.WriteByte(byte(r))
		out.WriteByte(byte(r >> 8))
	}
	return out.String()
}
