package doccheck

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Page is what one Markdown file refers to.
type Page struct {
	Links  []Link
	Anchor []string // of its headings, as GitHub makes them
	Blocks []Block
	Spans  []string // code within text
}

// Link is a link or picture.
type Link struct {
	Target string
	Line   int
}

// Block is one fenced code block.
type Block struct {
	Language string
	Text     string
	Line     int
	Tested   bool // the comment <!-- test --> stands before it
}

// Parse reads one page.
func Parse(source []byte) Page {
	var p Page
	tree := goldmark.New().Parser().Parse(text.NewReader(source))
	// The walk cannot fail: the visitor returns no error.
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			p.Links = append(p.Links, Link{string(n.Destination), line(source, n)})
		case *ast.Image:
			p.Links = append(p.Links, Link{string(n.Destination), line(source, n)})
		case *ast.Heading:
			p.Anchor = append(p.Anchor, anchor(words(source, n)))
		case *ast.CodeSpan:
			p.Spans = append(p.Spans, words(source, n))
		case *ast.FencedCodeBlock:
			p.Blocks = append(p.Blocks, block(source, n))
		}
		return ast.WalkContinue, nil
	})
	return p
}

// words is the text of a node without its markup.
func words(source []byte, n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// line is the line of the nearest block above a node, from 1.
func line(source []byte, n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			return lineAt(source, n.Lines().At(0).Start)
		}
	}
	return 1
}

func lineAt(source []byte, offset int) int {
	return 1 + strings.Count(string(source[:offset]), "\n")
}

func block(source []byte, n *ast.FencedCodeBlock) Block {
	var b strings.Builder
	for _, segment := range n.Lines().Sliced(0, n.Lines().Len()) {
		b.Write(segment.Value(source))
	}
	out := Block{Language: string(n.Language(source)), Text: b.String(), Line: 1}
	if n.Lines().Len() > 0 {
		out.Line = lineAt(source, n.Lines().At(0).Start)
	}
	if before, ok := n.PreviousSibling().(*ast.HTMLBlock); ok {
		comment := ""
		for _, segment := range before.Lines().Sliced(0, before.Lines().Len()) {
			comment += string(segment.Value(source))
		}
		out.Tested = strings.TrimSpace(comment) == "<!-- test -->"
	}
	return out
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchor is how GitHub names a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

var (
	makeCall   = regexp.MustCompile(`(?:^|[\s;&(])make ([a-z0-9-]+)`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	script     = regexp.MustCompile(`(?:^|[\s;&(])((?:scripts|deploy|\.ci)/[A-Za-z0-9._-]+)`)
	goRun      = regexp.MustCompile(`go run (?:-C (\S+) )?(\.\S*)`)
	named      = regexp.MustCompile("`([a-z0-9_./-]+)` `((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]*)`")
)

// Commands are the make targets, scripts and Go mains that code names.
type Commands struct{ Targets, Scripts, Mains []string }

// CommandsIn finds what a piece of shell calls.
func CommandsIn(code string) Commands {
	var c Commands
	for _, m := range makeCall.FindAllStringSubmatch(code, -1) {
		c.Targets = append(c.Targets, m[1])
	}
	for _, m := range script.FindAllStringSubmatch(code, -1) {
		c.Scripts = append(c.Scripts, m[1])
	}
	for _, m := range goRun.FindAllStringSubmatch(code, -1) {
		dir := strings.TrimSuffix(m[1]+"/"+m[2], "/.")
		c.Mains = append(c.Mains, strings.TrimPrefix(strings.TrimPrefix(dir, "/"), "./"))
	}
	return c
}

// Targets are the targets that a Makefile has.
func Targets(makefile string) []string {
	var out []string
	for _, m := range makeTarget.FindAllStringSubmatch(makefile, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out
}

// NamedTest is a test that a document points to.
type NamedTest struct{ Package, Name string }

// NamedTests are the pairs `package` `TestName` of a text, in order.
func NamedTests(text string) []NamedTest {
	var out []NamedTest
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		out = append(out, NamedTest{m[1], m[2]})
	}
	return out
}

var dulyCall = regexp.MustCompile(`(?m)(?:^|[;&(] *)(?:go run \./cmd/duly|duly) (.*)$`)

// DulyCalls are the arguments of every call of the program duly on a page, in
// shell blocks and in code within text; "…" and what follows is left out.
func (p Page) DulyCalls() [][]string {
	code := slices.Clone(p.Spans)
	for _, b := range p.Blocks {
		if b.Language == "sh" {
			code = append(code, b.Text)
		}
	}
	var out [][]string
	for _, text := range code {
		for _, m := range dulyCall.FindAllStringSubmatch(text, -1) {
			args, _, _ := strings.Cut(m[1], "…")
			out = append(out, strings.Fields(args))
		}
	}
	return out
}
