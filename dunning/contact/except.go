package contact

func (r *rule) hasExcept(k exKind) bool {
	for i := range r.except {
		if r.except[i].kind == k {
			return true
		}
	}
	return false
}

// excepted reports whether one way out of the rule is open at t. It runs only
// after the rule has refused.
func (c *check) excepted(r *rule, x *exception, t int64) bool {
	switch x.kind {
	case exReply:
		return c.answers(c.stretch(r, t))
	case exConsent:
		return c.consented(t)
	case exFrequency:
		return c.frequencyConsent(t)
	case exConsentKind:
		return c.consentOf(x)
	case exCallback:
		return c.callback()
	case exConfirmation:
		return c.confirmation()
	case exUsedAddress:
		return c.usedAddress(r)
	case exLimited:
		return c.q.Content != nil && c.q.Content.limited() && c.ch&chVoice != 0 && c.voicemail()
	}
	return false
}

// answerOpens is the first instant after t at which a due answer may be excused
// although it is not at t: when one of several closed zones opens, or one of
// several inconvenient times ends. never when no answer is due, or none would
// be excused any more.
func (c *check) answerOpens(r *rule, t int64) int64 {
	if r.kind != kHours && r.kind != kWish || !r.hasExcept(exReply) || !c.answers(t-longestStretch) {
		return never
	}
	if r.kind == kHours {
		return c.firstOpens(r, t)
	}
	return c.firstFree(r, t)
}

// stretch is since when an answer excuses: the start of the closed hours or
// of the inconvenient time that holds t, or what the rule found.
func (c *check) stretch(r *rule, t int64) int64 {
	if r.kind == kHours {
		return c.closedSince(r, t)
	}
	if c.since == 0 {
		return c.cal.startOf(c.cal.date(t) - 6)
	}
	return c.since
}

// exceptionOpens is the first instant from t on at which a consent limited to
// a time or date opens; never when none will.
func (c *check) exceptionOpens(x *exception, t int64) int64 {
	open := never
	if x.kind != exConsent && x.kind != exFrequency {
		return never
	}
	for i := range c.q.Consents {
		k := &c.q.Consents[i]
		if !c.valid(k) || (x.kind == exFrequency) != k.Frequency && !(x.kind == exConsent && k.Hours) {
			continue
		}
		if at := c.opens(k, t); at < open && (x.kind == exConsent || c.lasts(k, at)) {
			open = at
		}
	}
	return open
}

// valid reports whether a consent to contact counts for this query at all:
// direct, to this collector, lawful, and as wide as the contact.
func (c *check) valid(k *Consent) bool {
	q := c.q
	return k.Kind == "contact" && k.Direct && !k.Tainted && k.GivenTo != "" && k.GivenTo == q.CollectorID &&
		c.standing(k) && (len(k.Channels) == 0 || has(k.Channels, q.Channel)) &&
		(k.Purpose == "" || k.Purpose == q.purpose()) && (k.PointID == "" || k.PointID == q.Point.ID) && c.coversDebts(k.Debts)
}

// standing: known, by this person, and not revoked.
func (c *check) standing(k *Consent) bool {
	return k.At.Unix() <= c.at && (k.By == "" || k.By == c.q.Person) && (k.Revoked.IsZero() || k.Revoked.Unix() > c.at)
}

func (c *check) coversDebts(ids []string) bool {
	if len(ids) == 0 {
		return true
	}
	for i := range c.q.Debts {
		if !c.q.Debts[i].among(ids) {
			return false
		}
	}
	return len(c.q.Debts) > 0
}

// consented: a consent to contact covers the time t.
func (c *check) consented(t int64) bool {
	for i := range c.q.Consents {
		k := &c.q.Consents[i]
		if c.valid(k) && (!k.Frequency || k.Hours) && c.opens(k, t) == t {
			return true
		}
	}
	return false
}

// opens is the first instant from t on that the consent's date and hours
// admit; never when they have passed.
func (c *check) opens(k *Consent, t int64) int64 {
	day, sod := c.cal.local(t)
	from, to := int64(0), int64(daySeconds)
	if k.Hours {
		from, to = int64(k.From), int64(k.To)
	}
	if k.OnlyOn != 0 {
		switch {
		case day > k.OnlyOn:
			return never
		case day < k.OnlyOn:
			return c.cal.instant(k.OnlyOn, from)
		}
	}
	switch {
	case sod >= from && sod < to:
		return t
	case sod < from:
		return c.cal.instant(day, from)
	case k.OnlyOn != 0:
		return never
	}
	return c.cal.instant(day+1, from)
}

// consentDays is how long consent to more calls lasts, its own date included.
const consentDays = 7

// frequencyConsent: consent to calls beyond the count is in force at t.
func (c *check) frequencyConsent(t int64) bool {
	for i := range c.q.Consents {
		k := &c.q.Consents[i]
		if k.Frequency && c.valid(k) && c.opens(k, t) == t && c.lasts(k, t) {
			return true
		}
	}
	return false
}

// lasts: inside the seven dates (or the one date) of the consent, and no
// conversation has used it up.
func (c *check) lasts(k *Consent, t int64) bool {
	if k.OnlyOn == 0 && c.cal.date(t) >= c.cal.date(k.At.Unix())+consentDays {
		return false
	}
	return c.usedUp(k) >= t
}

// usedUp is the instant of the conversation that ended the consent.
func (c *check) usedUp(k *Consent) int64 {
	end, at := never, k.At.Unix()
	for i := range c.rows {
		w := &c.rows[i]
		if w.out&outConversation != 0 && w.m&chVoice != 0 && w.m&rowOwn != 0 && w.at > at && w.debts != 0 {
			end = min(end, w.at)
		}
	}
	return end
}

// underConsent: the call was made under consent to more calls, so that it is
// not counted.
func (c *check) underConsent(w *row) bool {
	for i := range c.q.Consents {
		k := &c.q.Consents[i]
		if !k.Frequency || !c.valid(k) || w.at < k.At.Unix() || w.at > c.usedUp(k) ||
			len(k.Channels) > 0 && !has(k.Channels, c.q.Ledger[w.index].Channel) {
			continue
		}
		day := c.cal.date(w.at)
		if k.OnlyOn != 0 && day == k.OnlyOn || k.OnlyOn == 0 && day < c.cal.date(k.At.Unix())+consentDays {
			return true
		}
	}
	return false
}

// consentOf: a consent of the kind is on file for this channel and point, and
// was not followed by a refusal of the channel.
func (c *check) consentOf(x *exception) bool {
	for i := range c.q.Consents {
		k := &c.q.Consents[i]
		if k.Kind == x.consent && !(c.strict && has(x.not, k.Basis)) && c.onFile(k, true) {
			return true
		}
	}
	return false
}

func (c *check) onFile(k *Consent, samePoint bool) bool {
	q := c.q
	if !c.standing(k) || len(k.Channels) > 0 && !has(k.Channels, q.Channel) || samePoint && k.PointID != "" && k.PointID != q.Point.ID {
		return false
	}
	for i := range q.OptOuts {
		o := &q.OptOuts[i]
		if o.Kind != OptOutMarketing && c.optOutStands(o) && !o.At.Before(k.At) && c.optOutCovers(o, false, false) {
			return false
		}
	}
	return true
}

// callback: the person asked to be called back, and no call was completed since.
func (c *check) callback() bool {
	q := c.q
	for i := range q.Preferences {
		p := &q.Preferences[i]
		if p.Kind == CallbackRequest && (p.By == "" || p.By == q.Person) && p.At.Unix() <= c.at && !c.calledSince(p.At.Unix()) {
			return true
		}
	}
	return false
}

// completed are outcomes of calls in which somebody answered, or may have.
const completed = outConversation | outAnsweredBusy | outDropped | outUnknown

func (c *check) calledSince(at int64) bool {
	q := c.q
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Direction != Inbound && channelBit(l.Channel)&chVoice != 0 && q.counts(l) && l.At.Unix() >= at &&
			(l.Person == "" || l.Person == q.Person) && outcomeBit(l.Outcome)&completed != 0 {
			return true
		}
	}
	return false
}

// confirmation: one electronic opt-out confirmation with nothing else in it.
// Content judged elsewhere is judged by the content rules of the template.
func (c *check) confirmation() bool {
	if c.q.Purpose != "opt_out_confirmation" || c.ch&chElectronic == 0 || c.q.Content != nil && c.q.Content.OnlyConfirmation != Yes {
		return false
	}
	_, done := c.confirmedSince(c.lastRefusal())
	return !done
}

// usedAddress: the person wrote from this very address, and did not object to
// its use.
func (c *check) usedAddress(r *rule) bool {
	q := c.q
	if r.kind == kEmailNotice && c.objected(r) {
		return false
	}
	for i := range q.Ledger {
		l := &q.Ledger[i]
		if l.Direction == Inbound && l.PointID == q.Point.ID && channelBit(l.Channel) == c.ch && q.counts(l) && l.At.Unix() <= c.at {
			return true
		}
	}
	return false
}

// objected: the person opted out in answer to the creditor's notice.
func (c *check) objected(r *rule) bool {
	for i := range c.q.Notices {
		if n := &c.q.Notices[i]; n.OptedOut && n.Kind == r.spec.EmailNotice.Notice && c.known(n) {
			return true
		}
	}
	return false
}

func (c *check) voicemail() bool {
	p := c.q.Purpose
	return p == "voicemail" || p == "limited_content_voicemail"
}
