package postgres_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// refusal runs a statement in a transaction that is rolled back and returns the
// SQLSTATE and the constraint by which it was refused; "" if it was not.
func refusal(t *testing.T, s *postgres.Store, sql string, args ...any) (state, constraint string) {
	t.Helper()
	tx, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	_, err = tx.Exec(t.Context(), sql, args...)
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code, pg.ConstraintName
	}
	if err != nil {
		t.Fatal(err)
	}
	return "", ""
}

func TestEvidenceIsNeverChanged(t *testing.T) {
	b := newBundle(t)
	b.reserved()
	_, err := b.PublishRelease(t.Context(), postgres.Release{
		Version: "r1", Published: noon, By: "user:1", Files: map[string][]byte{"a.yaml": nil}, Sequences: map[string]string{"s": "v1"},
	})
	b.must(err)
	b.must(b.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "publish", Subject: "r1"}))
	for table, column := range map[string]string{
		"facts": "by", "items": "number", "decisions": "rule", "attempts": "code",
		"releases": "by", "release_files": "path", "sequence_versions": "version", "audit": "action",
	} {
		var rows int
		b.must(b.Pool().QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows))
		if rows == 0 {
			t.Errorf("%s is empty: the test would prove nothing", table)
		}
		for _, sql := range []string{
			"UPDATE " + table + " SET " + column + " = " + column,
			"DELETE FROM " + table,
			"TRUNCATE " + table + " CASCADE",
		} {
			if state, _ := refusal(t, b.Store, sql); state != "DU001" {
				t.Errorf("%s was not refused (%q)", sql, state)
			}
		}
	}
}

func TestFactsThatMakeNoSenseAreRefused(t *testing.T) {
	b := newBundle(t).open()
	usd := money.MustParse("5", "USD")
	none := money.MustParse("0", "USD")
	hold := func(h dunning.HoldPlaced) dunning.Fact {
		if h.ID == "" {
			h.ID = "h"
		}
		return b.fact(h)
	}
	deal := func(change func(*dunning.SettlementOffered)) dunning.SettlementOffered {
		s := dunning.SettlementOffered{ID: "s", Items: []string{"A"}, Amount: usd, Owed: money.MustParse("8", "USD"), Due: dunning.Date{Year: 2026, Month: 4, Day: 1}}
		if change != nil {
			change(&s)
		}
		return s
	}
	noAccount := func(f dunning.Fact) dunning.Fact { f.Account = ""; return f }
	for _, c := range []struct {
		why, rule string // rule "": it is allowed
		fact      dunning.Fact
	}{
		{"a payment of something", "", b.fact(payment("1"))},
		{"a payment of nothing", "facts_money_where", b.fact(dunning.Payment{ID: "p", Amount: none})},
		{"a negative payment: that is a reversal", "facts_money_where", b.fact(dunning.Payment{ID: "p", Amount: usd.Neg()})},
		{"a payment without an amount", "facts_money_where", b.fact(dunning.Payment{ID: "p"})},
		{"a payment without an account", "facts_account", noAccount(b.fact(payment("1")))},
		{"a payment without an id could not be reversed", "facts_id", b.fact(dunning.Payment{Amount: usd})},
		{"an item of nothing is allowed: it never leads", "", b.fact(dunning.Item{Key: "zero", Due: dunning.Date{Year: 2026, Month: 1, Day: 1}, Amount: none})},
		{"an item below nothing is a credit", "facts_money_where", b.fact(dunning.Item{Key: "k", Due: dunning.Date{Year: 2026, Month: 1, Day: 1}, Amount: usd.Neg()})},
		{"an item without a key", "facts_item", b.fact(dunning.Item{Due: dunning.Date{Year: 2026, Month: 1, Day: 1}, Amount: usd})},
		{"an item without a due date has no age", "facts_item_dates", b.fact(dunning.Item{Key: "k", Amount: usd})},
		{"an item in another currency than its account", "items_account_id_currency_fkey", b.fact(dunning.Item{Key: "k", Due: dunning.Date{Year: 2026, Month: 1, Day: 1}, Amount: money.MustParse("5", "EUR")})},
		{"a correction of the due date alone", "", b.fact(dunning.ItemCorrected{Item: "k", Due: dunning.Date{Year: 2026, Month: 1, Day: 2}})},
		{"a correction of no item", "facts_item", b.fact(dunning.ItemCorrected{Amount: usd})},
		{"a promise of nothing", "facts_money_where", b.fact(dunning.PromiseMade{ID: "p", Amount: none})},
		{"a case event without a case", "facts_case", b.fact(dunning.CaseClosed{Reason: "paid"})},
		{"a closing for a reason that nobody knows", "facts_closing", b.caseFact(dunning.CaseClosed{Reason: "tired"})},
		{"a closing without a reason", "facts_closing", b.caseFact(dunning.CaseClosed{})},
		{"a disposition that nobody knows", "facts_disposition", b.fact(dunning.ItemsDisposed{To: "lost"})},
		{"a hold of the account", "", hold(dunning.HoldPlaced{HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount})},
		{"a hold of a kind that nobody knows", "facts_hold", hold(dunning.HoldPlaced{HoldKind: "mood", Scope: dunning.ScopeAccount})},
		{"a hold of a scope that nobody knows", "facts_hold", hold(dunning.HoldPlaced{HoldKind: dunning.HoldManual, Scope: "world"})},
		{"a hold of an item that names none", "facts_hold", hold(dunning.HoldPlaced{HoldKind: dunning.HoldManual, Scope: dunning.ScopeItem})},
		{"a hold of the account that names an item", "facts_hold", hold(dunning.HoldPlaced{HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Item: "A"})},
		{"a hold of an account that names none", "facts_hold", noAccount(hold(dunning.HoldPlaced{HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount}))},
		{"a task of a kind that nobody knows", "facts_task", b.caseFact(dunning.TaskOpened{ID: "t", Task: "dance"})},
		{"a task without an id could not be ended", "facts_id", b.caseFact(dunning.TaskOpened{Task: dunning.TaskCall})},
		{"a contact on a channel that nobody knows", "facts_channel", b.caseFact(dunning.ContactPlanned{ID: "c", Channel: "pigeon"})},
		{"a contact without a case", "facts_case", b.fact(dunning.ContactPlanned{ID: "c", Channel: dunning.Email})},
		{"a contact state that nobody knows", "facts_contact_state", b.caseFact(dunning.ContactMoved{ID: "c", State: "lost"})},
		{"a logged contact in no direction", "facts_direction", b.caseFact(dunning.ContactLogged{ID: "c", Channel: dunning.Call})},
		{"a settlement for less", "", b.fact(deal(nil))},
		{"a settlement for all", "facts_settlement", b.fact(deal(func(s *dunning.SettlementOffered) { s.Amount = s.Owed }))},
		{"a settlement for nothing", "facts_settlement", b.fact(deal(func(s *dunning.SettlementOffered) { s.Amount = none }))},
		{"a settlement in two currencies", "facts_settlement", b.fact(deal(func(s *dunning.SettlementOffered) { s.Amount = money.MustParse("5", "EUR") }))},
		{"a settlement over nothing", "facts_settlement", b.fact(deal(func(s *dunning.SettlementOffered) { s.Items = nil }))},
		{"a settlement without a last day", "facts_settlement", b.fact(deal(func(s *dunning.SettlementOffered) { s.Due = dunning.Date{} }))},
		{"a settlement of nobody's account", "facts_of_collectors", noAccount(b.fact(deal(nil)))},
		{"a settlement that ends in the moon", "facts_settlement", b.fact(dunning.SettlementEnded{ID: "s", Outcome: "moon"})},
		{"an answer to a settlement that is no yes", "facts_settlement", b.fact(dunning.SettlementAnswered{ID: "s", Outcome: "perhaps"})},
		{"a pin of no note", "facts_of_collectors", b.fact(dunning.NotePinned{})},
		{"a note that nobody has read", "facts_mention", b.fact(dunning.MentionSeen{ID: "n"})},
		{"a callback", "", b.fact(dunning.CallbackSet{ID: "k", When: noon})},
		{"a callback that ends somehow", "facts_callback", b.fact(dunning.CallbackEnded{ID: "k", Outcome: "somehow"})},
		{"a contact point on no channel", "facts_channel", b.fact(dunning.PointKnown{ID: "p"})},
	} {
		err := b.add(c.fact)
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%s: %v", c.why, err)
		case c.rule != "" && (!errors.Is(err, postgres.ErrRefused) || !strings.Contains(err.Error(), c.rule+" ")):
			t.Errorf("%s: got %v, want a refusal by %s", c.why, err, c.rule)
		}
	}
}

func TestRowsThatMakeNoSenseAreRefused(t *testing.T) {
	b := newBundle(t)
	b.reserved()
	const aCase = "INSERT INTO cases (id, account_id, debtor_id, creditor_id, sequence_id, sequence_version, status, closed_at, close_reason) " +
		"SELECT gen_random_uuid(), account_id, debtor_id, creditor_id, 's', 'v', "
	const aDecision = "INSERT INTO decisions (id, case_id, debtor_version, verb, at, core, wall, body, deferred, rule, intent) SELECT 'd9', id, "
	const anAttempt = "INSERT INTO attempts (id, contact_id, seq, version, state, at, class, code, permanent, provider_id, retry_at, deadline) " +
		"SELECT gen_random_uuid(), id, 1, 1, "
	for _, c := range []struct{ why, rule, sql string }{
		{"two open cases of one account", "cases_one_open", aCase + "'open', NULL, NULL FROM cases"},
		{"a closed case beside the open one is fine", "", aCase + "'closed', now(), 'paid' FROM cases"},
		{"a closed case that never closed", "cases_closed", aCase + "'closed', NULL, NULL FROM cases"},
		{"an open case that has closed", "cases_closed", aCase + "'open', now(), 'paid' FROM cases"},
		{"a closed case without a reason", "cases_closed", aCase + "'closed', now(), NULL FROM cases"},
		{"a status that nobody knows", "cases_status", aCase + "'asleep', NULL, NULL FROM cases"},
		{"a wake-up for nothing", "cases_next", "UPDATE cases SET next_at = now(), next_verb = ''"},
		{"a debtor's version below zero", "debtors_version", "UPDATE debtors SET version = -1"},
		{"a currency in small letters", "accounts_currency", "UPDATE accounts SET currency = 'usd'"},
		{"an account of another creditor than its debtor", "accounts_debtor_id_creditor_id_fkey", "INSERT INTO accounts (id, debtor_id, creditor_id, key, currency) SELECT gen_random_uuid(), id, 'other', 'k', 'USD' FROM debtors"},
		{"a decision with a verb that nobody knows", "decisions_verb", aDecision + "1, 'pray', now(), '1', now(), '{}', false, '', NULL FROM cases"},
		{"a deferral without a rule", "decisions_deferred", aDecision + "1, 'send', now(), '1', now(), '{}', true, '', NULL FROM cases"},
		{"a decision about a version that cannot be", "decisions_version", aDecision + "-1, 'send', now(), '1', now(), '{}', false, '', NULL FROM cases"},
		{"a decision of no core", "decisions_core", aDecision + "1, 'send', now(), '', now(), '{}', false, '', NULL FROM cases"},
		{"an intent that is empty rather than none", "decisions_intent", aDecision + "1, 'send', now(), '1', now(), '{}', false, '', '' FROM cases"},
		{"accepted with a failure's class", "attempts_class", anAttempt + "'sending', now(), 'later', NULL, false, NULL, NULL, NULL FROM contacts"},
		{"failed without saying why", "attempts_failed", anAttempt + "'failed', now(), NULL, NULL, false, NULL, NULL, NULL FROM contacts"},
		{"failed in a class that nobody knows", "attempts_class", anAttempt + "'failed', now(), 'magic', 'x', false, NULL, NULL, NULL FROM contacts"},
		{"the provider's id of something it does not have", "attempts_provider", anAttempt + "'failed', now(), 'now', NULL, false, 'SM1', NULL, NULL FROM contacts"},
		{"a retry of what did not fail", "attempts_retry", anAttempt + "'sending', now(), NULL, NULL, false, NULL, now(), NULL FROM contacts"},
		{"a deadline for what is not unknown", "attempts_deadline", anAttempt + "'sending', now(), NULL, NULL, false, NULL, NULL, now() FROM contacts"},
		{"permanently in somebody's hands", "attempts_permanent", anAttempt + "'sending', now(), NULL, NULL, true, NULL, NULL, NULL FROM contacts"},
		{"a task that ended without an outcome", "tasks_ended", "INSERT INTO tasks (debtor_id, id, kind, opened_at, ended_at) SELECT id, 't', 'call', now(), now() FROM debtors"},
		{"an import of a kind that nobody knows", "import_runs_kind", "INSERT INTO import_runs (id, kind, creditor_id, at) VALUES ('r', 'gossip', 'acme', now())"},
		{"a letter without pages", "letters_pdf", "INSERT INTO letters (attempt, at, pdf) VALUES ('a', now(), '')"},
		{"an audit row by nobody", "audit_by", "INSERT INTO audit (at, by, action) VALUES (now(), '', 'x')"},
		{"two nudges of one case that both wait", "nudges_one_waiting", "INSERT INTO nudges (case_id) SELECT id FROM cases, generate_series(1, 2)"},
		{"two rehearsal clocks", "duly_clock_one_check", "INSERT INTO duly_clock SELECT false, now(), now(), 1, 0, now(), NULL, 0, now()"},
	} {
		if _, rule := refusal(t, b.Store, c.sql); rule != c.rule {
			t.Errorf("%s: refused by %q, want %q", c.why, rule, c.rule)
		}
	}
}

// TestEveryKindOfFactIsKnown reads the kinds from the core's source, so that a new
// one cannot be forgotten in the schema.
func TestEveryKindOfFactIsKnown(t *testing.T) {
	kinds := coreKinds(t)
	if len(kinds) < 40 {
		t.Fatalf("only %d kinds found in the core", len(kinds))
	}
	s := pgtest.New(t)
	var def string
	err := s.Pool().QueryRow(t.Context(), "SELECT pg_get_functiondef('duly_sound_fact'::regproc)").Scan(&def)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if !strings.Contains(def, "'"+k+"'") {
			t.Errorf("kind %s of the core is refused by the schema: a migration must add it to facts_kind in duly_sound_fact", k)
		}
	}
}

// coreKinds finds what the methods Kind of package dunning return.
func coreKinds(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../dunning/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Kind" || len(f.Body.List) != 1 {
				continue
			}
			if r, ok := f.Body.List[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 {
				if lit, ok := r.Results[0].(*ast.BasicLit); ok {
					kind, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					kinds = append(kinds, kind)
				}
			}
		}
	}
	slices.Sort(kinds)
	return kinds
}

// TestTheClocksTableIsTheClocks compares the migration with what the clock expects.
func TestTheClocksTableIsTheClocks(t *testing.T) {
	const describe = `SELECT string_agg(column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, ''), E'\n' ORDER BY column_name)
		FROM information_schema.columns WHERE table_name = 'duly_clock'`
	ours := pgtest.New(t)
	var want, got string
	if err := ours.Pool().QueryRow(t.Context(), describe).Scan(&got); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"DROP TABLE duly_clock", clock.Schema} {
		if _, err := ours.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := ours.Pool().QueryRow(t.Context(), describe).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the migration makes\n%s\nand the clock expects\n%s", got, want)
	}
}
