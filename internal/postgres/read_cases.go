package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// caseOrder is how a list of cases is sorted: by one value and then by id, both in the
// same direction, as an index has it.
type caseOrder struct {
	by, typ string
	desc    bool
	value   func(read.CaseRow) string
	ok      func(string) error
}

func number(s string) error {
	var n json.Number
	if err := json.Unmarshal([]byte(s), &n); err != nil {
		return read.ErrBadCursor
	}
	_, err := n.Int64()
	return err
}

var caseOrders = map[read.CaseSort]caseOrder{
	read.ByNext: {
		by: "coalesce(c.next_at, 'infinity')", typ: "timestamptz",
		value: func(r read.CaseRow) string { return orInfinity(r.NextAt) }, ok: okInstant,
	},
	read.ByAge: {
		by: "coalesce(c.oldest_due, 'infinity')", typ: "date",
		value: func(r read.CaseRow) string {
			if r.Oldest.IsZero() {
				return infinity
			}
			return r.Oldest.String()
		},
		ok: func(s string) error {
			if s == infinity {
				return nil
			}
			_, err := dunning.ParseDate(s)
			return err
		},
	},
	read.ByAmount: {
		by: "c.open_minor", typ: "bigint", desc: true,
		value: func(r read.CaseRow) string { return fmt.Sprint(r.Open.Minor()) }, ok: number,
	},
	read.ByOpened: {
		by: "coalesce(c.opened_at, 'infinity')", typ: "timestamptz", desc: true,
		value: func(r read.CaseRow) string { return orInfinity(r.Opened) }, ok: okInstant,
	},
}

// narrow makes the conditions of a filter on cases c.
func narrowCases(a *ask, f read.CaseFilter) *conds {
	c := &conds{ask: a}
	switch f.Status {
	case "", read.StatusOpen:
		c.add("c.status = 'open'")
	case read.StatusClosed:
		c.add("c.status = 'closed'")
	case read.StatusAny:
	default:
		c.add("false")
	}
	if len(f.IDs) > 0 {
		c.add("c.id = ANY(%s::uuid[])", slices.DeleteFunc(slices.Clone(f.IDs), func(id string) bool { return !isUUID(id) }))
	}
	in(c, "c.close_reason", f.Reasons)
	in(c, "c.sequence_id", f.Sequences)
	in(c, "c.sequence_version", f.Versions)
	in(c, "c.next_step", f.Steps)
	narrowWaits(c, f.Waits)
	if in(c, "c.queue", f.Queues); len(f.Queues) > 0 {
		c.add("c.queue <> ''")
	}
	if c.eq("c.owner", f.Owner); f.Owner != "" {
		c.add("c.owner <> ''")
	}
	c.eq("c.currency", f.Currency)
	narrowAmounts(c, f)
	if !f.NextBefore.IsZero() {
		c.add("coalesce(c.next_at, 'infinity') < %s::timestamptz", micros(f.NextBefore))
	}
	if !f.OpenedFrom.IsZero() || !f.OpenedUntil.IsZero() {
		c.between("coalesce(c.opened_at, 'infinity')", f.OpenedFrom, f.OpenedUntil)
	}
	return c
}

// narrowWaits takes "task" for any task.
func narrowWaits(c *conds, waits []read.Wait) {
	for i, w := range waits {
		if w == "task" {
			others := append(append([]read.Wait{}, waits[:i]...), waits[i+1:]...)
			c.add("(c.waits_for >= 'task:' AND c.waits_for < 'task;' OR c.waits_for = ANY(%s::text[]))", stringsOf(others))
			return
		}
	}
	in(c, "c.waits_for", waits)
}

func narrowAmounts(c *conds, f read.CaseFilter) {
	if f.MinOpen != nil {
		c.add("c.open_minor >= %s::bigint AND c.currency = %s", f.MinOpen.Minor(), f.MinOpen.Currency())
	}
	if f.MaxOpen != nil {
		c.add("c.open_minor <= %s::bigint AND c.currency = %s", f.MaxOpen.Minor(), f.MaxOpen.Currency())
	}
	if f.MinDays != nil {
		c.add("coalesce(c.oldest_due, 'infinity') <= %s::text::date - %s::int", f.Today.String(), *f.MinDays)
	}
	if f.MaxDays != nil {
		c.add("coalesce(c.oldest_due, 'infinity') >= %s::text::date - %s::int", f.Today.String(), *f.MaxDays)
	}
}

// caseColumns are what caseRow scans, of cases c.
const caseColumns = `c.id, c.debtor_id, d.key, c.account_id, a.key, c.creditor_id, coalesce(p.name, ''),
 c.status, coalesce(c.close_reason, ''), c.sequence_id, c.sequence_version, c.waits_for, c.next_verb, c.next_step, c.next_at, c.queue, c.owner,
 c.opened_at, c.closed_at, c.decided_at, c.open_minor, a.currency, c.oldest_due, coalesce(c.next_decision, ''), d.version,
 lc.reserved_at, lc.channel, lc.state, lc.automatic, ll.at, ll.channel, ll.direction, ll.outcome`

// caseJoins find what a row of cases c shows beside its own columns. They are looked up
// by key for the rows of one page.
const caseJoins = ` JOIN accounts a ON a.id = c.account_id JOIN debtors d ON d.id = c.debtor_id
 LEFT JOIN debtor_profiles p ON p.debtor_id = c.debtor_id ` + lastTouch

const lastTouch = `
 LEFT JOIN LATERAL (SELECT m.reserved_at, m.channel, m.state, m.automatic FROM contacts m WHERE m.case_id = c.id
   ORDER BY m.reserved_at DESC LIMIT 1) lc ON true
 LEFT JOIN LATERAL (SELECT l.at, l.channel, l.direction, l.outcome FROM logged_contacts l WHERE l.debtor_id = c.debtor_id
   AND (l.account_id = c.account_id OR l.account_id IS NULL) ORDER BY l.at DESC LIMIT 1) ll ON true`

// touch is the later of the last message and the last logged contact.
type touch struct {
	sent, logged                       *time.Time
	channel, state                     *string
	automatic                          *bool
	loggedChannel, direction, loggedAs *string
}

func (t *touch) last() read.Touch {
	out := read.Touch{}
	if t.sent != nil {
		out = read.Touch{
			At: *t.sent, Channel: dunning.Channel(value(t.channel)), Direction: "outbound", State: value(t.state), Automatic: value(t.automatic),
		}
	}
	if t.logged != nil && t.logged.After(out.At) {
		out = read.Touch{At: *t.logged, Channel: dunning.Channel(value(t.loggedChannel)), Direction: value(t.direction), State: value(t.loggedAs)}
	}
	return out
}

func scanCase(today dunning.Date) func(pgx.CollectableRow) (read.CaseRow, error) {
	return func(row pgx.CollectableRow) (read.CaseRow, error) {
		var r read.CaseRow
		var t touch
		var next, opened, closed, decided, oldest *time.Time
		var open int64
		var currency string
		err := row.Scan(&r.Case, &r.Debtor, &r.DebtorKey, &r.Account, &r.AccountKey, &r.Creditor, &r.Name,
			&r.Status, &r.Reason, &r.Sequence, &r.Version, &r.Waits, &r.NextVerb, &r.NextStep, &next, &r.Queue, &r.Owner,
			&opened, &closed, &decided, &open, &currency, &oldest, &r.DecisionID, &r.DebtVersion,
			&t.sent, &t.channel, &t.state, &t.automatic, &t.logged, &t.loggedChannel, &t.direction, &t.loggedAs)
		r.NextAt, r.Opened, r.Closed, r.Decided = value(next), value(opened), value(closed), value(decided)
		r.Open, r.Oldest, r.Last = read.Minor(open, currency), dateOf(oldest), t.last()
		if !r.Oldest.IsZero() && !today.IsZero() {
			r.OldestDays = max(read.DaysBetween(r.Oldest, today), 0)
		}
		return r, err
	}
}

// listCases puts the statement of a page together.
func listCases(s read.Scope, f read.CaseFilter, p read.Page) (string, []any, caseOrder, error) {
	if f.Sort == "" {
		f.Sort = read.ByNext
	}
	o, ok := caseOrders[f.Sort]
	if !ok {
		return "", nil, o, fmt.Errorf("cases cannot be sorted by %q: %w", f.Sort, ErrNotFound)
	}
	after, err := read.DecodeCursor(p.After, "cases/"+string(f.Sort), 2)
	if err != nil {
		return "", nil, o, err
	}
	a := &ask{}
	from := a.creditors(s.Within(f.Creditors...))
	c := narrowCases(a, f)
	dir, than := "", ">"
	if o.desc {
		dir, than = " DESC", "<"
	}
	if after != nil {
		if o.ok(after[0]) != nil || !isUUID(after[1]) {
			return "", nil, o, read.ErrBadCursor
		}
		c.add("("+o.by+", c.id) "+than+" (%s::text::"+o.typ+", %s::uuid)", after[0], after[1])
	}
	order := o.by + dir + ", c.id" + dir
	limit := a.p(p.Size() + 1)
	// The inner list is of keys, which the index has; rows are looked up for the page only.
	return `WITH page AS MATERIALIZED (SELECT c.id, c.place FROM ` + from + ` CROSS JOIN LATERAL (SELECT c.id, ` + o.by + ` AS place FROM cases c
 WHERE c.creditor_id = s.creditor` + c.and() + ` ORDER BY ` + order + ` LIMIT ` + limit + `) c ORDER BY c.place` + dir + `, c.id` + dir + ` LIMIT ` + limit + `)
 SELECT ` + caseColumns + ` FROM page JOIN cases c ON c.id = page.id` + caseJoins + ` ORDER BY page.place` + dir + `, page.id` + dir, a.args, o, nil
}

// ListCases lists cases; see read.Reader. read.ErrBadCursor for a cursor of another list.
func (s *Store) ListCases(ctx context.Context, scope read.Scope, f read.CaseFilter, p read.Page) (read.List[read.CaseRow], error) {
	sql, args, o, err := listCases(scope, f, p)
	if err != nil {
		return read.List[read.CaseRow]{}, err
	}
	all, err := rows(ctx, s, "cases", sql, args, scanCase(f.Today))
	if err != nil {
		return read.List[read.CaseRow]{}, err
	}
	sort := f.Sort
	if sort == "" {
		sort = read.ByNext
	}
	return cut(all, p, "cases/"+string(sort), func(r read.CaseRow) []string { return []string{o.value(r), r.Case} }), nil
}

// CountCases counts cases, exactly up to a thousand.
func (s *Store) CountCases(ctx context.Context, scope read.Scope, f read.CaseFilter) (read.Count, error) {
	from, args := countCases(scope, f)
	return s.count(ctx, "cases", from, args)
}

func countCases(scope read.Scope, f read.CaseFilter) (string, []any) {
	a := &ask{}
	c := narrowCases(a, f)
	c.within("c.creditor_id", scope.Within(f.Creditors...))
	return "FROM cases c WHERE true" + c.and(), a.args
}

// caseRow reads a case in a scope. ErrNotFound if there is none.
func (s *Store) caseRow(ctx context.Context, scope read.Scope, id string, today dunning.Date) (read.CaseRow, error) {
	a := &ask{}
	c := &conds{ask: a}
	c.uuid("c.id", id)
	if id == "" {
		c.add("false")
	}
	c.within("c.creditor_id", scope)
	return one(ctx, s, "case", "SELECT "+caseColumns+" FROM cases c"+caseJoins+" WHERE true"+c.and(), a.args, scanCase(today))
}

// InScope reports the case's creditor when a scope sees the case; ErrNotFound otherwise.
// Handlers ask it before they command anything.
func (s *Store) InScope(ctx context.Context, scope read.Scope, caseID string) (string, error) {
	a := &ask{}
	c := &conds{ask: a}
	c.uuid("c.id", caseID)
	if caseID == "" {
		c.add("false")
	}
	c.within("c.creditor_id", scope)
	return one(ctx, s, "case", "SELECT c.creditor_id FROM cases c WHERE true"+c.and(), a.args, pgx.RowTo[string])
}
