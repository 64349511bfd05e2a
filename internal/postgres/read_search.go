package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/read"
)

// maxSearch bounds what is looked at for one search, and nameCandidates how many debtors
// with the longest of several words are compared with the other words.
const (
	maxSearch      = 100
	maxSearchText  = 200
	nameCandidates = 500
)

// sought is a text as the columns of search_terms are written.
type sought struct {
	plain, number string
	words         []string // the longest first
	digits        string   // from the last to the first, without leading zeros; "" when not a phone number
}

// seek writes a text as search_terms has it, by the functions that write these.
func (s *Store) seek(ctx context.Context, text string) (sought, error) {
	t, err := one(ctx, s, "search", "SELECT left(duly_plain(btrim($1)), 120), duly_number($1), ARRAY(SELECT duly_words($1))", []any{text},
		func(row pgx.CollectableRow) (t sought, err error) {
			err = row.Scan(&t.plain, &t.number, &t.words)
			return t, err
		})
	slices.SortFunc(t.words, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	t.digits = backwards(text)
	return t, err
}

// backwards are the digits of a phone number from the last to the first, without the
// zeros or the plus that stand before it. It is empty for what has letters or few digits.
func backwards(text string) string {
	var digits []byte
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case strings.ContainsRune("+-./() \u00a0", r):
		default:
			return ""
		}
	}
	digits = []byte(strings.TrimLeft(string(digits), "0"))
	if len(digits) < 5 {
		return ""
	}
	slices.Reverse(digits)
	return string(digits)
}

// terms are SELECTs of what matches, kind by kind, each bounded and in the order of the
// index: the shortest term, the exact one, comes first.
func (t sought) terms(a *ask, scope read.Scope, limit int) []string {
	from, most := a.creditors(scope), a.p(limit)
	var out []string
	add := func(kind, term string) {
		if term != "" {
			out = append(out, t.prefix(a, from, most, kind, term))
		}
	}
	add("customer", t.number)
	add("invoice", t.number)
	add("phone", t.digits)
	if !strings.Contains(t.plain, " ") {
		add("email", t.plain)
	}
	return append(out, t.names(a, from, most)...)
}

// names finds debtors by the words of their name. Two words are the beginning of a name
// that is written with one of them first: all such are found. Whoever has further words
// between them, or was asked for by the beginnings of several, is looked for among the
// first debtors with the longest word.
func (t sought) names(a *ask, from, most string) []string {
	switch {
	case len(t.words) == 0 || strings.Contains(t.plain, "@"):
		return nil
	case len(t.words) == 1:
		return []string{t.prefix(a, from, most, "name", t.words[0])}
	}
	first, others := a.p(t.words[0]), ""
	for _, w := range t.words[1:] {
		v := a.p(w)
		others += ` AND EXISTS (SELECT FROM search_terms o WHERE o.debtor_id = n.debtor_id AND o.kind = 'name' AND o.term >= ` + v +
			` AND o.term < ` + v + ` || chr(1114111))`
	}
	some := a.p(nameCandidates)
	out := []string{`SELECT 'name' AS kind, n.term, n.debtor_id, NULL::uuid AS account_id FROM (SELECT x.* FROM ` + from + `
 CROSS JOIN LATERAL (SELECT t.term, t.debtor_id FROM search_terms t
 WHERE t.creditor_id = s.creditor AND t.kind = 'name' AND t.term >= ` + first + ` AND t.term < ` + first + ` || chr(1114111)
 ORDER BY t.term, t.debtor_id LIMIT ` + some + `) x ORDER BY x.term, x.debtor_id LIMIT ` + some + `) n WHERE true` + others + `
 ORDER BY n.term, n.debtor_id LIMIT ` + most}
	return append(out, t.prefix(a, from, most, "name", strings.Join(t.words, " ")), t.prefix(a, from, most, "name", t.words[1]+" "+t.words[0]))
}

// prefix finds what begins with a text, in the order of the index.
func (t sought) prefix(a *ask, from, most, kind, term string) string {
	v := a.p(term)
	return `SELECT x.* FROM ` + from + ` CROSS JOIN LATERAL (SELECT t.kind, t.term, t.debtor_id, t.account_id FROM search_terms t
 WHERE t.creditor_id = s.creditor AND t.kind = '` + kind + `' AND t.term >= ` + v + ` AND t.term < ` + v + ` || chr(1114111)
 ORDER BY t.term, t.debtor_id LIMIT ` + most + `) x`
}

// Search finds debtors by the beginning of a name's words, an email address, a customer
// or invoice number, the end of a phone number, or the beginning of a case's id; see
// read.Reader. Beginnings of several words of a name are looked for among the first two
// thousand debtors with the longest of them; a first and a last name always.
func (s *Store) Search(ctx context.Context, scope read.Scope, text string, limit int) ([]read.Hit, error) {
	text = strings.TrimSpace(cleanText(text))
	if text == "" || len(text) > maxSearchText {
		return nil, nil
	}
	if limit <= 0 {
		limit = read.DefaultLimit
	}
	limit = min(limit, maxSearch)
	t, err := s.seek(ctx, text)
	if err != nil {
		return nil, err
	}
	a := &ask{}
	branches := append(t.terms(a, scope, limit), caseBranch(a, scope, text, limit)...)
	if len(branches) == 0 {
		return nil, nil
	}
	hits, err := rows(ctx, s, "search", searchHits("("+strings.Join(branches, ") UNION ALL (")+")", a.p(limit)), a.args, scanHit)
	return hits, err
}

// caseBranch finds cases by the beginning of their id.
func caseBranch(a *ask, scope read.Scope, text string, limit int) []string {
	low, high, ok := uuidRange(text)
	if !ok {
		return nil
	}
	c := &conds{ask: a}
	c.within("c.creditor_id", scope)
	return []string{`SELECT 'case' AS kind, c.id::text AS term, c.debtor_id, c.account_id FROM cases c
 WHERE c.id BETWEEN ` + a.p(low) + `::uuid AND ` + a.p(high) + `::uuid` + c.and() + ` ORDER BY c.id LIMIT ` + a.p(limit)}
}

// uuidRange are the first and the last UUID that begin with a text of at least 6 digits.
func uuidRange(text string) (low, high string, ok bool) {
	text = strings.ToLower(strings.TrimPrefix(text, "case/"))
	const first, last = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
	if len(text) < 6 || len(text) > len(first) {
		return "", "", false
	}
	low, high = text+first[len(text):], text+last[len(text):]
	return low, high, isUUID(low)
}

// searchHits makes hits of terms: one for each debtor and account, by what it matched
// first in the order of kinds.
func searchHits(terms, limit string) string {
	return `WITH terms AS MATERIALIZED (` + terms + `),
 best AS MATERIALIZED (SELECT * FROM (SELECT DISTINCT ON (t.debtor_id, t.account_id) t.kind, t.term, t.debtor_id, t.account_id,
   array_position(ARRAY['case', 'customer', 'invoice', 'email', 'phone', 'name'], t.kind) AS place
   FROM terms t ORDER BY t.debtor_id, t.account_id, place, t.term) b ORDER BY b.place, length(b.term), b.term, b.debtor_id LIMIT ` + limit + `)
 SELECT b.kind, CASE b.kind WHEN 'phone' THEN reverse(b.term) ELSE b.term END, d.id, d.key, coalesce(a.id::text, ''), coalesce(a.key, ''), d.creditor_id,
 coalesce(p.name, ''), coalesce(c.id::text, ''), coalesce(c.status, ''), coalesce(c.open_minor, 0), coalesce(a.currency, '')
 FROM best b JOIN debtors d ON d.id = b.debtor_id LEFT JOIN debtor_profiles p ON p.debtor_id = d.id
 LEFT JOIN LATERAL (SELECT k.* FROM accounts k WHERE k.debtor_id = d.id AND (b.account_id IS NULL OR k.id = b.account_id)
   ORDER BY k.id LIMIT 1) a ON true
 LEFT JOIN LATERAL (SELECT k.id, k.status, k.open_minor FROM cases k WHERE k.account_id = a.id
   ORDER BY k.status DESC, k.created_at DESC, k.id LIMIT 1) c ON true
 ORDER BY b.place, length(b.term), b.term, b.debtor_id`
}

func scanHit(row pgx.CollectableRow) (read.Hit, error) {
	var h read.Hit
	var open int64
	var currency string
	err := row.Scan(&h.Kind, &h.Text, &h.Debtor, &h.DebtorKey, &h.Account, &h.AccountKey, &h.Creditor, &h.Name, &h.Case, &h.Status, &open, &currency)
	if h.Kind == "phone" {
		h.Text = "+" + h.Text
	}
	h.Open = read.Minor(open, currency)
	return h, err
}
