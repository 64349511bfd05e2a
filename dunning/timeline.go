package dunning

import (
	"slices"
	"time"

	"github.com/duly/duly/dunning/money"
)

// Event is one line of a case's timeline: what the debtor, a collector or an
// auditor would say happened. Both shells make it from the same journal.
type Event struct {
	At        time.Time   `json:"at"`
	Account   string      `json:"account"`
	Debtor    string      `json:"debtor"`
	Kind      string      `json:"kind"` // contact, deferred, task, offer, escalated, referred, exhausted, passed, waived, round, migration, migrated, promise, plan, settlement, opened, closed
	Step      string      `json:"step,omitempty"`
	Channel   Channel     `json:"channel,omitempty"`
	Items     []EventItem `json:"items"`
	Rule      string      `json:"rule,omitempty"`
	Reason    string      `json:"reason,omitempty"`
	NotBefore time.Time   `json:"not_before,omitzero"`
}

// EventItem is one item of an event. Step is null when it was only listed along.
type EventItem struct {
	Key      string  `json:"key"`
	Step     *string `json:"step" jsonschema:"nullable"`
	Amount   string  `json:"amount,omitempty"`
	Currency string  `json:"currency,omitempty"`
}

// Timeline makes the events of one account from its facts and decisions, in
// time order. Amount lines come from the contacts themselves.
func Timeline(account, debtor string, facts []Fact, decisions []Decision) []Event {
	t := timeline{account: account, debtor: debtor, planned: map[string]ContactPlanned{}, sent: map[string]time.Time{}, left: map[string]bool{}, open: map[string]money.Amount{}}
	for _, x := range facts {
		if x.Account == account {
			t.fact(x)
		}
	}
	t.deferrals(decisions)
	slices.SortStableFunc(t.events, func(a, b Event) int { return a.At.Compare(b.At) })
	return t.events
}

type timeline struct {
	account, debtor string
	planned         map[string]ContactPlanned
	sent            map[string]time.Time
	left            map[string]bool // contacts already reported as taken
	open            map[string]money.Amount
	events          []Event
}

func (t *timeline) add(at time.Time, kind string, e Event) {
	e.At, e.Kind, e.Account, e.Debtor = at, kind, t.account, t.debtor
	if e.Items == nil {
		e.Items = []EventItem{}
	}
	t.events = append(t.events, e)
}

func (t *timeline) fact(x Fact) {
	switch b := x.Body.(type) {
	case ContactPlanned:
		t.planned[b.ID] = b
	case ContactMoved:
		t.contact(x.At, b)
	case TaskOpened:
		kind := "task"
		if b.Task == TaskEscalation {
			kind = "escalated"
		}
		t.add(x.At, kind, Event{Step: b.Step, Items: keysOnly(b.Items, b.Step), Reason: string(b.Task), Rule: b.Reason})
	case OfferOpened:
		t.add(x.At, "offer", Event{Step: b.Step, Items: keysOnly(b.Items, b.Step)})
	case ItemsDisposed:
		t.disposed(x.At, b)
	case StepPassed:
		t.add(x.At, "passed", Event{Step: b.Step, Items: keysOnly(b.Items, b.Step), Reason: b.When})
	case StepsWaived:
		if len(b.Steps) == 0 {
			return
		}
		t.add(x.At, "waived", Event{Step: b.Steps[0], Items: keysOnly(b.Items, b.Steps[0]), Reason: b.Why})
	case RoundBegun:
		t.add(x.At, "round", Event{Step: b.Step, Items: keysOnly(b.Items, b.Step), Reason: b.Why})
	case PromiseEnded:
		t.add(x.At, "promise", Event{Reason: b.Outcome})
	case PlanAgreed:
		t.add(x.At, "plan", Event{Items: keysOnly(b.Items, ""), Reason: "agreed"})
	case PlanEnded:
		t.add(x.At, "plan", Event{Reason: b.Outcome})
	case SettlementOffered:
		reason := "offered"
		if b.Accepted && !b.Approval {
			reason = "agreed"
		}
		t.add(x.At, "settlement", Event{Items: keysOnly(b.Items, ""), Reason: reason})
	case SettlementAnswered:
		t.add(x.At, "settlement", Event{Reason: b.Outcome})
	case SettlementEnded:
		t.add(x.At, "settlement", Event{Reason: b.Outcome})
	case Migrated:
		t.migrated(x.At, b)
	case MigrationEnded:
		t.add(x.At, "migration", Event{Reason: b.Outcome})
	case MigrationAsked:
		t.add(x.At, "migration", Event{Reason: "asked"})
	case CaseOpened:
		t.add(x.At, "opened", Event{Reason: b.Sequence})
	case CaseClosed:
		t.add(x.At, "closed", Event{Reason: b.Reason})
	}
}

// migrated tells for items that stood alike where they stand now, and what was waived.
func (t *timeline) migrated(at time.Time, b Migrated) {
	if len(b.Moves) == 0 {
		t.add(at, "migrated", Event{})
	}
	for _, m := range b.Moves {
		t.add(at, "migrated", Event{Step: m.To, Items: keysOnly(m.Items, m.To), Reason: "from", Rule: m.From})
		for _, s := range m.Waived {
			t.add(at, "waived", Event{Step: s, Items: keysOnly(m.Items, s), Reason: "migration"})
		}
	}
}

// contact reports a contact at the instant it left, once it is accepted.
func (t *timeline) contact(at time.Time, b ContactMoved) {
	p := t.planned[b.ID]
	switch b.State {
	case ContactSending:
		t.sent[b.ID] = at
	case ContactAccepted:
		if t.left[b.ID] { // a delivery report says again that it was taken
			return
		}
		t.left[b.ID] = true
		when, ok := t.sent[b.ID]
		if !ok {
			when = at
		}
		t.add(when, "contact", Event{Step: p.Step, Channel: p.Channel, Items: withAmounts(p.Items)})
	case ContactBounced:
		t.add(at, "bounced", Event{Step: p.Step, Channel: p.Channel, Items: withAmounts(p.Items)})
	}
}

func (t *timeline) disposed(at time.Time, b ItemsDisposed) {
	switch b.To {
	case Exhausted, Referred, WrittenOff, Recalled:
		t.add(at, string(b.To), Event{Items: keysOnly(b.Items, ""), Reason: b.Reason, Rule: b.Where})
	}
}

// deferrals adds each deferral once per step, rule and earliest instant.
func (t *timeline) deferrals(decisions []Decision) {
	type key struct {
		step, rule string
		round      int
		at         int64
	}
	seen := map[key]bool{}
	for _, d := range decisions {
		k := key{d.Step, d.Rule, d.Round, d.NotBefore.Unix()}
		if !d.Deferred || seen[k] {
			continue
		}
		seen[k] = true
		t.add(d.At, "deferred", Event{Step: d.Step, Channel: d.Channel(), Items: withAmounts(d.Items), Rule: d.Rule, Reason: d.Reason, NotBefore: d.NotBefore})
	}
}

func withAmounts(lines []ItemLine) []EventItem {
	out := make([]EventItem, 0, len(lines))
	for _, l := range lines {
		e := EventItem{Key: l.Key, Amount: l.Amount.Decimal(), Currency: l.Amount.Currency()}
		if l.Step != "" {
			e.Step = &l.Step
		}
		out = append(out, e)
	}
	return out
}

func keysOnly(keys []string, step string) []EventItem {
	out := make([]EventItem, 0, len(keys))
	for _, k := range keys {
		e := EventItem{Key: k}
		if step != "" {
			e.Step = &step
		}
		out = append(out, e)
	}
	return out
}
