package simulate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/simulate"
)

var zoneNames = []string{"UTC", "America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"}

var epoch = time.Date(2024, 2, 20, 0, 0, 0, 0, time.UTC)

// drawSequence draws a sequence over all verbs.
func drawSequence(t *rapid.T) *dunning.Sequence {
	s := &dunning.Sequence{
		ID: "s", Version: "1",
		Ladder:  rapid.SampledFrom([]dunning.Ladder{dunning.LadderLeading, dunning.LadderEach}).Draw(t, "ladder"),
		Include: rapid.SampledFrom([]dunning.Include{dunning.IncludeAllOverdue, dunning.IncludeDueForStep, dunning.IncludeAllOpen}).Draw(t, "include"),
		Entry:   rapid.SampledFrom([]dunning.Entry{dunning.EntryFirst, dunning.EntryMatching}).Draw(t, "entry"),
		CatchUp: rapid.SampledFrom([]dunning.CatchUp{dunning.CatchUpRun, dunning.CatchUpRun, dunning.CatchUpSkip, dunning.CatchUpAsk}).Draw(t, "catch_up"),
		Spacing: rapid.IntRange(0, 5).Draw(t, "spacing"),
		Plan:    dunning.PlanTerms{Cure: 3, DefaultAfter: rapid.IntRange(1, 2).Draw(t, "default_after")},
	}
	if rapid.Bool().Draw(t, "tolerant") {
		s.Tolerance = map[string]money.Amount{"USD": money.MustParse("1.00", "USD")}
	}
	if rapid.Bool().Draw(t, "window") {
		s.Window = dunning.Window{Days: [7]bool{false, true, true, true, true, true, false}, From: 9 * 60, To: 18 * 60}
	}
	at := rapid.IntRange(-3, 5).Draw(t, "first")
	for i := range rapid.IntRange(1, 6).Draw(t, "steps") {
		s.Steps = append(s.Steps, drawStep(t, i, at))
		at += rapid.IntRange(0, 10).Draw(t, "gap")
	}
	if rapid.Bool().Draw(t, "goto") {
		s.On.PromiseBroken.Goto = s.Steps[rapid.IntRange(0, len(s.Steps)-1).Draw(t, "to")].ID
		s.On.PlanBroken.Goto = s.Steps[len(s.Steps)-1].ID
	}
	if rapid.Bool().Draw(t, "end") {
		s.End.Escalate = &dunning.EscalateStep{Queue: "late", SLA: 3, OnTimeout: "continue"}
	}
	return s
}

func drawStep(t *rapid.T, i, at int) dunning.Step {
	s := dunning.Step{ID: fmt.Sprintf("s%d", i), At: days(at), Verb: dunning.VerbSend}
	if rapid.IntRange(0, 3).Draw(t, "after") == 0 && i > 0 {
		s.After = days(rapid.IntRange(1, 14).Draw(t, "after_days"))
	}
	email, sms := dunning.Channeled{Channel: dunning.Email, Template: "t"}, dunning.Channeled{Channel: dunning.SMS, Template: "t"}
	switch rapid.IntRange(0, 8).Draw(t, "verb") {
	case 0:
		s.Verb, s.Call = dunning.VerbCall, &dunning.CallStep{Queue: "early", Attempts: 2, Within: 4}
	case 1:
		s.Verb, s.Escalate = dunning.VerbEscalate, &dunning.EscalateStep{Queue: "late", SLA: 5, OnTimeout: "continue"}
	case 2:
		s.Verb, s.Offer = dunning.VerbOffer, &dunning.OfferStep{Instalments: []int{3}, FirstDue: 7, OpenFor: 6, Send: []dunning.Channeled{email}}
	case 3:
		s.Send = []dunning.Channeled{email, sms}
	case 4:
		s.Send, s.Complete = []dunning.Channeled{sms, email}, dunning.CompleteAny
	default:
		s.Send = []dunning.Channeled{{Channel: dunning.SMS, Template: "t", Else: []dunning.Channeled{email}}}
	}
	return s
}

// drawLife draws an account and what comes at it from outside.
func drawLife(t *rapid.T, items int) simulate.Account {
	zones := rapid.SliceOfNDistinct(rapid.SampledFrom(zoneNames), 1, 2, rapid.ID[string]).Draw(t, "zones")
	a := simulate.Account{Setup: setup("a", drawSequence(t))}
	a.Facts = []dunning.Fact{
		{At: epoch, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: zones}},
		{At: epoch, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
		{At: epoch, Body: dunning.PointKnown{ID: "m", Channel: dunning.SMS}},
	}
	for i := range rapid.IntRange(1, items).Draw(t, "items") {
		known := epoch.Add(time.Duration(rapid.IntRange(0, 40*24).Draw(t, "known")) * time.Hour)
		due := dunning.DateOf(known).AddDays(rapid.IntRange(-60, 30).Draw(t, "due"))
		a.Facts = append(a.Facts, dunning.Fact{At: known, Account: "a", Body: dunning.Item{
			Key: fmt.Sprintf("i%d", i), Issued: due.AddDays(-30), Due: due,
			Amount: money.MustParse(rapid.SampledFrom([]string{"0.50", "1.01", "20", "600"}).Draw(t, "amount"), "USD"),
		}})
	}
	slices.SortStableFunc(a.Facts, func(x, y dunning.Fact) int { return x.At.Compare(y.At) })
	for i := range rapid.IntRange(0, 8).Draw(t, "commands") {
		at := epoch.Add(time.Duration(rapid.IntRange(0, 120*24*60).Draw(t, "minute")) * time.Minute)
		a.Commands = append(a.Commands, simulate.Command{At: at, By: "user:1", Command: drawCommand(t, i, at, rapid.IntRange(0, 13+contactCommands+deskCommands).Draw(t, "command"))})
	}
	slices.SortStableFunc(a.Commands, func(x, y simulate.Command) int { return x.At.Compare(y.At) })
	if rapid.IntRange(0, 3).Draw(t, "outage") == 0 {
		from := epoch.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "down")) * 24 * time.Hour)
		a.Outages = []simulate.Interval{{From: from, Until: from.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "hours")) * time.Hour)}}
	}
	seed := rapid.IntRange(0, 1000).Draw(t, "provider")
	a.Reply = func(c dunning.ContactPlanned, at time.Time) simulate.Reply {
		return reply(seed + len(c.ID) + at.UTC().Day())
	}
	return a
}

func reply(n int) simulate.Reply {
	switch n % 9 {
	case 0:
		return simulate.Reply{State: dunning.ContactFailed, Class: dunning.FailedRecipient, Permanent: true}
	case 1:
		return simulate.Reply{State: dunning.ContactFailed, Class: dunning.FailedLater, RetryIn: 20 * time.Minute}
	case 2:
		return simulate.Reply{State: dunning.ContactUnknown, Deadline: 30 * time.Hour}
	}
	return simulate.Reply{State: dunning.ContactAccepted}
}

// drawCommand draws one command of every kind there is.
func drawCommand(t *rapid.T, i int, at time.Time, kind int) dunning.Command {
	id := fmt.Sprintf("x%d", i)
	item := fmt.Sprintf("i%d", rapid.IntRange(0, 2).Draw(t, "item"))
	amount := money.MustParse(rapid.SampledFrom([]string{"0.60", "5", "20", "700"}).Draw(t, "sum"), "USD")
	until := at.Add(time.Duration(rapid.IntRange(1, 20*24).Draw(t, "until")) * time.Hour)
	no := false
	switch kind {
	case 0:
		return dunning.RecordPayment{ID: id, Amount: amount}
	case 1:
		return dunning.ReversePayment{Payment: fmt.Sprintf("x%d", max(i-1, 0))}
	case 2:
		return dunning.PlaceHold{ID: id, HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount, Until: until, Notice: rapid.IntRange(0, 3).Draw(t, "notice")}
	case 3:
		return dunning.PlaceHold{ID: id, HoldKind: dunning.HoldManual, Scope: dunning.ScopeItem, Item: item, Until: until}
	case 4:
		return dunning.PlaceHold{ID: id, HoldKind: dunning.HoldComplaint, Scope: dunning.ScopeDebtor, Until: until, Clock: &no}
	case 5:
		return dunning.RaiseDispute{ID: id, Item: item}
	case 6:
		return dunning.ResolveDispute{ID: fmt.Sprintf("x%d", max(i-1, 0)), Outcome: rapid.SampledFrom([]string{"rejected", "closed"}).Draw(t, "outcome")}
	case 7:
		return dunning.MakePromise{ID: id, Amount: amount, Due: dunning.DateOf(until), Grace: 2}
	case 8:
		return dunning.AgreePlan{ID: id, Count: 3, First: dunning.DateOf(until), Every: 14}
	case 9:
		return dunning.TakeLease{ID: id, Owner: "u", Until: until}
	case 10:
		return dunning.LogContact{ContactLogged: dunning.ContactLogged{ID: id, Direction: rapid.SampledFrom([]string{"inbound", "outbound"}).Draw(t, "direction"), Channel: dunning.Call, Outcome: "conversation"}}
	case 11:
		return dunning.OptOut{OptedOut: dunning.OptedOut{Channel: dunning.SMS}}
	case 12:
		return dunning.MarkPoint{PointDead: dunning.PointDead{ID: "e", Reason: "hard_bounce"}}
	}
	if kind >= 14+contactCommands {
		return drawDeskCommand(t, id, fmt.Sprintf("x%d", max(i-1, 0)), at, until, kind-14-contactCommands)
	}
	if kind > 13 {
		return drawContactCommand(t, id, fmt.Sprintf("x%d", max(i-1, 0)), at, until, kind-14)
	}
	return dunning.LiftHold{ID: fmt.Sprintf("x%d", max(i-1, 0))}
}

// deskCommands is how many kinds drawDeskCommand draws.
const deskCommands = 10

// drawDeskCommand draws one of the commands of collectors' own business.
func drawDeskCommand(t *rapid.T, id, before string, at, until time.Time, kind int) dunning.Command {
	day := dunning.DateOf(until)
	switch kind {
	case 0, 1:
		return dunning.OfferSettlement{
			ID: id, Percent: rapid.SampledFrom([]int{1, 30, 99}).Draw(t, "percent"), Due: day,
			Approval: rapid.Bool().Draw(t, "approval"), Accepted: rapid.Bool().Draw(t, "accepted"),
		}
	case 2:
		return dunning.OfferSettlement{ID: id, Amount: money.MustParse(rapid.SampledFrom([]string{"0.60", "19.99"}).Draw(t, "settle"), "USD"), Due: day}
	case 3:
		return dunning.AcceptSettlement{ID: before}
	case 4:
		return dunning.FinishTask{ID: "a/task/settlement/" + before, Outcome: rapid.SampledFrom([]string{"approved", "rejected"}).Draw(t, "approves")}
	case 5:
		return dunning.HandOver{ID: id, Owner: rapid.SampledFrom([]string{"v", "team:late"}).Draw(t, "to"), Until: until, Words: "please"}
	case 6:
		return dunning.SetCallback{ID: id, When: until}
	case 7:
		return dunning.WriteNote{ID: id, Text: "x", Mentions: []string{"u"}}
	case 8:
		return dunning.WithdrawPromise{ID: before}
	}
	return dunning.RecordPayment{ID: id, Amount: money.MustParse(rapid.SampledFrom([]string{"0.40", "14", "14.71", "421"}).Draw(t, "settles"), "USD")}
}

// contactCommands is how many kinds drawContactCommand draws.
const contactCommands = 17

// drawContactCommand draws one of the commands about what contact law asks for.
func drawContactCommand(t *rapid.T, id, before string, at, until time.Time, kind int) dunning.Command {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	received := at.Add(-time.Duration(rapid.IntRange(0, 72).Draw(t, "received")) * time.Hour)
	told := dunning.Told{Medium: pick("medium", "", "call", "letter", "sms"), Person: pick("person", "", "spouse", "attorney")}
	switch kind {
	case 0:
		return dunning.GiveConsent{Consented: dunning.Consented{ID: id, Basis: "written", Scope: pick("scope", "contact", "tcpa", "esign"), Until: until, Direct: true, Told: told}, Received: received}
	case 1:
		return dunning.RevokeConsent{ID: before}
	case 2:
		return dunning.StateTimes{TimesInconvenient: dunning.TimesInconvenient{ID: id, From: "09:00", To: pick("to", "09:00", "12:00", "08:00"), Days: []string{"Mon"}, Told: told}, Received: received}
	case 3:
		return dunning.StateWish{WishStated: dunning.WishStated{ID: id, Wish: pick("wish", dunning.WishPlace, dunning.WishNoWork, dunning.WishCallback), Told: told}, Received: received}
	case 4:
		return dunning.WithdrawWish{ID: before}
	case 5:
		return dunning.RecordStatus{StatusKnown: dunning.StatusKnown{ID: pick("status id", id, before), Status: rapid.SampledFrom(dunning.Statuses()).Draw(t, "status"), Stage: pick("stage", "", "ended"), Told: told}, Received: received}
	case 6:
		return dunning.DescribeDebt{DebtKnown: dunning.DebtKnown{DebtKind: pick("debt", "medical", "credit_card"), Role: pick("role", "", "third_party")}}
	case 7:
		return dunning.KnowPerson{PersonKnown: dunning.PersonKnown{ID: id, Relation: rapid.SampledFrom(dunning.Relations).Draw(t, "relation")}}
	case 8:
		return dunning.KnowLocation{LocationKnown: dunning.LocationKnown{Zone: pick("zone", "", "Asia/Kathmandu"), Basis: "told"}, Received: received}
	case 9:
		return dunning.KnowPoint{PointKnown: dunning.PointKnown{ID: pick("point", "e", "m", "n"), Channel: dunning.SMS, Owner: pick("owner", "", "spouse"), Rank: rapid.IntRange(-1, 1).Draw(t, "rank")}}
	case 10:
		return dunning.RecordNotice{NoticeSent: dunning.NoticeSent{ID: id, Notice: "validation_notice", Channel: dunning.Letter}, Sent: received}
	case 11:
		return dunning.ReceiveNotice{NoticeReceived: dunning.NoticeReceived{ID: id, Notice: pick("notice", dunning.NoticeCease, dunning.NoticeRefuses), Told: told}, Received: received}
	case 12:
		return dunning.ChangeNotice{NoticeChanged: dunning.NoticeChanged{ID: before, Undeliverable: true}}
	case 13:
		return dunning.CheckNumber{NumberChecked: dunning.NumberChecked{ID: id, Point: "m", Database: "rnd", Answer: pick("answer", "same", "reassigned", "no_data")}, Received: received}
	case 14:
		return dunning.OptIn{OptedIn: dunning.OptedIn{Channel: dunning.SMS}}
	case 15:
		return dunning.RaiseDispute{ID: id, Told: told, Received: received}
	}
	return dunning.OptOut{OptedOut: dunning.OptedOut{ID: id, Everything: true, Told: told}, Received: received}
}

const horizon = 260 * 24 * time.Hour

func mustRun(t *rapid.T, a simulate.Account) simulate.Life {
	life, err := simulate.Run(a, epoch.Add(horizon))
	if err != nil {
		t.Fatalf("%v\n%s", err, lastEvents(life))
	}
	return life
}

func allFacts(l simulate.Life) string {
	out := ""
	for _, x := range l.Facts {
		b, _ := json.Marshal(x)
		out += string(b) + "\n"
	}
	return out
}

func lastEvents(l simulate.Life) string {
	out := ""
	for _, d := range l.Decisions[max(len(l.Decisions)-12, 0):] {
		out += fmt.Sprintf("%s %s %s wake %s waiting %s rule %s reason %s\n", d.At.UTC().Format(time.RFC3339), d.Verb, d.Step, d.WakeAt.UTC().Format(time.RFC3339), d.Waiting, d.Rule, d.Reason)
	}
	return out
}

// TestLifeKeepsItsOrder: over random lives no item has a step done twice in a
// round or out of order, unless a waiver, a pass-over or a new round says so.
func TestLifeKeepsItsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawLife(t, 3)
		checkOrder(t, a.Setup.Sequence, mustRun(t, a))
	})
}

// checkOrder is a dumb oracle: it walks the facts and keeps, per item, the
// steps that must come next.
func checkOrder(t *rapid.T, s *dunning.Sequence, l simulate.Life) {
	next := map[string]int{} // item → index of the step it stands before
	planned := map[string]dunning.ContactPlanned{}
	advance := func(key, step, why string) {
		i := s.StepIndex(step)
		if i != next[key] {
			t.Fatalf("item %s: step %s %s while the item stands before step %d", key, step, why, next[key])
		}
		next[key] = i + 1
	}
	for _, x := range l.Facts {
		switch b := x.Body.(type) {
		case dunning.ContactPlanned:
			planned[b.ID] = b
			for _, line := range b.Items {
				if line.Step != "" && s.StepIndex(line.Step) != next[line.Key] {
					t.Fatalf("contact %s counts item %s for step %s, which stands before step %d", b.ID, line.Key, line.Step, next[line.Key])
				}
			}
		case dunning.StepPassed:
			for _, k := range b.Items {
				advance(k, b.Step, "passed")
			}
		case dunning.StepCounted:
			for _, k := range b.Items {
				advance(k, b.Step, "counted")
			}
		case dunning.StepsWaived:
			for _, k := range b.Items {
				for _, step := range b.Steps {
					advance(k, step, "waived")
				}
			}
		case dunning.RoundBegun:
			for _, k := range b.Items {
				next[k] = s.StepIndex(b.Step)
			}
		case dunning.ContactMoved:
			countContact(s, l, x, b, planned[b.ID], next)
		}
	}
}

// countContact moves items on when the last channel of their step has been accepted.
func countContact(s *dunning.Sequence, l simulate.Life, x dunning.Fact, m dunning.ContactMoved, p dunning.ContactPlanned, next map[string]int) {
	if m.State != dunning.ContactAccepted {
		return
	}
	step := s.Steps[s.StepIndex(p.Step)]
	if step.Offer != nil {
		return
	}
	last := p.Entry == len(step.Send)-1 || step.Complete == dunning.CompleteAny
	for _, line := range p.Items {
		if line.Step != "" && (last || line.Step != p.Step) {
			next[line.Key] = s.StepIndex(line.Step) + 1
		}
	}
}

// TestLifeKeepsItsDistance: spacing in local days between dispatches, and one
// automatic dispatch a local day, in every zone the debtor may be in.
func TestLifeKeepsItsDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawLife(t, 3)
		a.Commands = slices.DeleteFunc(a.Commands, func(c simulate.Command) bool { // the zones below are those of the end
			_, moves := c.Command.(dunning.KnowLocation)
			return moves
		})
		l := mustRun(t, a)
		zones := l.Final.Zones
		var last time.Time
		var lastStep string
		for _, x := range l.Facts {
			switch b := x.Body.(type) {
			case dunning.ContactPlanned:
				same := b.Step == lastStep
				for _, z := range zones {
					gap := dunning.DateOf(last.In(z)).Days(dunning.DateOf(x.At.In(z)))
					if !last.IsZero() && !same && gap < max(a.Setup.Sequence.Spacing, 1) {
						t.Fatalf("contact %s comes %d local days after the one before, in %s\n%s", b.ID, gap, z, allFacts(l))
					}
				}
				lastStep = b.Step
			case dunning.ContactMoved:
				if b.State == dunning.ContactAccepted {
					last = x.At
				}
			}
		}
	})
}

// TestOpenCaseHasANextThing: whenever a case is open it has a planned instant,
// or an open task, or a hold, lease or offer that someone owns.
func TestOpenCaseHasANextThing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := mustRun(t, drawLife(t, 3))
		f := l.Final
		if !f.CaseOpen || len(l.Decisions) == 0 {
			return
		}
		last := l.Decisions[len(l.Decisions)-1]
		open := slices.ContainsFunc(f.Tasks, func(x dunning.TaskState) bool { return x.Ended.IsZero() })
		held := slices.ContainsFunc(f.Holds, func(x dunning.HoldState) bool { return x.End.IsZero() })
		if last.WakeAt.IsZero() && !open && !held {
			t.Fatalf("the case is open and nothing is next: %+v", last)
		}
	})
}

// permissive are the kinds of command that may let a contact leave earlier.
// Every other kind must never do so.
var permissive = map[string]bool{
	"LiftHold": true, "ReversePayment": true, "ResolveDispute": true, "AgreePlan": true,
	"GiveConsent": true, "WithdrawWish": true, "RecordStatus": true, "KnowLocation": true, "KnowPoint": true, "RecordNotice": true,
	"CheckNumber": true, "OptIn": true, "DescribeDebt": true,
}

// hastens reports whether a command may let a contact leave earlier: one of a permissive kind,
// or a settlement that is agreed, which takes the place of an open offer as a plan does.
func hastens(c dunning.Command) bool {
	settle, ok := c.(dunning.OfferSettlement)
	return permissive[kindOf(c)] || ok && settle.Accepted
}

func kindOf(c dunning.Command) string { return fmt.Sprintf("%T", c)[len("dunning."):] }

// TestRestrictionsNeverHasten: for an account of one item, adding a fact that
// is not permissive never makes the next contact leave earlier.
func TestRestrictionsNeverHasten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawLife(t, 1)
		if rapid.Bool().Draw(t, "odd") {
			a.Setup.Sequence = unconditional(drawWildSequence(t))
		}
		a.Reply, a.Outages, a.Setup.Sequence.CatchUp = nil, nil, dunning.CatchUpRun
		a.Setup.Sequence.On = dunning.Reactions{} // a goto is the sequence's own wish
		at := epoch.Add(time.Duration(rapid.IntRange(0, 100*24*60).Draw(t, "instant")) * time.Minute)
		a.Commands = slices.DeleteFunc(a.Commands, func(c simulate.Command) bool { return !c.At.Before(at) })
		kind := rapid.IntRange(0, 13+contactCommands+deskCommands).Draw(t, "extra")
		extra := drawCommand(t, 99, at, kind)
		name := kindOf(extra)
		if hastens(extra) {
			t.Skip("permissive kinds may hasten")
		}
		base := mustRun(t, a)
		b := a
		b.Commands = append(slices.Clone(a.Commands), simulate.Command{At: at, By: "user:1", Command: extra})
		more := mustRun(t, b)
		first, second := firstContact(base, at), firstContact(more, at)
		if first == nil || second == nil || first.Step != second.Step || first.Channel != second.Channel {
			return
		}
		if second.At.Before(first.At) {
			t.Fatalf("%s at %s moved %s/%s from %s to %s\n%s", name, at, first.Step, first.Channel, first.At, second.At, lastEvents(more))
		}
	})
}

// unconditional takes away what a sequence itself wants to depend on amounts
// and events: conditions and minimums.
func unconditional(s *dunning.Sequence) *dunning.Sequence {
	for i := range s.Steps {
		x := &s.Steps[i]
		x.When = nil
		if x.Refer != nil {
			x.Refer.Minimum = nil
		}
		if x.Offer != nil {
			x.Offer.Minimum = nil
		}
	}
	return s
}

func firstContact(l simulate.Life, after time.Time) *dunning.Event {
	for _, e := range l.Events() {
		if e.Kind == "contact" && !e.At.Before(after) {
			return &e
		}
	}
	return nil
}

// TestNothingIsWrittenOffBeforeTheMoneyIsThere: over random lives a settlement writes off only
// once payments that stand then have brought its amount, in its time, and never twice.
func TestNothingIsWrittenOffBeforeTheMoneyIsThere(t *testing.T) {
	kept, broken := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		a := drawLife(t, 3)
		settles(t, &a)
		life := mustRun(t, a)
		for i, x := range life.Facts {
			end, ok := x.Body.(dunning.SettlementEnded)
			if !ok {
				continue
			}
			offer := offerIn(life.Facts, end.ID)
			ends := dunning.StartOfDay(offer.Due.AddDays(1), time.UTC)
			first, last := ends.Add(-15*time.Hour), ends.Add(15*time.Hour) // the day is over somewhere, and everywhere
			over := !x.At.Before(first)
			switch end.Outcome {
			case "kept":
				kept++
				paid, approved, _ := arrived(life.Facts[:i], end.ID, last)
				if paid < offer.Amount.Minor() || !approved {
					t.Fatalf("settlement %s is kept at %s with %d of %s, approved %v\n%s", end.ID, x.At, paid, offer.Amount, approved, allFacts(life))
				}
			case "broken", "expired":
				broken++
				paid, approved, raised := arrived(life.Facts[:i], end.ID, first)
				if paid >= offer.Amount.Minor() && approved && !raised || !over {
					t.Fatalf("settlement %s is %s at %s with %d of %s\n%s", end.ID, end.Outcome, x.At, paid, offer.Amount, allFacts(life))
				}
			}
		}
	})
	if kept == 0 || broken == 0 {
		t.Errorf("%d settlements were kept and %d not: the lives prove nothing", kept, broken)
	}
}

// settles adds an offer to settle, and payments around it.
func settles(t *rapid.T, a *simulate.Account) {
	hours := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Hour
	}
	at := epoch.Add(45*24*time.Hour + hours("offer at", 40*24))
	add := func(at time.Time, c dunning.Command) {
		a.Commands = append(a.Commands, simulate.Command{At: at, By: "user:1", Command: c})
	}
	approval := rapid.Bool().Draw(t, "needs approval")
	add(at, dunning.OfferSettlement{
		ID: "deal", Percent: rapid.IntRange(1, 99).Draw(t, "percent"), Due: dunning.DateOf(at.Add(hours("for", 20*24))), Approval: approval, Accepted: rapid.Bool().Draw(t, "agreed"),
	})
	add(at.Add(hours("approved after", 48)), dunning.FinishTask{ID: "a/task/settlement/deal", Outcome: "approved"})
	for i := range rapid.IntRange(0, 4).Draw(t, "payments") {
		paid := at.Add(hours("paid after", 25*24))
		id := fmt.Sprintf("deal-pay-%d", i)
		add(paid, dunning.RecordPayment{ID: id, Amount: money.MustParse(rapid.SampledFrom([]string{"0.30", "7", "21", "180", "600"}).Draw(t, "paid"), "USD")})
		if rapid.IntRange(0, 3).Draw(t, "bounces") == 0 {
			add(paid.Add(hours("bounces after", 10*24)), dunning.ReversePayment{Payment: id})
		}
	}
	slices.SortStableFunc(a.Commands, func(x, y simulate.Command) int { return x.At.Compare(y.At) })
}

// offerIn is the offer of a settlement.
func offerIn(facts []dunning.Fact, id string) (offer dunning.SettlementOffered) {
	for _, x := range facts {
		if b, ok := x.Body.(dunning.SettlementOffered); ok && b.ID == id {
			offer = b
		}
	}
	return offer
}

// arrived is what payments since the offer and before an instant that stand have brought, by
// a count of its own: these lives pay without naming items, and what they pay is the oldest
// first. raised: something was added to what is owed meanwhile, here or beside.
func arrived(facts []dunning.Fact, id string, before time.Time) (minor int64, approved, raised bool) {
	offered := false
	sums := map[string]int64{}
	for _, x := range facts {
		switch b := x.Body.(type) {
		case dunning.SettlementOffered:
			if b.ID == id {
				offered, approved = true, !b.Approval
			}
		case dunning.SettlementAnswered:
			approved = approved || b.ID == id && b.Outcome == "approved"
		case dunning.Payment:
			if offered && x.At.Before(before) {
				sums[b.ID] = b.Amount.Minor()
			}
		case dunning.PaymentReversed:
			_, since := sums[b.Payment]
			raised = raised || offered && !since
			delete(sums, b.Payment)
		case dunning.ItemCorrected, dunning.Item: // or an invoice that is older takes the money
			raised = raised || offered
		}
	}
	for _, n := range sums {
		minor += n
	}
	return minor, approved, raised
}
