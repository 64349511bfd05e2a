package contact

// askContent wants content facts to be yes or no. Unknown is neither. Without
// content the question is about the contact as such.
func (c *check) askContent(r *rule) (Code, int64) {
	s, m := r.spec.Content, c.q.Content
	if m == nil || s.Shared && !c.q.Point.Shared || s.First && c.sentBefore() {
		return "", 0
	}
	if s.LimitedContent && !m.limited() {
		c.fact = "limited_content"
		return CodeContent, never
	}
	for i, get := range r.need {
		if get(m) != Yes {
			c.fact = s.Need[i]
			return CodeContent, never
		}
	}
	for i, get := range r.forbid {
		if get(m) != No {
			c.fact = s.Forbid[i]
			return CodeContent, never
		}
	}
	return "", 0
}

// sentBefore: something went out to the person before.
func (c *check) sentBefore() bool {
	q := c.q
	for i := range q.Ledger {
		if l := &q.Ledger[i]; l.Direction != Inbound && q.counts(l) && l.Person == q.Person && l.At.Unix() < c.at {
			return true
		}
	}
	return false
}

// askOvershadow refuses early demands while the validation period runs, and in
// the message that starts it.
func (c *check) askOvershadow(r *rule, t int64) (Code, int64) {
	p := &r.spec.Overshadow.Period
	if c.q.Content == nil || c.q.Content.DemandsEarlyPayment == No {
		return "", 0
	}
	end, any := c.periodEnd(r, p, c.at, true)
	if any && c.cal.date(t) <= end {
		return CodeOvershadow, c.cal.startOf(end + 1)
	}
	switch c.q.purpose() {
	case "validation_notice", "validation_notice_required_by_law", "initial_communication_containing_validation_notice":
		return CodeOvershadow, never
	}
	return "", 0
}

// askAddressee refuses people one may not speak with about the debt: third
// persons, the debtor on a third person's number, and a debtor who has died.
func (c *check) askAddressee(r *rule) (Code, int64) {
	if r.spec.Addressee.Deceased {
		if c.to == toDebtor && c.deceased() {
			return CodeThird, never
		}
		return "", 0
	}
	if c.to == toThird || c.q.Point.Owner != "" && relationBit(c.q.Point.Owner) == toThird {
		return CodeThird, never
	}
	return "", 0
}

func (c *check) deceased() bool {
	for i := range c.q.Flags {
		if f := &c.q.Flags[i]; f.Kind == FlagDeceased && f.Since.Unix() <= c.at {
			c.fact = f.ID
			return true
		}
	}
	return false
}

// notSpoken are outcomes of attempts that did not reach the person.
const notSpoken = outNoAnswer | outBusy | outNotInService | outNoConnection | outNoVoicemail | outVoicemailFull | outBounced | outWrongPerson | outDropped

// askLocation: once per person, unless they got in touch since or the earlier
// answer is doubted; never once an attorney is known; never showing the debt.
func (c *check) askLocation(r *rule) (Code, int64) {
	q := c.q
	for i := range q.Flags {
		if f := &q.Flags[i]; f.Kind == FlagAttorney && f.ContactKnown && f.Since.Unix() <= c.at && c.about(r, f.Debts) {
			c.fact = f.ID
			return CodeLocation, never
		}
	}
	if m := q.Content; m != nil {
		if m.RevealsDebtCollection != No {
			c.fact = "reveals_debt_collection"
			return CodeContent, never
		}
		if m.EarlierAnswerDoubtful == Yes {
			return "", 0
		}
	}
	if c.located() >= r.spec.Location.Max {
		return CodeLocation, never
	}
	return "", 0
}

// located counts contacts to find the debtor that reached this person since
// the person last got in touch.
func (c *check) located() int {
	q, asked, n := c.q, int64(always), 0
	for i := range q.Ledger {
		if l := &q.Ledger[i]; l.Direction == Inbound && l.Person == q.Person && l.At.Unix() <= c.at {
			asked = max(asked, l.At.Unix())
		}
	}
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Direction != Inbound && l.Purpose == "location" && l.Person == q.Person && q.counts(l) &&
			outcomeBit(l.Outcome)&notSpoken == 0 && l.At.Unix() >= asked {
			c.fact = l.ID
			n++
		}
	}
	return n
}

// askCharge bounds amounts added to a debt.
func (c *check) askCharge(r *rule, t int64) (Code, int64) {
	q, s := c.q, r.spec.Charge
	if q.Charge == nil {
		return CodeCharge, never
	}
	free := int64(always)
	for i := range q.Debts {
		if d := &q.Debts[i]; r.covers(d, q.DebtorKind) {
			free = max(free, c.chargeFree(r, s, d))
		}
	}
	if free == always && len(q.Debts) == 0 {
		free = never
	}
	if free > t {
		return CodeCharge, free
	}
	return "", 0
}

// chargeFree is the first instant at which the charge may be added to a debt.
func (c *check) chargeFree(r *rule, s *ChargeSpec, d *Debt) int64 {
	commercial := classBits(d.Class, c.q.DebtorKind) == classCommercial
	charge := c.q.Charge
	concerned := false
	if len(r.bands) > 0 && charge.FixedSum != "" {
		concerned = true
		if !r.bandAllows(charge.FixedSum, d.Amount) {
			return never
		}
	}
	if r.lump >= 0 && charge.LumpSum != "" {
		concerned = true
		if n, ok := parseDecimal(charge.LumpSum); !ok || n > r.lump {
			return never
		}
	}
	if s.CommercialOnly && concerned && (!commercial || s.Currency != "" && d.Currency != "" && d.Currency != s.Currency) {
		return never
	}
	if !r.pointsAllow(charge, commercial) {
		return never
	}
	if s.DefaultAfter > 0 {
		return c.defaultFrom(s.DefaultAfter, d, commercial)
	}
	return always
}

func (r *rule) bandAllows(sum, amount string) bool {
	n, ok1 := parseDecimal(sum)
	a, ok2 := parseDecimal(amount)
	if !ok1 || !ok2 {
		return false
	}
	for _, b := range r.bands {
		if a < b.below {
			return n <= b.sum
		}
	}
	return false
}

func (r *rule) pointsAllow(charge *Charge, commercial bool) bool {
	limit := r.points1
	if commercial {
		limit = r.points2
	}
	if limit < 0 || !charge.Interest || charge.Points == "" {
		return true
	}
	n, ok := parseDecimal(charge.Points)
	return ok && n <= limit
}

// defaultFrom is when the debtor is in default: reminded after the due date,
// or so many days after due date and receipt, for consumers only if the
// invoice said so.
func (c *check) defaultFrom(days int, d *Debt, commercial bool) int64 {
	from := never
	if (commercial || d.TermsGiven) && d.Due != 0 && d.Received != 0 {
		from = c.cal.startOf(max(d.Due, d.Received) + Date(days) + 1)
	}
	for i := range c.q.Ledger {
		l := &c.q.Ledger[i]
		written := channelBit(l.Channel)&(chElectronic|chLetter) != 0
		if written && l.Direction != Inbound && d.Due != 0 && c.q.counts(l) && (len(l.Debts) == 0 || d.among(l.Debts)) &&
			l.At.Unix() <= c.at && c.cal.date(l.At.Unix()) > d.Due {
			from = min(from, l.At.Unix())
		}
	}
	return from
}
