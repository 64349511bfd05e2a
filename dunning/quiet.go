package dunning

// Quiet reports whether facts that are about to be added change no decision, so that
// nobody needs to be woken for them: that a message which is known to have been taken, or
// is being handed over at this moment, has been taken or delivered. Whoever hands it over
// decides what is next over these facts anyway.
func (f *Facts) Quiet(facts []Fact) bool {
	for _, x := range facts {
		m, ok := x.Body.(ContactMoved)
		if !ok || m.State != ContactAccepted {
			return false
		}
		c := f.contact(m.ID)
		if c == nil || c.State != ContactAccepted && c.State != ContactSending {
			return false
		}
	}
	return true
}
