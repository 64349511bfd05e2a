// Package activities is the hands of Duly: it carries out, in transactions, what
// cases have planned, one activity per verb.
//
// It owns the protocol that keeps the guarantees (DESIGN 4): a contact is reserved
// together with the decision that allowed it, fenced by the debtor's version, handed
// to a provider at most once, and its outcome stored together with what is next. It
// declares the ports it needs. It owns no rule of dunning (package dunning), no SQL,
// no provider's API and no template.
//
//	tx1  lock the debtor, decide with fresh facts, reserve
//	tx2  lock again: did anything change? else the fence: state sending
//	     call the provider, starting within Patience of the fence
//	tx3  store the outcome and what is next
//
// What needs no provider (task, call, escalation, referral, closing) is one transaction:
// decide, make it true, store what is next.
//
// A crash anywhere is mended by the retry, which finds what happened by the intent
// and by the contact's state. What the provider may have taken is never sent again
// without evidence.
package activities
