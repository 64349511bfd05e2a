package dunning

import "time"

// CaseRef says which case of whom, and what it follows. All ids are opaque.
type CaseRef struct {
	Case     string `json:"case"`
	Account  string `json:"account"`
	Debtor   string `json:"debtor"`
	Creditor string `json:"creditor"`
	Currency string `json:"currency"`
	Sequence string `json:"sequence"` // id
	Version  string `json:"sequence_version"`
	Open     bool   `json:"open"`
	// TargetSequence and TargetVersion are what a migration that waits leads to, "" without one.
	TargetSequence string `json:"target_sequence,omitempty"`
	TargetVersion  string `json:"target_version,omitempty"`
}

// StoredDecision is a decision as the journal keeps it.
type StoredDecision struct {
	ID string `json:"id"`
	// Intent is the id of the planned decision whose carrying-out led here;
	// unique, so that a retried activity finds what it already decided. "" for
	// the first decision of a case.
	Intent   string   `json:"intent,omitempty"`
	Case     string   `json:"case"`
	Decision Decision `json:"decision"`
	// Core, Policies and Zones are the versions a re-check needs.
	Core     string `json:"core"`
	Policies string `json:"policies"` // pack ids and versions, comma separated
	Zones    string `json:"zones"`    // zone database version
	// Wall is the wall-clock instant of storing; At of the decision is business time.
	Wall time.Time `json:"wall"`
	// Replans counts decisions in a row that differed from what was planned.
	Replans int `json:"replans,omitempty"`
}

// Attempt is one hand-over of a contact to a provider and how it went. Each
// state is a row of its own; rows are never changed.
type Attempt struct {
	ID      string // opaque id given to the provider, derived from the contact's id
	Contact string // ContactPlanned.ID
	Case    string
	State   ContactState
	At      time.Time
	Outcome Outcome
}
