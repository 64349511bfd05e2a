// Package walls checks the walls of the architecture: who may import what, who
// may read the clock, how long a main may be, what no file may name.
//
// It owns the list of walls, each with the reason that its failure shows, and
// the means to look at a tree (go list, go/parser, the files themselves). It
// does not own formatting, vetting or linting, which `make check` leaves to
// their own tools, nor the checks of documents (internal/doccheck).
//
// A wall is a function from a Tree to breaches, so that every wall is tested on
// a small tree that breaks it: testdata/broken.
package walls

import (
	"fmt"
	"slices"
	"strings"
)

// Wall is one rule about the tree.
type Wall struct {
	Name   string
	Reason string // why the wall stands; shown with every breach
	Check  func(*Tree) []Breach
}

// Breach is one place that a wall forbids.
type Breach struct {
	Where string // package or file:line, relative to the repository
	What  string
}

// String is "where: what".
func (b Breach) String() string { return b.Where + ": " + b.What }

// All are the walls, in the order of DESIGN 3.
func All() []Wall {
	return []Wall{
		{"core-imports", "the core is pure: what it may import cannot do I/O, read a clock, draw random numbers, log or be cancelled; what needs a library is handed in as values and small interfaces", coreImports},
		{"core-clock", "the core decides for an instant that it is given; with a clock or a zone database of its own a decision could not be derived again years later", coreClock},
		{"core-money", "money is exact: a float64 loses cents; use dunning/money", coreMoney},
		{"clock", "all business code takes instants from internal/clock, so that a rehearsal runs 90 days in minutes with the same code; pass instants as values", onlyClock},
		{"adapters", "adapters know the core, the clock and small leaf helpers, never one another nor the shells: each can be replaced or tested alone", adaptersAlone},
		{"leaves", "leaf helpers know nothing of the product but the core, or every adapter would know it through them", leavesAlone},
		{"workflows", "a workflow is replayed for months: whatever it imports may never change its result; it knows verbs and the names of activities, no adapter, configuration, database or zone data", workflowsAlone},
		{"ports", "ports are declared where they are used: activities and commands name what they need, internal/app hands it in", portsNotAdapters},
		{"wiring", "only internal/app, internal/cli and mains know everything; anybody else who imports an adapter ties the product to it", wiringOnly},
		{"test-support", "what helps tests (packages that import testing) must not be linked into the product", noTestSupport},
		{"temporal-server", "the server is 500 packages that only standalone/ needs; the root module must build and be upgraded without it", noServer},
		{"mains", "a main is flags plus a type that tests can start and stop; more than 30 lines is untested code", shortMains},
		{"package-docs", "a package says what it owns and what it does not own, or its reader has to guess", packageDocs},
		{"skips", "a test that skips silently proves nothing: only private data beside the repository (../shared) may be absent, and the message says so", loudSkips},
		{"no-cdn", "nothing may be loaded from somebody else's server: it tells them who our debtors are, and fails with them", noCDN},
		{"no-machine-paths", "a path of one machine is wrong on every other", noMachinePaths},
	}
}

// Import paths are written without the module's prefix in walls and breaches.

// adapters talk to something outside the process.
var adapters = []string{
	"internal/twilio", "internal/sendgrid", "internal/smtp", "internal/letter", "internal/sandbox",
	"internal/postgres", "internal/importer", "internal/bank", "internal/einvoice", "internal/place",
}

// leaves are small helpers that adapters may share.
var leaves = []string{
	"internal/httpx", "internal/secret", "internal/sms", "internal/pgserver", "internal/codec",
	"internal/temporalx", "internal/yamlpos", "internal/read", "internal/identity", "internal/chain", "internal/fonts",
	"internal/locale", "internal/sampling", "internal/proposal",
}

// wiring is who may import adapters, beside mains and test support.
var wiring = []string{"internal/app", "internal/cli"}

// within reports whether path is one of roots or below one.
func within(path string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return path == root || strings.HasPrefix(path, root+"/")
	})
}

// home is the one of roots that path is in, "" for none.
func home(path string, roots []string) string {
	for _, root := range roots {
		if within(path, root) {
			return root
		}
	}
	return ""
}

// each collects what f says about every package of the root module.
func each(t *Tree, f func(Package) []Breach) []Breach {
	var out []Breach
	for _, p := range t.Root {
		out = append(out, f(p)...)
	}
	return out
}

// imports collects a breach for every import that bad refuses with a reason.
func imports(p Package, bad func(path string) string) []Breach {
	var out []Breach
	for _, path := range p.Imports {
		if why := bad(path); why != "" {
			out = append(out, Breach{p.Path, fmt.Sprintf("imports %s: %s", path, why)})
		}
	}
	return out
}
