package read

import (
	"cmp"
	"slices"
	"time"

	"github.com/duly/duly/dunning/money"
)

// CreditDays are the spans in which a payment is credited to a step, the longest last.
func CreditDays() []int { return []int{7, 14} }

// CreditFor is the longest span in which a payment is credited to a step.
const CreditFor = 14 * day

const day = 24 * time.Hour

// StepReport is how often the steps of sequences were followed by a payment.
//
// A *sending* is one step of one case in one round: all its messages that were taken and did
// not come back, whatever their channels. It counts from the first of them, in the span of
// the report if that one lies in it. A payment that was not taken back is credited to the
// latest sending to its account before it, and to no other, if it arrived within 14 days.
type StepReport struct {
	ReportHead
	Rows []StepRow `json:"rows"`
}

// StepRow is one step of one version of a sequence.
type StepRow struct {
	Sequence string `json:"sequence"`
	Version  string `json:"version"`
	Step     string `json:"step"`
	Messages int64  `json:"messages"` // of the sendings
	Sendings int64  `json:"sendings"`
	// Paid are sendings with a payment within a number of days, of those that are that old: a
	// sending of yesterday says nothing yet.
	Paid []RecoveryShare `json:"paid"`
	// Credited is what was paid within 14 days, by currency, to sendings that are that old.
	Credited []money.Amount `json:"credited"`
}

// Columns implements Table. A step that was credited with money in several currencies has a
// line for each; counts are on the first.
func (r StepReport) Columns() []string {
	return []string{
		"sequence", "version", "step", "messages", "sendings", "paid in 7 days", "of, 7 days", "percent, 7 days",
		"paid in 14 days", "of, 14 days", "percent, 14 days", "credited", "currency",
	}
}

// Lines implements Table.
func (r StepReport) Lines() (out [][]string) {
	for _, row := range r.Rows {
		line := []string{row.Sequence, row.Version, row.Step, count(row.Messages), count(row.Sendings)}
		for _, p := range row.Paid {
			line = append(line, p.cells()...)
		}
		if len(row.Credited) == 0 {
			out = append(out, append(line, "", ""))
		}
		for i, a := range row.Credited {
			if i > 0 {
				line = append([]string{row.Sequence, row.Version, row.Step}, slices.Repeat([]string{""}, len(line)-3)...)
			}
			out = append(out, append(slices.Clip(line), a.Decimal(), a.Currency()))
		}
	}
	return out
}

// StepMessage is a message of a step that was taken and did not come back.
type StepMessage struct {
	Account                 string
	Sequence, Version, Step string
	// Case and Round make, with Step, the sending that it is part of.
	Case  string
	Round int
	At    time.Time // when it was taken
}

// StepPayment is money that arrived on an account.
type StepPayment struct {
	Account, ID string
	At          time.Time
	Minor       int64
	Currency    string
}

// StepTally counts sendings, debtor by debtor.
type StepTally struct {
	from, until, now time.Time
	rows             map[stepKey]*stepSum
}

type stepKey struct{ sequence, version, step string }

type stepSum struct {
	messages, sendings int64
	paid, of           []int64 // by CreditDays
	credited           map[string]int64
}

// NewStepTally counts sendings of [from, until), as of now.
func NewStepTally(from, until, now time.Time) *StepTally {
	return &StepTally{from: from, until: until, now: now, rows: map[stepKey]*stepSum{}}
}

// sending is a step of a case in a round.
type sending struct {
	stepKey
	account  string
	at       time.Time
	messages int64
	paid     []StepPayment
}

// Add counts what was sent to one debtor and what they paid; order does not matter. Messages
// and payments up to CreditFor beyond the span decide to whom a payment is credited. taken
// are the ids of payments that were taken back.
func (t *StepTally) Add(messages []StepMessage, payments []StepPayment, taken map[string]bool) {
	all := sendingsOf(messages)
	for _, p := range payments {
		if taken[p.ID] || p.At.After(t.now) {
			continue
		}
		if s := latest(all, p); s != nil && p.At.Sub(s.at) <= CreditFor {
			s.paid = append(s.paid, p)
		}
	}
	for _, s := range all {
		if !s.at.Before(t.from) && s.at.Before(t.until) && !s.at.After(t.now) {
			t.count(s)
		}
	}
}

// sendingsOf puts the messages of a step together, the earliest sending first.
func sendingsOf(messages []StepMessage) []*sending {
	type key struct {
		account, kase, step string
		round               int
	}
	known := map[key]*sending{}
	var out []*sending
	ordered := slices.Clone(messages)
	slices.SortStableFunc(ordered, func(a, b StepMessage) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Case, b.Case), cmp.Compare(a.Version, b.Version))
	})
	for _, m := range ordered {
		k := key{m.Account, m.Case, m.Step, m.Round}
		if known[k] == nil {
			known[k] = &sending{stepKey: stepKey{m.Sequence, m.Version, m.Step}, account: m.Account, at: m.At}
			out = append(out, known[k])
		}
		known[k].messages++
	}
	return out
}

// latest is the last sending to the account of a payment that was not after it.
func latest(all []*sending, p StepPayment) (found *sending) {
	for _, s := range all {
		if s.account == p.Account && !s.at.After(p.At) {
			found = s
		}
	}
	return found
}

func (t *StepTally) count(s *sending) {
	sum := t.rows[s.stepKey]
	if sum == nil {
		n := len(CreditDays())
		sum = &stepSum{paid: make([]int64, n), of: make([]int64, n), credited: map[string]int64{}}
		t.rows[s.stepKey] = sum
	}
	sum.sendings, sum.messages = sum.sendings+1, sum.messages+s.messages
	for i, d := range CreditDays() {
		within := time.Duration(d) * day
		if s.at.Add(within).After(t.now) {
			continue
		}
		sum.of[i]++
		if slices.ContainsFunc(s.paid, func(p StepPayment) bool { return p.At.Sub(s.at) <= within }) {
			sum.paid[i]++
		}
	}
	if s.at.Add(CreditFor).After(t.now) {
		return
	}
	for _, p := range s.paid {
		sum.credited[p.Currency] += p.Minor
	}
}

// Rows are what was counted, by sequence, version and step.
func (t *StepTally) Rows() []StepRow {
	out := []StepRow{}
	for k, sum := range t.rows {
		r := StepRow{Sequence: k.sequence, Version: k.version, Step: k.step, Messages: sum.messages, Sendings: sum.sendings, Credited: []money.Amount{}}
		for i, d := range CreditDays() {
			r.Paid = append(r.Paid, RecoveryShare{d, ShareOf(sum.paid[i], sum.of[i])})
		}
		for currency, minor := range sum.credited {
			r.Credited = append(r.Credited, Minor(minor, currency))
		}
		slices.SortFunc(r.Credited, func(a, b money.Amount) int { return cmp.Compare(a.Currency(), b.Currency()) })
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b StepRow) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Step, b.Step))
	})
	return out
}
