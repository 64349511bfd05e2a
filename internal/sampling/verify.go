package sampling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
)

// Format names the file that is verified offline.
const Format = "duly-sample-1"

// maxFile bounds a file that is verified, in bytes.
const maxFile = 256 << 20

// File is a sample with its population: everything that drawing it again needs. It names
// debtors by id only.
type File struct {
	Format string `json:"format"`
	Review
	Score Score `json:"score"`
	// Members are the lines of the population without their ends.
	Members []string  `json:"members"`
	Made    time.Time `json:"made"`
	MadeBy  string    `json:"made_by"`
}

// Export is the file of a sample. Exporting is recorded.
func (s *Service) Export(ctx context.Context, who identity.Principal, id string, now time.Time) (File, error) {
	r, err := s.Get(ctx, who, id)
	if err != nil {
		return File{}, err
	}
	p, err := s.kept(ctx, id)
	if err != nil {
		return File{}, err
	}
	f := File{Format: Format, Review: r, Score: r.Score(), Members: p.lines(), Made: now.UTC(), MadeBy: who.By}
	return f, s.Record(ctx, now, who.By, "export.sample", id, map[string]string{"creditor": strings.Join(r.Creditors, ","), "digest": r.Digest.String()})
}

func (s *Service) kept(ctx context.Context, id string) (Population, error) {
	b, err := s.Store.SampleMembers(ctx, id)
	if err != nil {
		return nil, err
	}
	return unpack(b)
}

func (p Population) lines() []string {
	var b strings.Builder
	_, _ = p.WriteTo(&b) // into memory
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// Verified is what verifying a sample found.
type Verified struct {
	Sample     string   `json:"sample"`
	Title      string   `json:"title"`
	Population int      `json:"population"`
	Rows       int      `json:"rows"`
	Seed       string   `json:"seed"`
	Digest     Key      `json:"digest"`
	Signed     int      `json:"signed"` // rounds whose sign-off fits the answers
	Faults     []string `json:"faults,omitempty"`
	// Change is how the journal differs from the population that was kept; nil: it was not asked.
	Change *Change `json:"change,omitempty"`
}

// OK reports whether the sample is as it was drawn and signed, and the journal as it was.
func (v Verified) OK() bool { return len(v.Faults) == 0 && (v.Change == nil || v.Change.None()) }

// Verify reads a file and draws its sample again, without database or network. The error is
// for a file that is none; what does not fit is in Faults.
func Verify(r io.Reader) (Verified, error) {
	var f File
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return Verified{}, err
	case len(b) > maxFile:
		return Verified{}, fmt.Errorf("the file is larger than %d MiB", maxFile>>20)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return Verified{}, fmt.Errorf("this is no sample that was exported as JSON: %w", err)
	}
	if f.Format != Format {
		return Verified{}, fmt.Errorf("the format is %q and this program reads %q", f.Format, Format)
	}
	p, err := ReadPopulation(strings.NewReader(strings.Join(f.Members, "\n") + "\n"))
	if err != nil {
		return Verified{}, err
	}
	return check(f.Review, p), nil
}

// Verify draws a sample again, from the population that was kept and from the journal as it
// is now: what joined, left or weighs otherwise is named.
func (s *Service) Verify(ctx context.Context, who identity.Principal, id string) (Verified, error) {
	r, err := s.Get(ctx, who, id)
	if err != nil {
		return Verified{}, err
	}
	p, err := s.kept(ctx, id)
	if err != nil {
		return Verified{}, err
	}
	v := check(r, p)
	now, _, _, err := s.population(ctx, r.Plan, r.Frozen, &r.Context)
	var many *tooMany
	if errors.As(err, &many) {
		v.Faults = append(v.Faults, many.Error())
		return v, nil
	}
	if err != nil {
		return v, err
	}
	c := Compare(p, now)
	v.Change = &c
	return v, nil
}

// check holds a sample against its population, and sign-offs against the answers.
func check(r Review, p Population) Verified {
	v := Verified{Sample: r.ID, Title: r.Title, Population: len(p), Rows: len(r.Rows), Seed: r.Seed, Digest: p.Digest()}
	if r.Algorithm != Algorithm {
		v.Faults = append(v.Faults, fmt.Sprintf("it was drawn by %q, and this program draws by %q", r.Algorithm, Algorithm))
		return v
	}
	if v.Digest != r.Digest {
		v.Faults = append(v.Faults, fmt.Sprintf("the population's SHA-256 is %s and not %s: rows of it were changed", v.Digest, r.Digest))
	}
	if len(p) != r.Population {
		v.Faults = append(v.Faults, fmt.Sprintf("the population has %d rows and not %d", len(p), r.Population))
	}
	v.Faults = append(v.Faults, redraw(r, p)...)
	for _, round := range r.Rounds {
		if round.Signed == nil {
			continue
		}
		if got := r.AnswersDigest(round.Round); got != round.Signed.Digest {
			v.Faults = append(v.Faults, fmt.Sprintf("round %d was signed off over %s, and its answers come to %s", round.Round, round.Signed.Digest, got))
			continue
		}
		v.Signed++
	}
	return v
}

// redraw names the rows that a new drawing does not give.
func redraw(r Review, p Population) (faults []string) {
	drawn, err := Draw(p, r.Seed, r.Method, r.Size)
	if err != nil {
		return []string{err.Error()}
	}
	if len(drawn) != len(r.Rows) {
		return []string{fmt.Sprintf("drawing again gives %d rows and not %d", len(drawn), len(r.Rows))}
	}
	for i, d := range drawn {
		row := r.Rows[i]
		if row.N != d.N || row.ID != d.ID || row.Stage != d.Stage || row.Key != d.Key || row.Ticket != d.Ticket || row.Weight != d.Weight || !slices.Equal(row.Risks, d.Risks) {
			faults = append(faults, fmt.Sprintf("row %d is %s, and drawing again gives %s", row.N, row.ID, d.ID))
		}
	}
	return faults
}
