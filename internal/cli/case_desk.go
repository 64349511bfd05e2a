package cli

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

func init() {
	maps.Copy(help, deskHelp)
	verbs = slices.Concat(verbs, deskVerbs)
}

// deskHelp says what the flags of deskVerbs mean.
var deskHelp = map[string]string{
	"promise": "id of the promise", "note": "id of the note", "callback": "id of the callback", "settlement": "id of the settlement",
	"at": "instant (RFC 3339, such as 2026-03-05T16:30:00-05:00) at which the debtor may be called", "about": "what the call is about",
	"text": "the words: of a note, or what the other is to know",
	"to":   "id of a user, or team:QUEUE", "percent": "part of the debt that is given up, in percent; in place of --amount",
	"approval": "yes: it stands only when somebody has approved it", "accepted": "yes: the debtor agrees already", "mention": "ids of users who are to read it, with commas between",
}

// deskVerbs are what collectors do beside calls, promises and holds.
var deskVerbs = []verb{
	{"take-back-promise", "Take a promise back that was entered by mistake", []string{"promise!"}, func(w words) (dunning.Command, error) {
		return dunning.WithdrawPromise{ID: w.given["promise"]}, nil
	}, nil},
	{"mention", "Keep a note that others are to read", []string{"text!", "mention!"}, func(w words) (dunning.Command, error) {
		return dunning.WriteNote{ID: w.id, Text: w.given["text"], Mentions: w.list("mention")}, nil
	}, nil},
	{"pin", "Put a note on top of the case", []string{"note!"}, func(w words) (dunning.Command, error) {
		return dunning.PinNote{ID: w.given["note"]}, nil
	}, nil},
	{"unpin", "Take a note down from the top", []string{"note!"}, func(w words) (dunning.Command, error) {
		return dunning.UnpinNote{ID: w.given["note"]}, nil
	}, nil},
	{"seen", "Say that who enters it has read the note that mentions them", []string{"note!", "owner"}, func(w words) (dunning.Command, error) {
		return dunning.DismissMention{ID: w.given["note"], User: w.or("owner", strings.TrimPrefix(w.by, "user:"))}, nil
	}, nil},
	{"call-back", "Plan a call at an instant at which the debtor may be called", []string{"at!", "owner", "about"}, func(w words) (dunning.Command, error) {
		when, err := w.exactly("at")
		return dunning.SetCallback{ID: w.id, When: when, Owner: w.given["owner"], Words: w.given["about"]}, err
	}, nil},
	{"move-call", "Give a planned call another time", []string{"callback!", "at!"}, func(w words) (dunning.Command, error) {
		when, err := w.exactly("at")
		return dunning.MoveCallback{ID: w.given["callback"], When: when}, err
	}, nil},
	{"cancel-call", "End a planned call without calling", []string{"callback!"}, func(w words) (dunning.Command, error) {
		return dunning.CancelCallback{ID: w.given["callback"]}, nil
	}, nil},
	{"hand-over", "Give the case to another user or to a team", []string{"to!", "until!", "text!"}, func(w words) (dunning.Command, error) {
		until, err := w.when("until")
		return dunning.HandOver{ID: w.id, Owner: w.given["to"], Until: until, Words: w.given["text"]}, err
	}, nil},
	{"settle", "Offer to take less than is owed, for all of it", []string{"amount", "percent", "due!", "approval", "accepted"}, func(w words) (dunning.Command, error) {
		amount, err := w.amount("amount")
		percent, err2 := w.number("percent", 0)
		due, err3 := dunning.ParseDate(w.given["due"])
		return dunning.OfferSettlement{
			ID: w.id, Amount: amount, Percent: percent, Due: due, Approval: w.yes("approval"), Accepted: w.yes("accepted"),
		}, errors.Join(err, err2, err3, w.allYes("approval", "accepted"))
	}, nil},
	{"accept-settlement", "Record that the debtor agrees to a settlement", []string{"settlement!"}, func(w words) (dunning.Command, error) {
		return dunning.AcceptSettlement{ID: w.given["settlement"]}, nil
	}, nil},
	{"decline-settlement", "Record that the debtor does not", []string{"settlement!"}, func(w words) (dunning.Command, error) {
		return dunning.DeclineSettlement{ID: w.given["settlement"]}, nil
	}, nil},
	{"withdraw-settlement", "Take an offered settlement back", []string{"settlement!"}, func(w words) (dunning.Command, error) {
		return dunning.WithdrawSettlement{ID: w.given["settlement"]}, nil
	}, nil},
}

// exactly reads an instant; a day alone is no time for a call.
func (w words) exactly(name string) (time.Time, error) {
	if text := w.given[name]; len(text) <= len(time.DateOnly) {
		return time.Time{}, errors.New("--" + name + ": give the time, too, such as 2026-03-05T16:30:00-05:00")
	}
	return w.when(name)
}
