package operate

import (
	"testing"

	"github.com/duly/duly/internal/read"
)

// TestDeadWords: a row says one of its kind, whom or what it is about, and why in words.
func TestDeadWords(t *testing.T) {
	for _, c := range []struct {
		about           string
		row             read.DeadRow
		what, whose, by string
	}{
		{"a customer has a name", read.DeadRow{Kind: read.DeadStuck, Subject: "x", Who: read.Who{DebtorKey: "A-1", Name: "Ada"}, Code: "task:call"}, "stuck case", "Ada", "task: call"},
		{"or a number", read.DeadRow{Kind: read.DeadFailed, Subject: "x", Who: read.Who{DebtorKey: "A-1"}, Code: "content"}, "failed step", "A-1", "content"},
		{"an event is of nobody", read.DeadRow{Kind: read.DeadInbox, Subject: "7", Code: "no_such_account"}, "event", "event 7", "no such account"},
		{"what a delivery came to is a sentence", read.DeadRow{Kind: read.DeadHook, Subject: "8", Code: "dial tcp 10.0.0.1:443: i/o timeout"}, "delivery", "delivery 8", "dial tcp 10.0.0.1:443: i/o timeout"},
		{"a kind without words is its own", read.DeadRow{Kind: "new", Subject: "9"}, "new", "9", ""},
	} {
		var p deadPage
		if what, whose, why := p.What(c.row.Kind), p.Whose(c.row), p.Why(c.row); what != c.what || whose != c.whose || why != c.by {
			t.Errorf("%s: %q, %q, %q", c.about, what, whose, why)
		}
	}
	for n, want := range map[int64]string{0: "deliveries", 1: "delivery", 2: "deliveries"} {
		if got := deadName(read.DeadHook, n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestStateWordsOfABulkItem(t *testing.T) {
	for state, want := range map[string]string{"done": "done", "same": "nothing to do", "kept": "left as others made it", "dropped": "never begun"} {
		if got := (bulkOnePage{}).StateWords(state); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}

// TestNoteOf: of nothing nobody says that it is under way.
func TestNoteOf(t *testing.T) {
	if none, some := noteOf(0, "under way"), noteOf(3, "under way"); none != "none now" || some != "under way" {
		t.Errorf("%q, %q", none, some)
	}
}
