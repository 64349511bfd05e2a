package whatif

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/simulate"
)

// assumed is an assumption made into what happens at an instant.
type assumed struct {
	Assumption
	at   time.Time
	name string // of the command
	cmd  dunning.Command
	pick func(f dunning.Facts) dunning.Command // comes before cmd
}

// who does what is assumed.
const who = "assumption"

// assume reads the assumptions about an account: its currency, the debtor's zone, and what
// is open where an amount is left out (nil: whatever is open when the time comes).
func assume(all []Assumption, zone *time.Location, currency string, open func() string) ([]assumed, error) {
	f := Faults{}
	var out []assumed
	for i, a := range all {
		x := assumed{Assumption: a}
		var err error
		if x.at, err = instant(a.On, zone, true); err == nil {
			err = x.command(fmt.Sprintf("%s-%d", who, i+1), zone, currency, open)
		}
		if err != nil {
			f[fmt.Sprint("on", i+1)] = fmt.Sprintf("Assumption %d (%s): %s.", i+1, a.Do, err)
		}
		out = append(out, x)
	}
	return out, f.err()
}

func (x *assumed) command(id string, zone *time.Location, currency string, open func() string) error {
	switch x.Do {
	case "pays", "promises":
		return x.money(id, currency, open)
	case "plan":
		first, err := dunning.ParseDate(x.Until)
		x.name, x.cmd = "agree_plan", dunning.AgreePlan{ID: id, Count: 3, First: first}
		return err
	case "stop":
		ch := dunning.Channel(x.Channel)
		if ch == "" {
			ch = dunning.SMS
		}
		x.name, x.cmd = "opt_out", dunning.OptOut{OptedOut: dunning.OptedOut{ID: id, Channel: ch, StopWord: ch == dunning.SMS}}
	case "disputes":
		x.name, x.cmd = "raise_dispute", dunning.RaiseDispute{ID: id}
	case "hold":
		until, err := instant(x.Until, zone, false)
		x.name, x.cmd = "place_hold", dunning.PlaceHold{ID: id, HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Until: until}
		return err
	case "bounces": // a provider's answer, see reply
		if x.Channel == "" {
			x.Channel = string(dunning.Email)
		}
	}
	return nil
}

// money is a payment or a promise, of an amount or of all that is open.
func (x *assumed) money(id, currency string, open func() string) error {
	text := x.Amount
	if text == "" && open != nil {
		text = open()
	}
	var due dunning.Date
	if x.Do == "promises" {
		var err error
		if due, err = dunning.ParseDate(x.Until); err != nil {
			return fmt.Errorf("say until when is promised, as YYYY-MM-DD")
		}
	}
	build := func(text string) (string, dunning.Command, error) {
		a, err := amount(text, currency)
		if x.Do == "promises" {
			return "make_promise", dunning.MakePromise{ID: id, Amount: a, Due: due}, err
		}
		return "record_payment", dunning.RecordPayment{ID: id, Amount: a}, err
	}
	if text != "" {
		var err error
		x.name, x.cmd, err = build(text)
		return err
	}
	x.pick = func(f dunning.Facts) dunning.Command {
		_, cmd, err := build(openOf(f))
		if err != nil { // nothing is open: nobody pays
			return nil
		}
		return cmd
	}
	return nil
}

// openOf is all that is open on an account, in decimal digits.
func openOf(f dunning.Facts) string {
	var minor int64
	for i := range f.Items {
		minor += f.Items[i].Open
	}
	if len(f.Items) == 0 {
		return ""
	}
	return f.Items[0].Amount.Of(minor).Decimal()
}

// commands are the assumptions for an account that is simulated.
func commands(all []assumed) (out []simulate.Command) {
	for _, x := range all {
		switch {
		case x.pick != nil:
			out = append(out, simulate.Command{At: x.at, By: who, Pick: x.pick})
		case x.cmd != nil:
			out = append(out, simulate.Command{At: x.at, By: who, Command: x.cmd})
		}
	}
	return out
}

// reply answers contacts as the assumptions about dead addresses say; nil when there is none.
func reply(all []assumed) func(c dunning.ContactPlanned, at time.Time) simulate.Reply {
	dead := map[dunning.Channel]time.Time{}
	for _, x := range all {
		if x.Do == "bounces" {
			dead[dunning.Channel(x.Channel)] = x.at
		}
	}
	if len(dead) == 0 {
		return nil
	}
	return func(c dunning.ContactPlanned, at time.Time) simulate.Reply {
		if from, ok := dead[c.Channel]; ok && !at.Before(from) {
			return simulate.Reply{State: dunning.ContactFailed, Class: dunning.FailedRecipient, Permanent: true}
		}
		return simulate.Reply{State: dunning.ContactAccepted}
	}
}

// entry is the assumption as a facts file has it.
func (x assumed) entry() (map[string]any, error) {
	at := x.at.Format(time.RFC3339)
	if x.Do == "bounces" {
		return map[string]any{"at": at, "reply": "failed", "channel": x.Channel, "class": string(dunning.FailedRecipient), "permanent": true}, nil
	}
	b, err := json.Marshal(x.cmd)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, err
	}
	out["at"], out["do"], out["by"] = at, x.name, who
	return out, nil
}
