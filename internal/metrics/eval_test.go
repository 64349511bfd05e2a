package metrics

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// series is one series at one instant.
type series struct {
	labels map[string]string
	value  float64
}

// vector is the value of an expression. A scalar is one without labels of which scalar is true.
type vector struct {
	scalar bool
	all    []series
}

// evaluator works out what an expression comes to at an instant: the part of PromQL that alerts use
// which look at what is now, and at no span of time (that would need samples of many instants).
type evaluator struct {
	query
	now    float64
	series map[string][]series
}

// errSpan: the expression looks at a span of time.
const errSpan = fault("it looks at a span of time")

// evaluate works an expression out over lines as /metrics has them.
func evaluate(text, lines string, now float64) (v vector, err error) {
	e := &evaluator{now: now, series: map[string][]series{}}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		tok := tokenOf.FindString(rest)
		e.tokens, rest = append(e.tokens, tok), rest[len(tok):]
	}
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" {
			e.sample(line)
		}
	}
	defer func() {
		if f, ok := recover().(fault); ok {
			err = fmt.Errorf("%s", string(f))
		}
	}()
	return e.expression(0), nil
}

var lineOf = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? (\S+)$`)

func (e *evaluator) sample(line string) {
	m := lineOf.FindStringSubmatch(line)
	v, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		panic(err)
	}
	s := series{labels: map[string]string{}, value: v}
	for _, pair := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		s.labels[name] = strings.Trim(value, `"`)
	}
	e.series[m[1]] = append(e.series[m[1]], s)
}

func (e *evaluator) expression(least int) vector {
	left := e.value()
	for {
		op := e.peek()
		power := strength[op]
		if power == 0 || power <= least {
			return left
		}
		e.next()
		left = e.apply(op, left, e.expression(power))
	}
}

// apply joins two values. Series of both sides belong together when their labels are equal. No
// alert compares a scalar on the left, where Prometheus would keep the other value.
func (e *evaluator) apply(op string, left, right vector) vector {
	out := vector{scalar: left.scalar && right.scalar}
	if op == "or" {
		out.all = slices.Clone(left.all)
		for _, r := range right.all {
			if partner(left, r) < 0 {
				out.all = append(out.all, r)
			}
		}
		return out
	}
	if left.scalar && !right.scalar {
		for _, r := range right.all {
			if v, keep := calculate(op, left.all[0].value, r.value); keep {
				out.all = append(out.all, series{r.labels, v})
			}
		}
		return out
	}
	for _, l := range left.all {
		i := 0
		if !right.scalar {
			i = partner(right, l)
		}
		if i < 0 {
			continue
		}
		if v, keep := calculate(op, l.value, right.all[i].value); keep {
			out.all = append(out.all, series{l.labels, v})
		}
	}
	return out
}

func partner(v vector, s series) int {
	return slices.IndexFunc(v.all, func(x series) bool { return fmt.Sprint(x.labels) == fmt.Sprint(s.labels) })
}

// calculate is a number, or whether a series stays.
func calculate(op string, a, b float64) (v float64, keep bool) {
	switch op {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "/":
		return a / b, true
	case ">":
		return a, a > b
	case "<":
		return a, a < b
	case ">=":
		return a, a >= b
	case "<=":
		return a, a <= b
	case "==":
		return a, a == b //nolint:floatcompare // as Prometheus does
	case "!=":
		return a, a != b //nolint:floatcompare // as Prometheus does
	case "and":
		return a, true
	}
	panic(fault("no operator " + op))
}

func number(v float64) vector { return vector{true, []series{{nil, v}}} }

func (e *evaluator) value() vector {
	tok := e.next()
	switch {
	case tok == "(":
		v := e.expression(0)
		e.want(")")
		return v
	case tok[0] >= '0' && tok[0] <= '9':
		v, err := strconv.ParseFloat(tok, 64)
		if err != nil {
			e.fail("%q is no number", tok)
		}
		return number(v)
	case slices.Contains(aggregations, tok):
		return e.gather(tok)
	case tok == "time":
		e.want("(")
		e.want(")")
		return number(e.now)
	case tok == "absent":
		e.want("(")
		v := e.expression(0)
		e.want(")")
		if len(v.all) > 0 {
			return vector{}
		}
		return vector{all: []series{{nil, 1}}}
	case e.peek() == "(":
		panic(errSpan) // rate, increase and what stands around them
	}
	return e.selected(tok)
}

// gather is max, min or sum, by labels.
func (e *evaluator) gather(name string) vector {
	var by []string
	if e.take("by") {
		by = e.labels()
	}
	e.want("(")
	inside := e.expression(0)
	e.want(")")
	var out vector
	for _, s := range inside.all {
		group := series{labels: map[string]string{}, value: s.value}
		for _, label := range by {
			group.labels[label] = s.labels[label]
		}
		i := partner(out, group)
		if i < 0 {
			out.all = append(out.all, group)
			continue
		}
		switch x := &out.all[i].value; name {
		case "max":
			*x = math.Max(*x, s.value)
		case "min":
			*x = math.Min(*x, s.value)
		case "sum":
			*x += s.value
		default:
			e.fail("no %s here", name)
		}
	}
	return out
}

// selected are the series of a name whose labels fit.
func (e *evaluator) selected(name string) vector {
	var conditions [][3]string
	if e.take("{") {
		for !e.take("}") {
			conditions = append(conditions, [3]string{e.next(), e.next(), strings.Trim(e.next(), `"`)})
			e.take(",")
		}
	}
	if e.peek() == "[" {
		panic(errSpan)
	}
	var out vector
	for _, s := range e.series[name] {
		if !slices.ContainsFunc(conditions, func(c [3]string) bool { return !fits(s.labels[c[0]], c[1], c[2]) }) {
			out.all = append(out.all, s)
		}
	}
	return out
}

func fits(value, op, want string) bool {
	switch op {
	case "=":
		return value == want
	case "!=":
		return value != want
	}
	return regexp.MustCompile("^(?:"+want+")$").MatchString(value) == (op == "=~")
}

// TestTheEvaluatorKnowsPromQL holds the evaluator against what Prometheus answers.
func TestTheEvaluatorKnowsPromQL(t *testing.T) {
	const lines = `
		a{job="x"} 3
		a{job="y"} 5
		b 2
		c{job="y"} 10`
	for text, want := range map[string]string{
		"max(a)":                 "[{map[] 5}]",
		"max by (job) (a) > 4":   "[{map[job:y] 5}]",
		`a{job="x"} + 1`:         "[{map[job:x] 4}]",
		"a * c":                  "[{map[job:y] 50}]", // x has no partner
		"max(a) - max(b) - 1":    "[{map[] 2}]",
		"time() - max(b) > 90":   "[{map[] 98}]",
		"max(a) / max(none) > 0": "[]",
		"absent(none)":           "[{map[] 1}]",
		"absent(a == 5)":         "[]",
		"max(none) or max(b)":    "[{map[] 2}]",
		"(max(a) + max(b)) * 2":  "[{map[] 14}]",
		`max(a{job=~"x|z"})`:     "[{map[] 3}]",
	} {
		v, err := evaluate(text, lines, 100)
		if got := fmt.Sprint(v.all); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
	if _, err := evaluate("sum(rate(a[5m])) > 1", lines, 0); err == nil || err.Error() != string(errSpan) {
		t.Errorf("a span of time: %v", err)
	}
}

// TestAlertsFireWhenTheyShould: every alert that looks at what is now fires over one page of
// metrics and is quiet over another.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	const now = 1_000_000.0
	cases := map[string][]struct {
		why, lines string
		fires      bool
	}{
		"DulyNoWorker": {
			{"one answers", `up{job="duly-worker",instance="a"} 1` + "\n" + `up{job="duly-worker",instance="b"} 0`, false},
			{"none answers", `up{job="duly-worker"} 0`, true},
			{"none is known", `up{job="duly-console"} 1`, true},
		},
		"DulyNoConsole": {{"it answers", `up{job="duly-console"} 1`, false}, {"it does not", `up{job="duly-console"} 0`, true}},
		"DulyNoStarter": {{"it answers", `up{job="duly-starter"} 1`, false}, {"there is none", ``, true}},
		"DulyCasesNotServed": {
			{"a case was due a minute ago", `duly_oldest_due_age_seconds 60`, false},
			{"one worker is behind with its figures", `duly_oldest_due_age_seconds{instance="a"} 60` + "\n" + `duly_oldest_due_age_seconds{instance="b"} 601`, true},
		},
		"DulyCasesMissedBySweeper": {{"none", `duly_cases_late 0`, false}, {"one", `duly_cases_late 1`, true}},
		"DulyNudgesWait":           {{"a moment", `duly_oldest_nudge_age_seconds 3`, false}, {"a minute", `duly_oldest_nudge_age_seconds 61`, true}},
		"DulyFiguresUnread": {
			{"one worker of two reads them", `duly_figures_up{job="duly-worker",instance="a"} 0` + "\n" + `duly_figures_up{job="duly-worker",instance="b"} 1`, false},
			{"the starter does not", `duly_figures_up{job="duly-worker"} 1` + "\n" + `duly_figures_up{job="duly-starter"} 0`, true},
		},
		"DulyBreakerOpen":       {{"closed", `duly_channel_breaker_open{channel="sms"} 0`, false}, {"open", `duly_channel_breaker_open{channel="sms"} 1`, true}},
		"DulySwitchedOff":       {{"on", `duly_channel_switched_off{channel="sms"} 0`, false}, {"off", `duly_channel_switched_off{channel="sms"} 1`, true}},
		"DulyUnknownTooLong":    {{"an hour", `duly_oldest_unknown_age_seconds 3600`, false}, {"two days", `duly_oldest_unknown_age_seconds 172800`, true}},
		"DulyPaymentFeedBehind": {{"a day", `duly_payment_feed_oldest_age_seconds 86400`, false}, {"two", `duly_payment_feed_oldest_age_seconds 172800`, true}},
		"DulyInboxWaits":        {{"a moment", `duly_oldest_inbox_age_seconds 2`, false}, {"ten minutes", `duly_oldest_inbox_age_seconds 600`, true}},
		"DulyInboxUnassigned":   {{"none", `duly_inbox_unassigned 0`, false}, {"one", `duly_inbox_unassigned 1`, true}},
		"DulyHooksWait":         {{"a minute", `duly_oldest_hook_delivery_age_seconds 60`, false}, {"two hours", `duly_oldest_hook_delivery_age_seconds 7200`, true}},
		"DulyHooksGivenUp":      {{"none", `duly_hook_deliveries_given_up 0`, false}, {"one", `duly_hook_deliveries_given_up 1`, true}},
		"DulyAccountsUnmatched": {{"none", `duly_accounts_unmatched 0`, false}, {"one", `duly_accounts_unmatched 1`, true}},
		"DulyRestored":          {{"no", `duly_restore_open 0`, false}, {"yes", `duly_restore_open 1`, true}},
		"DulyAuditBroken":       {{"whole", `duly_audit_chain_broken 0`, false}, {"broken", `duly_audit_chain_broken 1`, true}},
		"DulyAuditNotSealed":    {{"a moment", `duly_audit_unsealed_age_seconds 4`, false}, {"an hour", `duly_audit_unsealed_age_seconds 3600`, true}},
		"DulyOldTransaction":    {{"a minute", `duly_database_oldest_transaction_seconds 60`, false}, {"long", `duly_database_oldest_transaction_seconds 999`, true}},
		"DulyReplicaBehind":     {{"none", `duly_database_replica_lag_seconds 0`, false}, {"two minutes", `duly_database_replica_lag_seconds 120`, true}},
		"DulySchedulePaused":    {{"it runs", `duly_schedule_paused 0`, false}, {"it is paused", `duly_schedule_paused 1`, true}},
		"DulyDatabaseFull": {
			{"half full", "duly_database_connections 50\nduly_database_connections_max 100", false},
			{"almost full", "duly_database_connections 90\nduly_database_connections_max 100", true},
		},
		"DulyAuditNotVerified": {
			{"yesterday", `duly_audit_verified_age_seconds 86400`, false},
			{"31 hours ago, or never in the 31 hours since the first seal", `duly_audit_verified_age_seconds 111600`, true},
			{"nothing was sealed yet", ``, false},
		},
		"DulyScheduleSilent": {
			{"every quarter of an hour, and the last was one ago", "duly_schedule_last_start_timestamp_seconds 999100\nduly_schedule_interval_seconds 900", false},
			{"every quarter of an hour, and the last was long ago", "duly_schedule_last_start_timestamp_seconds 995000\nduly_schedule_interval_seconds 900", true},
			{"once a day, and the last was ten hours ago", "duly_schedule_last_start_timestamp_seconds 964000\nduly_schedule_interval_seconds 86400", false},
			{"once a day, and the last was 26 hours ago", "duly_schedule_last_start_timestamp_seconds 906400\nduly_schedule_interval_seconds 86400", true},
			{"nothing is to run, and the last was two hours ago", "duly_schedule_last_start_timestamp_seconds 992800\nduly_schedule_interval_seconds 0", true},
			{"there is no starter", ``, false},
		},
	}
	for _, a := range alerts(t) {
		rows := cases[a.Alert]
		delete(cases, a.Alert)
		if _, err := evaluate(a.Expr, "", now); err != nil && err.Error() == string(errSpan) {
			continue
		}
		fires, quiet := 0, 0
		for _, c := range rows {
			v, err := evaluate(a.Expr, c.lines, now)
			if err != nil || len(v.all) > 0 != c.fires {
				t.Errorf("%s, %s: fires %v, want %v; %v", a.Alert, c.why, v.all, c.fires, err)
			}
			if c.fires {
				fires++
			} else {
				quiet++
			}
		}
		if fires == 0 || quiet == 0 {
			t.Errorf("%s: say over which metrics it fires and over which it is quiet", a.Alert)
		}
	}
	for name := range cases {
		t.Errorf("there is no alert %s that looks at what is now", name)
	}
}
