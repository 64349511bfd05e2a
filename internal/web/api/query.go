package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/duly/duly/internal/web"
)

// checkPlace refuses addresses that no database text can hold.
func checkPlace(c *Call) error {
	for _, name := range c.op.params() {
		if v := c.R.PathValue(name); v == "" || len(v) > 300 || !plainText(v) {
			return web.NotFound("What this address names")
		}
	}
	return nil
}

func plainText(v string) bool { return utf8.ValidString(v) && !strings.ContainsRune(v, 0) }

// maxQuery bounds one value of a query.
const maxQuery = 2000

// checkQuery holds the query against what the operation knows; all faults are listed.
func checkQuery(op Operation, r *http.Request) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fail(http.StatusBadRequest, "unreadable", "The query cannot be read", "It is not encoded as a query of a URL.")
	}
	var faults []Fault
	known := make([]string, len(op.Query))
	for i, p := range op.Query {
		known[i] = p.Name
	}
	for name := range q {
		i := slices.Index(known, name)
		if i < 0 {
			faults = append(faults, Fault{Detail: "There is a parameter that this operation does not know" + meant(name, known) + "."})
			continue
		}
		faults = append(faults, op.Query[i].check(q[name])...)
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Parameter+a.Detail, b.Parameter+b.Detail) })
	if len(faults) > 0 {
		return invalid(slices.Compact(faults)...)
	}
	return nil
}

// check is what is wrong with a parameter's values.
func (p Param) check(values []string) []Fault {
	if len(values) > 1 && !p.Many {
		return []Fault{{Parameter: p.Name, Detail: "may be given once"}}
	}
	if len(values) > 100 {
		return []Fault{{Parameter: p.Name, Detail: "may be given 100 times"}}
	}
	for _, v := range values {
		if want := p.wrong(v); want != "" {
			return []Fault{{Parameter: p.Name, Detail: "must be " + want}}
		}
	}
	return nil
}

// wrong says what a value should be; "" when it is fine. An empty value is as if the
// parameter were not there.
func (p Param) wrong(v string) string {
	switch {
	case v == "":
		return ""
	case len(v) > maxQuery:
		return fmt.Sprintf("up to %d characters", maxQuery)
	case !plainText(v):
		return "text in UTF-8 without U+0000"
	case len(p.Enum) > 0 && !slices.Contains(p.Enum, v):
		return "one of " + strings.Join(p.Enum, ", ")
	}
	var err error
	switch p.Type {
	case "integer":
		var n int
		if n, err = strconv.Atoi(v); err != nil || n < 0 || strconv.Itoa(n) != v || n > 1<<31-1 {
			return "a whole number"
		}
	case "boolean":
		if v != "true" && v != "false" {
			return "true or false"
		}
	case "date":
		if _, err = time.Parse(time.DateOnly, v); err != nil {
			return "a day such as 2026-03-02"
		}
	case "date-time":
		if t, err := time.Parse(time.RFC3339, v); err != nil || t.Year() < 1900 || t.Year() > 9000 {
			return "an instant such as 2026-03-02T09:00:00Z"
		}
	}
	return ""
}

// meant is "; did you mean …?" for a name that is nearly a known one, and else the known
// names. What was sent is not repeated.
func meant(name string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := apart(strings.ToLower(name), k); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %s?", best)
	case len(known) == 0:
		return "; it knows none"
	}
	return "; known are " + strings.Join(known, ", ")
}

// apart is the edit distance of two names (insert, delete, replace), up to what matters.
func apart(a, b string) int {
	if len(a) > 60 || len(b) > 60 {
		return 60
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
