package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

// CasePage is the page of a case; see read.Reader. The amounts are a fold of the log as
// it is now, not of the projection.
func (s *Store) CasePage(ctx context.Context, scope read.Scope, caseID string, at time.Time) (read.CasePage, error) {
	row, err := s.caseRow(ctx, scope, caseID, today(at))
	if err != nil {
		return read.CasePage{}, err
	}
	p := read.CasePage{CaseRow: row}
	for _, fill := range []func(context.Context, *read.CasePage) error{s.pageLog, s.pagePeople, s.pageMessages, s.pageOthers} {
		if err := fill(ctx, &p); err != nil {
			return read.CasePage{}, fmt.Errorf("page of case %s: %w", caseID, err)
		}
	}
	p.Today = p.Standing.Today(at, zone)
	p.Buckets = read.Age(p.Standing.Dues, p.Standing.Currency, p.Today)
	return p, nil
}

// pageLog fills what follows from the log.
func (s *Store) pageLog(ctx context.Context, p *read.CasePage) error {
	log, err := factsAsOf(ctx, s.q, p.Debtor, math.MaxInt64)
	if err != nil {
		return err
	}
	f, err := dunning.Fold(dunning.Setup{
		Creditor: dunning.Creditor{ID: p.Creditor}, Debtor: p.Debtor, Account: p.Account, Case: p.Case, Currency: p.Open.Currency(),
	}, log)
	if err != nil {
		return err
	}
	p.Log, p.Items, p.Version = log, f.Items, f.Version
	p.Standing, p.Work = read.Summarise(f), read.WorkOf(f, log)
	return nil
}

func (s *Store) pagePeople(ctx context.Context, p *read.CasePage) error {
	profile, err := s.Profile(ctx, p.Debtor)
	if err != nil {
		return err
	}
	p.Locale, p.Country, p.Address = profile.Locale, profile.Country, profile.Address
	points, err := s.Points(ctx, p.Debtor)
	for _, pt := range points {
		p.Points = append(p.Points, read.Point{ID: pt.ID, Channel: pt.Channel, Value: pt.Value, Kind: pt.Kind, Rank: pt.Rank, Dead: pt.Dead})
	}
	return err
}

func (s *Store) pageMessages(ctx context.Context, p *read.CasePage) (err error) {
	if p.Messages, err = s.caseMessages(ctx, p.Case); err != nil {
		return err
	}
	p.Decisions, err = one(ctx, s, "decisions", "SELECT count(*) FROM decisions WHERE case_id = $1::uuid", []any{p.Case}, pgx.RowTo[int64])
	return err
}

// pageOthers are the debtor's other cases at the same creditor: a debtor has but one.
func (s *Store) pageOthers(ctx context.Context, p *read.CasePage) (err error) {
	p.Others, err = rows(ctx, s, "cases", "SELECT "+caseColumns+" FROM cases c"+caseJoins+
		" WHERE c.debtor_id = $1::uuid AND c.id <> $2::uuid ORDER BY c.status DESC, c.created_at DESC, c.id LIMIT 50",
		[]any{p.Debtor, p.Case}, scanCase(p.Today))
	return err
}

// --- the story -------------------------------------------------------------------

const timelineOrder = "timeline"

// CaseTimeline is a case's story, the newest first; see read.Reader. Facts of the debtor's
// other accounts are left out.
func (s *Store) CaseTimeline(ctx context.Context, scope read.Scope, caseID string, f read.TimelineFilter, p read.Page) (read.List[read.TimelineRow], error) {
	after, err := read.DecodeCursor(p.After, timelineOrder, 3)
	if err != nil {
		return read.List[read.TimelineRow]{}, err
	}
	if _, err := s.InScope(ctx, scope, caseID); err != nil {
		return read.List[read.TimelineRow]{}, err
	}
	all, err := s.story(ctx, caseID, f)
	if err != nil {
		return read.List[read.TimelineRow]{}, err
	}
	if all, err = behind(all, after); err != nil {
		return read.List[read.TimelineRow]{}, err
	}
	return cut(all[:min(len(all), p.Size()+1)], p, timelineOrder, func(r read.TimelineRow) []string {
		return []string{strconv.FormatInt(r.Version, 10), r.Group, strconv.FormatInt(r.Seq, 10)}
	}), nil
}

// story is all of it that a filter keeps, the newest first: a decision after the facts
// that it looked at.
func (s *Store) story(ctx context.Context, caseID string, f read.TimelineFilter) ([]read.TimelineRow, error) {
	facts, err := s.q.TimelineFacts(ctx, caseID)
	if err != nil {
		return nil, fmt.Errorf("story of case %s: %w", caseID, explain(err))
	}
	var all []read.TimelineRow
	for _, r := range facts {
		x, err := decodeFact(sqlgen.FactsAsOfRow{
			Version: r.Version, Kind: r.Kind, At: r.At, AccountID: r.AccountID, CaseID: r.CaseID, By: r.By, Source: r.Source, Body: r.Body,
		})
		if err != nil {
			return nil, fmt.Errorf("story of case %s: %w", caseID, err)
		}
		all = append(all, read.TimelineRow{
			At: x.At, Group: read.GroupOf(x.Body), Kind: r.Kind, By: x.By, Version: x.Version, Seq: int64(r.Seq), Fact: &x,
		})
	}
	decisions, err := s.decisionRows(ctx, "WHERE j.case_id = $1::uuid ORDER BY j.seq", caseID)
	if err != nil {
		return nil, err
	}
	for i := range decisions {
		d := &decisions[i]
		all = append(all, read.TimelineRow{At: d.At, Group: read.GroupDecision, Kind: read.GroupDecision, Version: d.Version, Seq: d.Seq, Decision: d})
	}
	all = slices.DeleteFunc(all, func(r read.TimelineRow) bool { return !f.Keeps(r) })
	slices.SortStableFunc(all, func(a, b read.TimelineRow) int { return -before(a, b) })
	return all, nil
}

// before orders a story by the debtor's version, facts before decisions.
func before(a, b read.TimelineRow) int {
	decision := func(r read.TimelineRow) int {
		if r.Group == read.GroupDecision {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(decision(a), decision(b)), cmp.Compare(a.Seq, b.Seq))
}

// behind cuts off what a cursor has passed.
func behind(all []read.TimelineRow, after []string) ([]read.TimelineRow, error) {
	if after == nil {
		return all, nil
	}
	version, err1 := strconv.ParseInt(after[0], 10, 64)
	seq, err2 := strconv.ParseInt(after[2], 10, 64)
	if err1 != nil || err2 != nil {
		return nil, read.ErrBadCursor
	}
	last := read.TimelineRow{Version: version, Group: after[1], Seq: seq}
	return slices.DeleteFunc(all, func(r read.TimelineRow) bool { return before(r, last) >= 0 }), nil
}

// --- decisions ---------------------------------------------------------------------

const decisionOrder = "decisions"

const decisionColumns = `SELECT j.seq, j.id, j.case_id, j.verb, j.step, j.round, j.at, j.wake_at, j.waiting, j.rule, j.reason, j.not_before, j.deferred,
 j.sequence, j.policies, j.core, j.zones, j.debtor_version, j.wall FROM decisions j `

func scanDecision(row pgx.CollectableRow) (read.DecisionRow, error) {
	var d read.DecisionRow
	var wake, notBefore *time.Time
	err := row.Scan(&d.Seq, &d.ID, &d.Case, &d.Verb, &d.Step, &d.Round, &d.At, &wake, &d.Waiting, &d.Rule, &d.Reason, &notBefore, &d.Deferred,
		&d.Sequence, &d.Policies, &d.Core, &d.Zones, &d.Version, &d.Wall)
	d.WakeAt, d.NotBefore = value(wake), value(notBefore)
	return d, err
}

func (s *Store) decisionRows(ctx context.Context, where string, args ...any) ([]read.DecisionRow, error) {
	return rows(ctx, s, "decisions", decisionColumns+where, args, scanDecision)
}

// CaseDecisions are a case's decisions, the newest first.
func (s *Store) CaseDecisions(ctx context.Context, scope read.Scope, caseID string, p read.Page) (read.List[read.DecisionRow], error) {
	if _, err := s.InScope(ctx, scope, caseID); err != nil {
		return read.List[read.DecisionRow]{}, err
	}
	return s.ListDecisions(ctx, scope, read.DecisionFilter{Case: caseID}, p)
}

// CaseDecision is a decision with its body. ErrNotFound outside of the scope.
func (s *Store) CaseDecision(ctx context.Context, scope read.Scope, id string) (dunning.StoredDecision, error) {
	d, ok, err := s.Decision(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("decision %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return dunning.StoredDecision{}, err
	}
	if _, err := s.InScope(ctx, scope, d.Case); err != nil {
		return dunning.StoredDecision{}, err
	}
	return d, nil
}

// ListDecisions are decisions over all cases of a scope, the newest first; see read.Reader.
func (s *Store) ListDecisions(ctx context.Context, scope read.Scope, f read.DecisionFilter, p read.Page) (read.List[read.DecisionRow], error) {
	after, err := read.DecodeCursor(p.After, decisionOrder, 2)
	if err != nil {
		return read.List[read.DecisionRow]{}, err
	}
	a := &ask{}
	c := &conds{ask: a}
	c.uuid("j.case_id", f.Case)
	in(c, "j.verb", f.Verbs)
	if in(c, "j.rule", f.Rules); len(f.Rules) > 0 {
		c.add("j.rule <> ''")
	}
	if f.Deferred != nil {
		c.add("j.deferred = %s", *f.Deferred)
	}
	c.between("j.at", f.From, f.Until)
	if after != nil {
		if okInstant(after[0]) != nil || number(after[1]) != nil {
			return read.List[read.DecisionRow]{}, read.ErrBadCursor
		}
		c.add("(j.at, j.seq) < (%s::text::timestamptz, %s::text::bigint)", after[0], after[1])
	}
	if s := scope.Within(f.Creditors...); !s.All() {
		c.add("EXISTS (SELECT FROM cases c WHERE c.id = j.case_id AND c.creditor_id = ANY(%s::text[]))", s.Creditors())
	}
	all, err := s.decisionRows(ctx, "WHERE true"+c.and()+" ORDER BY j.at DESC, j.seq DESC LIMIT "+a.p(p.Size()+1), a.args...)
	if err != nil {
		return read.List[read.DecisionRow]{}, err
	}
	return cut(all, p, decisionOrder, func(d read.DecisionRow) []string {
		return []string{read.CursorTime(d.At), strconv.FormatInt(d.Seq, 10)}
	}), nil
}
