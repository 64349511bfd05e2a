// Package webhooks receives what providers and other systems tell: Twilio's delivery
// reports and replies, SendGrid's events and inbound mail, and payments.
//
// It owns signatures, formats, the inbox protocol and its retries. A request whose
// signature is right is kept with its raw body, each event in it once, and that is
// committed before anything else happens. Then its events are processed: what stops a
// message (a reply, a payment, an unsubscription) before the request is answered, so that
// after a 2xx nothing leaves that it forbids; everything else at once too, or, when that
// fails, by Run, which tries again until a person is needed. Processing an event twice
// changes nothing, so it may be replayed.
//
// It owns no rule: what a report, a reply or a payment leads to is decided by who
// implements its ports. It never logs or answers anything that a request said.
package webhooks
