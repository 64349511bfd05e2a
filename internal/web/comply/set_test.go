package comply

import (
	"net/url"
	"testing"
	"time"

	"github.com/duly/duly/internal/web"
)

// TestDaysOfAFilter: both days are included; they are those of the creditor who is chosen, also when
// clocks change, and of UTC without one, or with one who has no zone.
func TestDaysOfAFilter(t *testing.T) {
	creditors := []web.Creditor{{ID: "acme", Zone: "America/New_York"}, {ID: "odd", Zone: "Nowhere/Atall"}}
	for _, c := range []struct{ why, query, from, until string }{
		{"no creditor", "from=2026-02-20&until=2026-02-21", "2026-02-20T00:00:00Z", "2026-02-22T00:00:00Z"},
		{"a day of 23 hours", "creditor=acme&from=2026-03-08&until=2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
		{"a day of 25 hours", "creditor=acme&from=2026-11-01&until=2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"a creditor whose zone nobody knows", "creditor=odd&from=2026-02-20", "2026-02-20T00:00:00Z", ""},
		{"a creditor whom one may not see", "creditor=other&until=2026-02-20", "", "2026-02-21T00:00:00Z"},
		{"what is no day is no bound", "creditor=acme&from=soon&until=2026-02-31", "", ""},
	} {
		q, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		from, until := spanIn(q, daysOf(q.Get("creditor"), creditors))
		if text(from) != c.from || text(until) != c.until {
			t.Errorf("%s: from %s until %s, want %s and %s", c.why, text(from), text(until), c.from, c.until)
		}
	}
}

func text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
