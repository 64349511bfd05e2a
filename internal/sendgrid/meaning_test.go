package sendgrid

import (
	"testing"

	"github.com/duly/duly/dunning"
)

func TestMeaning(t *testing.T) {
	for _, c := range []struct {
		about, event, kind, reason string
		want                       dunning.Delivery
	}{
		{"processed: SendGrid has it", "processed", "", "", dunning.Taken},
		{"deferred: it is still trying", "deferred", "", "", dunning.Taken},
		{"delivered", "delivered", "", "", dunning.Delivered},
		{"a hard bounce", "bounce", "bounce", "550 no such user", dunning.HardBounced},
		{"a block passes", "bounce", "blocked", "rate", dunning.SoftBounced},
		{"a mail that expired in the queue", "bounce", "expired", "", dunning.SoftBounced},
		{"dropped for an earlier bounce", "dropped", "", "Bounced Address", dunning.HardBounced},
		{"dropped for an unsubscription: it never left", "dropped", "", "Unsubscribed Address", dunning.Stopped},
		{"dropped for a spam report", "dropped", "", "Spam Reporting Address", dunning.Blocked},
		{"dropped as invalid", "dropped", "", "Invalid", dunning.Invalid},
		{"dropped for our own fault: a person must look", "dropped", "", "Invalid SMTPAPI header", dunning.Filtered},
		{"dropped for a reason that is new", "dropped", "", "Moon phase", dunning.Filtered},
		{"a spam report", "spamreport", "", "", dunning.SpamReported},
		{"an unsubscription", "unsubscribe", "", "", dunning.Unsubscribed},
		{"an unsubscription from a group", "group_unsubscribe", "", "", dunning.Unsubscribed},
		{"coming back takes more than a click: a person enters it", "group_resubscribe", "", "", ""},
		{"opening proves nothing that counts", "open", "", "", ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			if got := Meaning(c.event, c.kind, c.reason); got != c.want {
				t.Errorf("means %q, want %q", got, c.want)
			}
		})
	}
}
