package importer

import (
	"context"
	"time"

	"github.com/duly/duly/config/mapping"
)

// Sink is where an import goes. The store implements it; Memory does for tests.
type Sink interface {
	// Begin opens a run, or finds one of the same ID that did not finish. It
	// returns how far that one came; the zero Checkpoint is the beginning.
	// A finished run begins anew: its rows will turn out to be known.
	Begin(ctx context.Context, run RunInfo) (Checkpoint, error)
	// Store keeps a batch and the checkpoint that follows it in one
	// transaction, and answers for each entry, in order. Entries that are known
	// change nothing. Facts are known by debtor, kind and source. What Result
	// says of refused rows is kept with the checkpoint.
	Store(ctx context.Context, run RunInfo, batch []Entry, next Checkpoint) ([]Result, error)
	// Finish closes the run. For payments files that were understood, the creditor's
	// payment data is known to be complete until run.At from then on.
	Finish(ctx context.Context, run RunInfo, s Summary) error
}

// RunInfo identifies an import.
type RunInfo struct {
	ID       string       `json:"id"`       // follows from content, mapping, kind and creditor
	File     string       `json:"file"`     // name without its directory
	Mapping  string       `json:"mapping"`  // id
	Kind     mapping.Kind `json:"kind"`     // items, payments
	Creditor string       `json:"creditor"` // id
	At       time.Time    `json:"at"`       // business instant of the import
}

// Checkpoint is how far a run has come.
type Checkpoint struct {
	Row     int                 // the last row that was stored or refused; 0 = none
	Counts  map[ResultState]int // of the rows up to there
	Refused []Result            // rows up to there that the store refused
}

// ResultState is what became of an entry in the store.
type ResultState string

// What may become of an entry.
const (
	Added   ResultState = "added"   // the item or payment is new
	Updated ResultState = "updated" // it was known, and something about it is new
	Known   ResultState = "known"   // nothing is new
	Refused ResultState = "refused" // it contradicts what is stored; see Message
)

// Result answers for one entry.
type Result struct {
	Row     int         `json:"row"`
	State   ResultState `json:"state"`
	Message string      `json:"message,omitempty"` // of refused: what and how to mend it, without personal data
}

// The messages of refusal that every store uses.
const (
	RefusedContradiction = "it is known already with other values, such as another amount or date; correct it on the case, or mend the row"
	RefusedNoAccount     = "there is no such account; import its items first, or correct the account or the currency"
	RefusedOtherDebtor   = "the account belongs to another debtor already; correct the account or the debtor"
)

// RejectKeeper is a Sink that also wants to know of every refused row where it is and why,
// whether the importer or the store refused it. Rows may be told again when an import that
// broke off goes on.
type RejectKeeper interface {
	Rejected(ctx context.Context, run RunInfo, rows []Problem) error
}
