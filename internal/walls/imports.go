package walls

import (
	"fmt"
	"strings"
)

// impure are packages of the standard library that the core may not import,
// though it may import the rest: each can do what a pure function cannot.
var impure = []string{
	"context", "log", "math/rand", "crypto/rand", "os", "net", "syscall", "database", "testing",
	"runtime", "plugin", "expvar", "io/ioutil", "html/template", "text/template", "time/tzdata", "unsafe", "C",
}

// pureAnyway are below an impure package but only handle values.
var pureAnyway = []string{"net/url", "net/mail", "net/netip"}

func coreImports(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		if !within(p.Path, "dunning") {
			return nil
		}
		return imports(p, func(path string) string {
			switch {
			case within(path, "dunning"), path == "golang.org/x/text/currency":
				return ""
			case t.ours(path):
				return "the core knows no other package of the product"
			case !standard(path):
				return "not the standard library nor the currency table"
			case within(path, impure...) && !within(path, pureAnyway...):
				return "not pure"
			}
			return ""
		})
	})
}

func adaptersAlone(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		mine := home(p.Path, adapters)
		if mine == "" || p.Support {
			return nil
		}
		return imports(p, func(path string) string {
			// config/mapping is the description of a file's columns: plain
			// data that the importer is made of.
			allowed := within(path, "dunning", "internal/clock", mine) || within(path, leaves...) ||
				(mine == "internal/importer" && path == "config/mapping")
			switch other := home(path, adapters); {
			case allowed || !t.ours(path):
				return ""
			case other != "":
				return "another adapter"
			}
			return "neither core, clock nor leaf helper"
		})
	})
}

func leavesAlone(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		if !within(p.Path, leaves...) {
			return nil
		}
		return imports(p, func(path string) string {
			if !t.ours(path) || within(path, "dunning", "internal/clock") || within(path, leaves...) {
				return ""
			}
			return "more than the core, the clock and other leaves"
		})
	})
}

// unreplayable may not even be reached through others from workflows: of ours
// everything but the core and the activities, of others what holds rules, zones
// or connections.
var (
	replayable   = []string{"dunning", "activities", "workflows"}
	unreplayable = []string{
		"time/tzdata", "cel.dev/cel-go", "github.com/jackc/pgx", "github.com/nyaruka/phonenumbers",
		"go.yaml.in/yaml/v4", temporalServer,
	}
)

func workflowsAlone(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		if !within(p.Path, "workflows") {
			return nil
		}
		out := imports(p, func(path string) string {
			if !t.ours(path) || within(path, replayable...) {
				return ""
			}
			return "workflows know the core and the activities' names only"
		})
		for _, path := range p.Deps {
			if t.ours(path) && !within(path, replayable...) || within(path, unreplayable...) {
				out = append(out, Breach{p.Path, fmt.Sprintf("depends on %s", path)})
			}
		}
		return out
	})
}

func portsNotAdapters(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		if !within(p.Path, "activities", "commands") {
			return nil
		}
		return imports(p, func(path string) string {
			if within(path, adapters...) || within(path, "config", "internal/app", "internal/cli", "internal/web") {
				return "declare an interface instead"
			}
			return ""
		})
	})
}

func wiringOnly(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		if within(p.Path, wiring...) || within(p.Path, adapters...) || p.Main || p.Support {
			return nil
		}
		return imports(p, func(path string) string {
			if within(path, adapters...) && !t.isSupport(path) {
				return "an adapter"
			}
			return ""
		})
	})
}

func noTestSupport(t *Tree) []Breach {
	return each(t, func(p Package) []Breach {
		if p.Support {
			return nil
		}
		return imports(p, func(path string) string {
			if t.isSupport(path) {
				return "a package for tests"
			}
			return ""
		})
	})
}

const temporalServer = "go.temporal.io/server"

func noServer(t *Tree) []Breach {
	out := each(t, func(p Package) []Breach {
		for _, path := range append(p.Deps, p.TestImports...) {
			if within(path, temporalServer) {
				return []Breach{{p.Path, "depends on " + path}}
			}
		}
		return nil
	})
	for _, module := range t.Requires {
		if within(module, temporalServer) {
			out = append(out, Breach{"go.mod", "requires " + module})
		}
	}
	return out
}

// standard reports whether path belongs to the standard library: its first
// element has no dot, and it is not ours.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
