package whatif

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/simulate"
)

// Deps is what the service works with. All are required.
type Deps struct {
	// Config is a release by its version, or a proposal by its id, "" for the one in force, with
	// its version. An error
	// that wraps identity.ErrNotFound says that there is none.
	Config func(ctx context.Context, version string) (*config.Config, string, error)
	// Sequence is a sequence in the version that a case follows.
	Sequence func(ctx context.Context, id, version string) (*dunning.Sequence, error)
	CaseRef  func(ctx context.Context, caseID string) (dunning.CaseRef, error)
	// Log are all facts of a debtor, in order.
	Log   func(ctx context.Context, debtor string) ([]dunning.Fact, error)
	Cases func(ctx context.Context, s read.Scope, f read.CaseFilter, p read.Page) (read.List[read.CaseRow], error)
	// Filter reads the names of a cohort, as the list of cases does.
	Filter Filter
	Zone   func(name string) *time.Location
}

// Service answers questions, two at a time.
type Service struct {
	Deps
	slots chan struct{}
	limit time.Duration
	wait  time.Duration
}

// New is a service with its bounds: two simulations at once, 15 s each.
func New(d Deps) *Service {
	return &Service{Deps: d, slots: make(chan struct{}, 2), limit: 15 * time.Second, wait: 3 * time.Second}
}

// Result is the answer.
type Result struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Zone of the debtor, by whose clock local times are; "" for a cohort.
	Zone     string  `json:"zone,omitempty"`
	Creditor string  `json:"creditor,omitempty"`
	Sides    []Side  `json:"sides"` // one, or two when compared
	Sample   *Sample `json:"sample,omitempty"`
	// Differences between the sides, at most maxDifferences of them; Differ counts all.
	Differences []simulate.Difference `json:"differences,omitempty"`
	Differ      []simulate.Count      `json:"differ,omitempty"`
	// File is the invented account as `duly simulate --facts` reads it.
	File *simulate.File `json:"file,omitempty"`
	// Cases leads from an account to its case.
	Cases map[string]string `json:"cases,omitempty"`

	zones map[string]*time.Location // by account
}

// maxDifferences bounds how many are listed.
const maxDifferences = 300

// Side is what happens under one configuration.
type Side struct {
	Release  string          `json:"release"`
	InForce  bool            `json:"in_force"`
	Sequence string          `json:"sequence,omitempty"` // id, of a single account at the end
	Version  string          `json:"sequence_version,omitempty"`
	Totals   simulate.Totals `json:"totals"`
	Entries  []Entry         `json:"timeline,omitempty"` // of a single account
	Ends     string          `json:"ends,omitempty"`     // what the case waits for at the end, or why it closed
	Refused  []string        `json:"refused,omitempty"`  // assumptions that the core would refuse, and why
	Lines    []Line          `json:"accounts,omitempty"` // of a cohort

	Events    []dunning.Event `json:"-"` // of all accounts, in order of time
	Config    *config.Config  `json:"-"`
	Window    dunning.Window  `json:"-"` // of the sequence
	Calendars [2]string       `json:"-"` // of holidays: the debtor's and the creditor's
	Local     *time.Location  `json:"-"`

	byAcc   [][]dunning.Event // by the order of accounts
	refused map[string]int
}

// Entry is an event with what stands behind it.
type Entry struct {
	dunning.Event
	Local    string         `json:"local"` // RFC 3339 by the debtor's clock
	Citation string         `json:"citation,omitempty"`
	Note     *simulate.Note `json:"note,omitempty"`
}

// Line is one account of a cohort.
type Line struct {
	Case     string    `json:"case"`
	Contacts int       `json:"contacts"`
	Refused  int       `json:"refused"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Ends     string    `json:"ends"`
}

// Write prints the events of the first side exactly as `duly simulate --output json` does.
func (r Result) Write(w io.Writer) error {
	return simulate.Write(w, slices.Clone(r.Sides[0].Events), r.ZoneOf)
}

// ZoneOf is the zone by which an account's times are printed.
func (r Result) ZoneOf(account string) *time.Location {
	if z := r.zones[account]; z != nil {
		return z
	}
	return time.UTC
}

// subject is an account with all that does not depend on a configuration.
type subject struct {
	ref  dunning.CaseRef
	past []dunning.Fact
	zone *time.Location
}

// Run answers a question within a scope, as of a business instant. Errors: Faults where the
// question is wrong, identity.ErrNotFound for what is not there or outside of the scope,
// ErrBusy, ErrTooLong, and those of reading.
func (s *Service) Run(ctx context.Context, scope read.Scope, a Ask, now time.Time) (Result, error) {
	if err := a.check(); err != nil {
		return Result{}, err
	}
	release, err := s.slot(ctx)
	if err != nil {
		return Result{}, err
	}
	defer release()
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	r, err := s.answer(limited, scope, a, now)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return Result{}, ErrTooLong
	}
	return r, err
}

// slot waits a little for one of the places.
func (s *Service) slot(ctx context.Context) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, ErrBusy
	}
}

func (s *Service) answer(ctx context.Context, scope read.Scope, a Ask, now time.Time) (Result, error) {
	sides, err := s.sides(ctx, a)
	if err != nil {
		return Result{}, err
	}
	switch {
	case a.Invented != nil:
		return s.invented(ctx, scope, a, now, sides)
	case a.Case != "":
		return s.single(ctx, scope, a, now, sides)
	}
	return s.cohort(ctx, scope, a, now, sides)
}

// sides are the configurations that were named.
func (s *Service) sides(ctx context.Context, a Ask) ([]Side, error) {
	_, current, err := s.Config(ctx, "")
	if err != nil {
		return nil, err
	}
	names := []string{a.Config}
	if a.Against != "" {
		names = append(names, a.Against)
	}
	var out []Side
	for i, name := range names {
		if name == InForce {
			name = ""
		}
		cfg, version, err := s.Config(ctx, name)
		if errors.Is(err, identity.ErrNotFound) {
			return nil, Faults{[]string{"config", "against"}[i]: "Configuration: there is no release of that version."}
		}
		if err != nil {
			return nil, err
		}
		if a.Sequence != "" && cfg.Sequence(a.Sequence) == nil {
			return nil, Faults{"sequence": "Sequence: this configuration has none of that name."}
		}
		out = append(out, Side{Release: version, InForce: version == current, Config: cfg})
	}
	return out, nil
}

// setup is what surrounds an account under a configuration. Payment data is taken to be
// fresh: nobody knows when feeds will come.
func (s *Service) setup(cfg *config.Config, ref dunning.CaseRef) (dunning.Setup, error) {
	cr, ok := cfg.Creditor(ref.Creditor)
	if !ok {
		return dunning.Setup{}, Faults{"config": fmt.Sprintf("Configuration: this release has no creditor %q.", ref.Creditor)}
	}
	cr.Stale = 0
	return dunning.Setup{
		Creditor: cr.Creditor, Debtor: ref.Debtor, Account: ref.Account, Case: ref.Case, Currency: ref.Currency, Policies: cfg.Policies(), Zone: s.Zone,
		Holiday: cfg.Holiday, Sequence: &dunning.Sequence{},
	}, nil
}

// follow sets the sequence that an account follows: the one that was named, else under the
// configuration in force its own version, else the one of the same name.
func (s *Service) follow(ctx context.Context, acc *simulate.Account, side Side, a Ask, ref dunning.CaseRef) (err error) {
	switch {
	case a.Sequence != "":
		acc.Setup.Sequence = side.Config.Sequence(a.Sequence)
		return nil
	case ref.Sequence == "":
	case side.InForce:
		acc.Setup.Sequence, err = s.Sequence(ctx, ref.Sequence, ref.Version)
	default:
		if acc.Setup.Sequence = side.Config.Sequence(ref.Sequence); acc.Setup.Sequence == nil {
			err = Faults{"config": fmt.Sprintf("Configuration: this release has no sequence %q, which the case follows. Choose a sequence.", ref.Sequence)}
		}
	}
	acc.Choose = side.Config.Select
	return err
}

// account makes a real account go on from its facts.
func (s *Service) account(ctx context.Context, side Side, a Ask, x subject, from time.Time) (simulate.Account, error) {
	setup, err := s.setup(side.Config, x.ref)
	if err != nil {
		return simulate.Account{}, err
	}
	happens, err := assume(a.Assume, x.zone, x.ref.Currency, nil)
	if err != nil {
		return simulate.Account{}, err
	}
	acc := simulate.Account{Setup: setup, Past: x.past, Begin: from, Cases: []string{x.ref.Case}, Reply: reply(happens)}
	for _, c := range commands(happens) {
		if c.At.Before(from) {
			return acc, Faults{"assume": "Assumptions: one lies before the beginning."}
		}
		acc.Commands = append(acc.Commands, c)
	}
	if a.People > 0 {
		acc.React = simulate.Diligent(time.Duration(a.People) * time.Hour)
	}
	slices.SortStableFunc(acc.Commands, func(a, b simulate.Command) int { return a.At.Compare(b.At) })
	return acc, s.follow(ctx, &acc, side, a, x.ref)
}

// subject reads an account as it was known at an instant.
func (s *Service) subject(ctx context.Context, ref dunning.CaseRef, from time.Time) (subject, error) {
	log, err := s.Log(ctx, ref.Debtor)
	if err != nil {
		return subject{}, err
	}
	x := subject{ref: ref, zone: time.UTC}
	for _, f := range log {
		if f.At.After(from) {
			continue
		}
		x.past = append(x.past, f)
		if known, ok := f.Body.(dunning.DebtorKnown); ok && len(known.Zones) > 0 {
			if z := s.Zone(known.Zones[0]); z != nil {
				x.zone = z
			}
		}
	}
	return x, nil
}

// single lives through one real case.
func (s *Service) single(ctx context.Context, scope read.Scope, a Ask, now time.Time, sides []Side) (Result, error) {
	ref, err := s.CaseRef(ctx, a.Case)
	if err != nil || !scope.Allows(ref.Creditor) {
		return Result{}, fmt.Errorf("this case: %w", errors.Join(err, identity.ErrNotFound))
	}
	whole, err := s.subject(ctx, ref, now) // for its zone, by which days begin
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Zone: whole.zone.String(), Creditor: ref.Creditor, Sides: sides, zones: map[string]*time.Location{ref.Account: whole.zone},
		Cases: map[string]string{ref.Account: ref.Case},
	}
	if r.From, r.Until, err = a.span(whole.zone, now); err != nil {
		return r, err
	}
	x, err := s.subject(ctx, ref, r.From)
	if err != nil {
		return r, err
	}
	for i := range r.Sides {
		acc, err := s.account(ctx, r.Sides[i], a, x, r.From)
		if err != nil {
			return r, err
		}
		if err := r.Sides[i].live(ctx, acc, r.Until, whole.zone); err != nil {
			return r, err
		}
	}
	r.compare()
	return r, nil
}

// invented lives through an account that does not exist.
func (s *Service) invented(ctx context.Context, scope read.Scope, a Ask, now time.Time, sides []Side) (r Result, err error) {
	r = Result{Creditor: a.Invented.Creditor, Sides: sides}
	for i := range sides {
		cr, ok := sides[i].Config.Creditor(a.Invented.Creditor)
		if !ok || !scope.Allows(cr.ID) {
			return r, Faults{"creditor": "Creditor: choose one that this configuration has and that you may see."}
		}
		zone := s.Zone(orElse(a.Invented.Zone, cr.Zone))
		if zone == nil {
			return r, Faults{"zone": "Zone: write an IANA name such as America/New_York."}
		}
		if r.From, r.Until, err = a.span(zone, now); err != nil {
			return r, err
		}
		file, err := a.file(cr, zone, r.From, r.Until)
		if err != nil {
			return r, err
		}
		if i == 0 {
			r.Zone, r.File, r.zones = zone.String(), &file, map[string]*time.Location{file.Debtor.Account: zone}
		}
		if err := s.compiled(ctx, &sides[i], a, file, zone); err != nil {
			return r, err
		}
	}
	r.compare()
	return r, nil
}

// compiled lives through a facts file under one configuration.
func (s *Service) compiled(ctx context.Context, side *Side, a Ask, file simulate.File, zone *time.Location) error {
	env := simulate.Environment{Sequence: &dunning.Sequence{}, Setup: dunning.Setup{Policies: side.Config.Policies(), Zone: s.Zone, Holiday: side.Config.Holiday}}
	if a.Sequence != "" {
		env.Sequence = side.Config.Sequence(a.Sequence)
	}
	acc, until, err := file.Compile(env)
	if err != nil {
		return Faults{"invented": "Invented account: " + strings.TrimPrefix(err.Error(), "facts file: ") + "."}
	}
	if a.Sequence == "" {
		acc.Choose = side.Config.Select
	}
	return side.live(ctx, acc, until, zone)
}

// live lives through one account and keeps its story.
func (d *Side) live(ctx context.Context, acc simulate.Account, until time.Time, zone *time.Location) error {
	var notes simulate.Notes
	acc.Setup.Record, acc.Watch = true, notes.Watch
	l, err := simulate.RunContext(ctx, acc, until)
	if err != nil {
		return err
	}
	tally := simulate.Tally{Segments: segments(d.Config, acc.Setup.Creditor.ID)}
	tally.Add(l)
	d.Totals, d.Events, d.Ends, d.Local = tally.Totals(), l.Events(), ends(l), zone
	d.byAcc = [][]dunning.Event{d.Events}
	if q := l.Final.Sequence; q != nil {
		d.Sequence, d.Version, d.Window = q.ID, q.Version, q.Window
	}
	d.Calendars = [2]string{l.Final.Known.Holidays, l.Final.Creditor.Holidays}
	for _, e := range d.Events {
		x := Entry{Event: e, Local: e.At.In(zone).Format(time.RFC3339), Citation: d.Config.Policies().Citation(e.Rule)}
		if n, ok := notes.Of(e); ok {
			x.Note = &n
		}
		d.Entries = append(d.Entries, x)
	}
	for _, err := range l.Refused {
		d.Refused = append(d.Refused, err.Error())
	}
	return nil
}

// ends says how a life stands at its end: what it waits for, or why its case closed.
func ends(l simulate.Life) string {
	switch {
	case !l.Final.CaseOpen && l.Final.CaseCloses > 0:
		return "closed:" + l.Final.CaseReason
	case !l.Final.CaseOpen:
		return "not opened"
	case len(l.Decisions) == 0:
		return "open"
	}
	d := l.Decisions[len(l.Decisions)-1]
	switch {
	case d.Waiting != "":
		return "waits:" + d.Waiting
	case d.Step != "":
		return "next:" + d.Step
	}
	return "open"
}

// compare finds what differs between the two sides, account by account.
func (r *Result) compare() {
	if len(r.Sides) != 2 {
		return
	}
	n := map[string]int{simulate.Moved: 0, simulate.Vanished: 0, simulate.Appeared: 0}
	for i := range r.Sides[0].byAcc {
		r.Differences = append(r.Differences, simulate.Compare(r.Sides[0].byAcc[i], r.Sides[1].byAcc[i])...)
	}
	simulate.SortDifferences(r.Differences)
	for _, d := range r.Differences {
		n[d.What]++
	}
	for _, k := range []string{simulate.Moved, simulate.Vanished, simulate.Appeared} {
		r.Differ = append(r.Differ, simulate.Count{Key: k, N: n[k]})
	}
	r.Differences = r.Differences[:min(len(r.Differences), maxDifferences)]
}

// segments is what a text message of a creditor comes to, with the template filled in for
// an invented debtor. Each template is filled in once.
func segments(cfg *config.Config, creditor string) func(c dunning.ContactPlanned, locale string) int {
	known := map[[2]string]int{}
	return func(c dunning.ContactPlanned, locale string) int {
		k := [2]string{c.Template, locale}
		n, ok := known[k]
		if !ok {
			n = 1
			if p, err := cfg.Preview(creditor, dunning.SMS, c.Template, locale); err == nil {
				n = max(1, p.SMS.Segments)
			}
			known[k] = n
		}
		return n
	}
}

// digest orders a cohort by chance that is the same every time.
func digest(id string) [32]byte { return sha256.Sum256([]byte("duly cohort\x00" + id)) }
