package simulate

import (
	"time"

	"github.com/duly/duly/dunning"
)

// finished is how people who do their work end a task, by its kind: what is proposed is
// approved, and what was handed to them goes on.
var finished = map[dunning.TaskKind]string{
	dunning.TaskDraft: "approved", dunning.TaskApproval: "approved", dunning.TaskSettlement: "approved", dunning.TaskEscalation: "resumed", dunning.TaskCatchUp: "resumed",
	dunning.TaskParked: "resumed", dunning.TaskFailed: "resumed", dunning.TaskUnknown: "sent", dunning.TaskManual: "done", dunning.TaskNoChannel: "done",
	dunning.TaskSupervisor: "done", dunning.TaskReply: "done",
}

// Diligent is for Account.React: people who end every task so long after it was opened.
// Calls are left out: they end with their attempts or their time. So are the tasks of known
// (by id): what people did about them is told by the ledger.
func Diligent(after time.Duration, known ...map[string]bool) func(f *dunning.Facts) (time.Time, dunning.Command) {
	return func(f *dunning.Facts) (at time.Time, cmd dunning.Command) {
		for i := range f.Tasks {
			t := &f.Tasks[i]
			outcome, ok := finished[t.Task]
			told := len(known) > 0 && known[0][t.ID]
			if !ok || told || !t.Ended.IsZero() {
				continue
			}
			if when := t.Opened.Add(after); cmd == nil || when.Before(at) {
				at, cmd = when, dunning.FinishTask{ID: t.ID, Outcome: outcome}
			}
		}
		return at, cmd
	}
}
