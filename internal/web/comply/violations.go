package comply

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
)

// maxFindings is how many findings a sweep keeps; it counts all.
const maxFindings = 5000

// sweeps are the sweeps of the ledger by this process: the latest of each scope.
type sweeps struct {
	mu  sync.Mutex
	all map[string]*sweep
}

// sweep is one sweep, under way or ended.
type sweep struct {
	Began   time.Time // business time
	Running bool
	Debtors int
	Sum     recheck.Sweep
	Failed  bool
	Found   []recheck.Finding
}

// of is a copy of the latest sweep of a scope.
func (s *sweeps) of(key string) (sweep, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.all[key]
	if !ok {
		return sweep{}, false
	}
	out := *x
	out.Found = slices.Clone(x.Found)
	return out, true
}

// begin reserves a sweep of a scope, unless one is under way.
func (s *sweeps) begin(key string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.all[key]; x != nil && x.Running {
		return false
	}
	if s.all == nil {
		s.all = map[string]*sweep{}
	}
	s.all[key] = &sweep{Began: at, Running: true}
	return true
}

func (s *sweeps) change(key string, f func(*sweep)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.all[key])
}

// keyOf names a scope.
func keyOf(s read.Scope) string {
	if s.All() {
		return "*"
	}
	return strings.Join(s.Creditors(), ",")
}

// within is the ledger of some creditors only. It counts the debtors that were read.
type within struct {
	recheck.Ledger
	scope read.Scope
	whose func(ctx context.Context, debtor string) (dunning.CaseRef, error)
	read  func(n int)
}

// Contacted lists the debtors of the scope; an empty list is the end, as of the ledger.
func (w within) Contacted(ctx context.Context, after string, limit int) ([]string, error) {
	for {
		list, err := w.Ledger.Contacted(ctx, after, limit)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		mine, err := w.mine(ctx, list)
		if err != nil || len(mine) > 0 {
			w.read(len(mine))
			return mine, err
		}
		after = list[len(list)-1]
	}
}

func (w within) mine(ctx context.Context, debtors []string) ([]string, error) {
	if w.scope.All() {
		return debtors, nil
	}
	var out []string
	for _, d := range debtors {
		ref, err := w.whose(ctx, d)
		if err != nil {
			return nil, err
		}
		if w.scope.Allows(ref.Creditor) {
			out = append(out, d)
		}
	}
	return out, nil
}

// sweepFor is how long a sweep may take.
const sweepFor = 12 * time.Hour

// sweepNow begins a sweep of the user's creditors.
func (d *compliance) sweepNow(r *web.Request) error {
	scope := r.Scope(identity.Review)
	key := keyOf(scope)
	if !d.sweeps.begin(key, r.Now) {
		return web.Conflict("A sweep is under way already. The page shows how far it is.")
	}
	if err := r.Record("ledger.sweep", "", nil); err != nil {
		d.sweeps.change(key, func(s *sweep) { s.Running, s.Failed = false, true })
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.R.Context()), sweepFor)
	go func() {
		defer cancel()
		d.sweep(ctx, key, scope)
	}()
	return r.Done("/violations", "The sweep has begun. The page follows it.")
}

// sweep judges every contact of a scope again.
func (d *compliance) sweep(ctx context.Context, key string, scope read.Scope) {
	ledger := within{d.Ledger, scope, d.Whose, func(n int) { d.sweeps.change(key, func(s *sweep) { s.Debtors += n }) }}
	sum, err := recheck.Contacts(ctx, ledger, d.Frames, func(f recheck.Finding) error {
		d.sweeps.change(key, func(s *sweep) {
			if len(s.Found) < maxFindings {
				s.Found = append(s.Found, f)
			}
		})
		return nil
	})
	if err != nil && d.Log != nil {
		d.Log("sweep of the ledger", err)
	}
	d.sweeps.change(key, func(s *sweep) { s.Sum, s.Failed, s.Running = sum, err != nil, false })
}

type violationsPage struct {
	sweep
	Ever       bool
	Violations []finding
	Near       []finding
	Cut        bool
}

// finding is a contact that was outside a rule, for people.
type finding struct {
	recheck.Finding
	Kind, Word string
	Rules      []ruleSaid
	Who        string
}

// ruleSaid is a rule that refuses, with where it stands.
type ruleSaid struct{ Rule, Code, Citation string }

// violations shows what the latest sweep found, and how much it covered.
func (d *compliance) violations(r *web.Request) error {
	s, ever := d.sweeps.of(keyOf(r.Scope(identity.Review)))
	p := violationsPage{sweep: s, Ever: ever, Cut: len(s.Found) == maxFindings}
	names, err := d.Names(r.R.Context())
	if err != nil {
		return err
	}
	cfg, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	for _, f := range s.Found {
		x := findingOf(f, cfg.Policies(), names)
		if f.Verdict == recheck.Late || len(f.Changed) > 0 {
			p.Near = append(p.Near, x)
		} else {
			p.Violations = append(p.Violations, x)
		}
	}
	if r.WantsCSV() {
		return r.CSV("violations", findingHeader, findingRows(append(slices.Clone(p.Violations), p.Near...)))
	}
	return r.Page("violations.html", p)
}

func findingOf(f recheck.Finding, set contact.Set, names map[string]string) finding {
	x := finding{Finding: f, Kind: "bad", Word: "Duly let it leave against a rule", Who: byName(names, f.By)}
	switch {
	case f.Verdict == recheck.ByHand:
		x.Word = "a person’s own contact, against a rule"
	case f.Verdict == recheck.Late:
		x.Kind, x.Word = "warn", "something received before it left was entered after"
	case len(f.Changed) > 0:
		x.Kind, x.Word = "warn", "against today’s rules; those of then cannot be had"
	}
	for _, reason := range f.Checked.Verdict.Reasons {
		x.Rules = append(x.Rules, ruleSaid{reason.Rule, string(reason.Code), set.Citation(reason.Rule)})
	}
	return x
}

// byName names who did something.
func byName(names map[string]string, by string) string {
	id, user := strings.CutPrefix(by, "user:")
	switch name := names[id]; {
	case user && name != "":
		return name
	case by == "" || by == "system":
		return "Duly"
	}
	return by
}

var findingHeader = []string{"contact", "case", "account", "debtor", "at", "verdict", "rules", "codes", "changed", "received before", "by"}

func findingRows(all []finding) func(func([]string, error) bool) {
	return func(yield func([]string, error) bool) {
		for _, f := range all {
			var rules, codes []string
			for _, x := range f.Rules {
				rules, codes = append(rules, x.Rule), append(codes, x.Code)
			}
			row := []string{
				f.Contact, f.Case, f.Account, f.Debtor, stamp(f.At), string(f.Verdict), strings.Join(rules, " "), strings.Join(codes, " "),
				strings.Join(f.Changed, " "), strings.Join(f.Late, " "), f.By,
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Covered says how much a sweep has judged.
func (p violationsPage) Covered() string {
	return web.Plural(strconv.Itoa(p.Sum.Swept), "message", "messages") + " of Duly that left and " +
		web.Plural(strconv.Itoa(p.Sum.ByHand), "outbound contact", "outbound contacts") + " of people, over " + web.Plural(strconv.Itoa(p.Debtors), "debtor", "debtors")
}
