// Package importsink gives imports what they need of other adapters: the store
// in Postgres and the tables of places.
//
// It owns the translation between package importer, which knows files, and
// packages postgres and place, none of which knows another. It owns no rule of
// importing: those are theirs.
package importsink

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/place"
	"github.com/duly/duly/internal/postgres"
)

var _ importer.Locate = Locate

// Locate implements importer.Locate by the tables of package place.
func Locate(country, state, zip, phone string) importer.Located {
	var in place.Input
	if country != "" || state != "" || zip != "" {
		in.Addresses = []place.Address{{Country: country, State: state, Postcode: zip}}
	}
	if phone != "" {
		in.Phones = []place.Phone{{Number: phone}}
	}
	zones, places := place.Candidates(in)
	var out importer.Located
	note := func(name, evidence string) {
		if out.Evidence == nil {
			out.Evidence = map[string]string{}
		}
		out.Evidence[name] = strings.TrimSpace(evidence)
	}
	for _, z := range zones {
		if !slices.Contains(out.Zones, z.Name) {
			out.Zones = append(out.Zones, z.Name)
			note(z.Name, z.Evidence)
		}
	}
	for _, p := range places {
		if !slices.Contains(out.Places, p.Jurisdiction) {
			out.Places = append(out.Places, p.Jurisdiction)
			note(p.Jurisdiction, p.Evidence)
		}
	}
	return out
}

// Sink is the store as an import needs it.
type Sink struct {
	store    *postgres.Store
	stored   int // rows, by this sink
	analyzed int // of them, when the planner's statistics were refreshed
}

// New makes a sink of a store, for one import at a time.
func New(store *postgres.Store) *Sink { return &Sink{store: store} }

var _ importer.Sink = (*Sink)(nil)

// Begin implements importer.Sink.
func (s *Sink) Begin(ctx context.Context, run importer.RunInfo) (importer.Checkpoint, error) {
	c, err := s.store.BeginImport(ctx, postgres.ImportRun{
		ID: run.ID, Kind: string(run.Kind), Creditor: run.Creditor, File: run.File, Mapping: run.Mapping, At: run.At,
	})
	if err != nil {
		return importer.Checkpoint{}, err
	}
	out := importer.Checkpoint{Row: c.Row, Counts: map[importer.ResultState]int{}}
	for state, n := range c.Counts {
		out.Counts[importer.ResultState(state)] = n
	}
	for row, why := range c.Refused {
		out.Refused = append(out.Refused, importer.Result{Row: row, State: importer.Refused, Message: why})
	}
	return out, nil
}

// Store implements importer.Sink.
func (s *Sink) Store(ctx context.Context, run importer.RunInfo, batch []importer.Entry, next importer.Checkpoint) ([]importer.Result, error) {
	entries := make([]postgres.ImportEntry, len(batch))
	for i, e := range batch {
		entries[i] = entry(e)
	}
	stored, err := s.store.ImportBatch(ctx, run.ID, entries, func(answers []postgres.ImportResult) postgres.ImportCheckpoint {
		return checkpoint(next, results(answers))
	})
	if err != nil {
		return nil, err
	}
	if s.stored += len(batch); s.stored >= 10*max(s.analyzed, manyRows/10) {
		s.analyze(ctx)
	}
	return results(stored), nil
}

// manyRows are so many that plans made before they came are to be made anew.
const manyRows = 1000

// analyze refreshes the planner's statistics, at a thousand rows, ten thousand and so on,
// and at the end. An import does not fail of it: autovacuum would come in a minute or two.
func (s *Sink) analyze(ctx context.Context) {
	_ = s.store.Analyze(ctx)
	s.analyzed = s.stored
}

// Finish implements importer.Sink. Payments that were imported say until when
// the creditor's payment data is known.
func (s *Sink) Finish(ctx context.Context, run importer.RunInfo, sum importer.Summary) error {
	if s.stored-s.analyzed >= manyRows {
		s.analyze(ctx)
	}
	if err := s.keepFile(ctx, run, sum.Rejects); err != nil {
		return err
	}
	if run.Kind == mapping.Payments && sum.Understood() { // else who has paid would be written to
		if err := s.store.FeedSeen(ctx, run.Creditor, run.At); err != nil {
			return err
		}
	}
	return s.store.FinishImport(ctx, run.ID)
}

// mostKept bounds the reject file that is kept for the console. A larger one is where the
// import wrote it.
const mostKept = 32 << 20

// keepFile keeps the reject file, so that whoever has no access to this machine's disk can
// mend the rows. "" forgets what an earlier run left.
func (s *Sink) keepFile(ctx context.Context, run importer.RunInfo, path string) error {
	var body []byte
	if info, err := os.Stat(path); err == nil && info.Size() <= mostKept {
		if body, err = os.ReadFile(path); err != nil {
			return fmt.Errorf("reject file of import %s: %w", run.ID, err)
		}
	}
	return s.store.PutRejectFile(ctx, run.ID, run.File+".rejects.csv", body)
}

var _ importer.RejectKeeper = (*Sink)(nil)

// Rejected implements importer.RejectKeeper.
func (s *Sink) Rejected(ctx context.Context, run importer.RunInfo, problems []importer.Problem) error {
	out := make([]postgres.Reject, len(problems))
	for i, p := range problems {
		out[i] = postgres.Reject{Row: p.Row, Line: p.Line, Column: p.Column, Field: p.Field, Reason: p.Message}
	}
	return s.store.PutRejects(ctx, run.ID, out)
}

func entry(e importer.Entry) postgres.ImportEntry {
	d := e.Debtor
	out := postgres.ImportEntry{
		Row: e.Row, Creditor: e.Creditor, Account: e.Key, Currency: e.Currency, Facts: e.Facts, Main: e.Main, Payment: e.Payment, Undated: e.Undated,
		Debtor: postgres.Profile{Creditor: e.Creditor, Key: d.Key, Name: d.Name, Locale: d.Locale, Country: d.Country, Address: d.Address},
	}
	for _, p := range d.Points {
		out.Points = append(out.Points, postgres.Point{ID: p.ID, Channel: p.Channel, Value: p.Value, Kind: p.Kind})
	}
	return out
}

// checkpoint is what to keep of a batch: the counts of the whole run, and the
// rows that this batch refused; earlier ones are kept already.
func checkpoint(next importer.Checkpoint, answers []importer.Result) postgres.ImportCheckpoint {
	next.Refused = nil
	next.Count(answers)
	out := postgres.ImportCheckpoint{Row: next.Row, Counts: map[string]int{}, Refused: map[int]string{}}
	for state, n := range next.Counts {
		out.Counts[string(state)] = n
	}
	for _, r := range next.Refused {
		out.Refused[r.Row] = r.Message
	}
	return out
}

// words are the importer's words for the store's codes.
var words = map[postgres.ImportRefusal]string{
	postgres.RefusedContradiction: importer.RefusedContradiction,
	postgres.RefusedNoAccount:     importer.RefusedNoAccount,
	postgres.RefusedOtherDebtor:   importer.RefusedOtherDebtor,
}

func results(answers []postgres.ImportResult) []importer.Result {
	out := make([]importer.Result, len(answers))
	for i, a := range answers {
		out[i] = importer.Result{Row: a.Row, State: importer.ResultState(a.State), Message: words[a.Why]}
	}
	return out
}
