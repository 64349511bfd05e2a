package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/simulate"
)

// simulateFlags are the flags of simulate.
type simulateFlags struct {
	sequence, items, mapping, payments, paymentsMapping, facts string
	creditor, from, until, policies                            string
}

// simulateCmd lives through accounts under a simulated clock. It never exits with 1.
func (a *app) simulateCmd() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Live through accounts under a simulated clock and print what would happen",
		Long: `Plays items and payments, or the facts of a single case, through the same core as in production and prints the timeline.
Nothing is sent or stored. Each message is taken to be accepted at once, unless a facts file says otherwise.
With --output json one event a line in time order. Days (--from, --until) begin at midnight in the creditor's zone.
Payments with a date and no time post at 12:00 in the creditor's zone.`,
		Args: args(),
		RunE: func(*cobra.Command, []string) error { return a.simulate(f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.sequence, "sequence", "", "sequence file, or id of a sequence of the configuration (default: the configuration chooses)")
	fl.StringVar(&f.items, "items", "", "file of invoices")
	fl.StringVar(&f.mapping, "mapping", "items", "name or file of the mapping of --items")
	fl.StringVar(&f.payments, "payments", "", "file of payments")
	fl.StringVar(&f.paymentsMapping, "payments-mapping", "payments", "name or file of the mapping of --payments")
	fl.StringVar(&f.facts, "facts", "", "facts of a single case (docs/schemas/facts-v1.json), instead of --items")
	fl.StringVar(&f.creditor, "creditor", "", "id of the creditor (default: the mapping's)")
	fl.StringVar(&f.from, "from", "", "day before which nothing is decided, YYYY-MM-DD (default: the first fact)")
	fl.StringVar(&f.until, "until", "", "day on which the simulation ends, YYYY-MM-DD (default: a year after the last fact)")
	fl.StringVar(&f.policies, "policies", "", `"none" leaves contact policies out`)
	return cmd
}

func (a *app) simulate(f simulateFlags) error {
	switch {
	case (f.items == "") == (f.facts == ""):
		return usagef("simulate needs --items FILE or --facts FILE, one of the two")
	case f.facts != "" && f.payments != "":
		return usagef("--payments goes with --items; a facts file has its payments inside")
	case f.policies != "" && f.policies != "none":
		return usagef("--policies is none or left out; to try other policies, name their directory with --config")
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	world, err := newWorld(cfg, f)
	if err != nil {
		return err
	}
	if f.facts != "" {
		return a.simulateFacts(world, f)
	}
	return a.simulateLedger(world, cfg, f)
}

// world is what surrounds every account of a simulation.
type world struct {
	setup  dunning.Setup
	choose func(dunning.View) *dunning.Sequence
}

func newWorld(cfg *config.Config, f simulateFlags) (world, error) {
	w := world{setup: dunning.Setup{Zone: zoneCache(), Holiday: cfg.Holiday}}
	if f.policies != "none" {
		w.setup.Policies = cfg.Policies()
	}
	if f.sequence == "" {
		// Until one is chosen an account follows a sequence without steps.
		w.choose, w.setup.Sequence = cfg.Select, &dunning.Sequence{}
		return w, nil
	}
	if w.setup.Sequence = cfg.Sequence(f.sequence); w.setup.Sequence != nil {
		return w, nil
	}
	text, err := os.ReadFile(f.sequence)
	if err != nil {
		if !strings.ContainsAny(f.sequence, `/\.`) {
			return w, unknown("sequence", f.sequence, sequenceIDs(cfg))
		}
		return w, usageError{err}
	}
	w.setup.Sequence, err = config.CompileSequence(filepath.Base(f.sequence), text)
	return w, err
}

func sequenceIDs(cfg *config.Config) []string {
	var ids []string
	for _, s := range cfg.Sequences() {
		ids = append(ids, s.ID)
	}
	return ids
}

// zoneCache resolves zones, reading each of them once.
func zoneCache() func(string) *time.Location {
	var known sync.Map
	return func(name string) *time.Location {
		if z, ok := known.Load(name); ok {
			return z.(*time.Location)
		}
		z, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			z = nil
		}
		known.Store(name, z)
		return z
	}
}

// simulateFacts lives through the single case of a facts file.
func (a *app) simulateFacts(w world, f simulateFlags) error {
	in, err := a.input(f.facts)
	if err != nil {
		return err
	}
	defer in.Close()
	file, err := simulate.ReadFile(in)
	if err != nil {
		return err
	}
	if f.from != "" {
		file.From = f.from
	}
	if f.until != "" {
		file.Until = f.until
	}
	acc, until, err := file.Compile(simulate.Environment{Sequence: w.setup.Sequence, Setup: w.setup})
	if err != nil {
		return err
	}
	acc.Choose = w.choose
	zone := w.setup.Zone(firstOf(file.Debtor.Zones, file.Creditor.Zone))
	if err := notBefore(&acc, file.From, zone); err != nil {
		return err
	}
	return a.live([]simulate.Account{acc}, []time.Time{until}, map[string]*time.Location{acc.Setup.Account: zone})
}

func firstOf(names []string, otherwise string) string {
	if len(names) > 0 {
		return names[0]
	}
	if otherwise == "" {
		return "UTC"
	}
	return otherwise
}

// notBefore keeps an account from deciding before a day.
func notBefore(acc *simulate.Account, day string, zone *time.Location) error {
	if day == "" || len(acc.Facts) == 0 {
		return nil
	}
	from, err := instant(day, zone)
	if err != nil {
		return usagef("--from: %w", err)
	}
	if first := acc.Facts[0].At; first.Before(from) {
		acc.Outages = append(acc.Outages, simulate.Interval{From: first, Until: from})
	}
	return nil
}

// instant reads a day, which begins in zone, or an RFC 3339 instant.
func instant(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	d, err := dunning.ParseDate(text)
	if err != nil {
		return time.Time{}, err
	}
	return dunning.StartOfDay(d, zone), nil
}

// simulateLedger lives through every account of a ledger.
func (a *app) simulateLedger(w world, cfg *config.Config, f simulateFlags) error {
	ledgers, creditor, err := a.ledgers(cfg, f)
	if err != nil {
		return err
	}
	w.setup.Creditor = creditor
	accounts := make([]simulate.Account, len(ledgers))
	ends := make([]time.Time, len(ledgers))
	zones := map[string]*time.Location{}
	last := lastFact(ledgers)
	for i, l := range ledgers {
		if accounts[i], ends[i], err = w.account(l, f, last); err != nil {
			return err
		}
		zones[l.Account] = l.Zone
		if len(l.Debtor.Zones) > 0 {
			zones[l.Account] = w.setup.Zone(l.Debtor.Zones[0])
		}
	}
	return a.live(accounts, ends, zones)
}

// ledgers reads the files. Rows that are refused are said to Stderr; the
// others are simulated.
func (a *app) ledgers(cfg *config.Config, f simulateFlags) ([]importer.AccountLedger, dunning.Creditor, error) {
	m, err := mappingOf(cfg, f.mapping, mapping.Items)
	if err != nil {
		return nil, dunning.Creditor{}, err
	}
	importing, err := creditorOf(cfg, m, f.creditor, true)
	if err != nil {
		return nil, dunning.Creditor{}, err
	}
	in, err := a.input(f.items)
	if err != nil {
		return nil, dunning.Creditor{}, err
	}
	defer in.Close()
	var payments []importer.Input
	if f.payments != "" {
		pm, err := mappingOf(cfg, f.paymentsMapping, mapping.Payments)
		if err != nil {
			return nil, dunning.Creditor{}, err
		}
		pays, err := a.input(f.payments)
		if err != nil {
			return nil, dunning.Creditor{}, err
		}
		defer pays.Close()
		payments = append(payments, importer.Input{Reader: pays, Mapping: pm})
	}
	out, problems, err := importer.Ledger(importer.Input{Reader: in, Mapping: m}, payments, importer.Options{Creditor: importing, Locate: importsink.Locate})
	for _, p := range problems {
		_, _ = fmt.Fprintln(a.env.Stderr, "duly: left out:", p)
	}
	if err != nil {
		return nil, dunning.Creditor{}, fmt.Errorf("%s: %w", filepath.Base(f.items), err)
	}
	return out, coreCreditor(cfg, importing.ID, m), nil
}

// coreCreditor is the configured creditor, or a plain one in the mapping's zone.
func coreCreditor(cfg *config.Config, id string, m mapping.Mapping) dunning.Creditor {
	if c, ok := cfg.Creditor(id); ok && id != "" {
		c.Stale = 0 // a ledger is complete: there is no feed to wait for
		return c.Creditor
	}
	return dunning.Creditor{
		ID: "creditor", Role: "first_party", Zone: m.CreditorZone, Ambiguity: "strict",
		Queues: dunning.Queues{Supervisor: "supervisor", Operations: "operations"},
	}
}

func lastFact(ledgers []importer.AccountLedger) time.Time {
	var last time.Time
	for _, l := range ledgers {
		if at := l.Facts[len(l.Facts)-1].At; at.After(last) {
			last = at
		}
	}
	return last
}

func (w world) account(l importer.AccountLedger, f simulateFlags, last time.Time) (simulate.Account, time.Time, error) {
	acc := simulate.Account{Setup: w.setup, Facts: l.Facts, Choose: w.choose}
	acc.Setup.Account, acc.Setup.Debtor, acc.Setup.Currency = l.Account, l.Debtor.Key, l.Currency
	until := last.AddDate(1, 0, 0)
	if f.until != "" {
		var err error
		if until, err = instant(f.until, l.Zone); err != nil {
			return acc, until, usagef("--until: %w", err)
		}
	}
	return acc, until, notBefore(&acc, f.from, l.Zone)
}

// live runs the accounts, several at a time, and prints their events.
func (a *app) live(accounts []simulate.Account, ends []time.Time, zones map[string]*time.Location) error {
	lives := make([]simulate.Life, len(accounts))
	errs := make([]error, len(accounts))
	var wg sync.WaitGroup
	work := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range work {
				lives[i], errs[i] = simulate.Run(accounts[i], ends[i])
			}
		})
	}
	for i := range accounts {
		work <- i
	}
	close(work)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var events []dunning.Event
	for _, l := range lives {
		events = append(events, l.Events()...)
		for _, refused := range l.Refused {
			_, _ = fmt.Fprintln(a.env.Stderr, "duly: refused:", refused)
		}
	}
	return a.printEvents(events, zones)
}

func (a *app) printEvents(events []dunning.Event, zones map[string]*time.Location) error {
	out := bufio.NewWriter(a.env.Stdout)
	if a.output == "json" {
		err := simulate.Write(out, events, func(account string) *time.Location { return zones[account] })
		return errors.Join(err, out.Flush())
	}
	simulate.SortEvents(events)
	for _, e := range events {
		text := simulate.Print([]dunning.Event{e}, zones[e.Account])
		if len(zones) > 1 {
			text = e.Account + "  " + text
		}
		_, _ = out.WriteString(strings.TrimRight(text, "\n") + "\n")
	}
	return out.Flush()
}
