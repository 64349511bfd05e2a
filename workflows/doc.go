// Package workflows is the clock of Duly: one workflow per case that decides,
// acts and sleeps until told.
//
// It owns when something is looked at again, in which order activities run, how
// they are retried, and what an operator sees of a case in the Temporal UI. It
// owns no rule of dunning: what is due, and whether it may leave, is decided by
// activities in transactions of Postgres. That keeps it safe to replay: rules may
// change while thousands of runs sleep.
//
// Nothing personal passes through here. What does are ids, codes and instants.
package workflows
