package read

import (
	"slices"

	"github.com/duly/duly/dunning"
)

// Groups of a case's story, in the order in which filters show them.
const (
	GroupMessage   = "message"
	GroupReply     = "reply"
	GroupMoney     = "money"
	GroupAgreement = "agreement"
	GroupHold      = "hold"
	GroupTask      = "task"
	GroupNote      = "note"
	GroupDebtor    = "debtor"
	GroupCase      = "case"
	GroupDecision  = "decision"
)

// Groups are all groups of a story.
func Groups() []string {
	return []string{
		GroupMessage, GroupReply, GroupMoney, GroupAgreement, GroupHold, GroupTask, GroupNote, GroupDebtor, GroupCase, GroupDecision,
	}
}

// GroupOf is the group of a fact in a case's story.
func GroupOf(b dunning.Body) string {
	if l, ok := b.(dunning.ContactLogged); ok {
		if l.Direction == inbound {
			return GroupReply
		}
		return GroupMessage
	}
	switch b.Kind() {
	case "contact_planned", "contact_moved", "message_asked":
		return GroupMessage
	case "item", "item_corrected", "payment", "payment_reversed", "items_disposed":
		return GroupMoney
	case "promise_made", "promise_ended", "offer_opened", "offer_ended", "plan_agreed", "plan_ended", "settlement_offered", "settlement_answered", "settlement_ended":
		return GroupAgreement
	case "hold_placed", "hold_lifted", "hold_extended", "dispute_raised", "dispute_resolved":
		return GroupHold
	case "task_opened", "task_ended", "lease_taken", "lease_ended", "callback_set", "callback_moved", "callback_ended":
		return GroupTask
	case "note_written", "note_pinned", "note_unpinned", "mention_seen":
		return GroupNote
	case "case_opened", "case_closed", "steps_waived", "step_passed", "round_begun", "step_counted", "entry_ended",
		"migration_asked", "migration_ended", "migrated":
		return GroupCase
	}
	return GroupDebtor
}

// Keeps reports whether a filter keeps an event of a story.
func (f TimelineFilter) Keeps(r TimelineRow) bool {
	return (len(f.Groups) == 0 || slices.Contains(f.Groups, r.Group)) &&
		(f.By == "" || f.By == r.By) &&
		(f.From.IsZero() || !r.At.Before(f.From)) && (f.Until.IsZero() || r.At.Before(f.Until))
}
