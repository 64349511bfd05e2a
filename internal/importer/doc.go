// Package importer turns files of invoices and payments into facts.
//
// It owns reading delimited text however it is written, checking every row
// with an error that says where and how to mend it, the keys that make an
// import idempotent, the reject file, and the order of facts in a ledger, so
// that the simulator and the real system import alike. It does not store
// (a Sink does), nor say what columns mean (config/mapping does).
//
// The stages are: lines (lines.go) → cells (cells.go) → records (reader.go,
// record.go) → entries with facts and keys (stage.go, facts.go) → a Sink
// (run.go) or ledgers in memory (ledger.go).
package importer
