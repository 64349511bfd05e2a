package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// query reads the part of PromQL that alerts and dashboards use, and checks it against the
// catalogue: names, labels of selectors and groupings, and what functions take.
type query struct {
	defs   map[string]Def
	tokens []string
	at     int
}

// sort of an expression's value.
type sort string

const (
	scalar  sort = "scalar"
	instant sort = "instant vector"
	ranged  sort = "range vector"
)

var tokenOf = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[0-9]+(?:\.[0-9]+)?(?:ms|[smhdwy])?` +
	`|[a-zA-Z_:][a-zA-Z0-9_:]*|==|!=|>=|<=|=~|!~|[-+*/%^<>=(){}\[\],])`)

// check reads an expression; every fault is an error.
func check(defs map[string]Def, text string) (err error) {
	q := &query{defs: defs}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		tok := tokenOf.FindString(rest)
		if tok == "" {
			return fmt.Errorf("unreadable at %q", rest)
		}
		q.tokens, rest = append(q.tokens, tok), rest[len(tok):]
	}
	defer func() {
		if f, ok := recover().(fault); ok {
			err = fmt.Errorf("%s (before token %d of %q)", string(f), q.at, text)
		}
	}()
	if s := q.binary(0); s == ranged {
		q.fail("a %s is no result", s)
	}
	if q.at < len(q.tokens) {
		q.fail("%q is left over", q.tokens[q.at])
	}
	return nil
}

type fault string

func (q *query) fail(format string, args ...any) { panic(fault(fmt.Sprintf(format, args...))) }

func (q *query) peek() string {
	if q.at < len(q.tokens) {
		return q.tokens[q.at]
	}
	return ""
}

func (q *query) next() string {
	tok := q.peek()
	q.at++
	return tok
}

func (q *query) take(tok string) bool {
	if q.peek() == tok {
		q.at++
		return true
	}
	return false
}

func (q *query) want(tok string) {
	if got := q.next(); got != tok {
		q.fail("%q where %q belongs", got, tok)
	}
}

var strength = map[string]int{
	"or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, ">": 3, "<": 3, ">=": 3, "<=": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "^": 6,
}

func (q *query) binary(least int) sort {
	left := q.operand()
	for {
		op := q.peek()
		power := strength[op]
		if power == 0 || power <= least {
			return left
		}
		q.next()
		if q.take("on") || q.take("ignoring") {
			q.labels()
		}
		right := q.binary(power)
		if left == ranged || right == ranged {
			q.fail("%s of a range vector", op)
		}
		if power <= 2 && (left == scalar || right == scalar) {
			q.fail("%s of a scalar", op)
		}
		if right == instant {
			left = instant
		}
	}
}

// labels are (a, b).
func (q *query) labels() (out []string) {
	q.want("(")
	for !q.take(")") {
		out = append(out, q.next())
		if q.peek() != ")" {
			q.want(",")
		}
	}
	return out
}

var (
	aggregations = []string{"sum", "max", "min", "avg", "count", "topk"}
	// functions, with what they take.
	functions = map[string][]sort{
		"rate": {ranged}, "increase": {ranged}, "changes": {ranged}, "max_over_time": {ranged}, "histogram_quantile": {scalar, instant},
		"absent": {instant}, "time": {}, "clamp_min": {instant, scalar},
	}
)

func (q *query) operand() sort {
	tok := q.next()
	switch {
	case tok == "(":
		s := q.binary(0)
		q.want(")")
		return s
	case tok == "-":
		return q.operand()
	case tok == "":
		q.fail("it ends where a value belongs")
	case tok[0] >= '0' && tok[0] <= '9':
		return scalar
	case slices.Contains(aggregations, tok):
		return q.aggregate(tok)
	case q.peek() == "(":
		return q.call(tok)
	}
	return q.selector(tok)
}

// aggregate reads sum by (a) (…). What is grouped by must be a label of what is inside.
func (q *query) aggregate(name string) sort {
	var by []string
	if q.take("by") || q.take("without") {
		by = q.labels()
	}
	begin := q.at
	q.want("(")
	if name == "topk" {
		if q.binary(0) != scalar {
			q.fail("topk of no number")
		}
		q.want(",")
	}
	if s := q.binary(0); s != instant {
		q.fail("%s of a %s", name, s)
	}
	q.want(")")
	for _, label := range by {
		if !q.has(q.tokens[begin:q.at], label) {
			q.fail("nothing inside has the label %q", label)
		}
	}
	return instant
}

// has reports whether a metric among the tokens has a label.
func (q *query) has(tokens []string, label string) bool {
	return slices.ContainsFunc(tokens, func(tok string) bool {
		labels, ok := q.labelsOf(tok)
		return ok && slices.Contains(labels, label)
	})
}

func (q *query) call(name string) sort {
	takes, ok := functions[name]
	if !ok {
		q.fail("no function %q", name)
	}
	q.want("(")
	for i, want := range takes {
		if i > 0 {
			q.want(",")
		}
		begin := q.at
		if got := q.binary(0); got != want {
			q.fail("%s takes a %s, not a %s", name, want, got)
		}
		inside := q.tokens[begin:q.at]
		switch name {
		case "rate", "increase":
			q.counts(name, inside[0])
		case "histogram_quantile":
			if want == instant && (!q.has(inside, "le") || slices.Contains(inside, "by") && !slices.Contains(inside, "le")) {
				q.fail("histogram_quantile of what has no le")
			}
		}
	}
	q.want(")")
	if name == "time" {
		return scalar
	}
	return instant
}

// counts refuses the rate of what goes up and down.
func (q *query) counts(function, name string) {
	d, part := q.metric(name)
	if d.Kind == Gauge || d.Kind == Histogram && part == "" {
		q.fail("%s of %s, which is a %s", function, name, d.Kind)
	}
}

// metric finds the definition of a name, and which part of a histogram it is.
func (q *query) metric(name string) (Def, string) {
	if d, ok := q.defs[name]; ok {
		return d, ""
	}
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		base, ok := strings.CutSuffix(name, part)
		if d := q.defs[base]; ok && d.Kind == Histogram {
			return d, part
		}
	}
	return Def{}, ""
}

// labelsOf a metric, with those that Prometheus adds; false: there is no such metric.
func (q *query) labelsOf(name string) ([]string, bool) {
	d, part := q.metric(name)
	if d.Name == "" && name != "up" {
		return nil, false
	}
	out := append(slices.Clone(d.Labels), "job", "instance")
	if part == "_bucket" {
		out = append(out, "le")
	}
	return out, true
}

// selector reads name{a="b"}[5m].
func (q *query) selector(name string) sort {
	labels, ok := q.labelsOf(name)
	if d, part := q.metric(name); !ok || d.Kind == Histogram && part == "" {
		q.fail("there is no metric %q", name)
	}
	if q.take("{") {
		for !q.take("}") {
			label := q.next()
			if !slices.Contains(labels, label) {
				q.fail("%s has no label %q, only %v", name, label, labels)
			}
			if op := q.next(); !slices.Contains([]string{"=", "!=", "=~", "!~"}, op) {
				q.fail("%q is no way to match a label", op)
			}
			if v := q.next(); v == "" || v[0] != '"' {
				q.fail("%q is no value of a label", v)
			}
			if q.peek() != "}" {
				q.want(",")
			}
		}
	}
	if !q.take("[") {
		return instant
	}
	if span := q.next(); !regexp.MustCompile(`^[0-9]+(ms|[smhdwy])$`).MatchString(span) {
		q.fail("%q is no span of time", span)
	}
	q.want("]")
	return ranged
}

func catalogue() map[string]Def {
	out := map[string]Def{}
	for _, d := range Catalogue() {
		out[d.Name] = d
	}
	return out
}

func TestTheReaderOfQueriesFindsFaults(t *testing.T) {
	for _, c := range []struct{ why, query, fault string }{
		{"a whole one", `sum by (verb) (rate(duly_activities_total{outcome!="ok"}[5m])) > 0.5 and max(duly_cases_due) > 3`, ""},
		{"a histogram", `histogram_quantile(0.95, sum by (le, channel) (rate(duly_provider_call_seconds_bucket[5m])))`, ""},
		{"a function without arguments", `time() - max(duly_schedule_last_start_timestamp_seconds) > 60`, ""},
		{"a metric that does not exist", `duly_casess_due`, "no metric"},
		{"a histogram is no series", `duly_activity_seconds`, "no metric"},
		{"a bucket of a counter", `rate(duly_activities_total_bucket[5m])`, "no metric"},
		{"a label that the metric has not", `duly_channel_breaker_open{chanel="sms"}`, "no label"},
		{"a grouping that is not there", `sum by (rule) (rate(duly_activities_total[5m]))`, `no`},
		{"a rate of a gauge", `rate(duly_cases_due[5m])`, "which is a gauge"},
		{"a rate of an instant", `rate(duly_activities_total)`, "takes a range vector"},
		{"a range without a function", `duly_activities_total[5m]`, "is no result"},
		{"a sum of a range", `sum(duly_activities_total[5m])`, "sum of a range"},
		{"a quantile without le", `histogram_quantile(0.5, sum by (channel) (rate(duly_provider_call_seconds_bucket[5m])))`, "no le"},
		{"an open parenthesis", `max(duly_cases_due`, "where"},
		{"too much", `max(duly_cases_due) )`, "left over"},
		{"no function", `rates(duly_activities_total[5m])`, "no function"},
		{"no span", `rate(duly_activities_total[5])`, "no span"},
		{"no text", `duly_cases_due ; drop`, "unreadable"},
		{"nothing", ``, "ends"},
	} {
		err := check(catalogue(), c.query)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %s: %v, want %q", c.why, c.query, err, c.fault)
		}
	}
}
