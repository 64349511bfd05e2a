package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/duly/duly/dunning"
	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// moveFlags are the flags of both commands that move running cases.
type moveFlags struct {
	sequence, from, to, creditor, reason, by, as, id string
	steps                                            []string
	dry, atOnce, csv                                 bool
}

func (f *moveFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.to, "to", "", "version to move to, or its beginning (default: the one in force)")
	fl.StringArrayVar(&f.steps, "map", nil, "old=new: a step of the old version has become one of the new, where the ids differ; may be given more than once")
	fl.BoolVar(&f.atOnce, "at-once", false, "also cases for which a message then leaves within a day that would not have left so soon")
	fl.BoolVar(&f.dry, "dry-run", false, "say what would happen, change nothing")
	fl.BoolVar(&f.csv, "csv", false, "with --dry-run: print a file for a spreadsheet, a line for each case with what it does next before and after")
	fl.StringVar(&f.reason, "reason", "", "why; it is kept with every case")
	fl.StringVar(&f.by, "by", "", "who orders it (default: $USER)")
	fl.StringVar(&f.as, "as", "", "user of the console who orders it, where two people are needed for a release")
	fl.StringVar(&f.id, "id", "", "id of the order, so that a repetition changes nothing (default: a new one)")
}

const moveLong = `What is done stays done: no step is repeated. New steps that stand behind a case, or whose day is over, are waived and
recorded; those ahead run in their time. A case moves when nothing that was begun under its old version is unfinished:
a promise, plan, offer, open task or unknown message keeps it where it is until that has ended, then it moves by itself.
To move back is another migration. See docs/runbook.md.`

// migrateCasesCmd moves all running cases of a sequence to another version.
func (a *app) migrateCasesCmd() *cobra.Command {
	var f moveFlags
	cmd := &cobra.Command{
		Use:   "cases --sequence ID",
		Short: "Move running cases to another version of their sequence: previewed and recorded",
		Long:  moveLong + "\nExit status 1 says that some cases could not be moved, and which.",
		Args:  args(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.migrateCases(cmd.Context(), f, "") },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.sequence, "sequence", "", "id of the sequence")
	cmd.Flags().StringVar(&f.from, "from", "", "only cases that follow this version, in full (default: all others)")
	cmd.Flags().StringVar(&f.creditor, "creditor", "", "only cases of this creditor")
	_ = cmd.MarkFlagRequired("sequence")
	return cmd
}

// caseMigrateCmd moves one case.
func (a *app) caseMigrateCmd(c *caseFlags) *cobra.Command {
	var f moveFlags
	cmd := &cobra.Command{
		Use: "migrate CASE", Short: "Move the case to another version of its sequence: previewed and recorded", Long: moveLong, Args: args("CASE"),
		RunE: func(cmd *cobra.Command, given []string) error {
			f.creditor = c.creditor
			return a.migrateCases(cmd.Context(), f, given[0])
		},
	}
	f.add(cmd)
	return cmd
}

// moving is an order that is carried out or tried.
type moving struct {
	store *postgres.Store
	mover *wiring.Mover
	order ops.MigrationOrder
	flags moveFlags
	by    string
	trial ops.MigrationTrial
	asked int
}

func (a *app) migrateCases(ctx context.Context, f moveFlags, one string) error {
	if !f.dry && len(strings.TrimSpace(f.reason)) < 3 {
		return usagef("say why with --reason: it is kept with every case; or look first with --dry-run")
	}
	if f.csv && !f.dry {
		return usagef("--csv is what would happen: say --dry-run as well")
	}
	if f.csv && a.output == "json" {
		return usagef("say --csv or --output json, not both")
	}
	steps, err := ops.ReadSteps(strings.Join(f.steps, "\n"))
	if err != nil {
		return usagef("--map: %v", err)
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
		if err != nil {
			return err
		}
		m := &moving{
			store: store, mover: &wiring.Mover{Store: store, Book: bookOf(store), Clock: c}, flags: f,
			order: ops.MigrationOrder{Sequence: f.sequence, Version: f.to, Steps: steps, AtOnce: f.atOnce, Reason: strings.TrimSpace(f.reason)},
		}
		if m.by, err = a.mover(ctx, store, f); err != nil {
			return err
		}
		if err := m.run(ctx, one); err != nil {
			return err
		}
		if f.csv {
			return web.WriteCSV(a.env.Stdout, m.trial)
		}
		if err := a.print(m.result(one != ""), m.print); err != nil {
			return err
		}
		if !f.dry && m.trial.Sum.Failed+m.trial.Sum.Refused > 0 {
			return errFound
		}
		return nil
	})
}

// mover is who orders it. Where two people are needed for a release nobody moves cases under
// a name that they do not prove.
func (a *app) mover(ctx context.Context, store *postgres.Store, f moveFlags) (string, error) {
	four, err := store.FourEyes(ctx)
	if err != nil || f.dry {
		return "user:preview", err
	}
	if f.as != "" {
		who, err := a.as(ctx, store, f.as)
		if err == nil && !who.Can(identity.Migrate, identity.AllCreditors) {
			err = usagef("%s may not move cases: that needs the permission %q", f.as, identity.Migrate)
		}
		return who.By, err
	}
	if four.Required {
		return "", usagef("two people are needed for a release here, so cases are moved by a user who proves it: run it again with --as NAME, and their password in %s", EnvPassword)
	}
	by := f.by
	if by == "" {
		by = a.env.Getenv("USER")
	}
	if by == "" {
		return "", usagef("who orders this? Say so with --by")
	}
	if !strings.Contains(by, ":") {
		by = "user:" + by
	}
	return by, nil
}

// run tries or asks for it case by case.
func (m *moving) run(ctx context.Context, one string) error {
	id := m.flags.id
	if id == "" {
		id = uuid.NewString()
	}
	begun := false
	each := func(caseID string) error {
		ref, err := m.store.CaseRef(ctx, caseID)
		if err != nil {
			return err
		}
		if !begun {
			if m.order.Sequence == "" {
				m.order.Sequence = ref.Sequence
			}
			if err := m.begin(ctx, id); err != nil {
				return err
			}
			begun = true
		}
		return m.move(ctx, ref, id)
	}
	if one != "" {
		caseID, err := findCase(ctx, m.store, one, m.flags.creditor)
		if err != nil {
			return err
		}
		return each(caseID)
	}
	if err := m.begin(ctx, id); err != nil {
		return err
	}
	begun = true
	return m.all(ctx, each)
}

// begin fills the order in, and writes into the audit who gave it.
func (m *moving) begin(ctx context.Context, id string) (err error) {
	m.order, err = m.mover.Order(ctx, m.order)
	if errors.Is(err, wiring.ErrNoVersion) {
		return usageError{err}
	}
	if err != nil || m.flags.dry {
		return err
	}
	m.trial.Order = m.order
	at, err := m.mover.Clock.Now(ctx)
	if err != nil {
		return err
	}
	return m.store.Audit(ctx, postgres.Audited{At: at, By: m.by, Action: "migrate", Subject: m.order.Sequence + "@" + m.order.Version, Detail: map[string]string{
		"order": id, "reason": m.order.Reason, "steps": ops.WriteSteps(m.order.Steps), "from": m.flags.from, "creditor": m.flags.creditor,
	}})
}

// all are the cases of the sequence that follow another version, a page at a time.
func (m *moving) all(ctx context.Context, each func(string) error) error {
	filter := m.filter()
	for c, err := range read.All(func(p read.Page) (read.List[read.CaseRow], error) {
		return m.store.ListCases(ctx, read.Everything(), filter, p)
	}) {
		if err != nil {
			return err
		}
		if c.Version == m.order.Version {
			continue
		}
		if err := each(c.Case); err != nil {
			return err
		}
	}
	return nil
}

// filter are those cases, in an order that does not change while they move: by their next
// instant one could slip onto a page that has been gone through.
func (m *moving) filter() read.CaseFilter {
	filter := read.CaseFilter{Status: "open", Sequences: []string{m.order.Sequence}, Sort: read.ByOpened}
	if m.flags.from != "" {
		filter.Versions = []string{m.flags.from}
	}
	if m.flags.creditor != "" {
		filter.Creditors = []string{m.flags.creditor}
	}
	return filter
}

// move tries it at a case, and asks for it if that is wanted and possible.
func (m *moving) move(ctx context.Context, ref dunning.CaseRef, id string) error {
	m.trial.Order = m.order
	row, err := m.mover.Tried(ctx, ref, m.order)
	if err != nil {
		return err
	}
	if m.flags.dry || row.Same || row.Fault != "" || row.Outcome == dunning.MigrationRefused {
		m.trial.Add(row)
		return nil
	}
	res, err := m.mover.Move(ctx, ref, m.order, uuid.NewSHA1(uuid.NameSpaceOID, []byte(id+"/"+ref.Case)).String(), m.by)
	switch {
	case errors.Is(err, dunning.ErrConflict): // it closed meanwhile, say: the others go on
		row, err = ops.MigrationRow{Case: ref.Case, From: ref.Version, Fault: err.Error()}, nil
	case err == nil && res.Facts > 0:
		m.asked++
	}
	m.trial.Add(row)
	return err
}

// moveResult is what is printed as JSON.
type moveResult struct {
	DryRun bool                 `json:"dry_run,omitempty"`
	Order  ops.MigrationOrder   `json:"order"`
	Asked  int                  `json:"asked"`
	Sum    dunning.MigrationSum `json:"sum"`
	Cases  []ops.MigrationRow   `json:"cases"`
}

func (m *moving) result(bool) moveResult {
	return moveResult{m.flags.dry, m.order, m.asked, m.trial.Sum, append([]ops.MigrationRow{}, m.trial.Rows...)}
}

func (m *moving) print(w io.Writer) {
	s := m.trial.Sum
	if m.flags.dry {
		_, _ = fmt.Fprintf(w, "To version %s of sequence %s. Nothing was changed.\n", m.order.Version, m.order.Sequence)
	} else {
		_, _ = fmt.Fprintf(w, "To version %s of sequence %s: asked for %d of %d cases.\n", m.order.Version, m.order.Sequence, m.asked, s.Cases)
	}
	if s.Cases == 0 {
		_, _ = fmt.Fprintln(w, "No running case follows another version.")
		return
	}
	_, _ = fmt.Fprintf(w, "%d move now, %d when what was begun has ended, %d refused, %d not possible, %d follow it already.\n", s.Moves, s.Waits, s.Refused, s.Failed, s.Same)
	for _, r := range s.Reasons {
		_, _ = fmt.Fprintf(w, "  %6d  %s\n", r.N, r.What)
	}
	for _, p := range s.Paths {
		_, _ = fmt.Fprintf(w, "  %6d  from %s to %s\n", p.N, stepOr(p.From), stepOr(p.To))
	}
	for _, c := range s.Waived {
		_, _ = fmt.Fprintf(w, "  %6d  items: %s is waived\n", c.N, c.What)
	}
	if s.Moves > 0 {
		_, _ = fmt.Fprintf(w, "Of those that move now %d would reach out within a day, and %d as it is; %d do their next thing earlier, %d later.\n", s.SoonAfter, s.SoonBefore, s.Earlier, s.Later)
		_, _ = fmt.Fprintf(w, "The first of them acts at %s, and as it is at %s.\n", instantOr(s.FirstAfter), instantOr(s.FirstBefore))
	}
}

func stepOr(step string) string {
	if step == "" {
		return "the end"
	}
	return step
}

func instantOr(t time.Time) string {
	if t.IsZero() {
		return "no time of its own"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
