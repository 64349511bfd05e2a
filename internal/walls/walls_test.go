package walls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository is the directory with the root go.mod, above the package.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("no go.mod two directories above the package: %v", err)
	}
	return root
}

func TestWalls(t *testing.T) {
	tree, err := Load(repository(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Root) < 10 || len(tree.Texts) < 50 {
		t.Fatalf("only %d packages and %d files were found: the walls would hold for nothing", len(tree.Root), len(tree.Texts))
	}
	for _, wall := range All() {
		t.Run(wall.Name, func(t *testing.T) {
			for _, breach := range wall.Check(tree) {
				t.Errorf("%s\n    the wall %q stands because %s", breach, wall.Name, wall.Reason)
			}
		})
	}
}

// TestEveryWallFallsWhereItIsBroken runs the walls over testdata/broken, a small
// product that breaks each of them, and compares the breaches with the
// comments there: a line with "// breach: wall" is to be found, nothing else.
func TestEveryWallFallsWhereItIsBroken(t *testing.T) {
	tree, err := Load(filepath.Join("testdata", "broken"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"core-imports": `
			dunning: imports context: not pure
			dunning: imports example.com/helper: not the standard library nor the currency table
			dunning: imports log/slog: not pure
			dunning: imports math/rand: not pure
			dunning/contact: imports config: the core knows no other package of the product`,
		"core-clock": `
			dunning/clock.go:10: uses time.Now
			dunning/clock.go:11: uses time.LoadLocation
			dunning/clock.go:12: uses time.Local
			dunning/clock.go:13: calls .Local(), which takes the machine's zone
			dunning/contact/contact.go:5: imports time with a dot, which hides what it uses`,
		"core-money": `dunning/money/money.go:5: uses float64`,
		"clock": `
			dunning/clock.go:10: uses time.Now
			dunning/contact/contact.go:5: imports time with a dot, which hides what it uses
			internal/twilio/twilio.go:13: uses time.Now
			standalone/main.go:9: uses time.Since`,
		"adapters": `
			internal/importer: imports internal/app: neither core, clock nor leaf helper
			internal/twilio: imports internal/sendgrid: another adapter`,
		"leaves": `internal/httpx: imports config: more than the core, the clock and other leaves`,
		"workflows": `
			workflows: imports config: workflows know the core and the activities' names only
			workflows: imports internal/sandbox: workflows know the core and the activities' names only
			workflows: depends on config
			workflows: depends on internal/sandbox
			workflows: depends on time/tzdata`,
		"ports": `
			activities: imports config: declare an interface instead
			activities: imports internal/sendgrid: declare an interface instead`,
		"wiring": `
			activities: imports internal/sendgrid: an adapter
			internal/web: imports internal/sandbox: an adapter
			workflows: imports internal/sandbox: an adapter`,
		"test-support": `internal/web: imports internal/helpers: a package for tests`,
		"temporal-server": `
			internal/web: depends on go.temporal.io/server/temporal
			internal/codec: depends on go.temporal.io/server/temporal
			go.mod: requires go.temporal.io/server`,
		"mains":        `worker/main.go: has 31 lines, 30 are allowed`,
		"package-docs": `console: has no package comment`,
		"skips": `
			dunning/skip_test.go:11: skips without saying that ../shared is absent
			dunning/skip_test.go:12: skips without saying that ../shared is absent
			dunning/skip_test.go:22: skips without saying that ../shared is absent`,
		"no-cdn":           `console/page.html:2: loads from or names a public server: //cdn.jsdelivr.net/npm/htmx.org`,
		"no-machine-paths": `console/page.html:3: names a directory of one machine: "/work/d`,
	}
	for _, wall := range All() {
		t.Run(wall.Name, func(t *testing.T) {
			missing := map[string]bool{}
			for line := range strings.SplitSeq(strings.TrimSpace(want[wall.Name]), "\n") {
				missing[strings.TrimSpace(line)] = true
			}
			for _, breach := range wall.Check(tree) {
				if !missing[breach.String()] {
					t.Errorf("unexpected breach %q", breach)
				}
				delete(missing, breach.String())
			}
			for line := range missing {
				t.Errorf("not found: %q", line)
			}
		})
	}
}
