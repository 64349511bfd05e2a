package read

import (
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Kinds of work besides tasks, which are "task:" and their kind.
const (
	WorkLease  = "lease"          // somebody has the case until an instant
	WorkBroken = "promise_broken" // a promise was not kept, and nobody has done anything since
	WorkReply  = "reply"          // the debtor wrote or called, and nobody has done anything since
	// WorkCallback is a call that was promised for an instant: it is in the list from then on.
	WorkCallback = "callback"
	// WorkMention is a note that mentions somebody who has not read it yet; ID is the note's
	// and theirs, with a slash between.
	WorkMention = "mention"
	workTask    = "task:"
	callTask    = workTask + string(dunning.TaskCall)
	inbound     = "inbound"
)

// Work is one thing that waits for a person, and why it is in the list where it is.
type Work struct {
	Kind     string    `json:"kind"`
	ID       string    `json:"id"` // of the task, lease, promise or contact
	Case     string    `json:"case,omitempty"`
	Queue    string    `json:"queue,omitempty"`
	Owner    string    `json:"owner,omitempty"` // who has the case; "" = whoever takes it
	Step     string    `json:"step,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Contact  string    `json:"contact,omitempty"`
	Attempts int       `json:"attempts,omitempty"` // asked for
	Tries    int       `json:"tries,omitempty"`    // made
	Due      time.Time `json:"due,omitzero"`
	Opened   time.Time `json:"opened"`

	Ranking
}

// WorkOf lists what waits for a person on an account: open tasks, a lease, a broken
// promise or a reply that nobody has acted on. facts is the fold of log for the
// account; log is the debtor's whole log in order. The order is by rank.
func WorkOf(facts dunning.Facts, log []dunning.Fact) []Work {
	s := Summarise(facts)
	var out []Work
	for i := range facts.Tasks {
		if t := &facts.Tasks[i]; t.Ended.IsZero() {
			out = append(out, taskWork(t))
		}
	}
	if s.Lease != nil {
		l := facts.Leases[slices.IndexFunc(facts.Leases, func(l dunning.LeaseState) bool { return l.Ended.IsZero() })]
		w := Work{Kind: WorkLease, ID: l.ID, Due: l.Until, Opened: l.Taken}
		if l.From != "" {
			w.Reason = "handed_over"
		}
		out = append(out, w)
	}
	if facts.CaseOpen {
		out = append(out, unanswered(facts, log, len(out) > 0)...)
		out = append(out, callbackWork(&facts)...)
	}
	out = append(out, mentionWork(&facts)...)
	queue, owner, team := lastQueue(facts), "", ""
	if s.Lease != nil {
		owner = s.Lease.Owner
		if dunning.IsTeam(owner) {
			owner, team = "", strings.TrimPrefix(owner, dunning.TeamOwner)
		}
	}
	for i := range out {
		w := &out[i]
		w.Case = facts.Case
		switch {
		case team != "" && w.Kind == WorkLease:
			w.Queue = team
		case w.Queue == "":
			w.Queue = queue
		}
		if w.Kind != WorkMention && (owner != "" || w.Kind != WorkCallback) {
			w.Owner = owner
		}
		w.Ranking = Rank(*w, s)
	}
	slices.SortStableFunc(out, func(a, b Work) int { return a.At.Compare(b.At) })
	return out
}

// callbackWork is the call that was promised. Whoever has the case makes it, else whoever
// promised it.
func callbackWork(f *dunning.Facts) []Work {
	c := f.OpenCallback()
	if c == nil {
		return nil
	}
	return []Work{{Kind: WorkCallback, ID: c.ID, Owner: c.Owner, Due: c.When, Opened: c.Set}}
}

// mentionWork is a row for everybody who is mentioned and has not read it.
func mentionWork(f *dunning.Facts) []Work {
	var out []Work
	for _, n := range f.Notes {
		for _, user := range n.Waits() {
			out = append(out, Work{Kind: WorkMention, ID: n.ID + "/" + user, Owner: user, Opened: n.At})
		}
	}
	return out
}

func taskWork(t *dunning.TaskState) Work {
	return Work{
		Kind: workTask + string(t.Task), ID: t.ID, Queue: t.Queue, Step: t.Step, Reason: t.Reason, Contact: t.Contact,
		Attempts: t.Attempts, Tries: t.Tries, Due: t.Until, Opened: t.Opened,
	}
}

// lastQueue is where the account's last task went: replies and broken promises go to
// the same people.
func lastQueue(f dunning.Facts) string {
	for i := len(f.Tasks) - 1; i >= 0; i-- {
		if q := f.Tasks[i].Queue; q != "" {
			return q
		}
	}
	return ""
}

// unanswered finds the latest reply and the latest broken promise after which no
// person has done anything. A broken promise is left out when other work is there
// already: whoever does that sees it.
func unanswered(f dunning.Facts, log []dunning.Fact, busy bool) []Work {
	var reply, broken *Work
	for i, x := range log {
		if x.Account != "" && x.Account != f.Account {
			continue
		}
		if byPerson(x) && !bookkeeping(x.Body) {
			reply, broken = nil, nil
		}
		switch b := x.Body.(type) {
		case dunning.ContactLogged:
			if b.Direction == inbound && !byPerson(x) && !understood(log, i) {
				reply = &Work{Kind: WorkReply, ID: b.ID, Opened: x.At, Reason: string(b.Channel)}
			}
		case dunning.TaskOpened:
			reply = nil // whoever does the task sees the reply
		case dunning.PromiseEnded:
			if b.Outcome == "broken" || b.Outcome == "partly" {
				broken = &Work{Kind: WorkBroken, ID: b.ID, Opened: x.At, Reason: b.Outcome}
			}
		case dunning.PromiseMade, dunning.PlanAgreed, dunning.Payment:
			broken = nil
		}
	}
	var out []Work
	if reply != nil {
		out = append(out, *reply)
	}
	if broken != nil && !busy {
		out = append(out, *broken)
	}
	return out
}

// bookkeeping tells facts by which a person does nothing about a debtor: who reads a note or
// pins it has not answered a reply.
func bookkeeping(b dunning.Body) bool {
	switch b.(type) {
	case dunning.NotePinned, dunning.NoteUnpinned, dunning.MentionSeen:
		return true
	}
	return false
}

// understood reports whether the transaction that recorded a reply also recorded what
// follows from it: then it needs no reader.
func understood(log []dunning.Fact, i int) bool {
	follows := func(f dunning.Fact) bool {
		if f.Version != log[i].Version || f.Body == nil {
			return false
		}
		switch f.Body.(type) {
		case dunning.PromiseMade, dunning.OptedOut, dunning.OptedIn, dunning.DisputeRaised, dunning.HoldPlaced, dunning.TaskOpened,
			dunning.PlanAgreed, dunning.OfferEnded, dunning.PointDead, dunning.TimesInconvenient, dunning.SettlementAnswered:
			return true
		}
		return false
	}
	for j := i - 1; j >= 0 && log[j].Version == log[i].Version; j-- {
		if follows(log[j]) {
			return true
		}
	}
	return i+1 < len(log) && slices.ContainsFunc(log[i+1:], follows)
}

// Ranking is the place of work in a list: an instant, the earlier the sooner. It does
// not move as time passes, so a list is in the same order a minute later, and it can
// be explained: it is the due instant (or the instant by which such work should be
// done), brought forward by each of Parts.
type Ranking struct {
	At    time.Time `json:"rank"`
	Parts []Part    `json:"parts,omitempty"`
}

// Part is one reason for a place in the list. Code: "due" or "opened" (the base: then
// Hours is negative, the patience that such work has), then "promised", "amount", "age", "tried".
type Part struct {
	Code  string `json:"code"`
	Hours int    `json:"hours"` // brought forward; negative: put back
	Value string `json:"value,omitempty"`
}

// patience is by when work without a due instant should be done, in hours from its
// opening. What is not listed has two days.
var patience = map[string]int{
	WorkReply:   8,
	WorkBroken:  24,
	WorkMention: 8,
	workTask + string(dunning.TaskSettlement): 8,
	callTask:                                  24,
	workTask + string(dunning.TaskUnknown):    4,
	workTask + string(dunning.TaskSupervisor): 8,
	workTask + string(dunning.TaskDraft):      24,
	workTask + string(dunning.TaskFailed):     24,
	workTask + string(dunning.TaskParked):     24,
	workTask + string(dunning.TaskReply):      8,
	workTask + string(dunning.TaskNoChannel):  72,
	workTask + string(dunning.TaskCatchUp):    72,
}

const (
	otherPatience = 48
	perDigit      = 12      // hours for each power of ten of the amount in major units, from 100 on
	perMonth      = 4       // hours for each 30 days that the oldest item was overdue at opening …
	maxMonths     = 6       // … at most so many
	promised      = 90 * 24 // hours that a call is brought forward: a debtor who waits for it comes before all backlog
	perTry        = 6       // hours that each attempt already made puts a call back
)

// Rank says how urgent work is. The base is its due instant, or its opening plus the
// patience of its kind. Large and old debts come forward;
// a call already tried goes back, so that others get their turn. Amounts of
// different currencies are compared by their number of digits only.
func Rank(w Work, s Standing) Ranking {
	r := Ranking{At: w.Due}
	if r.At.IsZero() {
		hours, ok := patience[w.Kind]
		if !ok {
			hours = otherPatience
		}
		r.At = w.Opened.Add(time.Duration(hours) * time.Hour)
		r.Parts = append(r.Parts, Part{Code: "opened", Hours: -hours})
	} else {
		r.Parts = append(r.Parts, Part{Code: "due"})
	}
	if w.Kind == WorkCallback {
		r.add("promised", promised, "")
	}
	if n := digits(s); n > 2 {
		r.add("amount", (n-2)*perDigit, Minor(s.Open, s.Currency).String())
	}
	if !s.Oldest.IsZero() {
		months := min(max(DaysBetween(s.Oldest, dunning.DateOf(w.Opened.UTC()))/30, 0), maxMonths)
		r.add("age", months*perMonth, s.Oldest.String())
	}
	r.add("tried", -min(w.Tries, 4)*perTry, "")
	r.At = r.At.UTC().Truncate(time.Microsecond)
	return r
}

func (r *Ranking) add(code string, hours int, value string) {
	if hours != 0 {
		r.At = r.At.Add(-time.Duration(hours) * time.Hour)
		r.Parts = append(r.Parts, Part{Code: code, Hours: hours, Value: value})
	}
}

// digits is how many digits the amount owed has in major units.
func digits(s Standing) int {
	n := 0
	for major := majorUnits(s); major > 0; major /= 10 {
		n++
	}
	return n
}

func majorUnits(s Standing) int64 {
	n, err := money.Digits(s.Currency)
	if err != nil {
		return 0
	}
	for range n {
		s.Open /= 10
	}
	return s.Open
}
