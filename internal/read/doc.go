// Package read is the vocabulary of reading: what lists and pages of the console
// and the API ask for, and the rows they get.
//
// It owns the scope (whose data may be seen), filters, sorting, cursors, rows, and
// the pure functions that make rows out of facts: where an account stands
// ([Summarise]), which work waits for a person and in which order ([WorkOf],
// [Rank]), what a case waits for ([WaitsFor]), how old debt is ([Age]).
//
// It does not own SQL (internal/postgres answers these questions), any rule about
// what may be done (package dunning), rights (internal/identity: they make the
// scope), nor words and pages (internal/web).
//
// Every question takes a [Scope], and the zero Scope sees nothing: a handler that
// forgets whose data it may show shows none. What lies outside of the scope is not
// found, exactly as if it did not exist.
package read
