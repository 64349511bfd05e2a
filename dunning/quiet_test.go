package dunning

import "testing"

func TestQuiet(t *testing.T) {
	const id = "k/0/one/email/1"
	for _, c := range []struct {
		about string
		state ContactState
		facts []Body
		quiet bool
	}{
		{"that what was taken was delivered", ContactAccepted, []Body{ContactMoved{ID: id, State: ContactAccepted, Code: "delivered"}}, true},
		{"that what is being handed over was taken", ContactSending, []Body{ContactMoved{ID: id, State: ContactAccepted}}, true},
		{"that what was unknown was taken: later steps may go on", ContactUnknown, []Body{ContactMoved{ID: id, State: ContactAccepted}}, false},
		{"that it bounced", ContactAccepted, []Body{ContactMoved{ID: id, State: ContactBounced, Permanent: true}}, false},
		{"a message that is not known", ContactAccepted, []Body{ContactMoved{ID: "other", State: ContactAccepted}}, false},
		{"anything else beside it", ContactAccepted, []Body{ContactMoved{ID: id, State: ContactAccepted}, OptedOut{Channel: Email}}, false},
		{"a payment", ContactAccepted, []Body{Payment{ID: "p", Amount: eur("1.00")}}, false},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := mailed(t, c.state)
			var facts []Fact
			for _, b := range c.facts {
				facts = append(facts, Fact{At: noon, Body: b})
			}
			if got := f.Quiet(facts); got != c.quiet {
				t.Errorf("quiet %v, want %v", got, c.quiet)
			}
		})
	}
}
