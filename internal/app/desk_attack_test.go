package app

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// putHold keeps an order to hold both cases, of which nothing is done yet.
func (b *bench) putHold() read.Bulk {
	b.t.Helper()
	bulk := read.Bulk{ID: uuid.NewString(), Action: ops.BulkHold, Params: map[string]string{"until": "2026-03-20"}, By: b.ops.By, At: start}
	_, err := b.store.PutBulk(b.t.Context(), bulk, []string{b.case1, b.case2}, 0, undoFor)
	b.must(err)
	return bulk
}

// TestUndoWhileTheActionRuns: a process has taken two cases when somebody undoes the action.
// Whatever it does with them afterwards, no hold stays of which the action says that it was
// undone.
func TestUndoWhileTheActionRuns(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	bulk := b.putHold()
	claimed, ok, err := b.store.ClaimBulk(ctx, bulk.ID, time.Minute)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	items, err := b.store.BulkNext(ctx, bulk.ID, 10)
	if err != nil || len(items) != 2 {
		t.Fatal(items, err)
	}
	b.must(b.desk.bulkItem(ctx, b.ops, claimed, items[0]))
	if b.holds(b.case1) != 1 {
		t.Fatalf("%d holds of the first case", b.holds(b.case1))
	}
	if _, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID); err != nil {
		t.Fatal(err)
	}
	b.must(b.desk.bulkItem(ctx, b.ops, claimed, items[1])) // it does not know yet
	if got, err := b.store.Bulk(ctx, read.Everything(), bulk.ID); err != nil || b.holds(b.case1)+b.holds(b.case2) != 0 {
		t.Errorf("%d and %d holds are left of an action that is %s: %v, %v", b.holds(b.case1), b.holds(b.case2), got.State, got.Counts, err)
	}
}

// TestUndoInTheMiddleOfACase: the undo comes when a case has begun and its hold is not placed
// yet. The undo goes on when it is.
func TestUndoInTheMiddleOfACase(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	bulk := b.putHold()
	claimed, _, err := b.store.ClaimBulk(ctx, bulk.ID, time.Minute)
	b.must(err)
	items, err := b.store.BulkNext(ctx, bulk.ID, 10)
	b.must(err)
	begun, err := b.store.BeginBulk(ctx, bulk.ID, items[0].Seq, []byte(`{"lift":["`+bulkID(claimed, items[0], "")+`"]}`))
	if err != nil || !begun {
		t.Fatal(begun, err)
	}
	if got, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID); err != nil || got.Counts["dropped"] != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	ref, err := b.store.CaseRef(ctx, b.case1)
	b.must(err)
	orders, _ := bulkOrders(claimed, items[0], b.ops, b.facts(b.case1))
	_, err = b.desk.do(ctx, b.ops, ref, orders[0])
	b.must(err)
	b.must(b.store.SettleBulk(ctx, bulk.ID, items[0].Seq, "done", "", nil))
	b.must(b.desk.bulkAtOnce(ctx, bulk.ID))
	if got, err := b.store.Bulk(ctx, read.Everything(), bulk.ID); err != nil || got.State != "undone" || got.Counts["undone"] != 1 || b.holds(b.case1) != 0 {
		t.Errorf("%+v, %v; %d holds", got, err, b.holds(b.case1))
	}
}

// TestALiftThatBrokeOffCanBeUndone: the process died after it had lifted the hold and before
// it could say so.
func TestALiftThatBrokeOffCanBeUndone(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, err := b.commands().Do(ctx, b.case1, dunning.PlaceHold{ID: "h1", HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Until: start.AddDate(0, 0, 20), Owner: "Rosa"}, "user:x")
	b.must(err)
	bulk := read.Bulk{ID: uuid.NewString(), Action: ops.BulkLift, Params: map[string]string{}, By: b.ops.By, At: start}
	_, err = b.store.PutBulk(ctx, bulk, []string{b.case1}, 0, undoFor)
	b.must(err)
	if _, _, err := b.desk.bulkCase(ctx, b.ops, bulk, read.BulkItem{Seq: 1, Case: b.case1}); err != nil || b.holds(b.case1) != 0 {
		t.Fatal(err, b.holds(b.case1))
	}
	b.must(b.desk.bulkAtOnce(ctx, bulk.ID)) // another process
	if got, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID); err != nil || got.Counts["undone"] != 1 || b.holds(b.case1) != 1 {
		t.Errorf("undone: %+v, %v; %d holds, want the one that was lifted", got, err, b.holds(b.case1))
	}
}

// TestUndoLeavesAHoldThatSomebodyMadeLonger: automation never shortens what a person set.
func TestUndoLeavesAHoldThatSomebodyMadeLonger(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	bulk, err := b.desk.StartBulk(ctx, b.ops, uuid.NewString(), ops.BulkHold, map[string]string{"until": "2026-03-20"}, []string{b.case1, b.case2})
	b.must(err)
	held := b.facts(b.case1).Holds[0]
	_, err = b.commands().Do(ctx, b.case1, dunning.ExtendHold{ID: held.ID, Until: held.End.AddDate(0, 1, 0)}, "user:rosa")
	b.must(err)
	got, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID)
	if err != nil || got.Counts["kept"] != 1 || got.Counts["undone"] != 1 || b.holds(b.case1) != 1 || b.holds(b.case2) != 0 {
		t.Errorf("%+v, %v; %d and %d holds", got, err, b.holds(b.case1), b.holds(b.case2))
	}
}

// TestAnOrderUnderAnothersID is not said to be carried out, and shows nothing of the other.
func TestAnOrderUnderAnothersID(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	note := map[string]string{"text": "Ms Example is in hospital"}
	bulk, err := b.desk.StartBulk(ctx, b.ops, uuid.NewString(), ops.BulkNote, note, []string{b.case1})
	b.must(err)
	for about, who := range map[string]identity.Principal{"another": b.user(identity.Operations, "demo"), "the same": b.ops} {
		if got, err := b.desk.StartBulk(ctx, who, bulk.ID, ops.BulkHold, map[string]string{"until": "2026-03-20"}, []string{b.case2}); status(err) != 409 || got.Words == bulk.Words {
			t.Errorf("%s person's other order under the id: %+v, %v", about, got, err)
		}
	}
	audit, err := b.store.AuditOf(ctx, bulk.ID, 10)
	b.must(err)
	for _, a := range audit {
		if strings.Contains(a.Detail["words"], "hospital") {
			t.Errorf("the audit repeats what a note says: %v", a.Detail)
		}
	}
}

// TestACaseThatCannotBeReadHoldsUpNoOther of a bulk action, and who ordered it is told what
// came of the others.
func TestACaseThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	bulk := b.putHold()
	_, err := b.store.Pool().Exec(ctx, `UPDATE bulk_items SET undo = '"unreadable"' WHERE batch = $1::uuid AND seq = 1`, bulk.ID)
	b.must(err)
	b.desk.beginBulk(ctx, bulk.ID)
	if got, err := b.store.Bulk(ctx, read.Everything(), bulk.ID); err != nil || got.Counts["done"] != 1 || got.Counts["refused"] != 1 || b.holds(b.case2) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestForgedCases of others, or of nobody, are none; and the whole order is refused.
func TestForgedCases(t *testing.T) {
	b := newBench(t)
	for about, c := range map[string]struct {
		who   identity.Principal
		cases []string
		want  int
	}{
		"another creditor's operations":    {b.user(identity.Operations, "demo-de"), []string{b.case1}, 404},
		"a case that is not there":         {b.ops, []string{b.case1, uuid.NewString()}, 404},
		"what is no id":                    {b.ops, []string{b.case1, "'; DROP TABLE cases"}, 404},
		"one may see it and not change it": {b.user(identity.Auditor, "*"), []string{b.case1}, 403},
	} {
		if _, err := b.desk.StartBulk(t.Context(), c.who, uuid.NewString(), ops.BulkHold, map[string]string{"until": "2026-03-20"}, c.cases); status(err) != c.want {
			t.Errorf("%s: %v, want %d", about, err, c.want)
		}
	}
	if b.holds(b.case1) != 0 {
		t.Error("a case is held by an order that was refused")
	}
}

// TestFilesOfAnyName are checked: a name must not stand in the way of a folder of ours, nor
// be longer than a file system has.
func TestFilesOfAnyName(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"rejects", "file", strings.Repeat("請求書", 60) + ".csv", "a/../rejects", strings.Repeat("é", 300)} {
		u, err := b.desk.TakeFile(t.Context(), b.ops, name, "items", "demo", strings.NewReader(itemsFile))
		if err != nil || u.State != "checked" || !u.HasRejects {
			t.Errorf("a file called %.20q…: %s %q, %v", name, u.State, u.Fault, err)
		}
	}
}

// TestAnAssignedEventIsNotProcessedAgain however close together somebody assigns it and
// somebody else has it processed again: it would be booked at two accounts.
func TestAnAssignedEventIsNotProcessedAgain(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	both := 0
	for i := range 150 {
		id := b.payment("race-"+strconv.Itoa(i), "nobody", "", "1.00")
		a := read.Assignment{ID: uuid.NewString(), Event: id, Kind: assignPayment, Creditor: "demo", Debtor: b.one.debtor, Account: b.one.id, By: b.ops.By, At: start}
		var group sync.WaitGroup
		group.Go(func() { _, _ = b.store.ReplayInbox(ctx, postgres.InboxFilter{}, id) })
		group.Go(func() { _ = b.store.BeginAssignment(ctx, a) })
		group.Wait()
		row, err := b.store.InboxEventOf(ctx, id)
		b.must(err)
		if _, err := b.store.AssignmentOf(ctx, id); err == nil && row.State == postgres.InboxPending {
			both++
		}
	}
	if both > 0 {
		t.Errorf("%d events are assigned and processed again", both)
	}
}

// TestWhoMayTakeAnAssignmentBack is asked before anything says that it is being taken back.
func TestWhoMayTakeAnAssignmentBack(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	a, err := b.desk.Assign(ctx, b.ops, read.Assign{Event: b.payment("bank-9", "nobody", "", "10.00"), Account: b.one.id})
	b.must(err)
	program := identity.Principal{By: "key:" + uuid.NewString(), Scopes: []identity.Permission{identity.Operate}, Creditor: identity.AllCreditors}
	if _, err := b.desk.Unassign(ctx, program, a.ID, "wrong one"); status(err) != 403 {
		t.Fatalf("a key without payments: %v", err)
	}
	if got, err := b.store.Assignment(ctx, a.ID); err != nil || got.State != "done" {
		t.Errorf("it is %q after a refusal, %v", got.State, err)
	}
}

// TestAKeyThatIsGivenBackMeanwhile: many requests with one idempotency key, of which each
// that gets it gives it back. None is told that something is not there.
func TestAKeyThatIsGivenBackMeanwhile(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	request := identity.HashToken("POST /x")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				mine, a, err := b.store.BeginAnswer(ctx, "key:k", "same", request, clock.Wall())
				if err != nil || !mine && a.Request != request {
					t.Errorf("%v, %+v, %v", mine, a, err)
					return
				}
				if mine {
					if err := b.store.ForgetAnswer(ctx, "key:k", "same"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
}
