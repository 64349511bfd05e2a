package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Others says which of some provider's ids are recorded for another contact than this one of a
// debtor, and how many other contacts were handed over to the same address between two instants
// without anybody knowing by which id: they could be what the provider's records show. The
// contact need not be stored: after a restore it is asked about before it is written down.
func (tx *Tx) Others(ctx context.Context, debtor string, c dunning.ContactPlanned, ids []string, from, until time.Time) (taken []string, rivals int, err error) {
	if taken, err = tx.q.ProviderMessagesOfOthers(ctx, string(c.Channel), ids, c.ID); err != nil {
		return nil, 0, fmt.Errorf("whose messages these are: %w", explain(err))
	}
	n, err := tx.q.RivalsOf(ctx, sqlgen.RivalsOfParams{
		Debtor: debtor, Point: c.Point, ContactID: c.ID, Channel: string(c.Channel), FromAt: micros(from), UntilAt: micros(until),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("who else wrote to the address of contact %s: %w", c.ID, explain(err))
	}
	return taken, int(n), nil
}

// SinceFence is how long ago a contact was last handed over, by the database's clock, which is
// one for all workers; false when it never was.
func (s *Store) SinceFence(ctx context.Context, contact string) (time.Duration, bool, error) {
	us, ok, err := orNone(s.q.SinceFence(ctx, contact))
	if err != nil {
		return 0, false, fmt.Errorf("since when contact %s is handed over: %w", contact, err)
	}
	return time.Duration(us) * time.Microsecond, ok, nil
}

// --- breakers ----------------------------------------------------------------------

// BreakerAfter hand-overs of a channel in a row that stayed unknown, of all workers
// together, open its breaker; an open one lets one hand-over try every BreakerProbe.
const (
	BreakerAfter = 5
	BreakerProbe = 5 * time.Minute
)

// AdmitBreaker is for how long an open breaker keeps everybody from a channel; 0: a
// hand-over may begin. Of those who ask when an open one may be tried, one is let through.
func (s *Store) AdmitBreaker(ctx context.Context, channel string) (time.Duration, error) {
	us, there, err := orNone(s.q.BreakerWait(ctx, channel))
	if err != nil || !there || us == 0 {
		return 0, inBreaker(channel, err)
	}
	if us > 1 {
		return time.Duration(us) * time.Microsecond, nil
	}
	if _, mine, err := orNone(s.q.BreakerTake(ctx, interval(BreakerProbe), channel)); err != nil || mine {
		return 0, inBreaker(channel, err)
	}
	us, _, err = orNone(s.q.BreakerWait(ctx, channel)) // another worker tries, or has closed it
	return time.Duration(us) * time.Microsecond, inBreaker(channel, err)
}

// BreakerUnknown counts a hand-over that stayed unknown. That a breaker opens is recorded.
func (s *Store) BreakerUnknown(ctx context.Context, channel string) error {
	return inBreaker(channel, s.turn(ctx, func(q *sqlgen.Queries) error {
		r, err := q.BreakerUnknown(ctx, channel, BreakerAfter, interval(BreakerProbe))
		if err != nil || !r.Opened {
			return err
		}
		return q.AddBreakerEvent(ctx, sqlgen.AddBreakerEventParams{Channel: channel, Event: "opened", Reason: "unknowns", Unknowns: r.Unknowns})
	}))
}

// BreakerAnswered ends the count: the provider has answered a hand-over, or a look-up. That
// a breaker closes is recorded with the reason, a code.
func (s *Store) BreakerAnswered(ctx context.Context, channel, reason string) error {
	return inBreaker(channel, s.turn(ctx, func(q *sqlgen.Queries) error {
		r, was, err := orNone(q.BreakerAnswered(ctx, channel))
		if err != nil || !was || !r.Closed {
			return err
		}
		return q.AddBreakerEvent(ctx, sqlgen.AddBreakerEventParams{Channel: channel, Event: "closed", Reason: reason, Unknowns: r.Unknowns})
	}))
}

func inBreaker(channel string, err error) error {
	if err != nil {
		return fmt.Errorf("breaker of %s: %w", channel, explain(err))
	}
	return nil
}

// Breaker is how a channel's breaker stands (wall time).
type Breaker struct {
	Channel  dunning.Channel
	Unknowns int       // in a row
	Since    time.Time // open since then; zero: closed
	Probe    time.Time // when the next one may try
}

// Breakers lists the channels that something was unknown of, in order.
func (s *Store) Breakers(ctx context.Context) ([]Breaker, error) {
	rows, err := s.q.Breakers(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the breakers: %w", explain(err))
	}
	out := make([]Breaker, len(rows))
	for i, r := range rows {
		out[i] = Breaker{dunning.Channel(r.Channel), int(r.Unknowns), value(r.OpenSince), value(r.ProbeAt)}
	}
	return out, nil
}

// BreakerEvent is that a breaker opened or closed (wall time).
type BreakerEvent struct {
	Channel  dunning.Channel
	Event    string // opened, closed
	Reason   string // a code
	Unknowns int    // in a row until then
	At       time.Time
}

// BreakerEvents are the newest first.
func (s *Store) BreakerEvents(ctx context.Context, limit int) ([]BreakerEvent, error) {
	rows, err := s.q.BreakerEvents(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading what breakers did: %w", explain(err))
	}
	out := make([]BreakerEvent, len(rows))
	for i, r := range rows {
		out[i] = BreakerEvent{dunning.Channel(r.Channel), r.Event, r.Reason, int(r.Unknowns), r.At}
	}
	return out, nil
}

// --- letters printed again -----------------------------------------------------------

// LetterReprint is one printing of a batch after the first.
type LetterReprint struct {
	N              int // from 1
	At             time.Time
	By             string
	Letters, Pages int
	PDFSHA256      []byte            // nil: nothing was left to print
	LeftOut        map[string]string // contact → why, of this printing
}

// AddLetterReprint writes down that a batch was printed again, and returns the how-manieth
// time that was. ErrNotFound if there is no such batch.
func (s *Store) AddLetterReprint(ctx context.Context, batch string, r LetterReprint) (int, error) {
	if r.LeftOut == nil {
		r.LeftOut = map[string]string{}
	}
	out, err := encodeJSON(r.LeftOut)
	if err != nil {
		return 0, fmt.Errorf("batch %s: %w", batch, err)
	}
	n, err := s.q.AddLetterReprint(ctx, sqlgen.AddLetterReprintParams{
		BatchID: batch, At: micros(r.At), By: cleanText(r.By), Letters: int32(r.Letters), Pages: int32(r.Pages), PdfSha256: r.PDFSHA256, LeftOut: out,
	})
	if err != nil {
		return 0, fmt.Errorf("batch %s: %w", batch, explain(err))
	}
	return int(n), nil
}

// LetterReprints are the printings of a batch after the first, in order.
func (s *Store) LetterReprints(ctx context.Context, batch string) ([]LetterReprint, error) {
	rows, err := s.q.LetterReprints(ctx, batch)
	if err != nil {
		return nil, fmt.Errorf("printings of batch %s: %w", batch, explain(err))
	}
	out := make([]LetterReprint, len(rows))
	for i, r := range rows {
		out[i] = LetterReprint{N: int(r.N), At: r.At, By: r.By, Letters: int(r.Letters), Pages: int(r.Pages), PDFSHA256: r.PdfSha256}
		if err := json.Unmarshal(r.LeftOut, &out[i].LeftOut); err != nil {
			return nil, fmt.Errorf("printing %d of batch %s cannot be read: %w", r.N, batch, err)
		}
	}
	return out, nil
}
