package portfolio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/standalone/rehearse"
)

// deskBody is something beside tasks that somebody takes up: an answer of a debtor, a
// broken promise, a call that was promised, a note to read.
type deskBody struct {
	Account string `json:"account"`
	Kind    string `json:"kind"` // as read.Work
	ID      string `json:"id"`
	Owner   string `json:"owner,omitempty"`
}

// deskKinds are what is taken up beside tasks.
var deskKinds = []string{read.WorkReply, read.WorkBroken, read.WorkCallback, read.WorkMention}

// staff is how facts name whoever of the staff has a role: a user of the console, where
// there is one.
func (p *Portfolio) staff(ctx context.Context, pl *rehearse.Player, role identity.Role) (string, error) {
	u, err := pl.Store().UserByName(ctx, string(role))
	if errors.Is(err, postgres.ErrNotFound) {
		return "user:staff", nil
	}
	return "user:" + u.ID, err
}

// deskRows is how much of it a shift takes up at most.
const deskRows = 500

// desks are the rows of what waits for people beside tasks.
func (p *Portfolio) desks(ctx context.Context, pl *rehearse.Player, row postgres.Script, creditor string) ([]postgres.Script, error) {
	list, err := pl.Store().Worklist(ctx, read.Only(creditor), read.WorkFilter{Kinds: deskKinds}, row.At, read.Page{Limit: deskRows})
	if err != nil {
		return nil, err
	}
	var rows []postgres.Script
	for _, w := range list.Rows {
		if !w.Opened.Before(row.At) {
			continue
		}
		// A mention's id ends with a user's, which Duly draws.
		about := strings.TrimSuffix(w.ID, "/"+w.Owner)
		key := fmt.Sprintf("%s/%s/%s/%s", row.Key, w.AccountKey, w.Kind, about)
		rows = append(rows, rehearse.Row(key, row.At, kindDesk, deskBody{Account: w.Account, Kind: w.Kind, ID: w.ID, Owner: w.Owner}))
	}
	return rows, nil
}

// order is a command by somebody of the staff; without a role by the debtor.
type order struct {
	role identity.Role
	cmd  dunning.Command
}

// desk is what somebody does about it, if anything: not everything gets done at once.
func (p *Portfolio) desk(ctx context.Context, pl *rehearse.Player, row postgres.Script, b deskBody) ([]postgres.Script, error) {
	n := p.chance("desk", row.Key).IntN(100)
	if b.Kind == read.WorkMention {
		note, _, _ := strings.Cut(b.ID, "/")
		_, err := pl.Command(ctx, b.Account, "user:"+b.Owner, dunning.DismissMention{ID: note, User: b.Owner})
		return nil, err
	}
	if b.Kind == read.WorkCallback {
		return p.callBack(ctx, pl, row, b, n)
	}
	zone, err := p.zoneOf(ctx, pl, b.Account)
	if err != nil {
		return nil, err
	}
	me, err := p.staff(ctx, pl, identity.Collector)
	if err != nil {
		return nil, err
	}
	return nil, p.give(ctx, pl, b.Account, p.handling(row, b, n, zone, strings.TrimPrefix(me, "user:"))...)
}

// give carries out orders, one after another.
func (p *Portfolio) give(ctx context.Context, pl *rehearse.Player, account string, orders ...order) error {
	for _, o := range orders {
		by, err := "debtor", error(nil)
		if o.role != "" {
			by, err = p.staff(ctx, pl, o.role)
		}
		if err != nil {
			return err
		}
		if _, err := pl.Command(ctx, account, by, o.cmd); err != nil {
			return err
		}
	}
	return nil
}

// Words of the staff, about nobody in particular.
var (
	answered = []string{
		"Answered: sent the invoice again.", "Answered by email: payment details confirmed.", "Asked for the bank details; sent them.",
		"Wants to pay at the end of the month. Agreed to wait for it.", "Read, nothing to do: thanks for the reminder.",
	}
	afterBroken = []string{"Promise not kept. Try again by telephone.", "Promise not kept, says the salary came late.", "Promise not kept, no reason given."}
)

// handling is what is done about an answer or a broken promise.
func (p *Portfolio) handling(row postgres.Script, b deskBody, n int, zone *time.Location, me string) []order {
	texts, id := answered, row.Key
	if b.Kind == read.WorkBroken {
		texts = afterBroken
	}
	r := p.chance("words", row.Key)
	note := order{identity.Collector, dunning.WriteNote{ID: id + "/note", Text: texts[r.IntN(len(texts))]}}
	switch {
	case n < 12: // left for the next shift
		return nil
	case n < 30:
		day := dunning.DateOf(row.At.In(zone)).AddDays(1 + r.IntN(3))
		return []order{note, {identity.Collector, dunning.SetCallback{ID: id + "/callback", When: at(day, 14, zone), Owner: me, Words: "as agreed"}}}
	case n < 38:
		return []order{note, {identity.Collector, dunning.OfferSettlement{
			ID: id + "/settlement", Percent: 5 + 5*r.IntN(5), Due: dunning.DateOf(row.At.In(zone)).AddDays(14), Approval: true,
		}}}
	case n < 44:
		return []order{note, {identity.Collector, dunning.PinNote{ID: id + "/note"}}}
	}
	return []order{note}
}

// callBack makes the call that was promised, if it is allowed.
func (p *Portfolio) callBack(ctx context.Context, pl *rehearse.Player, row postgres.Script, b deskBody, n int) ([]postgres.Script, error) {
	by, err := p.staff(ctx, pl, identity.Collector)
	if err != nil {
		return nil, err
	}
	talked := false
	_, err = pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		for _, c := range f.Contacts { // called before a crash
			if c.ID == row.Key && c.Logged != nil {
				talked = c.Logged.Outcome == "conversation"
				return nil, nil
			}
		}
		cmd := p.call(f, dunning.TaskState{}, row, n*60/100)
		if cmd == nil {
			return nil, nil
		}
		talked = cmd.(dunning.LogContact).Outcome == "conversation"
		return dunning.Handle(f, cmd, by, at)
	})
	if err != nil || !talked {
		return nil, err
	}
	return p.afterTalk(row, workBody{Account: b.Account, About: row.Key}), nil
}

// settleBody is a settlement that a debtor agrees to on the telephone, and keeps or not.
type settleBody struct {
	Account string `json:"account"`
	ID      string `json:"id"`
	Percent int    `json:"percent"`
	Keeps   bool   `json:"keeps"`
}

func (p *Portfolio) settle(ctx context.Context, pl *rehearse.Player, row postgres.Script, b settleBody) ([]postgres.Script, error) {
	zone, err := p.zoneOf(ctx, pl, b.Account)
	if err != nil {
		return nil, err
	}
	by, err := p.staff(ctx, pl, identity.Collector)
	if err != nil {
		return nil, err
	}
	due := dunning.DateOf(row.At.In(zone)).AddDays(10)
	var pays int64
	_, err = pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		cmd := dunning.OfferSettlement{ID: b.ID, Percent: b.Percent, Due: due, Accepted: true}
		if i := slices.IndexFunc(f.Settlements, func(s dunning.SettlementState) bool { return s.ID == b.ID }); i >= 0 { // before a crash
			pays = f.Settlements[i].Amount.Minor()
			return nil, nil
		}
		facts, err := dunning.Handle(f, cmd, by, at)
		if err == nil {
			offer := f.OfferOf(cmd)
			pays = offer.Amount.Minor()
		}
		return facts, err
	})
	told(ctx, pl, row.At, b.Account, "settlement", "by "+due.String())
	if err != nil || !b.Keeps || pays == 0 {
		return nil, err
	}
	return []postgres.Script{rehearse.Row(row.Key+"/kept", noon(due, zone), kindPay, payBody{Account: b.Account, ID: b.ID + "/kept", Minor: pays})}, nil
}

// --- the stage at the end ------------------------------------------------------------

// stageBody is the last morning of a creditor's staff.
type stageBody struct {
	Creditor string `json:"creditor"`
}

// sets are what the staff is in the middle of when the rehearsal ends, so that whoever
// opens the console finds something of everything. Each goes to a case of its own.
func (p *Portfolio) sets(key string, now time.Time, collector, supervisor string) [][]order {
	id := func(what string) string { return key + "/" + what }
	me, boss := strings.TrimPrefix(collector, "user:"), strings.TrimPrefix(supervisor, "user:")
	inDays := func(n int) time.Time { return now.AddDate(0, 0, n) }
	c, s := identity.Collector, identity.Supervisor
	return [][]order{
		{{c, dunning.TakeLease{ID: id("lease-1"), Owner: me, Until: inDays(2)}}, {c, dunning.WriteNote{ID: id("note-1"), Text: "Calls back about a plan; have the figures ready."}}},
		{{c, dunning.SetCallback{ID: id("soon"), When: now.Add(2 * time.Hour), Owner: me, Words: "wants to speak with their partner first"}}},
		{
			{s, dunning.WriteNote{ID: id("mention-1"), Text: "@collector please try the office number before noon, they are there until then.", Mentions: []string{me}}},
			{s, dunning.PinNote{ID: id("mention-1")}},
		},
		{{c, dunning.OfferSettlement{ID: id("deal-1"), Percent: 25, Due: dunning.DateOf(inDays(14)), Approval: true, Accepted: true}}},
		{{c, dunning.HandOver{ID: id("hand-1"), Owner: dunning.TeamOwner + "late", Until: inDays(3), Words: "Asks for somebody who speaks Spanish."}}},
		{{c, dunning.SetCallback{ID: id("tomorrow"), When: inDays(1), Words: "any time in the afternoon"}}},
		{{c, dunning.HandOver{ID: id("hand-2"), Owner: boss, Until: inDays(2), Words: "Wants to complain; please take it."}}},
		{{c, dunning.WriteNote{ID: id("mention-2"), Text: "@supervisor may I waive the fee here? They have paid on time for years.", Mentions: []string{boss}}}},
		{{c, dunning.PlaceHold{ID: id("snooze"), HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Until: inDays(5), Owner: me}}},
		{{"", dunning.AgreePlan{ID: id("plan"), Count: 3, First: dunning.DateOf(inDays(7))}}},
		{{"", dunning.RaiseDispute{ID: id("dispute"), Told: dunning.Told{Medium: "email", Words: "The second delivery never came."}}}},
		{{c, dunning.OfferSettlement{ID: id("deal-2"), Percent: 10, Due: dunning.DateOf(inDays(10))}}},
	}
}

// lastWords are what debtors write on the last morning, which nobody has read yet.
var lastWords = []struct {
	what answers.Intent
	by   dunning.Channel
}{
	{answers.WantsInfo, dunning.Email},
	{answers.WillPay, dunning.SMS},
	{answers.Hardship, dunning.Email},
	{answers.WantsPlan, dunning.SMS},
	{answers.Dispute, dunning.Email},
	{answers.Paid, dunning.Email},
	{answers.OptOut, dunning.SMS},
}

// scene is what happens to one case on the last morning: orders, or words of the debtor.
type scene struct {
	orders []order
	says   answers.Intent
	by     dunning.Channel
}

// scenes are the sets with the last words in between.
func scenes(sets [][]order) []scene {
	var out []scene
	for i := range max(len(sets), len(lastWords)) {
		if i < len(lastWords) {
			out = append(out, scene{says: lastWords[i].what, by: lastWords[i].by})
		}
		if i < len(sets) {
			out = append(out, scene{orders: sets[i]})
		}
	}
	return out
}

// play lets it happen to a debtor's case.
func (s scene) play(ctx context.Context, p *Portfolio, pl *rehearse.Player, row postgres.Script, d *Debtor) error {
	if s.says == "" {
		return p.give(ctx, pl, d.AccountID(), s.orders...)
	}
	key := row.Key + "/" + string(s.says)
	return pl.Receive(ctx, key, p.writes(d, s.by, s.says, dunning.DateOf(row.At).AddDays(9), key))
}

// nobodys is what reaches a creditor and cannot be told whose it is: a mail from an unknown
// address, which names an invoice, and a payment to an account that does not exist.
func (p *Portfolio) nobodys(ctx context.Context, pl *rehearse.Player, row postgres.Script, d *Debtor) error {
	mail := rehearse.ReplyBody{
		Channel: dunning.Email, From: "front.desk@example.invalid", Subject: "Invoice " + d.oldest(),
		Text: "Hello, we have received your reminder about " + d.oldest() + ". Who placed this order? Please send us the invoice.",
	}
	if err := pl.Receive(ctx, row.Key+"/stranger", mail); err != nil {
		return err
	}
	return pl.PostPayment(ctx, map[string]string{
		"id": row.Key + "/astray", "creditor": d.Creditor, "account": d.Key + "X", "invoice": d.oldest(),
		"amount": d.Invoices[0].Amount.Decimal(), "currency": d.Currency, "at": row.At.Add(-time.Hour).UTC().Format(time.RFC3339),
	})
}

// stage sets the end: open cases in the order of their keys, each with one thing in hand.
func (p *Portfolio) stage(ctx context.Context, pl *rehearse.Player, row postgres.Script, b stageBody) ([]postgres.Script, error) {
	collector, err := p.staff(ctx, pl, identity.Collector)
	if err != nil {
		return nil, err
	}
	supervisor, err := p.staff(ctx, pl, identity.Supervisor)
	if err != nil {
		return nil, err
	}
	sets, calls, astray := scenes(p.sets(row.Key, row.At, collector, supervisor)), lastCalls, false
	first := 7 * slices.Index(Creditors(), b.Creditor) % len(sets) // so that few cases show everything, too
	sets = slices.Concat(sets[first:], sets[:first])
	for i := range p.Debtors {
		d := &p.Debtors[i]
		if d.Creditor != b.Creditor || len(sets) == 0 && calls == 0 {
			continue
		}
		free, err := p.idle(ctx, pl, d)
		if err != nil {
			return nil, err
		}
		if !free {
			continue
		}
		if calls > 0 && i%3 == 0 || len(sets) == 0 { // every third was called this morning
			if err := p.lastCall(ctx, pl, row, d, collector); err != nil {
				return nil, err
			}
			calls--
			continue
		}
		if err := sets[0].play(ctx, p, pl, row, d); err != nil {
			return nil, err
		}
		sets = sets[1:]
		if astray || b.Creditor != Creditors()[0] { // enough to see it
			continue
		}
		if err := p.nobodys(ctx, pl, row, d); err != nil {
			return nil, err
		}
		astray = true
	}
	return nil, nil
}

// lastCalls is how many calls a creditor's staff has made on the last morning.
const lastCalls = 3

// lastCall is a call of the last morning, if one was allowed: who is reached promises to pay
// in a week.
func (p *Portfolio) lastCall(ctx context.Context, pl *rehearse.Player, row postgres.Script, d *Debtor, by string) error {
	row.Key += "/call/" + d.Key
	n := p.chance("last call", row.Key).IntN(100)
	_, err := pl.Write(ctx, d.AccountID(), func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		var task dunning.TaskState
		for _, t := range f.Tasks {
			if t.Task == dunning.TaskCall && t.Ended.IsZero() {
				task = t
			}
		}
		cmd := p.call(f, task, row, n*60/100)
		if cmd == nil {
			return nil, nil
		}
		facts, err := dunning.Handle(f, cmd, by, at)
		if err != nil || cmd.(dunning.LogContact).Outcome != "conversation" {
			return facts, err
		}
		sum, err := money.FromMinor(owed(f), f.Currency)
		if err != nil {
			return nil, err
		}
		promise, err := dunning.Handle(f, dunning.MakePromise{ID: row.Key + "/promise", Amount: sum, Due: f.Today(at).AddDays(7), Grace: 2}, by, at)
		return append(facts, promise...), err
	})
	return err
}

// idle reports whether a debtor has an open case that nobody has in hand.
func (p *Portfolio) idle(ctx context.Context, pl *rehearse.Player, d *Debtor) (bool, error) {
	idle := false
	_, err := pl.Write(ctx, d.AccountID(), func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		s := read.Summarise(f)
		idle = f.CaseOpen && s.Open > 0 && s.Lease == nil && !s.Settlement.Live() && s.Callback == nil && len(s.Holds) == 0 &&
			(s.Promise == nil || s.Promise.State != "open") && (s.Plan == nil || s.Plan.State != "live")
		return nil, nil
	})
	if errors.Is(err, postgres.ErrNotFound) { // no invoice has come yet
		return false, nil
	}
	return idle, err
}
