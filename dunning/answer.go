package dunning

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/dunning/money"
)

// TakeReply takes a message that the debtor wrote, as package answers read it.
// What is sure becomes facts at once; the rest is a task for a person, who finds
// the text in the inbox under the ID: it is personal data and not part of facts.
type TakeReply struct {
	ID       string          `json:"id"` // of the event, over all sources: a reply taken again changes nothing
	Channel  Channel         `json:"channel"`
	Point    string          `json:"point,omitempty"` // contact point that it came from
	Reading  answers.Reading `json:"reading"`
	Received time.Time       `json:"received,omitzero"` // zero = now
	// Quiet: the message is most likely about somebody else who has the same point.
	// Refusals hold all the same; nothing is answered and nobody is asked.
	Quiet bool `json:"quiet,omitempty"`
	// Unproven: nothing proves that the owner of the point wrote it. What refuses contact
	// is believed all the same; what permits it is for a person.
	Unproven bool `json:"unproven,omitempty"`
}

func (TakeReply) command() {}

// Suggestion is what a reply seems to ask for. It decides nothing.
type Suggestion struct {
	Intent     answers.Intent `json:"intent"`
	Confidence int            `json:"confidence"`        // percent
	Command    string         `json:"command,omitempty"` // that would carry it out; see CommandNames
	Due        Date           `json:"due,omitzero"`
	Amount     money.Amount   `json:"amount,omitzero"`
}

const (
	// replyDays is how many local days contacts wait for a person to look at a reply.
	replyDays = 3
	// sureOptOut is from which confidence a refusal is believed. It is below
	// answers.Sure: a message too few harms nobody.
	sureOptOut = 75
	// promiseGrace is the grace of a promise that was made by a reply.
	promiseGrace = 2
)

// What a reply is answered with, as contact policies name the purpose.
const (
	purposeConfirm = "opt_out_confirmation"
	purposeHelp    = "auto_reply_to_consumer"
)

// replying collects what a reply leads to.
type replying struct {
	f    *Facts
	c    TakeReply
	by   string
	at   time.Time
	out  []Fact
	err  error
	wait bool // a person must look at it
}

func (f *Facts) takeReply(c TakeReply, by string, at time.Time) ([]Fact, error) {
	switch err := firstOf(need("reply", "an id", c.ID), need("reply", "a channel", string(c.Channel)), oneOf("reply", "channel", c.Channel, Channels), f.knownPoint("reply", c.Point, c.Channel)); {
	case err != nil:
		return nil, err
	case len(c.Reading.Findings) == 0:
		return nil, fmt.Errorf("reply: it needs a reading: %w", ErrInvalid)
	case f.contact(c.ID) != nil:
		return nil, nil
	}
	r := &replying{f: f, c: c, by: by, at: at}
	if !r.machine() {
		r.log()
	}
	for _, x := range c.Reading.Findings {
		if !c.Quiet || x.Intent == answers.OptOut || x.Intent == answers.Start || x.Intent == answers.WrongPerson {
			r.take(x)
		}
	}
	r.ask()
	return r.out, r.err
}

// Today is the day in the debtor's first zone at an instant.
func (f Facts) Today(at time.Time) Date { return f.localDay(at) }

// machine reports whether nobody wrote the message. Then it is no contact of
// the debtor: it must not count as one, or permit an answer.
func (r *replying) machine() bool { return r.sure(answers.AutoReply) }

func (r *replying) find(i answers.Intent) (answers.Finding, bool) { return r.c.Reading.Find(i) }

func (r *replying) sure(i answers.Intent) bool {
	x, ok := r.find(i)
	return ok && x.Sure()
}

// add keeps the facts of one consequence, or the first error.
func (r *replying) add(facts []Fact, err error) {
	r.out = append(r.out, facts...)
	r.err = cmp.Or(r.err, err)
}

// try is add for what a refusal in the same message must not depend on: what does not
// fit is for a person.
func (r *replying) try(facts []Fact, err error) {
	if err != nil {
		r.wait = true
		return
	}
	r.add(facts, nil)
}

func (r *replying) id(what string) string { return r.c.ID + "/" + what }

func (r *replying) told() Told {
	return Told{Medium: string(r.c.Channel), Reader: r.c.Reading.Version, During: r.c.ID, Evidence: r.c.ID}
}

// stranger reports whether somebody else than the debtor wrote it.
func (r *replying) stranger() bool { return r.sure(answers.WrongPerson) && r.c.Point != "" }

// log keeps the message as a contact from the debtor, with what was read in it.
func (r *replying) log() {
	l := ContactLogged{ID: r.c.ID, Direction: "inbound", Channel: r.c.Channel, Outcome: "received", Point: r.c.Point, Evidence: r.c.ID, Answer: r.answer()}
	for _, x := range r.c.Reading.Findings {
		l.Reading = append(l.Reading, string(x.Intent)+" "+strconv.Itoa(x.Confidence))
	}
	if r.stranger() {
		l.Outcome, l.Person = "wrong_person", "third_person"
	}
	r.add(r.f.logContact(LogContact{ContactLogged: l, Happened: r.c.Received}, r.at))
}

// answer is the purpose of the one message that may answer this one.
func (r *replying) answer() string {
	out, refused := r.find(answers.OptOut)
	help, asked := r.find(answers.Help)
	switch {
	case r.c.Quiet || r.c.Point == "" || r.c.Channel != SMS && r.c.Channel != Email:
		return ""
	case refused && out.Confidence >= sureOptOut:
		return purposeConfirm
	case asked && help.Keyword:
		return purposeHelp
	}
	return ""
}

// AsksPerson reports whether a reply says something that a person must look at.
func (c TakeReply) AsksPerson() bool {
	for _, x := range c.Reading.Findings {
		switch x.Intent {
		case answers.AutoReply:
			return false
		case answers.Ack, answers.Start, answers.OptOut, answers.WrongPerson, answers.Inconvenient:
		case answers.Help:
			if !x.Keyword {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// take carries out what is sure in a finding.
func (r *replying) take(x answers.Finding) {
	switch x.Intent {
	case answers.OptOut:
		r.optOut(x)
	case answers.Start:
		r.start(x)
	case answers.Ack, answers.AutoReply:
	case answers.Help:
		r.wait = r.wait || !x.Keyword
	case answers.Inconvenient:
		r.inconvenient(x)
	case answers.WrongPerson:
		r.wrongPerson(x)
	default:
		r.wait = true
		if x.Sure() && !r.stranger() {
			r.state(x)
		}
	}
}

// state records what a sure finding says about the debtor or the claim.
func (r *replying) state(x answers.Finding) {
	switch x.Intent {
	case answers.Cease:
		r.notice(NoticeCease)
		r.cease()
	case answers.Refusal: // in writing it ends contact where the law says so (15 USC 1692c(c)); the policies know where
		r.notice(NoticeRefuses)
	case answers.Represented:
		r.status(StatusAttorney)
	case answers.Bankruptcy:
		r.status(StatusBankruptcy)
	case answers.Deceased:
		r.status(StatusDeceased)
	case answers.Dispute:
		r.dispute()
	case answers.WillPay:
		r.promise(x)
	case answers.CallMe:
		r.try(r.f.stateWish(StateWish{WishStated: WishStated{ID: r.id("callback"), Wish: WishCallback, Told: r.told()}, Received: r.c.Received}, r.at))
	}
}

// optOut keeps a refusal in the scope that was asked for; one that names no
// channel is everything. A stranger refuses for the point alone: the debtor is
// somebody else.
func (r *replying) optOut(x answers.Finding) {
	r.wait = r.wait || !x.Sure()
	if x.Confidence < sureOptOut {
		return
	}
	b := OptedOut{ID: r.id("opt_out"), Refusal: RefusesMedium, StopWord: x.Keyword, InReplyTo: r.f.lastPurpose(r.c.Point), Told: r.told()}
	if r.c.Channel == SMS {
		b.Refusal = RefusesKeyword
	}
	switch {
	case r.stranger():
		b.Channel, b.Point = r.c.Channel, r.c.Point
	case x.Scope == "electronic":
	case x.Scope == "all":
		b.Everything, r.wait = true, true
	default:
		b.Channel = Channel(x.Scope)
	}
	r.add(r.f.optOut(OptOut{OptedOut: b, Received: r.c.Received}, r.at))
}

// lastPurpose is what the last message to a point was for; "" when there is none.
func (f *Facts) lastPurpose(point string) string {
	if c := f.lastTo(point); c != nil {
		return orCollect(c.Purpose)
	}
	return ""
}

// lastTo is the last contact of ours that reached, or may have reached, a point.
func (f *Facts) lastTo(point string) *ContactFacts {
	var last *ContactFacts
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if point != "" && c.Point == point && c.outbound() && c.counts() && (last == nil || !c.At.Before(last.At)) {
			last = c
		}
	}
	return last
}

// start takes refusals of this channel back: a keyword that says so always, a
// bare yes only as the answer to the confirmation of a refusal. Where more was refused
// than this channel, a person must ask what is meant.
func (r *replying) start(x answers.Finding) {
	if r.c.Unproven || !x.Sure() && !r.answersConfirmation() {
		r.wait = true
		return
	}
	ins := []OptedIn{{Channel: r.c.Channel, Told: r.told()}}
	if r.c.Point != "" {
		ins = append(ins, OptedIn{Channel: r.c.Channel, Point: r.c.Point, Told: r.told()})
	}
	for _, b := range ins {
		r.add(r.f.optIn(OptIn{OptedIn: b, Received: r.c.Received}, r.at))
	}
	r.wait = r.wait || r.refusedBeyond(ins)
}

// refusedBeyond reports whether something still refuses messages to the point after these
// opt-ins: everything, all that is electronic, or a wish in writing to be left alone.
func (r *replying) refusedBeyond(ins []OptedIn) bool {
	f, received := r.f, r.c.Received
	if received.IsZero() {
		received = r.at
	}
	return r.held(HoldCease) ||
		slices.ContainsFunc(f.Notices, func(n NoticeState) bool {
			return n.FromDebtor && (n.Notice == NoticeCease || n.Notice == NoticeRefuses) && f.concerns(n.Debts)
		}) ||
		slices.ContainsFunc(f.OptOuts, func(o OptOutState) bool {
			ended := slices.ContainsFunc(ins, func(b OptedIn) bool { return b.ends(&o, received) })
			return o.Withdrawn.IsZero() && !ended && !o.At.After(received) && (o.Channel == "" || o.Channel == r.c.Channel) && (o.Point == "" || o.Point == r.c.Point) && f.concerns(o.Debts)
		})
}

// confirmationStands is how long a yes is taken as an answer to a confirmation.
const confirmationStands = 24 * time.Hour

func (r *replying) answersConfirmation() bool {
	last := r.f.lastTo(r.c.Point)
	return last != nil && last.Purpose == purposeConfirm && r.at.Sub(last.At) < confirmationStands
}

func (r *replying) inconvenient(x answers.Finding) {
	switch {
	case !x.Sure() || r.stranger():
		r.wait = true
	case x.Scope == "place":
		w := WishStated{ID: r.id("place"), Wish: WishPlace, Place: "work", Told: r.told()}
		r.try(r.f.stateWish(StateWish{WishStated: w, Received: r.c.Received}, r.at))
	case x.From == "":
		r.wait = true
	default:
		t := TimesInconvenient{ID: r.id("times"), Days: x.Weekdays(), From: x.From, To: x.To, Told: r.told()}
		r.try(r.f.stateTimes(StateTimes{TimesInconvenient: t, Received: r.c.Received}, r.at))
	}
}

// wrongPerson gives the point up. Without a point a person must look.
func (r *replying) wrongPerson(x answers.Finding) {
	if !x.Sure() || r.c.Point == "" {
		r.wait = true
		return
	}
	r.add([]Fact{r.f.debtorFact(r.at, PointDead{ID: r.c.Point, Reason: "wrong_person"})}, nil)
}

func (r *replying) notice(kind string) {
	if slices.ContainsFunc(r.f.Notices, func(n NoticeState) bool { return n.FromDebtor && n.Notice == kind && r.f.concerns(n.Debts) }) {
		return
	}
	n := NoticeReceived{ID: r.id(kind), Notice: kind, Told: r.told()}
	r.try(r.f.receiveNotice(ReceiveNotice{NoticeReceived: n, Received: r.c.Received}, r.at))
}

// cease holds back every contact; the clock and a referral are for people to decide.
func (r *replying) cease() {
	if r.held(HoldCease) {
		return
	}
	clock := false
	r.try(r.f.newHold(PlaceHold{ID: r.id("hold"), HoldKind: HoldCease, Scope: ScopeDebtor, Clock: &clock, Owner: r.f.replyQueue()}, r.by, r.at))
}

// held reports whether the account is already held for a reason.
func (r *replying) held(kind HoldKind) bool {
	return slices.ContainsFunc(r.f.Holds, func(h HoldState) bool { return h.HoldKind == kind && h.Scope != ScopeItem && h.in(r.at) })
}

func (r *replying) status(status string) {
	if slices.ContainsFunc(r.f.Statuses, func(s StatusState) bool { return s.Status == status && r.stands(s) }) {
		return
	}
	s := StatusKnown{ID: r.id(status), Status: status, Stage: "open", Told: r.told()}
	r.try(r.f.recordStatus(RecordStatus{StatusKnown: s, Received: r.c.Received}, r.by, r.at))
}

// stands reports whether a status says all that the reply would: of this debt, and still.
func (r *replying) stands(s StatusState) bool {
	return !s.over() && !ended(s.Until, r.at) && r.f.concerns(s.Debts)
}

// dispute disputes the account: which invoice is meant is for a person to find out.
func (r *replying) dispute() {
	if r.f.Account == "" || r.held(HoldDispute) {
		return
	}
	r.try(r.f.raiseDispute(RaiseDispute{ID: r.id("dispute"), Told: r.told(), Received: r.c.Received}, r.at))
}

// promise makes a promise of a proposal, where the creditor allows that: a date
// within its days, and the whole debt or no amount.
func (r *replying) promise(x answers.Finding) {
	f, due, total := r.f, Date(x.Date), r.f.overdueTotal(r.at)
	amount, whole := r.amount(x)
	switch {
	case f.Creditor.PromiseWithin == 0 || due.IsZero() || total.Minor() <= 0 || len(r.c.Reading.Findings) > 1:
		return
	case x.Amount != "" && (!whole || amount.Minor() < total.Minor()):
		return
	case due.Days(f.localDay(r.at)) < -f.Creditor.PromiseWithin:
		return
	}
	facts, err := f.promise(MakePromise{ID: r.id("promise"), Amount: total, Due: due, Grace: promiseGrace}, r.at)
	if err != nil { // one is open, or the date is over: a person decides
		return
	}
	r.add(facts, nil)
	r.wait = false
}

// overdueTotal is what the debtor owes on items that are overdue.
func (f *Facts) overdueTotal(at time.Time) money.Amount {
	var sum int64
	for i := range f.Items {
		if it := &f.Items[i]; f.owed(it) && f.overdue(it, at) {
			sum += it.Open
		}
	}
	return f.zero().Of(max(sum-f.Credit, 0))
}

// amount is the money that a finding names, in the account's currency; false
// when it names none, or another currency.
func (r *replying) amount(x answers.Finding) (money.Amount, bool) {
	if x.Amount == "" || x.Currency != "" && x.Currency != r.f.Currency {
		return money.Amount{}, false
	}
	a, err := money.Parse(x.Amount, r.f.Currency)
	return a, err == nil
}

// commandsFor are what a person would most likely do about an intent.
var commandsFor = map[answers.Intent]string{
	answers.Paid: "record_payment", answers.WillPay: "make_promise", answers.WantsPlan: "agree_plan", answers.Dispute: "raise_dispute",
	answers.OptOut: "opt_out", answers.Start: "opt_in", answers.Cease: "receive_notice", answers.Refusal: "receive_notice", answers.WrongPerson: "mark_point",
	answers.CallMe: "take_lease", answers.Represented: "record_status", answers.Bankruptcy: "record_status", answers.Deceased: "record_status",
	answers.Hardship: "place_hold", answers.Complaint: "place_hold", answers.Inconvenient: "state_times",
}

// ask opens a task for a person, with what the reply seems to want. While a task
// about the same is open, the reply joins it.
func (r *replying) ask() {
	f := r.f
	if !r.wait || r.c.Quiet || f.Case == "" || !f.CaseOpen || r.machine() {
		return
	}
	x := r.c.Reading.Findings[0]
	if slices.ContainsFunc(f.Tasks, func(t TaskState) bool {
		return t.Task == TaskReply && t.Ended.IsZero() && t.Reason == string(x.Intent)
	}) {
		return
	}
	s := &Suggestion{Intent: x.Intent, Confidence: x.Confidence, Command: commandsFor[x.Intent], Due: Date(x.Date)}
	s.Amount, _ = r.amount(x)
	r.add([]Fact{f.fact(r.at, TaskOpened{
		ID: f.taskID("reply", r.c.ID), Task: TaskReply, Queue: f.replyQueue(), Until: f.daysAfter(r.at, replyDays),
		Contact: r.c.ID, Reason: string(x.Intent), Suggest: s,
	})}, nil)
}

// replyQueue is where replies wait for people.
func (f *Facts) replyQueue() string {
	return cmp.Or(f.Creditor.Queues.Replies, f.Creditor.Queues.Supervisor)
}

// waitReply keeps contacts back while a reply has not been looked at, for so
// many days: nobody is written to as if they had not answered. Everything else
// goes on, and the task stays.
func (f *Facts) waitReply(at time.Time) (wait, bool) {
	w, ok := wait{state: "task", contactOnly: true, rule: "task:" + string(TaskReply)}, false
	for i := range f.Tasks {
		if t := &f.Tasks[i]; t.Task == TaskReply && t.Ended.IsZero() && at.Before(t.Until) {
			w.until, ok = later(w.until, t.Until), true
		}
	}
	return w, ok
}
