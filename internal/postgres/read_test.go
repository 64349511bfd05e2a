package postgres_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// --- projections --------------------------------------------------------------

// everyday adds random facts of all kinds that standings and work follow from.
func everyday(l *life) []dunning.Fact {
	l.n++
	at := noon.Add(time.Duration(l.n) * time.Hour)
	of := func(by string, b dunning.Body) dunning.Fact {
		f := l.caseFact(b)
		f.At, f.By = at, by
		return f
	}
	id, user := fmt.Sprint("x", l.n), fmt.Sprint("user:u", l.r.IntN(3))
	last := fmt.Sprint("x", max(l.n-1-l.r.IntN(6), 1))
	switch l.r.IntN(16) {
	case 0:
		return []dunning.Fact{of("import", item(id)), of("import", dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"Europe/Berlin"}})}
	case 1:
		return []dunning.Fact{of("import", dunning.Payment{ID: id, Amount: money.MustParse("75.00", "USD")})}
	case 2:
		return []dunning.Fact{of("import", dunning.PaymentReversed{Payment: last})}
	case 3:
		return []dunning.Fact{of(user, dunning.PromiseMade{ID: id, Amount: money.MustParse("10.00", "USD"), Due: dunning.DateOf(at)})}
	case 4:
		return []dunning.Fact{of("system", dunning.PromiseEnded{ID: last, Outcome: []string{"kept", "broken", "partly"}[l.r.IntN(3)]})}
	case 5:
		return []dunning.Fact{of(user, dunning.LeaseTaken{ID: id, Owner: user, Until: at.Add(time.Hour)})}
	case 6:
		return []dunning.Fact{of("system", dunning.LeaseEnded{ID: last, Outcome: "expired"})}
	case 7:
		return []dunning.Fact{of("debtor", dunning.ContactLogged{ID: id, Direction: "inbound", Channel: dunning.Email, Outcome: "received"})}
	case 8:
		return []dunning.Fact{of(user, dunning.NoteWritten{ID: id, Text: "called\x00back"})}
	case 9:
		return []dunning.Fact{of("system", dunning.TaskOpened{ID: id, Task: dunning.TaskCall, Queue: "early", Until: at.Add(time.Hour)})}
	case 10:
		return []dunning.Fact{of(user, dunning.TaskEnded{ID: last, Outcome: "done"})}
	case 11:
		return []dunning.Fact{of(user, dunning.HoldPlaced{ID: id, HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Contact: true, Owner: user})}
	case 12:
		return []dunning.Fact{of(user, dunning.HoldLifted{ID: last})}
	case 13:
		return []dunning.Fact{of(user, dunning.ItemCorrected{Item: last, Amount: money.MustParse("1.00", "USD")})}
	case 14:
		return []dunning.Fact{of("system", dunning.CaseClosed{Reason: "paid"}), of("system", dunning.CaseOpened{Reopened: true})}
	default:
		return []dunning.Fact{of("system", dunning.StepPassed{Step: "nudge", Items: []string{last}})}
	}
}

// TestListsAreAFoldOfTheLog lives random lives and finds after each transaction that what
// lists show is what a fold of the log says; then loses all of it and makes it anew.
func TestListsAreAFoldOfTheLog(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	for seed := range uint64(4) {
		b := bundleOf(t, s, fmt.Sprint("D-", seed))
		b.open()
		l := &life{bundle: b, r: rand.New(rand.NewPCG(seed, 1)), contacts: map[string]dunning.ContactState{}}
		for range 50 {
			facts := everyday(l)
			// Some transactions have read the log before, as commands do, and some have not, as
			// imports do.
			b.must(b.in(func(tx *postgres.Tx) error {
				if l.r.IntN(2) == 0 {
					if _, _, err := tx.Facts(ctx, b.debtor); err != nil {
						return err
					}
				}
				_, _, err := tx.Append(ctx, b.debtor, facts)
				return err
			}))
			if drift, err := s.CheckReads(ctx, 10); err != nil || len(drift) > 0 {
				t.Fatalf("seed %d: after %s at %d: %v %v", seed, facts[0].Body.Kind(), l.n, drift, err)
			}
		}
	}
	before := dump(t, s)
	for _, table := range []string{"work", "account_standings"} {
		if _, err := s.Pool().Exec(ctx, "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Pool().Exec(ctx, "UPDATE cases SET open_minor = 0, oldest_due = NULL, queue = 'x', owner = 'x'"); err != nil {
		t.Fatal(err)
	}
	if missing, err := s.ReadsMissing(ctx); err != nil || !missing {
		t.Errorf("lists that were lost are missed: %v, %v", missing, err)
	}
	if drift, err := s.CheckReads(ctx, 3); err != nil || len(drift) != 3 {
		t.Errorf("lists that were lost are found, at most as many as asked for: %v, %v", drift, err)
	}
	if n, err := s.RebuildReads(ctx); err != nil || n != 4 {
		t.Errorf("%d debtors rebuilt, %v", n, err)
	}
	if missing, err := s.ReadsMissing(ctx); err != nil || missing {
		t.Errorf("nothing is missed after a rebuild: %v, %v", missing, err)
	}
	if after := dump(t, s); !slices.Equal(before, after) {
		t.Error("a rebuild makes other rows than the facts did")
	}
}

// TestWaitsFollowTheDecision checks what a case is said to wait for, also after a rebuild.
func TestWaitsFollowTheDecision(t *testing.T) {
	b := newBundle(t).open()
	waits := func() read.Wait {
		page, err := b.ListCases(t.Context(), read.Everything(), read.CaseFilter{Status: read.StatusAny}, read.Page{})
		if err != nil || len(page.Rows) != 1 {
			t.Fatalf("%d cases, %v", len(page.Rows), err)
		}
		return page.Rows[0].Waits
	}
	if got := waits(); got != read.WaitWorker {
		t.Errorf("a case that was just opened waits for %q", got)
	}
	d := b.decision("d1", "", 1, noon.Add(time.Hour))
	d.Decision.Deferred, d.Decision.Rule, d.Decision.NotBefore = true, "hours", noon.Add(time.Hour)
	b.must(b.decide(d))
	if got := waits(); got != read.WaitWindow {
		t.Errorf("a deferred case waits for %q", got)
	}
	if _, err := b.Pool().Exec(t.Context(), "UPDATE cases SET waits_for = ''"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.RebuildReads(t.Context()); err != nil || waits() != read.WaitWindow {
		t.Errorf("after a rebuild it waits for %q, %v", waits(), err)
	}
	b.mustAdd(b.caseFact(dunning.CaseClosed{Reason: "paid"}))
	if got := waits(); got != "" {
		t.Errorf("a closed case waits for %q", got)
	}
}

// --- lists against an oracle ------------------------------------------------------

// smallBig is a portfolio whose rows are known.
func smallBig(t *testing.T) (*postgres.Store, *big, []bigPerson) {
	t.Helper()
	s, b := bigStore(t, 400, 4)
	all := make([]bigPerson, len(b.people))
	for i, k := range b.people {
		all[i] = b.person(k, true)
	}
	return s, b, all
}

// caseFits is what a filter of cases means, said once more.
func caseFits(p *bigPerson, scope read.Scope, f read.CaseFilter) bool {
	has := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	status := map[bool]string{true: "open", false: "closed"}[p.open]
	age := -1 << 30
	if !p.standing.Oldest.IsZero() {
		age = read.DaysBetween(p.standing.Oldest, f.Today)
	}
	next := infinitely
	if p.next != nil {
		next = *p.next
	}
	waits := make([]string, len(f.Waits))
	for i, w := range f.Waits {
		waits[i] = string(w)
	}
	task := strings.HasPrefix(string(p.waits), "task:") && slices.Contains(waits, "task")
	return scope.Allows(p.creditor) && has(f.Creditors, p.creditor) && has(f.IDs, p.kase) &&
		(f.Status == read.StatusAny || status == cmp.Or(f.Status, "open")) &&
		has(f.Sequences, p.sequence) && has(f.Steps, p.step) && (task || has(waits, string(p.waits))) &&
		(len(f.Queues) == 0 || p.queue != "" && has(f.Queues, p.queue)) && (f.Owner == "" || f.Owner == p.owner) &&
		(f.MinOpen == nil || p.standing.Open >= f.MinOpen.Minor()) && (f.MaxOpen == nil || p.standing.Open <= f.MaxOpen.Minor()) &&
		(f.MinDays == nil || age >= *f.MinDays) && (f.MaxDays == nil || age > -1<<30 && age <= *f.MaxDays || age == -1<<30) &&
		(f.NextBefore.IsZero() || next.Before(f.NextBefore)) &&
		(f.OpenedFrom.IsZero() || !p.opened.Before(f.OpenedFrom)) && (f.OpenedUntil.IsZero() || p.opened.Before(f.OpenedUntil))
}

var infinitely = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// caseBefore is what an order of cases means, said once more.
func caseBefore(sort read.CaseSort) func(a, b *bigPerson) int {
	next := func(p *bigPerson) time.Time {
		if p.next == nil || !p.open {
			return infinitely
		}
		return *p.next
	}
	oldest := func(p *bigPerson) string { return cmp.Or(p.standing.Oldest.String(), "infinity") }
	return func(a, b *bigPerson) int {
		switch sort {
		case read.ByAge:
			return cmp.Or(cmp.Compare(oldest(a), oldest(b)), cmp.Compare(a.kase, b.kase))
		case read.ByAmount:
			return -cmp.Or(cmp.Compare(a.standing.Open, b.standing.Open), cmp.Compare(a.kase, b.kase))
		case read.ByOpened:
			return -cmp.Or(a.opened.Compare(b.opened), cmp.Compare(a.kase, b.kase))
		}
		return cmp.Or(next(a).Compare(next(b)), cmp.Compare(a.kase, b.kase))
	}
}

func randomFilter(r *rand.Rand) read.CaseFilter {
	f := read.CaseFilter{Today: dunning.DateOf(bigNow), Sort: pick(r, read.CaseSorts())}
	maybe := func(set func()) {
		if r.IntN(5) == 0 {
			set()
		}
	}
	maybe(func() { f.Status = pick(r, []string{read.StatusClosed, read.StatusAny}) })
	maybe(func() { f.Creditors = []string{"c01", "c03"} })
	maybe(func() { f.Sequences = []string{pick(r, bigSequences)} })
	maybe(func() { f.Steps = []string{pick(r, bigSteps), pick(r, bigSteps)} })
	maybe(func() { f.Waits = []read.Wait{pick(r, bigWaits).w, pick(r, []read.Wait{"task", read.WaitPlan})} })
	maybe(func() { f.Queues = []string{"early", "late"} })
	maybe(func() { f.Owner = pick(r, bigUsers) })
	maybe(func() { f.MinOpen = pointer(money.MustParse("500.00", "USD")) })
	maybe(func() { f.MaxOpen = pointer(money.MustParse("9000.00", "USD")) })
	maybe(func() { f.MinDays = pointer(r.IntN(100)) })
	maybe(func() { f.MaxDays = pointer(100 + r.IntN(100)) })
	maybe(func() { f.NextBefore = bigNow.AddDate(0, 0, r.IntN(20)) })
	maybe(func() { f.OpenedFrom = bigNow.AddDate(0, 0, -r.IntN(200)) })
	maybe(func() { f.OpenedUntil = bigNow.AddDate(0, 0, -r.IntN(100)) })
	return f
}

// TestChosenCasesAreReadByKey: of whatever order and however many others there are.
func TestChosenCasesAreReadByKey(t *testing.T) {
	s, _, all := smallBig(t)
	ctx := t.Context()
	if _, err := s.Pool().Exec(ctx, "ANALYZE cases"); err != nil {
		t.Fatal(err)
	}
	for _, sort := range read.CaseSorts() {
		f := read.CaseFilter{Status: read.StatusAny, IDs: []string{all[7].kase, all[99].kase}, Sort: sort}
		list, err := s.ListCases(ctx, read.Everything(), f, read.Page{Limit: read.MaxLimit})
		if err != nil || len(list.Rows) != 2 || list.Next != "" {
			t.Errorf("by %s: %d rows, %v", sort, len(list.Rows), err)
		}
	}
}

// walk reads a whole list in pages of n.
func walk[T any](t *testing.T, n int, fetch func(read.Page) (read.List[T], error)) (out []T) {
	t.Helper()
	page := read.Page{Limit: n}
	for {
		list, err := fetch(page)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Rows) > n {
			t.Fatalf("a page of at most %d has %d rows", n, len(list.Rows))
		}
		out = append(out, list.Rows...)
		if page.After = list.Next; page.After == "" {
			return out
		}
	}
}

func TestListsFilterSortAndPage(t *testing.T) {
	s, b, all := smallBig(t)
	ctx := t.Context()
	t.Run("cases", func(t *testing.T) {
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, 9))
			f, scope := randomFilter(r), b.scope(r)
			if r.IntN(4) == 0 { // chosen by key; one of them is none
				for range 1 + r.IntN(40) {
					f.IDs = append(f.IDs, all[r.IntN(len(all))].kase)
				}
				f.IDs = append(f.IDs, "'; DROP TABLE cases")
			}
			var want []*bigPerson
			for i := range all {
				if caseFits(&all[i], scope, f) {
					want = append(want, &all[i])
				}
			}
			slices.SortFunc(want, caseBefore(f.Sort))
			got := walk(t, 1+r.IntN(30), func(p read.Page) (read.List[read.CaseRow], error) { return s.ListCases(ctx, scope, f, p) })
			if !slices.EqualFunc(got, want, func(r read.CaseRow, p *bigPerson) bool { return r.Case == p.kase }) {
				t.Errorf("seed %d: filter %+v in scope %+v finds %d cases, not %d, or in another order", seed, f, scope, len(got), len(want))
			}
			count, err := s.CountCases(ctx, scope, f)
			if err != nil || !count.Exact || count.N != int64(len(want)) {
				t.Errorf("seed %d: counted %+v, not %d, %v", seed, count, len(want), err)
			}
		}
	})
	t.Run("work", func(t *testing.T) { workIsComplete(t, s, b, all) })
	t.Run("messages", func(t *testing.T) { messagesAreComplete(t, s, b, all) })
}

func workIsComplete(t *testing.T, s *postgres.Store, b *big, all []bigPerson) {
	ctx := t.Context()
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 10))
		f, scope := read.WorkFilter{}, b.scope(r)
		if r.IntN(2) == 0 {
			f.Owner = pick(r, bigUsers)
		}
		f.Mine = r.IntN(3) == 0
		if r.IntN(2) == 0 {
			f.Queues = []string{"early", "operations"}
		}
		if r.IntN(4) == 0 {
			f.Kinds = []string{"task:call", read.WorkReply}
		}
		type entry struct {
			rank    time.Time
			account string
		}
		var want []entry
		for i := range all {
			p := &all[i]
			for _, w := range p.work {
				owner := f.Owner == "" && (!f.Mine || w.Owner == "") || f.Owner != "" && (w.Owner == f.Owner || w.Owner == "" && !f.Mine)
				if scope.Allows(p.creditor) && owner && (len(f.Queues) == 0 || slices.Contains(f.Queues, w.Queue)) &&
					(len(f.Kinds) == 0 || slices.Contains(f.Kinds, w.Kind)) {
					want = append(want, entry{w.At, p.account})
				}
			}
		}
		slices.SortFunc(want, func(a, b entry) int { return cmp.Or(a.rank.Compare(b.rank), cmp.Compare(a.account, b.account)) })
		got := walk(t, 7, func(p read.Page) (read.List[read.WorkRow], error) { return s.Worklist(ctx, scope, f, bigNow, p) })
		if !slices.EqualFunc(got, want, func(r read.WorkRow, e entry) bool { return r.Account == e.account && r.At.Equal(e.rank) }) {
			t.Errorf("seed %d: %+v finds %d, not %d, or in another order", seed, f, len(got), len(want))
		}
		for _, row := range got {
			if row.Name == "" || row.Buckets.Total.Minor() != row.Standing.Open || len(row.Parts) == 0 || row.NextStep == "" {
				t.Fatalf("a row that says too little: %+v", row)
			}
		}
	}
}

func messagesAreComplete(t *testing.T, s *postgres.Store, b *big, all []bigPerson) {
	ctx := t.Context()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 11))
		scope := b.scope(r)
		f := read.MessageFilter{States: [][]dunning.ContactState{nil, {"failed"}, {"failed", "bounced"}, {"accepted"}}[r.IntN(4)]}
		if r.IntN(2) == 0 {
			f.Channels = []dunning.Channel{dunning.Letter}
		}
		if r.IntN(2) == 0 {
			f.From, f.Until = bigNow.AddDate(0, 0, -90), bigNow.AddDate(0, 0, -30)
		}
		want := 0
		for i := range all {
			for _, m := range all[i].messages {
				if scope.Allows(all[i].creditor) && (f.States == nil || slices.Contains(f.States, dunning.ContactState(m.state))) &&
					(f.Channels == nil || m.channel == "letter") && (f.From.IsZero() || !m.at.Before(f.From) && m.at.Before(f.Until)) {
					want++
				}
			}
		}
		got := walk(t, 200, func(p read.Page) (read.List[read.MessageRow], error) { return s.Messages(ctx, scope, f, p) })
		sorted := slices.IsSortedFunc(got, func(a, b read.MessageRow) int {
			return -cmp.Or(a.Reserved.Compare(b.Reserved), cmp.Compare(a.ID, b.ID))
		})
		if len(got) != want || !sorted {
			t.Errorf("seed %d: %+v finds %d, not %d; sorted: %v", seed, f, len(got), want, sorted)
		}
		count, err := s.CountMessages(ctx, scope, f)
		if err != nil || count.Exact && count.N != int64(want) || !count.Exact && want <= 1000 {
			t.Errorf("seed %d: counted %+v of %d, %v", seed, count, want, err)
		}
	}
}

func TestListsRefuseWhatTheyDoNotKnow(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	bad := read.Page{After: read.Cursor{Order: "cases/next", Values: []string{"'; DROP TABLE cases --", "x"}}.Encode()}
	if _, err := s.ListCases(ctx, read.Everything(), read.CaseFilter{}, bad); !errors.Is(err, read.ErrBadCursor) {
		t.Errorf("a cursor with nonsense: %v", err)
	}
	if _, err := s.Worklist(ctx, read.Everything(), read.WorkFilter{}, noon, bad); !errors.Is(err, read.ErrBadCursor) {
		t.Errorf("a cursor of another list: %v", err)
	}
	if _, err := s.ListCases(ctx, read.Everything(), read.CaseFilter{Sort: "name"}, read.Page{}); err == nil {
		t.Error("an order that does not exist is refused")
	}
	if _, err := s.CasePage(ctx, read.Everything(), "1 OR true", noon); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("an id that is none finds nothing: %v", err)
	}
	for _, text := range []string{"", "   ", "'", "%", "_", "\x00", "a' OR 'x'='x", strings.Repeat("x", 10000), "\u202e", "𝕬", "0", "-", "++"} {
		if hits, err := s.Search(ctx, read.Everything(), text, 10); err != nil || len(hits) > 0 {
			t.Errorf("searching %.20q: %d hits, %v", text, len(hits), err)
		}
	}
}

// --- whose data -------------------------------------------------------------------

// TestNobodySeesAnotherCreditorsData asks every question of the Reader for everything of
// a creditor in the scope of another and in the zero scope, and looks for anything of the
// first in the answers.
func TestNobodySeesAnotherCreditorsData(t *testing.T) {
	b := newBundle(t)
	c := b.reserved()
	ctx := t.Context()
	call := b.caseFact(dunning.ContactLogged{ID: "l1", Direction: "outbound", Channel: dunning.Call, Outcome: "conversation"})
	call.By = "user:u1"
	b.mustAdd(b.caseFact(dunning.TaskOpened{ID: "t1", Task: dunning.TaskCall, Queue: "early"}), b.caseFact(dunning.OptedOut{Channel: dunning.SMS}),
		call)
	_, err := b.BeginImport(ctx, postgres.ImportRun{ID: "run1", Kind: "items", Creditor: creditor, At: noon})
	b.must(err)
	b.must(b.Audit(ctx, postgres.Audited{
		At: noon, By: "user:u1", Action: "case.view", Subject: b.ref.Case, Detail: map[string]string{"creditor": creditor},
	}))
	_, err = b.Pool().Exec(ctx, `WITH r AS (INSERT INTO inbox_requests (source, body) VALUES ('x', 'x') RETURNING id)
		INSERT INTO inbox (source, event_id, request_id, at, state, processed_at, debtors)
		SELECT 'x', 'e1', id, now(), 'unmatched', now(), ARRAY[$1::uuid] FROM r`, b.debtor)
	b.must(err)
	b.must(b.PutCreditors(ctx, "other"))
	questions := readerQuestions(b, c.ID)
	for _, scope := range []struct {
		why   string
		s     read.Scope
		finds bool
	}{
		{"their own scope", read.Only(creditor), true},
		{"everything", read.Everything(), true},
		{"another creditor", read.Only("other"), false},
		{"no scope", read.Scope{}, false},
	} {
		for name, ask := range questions {
			answer, err := ask(scope.s)
			if err != nil && !errors.Is(err, postgres.ErrNotFound) {
				t.Errorf("%s in %s: %v", name, scope.why, err)
			}
			text, _ := json.Marshal(answer)
			found := err == nil && slices.ContainsFunc([]string{b.debtor, `"` + creditor + `"`, b.ref.Case, `"n":1`, `"calls":1`, `"row":1`, `"work":1`},
				func(trace string) bool { return strings.Contains(string(text), trace) })
			if found != scope.finds {
				t.Errorf("%s in %s: found %v, %v\n%s", name, scope.why, found, err, text)
			}
		}
	}
}

// readerQuestions are all methods of read.Reader that take a scope, asked for what a
// bundle has. A method that is missing here fails.
func readerQuestions(b *bundle, contact string) map[string]func(read.Scope) (any, error) {
	ctx := context.Background()
	_, err := b.Pool().Exec(ctx, "INSERT INTO import_rejects (run_id, row, reason) VALUES ('run1', 1, 'x')")
	b.must(err)
	out := map[string]func(read.Scope) (any, error){
		"Worklist": func(s read.Scope) (any, error) { return b.Worklist(ctx, s, read.WorkFilter{}, noon, read.Page{}) },
		"Queues":   func(s read.Scope) (any, error) { return b.Queues(ctx, s, noon) },
		"ListCases": func(s read.Scope) (any, error) {
			return b.ListCases(ctx, s, read.CaseFilter{Creditors: []string{creditor}}, read.Page{})
		},
		"CountCases": func(s read.Scope) (any, error) {
			return b.CountCases(ctx, s, read.CaseFilter{Creditors: []string{creditor}})
		},
		"Search":   func(s read.Scope) (any, error) { return b.Search(ctx, s, "Ada", 5) },
		"CasePage": func(s read.Scope) (any, error) { return b.CasePage(ctx, s, b.ref.Case, noon) },
		"CaseTimeline": func(s read.Scope) (any, error) {
			return b.CaseTimeline(ctx, s, b.ref.Case, read.TimelineFilter{}, read.Page{})
		},
		"CaseDecisions": func(s read.Scope) (any, error) { return b.CaseDecisions(ctx, s, b.ref.Case, read.Page{}) },
		"CaseDecision":  func(s read.Scope) (any, error) { return b.CaseDecision(ctx, s, "d1") },
		"ListDecisions": func(s read.Scope) (any, error) { return b.ListDecisions(ctx, s, read.DecisionFilter{}, read.Page{}) },
		"Messages": func(s read.Scope) (any, error) {
			return b.Messages(ctx, s, read.MessageFilter{Case: b.ref.Case}, read.Page{})
		},
		"CountMessages": func(s read.Scope) (any, error) { return b.CountMessages(ctx, s, read.MessageFilter{}) },
		"Message":       func(s read.Scope) (any, error) { return b.Message(ctx, s, contact) },
		"Frequency":     func(s read.Scope) (any, error) { return b.Frequency(ctx, s, b.debtor, noon, 7) },
		"Frequent":      func(s read.Scope) (any, error) { return b.Frequent(ctx, s, noon, 7, 5) },
		"Consents":      func(s read.Scope) (any, error) { return b.Consents(ctx, s, read.ConsentFilter{}, read.Page{}) },
		"AuditLog": func(s read.Scope) (any, error) {
			return b.AuditLog(ctx, s, read.AuditFilter{Action: "case."}, read.Page{})
		},
		"Imports":       func(s read.Scope) (any, error) { return b.Imports(ctx, s, read.Page{}) },
		"ImportRejects": func(s read.Scope) (any, error) { return b.ImportRejects(ctx, s, "run1", read.Page{}) },
		"StepCounts":    func(s read.Scope) (any, error) { return b.StepCounts(ctx, s, "") },
		"HealthNumbers": func(s read.Scope) (any, error) { return b.HealthNumbers(ctx, s, noon) },
		"Unassigned":    func(s read.Scope) (any, error) { return b.Unassigned(ctx, s, read.Page{}) },
		"Numbers":       func(s read.Scope) (any, error) { return b.Numbers(ctx, s, "user:u1", noon, noon.Add(time.Hour)) },
	}
	reader := reflect.TypeFor[read.Reader]()
	for i := range reader.NumMethod() {
		m := reader.Method(i)
		if _, ok := out[m.Name]; !ok && m.Type.NumIn() > 1 && m.Type.In(1) == reflect.TypeFor[read.Scope]() {
			b.t.Errorf("nothing asks %s", m.Name)
		}
	}
	return out
}

// --- search -----------------------------------------------------------------------

func TestSearch(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	person := func(key, name, email, phone, invoice string) *bundle {
		b := bundleOf(t, s, key)
		_, err := s.PutDebtor(ctx, postgres.Profile{Creditor: creditor, Key: key, Name: name})
		b.must(err)
		b.must(s.PutPoints(ctx, b.debtor, postgres.Point{ID: "e", Channel: dunning.Email, Value: email},
			postgres.Point{ID: "p", Channel: dunning.SMS, Value: phone}))
		it := item(invoice)
		it.Number = "RE-" + invoice
		b.open()
		b.mustAdd(b.fact(it))
		return b
	}
	jurgen := person("C-1001", "Jürgen Müller-Łuczak", "j.mueller@example.invalid", "+4915112345678", "2026/00042")
	olga := person("0200769623", "Ольга Ёлкина", "Olga@Example.invalid", "+12125550123", "INV 7")
	anna := person("C-1002", "Anna Maria Smith", "anna@example.invalid", "+12125550199", "77")
	for _, c := range []struct {
		why, text, kind string
		want            *bundle
	}{
		{"a customer number", "C-1001", "customer", jurgen},
		{"in small letters and without signs", "c1001", "customer", jurgen},
		{"leading zeros that a spreadsheet ate", "200769623", "customer", olga},
		{"the same with zeros", "0200769623", "customer", olga},
		{"an invoice's key", "2026/00042", "invoice", jurgen},
		{"the number that is printed on it", "re-2026/00042", "invoice", jurgen},
		{"its beginning", "RE-2026/000", "invoice", jurgen},
		{"a first name without its dots", "jurgen", "name", jurgen},
		{"a name as it is written", "JÜRGEN", "name", jurgen},
		{"the second half of a double name", "luczak", "name", jurgen},
		{"the beginnings of two names in any order", "mul jur", "name", jurgen},
		{"another alphabet, in capitals", "ЁЛКИНА", "name", olga},
		{"three names", "smith anna mar", "name", anna},
		{"the first and the last of three", "anna smith", "name", anna},
		{"the last two of three, the wrong way round", "smith maria", "name", anna},
		{"an email address", "olga@example.invalid", "email", olga},
		{"its beginning", "j.muel", "email", jurgen},
		{"a phone number", "+49 151 1234 5678", "phone", jurgen},
		{"as it is dialled at home", "0151/12345678", "phone", jurgen},
		{"its end", "2125550123", "phone", olga},
		{"a case", jurgen.ref.Case[:8], "case", jurgen},
		{"a whole case id", jurgen.ref.Case, "case", jurgen},
	} {
		hits, err := s.Search(ctx, read.Only(creditor), c.text, 10)
		if err != nil || len(hits) == 0 || hits[0].Debtor != c.want.debtor || hits[0].Kind != c.kind || hits[0].Case != c.want.ref.Case {
			t.Errorf("%s (%q) should find %s by %s: %+v, %v", c.why, c.text, c.want.debtor, c.kind, hits, err)
			continue
		}
		if hits[0].Name == "" || hits[0].Open.String() != "120.50 USD" {
			t.Errorf("%s: a hit says who and how much: %+v", c.why, hits[0])
		}
	}
	for _, text := range []string{"anna jürgen", "annamaria", "xyz", "C-9", "5551234"} {
		if hits, err := s.Search(ctx, read.Only(creditor), text, 10); err != nil || len(hits) > 0 {
			t.Errorf("%q finds nobody: %+v, %v", text, hits, err)
		}
	}
	searchForgets(t, s, jurgen)
}

// searchForgets erases somebody: nothing personal finds them any more.
func searchForgets(t *testing.T, s *postgres.Store, b *bundle) {
	t.Helper()
	ctx := t.Context()
	rebuild := func() {
		if _, err := s.Pool().Exec(ctx, "SELECT duly_search_rebuild()"); err != nil {
			t.Fatal(err)
		}
	}
	terms := func() string {
		var text string
		err := s.Pool().QueryRow(ctx, "SELECT coalesce(string_agg(kind || ' ' || term, ', ' ORDER BY kind, term), '') FROM search_terms WHERE debtor_id = $1",
			b.debtor).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := terms()
	if rebuild(); terms() != before {
		t.Errorf("made anew, the terms are %q, not %q", terms(), before)
	}
	b.must(s.Erase(ctx, b.debtor))
	for _, text := range []string{"jurgen", "muller", "j.mueller@example.invalid", "+4915112345678"} {
		if hits, err := s.Search(ctx, read.Everything(), text, 10); err != nil || len(hits) > 0 {
			t.Errorf("%q still finds the erased: %+v, %v", text, hits, err)
		}
	}
	personal := func(text string) bool {
		return strings.Contains(text, "name") || strings.Contains(text, "email") || strings.Contains(text, "phone")
	}
	if rest := terms(); personal(rest) || !strings.Contains(rest, "customer c1001") {
		t.Errorf("what is left of the erased is %q", rest)
	}
}

// --- pages ------------------------------------------------------------------------

func TestCasePage(t *testing.T) {
	b := newBundle(t)
	c := b.reserved()
	later := noon.Add(30 * time.Hour)
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: c.ID, State: dunning.ContactSending}))
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: c.ID, State: dunning.ContactAccepted, ProviderID: "SM1"}))
	call := b.caseFact(dunning.ContactLogged{ID: "l1", Direction: "outbound", Channel: dunning.Call, Outcome: "conversation"})
	call.At, call.By = later, "user:u1"
	promise := b.caseFact(dunning.PromiseMade{ID: "m1", Amount: money.MustParse("20.00", "USD"), Due: dunning.DateOf(later)})
	promise.At, promise.By = later, "user:u1"
	b.mustAdd(call, promise)
	p, err := b.CasePage(t.Context(), read.Only(creditor), b.ref.Case, noon.AddDate(0, 0, 7))
	b.must(err)
	if p.Name != "Ada Example" || p.Address[0] != "1 Test Street" || len(p.Points) != 1 || p.Points[0].Value != "ada@example.invalid" {
		t.Errorf("who it is: %+v", p.Who)
	}
	if p.Buckets.Overdue.String() != "120.50 USD" || p.Buckets.Oldest != 33 || p.Open.String() != "120.50 USD" || p.OldestDays != 33 || len(p.Items) != 1 {
		t.Errorf("what is owed: %+v, %s, %d items", p.Buckets, p.Open, len(p.Items))
	}
	if p.Standing.Promise == nil || p.Standing.Promise.State != "open" {
		t.Errorf("the promise: %+v", p.Standing.Promise)
	}
	if m := p.Messages; len(m) != 1 || m[0].ProviderID != "SM1" || len(m[0].Attempts) != 3 || m[0].Attempts[2].State != dunning.ContactAccepted {
		t.Errorf("the messages: %+v", p.Messages)
	}
	if p.Last.Channel != dunning.Call || p.Last.State != "conversation" || !p.Last.At.Equal(later) {
		t.Errorf("the last contact is the call, which came after the email: %+v", p.Last)
	}
	if p.Decisions != 1 || len(p.Log) == 0 || p.Version != p.DebtVersion {
		t.Errorf("%d decisions, log of %d at %d of %d", p.Decisions, len(p.Log), p.Version, p.DebtVersion)
	}
	one, err := b.Message(t.Context(), read.Only(creditor), c.ID)
	if err != nil || len(one.Attempts) != 3 || one.Decision != "d1" {
		t.Errorf("one message: %+v, %v", one, err)
	}
}

func TestAccountStanding(t *testing.T) {
	b := newBundle(t).open()
	ctx := t.Context()
	b.mustAdd(b.fact(item("A")), b.fact(payment("20.50")))
	st, err := b.AccountStanding(ctx, read.Only(creditor), b.account)
	if err != nil || st.Open != 10000 || st.Items != 1 || st.Version != 2 || st.Currency != "USD" {
		t.Errorf("%+v, %v", st, err)
	}
	for why, ask := range map[string]func() error{
		"another creditor's scope": func() error { _, err := b.AccountStanding(ctx, read.Only("other"), b.account); return err },
		"no scope":                 func() error { _, err := b.AccountStanding(ctx, read.Scope{}, b.account); return err },
		"no account":               func() error { _, err := b.AccountStanding(ctx, read.Everything(), ""); return err },
		"no id":                    func() error { _, err := b.AccountStanding(ctx, read.Everything(), "x"); return err },
		"a case out of scope":      func() error { _, err := b.InScope(ctx, read.Only("other"), b.ref.Case); return err },
		"a case without an id":     func() error { _, err := b.InScope(ctx, read.Everything(), ""); return err },
	} {
		if err := ask(); !errors.Is(err, postgres.ErrNotFound) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if id, err := b.InScope(ctx, read.Only(creditor), b.ref.Case); err != nil || id != creditor {
		t.Errorf("a case in scope is %s's: %v", id, err)
	}
}

// TestTwoAccountsOfADebtorStandApart owes in two currencies: what is owed on one account
// does not show on the other.
func TestTwoAccountsOfADebtorStandApart(t *testing.T) {
	b := newBundle(t).open()
	ctx := t.Context()
	euro, err := b.PutAccount(ctx, postgres.Account{Debtor: b.debtor, Creditor: creditor, Key: "D-1", Currency: "EUR"})
	b.must(err)
	it := item("E")
	it.Amount = money.MustParse("7.00", "EUR")
	b.mustAdd(b.fact(item("A")), dunning.Fact{At: noon, Account: euro, By: "import", Body: it})
	for account, want := range map[string]string{b.account: "120.50 USD", euro: "7.00 EUR"} {
		st, err := b.AccountStanding(ctx, read.Everything(), account)
		if got := read.Minor(st.Open, st.Currency).String(); err != nil || got != want {
			t.Errorf("owed is %s, not %s, %v", got, want, err)
		}
	}
	if drift, err := b.CheckReads(ctx, 5); err != nil || len(drift) > 0 {
		t.Errorf("%v, %v", drift, err)
	}
}

func TestCaseTimeline(t *testing.T) {
	b := newBundle(t)
	b.reserved()
	for i := range 12 {
		f := b.caseFact(dunning.NoteWritten{ID: fmt.Sprint("n", i), Text: "x"})
		f.By = "user:u1"
		b.mustAdd(f)
	}
	all := walk(t, 5, func(p read.Page) (read.List[read.TimelineRow], error) {
		return b.CaseTimeline(t.Context(), read.Everything(), b.ref.Case, read.TimelineFilter{}, p)
	})
	story, err := b.Timeline(t.Context(), b.ref.Case)
	b.must(err)
	if len(all) != len(story) {
		t.Errorf("pages have %d events, the whole story %d", len(all), len(story))
	}
	if !slices.IsSortedFunc(all, func(a, b read.TimelineRow) int { return cmp.Compare(b.Version, a.Version) }) {
		t.Error("the newest is not first")
	}
	notes := walk(t, 5, func(p read.Page) (read.List[read.TimelineRow], error) {
		return b.CaseTimeline(t.Context(), read.Everything(), b.ref.Case, read.TimelineFilter{Groups: []string{read.GroupNote}, By: "user:u1"}, p)
	})
	if len(notes) != 12 {
		t.Errorf("%d notes", len(notes))
	}
	decided := walk(t, 5, func(p read.Page) (read.List[read.TimelineRow], error) {
		return b.CaseTimeline(t.Context(), read.Everything(), b.ref.Case, read.TimelineFilter{Groups: []string{read.GroupDecision}}, p)
	})
	if len(decided) != 1 || decided[0].Decision == nil || decided[0].Decision.ID != "d1" {
		t.Errorf("decisions of the story: %+v", decided)
	}
	full, err := b.CaseDecision(t.Context(), read.Everything(), "d1")
	if err != nil || full.Decision.Step != "friendly-email" {
		t.Errorf("a decision with its body: %+v, %v", full, err)
	}
}

// --- compliance and operations ------------------------------------------------------

func TestFrequencyAndLedger(t *testing.T) {
	b := newBundle(t)
	b.reserved()
	log := func(hours int, direction, outcome string) {
		f := b.caseFact(dunning.ContactLogged{ID: uuid.NewString(), Direction: direction, Channel: dunning.Call, Outcome: outcome})
		f.At = noon.Add(time.Duration(hours) * time.Hour)
		b.mustAdd(f)
	}
	log(1, "outbound", "no_answer")
	log(2, "outbound", "conversation")
	log(3, "inbound", "conversation")
	log(-7*24, "outbound", "conversation") // a week ago and more
	rows, err := b.Frequency(t.Context(), read.Everything(), b.debtor, noon.Add(4*time.Hour), 7)
	b.must(err)
	got := ""
	for _, r := range rows {
		got += fmt.Sprintf("%s %d/%d/%d ", r.Channel, r.Attempts, r.Talks, r.Inbound)
	}
	if got != "call 2/2/1 email 1/0/0 " {
		t.Errorf("attempts, talks and inbound by channel in seven days: %s", got)
	}
	if top, err := b.Frequent(t.Context(), read.Everything(), noon.Add(4*time.Hour), 7, 5); err != nil || len(top) != 1 || top[0].Attempts != 3 {
		t.Errorf("the most frequent: %+v, %v", top, err)
	}
	b.mustAdd(b.caseFact(dunning.OptedOut{Channel: dunning.SMS, Told: dunning.Told{Medium: "sms", Words: "STOP"}}))
	b.mustAdd(b.caseFact(dunning.Consented{ID: "k", Basis: "written", Channel: dunning.SMS}), b.caseFact(dunning.PointDead{ID: "e1", Reason: "hard_bounce"}))
	ledger := walk(t, 1, func(p read.Page) (read.List[read.ConsentRow], error) {
		return b.Consents(t.Context(), read.Everything(), read.ConsentFilter{}, p)
	})
	got = ""
	for _, r := range ledger {
		got += r.Kind + " " + string(r.Channel) + " " + r.Point + " " + r.Detail + ", "
	}
	if got != "point_dead  e1 hard_bounce, consented sms  written, opted_out sms  sms, " {
		t.Errorf("the ledger: %s", got)
	}
	if ledger[0].Recorded.IsZero() {
		t.Error("the ledger says when it took effect")
	}
}

func TestNumbers(t *testing.T) {
	b := newBundle(t).open()
	by := func(user string, hours int, bodies ...dunning.Body) {
		var facts []dunning.Fact
		for _, body := range bodies {
			f := b.caseFact(body)
			f.By, f.At = user, noon.Add(time.Duration(hours)*time.Hour)
			facts = append(facts, f)
		}
		b.mustAdd(facts...)
	}
	promise := func(id, amount string) dunning.PromiseMade {
		return dunning.PromiseMade{ID: id, Amount: money.MustParse(amount, "USD"), Due: dunning.DateOf(noon)}
	}
	by("user:u1", -48, promise("m0", "7.00"))
	by("user:u1", 1, dunning.ContactLogged{ID: "l1", Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer"})
	by("user:u1", 2, dunning.ContactLogged{ID: "l2", Direction: "outbound", Channel: dunning.Call, Outcome: "conversation"}, promise("m1", "20.00"))
	by("user:u1", 2, dunning.ContactLogged{ID: "l3", Direction: "outbound", Channel: dunning.Call, Outcome: "conversation", Person: "spouse"})
	by("user:u1", 3, dunning.ContactLogged{ID: "l4", Direction: "inbound", Channel: dunning.Email, Outcome: "received"}, dunning.NoteWritten{ID: "n1", Text: "x"})
	by("user:u2", 3, promise("m2", "99.00"))
	by("system", 4, dunning.PromiseEnded{ID: "m0", Outcome: "kept"}, dunning.PromiseEnded{ID: "m1", Outcome: "broken"},
		dunning.PromiseEnded{ID: "m2", Outcome: "kept"})
	n, err := b.Numbers(t.Context(), read.Only(creditor), "user:u1", noon, noon.Add(12*time.Hour))
	b.must(err)
	if n.Calls != 3 || n.RightParty != 1 || n.Messages != 0 || n.Promises != 1 || n.Kept != 1 || n.Broken != 1 || n.Notes != 1 || n.Debtors != 1 {
		t.Errorf("%+v", n)
	}
	if fmt.Sprint(n.Promised, n.Collected) != "[20.00 USD] [7.00 USD]" {
		t.Errorf("promised %v, collected %v", n.Promised, n.Collected)
	}
	if n, err := b.Numbers(t.Context(), read.Everything(), "system", noon, noon.Add(12*time.Hour)); err != nil || n.Kept+n.Debtors > 0 {
		t.Errorf("the system is no collector: %+v, %v", n, err)
	}
}

func TestHealthNumbers(t *testing.T) {
	b := newBundle(t)
	c := b.reserved()
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: c.ID, State: dunning.ContactSending}))
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: c.ID, State: dunning.ContactUnknown, Deadline: noon.Add(time.Hour)}),
		b.caseFact(dunning.TaskOpened{ID: "t1", Task: dunning.TaskUnknown, Queue: "operations", Until: noon.Add(time.Minute)}))
	b.must(b.in(func(tx *postgres.Tx) error { return tx.Nudge(t.Context(), b.ref.Case) }))
	h, err := b.HealthNumbers(t.Context(), read.Everything(), noon.Add(time.Hour))
	b.must(err)
	if !h.Open.Exact || h.Open.N != 1 || h.Due != 1 || !h.OldestDue.Equal(noon) || h.Outbox != 1 || h.OldestNudge.IsZero() || h.Unknown != 1 ||
		h.Work != 1 || h.WorkLate != 1 {
		t.Errorf("%+v", h)
	}
	if len(h.Feeds) != 1 || h.Feeds[0].Creditor != creditor {
		t.Errorf("feeds %+v", h.Feeds)
	}
	queues, err := b.Queues(t.Context(), read.Everything(), noon.Add(time.Hour))
	if err != nil || len(queues) != 1 || queues[0].Queue != "operations" || queues[0].Kind != "task:unknown" || queues[0].Late != 1 {
		t.Errorf("queues %+v, %v", queues, err)
	}
}

func TestReleasesAndImports(t *testing.T) {
	b := newBundle(t).open()
	ctx := t.Context()
	for i, files := range []map[string][]byte{{"a.yaml": []byte("1"), "b.yaml": []byte("1")}, {"a.yaml": []byte("2"), "c.yaml": []byte("")}} {
		_, err := b.PublishRelease(ctx, postgres.Release{
			Version: fmt.Sprint("r", i), Published: noon.Add(time.Duration(i) * time.Hour), By: "user:u1", Files: files,
			Sequences: map[string]string{"consumer-standard": fmt.Sprint("v", i+1)},
		})
		b.must(err)
	}
	list, err := b.ReleaseList(ctx)
	if err != nil || len(list) != 2 || list[0].Version != "r1" || !list[0].InForce || list[1].InForce || list[1].OpenCases != 1 || list[0].Files != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	diff, err := b.ReleaseDiff(ctx, "r0", "r1")
	if err != nil || len(diff) != 3 || diff[1].Path != "b.yaml" || diff[1].After != nil || diff[2].Before != nil || diff[2].After == nil {
		t.Errorf("%+v, %v", diff, err)
	}
	for i := range 3 {
		_, err := b.BeginImport(ctx, postgres.ImportRun{ID: fmt.Sprint("run", i), Kind: "items", Creditor: creditor, File: "x.csv", At: noon})
		b.must(err)
	}
	runs := walk(t, 2, func(p read.Page) (read.List[read.ImportRow], error) { return b.Imports(ctx, read.Everything(), p) })
	if len(runs) != 3 || runs[0].ID != "run2" || !runs[0].Finished.IsZero() {
		t.Errorf("%+v", runs)
	}
}

func TestAuditLog(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	for i, action := range []string{"case.view", "case.export", "login"} {
		err := s.Audit(ctx, postgres.Audited{At: noon.Add(time.Duration(i) * time.Hour), By: fmt.Sprint("user:u", i), Action: action, Subject: "x"})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		why  string
		f    read.AuditFilter
		want int
	}{
		{"all", read.AuditFilter{}, 3},
		{"a kind of action", read.AuditFilter{Action: "case."}, 2},
		{"one action", read.AuditFilter{Action: "case.view"}, 1},
		{"somebody", read.AuditFilter{By: "user:u2"}, 1},
		{"a span without its end", read.AuditFilter{From: noon, Until: noon.Add(time.Hour)}, 1},
	} {
		rows := walk(t, 1, func(p read.Page) (read.List[read.AuditRow], error) { return s.AuditLog(ctx, read.Everything(), c.f, p) })
		if len(rows) != c.want {
			t.Errorf("%s: %d rows, not %d", c.why, len(rows), c.want)
		}
	}
}
