// Package app puts Duly's processes together: Worker (activities, nudge relay, sweeper)
// and Starter (opens cases), as types that start and stop, so that tests and standalone
// use the very same.
//
// It owns wiring: which adapter stands behind which port, what the environment says, in
// which order things start and stop. It owns no rule, no SQL and no provider's API.
package app
