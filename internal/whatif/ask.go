package whatif

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/read"
)

// Bounds of one question: nobody can make the console burn.
const (
	MaxAccounts = 500 // of a cohort; above, a sample that is the same every time
	maxWalk     = 10_000
	MaxYears    = 5
	maxItems    = 20
	maxAssumed  = 12
	maxText     = 80
)

// Ask is a question: exactly one of Case, Invented and Cohort.
type Ask struct {
	Case     string            `json:"case,omitempty" jsonschema_description:"id of a real case"`
	Invented *Invented         `json:"invented,omitempty"`
	Cohort   map[string]string `json:"cohort,omitempty" jsonschema_description:"a filter of the list of cases, by the names of its address: status, creditor, sequence, step, waits, queue, owner, mindays, maxdays, min, currency, nextbefore"`
	// Config and Against are versions of releases; "" is the one in force, and for Against: no comparison.
	Config  string `json:"config,omitempty" jsonschema_description:"version of a release, or id of a proposal; left out: the one in force"`
	Against string `json:"against,omitempty" jsonschema_description:"version of another release, or id of a proposal, to compare with; \"in-force\" for the one in force"`
	// Sequence is followed instead of the case's own, or of the one that the configuration chooses.
	Sequence string       `json:"sequence,omitempty"`
	Assume   []Assumption `json:"assume,omitempty"`
	// People end every task so many hours after it was opened; 0: nobody does anything.
	People int    `json:"people_after_hours,omitempty" jsonschema:"minimum=0,maximum=8760"`
	From   string `json:"from,omitempty" jsonschema_description:"a day or an instant; left out: now. A real case is taken as it was known then"`
	Until  string `json:"until,omitempty" jsonschema_description:"a day or an instant, at most five years on; left out: half a year"`
}

// InForce as Ask.Against names the release in force.
const InForce = "in-force"

// Invented is an account that does not exist.
type Invented struct {
	Creditor string   `json:"creditor"`
	Kind     string   `json:"kind,omitempty" jsonschema:"enum=consumer,enum=business" jsonschema_description:"default: consumer"`
	Currency string   `json:"currency,omitempty" jsonschema_description:"default: the creditor's"`
	Items    []Owed   `json:"items" jsonschema:"minItems=1,maxItems=20"`
	Zone     string   `json:"zone,omitempty" jsonschema_description:"IANA; default: the creditor's"`
	Place    string   `json:"place,omitempty" jsonschema_description:"jurisdiction, such as US-NY or DE"`
	Channels []string `json:"channels,omitempty" jsonschema_description:"email, sms, letter, call; default: all"`
	Consents []string `json:"consents,omitempty" jsonschema_description:"channels with written consent"`
	Locale   string   `json:"locale,omitempty" jsonschema_description:"language, such as en or de"`
}

// Owed is an invoice of an invented account.
type Owed struct {
	Amount string `json:"amount" jsonschema_description:"decimal digits"`
	Due    string `json:"due" jsonschema_description:"a day"`
}

// Assumption is something that the debtor, or a collector, does.
type Assumption struct {
	Do      string `json:"do" jsonschema:"enum=pays,enum=stop,enum=promises,enum=plan,enum=disputes,enum=hold,enum=bounces"`
	On      string `json:"on" jsonschema_description:"a day (at noon, the debtor's time) or an instant"`
	Amount  string `json:"amount,omitempty" jsonschema_description:"pays, promises; left out: all that is open"`
	Until   string `json:"until,omitempty" jsonschema_description:"a day: due date of the promise, first instalment of the plan, end of the hold"`
	Channel string `json:"channel,omitempty" jsonschema_description:"stop: what is refused (default sms); bounces: which channel (default email)"`
}

// Assumptions are what may be assumed, in the order of the form.
func Assumptions() []string {
	return []string{"pays", "promises", "plan", "stop", "disputes", "bounces", "hold"}
}

// Faults say what is wrong with a question, by the name of its part.
type Faults map[string]string

// Error lists the faults in the order of their names.
func (f Faults) Error() string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(f)) {
		out = append(out, f[k])
	}
	return strings.Join(out, " ")
}

// Unwrap makes it the caller's to mend.
func (f Faults) Unwrap() error { return dunning.ErrInvalid }

func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// ErrBusy is returned when as many simulations run as may.
var ErrBusy = fmt.Errorf("other simulations are running: try again in a moment: %w", dunning.ErrConflict)

// ErrTooLong is returned when a simulation did not come to its end in time.
var ErrTooLong = fmt.Errorf("this simulation takes too long: ask for fewer accounts or a shorter time: %w", dunning.ErrConflict)

// release is how versions of releases look.
var release = regexp.MustCompile("^[0-9a-zA-Z._-]{1,80}$")

// check finds what can be said without looking anything up.
func (a Ask) check() error {
	f := Faults{}
	n := 0
	for _, given := range []bool{a.Case != "", a.Invented != nil, a.Cohort != nil} {
		if given {
			n++
		}
	}
	if n != 1 {
		f["who"] = "Who: name a case, an invented account or a cohort, one of the three."
	}
	for name, text := range map[string]string{"config": a.Config, "against": a.Against, "sequence": a.Sequence, "from": a.From, "until": a.Until} {
		if len(text) > maxText {
			f[name] = "The part " + name + " is too long."
		}
	}
	for name, version := range map[string]string{"config": a.Config, "against": a.Against} {
		if version != "" && version != InForce && !release.MatchString(version) {
			f[name] = "Configuration: there is no release of that version."
		}
	}
	if len(a.Assume) > maxAssumed {
		f["assume"] = fmt.Sprintf("At most %d assumptions.", maxAssumed)
	}
	for i, x := range a.Assume {
		if !slices.Contains(Assumptions(), x.Do) {
			f[fmt.Sprint("do", i+1)] = fmt.Sprintf("Assumption %d: it is one of %s.", i+1, strings.Join(Assumptions(), ", "))
		}
	}
	if a.People < 0 || a.People > 8760 {
		f["people"] = "People: they end their tasks after 1 to 8760 hours; 0: nobody does anything."
	}
	if a.Invented != nil {
		a.Invented.check(f)
	}
	return f.err()
}

func (v *Invented) check(f Faults) {
	if len(v.Items) == 0 || len(v.Items) > maxItems {
		f["amount"] = fmt.Sprintf("An invented account owes 1 to %d invoices.", maxItems)
	}
	if v.Kind != "" && v.Kind != "consumer" && v.Kind != "business" {
		f["kind"] = "Kind: consumer or business."
	}
	for name, list := range map[string][]string{"channels": v.Channels, "consents": v.Consents} {
		for _, c := range list {
			if !slices.Contains([]string{"email", "sms", "letter", "call"}, c) {
				f[name] = "Channels are email, sms, letter and call."
			}
		}
	}
	for name, text := range map[string]string{"zone": v.Zone, "place": v.Place, "locale": v.Locale} {
		if len(text) > maxText {
			f[name] = "The part " + name + " is too long."
		}
	}
}

// instant reads a day, which begins in zone (or is noon there), or an RFC 3339 instant.
func instant(text string, zone *time.Location, noon bool) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, sane(t)
	}
	d, err := dunning.ParseDate(text)
	if err != nil {
		return time.Time{}, errors.New("write a day as YYYY-MM-DD, or an instant such as 2026-03-02T09:00:00-05:00")
	}
	t := dunning.StartOfDay(d, zone)
	if noon {
		t = time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, zone)
	}
	return t, sane(t)
}

// sane refuses years in which no calendar of ours holds.
func sane(t time.Time) error {
	if t.Year() < 1990 || t.Year() > 2200 {
		return errors.New("the year must be between 1990 and 2200")
	}
	return nil
}

// span is when the simulation begins and ends.
func (a Ask) span(zone *time.Location, now time.Time) (from, until time.Time, err error) {
	f := Faults{}
	if from = now.Truncate(time.Second); a.From != "" {
		if from, err = instant(a.From, zone, false); err != nil {
			f["from"] = "From: " + err.Error() + "."
		}
	}
	if until = from.AddDate(0, 6, 0); a.Until != "" {
		if until, err = instant(a.Until, zone, false); err != nil {
			f["until"] = "Until: " + err.Error() + "."
		}
	}
	switch {
	case len(f) > 0:
	case !until.After(from):
		f["until"] = "Until: it must come after the beginning."
	case until.After(from.AddDate(MaxYears, 0, 1)):
		f["until"] = fmt.Sprintf("Until: at most %d years on.", MaxYears)
	}
	return from, until, f.err()
}

// amount reads an amount in a currency.
func amount(text, currency string) (money.Amount, error) {
	a, err := money.Parse(strings.TrimSpace(text), currency)
	if err == nil && a.Minor() <= 0 {
		err = errors.New("it must be above zero")
	}
	return a, err
}

// Sample says how many of a cohort were lived through. Of counts at most the first ten
// thousand.
type Sample struct {
	Taken int  `json:"taken"`
	Of    int  `json:"of"`
	All   bool `json:"all"` // no account was left out
}

// Filter reads the names of a cohort.
type Filter func(names map[string]string, now time.Time) (read.CaseFilter, map[string]string)
