package simulator

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/whatif"
)

// Whose future it is.
const (
	whoCase     = "case"
	whoInvented = "invented"
	whoCohort   = "cohort"
)

// rows of assumptions that the form shows at least and at most.
const (
	minRows = 2
	maxRows = 8
)

// form is the question as the address has it.
type form struct {
	Who  string
	q    url.Values
	Rows []assumption
	// Ready: the address says enough to be answered.
	Ready bool
}

// assumption is one row of the form.
type assumption struct {
	N int
	whatif.Assumption
}

// formOf reads the form out of an address.
func formOf(q url.Values) form {
	f := form{Who: q.Get("who"), q: q}
	switch {
	case f.Who == "" && q.Get("case") != "":
		f.Who = whoCase
	case !slices.Contains([]string{whoCase, whoCohort}, f.Who):
		f.Who = whoInvented
	}
	for n := 1; n <= maxRows; n++ {
		a := assumption{n, whatif.Assumption{
			Do: f.numbered("do", n), On: f.numbered("on", n), Amount: f.numbered("sum", n), Until: f.numbered("to", n), Channel: f.numbered("by", n),
		}}
		if a.Do != "" || n <= minRows || f.Rows[n-2].Do != "" {
			f.Rows = append(f.Rows, a)
			continue
		}
		break
	}
	f.Ready = map[string]bool{whoCase: q.Get("case") != "", whoInvented: q.Get("amount") != "", whoCohort: q.Get("run") != ""}[f.Who]
	return f
}

// Value is a field of the form.
func (f form) Value(name, otherwise string) string {
	return cmp.Or(strings.TrimSpace(f.q.Get(name)), otherwise)
}

func (f form) numbered(name string, n int) string {
	return strings.TrimSpace(f.q.Get(fmt.Sprint(name, n)))
}

// People is the chosen number of hours; a form that was not asked yet proposes a day.
func (f form) People() string {
	if f.Ready {
		return f.Value("people", "0")
	}
	return f.Value("people", "24")
}

// Moment is the kind of input that shows a beginning: an instant is text.
func (f form) Moment(name string) string {
	if len(f.Value(name, "")) > len(time.DateOnly) {
		return "text"
	}
	return "date"
}

// Has reports whether a box is ticked. Without any of the name all are.
func (f form) Has(name, value string) bool {
	all, given := f.q[name]
	return slices.Contains(all, value) || !given && name == "channel"
}

// cohort are the parts of the filter of the list of cases: "c." and their name there.
func (f form) cohort() map[string]string {
	out := map[string]string{}
	for name, v := range f.q {
		if key, ok := strings.CutPrefix(name, "c."); ok && len(v) > 0 && v[0] != "" && len(v[0]) <= 200 {
			out[key] = v[0]
		}
	}
	return out
}

// Kept are the parts of the cohort's filter that have no field in the form.
func (f form) Kept() map[string]string {
	out := f.cohort()
	for _, name := range []string{"creditor", "sequence", "step", "waits", "status"} {
		delete(out, name)
	}
	return out
}

// CasesLink leads to the same accounts in the list of cases.
func (f form) CasesLink() string {
	q := url.Values{}
	for k, v := range f.cohort() {
		q.Set(k, v)
	}
	return "/cases?" + q.Encode()
}

// ask is the question itself.
func (f form) ask() whatif.Ask {
	a := whatif.Ask{
		Config: f.Value("config", ""), Against: f.Value("against", ""), Sequence: f.Value("sequence", ""), From: f.Value("from", ""), Until: f.Value("until", ""),
	}
	for _, r := range f.Rows {
		if r.Do != "" {
			a.Assume = append(a.Assume, r.Assumption)
		}
	}
	a.People, _ = strconv.Atoi(f.Value("people", "0"))
	switch f.Who {
	case whoCase:
		a.Case = f.Value("case", "")
	case whoCohort:
		a.Cohort = f.cohort()
	default:
		a.Invented = f.invented()
	}
	return a
}

func (f form) invented() *whatif.Invented {
	v := &whatif.Invented{
		Creditor: f.Value("creditor", ""), Kind: f.Value("kind", ""), Currency: strings.ToUpper(f.Value("currency", "")), Zone: f.Value("zone", ""),
		Place: strings.ToUpper(f.Value("place", "")), Channels: f.q["channel"], Consents: f.q["consent"], Locale: f.Value("locale", ""),
		Items: []whatif.Owed{{Amount: f.Value("amount", ""), Due: f.Value("due", "")}},
	}
	if second := f.Value("amount2", ""); second != "" {
		v.Items = append(v.Items, whatif.Owed{Amount: second, Due: f.Value("due2", f.Value("due", ""))})
	}
	return v
}

// day writes an instant as the day it is in a zone.
func day(t time.Time, zone *time.Location) string { return t.In(zone).Format(time.DateOnly) }
