package operate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/tell"
	"github.com/duly/duly/internal/web"
)

// triedMoves of a migration are looked at one by one before it is ordered.
const triedMoves = 200

// migratePage orders that running cases move to another version of their sequence.
type migratePage struct {
	ID, Title string
	InForce   string // version; "" when the sequence is not in force any more
	To        string // chosen
	From      string // chosen; "" = all others
	Counts    []read.SequenceCount
	Versions  []string // that were ever published, the newest first
	Open      int64
	Movable   int64 // of these not on the version chosen
	Case      string
}

// migrate is the form; what it would come to is the preview of a bulk action.
func (d *operations) migrate(r *web.Request) error {
	p := migratePage{ID: r.R.PathValue("id"), From: r.Value("from"), To: r.Value("to"), Case: r.Value("case")}
	c, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	if s := c.Sequence(p.ID); s != nil {
		p.Title, p.InForce = s.Title, s.Version
	}
	if p.Versions, err = d.Desk.SequenceVersions(r.R.Context(), p.ID); err != nil {
		return err
	}
	if len(p.Versions) == 0 {
		return web.NotFound("This sequence")
	}
	if !slices.Contains(p.Versions, p.To) {
		if p.To = p.InForce; p.To == "" {
			p.To = p.Versions[0]
		}
	}
	if p.Counts, err = d.countsOf(r, p.ID, identity.Migrate); err != nil {
		return err
	}
	for _, n := range p.Counts {
		p.Open += n.N
		if n.Version != p.To {
			p.Movable += n.N
		}
	}
	return r.Page("migrate.html", p)
}

// countsOf are the open cases of a sequence by the version that they follow.
func (d *operations) countsOf(r *web.Request, sequence string, need identity.Permission) ([]read.SequenceCount, error) {
	all, err := d.Read.SequenceCounts(r.R.Context(), r.Scope(need))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(n read.SequenceCount) bool { return n.Sequence != sequence }), nil
}

// tryMoves asks the core about many of the cases, spread over all of them, and adds up.
func (d *operations) tryMoves(r *web.Request, p *bulkPage, rows []read.CaseRow) error {
	n := min(triedMoves, len(rows))
	ids := make([]string, n)
	for i := range n {
		ids[i] = rows[i*len(rows)/n].Case
	}
	t, err := d.Desk.TryMigration(r.R.Context(), r.User, bulkParams(r), ids)
	if err != nil {
		return err
	}
	p.Moves = &t
	return nil
}

// Tried is how many of the cases were looked at.
func (p bulkPage) Tried() int {
	if p.Moves == nil {
		return 0
	}
	return p.Moves.Sum.Cases
}

// MoveOf is what a migration does to a case of the sample.
func (p bulkPage) MoveOf(id string) *ops.MigrationRow {
	if p.Moves == nil {
		return nil
	}
	for i := range p.Moves.Rows {
		if p.Moves.Rows[i].Case == id {
			return &p.Moves.Rows[i]
		}
	}
	return nil
}

// MovesWhen says when a case moves that waits.
func (bulkPage) MovesWhen(why string) string { return tell.MovesWhen(why) }

// Reason says why cases do not move now, for people.
func (bulkPage) Reason(c dunning.MigrationCount) string {
	if why, waits := strings.CutPrefix(c.What, "waits: "); waits {
		return fmt.Sprintf("%d %s", c.N, tell.MovesWhen(why))
	}
	if c.What == "refused: at_once" {
		return fmt.Sprintf("%d refused: a message or call would be due within a day that is not due now", c.N)
	}
	return fmt.Sprintf("%d %s", c.N, c.What)
}

// Set reports whether an instant is one.
func (bulkPage) Set(t time.Time) bool { return !t.IsZero() }
