package doccheck

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/cli"
	"github.com/duly/duly/internal/walls"
)

// top is the repository's directory.
var top = filepath.Join("..", "..")

// pages are all Markdown files that are read by people, by path.
func pages(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{"README.md": read(t, "README.md")}
	err := filepath.WalkDir(filepath.Join(top, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err == nil {
			out[filepath.ToSlash(rel)] = read(t, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(top, path))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func isThere(path string) bool {
	_, err := os.Stat(filepath.Join(top, filepath.FromSlash(path)))
	return err == nil
}

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	links := 0
	for path, source := range all {
		for _, link := range Parse(source).Links {
			links++
			if err := follow(path, link.Target, all); err != nil {
				t.Errorf("%s:%d: %v", path, link.Line, err)
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links were found: the check looks at nothing", links)
	}
}

// follow checks a link inside the repository; others are not asked for.
func follow(from, target string, all map[string][]byte) error {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return nil
	}
	file, heading, _ := strings.Cut(target, "#")
	to := from
	if file != "" {
		to = filepath.ToSlash(filepath.Join(filepath.Dir(from), file))
	}
	if !isThere(to) {
		return fmt.Errorf("the link %q leads to %s, which is not there", target, to)
	}
	if heading != "" && !slices.Contains(Parse(all[to]).Anchor, heading) {
		return fmt.Errorf("the link %q leads to a heading that %s does not have", target, to)
	}
	return nil
}

// TestDocumentsThatFilesPointToExist covers comments in code and configuration.
func TestDocumentsThatFilesPointToExist(t *testing.T) {
	tree, err := walls.Load(top)
	if err != nil {
		t.Fatal(err)
	}
	mention := regexp.MustCompile(`\bdocs/[A-Za-z0-9/_-]+\.(md|json|svg|csv)\b`)
	found := 0
	for _, file := range tree.Texts {
		if strings.HasPrefix(file.Path, "internal/doccheck/") || strings.Contains(file.Path, "/testdata/") {
			continue
		}
		for _, name := range mention.FindAllString(string(file.Content), -1) {
			found++
			if !isThere(name) {
				t.Errorf("%s points to %s, which is not there", file.Path, name)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d mentions were found: the check looks at nothing", found)
	}
}

func TestCommandsExist(t *testing.T) {
	targets := Targets(string(read(t, "Makefile")))
	for path, source := range pages(t) {
		for _, b := range Parse(source).Blocks {
			if b.Language != "sh" {
				continue
			}
			c := CommandsIn(b.Text)
			for _, target := range c.Targets {
				if !slices.Contains(targets, target) {
					t.Errorf("%s:%d: the Makefile has no target %q", path, b.Line, target)
				}
			}
			for _, file := range slices.Concat(c.Scripts, c.Mains) {
				if !isThere(file) {
					t.Errorf("%s:%d: %s is not there", path, b.Line, file)
				}
			}
		}
	}
}

// TestCallsOfDulyAreUnderstood asks the command line itself whether commands
// and flags of the documents exist.
func TestCallsOfDulyAreUnderstood(t *testing.T) {
	for path, source := range pages(t) {
		for _, args := range Parse(source).DulyCalls() {
			if err := understood(args); err != nil {
				t.Errorf("%s: duly %s: %v", path, strings.Join(args, " "), err)
			}
		}
	}
}

// understood walks the words of a call down the tree of commands; what is left
// over, arguments, is not looked at.
func understood(args []string) error {
	cmd := cli.Root(cli.Env{Getenv: func(string) string { return "" }})
	for i, arg := range args {
		if name, ok := strings.CutPrefix(arg, "--"); ok {
			name, _, _ = strings.Cut(name, "=")
			if cmd.Flag(name) == nil {
				return fmt.Errorf("%s has no flag --%s", cmd.CommandPath(), name)
			}
			continue
		}
		if !cmd.HasSubCommands() {
			continue
		}
		next, _, err := cmd.Find([]string{arg})
		if err != nil || next == cmd {
			return fmt.Errorf("%s has no command %q (word %d)", cmd.CommandPath(), arg, i+1)
		}
		cmd = next
	}
	return nil
}

func TestUnderstood(t *testing.T) {
	for _, c := range []struct {
		why, call string
		ok        bool
	}{
		{"a command", "migrate", true},
		{"with a flag and an argument", "check --output json FILE", true},
		{"a command below a command", "import items FILE --mapping items", true},
		{"an unknown command", "dun everybody", false},
		{"an unknown command below a command", "import everything FILE", false},
		{"an unknown flag", "check --quickly FILE", false},
	} {
		if err := understood(strings.Fields(c.call)); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// TestMarkedCommandsRun runs the blocks that are marked as testable.
func TestMarkedCommandsRun(t *testing.T) {
	ran := 0
	for path, source := range pages(t) {
		for _, b := range Parse(source).Blocks {
			if !b.Tested {
				continue
			}
			ran++
			t.Run(fmt.Sprintf("%s:%d", path, b.Line), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute) // it may have to compile everything
				defer cancel()
				cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", b.Text)
				cmd.Dir = top
				cmd.Env = append(os.Environ(), "GOWORK=off")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s\n%s", err, b.Text, out)
				}
			})
		}
	}
	if ran == 0 {
		t.Error("no code block is marked <!-- test -->: no command of the documents is known to work")
	}
}

// TestEveryGuaranteeNamesTestsThatExist reads the rows of docs/guarantees.md.
func TestEveryGuaranteeNamesTestsThatExist(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d+) \|.*$`).FindAllStringSubmatch(string(read(t, "docs/guarantees.md")), -1)
	if len(rows) != 10 {
		t.Errorf("%d guarantees are listed, the design makes 10", len(rows))
	}
	for _, row := range rows {
		tests := NamedTests(row[0])
		if len(tests) == 0 {
			t.Errorf("guarantee %s names no test: it is a wish", row[1])
		}
		for _, test := range tests {
			if !defined(t, test) {
				t.Errorf("guarantee %s: %s has no test %s", row[1], test.Package, test.Name)
			}
		}
	}
}

// defined reports whether a package's test files declare the test.
func defined(t *testing.T, test NamedTest) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(test.Package), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "\nfunc "+test.Name+"(") {
			return true
		}
	}
	return false
}

// TestNamedTestsExistEverywhere covers the documents beside the guarantees.
func TestNamedTestsExistEverywhere(t *testing.T) {
	for path, source := range pages(t) {
		for _, test := range NamedTests(string(source)) {
			if !defined(t, test) {
				t.Errorf("%s: %s has no test %s", path, test.Package, test.Name)
			}
		}
	}
}

func TestDecisionsAreDatedAndSayWhatWasRejected(t *testing.T) {
	dated := regexp.MustCompile(`^docs/decisions/\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.md$`)
	notes := 0
	for path, source := range pages(t) {
		if filepath.Dir(path) != "docs/decisions" || path == "docs/decisions/README.md" {
			continue
		}
		notes++
		if !dated.MatchString(path) {
			t.Errorf("%s: a decision's file is called YYYY-MM-DD-words.md", path)
		}
		if !regexp.MustCompile(`(?i)reject|not expressed`).Match(source) {
			t.Errorf("%s: does not say what was rejected (or, of cases taken over, what was not expressed)", path)
		}
	}
	if notes == 0 {
		t.Error("no decisions were found")
	}
}

func TestEveryMakeTargetHasHelp(t *testing.T) {
	makefile := string(read(t, "Makefile"))
	phony := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindStringSubmatch(makefile)
	if phony == nil {
		t.Fatal("no .PHONY line in the Makefile")
	}
	for _, target := range strings.Fields(phony[1]) {
		if !regexp.MustCompile(`(?m)^` + target + `:.* ## \S`).MatchString(makefile) {
			t.Errorf("target %q has no help text", target)
		}
	}
	for _, want := range []string{"demo", "test", "check", "bench", "e2e"} {
		if !slices.Contains(Targets(makefile), want) {
			t.Errorf("the design promises make %s", want)
		}
	}
}

func TestParse(t *testing.T) {
	page := Parse([]byte("# Back up, and restore!\n\nSee [a](b.md#c) and ![p](d.svg).\n\n<!-- test -->\n```sh\nmake test\n```\n\n```yaml\nx: [y](no)\n```\n"))
	if want := []Link{{"b.md#c", 3}, {"d.svg", 3}}; !slices.Equal(page.Links, want) {
		t.Errorf("links %v, want %v", page.Links, want)
	}
	if want := []string{"back-up-and-restore"}; !slices.Equal(page.Anchor, want) {
		t.Errorf("anchors %v, want %v", page.Anchor, want)
	}
	want := []Block{{"sh", "make test\n", 7, true}, {"yaml", "x: [y](no)\n", 11, false}}
	if !slices.Equal(page.Blocks, want) {
		t.Errorf("blocks %+v, want %+v", page.Blocks, want)
	}
}

func TestDulyCalls(t *testing.T) {
	page := Parse([]byte("Say `duly case …` or `duly import items FILE`, not `unduly late`.\n\n```sh\ngo run ./cmd/duly check x.json\n```\n"))
	if got, want := fmt.Sprint(page.DulyCalls()), "[[case] [import items FILE] [check x.json]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFollow(t *testing.T) {
	all := map[string][]byte{"README.md": []byte("# Duly\n"), "docs/guarantees.md": []byte("# Guarantees\n")}
	for _, c := range []struct {
		why, from, target string
		ok                bool
	}{
		{"another host is not asked", "README.md", "https://example.com/x", true},
		{"a file", "README.md", "docs/guarantees.md", true},
		{"a directory", "README.md", "docs", true},
		{"up and down", "docs/guarantees.md", "../README.md", true},
		{"a heading", "README.md", "docs/guarantees.md#guarantees", true},
		{"a heading of the page itself", "README.md", "#duly", true},
		{"a missing file", "README.md", "docs/nothing.md", false},
		{"a missing heading", "README.md", "docs/guarantees.md#nothing", false},
	} {
		if err := follow(c.from, c.target, all); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

func TestCommandsIn(t *testing.T) {
	for _, c := range []struct {
		why, code string
		want      string
	}{
		{"targets at the start and after others", "make demo ARGS=x && make test", "{[demo test] [] []}"},
		{"scripts", "deploy/make-secrets && scripts/check walls", "{[] [deploy/make-secrets scripts/check] []}"},
		{"a main in the root module", "go run ./cmd/duly simulate", "{[] [] [cmd/duly]}"},
		{"a main of another module", "go run -C standalone . demo", "{[] [] [standalone]}"},
		{"words that only look like it", "remake this; ./mydeploy/x", "{[] [] []}"},
	} {
		if got := fmt.Sprint(CommandsIn(c.code)); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
}

func TestNamedTests(t *testing.T) {
	got := NamedTests("| 1 | x | `internal/a` `TestB` · `dunning` `FuzzC` · `TestAlone` |")
	if want := []NamedTest{{"internal/a", "TestB"}, {"dunning", "FuzzC"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if defined(t, NamedTest{"internal/doccheck", "TestThatNobodyWrote"}) {
		t.Error("a test that nobody wrote is found")
	}
	if !defined(t, NamedTest{"internal/doccheck", "TestNamedTests"}) {
		t.Error("this test is not found")
	}
}
