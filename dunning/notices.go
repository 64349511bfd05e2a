package dunning

import (
	"slices"
	"time"
)

// A message may be a legal notice as well: the validation notice of 12 CFR 1006.34, the
// letter about the debt of 12 CFR 1006.30(a). Its template says so, and the loader carries
// it to the steps that use it. That such a message left is a fact of contact law, recorded
// here once with whatever proves it, and taken back by whatever proves that it did not
// arrive. Nobody has to enter it by hand.

// NoticeValidation is the notice that a debt collector's validation period begins with.
const NoticeValidation = "validation_notice"

// Purposes of a contact that is a validation notice, as contact policies name them.
const (
	purposeValidation      = "validation_notice"
	purposeValidationFirst = "initial_communication_containing_validation_notice"
)

// LetterPostedCode is the code of a letter that was handed to the post.
const LetterPostedCode = "letter:posted"

// purpose is what a message of a step on one of its channels is for.
func (f *Facts) purpose(step string, c Channeled) string {
	p := purposeOf(step)
	switch {
	case p != "collect" || !slices.Contains(c.Notices, NoticeValidation):
		return p
	case f.wroteBefore():
		return purposeValidation
	}
	return purposeValidationFirst
}

// wroteBefore reports whether anything of the creditor's has left for the debtor, or may have.
func (f *Facts) wroteBefore() bool {
	return slices.ContainsFunc(f.Contacts, func(c ContactFacts) bool {
		out := c.Logged == nil || c.Logged.Direction != "inbound"
		return out && c.State != ContactReserved && c.State != ContactFailed && c.State != ContactCancelled
	})
}

// noticeEnds is the last day of a notice's period as the message prints it, counted from
// the day of the message where the debtor is; zero when it prints none.
func (f *Facts) noticeEnds(d Decision, c Channeled) Date {
	if c.NoticeDays == 0 || len(f.Zones) == 0 {
		return Date{}
	}
	return DateOf(d.At.In(f.Zones[0])).AddDays(c.NoticeDays)
}

// NoticePost is how many days a notice may be in the post: five business days (12 CFR
// 1006.34(b)(5)) with the longest run of holidays: posted on Thursday 24 December it is
// received on Monday 4 January.
const NoticePost = 11

// tooLate reports whether a letter that is posted now prints an end of a notice's period
// that comes before the law's: it has lain in the outbox for too long.
func (f *Facts) tooLate(c *ContactFacts, at time.Time) bool {
	if c.NoticeEnds.IsZero() || len(f.Zones) == 0 {
		return false
	}
	today := f.LetterDay(at) // the latest of the day that it bears and what it may be where the debtor is
	for _, z := range f.Zones {
		if there := DateOf(at.In(z)); today.Before(there) {
			today = there
		}
	}
	return slices.ContainsFunc(c.Notices, func(kind string) bool {
		days := f.Policies.NoticePeriod(kind)
		return days > 0 && c.NoticeEnds.Before(today.AddDays(days+NoticePost))
	})
}

// noticed adds to facts what they make true of the notices that contacts are. It may be
// asked about any facts, also those that say again what is known.
func (f *Facts) noticed(facts []Fact) []Fact {
	for _, x := range facts {
		m, ok := x.Body.(ContactMoved)
		if !ok {
			continue
		}
		if k := f.contact(m.ID); k != nil {
			for _, kind := range k.Notices {
				facts = append(facts, f.noticeMoved(k, kind, x, m)...)
			}
		}
	}
	return facts
}

// noticeMoved is what a contact's next state says about a notice that it is. A letter that
// waits in an outbox is sent when its batch was posted.
func (f *Facts) noticeMoved(k *ContactFacts, kind string, x Fact, m ContactMoved) []Fact {
	id := "notice/" + k.ID + "/" + kind
	n := f.notice(id)
	switch {
	case m.State == ContactAccepted && n == nil && !m.Waits:
		b := NoticeSent{ID: id, Notice: kind, Channel: k.Channel, Template: k.Template, Debts: []string{k.Account}, Ends: k.NoticeEnds, Proof: "contact/" + k.ID}
		return []Fact{{At: x.At, By: x.By, Source: id, Body: b}}
	case m.State != ContactAccepted && n != nil && !n.Undeliverable && m.gone():
		return []Fact{{At: x.At, By: x.By, Source: id + "/back", Body: NoticeChanged{ID: id, Undeliverable: true}}}
	}
	return nil
}

// gone reports whether a state proves that the message never arrived, or never left.
func (m ContactMoved) gone() bool {
	return m.State == ContactBounced && m.Permanent || m.State == ContactCancelled || m.State == ContactFailed
}
