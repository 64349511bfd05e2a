package contact

import "math/bits"

// askCount refuses when Max contacts about one debt (or to the person) lie in
// the last Days dates, today included.
func (c *check) askCount(r *rule, t int64) (Code, int64) {
	s := r.spec.Count
	if r.points == workPoint && c.q.Point.Kind != "work" || r.points == notWorkPoint && c.q.Point.Kind == "work" ||
		r.points == landlinePoint && c.q.Point.Kind != "landline" {
		return "", 0
	}
	today := c.cal.date(t)
	c.since = c.cal.startOf(today - Date(s.Days) + 1)
	debts := uint64(1)
	if !r.perPerson {
		debts = c.debtBits(r)
	}
	worst, worstCount := Date(0), 0
	for debts != 0 {
		bit := uint64(1) << bits.TrailingZeros64(debts)
		debts &^= bit
		if r.perPerson {
			bit = ^uint64(0)
		}
		free, n := c.window(r, s, bit, today)
		if free > worst {
			worst, worstCount = free, n
		}
	}
	if worst == 0 {
		return "", 0
	}
	c.count = worstCount
	return CodeCount, c.cal.startOf(worst)
}

// window counts one debt's contacts. It gives the first date on which the
// window is below the limit, 0 when it is today.
func (c *check) window(r *rule, s *CountSpec, debt uint64, today Date) (Date, int) {
	first := c.countsAfter(s, debt)
	var perDay [maxWindow]uint16 // index: days ago
	total := 0
	for i := range c.rows {
		w := &c.rows[i]
		ago := max(today-w.day, 0) // clocks going back over midnight repeat a date
		if ago < Date(s.Days) && w.at > first && (w.debts&debt != 0 || r.perPerson) && c.counted(r, w) {
			perDay[ago]++
			total++
		}
	}
	if total < s.Max {
		return 0, total
	}
	// The window is free on the day the Max-th newest contact leaves it.
	n := 0
	for ago := 0; ; ago++ {
		if n += int(perDay[ago]); n >= s.Max {
			return today - Date(ago) + Date(s.Days), total
		}
	}
}

// countsAfter is the instant after which contacts count: always, or the first
// conversation about the debt.
func (c *check) countsAfter(s *CountSpec, debt uint64) int64 {
	if s.AfterFirst {
		return c.firstConversation(debt, c.q.Person)
	}
	return always
}

// counted reports whether the row is of the kind that the rule counts, and was
// not made under consent to more calls.
func (c *check) counted(r *rule, w *row) bool {
	if w.flags&rowOut == 0 || w.ch&r.of == 0 {
		return false
	}
	if s := r.spec.Count; len(s.NotPurposes) > 0 && has(s.NotPurposes, c.q.Ledger[w.index].Purpose) {
		return false
	}
	if len(c.q.Consents) > 0 && r.hasExcept(exFrequency) && c.underConsent(w) {
		return false
	}
	out := r.literalOut
	if c.strict {
		out = r.strictOut
	}
	if w.out&out == 0 {
		return false
	}
	switch r.points {
	case workPoint:
		return w.flags&rowWork != 0
	case notWorkPoint:
		return w.flags&rowWork == 0
	case landlinePoint:
		return w.flags&rowLandline != 0
	}
	return true
}

// firstConversation with a person about a debt, in either direction, however long ago.
func (c *check) firstConversation(debt uint64, person string) int64 {
	q, first := c.q, never
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Outcome == "conversation" && q.counts(l) && (l.Person == "" || l.Person == person) && q.debtMask(l.Debts)&debt != 0 && l.At.Unix() <= c.at {
			first = min(first, l.At.Unix())
		}
	}
	return first
}

// askRun refuses after PerDay or more on each of the Days dates before today.
func (c *check) askRun(r *rule, t int64) (Code, int64) {
	s := r.spec.Run
	today := c.cal.date(t)
	var perDay [maxWindow + 1]uint16 // index: days before today
	for i := range c.rows {
		w := &c.rows[i]
		ago := max(today-w.day, 0)
		if ago <= Date(s.Days) && w.flags&rowOut != 0 && w.ch&r.of != 0 {
			perDay[ago]++
		}
	}
	for ago := 1; ago <= s.Days; ago++ {
		if int(perDay[ago]) < s.PerDay {
			return "", 0
		}
	}
	c.count = int(perDay[1])
	return CodeRun, c.cal.startOf(today + 1)
}

// askSilence refuses for Days dates from a conversation about the debt.
func (c *check) askSilence(r *rule, t int64) (Code, int64) {
	s := r.spec.Silence
	out, days := r.literalOut, Date(s.Days)
	if c.strict {
		out = r.strictOut
		if s.StrictNextDay {
			days++
		}
	}
	debts := c.debtBits(r)
	free := Date(0)
	for i := range c.rows {
		w := &c.rows[i]
		if w.out&out == 0 || w.ch&chVoice == 0 || w.debts&debts == 0 {
			continue
		}
		if w.flags&rowOut == 0 && !s.Inbound {
			continue
		}
		if end := w.day + days; end > free {
			free = end
			c.fact = c.q.Ledger[w.index].ID
		}
	}
	today := c.cal.date(t)
	if today >= free {
		return "", 0
	}
	c.since = c.cal.startOf(free - days)
	return CodeSilence, c.cal.startOf(free)
}

// answeredOuts are outcomes that are no unanswered attempt.
const answeredOuts = outConversation | outAnsweredBusy | outDropped | outWrongPerson

// askGap refuses until so much time has passed since the last contact.
func (c *check) askGap(r *rule, t int64) (Code, int64) {
	s := r.spec.Gap
	free := int64(always)
	for i := range c.rows {
		w := &c.rows[i]
		if w.flags&rowOut == 0 || w.ch&r.of == 0 || s.SamePoint && w.flags&rowPoint == 0 ||
			s.Unanswered && w.out&answeredOuts != 0 {
			continue
		}
		end := w.at + int64(s.Minutes)*60
		if s.Minutes > 0 && c.q.Ledger[w.index].At.Nanosecond() > 0 {
			end++ // whole seconds: never early
		}
		if s.Days > 0 {
			end = c.cal.startOf(w.day + Date(s.Days))
		}
		if end > free {
			free, c.fact = end, c.q.Ledger[w.index].ID
		}
	}
	if t >= free {
		return "", 0
	}
	return CodeGap, free
}
