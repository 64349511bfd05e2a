package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/comply"
	"github.com/duly/duly/internal/web/govern"
)

// Proposals is maker and checker over the console's store.
func (c *Console) Proposals() *Proposals {
	return &Proposals{Store: c.deps.Store, Book: c.book, Clock: c.deps.Clock}
}

// governance is what the pages of maker and checker work with.
func (c *Console) governance() govern.Deps {
	return govern.Deps{Service: c.Proposals(), StepCounts: c.deps.Store.StepCounts, Names: c.names, Rule: comply.RuleWords, Sources: c.waiting()}
}

// mostWaiting bounds how much of one kind stands in the review queue.
const mostWaiting = 50

// waiting are the other things that wait for a second person.
func (c *Console) waiting() []govern.Source {
	return []govern.Source{
		c.tasks(identity.ApproveDraft, "draft", "a message waits for its approval before it leaves", 2, dunning.TaskDraft),
		c.tasks(identity.ApproveReferral, "referral", "the hand-over of the debt waits for its approval", 2, dunning.TaskApproval),
		c.tasks(identity.ApproveSettlement, "settlement", "it is above the authority of whoever agreed it", 1, dunning.TaskSettlement),
		c.tasks(identity.Tasks, "reply", "somebody must read it and decide what follows", 1, dunning.TaskReply),
		{Need: identity.Sample, List: c.openSamples},
	}
}

// openSamples lists samples that nobody has signed off.
func (c *Console) openSamples(ctx context.Context, s read.Scope, _ time.Time) ([]govern.Waiting, error) {
	list, err := c.deps.Store.Samples(ctx, s, read.Page{Limit: mostWaiting})
	if err != nil {
		return nil, err
	}
	var out []govern.Waiting
	for _, x := range list.Rows {
		if x.Signed.IsZero() {
			why := fmt.Sprintf("%d of its rows are answered", x.Done)
			out = append(out, govern.Waiting{ID: "sample-" + x.ID, Kind: "sample", Title: x.Title, Why: why, Path: "/samples/" + x.ID, Level: 1, Since: x.At, Due: x.At.AddDate(0, 0, 7)})
		}
	}
	return out, nil
}

// tasks lists open tasks of a kind for who may end them. No name stands in the queue: it
// is shown without a record of who looked.
func (c *Console) tasks(need identity.Permission, kind, why string, level int, task dunning.TaskKind) govern.Source {
	return govern.Source{Need: need, List: func(ctx context.Context, s read.Scope, now time.Time) ([]govern.Waiting, error) {
		list, err := c.deps.Store.Worklist(ctx, s, read.WorkFilter{Kinds: []string{"task:" + string(task)}}, now, read.Page{Limit: mostWaiting})
		if err != nil {
			return nil, err
		}
		var out []govern.Waiting
		for _, w := range list.Rows {
			title := strings.TrimSpace(web.Words(kind) + " " + web.Words(w.Step))
			out = append(out, govern.Waiting{
				ID: kind + "-" + w.ID, Kind: kind, Title: strings.ToUpper(title[:1]) + title[1:] + ", " + w.Creditor, Why: why,
				Path: "/cases/" + w.Case, Level: level, Since: w.Opened, Due: w.Due,
			})
		}
		return out, nil
	}}
}
