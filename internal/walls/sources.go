package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// selectors finds uses of names of one imported package, under whatever name
// the file imports it. A dot import is a breach in itself: it hides the uses.
func selectors(f File, pkg string, names ...string) []Breach {
	local := ""
	for _, spec := range f.Syntax.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); path != pkg {
			continue
		}
		local = pkg[strings.LastIndex(pkg, "/")+1:]
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			return []Breach{{f.at(spec), "imports " + pkg + " with a dot, which hides what it uses"}}
		}
	}
	if local == "" {
		return nil
	}
	var out []Breach
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, sel.Sel.Name) {
				out = append(out, Breach{f.at(sel), "uses " + pkg + "." + sel.Sel.Name})
			}
		}
		return true
	})
	return out
}

// files collects what f says about every file that keep chooses.
func files(t *Tree, keep func(Package, File) bool, f func(File) []Breach) []Breach {
	var out []Breach
	for _, p := range slices.Concat(t.Root, t.Standalone) {
		for _, file := range p.Files {
			if keep(p, file) {
				out = append(out, f(file)...)
			}
		}
	}
	return out
}

func inCore(p Package, f File) bool { return within(p.Path, "dunning") && !f.Test }

func coreClock(t *Tree) []Breach {
	return files(t, inCore, func(f File) []Breach {
		out := selectors(f, "time", "Now", "Since", "Until", "LoadLocation", "LoadLocationFromTZData", "Local", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker")
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			// t.Local() of a time.Time; nothing else in the core is called so.
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 0 {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Local" {
					out = append(out, Breach{f.at(sel.Sel), "calls .Local(), which takes the machine's zone"})
				}
			}
			return true
		})
		return out
	})
}

func coreMoney(t *Tree) []Breach {
	inMoney := func(p Package, f File) bool { return within(p.Path, "dunning/money") && !f.Test }
	return files(t, inMoney, func(f File) []Breach {
		var out []Breach
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && (id.Name == "float64" || id.Name == "float32") {
				out = append(out, Breach{f.at(id), "uses " + id.Name})
			}
			return true
		})
		return out
	})
}

func onlyClock(t *Tree) []Breach {
	keep := func(p Package, f File) bool {
		return !f.Test && !p.Support && !within(p.Path, "internal/clock")
	}
	return files(t, keep, func(f File) []Breach { return selectors(f, "time", "Now", "Since", "Until") })
}

const longestMain = 30

func shortMains(t *Tree) []Breach {
	keep := func(p Package, f File) bool { return p.Main && !f.Test }
	return files(t, keep, func(f File) []Breach {
		for _, d := range f.Syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && fn.Name.Name == "main" && fn.Recv == nil && f.Lines > longestMain {
				return []Breach{{f.Path, fmt.Sprintf("has %d lines, %d are allowed", f.Lines, longestMain)}}
			}
		}
		return nil
	})
}

func packageDocs(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		generated := !slices.ContainsFunc(p.Files, func(f File) bool { return !f.Generated && !f.Test })
		if p.Doc != "" || generated {
			return nil
		}
		return []Breach{{p.Path, "has no package comment"}}
	})
}

// loudSkips looks at every x.Skip, x.Skipf and x.SkipNow of the tests.
func loudSkips(t *Tree) []Breach {
	isTest := func(p Package, f File) bool { return f.Test || p.Support }
	return files(t, isTest, func(f File) []Breach {
		discards := rapidRanges(f.Syntax)
		var out []Breach
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
				return true
			}
			if !namesShared(call) && !discards.cover(sel) {
				out = append(out, Breach{f.at(sel.Sel), "skips without saying that ../shared is absent"})
			}
			return true
		})
		return out
	})
}

// namesShared reports whether a string among the arguments mentions shared.
func namesShared(call *ast.CallExpr) bool {
	found := false
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, "shared") {
				found = true
			}
			return true
		})
	}
	return found
}

// span is a function in which a name is a *rapid.T, whose Skip discards one
// drawn example and not the test.
type span struct {
	from, to token.Pos
	name     string
}

type spans []span

func rapidRanges(file *ast.File) spans {
	var out spans
	add := func(fn *ast.FuncType, body *ast.BlockStmt) {
		if body == nil || fn.Params == nil {
			return
		}
		for _, field := range fn.Params.List {
			star, ok := field.Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			if sel, ok := star.X.(*ast.SelectorExpr); !ok || sel.Sel.Name != "T" || ident(sel.X) != "rapid" {
				continue
			}
			for _, name := range field.Names {
				out = append(out, span{body.Pos(), body.End(), name.Name})
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch fn := n.(type) {
		case *ast.FuncDecl:
			add(fn.Type, fn.Body)
		case *ast.FuncLit:
			add(fn.Type, fn.Body)
		}
		return true
	})
	return out
}

func (s spans) cover(sel *ast.SelectorExpr) bool {
	return slices.ContainsFunc(s, func(r span) bool {
		return r.from <= sel.Pos() && sel.Pos() < r.to && r.name == ident(sel.X)
	})
}

func ident(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
