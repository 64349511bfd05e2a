package dunning

import (
	"fmt"
	"slices"
	"time"
)

// refOf names a fact in decision records: its kind, its id and the debtor's
// version at which it was committed.
func refOf(x Fact, id string) string {
	if id == "" {
		id = x.Source
	}
	return fmt.Sprintf("%s:%s@%d", x.Body.Kind(), id, x.Version)
}

// addSaid plays what people said: wishes, consents and refusals.
func (f *Facts) addSaid(x Fact) error {
	switch b := x.Body.(type) {
	case OptedOut:
		f.OptOuts = append(f.OptOuts, OptOutState{OptedOut: b, At: x.At, ref: refOf(x, b.ID)})
	case OptedIn:
		endAll(f.OptOuts, func(o *OptOutState) bool { return b.ends(o, x.At) },
			func(o *OptOutState) { o.Withdrawn = x.At })
	case Consented:
		f.Consents = append(f.Consents, ConsentState{Consented: b, At: x.At, ref: refOf(x, b.ID)})
	case ConsentRevoked:
		endAll(f.Consents, func(c *ConsentState) bool { return c.ID == b.ID && c.Revoked.IsZero() },
			func(c *ConsentState) { c.Revoked = x.At })
	case TimesInconvenient:
		f.Times = append(f.Times, TimesState{TimesInconvenient: b, At: x.At, ref: refOf(x, b.ID)})
	case WishStated:
		f.Wishes = append(f.Wishes, WishState{WishStated: b, At: x.At, ref: refOf(x, b.ID)})
	case WishWithdrawn:
		endAll(f.Times, func(t *TimesState) bool { return b.ID != "" && t.ID == b.ID && t.Withdrawn.IsZero() },
			func(t *TimesState) { t.Withdrawn = x.At })
		endAll(f.Wishes, func(w *WishState) bool { return w.ID == b.ID && w.Withdrawn.IsZero() },
			func(w *WishState) { w.Withdrawn = x.At })
	}
	return nil
}

// withdraws reports whether an opt-in is about an opt-out: the one that it
// names, else one of the same channel and point.
func (b OptedIn) withdraws(o *OptedOut) bool {
	if b.ID != "" {
		return o.ID == b.ID
	}
	return o.Channel == b.Channel && o.Point == b.Point
}

// ends reports whether an opt-in of an instant ends an opt-out that stands. One that was
// said first and comes to us second does not take back what was said after it.
func (b OptedIn) ends(o *OptOutState, at time.Time) bool {
	return o.Withdrawn.IsZero() && !o.At.After(at) && b.withdraws(&o.OptedOut)
}

// addLaw plays what contact law asks for beside what was said.
func (f *Facts) addLaw(x Fact) error {
	switch b := x.Body.(type) {
	case NoticeSent:
		f.Notices = append(f.Notices, NoticeState{NoticeSent: b, At: x.At, InWriting: true, ref: refOf(x, b.ID)})
	case NoticeReceived:
		f.Notices = append(f.Notices, NoticeState{
			NoticeSent: NoticeSent{ID: b.ID, Notice: b.Notice, Debts: b.Debts}, At: x.At,
			FromDebtor: true, InWriting: b.inWriting(), Duplicative: b.Duplicative, ref: refOf(x, b.ID),
		})
	case NoticeChanged:
		endAll(f.Notices, func(n *NoticeState) bool { return n.ID == b.ID && b.ID != "" }, func(n *NoticeState) { n.change(b) })
	case NumberChecked:
		f.Checks = append(f.Checks, CheckState{NumberChecked: b, At: x.At, ref: refOf(x, b.ID)})
	case PersonKnown:
		f.Persons = put(f.Persons, PersonState{PersonKnown: b, ref: refOf(x, b.ID)}, func(p *PersonState) bool { return p.ID == b.ID })
	case LocationKnown:
		f.Location, f.locationRef = b, refOf(x, "")
	case StatusKnown:
		f.knowStatus(x, b)
	case DebtKnown:
		f.Debts = put(f.Debts, DebtState{DebtKnown: b, Account: x.Account, ref: refOf(x, x.Account)}, func(d *DebtState) bool { return d.Account == x.Account })
	}
	return nil
}

func (n *NoticeState) change(b NoticeChanged) {
	n.Undeliverable = n.Undeliverable || b.Undeliverable
	n.OptedOut = n.OptedOut || b.OptedOut
	if !b.Delivered.IsZero() {
		n.Received = b.Delivered
	}
}

// put replaces the element that is the same, or adds one.
func put[T any](list []T, v T, same func(*T) bool) []T {
	for i := range list {
		if same(&list[i]) {
			list[i] = v
			return list
		}
	}
	return append(list, v)
}

// knowStatus keeps since when a status holds when more is learned of it.
func (f *Facts) knowStatus(x Fact, b StatusKnown) {
	s := StatusState{StatusKnown: b, At: x.At, ref: refOf(x, b.ID)}
	i := slices.IndexFunc(f.Statuses, func(o StatusState) bool { return o.ID == b.ID })
	if i < 0 {
		f.Statuses = append(f.Statuses, s)
		return
	}
	if was := f.Statuses[i]; was.At.Before(s.At) {
		s.At = was.At
	}
	f.Statuses[i] = s
}

// noteDispute keeps a written dispute as the notice that contact law knows.
func (f *Facts) noteDispute(x Fact, b DisputeRaised) {
	f.Notices = append(f.Notices, NoticeState{
		NoticeSent: NoticeSent{ID: b.ID, Notice: "dispute", Debts: []string{x.Account}}, At: x.At,
		FromDebtor: true, InWriting: b.inWriting(), Duplicative: b.Duplicative, ref: refOf(x, b.ID),
	})
}

// usable reports whether a point is the debtor's and may be used at all.
func (p *PointState) usable() bool { return p.Dead == "" && p.own() }

// own reports whether a point is the debtor's own.
func (p *PointState) own() bool { return p.Owner == "" || p.Owner == person || p.Owner == "self" }

func (f *Facts) personState(id string) *PersonState {
	for i := range f.Persons {
		if f.Persons[i].ID == id && id != "" {
			return &f.Persons[i]
		}
	}
	return nil
}

// relation of somebody to the debtor, as contact queries name it: "" is the
// debtor, and an id of nobody who is known is taken for the relation itself.
func (f *Facts) relation(id string) string {
	if id == "" || id == person {
		return ""
	}
	if p := f.personState(id); p != nil {
		return p.Relation
	}
	return id
}

func (f *Facts) debtState(account string) *DebtState {
	for i := range f.Debts {
		if f.Debts[i].Account == account {
			return &f.Debts[i]
		}
	}
	return nil
}
