// Package hooks tells other systems what happened: outgoing webhooks.
//
// It owns which facts are events and what an event says (identifiers, codes, amounts and
// instants; no names, addresses, texts or kinds of hold), the signature, and the schedule
// of retries. It does not own where events and deliveries are kept (internal/postgres
// leaves an event with each fact, in the fact's own transaction), nor who may add a
// webhook (internal/web/api).
package hooks
