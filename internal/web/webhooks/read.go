package webhooks

import "errors"

// ErrNoMessage: the request holds no message of a debtor, or its body has been wiped.
var ErrNoMessage = errors.New("there is no message in this request")

// ReadMessage reads a debtor's message out of a request of the inbox again, for a person
// who may see it. It is personal data.
func ReadMessage(r Request) (m Inbound, err error) {
	defer func() {
		if recover() != nil { // as when it came: nothing that is posted takes the server down
			m, err = Inbound{}, ErrNoMessage
		}
	}()
	switch r.Source {
	case sourceTwilioInbound:
		return readText(r)
	case sourceGridInbound:
		return readMail(r)
	}
	return Inbound{}, ErrNoMessage
}
