package contact

import "slices"

// NoticeKinds are the notices of the collector's that rules ask for, or whose sending
// starts or ends something, sorted.
func (s Set) NoticeKinds() []string {
	var out []string
	s.eachNotice(func(kind string, _ int) { out = append(out, kind) })
	slices.Sort(out)
	return slices.Compact(out)
}

// NoticePeriod is how many days from its receipt the longest period lasts that begins with
// a notice; 0: none does.
func (s Set) NoticePeriod(kind string) int {
	most := 0
	s.eachNotice(func(k string, days int) {
		if k == kind {
			most = max(most, days)
		}
	})
	return most
}

// eachNotice visits every notice that a rule names, with the days of the period that
// begins with it.
func (s Set) eachNotice(visit func(kind string, days int)) {
	for i := range s {
		for j := range s[i].rules {
			r := s[i].rules[j].spec
			switch {
			case r.Notice != nil:
				visit(r.Notice.Kind, 0)
			case r.EmailNotice != nil:
				visit(r.EmailNotice.Notice, 0)
			case r.Overshadow != nil:
				visit(r.Overshadow.Period.Notice, r.Overshadow.Period.Days)
			case r.Dispute != nil:
				visit(r.Dispute.Period.Notice, r.Dispute.Period.Days)
				for _, k := range slices.Concat(r.Dispute.LiftedBy, r.Dispute.DuplicateBy) {
					visit(k, 0)
				}
			}
		}
	}
}

// askDispute stops collection of debts disputed in writing in the validation
// period until a notice that lifts it has been sent.
func (c *check) askDispute(r *rule, _ int64) (Code, int64) {
	s, q := r.spec.Dispute, c.q
	for i := range q.Notices {
		n := &q.Notices[i]
		if !n.Written || !has(s.Notices, n.Kind) || !c.known(n) || !c.about(r, n.Debts) {
			continue
		}
		if c.timely(r, &s.Period, n) && !c.lifted(r, s, n) {
			c.fact = n.ID
			return CodeDispute, never
		}
	}
	return "", 0
}

// timely: received before the validation period ended. Without a validation
// notice no period has begun to run, so nothing can be late.
func (c *check) timely(r *rule, p *PeriodSpec, n *Notice) bool {
	end, any := c.periodEnd(r, p, n.At.Unix(), false)
	return !any || c.cal.date(n.At.Unix()) <= end
}

// periodEnd is the last date of the validation period of notices sent by an
// instant. A notice sent again starts it again. One that is known to have come back
// (lost) began none that a dispute could miss. A notice may give more time than the law,
// never less: an end that it prints, or that follows from a recorded receipt, counts from
// the law's own end on (12 CFR 1006.34(b)(5): 30 days from when the consumer receives it or
// is assumed to, and the assumption may not be earlier than five business days).
func (c *check) periodEnd(r *rule, p *PeriodSpec, by int64, lost bool) (end Date, any bool) {
	for i := range c.q.Notices {
		n := &c.q.Notices[i]
		if n.Kind != p.Notice || n.At.Unix() > by || n.Undeliverable && !lost || !c.about(r, n.Debts) {
			continue
		}
		law := r.cal.afterBusinessDays(c.cal.date(n.At.Unix()), p.ReceiptDays, c.strict) + Date(p.Days)
		end, any = max(end, n.PeriodEnds, law), true
	}
	return end, any
}

func (c *check) lifted(r *rule, s *DisputeSpec, dispute *Notice) bool {
	for i := range c.q.Notices {
		n := &c.q.Notices[i]
		lifts := has(s.LiftedBy, n.Kind) || dispute.Duplicative && has(s.DuplicateBy, n.Kind)
		if lifts && c.known(n) && !n.At.Before(dispute.At) && c.about(r, n.Debts) {
			return true
		}
	}
	return false
}

// askNotice wants a notice sent so many local dates before.
func (c *check) askNotice(r *rule, t int64) (Code, int64) {
	s, q := r.spec.Notice, c.q
	if s.OrConversation && c.firstConversation(c.debtBits(r), q.debtor()) <= t {
		return "", 0
	}
	free := maxDate
	for i := range q.Notices {
		n := &q.Notices[i]
		if n.Kind != s.Kind || !c.known(n) || n.Undeliverable || !c.about(r, n.Debts) ||
			s.Channel != "" && n.Channel != s.Channel || s.Method != "" && n.Method != s.Method {
			continue
		}
		free = min(free, c.cal.date(n.At.Unix())+Date(s.Days))
	}
	switch {
	case free == maxDate:
		return CodeNoNotice, never
	case s.Days == 0 || c.cal.date(t) >= free:
		return "", 0
	}
	return CodeNoticeWait, c.cal.startOf(free)
}

// askEmailNotice waits for the end of the opt-out period of the creditor's
// notice that this address will be used.
func (c *check) askEmailNotice(r *rule, t int64) (Code, int64) {
	free := int64(always)
	for i := range c.q.Notices {
		n := &c.q.Notices[i]
		if n.Kind != r.spec.EmailNotice.Notice || !c.known(n) {
			continue
		}
		end := never
		if !n.OptedOut && n.Deadline != 0 {
			end = c.cal.startOf(n.Deadline + 1)
		}
		if end > t && end > free {
			free, c.fact = end, n.ID
		}
	}
	if free == always {
		return "", 0
	}
	return CodeEmailNotice, free
}

// askNumber judges what is known about who holds a number.
func (c *check) askNumber(r *rule, t int64) (Code, int64) {
	s, q := r.spec.Number, c.q
	last, spoken := int64(always), false
	var reassigned bool
	for i := range q.Checks {
		k := &q.Checks[i]
		if k.PointID != q.Point.ID || k.At.Unix() > c.at {
			continue
		}
		spoken = true
		if at := k.At.Unix(); at >= last {
			last, reassigned = at, k.Reassigned
		}
	}
	if s.Reassigned {
		if reassigned {
			return CodeReassigned, never
		}
		return "", 0
	}
	if reassigned {
		last = always
	}
	return c.recent(s.Days, last, spoken, t)
}

// recent: a text from the number, a check, or direct consent so many dates ago
// at most. A file that has none of them says nothing about the number.
func (c *check) recent(days int, last int64, spoken bool, t int64) (Code, int64) {
	q := c.q
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Direction == Inbound && l.PointID == q.Point.ID && channelBit(l.Channel) == c.ch && q.counts(l) && l.At.Unix() <= c.at {
			spoken, last = true, max(last, l.At.Unix())
		}
	}
	if !spoken {
		return "", 0
	}
	for i := range q.Consents {
		if k := &q.Consents[i]; c.valid(k) {
			last = max(last, k.At.Unix())
		}
	}
	if last != always && c.cal.date(t) <= c.cal.date(last)+Date(days) {
		return "", 0
	}
	return CodeStaleNumber, never
}

// askConsent wants one of the kinds of consent on file.
func (c *check) askConsent(r *rule, _ int64) (Code, int64) {
	s := r.spec.Consent
	for i := range c.q.Consents {
		k := &c.q.Consents[i]
		if !has(s.Kinds, k.Kind) || s.Written && !k.Written || s.Personal && k.EmployerOwned || c.strict && has(s.StrictNot, k.Basis) ||
			s.Purpose && k.Purpose != c.q.purpose() {
			continue
		}
		if k.Kind == "contact" && !c.valid(k) {
			continue
		}
		if c.onFile(k, s.SamePoint) {
			return "", 0
		}
	}
	return CodeConsent, never
}

// askOptOut obeys refusals.
func (c *check) askOptOut(r *rule, t int64) (Code, int64) {
	s, q := r.spec.OptOut, c.q
	latest := int64(always)
	for i := range q.OptOuts {
		o := &q.OptOuts[i]
		if !has(s.Kinds, o.Kind) || s.Written && !o.Written || !c.optOutStands(o) || !c.optOutCovers(o, s.AnyChannel, s.WidenKeyword) {
			continue
		}
		if s.Unrelated != "" && (q.purpose() == s.Unrelated) != (o.InReplyTo == s.Unrelated) || c.grace(r, s, o, t) {
			continue
		}
		if at := o.At.Unix(); at > latest {
			latest, c.fact = at, o.ID
		}
	}
	if latest == always {
		return "", 0
	}
	c.since = latest + 1
	return CodeOptOut, never
}

// optOutStands: known, by this person or about this point, not withdrawn.
func (c *check) optOutStands(o *OptOut) bool {
	q := c.q
	if o.At.Unix() > c.at || !o.Withdrawn.IsZero() && o.Withdrawn.Unix() <= c.at {
		return false
	}
	return o.By == "" || o.By == q.Person || o.PointID != "" && o.PointID == q.Point.ID
}

// optOutCovers this channel and point. A refused medium is refused in all its
// forms, and one of an unknown name may be any; under strict a bare stop word covers every number of the person.
func (c *check) optOutCovers(o *OptOut, anyChannel, widen bool) bool {
	if of := channelBit(o.Channel); of != 0 && !anyChannel && medium(of) != medium(c.ch) {
		return false
	}
	return o.PointID == "" || o.PointID == c.q.Point.ID || widen && c.strict && o.Keyword && c.ch == chSMS
}

// grace: the time a rule leaves to honour a refusal has not passed.
func (c *check) grace(r *rule, s *OptOutSpec, o *OptOut, t int64) bool {
	n := s.BusinessDays
	if !c.strict && s.LiteralBusinessDays > 0 {
		n = s.LiteralBusinessDays
	}
	return n > 0 && c.cal.date(t) <= r.cal.afterBusinessDays(c.cal.date(o.At.Unix()), n, c.strict)
}

// askConfirmation bounds opt-out confirmations: one, within some minutes of
// the latest refusal.
func (c *check) askConfirmation(r *rule, t int64) (Code, int64) {
	last := c.lastRefusal()
	if last == always {
		return "", 0
	}
	if id, done := c.confirmedSince(last); done {
		c.fact = id
		return CodeConfirmation, never
	}
	s := r.spec.Confirmation
	if t > last+int64(s.Minutes)*60 && (c.strict || s.Late != "strict") {
		return CodeConfirmation, never
	}
	return "", 0
}

// lastRefusal is when the person last refused this channel or point, or
// anything that a confirmation on it may answer; always: never.
func (c *check) lastRefusal() int64 {
	last := int64(always)
	for i := range c.q.OptOuts {
		if o := &c.q.OptOuts[i]; o.Kind != OptOutMarketing && o.At.Unix() <= c.at && c.optOutCovers(o, true, true) {
			last = max(last, o.At.Unix())
		}
	}
	return last
}

// confirmedSince reports whether an opt-out was confirmed on this channel since
// an instant, and by which contact.
func (c *check) confirmedSince(t int64) (string, bool) {
	q := c.q
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Purpose == "opt_out_confirmation" && l.Direction != Inbound && l.At.Unix() >= t && channelBit(l.Channel) == c.ch &&
			(l.Person == "" || l.Person == q.Person) && q.counts(l) {
			return l.ID, true
		}
	}
	return "", false
}
