// Package recheck is the third shell around the core: it plays the journal
// through the core again and reports what comes out otherwise.
//
// It owns the comparison and the difference between "wrong" (the same versions
// decide otherwise: a fault) and "changed" (a release decides otherwise: to be
// expected). It does not own the rules, the journal, or where configuration of
// of the past is kept. Its second half sweeps the ledger: it judges every contact
// that left, whatever was decided, by the rules at the instant it left.
package recheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// Journal is where decisions and facts are read.
type Journal interface {
	// AllDecisions lists decisions in the order of storing, after a position, and
	// the position of the last.
	AllDecisions(ctx context.Context, after int64, limit int) ([]dunning.StoredDecision, int64, error)
	CaseRef(ctx context.Context, caseID string) (dunning.CaseRef, error)
	// FactsAsOf are a debtor's facts up to and with a version, in order.
	FactsAsOf(ctx context.Context, debtor string, version int64) ([]dunning.Fact, error)
}

// Frame is what surrounded a decision, as far as it can still be had.
type Frame struct {
	Setup dunning.Setup
	// Changed names what is not as it was then: core, policies, zones, sequence.
	Changed []string
}

// Frames finds what surrounded a stored decision: the sequence version that it
// followed, and the policies of then if a release still holds them.
type Frames interface {
	// FrameNow is what surrounds an account today, for contacts that nobody decided
	// over: those that people log.
	FrameNow(ctx context.Context, ref dunning.CaseRef) (Frame, error)
	FrameOf(ctx context.Context, ref dunning.CaseRef, d dunning.StoredDecision) (Frame, error)
}

// Verdict on one decision.
type Verdict string

// Verdicts. Shell decisions (a case parked because decisions do not settle, a
// channel that is closed or switched off) are not the core's and are counted apart.
const (
	Same    Verdict = "same"
	Wrong   Verdict = "wrong"
	Changed Verdict = "changed"
	Shell   Verdict = "shell"
)

// Difference is one decision that comes out otherwise. It holds codes and ids.
type Difference struct {
	Decision string            `json:"decision"`
	Case     string            `json:"case"`
	Verdict  Verdict           `json:"verdict"`
	Changed  []string          `json:"changed,omitempty"`
	Stored   dunning.Decision  `json:"stored"`
	Again    *dunning.Decision `json:"again,omitempty"`
	Error    string            `json:"error,omitempty"`
}

// Summary counts verdicts.
type Summary struct {
	Checked int             `json:"checked"`
	By      map[Verdict]int `json:"by"`
}

// firstCore is the release whose decisions kept no record of what was asked.
const firstCore = "1"

// page is how many decisions are read at once.
const page = 500

// Run re-derives every decision of the journal and tells of each difference.
// The error is of reading; a decision that cannot be re-derived is a Difference.
func Run(ctx context.Context, j Journal, frames Frames, each func(Difference) error) (Summary, error) {
	sum := Summary{By: map[Verdict]int{}}
	for after := int64(0); ; {
		list, last, err := j.AllDecisions(ctx, after, page)
		if err != nil || len(list) == 0 {
			return sum, err
		}
		for _, d := range list {
			diff, err := guardedOne(ctx, j, frames, d)
			if ctx.Err() != nil {
				return sum, ctx.Err()
			}
			if err != nil { // the others are none of its business
				diff.Verdict, diff.Error = Wrong, err.Error()
			}
			sum.Checked++
			sum.By[diff.Verdict]++
			if diff.Verdict == Wrong || diff.Verdict == Changed {
				if err := each(diff); err != nil {
					return sum, err
				}
			}
		}
		after = last
	}
}

// guardedOne is One; a panic over a decision's facts is its error.
func guardedOne(ctx context.Context, j Journal, frames Frames, d dunning.StoredDecision) (diff Difference, err error) {
	defer func() {
		if recover() != nil { // its value may quote data
			diff = Difference{Decision: d.ID, Case: d.Case, Stored: d.Decision}
			err = errors.New("a fault in Duly over these facts")
		}
	}()
	return One(ctx, j, frames, d)
}

// One re-derives one stored decision.
func One(ctx context.Context, j Journal, frames Frames, d dunning.StoredDecision) (Difference, error) {
	diff := Difference{Decision: d.ID, Case: d.Case, Verdict: Shell, Stored: d.Decision}
	if strings.HasPrefix(d.Decision.Rule, "shell:") || strings.HasPrefix(d.Decision.Rule, dunning.SwitchRule) {
		return diff, nil
	}
	ref, err := j.CaseRef(ctx, d.Case)
	if err != nil {
		return diff, err
	}
	frame, err := frames.FrameOf(ctx, ref, d)
	if err != nil {
		return diff, err
	}
	history, err := j.FactsAsOf(ctx, ref.Debtor, d.Decision.Version)
	if err != nil {
		return diff, err
	}
	if d.Core != dunning.CoreVersion {
		frame.Changed = append(frame.Changed, "core")
	}
	frame.Setup.Record = d.Core != firstCore
	return compare(diff, frame, history), nil
}

// compare decides again and sets the verdict.
func compare(diff Difference, frame Frame, history []dunning.Fact) Difference {
	again, err := decideAgain(frame.Setup, history, diff.Stored)
	diff.Changed = frame.Changed
	switch {
	case err != nil:
		diff.Error = err.Error()
	case equal(diff.Stored, again):
		diff.Verdict = Same
		return diff
	default:
		diff.Again = &again
	}
	diff.Verdict = Wrong
	if len(diff.Changed) > 0 {
		diff.Verdict = Changed
	}
	return diff
}

// errNoFacts: the journal names a version of which no facts exist.
var errNoFacts = errors.New("the debtor has no facts up to the version that the decision names")

func decideAgain(s dunning.Setup, history []dunning.Fact, stored dunning.Decision) (dunning.Decision, error) {
	if len(history) == 0 {
		return dunning.Decision{}, errNoFacts
	}
	// A reservation that a crash had left behind was decided over again as if it
	// were not there; the decision then names the very contact that the facts hold.
	if c := stored.Contact; c != nil && stored.Due() {
		history = without(history, c.ID)
	}
	f, err := dunning.Fold(s, history)
	if err != nil {
		return dunning.Decision{}, err
	}
	return dunning.Decide(f, stored.At), nil
}

func without(history []dunning.Fact, contact string) []dunning.Fact {
	return slices.DeleteFunc(slices.Clone(history), func(x dunning.Fact) bool {
		switch b := x.Body.(type) {
		case dunning.ContactPlanned:
			return b.ID == contact
		case dunning.ContactMoved:
			return b.ID == contact
		}
		return false
	})
}

// equal compares all that a decision says, but for the ids and versions that
// storing gives it.
func equal(a, b dunning.Decision) bool { return bytes.Equal(canonical(a), canonical(b)) }

func canonical(d dunning.Decision) []byte {
	d.Version = 0
	d.At, d.WakeAt, d.NotBefore = d.At.UTC(), d.WakeAt.UTC(), d.NotBefore.UTC()
	if d.Contact != nil {
		c := *d.Contact
		c.Decision = ""
		d.Contact = &c
	}
	d.Effects = slices.Clone(d.Effects)
	for i := range d.Effects {
		d.Effects[i].Version, d.Effects[i].At = 0, d.Effects[i].At.UTC()
	}
	b, err := json.Marshal(d)
	if err != nil {
		return []byte(err.Error())
	}
	var v any // re-read, so that instants inside bodies compare by value and nil by absence
	if json.Unmarshal(b, &v) != nil {
		return b
	}
	b, _ = json.Marshal(instants(v))
	return b
}

// instants rewrites every RFC 3339 text in UTC.
func instants(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = instants(v[k])
		}
	case []any:
		for i := range v {
			v[i] = instants(v[i])
		}
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return v
}
