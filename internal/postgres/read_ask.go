package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// Lists are asked for with any combination of filters. Their SQL is put together here
// from fixed texts and numbered parameters; no value is ever part of the text. See
// docs/decisions/2026-11-21-read-models.md for why this is not in queries/*.sql.

// ask is one statement in the making.
type ask struct{ args []any }

// p adds a parameter and returns its number in the text.
func (a *ask) p(v any) string {
	a.args = append(a.args, v)
	return "$" + strconv.Itoa(len(a.args))
}

// conds are conditions that all hold.
type conds struct {
	*ask
	list []string
}

// add takes a condition whose %s are the numbers of the parameters that follow.
func (c *conds) add(text string, values ...any) {
	numbers := make([]any, len(values))
	for i, v := range values {
		numbers[i] = c.p(v)
	}
	if len(values) > 0 {
		text = fmt.Sprintf(text, numbers...)
	}
	c.list = append(c.list, text)
}

// in narrows a column to some values; none does not narrow. One value is an equation,
// so that an index that goes on behind the column gives its order.
func in[T ~string](c *conds, column string, values []T) {
	switch len(values) {
	case 0:
	case 1:
		c.add(column+" = %s", string(values[0]))
	default:
		c.add(column+" = ANY(%s::text[])", stringsOf(values))
	}
}

func stringsOf[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// eq narrows a column to a value; the empty text does not narrow.
func (c *conds) eq(column, value string) {
	if value != "" {
		c.add(column+" = %s", value)
	}
}

// uuid narrows a column to an id. What is no UUID finds nothing.
func (c *conds) uuid(column, id string) {
	switch {
	case id == "":
	case isUUID(id):
		c.add(column+" = %s::uuid", id)
	default:
		c.add("false")
	}
}

// between narrows an instant to [from, until).
func (c *conds) between(column string, from, until time.Time) {
	if !from.IsZero() {
		c.add(column+" >= %s::timestamptz", micros(from))
	}
	if !until.IsZero() {
		c.add(column+" < %s::timestamptz", micros(until))
	}
}

// and is all conditions, each preceded by AND.
func (c *conds) and() string {
	var b strings.Builder
	for _, text := range c.list {
		b.WriteString(" AND ")
		b.WriteString(text)
	}
	return b.String()
}

// creditors is the relation of the creditors in a scope, with the column creditor. Lists
// are read creditor by creditor, each in the order of its own index, and merged: so a
// question about few of many creditors does not read the others' rows. One creditor is a
// value, which the planner knows the share of.
func (a *ask) creditors(s read.Scope) string {
	if s.All() {
		return "(SELECT id AS creditor FROM creditors) s"
	}
	ids := s.Creditors()
	if len(ids) == 1 {
		return "(SELECT " + a.p(ids[0]) + "::text AS creditor) s"
	}
	return "(SELECT unnest(" + a.p(ids) + "::text[]) AS creditor) s"
}

// within is the condition that a creditor column lies in a scope.
func (c *conds) within(column string, s read.Scope) {
	if !s.All() {
		c.add(column+" = ANY(%s::text[])", s.Creditors())
	}
}

// planned makes the planner look at the values of the parameters each time: a filter may
// match everything or nothing.
const planned = pgx.QueryExecModeCacheDescribe

// rows asks and reads all rows.
func rows[T any](ctx context.Context, s *Store, what, sql string, args []any, scan func(pgx.CollectableRow) (T, error)) ([]T, error) {
	r, err := s.db.Query(ctx, sql, append([]any{planned}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, explain(err))
	}
	out, err := pgx.CollectRows(r, scan)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, explain(err))
	}
	return out, nil
}

// one asks for a row. ErrNotFound if there is none.
func one[T any](ctx context.Context, s *Store, what, sql string, args []any, scan func(pgx.CollectableRow) (T, error)) (T, error) {
	all, err := rows(ctx, s, what, sql, args, scan)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return all[0], nil
}

// cut makes a page of rows that were asked for with one more than its size.
func cut[T any](all []T, p read.Page, order string, key func(T) []string) read.List[T] {
	if len(all) <= p.Size() {
		return read.List[T]{Rows: all}
	}
	all = all[:p.Size()]
	return read.List[T]{Rows: all, Next: read.Cursor{Order: order, Values: key(all[len(all)-1])}.Encode()}
}

// exactCount is up to how many rows are counted; above, the planner's estimate will do.
const exactCount = 1000

// count counts the rows of a SELECT without columns ("FROM … WHERE …"), exactly up to
// exactCount.
func (s *Store) count(ctx context.Context, what, from string, args []any) (read.Count, error) {
	n, err := one(ctx, s, what, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 %s LIMIT %d) x", from, exactCount+1), args, pgx.RowTo[int64])
	if err != nil || n <= exactCount {
		return read.Count{N: n, Exact: true}, err
	}
	plan, err := s.explainPlan(ctx, "SELECT 1 "+from, args)
	if err != nil {
		return read.Count{}, fmt.Errorf("counting %s: %w", what, explain(err))
	}
	return read.Count{N: max(int64(plan.Rows), exactCount+1)}, nil
}

// plan is a node of a query plan as EXPLAIN tells it.
type plan struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Rows     float64 `json:"Plan Rows"`
	Plans    []plan  `json:"Plans"`
}

// explainPlan is the plan that the database would use.
func (s *Store) explainPlan(ctx context.Context, sql string, args []any) (plan, error) {
	var text []byte
	if err := s.db.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+sql, append([]any{planned}, args...)...).Scan(&text); err != nil {
		return plan{}, err
	}
	var out []struct{ Plan plan }
	if err := json.Unmarshal(text, &out); err != nil || len(out) != 1 {
		return plan{}, fmt.Errorf("a plan that cannot be read: %w", err)
	}
	return out[0].Plan, nil
}

// isUUID reports whether the database would take a text as an id.
func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i, r := range id {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}

// infinity stands for "never" in orders and cursors.
const infinity = "infinity"

// orInfinity writes an instant of a cursor; null is never.
func orInfinity(t time.Time) string {
	if t.IsZero() {
		return infinity
	}
	return read.CursorTime(t)
}

// okInstant checks an instant of a cursor before the database sees it.
func okInstant(s string) error {
	if s == infinity {
		return nil
	}
	_, err := read.TimeOf(s)
	return err
}

// dateOf is a date column; null is none.
func dateOf(t *time.Time) dunning.Date {
	if t == nil {
		return dunning.Date{}
	}
	return dunning.DateOf(*t)
}

// zones are those that were looked up before: the standard library reads them anew each time.
var zones sync.Map

// zone finds a time zone by its name, for "today" where a debtor is; nil: unknown.
func zone(name string) *time.Location {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location)
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil // not kept: names come from files, and there is no end of wrong ones
	}
	zones.Store(name, z)
	return z
}

// A Store answers every question.
var _ read.Reader = (*Store)(nil)
