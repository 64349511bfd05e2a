package rehearse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
)

// Kinds of rows that this package plays.
const (
	// Facts adds facts of one account, one after another: FactsBody.
	Facts = "facts"
	// Import imports a file: ImportBody.
	Import = "import"
	// Do carries out a command: DoBody.
	Do = "do"
	// End is where the rehearsal ends; it has no body.
	End = "end"
)

// FactsBody is the body of a row of kind Facts.
type FactsBody struct {
	Account string         `json:"account"` // id
	Facts   []dunning.Fact `json:"facts"`
}

// ImportBody is the body of a row of kind Import.
type ImportBody struct {
	Creditor string `json:"creditor"`
	Mapping  string `json:"mapping"` // id in the published configuration
	CSV      string `json:"csv"`
}

// DoBody is the body of a row of kind Do.
type DoBody struct {
	Account string          `json:"account"` // id
	By      string          `json:"by"`
	Command string          `json:"command"` // see dunning.CommandNames
	Args    json.RawMessage `json:"args"`
}

// ownActs are the acts of this package.
func ownActs() map[string]Act {
	return map[string]Act{
		Facts:  {Play: playFacts},
		Do:     {Play: playDo},
		Import: {Alone: true, Play: playImport},
		Reply:  {Play: playReply},
		Feed:   {Alone: true, Play: playFeed},
		End:    {Alone: true, Play: playEnd},
	}
}

// Row makes a row with a body that can always be written as JSON.
func Row(key string, at time.Time, kind string, body any) postgres.Script {
	text, err := json.Marshal(body)
	if err != nil { // bodies are plain structs of this program
		panic(fmt.Sprintf("script row %s: %v", key, err))
	}
	return postgres.Script{Key: key, At: at, Kind: kind, Body: text}
}

// EndRow is the row at which a rehearsal ends.
func EndRow(at time.Time) postgres.Script { return Row("~end", at, End, struct{}{}) }

// playEnd tells that everything before is done, and leaves the row, so that business
// time stands still for whoever draws up the balance.
func playEnd(_ context.Context, p *Player, _ postgres.Script) ([]postgres.Script, error) {
	p.endOnce.Do(func() { close(p.ended) })
	return nil, errNotYet
}

// EndDone lets business time go on after Ended.
func (p *Player) EndDone(ctx context.Context) error { return p.o.Store.ScriptDone(ctx, "~end") }

// playFacts adds facts that arrive from outside.
func playFacts(ctx context.Context, p *Player, row postgres.Script) ([]postgres.Script, error) {
	var b FactsBody
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return nil, err
	}
	_, err := p.Write(ctx, b.Account, func(dunning.Facts, time.Time) ([]dunning.Fact, error) { return b.Facts, nil })
	for _, f := range b.Facts {
		p.tell(Event{At: row.At, Account: p.keyOf(ctx, b.Account), What: string(f.Body.Kind())})
	}
	return nil, err
}

// playDo carries out a command as it is written.
func playDo(ctx context.Context, p *Player, row postgres.Script) ([]postgres.Script, error) {
	var b DoBody
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return nil, err
	}
	cmd, err := dunning.DecodeCommand(b.Command, b.Args)
	if err != nil {
		return nil, err
	}
	p.tell(Event{At: row.At, Account: p.keyOf(ctx, b.Account), What: b.Command})
	_, err = p.Command(ctx, b.Account, b.By, cmd)
	return nil, err
}

// playImport imports a file by a mapping of the published configuration, as "duly import
// items" does.
func playImport(ctx context.Context, p *Player, row postgres.Script) ([]postgres.Script, error) {
	var b ImportBody
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "duly-rehearsal-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "items.csv")
	if err := os.WriteFile(file, []byte(b.CSV), 0o600); err != nil {
		return nil, err
	}
	sum, err := p.importFile(ctx, b, file, row.At)
	if err != nil {
		return nil, err
	}
	if sum.Rejected > 0 {
		return nil, fmt.Errorf("%d of %d rows were rejected: %v", sum.Rejected, sum.Rows, sum.Problems)
	}
	p.tell(Event{At: row.At, What: "import", Detail: fmt.Sprintf("%d invoices of %d accounts", sum.Valid, sum.Accounts)})
	return nil, nil
}

func (p *Player) importFile(ctx context.Context, b ImportBody, file string, at time.Time) (importer.Summary, error) {
	cfg, err := p.o.Book.Current(ctx)
	if err != nil {
		return importer.Summary{}, err
	}
	m, ok := cfg.Mapping(b.Mapping)
	c, known := cfg.Creditor(b.Creditor)
	if !ok || !known {
		return importer.Summary{}, fmt.Errorf("mapping %q or creditor %q is not in the published configuration", b.Mapping, b.Creditor)
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return importer.Summary{}, err
	}
	return importer.Run(ctx, importer.Job{
		File: file, Mapping: m, At: at, Sink: importsink.New(p.o.Store),
		Options: importer.Options{Creditor: importer.Creditor{ID: c.ID, Zone: zone, Currency: c.Currency}, Locate: importsink.Locate},
	})
}

// Write adds facts about an account through its newest case, if it has one.
func (p *Player) Write(ctx context.Context, account string, make func(dunning.Facts, time.Time) ([]dunning.Fact, error)) (time.Time, error) {
	ref, err := p.Ref(ctx, account)
	if err != nil {
		return time.Time{}, err
	}
	res, err := p.commands.Write(ctx, ref, make)
	return res.At, p.refusal(err)
}

// Command carries out a command on an account. One that the core refuses is counted and
// is no error: debtors and staff are told no like anybody else.
func (p *Player) Command(ctx context.Context, account, by string, cmd dunning.Command) (time.Time, error) {
	ref, err := p.Ref(ctx, account)
	if err != nil {
		return time.Time{}, err
	}
	res, err := p.commands.DoAccount(ctx, ref, cmd, by)
	return res.At, p.refusal(err)
}

// refusal counts refusals of the core and lets through what is technical.
func (p *Player) refusal(err error) error {
	if !errors.Is(err, dunning.ErrConflict) && !errors.Is(err, dunning.ErrInvalid) && !errors.Is(err, dunning.ErrUnknown) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused++
	return nil
}

// Ref names an account's newest case, or the account alone.
func (p *Player) Ref(ctx context.Context, account string) (dunning.CaseRef, error) {
	a, err := p.Account(ctx, account)
	if err != nil {
		return dunning.CaseRef{}, err
	}
	cases, err := p.o.Store.CasesOf(ctx, a.Debtor)
	if err != nil {
		return dunning.CaseRef{}, err
	}
	cases = slices.DeleteFunc(cases, func(c dunning.CaseRef) bool { return c.Account != account })
	if len(cases) > 0 {
		return cases[len(cases)-1], nil
	}
	return dunning.CaseRef{Account: a.ID, Debtor: a.Debtor, Creditor: a.Creditor, Currency: a.Currency}, nil
}

// Account by its id. Accounts do not change, so each is read once.
func (p *Player) Account(ctx context.Context, id string) (postgres.Account, error) {
	p.mu.Lock()
	a, ok := p.accounts[id]
	p.mu.Unlock()
	if ok {
		return a, nil
	}
	a, err := p.o.Store.Account(ctx, id)
	if err != nil {
		return a, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accounts[id] = a
	return a, nil
}

// debtorOf is the debtor whose account a row names.
func (p *Player) debtorOf(ctx context.Context, row postgres.Script) (string, error) {
	var b struct {
		Account string `json:"account"`
	}
	if err := json.Unmarshal(row.Body, &b); err != nil || b.Account == "" {
		return "", fmt.Errorf("script row %s of kind %s names no account", row.Key, row.Kind)
	}
	a, err := p.Account(ctx, b.Account)
	if err != nil {
		return "", fmt.Errorf("script row %s: %w", row.Key, err)
	}
	return a.Debtor, nil
}

// keyOf is the creditor's key of an account, for people who watch.
func (p *Player) keyOf(ctx context.Context, account string) string {
	a, err := p.Account(ctx, account)
	if err != nil {
		return ""
	}
	return a.Key
}
