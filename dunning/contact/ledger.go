package contact

// row is a ledger row that can matter, with its words turned into bits. It is
// kept small: a check walks hundreds of them.
type row struct {
	at    int64
	debts uint64 // bit i: about the query's i-th debt
	day   Date
	out   uint32
	m     uint32 // channel bits, the flags below, and from purposeShift on the bit of its purpose
	index int32  // of the row in the query's ledger
}

// Flags of a row, above the bits of its channel.
const (
	rowOut      = 1 << (11 + iota)
	rowWork     // reached at work
	rowLandline // reached on a landline
	rowMobile   // reached on a mobile
	rowOwn      // to the person asked about; others are kept for rules that count a household

	purposeShift = 16
)

const (
	maxWindow = 100 // days a rule may look back
	dayOffset = 2   // days added to the look-back for zones and clock changes
)

// ledger keeps the rows of the last look days that a rule may count: on one of
// the channels in of (what came in: calls only, which can be conversations),
// of this person (or, for rules that count a household, of the others in it)
// and collector, and not proven unsent. Rows after the query's instant are
// reservations: they count as of now.
func (c *check) ledger(look int, of uint16, household bool) {
	q, cal := c.q, &c.cal
	oldest := c.at - int64(look+dayOffset)*daySeconds
	if cap(c.rows) < len(q.Ledger) {
		c.rows = make([]row, 0, len(q.Ledger))
	}
	n, rows := 0, c.rows[:cap(c.rows)]
	one, only := len(q.Debts) == 1, ""
	if one {
		only = q.Debts[0].ID
	}
	for i := range q.Ledger {
		l := &q.Ledger[i]
		at := l.At.Unix()
		if at < oldest {
			continue
		}
		ch := channelBit(l.Channel)
		if ch&of == 0 || l.Direction == Inbound && (ch&chVoice == 0 || at > c.at) {
			continue
		}
		own := l.Person == "" || l.Person == q.Person
		if !own && !household || !q.counts(l) {
			continue
		}
		w := &rows[n]
		n++
		w.at, w.index = min(at, c.at), int32(i)
		w.m = uint32(ch) | rowFlags(l, own)
		w.out = outcomeBit(l.Outcome)
		if one && len(l.Debts) == 1 && l.Debts[0] == only {
			w.debts = 1 // nearly every row of nearly every ledger
		} else {
			w.debts = q.debtMask(l.Debts)
		}
		c.outs, c.newest = c.outs|w.out, max(c.newest, w.at)
		if w.at < cal.start || w.at >= cal.end {
			cal.seek(w.at)
		}
		w.day = dayOf(w.at + cal.off)
	}
	c.rows = rows[:n]
}

// counts leaves out other collectors' rows, the asking contact's own
// reservation, and what was proven not to have been sent.
func (q *Query) counts(l *Contact) bool {
	if q.Ignore != "" && l.ID == q.Ignore {
		return false
	}
	if l.CollectorID != "" && q.CollectorID != "" && l.CollectorID != q.CollectorID {
		return false
	}
	return l.State != "failed" && l.State != "cancelled"
}

func rowFlags(l *Contact, own bool) uint32 {
	var f uint32
	if l.Direction != Inbound {
		f = rowOut
	}
	if own {
		f |= rowOwn
	}
	switch l.PointKind {
	case "work":
		f |= rowWork
	case "landline":
		f |= rowLandline
	case "mobile":
		f |= rowMobile
	}
	if l.Purpose != "" {
		f |= uint32(purposeBit(l.Purpose)) << purposeShift
	}
	return f
}

// debtMask says which of the query's debts a row or notice is about. One that
// names none is about all; debts beyond the 64th share a bit, which can only
// refuse more.
func (q *Query) debtMask(ids []string) uint64 {
	if len(ids) == 0 || len(q.Debts) == 0 {
		return ^uint64(0)
	}
	var m uint64
	for i := range q.Debts {
		if q.Debts[i].among(ids) {
			m |= 1 << min(i, 63)
		}
	}
	return m
}

// among reports whether the debt, or one that counts as the same, is listed.
func (d *Debt) among(ids []string) bool {
	for _, id := range ids {
		if id == d.ID || len(d.Same) > 0 && has(d.Same, id) {
			return true
		}
	}
	return false
}

// debtBits of the debts that the rule is about.
func (c *check) debtBits(r *rule) uint64 {
	if len(c.q.Debts) == 0 {
		return 1
	}
	var m uint64
	if !r.narrow {
		for k := range c.bits {
			if r.classes&(1<<k) != 0 {
				m |= c.bits[k]
			}
		}
		return m
	}
	for i := range c.q.Debts {
		if r.covers(&c.q.Debts[i], c.q.DebtorKind) {
			m |= 1 << min(i, 63)
		}
	}
	return m
}

// about reports whether a fact's debts touch those that the rule is about.
func (c *check) about(r *rule, ids []string) bool {
	return c.q.debtMask(ids)&c.debtBits(r) != 0
}

// answers reports whether a contact now would be the one answer to the
// person: they used this channel since the given instant, and nothing went
// out on the medium after that.
func (c *check) answers(since int64) bool {
	if !c.heard {
		c.heard, c.lastIn = true, c.lastUsed()
		c.due = c.lastIn != always && !c.sentSince(c.lastIn)
	}
	return c.due && c.lastIn >= since
}

// lastUsed is when the person last used the channel; always: never.
func (c *check) lastUsed() int64 {
	q, last := c.q, int64(always)
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Direction != Inbound {
			continue
		}
		if at := l.At.Unix(); at > last && at <= c.at && channelBit(l.Channel) == c.ch && (l.Person == "" || l.Person == q.Person) && q.counts(l) {
			last = at
		}
	}
	return last
}

// sentSince reports whether something went out to the person on the medium,
// reservations included.
func (c *check) sentSince(t int64) bool {
	q := c.q
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Direction != Inbound && l.At.Unix() >= t && medium(channelBit(l.Channel)) == medium(c.ch) &&
			(l.Person == "" || l.Person == q.Person) && q.counts(l) {
			return true
		}
	}
	return false
}
