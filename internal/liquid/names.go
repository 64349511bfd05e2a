package liquid

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duly/duly/internal/yamlpos"
)

// Unknown is every name of the template that vars do not have, also in branches and loops
// that these values would not take: a misspelt name in a branch for later would refuse the
// message on the day on which it is to leave. What has no value here has no parts to check.
func (t *Template) Unknown(vars map[string]any) []Fault {
	c := &checker{src: t.src, scopes: scopes{{}, vars}}
	c.nodes(t.nodes)
	return c.faults
}

// anything is a value of which nothing is known.
type anything struct{}

type checker struct {
	src    string
	scopes scopes
	faults []Fault
}

func (c *checker) nodes(ns []node) {
	for _, n := range ns {
		switch n := n.(type) {
		case output:
			c.output(n)
		case assign:
			c.output(n.value)
			c.scopes.assign(n.name, anything{})
		case choice:
			for _, b := range n.branches {
				c.cond(b.when)
				c.nodes(b.nodes)
			}
		case loop:
			c.loop(n)
		}
	}
}

func (c *checker) output(o output) {
	c.value(o.value)
	for _, f := range o.filters {
		for _, a := range f.args {
			c.value(a)
		}
	}
}

func (c *checker) cond(k *cond) {
	switch {
	case k == nil:
	case k.parts != nil:
		for _, p := range k.parts {
			c.cond(p)
		}
	default:
		c.value(k.left)
		if k.op != "" {
			c.value(k.right)
		}
	}
}

func (c *checker) loop(l loop) {
	var item any = anything{}
	if list, ok := c.value(l.in).([]any); ok && len(list) > 0 {
		item = list[0]
	}
	c.assigned(l.body) // a round may use what the one before it has assigned
	outer := c.scopes
	c.scopes = append(scopes{{l.name: item, "forloop": progress(0, 1)}}, outer...)
	c.nodes(l.body)
	c.scopes = outer
	c.nodes(l.whenNone)
}

// assigned makes known what some nodes assign, wherever they do.
func (c *checker) assigned(ns []node) {
	for _, n := range ns {
		switch n := n.(type) {
		case assign:
			c.scopes.assign(n.name, anything{})
		case choice:
			for _, b := range n.branches {
				c.assigned(b.nodes)
			}
		case loop:
			c.assigned(n.body)
			c.assigned(n.whenNone)
		}
	}
}

// value is what a name stands for, anything where that is not known.
func (c *checker) value(e expr) any {
	if e.path == nil {
		return e.literal
	}
	v, known := c.scopes.lookup(e.path[0])
	if !known {
		c.unknown(e, 1, c.scopes.names())
		return anything{}
	}
	for i, name := range e.path[1:] {
		if _, open := v.(anything); open || v == nil {
			return anything{}
		}
		next, known := member(v, name)
		if !known {
			m, _ := v.(map[string]any)
			c.unknown(e, i+2, slices.Collect(maps.Keys(m)))
			return anything{}
		}
		v = next
	}
	return v
}

func (c *checker) unknown(e expr, parts int, known []string) {
	line, col := place(c.src, e.offset)
	c.faults = append(c.faults, Fault{line, col, fmt.Sprintf("unknown variable %q", strings.Join(e.path[:parts], ".")), yamlpos.Suggest(e.path[parts-1], known)})
}
