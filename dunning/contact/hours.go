package contact

// span is a piece of a local day in seconds, [from, to).
type span struct{ from, to int64 }

// week is what is open on each weekday (0 = Sunday), with closed dates.
type week struct {
	days [7][]span
	cal  *calendar
}

// spans of a local date.
func (w *week) spans(d Date, strict bool) []span {
	if w.cal.has(d, strict) {
		return nil
	}
	return w.days[d.weekday()]
}

// edge moves the edges of windows that the law leaves open: strict shuts both
// boundary seconds, literal opens both.
type edge struct{ from, to int64 }

func (w *week) open(z *zone, t int64, e edge, strict bool) bool {
	d, sod := z.local(t)
	for _, s := range w.spans(d, strict) {
		if sod >= s.from+e.from && sod < s.to+e.to {
			return true
		}
	}
	return false
}

// horizon bounds every search, in days.
const horizon = 400

// longestStretch is how far back, in seconds, a closed or inconvenient stretch
// is followed. No law closes for longer; an older contact is answered too late.
const longestStretch = 15 * daySeconds

// nextOpen is the first instant at or after t at which the week is open in
// this zone. It walks the stretches of constant offset, so that it is exact
// across clock changes.
func (w *week) nextOpen(z *zone, t int64, e edge, strict bool) int64 {
	limit := t + horizon*daySeconds
	for t < limit {
		if w.open(z, t, e, strict) {
			return t
		}
		c := w.nextOpenLocal(t+z.off, e, strict)
		if c == never {
			return never
		}
		if c -= z.off; c < z.end {
			return c
		}
		t = z.end
	}
	return never
}

// nextOpenLocal is nextOpen on a clock without changes.
func (w *week) nextOpenLocal(l int64, e edge, strict bool) int64 {
	d := Date(floorDiv(l, daySeconds))
	for n := 0; n <= horizon; n++ {
		best := never
		for _, s := range w.spans(d, strict) {
			c := int64(d)*daySeconds + s.from + e.from
			if c >= l && c < best && s.from+e.from < s.to+e.to {
				best = c
			}
		}
		if best != never {
			return best
		}
		d++
	}
	return never
}

// closedSince is the instant at which the closed stretch that holds t began:
// the last instant before t at which the week was open, plus one second.
func (w *week) closedSince(z *zone, t int64, e edge, strict bool) int64 {
	limit := t - longestStretch
	for t > limit {
		if w.open(z, t-1, e, strict) {
			return t
		}
		z.seek(t - 1)
		c := w.lastOpenLocal(t-1+z.off, e, strict)
		if c == never {
			return limit
		}
		if c -= z.off; c >= z.start {
			return c + 1
		}
		t = z.start
	}
	return limit
}

// lastOpenLocal is the last open second at or before l on a clock without
// changes.
func (w *week) lastOpenLocal(l int64, e edge, strict bool) int64 {
	d := Date(floorDiv(l, daySeconds))
	for range 16 {
		best := never
		for _, s := range w.spans(d, strict) {
			c := int64(d)*daySeconds + s.to + e.to - 1
			if c <= l && (best == never || c > best) && s.from+e.from < s.to+e.to {
				best = c
			}
		}
		if best != never {
			return best
		}
		d--
	}
	return never
}
