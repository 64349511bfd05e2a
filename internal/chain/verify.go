package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Linked is a seal with the hash of the one before it; HasPrev is false when that seal is
// not there.
type Linked struct {
	Seal
	Prev    Hash
	HasPrev bool
}

// Source is where a chain is read. Implementations read what is stored and judge nothing.
type Source interface {
	// Last is the seal with the greatest number; the zero Seal for an empty chain.
	Last(ctx context.Context) (Seal, error)
	// Hash is that of a seal; false when there is no such seal.
	Hash(ctx context.Context, n int64) (Hash, bool, error)
	// Ledgers names those that have seals, sorted.
	Ledgers(ctx context.Context) ([]string, error)
	// Seals of a ledger with To > after and N <= upTo, by To, at most limit.
	Seals(ctx context.Context, ledger string, after, upTo int64, limit int) ([]Linked, error)
	// Rows of a ledger with numbers in (after, to], ordered, at most limit. ErrForm when this
	// program does not know the ledger or the form.
	Rows(ctx context.Context, ledger string, form int, after, to int64, limit int) ([]Row, error)
}

// ErrForm means that rows were sealed in a way that this program does not know.
var ErrForm = errors.New("sealed in a form that this program does not know")

// Fault is a kind of difference.
type Fault string

// The faults.
const (
	Changed  Fault = "changed"  // the row is not as it was sealed
	Missing  Fault = "missing"  // the row was deleted
	Inserted Fault = "inserted" // the row came after its place had been sealed
	BadSeal  Fault = "seal"     // the seal itself is not as it was made
	NoSeal   Fault = "no_seal"  // a seal is missing
	BadHead  Fault = "head"     // the head that was kept elsewhere is not in the chain
	NoForm   Fault = "form"     // see ErrForm
	// Unlogged is found beside the chain (internal/postgres): something that changes is not as
	// its newest row says, or a row of its log covers up more than it says.
	Unlogged Fault = "unlogged"
)

// Break is the first place where a chain is not as it was made.
type Break struct {
	Fault  Fault  `json:"fault"`
	Ledger string `json:"ledger,omitempty"`
	Seal   int64  `json:"seal"`
	Row    int64  `json:"row,omitempty"` // number of the row in the ledger, where one can be named
}

// String says what is broken, and where.
func (b Break) String() string {
	switch b.Fault {
	case Changed:
		return fmt.Sprintf("row %d of %s was changed after it had been sealed (seal %d)", b.Row, b.Ledger, b.Seal)
	case Missing:
		return fmt.Sprintf("row %d of %s was deleted after it had been sealed (seal %d)", b.Row, b.Ledger, b.Seal)
	case Inserted:
		return fmt.Sprintf("row %d of %s was added between rows that had been sealed (seal %d)", b.Row, b.Ledger, b.Seal)
	case NoSeal:
		return fmt.Sprintf("seal %d is missing", b.Seal)
	case BadHead:
		return fmt.Sprintf("the chain does not hold seal %d as it was kept elsewhere: its end was cut off or made anew", b.Seal)
	case Unlogged:
		if b.Row == 0 {
			return fmt.Sprintf("a user, a role or a key was made past its log: it is in no row of %s", b.Ledger)
		}
		return fmt.Sprintf("the user, role or key of row %d of %s was changed past its log: that row does not say how it came about", b.Row, b.Ledger)
	case NoForm:
		return fmt.Sprintf("seal %d of %s is of a newer program, or was made up", b.Seal, b.Ledger)
	}
	return fmt.Sprintf("seal %d of %s is not as it was made", b.Seal, b.Ledger)
}

// Report is what verifying came to: everything through Head is as it was sealed, unless
// Broken says where it is not.
type Report struct {
	Head   Head   `json:"head"`
	Rows   int64  `json:"rows"`
	Broken *Break `json:"broken,omitempty"`
}

// How much is read at once.
const (
	sealsPage = 500
	rowsPage  = 10_000
)

// Verify hashes every sealed row again, through the seal that was the last when it began.
// kept are heads that were kept elsewhere. The error is of reading; a chain that is broken
// is a Report. Of several breaks it tells the one with the lowest seal.
func Verify(ctx context.Context, src Source, kept ...Head) (Report, error) {
	last, err := src.Last(ctx)
	if err != nil {
		return Report{}, err
	}
	r := Report{Head: Head{last.N, last.Hash}}
	ledgers, err := src.Ledgers(ctx)
	if err != nil {
		return r, err
	}
	seals := int64(0)
	for _, name := range ledgers {
		v := &verifier{src: src, ledger: name, upTo: last.N, at: Start}
		if err := v.run(ctx); err != nil {
			return r, fmt.Errorf("verifying %s: %w", name, err)
		}
		r.Rows, seals = r.Rows+v.rows, seals+v.seals
		r.breaks(v.broken)
	}
	if r.Broken == nil && seals != last.N { // whatever the reason: not every number was seen once
		r.Broken = &Break{Fault: NoSeal, Seal: seals}
	}
	for _, h := range kept {
		if err := r.holds(ctx, src, h); err != nil {
			return r, err
		}
	}
	return r, nil
}

// breaks keeps the break with the lowest seal.
func (r *Report) breaks(b *Break) {
	if b != nil && (r.Broken == nil || b.Seal < r.Broken.Seal) {
		r.Broken = b
	}
}

// holds sees whether a head that was kept elsewhere is in the chain.
func (r *Report) holds(ctx context.Context, src Source, h Head) error {
	if h.N == 0 {
		return nil // an empty chain is the beginning of every one
	}
	hash, ok, err := src.Hash(ctx, h.N)
	if err == nil && (!ok || hash != h.Hash) {
		r.breaks(&Break{Fault: BadHead, Seal: h.N})
	}
	return err
}

// verifier goes over one ledger.
type verifier struct {
	src    Source
	ledger string
	upTo   int64

	rows, seals int64
	broken      *Break

	form int
	buf  []Row // read and not yet used
	at   int64 // everything through this number was read
}

// run verifies the ledger's seals in their order and stops at the first break.
func (v *verifier) run(ctx context.Context) error {
	for after := int64(Start); ; {
		page, err := v.src.Seals(ctx, v.ledger, after, v.upTo, sealsPage)
		if err != nil || len(page) == 0 {
			return err
		}
		end := page[len(page)-1].To
		for _, s := range page {
			if v.broken, err = v.seal(ctx, s, after, end); err != nil || v.broken != nil {
				return err
			}
			after = s.To
			v.seals++
		}
	}
}

// seal verifies one seal; after is where the ledger's seal before it ended.
func (v *verifier) seal(ctx context.Context, s Linked, after, end int64) (*Break, error) {
	switch {
	case s.N > 1 && !s.HasPrev:
		return &Break{Fault: NoSeal, Seal: s.N - 1}, nil
	case s.After != after || s.To <= s.After || len(s.Marks) != markSize*s.Count || s.Count < 1:
		return &Break{Fault: BadSeal, Ledger: v.ledger, Seal: s.N}, nil
	}
	rows, err := v.take(ctx, s, end)
	if errors.Is(err, ErrForm) {
		return &Break{Fault: NoForm, Ledger: v.ledger, Seal: s.N}, nil
	}
	if err != nil {
		return nil, err
	}
	v.rows += int64(len(rows))
	if s.over(s.Prev, rows) == s.Hash && s.Count == len(rows) {
		return differ(s.Seal, rows), nil // the marks are no part of the hash: they must fit too
	}
	if b := differ(s.Seal, rows); b != nil {
		return b, nil
	}
	return &Break{Fault: BadSeal, Ledger: v.ledger, Seal: s.N}, nil
}

// take reads the rows of a seal; those of the seals behind it, through end, are read along.
func (v *verifier) take(ctx context.Context, s Linked, end int64) (rows []Row, err error) {
	if v.form != s.Form || v.at < s.After {
		v.form, v.buf, v.at = s.Form, nil, s.After
	}
	for {
		n := 0
		for n < len(v.buf) && v.buf[n].ID <= s.To {
			n++
		}
		rows, v.buf = append(rows, v.buf[:n]...), v.buf[n:]
		if len(v.buf) > 0 || v.at >= s.To {
			return rows, nil
		}
		if v.buf, err = v.src.Rows(ctx, v.ledger, s.Form, v.at, end, rowsPage); err != nil {
			return nil, err
		}
		v.at = end
		if len(v.buf) == rowsPage {
			v.at = v.buf[rowsPage-1].ID
		}
	}
}

// differ finds the first row that is not as the seal's marks say.
func differ(s Seal, rows []Row) *Break {
	at := func(f Fault, row int64) *Break { return &Break{Fault: f, Ledger: s.Ledger, Seal: s.N, Row: row} }
	for marks := s.Marks; len(marks) > 0 || len(rows) > 0; {
		if len(marks) == 0 {
			return at(Inserted, rows[0].ID)
		}
		id := int64(binary.BigEndian.Uint64(marks)) //nolint:gosec // the bits are what counts
		switch {
		case len(rows) == 0 || rows[0].ID > id:
			return at(Missing, id)
		case rows[0].ID < id:
			return at(Inserted, rows[0].ID)
		case string(marks[8:markSize]) != string(rows[0].Digest[:8]):
			return at(Changed, id)
		}
		marks, rows = marks[markSize:], rows[1:]
	}
	return nil
}

// Check is what one verification came to.
type Check struct {
	At time.Time `json:"at"` // wall time
	By string    `json:"by"`
	Report
}

// State is how a chain stands.
type State struct {
	Head     Head          `json:"head"`
	SealedAt time.Time     `json:"sealed_at,omitzero"` // wall time of the newest seal
	Unsealed []string      `json:"unsealed,omitempty"` // ledgers with rows that wait, sorted
	Oldest   time.Duration `json:"oldest"`             // how long the oldest of them waits, in nanoseconds
	Check    Check         `json:"check"`              // the newest
	Checked  bool          `json:"checked"`            // false: never verified
}
