// Package dunning is the core of Duly: what to do about an overdue account,
// when, and why.
//
// It owns the rules: progress of each debt through its sequence, live days and
// holds, spacing, promises, plans, tasks, leases, and what each decision says.
// It is pure: facts and an instant in, a decision out. It does not own I/O,
// clocks, randomness, logging, configuration files, templates, zones of
// places, or the rules about contacting people (package contact).
//
// Three shells call it and none holds rules of its own: the Temporal activities,
// the simulator and the re-check. All three keep a debtor's history as a list of
// [Fact] values, [Fold] it into [Facts], and ask [Settle] (or [Decide]).
package dunning
