package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sms"
	"github.com/duly/duly/internal/web"
)

const (
	// bulkRound is how many cases are done before others have their turn, and bulkPause how
	// long that is: about 25 cases a second, so that no bulk action crowds out webhooks and
	// collectors.
	bulkRound = 20
	bulkPause = 400 * time.Millisecond
	bulkLease = time.Minute
	// undoFor is how long a bulk action can be taken back. What cannot be taken back once it
	// has happened begins only afterwards.
	undoFor = 10 * time.Minute
)

// BulkWords says what an action does, or what is wrong with its parameters.
func (d *Desk) BulkWords(ctx context.Context, action string, p map[string]string) (string, error) {
	now, err := d.clock.Now(ctx)
	if err != nil {
		return "", err
	}
	bad := func(name, text string) error { return web.Invalid(text, map[string]string{name: text}) }
	kind := dunning.HoldKind(or(p["kind"], string(dunning.HoldManual)))
	switch action {
	case ops.BulkHold, ops.BulkLift:
		if !slices.Contains(ops.HoldKinds, kind) {
			return "", bad("kind", "Choose a manual hold or one for hardship; other kinds are placed and lifted case by case.")
		}
		if action == ops.BulkLift {
			return "Lift " + web.Words(kind) + " holds", nil
		}
		day, err := time.Parse(time.DateOnly, p["until"])
		if err != nil || !day.After(now) {
			return "", bad("until", "Name the day until which the cases are held, as YYYY-MM-DD, ahead of today.")
		}
		return "Hold (" + web.Words(kind) + ") until the start of " + day.Format("Mon 2 Jan 2006") + " there", nil
	case ops.BulkDispute:
		return "Record a dispute of the whole account", nil
	case ops.BulkNote:
		if n := len(p["text"]); n == 0 || n > 2000 {
			return "", bad("text", "Write the note, up to 2000 characters.")
		}
		return "Write the note “" + p["text"] + "”", nil
	case ops.BulkMessage:
		return d.bulkMessageWords(ctx, p)
	case ops.BulkMigrate:
		return d.migrationWords(ctx, p)
	}
	return "", bad("action", "Choose what to do.")
}

func (d *Desk) bulkMessageWords(ctx context.Context, p map[string]string) (string, error) {
	ch := dunning.Channel(p["channel"])
	cfg, err := d.book.Current(ctx)
	if err != nil {
		return "", err
	}
	if !slices.Contains([]dunning.Channel{dunning.Email, dunning.SMS, dunning.Letter}, ch) || !slices.ContainsFunc(cfg.Templates(), func(t config.TemplateInfo) bool { return t.Channel == ch && t.Name == p["template"] }) {
		return "", web.Invalid("Choose a channel and one of its published templates.", map[string]string{"template": "Choose a published template."})
	}
	return "Send the " + string(ch) + " “" + web.Words(p["template"]) + "”, as far as the rules allow it", nil
}

// StartBulk orders a bulk action over cases and begins with it. The same id again is the
// same order. Cases of creditors for which the person may not do it are refused as a whole.
func (d *Desk) StartBulk(ctx context.Context, who identity.Principal, id, action string, params map[string]string, cases []string) (read.Bulk, error) {
	words, err := d.BulkWords(ctx, action, params)
	if err != nil {
		return read.Bulk{}, err
	}
	if params, err = d.wholeParams(ctx, action, params); err != nil {
		return read.Bulk{}, err
	}
	if _, err := uuid.Parse(id); err != nil {
		return read.Bulk{}, web.Invalid("The order is not whole. Open the preview again.", nil)
	}
	if len(cases) == 0 || len(cases) > ops.MostBulk {
		return read.Bulk{}, web.Invalid(fmt.Sprintf("A bulk action reaches 1 to %d cases; this one %d.", ops.MostBulk, len(cases)), nil)
	}
	if err := d.mayBulk(ctx, who, action, cases); err != nil {
		return read.Bulk{}, err
	}
	b := read.Bulk{ID: id, Action: action, Params: params, Words: words, By: who.By}
	if b.At, err = d.clock.Now(ctx); err != nil {
		return b, err
	}
	delay, undo := time.Duration(0), undoFor
	switch action {
	case ops.BulkMessage:
		delay = undoFor // what has left cannot be called back
	case ops.BulkNote:
		undo = 0
	}
	added, err := d.store.PutBulk(ctx, b, cases, delay, undo)
	if err != nil {
		return b, err
	}
	if !added {
		if err := d.sameOrder(ctx, b); err != nil {
			return b, err
		}
	} else if err := d.note(ctx, who, "bulk."+action, id, map[string]string{"cases": fmt.Sprint(len(cases)), "words": auditWords(b)}); err != nil {
		return b, err
	}
	d.beginBulk(ctx, id)
	return d.store.Bulk(ctx, read.Everything(), id)
}

// sameOrder refuses an order under the id of another: who gave it would be told that it is
// carried out.
func (d *Desk) sameOrder(ctx context.Context, b read.Bulk) error {
	first, err := d.store.Bulk(ctx, read.Everything(), b.ID)
	if err == nil && (first.By != b.By || first.Action != b.Action || first.Words != b.Words) {
		err = web.Conflict("This order was given before, in another way. Nothing was changed: open the preview again.")
	}
	return err
}

// auditWords are an order's words without what somebody wrote about people: the audit is
// for ever, and a note is not.
func auditWords(b read.Bulk) string {
	if b.Action == ops.BulkNote {
		return "Write a note"
	}
	return b.Words
}

// mayBulk asks for both permissions at the creditor of every case.
func (d *Desk) mayBulk(ctx context.Context, who identity.Principal, action string, cases []string) error {
	creditors, all, err := d.store.CreditorsOf(ctx, cases)
	if err != nil {
		return err
	}
	for _, c := range creditors {
		if !who.Can(identity.View, c) && !who.Can(identity.Operate, c) {
			return web.NotFound("One of the cases")
		}
		for _, p := range []identity.Permission{identity.Operate, ops.BulkNeeds(action)} {
			if !who.Can(p, c) {
				return web.Forbidden(p, c)
			}
		}
	}
	if !all {
		return web.NotFound("One of the cases")
	}
	return nil
}

// atOnce is how long the person who orders waits for what can be done at once; the rest goes
// on behind.
const atOnce = 2 * time.Second

// beginBulk begins with an order that is kept. What hinders it is no fault of the order, which
// goes on behind: who is told that it failed would give it again.
func (d *Desk) beginBulk(ctx context.Context, id string) {
	if err := d.bulkAtOnce(ctx, id); err != nil && d.log != nil {
		d.log.Warn("a bulk action waits", slog.String("batch", id), slog.String("type", kindOf(err)))
	}
}

func (d *Desk) bulkAtOnce(ctx context.Context, id string) error {
	began := clock.Wall()
	for clock.Wall().Sub(began) < d.atOnce {
		more, err := d.bulkOnce(ctx, id, 0)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// UndoBulk takes a bulk action back, in time: what was done is undone case by case, what
// waits is dropped. Cases of which somebody has changed the same thing since are kept.
func (d *Desk) UndoBulk(ctx context.Context, who identity.Principal, id string) (read.Bulk, error) {
	b, err := d.store.Bulk(ctx, web.ScopeOf(who, identity.Operate), id)
	if err != nil {
		return b, missing(err, "This bulk action")
	}
	for _, c := range b.Creditors {
		for _, p := range []identity.Permission{identity.Operate, ops.BulkNeeds(b.Action)} {
			if !who.Can(p, c) {
				return b, web.Forbidden(p, c)
			}
		}
	}
	ordered, err := d.store.UndoBulk(ctx, id, who.By)
	if err != nil {
		return b, err
	}
	if !ordered {
		return b, d.tooLate(ctx, b)
	}
	if err := d.note(ctx, who, "bulk.undo", id, map[string]string{"cases": fmt.Sprint(b.Total())}); err != nil {
		return b, err
	}
	d.beginBulk(ctx, id)
	return d.store.Bulk(ctx, web.ScopeOf(who, identity.Operate), id)
}

// tooLate says why a bulk action cannot be undone.
func (d *Desk) tooLate(ctx context.Context, b read.Bulk) error {
	switch {
	case b.State == "undoing" || b.State == "undone":
		return web.Conflict(d.name(ctx, b.UndoneBy) + " has undone it already.")
	case !b.UndoUntil.After(b.Made):
		return web.Conflict("This kind of action cannot be undone.")
	}
	return web.Conflict("The time to undo this is over: it was " + b.UndoUntil.UTC().Format("15:04:05 UTC") + ". Choose the cases and take it back with an action of its own.")
}

// runBulk goes on with bulk actions until ctx ends: also with those that another process
// has begun and left behind.
func (d *Desk) runBulk(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		more, err := d.bulkOnce(ctx, "", bulkPause)
		if err != nil && ctx.Err() == nil && d.log != nil {
			d.log.Warn("a bulk action waits", slog.String("type", kindOf(err)))
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// bulkOnce does a round of one bulk action; more says that there was something to do.
func (d *Desk) bulkOnce(ctx context.Context, wanted string, pause time.Duration) (more bool, err error) {
	b, ok, err := d.store.ClaimBulk(ctx, wanted, bulkLease)
	if err != nil || !ok {
		return false, err
	}
	by := b.By
	if b.State == "undoing" {
		by = b.UndoneBy
	}
	who, err := d.whoever(ctx, by)
	if err != nil {
		if !refused(err) {
			return false, err
		}
		return false, d.stopBulk(ctx, b, web.AsError(err).Detail)
	}
	items, err := d.store.BulkNext(ctx, b.ID, bulkRound)
	if err != nil {
		return false, err
	}
	var faults []error
	for _, it := range items {
		if err := d.guardedItem(ctx, who, b, it); err != nil {
			faults = append(faults, err) // the others do not wait for it
		}
	}
	if len(faults) > 0 {
		return false, errors.Join(faults...) // they come again after the lease
	}
	return len(items) == bulkRound, d.store.ReleaseBulk(ctx, b.ID, pause)
}

// bulkItem does or undoes one case and keeps what became of it.
func (d *Desk) bulkItem(ctx context.Context, who identity.Principal, b read.Bulk, it read.BulkItem) (err error) {
	state, undo := "undone", []byte(nil)
	if b.State == "undoing" {
		err = d.unbulk(ctx, who, b, it)
	} else {
		state, undo, err = d.bulkCase(ctx, who, b, it)
	}
	if err != nil && !refused(err) {
		return err
	}
	if state == "" && err == nil {
		return nil // it was undone before it began
	}
	reason := ""
	if err != nil {
		reason, undo = web.AsError(err).Detail, nil
		if state = "refused"; b.State == "undoing" {
			state = "kept"
		}
	}
	return d.store.SettleBulk(ctx, b.ID, it.Seq, state, reason, undo)
}

// refused tells a case's own refusal from trouble that passes.
func refused(err error) bool {
	return final(err) || errors.Is(err, commands.ErrNoCase) || web.AsError(err).Status < 500
}

// takenBack is what undoes a case's part.
type takenBack struct {
	Lift []string `json:"lift,omitempty"`
	// End is when what is lifted ends as the action made it: another end is somebody's who came
	// later. nil: not known.
	End   *time.Time          `json:"end,omitempty"`
	Place []dunning.PlaceHold `json:"place,omitempty"`
	// Return brings a case back to the version that it followed.
	Return *dunning.Migrate `json:"return,omitempty"`
}

func (t takenBack) empty() bool { return len(t.Lift)+len(t.Place) == 0 && t.Return == nil }

// and is what undoes a try, and an earlier one that broke off.
func (t takenBack) and(earlier []byte) (takenBack, error) {
	if len(earlier) == 0 {
		return t, nil
	}
	var first takenBack
	if err := json.Unmarshal(earlier, &first); err != nil {
		return t, err
	}
	for _, h := range t.Place {
		if !slices.ContainsFunc(first.Place, func(p dunning.PlaceHold) bool { return p.ID == h.ID }) {
			first.Place = append(first.Place, h)
		}
	}
	if first.Return == nil {
		first.Return = t.Return
	}
	if len(first.Lift) == 0 {
		first.Lift, first.End = t.Lift, t.End
	}
	return first, nil
}

// bulkCase carries the action out for one case; state "" says that it must not be any more.
// Its ids follow from the action and the case, so that doing it twice is doing it once.
func (d *Desk) bulkCase(ctx context.Context, who identity.Principal, b read.Bulk, it read.BulkItem) (state string, undo []byte, err error) {
	ref, err := d.store.CaseRef(ctx, it.Case)
	if err != nil {
		return "", nil, err
	}
	f, err := d.fold(ctx, ref)
	if err != nil {
		return "", nil, err
	}
	if b.At, err = d.clock.Now(ctx); err != nil {
		return "", nil, err
	}
	if err := d.fitsBulk(ctx, b, f); err != nil {
		return "", nil, err
	}
	orders, back := bulkOrders(b, it, who, f)
	if back, err = back.and(it.Undo); err != nil {
		return "", nil, err
	}
	if len(orders) == 0 && back.empty() {
		return "same", nil, nil
	}
	if undo, err = json.Marshal(back); err != nil {
		return "", nil, err
	}
	if begun, err := d.store.BeginBulk(ctx, b.ID, it.Seq, undo); err != nil || !begun {
		return "", nil, err
	}
	for _, cmd := range orders {
		if _, err := d.do(ctx, who, ref, cmd); err != nil {
			return "", nil, err
		}
	}
	return "done", undo, nil
}

// bulkID names what a bulk action makes at a case.
func bulkID(b read.Bulk, it read.BulkItem, what string) string {
	batch, err := uuid.Parse(b.ID)
	if err != nil {
		batch = uuid.Nil // ids of batches are UUIDs
	}
	return uuid.NewSHA1(batch, []byte(it.Case+what)).String()
}

// bulkOrders are the commands of an action at a case, and what takes them back.
func bulkOrders(b read.Bulk, it read.BulkItem, who identity.Principal, f dunning.Facts) (orders []dunning.Command, back takenBack) {
	id := bulkID(b, it, "")
	switch b.Action {
	case ops.BulkHold:
		until := startThere(b.Params["until"], f)
		back.Lift, back.End = []string{id}, &until
		return []dunning.Command{dunning.PlaceHold{
			ID: id, HoldKind: dunning.HoldKind(or(b.Params["kind"], string(dunning.HoldManual))), Scope: dunning.ScopeAccount, Until: until, Owner: who.Name,
		}}, back
	case ops.BulkDispute:
		back.Lift = []string{id}
		return []dunning.Command{dunning.RaiseDispute{ID: id, Told: dunning.Told{Medium: "creditor"}}}, back
	case ops.BulkNote:
		return []dunning.Command{dunning.WriteNote{ID: id, Text: b.Params["text"]}}, back
	case ops.BulkMessage:
		return []dunning.Command{dunning.SendMessage{ID: id, Channel: dunning.Channel(b.Params["channel"]), Template: b.Params["template"]}}, back
	case ops.BulkMigrate:
		return migrationOrders(b, it, f)
	case ops.BulkLift:
		for _, h := range f.Holds {
			if string(h.HoldKind) != or(b.Params["kind"], string(dunning.HoldManual)) || h.From.After(b.At) || !h.End.IsZero() && !h.End.After(b.At) {
				continue
			}
			if m := f.HoldMeant(h.ID, b.At); m == nil || m.HoldKind != h.HoldKind { // the order would end another that has the same id
				continue
			}
			orders = append(orders, dunning.LiftHold{ID: h.ID})
			back.Place = append(back.Place, dunning.PlaceHold{
				ID: bulkID(b, it, h.ID), HoldKind: h.HoldKind, Scope: h.Scope, Item: h.Item, Until: h.End, Contact: &h.Contact, Clock: &h.Clock, Fees: h.Fees, Owner: h.Owner, Notice: h.Notice,
			})
		}
	}
	return orders, back
}

// startThere is the start of a day where the customer is.
func startThere(day string, f dunning.Facts) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil || len(f.Zones) == 0 {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, f.Zones[0]).UTC()
}

// unbulk takes one case's part back. What was lifted or ended by somebody else meanwhile is
// left as they left it.
func (d *Desk) unbulk(ctx context.Context, who identity.Principal, b read.Bulk, it read.BulkItem) error {
	var back takenBack
	if err := json.Unmarshal(it.Undo, &back); err != nil {
		return fmt.Errorf("bulk action %s: what takes case %s back cannot be read: %w", b.ID, it.Case, err)
	}
	if back.empty() {
		return web.Conflict("It had begun when it was undone, and cannot be taken back.")
	}
	ref, err := d.store.CaseRef(ctx, it.Case)
	if err != nil {
		return err
	}
	if err := d.changedSince(ctx, ref, back); err != nil {
		return err
	}
	for _, id := range back.Lift {
		if _, err := d.do(ctx, who, ref, dunning.LiftHold{ID: id}); err != nil {
			return err
		}
	}
	if back.Return != nil {
		return d.moveBack(ctx, who, ref, *back.Return)
	}
	now, err := d.clock.Now(ctx)
	if err != nil {
		return err
	}
	for _, h := range back.Place {
		if !h.Until.IsZero() && !h.Until.After(now) {
			continue // it would have ended by itself
		}
		if _, err := d.do(ctx, who, ref, h); err != nil {
			return err
		}
	}
	return nil
}

// changedSince refuses to lift what somebody has given another end meanwhile: automation
// never shortens what a person set.
func (d *Desk) changedSince(ctx context.Context, ref dunning.CaseRef, back takenBack) error {
	if back.End == nil {
		return nil
	}
	f, err := d.fold(ctx, ref)
	if err != nil {
		return err
	}
	for _, h := range f.Holds {
		if slices.Contains(back.Lift, h.ID) && !h.Lifted && !h.End.Equal(*back.End) {
			return web.Conflict("Somebody has given the hold another end since: it stays.")
		}
	}
	return nil
}

// --- what a bulk action would cost ----------------------------------------------------

// TryBulk asks the core what an action would come to at some cases; nothing is stored.
func (d *Desk) TryBulk(ctx context.Context, who identity.Principal, action string, params map[string]string, cases []string) ([]ops.BulkSample, error) {
	at, err := d.clock.Now(ctx)
	if err != nil {
		return nil, err
	}
	if params, err = d.wholeParams(ctx, action, params); err != nil {
		return nil, err
	}
	b := read.Bulk{ID: uuid.Nil.String(), Action: action, Params: params, At: at}
	out := make([]ops.BulkSample, len(cases))
	for i, id := range cases {
		out[i].Case = id
		err := d.guarded(id, func() error { return d.tryCase(ctx, who, b, &out[i]) })
		if err != nil && passes(ctx, err) {
			return nil, err
		}
		if err != nil {
			out[i].Refused = poisoned
		}
	}
	return out, nil
}

// tryCase asks the core what an action would come to at one case.
func (d *Desk) tryCase(ctx context.Context, who identity.Principal, b read.Bulk, s *ops.BulkSample) error {
	ref, err := d.store.CaseRef(ctx, s.Case)
	if err != nil {
		return err
	}
	f, err := d.fold(ctx, toward(b, ref))
	if err != nil {
		return err
	}
	if fault := d.fitsBulk(ctx, b, f); fault != nil {
		s.Refused = web.AsError(fault).Detail
		return nil
	}
	orders, _ := bulkOrders(b, read.BulkItem{Case: s.Case}, who, f)
	s.Same = len(orders) == 0
	for _, cmd := range orders {
		if err := d.tryOne(ctx, who, ref, f, cmd, b.At, s); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) tryOne(ctx context.Context, who identity.Principal, ref dunning.CaseRef, f dunning.Facts, cmd dunning.Command, at time.Time, s *ops.BulkSample) error {
	if _, err := d.authority.Try(ctx, who, ref, authority.Name(cmd), cmd, f, at); err != nil {
		if !refused(err) {
			return err
		}
		s.Refused = web.AsError(err).Detail
		return nil
	}
	m, ok := cmd.(dunning.SendMessage)
	if !ok {
		return nil
	}
	msg, err := (&Renderer{Store: d.store, Book: d.book}).Draft(ctx, ref, f, m.Channel, m.Template, at)
	if err != nil {
		s.Refused = strings.TrimSpace(err.Error())
		return nil
	}
	s.Text = msg.Text
	if m.Channel == dunning.SMS {
		s.Segments = sms.Count(msg.Text).Segments
	}
	return nil
}
