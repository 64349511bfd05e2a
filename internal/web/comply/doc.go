// Package comply is the console's part for compliance: the decision record of every send
// and non-send, what was outside a rule, contact frequency, consents and refusals, the
// policies in words, the audit log, and evidence packs.
//
// It owns the pages, their words, and the form of an evidence pack. It owns no rule and no
// SQL: what a rule says comes from the core through package recheck, lists come from its
// ports. Nothing here changes a case.
package comply
