package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// ImportRun identifies the import of a file.
type ImportRun struct {
	ID       string // follows from content, mapping, kind and creditor
	Kind     string // items, payments, bank, einvoice, contacts, history, consents
	Creditor string
	File     string // name without directory
	Mapping  string
	At       time.Time // business instant
}

// ImportEntry is one row of a file, ready to be stored. Debtors and accounts are named
// by the creditor's own keys; the store derives their ids.
type ImportEntry struct {
	Row      int
	Creditor string
	Debtor   Profile // Key, Name, Locale, Country and Address are read
	Points   []Point // values of the points that the facts make known
	Account  string  // key
	Currency string
	// Facts are the row's; each names its source. An Account that is not empty stands
	// for the entry's own account.
	Facts []dunning.Fact
	// Main is the index of the fact that decides whether the row is known.
	Main int
	// Undated: the facts hold from the first import on, whenever the row is imported again.
	Undated bool
	// Payment: the account must exist already, and the row says nothing of its debtor's
	// name; so payments and contact data.
	Payment bool
}

// ImportState is what became of an entry.
type ImportState string

// What may become of an entry.
const (
	ImportAdded   ImportState = "added"   // the item or payment is new
	ImportUpdated ImportState = "updated" // it was known, and something about it is new
	ImportKnown   ImportState = "known"   // nothing is new
	ImportRefused ImportState = "refused" // it contradicts what is stored
)

// ImportRefusal is why an entry was refused.
type ImportRefusal string

// Why entries are refused.
const (
	RefusedContradiction ImportRefusal = "contradiction" // known already with another amount or date
	RefusedNoAccount     ImportRefusal = "no_account"    // a payment of an account that does not exist
	RefusedOtherDebtor   ImportRefusal = "other_debtor"  // the account is another debtor's
)

// ImportResult answers for one entry.
type ImportResult struct {
	Row   int
	State ImportState
	Why   ImportRefusal // of refused
}

// ImportCheckpoint is how far a run has come.
type ImportCheckpoint struct {
	Row     int // the last row that was stored or refused; 0 = none
	Counts  map[string]int
	Refused map[int]string // rows that were refused so far, with the reason as the importer words it
}

// BeginImport opens a run and returns how far an earlier one of the same id came that
// did not finish. One that finished begins anew: its rows turn out to be known.
func (s *Store) BeginImport(ctx context.Context, r ImportRun) (ImportCheckpoint, error) {
	if err := s.PutCreditors(ctx, r.Creditor); err != nil {
		return ImportCheckpoint{}, err
	}
	row, err := s.q.BeginImport(ctx, sqlgen.BeginImportParams{
		ID: r.ID, Kind: r.Kind, CreditorID: r.Creditor, FileName: cleanText(r.File), Mapping: r.Mapping, At: micros(r.At),
	})
	if err != nil {
		return ImportCheckpoint{}, fmt.Errorf("opening import %s: %w", r.ID, explain(err))
	}
	if err := s.q.ForgetRejects(ctx, r.ID); err != nil {
		return ImportCheckpoint{}, fmt.Errorf("opening import %s: %w", r.ID, explain(err))
	}
	c := ImportCheckpoint{Row: int(row.DoneRow)}
	if err := json.Unmarshal(row.Counts, &c.Counts); err != nil {
		return c, fmt.Errorf("checkpoint of import %s cannot be read: %w", r.ID, err)
	}
	c.Refused, err = s.Rejects(ctx, r.ID)
	return c, err
}

// FinishImport closes a run.
func (s *Store) FinishImport(ctx context.Context, id string) error {
	n, err := s.q.FinishImport(ctx, id)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("closing import %s: %w", id, explain(err))
	}
	return nil
}

// Rejects returns the rows that a run refused, with reasons.
func (s *Store) Rejects(ctx context.Context, id string) (map[int]string, error) {
	rows, err := s.q.Rejects(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("rejected rows of import %s: %w", id, explain(err))
	}
	out := make(map[int]string, len(rows))
	for _, r := range rows {
		out[int(r.Row)] = r.Reason
	}
	return out, nil
}

// ImportBatch stores many entries, of many debtors, in one transaction, together with
// the checkpoint that follows: debtors, profiles, contact points and accounts are made
// as needed, facts whose kind and source are known are left out, every open case of a
// debtor that learned something is nudged. The checkpoint is computed from the answers;
// nil stores none.
//
// Entries are answered in order. One that contradicts what is stored is refused; the
// others are stored.
func (s *Store) ImportBatch(ctx context.Context, runID string, entries []ImportEntry, next func([]ImportResult) ImportCheckpoint) ([]ImportResult, error) {
	var results []ImportResult
	err := s.InDebtor(ctx, nil, func(tx *Tx) error {
		var err error
		if results, err = newBatch(entries).store(ctx, tx); err != nil || next == nil {
			return err
		}
		return tx.advance(ctx, runID, next(results), results)
	})
	if err != nil {
		return nil, fmt.Errorf("importing rows: %w", err)
	}
	return results, nil
}

// Analyze refreshes what the database's planner knows of the tables that imports fill, and
// throws away the plans that connections keep. A table that has just grown from nothing to
// a million rows is otherwise asked, until autovacuum comes by, with plans that were made
// for an empty one. It takes a second or so at a million rows.
func (s *Store) Analyze(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "ANALYZE debtors, debtor_profiles, contact_points, accounts, account_standings, items, facts, cases, work")
	if err != nil {
		return fmt.Errorf("refreshing the planner's statistics: %w", explain(err))
	}
	return nil
}

// advance moves a run's checkpoint. One that another process has moved is an error:
// two imports of the same file at once.
func (tx *Tx) advance(ctx context.Context, id string, c ImportCheckpoint, results []ImportResult) error {
	counts, err := json.Marshal(c.Counts)
	if err != nil {
		return err
	}
	n, err := tx.q.AdvanceImport(ctx, int64(c.Row), counts, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("import %s is finished, or another process is importing the same file: %w", id, ErrTaken)
	}
	var rows []int64
	var reasons []string
	for _, r := range results {
		if reason, ok := c.Refused[r.Row]; ok && r.State == ImportRefused {
			rows, reasons = append(rows, int64(r.Row)), append(reasons, cleanText(reason))
		}
	}
	return tx.q.AddRejects(ctx, id, rows, reasons)
}

// batch is the working state of ImportBatch.
type batch struct {
	entries []ImportEntry
	debtors []string // of each entry
	account []string // of each entry
	owners  map[string]string
	known   map[sourceKey]dunning.Fact
	results []ImportResult
}

func newBatch(entries []ImportEntry) *batch {
	b := &batch{entries: entries, results: make([]ImportResult, len(entries))}
	for _, e := range entries {
		b.debtors = append(b.debtors, DebtorID(e.Creditor, e.Debtor.Key))
		b.account = append(b.account, AccountID(e.Creditor, e.Account, e.Currency))
	}
	return b
}

func (b *batch) store(ctx context.Context, tx *Tx) ([]ImportResult, error) {
	if err := b.addPeople(ctx, tx); err != nil {
		return nil, err
	}
	if err := b.findOwners(ctx, tx); err != nil {
		return nil, err
	}
	if err := b.lock(ctx, tx); err != nil {
		return nil, err
	}
	if err := b.findKnown(ctx, tx); err != nil {
		return nil, err
	}
	all, told := b.judge()
	if err := b.putPersonal(ctx, tx); err != nil { // after judging: a row that is refused may name another's address
		return nil, err
	}
	if _, err := tx.appendAll(ctx, all); err != nil {
		return nil, err
	}
	return b.results, tx.nudgeOpen(ctx, told)
}

// addPeople makes debtors and accounts of everything but payments. Rows are sorted in
// SQL, so that two imports at once cannot wait for each other.
func (b *batch) addPeople(ctx context.Context, tx *Tx) error {
	var d, accounts struct{ ids, creditors, keys, debtors, currencies []string }
	seen := map[string]bool{}
	for i, e := range b.entries {
		if e.Payment {
			continue
		}
		if !seen[b.debtors[i]] {
			seen[b.debtors[i]] = true
			d.ids, d.creditors, d.keys = append(d.ids, b.debtors[i]), append(d.creditors, e.Creditor), append(d.keys, cleanText(e.Debtor.Key))
		}
		if a := &accounts; !seen[b.account[i]] {
			seen[b.account[i]] = true
			a.ids, a.debtors, a.creditors = append(a.ids, b.account[i]), append(a.debtors, b.debtors[i]), append(a.creditors, e.Creditor)
			a.keys, a.currencies = append(a.keys, cleanText(e.Account)), append(a.currencies, e.Currency)
		}
	}
	if len(d.ids) == 0 {
		return nil
	}
	if err := tx.q.AddDebtors(ctx, d.ids, d.creditors, d.keys); err != nil {
		return err
	}
	return tx.q.AddAccounts(ctx, sqlgen.AddAccountsParams{
		Ids: accounts.ids, Debtors: accounts.debtors, Creditors: accounts.creditors, Keys: accounts.keys, Currencies: accounts.currencies,
	})
}

// findOwners reads whose the accounts are: a payment names an account only, and an
// account that was there already may be another debtor's than the file says.
func (b *batch) findOwners(ctx context.Context, tx *Tx) error {
	rows, err := tx.q.OwnersOf(ctx, slices.Compact(slices.Sorted(slices.Values(b.account))))
	if err != nil {
		return err
	}
	b.owners = make(map[string]string, len(rows))
	for _, r := range rows {
		b.owners[r.ID] = r.DebtorID
	}
	for i, e := range b.entries {
		owner := b.owners[b.account[i]]
		b.results[i].Row = e.Row
		switch {
		case owner == "":
			b.refuse(i, RefusedNoAccount)
		case e.Payment:
			b.debtors[i] = owner
		case owner != b.debtors[i]:
			b.refuse(i, RefusedOtherDebtor)
		}
	}
	return nil
}

func (b *batch) refuse(i int, why ImportRefusal) {
	b.results[i].State, b.results[i].Why = ImportRefused, why
}

func (b *batch) refused(i int) bool { return b.results[i].State == ImportRefused }

// lock takes the locks of all debtors of entries that are not refused.
func (b *batch) lock(ctx context.Context, tx *Tx) error {
	var ids []string
	for i, id := range b.debtors {
		if !b.refused(i) {
			ids = append(ids, id)
		}
	}
	locked, err := lockAll(ctx, tx.tx, slices.Compact(slices.Sorted(slices.Values(ids))))
	if err == nil {
		tx.versions = locked.versions
	}
	return err
}

// findKnown reads which of the entries' facts are stored already, and how.
func (b *batch) findKnown(ctx context.Context, tx *Tx) error {
	var debtors, kinds, sources []string
	for i, e := range b.entries {
		if b.refused(i) {
			continue
		}
		for _, f := range e.Facts {
			if f.Source == "" || f.Body == nil {
				return fmt.Errorf("%w: row %d has a fact without source or body", ErrRefused, e.Row)
			}
			debtors, kinds, sources = append(debtors, b.debtors[i]), append(kinds, string(f.Body.Kind())), append(sources, cleanText(f.Source))
		}
	}
	rows, err := tx.q.KnownFacts(ctx, debtors, kinds, sources)
	if err != nil {
		return err
	}
	b.known = make(map[sourceKey]dunning.Fact, len(rows))
	for _, r := range rows {
		body, err := dunning.DecodeBody(dunning.Kind(r.Kind), r.Body)
		if err != nil {
			return err
		}
		b.known[sourceKey{r.DebtorID, r.Kind, r.Source}] = dunning.Fact{At: r.At, Body: body}
	}
	return nil
}

// putPersonal stores names, addresses and the values of contact points. Of several
// rows of one debtor the last one wins.
func (b *batch) putPersonal(ctx context.Context, tx *Tx) error {
	profiles, points := map[string]Profile{}, map[[2]string]Point{}
	for i, e := range b.entries {
		if b.refused(i) {
			continue
		}
		if !e.Payment { // those only name an account
			profiles[b.debtors[i]] = e.Debtor
		}
		for _, p := range e.Points {
			points[[2]string{b.debtors[i], p.ID}] = p
		}
	}
	var pr profileRows
	for _, id := range slices.Sorted(maps.Keys(profiles)) {
		pr.add(id, profiles[id])
	}
	if len(profiles) > 0 {
		if err := tx.q.PutProfiles(ctx, pr.PutProfilesParams); err != nil {
			return err
		}
	}
	var po pointRows
	for key, p := range points {
		po.add(key[0], p)
	}
	if len(points) == 0 {
		return nil
	}
	return tx.q.PutPointValues(ctx, po.PutPointValuesParams)
}

// judge answers for every entry and returns what is to be added, by debtor in the
// order of ids, and the debtors that learn something.
func (b *batch) judge() (all []addition, told []string) {
	add := map[string][]dunning.Fact{}
	for i, e := range b.entries {
		if b.refused(i) {
			continue
		}
		own := e.Facts[e.Main]
		own.Body = dunning.WithAccounts(own.Body, b.account[i])
		main, known := b.known[b.key(i, own)]
		if e.Undated {
			main.At = own.At
		}
		if known && !same(main, own) {
			b.refuse(i, RefusedContradiction)
			continue
		}
		b.results[i].State = ImportKnown
		for _, f := range e.Facts {
			key := b.key(i, f)
			if _, there := b.known[key]; there {
				continue
			}
			b.known[key], b.results[i].State = f, ImportUpdated
			if f.Account != "" {
				f.Account = b.account[i]
			}
			f.Body = dunning.WithAccounts(f.Body, b.account[i])
			add[b.debtors[i]] = append(add[b.debtors[i]], f)
		}
		if !known {
			b.results[i].State = ImportAdded
		}
	}
	told = slices.Sorted(maps.Keys(add))
	for _, id := range told {
		all = append(all, addition{id, add[id]})
	}
	return all, told
}

func (b *batch) key(i int, f dunning.Fact) sourceKey {
	return sourceKey{b.debtors[i], string(f.Body.Kind()), cleanText(f.Source)}
}

// same compares what two facts say and when. The body goes through JSON once, as the
// stored one did.
func same(stored, f dunning.Fact) bool {
	text, err := encodeJSON(f.Body)
	if err != nil {
		return false
	}
	body, err := dunning.DecodeBody(f.Body.Kind(), text)
	if err != nil {
		return false
	}
	was, err := encodeJSON(stored.Body)
	if err != nil {
		return false
	}
	stored.Body, err = dunning.DecodeBody(stored.Body.Kind(), was)
	return err == nil && stored.At.Equal(micros(f.At)) && reflect.DeepEqual(stored.Body, body)
}
