package postgres_test

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// TestPromisedCallsComeAtTheirTime: a callback is in no list of work and in no count before
// its instant, but among what is for later; from then on it is work, and not for later.
func TestPromisedCallsComeAtTheirTime(t *testing.T) {
	b := newBundle(t).open()
	when := noon.Add(26 * time.Hour)
	b.must(b.add(b.caseFact(dunning.CaseOpened{Sequence: "s", Version: "v"}), b.caseFact(dunning.CallbackSet{ID: "k", When: when, Owner: "u1"})))
	for _, c := range []struct {
		why   string
		at    time.Time
		f     read.WorkFilter
		found bool
	}{
		{"a second before it is not there", when.Add(-time.Second), read.WorkFilter{}, false},
		{"it is for later", when.Add(-time.Second), read.WorkFilter{Later: true}, true},
		{"at its time it is there", when, read.WorkFilter{}, true},
		{"and not for later", when, read.WorkFilter{Later: true}, false},
		{"of its owner", when, read.WorkFilter{Owner: "u1", Mine: true}, true},
		{"and of nobody else", when, read.WorkFilter{Owner: "u2", Mine: true}, false},
	} {
		list, err := b.Worklist(t.Context(), read.Everything(), c.f, c.at, read.Page{})
		b.must(err)
		if found := len(list.Rows) == 1 && list.Rows[0].Kind == read.WorkCallback; found != c.found || len(list.Rows) > 1 {
			t.Errorf("%s: %d rows, %+v", c.why, len(list.Rows), list.Rows)
		}
		counts, err := b.Queues(t.Context(), read.Everything(), c.at)
		b.must(err)
		if counted := len(counts) == 1; counted == c.at.Before(when) {
			t.Errorf("%s: counted as %+v", c.why, counts)
		}
	}
}
