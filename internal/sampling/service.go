package sampling

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// Service is the one way in which samples are drawn, answered and signed off: console, API
// and command line call it. All fields but Find are required.
type Service struct {
	Store Store
	// Context is what the configuration in force says of risks.
	Context func(ctx context.Context) (Context, error)
	// Record writes into the audit.
	Record func(ctx context.Context, at time.Time, by, action, subject string, detail map[string]string) error
	// Find opens a finding for an answer with a no and returns its id; nil: the answer alone says it.
	Find func(ctx context.Context, who identity.Principal, s Sample, row Row, g Given) (string, error)
}

// NewSeed is a seed that nobody chose.
func NewSeed() string { return rand.Text() }

// may refuses unless somebody has a permission for all creditors of a sample.
func may(who identity.Principal, p identity.Permission, creditors []string) error {
	for _, c := range creditors {
		if !who.Can(p, c) {
			return &Refusal{Permission: p, Creditor: c}
		}
	}
	return nil
}

// Preview is what a plan would be drawn from.
type Preview struct {
	Population int            `json:"population"`
	TooMany    bool           `json:"too_many,omitempty"` // more than MaxPopulation: narrow it
	Risks      map[string]int `json:"risks"`              // rows by risk
	Risky      int            `json:"risky"`              // rows with any
}

// Preview counts the population of a plan; its seed and size do not matter.
func (s *Service) Preview(ctx context.Context, who identity.Principal, p Plan) (Preview, error) {
	if err := may(who, identity.Sample, p.Creditors); err != nil {
		return Preview{}, err
	}
	if faults := p.span(); len(faults) > 0 {
		return Preview{}, &Invalid{faults}
	}
	members, _, _, err := s.population(ctx, p, Frozen{}, nil)
	var many *tooMany
	if errors.As(err, &many) {
		return Preview{Population: MaxPopulation, TooMany: true, Risks: map[string]int{}}, nil
	}
	out := Preview{Population: len(members), Risks: map[string]int{}}
	for _, m := range members {
		if len(m.Risks) > 0 {
			out.Risky++
		}
		for _, r := range m.Risks {
			out.Risks[r]++
		}
	}
	return out, err
}

type tooMany struct{}

func (*tooMany) Error() string {
	return fmt.Sprintf("the population has more than %d rows: choose a shorter span or a narrower filter", MaxPopulation)
}

// population reads and weighs; with a context that was kept, by that one.
func (s *Service) population(ctx context.Context, p Plan, f Frozen, kept *Context) (Population, Frozen, Context, error) {
	var c Context
	if kept != nil {
		c = *kept
	} else {
		var err error
		if c, err = s.Context(ctx); err != nil {
			return nil, f, c, err
		}
	}
	found, f, err := s.Store.SamplePopulation(ctx, Ask{Plan: p, Frozen: f, Limit: MaxPopulation + 1})
	if err != nil {
		return nil, f, c, err
	}
	if len(found) > MaxPopulation {
		return nil, f, c, &tooMany{}
	}
	members := make([]Member, len(found))
	for i, x := range found {
		w, r := Weigh(x.Signals, c)
		members[i] = Member{x.ID, w, r}
	}
	all, err := Arrange(members)
	return all, f, c, err
}

// span are the faults of what a population is asked by.
func (p Plan) span() map[string]string {
	faults := map[string]string{}
	if _, ok := checklists[p.Kind]; !ok {
		faults["kind"] = fmt.Sprintf("Choose what is drawn: %s.", list(Kinds()))
	}
	if len(p.Creditors) == 0 {
		faults["creditor"] = "Choose at least one creditor."
	}
	if p.From.IsZero() || p.Until.IsZero() || !p.Until.After(p.From) {
		faults["from"] = "Say from and until which day; until is not before from."
	}
	if v := p.Filter.Verdict; v != "" && (p.Kind != Decisions || v != VerdictKept && v != VerdictAllowed) {
		faults["verdict"] = "A verdict narrows decisions: kept_back or allowed."
	}
	if p.Filter.Template != "" && p.Kind != Contacts {
		faults["template"] = "Only messages and letters have a template."
	}
	if p.Filter.Rule != "" && p.Kind != Decisions && p.Kind != KeptBack {
		faults["rule"] = "Only decisions have a rule."
	}
	return faults
}

func list[T ~string](all []T) string {
	var out []string
	for _, v := range all {
		out = append(out, string(v))
	}
	return strings.Join(out, ", ")
}

func (p Plan) faults(now time.Time) map[string]string {
	faults := p.span()
	if t := strings.TrimSpace(p.Title); t == "" || len(t) > 200 {
		faults["title"] = "Give the sample a name of up to 200 characters."
	}
	if p.Size < 1 || p.Size > MaxSize {
		faults["size"] = fmt.Sprintf("A sample has 1 to %d rows.", MaxSize)
	}
	if !slices.Contains(Methods(), p.Method) {
		faults["method"] = fmt.Sprintf("Choose how: %s.", list(Methods()))
	}
	if p.Seed != "" && checkDraw(p.Seed, Random, 1) != nil {
		faults["seed"] = fmt.Sprintf("A seed has up to %d visible ASCII characters and no |. Leave it empty to have one drawn.", MaxSeed)
	}
	if p.Until.After(now) && faults["from"] == "" {
		faults["until"] = "The span must have passed: what is still to come cannot be frozen."
	}
	return faults
}

// Draw draws a sample and keeps it, with the population it came from. An id that is given is
// the sample's; the same id twice is the same sample.
func (s *Service) Draw(ctx context.Context, who identity.Principal, id string, p Plan, now time.Time) (Sample, error) {
	p.Creditors = slices.Compact(slices.Sorted(slices.Values(p.Creditors)))
	if err := may(who, identity.Sample, p.Creditors); err != nil {
		return Sample{}, err
	}
	if faults := p.faults(now); len(faults) > 0 {
		return Sample{}, &Invalid{faults}
	}
	p.Title = strings.TrimSpace(p.Title)
	if p.Seed == "" {
		p.Seed = NewSeed()
	}
	all, frozen, c, err := s.population(ctx, p, Frozen{}, nil)
	var many *tooMany
	switch {
	case errors.As(err, &many):
		return Sample{}, &Invalid{map[string]string{"from": many.Error() + "."}}
	case err != nil:
		return Sample{}, err
	case len(all) == 0:
		return Sample{}, &Invalid{map[string]string{"from": "Nothing matches: there is nothing to draw from. Widen the span or the filter."}}
	}
	return s.keep(ctx, who, id, p, all, frozen, c, now)
}

func (s *Service) keep(ctx context.Context, who identity.Principal, id string, p Plan, all Population, f Frozen, c Context, now time.Time) (Sample, error) {
	drawn, err := Draw(all, p.Seed, p.Method, p.Size)
	if err != nil {
		return Sample{}, err
	}
	rows, err := s.rows(ctx, p.Kind, drawn)
	if err != nil {
		return Sample{}, err
	}
	members, err := pack(all)
	if err != nil {
		return Sample{}, err
	}
	p.Size = len(drawn)
	questions := checklists[p.Kind]
	if id == "" {
		id = uuid.NewString()
	}
	x := Sample{
		ID: id, Plan: p, Algorithm: Algorithm, Population: len(all), Digest: all.Digest(), Frozen: f, Context: c,
		Checklist: questions.Version, Questions: slices.Clone(questions.Questions), At: now, By: who.By,
	}
	if err := s.Store.AddSample(ctx, x, members, rows); err != nil {
		return Sample{}, err
	}
	return x, s.Record(ctx, now, who.By, "sample.draw", x.ID, map[string]string{
		"creditor": strings.Join(p.Creditors, ","), "kind": string(p.Kind), "method": string(p.Method), "seed": p.Seed, "size": strconv.Itoa(p.Size),
		"population": strconv.Itoa(x.Population), "digest": x.Digest.String(),
	})
}

// rows tells of drawn rows, in their order.
func (s *Service) rows(ctx context.Context, k Kind, drawn []Drawn) ([]Row, error) {
	ids := make([]string, len(drawn))
	for i, d := range drawn {
		ids[i] = d.ID
	}
	told, err := s.Store.SampleSubjects(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	of := map[string]Row{}
	for _, r := range told {
		of[r.ID] = r
	}
	out := make([]Row, len(drawn))
	for i, d := range drawn {
		r, ok := of[d.ID]
		if !ok {
			return nil, fmt.Errorf("row %s was drawn and is not there any more: %w", d.ID, dunning.ErrConflict)
		}
		r.N, r.Stage, r.Ticket, r.Key, r.Weight, r.Risks = d.N, d.Stage, d.Ticket, d.Key, d.Weight, d.Risks
		out[i] = r
	}
	return out, nil
}

// pack compresses a population's lines.
func pack(p Population) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := p.WriteTo(z); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

func unpack(b []byte) (Population, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("the kept population cannot be read: %w", err)
	}
	defer func() { _ = z.Close() }()
	return ReadPopulation(io.LimitReader(z, 1<<30))
}

// List are the samples that somebody may see, the newest first.
func (s *Service) List(ctx context.Context, scope read.Scope, p read.Page) (read.List[Summary], error) {
	return s.Store.Samples(ctx, scope, p)
}

// Get is a sample with all that came to it, for who may review or sample all of its
// creditors; for others it does not exist.
func (s *Service) Get(ctx context.Context, who identity.Principal, id string) (Review, error) {
	if _, err := uuid.Parse(id); err != nil {
		return Review{}, fmt.Errorf("sample: %w", identity.ErrNotFound)
	}
	r, err := s.Store.Review(ctx, id)
	if err != nil {
		return Review{}, err
	}
	if may(who, identity.Review, r.Creditors) != nil && may(who, identity.Sample, r.Creditors) != nil {
		return Review{}, fmt.Errorf("sample: %w", identity.ErrNotFound)
	}
	return r, nil
}

// change is Get for who wants to change something: a person or program that may sample.
func (s *Service) change(ctx context.Context, who identity.Principal, id string) (Review, error) {
	r, err := s.Get(ctx, who, id)
	if err == nil {
		err = may(who, identity.Sample, r.Creditors)
	}
	return r, err
}

const ownWork = "You made row %d yourself (you ordered, approved or held it). Somebody else reviews it: nobody checks their own work."

// Answer keeps what a reviewer says of a row, in the latest round.
func (s *Service) Answer(ctx context.Context, who identity.Principal, id string, n int, a Answer, now time.Time) (Given, error) {
	r, err := s.change(ctx, who, id)
	if err != nil {
		return Given{}, err
	}
	row, ok := r.Row(n)
	round := r.Latest()
	switch {
	case !ok:
		return Given{}, fmt.Errorf("row %d of the sample: %w", n, identity.ErrNotFound)
	case round.Signed != nil:
		return Given{}, fmt.Errorf("round %d is signed off, nothing in it changes any more; to correct an answer, begin a new round: %w", round.Round, dunning.ErrConflict)
	case slices.Contains(row.People, who.By):
		return Given{}, &Refusal{Permission: identity.Sample, Creditor: row.Creditor, Words: fmt.Sprintf(ownWork, n)}
	case slices.ContainsFunc(r.Answers, func(g Given) bool { return g.Round == round.Round && g.N == n }):
		return Given{}, fmt.Errorf("row %d is answered in this round already; to correct it, begin a new round: %w", n, dunning.ErrConflict)
	}
	a = a.tidy()
	if faults := a.Faults(r.Questions, isDate); len(faults) > 0 {
		return Given{}, &Invalid{faults}
	}
	return s.keepAnswer(ctx, who, r.Sample, row, Given{Round: round.Round, N: n, Answer: a, At: now.UTC().Truncate(time.Microsecond), By: who.By})
}

// tidy drops blanks around words, and what belongs to a finding where there is none.
func (a Answer) tidy() Answer {
	a.Note, a.Fix, a.Owner, a.Due = strings.TrimSpace(a.Note), strings.TrimSpace(a.Fix), strings.TrimSpace(a.Owner), strings.TrimSpace(a.Due)
	if !a.Wrong() {
		a.Fix, a.Owner, a.Due = "", "", ""
	}
	return a
}

func (s *Service) keepAnswer(ctx context.Context, who identity.Principal, x Sample, row Row, g Given) (Given, error) {
	if g.Wrong() && s.Find != nil {
		var err error
		if g.Finding, err = s.Find(ctx, who, x, row, g); err != nil {
			return g, fmt.Errorf("opening a finding for row %d: %w", g.N, err)
		}
	}
	if err := taken(s.Store.AddAnswer(ctx, x.ID, g), "Somebody else has answered this row meanwhile. Open it again."); err != nil {
		return g, err
	}
	detail := map[string]string{"creditor": row.Creditor, "row": strconv.Itoa(g.N), "round": strconv.Itoa(g.Round), "subject": row.ID}
	for id, v := range maps.All(g.Values) {
		detail["q."+id] = string(v)
	}
	return g, s.Record(ctx, g.At, who.By, "sample.answer", x.ID, detail)
}

// taken puts a race that was lost into words.
func taken(err error, words string) error {
	if errors.Is(err, identity.ErrTaken) {
		return fmt.Errorf("%s: %w", words, dunning.ErrConflict)
	}
	return err
}

// Again begins a further round: answers of it stand in the place of earlier ones. The earlier
// ones stay, and so does a sign-off of theirs.
func (s *Service) Again(ctx context.Context, who identity.Principal, id, reason string, now time.Time) (Round, error) {
	r, err := s.change(ctx, who, id)
	if err != nil {
		return Round{}, err
	}
	last := r.Latest()
	reason = strings.TrimSpace(reason)
	switch {
	case len(reason) < 3 || len(reason) > 1000:
		return Round{}, &Invalid{map[string]string{"reason": "Say why answers are corrected, in 3 to 1,000 characters."}}
	case !slices.ContainsFunc(r.Answers, func(g Given) bool { return g.Round == last.Round }):
		return Round{}, fmt.Errorf("round %d has no answer yet that could be corrected: %w", last.Round, dunning.ErrConflict)
	}
	next := Round{Round: last.Round + 1, Reason: reason, At: now, By: who.By}
	if err := taken(s.Store.AddRound(ctx, id, next), "Somebody else has begun a round meanwhile"); err != nil {
		return Round{}, err
	}
	return next, s.Record(ctx, now, who.By, "sample.round", id, map[string]string{
		"creditor": strings.Join(r.Creditors, ","), "round": strconv.Itoa(next.Round), "reason": reason,
	})
}

// MaySign says in words why somebody cannot sign the latest round off; "" = they can.
func (r *Review) MaySign(who identity.Principal) string {
	last := r.Latest()
	open := r.Open()
	switch {
	case last.Signed != nil:
		return fmt.Sprintf("Round %d is signed off already.", last.Round)
	case len(open) > 0:
		return fmt.Sprintf("%d of %d rows have no answer yet.", len(open), len(r.Rows))
	case !slices.ContainsFunc(r.Answers, func(g Given) bool { return g.Round == last.Round }):
		return fmt.Sprintf("Round %d has no answer yet.", last.Round)
	case !strings.HasPrefix(who.By, "user:"):
		return "A sample is signed off by a person who signed in, not by a program."
	}
	for _, row := range r.Rows {
		if slices.Contains(row.People, who.By) {
			return fmt.Sprintf(ownWork, row.N)
		}
	}
	return ""
}

// SignOff ends the latest round for good. seen is the digest of the answers as the signer saw them, zero for "as
// they are": when somebody has answered meanwhile, it is refused.
func (s *Service) SignOff(ctx context.Context, who identity.Principal, id, words string, seen Key, now time.Time) (SignOff, error) {
	r, err := s.change(ctx, who, id)
	if err != nil {
		return SignOff{}, err
	}
	last := r.Latest()
	why := r.MaySign(who)
	own := slices.ContainsFunc(r.Rows, func(row Row) bool { return slices.Contains(row.People, who.By) }) || !strings.HasPrefix(who.By, "user:")
	digest := r.AnswersDigest(last.Round)
	switch {
	case why != "" && own:
		return SignOff{}, &Refusal{Permission: identity.Sample, Creditor: r.Creditors[0], Words: why}
	case why != "":
		return SignOff{}, fmt.Errorf("%s: %w", strings.TrimSuffix(why, "."), dunning.ErrConflict)
	case seen != Key{} && seen != digest:
		return SignOff{}, fmt.Errorf("answers have changed since you opened the page; look at them again: %w", dunning.ErrConflict)
	}
	o := SignOff{Round: last.Round, Digest: digest, Words: strings.TrimSpace(words), At: now.UTC().Truncate(time.Microsecond), By: who.By}
	if len(o.Words) > 2000 {
		return SignOff{}, &Invalid{map[string]string{"words": "At most 2,000 characters."}}
	}
	if err := taken(s.Store.AddSignOff(ctx, id, o), "Somebody else has signed it off or answered meanwhile; open the sample again"); err != nil {
		return SignOff{}, err
	}
	score := r.Score()
	return o, s.Record(ctx, now, who.By, "sample.sign_off", id, map[string]string{
		"creditor": strings.Join(r.Creditors, ","), "round": strconv.Itoa(o.Round), "digest": digest.String(), "rows": strconv.Itoa(score.Rows), "wrong": strconv.Itoa(score.Wrong),
	})
}
