package sendgrid

import (
	"strings"

	"github.com/duly/duly/dunning"
)

// AttemptArg is the custom argument in which the attempt id travels. It is not just
// "attempt": SendGrid's own event "deferred" has a member of that name, which would take
// its place.
const AttemptArg = "duly_attempt"

// Meaning says what an event of the Event Webhook means, by its name, the type of a bounce
// and the reason of a drop; "" for nothing.
func Meaning(event, kind, reason string) dunning.Delivery {
	switch event {
	case "processed", "deferred":
		return dunning.Taken
	case "delivered":
		return dunning.Delivered
	case "bounce":
		if kind == "bounce" || kind == "" {
			return dunning.HardBounced
		}
		return dunning.SoftBounced // blocked, expired
	case "dropped":
		return dropped(strings.ToLower(reason))
	case "spamreport":
		return dunning.SpamReported
	case "unsubscribe", "group_unsubscribe":
		return dunning.Unsubscribed
	}
	return ""
}

// dropped says why SendGrid took a mail and never tried to deliver it: the address stands
// on one of its own lists, or the mail is at fault.
func dropped(reason string) dunning.Delivery {
	switch {
	case strings.HasPrefix(reason, "bounced address"):
		return dunning.HardBounced
	case strings.HasPrefix(reason, "unsubscribed address"), strings.HasPrefix(reason, "group unsubscribe"):
		return dunning.Stopped
	case strings.HasPrefix(reason, "spam reporting address"):
		return dunning.Blocked
	case reason == "invalid", strings.HasPrefix(reason, "invalid address"), strings.HasPrefix(reason, "invalid recipient"):
		return dunning.Invalid
	}
	return dunning.Filtered
}
