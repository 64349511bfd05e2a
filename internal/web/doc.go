// Package web is the frame of the console: who may open which address, how a page looks
// and behaves, and everything that keeps browsers from doing harm.
//
// It owns routes with the permission that each needs, sign-in and sessions, the layout,
// the keyboard, components for money, time, tables and forms, exports, errors, the record
// of who looked at what and of every refusal, and the pages about users themselves
// (profile, users, keys, webhooks). It does not own the pages of the groups (packages
// below internal/web add them with Add), the REST API (internal/web/api), what may be
// done to a case (commands, dunning), nor SQL: it declares the ports it needs.
//
// docs/console.md tells how to add a page.
package web
