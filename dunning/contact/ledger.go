package contact

// row is a ledger row that can matter, with its words turned into bits.
type row struct {
	at    int64
	debts uint64 // bit i: about the query's i-th debt
	day   Date
	out   uint32
	ch    uint16
	flags uint8
	index int32 // of the row in the query's ledger
}

const (
	rowOut = 1 << iota
	rowWork
	rowLandline
	rowPoint
)

const (
	maxWindow = 100 // days a rule may look back
	dayOffset = 2   // days added to the look-back for zones and clock changes
)

// ledger keeps the rows of the last look days that a rule may count: on one of
// the channels in of (what came in: calls only, which can be conversations),
// of this person and collector, and not proven unsent. Rows after the query's instant are
// reservations: they count as of now.
func (c *check) ledger(look int, of uint16) {
	q := c.q
	oldest := c.at - int64(look+dayOffset)*daySeconds
	for i := range q.Ledger {
		l := &q.Ledger[i]
		at := l.At.Unix()
		if at < oldest {
			continue
		}
		ch, inbound := channelBit(l.Channel), l.Direction == Inbound
		if ch&of == 0 || inbound && (ch&chVoice == 0 || at > c.at) || l.Person != "" && l.Person != q.Person || !q.counts(l) {
			continue
		}
		at = min(at, c.at)
		c.rows = append(c.rows, row{
			at: at, day: c.cal.date(at), out: outcomeBit(l.Outcome), ch: ch, index: int32(i),
			flags: q.rowFlags(l, inbound), debts: q.debtMask(l.Debts),
		})
	}
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

func (q *Query) rowFlags(l *Contact, inbound bool) uint8 {
	var f uint8
	if !inbound {
		f = rowOut
	}
	switch l.PointKind {
	case "work":
		f |= rowWork
	case "landline":
		f |= rowLandline
	}
	if l.PointID == q.Point.ID {
		f |= rowPoint
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
	if len(q.Debts) == 1 && ids[0] == q.Debts[0].ID {
		return 1
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
	q, ch := c.q, c.ch
	var last, sent int64 = always, always
	for i := range q.Ledger {
		l := &q.Ledger[i]
		at := l.At.Unix()
		if at < since || !q.counts(l) || l.Person != "" && l.Person != q.Person {
			continue
		}
		bit := channelBit(l.Channel)
		switch {
		case l.Direction == Inbound && bit == ch && at <= c.at:
			last = max(last, at)
		case l.Direction != Inbound && medium(bit) == medium(ch):
			sent = max(sent, at)
		}
	}
	return last != always && sent < last
}
