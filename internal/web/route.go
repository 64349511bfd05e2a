package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/duly/duly/internal/identity"
)

// Route is one address of the console.
type Route struct {
	// Pattern as net/http has it, with a method: "GET /cases/{id}".
	Pattern string
	// Need is what whoever asks must be allowed, for at least one creditor. Which
	// creditors a page may show is asked again with Request.Scope, and before something of
	// one creditor changes with Request.Require.
	Need identity.Permission
	// Handle answers. What it returns as an error becomes an error page.
	Handle func(*Request) error
	// Saw is what the audit calls a look at this page ("case", "messages"): set it for
	// every page that shows personal data. The subject is the path's {id}, or what
	// Request.Subject was told.
	Saw string
	// Body is how many bytes a request may have; 0: 1 MiB.
	Body int64
}

// Nav is an entry of the navigation and of the command menu.
type Nav struct {
	Path, Label string
	// Group is its heading: "Work", "Operations", "Compliance", "Set-up".
	Group string
	// Go is the letter of "g + letter"; "" = none. One meaning each, see docs/console.md.
	Go   string
	Need identity.Permission
	// Hidden entries are in the command menu only.
	Hidden bool
}

// Set is what a package adds to the console.
type Set struct {
	// Pages holds the templates: every *.html that does not begin with _ is a page, those
	// with _ are for all pages of the set. See docs/console.md.
	Pages  fs.FS
	Routes []Route
	Nav    []Nav
}

// groups are the headings of the navigation, in order.
var groups = []string{"Work", "Operations", "Compliance", "Set-up"}

// Add adds routes, pages and navigation. It refuses, with all faults, templates that do
// not compile, routes without a method or a handler, and letters that have a meaning.
func (c *Console) Add(s Set) error {
	pages, err := c.parse(s.Pages)
	faults := []error{err}
	for _, r := range s.Routes {
		faults = append(faults, c.addRoute(r, pages))
	}
	for _, n := range s.Nav {
		faults = append(faults, c.addNav(n))
	}
	return errors.Join(faults...)
}

func (c *Console) addRoute(r Route, pages pages) (err error) {
	method, path, ok := strings.Cut(r.Pattern, " ")
	switch {
	case !ok || !slices.Contains([]string{"GET", "POST"}, method) || !strings.HasPrefix(path, "/"):
		return fmt.Errorf("route %q: write GET or POST and a path", r.Pattern)
	case r.Handle == nil:
		return fmt.Errorf("route %q has no handler", r.Pattern)
	case method == http.MethodPost && r.Saw != "":
		return fmt.Errorf("route %q: Saw is for GET; what a POST does is recorded by what it does", r.Pattern)
	}
	defer func() {
		if p := recover(); p != nil { // the mux panics over patterns that overlap
			err = fmt.Errorf("route %q: %v", r.Pattern, p)
		}
	}()
	c.mux.Handle(r.Pattern, c.serve(r, pages))
	c.routes = append(c.routes, r)
	return nil
}

func (c *Console) addNav(n Nav) error {
	if !slices.Contains(groups, n.Group) {
		return fmt.Errorf("navigation to %s: group %q; groups are %v", n.Path, n.Group, groups)
	}
	for _, old := range c.nav {
		if n.Go != "" && old.Go == n.Go {
			return fmt.Errorf("navigation to %s: g %s goes to %s already", n.Path, n.Go, old.Path)
		}
	}
	c.nav = append(c.nav, n)
	return nil
}

// Routes lists all routes in the order of adding, for tests of rights.
func (c *Console) Routes() []Route { return slices.Clone(c.routes) }

// NavGroup is a heading with the entries that somebody may open.
type NavGroup struct {
	Label   string
	Entries []Nav
}

// menu is the navigation for somebody.
func (c *Console) menu(p identity.Principal, hidden bool) []NavGroup {
	var out []NavGroup
	for _, g := range groups {
		group := NavGroup{Label: g}
		for _, n := range c.nav {
			if n.Group == g && (hidden || !n.Hidden) && p.Somewhere(n.Need) {
				group.Entries = append(group.Entries, n)
			}
		}
		if len(group.Entries) > 0 {
			out = append(out, group)
		}
	}
	return out
}
