package postgres

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// factRows are facts as columns, one array per column, for one statement.
type factRows struct {
	sqlgen.InsertFactsParams
	debtors  []string // whose version moves …
	versions []int64  // … and to what
	kinds    map[dunning.Kind]bool
	added    map[string][]dunning.Fact // by debtor, as they will be read back
	attempts attemptRows
}

func (r *factRows) has(k dunning.Kind) bool { return r.kinds[k] }

func (r *factRows) bump(debtor string, version int64) {
	r.debtors, r.versions = append(r.debtors, debtor), append(r.versions, version)
}

// add encodes one fact.
func (r *factRows) add(debtor string, version int64, seq int32, f dunning.Fact) error {
	kind := f.Body.Kind()
	if f.At.IsZero() {
		return fmt.Errorf("fact of kind %s has no instant", kind)
	}
	body, err := encodeJSON(f.Body)
	if err != nil {
		return fmt.Errorf("fact of kind %s: %w", kind, err)
	}
	// The log is never changed: a fact in it that cannot be read back (a date beyond the
	// year 9999, say) would close the debtor to everybody for ever.
	back, err := dunning.DecodeBody(kind, body)
	if err != nil {
		return fmt.Errorf("%w, because it could not be read back: %w", ErrRefused, err)
	}
	item, amount := columnsOf(f.Body)
	r.Debtors, r.Versions, r.Seqs = append(r.Debtors, debtor), append(r.Versions, version), append(r.Seqs, seq)
	r.Kinds, r.Ats = append(r.Kinds, string(kind)), append(r.Ats, micros(f.At))
	r.Accounts, r.Cases, r.Items = append(r.Accounts, f.Account), append(r.Cases, f.Case), append(r.Items, cleanText(item))
	r.Bys, r.Sources = append(r.Bys, cleanText(f.By)), append(r.Sources, cleanText(f.Source))
	r.Amounts, r.Currencies = append(r.Amounts, amount.Minor()), append(r.Currencies, amount.Currency())
	r.Bodies = append(r.Bodies, body)
	if r.kinds == nil {
		r.kinds, r.added = map[dunning.Kind]bool{}, map[string][]dunning.Fact{}
	}
	r.kinds[kind] = true
	r.added[debtor] = append(r.added[debtor], dunning.Fact{
		Version: version, At: micros(f.At), Account: f.Account, Case: f.Case, By: cleanText(f.By), Source: cleanText(f.Source), Body: back,
	})
	return nil
}

// columnsOf picks what a body has in common with the columns that rules look at.
func columnsOf(b dunning.Body) (item string, amount money.Amount) {
	switch b := b.(type) {
	case dunning.Item:
		return b.Key, b.Amount
	case dunning.ItemCorrected:
		return b.Item, b.Amount
	case dunning.Payment:
		return b.Item, b.Amount
	case dunning.PromiseMade:
		return "", b.Amount
	case dunning.HoldPlaced:
		return b.Item, money.Amount{}
	case dunning.DisputeRaised:
		return b.Item, money.Amount{}
	}
	return "", money.Amount{}
}

// decodeFact is the way back.
func decodeFact(r sqlgen.FactsAsOfRow) (dunning.Fact, error) {
	body, err := dunning.DecodeBody(dunning.Kind(r.Kind), r.Body)
	return dunning.Fact{
		Version: r.Version, At: r.At, Account: value(r.AccountID), Case: value(r.CaseID), By: r.By, Source: r.Source, Body: body,
	}, err
}

// micros cuts an instant to what the database keeps, so that what is read back is
// what was written. Cutting, not rounding: a fact never moves into the future.
func micros(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// encodeJSON writes what jsonb can hold: it has no U+0000, which a debtor's reply
// may contain; the replacement character stands in for it.
func encodeJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil || !bytes.Contains(b, []byte(`\u0000`)) {
		return b, err
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] != '\\':
			out = append(out, b[i])
		case bytes.HasPrefix(b[i:], []byte(`\u0000`)):
			out = append(out, `\ufffd`...)
			i += len(`\u0000`) - 1
		default: // an escape of two bytes: `\\u0000` is a backslash and four digits
			out = append(out, b[i], b[i+1])
			i++
		}
	}
	return out, nil
}

// cleanText is encodeJSON's care for plain text columns.
func cleanText(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// value is *p, or the zero value for null.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// null is nil for the zero value.
func null[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// nullTime is nil for the zero instant, else the instant as the database keeps it.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = micros(t)
	return &t
}
