package contact

// askHours refuses outside the windows in any candidate zone.
func (c *check) askHours(r *rule, t int64) (Code, int64) {
	if r.spec.Hours.Fallback && c.hoursByLaw() {
		return "", 0
	}
	if len(c.zones) == 0 {
		return CodeNoZone, never
	}
	e := c.edges(r)
	shut := 0
	for i := range c.zones {
		if !r.week.open(&c.zones[i], t, e, c.strict) {
			shut++
		}
	}
	if shut == 0 {
		return "", 0
	}
	code := CodeHours
	if shut < len(c.zones) {
		code = CodeHoursZones
	}
	return code, c.opensEverywhere(r, t, e)
}

func (c *check) edges(r *rule) edge {
	switch {
	case !r.openEdges:
		return edge{}
	case c.strict:
		return edge{from: 1}
	}
	return edge{to: 1}
}

// opensEverywhere is the first instant at which every zone is open.
func (c *check) opensEverywhere(r *rule, t int64, e edge) int64 {
	limit := t + horizon*daySeconds
	for t < limit {
		next := t
		for i := range c.zones {
			next = max(next, r.week.nextOpen(&c.zones[i], t, e, c.strict))
		}
		if next == t || next >= never {
			return next
		}
		t = next
	}
	return never
}

// closedSince is when the closed stretch that holds t began: of the zones that
// are closed, the one that closed last. An answer must be excused in each of
// them, so that one more candidate zone never allows more.
func (c *check) closedSince(r *rule, t int64) int64 {
	e, since := c.edges(r), int64(always)
	for i := range c.zones {
		if z := &c.zones[i]; !r.week.open(z, t, e, c.strict) {
			since = max(since, r.week.closedSince(z, t, e, c.strict))
		}
	}
	return since
}

// firstOpens is when the first of the closed zones opens.
func (c *check) firstOpens(r *rule, t int64) int64 {
	e, first := c.edges(r), never
	for i := range c.zones {
		if z := &c.zones[i]; !r.week.open(z, t, e, c.strict) {
			first = min(first, r.week.nextOpen(z, t, e, c.strict))
		}
	}
	return first
}

// firstFree is when the first of the inconvenient times that hold t ends.
func (c *check) firstFree(r *rule, t int64) int64 {
	first := never
	for i := range c.q.Preferences {
		p := &c.q.Preferences[i]
		if !c.wishes(r, p) {
			continue
		}
		if k, until := c.wish(r, p, t); k != "" {
			first = min(first, until)
		}
	}
	return first
}

// wishes reports whether the preference is of the rule's kind, known, and of
// the person.
func (c *check) wishes(r *rule, p *Preference) bool {
	return string(p.Kind) == r.spec.Wish.Kind && p.At.Unix() <= c.at && (p.By == "" || p.By == c.q.Person)
}

// askWish obeys what people said about times, places and calls at work.
func (c *check) askWish(r *rule, t int64) (Code, int64) {
	q := c.q
	code, free := Code(""), int64(always)
	for i := range q.Preferences {
		p := &q.Preferences[i]
		if !c.wishes(r, p) {
			continue
		}
		k, until := c.wish(r, p, t)
		if k == "" {
			continue
		}
		if p.Kind == InconvenientTime { // an answer must be excused under every wish
			c.since = max(c.since, p.since(c.prefZone(p), t))
		}
		if until > free {
			code, free, c.fact = k, until, p.ID
		}
	}
	return code, free
}

// wish judges one preference: a code, and until when it refuses.
func (c *check) wish(r *rule, p *Preference, t int64) (Code, int64) {
	switch p.Kind {
	case InconvenientTime:
		if free := p.free(c.prefZone(p), t); free > t {
			return CodeWishTime, free
		}
	case InconvenientPlace:
		if p.Place == "" || p.Place == c.q.Point.Place {
			return CodeWishPlace, never
		}
	case NoWorkCalls:
		if p.Written || r.spec.Wish.OralDays == 0 {
			return CodeWishWork, never
		}
		if end := c.cal.date(p.At.Unix()) + Date(r.spec.Wish.OralDays) + 1; c.cal.date(t) < end {
			return CodeWishWork, c.cal.startOf(end)
		}
	}
	return "", 0
}

// prefZone is the zone in which a preference's times are meant.
func (c *check) prefZone(p *Preference) *zone {
	for i := range c.zones {
		if c.zones[i].loc == p.Location {
			return &c.zones[i]
		}
	}
	if p.Location == nil {
		return &c.cal
	}
	c.wishZone = zone{loc: p.Location, start: never}
	return &c.wishZone
}

// block is the piece of a local day that holds second sod and is inconvenient.
func (p *Preference) block(d Date, sod int64) (from, to int64, in bool) {
	from, to = int64(p.From), int64(p.To)
	if p.on(d) {
		switch {
		case from == to:
			return 0, daySeconds, true
		case from < to && sod >= from && sod < to:
			return from, to, true
		case from > to && sod >= from:
			return from, daySeconds, true
		}
	}
	if from > to && sod < to && p.on(d-1) {
		return 0, to, true
	}
	return 0, 0, false
}

func (p *Preference) on(d Date) bool { return p.Days == 0 || p.Days&(1<<d.weekday()) != 0 }

// free is the first instant from t on outside the inconvenient time.
func (p *Preference) free(z *zone, t int64) int64 {
	limit := t + horizon*daySeconds
	for t < limit {
		d, sod := z.local(t)
		_, to, in := p.block(d, sod)
		if !in {
			return t
		}
		t = min(t+to-sod, z.end)
	}
	return never
}

// since is when the inconvenient stretch that holds t began.
func (p *Preference) since(z *zone, t int64) int64 {
	limit := t - longestStretch
	for t > limit {
		d, sod := z.local(t - 1)
		from, _, in := p.block(d, sod)
		if !in {
			return t
		}
		t = max(t-1-(sod-from), z.start)
	}
	return limit
}

// askHold obeys flags of one kind.
func (c *check) askHold(r *rule, t int64) (Code, int64) {
	s, q := r.spec.Hold, c.q
	free := int64(always)
	for i := range q.Flags {
		f := &q.Flags[i]
		if f.Kind != s.Flag || f.DirectConsent || s.ContactKnown && !f.ContactKnown || !s.stage(f.Status) {
			continue
		}
		if f.Since.Unix() > t && !f.Since.IsZero() || !c.about(r, f.Debts) {
			continue
		}
		if end := c.holdEnds(s, f); end > t && end > free {
			free, c.fact = end, f.ID
		}
	}
	if free == always {
		return "", 0
	}
	return CodeHold, free
}

// stage reports whether the rule is about a flag of this status. One whose
// status nobody recorded may have any.
func (s *HoldSpec) stage(status string) bool {
	return status == "" || len(s.Statuses) == 0 || has(s.Statuses, status)
}

// holdEnds is the flag's end, or the end of the wait for a silent attorney.
func (c *check) holdEnds(s *HoldSpec, f *Flag) int64 {
	end := never
	if !f.Until.IsZero() {
		end = f.Until.Unix()
	}
	days := s.SilentDays
	if !c.strict && s.LiteralSilentDays > 0 {
		days = s.LiteralSilentDays
	}
	if days > 0 && !f.WrittenTo.IsZero() && !f.Responded && f.WrittenTo.Unix() <= c.at {
		end = min(end, c.cal.startOf(c.cal.date(f.WrittenTo.Unix())+Date(days)+1))
	}
	return end
}

// known reports whether the notice has arrived or left by the query's instant.
func (c *check) known(n *Notice) bool { return n.At.Unix() <= c.at }

// askCease obeys written requests to cease; they have no end.
func (c *check) askCease(r *rule, _ int64) (Code, int64) {
	s, q := r.spec.Cease, c.q
	for i := range q.Notices {
		n := &q.Notices[i]
		if !n.Written || !has(s.Notices, n.Kind) || !c.known(n) {
			continue
		}
		if c.strict && s.StrictAll || c.about(r, n.Debts) {
			c.fact = n.ID
			return CodeCease, never
		}
	}
	return "", 0
}
