// Package e2e tests whole Dulys: from an imported file to messages that arrived, on a real
// Temporal server and a real PostgreSQL.
//
// Tests without a build tag are short and run with all others. Those behind the tag e2e
// (make e2e) take full ledgers and portfolios, kill processes, and run against providers
// that are played over HTTP.
package e2e
