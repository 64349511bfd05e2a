package recheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
)

// Ledger is where contacts are read.
type Ledger interface {
	// Contacted lists the debtors for whom a contact left or was logged, in order,
	// after one ("" at first).
	Contacted(ctx context.Context, after string, limit int) ([]string, error)
	FactsAsOf(ctx context.Context, debtor string, version int64) ([]dunning.Fact, error)
	CaseRef(ctx context.Context, caseID string) (dunning.CaseRef, error)
	// AccountRef is whose account it is; no case and no sequence.
	AccountRef(ctx context.Context, account string) (dunning.CaseRef, error)
	Decision(ctx context.Context, id string) (dunning.StoredDecision, bool, error)
}

// What a finding of the sweep says.
const (
	// Outside: Duly let a contact leave against a rule, by what was known, or no decision
	// on file allowed it (Error says so).
	Outside Verdict = "outside"
	// Late: it was allowed by what was known, and something that had been received
	// already, but was entered later, would have kept it back.
	Late Verdict = "late"
	// ByHand: a person's own contact, or one of an imported history, was outside a rule.
	ByHand Verdict = "by_hand"
	// Unjudged: the debtor's facts, or what surrounds them, cannot be read by this program, so
	// nobody can say whether its contacts were allowed (Error says what is in the way).
	Unjudged Verdict = "unjudged"
)

// Finding is a contact that was outside a rule. It holds codes and ids.
type Finding struct {
	Contact string `json:"contact"`
	Case    string `json:"case,omitempty"`
	Account string `json:"account,omitempty"`
	Debtor  string `json:"debtor"`
	// Decision is the one that the contact names as having allowed it.
	Decision string          `json:"decision,omitempty"`
	At       time.Time       `json:"at"` // when it left
	Verdict  Verdict         `json:"verdict"`
	Changed  []string        `json:"changed,omitempty"` // what is not as it was then, so that the finding may be a release's doing
	Checked  dunning.Checked `json:"checked"`
	Late     []string        `json:"received_before,omitempty"` // what was received and not yet entered: kind@version
	By       string          `json:"by,omitempty"`              // who logged it
	Error    string          `json:"error,omitempty"`           // why nobody can say that it was allowed; no verdict then
}

// Sweep counts what the sweep saw.
type Sweep struct {
	Swept   int `json:"swept"`           // contacts of Duly that left
	Outside int `json:"outside"`         // of them, outside a rule by what was known: must be 0
	Changed int `json:"changed"`         // outside by today's rules only: those of then cannot be had
	Late    int `json:"late"`            // received before, entered after
	ByHand  int `json:"by_hand"`         // people's own outbound contacts, and imported ones
	Against int `json:"by_hand_outside"` // of them, outside a rule
	// Unjudged debtors: their contacts could not be judged.
	Unjudged int `json:"unjudged,omitempty"`
}

// Contacts sweeps the ledger: every contact that left is judged again by the rules at
// the instant it left, over the facts known by then. It tells of each that was
// outside. A debtor whose contacts cannot be judged is told of, too, and keeps nobody from
// the others; the error is of reading who there is, or of telling.
func Contacts(ctx context.Context, l Ledger, frames Frames, each func(Finding) error) (Sweep, error) {
	s := sweep{ledger: l, frames: frames, each: each}
	for after := ""; ; {
		debtors, err := l.Contacted(ctx, after, page)
		if err != nil || len(debtors) == 0 {
			return s.sum, err
		}
		for _, d := range debtors {
			if err := s.guarded(ctx, d); err != nil {
				return s.sum, fmt.Errorf("contacts of debtor %s: %w", d, err)
			}
		}
		after = debtors[len(debtors)-1]
	}
}

type sweep struct {
	ledger Ledger
	frames Frames
	each   func(Finding) error
	sum    Sweep
}

// guarded judges one debtor. Whatever is wrong with it, a panic of the rules over its facts
// too, is told as a finding of its own. That nobody could be told ends the sweep: then the
// store is away.
func (s *sweep) guarded(ctx context.Context, debtor string) error {
	untold := error(nil)
	each := s.each
	s.each = func(f Finding) error {
		untold = each(f)
		return untold
	}
	defer func() { s.each = each }()
	err := func() (err error) {
		defer func() {
			if recover() != nil { // its value may quote data
				err = errors.New("a fault in Duly over these facts")
			}
		}()
		return s.debtor(ctx, debtor)
	}()
	switch {
	case err == nil, untold != nil, ctx.Err() != nil:
		return cmp.Or(untold, err)
	}
	s.sum.Unjudged++
	return each(Finding{Debtor: debtor, Verdict: Unjudged, Error: err.Error()})
}

// debtor judges all contacts of one debtor.
func (s *sweep) debtor(ctx context.Context, debtor string) error {
	facts, err := s.ledger.FactsAsOf(ctx, debtor, math.MaxInt64)
	if err != nil {
		return err
	}
	planned := map[string]dunning.Fact{}
	for i, x := range facts {
		switch b := x.Body.(type) {
		case dunning.ContactPlanned:
			planned[b.ID] = x
		case dunning.ContactMoved:
			if b.State == dunning.ContactSending {
				err = s.left(ctx, debtor, facts, i, planned[b.ID])
			}
		case dunning.ContactLogged:
			if b.Direction == contact.Outbound {
				err = s.logged(ctx, debtor, facts[:i], x, b)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// left judges a contact of Duly at the fence, which is the fact at index i.
func (s *sweep) left(ctx context.Context, debtor string, facts []dunning.Fact, i int, plan dunning.Fact) error {
	moved, _ := facts[i].Body.(dunning.ContactMoved)
	f := Finding{Contact: moved.ID, Case: facts[i].Case, Account: facts[i].Account, Debtor: debtor, At: facts[i].At}
	s.sum.Swept++
	p, ok := plan.Body.(dunning.ContactPlanned)
	if !ok {
		return s.unproven(f, fmt.Sprintf("a contact left that nobody planned, at version %d", facts[i].Version))
	}
	f.Decision = p.Decision
	frame, ok, err := s.frameOf(ctx, plan.Case, p.Decision)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.unproven(f, fmt.Sprintf("the contact names the decision %q, which is not in the journal", p.Decision))
	}
	at := f.At
	f.Changed = frame.Changed
	ask := dunning.Ask{Channel: p.Channel, Purpose: p.Purpose, Automated: true, Point: p.Point, Ignore: p.ID}
	known := before(facts, i)
	if f.Checked, err = judge(frame.Setup, known, at, ask); err != nil {
		return err
	}
	if !f.Checked.Verdict.Allowed {
		f.Verdict = Outside
		if len(f.Changed) > 0 {
			s.sum.Changed++
		} else {
			s.sum.Outside++
		}
		return s.each(f)
	}
	return s.late(frame, facts[i:], known, ask, f)
}

// unproven tells of a contact that left and that no decision on file allowed. One
// such row must not hide the others, so the sweep goes on.
func (s *sweep) unproven(f Finding, why string) error {
	f.Verdict, f.Error = Outside, why
	s.sum.Outside++
	return s.each(f)
}

// before are the facts committed before the one at index i: those of its own
// transaction were not.
func before(facts []dunning.Fact, i int) []dunning.Fact {
	n := i
	for n > 0 && facts[n-1].Version == facts[i].Version {
		n--
	}
	return facts[:n:n]
}

// late judges once more with what had been received and was entered later.
func (s *sweep) late(frame Frame, after, known []dunning.Fact, ask dunning.Ask, f Finding) error {
	for _, x := range after {
		if !x.At.After(f.At) && tells(x) {
			known = append(known, x)
			f.Late = append(f.Late, fmt.Sprintf("%s@%d", x.Body.Kind(), x.Version))
		}
	}
	if len(f.Late) == 0 {
		return nil
	}
	var err error
	if f.Checked, err = judge(frame.Setup, known, f.At, ask); err != nil || f.Checked.Verdict.Allowed {
		return err
	}
	s.sum.Late++
	f.Verdict = Late
	return s.each(f)
}

// tells reports whether a fact is something that reaches us from outside and that
// contact policies look at.
func tells(x dunning.Fact) bool {
	switch x.Body.(type) {
	case dunning.OptedOut, dunning.ConsentRevoked, dunning.TimesInconvenient, dunning.WishStated, dunning.StatusKnown, dunning.NoticeReceived,
		dunning.NoticeChanged, dunning.DisputeRaised, dunning.NumberChecked, dunning.ContactLogged, dunning.HoldPlaced, dunning.LocationKnown:
		return true
	}
	return false
}

// logged judges a contact that a person made, by what was known when it was made and
// by today's rules.
func (s *sweep) logged(ctx context.Context, debtor string, before []dunning.Fact, x dunning.Fact, b dunning.ContactLogged) error {
	s.sum.ByHand++
	ref, err := s.refOf(ctx, x)
	if err != nil {
		return err
	}
	frame, err := s.frames.FrameNow(ctx, ref)
	if err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(before), func(y dunning.Fact) bool { return y.At.After(x.At) || y.Version == x.Version })
	checked, err := judge(frame.Setup, known, x.At, dunning.Ask{
		Channel: b.Channel, Purpose: b.Purpose, Point: b.Point, Person: b.Person, Debts: b.Debts, Ignore: b.ID,
	})
	if err != nil {
		return err
	}
	if !ruled(checked.Verdict) {
		return nil
	}
	s.sum.Against++
	return s.each(Finding{
		Contact: b.ID, Case: x.Case, Account: x.Account, Debtor: debtor, At: x.At, Verdict: ByHand, Checked: checked, By: x.By,
	})
}

// ruled reports whether a rule refuses: that nobody wrote down the number that was
// dialled is no breach of one.
func ruled(v contact.Verdict) bool {
	return !v.Allowed && slices.ContainsFunc(v.Reasons, func(r contact.Reason) bool { return r.Rule != "" })
}

func (s *sweep) refOf(ctx context.Context, x dunning.Fact) (dunning.CaseRef, error) {
	if x.Case != "" {
		return s.ledger.CaseRef(ctx, x.Case)
	}
	return s.ledger.AccountRef(ctx, x.Account)
}

// frameOf is the surroundings of a decision; false when the journal lacks it.
func (s *sweep) frameOf(ctx context.Context, caseID, decision string) (Frame, bool, error) {
	ref, err := s.ledger.CaseRef(ctx, caseID)
	if err != nil {
		return Frame{}, false, err
	}
	d, ok, err := s.ledger.Decision(ctx, decision)
	if err != nil || !ok {
		return Frame{}, false, err
	}
	frame, err := s.frames.FrameOf(ctx, ref, d)
	return frame, err == nil, err
}

// judge asks the policies over some facts.
func judge(setup dunning.Setup, known []dunning.Fact, at time.Time, ask dunning.Ask) (dunning.Checked, error) {
	f, err := dunning.Fold(setup, known)
	if err != nil {
		return dunning.Checked{}, err
	}
	return f.Check(at, ask), nil
}
