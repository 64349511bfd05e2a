package twilio

import (
	"testing"

	"github.com/duly/duly/dunning"
)

func TestMeaning(t *testing.T) {
	for _, c := range []struct {
		about  string
		status string
		code   int
		want   dunning.Delivery
	}{
		{"queued: Twilio has it", "queued", 0, dunning.Taken},
		{"sent: the carrier has it", "sent", 0, dunning.Taken},
		{"delivered", "delivered", 0, dunning.Delivered},
		{"read proves delivery", "read", 0, dunning.Delivered},
		{"a landline", "undelivered", 30006, dunning.Landline},
		{"no such number", "failed", 21211, dunning.Invalid},
		{"a number out of service", "undelivered", 30005, dunning.Invalid},
		{"blocked by the carrier", "undelivered", 30004, dunning.Blocked},
		{"the recipient has said STOP to this sender", "failed", 21610, dunning.Stopped},
		{"handset off: another time", "undelivered", 30003, dunning.SoftBounced},
		{"the validity period is over", "undelivered", 30036, dunning.SoftBounced},
		{"failed without a reason", "failed", 0, dunning.SoftBounced},
		{"filtered: a person must look", "undelivered", 30007, dunning.Filtered},
		{"the sender is not registered: a person must look", "undelivered", 30034, dunning.Filtered},
		{"a code that Twilio invented since", "failed", 39999, dunning.Filtered},
		{"a scheduled message that was cancelled", "canceled", 0, ""},
		{"a status that Twilio invented since", "teleported", 0, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			if got := (Config{}).Meaning(c.status, c.code); got != c.want {
				t.Errorf("means %q, want %q", got, c.want)
			}
		})
	}
	over := Config{Codes: Codes{30006: dunning.FailedLater, 31000: dunning.FailedRecipient}}
	if got := over.Meaning("failed", 30006); got != dunning.SoftBounced {
		t.Errorf("an overridden class is not obeyed: %q", got)
	}
	if got := over.Meaning("failed", 31000); got != dunning.Invalid {
		t.Errorf("a recipient code without a reason of its own means %q", got)
	}
	for code := range whys {
		if class, known := DefaultCodes().Class(code); !known || class != dunning.FailedRecipient {
			t.Errorf("code %d has a reason of a dead number and class %q", code, class)
		}
	}
}
