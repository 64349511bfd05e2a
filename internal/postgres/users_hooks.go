package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// AddHook keeps an outgoing webhook. From its commit on, facts leave events for it.
func (s *Store) AddHook(ctx context.Context, h identity.Hook) error {
	kinds := append([]string{}, h.Kinds...)
	err := s.q.AddHook(ctx, sqlgen.AddHookParams{
		ID: h.ID, CreditorID: h.Creditor, Url: h.URL, Secret: h.Secret, Kinds: kinds, By: h.By, CreatedAt: micros(h.Created),
	})
	if err != nil {
		return fmt.Errorf("adding a webhook: %w", explain(err))
	}
	return nil
}

// Hooks lists the webhooks in force, the oldest first, with their secrets.
func (s *Store) Hooks(ctx context.Context) ([]identity.Hook, error) {
	rows, err := s.q.AllHooks(ctx)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", explain(err))
	}
	out := make([]identity.Hook, len(rows))
	for i, r := range rows {
		out[i] = identity.Hook{ID: r.ID, Creditor: r.CreditorID, URL: r.Url, Kinds: r.Kinds, By: r.By, Created: r.CreatedAt}
		out[i].Secret, out[i].Old = secretsOf(r.Secret)
		for _, o := range out[i].Old {
			out[i].OldUntil = later(out[i].OldUntil, o.Until)
		}
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// secretsOf reads the secrets of a webhook: the one in force and those before, each with the
// instant until which it signs, too, the latest first. They are kept as
// "newest older@unix-seconds older@unix-seconds".
func secretsOf(text string) (now string, old []identity.OldSecret) {
	parts := strings.Split(text, " ")
	for _, part := range parts[1:] {
		secret, end, ok := strings.Cut(part, "@")
		if seconds, err := strconv.ParseInt(end, 10, 64); ok && err == nil {
			old = append(old, identity.OldSecret{Secret: secret, Until: time.Unix(seconds, 0).UTC()})
		}
	}
	return parts[0], old
}

// mostSecrets is how many old secrets sign at most: a header has room for so many.
const mostSecrets = 10

// RotateHook gives a webhook a new secret; the one before signs beside it until an
// instant, and so do those before it whose instants are after now. ErrNotFound if there is
// none in force, identity.ErrSecrets if ten old ones sign still.
func (s *Store) RotateHook(ctx context.Context, id, secret string, now, until time.Time) error {
	err := pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		text, err := q.HookSecret(ctx, id)
		if err != nil {
			return err
		}
		last, old := secretsOf(text)
		old = append([]identity.OldSecret{{Secret: last, Until: until}}, old...)
		kept := secret
		old = slices.DeleteFunc(old, func(o identity.OldSecret) bool { return !o.Until.After(now) })
		for _, o := range old {
			kept += " " + o.Secret + "@" + strconv.FormatInt(o.Until.Unix(), 10)
		}
		if len(old) > mostSecrets {
			return identity.ErrSecrets
		}
		return q.SetHookSecret(ctx, kept, id)
	})
	if err != nil {
		return fmt.Errorf("webhook %s: %w", id, explain(err))
	}
	return nil
}

// EndHook tells a webhook no more; what waits for it is given up. ErrNotFound if there is
// none in force.
func (s *Store) EndHook(ctx context.Context, id string, at time.Time) error {
	at = micros(at)
	err := pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		n, err := q.EndHook(ctx, &at, id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return q.CancelDeliveries(ctx, id)
	})
	if err != nil {
		return fmt.Errorf("ending webhook %s: %w", id, explain(err))
	}
	return nil
}

// HookEvent is a fact that webhooks may be told of, with whose it is; or, with Kind and
// Said, something of the installation that is no fact of a debtor: then Creditor is
// identity.AllCreditors.
type HookEvent struct {
	ID, Creditor         string
	At                   time.Time
	Kind                 string // of what is no fact; "" for a fact
	Said                 []byte // JSON
	DebtorKey            string
	AccountKey, Currency string // "" for facts of the debtor
	Version              int64
	Fact                 dunning.Fact

	seq int64
}

// HookDelivery is what one webhook is to be told of an event.
type HookDelivery struct {
	Hook string
	Name string
	Body []byte
}

// SpreadEvents hands the oldest new events to f, at most max, and keeps the deliveries that
// it makes of each, all in one transaction. It returns how many events there were.
// Processes may do this at once: each gets other events.
func (s *Store) SpreadEvents(ctx context.Context, max int, now time.Time, f func(HookEvent) ([]HookDelivery, error)) (int, error) {
	n := 0
	err := pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		rows, err := q.NewHookEvents(ctx, int32(max))
		if err != nil || len(rows) == 0 {
			return err
		}
		n = len(rows)
		return spread(ctx, q, rows, micros(now), f)
	})
	if err != nil {
		return 0, fmt.Errorf("events of webhooks: %w", explain(err))
	}
	return n, nil
}

func spread(ctx context.Context, q *sqlgen.Queries, rows []sqlgen.NewHookEventsRow, now time.Time, f func(HookEvent) ([]HookDelivery, error)) error {
	p := sqlgen.AddDeliveriesParams{Now: now}
	var seqs []int64
	for _, r := range rows {
		e, err := hookEvent(r)
		if err != nil {
			return err
		}
		ds, err := f(e)
		if err != nil {
			return err
		}
		for _, d := range ds {
			p.Hooks, p.Events, p.Names, p.Bodies = append(p.Hooks, d.Hook), append(p.Events, e.seq), append(p.Names, d.Name), append(p.Bodies, d.Body)
		}
		seqs = append(seqs, e.seq)
	}
	if err := q.AddDeliveries(ctx, p); err != nil {
		return err
	}
	return q.MarkSpread(ctx, &now, seqs)
}

func hookEvent(r sqlgen.NewHookEventsRow) (HookEvent, error) {
	e := HookEvent{
		seq: r.Seq, ID: r.ID, At: r.At, Creditor: r.CreditorID, DebtorKey: r.DebtorKey, Version: r.Version,
		AccountKey: orEmpty(r.AccountKey), Currency: orEmpty(r.AccountCurrency),
	}
	if r.Said != nil {
		e.Kind, e.Said = r.Kind, r.Said
		return e, nil
	}
	var err error
	e.Fact, err = decodeFact(sqlgen.FactsAsOfRow{
		Version: r.Version, Kind: r.Kind, At: r.At, AccountID: r.AccountID, CaseID: r.CaseID, By: r.By, Source: r.Source, Body: json.RawMessage(r.Body),
	})
	return e, err
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ClaimedDelivery is a delivery that this process tries now.
type ClaimedDelivery struct {
	ID          int64
	Tries       int // this one counted
	Name, Event string
	Body        []byte
	Hook        string
	URL, Secret string
	Old         []identity.OldSecret
}

// ClaimDeliveries takes deliveries that are due, webhook by webhook in turn and of each the
// oldest first, until an instant; a process that ends meanwhile loses them to another one.
// Webhooks of the list waiting are left out.
func (s *Store) ClaimDeliveries(ctx context.Context, max int, now, until time.Time, waiting ...string) ([]ClaimedDelivery, error) {
	rows, err := s.q.ClaimDeliveries(ctx, sqlgen.ClaimDeliveriesParams{Until: micros(until), Now: micros(now), Max: int32(max), Waiting: append([]string{}, waiting...)})
	if err != nil {
		return nil, fmt.Errorf("deliveries of webhooks: %w", explain(err))
	}
	out := make([]ClaimedDelivery, len(rows))
	for i, r := range rows {
		out[i] = ClaimedDelivery{ID: r.ID, Tries: int(r.Tries), Name: r.Name, Event: r.EventID, Body: r.Body, Hook: r.HookID, URL: r.Url}
		out[i].Secret, out[i].Old = secretsOf(r.Secret)
	}
	return out, nil
}

// EndDelivery keeps what came of a try. Zero instants: not delivered, nothing more to do.
func (s *Store) EndDelivery(ctx context.Context, id int64, delivered, next time.Time, status int, problem string) error {
	return explain(s.q.EndDelivery(ctx, sqlgen.EndDeliveryParams{
		DeliveredAt: orNil(delivered), NextAt: orNil(next), Status: int32(status), Problem: cleanText(problem), ID: id,
	}))
}

// Deliveries lists what a webhook was told, the newest first, before an id.
func (s *Store) Deliveries(ctx context.Context, hook string, before int64, limit int) ([]identity.Delivery, error) {
	rows, err := s.q.DeliveriesOf(ctx, hook, before, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("deliveries of a webhook: %w", explain(err))
	}
	out := make([]identity.Delivery, len(rows))
	for i, r := range rows {
		out[i] = identity.Delivery{
			ID: r.ID, Event: r.EventID, Name: r.Name, Tries: int(r.Tries), Next: orZero(r.NextAt), Delivered: orZero(r.DeliveredAt), Status: int(r.Status), Problem: r.Problem,
		}
	}
	return out, nil
}

// ReplayDelivery makes a delivery again. ErrNotFound if it is not the webhook's.
func (s *Store) ReplayDelivery(ctx context.Context, hook string, id int64, at time.Time) error {
	at = micros(at)
	n, err := s.q.ReplayDelivery(ctx, &at, id, hook)
	if err == nil && n == 0 {
		return fmt.Errorf("delivery %d: %w", id, ErrNotFound)
	}
	return explain(err)
}

// ReplaySince makes all deliveries of events from an instant on again, and returns how many.
func (s *Store) ReplaySince(ctx context.Context, hook string, since, at time.Time) (int, error) {
	at = micros(at)
	n, err := s.q.ReplaySince(ctx, &at, hook, micros(since))
	return int(n), explain(err)
}

// ReplayAfter makes all deliveries behind one again, and returns how many.
func (s *Store) ReplayAfter(ctx context.Context, hook string, after int64, at time.Time) (int, error) {
	at = micros(at)
	n, err := s.q.ReplayAfter(ctx, &at, hook, after)
	return int(n), explain(err)
}

// DropOldEvents forgets events before an instant with their deliveries, unless something
// is still tried.
func (s *Store) DropOldEvents(ctx context.Context, before time.Time) error {
	return explain(s.q.DropOldHookEvents(ctx, micros(before)))
}
