package operate

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// sampleRows of a bulk action are tried before it is carried out.
const sampleRows = 10

// bulkPage shows what a bulk action would reach before anything happens.
type bulkPage struct {
	Action, Words string
	Rows          []bulkRow
	Count         int
	Creditors     map[string]int
	Form          url.Values
	Fault         string
	Batch         string // makes the ids: the same form sent twice is one action
	Refused, Same int    // of the sample
	Segments      int    // of the sample's text messages
	About         int    // segments of all of them, reckoned from the sample
	Waits         bool   // it begins when the time to undo it is over
	CanUndo       bool
	Moves         *ops.MigrationTrial // of a migration: what it comes to, of many cases
}

// bulkRow is a case of the sample with what the core says to the action.
type bulkRow struct {
	read.CaseRow
	Tried ops.BulkSample
}

// bulkParams are what an action takes from the form.
func bulkParams(r *web.Request) map[string]string {
	out := map[string]string{}
	for _, name := range map[string][]string{
		ops.BulkHold: {"until", "kind"}, ops.BulkLift: {"kind"}, ops.BulkNote: {"text"}, ops.BulkMessage: {"channel", "template"},
		ops.BulkMigrate: {"sequence", "version", "steps", "at_once", "reason"},
	}[r.Value("action")] {
		if v := r.Value(name); v != "" {
			out[name] = v
		}
	}
	if m := r.Value("message"); m != "" { // channel and template in one choice
		out["channel"], out["template"], _ = strings.Cut(m, "/")
	}
	return out
}

// bulkPreview says how many cases and which, and tries a sample.
func (d *operations) bulkPreview(r *web.Request) error {
	rows, err := d.chosen(r)
	if err != nil {
		return err
	}
	p := bulkPage{Action: r.Value("action"), Count: len(rows), Creditors: map[string]int{}, Form: r.R.PostForm, Batch: uuid.NewString()}
	p.Waits, p.CanUndo = p.Action == ops.BulkMessage, p.Action != ops.BulkNote
	for _, c := range rows {
		p.Creditors[c.Creditor]++
	}
	if p.Words, err = d.Desk.BulkWords(r.R.Context(), p.Action, bulkParams(r)); err != nil {
		if p.Fault = web.AsError(err).Detail; web.AsError(err).Status >= 500 {
			return err
		}
		return r.Page("bulk.html", p)
	}
	if p.Count == 0 {
		p.Fault = "No case is chosen that you may change."
		return r.Page("bulk.html", p)
	}
	if err := d.trySample(r, &p, rows); err != nil {
		return err
	}
	if p.Action == ops.BulkMigrate {
		if err := d.tryMoves(r, &p, rows); err != nil {
			return err
		}
	}
	return r.Page("bulk.html", p)
}

// trySample asks the core about ten of the cases, spread over all of them.
func (d *operations) trySample(r *web.Request, p *bulkPage, rows []read.CaseRow) error {
	n := min(sampleRows, len(rows))
	ids := make([]string, n)
	for i := range n {
		row := rows[i*len(rows)/n]
		p.Rows, ids[i] = append(p.Rows, bulkRow{CaseRow: row}), row.Case
	}
	tried, err := d.Desk.TryBulk(r.R.Context(), r.User, p.Action, bulkParams(r), ids)
	if err != nil {
		return err
	}
	for i, t := range tried {
		p.Rows[i].Tried = t
		p.Segments += t.Segments
		if t.Refused != "" {
			p.Refused++
		}
		if t.Same {
			p.Same++
		}
	}
	p.About = (p.Segments*p.Count + n - 1) / n
	return nil
}

// chosen are the cases that were selected, or all that match a filter, as far as the user
// may change them.
func (d *operations) chosen(r *web.Request) ([]read.CaseRow, error) {
	scope := r.Scope(identity.Operate)
	ids := map[string]bool{}
	for _, id := range r.R.PostForm["id"] {
		ids[id] = true
	}
	all := r.Value("all") != ""
	if !all && len(ids) == 0 {
		return nil, nil
	}
	q, err := url.ParseQuery(r.Value("query"))
	if err != nil {
		return nil, web.Invalid("The filter cannot be read. Open the list again.", nil)
	}
	f, faults := caseFilter(q, r.Now)
	if faults != nil {
		return nil, web.Invalid("The filter cannot be read. Open the list again.", faults)
	}
	if !all {
		f.IDs = slices.Sorted(maps.Keys(ids)) // by key: the list may have a million others
	}
	var out []read.CaseRow
	for c, err := range read.All(func(p read.Page) (read.List[read.CaseRow], error) {
		return d.Read.ListCases(r.R.Context(), scope, f, p)
	}) {
		if err != nil {
			return nil, err
		}
		if out = append(out, c); len(out) > ops.MostBulk {
			return nil, web.Invalid(fmt.Sprintf("That is more than %d cases. Narrow the filter.", ops.MostBulk), nil)
		}
	}
	return out, nil
}

// bulk orders it, when the number that was shown was typed.
func (d *operations) bulk(r *web.Request) error {
	// The same form sent again is told what became of it: what it chose may look otherwise now.
	if b, err := d.Read.Bulk(r.R.Context(), r.Scope(identity.Operate), r.Value("batch")); err == nil && b.By == r.User.By && b.Action == r.Value("action") {
		kind, text := bulkText(b)
		return r.Redirect("/bulk/"+b.ID, r.FlashUndo(kind, text, ""))
	}
	rows, err := d.chosen(r)
	if err != nil {
		return err
	}
	if want := strconv.Itoa(len(rows)); len(rows) == 0 || r.Value("typed") != want {
		return &web.Error{
			Status: http.StatusUnprocessableEntity, Title: "Nothing was changed",
			Detail: fmt.Sprintf("The action reaches %s cases now. Look at the preview again and type that number.", want),
		}
	}
	cases := make([]string, len(rows))
	for i, c := range rows {
		cases[i] = c.Case
	}
	b, err := d.Desk.StartBulk(r.R.Context(), r.User, r.Value("batch"), r.Value("action"), bulkParams(r), cases)
	if err != nil {
		return err
	}
	undo := ""
	if b.CanUndo() {
		undo = "/cases/bulk/undo/" + b.ID
	}
	kind, text := bulkText(b)
	return r.Redirect("/bulk/"+b.ID, r.FlashUndo(kind, text, undo))
}

// bulkText sums up how far a bulk action is.
func bulkText(b read.Bulk) (kind, text string) {
	done := int(b.Counts["done"] + b.Counts["same"])
	text = web.Plural(done, "case is", "cases are") + " done."
	if n := b.Counts["waiting"]; n > 0 {
		text += " " + web.Plural(int(n), "case waits", "cases wait") + " and will be done behind."
	}
	if n := b.Counts["refused"]; n > 0 {
		return "warn", text + " " + web.Plural(int(n), "case was", "cases were") + " refused: see why below."
	}
	return "good", text
}

// sentence is an error as a page says it.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

type bulksPage struct {
	Rows  []read.Bulk
	Names map[string]string
}

// Who names who ordered it.
func (p bulksPage) Who(by string) string { return whoIs(p.Names, by) }

func whoIs(names map[string]string, by string) string {
	if name := names[trimUser(by)]; name != "" {
		return name
	}
	return by
}

// bulks lists bulk actions, the newest first.
func (d *operations) bulks(r *web.Request) (err error) {
	var p bulksPage
	if p.Rows, err = d.Read.Bulks(r.R.Context(), r.Scope(identity.Operate), 100); err != nil {
		return err
	}
	if p.Names, err = d.Names(r.R.Context()); err != nil {
		return err
	}
	if r.WantsCSV() {
		var rows [][]string
		for _, b := range p.Rows {
			rows = append(rows, []string{b.ID, b.Action, b.Words, p.Who(b.By), stamp(b.At), b.State, strconv.FormatInt(b.Total(), 10), strconv.FormatInt(b.Counts["done"], 10), strconv.FormatInt(b.Counts["refused"], 10)})
		}
		return file(r, "bulk-actions", []string{"action", "kind", "what", "by", "ordered", "state", "cases", "done", "refused"}, rows)
	}
	return r.Page("bulks.html", p)
}

type bulkOnePage struct {
	read.Bulk
	Items  []read.BulkItem
	Next   string
	State  string
	States []string
	Names  map[string]string
	May    bool
}

// Who names who ordered or undid it.
func (p bulkOnePage) Who(by string) string { return whoIs(p.Names, by) }

// Left is how long it is until an instant of the wall, in minutes or seconds.
func (p bulkOnePage) Left(until time.Time) string {
	left := max(0, until.Sub(p.Now))
	if left >= time.Minute {
		return web.Plural(int(left.Round(time.Minute)/time.Minute), "minute", "minutes")
	}
	return web.Plural(int(left/time.Second), "second", "seconds")
}

// StateWords is an item's state in words.
func (p bulkOnePage) StateWords(state string) string {
	if words := map[string]string{"same": "nothing to do", "kept": "left as others made it", "dropped": "never begun"}[state]; words != "" {
		return words
	}
	return web.Words(state)
}

// Badge is the look of an item's state.
func (p bulkOnePage) Badge(state string) string {
	return map[string]string{"done": "good", "waiting": "info", "refused": "bad", "kept": "warn"}[state]
}

// bulkItemsShown is a page of items.
const bulkItemsShown = 100

// bulkOne is one bulk action with what became of every case.
func (d *operations) bulkOne(r *web.Request) (err error) {
	ctx, scope := r.R.Context(), r.Scope(identity.Operate)
	p := bulkOnePage{State: r.Value("state")}
	if p.Bulk, err = d.Read.Bulk(ctx, scope, r.R.PathValue("id")); err != nil {
		return err
	}
	for s := range p.Counts {
		p.States = append(p.States, s)
	}
	slices.Sort(p.States)
	after, _ := strconv.Atoi(r.Value("after")) // what is no number begins anew
	if p.Items, err = d.Read.BulkItems(ctx, scope, p.ID, p.State, after, bulkItemsShown+1); err != nil {
		return err
	}
	if len(p.Items) > bulkItemsShown {
		p.Items = p.Items[:bulkItemsShown]
		p.Next = strconv.Itoa(p.Items[bulkItemsShown-1].Seq)
	}
	p.May = p.CanUndo()
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	return r.Page("bulkone.html", p)
}

// bulkUndo takes a bulk action back.
func (d *operations) bulkUndo(r *web.Request) error {
	b, err := d.Desk.UndoBulk(r.R.Context(), r.User, r.R.PathValue("batch"))
	if err != nil {
		return err
	}
	n := int(b.Counts["undone"] + b.Counts["dropped"])
	text := web.Plural(n, "case is", "cases are") + " as before."
	if k := b.Counts["kept"]; k > 0 {
		text += " " + web.Plural(int(k), "case was", "cases were") + " left as they are: see why below."
	}
	return r.Done("/bulk/"+b.ID, text)
}

// messageChoices are the published templates by which a bulk action may write.
func (d *operations) messageChoices(r *web.Request) ([]string, error) {
	c, err := d.Config(r.R.Context())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range c.Templates() {
		name := string(t.Channel) + "/" + t.Name
		if (t.Channel == dunning.Email || t.Channel == dunning.SMS) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}
