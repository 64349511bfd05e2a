package simulate

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
)

// line is one event as printed: every member is always there.
type line struct {
	At        string              `json:"at"`
	Account   string              `json:"account"`
	Debtor    string              `json:"debtor"`
	Kind      string              `json:"kind"`
	Step      *string             `json:"step"`
	Channel   *string             `json:"channel"`
	Items     []dunning.EventItem `json:"items"`
	Rule      *string             `json:"rule"`
	Reason    *string             `json:"reason"`
	NotBefore *string             `json:"not_before"`
}

// Write prints events as one JSON object a line, in time order and, within an
// instant, by account. Instants are RFC 3339 in the given zone.
func Write(w io.Writer, events []dunning.Event, zone func(account string) *time.Location) error {
	SortEvents(events)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, e := range events {
		z := zone(e.Account)
		l := line{
			At: e.At.In(z).Format(time.RFC3339), Account: e.Account, Debtor: e.Debtor, Kind: e.Kind, Step: text(e.Step), Channel: text(string(e.Channel)),
			Items: e.Items, Rule: text(e.Rule), Reason: text(e.Reason),
		}
		if !e.NotBefore.IsZero() {
			l.NotBefore = text(e.NotBefore.In(z).Format(time.RFC3339))
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// SortEvents orders events by instant, then account; events of one account
// keep their order.
func SortEvents(events []dunning.Event) {
	slices.SortStableFunc(events, func(a, b dunning.Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Account, b.Account))
	})
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
