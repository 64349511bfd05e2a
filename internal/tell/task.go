package tell

import (
	"fmt"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// Task says what is to be done, for a person.
func Task(w read.Work) string {
	kind, isTask := strings.CutPrefix(w.Kind, "task:")
	if isTask {
		if text := taskWords(dunning.TaskKind(kind), w); text != "" {
			return text
		}
	}
	switch {
	case w.Kind == read.WorkCallback:
		return "Call back as promised"
	case w.Kind == read.WorkMention:
		return "A note mentions you"
	case w.Kind == read.WorkLease && w.Owner == "":
		return "Handed over to the team: take it"
	case w.Kind == read.WorkLease && w.Reason == "handed_over":
		return "Handed over to you: finish or hand back"
	case w.Kind == read.WorkLease:
		return "You have the case: finish or hand back"
	case w.Kind == read.WorkBroken && w.Reason == "partly":
		return "A promise was kept only in part"
	case w.Kind == read.WorkBroken:
		return "A promise was broken"
	case w.Kind == read.WorkReply:
		return "The debtor answered by " + web.Words(w.Reason)
	}
	return web.Words(kind)
}

// taskWords are those of a task; "" for a kind that is only named.
func taskWords(kind dunning.TaskKind, w read.Work) string {
	switch kind {
	case dunning.TaskCall:
		tries := max(w.Attempts, 1)
		return "Call" + ofStep(strings.TrimPrefix(w.Step, "call")) + fmt.Sprintf(": attempt %d of %d", min(w.Tries+1, tries), tries)
	case dunning.TaskReply:
		return "Reply: " + web.Words(either(w.Reason, "of the debtor"))
	case dunning.TaskSupervisor:
		return "Look into: " + web.Words(w.Reason)
	case dunning.TaskNoChannel:
		return "Nothing reaches the debtor: find an address"
	case dunning.TaskUnknown:
		return "Was it sent or not? Find out"
	case dunning.TaskSettlement:
		return "Approve the settlement"
	}
	if text := map[dunning.TaskKind]string{
		dunning.TaskEscalation: "Decide how to go on", dunning.TaskDraft: "Approve the draft", dunning.TaskApproval: "Approve the referral",
		dunning.TaskManual: "Do by hand", dunning.TaskFailed: "The provider refuses the message",
		dunning.TaskCatchUp: "Steps were missed: go on or skip", dunning.TaskParked: "The case does not settle",
	}[kind]; text != "" {
		return text + ofStep(w.Step)
	}
	return ""
}

func ofStep(step string) string {
	if step == "" {
		return ""
	}
	return " (" + web.Words(step) + ")"
}
