package liquid

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/internal/yamlpos"
)

// Options of one rendering.
type Options struct {
	Filters map[string]Filter   // beside the language's own, as given to Parse
	Escape  func(string) string // for everything that is put in; nil = as it is
}

// Render fills the template. Values are nil, string, bool, int, map[string]any,
// []any, and types of the caller that only its filters can write. The error is
// of type Fault. It never names the value of a variable, only its path.
func (t *Template) Render(vars map[string]any, o Options) (string, error) {
	r := &renderer{t: t, o: o, scopes: scopes{{}, vars}}
	if err := r.nodes(t.nodes); err != nil {
		return "", err
	}
	return r.out.String(), nil
}

type renderer struct {
	t      *Template
	o      Options
	out    strings.Builder
	scopes scopes
	steps  int
}

func (r *renderer) fail(offset int, message, hint string) error {
	line, col := place(r.t.src, offset)
	return Fault{line, col, message, hint}
}

func (r *renderer) nodes(ns []node) error {
	for _, n := range ns {
		if r.steps++; r.steps > maxSteps || r.out.Len() > MaxOutput {
			return Fault{1, 1, "the template produces too much", "shorten its loops"}
		}
		if err := r.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) node(n node) error {
	switch n := n.(type) {
	case string:
		r.out.WriteString(n)
	case output:
		return r.write(n)
	case assign:
		v, err := r.filtered(n.value)
		r.scopes.assign(n.name, v)
		return err
	case choice:
		return r.choose(n)
	case loop:
		return r.loop(n)
	}
	return nil
}

func (r *renderer) write(o output) error {
	v, err := r.filtered(o)
	if err != nil {
		return err
	}
	s, ok := text(v)
	switch {
	case v == nil:
		return r.fail(o.offset, fmt.Sprintf("%s has no value here", o.value), "guard it with {% if %} or give it a default")
	case !ok:
		return r.fail(o.offset, fmt.Sprintf("%s cannot be written as it is", o.value), "use a filter such as money, date or join")
	}
	if r.o.Escape != nil {
		s = r.o.Escape(s)
	}
	if r.out.Len()+len(s) > MaxOutput {
		return r.fail(o.offset, "the template produces too much", "")
	}
	r.out.WriteString(s)
	return nil
}

func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int:
		return strconv.Itoa(v), true
	}
	return "", false
}

// String is the path or literal as written, for messages.
func (e expr) String() string {
	if e.path != nil {
		return strings.Join(e.path, ".")
	}
	return fmt.Sprintf("%#v", e.literal)
}

func (r *renderer) filtered(o output) (any, error) {
	v, err := r.eval(o.value)
	if err != nil {
		return nil, err
	}
	for _, f := range o.filters {
		args := make([]any, len(f.args))
		for i, a := range f.args {
			if args[i], err = r.eval(a); err != nil {
				return nil, err
			}
		}
		if v == nil && f.name != "default" {
			return nil, r.fail(o.offset, fmt.Sprintf("%s has no value here", o.value), "guard it with {% if %} or give it a default")
		}
		if v, err = r.filter(f.name).fn(v, args); err != nil {
			return nil, r.fail(f.offset, fmt.Sprintf("%s: %v", f.name, err), "")
		}
	}
	return v, nil
}

func (r *renderer) filter(name string) Filter {
	if f, ok := standard[name]; ok {
		return f
	}
	if f, ok := r.o.Filters[name]; ok {
		return f
	}
	return Filter{fn: func(any, []any) (any, error) { return nil, fmt.Errorf("unknown filter") }}
}

// eval finds a value. A name that does not exist is an error; one that exists
// without a value is nil.
func (r *renderer) eval(e expr) (any, error) {
	if e.path == nil {
		return e.literal, nil
	}
	v, known := r.scopes.lookup(e.path[0])
	if !known {
		return nil, r.fail(e.offset, fmt.Sprintf("unknown variable %q", e.path[0]), yamlpos.Suggest(e.path[0], r.scopes.names()))
	}
	for i, name := range e.path[1:] {
		next, known := member(v, name)
		if !known {
			hint := ""
			if m, ok := v.(map[string]any); ok {
				hint = yamlpos.Suggest(name, slices.Collect(maps.Keys(m)))
			}
			return nil, r.fail(e.offset, fmt.Sprintf("unknown variable %q", strings.Join(e.path[:i+2], ".")), hint)
		}
		v = next
	}
	return v, nil
}

// scopes are the names that hold at a place of a template, innermost first.
type scopes []map[string]any

// assign writes to the last but one: assignments outlive loops, and vars are the caller's.
func (s scopes) assign(name string, v any) { s[len(s)-2][name] = v }

func (s scopes) lookup(name string) (any, bool) {
	for _, m := range s {
		if v, ok := m[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s scopes) names() (out []string) {
	for _, m := range s {
		out = slices.AppendSeq(out, maps.Keys(m))
	}
	return out
}

// member is a named part of a value.
func member(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		if name == "size" && v["size"] == nil {
			return len(v), true
		}
		m, ok := v[name]
		return m, ok
	case []any:
		i, err := strconv.Atoi(name)
		switch {
		case name == "size":
			return len(v), true
		case name == "first":
			i = 0
		case name == "last":
			i = len(v) - 1
		case err != nil:
			return nil, false
		}
		if i < 0 {
			i += len(v)
		}
		if i < 0 || i >= len(v) {
			return nil, true
		}
		return v[i], true
	case string:
		if name == "size" {
			return len([]rune(v)), true
		}
	}
	return nil, false
}

func (r *renderer) choose(c choice) error {
	for _, b := range c.branches {
		ok := true
		if b.when != nil {
			var err error
			if ok, err = r.holds(b.when); err != nil {
				return err
			}
		}
		if ok {
			return r.nodes(b.nodes)
		}
	}
	return nil
}

func (r *renderer) holds(c *cond) (bool, error) {
	if c.parts == nil {
		return r.compare(c)
	}
	for _, p := range c.parts {
		ok, err := r.holds(p)
		if err != nil {
			return false, err
		}
		if ok == (c.join == "or") {
			return ok != c.not, nil
		}
	}
	return (c.join == "and") != c.not, nil
}

func (r *renderer) compare(c *cond) (bool, error) {
	left, err := r.eval(c.left)
	if err != nil {
		return false, err
	}
	if c.op == "" {
		return left != nil && left != false, nil
	}
	right, err := r.eval(c.right)
	if err != nil {
		return false, err
	}
	switch c.op {
	case "==":
		return equal(left, right), nil
	case "!=", "<>":
		return !equal(left, right), nil
	case "contains":
		return r.contains(c, left, right)
	}
	a, ok1 := left.(int)
	b, ok2 := right.(int)
	if !ok1 || !ok2 {
		return false, r.fail(c.left.offset, fmt.Sprintf("%s and %s cannot be ordered", c.left, c.right), "only whole numbers can")
	}
	switch c.op {
	case "<":
		return a < b, nil
	case "<=":
		return a <= b, nil
	case ">":
		return a > b, nil
	}
	return a >= b, nil
}

func equal(a, b any) bool {
	if a != nil && !reflect.TypeOf(a).Comparable() || b != nil && !reflect.TypeOf(b).Comparable() {
		return false
	}
	return a == b
}

func (r *renderer) contains(c *cond, left, right any) (bool, error) {
	switch l := left.(type) {
	case nil:
		return false, nil
	case string:
		s, ok := text(right)
		return ok && strings.Contains(l, s), nil
	case []any:
		return slices.ContainsFunc(l, func(v any) bool { return equal(v, right) }), nil
	}
	return false, r.fail(c.left.offset, fmt.Sprintf("%s contains nothing", c.left), "")
}

func (r *renderer) loop(l loop) error {
	v, err := r.eval(l.in)
	if err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok && v != nil {
		return r.fail(l.in.offset, fmt.Sprintf("%s is not a list", l.in), "")
	}
	list = slices.Clone(list)
	if l.reversed {
		slices.Reverse(list)
	}
	if l.limit > 0 && len(list) > l.limit {
		list = list[:l.limit]
	}
	if len(list) == 0 {
		return r.nodes(l.whenNone)
	}
	outer := r.scopes
	defer func() { r.scopes = outer }()
	for i, item := range list {
		r.scopes = append(scopes{{l.name: item, "forloop": progress(i, len(list))}}, outer...)
		if err := r.nodes(l.body); err != nil {
			return err
		}
	}
	return nil
}

func progress(i, n int) map[string]any {
	return map[string]any{
		"index": i + 1, "index0": i, "rindex": n - i, "rindex0": n - i - 1,
		"first": i == 0, "last": i == n-1, "length": n,
	}
}
