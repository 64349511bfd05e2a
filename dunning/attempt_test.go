package dunning

import "testing"

// TestAttemptID pins ids that providers were given: they must come out the same for ever.
func TestAttemptID(t *testing.T) {
	for contact, want := range map[string]string{
		"":                 "11f83651-405d-5679-91a9-26b32673d19f",
		"case/0/one/sms/1": "4279b7d3-875a-5906-a44d-bd6110800cdd",
		"ü/0/x/letter/1":   "1ca85a67-9cee-5468-b2d5-a13d2dadd7a3",
		"8e0c2f5e-9f3a-4d0e-8b5e-3e0c6d2f1a77/2/final-notice/email/3": "66eba6cd-22e2-515e-9386-6bae72550e78",
	} {
		if got := AttemptID(contact); got != want {
			t.Errorf("the attempt of %q is %s, want %s", contact, got, want)
		}
	}
}
