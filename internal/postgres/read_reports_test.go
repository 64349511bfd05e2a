package postgres_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// reported is a random portfolio with everything that was written into it.
type reported struct {
	*postgres.Store
	t         *testing.T
	r         *rand.Rand
	n         int
	at        time.Time
	books     []*book
	decisions []dunning.StoredDecision
}

// book is one account with its log.
type book struct {
	dunning.CaseRef
	zones []string
	log   []dunning.Fact // of the account, in order
	open  bool
}

var reportNow = time.Date(2026, 4, 20, 22, 30, 0, 0, time.UTC)

// reportStart is 60 days before: a portfolio lives up to the report.
var reportStart = reportNow.AddDate(0, 0, -60)

func newReported(t *testing.T, seed uint64, accounts int) *reported {
	t.Helper()
	p := &reported{Store: pgtest.New(t), t: t, r: rand.New(rand.NewPCG(seed, 5))}
	p.must(p.PutCreditors(t.Context(), "acme", "bolt", "idle"))
	for len(p.books) < accounts {
		p.debtor()
	}
	for _, b := range p.books {
		p.live(b)
	}
	return p
}

func (p *reported) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// debtor adds somebody with one account or two.
func (p *reported) debtor() {
	p.n++
	creditor := []string{"acme", "acme", "bolt"}[p.r.IntN(3)]
	zones := [][]string{{"America/Los_Angeles"}, {"Pacific/Auckland", "Europe/Berlin"}, {"Nowhere/Atall"}, nil}[p.r.IntN(4)]
	id, err := p.PutDebtor(p.t.Context(), postgres.Profile{Creditor: creditor, Key: fmt.Sprint("D", p.n), Name: "Ada Example"})
	p.must(err)
	for _, currency := range [][]string{{"USD"}, {"USD", "JPY"}, {"USD", "USD"}}[p.r.IntN(3)] {
		p.n++
		account, err := p.PutAccount(p.t.Context(), postgres.Account{Debtor: id, Creditor: creditor, Key: fmt.Sprint("A", p.n), Currency: currency})
		p.must(err)
		p.books = append(p.books, &book{CaseRef: dunning.CaseRef{
			Case: uuid.NewString(), Account: account, Debtor: id, Creditor: creditor, Currency: currency,
			Sequence: []string{"soft", "hard"}[p.r.IntN(2)], Version: "v1", Open: true,
		}, zones: zones})
	}
}

// live opens the case of an account and adds random facts, one transaction each.
func (p *reported) live(b *book) {
	p.at = reportStart.Add(time.Duration(p.r.IntN(20*24*60)) * time.Minute)
	p.must(p.InDebtor(p.t.Context(), []string{b.Debtor}, func(tx *postgres.Tx) error {
		_, err := tx.OpenCase(p.t.Context(), b.CaseRef)
		return err
	}))
	p.must(p.PutPoints(p.t.Context(), b.Debtor, postgres.Point{ID: "e1", Channel: dunning.Email, Value: "ada@example.invalid"}))
	p.add(b, dunning.CaseOpened{Sequence: b.Sequence, Version: "v1"}, dunning.DebtorKnown{DebtorKind: "consumer", Zones: b.zones},
		dunning.PointKnown{ID: "e1", Channel: dunning.Email})
	b.open = true
	for range 20 + p.r.IntN(25) {
		if p.at = p.at.Add(time.Duration(p.r.IntN(60*60)) * time.Minute); p.at.After(reportNow) {
			return
		}
		p.happens(b)
	}
}

func (p *reported) add(b *book, bodies ...dunning.Body) {
	p.t.Helper()
	var facts []dunning.Fact
	for _, body := range bodies {
		facts = append(facts, dunning.Fact{At: p.at, Account: b.Account, Case: b.Case, By: "system", Body: body})
	}
	p.must(p.InDebtor(p.t.Context(), []string{b.Debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(p.t.Context(), b.Debtor, facts)
		return err
	}))
	b.log = append(b.log, facts...)
}

func (p *reported) sum(b *book) money.Amount {
	return money.MustParse("0", b.Currency).Of(int64(1 + p.r.IntN(90000)))
}

func (p *reported) id() string { p.n++; return fmt.Sprint("x", p.n) }

// earlier is the id of something of a kind that happened on the account, else one of nothing.
func (p *reported) earlier(b *book, kind dunning.Kind) string {
	var ids []string
	for _, f := range b.log {
		switch x := f.Body.(type) {
		case dunning.Payment:
			if kind == "payment" {
				ids = append(ids, x.ID)
			}
		case dunning.PromiseMade:
			if kind == "promise_made" {
				ids = append(ids, x.ID)
			}
		}
	}
	if len(ids) == 0 {
		return "nothing"
	}
	return ids[p.r.IntN(len(ids))]
}

func (p *reported) happens(b *book) {
	switch p.r.IntN(14) {
	case 0, 1:
		due := dunning.DateOf(p.at).AddDays(p.r.IntN(140) - 110)
		items := []dunning.Body{}
		for range 1 + p.r.IntN(2) { // two may be due on one day
			items = append(items, dunning.Item{Key: p.id(), Due: due, Amount: p.sum(b)})
		}
		p.add(b, items...)
	case 2, 3:
		p.add(b, dunning.Payment{ID: p.id(), Amount: p.sum(b)})
	case 4:
		p.add(b, dunning.PaymentReversed{Payment: p.earlier(b, "payment")})
	case 5:
		p.add(b, dunning.PromiseMade{ID: p.id(), Amount: p.sum(b), Due: dunning.DateOf(p.at)})
	case 6:
		if id := p.earlier(b, "promise_made"); id != "nothing" {
			p.add(b, dunning.PromiseEnded{ID: id, Outcome: []string{"kept", "partly", "broken", "withdrawn"}[p.r.IntN(4)]})
		}
	case 7:
		id := p.id()
		p.add(b, dunning.PlanAgreed{ID: id, Items: []string{"x"}, Instalments: []dunning.Instalment{{Due: dunning.DateOf(p.at), Amount: p.sum(b)}}})
		p.add(b, dunning.PlanEnded{ID: id, Outcome: []string{"kept", "paid_off", "broken", "cancelled"}[p.r.IntN(4)]})
	case 8:
		p.call(b)
	case 9:
		p.turn(b)
	case 10:
		p.add(b, []dunning.Body{
			dunning.StepPassed{Step: "first", Items: []string{"x"}},
			dunning.StepsWaived{Steps: []string{"first", "second"}, Items: []string{"x"}, Why: "catch_up"},
			dunning.EntryEnded{Step: "third", Items: []string{"x"}, Why: "no_channel"},
		}[p.r.IntN(3)])
	default:
		p.message(b)
	}
}

func (p *reported) call(b *book) {
	p.add(b, dunning.ContactLogged{
		ID: p.id(), Direction: []string{"outbound", "outbound", "inbound"}[p.r.IntN(3)],
		Channel: []dunning.Channel{dunning.Call, dunning.Call, dunning.Email}[p.r.IntN(3)],
		Outcome: []string{"conversation", "no_answer", "voicemail"}[p.r.IntN(3)], Person: []string{"", "", "wife"}[p.r.IntN(3)],
	})
}

func (p *reported) turn(b *book) {
	if b.open = !b.open; b.open {
		p.add(b, dunning.CaseOpened{Sequence: b.Sequence, Version: "v1", Reopened: true})
		return
	}
	p.add(b, dunning.CaseClosed{Reason: []string{"paid", "settled", "written_off"}[p.r.IntN(3)]})
}

// message is a decision and, unless a rule kept it back, a message with its way.
func (p *reported) message(b *book) {
	id, step := "d"+p.id(), []string{"first", "second", "third", "on.paid"}[p.r.IntN(4)]
	d := dunning.StoredDecision{
		ID: id, Case: b.Case, Core: "1", Policies: "house@1", Zones: "2026a", Wall: p.at,
		Decision: dunning.Decision{
			Verb: dunning.VerbSend, At: p.at, WakeAt: p.at, Step: step, Version: 1, Sequence: "v1", Contact: &dunning.ContactPlanned{Step: step, Channel: dunning.Email},
		},
	}
	if p.r.IntN(3) == 0 {
		no := &d.Decision
		no.Verb, no.Contact, no.NotBefore = dunning.VerbLook, nil, p.at.Add(time.Hour)
		no.Rule, no.Deferred = []string{"hours", "caps"}[p.r.IntN(2)], p.r.IntN(2) == 0
	}
	p.must(p.InDebtor(p.t.Context(), []string{b.Debtor}, func(tx *postgres.Tx) error { return tx.StoreDecision(p.t.Context(), d) }))
	p.decisions = append(p.decisions, d)
	if d.Decision.Contact == nil {
		return
	}
	p.n++
	c := dunning.ContactPlanned{
		ID: fmt.Sprintf("%s/%d", b.Case, p.n), Step: step, Round: p.r.IntN(2), Channel: dunning.Email, Template: "t", Ordinal: p.n, Point: "e1",
		Decision: id, Automatic: p.r.IntN(8) > 0,
	}
	p.add(b, c)
	for _, m := range p.way() {
		p.at = p.at.Add(time.Duration(p.r.IntN(90)) * time.Minute)
		m.ID = c.ID
		p.add(b, m)
	}
}

// way is what becomes of a message.
func (p *reported) way() []dunning.ContactMoved {
	sent := dunning.ContactMoved{State: dunning.ContactSending}
	of := func(s dunning.ContactState) dunning.ContactMoved { return dunning.ContactMoved{State: s} }
	failed := dunning.ContactMoved{State: dunning.ContactFailed, Class: dunning.FailedLater, Code: "503"}
	switch p.r.IntN(9) {
	case 0:
		return []dunning.ContactMoved{sent, failed, of(dunning.ContactReserved), sent, failed}
	case 1:
		return []dunning.ContactMoved{sent, of(dunning.ContactAccepted), {State: dunning.ContactBounced, Class: dunning.FailedRecipient, Code: "550", Permanent: true}}
	case 2:
		return []dunning.ContactMoved{sent, of(dunning.ContactUnknown), of(dunning.ContactUnknown)}
	case 3:
		return []dunning.ContactMoved{of(dunning.ContactCancelled)}
	case 4:
		return []dunning.ContactMoved{sent, of(dunning.ContactAccepted), of(dunning.ContactAccepted)}
	}
	return []dunning.ContactMoved{sent, of(dunning.ContactAccepted)}
}

// --- oracles: everything is counted by going through the facts, one by one ----------------------

func (p *reported) within(s read.Scope) (out []*book) {
	for _, b := range p.books {
		if s.Allows(b.Creditor) {
			out = append(out, b)
		}
	}
	return out
}

// ageing goes through the facts up to until, and looks at what they leave as of at.
func (p *reported) ageing(s read.Scope, at, until time.Time) []read.AgeingRow {
	rows, seen := map[string]*read.AgeingRow{}, map[string]bool{}
	once := func(cell *read.AgeingCell, key string) {
		if !seen[key] {
			seen[key] = true
			cell.Debtors++
		}
	}
	for _, b := range p.within(s) {
		f, oldest := p.fold(b, until), dunning.Date{}
		key := b.Creditor + b.Currency
		row := func() *read.AgeingRow {
			if rows[key] == nil {
				r := read.NewAgeingRow(b.Creditor, b.Currency)
				rows[key] = &r
			}
			return rows[key]
		}
		for i := range f.Items {
			it := &f.Items[i]
			if !read.Owed(it) {
				continue
			}
			zone := time.UTC
			if len(f.Known.Zones) > 0 {
				if z, err := time.LoadLocation(f.Known.Zones[0]); err == nil {
					zone = z
				}
			}
			r, n := row(), bucketOf(it.Due.Days(dunning.DateOf(at.In(zone))))
			for _, c := range []*read.AgeingCell{&r.Buckets[n], &r.Total} {
				c.Open, c.Items = c.Open.Of(c.Open.Minor()+it.Open), c.Items+1
			}
			once(&r.Buckets[n], fmt.Sprint(key, b.Debtor, n))
			once(&r.Total, key+b.Debtor)
			if oldest.IsZero() || it.Due.Before(oldest) {
				oldest = it.Due
			}
		}
		if b.openAt(until) {
			n := 0
			if !oldest.IsZero() {
				n = bucketOf(oldest.Days(dunning.DateOf(at.UTC())))
			}
			row().Buckets[n].Cases++
			row().Total.Cases++
		}
	}
	out := []read.AgeingRow{}
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		out = append(out, *rows[k])
	}
	return out
}

func bucketOf(days int) int {
	switch {
	case days < 1:
		return 0
	case days < 31:
		return 1
	case days < 61:
		return 2
	case days < 91:
		return 3
	}
	return 4
}

// openAt reports whether the case was open.
func (b *book) openAt(t time.Time) (open bool) {
	for _, f := range b.log {
		switch f.Body.(type) {
		case dunning.CaseOpened:
			open = !f.At.After(t) || open
		case dunning.CaseClosed:
			open = open && f.At.After(t)
		}
	}
	return open
}

func (p *reported) fold(b *book, until time.Time) dunning.Facts {
	p.t.Helper()
	log, err := p.FactsAsOf(p.t.Context(), b.Debtor, 1<<40)
	p.must(err)
	log = slices.DeleteFunc(log, func(f dunning.Fact) bool { return f.At.After(until) })
	f, err := dunning.Fold(dunning.Setup{Creditor: dunning.Creditor{ID: b.Creditor}, Debtor: b.Debtor, Account: b.Account, Case: b.Case, Currency: b.Currency}, log)
	p.must(err)
	return f
}

// tally counts lines by their text.
type tally map[string]int64

func (t tally) add(parts ...any) { t[fmt.Sprint(parts...)]++ }

func (p *reported) run(s read.Scope, span read.Span) tally {
	out := tally{}
	day := func(at time.Time) (dunning.Date, bool) {
		d := dunning.DateOf(at.In(span.Zone))
		return d, !d.Before(span.From) && !span.Until.Before(d)
	}
	for _, b := range p.within(s) {
		first, channel := map[string]bool{}, map[string]dunning.Channel{}
		for _, f := range b.log {
			d, in := day(f.At)
			switch x := f.Body.(type) {
			case dunning.ContactPlanned:
				channel[x.ID] = x.Channel
			case dunning.ContactMoved:
				what := map[dunning.ContactState]string{
					dunning.ContactAccepted: read.RunSent, dunning.ContactFailed: read.RunFailed, dunning.ContactBounced: read.RunBounced,
					dunning.ContactUnknown: read.RunUnknown, dunning.ContactCancelled: read.RunCancelled,
				}[x.State]
				again := first[x.ID+what] && what != read.RunFailed
				first[x.ID+what] = true
				if what != "" && !again && in {
					reason := ""
					if x.Class != "" {
						reason = string(x.Class) + " " + x.Code
					}
					out.add(d, b.Creditor, what, channel[x.ID], reason)
				}
			case dunning.CaseOpened:
				what := read.RunOpened
				if x.Reopened {
					what = read.RunReopened
				}
				if in {
					out.add(d, b.Creditor, what, "", "")
				}
			case dunning.StepPassed:
				if in {
					out.add(d, b.Creditor, read.RunSkipped, "", "condition")
				}
			case dunning.StepsWaived:
				for range x.Steps {
					if in {
						out.add(d, b.Creditor, read.RunSkipped, "", x.Why)
					}
				}
			case dunning.EntryEnded:
				if in {
					out.add(d, b.Creditor, read.RunSkipped, "", x.Why)
				}
			case dunning.CaseClosed:
				if in {
					out.add(d, b.Creditor, read.RunClosed, "", x.Reason)
				}
			}
		}
	}
	p.runDecisions(s, day, out)
	return out
}

func (p *reported) runDecisions(s read.Scope, day func(time.Time) (dunning.Date, bool), out tally) {
	creditor := map[string]string{}
	for _, b := range p.books {
		creditor[b.Case] = b.Creditor
	}
	kept := map[string]bool{}
	for _, x := range p.decisions {
		who := creditor[x.Case]
		d, in := day(x.Decision.At)
		if !in || !s.Allows(who) {
			continue
		}
		out.add(d, who, read.RunDecided, "", x.Decision.Verb)
		what := read.RunRefused
		if x.Decision.Deferred {
			what = read.RunDeferred
		}
		if k := fmt.Sprint(d, x.Case, x.Decision.Step, x.Decision.Rule, x.Decision.NotBefore, what); x.Decision.Rule != "" && !kept[k] {
			kept[k] = true
			out.add(d, who, what, "", x.Decision.Rule)
		}
	}
}

// promises are all numbers of the report but the rates, by what they are called in the file.
func (p *reported) promises(s read.Scope, span read.Span) map[string][2]int64 {
	out := map[string][2]int64{}
	add := func(f dunning.Fact, b *book, of, currency, what string, minor int64) {
		d := dunning.DateOf(f.At.In(span.Zone))
		if d.Before(span.From) || span.Until.Before(d) {
			return
		}
		k := fmt.Sprint(of, d.String()[:7], b.Creditor, currency, what)
		out[k] = [2]int64{out[k][0] + 1, out[k][1] + minor}
	}
	for _, b := range p.within(s) {
		promised := map[string]int64{}
		for _, f := range b.log {
			switch x := f.Body.(type) {
			case dunning.PromiseMade:
				promised[x.ID] = x.Amount.Minor()
				add(f, b, "promises", b.Currency, "made", x.Amount.Minor())
			case dunning.PromiseEnded:
				add(f, b, "promises", b.Currency, x.Outcome, promised[x.ID])
			case dunning.PlanAgreed:
				add(f, b, "plans", "", "agreed", 0)
			case dunning.PlanEnded:
				add(f, b, "plans", "", strings.Replace(x.Outcome, "paid_off", "kept", 1), 0)
			case dunning.ContactLogged:
				if x.Direction == "outbound" && x.Channel == dunning.Call {
					add(f, b, "calls", "", x.Outcome, 0)
					if x.Outcome == "conversation" && x.Person == "" {
						add(f, b, "calls", "", "right party", 0)
					}
				}
			}
		}
	}
	return out
}

// steps goes through all sendings of all accounts and looks for payments that no later
// sending stands before.
func (p *reported) steps(s read.Scope, span read.Span, now time.Time) map[string][]int64 {
	out := map[string][]int64{}
	starts := span.Starts()
	for _, b := range p.within(s) {
		sent := map[string][]time.Time{}
		for _, f := range b.log {
			c, ok := f.Body.(dunning.ContactPlanned)
			if !ok || !c.Automatic || c.Step == "on.paid" {
				continue
			}
			var state dunning.ContactState
			var since time.Time
			for _, g := range b.log {
				m, ok := g.Body.(dunning.ContactMoved)
				if !ok || m.ID != c.ID {
					continue
				}
				if state = m.State; state == dunning.ContactAccepted && since.IsZero() {
					since = g.At // what is reported of it later does not send it anew
				}
			}
			if state == dunning.ContactAccepted {
				k := fmt.Sprint(c.Step, "/", c.Round)
				sent[k] = append(sent[k], since)
			}
		}
		for k, times := range sent {
			p.oneSending(b, k, times, sent, starts, now, out)
		}
	}
	return out
}

func (p *reported) oneSending(b *book, k string, times []time.Time, sent map[string][]time.Time, starts []time.Time, now time.Time, out map[string][]int64) {
	at := slices.MinFunc(times, time.Time.Compare)
	if at.Before(starts[0]) || !at.Before(starts[len(starts)-1]) {
		return
	}
	var paid7, paid14 bool
	var minor int64
	for _, f := range b.log {
		pay, ok := f.Body.(dunning.Payment)
		if !ok || f.At.Before(at) || f.At.Sub(at) > 14*24*time.Hour {
			continue
		}
		mine := true
		for other, ts := range sent {
			o := slices.MinFunc(ts, time.Time.Compare)
			mine = mine && (other == k || !o.After(at) || o.After(f.At))
		}
		for _, g := range b.log {
			r, ok := g.Body.(dunning.PaymentReversed)
			mine = mine && (!ok || r.Payment != pay.ID)
		}
		if mine {
			paid7, paid14, minor = paid7 || f.At.Sub(at) <= 7*24*time.Hour, true, minor+pay.Amount.Minor()
		}
	}
	key := b.Sequence + " " + k[:len(k)-2]
	sum := append(out[key], make([]int64, 9)...)[:8]
	sum[0], sum[1] = sum[0]+int64(len(times)), sum[1]+1
	if !at.AddDate(0, 0, 7).After(now) {
		sum[3]++
		sum[2] += one64(paid7)
	}
	if !at.AddDate(0, 0, 14).After(now) {
		sum[5]++
		sum[4] += one64(paid14)
		sum[map[string]int{"USD": 6, "JPY": 7}[b.Currency]] += minor
	}
	out[key] = sum
}

func one64(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// --- tests --------------------------------------------------------------------------------------

// TestReportsAgreeWithTheFacts counts random portfolios by going through all of their facts
// and finds the same numbers in the reports, for everybody, for one creditor, for one who has
// nothing, and in zones whose days begin elsewhere.
func TestReportsAgreeWithTheFacts(t *testing.T) {
	met := tally{}
	for seed := range uint64(3) {
		p := newReported(t, seed, 14)
		for _, scope := range []read.Scope{read.Everything(), read.Only("bolt"), read.Only("idle"), {}} {
			for _, zone := range []string{"UTC", "Pacific/Auckland"} {
				loc, err := time.LoadLocation(zone)
				p.must(err)
				span := read.Span{From: dunning.DateOf(reportNow).AddDays(-50 - p.r.IntN(30)), Until: dunning.DateOf(reportNow).AddDays(-p.r.IntN(9)), Zone: loc}
				name := fmt.Sprintf("seed %d, %v, %s", seed, scope, zone)
				p.agrees(name, scope, span, met)
			}
		}
	}
	for _, kind := range append(read.RunKinds(), "promise kept", "plan kept", "right party", "credited", "recovered", "collected", "two due on a day") {
		if met[kind] == 0 {
			t.Errorf("no portfolio had anything of the kind %q: this test proves nothing about it", kind)
		}
	}
}

func (p *reported) agrees(name string, scope read.Scope, span read.Span, met tally) {
	p.t.Helper()
	ctx := p.t.Context()
	ageing, err := p.ReportAgeing(ctx, scope, reportNow)
	p.must(err)
	if want := p.ageing(scope, reportNow, reportNow.AddDate(1, 0, 0)); !reflect.DeepEqual(ageing.Rows, want) {
		p.t.Errorf("%s: ageing\n got %+v\nwant %+v", name, ageing.Rows, want)
	}
	p.leadsToCases(name, scope, ageing)
	then := reportStart.AddDate(0, 0, 5+p.r.IntN(50))
	past, err := p.ReportAgeingPast(ctx, scope, then, 0)
	p.must(err)
	if want := p.ageing(scope, then, then); !reflect.DeepEqual(past.Rows, want) {
		p.t.Errorf("%s: ageing of %v\n got %+v\nwant %+v", name, then, past.Rows, want)
	}
	run, err := p.ReportRun(ctx, scope, span, reportNow)
	p.must(err)
	counts := tally{}
	for _, l := range run.Counts {
		counts[fmt.Sprint(l.Day, l.Creditor, l.What, l.Channel, l.Reason)] += l.N
	}
	if want := p.run(scope, span); !maps.Equal(counts, want) {
		p.t.Errorf("%s: run\n%s", name, differs(counts, want))
	}
	promises, err := p.ReportPromises(ctx, scope, span, reportNow)
	p.must(err)
	p.samePromises(name, promises, p.promises(scope, span))
	steps, err := p.ReportSteps(ctx, scope, span, reportNow)
	p.must(err)
	p.sameSteps(name, steps, p.steps(scope, span, reportNow))
	recovery, err := p.ReportRecovery(ctx, scope, span, reportNow)
	p.must(err)
	p.sameRecovery(name, scope, span, recovery)
	met.meet(ageing, run, promises, steps, recovery)
}

// leadsToCases follows each number of cases to the list of cases, as the page does.
func (p *reported) leadsToCases(name string, scope read.Scope, r read.AgeingReport) {
	p.t.Helper()
	for _, row := range r.Rows {
		for _, c := range row.Buckets {
			f := read.CaseFilter{Creditors: []string{row.Creditor}, Currency: row.Currency, Today: dunning.DateOf(reportNow.UTC())}
			f.MinDays, f.MaxDays = read.BucketDays(c.Bucket)
			if n, err := p.CountCases(p.t.Context(), scope, f); err != nil || n.N != c.Cases {
				p.t.Errorf("%s: %d cases of %s %s %s, and the list has %d (%v)", name, c.Cases, row.Creditor, row.Currency, c.Bucket, n.N, err)
			}
		}
	}
}

// meet notes what there was to be counted.
func (t tally) meet(ageing read.AgeingReport, run read.RunReport, promises read.PromiseReport, steps read.StepReport, recovery read.RecoveryReport) {
	for _, l := range run.Counts {
		t[l.What] += l.N
	}
	for _, x := range promises.Promises {
		t["promise kept"] += x.Kept
	}
	for _, x := range promises.Plans {
		t["plan kept"] += x.Kept
	}
	for _, x := range promises.Calls {
		t["right party"] += x.RightParty.Count
	}
	for _, x := range steps.Rows {
		t["credited"] += x.Paid[0].Count
	}
	for _, x := range recovery.Rows {
		t["recovered"] += x.Paid[0].Count
		t["collected"] += x.Payments
	}
	for _, x := range ageing.Rows {
		if x.Total.Items > x.Total.Debtors {
			t["two due on a day"]++
		}
	}
}

func differs[V comparable](got, want map[string]V) (out string) {
	keys := slices.Collect(maps.Keys(got))
	keys = slices.AppendSeq(keys, maps.Keys(want))
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		if got[k] != want[k] {
			out += fmt.Sprintf("  %s: %v, want %v\n", k, got[k], want[k])
		}
	}
	return out
}

func (p *reported) samePromises(name string, r read.PromiseReport, want map[string][2]int64) {
	p.t.Helper()
	got := map[string][2]int64{}
	for _, l := range r.Lines() {
		var n, minor int64
		_, err := fmt.Sscan(l[5], &n)
		p.must(err)
		k := fmt.Sprint(l[0], l[1], l[2], l[3], l[4])
		if l[6] != "" {
			a, err := money.Parse(l[6], l[3])
			p.must(err)
			minor = a.Minor()
		} else if l[0] == "promises" {
			minor = want[k][1] // the file does not tell
		}
		if n > 0 {
			got[k] = [2]int64{n, minor}
		}
	}
	if !maps.Equal(got, want) {
		p.t.Errorf("%s: promises\n%s", name, differs(got, want))
	}
	for _, x := range r.Promises {
		if x.Rate.Count != x.Kept || x.Rate.Of != x.Kept+x.Partly+x.Broken {
			p.t.Errorf("%s: a rate of promises is %+v of %+v", name, x.Rate, x)
		}
	}
}

func (p *reported) sameSteps(name string, r read.StepReport, want map[string][]int64) {
	p.t.Helper()
	got := map[string][]int64{}
	for _, x := range r.Rows {
		sum := []int64{x.Messages, x.Sendings, x.Paid[0].Count, x.Paid[0].Of, x.Paid[1].Count, x.Paid[1].Of, 0, 0}
		for _, a := range x.Credited {
			sum[map[string]int{"USD": 6, "JPY": 7}[a.Currency()]] = a.Minor()
		}
		got[x.Sequence+" "+x.Step] = sum
		if x.Version != "v1" {
			p.t.Errorf("%s: version %q", name, x.Version)
		}
	}
	if !reflect.DeepEqual(got, want) {
		p.t.Errorf("%s: steps\n got %v\nwant %v", name, got, want)
	}
}

func (p *reported) sameRecovery(name string, scope read.Scope, span read.Span, r read.RecoveryReport) {
	p.t.Helper()
	want := map[string][]int64{}
	at := func(f dunning.Fact, b *book) (string, bool) {
		d := dunning.DateOf(f.At.In(span.Zone))
		k := fmt.Sprint(d.String()[:7], b.Creditor, b.Currency)
		in := !d.Before(span.From) && !span.Until.Before(d)
		if in && want[k] == nil {
			want[k] = make([]int64, 9)
		}
		return k, in
	}
	for _, b := range p.within(scope) {
		var closed dunning.Fact
		for _, f := range b.log {
			switch f.Body.(type) {
			case dunning.CaseOpened, dunning.CaseClosed:
				closed = f
			}
		}
		end, _ := closed.Body.(dunning.CaseClosed)
		taken := map[string]bool{}
		for _, f := range b.log {
			if x, ok := f.Body.(dunning.PaymentReversed); ok {
				taken[x.Payment] = true
			}
		}
		for _, f := range b.log {
			switch x := f.Body.(type) {
			case dunning.CaseOpened:
				k, in := at(f, b)
				if x.Reopened || !in {
					continue
				}
				want[k][0]++
				for i, days := range read.RecoveryDays() {
					if then := f.At.AddDate(0, 0, days); !then.After(reportNow) {
						want[k][2+2*i]++
						want[k][1+2*i] += one64((end.Reason == "paid" || end.Reason == "settled") && !closed.At.After(then))
					}
				}
			case dunning.Payment:
				if taken[x.ID] {
					continue
				}
				if k, in := at(f, b); in {
					want[k][7]++
					want[k][8] += x.Amount.Minor()
				}
			}
		}
	}
	maps.DeleteFunc(want, func(_ string, v []int64) bool { return slices.Max(v) == 0 })
	got := map[string][]int64{}
	for _, x := range r.Rows {
		sum := []int64{x.Opened}
		for _, s := range x.Paid {
			sum = append(sum, s.Count, s.Of)
		}
		got[fmt.Sprint(x.Month, x.Creditor, x.Currency)] = append(sum, x.Payments, x.Collected.Minor())
	}
	if !reflect.DeepEqual(got, want) {
		p.t.Errorf("%s: recovery\n got %v\nwant %v", name, got, want)
	}
}

// TestReportsOfNothing: an empty database has reports, and they are empty and not missing.
func TestReportsOfNothing(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	span := read.Span{From: dunning.DateOf(reportNow), Until: dunning.DateOf(reportNow), Zone: time.UTC}
	ageing, err1 := s.ReportAgeing(ctx, read.Everything(), reportNow)
	run, err2 := s.ReportRun(ctx, read.Everything(), span, reportNow)
	promises, err3 := s.ReportPromises(ctx, read.Everything(), span, reportNow)
	steps, err4 := s.ReportSteps(ctx, read.Everything(), span, reportNow)
	recovery, err5 := s.ReportRecovery(ctx, read.Everything(), span, reportNow)
	if err := cmp.Or(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	if ageing.Rows == nil || run.Counts == nil || promises.Promises == nil || promises.Plans == nil || promises.Calls == nil || steps.Rows == nil ||
		recovery.Rows == nil {
		t.Error("a report of nothing has a list that is not there, which JSON writes as null")
	}
	for _, r := range []read.Table{ageing, run, promises, steps, recovery} {
		if n := len(r.Lines()); n != 0 {
			t.Errorf("%T has %d lines of nothing", r, n)
		}
	}
}

// TestAgeingOfThePastIsBounded: a page folds so many customers and no more, and says what to do.
func TestAgeingOfThePastIsBounded(t *testing.T) {
	p := newReported(t, 9, 6)
	_, err := p.ReportAgeingPast(t.Context(), read.Everything(), reportNow, 2)
	if !errors.Is(err, dunning.ErrInvalid) || !strings.Contains(err.Error(), "duly report ageing --at") {
		t.Errorf("more customers than are read: %v", err)
	}
	if r, err := p.ReportAgeingPast(t.Context(), read.Only("idle"), reportNow, 2); err != nil || len(r.Rows) != 0 || !r.Past {
		t.Errorf("a creditor with nobody: %+v, %v", r, err)
	}
}

// TestReportsFindFactsByTime: of a portfolio with real statistics a week of reports does not read
// the facts and decisions from one end to the other.
func TestReportsFindFactsByTime(t *testing.T) {
	s, _ := bigStore(t, 3_000, 3)
	name := pgx.Identifier{s.Pool().Config().ConnConfig.Database}.Sanitize()
	if _, err := s.Pool().Exec(t.Context(), "ALTER DATABASE "+name+" SET random_page_cost = 1.1"); err != nil {
		t.Fatal(err)
	}
	before := scans(t, s)
	span := read.Span{From: dunning.DateOf(bigNow).AddDays(-3), Until: dunning.DateOf(bigNow).AddDays(-2), Zone: time.UTC}
	_, err1 := s.ReportRun(t.Context(), read.Everything(), span, bigNow)
	_, err2 := s.ReportPromises(t.Context(), read.Everything(), span, bigNow)
	_, err3 := s.ReportSteps(t.Context(), read.Everything(), span, bigNow)
	_, err4 := s.ReportRecovery(t.Context(), read.Everything(), span, bigNow)
	if err := cmp.Or(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	after := scans(t, s)
	for _, table := range []string{"facts", "decisions"} {
		if after[table].Seq > before[table].Seq || after[table].Index == before[table].Index {
			t.Errorf("table %s: read as a whole %d times, by an index %d times", table, after[table].Seq-before[table].Seq, after[table].Index-before[table].Index)
		}
	}
}

// TestStepsOfMovedCases: a message is of the version, and of the sequence, that its case followed
// when it was decided.
func TestStepsOfMovedCases(t *testing.T) {
	b := newBundle(t).open()
	b.mustAdd(b.fact(dunning.PointKnown{ID: "e1", Channel: dunning.Email}))
	b.must(b.PutPoints(t.Context(), b.debtor, postgres.Point{ID: "e1", Channel: dunning.Email, Value: "ada@example.invalid"}))
	send := func(n int, version string, at time.Time) {
		d := b.decision(fmt.Sprint("d", n), "", int64(n), at)
		d.Decision.Sequence = version
		b.must(b.decide(d))
		c := b.planned(n)
		c.Decision, c.Round = d.ID, n
		for i, body := range []dunning.Body{c, dunning.ContactMoved{ID: c.ID, State: dunning.ContactSending}, dunning.ContactMoved{ID: c.ID, State: dunning.ContactAccepted}} {
			f := b.caseFact(body)
			f.At = at.Add(time.Duration(i) * time.Second)
			b.mustAdd(f)
		}
	}
	move := b.caseFact(dunning.Migrated{
		ID: "m1", FromSequence: "consumer-standard", FromVersion: "v1", Sequence: "other", Version: "v2", Reason: "better", Moves: []dunning.ItemsMoved{},
	})
	move.At = noon.AddDate(0, 0, 2)
	if _, err := b.Pool().Exec(t.Context(), "INSERT INTO releases (version, published_at) VALUES ('r', now())"); err != nil {
		t.Fatal(err)
	}
	const versions = "INSERT INTO sequence_versions (sequence, version, release) VALUES ('consumer-standard', 'v1', 'r'), ('other', 'v2', 'r')"
	if _, err := b.Pool().Exec(t.Context(), versions); err != nil {
		t.Fatal(err)
	}
	send(1, "v1", noon)
	b.mustAdd(move)
	send(2, "v2", noon.AddDate(0, 0, 4))
	span := read.Span{From: dunning.DateOf(noon), Until: dunning.DateOf(noon).AddDays(9), Zone: time.UTC}
	r, err := b.ReportSteps(t.Context(), read.Everything(), span, noon.AddDate(0, 1, 0))
	b.must(err)
	var got []string
	for _, x := range r.Rows {
		got = append(got, fmt.Sprint(x.Sequence, " ", x.Version, " ", x.Sendings))
	}
	if want := []string{"consumer-standard v1 1", "other v2 1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
