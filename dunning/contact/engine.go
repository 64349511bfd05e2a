package contact

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Set is the packs that judge together: ties between rules go to the one that
// comes first.
type Set []Pack

// NewSet orders packs: law before policy before carrier before house, a country before its
// parts, then by id.
func NewSet(packs ...Pack) Set {
	s := slices.Clone(packs)
	slices.SortStableFunc(s, func(a, b Pack) int {
		return cmp.Or(cmp.Compare(kindRank(a.kind), kindRank(b.kind)), strings.Compare(a.jurisdiction, b.jurisdiction), strings.Compare(a.id, b.id))
	})
	return s
}

// packKinds in the order in which ties are settled.
var packKinds = []string{"law", "policy", "carrier", "house"}

func kindRank(k string) int { return slices.Index(packKinds, k) }

// Version names a pack as a decision record keeps it.
type Version struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
}

// Versions lists the packs and their versions in order.
func (s Set) Versions() []Version {
	out := make([]Version, len(s))
	for i := range s {
		out[i] = Version{s[i].id, s[i].version}
	}
	return out
}

// maxRounds of the search for the first instant at which all rules allow: some
// a day, for as many days as the search goes on.
const maxRounds = 16 * horizon

// check is what one check works out once, and its scratch space.
type check struct {
	query  Query
	q      *Query // &query
	at     int64
	strict bool
	ch     uint16
	role   uint8
	to     uint8
	zones  []zone
	cal    zone // the zone of calendar dates
	rows   []row
	outs   uint32 // outcomes that occur among the rows
	newest int64  // instant of the newest row
	active []*rule
	bits   [2]uint64 // the query's consumer debts, and its commercial ones
	lawful uint64    // bit i: some law sets hours in the i-th place of the query
	used   string    // exception relied on by the last rule asked
	fact   string    // id of the fact behind the last refusal
	count  int       // number behind the last refusal
	since  int64     // start of the stretch in which an answer excuses the last refusal

	heard  bool  // lastIn and due are known
	lastIn int64 // when the person last used the channel
	due    bool  // and nothing has gone out to them on its medium since

	wishZone zone
}

// scratch keeps the work space of finished checks: a check then allocates
// nothing but the reasons it returns.
var scratch = sync.Pool{New: func() any { return new(check) }}

// maxKept bounds the ledger rows that scratch space holds on to.
const maxKept = 4096

// Check judges one contact. The same query always gets the same verdict. It is
// safe for concurrent use.
func (s Set) Check(q Query) Verdict {
	c := scratch.Get().(*check)
	c.query, c.q = q, &c.query
	v := s.check(c)
	c.reset()
	scratch.Put(c)
	return v
}

// reset forgets the query, so that nothing of it lives on in scratch space.
func (c *check) reset() {
	zones, rows, active := c.zones[:0], c.rows[:0], c.active[:0]
	if cap(rows) > maxKept {
		rows = nil
	}
	*c = check{zones: zones, rows: rows, active: active}
}

func (s Set) check(c *check) Verdict {
	if code := c.prepare(); code != "" {
		return Verdict{Impossible: code == CodePoint, Reasons: []Reason{{Code: code, Fact: c.pointReason(code)}}}
	}
	c.gather(s)
	return c.judge()
}

// gather finds the rules that apply and the ledger rows that they may count.
func (c *check) gather(s Set) {
	look, of, household := 0, uint16(chVoice), false
	for i := range s {
		p := &s[i]
		if !p.applies(c.q) {
			continue
		}
		for j := range p.rules {
			m := &p.reach[j]
			if m.chans&c.ch == 0 || m.roles&c.role == 0 || m.to&c.to == 0 {
				continue
			}
			r := &p.rules[j]
			if !c.reaches(r) {
				continue
			}
			c.active = append(c.active, r)
			look, of, household = max(look, r.look), of|r.of, household || r.household
			if r.kind == kHours && p.kind == "law" && !r.spec.Hours.Fallback {
				c.lawful |= p.covers(c.q)
			}
		}
	}
	c.ledger(look, of, household)
}

// CheckContent judges the content of a message by the rules about content and
// nothing else: what a template is asked when it is published, and a message
// once it is rendered. The query needs a channel, role, places, debts or kind
// of debtor, and Content; whoever was written to before is in Ledger.
func (s Set) CheckContent(q Query) Verdict {
	c := scratch.Get().(*check)
	c.query, c.q = q, &c.query
	c.query.Point.Usable = true
	defer func() {
		c.reset()
		scratch.Put(c)
	}()
	if code := c.prepare(); code != "" {
		return Verdict{Reasons: []Reason{{Code: code}}}
	}
	c.gather(s)
	c.active = slices.DeleteFunc(c.active, func(r *rule) bool { return r.kind != kContent })
	return c.judge()
}

func (c *check) pointReason(code Code) string {
	if code == CodePoint {
		return c.q.Point.Reason
	}
	return ""
}

// prepare turns the query's words into bits, or says which word is unknown.
func (c *check) prepare() Code {
	q := c.q
	c.at, c.newest = q.At.Unix(), always
	c.strict = q.Ambiguity != Literal
	c.ch = channelBit(q.Channel) & chAll
	c.role = roleBit(q.Role)
	c.to = relationBit(q.Relation)
	switch {
	case c.ch == 0:
		return CodeChannel
	case c.role == 0:
		return CodeRole
	case !q.Point.Usable && c.ch&chContact != 0:
		return CodePoint
	}
	for i := range q.Zones {
		c.addZone(q.Zones[i].Location)
	}
	for i := range q.Debts {
		class := classBits(q.Debts[i].Class, q.DebtorKind)
		for k := range c.bits {
			if class&(1<<k) != 0 {
				c.bits[k] |= 1 << min(i, 63)
			}
		}
	}
	c.cal = zone{loc: time.UTC, start: never}
	if len(c.zones) > 0 {
		c.cal = c.zones[0]
	}
	return ""
}

func (c *check) addZone(loc *time.Location) {
	if loc == nil {
		return
	}
	for i := range c.zones {
		if c.zones[i].loc == loc {
			return
		}
	}
	c.zones = append(c.zones, zone{loc: loc, start: never})
}

// applies reports whether one of the candidate places lies in the pack's
// jurisdiction. A query without places is judged by every pack.
func (p *Pack) applies(q *Query) bool { return p.covers(q) != 0 }

// covers says which of the query's places lie in the pack's jurisdiction;
// places beyond the 64th share a bit.
func (p *Pack) covers(q *Query) uint64 {
	if p.jurisdiction == "*" || len(q.Places) == 0 {
		return ^uint64(0)
	}
	var m uint64
	for i := range q.Places {
		j := q.Places[i].Jurisdiction
		n := len(p.jurisdiction)
		if len(j) >= n && j[:n] == p.jurisdiction && (len(j) == n || j[n] == '-') {
			m |= 1 << min(i, 63)
		}
	}
	return m
}

// hoursByLaw reports whether law sets hours in every candidate place.
func (c *check) hoursByLaw() bool {
	all := uint64(1)<<min(len(c.q.Places), 63) - 1
	return c.lawful != 0 && c.lawful&all == all
}

// reaches tests everything about a rule that no instant changes.
func (c *check) reaches(r *rule) bool {
	q, s := c.q, r.spec
	if r.effect(c.strict) == off || s.AutomatedOnly && !q.Automated {
		return false
	}
	if len(s.Purposes) > 0 && !has(s.Purposes, q.purpose()) || has(s.ExceptPurposes, q.purpose()) {
		return false
	}
	if len(s.Points) > 0 && !has(s.Points, q.Point.kind()) || has(s.ExceptPoints, q.Point.kind()) {
		return false
	}
	if r.debtors != 0xff && !reachesDebtor(r.debtors, q.DebtorKind) {
		return false
	}
	return c.reachesDebt(r)
}

func reachesDebtor(mask uint8, k string) bool {
	return k == Consumer && mask&1 != 0 || k == Business && mask&2 != 0 || k != Consumer && k != Business
}

func (c *check) reachesDebt(r *rule) bool {
	return len(c.q.Debts) == 0 && r.classes&classBits("", c.q.DebtorKind) != 0 || len(c.q.Debts) > 0 && c.debtBits(r) != 0
}

// covers reports whether the rule is about this debt.
func (r *rule) covers(d *Debt, debtor string) bool {
	s := r.spec
	return r.classes&classBits(d.Class, debtor) != 0 &&
		(len(s.DebtKinds) == 0 || d.Kind == "" || has(s.DebtKinds, d.Kind)) && !has(s.ExceptDebtKinds, d.Kind) &&
		(!s.ChargedOff || d.ChargedOff) && (!s.TimeBarred || d.TimeBarred)
}

func (r *rule) effect(strict bool) effect {
	if strict {
		return r.strict
	}
	return r.literal
}

// kind of the point as rules name it.
func (p *Point) kind() string {
	if p.Kind == "" {
		return "unknown"
	}
	return p.Kind
}

func (q *Query) purpose() string {
	if q.Purpose == "" {
		return "collect"
	}
	return q.Purpose
}

func (q *Query) debtor() string {
	if q.Debtor == "" {
		return q.Person
	}
	return q.Debtor
}

// judge asks every active rule at the query's instant, and then at later ones
// until none refuses.
func (c *check) judge() Verdict {
	v := Verdict{Allowed: true}
	latest, worst := c.at, int64(always)
	later := c.active[:0] // rules that can refuse later
	for _, r := range c.active {
		code, nb := c.eval(r, c.at)
		if code == "" {
			if c.used != "" && v.Allowed && v.Rule == "" {
				v.Rule = c.used
			}
			if r.turns || c.used != "" || r.from != minDate {
				later = append(later, r)
			}
			continue
		}
		reason := c.reason(r, code, nb)
		if r.effect(c.strict) == warn {
			v.Warn = append(v.Warn, reason)
			continue
		}
		later = append(later, r)
		if v.Allowed {
			v.Allowed, v.Rule = false, ""
			v.Reasons = make([]Reason, 0, 4)
		}
		v.Reasons = append(v.Reasons, reason)
		v.Impossible = v.Impossible || r.impossible
		if nb > worst {
			worst, v.Rule = nb, reason.Rule
		}
		latest = max(latest, nb)
	}
	c.active = later
	if !v.Allowed {
		v.NotBefore = instantOf(c.settle(latest))
	}
	return v
}

func (c *check) reason(r *rule, code Code, nb int64) Reason {
	x := Reason{Rule: r.id, Part: r.part, Code: code, NotBefore: instantOf(nb), Count: c.count, Fact: c.fact}
	x.Limit, x.Days = r.numbers()
	if code == CodeHoursZones && r.spec.Hours.Differ != "" {
		x.Rule = r.spec.Hours.Differ
	}
	return x
}

// instantOf turns Unix seconds into an instant in UTC, and "never" into none.
func instantOf(t int64) time.Time {
	if t >= never {
		return time.Time{}
	}
	return time.Unix(t, 0).UTC()
}

// settle is the first instant from t on at which no rule refuses. Each rule
// refuses on all of [t, its own not-before), so the latest of them is never
// too late, and asking again until nothing moves makes it exact.
func (c *check) settle(t int64) int64 {
	for range maxRounds {
		if t > c.at+horizon*daySeconds {
			return never
		}
		next := t
		for _, r := range c.active {
			if code, nb := c.eval(r, t); code != "" {
				next = max(next, nb)
			}
		}
		if next == t {
			return t
		}
		t = next
	}
	return never
}

// eval asks one rule at instant t (Unix seconds): a code and the rule's own
// earliest yes, or "" when it allows.
func (c *check) eval(r *rule, t int64) (Code, int64) {
	c.used, c.fact, c.count, c.since = "", "", 0, 0
	if !c.inForce(r, t) {
		return "", 0
	}
	code, nb := c.ask(r, t)
	if code == "" {
		return "", 0
	}
	for i := range r.except {
		x := &r.except[i]
		if c.excepted(r, x, t) {
			c.used = x.rule
			return "", 0
		}
		nb = min(nb, c.exceptionOpens(x, t))
	}
	if soon := c.answerOpens(r, t); soon < nb {
		nb = c.afterAnswer(r, soon)
	}
	if r.until != maxDate {
		nb = min(nb, c.cal.startOf(r.until))
	}
	if nb <= t {
		nb = t + 1
	}
	return code, nb
}

// afterAnswer is the rule's own earliest yes from t on. It keeps what the
// refusal at hand found.
func (c *check) afterAnswer(r *rule, t int64) int64 {
	fact, count, since := c.fact, c.count, c.since
	code, nb := c.eval(r, t)
	c.used, c.fact, c.count, c.since = "", fact, count, since
	if code == "" {
		return t
	}
	return nb
}

func (c *check) inForce(r *rule, t int64) bool {
	if r.from == minDate && r.until == maxDate {
		return true
	}
	d := c.cal.date(t)
	return d >= r.from && d < r.until
}

func (c *check) ask(r *rule, t int64) (Code, int64) {
	switch r.kind {
	case kHours:
		return c.askHours(r, t)
	case kWish:
		return c.askWish(r, t)
	case kCount:
		return c.askCount(r, t)
	case kRun:
		return c.askRun(r, t)
	case kSilence:
		return c.askSilence(r, t)
	case kGap:
		return c.askGap(r, t)
	case kConsent:
		return c.askConsent(r, t)
	case kOptOut:
		return c.askOptOut(r, t)
	case kConfirmation:
		return c.askConfirmation(r, t)
	case kHold:
		return c.askHold(r, t)
	case kCease:
		return c.askCease(r, t)
	case kDispute:
		return c.askDispute(r, t)
	case kNotice:
		return c.askNotice(r, t)
	case kEmailNotice:
		return c.askEmailNotice(r, t)
	case kNumber:
		return c.askNumber(r, t)
	case kContent:
		return c.askContent(r)
	case kOvershadow:
		return c.askOvershadow(r, t)
	case kAddressee:
		return c.askAddressee(r)
	case kLocation:
		return c.askLocation(r)
	case kForbid:
		return CodeForbidden, never
	case kCharge:
		return c.askCharge(r, t)
	}
	return "", 0
}

// numbers of the rule that its reasons show.
func (r *rule) numbers() (limit, days int) {
	s := r.spec
	switch r.kind {
	case kCount:
		return s.Count.Max, s.Count.Days
	case kRun:
		return s.Run.PerDay, s.Run.Days
	case kSilence:
		return 0, s.Silence.Days
	case kGap:
		return s.Gap.Minutes, s.Gap.Days
	case kConfirmation:
		return s.Confirmation.Minutes, 0
	case kNotice:
		return 0, s.Notice.Days
	case kNumber:
		return 0, s.Number.Days
	case kWish:
		return 0, s.Wish.OralDays
	}
	return 0, 0
}
