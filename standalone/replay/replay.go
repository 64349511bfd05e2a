// Package replay makes a script of a ledger: its debtors, invoices and payments, with
// their own dates, to go through the real engine under the rehearsal clock.
//
// It owns the configuration that surrounds the ledger, so that the engine and the
// simulator (duly simulate) are given the same. It plays nothing itself.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing/fstest"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

// Options of a replay, as duly simulate has them.
type Options struct {
	Config          fs.FS  // the configuration to start from
	Items           string // file
	Mapping         string // name in the configuration, or file
	Payments        string // file; "" none
	PaymentsMapping string
	Sequence        string // name in the configuration, or file; "": the configuration chooses
	NoPolicies      bool
	Until           string // day; "": a year after the last fact
}

// Replay is a ledger ready to be played.
type Replay struct {
	Files    fs.FS // configuration to publish
	Accounts []importer.AccountLedger
	// Problems are rows that were left out.
	Problems []importer.Problem
	creditor string
	// Begin and Until are the first instant and the last.
	Begin, Until time.Time
	zones        map[string]*time.Location // by account, for printing
}

// plainCreditor is who collects where the mapping names nobody: what duly simulate takes.
const plainCreditor = "creditor"

// Read reads everything.
func Read(o Options) (*Replay, error) {
	cfg, err := config.Load(o.Config)
	if err != nil {
		return nil, err
	}
	items, err := mappingOf(cfg, o.Mapping, mapping.Items)
	if err != nil {
		return nil, err
	}
	r := &Replay{zones: map[string]*time.Location{}, creditor: items.Creditor}
	if r.creditor == "" {
		r.creditor = plainCreditor
	}
	if err := r.ledger(cfg, items, o); err != nil {
		return nil, err
	}
	if r.Files, err = r.files(o, cfg, items); err != nil {
		return nil, err
	}
	return r, r.bounds(o.Until)
}

// mappingOf is a mapping by its name or file.
func mappingOf(cfg *config.Config, name string, kind mapping.Kind) (mapping.Mapping, error) {
	m, ok := cfg.Mapping(name)
	if !ok {
		text, err := os.ReadFile(name)
		if err != nil {
			return m, fmt.Errorf("mapping %s: no such mapping in the configuration, and no such file", name)
		}
		if m, err = config.LoadMapping(filepath.Base(name), text); err != nil {
			return m, err
		}
	}
	if m.Kind != kind {
		return m, fmt.Errorf("mapping %s is for files of %s, not of %s", name, m.Kind, kind)
	}
	return m, nil
}

// ledger reads the files as the simulator does.
func (r *Replay) ledger(cfg *config.Config, m mapping.Mapping, o Options) error {
	opts := importer.Options{Locate: importsink.Locate}
	if m.Creditor != "" {
		c, ok := cfg.Creditor(m.Creditor)
		if !ok {
			return fmt.Errorf("the mapping names creditor %s, which is not in the configuration", m.Creditor)
		}
		zone, err := time.LoadLocation(c.Zone)
		if err != nil {
			return err
		}
		opts.Creditor = importer.Creditor{ID: c.ID, Zone: zone, Currency: c.Currency}
	}
	in, err := os.Open(o.Items)
	if err != nil {
		return err
	}
	defer in.Close()
	var payments []importer.Input
	if o.Payments != "" {
		pm, err := mappingOf(cfg, o.PaymentsMapping, mapping.Payments)
		if err != nil {
			return err
		}
		file, err := os.Open(o.Payments)
		if err != nil {
			return err
		}
		defer file.Close()
		payments = append(payments, importer.Input{Reader: file, Mapping: pm})
	}
	r.Accounts, r.Problems, err = importer.Ledger(importer.Input{Reader: in, Mapping: m}, payments, opts)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(o.Items), err)
	}
	if len(r.Accounts) == 0 {
		return fmt.Errorf("%s: nothing in it can be played", filepath.Base(o.Items))
	}
	return nil
}

// files is the configuration to publish: the one sequence for every account, whatever it
// says it applies to, with or without policies, and the creditor.
func (r *Replay) files(o Options, cfg *config.Config, m mapping.Mapping) (fs.FS, error) {
	out := fstest.MapFS{}
	err := fs.WalkDir(o.Config, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if r.leftOut(o, name) {
			return nil
		}
		b, err := fs.ReadFile(o.Config, name)
		out[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.creditor == plainCreditor {
		out["creditors/"+plainCreditor+".yaml"] = &fstest.MapFile{Data: []byte(r.creditorFile(m))}
	}
	if o.Sequence == "" {
		return out, nil
	}
	id, text, err := sequence(cfg, o.Sequence)
	if err != nil {
		return nil, err
	}
	out["sequences/"+id+".yaml"] = &fstest.MapFile{Data: text}
	return out, nil
}

// leftOut drops what does not concern the ledger: other creditors may charge for steps
// that the one sequence does not have.
func (r *Replay) leftOut(o Options, name string) bool {
	switch path.Dir(name) {
	case "policies":
		return o.NoPolicies
	case "sequences":
		return o.Sequence != ""
	case "creditors":
		return name != "creditors/"+r.creditor+".yaml"
	}
	return false
}

// creditorFile is the creditor that the simulator makes up, with what messages show.
func (r *Replay) creditorFile(m mapping.Mapping) string {
	return fmt.Sprintf(`creditor: %s
name: Replayed Ledger
role: first_party
zone: %s
currency: %s
locale: en
ambiguity: strict
address: [Replayed Ledger, 1 Example Street, "Springfield, NY 10001"]
phone: +1 202 555 0100
email: accounts@ledger.example
website: https://ledger.example
payment_page: https://ledger.example/pay
senders:
  email: {from: accounts@ledger.example, name: Replayed Ledger, reply_to: accounts@ledger.example}
queues: {supervisor: supervisor, operations: operations}
`, plainCreditor, m.CreditorZone, r.Accounts[0].Currency)
}

// appliesWhen is the condition of a sequence file with its continuation lines.
var appliesWhen = regexp.MustCompile(`(?m)^applies_when:.*\n(?:[ \t]+\S.*\n)*`)

// sequence is the text of a sequence that applies to everybody.
func sequence(cfg *config.Config, name string) (id string, text []byte, err error) {
	file, text, ok := cfg.SequenceSource(name)
	if !ok {
		if text, err = os.ReadFile(name); err != nil {
			return "", nil, fmt.Errorf("sequence %s: no such sequence in the configuration, and no such file", name)
		}
		file = filepath.Base(name)
	}
	text = appliesWhen.ReplaceAll(text, nil)
	s, err := config.CompileSequence(path.Base(file), text)
	if err != nil {
		return "", nil, err
	}
	return s.ID, text, nil
}

// bounds finds the first and the last instant.
func (r *Replay) bounds(until string) error {
	var last time.Time
	for _, l := range r.Accounts {
		r.zones[l.Account] = l.Zone
		if zones := l.Debtor.Zones; len(zones) > 0 {
			z, err := time.LoadLocation(zones[0])
			if err != nil {
				return err
			}
			r.zones[l.Account] = z
		}
		if first := l.Facts[0].At; r.Begin.IsZero() || first.Before(r.Begin) {
			r.Begin = first
		}
		if at := l.Facts[len(l.Facts)-1].At; at.After(last) {
			last = at
		}
	}
	r.Until = last.AddDate(1, 0, 0)
	if until == "" {
		return nil
	}
	d, err := dunning.ParseDate(until)
	if err != nil {
		return fmt.Errorf("--until: %w", err)
	}
	r.Until = dunning.StartOfDay(d, r.Accounts[0].Zone)
	return nil
}

// Zone is where an account's debtor is, for printing.
func (r *Replay) Zone(account string) *time.Location {
	if z, ok := r.zones[account]; ok {
		return z
	}
	return time.UTC
}

// Key is the ledger's name of an account: its id in the simulator.
func (r *Replay) Key(creditorKey, currency string) string {
	for _, l := range r.Accounts {
		if l.Key == creditorKey && l.Currency == currency {
			return l.Account
		}
	}
	return creditorKey
}

// Prepare makes debtors and accounts known and writes the script.
func (r *Replay) Prepare(ctx context.Context, store *postgres.Store) error {
	rows := []postgres.Script{
		rehearse.Row(postgres.Audience, r.Begin, postgres.Audience, struct{}{}),
		rehearse.EndRow(r.Until),
	}
	for _, l := range r.Accounts {
		if err := r.known(ctx, store, l); err != nil {
			return fmt.Errorf("account %s: %w", l.Account, err)
		}
		rows = append(rows, r.rows(l)...)
	}
	_, err := store.AddScript(ctx, rows...)
	return err
}

// known makes a debtor, its contact points and its account known, as an import does.
func (r *Replay) known(ctx context.Context, store *postgres.Store, l importer.AccountLedger) error {
	d := l.Debtor
	id, err := store.PutDebtor(ctx, postgres.Profile{Creditor: r.creditor, Key: d.Key, Name: d.Name, Locale: d.Locale, Country: d.Country, Address: d.Address})
	if err != nil {
		return err
	}
	var points []postgres.Point
	for _, p := range d.Points {
		points = append(points, postgres.Point{ID: p.ID, Channel: p.Channel, Value: p.Value, Kind: p.Kind})
	}
	err = store.PutPoints(ctx, id, points...)
	_, err2 := store.PutAccount(ctx, postgres.Account{Debtor: id, Creditor: r.creditor, Key: l.Key, Currency: l.Currency})
	return errors.Join(err, err2)
}

// rows are an account's facts until the end, one a row, so that cases look at each; what
// is known before the first item is one row with it, for no case can be open yet.
func (r *Replay) rows(l importer.AccountLedger) []postgres.Script {
	id := postgres.AccountID(r.creditor, l.Key, l.Currency)
	var rows []postgres.Script
	var together []dunning.Fact
	begun := false
	for i, f := range l.Facts {
		if f.Account != "" {
			f.Account = id
		}
		together = append(together, f)
		_, item := f.Body.(dunning.Item)
		begun = begun || item
		if !begun && i+1 < len(l.Facts) || f.At.After(r.Until) {
			continue
		}
		rows = append(rows, rehearse.Row(fmt.Sprintf("%s/%06d", l.Account, i), f.At, rehearse.Facts, rehearse.FactsBody{Account: id, Facts: together}))
		together = nil
	}
	return rows
}

// Counted is how many facts are played.
func (r *Replay) Counted() (facts int) {
	for _, l := range r.Accounts {
		facts += len(l.Facts)
	}
	return facts
}

// Timeline is one with a name.
type Timeline struct{ Name, Text string }

// Compare writes the first differences of two timelines, line by line, and returns how
// many lines differ.
func Compare(w io.Writer, x, y Timeline, most int) (n int) {
	a, b := counted(x.Text), counted(y.Text)
	for _, side := range []struct {
		Timeline
		mine, other map[string]int
	}{{y, b, a}, {x, a, b}} {
		for line := range strings.Lines(side.Text) {
			if line = strings.TrimSpace(line); side.mine[line] <= side.other[line] {
				continue
			}
			side.mine[line]--
			if n++; n <= most {
				_, _ = fmt.Fprintf(w, "%s only: %s\n", side.Name, line)
			}
		}
	}
	return n
}

// Undated is a timeline without instants and without what was put off: what happened to
// whom, in order, whatever the lateness.
func Undated(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, `"kind":"deferred"`) {
			continue
		}
		b.WriteString(instants.ReplaceAllString(line, ""))
	}
	return b.String()
}

// instants are the members of a line that hold one.
var instants = regexp.MustCompile(`"at":"[^"]*",|,"not_before":("[^"]*"|null)`)

func counted(text string) map[string]int {
	lines := map[string]int{}
	for line := range strings.Lines(text) {
		lines[strings.TrimSpace(line)]++
	}
	return lines
}
