package portfolio

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

// Personality is how a debtor takes being reminded.
type Personality string

// Personalities.
const (
	Payer      Personality = "payer"       // pays after the first or second message
	LatePayer  Personality = "late payer"  // pays when it gets serious
	PartPayer  Personality = "part payer"  // pays some, later perhaps the rest
	Promiser   Personality = "promiser"    // promises, and keeps it or not
	PlanTaker  Personality = "plan taker"  // takes the plan that is offered, and keeps it or not
	Disputer   Personality = "disputer"    // says that an invoice is wrong
	OptOuter   Personality = "opt-outer"   // does not want to be written to on this channel
	Bouncer    Personality = "bouncer"     // pays, and the payment comes back
	InHardship Personality = "in hardship" // asks for time and gets it
	Unreached  Personality = "unreached"   // the address does not exist
	Vanisher   Personality = "vanisher"    // never answers
)

// personality draws one. Most people pay.
func personality(r *rand.Rand, kind string) Personality {
	all := []struct {
		p      Personality
		weight int
	}{
		{Payer, 28},
		{LatePayer, 18},
		{PartPayer, 9},
		{Promiser, 10},
		{PlanTaker, 9},
		{Disputer, 7},
		{OptOuter, 4},
		{Bouncer, 4},
		{InHardship, 2},
		{Unreached, 3},
		{Vanisher, 6},
	}
	n := r.IntN(100)
	for _, a := range all {
		if n -= a.weight; n < 0 {
			if kind == "business" && a.p == InHardship {
				return Payer
			}
			return a.p
		}
	}
	return Vanisher
}

// chance is a source that depends on the seed and on what is decided, and on nothing
// else: not on the order of play, nor on ids that Duly draws.
func (p *Portfolio) chance(about ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, about...)
	return rand.New(rand.NewPCG(p.Seed, h.Sum64()))
}

// serious is how serious a step is, from 0 (a courtesy) to 4 (the last warning).
func serious(step string) int {
	switch step {
	case "courtesy":
		return 0
	case "friendly-email", "statement":
		return 1
	case "offer-plan", "formal-reminder":
		return 3
	case "final-notice":
		return 4
	default:
		return 2
	}
}

// cue is what a debtor reacts to.
type cue struct {
	p    *Portfolio
	d    *Debtor
	m    rehearse.Message
	r    *rand.Rand
	key  string // of all rows that follow from it
	zone *time.Location
}

// React is the Audience of the portfolio's debtors.
func (p *Portfolio) React(ctx context.Context, pl *rehearse.Player, m rehearse.Message) ([]postgres.Script, error) {
	d := p.Debtor(m.Account.Key)
	if d == nil {
		return nil, nil
	}
	zone, err := creditorZone(ctx, pl, d.Creditor)
	if err != nil {
		return nil, err
	}
	return p.reactIn(d, m, zone), nil
}

// reactIn is React once the debtor and the creditor's zone are known.
func (p *Portfolio) reactIn(d *Debtor, m rehearse.Message, zone *time.Location) []postgres.Script {
	switch m.Step {
	case dunning.CourtesyThanks, dunning.CourtesyConfirm, dunning.CourtesyHelp:
		return nil
	}
	key := fmt.Sprintf("%s/c%d/%s/r%d/n%d/%s", d.Key, m.Case, m.Step, m.Round, m.Nth, m.Channel)
	c := cue{p: p, d: d, m: m, key: key, zone: zone, r: p.chance("message", key)}
	return c.react()
}

// creditorZone is where a creditor's days begin.
func creditorZone(ctx context.Context, pl *rehearse.Player, creditor string) (*time.Location, error) {
	cfg, err := pl.Book().Current(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := cfg.Creditor(creditor)
	if !ok {
		return nil, fmt.Errorf("creditor %s is not in the published configuration", creditor)
	}
	return time.LoadLocation(c.Zone)
}

func (c *cue) react() []postgres.Script {
	switch c.d.Personality {
	case Payer:
		return append(c.says(15, answers.WantsInfo, answers.Ack, answers.Paid), c.when(75, c.pays(1+c.r.IntN(4), 1000))...)
	case LatePayer:
		return append(c.says(10, answers.WantsInfo, answers.CallMe), c.when([]int{2, 8, 20, 45, 85}[serious(c.m.Step)], c.pays(1+c.r.IntN(6), 1000))...)
	case PartPayer:
		return c.partly()
	case Promiser:
		return c.promises()
	case PlanTaker:
		return c.takesPlan()
	case Disputer:
		return c.disputes()
	case OptOuter:
		return c.when(60, c.optsOut())
	case Bouncer:
		return c.bounces()
	case InHardship:
		return c.when(70, c.asksForTime())
	case Unreached:
		return c.cannotBeReached()
	default:
		return c.stranger()
	}
}

// says lets the debtor write about one of some things a day later, in so many of a hundred
// cases. What follows from it is for Duly and its staff.
func (c *cue) says(percent int, about ...answers.Intent) []postgres.Script {
	r := c.p.chance("says", c.key)
	if r.IntN(100) >= percent {
		return nil
	}
	return c.replies(1, 8, pick(r, about))
}

// stranger is what comes back where nobody answers: some other person's word, or a machine's.
func (c *cue) stranger() []postgres.Script {
	if c.d.Kind == "business" {
		return c.says(30, answers.AutoReply)
	}
	return c.says(12, answers.WrongPerson)
}

// when lets something happen in so many of a hundred cases.
func (c *cue) when(percent int, rows []postgres.Script) []postgres.Script {
	if c.r.IntN(100) < percent {
		return rows
	}
	return nil
}

// at is an hour of the creditor's day, some days after the message.
func (c *cue) at(days, hour int) time.Time {
	d := dunning.DateOf(c.m.At.In(c.zone)).AddDays(days)
	return time.Date(d.Year, d.Month, d.Day, hour, 0, 0, 0, c.zone).UTC()
}

func (c *cue) row(what string, at time.Time, kind string, body any) postgres.Script {
	return rehearse.Row("debtor/"+c.key+"/"+what, at, kind, body)
}

// pays posts at noon, as a day's batch from the bank does.
func (c *cue) pays(days, permille int) []postgres.Script {
	return []postgres.Script{c.row("pay", c.at(days, 12), kindPay, payBody{Account: c.d.AccountID(), ID: c.key, Permille: permille})}
}

func (c *cue) partly() []postgres.Script {
	if c.r.IntN(100) < 40 {
		return c.pays(2+c.r.IntN(4), 250+50*c.r.IntN(10))
	}
	return c.when(20, c.pays(3, 1000))
}

func (c *cue) promises() []postgres.Script {
	if c.m.Step == dunning.CourtesyReminder {
		return nil
	}
	b := promiseBody{Account: c.d.AccountID(), ID: c.key, Days: 7 + c.r.IntN(8), Keeps: c.r.IntN(100) < 60}
	agreed := c.at(1, 15)
	wrote := c.repliesOn(c.at(1, 9), answers.WillPay, dunning.DateOf(agreed.In(c.zone)).AddDays(b.Days))
	return c.when(55, append(wrote, c.row("promise", agreed, kindPromise, b)))
}

func (c *cue) takesPlan() []postgres.Script {
	if c.m.Step != "offer-plan" {
		return append(c.says(15, answers.WantsPlan), c.when(10, c.pays(3, 1000))...)
	}
	count := 3 + 3*c.r.IntN(2)
	b := planBody{Account: c.d.AccountID(), ID: c.key, Count: count, Pays: count}
	if c.r.IntN(100) < 35 {
		b.Pays = 1 // and then no more
	}
	return c.when(85, []postgres.Script{c.row("plan", c.at(2+c.r.IntN(4), 15), kindPlan, b)})
}

func (c *cue) disputes() []postgres.Script {
	if c.r.IntN(100) >= 50 {
		return c.when(20, c.pays(5, 1000))
	}
	outcome := []string{"rejected", "rejected", "closed", "corrected"}[c.r.IntN(4)]
	b := disputeBody{Account: c.d.AccountID(), ID: c.key, Days: 5 + c.r.IntN(8), Outcome: outcome}
	return append(c.replies(1, 9, answers.Dispute), c.row("dispute", c.at(1, 15), kindDispute, b))
}

func (c *cue) optsOut() []postgres.Script {
	return c.replies(0, 20, answers.OptOut)
}

func (c *cue) bounces() []postgres.Script {
	if serious(c.m.Step) > 2 {
		return c.when(60, c.pays(2, 1000))
	}
	rows := c.when(70, c.pays(2, 1000))
	if rows == nil {
		return nil
	}
	b := dunning.ReversePayment{Payment: c.key, Reason: "returned"}
	return append(rows, c.row("returned", c.at(6, 12), rehearse.Do, do(c.d, "reverse_payment", b)))
}

// asksForTime is granted by the staff.
func (c *cue) asksForTime() []postgres.Script {
	h := dunning.PlaceHold{ID: c.key, HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount, Until: c.at(30, 0), Owner: "user:staff", Notice: 3}
	return append(c.replies(1, 9, answers.Hardship), c.row("hardship", c.at(1, 15), rehearse.Do, do(c.d, "place_hold", h)))
}

func (c *cue) cannotBeReached() []postgres.Script {
	if c.m.Channel != dunning.Email {
		return nil
	}
	return []postgres.Script{c.row("bounce", c.m.At.Add(5*time.Minute), kindBounce, bounceBody{Account: c.d.AccountID(), Contact: c.m.Contact, Point: c.m.Point})}
}

// do is the body of a row with a command by the debtor.
func do(d *Debtor, command string, cmd dunning.Command) rehearse.DoBody {
	args, err := json.Marshal(cmd)
	if err != nil {
		panic(err) // commands are plain structs
	}
	return rehearse.DoBody{Account: d.AccountID(), By: "debtor", Command: command, Args: args}
}

// owed is what is open on items that nobody else has taken over.
func owed(f dunning.Facts) (minor int64) {
	for i := range f.Items {
		if it := &f.Items[i]; slices.Contains([]dunning.Disposition{dunning.InSequence, dunning.InPlan, dunning.Exhausted}, it.Disposition) {
			minor += it.Open
		}
	}
	return max(minor-f.Credit, 0)
}
