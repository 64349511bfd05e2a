package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/simulate"
)

// backtestFlags are the flags of backtest.
type backtestFlags struct {
	simulateFlags
	people int
	list   int
}

// backtestCmd lives through what really happened with a draft and with what is in force. It
// exits with 1 when the draft would break a rule in force, or the ledger is not what the
// configuration in force makes of it.
func (a *app) backtestCmd() *cobra.Command {
	var f backtestFlags
	cmd := &cobra.Command{
		Use:   "backtest DIR",
		Short: "Live through last year again with a draft of the configuration, and with the one in force",
		Long: `Plays real debts and real payment dates through the configuration in DIR (a draft) and through the one in force, and prints for each
sequence and step: contacts by channel, what rules put off, cost in SMS segments and letters, first and last dates, and what differs.
Nothing is sent or stored.

The debts are those of the database of DATABASE_URL, as they were known at --from and with everything that came from outside since; or, with
--items, those of files, as duly simulate takes them. In force is what is published, else what --config names, else what is shipped.

Of the database, the ledger is compared too: what really happened against what the configuration in force makes of it. A difference is
"changed" (another configuration was in force then), "late" (the same on a later day: an outage, a limit of pace) or "wrong".
Each contact of the draft is judged by the contact policies in force: one that they forbid is a violation.

Exit status: 0 well · 1 a violation, or something wrong in the ledger · 2 wrong usage or input.
With --output json each violation and difference is one line, and the last line is the summary.`,
		Args: args("DIR"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.backtest(cmd.Context(), given[0], f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.items, "items", "", "file of invoices, instead of the database")
	fl.StringVar(&f.mapping, "mapping", "items", "name or file of the mapping of --items")
	fl.StringVar(&f.payments, "payments", "", "file of payments")
	fl.StringVar(&f.paymentsMapping, "payments-mapping", "payments", "name or file of the mapping of --payments")
	fl.StringVar(&f.creditor, "creditor", "", "id of the creditor (default: the mapping's; of the database all)")
	fl.StringVar(&f.sequence, "sequence", "", "id of a sequence that both follow (default: the configurations choose)")
	fl.StringVar(&f.from, "from", "", "day on which it begins, YYYY-MM-DD (default: a year ago; of files the first fact)")
	fl.StringVar(&f.until, "until", "", "day on which it ends, YYYY-MM-DD (default: now; of files a year after the last fact)")
	fl.StringVar(&f.policies, "policies", "", `"none" leaves contact policies out`)
	fl.IntVar(&f.people, "people", 24, "hours after which people end a task that there was not really; 0 = never")
	fl.IntVar(&f.list, "list", 20, "how many differences are printed as text; --output json has all")
	return cmd
}

// backtested is the summary: what backtest prints last.
type backtested struct {
	Type        string           `json:"type"` // summary
	Accounts    int              `json:"accounts"`
	From        time.Time        `json:"from,omitzero"`
	Until       time.Time        `json:"until,omitzero"`
	InForce     simulate.Totals  `json:"in_force"`
	Draft       simulate.Totals  `json:"draft"`
	Really      *simulate.Totals `json:"ledger,omitempty"` // what really happened
	Differences map[string]int   `json:"differences"`      // from in force to the draft: moved, vanished, new
	Ledger      map[string]int   `json:"against_ledger,omitempty"`
	Violations  int              `json:"violations"`
}

// violation is a contact of the draft that a rule in force forbids.
type violation struct {
	Type     string          `json:"type"` // violation
	Account  string          `json:"account"`
	At       time.Time       `json:"at"`
	Step     string          `json:"step"`
	Channel  dunning.Channel `json:"channel"`
	Rule     string          `json:"rule"`
	Citation string          `json:"citation,omitempty"`
}

// differing is a difference as it is printed.
type differing struct {
	Type    string `json:"type"`              // difference: in force against draft; ledger: what happened against in force
	Verdict string `json:"verdict,omitempty"` // of the ledger
	simulate.Difference
}

// bench is a backtest under way.
type bench struct {
	*app
	ctx           context.Context
	f             backtestFlags
	force, draft  *config.Config
	judge         bool // the draft's contacts by the policies in force
	sums          [3]simulate.Tally
	out           backtested
	listed        int
	bar           *progressbar.ProgressBar
	ledgerCompare bool
	segments      map[segmentKey]int
}

type segmentKey struct {
	cfg                        *config.Config
	creditor, template, locale string
}

// trial is one account to live through twice.
type trial struct {
	account func(cfg *config.Config) (simulate.Account, error)
	until   time.Time
	zone    *time.Location
	// really is what happened; nil for files. changed says whether another configuration was
	// in force then; it is asked only where something differs.
	really  *simulate.Life
	changed func() (bool, error)
	tasks   map[string]bool // that there really were
}

func (a *app) backtest(ctx context.Context, dir string, f backtestFlags) error {
	switch {
	case f.policies != "" && f.policies != "none":
		return usagef("--policies is none or left out")
	case f.items == "" && f.payments != "":
		return usagef("--payments goes with --items")
	case f.people < 0 || f.people > 8760:
		return usagef("--people is between 0 and 8760 hours, not %d", f.people)
	}
	draft, err := loadDir(dir)
	if err != nil {
		return err
	}
	b := &bench{app: a, ctx: ctx, f: f, draft: draft, segments: map[segmentKey]int{}, out: backtested{Type: "summary", Differences: map[string]int{}}}
	published := a.env.Getenv("DATABASE_URL") != "" || a.env.Getenv("DATABASE_URL_FILE") != ""
	switch {
	case f.items == "":
		err = a.withStore(ctx, b.database)
	case published && a.dir == "":
		err = a.withStore(ctx, func(store *postgres.Store) error {
			if b.force, err = a.configOf(ctx, store); err != nil {
				return err
			}
			return b.files()
		})
	default:
		if b.force, err = a.config(); err == nil {
			err = b.files()
		}
	}
	if err != nil {
		return err
	}
	return b.finish()
}

// check makes sure that both configurations have what was named.
func (b *bench) check() error {
	for _, cfg := range []*config.Config{b.force, b.draft} {
		if b.f.sequence != "" && cfg.Sequence(b.f.sequence) == nil {
			return unknown("sequence", b.f.sequence, sequenceIDs(cfg))
		}
	}
	b.judge = b.f.policies != "none" && b.force.PolicyVersions() != b.draft.PolicyVersions()
	return nil
}

// finish prints the summary.
func (b *bench) finish() error {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
	b.out.InForce, b.out.Draft = b.sums[0].Totals(), b.sums[1].Totals()
	b.out.Accounts = b.out.InForce.Accounts
	if b.ledgerCompare {
		really := b.sums[2].Totals()
		b.out.Really = &really
	}
	if err := b.print(b.out, func(w io.Writer) { printBacktest(w, b.out) }); err != nil {
		return err
	}
	if b.out.Violations > 0 || b.out.Ledger[simulate.Wrong] > 0 {
		return errFound
	}
	return nil
}

// files lives through the accounts of files.
func (b *bench) files() error {
	if err := b.check(); err != nil {
		return err
	}
	ledgers, _, err := b.ledgers(b.force, b.f.simulateFlags)
	if err != nil {
		return err
	}
	if len(ledgers) == 0 {
		return fmt.Errorf("%s holds no account that can be read", b.f.items)
	}
	last := lastFact(ledgers)
	return b.run(len(ledgers), int64(len(ledgers)), func(i int) (trial, error) { return b.ofFile(ledgers[i], last) })
}

func (b *bench) ofFile(l importer.AccountLedger, last time.Time) (trial, error) {
	t := trial{zone: l.Zone}
	if len(l.Debtor.Zones) > 0 {
		if z, err := time.LoadLocation(l.Debtor.Zones[0]); err == nil {
			t.zone = z
		}
	}
	t.account = func(cfg *config.Config) (acc simulate.Account, err error) {
		f := b.f.simulateFlags
		w, err := newWorld(cfg, f)
		if err != nil {
			return acc, err
		}
		m, err := mappingOf(b.force, f.mapping, "")
		if err != nil {
			return acc, err
		}
		importing, err := creditorOf(b.force, m, f.creditor, true)
		if err != nil {
			return acc, err
		}
		w.setup.Creditor = coreCreditor(cfg, importing.ID, m)
		acc, t.until, err = w.account(l, f, last)
		return acc, err
	}
	_, err := t.account(b.force) // for its end
	return t, err
}

// run lives through n trials under both configurations, and adds up what comes of them.
func (b *bench) run(n int, total int64, trialOf func(i int) (trial, error)) error {
	trials, found := make([]trial, n), make([][]violation, n)
	events := make([]simulate.Life, n)
	account := func(i int) (simulate.Account, time.Time, error) {
		at, cfg := i/2, b.force
		if i%2 == 1 {
			cfg = b.draft
		}
		t, err := trialOf(at)
		if err != nil {
			return simulate.Account{}, time.Time{}, err
		}
		acc, err := t.account(cfg)
		if i%2 == 0 {
			trials[at] = t
		} else if b.judge {
			acc.Watch = b.violations(&found[at])
		}
		if b.f.people > 0 {
			acc.React = simulate.Diligent(time.Duration(b.f.people)*time.Hour, t.tasks)
		}
		return acc, t.until, err
	}
	return simulate.Each(b.ctx, 2*n, account, func(i int, l simulate.Life) error {
		at := i / 2
		b.sums[i%2].Segments = b.segmentsOf([]*config.Config{b.force, b.draft}[i%2], l.Final.Creditor.ID)
		b.sums[i%2].Add(l)
		if i%2 == 0 {
			events[at] = l
			return nil
		}
		b.progress(total)
		err := b.pair(trials[at], events[at], l, found[at])
		events[at], trials[at] = simulate.Life{}, trial{} // a year of a big portfolio does not stay in memory
		return err
	})
}

// violations judges what the draft sends by the policies in force.
func (b *bench) violations(found *[]violation) func(f *dunning.Facts, d *dunning.Decision) {
	policies := b.force.Policies()
	return func(f *dunning.Facts, d *dunning.Decision) {
		if d.Contact == nil || !d.Due() {
			return
		}
		c := d.Contact
		v := policies.Check(f.Asked(d.At, dunning.Ask{Channel: c.Channel, Purpose: c.Purpose, Automated: true, Point: c.Point, Ignore: c.ID}))
		if v.Allowed || v.Rule == "" {
			return
		}
		*found = append(*found, violation{"violation", f.Account, d.At, c.Step, c.Channel, v.Rule, policies.Citation(v.Rule)})
	}
}

// pair compares the two lives of an account, and what really happened.
func (b *bench) pair(t trial, force, draft simulate.Life, found []violation) error {
	for _, v := range found {
		v.At = v.At.In(t.zone)
		b.out.Violations++
		if err := b.tell(v, fmt.Sprintf("violation  %s  %s %s %s: %s %s", v.Account, v.At.Format(minute), v.Channel, v.Step, v.Rule, v.Citation)); err != nil {
			return err
		}
	}
	for _, d := range simulate.Compare(force.Events(), draft.Events()) {
		b.out.Differences[d.What]++
		if err := b.tell(differing{"difference", "", inZone(d, t.zone)}, "draft      "+differenceText(d, t.zone)); err != nil {
			return err
		}
	}
	if t.really == nil {
		return nil
	}
	b.sums[2].Segments = b.sums[0].Segments
	b.sums[2].Add(*t.really)
	return b.against(t, simulate.Compare(t.really.Events(), force.Events()))
}

// against judges what differs from the ledger.
func (b *bench) against(t trial, all []simulate.Difference) error {
	if len(all) == 0 {
		return nil
	}
	changed, err := t.changed()
	if err != nil {
		return err
	}
	for _, d := range all {
		verdict, differs := simulate.Judge(d, changed, t.zone)
		if !differs {
			continue
		}
		b.out.Ledger[verdict]++
		if err := b.tell(differing{"ledger", verdict, inZone(d, t.zone)}, fmt.Sprintf("ledger     %-8s %s", verdict, differenceText(d, t.zone))); err != nil {
			return err
		}
	}
	return nil
}

const minute = "2006-01-02 15:04"

func inZone(d simulate.Difference, zone *time.Location) simulate.Difference {
	if !d.Before.IsZero() {
		d.Before = d.Before.In(zone)
	}
	if !d.After.IsZero() {
		d.After = d.After.In(zone)
	}
	return d
}

func differenceText(d simulate.Difference, zone *time.Location) string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.In(zone).Format(minute)
	}
	return fmt.Sprintf("%-8s %s  %s %s %s  %s → %s", d.What, d.Account, d.Kind, d.Channel, d.Step, at(d.Before), at(d.After))
}

// tell prints one finding: as JSON always, as text the first few.
func (b *bench) tell(v any, text string) error {
	if b.output == "json" {
		return json.NewEncoder(b.env.Stdout).Encode(v)
	}
	if b.listed++; b.listed > b.f.list {
		if b.listed == b.f.list+1 {
			_, _ = fmt.Fprintln(b.env.Stdout, "… the others with --list N or --output json")
		}
		return nil
	}
	_, err := fmt.Fprintln(b.env.Stdout, text)
	return err
}

// progress shows a person how far it is; total 0: not known.
func (b *bench) progress(total int64) {
	if !b.env.Terminal {
		return
	}
	if b.bar == nil {
		if total == 0 {
			total = -1
		}
		b.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.env.Stderr),
			progressbar.OptionSetDescription("accounts"), progressbar.OptionClearOnFinish())
	}
	_ = b.bar.Add(1)
}

// segmentsOf is what text messages of a creditor come to. Each template is filled in once.
func (b *bench) segmentsOf(cfg *config.Config, creditor string) func(c dunning.ContactPlanned, locale string) int {
	return func(c dunning.ContactPlanned, locale string) int {
		k := segmentKey{cfg, creditor, c.Template, locale}
		n, ok := b.segments[k]
		if !ok {
			n = 1 // also for a creditor that the configuration does not have, as of a ledger
			if p, err := cfg.Preview(creditor, dunning.SMS, c.Template, locale); err == nil {
				n = max(1, p.SMS.Segments)
			}
			b.segments[k] = n
		}
		return n
	}
}

// --- of the database ---------------------------------------------------------------

// accountsAtOnce is how many accounts of the database are lived through at once.
const accountsAtOnce = 200

func (b *bench) database(store *postgres.Store) (err error) {
	if b.force, err = b.configOf(b.ctx, store); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	at, err := now(b.ctx, store)
	if err != nil {
		return err
	}
	if b.out.From, b.out.Until, err = b.span(at); err != nil {
		return err
	}
	b.ledgerCompare, b.out.Ledger = true, map[string]int{}
	cursor := ""
	for {
		page, err := store.Accounts(b.ctx, cursor, accountsAtOnce)
		if err != nil || len(page) == 0 {
			return err
		}
		cursor = page[len(page)-1].ID
		var mine []postgres.Account
		for _, x := range page {
			if b.f.creditor == "" || x.Creditor == b.f.creditor {
				mine = append(mine, x)
			}
		}
		if err := b.run(len(mine), 0, func(i int) (trial, error) { return b.ofStore(store, mine[i]) }); err != nil {
			return err
		}
	}
}

// span is the year that is lived through, in UTC where days are named.
func (b *bench) span(at time.Time) (from, until time.Time, err error) {
	from, until = at.AddDate(-1, 0, 0), at
	if b.f.from != "" {
		if from, err = instant(b.f.from, time.UTC); err != nil {
			return from, until, usagef("--from: %w", err)
		}
	}
	if b.f.until != "" {
		if until, err = instant(b.f.until, time.UTC); err != nil {
			return from, until, usagef("--until: %w", err)
		}
	}
	switch {
	case until.After(at):
		return from, until, usagef("--until lies ahead: what has not happened yet is for duly simulate and the simulator's page")
	case !from.Before(until):
		return from, until, usagef("--from must come before --until")
	}
	return from, until, nil
}

// ofStore makes a trial of an account of the database.
func (b *bench) ofStore(store *postgres.Store, x postgres.Account) (trial, error) {
	log, err := store.FactsAsOf(b.ctx, x.Debtor, 1<<62)
	if err != nil {
		return trial{}, err
	}
	h := simulate.Split(within(log, b.out.Until), x.ID, b.out.From)
	t := trial{until: b.out.Until.Add(-time.Nanosecond), zone: time.UTC, tasks: h.Tasks}
	for _, f := range log {
		if known, ok := f.Body.(dunning.DebtorKnown); ok && len(known.Zones) > 0 {
			if z := zones(known.Zones[0]); z != nil {
				t.zone = z
			}
		}
	}
	t.account = func(cfg *config.Config) (simulate.Account, error) { return b.again(cfg, x, h) }
	acc, err := t.account(b.force)
	if err != nil {
		return t, err
	}
	really, err := simulate.Ledger(acc.Setup, within(log, b.out.Until), b.out.From, b.out.Until)
	t.really = &really
	t.changed = func() (bool, error) { return b.otherConfig(store, h) }
	return t, err
}

var zones = zoneCache()

// within are the facts before an instant.
func within(log []dunning.Fact, until time.Time) []dunning.Fact {
	var out []dunning.Fact
	for _, x := range log {
		if x.At.Before(until) {
			out = append(out, x)
		}
	}
	return out
}

// again is an account that is lived through again from what was known.
func (b *bench) again(cfg *config.Config, x postgres.Account, h simulate.History) (simulate.Account, error) {
	cr, ok := cfg.Creditor(x.Creditor)
	if !ok {
		return simulate.Account{}, usagef(
			"a configuration has no creditor %q, who has accounts in the database: add creditors/%s.yaml, or choose another with --creditor", x.Creditor, x.Creditor)
	}
	w, err := newWorld(cfg, b.f.simulateFlags)
	if err != nil {
		return simulate.Account{}, err
	}
	s := w.setup
	s.Creditor, s.Debtor, s.Account, s.Case, s.Currency = cr.Creditor, x.Debtor, x.ID, h.Case, x.Currency
	if b.f.sequence == "" && h.Sequence != "" {
		if s.Sequence = cfg.Sequence(h.Sequence); s.Sequence == nil {
			s.Sequence = &dunning.Sequence{} // the draft has it no more: its cases stand still, which shows as vanished
		}
	}
	return simulate.Account{
		Setup: s, Past: h.Past, Begin: b.out.From, Facts: h.Facts, Commands: h.Commands, Reply: h.Reply, Cases: h.Cases, Choose: w.choose,
	}, nil
}

// otherConfig reports whether the cases of an account followed another sequence version,
// policies or core than those that the backtest takes to be in force.
func (b *bench) otherConfig(store *postgres.Store, h simulate.History) (bool, error) {
	cases := h.Cases
	if h.Case != "" {
		cases = append([]string{h.Case}, cases...)
	}
	for _, v := range h.Versions {
		if !b.inForce(v) {
			return true, nil
		}
	}
	for _, id := range cases {
		all, err := store.Decisions(b.ctx, id)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
		for _, d := range all {
			if d.Core != dunning.CoreVersion || d.Policies != b.force.PolicyVersions() || d.Decision.Sequence != "" && !b.inForce(d.Decision.Sequence) {
				return true, nil
			}
		}
	}
	return false, nil
}

// inForce reports whether id@version is the version in force.
func (b *bench) inForce(v string) bool {
	for _, s := range b.force.Sequences() {
		if s.ID+"@"+s.Version == v {
			return true
		}
	}
	return false
}
