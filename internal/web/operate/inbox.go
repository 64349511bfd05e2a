package operate

import (
	"fmt"
	"strconv"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type importsPage struct {
	List read.List[read.ImportRow]
}

func (d *operations) imports(r *web.Request) error {
	list, err := d.Read.Imports(r.R.Context(), r.Scope(identity.Monitor), read.Page{After: r.Value("after")})
	if err != nil {
		return err
	}
	return r.Page("imports.html", importsPage{list})
}

type rejectsPage struct {
	ID   string
	List read.List[read.RejectRow]
}

// rejects are the rows that an import refused, each with why and how to mend it.
func (d *operations) rejects(r *web.Request) error {
	ctx, id, scope := r.R.Context(), r.R.PathValue("id"), r.Scope(identity.Monitor)
	if r.WantsCSV() {
		return r.CSV("rejects", []string{"row", "reason"}, mapped(read.All(func(p read.Page) (read.List[read.RejectRow], error) { return d.Read.ImportRejects(ctx, scope, id, p) }),
			func(x read.RejectRow) []string { return []string{fmt.Sprint(x.Row), x.Reason} }))
	}
	list, err := d.Read.ImportRejects(ctx, scope, id, read.Page{After: r.Value("after")})
	if err != nil {
		return err
	}
	return r.Page("rejects.html", rejectsPage{id, list})
}

type inboxPage struct {
	Events  read.List[read.InboxRow]
	Replies []read.WorkRow
}

// inbox is what nobody has assigned or answered: events about nobody whom we know, events
// that could not be processed, and replies that nobody has acted on.
func (d *operations) inbox(r *web.Request) error {
	ctx := r.R.Context()
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
	p.Replies = replies.Rows
	return r.Page("inbox.html", p)
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
	return r.Done("/inbox", web.Plural(n, "event is", "events are")+" processed again. What they have led to already is not doubled.")
}
