package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
)

// importFlags are the flags of imports.
type importFlags struct {
	mapping, creditor, rejects string
	dryRun                     bool
}

// importCmd takes files in.
func (a *app) importCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Take in invoices, payments or contact data from a file",
		Args:  args("items|payments|contacts|history|consents"),
		RunE: func(_ *cobra.Command, given []string) error {
			return usagef("there is nothing to import called %q; use duly import items, payments, contacts, history or consents FILE", given[0])
		},
	}
	cmd.AddCommand(
		a.importKindCmd(mapping.Items, "Take in open invoices"),
		a.importKindCmd(mapping.Payments, "Take in payments and what bounced"),
		a.importKindCmd(mapping.Contacts, "Take in contact points with what is known of them, and debts as the law sees them"),
		a.importKindCmd(mapping.History, "Take in contacts of another system, which count with those of Duly"),
		a.importKindCmd(mapping.Consents, "Take in consents, refusals, wishes, notices and legal statuses"),
	)
	return cmd
}

func (a *app) importKindCmd(kind mapping.Kind, short string) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   string(kind) + " FILE",
		Short: short,
		Long: short + `.

The file may be in any usual encoding and with any usual delimiter; the mapping says what its columns mean (docs/import.md).
Good rows are stored; the others go to the reject file with their reasons, to be mended and imported in turn.
The same file twice changes nothing. An import that broke off goes on where it was. Exit status 1: some rows were rejected.`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.importFile(cmd.Context(), kind, given[0], f)
		},
	}
	cmd.Flags().StringVarP(&f.mapping, "mapping", "m", string(kind), "name of a mapping of the configuration, or a mapping file")
	cmd.Flags().StringVar(&f.creditor, "creditor", "", "id of the creditor (default: the mapping's; the only one, if there is one)")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "check everything, store nothing, need no database")
	cmd.Flags().StringVar(&f.rejects, "rejects", "", "where rejected rows go (default: FILE.rejects.csv)")
	return cmd
}

func (a *app) importFile(ctx context.Context, kind mapping.Kind, file string, f importFlags) error {
	if f.dryRun {
		cfg, err := a.configAsPublished(ctx)
		if err != nil {
			return err
		}
		job, err := importJob(cfg, kind, file, f)
		if err != nil {
			return err
		}
		return a.runImport(ctx, job)
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		cfg, err := a.configOf(ctx, store)
		if err != nil {
			return err
		}
		job, err := importJob(cfg, kind, file, f)
		if err != nil {
			return err
		}
		if job.At, err = now(ctx, store); err != nil {
			return err
		}
		job.Sink = importsink.New(store)
		return a.runImport(ctx, job)
	})
}

func importJob(cfg *config.Config, kind mapping.Kind, file string, f importFlags) (importer.Job, error) {
	job := importer.Job{File: file, Rejects: f.rejects}
	if job.Rejects == "" {
		job.Rejects = file + ".rejects.csv"
	}
	var err error
	if job.Mapping, err = mappingOf(cfg, f.mapping, kind); err != nil {
		return job, err
	}
	creditor, err := creditorOf(cfg, job.Mapping, f.creditor, f.dryRun)
	job.Options = importer.Options{Creditor: creditor, Locate: importsink.Locate}
	return job, err
}

func (a *app) runImport(ctx context.Context, job importer.Job) error {
	bar := newBar(a.env)
	job.Progress = bar.show
	summary, err := importer.Run(ctx, job)
	bar.done()
	if err != nil {
		return err
	}
	if err := a.print(summary, func(w io.Writer) { printSummary(w, summary) }); err != nil {
		return err
	}
	if summary.Rejected > 0 {
		return errFound
	}
	return nil
}

// mappingOf finds a mapping by name in the configuration, or by path.
func mappingOf(cfg *config.Config, name string, kind mapping.Kind) (mapping.Mapping, error) {
	m, ok := cfg.Mapping(name)
	if !ok && (strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")) {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return m, usagef("there is no mapping file %s", name)
		}
		if err != nil {
			return m, err
		}
		if m, err = config.LoadMapping(filepath.Base(name), text); err != nil {
			return m, err
		}
		ok = true
	}
	if !ok {
		return m, unknown("mapping", name, cfg.Mappings())
	}
	if kind != "" && m.Kind != kind {
		return m, usagef("the mapping %s is for %s files, this is an import of %s", name, m.Kind, kind)
	}
	return m, nil
}

func unknown(what, name string, known []string) error {
	hint := ""
	if near := mapping.Nearest(name, known); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return usagef("there is no %s %q%s (there are: %s)", what, name, hint, strings.Join(known, ", "))
}

// creditorOf finds the creditor: the one named, the mapping's, the only one.
// Without any, a dry run and the simulator go by what the mapping says.
func creditorOf(cfg *config.Config, m mapping.Mapping, name string, optional bool) (importer.Creditor, error) {
	var ids []string
	for _, c := range cfg.Creditors() {
		ids = append(ids, c.ID)
	}
	switch {
	case name != "":
	case m.Creditor != "":
		name = m.Creditor
	case optional && m.CreditorZone != "":
		return importer.Creditor{}, nil
	case len(ids) == 1:
		name = ids[0]
	default:
		return importer.Creditor{}, usagef("whose items are these? Name the creditor with --creditor, or in the mapping (there are: %s)", strings.Join(ids, ", "))
	}
	c, ok := cfg.Creditor(name)
	if !ok {
		return importer.Creditor{}, unknown("creditor", name, ids)
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return importer.Creditor{}, fmt.Errorf("zone of creditor %s: %w", name, err)
	}
	return importer.Creditor{ID: c.ID, Zone: zone, Currency: c.Currency}, nil
}

func printSummary(w io.Writer, s importer.Summary) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	if s.DryRun {
		p("Dry run: nothing was stored.")
	}
	if s.Resumed > 0 {
		p("Went on after row %d, where the last import broke off.", s.Resumed)
	}
	p("%d rows: %d valid, %d rejected, %d repeated, %d left out by the mapping.", s.Rows, s.Valid, s.Rejected, s.Repeated, s.Skipped)
	if !s.DryRun {
		p("%d added, %d updated, %d known already.", s.Added, s.Updated, s.Known)
	}
	if s.Run.Kind == mapping.Payments && !s.DryRun && !s.Understood() {
		p("No row could be taken in, so the payment data of %s is no fresher than before.", s.Run.Creditor)
	}
	var sums []string // the accounts are those of all currencies together
	for _, c := range s.Currencies() {
		sums = append(sums, s.Sums[c].String())
	}
	if len(sums) > 0 {
		p("%s in %d accounts.", strings.Join(sums, ", "), s.Accounts)
	}
	for _, problem := range s.Problems {
		p("rejected: %v", problem)
	}
	if more := s.Rejected - len(s.Problems); more > 0 {
		p("… and %d more.", more)
	}
	for _, warning := range s.Warnings {
		p("warning: %v", warning)
	}
	if more := s.Warned - len(s.Warnings); more > 0 {
		p("… and %d more warnings.", more)
	}
	if len(s.Unused) > 0 {
		p("Columns that the mapping neither uses nor ignores: %s.", strings.Join(s.Unused, ", "))
	}
	if s.Rejects != "" {
		p("Rejected rows are in %s: mend them there and import that file.", s.Rejects)
	}
}
