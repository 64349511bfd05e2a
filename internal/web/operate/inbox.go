package operate

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type inboxPage struct {
	Events   read.List[read.InboxRow]
	Replies  []replyRow
	Assigned []read.Assignment
	Names    map[string]string
}

// replyRow is a reply that nobody has acted on, with its words.
type replyRow struct {
	read.WorkRow
	Text  string // "" when the words are not kept, or no longer
	Wants string // what they seem to want, as Duly reads them
}

// replyOf reads a row's words again, as when they came.
func (d *operations) replyOf(ctx context.Context, w read.WorkRow) replyRow {
	row := replyRow{WorkRow: w, Wants: web.Words(w.Reason)}
	id := w.Contact
	if id == "" {
		id = w.ID
	}
	if d.Reply == nil {
		return row
	}
	subject, text, err := d.Reply(ctx, id)
	if err != nil {
		return row
	}
	row.Text = text
	r := answers.Read(answers.Input{Subject: subject, Text: text, Locale: w.Standing.Locale, Today: answers.Date(w.Today)})
	if f := r.Findings[0]; f.Intent != answers.Unclear {
		row.Wants = wants(f)
	}
	return row
}

// wants is a finding in words.
func wants(f answers.Finding) string {
	text := web.Words(f.Intent)
	if f.Amount != "" {
		text += " " + strings.TrimSpace(f.Amount+" "+f.Currency)
	}
	if d := dunning.Date(f.Date); !d.IsZero() {
		text += ", " + d.String()
	}
	return fmt.Sprintf("%s (%d %%)", text, f.Confidence)
}

// Who names who assigned something.
func (p inboxPage) Who(by string) string { return whoIs(p.Names, by) }

// inbox is what nobody has assigned or answered: events about nobody whom we know, events
// that could not be processed, and replies that nobody has acted on.
func (d *operations) inbox(r *web.Request) error {
	ctx := r.R.Context()
	if r.WantsCSV() {
		scope := taken(r, identity.Monitor)
		return r.CSV("inbox", inboxHeader, mapped(read.All(func(pg read.Page) (read.List[read.InboxRow], error) { return d.Read.Unassigned(ctx, scope, pg) }), inboxCells))
	}
	var p inboxPage
	var err error
	if p.Events, err = d.Read.Unassigned(ctx, r.Scope(identity.Monitor), read.Page{After: r.Value("after")}); err != nil {
		return err
	}
	kinds := []string{read.WorkReply, "task:" + string(dunning.TaskReply)}
	replies, err := d.Read.Worklist(ctx, r.Scope(identity.View), read.WorkFilter{Kinds: kinds}, r.Now, read.Page{Limit: 100})
	if err != nil {
		return err
	}
	for _, w := range replies.Rows {
		p.Replies = append(p.Replies, d.replyOf(ctx, w))
	}
	if p.Assigned, err = d.Read.Assignments(ctx, r.Scope(identity.Operate), 20); err != nil {
		return err
	}
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	return r.Page("inbox.html", p)
}

var inboxHeader = []string{"event", "received", "source", "kind", "state", "outcome", "error", "tries"}

func inboxCells(r read.InboxRow) []string {
	return []string{strconv.FormatInt(r.ID, 10), stamp(r.At), r.Source, r.Kind, r.State, r.Outcome, r.Error, strconv.Itoa(r.Attempts)}
}

// replay has events processed again: after an address or a mapping was mended.
func (d *operations) replay(r *web.Request) error {
	if err := r.Require(identity.Operate, identity.AllCreditors); err != nil {
		return err
	}
	var ids []int64
	for _, text := range r.R.PostForm["id"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return web.Invalid("An event is named by a number.", nil)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return web.Invalid("Choose events first.", nil)
	}
	n, err := d.Replay(r.R.Context(), ids...)
	if err != nil {
		return err
	}
	if err := r.Record("inbox.replay", "", map[string]string{"events": strconv.FormatInt(n, 10)}); err != nil {
		return err
	}
	return r.Done("/inbox", web.Plural(int(n), "event is", "events are")+" processed again. What they have led to already is not doubled.")
}

type inboxOnePage struct {
	read.InboxDetail
	Lines  []string // of the message
	Names  map[string]string
	Waits  bool // for a person
	Search string
}

// Who names who assigned it.
func (p inboxOnePage) Who(by string) string { return whoIs(p.Names, by) }

// inboxOne is one event with what it says and whom it may belong to.
func (d *operations) inboxOne(r *web.Request) error {
	id, err := eventID(r)
	if err != nil {
		return err
	}
	p := inboxOnePage{Search: r.Value("q")}
	if p.InboxDetail, err = d.Desk.Event(r.R.Context(), r.User, id, p.Search); err != nil {
		return err
	}
	if p.Reply != nil {
		p.Lines = strings.Split(p.Reply.Text, "\n")
	}
	p.Waits = p.State == "unmatched" || p.State == "failed"
	if p.Names, err = d.Names(r.R.Context()); err != nil {
		return err
	}
	return r.Page("inboxone.html", p)
}

func eventID(r *web.Request) (int64, error) {
	id, err := strconv.ParseInt(r.R.PathValue("id"), 10, 64)
	if err != nil {
		return 0, web.NotFound("This event")
	}
	return id, nil
}

// assign says whom an event belongs to.
func (d *operations) assign(r *web.Request) error {
	id, err := eventID(r)
	if err != nil {
		return err
	}
	in := read.Assign{Event: id, Account: r.Value("account"), Item: r.Value("item"), Foreign: r.Value("foreign") != "", Reason: r.Value("reason")}
	a, err := d.Desk.Assign(r.R.Context(), r.User, in)
	if err != nil {
		return err
	}
	text := map[string]string{
		"payment": "The payment is booked there.", "reversal": "The payment is taken back there.", "reply": "The message is read as theirs.", "foreign": "It is marked as not ours.",
	}[a.Kind]
	return r.Done("/inbox", text+" Undo it under “Assigned lately” if it was wrong.")
}

// unassign takes an assignment back.
func (d *operations) unassign(r *web.Request) error {
	a, err := d.Desk.Unassign(r.R.Context(), r.User, r.R.PathValue("id"), r.Value("reason"))
	if err != nil {
		return err
	}
	text := "It waits in the inbox again."
	if a.Kind == "payment" {
		text = "The payment is reversed there. " + text
	}
	return r.Done("/inbox/"+strconv.FormatInt(a.Event, 10), text)
}
