package contact

import "math/bits"

// askCount refuses when Max contacts about one debt (or to the person) lie in
// the last Days dates, today included.
func (c *check) askCount(r *rule, t int64) (Code, int64) {
	s := r.spec.Count
	if !r.points.covers(c.q.Point.Kind) {
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
		free, n := c.window(r, bit, today)
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

// covers: a rule about calls at work asks about points at work only, and so on.
func (p pointRule) covers(kind string) bool {
	switch p {
	case workPoint:
		return kind == "work"
	case notWorkPoint:
		return kind != "work"
	case landlinePoint:
		return kind == "landline"
	case mobilePoint:
		return kind == "mobile"
	}
	return true
}

// window counts one debt's contacts. It gives the first date on which the
// window is below the limit, 0 when it is today.
func (c *check) window(r *rule, debt uint64, today Date) (Date, int) {
	s := r.spec.Count
	k := c.tally(r, debt, today)
	if c.outs&k.out == 0 {
		return 0, 0
	}
	var perDay [maxWindow]uint16 // index: days ago
	total := 0
	for i := range c.rows {
		w := &c.rows[i]
		if k.takes(w) && (k.slow == nil || c.countedSlowly(k.slow, w)) {
			perDay[max(today-w.day, 0)]++
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

// tally is what a counting rule counts about one debt, or to the person, as
// masks, because every row of every ledger passes here.
type tally struct {
	after      int64  // only rows after this instant
	debts, any uint64 // any: all bits where the debt does not matter
	first      Date   // only from this date on; clocks going back over midnight repeat a date
	of         uint32
	need, mask uint32 // of the flags in mask exactly those in need
	out        uint32
	slow       *rule // has purposes without a bit, a household, or consent to look at
}

func (c *check) tally(r *rule, debt uint64, today Date) tally {
	s := r.spec.Count
	k := tally{
		after: c.countsAfter(s, debt), debts: debt, first: today - Date(s.Days) + 1,
		of: uint32(r.of), need: r.need1, mask: r.need1 | r.avoid, out: r.literalOut,
	}
	if r.perPerson {
		k.debts, k.any = ^uint64(0), ^uint64(0)
	}
	if c.strict {
		k.out = r.strictOut
	}
	if r.slowCount || len(c.q.Consents) > 0 && r.hasExcept(exFrequency) {
		k.slow = r
	}
	return k
}

// takes reports whether the row is of the kind that the rule counts, as far as
// masks can tell.
func (k *tally) takes(w *row) bool {
	return w.m&k.mask == k.need && w.m&k.of != 0 && w.out&k.out != 0 && w.day >= k.first && w.at > k.after && (w.debts|k.any)&k.debts != 0
}

// counts reports whether the row counts, and was not made under consent to more
// calls.
func (k *tally) counts(c *check, w *row) bool {
	return k.takes(w) && (k.slow == nil || c.countedSlowly(k.slow, w))
}

// countedSlowly asks what no mask can tell.
func (c *check) countedSlowly(r *rule, w *row) bool {
	s, l := r.spec.Count, &c.q.Ledger[w.index]
	if w.m&rowOwn == 0 && !c.inHousehold(s.With, l) {
		return false
	}
	return !has(s.NotPurposes, l.Purpose) && (len(c.q.Consents) == 0 || !r.hasExcept(exFrequency) || !c.underConsent(w))
}

// inHousehold: the row's person stands in one of the relations to the debtor.
// One whose relation nobody recorded may.
func (c *check) inHousehold(relations []string, l *Contact) bool {
	rel := l.Relation
	if rel == "" && l.Person == c.q.debtor() {
		rel = "debtor"
	}
	return rel == "" || has(relations, rel)
}

// countsAfter is the instant after which contacts count: always, or the first
// conversation about the debt.
func (c *check) countsAfter(s *CountSpec, debt uint64) int64 {
	if s.AfterFirst {
		return c.firstConversation(debt, c.q.Person)
	}
	return always
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
		if ago <= Date(s.Days) && w.m&(rowOut|rowOwn) == rowOut|rowOwn && w.m&uint32(r.of) != 0 {
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
	if c.outs&out == 0 {
		return "", 0
	}
	need := uint32(rowOwn | rowOut)
	if s.Inbound {
		need = rowOwn
	}
	debts := c.debtBits(r)
	free := Date(0)
	for i := range c.rows {
		w := &c.rows[i]
		if w.out&out == 0 || w.m&chVoice == 0 || w.m&need != need || w.debts&debts == 0 {
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
	need, not := uint32(rowOut|rowOwn), uint32(0)
	if s.Unanswered {
		not = answeredOuts
	}
	longest := int64(s.Minutes)*60 + int64(s.Days+1)*daySeconds // older rows cannot matter
	if c.newest+longest < t {
		return "", 0
	}
	for i := range c.rows {
		w := &c.rows[i]
		if w.at+longest < t || w.m&need != need || w.m&uint32(r.of) == 0 || w.out&not != 0 ||
			s.SamePoint && c.q.Ledger[w.index].PointID != c.q.Point.ID {
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
