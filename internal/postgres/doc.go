// Package postgres is the store: all that Duly knows lies here, in PostgreSQL 15
// or later.
//
// It owns the schema (migrations), the lock on a debtor, the append-only log of
// facts with the debtor's version, the journal of decisions and attempts, the
// outbox of nudges, and projections of the log for looking things up. It does
// not own any rule: what a fact means is package dunning's business, and nobody
// but package commands and the activities should write facts through it.
//
// Instants are kept to the microsecond and come back in UTC. Business instants
// come from the caller. The database's own clock is used for housekeeping only:
// recorded_at, claims of nudges.
//
// SQL is in queries/*.sql; package sqlgen is generated from it by sqlc
// (scripts/generate writes it, scripts/check-sqlc proves it current).
package postgres
