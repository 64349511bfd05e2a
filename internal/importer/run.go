package importer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning/money"
)

// Job is one import.
type Job struct {
	File    string // path
	Mapping mapping.Mapping
	Options Options
	// Sink stores; nil is a dry run: everything is checked and nothing stored.
	Sink Sink
	// Rejects is the path of the reject file; "" writes none.
	Rejects string
	// At is the business instant of the import.
	At time.Time
	// Batch is how many rows are stored at once; 0 = 500.
	Batch int
	// Progress, when set, is called now and then, from the same goroutine.
	Progress func(Progress)
}

// Progress is how far an import is.
type Progress struct {
	Phase string // check, store
	Bytes int64  // read in this phase
	Total int64  // size of the file
	Rows  int
}

// Summary is what an import came to.
type Summary struct {
	Run       RunInfo                 `json:"run"`
	DryRun    bool                    `json:"dry_run"`
	Resumed   int                     `json:"resumed_after_row,omitempty"` // row after which an unfinished import went on
	Rows      int                     `json:"rows"`                        // rows with data
	Skipped   int                     `json:"skipped"`                     // left out by a filter of the mapping
	Repeated  int                     `json:"repeated"`                    // said the same as an earlier row of the file
	Valid     int                     `json:"valid"`                       // rows understood, without skipped and repeated ones
	Added     int                     `json:"added"`
	Updated   int                     `json:"updated"`
	Known     int                     `json:"known"`
	Rejected  int                     `json:"rejected"`
	Accounts  int                     `json:"accounts"`
	Sums      map[string]money.Amount `json:"sums"` // of valid rows by currency
	Rejects   string                  `json:"rejects,omitempty"`
	Problems  []Problem               `json:"problems,omitempty"` // the first 20
	Warnings  []Problem               `json:"warnings,omitempty"` // the first 20
	Warned    int                     `json:"warned"`
	Unused    []string                `json:"unused_columns,omitempty"`
	firstPass [sha256.Size]byte
}

// Understood reports whether the file said anything. One of which every row was refused is
// written otherwise than the mapping thinks: what it was to tell is not known.
func (s Summary) Understood() bool { return s.Rejected == 0 || s.Added+s.Updated+s.Known > 0 }

// shown is how many problems a summary lists.
const shown = 20

// Run imports a file in two passes. The first reads everything and stores
// nothing, so that a file that cannot be read to its end leaves no trace; the
// second stores batches with checkpoints, so that an import that broke off goes
// on where it was when the same file is imported again. Rows that are refused
// go to the reject file; the others are stored.
func Run(ctx context.Context, job Job) (Summary, error) {
	if job.Batch <= 0 {
		job.Batch = 500
	}
	r := &run{job: job, accounts: map[string]bool{}}
	s, err := r.check(ctx)
	if err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Base(job.File), err)
	}
	if job.Sink != nil {
		if s, err = r.store(ctx, s); err != nil {
			return s, fmt.Errorf("%s: %w", filepath.Base(job.File), err)
		}
	}
	return s, nil
}

type run struct {
	job      Job
	since    map[string]time.Time
	accounts map[string]bool
	rejects  *rejects
	total    int64
}

// pass is one reading of the file.
type pass struct {
	file    *os.File
	hash    hash.Hash
	counted *counter
	reader  *Reader
}

// counter counts bytes for progress.
type counter struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func (r *run) open() (*pass, error) {
	f, err := os.Open(r.job.File)
	if err != nil {
		return nil, plainPathError(err)
	}
	if info, err := f.Stat(); err == nil {
		r.total = info.Size()
		switch {
		case info.IsDir():
			_ = f.Close()
			return nil, &FileError{Message: "is a directory; name a file"}
		case r.job.Sink != nil && !info.Mode().IsRegular():
			_ = f.Close()
			return nil, &FileError{Message: "is a pipe or a device, and an import reads its file twice: first to check it, then to store it; save it to a file"}
		}
	}
	p := &pass{file: f, hash: sha256.New()}
	p.counted = &counter{r: io.TeeReader(f, p.hash)}
	if p.reader, err = NewReader(p.counted, r.job.Mapping, r.job.Options); err != nil {
		_ = f.Close()
		return nil, err
	}
	return p, nil
}

// plainPathError leaves the directory out of the message.
func plainPathError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return &FileError{Message: "cannot be read: " + p.Err.Error()}
	}
	return err
}

// each reads to the end and calls f for every row.
func (r *run) each(ctx context.Context, p *pass, phase string, f func(Row) error) error {
	for n := 1; ; n++ {
		row, err := p.reader.Next()
		if errors.Is(err, io.EOF) {
			r.tell(Progress{phase, p.counted.n, r.total, n - 1})
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(row); err != nil {
			return err
		}
		if n%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			r.tell(Progress{phase, p.counted.n, r.total, n})
		}
	}
}

func (r *run) tell(p Progress) {
	if r.job.Progress != nil {
		r.job.Progress(p)
	}
}

// check is the first pass. In a dry run it writes the reject file too.
func (r *run) check(ctx context.Context) (Summary, error) {
	s := Summary{DryRun: r.job.Sink == nil, Sums: map[string]money.Amount{}, Run: r.info("", r.job.Options.Creditor.ID)}
	p, err := r.open()
	if err != nil {
		return s, err
	}
	defer p.file.Close()
	s.Unused = p.reader.Unused()
	if c := p.reader.plan.creditor; !s.DryRun && (c.ID == "" || c.Currency == "") {
		return s, &FileError{Message: "the creditor is not known: name a configured creditor, so that accounts are found again in other files"}
	}
	stage := newStager(p.reader.plan)
	stage.at = r.job.At
	if s.DryRun {
		if err := r.openRejects(p); err != nil {
			return s, err
		}
		defer r.rejects.abort()
	}
	err = r.each(ctx, p, "check", func(row Row) error { return r.checkRow(&s, stage, row) })
	if err != nil {
		return s, err
	}
	copy(s.firstPass[:], p.hash.Sum(nil))
	s.Run = r.info(hex.EncodeToString(s.firstPass[:]), p.reader.plan.creditor.ID)
	r.since, s.Accounts = stage.since, len(r.accounts)
	if s.DryRun {
		return s, r.closeRejects(&s)
	}
	return s, nil
}

func (r *run) checkRow(s *Summary, stage *stager, row Row) error {
	s.Rows++
	s.Warned += len(row.Warnings)
	s.Warnings = append(s.Warnings, row.Warnings[:min(len(row.Warnings), shown-len(s.Warnings))]...)
	if row.Skipped {
		s.Skipped++
		return nil
	}
	if len(row.Problems) == 0 {
		stage.note(row.Record)
		_, repeated, problem := stage.entry(row.Record)
		switch {
		case problem != nil:
			row.Problems = append(row.Problems, *problem)
		case repeated:
			s.Repeated++
			return nil
		default:
			r.count(s, row.Record)
			return nil
		}
	}
	return r.reject(s, row)
}

func (r *run) count(s *Summary, rec Record) {
	s.Valid++
	r.accounts[rec.Account] = true
	amount := rec.Item.Amount
	if rec.Item.Key == "" {
		amount = rec.PaidSum
	}
	if rec.Reverses != "" || len(rec.Said) > 0 {
		return
	}
	s.Sums[rec.Currency] = add(s.Sums[rec.Currency], amount)
}

// reject counts a refused row, and writes it when the reject file is open.
func (r *run) reject(s *Summary, row Row) error {
	s.Rejected++
	if len(s.Problems) < shown {
		s.Problems = append(s.Problems, row.Problems[:min(len(row.Problems), shown-len(s.Problems))]...)
	}
	if r.rejects == nil {
		return nil
	}
	reasons := make([]string, len(row.Problems))
	for i, p := range row.Problems {
		reasons[i] = p.Message
		if p.Column != "" {
			reasons[i] = p.Column + ": " + p.Message
		}
	}
	return r.rejects.add(row.Number, row.raw, strings.Join(reasons, "; "))
}

func (r *run) openRejects(p *pass) error {
	if r.job.Rejects != "" && sameFile(r.job.Rejects, r.job.File) {
		return &FileError{Message: "the reject file would replace the file itself; name another"}
	}
	r.rejects = newRejects(r.job.Rejects, p.reader)
	return nil
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func (r *run) closeRejects(s *Summary) error {
	if s.Rejected > 0 {
		s.Rejects = r.job.Rejects
	}
	if err := r.rejects.close(); err != nil {
		return fmt.Errorf("the reject file could not be written: %w", plainPathError(err))
	}
	return nil
}

// info identifies the run by everything that decides its result.
func (r *run) info(content, creditor string) RunInfo {
	m := r.job.Mapping
	text, err := json.Marshal(m)
	if err != nil { // a struct of strings
		text = []byte(m.Mapping)
	}
	sum := sha256.Sum256(bytes.Join([][]byte{[]byte(content), text, []byte(creditor)}, []byte{0}))
	return RunInfo{
		ID: hex.EncodeToString(sum[:16]), File: filepath.Base(r.job.File), Mapping: m.Mapping, Kind: m.Kind,
		Creditor: creditor, At: r.job.At,
	}
}

// store is the second pass. Its counts replace those of the first.
func (r *run) store(ctx context.Context, checked Summary) (Summary, error) {
	s := checked
	s.Rejected, s.Problems = 0, nil
	p, err := r.open()
	if err != nil {
		return s, err
	}
	defer p.file.Close()
	if err := r.openRejects(p); err != nil {
		return s, err
	}
	defer r.rejects.abort()
	from, err := r.job.Sink.Begin(ctx, s.Run)
	if err != nil {
		return s, err
	}
	b := &batch{run: r, s: &s, stage: newStager(p.reader.plan), at: from, from: from.Row, refused: map[int]string{}}
	b.stage.since, b.stage.at = r.since, r.job.At
	b.resume(from)
	if err := r.each(ctx, p, "store", func(row Row) error { return b.row(ctx, row) }); err != nil {
		return s, err
	}
	if err := b.flush(ctx); err != nil {
		return s, err
	}
	if !bytes.Equal(p.hash.Sum(nil), s.firstPass[:]) {
		return s, &FileError{Message: "the file changed while it was read; import it again when nobody writes to it (what was stored is known then)"}
	}
	s.Added, s.Updated, s.Known = b.at.Counts[Added], b.at.Counts[Updated], b.at.Counts[Known]
	if err := r.closeRejects(&s); err != nil {
		return s, err
	}
	return s, r.job.Sink.Finish(ctx, s.Run, s)
}

// batch collects entries and keeps what is needed to write their rows to the
// reject file in the order of the file.
type batch struct {
	run     *run
	s       *Summary
	stage   *stager
	at      Checkpoint
	from    int            // rows up to here were stored by an earlier, unfinished run
	refused map[int]string // those of them that the store refused
	entries []Entry
	rows    []Row // of entries, and of refused rows between them
}

func (b *batch) resume(from Checkpoint) {
	b.s.Resumed = from.Row
	for _, r := range from.Refused {
		b.refused[r.Row] = r.Message
	}
}

func (b *batch) row(ctx context.Context, row Row) error {
	if row.Skipped {
		return nil
	}
	var e Entry
	if len(row.Problems) == 0 {
		var repeated bool
		var problem *Problem
		e, repeated, problem = b.stage.entry(row.Record)
		if repeated {
			return nil
		}
		if problem != nil {
			row.Problems = []Problem{*problem}
		}
	}
	if message, ok := b.refused[row.Number]; ok && len(row.Problems) == 0 {
		row.Problems = []Problem{{Row: row.Number, Line: row.Line, Message: message}}
	}
	if row.Number <= b.from {
		if len(row.Problems) > 0 {
			return b.run.reject(b.s, row)
		}
		return nil
	}
	b.rows = append(b.rows, row)
	if len(row.Problems) == 0 {
		b.entries = append(b.entries, e)
	}
	if len(b.rows) >= b.run.job.Batch {
		return b.flush(ctx)
	}
	return nil
}

// flush stores the entries and writes the refused rows.
func (b *batch) flush(ctx context.Context) error {
	if len(b.rows) == 0 {
		return nil
	}
	next := b.at
	next.Row = b.rows[len(b.rows)-1].Number
	results, err := b.run.job.Sink.Store(ctx, b.s.Run, b.entries, next)
	if err != nil {
		return err
	}
	if len(results) != len(b.entries) {
		return fmt.Errorf("the store answered for %d rows of %d", len(results), len(b.entries))
	}
	next.Count(results)
	b.at = next
	byRow := map[int]Result{}
	for _, r := range results {
		byRow[r.Row] = r
	}
	var refused []Problem
	for _, row := range b.rows {
		if r := byRow[row.Number]; r.State == Refused {
			row.Problems = []Problem{{Row: row.Number, Line: row.Line, Message: r.Message}}
		}
		if len(row.Problems) > 0 {
			refused = append(refused, joined(row.Problems))
			if err := b.run.reject(b.s, row); err != nil {
				return err
			}
		}
	}
	b.entries, b.rows = b.entries[:0], b.rows[:0]
	return b.keep(ctx, refused)
}

// keep tells a sink that wants to know which rows were refused.
func (b *batch) keep(ctx context.Context, refused []Problem) error {
	keeper, ok := b.run.job.Sink.(RejectKeeper)
	if !ok || len(refused) == 0 {
		return nil
	}
	return keeper.Rejected(ctx, b.s.Run, refused)
}

// joined is all that is wrong with a row, at the place of the first fault.
func joined(all []Problem) Problem {
	p := all[0]
	for _, more := range all[1:] {
		text := more.Message
		if more.Column != "" {
			text = more.Column + ": " + text
		}
		p.Message += "; " + text
	}
	return p
}

// Currencies lists the currencies of a summary in order.
func (s Summary) Currencies() []string { return slices.Sorted(maps.Keys(s.Sums)) }
