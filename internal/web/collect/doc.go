// Package collect is the console's part for those who speak with debtors: "my day", the
// page of a case with everything that can be done on it, and one's own numbers.
//
// It owns the pages, the forms and their words: what a fact, a decision or a verdict is
// called for people. It owns no rule: whether a contact is allowed now, what a plan's
// instalments are and what happens next it asks of the core with the case's own facts,
// and what people order it gives to package commands. It does not own lists of cases for
// operations (package operate), nor reviews (compliance).
package collect
