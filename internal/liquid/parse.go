package liquid

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/internal/yamlpos"
)

// Template is a parsed template, safe for concurrent use.
type Template struct {
	src   string
	nodes []node
}

type (
	node   any // textNode, outputNode, ifNode, forNode, assignNode
	output struct {
		value   expr
		filters []filterCall
		offset  int
	}
	assign struct {
		name  string
		value output
	}
	branch struct {
		when   *cond // nil: else
		nodes  []node
		offset int
	}
	choice struct{ branches []branch }
	loop   struct {
		name           string
		in             expr
		limit          int // 0 = none
		reversed       bool
		body, whenNone []node
		offset         int
	}
	filterCall struct {
		name   string
		args   []expr
		offset int
	}
	// expr is a literal or a path.
	expr struct {
		literal any
		path    []string // nil for a literal
		offset  int
	}
	cond struct {
		join        string // "", "and", "or"
		parts       []*cond
		left, right expr
		op          string // "" = truth of left
		not         bool
	}
)

type parser struct {
	src    string
	known  map[string]Filter
	pieces []piece
	at     int
	depth  int
	faults []Fault
}

func (p *parser) fault(offset int, message, hint string) {
	line, col := place(p.src, offset)
	p.faults = append(p.faults, Fault{line, col, message, hint})
}

// Parse reads a template. The filters are those known beside the language's
// own; only their names matter here. All faults are reported together.
func Parse(src string, filters map[string]Filter) (*Template, []Fault) {
	p := &parser{src: src, known: filters}
	if len(src) > MaxSource {
		return nil, []Fault{{1, 1, fmt.Sprintf("the template has more than %d bytes", MaxSource), ""}}
	}
	p.pieces = p.cut()
	nodes, end := p.block()
	for end.name != "" {
		p.fault(end.offset, fmt.Sprintf("%q does not belong here", end.name), "nothing is open that it could continue or end")
		more, next := p.block()
		nodes, end = append(nodes, more...), next
	}
	if len(p.faults) > 0 {
		slices.SortStableFunc(p.faults, func(a, b Fault) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		return nil, p.faults
	}
	return &Template{src: src, nodes: nodes}, nil
}

// ending is a tag that ends or continues a block: else, elsif, endif …
type ending struct {
	name   string
	words  []token
	offset int
}

// block parses nodes until a tag that ends or continues a block, or the end.
func (p *parser) block() (out []node, end ending) {
	for p.at < len(p.pieces) {
		c := p.pieces[p.at]
		p.at++
		switch c.kind {
		case 't':
			out = append(out, c.text)
		case 'o':
			if o, ok := p.output(c); ok {
				out = append(out, o)
			}
		case 'g':
			if strings.HasPrefix(strings.TrimSpace(c.text), "#") {
				continue // {% # a comment %}
			}
			words, ok := p.words(c.text, c.offset)
			if !ok {
				continue
			}
			if isEnding(words[0].text) {
				return out, ending{words[0].text, words[1:], words[0].offset}
			}
			if n := p.tag(words); n != nil {
				out = append(out, n)
			}
		}
	}
	return out, ending{}
}

var (
	tags    = []string{"if", "unless", "case", "for", "assign", "comment", "raw"}
	endings = []string{"else", "elsif", "when", "endif", "endunless", "endcase", "endfor"}
)

func isEnding(name string) bool { return slices.Contains(endings, name) }

func (p *parser) tag(words []token) node {
	name := words[0]
	c := &cursor{p: p, words: words[1:]}
	if p.depth >= maxNest {
		p.fault(name.offset, fmt.Sprintf("more than %d tags within each other", maxNest), "")
		p.at = len(p.pieces)
		return nil
	}
	p.depth++
	defer func() { p.depth-- }()
	switch name.text {
	case "if", "unless":
		return p.conditional(name, c)
	case "case":
		return p.cases(name, c)
	case "for":
		return p.loop(name, c)
	case "assign":
		return p.assign(c)
	}
	p.fault(name.offset, fmt.Sprintf("unknown tag %q", name.text), yamlpos.Suggest(name.text, tags))
	return nil
}

// closes checks the tag that ended a block.
func (p *parser) closes(open token, end ending, want string) {
	if end.name == "" {
		p.fault(open.offset, fmt.Sprintf("%q is not closed", open.text), "it needs {% "+want+" %}")
	} else if end.name != want {
		p.fault(end.offset, fmt.Sprintf("%q does not close %q", end.name, open.text), "it needs {% "+want+" %}")
	}
}

func (p *parser) conditional(open token, c *cursor) node {
	first := c.condition()
	c.done()
	if open.text == "unless" {
		first = &cond{parts: []*cond{first}, join: "and", not: true}
	}
	out := choice{branches: []branch{{when: first, offset: open.offset}}}
	for {
		nodes, end := p.block()
		last := &out.branches[len(out.branches)-1]
		last.nodes = nodes
		switch {
		case end.name == "elsif" && open.text == "if" && last.when != nil:
			c := &cursor{p: p, words: end.words}
			out.branches = append(out.branches, branch{when: c.condition(), offset: end.offset})
			c.done()
		case end.name == "else" && last.when != nil:
			out.branches = append(out.branches, branch{offset: end.offset})
		default:
			p.closes(open, end, "end"+open.text)
			return out
		}
	}
}

func (p *parser) cases(open token, c *cursor) node {
	subject := c.expr()
	c.done()
	out := choice{}
	head, end := p.block() // text between case and the first when says nothing
	for _, n := range head {
		if s, ok := n.(string); !ok || strings.TrimSpace(s) != "" {
			p.fault(open.offset, `something stands between "case" and the first "when"`, "it would never be shown")
			break
		}
	}
	for {
		switch {
		case end.name == "when" && (len(out.branches) == 0 || out.branches[len(out.branches)-1].when != nil):
			c := &cursor{p: p, words: end.words}
			any := &cond{join: "or"}
			for {
				any.parts = append(any.parts, &cond{left: subject, op: "==", right: c.expr()})
				if !c.accept(",") && !c.accept("or") {
					break
				}
			}
			c.done()
			out.branches = append(out.branches, branch{when: any, offset: end.offset})
		case end.name == "else" && len(out.branches) > 0 && out.branches[len(out.branches)-1].when != nil:
			out.branches = append(out.branches, branch{offset: end.offset})
		default:
			p.closes(open, end, "endcase")
			return out
		}
		out.branches[len(out.branches)-1].nodes, end = p.block()
	}
}

func (p *parser) loop(open token, c *cursor) node {
	out := loop{name: c.name(), offset: open.offset}
	if !c.accept("in") {
		c.expected("in")
	}
	out.in = c.expr()
	for c.peek().kind == 'i' {
		switch w := c.next(); w.text {
		case "reversed":
			out.reversed = true
		case "limit":
			c.accept(":")
			n := c.next()
			out.limit, _ = strconv.Atoi(n.text)
			if n.kind != 'n' || out.limit < 1 {
				p.fault(n.offset, "limit takes a number of at least 1", "such as limit:5")
			}
		default:
			p.fault(w.offset, fmt.Sprintf("unknown word %q", w.text), yamlpos.Suggest(w.text, []string{"limit", "reversed"}))
		}
	}
	c.done()
	body, end := p.block()
	out.body = body
	if end.name == "else" {
		out.whenNone, end = p.block()
	}
	p.closes(open, end, "endfor")
	return out
}

func (p *parser) assign(c *cursor) node {
	name := c.name()
	if !c.accept("=") {
		c.expected("=")
	}
	return assign{name, c.filtered()}
}

func (p *parser) output(c piece) (output, bool) {
	words, ok := p.words(c.text, c.offset)
	if !ok {
		return output{}, false
	}
	cur := &cursor{p: p, words: words}
	if words[0].kind == 0 {
		p.fault(c.offset, "nothing stands between {{ and }}", "")
		return output{}, false
	}
	return cur.filtered(), true
}

// cursor walks over the words of one output or tag.
type cursor struct {
	p      *parser
	words  []token
	at     int
	failed bool // one fault per tag is enough
}

func (c *cursor) peek() token { return c.words[min(c.at, len(c.words)-1)] }

func (c *cursor) next() token {
	t := c.peek()
	c.at++
	return t
}

func (c *cursor) accept(text string) bool {
	if t := c.peek(); (t.kind == 'p' || t.kind == 'i') && t.text == text {
		c.at++
		return true
	}
	return false
}

func (c *cursor) expected(what string) {
	if c.failed {
		return
	}
	c.failed = true
	t := c.peek()
	got := strconv.Quote(t.text)
	if t.kind == 0 {
		got = "the end"
	}
	c.p.fault(t.offset, fmt.Sprintf("expected %s, not %s", what, got), "")
}

func (c *cursor) done() {
	if c.peek().kind != 0 {
		c.expected("the end of the tag")
	}
}

func (c *cursor) name() string {
	if c.peek().kind != 'i' {
		c.expected("a name")
		return ""
	}
	return c.next().text
}

var literals = map[string]any{"true": true, "false": false, "nil": nil, "null": nil}

// expr reads a literal or a path such as items[0].number.
func (c *cursor) expr() expr {
	t := c.peek()
	switch t.kind {
	case 's':
		c.at++
		return expr{literal: t.text, offset: t.offset}
	case 'n':
		c.at++
		n, err := strconv.Atoi(t.text)
		if err != nil {
			c.p.fault(t.offset, "the number is out of range", "")
		}
		return expr{literal: n, offset: t.offset}
	case 'i':
		c.at++
		if v, is := literals[t.text]; is {
			return expr{literal: v, offset: t.offset}
		}
		return c.path(t)
	}
	c.expected("a value")
	return expr{offset: t.offset}
}

func (c *cursor) path(first token) expr {
	e := expr{path: []string{first.text}, offset: first.offset}
	for {
		switch {
		case c.accept("."):
			e.path = append(e.path, c.name())
		case c.accept("["):
			t := c.next()
			if t.kind != 'n' && t.kind != 's' {
				c.at--
				c.expected("a number or a name in quotes")
				return e
			}
			e.path = append(e.path, t.text)
			if !c.accept("]") {
				c.expected("]")
				return e
			}
		default:
			return e
		}
	}
}

// filtered reads a value and its filters.
func (c *cursor) filtered() output {
	out := output{offset: c.peek().offset, value: c.expr()}
	for c.accept("|") {
		t := c.peek()
		f := filterCall{name: c.name(), offset: t.offset}
		if !c.failed && standard[f.name].fn == nil && c.p.known[f.name].fn == nil {
			names := slices.AppendSeq(slices.Collect(maps.Keys(standard)), maps.Keys(c.p.known))
			c.p.fault(t.offset, fmt.Sprintf("unknown filter %q", f.name), yamlpos.Suggest(f.name, names))
		}
		if c.accept(":") {
			for {
				f.args = append(f.args, c.expr())
				if !c.accept(",") {
					break
				}
			}
		}
		c.arity(f)
		out.filters = append(out.filters, f)
	}
	c.done()
	return out
}

func (c *cursor) arity(f filterCall) {
	def, ok := standard[f.name]
	if !ok {
		if def, ok = c.p.known[f.name]; !ok {
			return
		}
	}
	if len(f.args) < def.least || len(f.args) > def.most {
		c.p.fault(f.offset, fmt.Sprintf("%s takes %s, not %d", f.name, count(def), len(f.args)), "")
	}
}

func count(f Filter) string {
	switch {
	case f.most == 0:
		return "no arguments"
	case f.least == f.most:
		return fmt.Sprintf("%d arguments", f.most)
	}
	return fmt.Sprintf("%d to %d arguments", f.least, f.most)
}

var operators = []string{"==", "!=", "<>", "<", ">", "<=", ">=", "contains"}

// condition reads comparisons joined by and, or by or. Liquid evaluates mixed
// ones from the right, which nobody expects: they are refused.
func (c *cursor) condition() *cond {
	out := &cond{parts: []*cond{c.comparison()}, join: "and"}
	join := ""
	for {
		t := c.peek()
		if t.kind != 'i' || t.text != "and" && t.text != "or" {
			return out
		}
		if join != "" && join != t.text {
			c.p.fault(t.offset, `"and" and "or" cannot be mixed`, "use an if within an if")
			c.failed = true
		}
		c.at++
		join, out.join = t.text, t.text
		out.parts = append(out.parts, c.comparison())
	}
}

func (c *cursor) comparison() *cond {
	out := &cond{left: c.expr()}
	if t := c.peek(); slices.Contains(operators, t.text) && t.kind != 's' {
		c.at++
		out.op, out.right = t.text, c.expr()
	}
	return out
}
