package contact

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Pack is a compiled policy file. The zero Pack has no rules. It is immutable
// and safe for concurrent use.
type Pack struct {
	id, title, version, kind, jurisdiction string
	from, until                            Date
	rules                                  []rule
	cites                                  map[string]string
	reach                                  []reach // of the rules, packed so that a check can pass over most of them
}

// reach is what rules out most rules at a glance.
type reach struct {
	chans     uint16
	roles, to uint8
}

// ID, Version, Kind and Jurisdiction name the pack in decision records.
func (p Pack) ID() string { return p.id }

// Version of the pack; it changes with every change of a rule.
func (p Pack) Version() string { return p.version }

// Kind is law, policy, carrier or house.
func (p Pack) Kind() string { return p.kind }

// Jurisdiction the pack belongs to, "*" for everywhere.
func (p Pack) Jurisdiction() string { return p.jurisdiction }

// Rules lists the ids of the pack's rules in order, parts of one id once.
func (p Pack) Rules() []string {
	var ids []string
	for i := range p.rules {
		if len(ids) == 0 || ids[len(ids)-1] != p.rules[i].id {
			ids = append(ids, p.rules[i].id)
		}
	}
	return ids
}

// Unbounded effective dates.
const minDate, maxDate Date = math.MinInt32, math.MaxInt32

type effect uint8

const (
	refuse effect = iota
	warn
	off
)

type kind uint8

const (
	kHours kind = iota
	kWish
	kCount
	kRun
	kSilence
	kGap
	kConsent
	kOptOut
	kConfirmation
	kHold
	kCease
	kDispute
	kNotice
	kEmailNotice
	kNumber
	kContent
	kOvershadow
	kAddressee
	kLocation
	kForbid
	kCharge
)

type exKind uint8

const (
	exReply exKind = iota
	exConsent
	exFrequency
	exConsentKind
	exCallback
	exConfirmation
	exUsedAddress
	exLimited
)

var exWords = []string{"reply", "consent", "frequency_consent", "consent_kind", "callback", "confirmation", "used_address", "limited_content"}

type exception struct {
	kind    exKind
	rule    string
	consent string
	not     []string // bases that are no consent under strict
}

// rule is a RuleSpec with its words turned into bits.
type rule struct {
	id, part        string
	spec            *RuleSpec
	kind            kind
	strict, literal effect
	narrow          bool // by kind of debt, so that its debts must be looked at one by one
	turns           bool // may refuse later although it allows now and nothing happens
	roles, classes  uint8
	debtors, to     uint8
	chans           uint16
	from, until     Date
	look            int // days of ledger it needs
	impossible      bool
	except          []exception

	week         week
	openEdges    bool
	of           uint16 // channels counted
	strictOut    uint32 // outcomes that count
	literalOut   uint32
	points       pointRule
	perPerson    bool
	household    bool   // counts contacts to others too
	slowCount    bool   // has purposes without a bit, or a household
	need1, avoid uint32 // flags that a counted row has and has not
	cal          *calendar
	need, forbid []func(*Content) Tri
	bands        []band
	lump         int64
	points1      int64 // most interest points from consumers
	points2      int64
}

type pointRule uint8

const (
	anyPoint pointRule = iota
	workPoint
	notWorkPoint
	landlinePoint
	mobilePoint
)

type band struct{ below, sum int64 }

// compiler collects faults while a spec becomes a pack.
type compiler struct {
	faults []Fault
	cals   map[string]*calendar
}

func (c *compiler) fault(path, format string, a ...any) {
	c.faults = append(c.faults, Fault{path, fmt.Sprintf(format, a...)})
}

// Compile checks a spec and prepares it. Every fault is reported; a pack with
// faults must not be used.
func Compile(s PackSpec) (Pack, []Fault) {
	c := &compiler{cals: map[string]*calendar{}}
	p := Pack{id: s.Pack, title: s.Title, version: s.Version, kind: s.Kind, jurisdiction: s.Jurisdiction, cites: maps.Clone(s.Cites)}
	c.head(s)
	p.from, p.until = c.effective("effective", s.Effective)
	c.calendars(s.Calendars)
	seen := map[string]int{}
	for i := range s.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		r := c.rule(path, s.Rules[i])
		key := r.id + "/" + r.part
		if j, dup := seen[key]; dup {
			c.fault(path+".id", "%s is already the id of rules[%d]; give one of them another id, or a part", r.id, j)
		}
		seen[key] = i
		r.from, r.until = max(r.from, p.from), min(r.until, p.until)
		p.rules = append(p.rules, r)
		p.reach = append(p.reach, reach{r.chans, r.roles, r.to})
	}
	c.reported(s)
	return p, c.faults
}

// reported ids must lead the reader to a citation.
func (c *compiler) reported(s PackSpec) {
	known := func(id string) bool {
		return id == "" || s.Cites[id] != "" || slices.ContainsFunc(s.Rules, func(r RuleSpec) bool { return r.ID == id })
	}
	for i, r := range s.Rules {
		if r.Hours != nil && !known(r.Hours.Differ) {
			c.fault(fmt.Sprintf("rules[%d].hours.differ", i), "%s is no rule of this pack; give its citation under cites", r.Hours.Differ)
		}
		for j, e := range r.Except {
			if !known(e.Rule) {
				c.fault(fmt.Sprintf("rules[%d].except[%d].rule", i, j), "%s is no rule of this pack; give its citation under cites", e.Rule)
			}
		}
	}
}

func (c *compiler) head(s PackSpec) {
	for _, f := range []struct{ path, v string }{{"pack", s.Pack}, {"version", s.Version}, {"jurisdiction", s.Jurisdiction}} {
		if f.v == "" {
			c.fault(f.path, "is missing")
		}
	}
	c.word("kind", s.Kind, packKinds...)
	if s.Reviewed != "" {
		if _, err := ParseDate(s.Reviewed); err != nil {
			c.fault("reviewed", "%v", err)
		}
	}
	if len(s.Rules) == 0 {
		c.fault("rules", "a pack needs at least one rule")
	}
}

// word checks that s is one of the words and says which are allowed.
func (c *compiler) word(path, s string, words ...string) int {
	for i, w := range words {
		if w == s {
			return i
		}
	}
	c.fault(path, "%q is not known; write one of %s%s", s, strings.Join(words, ", "), didYouMean(s, words))
	return 0
}

// optional is word for a value that may be left out, meaning the first.
func (c *compiler) optional(path, s string, words ...string) int {
	if s == "" {
		return 0
	}
	return c.word(path, s, words...)
}

func didYouMean(s string, words []string) string {
	best, at := 3, ""
	for _, w := range words {
		if d := editDistance(s, w); d < best {
			best, at = d, w
		}
	}
	if at == "" {
		return ""
	}
	return "; did you mean " + at + "?"
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diag, row[j] = row[j], min(row[j]+1, row[j-1]+1, diag+cost)
		}
	}
	return row[len(b)]
}

func (c *compiler) effective(path string, s EffectiveSpec) (from, until Date) {
	from, until = minDate, maxDate
	if s.From != "" {
		from = c.date(path+".from", s.From)
	}
	if s.Until != "" {
		until = c.date(path+".until", s.Until)
	}
	if from >= until {
		c.fault(path+".until", "%s does not come after %s", s.Until, s.From)
	}
	return from, until
}

func (c *compiler) date(path, s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		c.fault(path, "%v", err)
	}
	return d
}

func (c *compiler) calendars(specs map[string][]HolidaySpec) {
	names := make([]string, 0, len(specs))
	for n := range specs {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		before := len(c.faults)
		for i, h := range specs[n] {
			c.holiday(fmt.Sprintf("calendars.%s[%d]", n, i), h)
		}
		c.cals[n] = &calendar{}
		if len(c.faults) == before {
			c.cals[n] = tabulate(specs[n])
		}
	}
}

func (c *compiler) holiday(path string, h HolidaySpec) {
	if h.Easter != nil {
		if h.Month != 0 || h.Day != 0 || h.Weekday != "" {
			c.fault(path, "a holiday counted from Easter has no month, day or weekday")
		}
		return
	}
	if h.Month < 1 || h.Month > 12 {
		c.fault(path+".month", "%d is no month; write 1 to 12", h.Month)
		return
	}
	if h.Weekday != "" {
		c.word(path+".weekday", h.Weekday, dayNames[:]...)
	}
	needsDay := h.Weekday == "" || h.Before
	if needsDay && (h.Day < 1 || h.Day > 31) {
		c.fault(path+".day", "%d is no day of a month", h.Day)
	}
	if h.Weekday != "" && !h.Before && (h.Nth == 0 || h.Nth < -1 || h.Nth > 4) {
		c.fault(path+".nth", "write 1 to 4, or -1 for the last %s of the month", h.Weekday)
	}
}

func (c *compiler) calendar(path, name string, needed bool) *calendar {
	if name == "" {
		if needed {
			c.fault(path, "name the calendar whose holidays are left out")
		}
		return nil
	}
	if cal := c.cals[name]; cal != nil {
		return cal
	}
	c.fault(path, "no calendar %q in this pack; define it under calendars", name)
	return nil
}

func (c *compiler) rule(path string, s RuleSpec) rule {
	r := rule{id: s.ID, part: s.Part, spec: &s, look: 10}
	if s.ID == "" {
		c.fault(path+".id", "is missing")
	}
	if s.Citation == "" {
		c.fault(path+".citation", "is missing: a rule names the provision or the house decision it comes from")
	}
	c.optional(path+".certainty", s.Certainty, "text", "summary", "unverified")
	r.from, r.until = c.effective(path+".effective", s.Effective)
	r.strict = effect(c.optional(path+".strict", s.Strict, "refuse", "warn", "off"))
	r.literal = effect(c.optional(path+".literal", s.Literal, "refuse", "warn", "off"))
	r.roles = c.bits(path+".roles", s.Roles, "first_party", "third_party")
	r.classes = c.bits(path+".debts", s.Debts, "consumer", "commercial")
	r.debtors = c.bits(path+".debtors", s.Debtors, "consumer", "business")
	r.to = toDebtor | toStanding | toThird
	if len(s.To) > 0 {
		r.to = c.bits(path+".to", s.To, "debtor", "standing", "third", "professional")
	}
	r.chans = c.channels(path+".channels", s.Channels)
	if len(s.Channels) == 0 {
		c.fault(path+".channels", "is missing: name channels, or one of voice, electronic, contact, all")
	}
	c.exceptions(path, s, &r)
	c.kind(path, s, &r)
	r.narrow = len(s.DebtKinds)+len(s.ExceptDebtKinds) > 0 || s.ChargedOff || s.TimeBarred
	switch r.kind {
	case kHours, kWish, kRun, kOptOut, kConfirmation, kHold, kNumber:
		r.turns = true
	}
	return r
}

// bits of a list of words, all of them when the list is empty.
func (c *compiler) bits(path string, list []string, words ...string) uint8 {
	if len(list) == 0 {
		return 0xff
	}
	var m uint8
	for i, s := range list {
		m |= 1 << c.word(fmt.Sprintf("%s[%d]", path, i), s, words...)
	}
	return m
}

func (c *compiler) channels(path string, list []string) uint16 {
	var m uint16
	words := make([]string, len(channelWords))
	for i, w := range channelWords {
		words[i] = w.word
	}
	for i, s := range list {
		m |= channelWords[c.word(fmt.Sprintf("%s[%d]", path, i), s, words...)].mask
	}
	return m
}

func (c *compiler) outcomes(path string, list []string) uint32 {
	var m uint32
	words := make([]string, len(outcomeWords))
	for i, w := range outcomeWords {
		words[i] = w.word
	}
	for i, s := range list {
		m |= outcomeWords[c.word(fmt.Sprintf("%s[%d]", path, i), s, words...)].bit
	}
	return m
}

func (c *compiler) exceptions(path string, s RuleSpec, r *rule) {
	for i, e := range s.Except {
		p := fmt.Sprintf("%s.except[%d]", path, i)
		x := exception{kind: exKind(c.word(p+".kind", e.Kind, exWords...)), rule: e.Rule, consent: e.Consent, not: e.StrictNot}
		if x.rule == "" {
			x.rule = s.ID
		}
		if (x.kind == exConsentKind) != (e.Consent != "") {
			c.fault(p+".consent", "is for, and needed by, consent_kind: name the kind of consent")
		}
		r.except = append(r.except, x)
	}
}

// kind finds the one kind block of the rule and compiles it.
func (c *compiler) kind(path string, s RuleSpec, r *rule) {
	var found []string
	take := func(present bool, name string, k kind, f func(path string)) {
		if !present {
			return
		}
		found = append(found, name)
		r.kind = k
		f(path + "." + name)
	}
	take(s.Hours != nil, "hours", kHours, func(p string) { c.hours(p, *s.Hours, r) })
	take(s.Wish != nil, "wish", kWish, func(p string) { c.wish(p, *s.Wish, r) })
	take(s.Count != nil, "count", kCount, func(p string) { c.count(p, *s.Count, r) })
	take(s.Run != nil, "run", kRun, func(p string) { c.run(p, *s.Run, r) })
	take(s.Silence != nil, "silence", kSilence, func(p string) { c.silence(p, *s.Silence, r) })
	take(s.Gap != nil, "gap", kGap, func(p string) { c.gap(p, *s.Gap, r) })
	take(s.Consent != nil, "consent", kConsent, func(p string) { c.someOf(p+".kinds", s.Consent.Kinds); r.impossible = true })
	take(s.OptOut != nil, "opt_out", kOptOut, func(p string) { c.optOut(p, *s.OptOut, r) })
	take(s.Confirmation != nil, "confirmation", kConfirmation, func(p string) { c.confirmation(p, *s.Confirmation) })
	take(s.Hold != nil, "hold", kHold, func(p string) { c.hold(p, *s.Hold) })
	take(s.Cease != nil, "cease", kCease, func(p string) { c.someOf(p+".notices", s.Cease.Notices) })
	take(s.Dispute != nil, "dispute", kDispute, func(p string) { c.dispute(p, *s.Dispute, r) })
	take(s.Notice != nil, "notice", kNotice, func(p string) { c.notice(p, *s.Notice) })
	take(s.EmailNotice != nil, "email_notice", kEmailNotice, func(p string) { c.someOf(p+".notice", nonEmpty(s.EmailNotice.Notice)) })
	take(s.Number != nil, "number", kNumber, func(p string) { c.number(p, *s.Number, r) })
	take(s.Content != nil, "content", kContent, func(p string) { c.content(p, *s.Content, r) })
	take(s.Overshadow != nil, "overshadow", kOvershadow, func(p string) { c.period(p+".period", s.Overshadow.Period, r) })
	take(s.Addressee != nil, "addressee", kAddressee, func(string) { r.impossible = true })
	take(s.Location != nil, "location", kLocation, func(p string) { c.positive(p+".max", s.Location.Max); r.impossible = true })
	take(s.Forbid != nil, "forbid", kForbid, func(p string) { c.forbid(p, *s.Forbid, r) })
	take(s.Charge != nil, "charge", kCharge, func(p string) { c.charge(p, *s.Charge, r) })
	switch len(found) {
	case 0:
		c.fault(path, "has no kind: add exactly one of hours, count, silence, consent, opt_out, hold, notice, content, ...")
	case 1:
	default:
		c.fault(path+"."+found[1], "a rule has one kind, and this one already has %s; make two rules (with a part each) of it", found[0])
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (c *compiler) someOf(path string, list []string) {
	if len(list) == 0 {
		c.fault(path, "is missing")
	}
}

func (c *compiler) positive(path string, n int) {
	if n < 1 || n > 1000 {
		c.fault(path, "%d is out of range; write 1 to 1000", n)
	}
}

func (c *compiler) notNegative(path string, n int) {
	if n < 0 || n > 1000 {
		c.fault(path, "%d is out of range; write 0 to 1000", n)
	}
}

// days of a window are bounded by the histogram that counting uses.
func (c *compiler) windowDays(path string, n int) {
	if n < 1 || n > maxWindow {
		c.fault(path, "%d days is out of range; write 1 to %d", n, maxWindow)
	}
}

func (c *compiler) hours(path string, s HoursSpec, r *rule) {
	if len(s.Windows) == 0 {
		c.fault(path+".windows", "is missing: without a window nothing is ever allowed")
	}
	for i, w := range s.Windows {
		p := fmt.Sprintf("%s.windows[%d]", path, i)
		from, to := c.clock(p+".from", w.From), c.clock(p+".to", w.To)
		if from >= to {
			c.fault(p+".to", "%s does not come after %s; split a window that runs past midnight in two", w.To, w.From)
		}
		for d := range r.week.days {
			if c.onDay(p+".days", w.Days, d) {
				r.week.days[d] = append(r.week.days[d], span{from, to})
			}
		}
	}
	r.week.cal = c.calendar(path+".calendar", s.Calendar, false)
	r.openEdges = c.optional(path+".edges", s.Edges, "half_open", "open") == 1
}

func (c *compiler) onDay(path string, days []string, d int) bool {
	if len(days) == 0 {
		return true
	}
	on := false
	for i, s := range days {
		n := dayNumber(s)
		if n < 0 && d == 0 {
			c.word(fmt.Sprintf("%s[%d]", path, i), s, dayNames[:]...)
		}
		on = on || n == d
	}
	return on
}

// clock reads HH:MM, 24:00 included, as a second of the day.
func (c *compiler) clock(path, s string) int64 {
	n, err := ParseClock(s)
	if err != nil {
		c.fault(path, "%v", err)
	}
	return int64(n)
}

// ParseClock reads a local time HH:MM, up to 24:00, as seconds of the day.
func ParseClock(s string) (int, error) {
	bad := fmt.Errorf("%q is no time of day; write HH:MM between 00:00 and 24:00", s)
	if len(s) != 5 || s[2] != ':' {
		return 0, bad
	}
	h, err1 := strconv.ParseUint(s[:2], 10, 8)
	m, err2 := strconv.ParseUint(s[3:], 10, 8)
	if err1 != nil || err2 != nil || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, bad
	}
	return int(h*3600 + m*60), nil
}

func (c *compiler) wish(path string, s WishSpec, r *rule) {
	k := c.word(path+".kind", s.Kind, string(InconvenientTime), string(InconvenientPlace), string(NoWorkCalls))
	c.notNegative(path+".oral_days", s.OralDays)
	r.impossible = k == 1
}

func (c *compiler) count(path string, s CountSpec, r *rule) {
	c.positive(path+".max", s.Max)
	c.windowDays(path+".days", s.Days)
	r.look = max(r.look, s.Days)
	r.of = c.counted(path+".of", s.Of, r)
	r.perPerson = c.optional(path+".per", s.Per, "debt", "person") == 1
	r.points = pointRule(c.optional(path+".points", s.Points, "any", "work", "not_work", "landline", "mobile"))
	if len(s.Outcomes) > 0 && len(s.NotOutcomes) > 0 {
		c.fault(path+".not_outcomes", "give outcomes or not_outcomes, not both")
	}
	r.strictOut = c.outcomes(path+".outcomes", s.Outcomes)
	if len(s.Outcomes) == 0 {
		r.strictOut = ^c.outcomes(path+".not_outcomes", s.NotOutcomes)
	}
	r.literalOut = r.strictOut &^ c.outcomes(path+".literal_not", s.LiteralNot)
	for i, w := range s.With {
		c.word(fmt.Sprintf("%s.with[%d]", path, i), w, household...)
	}
	r.household = len(s.With) > 0
	r.slowCount = r.household
	r.countMasks(s)
}

// household are the relations that a count may include.
var household = []string{
	"debtor", "spouse", "parent_of_minor", "guardian", "executor", "administrator", "personal_representative", "successor_in_interest",
}

// countMasks are the flags of the rows that a count takes.
func (r *rule) countMasks(s CountSpec) {
	r.need1 = rowOut
	if !r.household {
		r.need1 |= rowOwn
	}
	switch r.points {
	case workPoint:
		r.need1 |= rowWork
	case notWorkPoint:
		r.avoid |= rowWork
	case landlinePoint:
		r.need1 |= rowLandline
	case mobilePoint:
		r.need1 |= rowMobile
	}
	for _, p := range s.NotPurposes {
		bit := purposeBit(p)
		r.avoid |= uint32(bit) << purposeShift
		r.slowCount = r.slowCount || bit == 0
	}
}

func (c *compiler) counted(path string, of []string, r *rule) uint16 {
	if len(of) == 0 {
		return r.chans
	}
	return c.channels(path, of)
}

func (c *compiler) run(path string, s RunSpec, r *rule) {
	c.positive(path+".per_day", s.PerDay)
	c.windowDays(path+".days", s.Days)
	r.look = max(r.look, s.Days+1)
	r.of = c.counted(path+".of", s.Of, r)
}

func (c *compiler) silence(path string, s SilenceSpec, r *rule) {
	c.windowDays(path+".days", s.Days)
	r.look = max(r.look, s.Days+1)
	c.someOf(path+".outcomes", s.Outcomes)
	r.literalOut = c.outcomes(path+".outcomes", s.Outcomes)
	r.strictOut = r.literalOut | c.outcomes(path+".strict_also", s.StrictAlso)
}

func (c *compiler) gap(path string, s GapSpec, r *rule) {
	if (s.Minutes > 0) == (s.Days > 0) {
		c.fault(path, "give minutes or days, one of them")
	}
	c.notNegative(path+".minutes", s.Minutes)
	if s.Days != 0 {
		c.windowDays(path+".days", s.Days)
	}
	r.look = max(r.look, s.Days+1)
	r.of = c.counted(path+".of", s.Of, r)
}

func (c *compiler) optOut(path string, s OptOutSpec, r *rule) {
	c.someOf(path+".kinds", s.Kinds)
	for i, k := range s.Kinds {
		c.word(fmt.Sprintf("%s.kinds[%d]", path, i), k, OptOutMedium, OptOutKeyword, OptOutRevocation, OptOutMarketing)
	}
	c.notNegative(path+".business_days", s.BusinessDays)
	c.notNegative(path+".literal_business_days", s.LiteralBusinessDays)
	r.cal = c.calendar(path+".calendar", s.Calendar, s.BusinessDays+s.LiteralBusinessDays > 0)
	r.impossible = true
}

func (c *compiler) confirmation(path string, s ConfirmationSpec) {
	c.positive(path+".minutes", s.Minutes)
	c.optional(path+".late", s.Late, "refuse", "strict")
}

func (c *compiler) hold(path string, s HoldSpec) {
	c.someOf(path+".flag", nonEmpty(s.Flag))
	c.notNegative(path+".silent_days", s.SilentDays)
	c.notNegative(path+".literal_silent_days", s.LiteralSilentDays)
}

func (c *compiler) dispute(path string, s DisputeSpec, r *rule) {
	c.someOf(path+".notices", s.Notices)
	c.someOf(path+".lifted_by", s.LiftedBy)
	c.period(path+".period", s.Period, r)
}

func (c *compiler) period(path string, s PeriodSpec, r *rule) {
	c.someOf(path+".notice", nonEmpty(s.Notice))
	c.positive(path+".receipt_days", s.ReceiptDays)
	c.positive(path+".days", s.Days)
	r.cal = c.calendar(path+".calendar", s.Calendar, true)
}

func (c *compiler) notice(path string, s NoticeSpec) {
	c.someOf(path+".kind", nonEmpty(s.Kind))
	c.notNegative(path+".days", s.Days)
	if s.Channel != "" && channelBit(s.Channel) == 0 {
		c.fault(path+".channel", "%q is no channel", s.Channel)
	}
}

func (c *compiler) number(path string, s NumberSpec, r *rule) {
	if (s.Days > 0) == s.Reassigned {
		c.fault(path, "give days, or reassigned: true")
	}
	c.notNegative(path+".days", s.Days)
	r.impossible = true
}

func (c *compiler) content(path string, s ContentSpec, r *rule) {
	if len(s.Need)+len(s.Forbid) == 0 && !s.LimitedContent {
		c.fault(path, "give need, forbid or limited_content")
	}
	words := make([]string, len(contentWords))
	for i, w := range contentWords {
		words[i] = w.word
	}
	for i, n := range s.Need {
		r.need = append(r.need, contentWords[c.word(fmt.Sprintf("%s.need[%d]", path, i), n, words...)].get)
	}
	for i, n := range s.Forbid {
		r.forbid = append(r.forbid, contentWords[c.word(fmt.Sprintf("%s.forbid[%d]", path, i), n, words...)].get)
	}
}

func (c *compiler) forbid(path string, s ForbidSpec, r *rule) {
	if !s.Always {
		c.fault(path+".always", "write always: true")
	}
	r.impossible = true
}

func (c *compiler) charge(path string, s ChargeSpec, r *rule) {
	for i, b := range s.Bands {
		p := fmt.Sprintf("%s.bands[%d]", path, i)
		x := band{below: math.MaxInt64, sum: c.decimal(p+".sum", b.Sum)}
		if b.Below != "" {
			x.below = c.decimal(p+".below", b.Below)
		} else if i < len(s.Bands)-1 {
			c.fault(p+".below", "only the last band has no bound")
		}
		if i > 0 && x.below <= r.bands[i-1].below {
			c.fault(p+".below", "bands go from small to large")
		}
		r.bands = append(r.bands, x)
	}
	r.lump = c.decimal(path+".lump_sum", s.LumpSum)
	r.points1 = c.decimal(path+".consumer_points", s.ConsumerPoints)
	r.points2 = c.decimal(path+".other_points", s.OtherPoints)
	c.notNegative(path+".default_after", s.DefaultAfter)
}

// decimal reads an optional amount in ten-thousandths, -1 when it is absent.
func (c *compiler) decimal(path, s string) int64 {
	if s == "" {
		return -1
	}
	n, ok := parseDecimal(s)
	if !ok {
		c.fault(path, "%q is no amount; write digits with a decimal point", s)
	}
	return n
}

// parseDecimal reads a non-negative decimal of at most four places in
// ten-thousandths. Money needs no arithmetic here, only comparison.
func parseDecimal(s string) (int64, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if whole == "" || len(whole) > 14 || len(frac) > 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+(frac + "0000")[:4], 10, 63)
	return int64(n), err == nil
}
