package sampling

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// Filter narrows a population. What is empty does not narrow.
type Filter struct {
	Channel  string `json:"channel,omitempty"`
	Sequence string `json:"sequence,omitempty"` // id of the case's sequence
	Step     string `json:"step,omitempty"`
	Template string `json:"template,omitempty"` // of contacts
	Rule     string `json:"rule,omitempty"`     // of decisions and what was kept back
	Verdict  string `json:"verdict,omitempty"`  // of decisions: kept_back, allowed
}

// Verdicts of decisions in filters.
const (
	VerdictKept    = "kept_back"
	VerdictAllowed = "allowed"
)

// Plan is what is to be drawn. Instants are business time, UTC.
type Plan struct {
	Title     string    `json:"title"`
	Kind      Kind      `json:"kind"`
	Creditors []string  `json:"creditors"`
	From      time.Time `json:"from"` // [From, Until)
	Until     time.Time `json:"until"`
	Filter    Filter    `json:"filter"`
	Method    Method    `json:"method"`
	Size      int       `json:"size"`
	Seed      string    `json:"seed"`
}

// LastDay is the last day of the span.
func (p Plan) LastDay() time.Time { return p.Until.Add(-time.Nanosecond) }

// Frozen is as of when the journal was read.
type Frozen struct {
	Seq int64     `json:"seq"` // of the latest decision
	At  time.Time `json:"at"`  // wall time of the database
}

// Sample is one that was drawn. It does not change; rounds, answers and sign-offs come to it.
type Sample struct {
	ID string `json:"id"`
	Plan
	Algorithm  string     `json:"algorithm"`
	Population int        `json:"population"`
	Digest     Key        `json:"digest"` // of the population
	Frozen     Frozen     `json:"frozen"`
	Context    Context    `json:"context"`
	Checklist  string     `json:"checklist"`
	Questions  []Question `json:"questions"`
	At         time.Time  `json:"at"`
	By         string     `json:"by"`
}

// MarshalText writes a key as hexadecimal digits.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads hexadecimal digits.
func (k *Key) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(k) {
		return errors.New("a digest has 64 hexadecimal digits")
	}
	copy(k[:], b)
	return nil
}

// Row is a row of a sample with what is known of it. It holds ids and codes only.
type Row struct {
	N        int       `json:"n"`
	ID       string    `json:"id"` // in the population
	Stage    Method    `json:"stage"`
	Ticket   int       `json:"ticket"`
	Key      Key       `json:"key"`
	Weight   int       `json:"weight"`
	Risks    []string  `json:"risks,omitempty"`
	Creditor string    `json:"creditor"`
	Debtor   string    `json:"debtor"`
	Case     string    `json:"case,omitempty"`
	Decision string    `json:"decision,omitempty"`
	Contact  string    `json:"contact,omitempty"`
	At       time.Time `json:"at"`
	Channel  string    `json:"channel,omitempty"`
	Step     string    `json:"step,omitempty"`
	// People made it; they neither answer it nor sign the sample off.
	People []string `json:"people,omitempty"`
}

// Given is an answer that was given. Finding is the id of what was opened for it.
type Given struct {
	Round int `json:"round"`
	N     int `json:"n"`
	Answer
	Finding string    `json:"finding,omitempty"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
}

// Round is a round of review; the first begins with the sample.
type Round struct {
	Round  int       `json:"round"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Signed *SignOff  `json:"signed,omitempty"`
}

// SignOff ends a round. Digest is over everything that stands with it.
type SignOff struct {
	Round  int       `json:"round"`
	Digest Key       `json:"digest"`
	Words  string    `json:"words,omitempty"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

// Review is a sample with all that came to it.
type Review struct {
	Sample
	Rows    []Row   `json:"rows"`
	Rounds  []Round `json:"rounds"`
	Answers []Given `json:"answers"` // by round, then row
}

// Standing are the answers that stand after a round: of each row the one of the latest round
// up to it, ordered by row.
func (r *Review) Standing(round int) []Given {
	latest := map[int]Given{}
	for _, g := range r.Answers {
		if old, ok := latest[g.N]; g.Round <= round && (!ok || old.Round < g.Round) {
			latest[g.N] = g
		}
	}
	var out []Given
	for _, row := range r.Rows {
		if g, ok := latest[row.N]; ok {
			out = append(out, g)
		}
	}
	return out
}

// Latest is the latest round.
func (r *Review) Latest() Round { return r.Rounds[len(r.Rounds)-1] }

// Open are the rows without an answer, by number.
func (r *Review) Open() []int {
	given := r.Standing(r.Latest().Round)
	var out []int
	for _, row := range r.Rows {
		if !slices.ContainsFunc(given, func(g Given) bool { return g.N == row.N }) {
			out = append(out, row.N)
		}
	}
	return out
}

// Todo are the rows to answer next: the open ones; in a round that corrects, none by itself.
func (r *Review) Todo(after int) int {
	open := r.Open()
	for _, n := range open {
		if n > after {
			return n
		}
	}
	if len(open) > 0 {
		return open[0]
	}
	return 0
}

// Row finds a row by its number.
func (r *Review) Row(n int) (Row, bool) {
	i := slices.IndexFunc(r.Rows, func(x Row) bool { return x.N == n })
	if i < 0 {
		return Row{}, false
	}
	return r.Rows[i], true
}

// Score counts answers.
type Score struct {
	Rows  int `json:"rows"`
	Done  int `json:"done"`  // rows with an answer
	Wrong int `json:"wrong"` // rows with a no
	Yes   int `json:"yes"`   // questions
	No    int `json:"no"`
	NA    int `json:"na"`
}

// Score of what stands now.
func (r *Review) Score() Score {
	s := Score{Rows: len(r.Rows)}
	for _, g := range r.Standing(r.Latest().Round) {
		s.add(g.Answer)
	}
	return s
}

func (s *Score) add(a Answer) {
	s.Done++
	if a.Wrong() {
		s.Wrong++
	}
	for _, v := range a.Values {
		switch v {
		case Yes:
			s.Yes++
		case No:
			s.No++
		case NA:
			s.NA++
		}
	}
}

// AnswersDigest is what a sign-off of a round signs: the SHA-256 of lines of JSON. The first is what was
// drawn from what, the second what was asked, then each standing answer.
func (r *Review) AnswersDigest(round int) Key {
	h := sha256.New()
	enc := json.NewEncoder(h)
	enc.SetEscapeHTML(false)
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	_ = enc.Encode([]any{r.ID, r.Title, r.Kind, r.Creditors, at(r.From), at(r.Until), r.Filter, r.Seed, r.Method, r.Size, r.Digest}) // strings and numbers: cannot fail
	_ = enc.Encode([]any{r.Checklist, r.Questions})
	for _, g := range r.Standing(round) {
		row, _ := r.Row(g.N)
		_ = enc.Encode([]any{g.N, row.ID, g.Round, g.By, at(g.At), g.Values, g.Note, g.Fix, g.Owner, g.Due})
	}
	return Key(h.Sum(nil))
}

// Summary is a line of the list of samples.
type Summary struct {
	Sample
	Round  int       `json:"round"`
	Done   int       `json:"done"`
	Wrong  int       `json:"wrong"`
	Signed time.Time `json:"signed,omitzero"` // of the latest round; zero: it is not signed off
	Signer string    `json:"signer,omitempty"`
}

// Ask is a question for a population.
type Ask struct {
	Plan
	Frozen Frozen // zero: as of now
	Limit  int
}

// Found is a row of a population before it is weighed.
type Found struct {
	ID string
	Signals
}

// Store keeps samples, and reads populations from the journal. Errors wrap identity.ErrNotFound
// and identity.ErrTaken.
type Store interface {
	// SamplePopulation reads at most Ask.Limit rows, in any order.
	SamplePopulation(ctx context.Context, a Ask) ([]Found, Frozen, error)
	// SampleSubjects tells of rows of a population by their ids.
	SampleSubjects(ctx context.Context, k Kind, ids []string) ([]Row, error)
	AddSample(ctx context.Context, s Sample, members []byte, rows []Row) error
	// Samples lists those that lie wholly within a scope, the newest first.
	Samples(ctx context.Context, s read.Scope, p read.Page) (read.List[Summary], error)
	Review(ctx context.Context, id string) (Review, error)
	SampleMembers(ctx context.Context, id string) ([]byte, error)
	AddRound(ctx context.Context, sample string, r Round) error
	AddAnswer(ctx context.Context, sample string, g Given) error
	AddSignOff(ctx context.Context, sample string, o SignOff) error
}

// Refusal is what somebody may not do, in words.
type Refusal struct {
	Permission identity.Permission
	Creditor   string
	Words      string // "" = the permission is missing
}

func (r *Refusal) Error() string {
	if r.Words != "" {
		return r.Words
	}
	return fmt.Sprintf("this needs the permission %q", r.Permission)
}

// Invalid is input that cannot be: faults by the name of the input.
type Invalid struct{ Fields map[string]string }

func (i *Invalid) Error() string {
	var words []string
	for _, name := range slices.Sorted(keys(i.Fields)) {
		words = append(words, i.Fields[name])
	}
	return strings.Join(words, " ")
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// isDate reports whether a text is a day.
func isDate(s string) bool {
	_, err := dunning.ParseDate(s)
	return err == nil
}
