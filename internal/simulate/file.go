package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// File is a single case as a file: docs/schemas/facts-v1.json. Everything that
// happens to it from outside is one list in any order; instants are RFC 3339,
// or "2006-01-02 15:04", or "2006-01-02" (start of the day), in the debtor's
// first zone. Money that has a date but no time posts at 12:00 in the creditor's
// zone. Amounts may be written as plain decimals in the file's currency.
type File struct {
	// Facts names the format; it must be "v1".
	Format string `json:"format" jsonschema:"enum=v1"`
	// Currency of the account, ISO 4217.
	Currency string `json:"currency"`
	// Creditor is who collects. Everything may be left out.
	Creditor FileCreditor `json:"creditor,omitzero"`
	// Debtor is what is known of the debtor from the start.
	Debtor FileDebtor `json:"debtor"`
	// Points are contact points known from the start. Left out: one usable
	// point for each of email, sms and letter.
	Points []FilePoint `json:"points,omitempty"`
	// From and Until bound the simulation; left out: from the first fact until
	// a year after the last.
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
	// People do their work: drafts are approved and cases handed back so many hours after
	// the task was opened. Left out: nobody does anything but what Facts say.
	People int `json:"people_after_hours,omitempty" jsonschema:"minimum=1,maximum=8760"`
	// Facts are what happens: each has "at" and either "kind" (a fact: item,
	// payment, payment_reversed, hold_placed, …), "do" (a command that the core
	// may refuse: make_promise, agree_plan, take_lease, …), "reply" (how the
	// provider answers contacts from then on) or "outage".
	Facts []map[string]any `json:"facts"`
}

// FileCreditor is the creditor of a single case.
type FileCreditor struct {
	ID        string `json:"id,omitempty"`
	Role      string `json:"role,omitempty" jsonschema:"enum=first_party,enum=third_party"`
	Zone      string `json:"zone,omitempty"`
	Holidays  string `json:"holidays,omitempty"`
	Stale     int    `json:"stale_hours,omitempty"`
	Ambiguity string `json:"ambiguity,omitempty" jsonschema:"enum=strict,enum=literal"`
}

// FileDebtor is the debtor of a single case.
type FileDebtor struct {
	ID       string   `json:"id,omitempty"`
	Account  string   `json:"account,omitempty"`
	Kind     string   `json:"kind" jsonschema:"enum=consumer,enum=business"`
	Zones    []string `json:"zones"`
	Country  string   `json:"country,omitempty"`
	Places   []string `json:"places,omitempty"`
	Locale   string   `json:"locale,omitempty"`
	Holidays string   `json:"holidays,omitempty"`
	Tags     []string `json:"tags,omitempty"`
}

// FilePoint is a contact point of a single case.
type FilePoint struct {
	ID      string `json:"id"`
	Channel string `json:"channel" jsonschema:"enum=email,enum=sms,enum=letter,enum=call"`
	Kind    string `json:"kind,omitempty"`
}

// Environment is what a file is compiled against.
type Environment struct {
	Sequence *dunning.Sequence
	// Versions are those that a command migrate in the file may name.
	Versions map[string]*dunning.Sequence
	Setup    dunning.Setup // Policies, Zone and Holiday are used
}

// maxFile bounds a facts file.
const maxFile = 64 << 20

// ReadFile reads a facts file. Errors name the fact and how to mend it.
func ReadFile(r io.Reader) (File, error) {
	var f File
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return f, err
	}
	if len(raw) > maxFile {
		return f, fmt.Errorf("facts file: it is larger than %d MiB; it is about one customer: leave out the others", maxFile>>20)
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("facts file: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return f, fmt.Errorf("facts file: something follows the closing brace")
	}
	return f, f.check()
}

func (f *File) check() error {
	switch {
	case f.Format != "v1":
		return fmt.Errorf(`facts file: "format" must be "v1", not %q`, f.Format)
	case f.Debtor.Kind != "consumer" && f.Debtor.Kind != "business":
		return fmt.Errorf(`facts file: debtor.kind must be "consumer" or "business"`)
	case f.People < 0 || f.People > 8760:
		return fmt.Errorf(`facts file: "people_after_hours" is between 1 and 8760`)
	case len(f.Facts) == 0:
		return fmt.Errorf(`facts file: "facts" is empty; there is nothing to simulate`)
	}
	_, err := money.Digits(f.Currency)
	if err != nil {
		return fmt.Errorf("facts file: currency: %w", err)
	}
	return nil
}

// Compile makes the account to simulate, and until when.
func (f File) Compile(env Environment) (Account, time.Time, error) {
	c := compiler{file: f, env: env, account: orElse(f.Debtor.Account, "account")}
	if err := c.zones(); err != nil {
		return Account{}, time.Time{}, err
	}
	c.acc.Setup, c.acc.Versions = c.setup(), env.Versions
	for i, x := range f.Facts {
		if err := c.fact(x); err != nil {
			return Account{}, time.Time{}, fmt.Errorf("facts file: fact %d: %w", i+1, err)
		}
	}
	c.begin()
	slices.SortStableFunc(c.acc.Facts, func(a, b dunning.Fact) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(c.acc.Commands, func(a, b Command) int { return a.At.Compare(b.At) })
	if f.People > 0 {
		c.acc.React = Diligent(time.Duration(f.People) * time.Hour)
	}
	until, err := c.until()
	return c.acc, until, err
}

type compiler struct {
	file    File
	env     Environment
	account string
	zone    *time.Location
	acc     Account
	replies []scripted
	last    time.Time
}

type scripted struct {
	from          time.Time
	step, channel string
	times         int
	reply         Reply
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (c *compiler) zones() error {
	names := append(slices.Clone(c.file.Debtor.Zones), orElse(c.file.Creditor.Zone, "UTC"))
	for i, n := range names {
		z := c.env.Setup.Zone(n)
		if z == nil {
			return fmt.Errorf("facts file: %q is not an IANA time zone", n)
		}
		if i == 0 {
			c.zone = z
		}
	}
	return nil
}

func (c *compiler) setup() dunning.Setup {
	s, cr := c.env.Setup, c.file.Creditor
	s.Creditor = dunning.Creditor{
		ID: orElse(cr.ID, "creditor"), Role: orElse(cr.Role, "first_party"), Zone: orElse(cr.Zone, "UTC"), Holidays: cr.Holidays,
		Stale: cr.Stale, Ambiguity: cr.Ambiguity, Queues: dunning.Queues{Supervisor: "supervisors", Operations: "operations"},
	}
	s.Debtor, s.Account, s.Currency, s.Sequence = orElse(c.file.Debtor.ID, "debtor"), c.account, c.file.Currency, c.env.Sequence
	return s
}

// begin adds what is known from the start.
func (c *compiler) begin() {
	first := time.Time{}
	for _, x := range c.acc.Facts {
		if first.IsZero() || x.At.Before(first) {
			first = x.At
		}
	}
	d := c.file.Debtor
	facts := []dunning.Fact{{At: first, Body: dunning.DebtorKnown{DebtorKind: d.Kind, Zones: d.Zones, Country: d.Country, Places: d.Places, Locale: d.Locale, Holidays: d.Holidays, Tags: d.Tags}}}
	points := c.file.Points
	if points == nil {
		points = []FilePoint{{ID: "email", Channel: "email"}, {ID: "sms", Channel: "sms", Kind: "mobile"}, {ID: "letter", Channel: "letter"}}
	}
	for _, p := range points {
		facts = append(facts, dunning.Fact{At: first, Body: dunning.PointKnown{ID: p.ID, Channel: dunning.Channel(p.Channel), PointKind: p.Kind}})
	}
	c.acc.Facts = append(facts, c.acc.Facts...)
	if len(c.replies) > 0 {
		c.acc.Reply = c.reply
	}
}

func (c *compiler) until() (time.Time, error) {
	if c.file.Until == "" {
		return c.last.AddDate(1, 0, 0), nil
	}
	return c.instant(c.file.Until)
}

var layouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"}

func (c *compiler) instant(v any) (time.Time, error) {
	s, _ := v.(string)
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, c.zone); err == nil {
			if l == "2006-01-02" {
				return dunning.StartOfDay(dunning.DateOf(t), c.zone), nil
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q is not an instant; write RFC 3339, "2006-01-02 15:04" or "2006-01-02"`, s)
}

// when is the instant of an entry. Money that has a date but no time posts at
// 12:00 in the creditor's zone.
func (c *compiler) when(x map[string]any) (time.Time, error) {
	at, err := c.instant(x["at"])
	if s, _ := x["at"].(string); err != nil || len(s) != len("2006-01-02") {
		return at, err
	}
	switch fmt.Sprintf("%v%v", x["kind"], x["do"]) {
	case "payment<nil>", "payment_reversed<nil>", "<nil>record_payment", "<nil>reverse_payment":
		z := c.zone
		if name := c.file.Creditor.Zone; name != "" {
			z = c.env.Setup.Zone(name)
		}
		d := dunning.DateOf(at)
		return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, z), nil
	}
	return at, nil
}

// fact compiles one entry of the list.
func (c *compiler) fact(x map[string]any) error {
	at, err := c.when(x)
	if err != nil {
		return fmt.Errorf("at: %w", err)
	}
	if at.After(c.last) {
		c.last = at
	}
	x = c.normal(x)
	switch {
	case x["kind"] != nil:
		return c.plain(x, at)
	case x["do"] != nil:
		return c.command(x, at)
	case x["reply"] != nil:
		return c.script(x, at)
	case x["outage"] != nil:
		until, err := c.instant(x["outage"])
		c.acc.Outages = append(c.acc.Outages, Interval{at, until})
		return err
	}
	return fmt.Errorf(`needs "kind" (a fact), "do" (a command), "reply" or "outage"`)
}

// instants are the members that hold instants beside "at".
var instants = []string{"until", "retry_at", "deadline", "received", "happened", "sent", "recorded", "since", "written_to", "when"}

// normal rewrites shorthand: plain decimals become amounts, local times RFC 3339.
func (c *compiler) normal(x map[string]any) map[string]any {
	out := make(map[string]any, len(x))
	for k, v := range x {
		switch {
		case k == "amount" && isPlain(v):
			v = map[string]any{"amount": fmt.Sprint(v), "currency": c.file.Currency}
		case slices.Contains(instants, k):
			if t, err := c.instant(v); err == nil {
				v = t.Format(time.RFC3339Nano)
			}
		case k == "instalments":
			v = c.normalList(v)
		}
		out[k] = v
	}
	return out
}

func (c *compiler) normalList(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = e
		if m, ok := e.(map[string]any); ok {
			out[i] = c.normal(m)
		}
	}
	return out
}

func isPlain(v any) bool {
	switch v.(type) {
	case string, json.Number, float64, int:
		return true
	}
	return false
}

// outside are the kinds of fact that happen to a case from outside. The others
// are made by deciding and may not be given.
var outside = map[dunning.Kind]bool{
	"item": true, "item_corrected": true, "payment": true, "payment_reversed": true, "items_disposed": true,
	"hold_placed": true, "hold_lifted": true, "hold_extended": true, "dispute_raised": true, "dispute_resolved": true,
	"promise_made": true, "plan_agreed": true, "lease_taken": true, "lease_ended": true, "task_ended": true,
	"contact_logged": true, "contact_moved": true, "debtor_known": true, "point_known": true, "point_dead": true,
	"opted_out": true, "opted_in": true, "consented": true, "times_inconvenient": true, "notice_sent": true,
	"note_written": true, "note_pinned": true, "note_unpinned": true, "mention_seen": true, "callback_set": true, "callback_moved": true,
	"callback_ended": true, "settlement_offered": true, "settlement_answered": true, "settlement_ended": true, "message_asked": true, "feed_seen": true, "steps_waived": true, "round_begun": true,
	"debt_known": true, "person_known": true, "location_known": true, "status_known": true, "wish_stated": true, "wish_withdrawn": true,
	"consent_revoked": true, "notice_received": true, "notice_changed": true, "number_checked": true,
}

// debtorWide are the kinds that concern the debtor, not one account.
var debtorWide = []dunning.Kind{
	"debtor_known", "point_known", "point_dead", "opted_out", "opted_in", "consented", "consent_revoked", "times_inconvenient", "wish_stated",
	"wish_withdrawn", "notice_sent", "notice_received", "notice_changed", "number_checked", "person_known", "location_known", "status_known", "feed_seen",
}

func (c *compiler) plain(x map[string]any, at time.Time) error {
	kind := dunning.Kind(fmt.Sprint(x["kind"]))
	if !outside[kind] {
		return fmt.Errorf("%q is not a kind of fact that comes from outside; see docs/schemas/facts-v1.json", kind)
	}
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	body, err := dunning.DecodeBody(kind, b)
	if err != nil {
		return err
	}
	f := dunning.Fact{At: at, Account: c.account, By: "file", Body: body}
	if slices.Contains(debtorWide, kind) {
		f.Account = ""
	}
	if h, ok := body.(dunning.HoldPlaced); ok && h.Scope == dunning.ScopeDebtor {
		f.Account = ""
	}
	c.acc.Facts = append(c.acc.Facts, f)
	return nil
}

func (c *compiler) script(x map[string]any, at time.Time) error {
	s := scripted{from: at, times: 1 << 30, reply: Reply{State: dunning.ContactState(fmt.Sprint(x["reply"]))}}
	s.step, _ = x["step"].(string)
	s.channel, _ = x["channel"].(string)
	if class, ok := x["class"].(string); ok {
		s.reply.Class = dunning.FailureClass(class)
	}
	s.reply.Permanent, _ = x["permanent"].(bool)
	if n, err := number(x["times"]); err == nil {
		s.times = n
	}
	if n, err := number(x["retry_minutes"]); err == nil {
		s.reply.RetryIn = time.Duration(n) * time.Minute
	}
	if n, err := number(x["deadline_hours"]); err == nil {
		s.reply.Deadline = time.Duration(n) * time.Hour
	}
	switch s.reply.State {
	case dunning.ContactAccepted, dunning.ContactFailed, dunning.ContactUnknown:
		c.replies = append(c.replies, s)
		return nil
	}
	return fmt.Errorf("reply must be accepted, failed or unknown")
}

func number(v any) (int, error) {
	var n int
	_, err := fmt.Sscan(fmt.Sprint(v), &n)
	return n, err
}

// reply is the newest script that fits a contact.
func (c *compiler) reply(p dunning.ContactPlanned, at time.Time) Reply {
	for i := len(c.replies) - 1; i >= 0; i-- {
		s := &c.replies[i]
		if s.from.After(at) || s.times == 0 || s.step != "" && s.step != p.Step || s.channel != "" && s.channel != string(p.Channel) {
			continue
		}
		s.times--
		return s.reply
	}
	return Reply{State: dunning.ContactAccepted}
}

func (c *compiler) command(x map[string]any, at time.Time) error {
	name := fmt.Sprint(x["do"])
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	cmd, err := dunning.DecodeCommand(name, b)
	if err != nil {
		return err
	}
	by := "user:file"
	if s, ok := x["by"].(string); ok {
		by = s
	}
	c.acc.Commands = append(c.acc.Commands, Command{At: at, By: by, Command: cmd})
	return nil
}

// CommandNames lists the commands that a file may give.
func CommandNames() string { return strings.Join(dunning.CommandNames(), ", ") }
