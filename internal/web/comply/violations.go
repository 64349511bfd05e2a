package comply

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
)

// Findings is where findings and sweeps are kept; *postgres.Store is one.
type Findings interface {
	Findings(ctx context.Context, s read.Scope, f read.FindingFilter, p read.Page) (read.List[read.FindingRow], error)
	Finding(ctx context.Context, s read.Scope, id string) (read.FindingRow, []read.FindingEvent, error)
	StepFinding(ctx context.Context, s read.Scope, id string, step read.FindingStep) (before, after read.FindingRow, err error)
	FindingWeeks(ctx context.Context, s read.Scope, from, until time.Time) ([]read.FindingWeek, error)
	Sweeps(ctx context.Context, s read.Scope, now time.Time, limit int) ([]read.SweepRow, error)
}

// sweepFor is how long a sweep may take.
const sweepFor = 12 * time.Hour

// shownSweeps is how many sweeps are listed, and looked at for what was judged by week.
const shownSweeps = 30

// sweepNow begins a sweep of the user's creditors.
func (d *compliance) sweepNow(r *web.Request) error {
	begun, err := d.Sweep(r.R.Context(), read.FullSweep, r.Scope(identity.Review), r.User.By)
	if err != nil {
		return err
	}
	if err := r.Record("ledger.sweep", begun.Row().ID, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.R.Context()), sweepFor)
	go func() {
		defer cancel()
		if err := begun.Run(ctx); err != nil && d.Log != nil {
			d.Log("sweep of the ledger", err)
		}
	}()
	return r.Done("/violations", "The sweep has begun. The page follows it.")
}

type violationsPage struct {
	List      read.List[read.FindingRow]
	Rows      []finding
	Running   *sweepView
	Latest    *sweepView // the newest that ended
	Full      *sweepView // the newest complete one of everything
	Sweeps    []sweepView
	Trend     trend
	Creditors []web.Creditor
	Users     []person
	Open      int // of the trend's weeks
}

// sweepView is a sweep for people.
type sweepView struct {
	read.SweepRow
	read.Coverage
	Who, Kind, Word string
}

// finding is a finding for people.
type finding struct {
	read.FindingRow
	Mark, Word   string // of the kind
	State, Stand string // mark and word of where it stands
	Rules        []ruleSaid
	Who          string // the owner
	Made         string // who made the contact, where that is a person
	Overdue      bool
	Found        recheck.Finding // of a sweep
}

// ruleSaid is a rule that refuses, with where it stands.
type ruleSaid struct{ Rule, Code, Citation string }

// violations shows what was found, how that changes from week to week, and how much was
// covered: zero is proved by what was judged.
func (d *compliance) violations(r *web.Request) error {
	ctx, scope, f := r.R.Context(), r.Scope(identity.Review), findingFilter(r)
	names, set, err := d.surroundings(ctx)
	if err != nil {
		return err
	}
	if r.WantsCSV() {
		return r.CSV("violations", findingHeader, mapped(read.All(func(p read.Page) (read.List[read.FindingRow], error) {
			return d.Findings.Findings(ctx, scope, f, p)
		}), findingCells))
	}
	p := violationsPage{}
	if p.List, err = d.Findings.Findings(ctx, scope, f, read.Page{After: r.Value("after")}); err != nil {
		return badCursor(err)
	}
	for _, x := range p.List.Rows {
		p.Rows = append(p.Rows, findingOf(x, set, names, r.Now))
	}
	if err := p.covered(r, d, names); err != nil {
		return err
	}
	if p.Creditors, err = r.Creditors(identity.Review); err != nil {
		return err
	}
	p.Users = people(names)
	return r.Page("violations.html", p)
}

// surroundings are the names of users and the policies in force.
func (d *compliance) surroundings(ctx context.Context) (map[string]string, contact.Set, error) {
	names, err := d.Names(ctx)
	if err != nil {
		return nil, contact.Set{}, err
	}
	cfg, err := d.Config(ctx)
	if err != nil {
		return nil, contact.Set{}, err
	}
	return names, cfg.Policies(), nil
}

// covered fills in the sweeps and the trend.
func (p *violationsPage) covered(r *web.Request, d *compliance, names map[string]string) error {
	ctx, scope := r.R.Context(), r.Scope(identity.Review)
	sweeps, err := d.Findings.Sweeps(ctx, scope, d.Wall(), shownSweeps)
	if err != nil {
		return err
	}
	for _, w := range sweeps {
		v := sweepOf(w, names)
		p.Sweeps = append(p.Sweeps, v)
		switch {
		case w.State == read.SweepRunning && p.Running == nil:
			p.Running = &v
		case w.State != read.SweepRunning && p.Latest == nil:
			p.Latest = &v
		}
		if w.State == read.SweepComplete && w.Kind == read.FullSweep && p.Full == nil {
			p.Full = &v
		}
	}
	first := read.MondayOf(r.Now).AddDays(-7 * (trendWeeks - 1))
	weeks, err := d.Findings.FindingWeeks(ctx, scope, dunning.StartOfDay(first, time.UTC), r.Now.Add(time.Second))
	if err != nil {
		return err
	}
	p.Trend = trendOf(first, weeks, sweeps)
	for _, w := range weeks {
		p.Open += w.Open
	}
	return nil
}

func sweepOf(w read.SweepRow, names map[string]string) sweepView {
	v := sweepView{SweepRow: w, Coverage: w.Sum(), Who: byName(names, w.By), Kind: "good", Word: "complete, nothing found"}
	switch {
	case w.State == read.SweepRunning:
		v.Kind, v.Word = "info", "under way"
	case w.State == read.SweepFailed:
		v.Kind, v.Word = "bad", "ended early"
	case v.Outside+v.Against+v.Late+v.Changed > 0:
		v.Kind, v.Word = "warn", "complete, with findings"
	}
	return v
}

// Covered says how much a sweep has judged.
func (v sweepView) Covered() string {
	return web.Plural(strconv.Itoa(v.Swept), "message", "messages") + " of Duly that left and " +
		web.Plural(strconv.Itoa(v.ByHand), "outbound contact", "outbound contacts") + " of people, over " + web.Plural(strconv.Itoa(v.Debtors), "debtor", "debtors")
}

// Of says what a sweep was over.
func (v sweepView) Of() string {
	if v.SweepRow.Kind == read.NewsSweep {
		return "debtors of whom something was learned since the sweep before"
	}
	return "everybody who was ever contacted"
}

// Took is how long a sweep took.
func (v sweepView) Took() string {
	if v.Ended.IsZero() {
		return ""
	}
	return v.Ended.Sub(v.Began).Round(time.Second / 10).String()
}

// findingFilter is of open findings unless another status, or any, is asked for.
func findingFilter(r *web.Request) read.FindingFilter {
	q := r.R.URL.Query()
	f := read.FindingFilter{
		Creditors: one(q, "creditor"), Kinds: one(q, "kind"), Sources: one(q, "source"), Owner: q.Get("owner"), Rule: strings.TrimSpace(q.Get("rule")), Case: q.Get("case"),
	}
	f.From, f.Until = span(q)
	switch status := q.Get("status"); status {
	case "":
		f.Statuses = []string{read.FindingOpen}
	case "any":
	default:
		f.Statuses = []string{status}
	}
	return f
}

func findingOf(f read.FindingRow, set contact.Set, names map[string]string, now time.Time) finding {
	x := finding{FindingRow: f, Mark: "bad", Word: "violation", State: "info", Stand: "open", Who: byOwner(names, f.Owner), Overdue: f.Late(dunning.DateOf(now.UTC()))}
	if f.Kind == read.NearMiss {
		x.Mark, x.Word = "warn", "near miss"
	}
	switch {
	case f.Status == read.FindingFixed:
		x.State, x.Stand = "good", "fixed"
	case f.Status == read.FindingAccepted:
		x.State, x.Stand = "quiet", "accepted"
	case x.Overdue:
		x.State, x.Stand = "bad", "overdue"
	}
	if f.Source == read.BySweep && json.Unmarshal(f.Detail, &x.Found) == nil {
		x.Made = byName(names, x.Found.By)
		for _, reason := range x.Found.Checked.Verdict.Reasons {
			x.Rules = append(x.Rules, ruleSaid{reason.Rule, string(reason.Code), set.Citation(reason.Rule)})
		}
	}
	if len(x.Rules) == 0 {
		for _, rule := range f.Rules {
			x.Rules = append(x.Rules, ruleSaid{Rule: rule, Citation: set.Citation(rule)})
		}
	}
	return x
}

// byOwner names an owner; nobody is "".
func byOwner(names map[string]string, owner string) string {
	if owner == "" {
		return ""
	}
	return byName(names, owner)
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

var findingHeader = []string{
	"finding", "status", "kind", "title", "owner", "due", "contact", "case", "account", "debtor", "creditor", "decision", "at", "found", "source", "rules", "verdict",
}

func findingCells(f read.FindingRow) []string {
	var found recheck.Finding
	_ = json.Unmarshal(f.Detail, &found) // that of another source has no verdict
	due := ""
	if !f.Due.IsZero() {
		due = f.Due.String()
	}
	return []string{
		f.ID, f.Status, f.Kind, f.Title, f.Owner, due, f.Contact, f.Case, f.Account, f.Debtor, f.Creditor, f.Decision, stamp(f.At), stamp(f.Opened), f.Source,
		strings.Join(f.Rules, " "), string(found.Verdict),
	}
}

// --- one finding ---------------------------------------------------------------------

type findingPage struct {
	finding
	History []eventView
	Users   []person
	Faults  map[string]string
	Words   string
	DueDate string // of the form
	OwnerBy string
}

// eventView is an event for people.
type eventView struct {
	read.FindingEvent
	Who, Owner string
}

// one shows a finding with its history.
func (d *compliance) finding(r *web.Request) error {
	p, err := d.findingPage(r)
	if err != nil {
		return err
	}
	return r.Page("finding.html", p)
}

func (d *compliance) findingPage(r *web.Request) (*findingPage, error) {
	ctx := r.R.Context()
	f, history, err := d.Findings.Finding(ctx, r.Scope(identity.Review), r.R.PathValue("id"))
	if errors.Is(err, identity.ErrNotFound) {
		return nil, web.NotFound("This finding")
	}
	if err != nil {
		return nil, err
	}
	names, set, err := d.surroundings(ctx)
	if err != nil {
		return nil, err
	}
	p := &findingPage{finding: findingOf(f, set, names, r.Now), Users: people(names), OwnerBy: f.Owner}
	if !f.Due.IsZero() {
		p.DueDate = f.Due.String()
	}
	for _, e := range slices.Backward(history) {
		p.History = append(p.History, eventView{e, byName(names, e.By), byOwner(names, e.Owner)})
	}
	return p, nil
}

// step gives a finding an owner and a day, or closes or opens it, with words.
func (d *compliance) step(r *web.Request) error {
	p, err := d.findingPage(r)
	if err != nil {
		return err
	}
	if err := r.Require(identity.Findings, p.Creditor); err != nil {
		return err
	}
	step, faults := stepOf(r, p)
	if len(faults) > 0 {
		p.Faults, p.Words, p.DueDate, p.OwnerBy = faults, r.Value("words"), r.Value("due"), r.Value("owner")
		return r.PageStatus(422, "finding.html", p)
	}
	before, after, err := d.Findings.StepFinding(r.R.Context(), r.Scope(identity.Findings), p.ID, step)
	if err != nil {
		return err
	}
	if err := r.Record("finding.step", p.ID, read.StepDetail(before, after, step.Words)); err != nil {
		return err
	}
	return r.Done("/violations/"+p.ID, "The finding is kept.")
}

// stepOf reads the form.
func stepOf(r *web.Request, p *findingPage) (step read.FindingStep, faults map[string]string) {
	faults = map[string]string{}
	owner := r.Value("owner")
	step = read.FindingStep{At: r.Now, By: r.User.By, Status: r.Value("status"), Owner: &owner, Words: r.Value("words"), Due: &dunning.Date{}}
	if owner != "" && !slices.ContainsFunc(p.Users, func(u person) bool { return u.By == owner }) {
		faults["owner"] = "Choose somebody from the list."
	}
	if text := r.Value("due"); text != "" {
		due, err := dunning.ParseDate(text)
		if err != nil {
			faults["due"] = "Write the day as 2026-11-30."
		}
		step.Due = &due
	}
	switch step.Status {
	case "", read.FindingOpen, read.FindingFixed, read.FindingAccepted:
	default:
		faults["status"] = "Choose open, fixed or accepted."
	}
	if step.Status != "" && step.Status != p.Status && step.Words == "" {
		faults["words"] = "Say why: what was mended, or why nothing is to be."
	}
	if len(step.Words) > 2000 {
		faults["words"] = "At most 2,000 characters."
	}
	return step, faults
}
