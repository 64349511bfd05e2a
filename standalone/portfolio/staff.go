package portfolio

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

type (
	// shiftBody is the staff of a creditor at its desks.
	shiftBody struct {
		Creditor string `json:"creditor"`
	}
	// workBody is one task that somebody takes up.
	workBody struct {
		Account string `json:"account"`
		Task    string `json:"task"`  // id
		About   string `json:"about"` // the task without ids that Duly draws
	}
)

// hours at which the staff works off what has come up, in the creditor's zone.
var hours = []int{10, 15}

// desk is how many tasks a shift takes up at most.
const desk = 5000

// Shifts are the rows of the staff's working days, from the first day on.
func (p *Portfolio) Shifts(ctx context.Context, pl *rehearse.Player) ([]postgres.Script, error) {
	var rows []postgres.Script
	cfg, err := pl.Book().Current(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range Creditors() {
		zone, err := creditorZone(ctx, pl, id)
		if err != nil {
			return nil, err
		}
		c, _ := cfg.Creditor(id)                                    // creditorZone has found it
		for d := p.Start; d.Before(p.lastDay()); d = d.AddDays(1) { // the last day is the audience's
			if w := d.Weekday(); w == time.Saturday || w == time.Sunday || cfg.Holiday(c.Holidays, d) {
				continue
			}
			for _, h := range hours {
				at := time.Date(d.Year, d.Month, d.Day, h, 0, 0, 0, zone).UTC()
				rows = append(rows, rehearse.Row(fmt.Sprintf("staff/%s/%s/%d", id, d, h), at, kindStaff, shiftBody{id}))
			}
		}
		rows = append(rows, rehearse.Row("stage/"+id, p.Until().Add(-20*time.Minute), kindStage, stageBody{id}))
	}
	return rows, nil
}

// shift takes up every task that was open before it, in a fixed order.
func (p *Portfolio) shift(ctx context.Context, pl *rehearse.Player, row postgres.Script, b shiftBody) ([]postgres.Script, error) {
	tasks, err := pl.Store().OpenTasks(ctx, "", "", desk)
	if err != nil {
		return nil, err
	}
	var rows []postgres.Script
	for _, t := range tasks {
		a, err := pl.Account(ctx, t.Account)
		if err != nil {
			return nil, err
		}
		if a.Creditor != b.Creditor || !t.Opened.Before(row.At) {
			continue
		}
		n, err := caseNumber(ctx, pl, a, t.Case)
		if err != nil {
			return nil, err
		}
		about := strings.ReplaceAll(t.ID, t.Case, fmt.Sprintf("%s/c%d", a.Key, n))
		rows = append(rows, rehearse.Row(row.Key+"/"+about, row.At, kindWork, workBody{Account: a.ID, Task: t.ID, About: about}))
	}
	desks, err := p.desks(ctx, pl, row, b.Creditor)
	return append(rows, desks...), err
}

// caseNumber is 1 for an account's first case, 2 for its second …
func caseNumber(ctx context.Context, pl *rehearse.Player, a postgres.Account, id string) (int, error) {
	cases, err := pl.Store().CasesOf(ctx, a.Debtor)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range cases {
		if c.Account == a.ID {
			n++
		}
		if c.Case == id {
			return n, nil
		}
	}
	return 0, fmt.Errorf("task of case %s, which the account does not have", id)
}

// work is what somebody does about a task, if anything.
func (p *Portfolio) work(ctx context.Context, pl *rehearse.Player, row postgres.Script, b workBody) ([]postgres.Script, error) {
	talked := ""
	_, err := pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		for _, c := range f.Contacts { // called before a crash
			if c.ID == row.Key && c.Logged != nil {
				talked = c.Logged.Outcome
				return nil, nil
			}
		}
		i := slices.IndexFunc(f.Tasks, func(t dunning.TaskState) bool { return t.ID == b.Task })
		if i < 0 || !f.Tasks[i].Ended.IsZero() {
			return nil, nil
		}
		cmd := p.answerTo(f, f.Tasks[i], row, b)
		if cmd == nil {
			return nil, nil
		}
		if l, ok := cmd.(dunning.LogContact); ok {
			talked = l.Outcome
		}
		by, err := p.staff(ctx, pl, whoseIs(f.Tasks[i].Task))
		if err != nil {
			return nil, err
		}
		told(ctx, pl, at, b.Account, "staff", string(f.Tasks[i].Task))
		return dunning.Handle(f, cmd, by, at)
	})
	if err != nil || talked != "conversation" {
		return nil, err
	}
	return p.afterTalk(row, b), nil
}

// whoseIs is the role of the staff that works on a kind of task.
func whoseIs(kind dunning.TaskKind) identity.Role {
	switch kind {
	case dunning.TaskDraft, dunning.TaskSupervisor, dunning.TaskSettlement:
		return identity.Supervisor
	case dunning.TaskApproval:
		return identity.Legal
	case dunning.TaskUnknown, dunning.TaskNoChannel, dunning.TaskCatchUp, dunning.TaskParked, dunning.TaskFailed:
		return identity.Operations
	}
	return identity.Collector
}

// answerTo is the command by which a task is worked on, nil when it is left lying.
func (p *Portfolio) answerTo(f dunning.Facts, t dunning.TaskState, row postgres.Script, b workBody) dunning.Command {
	n := p.chance("task", b.About, t.Tries).IntN(100)
	done := func(outcome string) dunning.Command { return dunning.FinishTask{ID: t.ID, Outcome: outcome} }
	either := func(percent int, yes, no string) dunning.Command {
		if n < percent {
			return done(yes)
		}
		return done(no)
	}
	switch t.Task {
	case dunning.TaskCall:
		return p.call(f, t, row, n)
	case dunning.TaskEscalation:
		if lies := !t.Until.IsZero() || row.At.Sub(t.Opened) < patience; n < 25 && lies { // nobody gets round to it
			return nil
		}
		return either(85, "resumed", "done")
	case dunning.TaskDraft:
		return either(92, "approved", "rejected")
	case dunning.TaskApproval, dunning.TaskSettlement:
		return either(85, "approved", "rejected")
	case dunning.TaskReply:
		return done("done")
	case dunning.TaskCatchUp, dunning.TaskParked, dunning.TaskFailed:
		return done("resumed")
	case dunning.TaskManual, dunning.TaskNoChannel, dunning.TaskSupervisor:
		return done("done")
	default:
		return nil
	}
}

// patience is how long a task without a limit may lie.
const patience = 72 * time.Hour

// call is an attempt to reach the debtor by telephone, if the policies allow it now: the
// console asks them, too.
func (p *Portfolio) call(f dunning.Facts, t dunning.TaskState, row postgres.Script, n int) dunning.Command {
	if !f.Policies.Check(f.Query(row.At, dunning.Call, "collect", false)).Allowed {
		return nil
	}
	outcome := "no_answer"
	switch {
	case n < 35:
		outcome = "conversation"
	case n < 60:
		outcome = "voicemail"
	}
	return dunning.LogContact{ContactLogged: dunning.ContactLogged{
		ID: row.Key, Direction: "outbound", Channel: dunning.Call, Outcome: outcome, Task: t.ID,
	}}
}

// afterTalk is what comes of a conversation: a promise, or nothing.
func (p *Portfolio) afterTalk(row postgres.Script, b workBody) []postgres.Script {
	r := p.chance("talk", b.About)
	switch n := r.IntN(100); {
	case n >= 62:
		return nil
	case n >= 50:
		deal := settleBody{Account: b.Account, ID: "deal/" + b.About, Percent: 5 + r.IntN(6), Keeps: r.IntN(100) < 70}
		return []postgres.Script{rehearse.Row(row.Key+"/deal", row.At.Add(time.Minute), kindSettle, deal)}
	}
	promise := promiseBody{Account: b.Account, ID: "call/" + b.About, Days: 7 + r.IntN(8), Keeps: r.IntN(100) < 60}
	return []postgres.Script{rehearse.Row(row.Key+"/promise", row.At.Add(time.Minute), kindPromise, promise)}
}
