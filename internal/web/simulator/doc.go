// Package simulator is the console's page that moves a case, an invented account or a cohort
// through time (g x).
//
// It owns the form, its address, the timeline, the calendar and the downloads. It does not
// own what happens (internal/whatif and the core behind it) nor rights (internal/identity).
// Nothing is written but the audit of who asked.
package simulator
