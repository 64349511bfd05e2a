package twilio

import "github.com/duly/duly/dunning"

// whys say what is wrong with a number that can never be reached: codes of class
// recipient. One that is not listed means a number that does not exist.
var whys = map[int]dunning.Delivery{
	21211: dunning.Invalid, 21265: dunning.Invalid, 30005: dunning.Invalid,
	21614: dunning.Landline, 21635: dunning.Landline, 30006: dunning.Landline,
	30004: dunning.Blocked, 21610: dunning.Stopped,
}

// why is what is wrong with the recipient of a code.
func why(code int) dunning.Delivery {
	if d, ok := whys[code]; ok {
		return d
	}
	return dunning.Invalid
}

// Meaning says what a status of a message and its error code (0: none) mean, "" for
// nothing: a scheduled message that was cancelled, a status that is not known.
func (c Codes) Meaning(status string, code int) dunning.Delivery {
	switch status {
	case "accepted", "scheduled", "queued", "sending", "sent":
		return dunning.Taken
	case "delivered", "partially_delivered", "read":
		return dunning.Delivered
	case "undelivered", "failed":
		return c.failure(code)
	}
	return ""
}

// failure is why a message did not arrive. What the table does not know, a person must
// look at: Twilio splits and adds codes.
func (c Codes) failure(code int) dunning.Delivery {
	class, known := c.Class(code)
	switch {
	case code == 0:
		return dunning.SoftBounced
	case known && class == dunning.FailedRecipient:
		return why(code)
	case known && class == dunning.FailedLater:
		return dunning.SoftBounced
	}
	return dunning.Filtered
}

// Meaning is Codes.Meaning by the start table and the configured overrides.
func (c Config) Meaning(status string, code int) dunning.Delivery {
	return DefaultCodes().with(c.Codes).Meaning(status, code)
}
