// Package ops is the vocabulary of what operations do: bulk actions, dead letters and files
// that are uploaded, with what each of them needs and what it does in words.
//
// It owns the names, the permission that each action needs beside Operate, the limits, and
// the sentences that say what an action does not repeat. It does not own how they are carried
// out (internal/app, through commands) nor how they are shown (internal/web/operate).
package ops

import (
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// MostBulk bounds one bulk action: beyond it lies a slip, or a matter for a sequence.
const MostBulk = 5000

// MostUpload bounds a file that is uploaded in the console; larger ones come by duly import,
// which reads them from disk.
const MostUpload = 32 << 20

// How much of uploaded files is kept at once, until they are taken in, given up or
// forgotten: of one person or key, and of all.
const (
	MostKept    = 8 * MostUpload
	MostKeptAll = 64 * MostUpload
)

// Bulk actions. Each is one command per case, given as the person who ordered it, within
// their rights and limits at that moment.
const (
	BulkHold    = "hold"    // until, kind
	BulkLift    = "lift"    // kind
	BulkDispute = "dispute" // the whole account
	BulkNote    = "note"    // text
	BulkMessage = "message" // channel, template
	BulkMigrate = "migrate" // sequence, version, steps, at_once, reason: see MigrationOrder
)

// HoldKinds are the kinds of holds that a bulk action places and lifts. What law or decency
// asked for is lifted one by one, by somebody who looks.
var HoldKinds = []dunning.HoldKind{dunning.HoldManual, dunning.HoldHardship}

// bulkCommands are the commands of each action: they say which permission it needs.
var bulkCommands = map[string]dunning.Command{
	BulkHold: dunning.PlaceHold{}, BulkLift: dunning.LiftHold{}, BulkDispute: dunning.RaiseDispute{}, BulkNote: dunning.WriteNote{}, BulkMessage: dunning.SendMessage{},
	BulkMigrate: dunning.Migrate{},
}

// BulkActions lists the actions that somebody may order somewhere, in order.
func BulkActions(who identity.Principal) []string {
	var out []string
	for _, a := range []string{BulkHold, BulkLift, BulkDispute, BulkNote, BulkMessage} {
		if who.Somewhere(BulkNeeds(a)) {
			out = append(out, a)
		}
	}
	return out
}

// BulkNeeds is the permission that an action needs beside Operate.
func BulkNeeds(action string) identity.Permission {
	cmd, ok := bulkCommands[action]
	if !ok {
		return authority.Of("")
	}
	return authority.Of(authority.Name(cmd))
}

// BulkSample is what a bulk action would do to one case, for the preview.
type BulkSample struct {
	Case     string `json:"case"`
	Refused  string `json:"refused,omitempty"`  // why the core or a limit would refuse it; "" when it would not
	Same     bool   `json:"same,omitempty"`     // nothing would change
	Segments int    `json:"segments,omitempty"` // of a text message
	Text     string `json:"text,omitempty"`     // of a message
}

// What somebody can do with a dead letter.
const (
	DeadRetry   = "retry"
	DeadSkip    = "skip"
	DeadLeft    = "sent"     // of an unknown message: it left, by evidence of the person
	DeadNotLeft = "not_sent" // of an unknown message: it did not
)

// DeadActions are what can be done with a dead letter, in order.
func DeadActions(r read.DeadRow) []string {
	switch {
	case r.Kind == read.DeadUnknown && r.Task != "":
		return []string{DeadRetry, DeadLeft, DeadNotLeft}
	case r.Kind == read.DeadUnknown:
		return []string{DeadRetry}
	}
	return []string{DeadRetry, DeadSkip}
}

// DeadWords say what an action does with a dead letter, and what it does not repeat.
func DeadWords(kind, action string) string {
	return map[string]string{
		read.DeadUnknown + DeadRetry:   "The provider is asked again whether it took the message. Nothing is sent by that.",
		read.DeadUnknown + DeadLeft:    "You know that it left: it counts as sent and is not repeated.",
		read.DeadUnknown + DeadNotLeft: "You know that it did not leave: the step is tried again, within the rules of that moment.",
		read.DeadFailed + DeadRetry:    "The step is tried again, with fresh facts and all rules. What the provider took before is not sent again.",
		read.DeadFailed + DeadSkip:     "The step counts as done by hand: nothing is sent for it, and the case goes on.",
		read.DeadStuck + DeadRetry:     "The case looks again at once. What it has done is stored and is not repeated.",
		read.DeadStuck + DeadSkip:      "It leaves this list. The case stays as it is, and the sweeper goes on waking it.",
		read.DeadInbox + DeadRetry:     "The event is processed again from the request as it came. What it led to already is not doubled.",
		read.DeadInbox + DeadSkip:      "It leaves this list and stays in the inbox.",
		read.DeadHook + DeadRetry:      "The event is delivered again under the same id, so that the receiver can tell it from a new one.",
		read.DeadHook + DeadSkip:       "It leaves this list and is not delivered.",
		read.DeadWorkflow + DeadRetry:  "A new run is started for the case. It reads where the case is from the database, so no step is repeated.",
		read.DeadWorkflow + DeadSkip:   "It leaves this list. The sweeper starts the case again when its next instant passes.",
	}[kind+action]
}

// Mapping is a way to read files, for whoever chooses one.
type Mapping struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Creditor string `json:"creditor,omitempty"` // whose files it reads; "": anybody's
}
