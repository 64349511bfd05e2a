// Package api is the REST API, /api/v1: for programs what the console is for people.
//
// It owns the list of operations with the scope that each needs, the OpenAPI 3.1 document
// that follows from that list, the checking of requests against it, API keys at the door,
// rate limits, idempotency keys, and problem details that tell what is wrong and repeat
// nothing of what was sent. It does not own what a command does (dunning), who may give
// it (internal/authority, internal/identity), what lists show (internal/read), nor the
// delivery of webhooks (internal/web/hooks).
package api
