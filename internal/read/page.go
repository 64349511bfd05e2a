package read

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
	maxCursor    = 1024
)

// ErrBadCursor is what a cursor that this program did not make comes to, or one of
// another list or order. The reader starts again at the first page.
var ErrBadCursor = errors.New("the cursor does not belong to this list: start again without one")

// Page asks for a part of a list: at most Limit rows (0: DefaultLimit; never more
// than MaxLimit) after a cursor ("" = from the start). Cursors name the last row,
// not a number, so rows that come and go meanwhile are neither shown twice nor lost.
type Page struct {
	Limit int
	After string
}

// Size is the limit within its bounds.
func (p Page) Size() int {
	if p.Limit <= 0 {
		return DefaultLimit
	}
	return min(p.Limit, MaxLimit)
}

// List is a page of rows. Next is the cursor of the following page, "" at the end.
type List[T any] struct {
	Rows []T    `json:"rows"`
	Next string `json:"next,omitempty"`
}

// Count is how many rows a filter has. When not Exact it is the database's estimate,
// because counting would cost more than it is worth.
type Count struct {
	N     int64 `json:"n"`
	Exact bool  `json:"exact"`
}

// Cursor names the last row of a page: the values of the sort order and of the tie
// breakers behind it. Order says which list in which order it belongs to.
type Cursor struct {
	Order  string   `json:"o"`
	Values []string `json:"v"`
}

// Encode writes the cursor as text for a URL.
func (c Cursor) Encode() string {
	b, _ := json.Marshal(c) // strings only: cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// DecodeCursor reads what Encode wrote, for a list in an order with n values. The
// empty text is the start: nil. ErrBadCursor for anything else.
func DecodeCursor(text, order string, n int) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxCursor {
		return nil, ErrBadCursor
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrBadCursor
	}
	var c Cursor
	if err := json.Unmarshal(b, &c); err != nil || c.Order != order || len(c.Values) != n {
		return nil, ErrBadCursor
	}
	return c.Values, nil
}

// CursorTime writes an instant into a cursor, and TimeOf reads it back.
func CursorTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// TimeOf reads an instant of a cursor.
func TimeOf(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w (instant %q)", ErrBadCursor, s)
	}
	return t, nil
}

// All walks a whole list page by page, for exports: one page is in memory at a time.
// It ends after the first error, which it yields.
func All[T any](fetch func(Page) (List[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		page := Page{Limit: MaxLimit}
		for {
			list, err := fetch(page)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, row := range list.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if page.After = list.Next; page.After == "" {
				return
			}
		}
	}
}
