package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// factRow is a fact as the schema sees it.
type factRow struct {
	kind                  string
	account, caseID, item bool
	amount                *int64
	currency              *string
	body                  any
}

// members are values, good and bad, of what the rules of schema version 22 look at. Every
// first value is one that its rule takes.
var members = map[string][]any{
	"id": {"x", "", nil}, "template": {"t", ""}, "channel": {"email", "sms", "letter", "call", "pigeon", "", nil, 7},
	"when": {"2026-03-04T16:00:00Z", "tomorrow", nil}, "outcome": {
		"done", "cancelled", "withdrawn", "replaced", "closed", "refused", "approved", "accepted", "kept", "moot", "somehow", nil,
	},
	"reason": {"paid", "settled", "below_tolerance", "tired", "", nil}, "state": {"reserved", "accepted", "lost", nil}, "direction": {"outbound", "inbound", "up", nil},
	"to": {"in_sequence", "recalled", "lost", nil}, "hold": {"dispute", "litigation", "mood", nil}, "scope": {"account", "item", "debtor", "world", nil},
	"due": {"2026-03-04", "2026-3-4", "", nil}, "user": {"2", "", nil}, "from_sequence": {"s", "", nil}, "from_version": {"v1", "", nil},
	"sequence": {"s", "r", "", nil}, "sequence_version": {"v2", "v1", "", nil}, "moves": {[]any{}, "no", map[string]any{}}, "notice": {"cease_communication", "cease", nil},
	"answer": {"same", "no_data", "maybe", nil}, "point": {"p", "", nil}, "refusal": {"medium", "marketing", "maybe"}, "items": {[]any{"A"}, []any{}, "A", nil},
	"amount": {map[string]any{"amount": "5.00", "currency": "USD"}, map[string]any{"amount": "0", "currency": "USD"}, map[string]any{"amount": "5.00", "currency": "EUR"}, nil},
	"owed":   {map[string]any{"amount": "9.00", "currency": "USD"}, map[string]any{"amount": "5.00", "currency": "USD"}, nil},
	"status": {"attorney", "minor", "mood", nil}, "task": {"call", "settlement", "dance", nil}, "wish": {"no_work_calls", "quiet", nil},
}

// drawn is a fact of a kind of which a few things, or none, are odd.
func drawn(r *rand.Rand, kind string) factRow {
	pick := func(odds int) bool { return r.IntN(odds) == 0 }
	body := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		values := members[name]
		v := values[0]
		if pick(6) {
			v = values[r.IntN(len(values))]
		}
		if !pick(25) {
			body[name] = v
		}
	}
	row := factRow{kind: kind, account: !pick(6), caseID: !pick(6), item: pick(2), body: body}
	if pick(25) {
		row.body = []any{"nonsense", 7, nil, []any{}}[r.IntN(4)]
	}
	usd, amounts := []string{"USD", "usd", "EURO"}, []int64{0, 1, -1, 9_000_000_000_000_000, 9_000_000_000_000_001}
	if withMoney := slices.Contains([]string{"payment", "promise_made", "item", "item_corrected"}, kind); withMoney != pick(8) {
		row.amount, row.currency = &amounts[min(r.IntN(9), 4)], &usd[max(r.IntN(8)-5, 0)]
		if pick(10) {
			row.amount = nil
		} else if pick(10) {
			row.currency = nil
		}
	}
	return row
}

// TestSoundFactsAreTheOldRules holds the function of schema version 22 against the CHECKs
// that it replaced: the same facts are taken, and the others refused by the same rule.
func TestSoundFactsAreTheOldRules(t *testing.T) {
	dsn := pgtest.Empty(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	ruled(t, conn, dsn, 21, "old_rules")
	ruled(t, conn, dsn, 22, "new_rules")
	r, broken, taken := rand.New(rand.NewPCG(22, 22)), map[string]int{}, 0
	kinds := append(coreKinds(t), "gossip")
	for range 80 {
		for _, kind := range kinds {
			row := drawn(r, kind)
			was, is := rules(t, conn, "old_rules", row), rules(t, conn, "new_rules", row)
			if was != is {
				body, _ := json.Marshal(row.body)
				t.Fatalf("%s %s\naccount %t, case %t, item %t: refused by %q before and by %q now", kind, body, row.account, row.caseID, row.item, was, is)
			}
			if was == "" {
				taken++
			}
			broken[was]++
		}
	}
	t.Logf("%d facts taken; refused: %v", taken, broken)
	for _, rule := range oldRules(t, conn) {
		if broken[rule] == 0 {
			t.Errorf("no fact that broke rule %s was drawn: nothing is proved of it", rule)
		}
	}
	if taken < 500 {
		t.Errorf("only %d facts made sense", taken)
	}
}

// ruled makes a table that has the rules which facts have at a version of the schema.
func ruled(t *testing.T, conn *pgx.Conn, dsn string, version int64, table string) {
	t.Helper()
	if err := postgres.MigrateTo(t.Context(), dsn, version); err != nil {
		t.Fatal(err)
	}
	sql := fmt.Sprintf("CREATE TABLE %[1]s (LIKE facts INCLUDING DEFAULTS INCLUDING CONSTRAINTS); ALTER TABLE %[1]s ALTER pos DROP NOT NULL", table)
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// rules is the rule by which a table refuses a fact, or the state of the refusal if it was
// another; "" if the fact is taken.
func rules(t *testing.T, conn *pgx.Conn, table string, row factRow) string {
	t.Helper()
	const uuid = "11111111-1111-5111-8111-111111111111"
	when := func(there bool, v string) *string {
		if !there {
			return nil
		}
		return &v
	}
	body, err := json.Marshal(row.body)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), `INSERT INTO `+table+` (debtor_id, version, seq, kind, at, account_id, case_id, item_key, amount_minor, currency, body)
		VALUES ($1, 1, 0, $2, now(), $3, $4, $5, $6, $7, $8)`,
		uuid, row.kind, when(row.account, uuid), when(row.caseID, uuid), when(row.item, "A"), row.amount, row.currency, body)
	pg := (*pgconn.PgError)(nil)
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &pg):
		t.Fatal(err)
	case pg.Code != "23514":
		return pg.Code
	case !strings.Contains(pg.Message, pg.ConstraintName):
		t.Errorf("the message %q does not name %s", pg.Message, pg.ConstraintName)
	}
	return pg.ConstraintName
}

func oldRules(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT conname FROM pg_constraint WHERE conrelid = 'old_rules'::regclass AND contype = 'c'
		AND conname NOT IN ('facts_seq', 'facts_version') ORDER BY conname`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) != 28 {
		t.Fatalf("%d old rules %v, %v", len(names), names, err)
	}
	return names
}
