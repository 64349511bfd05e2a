package proposal

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// Verdict is how a proposal ended.
type Verdict string

// The verdicts. Withdrawn is by its maker, the others by somebody else.
const (
	Approved  Verdict = "approved"
	Rejected  Verdict = "rejected"
	Withdrawn Verdict = "withdrawn"
)

// Proposal is a whole configuration that somebody wants in force instead of Base.
type Proposal struct {
	ID      string    `json:"id"`
	Release string    `json:"release"` // version of its files, as a release's
	Base    string    `json:"base"`    // the release in force when it was made
	By      string    `json:"by"`      // "user:<id>" or "key:<id>"
	Person  string    `json:"person"`  // id of the user; of a key's owner
	Reason  string    `json:"reason"`
	Made    time.Time `json:"made"` // business time
	// Follows is the proposal that this one was made from, "" = none.
	Follows string   `json:"follows,omitempty"`
	Changes []Change `json:"changes"` // against Base, by path
	End     *End     `json:"end,omitempty"`
}

// Open reports whether nobody has decided.
func (p Proposal) Open() bool { return p.End == nil }

// End is a decision about a proposal; there is never a second one.
type End struct {
	Verdict Verdict   `json:"verdict"`
	By      string    `json:"by"`
	Person  string    `json:"person"`
	Words   string    `json:"words,omitempty"`
	At      time.Time `json:"at"` // business time
}

// Change is one file that differs. What: added, changed or removed.
type Change struct {
	Path string `json:"path"`
	What string `json:"what"`
}

var whats = map[byte]string{'+': "added", '~': "changed", '-': "removed"}

// ChangesOf reads "+ path", "~ path", "- path", as config.Release.Changes writes them.
func ChangesOf(lines []string) []Change {
	out := make([]Change, 0, len(lines))
	for _, l := range lines {
		if len(l) > 2 {
			out = append(out, Change{Path: l[2:], What: whats[l[0]]})
		}
	}
	return out
}

// FourEyes is whether a release needs two people.
type FourEyes struct {
	Required bool   `json:"required"`
	Steps    []Step `json:"steps"` // all there were, in order
}

// Asked is the request to switch it off that waits for a second person; nil = none.
func (f FourEyes) Asked() *Step {
	if n := len(f.Steps); n > 0 && f.Steps[n-1].Step == StepAsk {
		return &f.Steps[n-1]
	}
	return nil
}

// The steps of four eyes.
const (
	StepOn  = "on"
	StepAsk = "off_asked" // one person asks
	StepOff = "off"       // another one agrees
)

// Step is a change of the requirement. Person is "" where nobody known made it.
type Step struct {
	Step   string    `json:"step"`
	By     string    `json:"by"`
	Person string    `json:"person,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"` // business time
}

// Back is a going back to an earlier release that no second person has looked at.
type Back struct {
	Activation int64     `json:"activation"`
	Release    string    `json:"release"`
	By         string    `json:"by"`
	Person     string    `json:"person,omitempty"`
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"`
}

// refusal is a sentence for whoever asked, over what kind of error it is.
type refusal struct {
	text string
	kind error
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

// Refuse makes a refusal of a sentence for people; it wraps dunning.ErrConflict.
func Refuse(sentence string) error { return &refusal{sentence, dunning.ErrConflict} }

// Refused reports whether an error is one of the sentences below, of Refuse, or a *Conflict.
func Refused(err error) bool {
	var r *refusal
	var c *Conflict
	return errors.As(err, &r) || errors.As(err, &c)
}

// What may not be. They wrap dunning.ErrConflict or dunning.ErrInvalid and are sentences
// for people.
var (
	ErrOwn error = &refusal{"Nobody checks their own proposal, nor one made from theirs: ask somebody else who may approve. API keys count as the person who made them.", dunning.ErrConflict}
	// ErrHand refuses two accounts that one person may hold.
	ErrHand    error = &refusal{"One of the two accounts was made, let in again, or given a role or a password by the other (or by somebody whose account was): they do not count as two people here. Ask somebody whom neither of them let in.", dunning.ErrConflict}
	ErrEnded   error = &refusal{"This proposal has been decided meanwhile. Load the page again to see how.", dunning.ErrConflict}
	ErrStale   error = &refusal{"Another release came into force since this was made: make it anew on the release in force, and look at the difference again.", dunning.ErrConflict}
	ErrMaker   error = &refusal{"Only its maker withdraws a proposal; others reject it.", dunning.ErrConflict}
	ErrNobody  error = &refusal{"This needs a person who may sign in: a user that is not shut out, or a key that such a user made.", dunning.ErrConflict}
	ErrSame    error = &refusal{"Nothing differs from what is in force, so there is nothing to propose.", dunning.ErrInvalid}
	ErrReason  error = &refusal{"Say why, in at least three letters: it is kept with the proposal.", dunning.ErrInvalid}
	ErrWords   error = &refusal{"A rejection needs words: say what is to be mended.", dunning.ErrInvalid}
	ErrFollows error = &refusal{"The proposal that this one was made from is not there.", dunning.ErrInvalid}
	// ErrFourEyes refuses to put a release into force in any other way.
	ErrFourEyes error = &refusal{"Two people are needed here to put a configuration into force: make a proposal, and have somebody else approve it.", dunning.ErrConflict}
	ErrNever    error = &refusal{"Only a release that was in force before can be gone back to. Propose it instead.", dunning.ErrConflict}
	ErrOwnOff   error = &refusal{"Another person must agree that four eyes are no longer required.", dunning.ErrConflict}
	ErrOrder    error = &refusal{"The requirement of four eyes is in another state: load the page again.", dunning.ErrConflict}
	ErrOwnLook  error = &refusal{"Another person looks at a going back than the one who went back.", dunning.ErrConflict}
)

// Risk is how much harm a change can do, with what makes it so.
type Risk struct {
	Level int    // 0 others, 1 templates, 2 sequences, 3 policies
	Word  string // "policy", "sequence", "template", "other"
	Why   string // a sentence without a full stop
	// Within is by when it should be looked at, from its making.
	Within time.Duration
}

const day = 24 * time.Hour

var risks = []Risk{
	{0, "other", "changes neither what is sent nor when", 5 * day},
	{1, "template", "changes what debtors read", 3 * day},
	{2, "sequence", "changes what happens to debtors, and when", 2 * day},
	{3, "policy", "changes what is allowed, or by whom", day},
}

// levels are those of the places of a configuration.
var levels = map[string]int{
	"policies": 3, "disclosures.yaml": 3, "roles.yaml": 3, "sequences": 2, "creditors": 2, "holidays": 2, "templates": 1,
}

// RiskOf is the highest risk of any of the files.
func RiskOf(changes []Change) Risk {
	level := 0
	for _, c := range changes {
		top, _, _ := strings.Cut(c.Path, "/")
		level = max(level, levels[top])
	}
	return risks[level]
}

// Due is by when a proposal should be looked at: riskier ones sooner.
func (p Proposal) Due() time.Time { return p.Made.Add(RiskOf(p.Changes).Within) }

// Sort puts first what should be looked at first: by due, then the riskier, then by age and id.
func Sort(all []Proposal) {
	slices.SortStableFunc(all, func(a, b Proposal) int {
		if n := a.Due().Compare(b.Due()); n != 0 {
			return n
		}
		if n := RiskOf(b.Changes).Level - RiskOf(a.Changes).Level; n != 0 {
			return n
		}
		if n := a.Made.Compare(b.Made); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// Draft is what somebody wants in force: all files of a configuration, by path.
type Draft struct {
	Base    string // the release over which it was made; "" = the one in force
	Files   map[string][]byte
	Reason  string
	Follows string // the proposal that it was made from, "" = none
}
