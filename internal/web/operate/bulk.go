package operate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

const (
	// mostBulk bounds one bulk action: beyond it lies a slip, or a matter for a migration.
	mostBulk = 5000
	// sampleRows of a bulk action are shown before it is carried out.
	sampleRows = 12
)

// bulkPage shows what a bulk action would reach before anything happens.
type bulkPage struct {
	Action, Words string
	Rows          []read.CaseRow
	Count         int
	Creditors     map[string]int
	Form          url.Values
	Fault         string
	Batch         string // makes the ids: the same form sent twice is one action
}

// bulkPreview says how many cases and which.
func (d *operations) bulkPreview(r *web.Request) error {
	rows, err := d.chosen(r)
	if err != nil {
		return err
	}
	p := bulkPage{Action: r.Value("action"), Rows: rows[:min(sampleRows, len(rows))], Count: len(rows), Creditors: map[string]int{}, Form: r.R.PostForm, Batch: uuid.NewString()}
	for _, c := range rows {
		p.Creditors[c.Creditor]++
	}
	_, p.Words, err = bulkCommand(r, "")
	if err != nil {
		p.Fault = sentence(err)
	}
	if p.Count == 0 {
		p.Fault = "No case is chosen that you may change."
	}
	return r.Page("bulk.html", p)
}

// chosen are the cases that were selected, or all that match a filter, as far as the user
// may change them.
func (d *operations) chosen(r *web.Request) ([]read.CaseRow, error) {
	scope := r.Scope(identity.Operate)
	f, faults := read.CaseFilter{Status: read.StatusAny}, map[string]string(nil)
	ids := map[string]bool{}
	for _, id := range r.R.PostForm["id"] {
		ids[id] = true
	}
	if r.Value("all") != "" || len(ids) > 0 {
		q, err := url.ParseQuery(r.Value("query"))
		if err != nil {
			return nil, web.Invalid("The filter cannot be read. Open the list again.", nil)
		}
		if f, faults = caseFilter(q, r.Now); faults != nil {
			return nil, web.Invalid("The filter cannot be read. Open the list again.", faults)
		}
	}
	var out []read.CaseRow
	for c, err := range read.All(func(p read.Page) (read.List[read.CaseRow], error) {
		return d.Read.ListCases(r.R.Context(), scope, f, p)
	}) {
		if err != nil {
			return nil, err
		}
		if r.Value("all") == "" && !ids[c.Case] {
			continue
		}
		if out = append(out, c); len(out) > mostBulk {
			return nil, web.Invalid(fmt.Sprintf("That is more than %d cases. Narrow the filter.", mostBulk), nil)
		}
		if r.Value("all") == "" && len(out) == len(ids) {
			break
		}
	}
	return out, nil
}

// bulkCommand is what is done to one case, and its words. id makes the new thing's.
func bulkCommand(r *web.Request, id string) (dunning.Command, string, error) {
	switch r.Value("action") {
	case "hold":
		day, err := time.Parse(time.DateOnly, r.Value("until"))
		if err != nil || !day.After(r.Now) {
			return nil, "", errors.New("name the day until which the cases are held, as YYYY-MM-DD, ahead of today")
		}
		return dunning.PlaceHold{ID: id, HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Until: day.UTC(), Owner: r.User.Name},
			"Hold until the start of " + day.Format("Mon 2 Jan 2006") + " there", nil
	case "note":
		text := r.Value("text")
		if text == "" || len(text) > 2000 {
			return nil, "", errors.New("write the note, up to 2000 characters")
		}
		return dunning.WriteNote{ID: id, Text: text}, "Write the note “" + text + "”", nil
	}
	return nil, "", errors.New("choose what to do")
}

// bulk carries it out, when the number that was shown was typed.
func (d *operations) bulk(r *web.Request) error {
	rows, err := d.chosen(r)
	if err != nil {
		return err
	}
	if want := strconv.Itoa(len(rows)); len(rows) == 0 || r.Value("typed") != want {
		return &web.Error{Status: http.StatusUnprocessableEntity, Title: "Nothing was changed", Detail: fmt.Sprintf("The action reaches %s cases now. Look at the preview again and type that number.", want)}
	}
	batch, err := uuid.Parse(r.Value("batch"))
	if err != nil {
		return web.Invalid("The form is not whole. Open the preview again.", nil)
	}
	done, failed, err := d.each(r, rows, batch)
	if err != nil {
		return err
	}
	if err := r.Record("bulk."+r.Value("action"), batch.String(), map[string]string{"cases": strconv.Itoa(done), "refused": strconv.Itoa(failed)}); err != nil {
		return err
	}
	text := web.Plural(done, "case is", "cases are") + " changed."
	if failed > 0 {
		text += " " + web.Plural(failed, "case was", "cases were") + " refused by the core."
	}
	undo := ""
	if r.Value("action") == "hold" {
		undo = "/cases/bulk/undo/" + batch.String()
	}
	return r.Redirect("/cases?"+r.Value("query"), r.FlashUndo(map[bool]string{true: "warn", false: "good"}[failed > 0], text, undo))
}

// sentence is an error as a page says it.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// each case gets the command, with an id made of the batch and the case: the same form
// sent twice changes nothing.
func (d *operations) each(r *web.Request, rows []read.CaseRow, batch uuid.UUID) (done, failed int, err error) {
	b := &bulkBatch{by: r.User.By, holds: map[string]string{}}
	d.batches.keep(batch.String(), b)
	for _, c := range rows {
		id := uuid.NewSHA1(batch, []byte(c.Case)).String()
		cmd, _, err := bulkCommand(r, id)
		if err != nil {
			return done, failed, web.Invalid(sentence(err), nil)
		}
		if cmd, err = d.there(r.R.Context(), c.Case, cmd); err == nil {
			_, err = d.Do(r.R.Context(), c.Case, cmd, r.User.By)
		}
		switch {
		case err == nil:
			done++
			b.add(c.Case, id)
		case errors.Is(err, dunning.ErrConflict), errors.Is(err, dunning.ErrInvalid), errors.Is(err, dunning.ErrUnknown), errors.Is(err, commands.ErrNoCase):
			failed++
		default:
			return done, failed, err
		}
	}
	return done, failed, nil
}

// there moves the end of a hold, midnight in UTC, to the start of that day where the
// customer is.
func (d *operations) there(ctx context.Context, caseID string, cmd dunning.Command) (dunning.Command, error) {
	hold, ok := cmd.(dunning.PlaceHold)
	if !ok {
		return cmd, nil
	}
	ref, err := d.CaseRef(ctx, caseID)
	if err != nil {
		return nil, err
	}
	f, err := d.Fold(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(f.Zones) > 0 {
		day := hold.Until
		hold.Until = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, f.Zones[0]).UTC()
	}
	return hold, nil
}

// bulkUndo lifts the holds of a bulk action.
func (d *operations) bulkUndo(r *web.Request) error {
	b := d.batches.take(r.R.PathValue("batch"), r.User.By)
	if b == nil {
		return web.Conflict("The time to undo this is over. Choose the cases and lift their holds.")
	}
	for id, hold := range b.holds {
		if err := d.unhold(r.R.Context(), id, hold, r.User.By); err != nil {
			return err
		}
	}
	return r.Done("/cases", web.Plural(len(b.holds), "hold is", "holds are")+" lifted again.")
}

func (d *operations) unhold(ctx context.Context, caseID, hold, by string) error {
	_, err := d.Do(ctx, caseID, dunning.LiftHold{ID: hold}, by)
	if errors.Is(err, dunning.ErrUnknown) {
		return nil
	}
	return err
}

// batches are the last bulk actions of this process, so that they can be undone.
type batches struct {
	mu   sync.Mutex
	ids  []string
	byID map[string]*bulkBatch
}

type bulkBatch struct {
	mu    sync.Mutex
	by    string
	holds map[string]string // by case
}

func (b *bulkBatch) add(caseID, hold string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds[caseID] = hold
}

// keptBatches is how many are remembered.
const keptBatches = 20

func (b *batches) keep(id string, x *bulkBatch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byID == nil {
		b.byID = map[string]*bulkBatch{}
	}
	b.byID[id], b.ids = x, append(b.ids, id)
	if len(b.ids) > keptBatches {
		delete(b.byID, b.ids[0])
		b.ids = b.ids[1:]
	}
}

// take gives a batch to who made it, once.
func (b *batches) take(id, by string) *bulkBatch {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.byID[id]
	if x == nil || x.by != by {
		return nil
	}
	delete(b.byID, id)
	return x
}
