// Package whatif answers "what would happen if time moved on": for a real case, an invented
// one or a cohort, under the configuration in force or any other release, with assumptions
// about what the debtor does.
//
// It owns the question and its bounds (how many accounts, how far ahead, how long, how many
// at a time), the answer (timelines, totals, what differs between two configurations) and
// how a question becomes accounts of internal/simulate. It does not own any rule (package
// dunning), the simulated clock (internal/simulate), rights (the caller brings the scope),
// pages or the API. It reads and never writes.
package whatif
