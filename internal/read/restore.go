package read

import (
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
)

// Restored is what the database may have forgotten because it was restored, and how far
// that is put right. It is of the whole installation.
type Restored struct {
	At       time.Time `json:"at"`   // business time
	Open     bool      `json:"open"` // the newest restore is not put right yet
	Restores []Restore `json:"restores" jsonschema_description:"the newest first"`
	// Off are the channels that are switched off, for whatever reason.
	Off []dunning.Channel `json:"switched_off"`
	// Doubts are contacts on their way or without a known outcome, the oldest first.
	Doubts []Doubt `json:"doubts"`
	// Letters lie in the database's outbox: they may have been posted meanwhile.
	Letters int `json:"letters_waiting"`
}

// States of a restore.
const (
	RestoreNoticed  = "noticed"
	RestoreLookedUp = "looked_up" // the providers were asked about every open case
	RestoreDone     = "done"      // a person has said that all is put right
)

// Restore is one time that the database was found to be another one than it was. Instants
// are business time.
type Restore struct {
	ID      int64     `json:"id"`
	State   string    `json:"state" jsonschema:"enum=noticed,enum=looked_up,enum=done"`
	Noticed string    `json:"noticed" jsonschema:"enum=identity,enum=journal,enum=person"`
	What    string    `json:"what"`
	By      string    `json:"by"`
	Since   time.Time `json:"since" jsonschema_description:"what was written or left from here on may be lost"`
	Until   time.Time `json:"until" jsonschema_description:"when it was noticed"`
	Looked  time.Time `json:"looked_up,omitzero"`
	Done    time.Time `json:"done,omitzero"`
	DoneBy  string    `json:"done_by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// Doubt is a contact of which nobody knows whether it left.
type Doubt struct {
	Contact  string          `json:"contact"`
	Attempt  string          `json:"attempt" jsonschema_description:"what the provider was given"`
	Case     string          `json:"case"`
	Channel  dunning.Channel `json:"channel"`
	Step     string          `json:"step"`
	State    string          `json:"state"`
	Since    time.Time       `json:"since"`
	Until    time.Time       `json:"may_have_left_until,omitzero" jsonschema_description:"set where it is in doubt because of a restore"`
	Deadline time.Time       `json:"deadline,omitzero"`
}

// Step is something that a person does, with the command for it where there is one.
type Step struct{ Text, Command string }

// Todo is what people still have to do, in order; none when nothing is open.
func (r Restored) Todo() (steps []Step) {
	if !r.Open {
		return nil
	}
	add := func(command, format string, given ...any) {
		steps = append(steps, Step{fmt.Sprintf(format, given...), command})
	}
	last, since := r.Restores[0], r.Restores[0].Since.UTC().Format(instant)
	if last.State == RestoreNoticed {
		add("duly restore reconcile", "Ask the providers, with their credentials in the environment.")
	}
	if len(r.Doubts) > 0 {
		add("", "What no provider can tell is settled by its reports, or by a person: look each up by its attempt id and end its task as sent or not sent.")
	}
	if r.Letters > 0 {
		add("", "%d letters lie in the outbox: compare them with the batches that were printed since %s, before another batch is closed.", r.Letters, since)
	}
	add("", "Import invoices and payments again from before %s: what is known already changes nothing.", since)
	add("", "Enter what people told you since: disputes, opt-outs, holds, promises, calls. Have providers and shops send their events again.")
	add("duly restore done --reason TEXT --by NAME", "Say that it is put right.")
	for _, ch := range r.Off {
		add("duly switch off channel "+string(ch)+" --reason TEXT --by NAME", "Let messages leave again by %s.", ch)
	}
	return steps
}

// instant is how sentences name one.
const instant = "2 Jan 2006, 15:04 UTC"
