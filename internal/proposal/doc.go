// Package proposal says what a proposed configuration is and how two people look at it:
// its shape, how it ended, the errors of what may not be, how risky it is and by when it
// should be looked at, how two texts differ side by side, and how a proposal is made anew
// over a release that came in between.
//
// It is pure. It does not own storage or refusals (internal/postgres, whose database
// refuses by itself), loading and checking files (config), or pages (internal/web/govern).
package proposal
