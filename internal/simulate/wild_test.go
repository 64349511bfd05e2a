package simulate_test

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/simulate"
)

// condition is a condition of a sequence that a test draws.
type condition struct {
	name string
	eval func(dunning.View) (bool, error)
}

func (c condition) Eval(v dunning.View) (bool, error) { return c.eval(v) }
func (c condition) String() string                    { return c.name }

var conditions = []condition{
	{"balance >= 20", func(v dunning.View) (bool, error) { return v.Balance.Minor() >= 2000, nil }},
	{"items >= 2", func(v dunning.View) (bool, error) { return v.Items >= 2, nil }},
	{"odd day", func(v dunning.View) (bool, error) { return v.OldestDays%2 == 1, nil }},
	{"fails on mondays", func(v dunning.View) (bool, error) {
		if v.At.Weekday() == time.Monday {
			return false, errors.New("no")
		}
		return true, nil
	}},
	{"has email", func(v dunning.View) (bool, error) { return v.HasChannel[dunning.Email], nil }},
}

// drawWildStep draws a step of any verb, mode, offset and condition.
func drawWildStep(t *rapid.T, i, at int) dunning.Step {
	s := drawStep(t, i, at)
	least := map[string]money.Amount{"USD": money.MustParse(rapid.SampledFrom([]string{"0.01", "10", "500"}).Draw(t, "minimum"), "USD")}
	role := rapid.SampledFrom([]string{"", "legal"}).Draw(t, "approval")
	switch rapid.IntRange(0, 11).Draw(t, "wild") {
	case 0:
		s.Verb, s.Send, s.Complete, s.Call, s.Escalate, s.Offer = dunning.VerbRefer, nil, "", nil, nil, nil
		s.Refer = &dunning.ReferStep{To: "legal", Approval: role, Minimum: least}
	case 1:
		s.Verb, s.Send, s.Complete, s.Call, s.Escalate, s.Offer = dunning.VerbClose, nil, "", nil, nil, nil
		s.Close = &dunning.CloseStep{Disposition: rapid.SampledFrom([]dunning.Disposition{dunning.Exhausted, dunning.WrittenOff, dunning.Recalled}).Draw(t, "as")}
	case 2:
		s.Verb, s.Send, s.Complete, s.Call, s.Escalate = dunning.VerbOffer, nil, "", nil, nil
		s.Offer = &dunning.OfferStep{Instalments: []int{2}, OpenFor: 4, Minimum: least}
		if rapid.Bool().Draw(t, "two") {
			s.Offer.Send = []dunning.Channeled{{Channel: dunning.Email, Template: "t"}, {Channel: dunning.Letter, Template: "t"}}
		}
	case 3, 4:
		s.Mode = rapid.SampledFrom([]dunning.Mode{dunning.ModeDraft, dunning.ModeManual}).Draw(t, "mode")
	}
	switch rapid.IntRange(0, 7).Draw(t, "offset") {
	case 0:
		s.At, s.MonthEnd = nil, days(at)
	case 1:
		s.At, s.MonthEnd, s.After = nil, nil, days(rapid.IntRange(0, 9).Draw(t, "after_only"))
	}
	if rapid.IntRange(0, 4).Draw(t, "when") == 0 {
		s.When = rapid.SampledFrom(conditions).Draw(t, "condition")
	}
	s.Unknown = rapid.SampledFrom([]dunning.OnUnknown{"", dunning.UnknownResend, dunning.UnknownSkip}).Draw(t, "unknown")
	return s
}

// drawWildSequence draws sequences that nobody would write but the loader takes.
func drawWildSequence(t *rapid.T) *dunning.Sequence {
	s := drawSequence(t)
	s.Steps = nil
	at := rapid.IntRange(-3, 5).Draw(t, "first")
	for i := range rapid.IntRange(1, 6).Draw(t, "steps") {
		s.Steps = append(s.Steps, drawWildStep(t, i, at))
		at += rapid.IntRange(0, 10).Draw(t, "gap")
	}
	s.On, s.End = dunning.Reactions{}, dunning.EndAction{}
	step := func(name string) string { return s.Steps[rapid.IntRange(0, len(s.Steps)-1).Draw(t, name)].ID }
	if rapid.Bool().Draw(t, "goto") {
		s.On.PromiseBroken.Goto, s.On.PlanBroken.Goto = step("to"), step("to")
		s.On.DisputeRejected = dunning.Reaction{Goto: step("to"), Notice: rapid.IntRange(0, 7).Draw(t, "notice")}
	}
	if rapid.Bool().Draw(t, "thanks") {
		s.On.Paid.Send = []dunning.Channeled{{Channel: dunning.Email, Template: "t", Else: []dunning.Channeled{{Channel: dunning.Letter, Template: "t"}}}}
	}
	s.Plan.Remind = rapid.IntRange(0, 9).Draw(t, "remind")
	switch rapid.IntRange(0, 4).Draw(t, "end") {
	case 0:
		s.End.Escalate = &dunning.EscalateStep{Queue: "late", SLA: rapid.IntRange(0, 3).Draw(t, "sla"), OnTimeout: "supervisor"}
	case 1:
		s.End.Refer = &dunning.ReferStep{To: "legal", Approval: rapid.SampledFrom([]string{"", "legal"}).Draw(t, "approval")}
	case 2:
		s.End.Close = &dunning.CloseStep{Disposition: rapid.SampledFrom([]dunning.Disposition{dunning.Exhausted, dunning.WrittenOff}).Draw(t, "as")}
	}
	return s
}

// finish ends the open task that comes first, in one of the ways that a person has.
func finish(n int) func(dunning.Facts) dunning.Command {
	ways := map[dunning.TaskKind][]string{
		dunning.TaskEscalation: {"resumed", "done"}, dunning.TaskDraft: {"approved", "rejected"}, dunning.TaskApproval: {"approved", "rejected"},
		dunning.TaskUnknown: {"sent", "not_sent"}, dunning.TaskCatchUp: {"resumed", "done"}, dunning.TaskParked: {"resumed", "done"},
		dunning.TaskFailed: {"resumed", "done"}, dunning.TaskCall: {"attempts_used"},
	}
	return func(f dunning.Facts) dunning.Command {
		for _, x := range f.Tasks {
			if x.Ended.IsZero() {
				w := append(slices.Clone(ways[x.Task]), "done")
				if len(w) > 1 {
					w = w[:len(w)-1]
				}
				return dunning.FinishTask{ID: x.ID, Outcome: w[n%len(w)]}
			}
		}
		return nil
	}
}

// replies are what debtors write: of each intent that leads to something else.
var replies = []string{
	"STOP", "START", "HELP", "yes", "leave me alone", "do not contact me again", "wrong number", "I dispute this", "I refuse to pay", "talk to my lawyer", "I filed chapter 7",
	"he passed away", "I will pay on Friday", "I paid already", "call me", "don't call before noon", "qwertz", "ok thanks", "stop calling me",
}

// takeReply is a reply from the debtor's first point.
func takeReply(id, text string, at time.Time) func(dunning.Facts) dunning.Command {
	return func(f dunning.Facts) dunning.Command {
		c := dunning.TakeReply{ID: id, Channel: dunning.SMS, Received: at}
		for _, p := range f.Points {
			if p.Channel == dunning.SMS || p.Channel == dunning.Email {
				c.Channel, c.Point = p.Channel, p.ID
				break
			}
		}
		c.Reading = answers.Read(answers.Input{Text: text, Channel: string(c.Channel), Today: answers.Date(f.Today(at))})
		return c
	}
}

// answersBack reports whether a contact is the answer to a reply: no hold keeps it back.
func answersBack(step string) bool {
	return step == dunning.CourtesyConfirm || step == dunning.CourtesyHelp
}

// bounce reports the latest accepted contact as bounced.
func bounce(at time.Time) func(dunning.Facts) []dunning.Fact {
	return func(f dunning.Facts) []dunning.Fact {
		for i := len(f.Contacts) - 1; i >= 0; i-- {
			if c := &f.Contacts[i]; c.State == dunning.ContactAccepted && c.Logged == nil && c.Account == f.Account {
				return []dunning.Fact{{At: at, Account: f.Account, Case: c.Case, Body: dunning.ContactMoved{ID: c.ID, State: dunning.ContactBounced, Permanent: true}}}
			}
		}
		return nil
	}
}

// drawWild draws a life in which everything happens: people work their tasks,
// messages bounce, another account of the debtor is written to, payment data
// goes stale, invoices are corrected.
func drawWild(t *rapid.T) simulate.Account {
	a := drawLife(t, 4)
	a.Setup.Sequence = drawWildSequence(t)
	for i := range rapid.IntRange(0, 14).Draw(t, "staff") {
		at := epoch.Add(time.Duration(rapid.IntRange(0, 140*24*60).Draw(t, "staff_minute")) * time.Minute)
		c := simulate.Command{At: at, By: "user:2"}
		switch n := rapid.IntRange(0, 9).Draw(t, "act"); {
		case n < 6:
			c.Pick = finish(n)
		case n < 8:
			c.Happen = bounce(at)
		case n == 8:
			c.Pick = func(f dunning.Facts) dunning.Command {
				return dunning.WaiveStep{Step: f.Sequence.Steps[i%len(f.Sequence.Steps)].ID, Why: "test"}
			}
		default:
			c.Command = rapid.SampledFrom([]dunning.Command{dunning.Recall{}, dunning.HandBack{}, dunning.DeclineOffer{}, dunning.CancelPlan{ID: "x1"}}).Draw(t, "rare")
		}
		a.Commands = append(a.Commands, c)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "replies") {
		at := epoch.Add(time.Duration(rapid.IntRange(0, 140*24*60).Draw(t, "reply_minute")) * time.Minute)
		text := rapid.SampledFrom(replies).Draw(t, "reply")
		a.Commands = append(a.Commands, simulate.Command{At: at, By: "debtor", Pick: takeReply(fmt.Sprintf("in/%d", i), text, at)})
	}
	slices.SortStableFunc(a.Commands, func(x, y simulate.Command) int { return x.At.Compare(y.At) })
	a.Facts = append(a.Facts, drawOutside(t, &a)...)
	slices.SortStableFunc(a.Facts, func(x, y dunning.Fact) int { return x.At.Compare(y.At) })
	return a
}

// drawOutside draws what happens beside the account.
func drawOutside(t *rapid.T, a *simulate.Account) (out []dunning.Fact) {
	when := func() time.Time {
		return epoch.Add(time.Duration(rapid.IntRange(0, 120*24).Draw(t, "hour")) * time.Hour)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "other_account") {
		at, id := when(), fmt.Sprintf("other/%d", i)
		out = append(out, dunning.Fact{At: at, Account: "other", Body: dunning.ContactPlanned{ID: id, Step: "s0", Channel: dunning.Email, Automatic: true, Creditor: a.Setup.Creditor.ID}},
			dunning.Fact{At: at, Account: "other", Body: dunning.ContactMoved{ID: id, State: dunning.ContactAccepted}})
	}
	for range rapid.IntRange(0, 2).Draw(t, "corrections") {
		x := dunning.ItemCorrected{Item: fmt.Sprintf("i%d", rapid.IntRange(0, 3).Draw(t, "corrected"))}
		if rapid.Bool().Draw(t, "by_amount") {
			x.Amount = money.MustParse(rapid.SampledFrom([]string{"-3", "0", "0.90", "15"}).Draw(t, "to_amount"), "USD")
		} else {
			x.Due = dunning.DateOf(when())
		}
		out = append(out, dunning.Fact{At: when(), Account: "a", Body: x})
	}
	if rapid.IntRange(0, 5).Draw(t, "stale") == 0 {
		a.Setup.Creditor.Stale = 72
		for range rapid.IntRange(1, 12).Draw(t, "feeds") {
			at := when()
			out = append(out, dunning.Fact{At: at, Body: dunning.FeedSeen{Until: at}})
		}
	}
	if rapid.Bool().Draw(t, "undated") {
		due := dunning.DateOf(when())
		out = append(out, dunning.Fact{At: when(), Account: "a", Body: dunning.Item{Key: "undated", Due: due, Amount: money.MustParse("33", "USD")}})
	}
	return out
}

// TestWildLifeComesToRest: whatever the sequence and whatever happens, no look
// goes round in circles, no wake-up lies in the past, a deferral names an
// instant ahead, and an open case always has a next thing.
func TestWildLifeComesToRest(t *testing.T) {
	law := packs(t, lawAndCalendars(t), []string{"us-federal", "house"})
	rapid.Check(t, func(t *rapid.T) {
		a := drawWild(t)
		if rapid.IntRange(0, 3).Draw(t, "law") == 0 {
			a.Setup.Policies = law
			a.Facts = append([]dunning.Fact{{At: epoch, Body: dunning.DebtorKnown{DebtorKind: "consumer", Country: "US", Places: []string{"US"}, Zones: []string{"America/New_York", "America/Los_Angeles"}}}}, a.Facts[1:]...)
		}
		l := mustRun(t, a)
		checkWakes(t, l)
		checkOpen(t, l)
		checkRepeats(t, l)
		checkHolds(t, l)
		checkDistance(t, a, l)
		checkRefold(t, l)
		checkUnderWay(t, l)
	})
}

// TestAClosedCaseHasNothingUnderWay: from the moment at which a case is closed until it opens again
// none of its contacts is reserved, in a provider's hands or in doubt, and no case of the account
// looks at such a contact of another one. So whoever leads the open case, and nobody else, has to
// seek evidence, and a nudge of a closed case may be dropped.
func TestAClosedCaseHasNothingUnderWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawWild(t)
		if rapid.Bool().Draw(t, "plain") {
			a = drawLife(t, 3)
		}
		a.React = endsInDoubt(rapid.Bool().Draw(t, "pays"))
		checkUnderWay(t, mustRun(t, a))
	})
}

// endsInDoubt are people who end the account's matter while a message is in doubt: that is when a
// case would be closed over it.
func endsInDoubt(pays bool) func(*dunning.Facts) (time.Time, dunning.Command) {
	return func(f *dunning.Facts) (time.Time, dunning.Command) {
		i := slices.IndexFunc(f.Contacts, func(c dunning.ContactFacts) bool { return c.Account == f.Account && c.State == dunning.ContactUnknown })
		open := int64(0)
		for _, it := range f.Items {
			if it.Disposition == dunning.InSequence {
				open += it.Open
			}
		}
		switch {
		case i < 0 || open == 0:
			return time.Time{}, nil
		case pays:
			return f.Contacts[i].Moved.Add(time.Hour), dunning.RecordPayment{ID: "all/" + f.Contacts[i].ID, Amount: money.MustParse("0", f.Currency).Of(open)}
		}
		return f.Contacts[i].Moved.Add(time.Hour), dunning.Recall{Reason: "test"}
	}
}

func checkUnderWay(t *rapid.T, l simulate.Life) {
	open, caseOf, under := "", map[string]string{}, map[string]bool{}
	for i, x := range l.Facts {
		if x.Account != l.Final.Account {
			continue
		}
		switch b := x.Body.(type) {
		case dunning.CaseOpened:
			open = x.Case
		case dunning.CaseClosed:
			open = ""
		case dunning.ContactPlanned:
			caseOf[b.ID], under[b.ID] = x.Case, true
		case dunning.ContactMoved:
			under[b.ID] = b.State == dunning.ContactReserved || b.State == dunning.ContactSending || b.State == dunning.ContactUnknown
		}
		for id, is := range under {
			if is && caseOf[id] != open {
				t.Fatalf("after fact %d (%s) contact %s is under way, and the open case is %q\n%s", i+1, x.Body.Kind(), id, open, lastEvents(l))
			}
		}
	}
}

func checkWakes(t *rapid.T, l simulate.Life) {
	sameInstant := 0
	for i, d := range l.Decisions {
		if !d.WakeAt.IsZero() && d.WakeAt.Before(d.At) {
			t.Fatalf("a wake-up lies in the past: %s\n%s", simulate.Describe(d), lastEvents(l))
		}
		if !d.NotBefore.IsZero() && !d.NotBefore.After(d.At) {
			t.Fatalf("a deferral names an instant that does not lie ahead: %+v", d)
		}
		if i > 0 && d.At.Equal(l.Decisions[i-1].At) {
			sameInstant++
		} else {
			sameInstant = 0
		}
		if sameInstant > 60 {
			t.Fatalf("%d decisions at one instant\n%s", sameInstant, lastEvents(l))
		}
	}
}

// checkOpen: the last decision of an open case names an instant, or somebody
// owns what it waits for.
func checkOpen(t *rapid.T, l simulate.Life) {
	f := l.Final
	if !f.CaseOpen || len(l.Decisions) == 0 {
		return
	}
	last := l.Decisions[len(l.Decisions)-1]
	task := slices.ContainsFunc(f.Tasks, func(x dunning.TaskState) bool { return x.Ended.IsZero() && x.Task != dunning.TaskSupervisor })
	held := slices.ContainsFunc(f.Holds, func(x dunning.HoldState) bool { return x.End.IsZero() })
	if last.WakeAt.IsZero() && !task && !held {
		t.Fatalf("the case is open and nothing is next: %+v\n%s", last, allFacts(l))
	}
}

// checkRepeats: an entry of a step is accepted once for an item in a round,
// unless the one before bounced or was given up as unknown.
func checkRepeats(t *rapid.T, l simulate.Life) {
	type key struct {
		item, step   string
		round, entry int
	}
	done := map[key]string{}
	planned, given := map[string]dunning.ContactPlanned{}, map[string]bool{}
	round := map[string]int{}
	at := map[string]map[string]int{} // contact → item → round when planned
	for _, x := range l.Facts {
		switch b := x.Body.(type) {
		case dunning.RoundBegun:
			for _, k := range b.Items {
				round[k]++
			}
		case dunning.ContactPlanned:
			planned[b.ID], at[b.ID] = b, map[string]int{}
			for _, i := range b.Items {
				at[b.ID][i.Key] = round[i.Key]
			}
		case dunning.ContactMoved:
			p := planned[b.ID]
			for _, i := range p.Items {
				k := key{i.Key, i.Step, at[b.ID][i.Key], p.Entry}
				if i.Step == "" || given[b.ID] {
					continue
				}
				if i.Step != p.Step {
					k.entry = -1
				}
				switch b.State {
				case dunning.ContactAccepted:
					if other := done[k]; other != "" && other != b.ID {
						t.Fatalf("%s repeats %s for item %s, step %s\n%s", b.ID, other, i.Key, i.Step, allFacts(l))
					}
					done[k] = b.ID
				case dunning.ContactBounced:
					delete(done, k)
				}
			}
			given[b.ID] = given[b.ID] || b.Code == "unknown_skip" || b.Code == "unknown_resend"
		}
	}
}

// checkHolds: no message leaves while a hold on contact or a dispute is in
// force, and none lists an item under one of its own.
func checkHolds(t *rapid.T, l simulate.Life) {
	type held struct {
		item  string
		until time.Time
	}
	holds := map[string]held{}
	for _, x := range l.Facts {
		switch b := x.Body.(type) {
		case dunning.HoldPlaced:
			if _, twice := holds[b.ID]; b.Contact && !twice {
				holds[b.ID] = held{b.Item, b.Until}
			}
		case dunning.DisputeRaised:
			if _, twice := holds[b.ID]; !twice {
				holds[b.ID] = held{item: b.Item}
			}
		case dunning.HoldLifted:
			holds[b.ID] = held{until: x.At}
		case dunning.DisputeResolved:
			holds[b.ID] = held{until: x.At}
		case dunning.ContactPlanned:
			for id, h := range holds {
				listed := h.item == "" || slices.ContainsFunc(b.Items, func(i dunning.ItemLine) bool { return i.Key == h.item })
				if (h.until.IsZero() || x.At.Before(h.until)) && listed && !answersBack(b.Step) && x.Account == "a" {
					t.Fatalf("contact %s at %s leaves under hold %s\n%s", b.ID, x.At, id, allFacts(l))
				}
			}
		}
	}
}

// checkDistance: two messages of steps are spacing apart in local days, and on
// different local days also from those of the debtor's other account, unless
// they are channels of one dispatch.
func checkDistance(t *rapid.T, a simulate.Account, l simulate.Life) {
	type sent struct {
		at      time.Time
		step    string
		account string
	}
	var all []sent
	var places []dunning.Fact
	var zones []*time.Location // where the debtor may be by what is known by then
	planned, left := map[string]dunning.ContactPlanned{}, map[string]time.Time{}
	for _, x := range l.Facts {
		switch b := x.Body.(type) {
		case dunning.DebtorKnown, dunning.LocationKnown:
			places = append(places, x)
			zones = zonesBy(t, l, places)
		case dunning.ContactPlanned:
			planned[b.ID], left[b.ID] = b, x.At
			if b.Courtesy() || x.Account != "a" {
				continue
			}
			for _, s := range all {
				least := max(a.Setup.Sequence.Spacing, 1)
				if s.account != "a" {
					least = 1
				} else if s.step == b.Step {
					continue
				}
				for _, z := range zones {
					if gap := dunning.DateOf(s.at.In(z)).Days(dunning.DateOf(x.At.In(z))); gap < least {
						t.Fatalf("contact %s comes %d local days after %s/%s, in %s\n%s", b.ID, gap, s.account, s.step, z, allFacts(l))
					}
				}
			}
		case dunning.ContactMoved:
			p := planned[b.ID]
			if b.State == dunning.ContactAccepted && !p.Courtesy() {
				all = append(all, sent{left[b.ID], p.Step, x.Account})
			}
		case dunning.Migrated: // a step of another name is the same step
			name := func(step string) string { return cmp.Or(b.Steps[step], step) }
			for id, p := range planned {
				p.Step = name(p.Step)
				planned[id] = p
			}
			for i := range all {
				all[i].step = name(all[i].step)
			}
		}
	}
}

// zonesBy are the zones that facts about a debtor's place come to.
func zonesBy(t *rapid.T, l simulate.Life, places []dunning.Fact) []*time.Location {
	f, err := dunning.Fold(l.Final.Setup, places)
	if err != nil {
		t.Fatal(err)
	}
	return f.Zones
}

// checkRefold: playing the whole history again gives the same decision as
// playing it fact by fact: nothing hangs on how it was folded.
func checkRefold(t *rapid.T, l simulate.Life) {
	if len(l.Decisions) == 0 {
		return
	}
	again, err := dunning.Fold(l.Final.Setup, l.Facts)
	if err != nil {
		t.Fatal(err)
	}
	if fault := sameState(l.Final, again); fault != "" {
		t.Fatalf("folded again %s", fault)
	}
	at := epoch.Add(horizon)
	one, two := dunning.Decide(l.Final, at), dunning.Decide(again, at)
	if !reflect.DeepEqual(one, two) {
		t.Fatalf("folded again the decision differs:\n%+v\n%+v", one, two)
	}
	if three := dunning.Decide(again, at); !reflect.DeepEqual(two, three) {
		t.Fatalf("decided again the decision differs:\n%+v\n%+v", two, three)
	}
}

// sameState says what differs between facts that were applied one after the other and the
// same ones read all at once: after a migration the one began under the old version and the
// other knows the new one only.
func sameState(one, two dunning.Facts) string {
	for _, x := range []struct {
		what string
		a, b any
	}{
		{"holds differ", one.Holds, two.Holds},
		{"items differ", standings(one), standings(two)},
		{"tasks differ", one.Tasks, two.Tasks},
		{"offers differ", one.Offers, two.Offers},
		{"contacts differ", one.Contacts, two.Contacts},
	} {
		if !reflect.DeepEqual(x.a, x.b) {
			return fmt.Sprintf("%s:\n%+v\n%+v", x.what, x.a, x.b)
		}
	}
	return ""
}

// standings are how items stand, a line each.
func standings(f dunning.Facts) (out []string) {
	for i := range f.Items {
		it := &f.Items[i]
		out = append(out, fmt.Sprintf("%s %s round %d open %d", it.Key, it.Disposition, it.Round, it.Open))
	}
	return out
}
