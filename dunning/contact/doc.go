// Package contact answers one question: may this contact leave now, and if
// not, from when?
//
// It owns the evaluation of contact policy: hours, counts in a window, silence
// after a conversation, consent, opt-outs, holds, notices that must come
// first, content, addressees and charges. Rules are data: a [PackSpec] is read
// from config/policies/*.yaml, [Compile] turns it into a [Pack], and a [Set]
// of packs judges a [Query]. Every applicable rule must allow; the strictest
// wins; a "no" names the rule, a code with its numbers, and the earliest
// instant at which the answer could be "yes".
//
// It does not own the facts (the store does), the way from a phone number or
// postcode to zones and jurisdictions (internal/place), reading YAML (config),
// or free text: what people wrote is classified before it gets here. It reads
// no clock and no zone database, and allocates at most twice per check.
//
// The engine has no leniency about unmentioned facts: where a rule needs a
// fact and the query has none, the answer is no. A query whose Content is nil
// asks about the contact as such; content rules then stay silent and run when
// the template is published and when the message is rendered.
//
// Nothing here is legal advice.
package contact
