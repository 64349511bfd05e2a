package walls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is what the walls look at. Packages are sorted by path, files by name.
type Tree struct {
	Module     string    // the root module's path
	Requires   []string  // modules that the root go.mod names
	Root       []Package // packages of the root module
	Standalone []Package // packages of standalone/, paths as "standalone/…"; no Deps
	Texts      []Text    // every text file of the repository but the walls' own
}

// Package is one package as go list sees it. Paths of the product are relative
// to its module, others are import paths.
type Package struct {
	Path        string
	Doc         string
	Main        bool
	Support     bool     // helps tests: imports testing outside of _test.go files
	Imports     []string // of the files that are not tests
	TestImports []string
	Deps        []string // transitive, without tests
	Files       []File   // tests included
}

// File is one parsed Go file.
type File struct {
	Path      string // relative to the repository
	Test      bool
	Generated bool
	Lines     int
	Syntax    *ast.File
	fset      *token.FileSet
}

// at is file:line of a node.
func (f File) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.Path, f.fset.Position(n.Pos()).Line)
}

// Text is one text file.
type Text struct {
	Path    string
	Content []byte
}

// Load reads the tree below root, a directory with the root module's go.mod. A
// standalone module is read too when it is there. A package that does not
// compile is read as far as it goes: the compiler reports that better.
func Load(root string) (*Tree, error) {
	t := &Tree{}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if t.Module, t.Requires, err = readModule(root); err != nil {
		return nil, err
	}
	if t.Root, err = loadPackages(root, root, t.Module, "", true); err != nil {
		return nil, err
	}
	standalone := filepath.Join(root, "standalone")
	if _, err := os.Stat(filepath.Join(standalone, "go.mod")); err == nil {
		if t.Standalone, err = loadPackages(root, standalone, t.Module+"/standalone", "standalone", false); err != nil {
			return nil, err
		}
	}
	t.Texts, err = texts(root)
	return t, err
}

// ours reports whether path is of the product: loaded paths are relative.
func (t *Tree) ours(path string) bool { return t.find(path) != nil }

func (t *Tree) isSupport(path string) bool {
	p := t.find(path)
	return p != nil && p.Support
}

func (t *Tree) find(path string) *Package {
	i, found := slices.BinarySearchFunc(t.Root, path, func(p Package, path string) int { return strings.Compare(p.Path, path) })
	if !found {
		return nil
	}
	return &t.Root[i]
}

func readModule(root string) (module string, requires []string, err error) {
	out, err := goTool(root, "mod", "edit", "-json")
	if err != nil {
		return "", nil, err
	}
	var mod struct {
		Module  struct{ Path string }
		Require []struct{ Path string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return "", nil, fmt.Errorf("go mod edit -json: %w", err)
	}
	for _, r := range mod.Require {
		requires = append(requires, r.Path)
	}
	return mod.Module.Path, requires, nil
}

// listed is the part of go list's answer that is used.
type listed struct {
	Dir, ImportPath, Name, Doc         string
	Imports, TestImports, XTestImports []string
	Deps                               []string
	GoFiles, CgoFiles, IgnoredGoFiles  []string
	TestGoFiles, XTestGoFiles          []string
}

// loadPackages lists the module in dir; prefix stands before relative paths.
func loadPackages(root, dir, module, prefix string, deps bool) ([]Package, error) {
	fields := "-json=Dir,ImportPath,Name,Doc,Imports,TestImports,XTestImports,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles"
	if deps {
		fields += ",Deps"
	}
	out, err := goTool(dir, "list", "-e", fields, "./...")
	if err != nil {
		return nil, err
	}
	var packages []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list in %s: %w", dir, err)
		}
		p, err := newPackage(root, module, prefix, l)
		if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Path, b.Path) })
	return packages, nil
}

func newPackage(root, module, prefix string, l listed) (Package, error) {
	relative := func(paths []string) []string {
		var out []string
		for _, p := range paths {
			out = append(out, strings.TrimPrefix(p, module+"/"))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	p := Package{
		Path:        path.Join(prefix, strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, module), "/")),
		Doc:         l.Doc,
		Main:        l.Name == "main",
		Imports:     relative(l.Imports),
		TestImports: relative(slices.Concat(l.TestImports, l.XTestImports)),
		Deps:        relative(l.Deps),
	}
	p.Support = slices.Contains(p.Imports, "testing")
	tests := slices.Concat(l.TestGoFiles, l.XTestGoFiles)
	for _, name := range slices.Concat(l.GoFiles, l.CgoFiles, l.IgnoredGoFiles, tests) {
		f, err := parse(root, filepath.Join(l.Dir, name))
		if err != nil {
			return Package{}, err
		}
		p.Files = append(p.Files, f)
	}
	slices.SortFunc(p.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return p, nil
}

func parse(root, file string) (File, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return File{}, err
	}
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return File{}, err
	}
	f := File{Path: filepath.ToSlash(rel), Test: strings.HasSuffix(file, "_test.go"), Lines: bytes.Count(content, []byte("\n")), fset: token.NewFileSet()}
	// What parses is looked at; go build reports what does not.
	f.Syntax, err = parser.ParseFile(f.fset, file, content, parser.ParseComments|parser.SkipObjectResolution)
	if f.Syntax == nil {
		return File{}, err
	}
	f.Generated = ast.IsGenerated(f.Syntax)
	return f, nil
}

// notOurs are directories without anything that we wrote.
var notOurs = []string{".git", ".cache", "bin", "tmp", "node_modules", "third_party", "vendor"}

// texts reads every file without a NUL byte, but the walls' own (they hold the
// words that they look for) and checksums.
func texts(root string) ([]Text, error) {
	var out []Text
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && (slices.Contains(notOurs, d.Name()) || rel == "internal/walls"):
			return filepath.SkipDir
		case !d.Type().IsRegular() || d.Name() == "go.sum":
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil || bytes.IndexByte(content, 0) >= 0 {
			return err
		}
		out = append(out, Text{rel, content})
		return nil
	})
	return out, err
}

// goTool runs the go command without a workspace, which could add modules.
func goTool(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s in %s: %w\n%s", strings.Join(args, " "), dir, err, stderr.Bytes())
	}
	return out, nil
}
