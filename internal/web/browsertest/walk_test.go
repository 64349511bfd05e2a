package browsertest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/internal/identity"
)

// TestEveryPage opens every page that the console has, and some of them in several states:
// as people at a desk see it, light and dark, on a tablet, at 200 per cent and at 320 pixels.
func TestEveryPage(t *testing.T) {
	s := everything(t)
	pages := append(s.pages(), s.furtherPages()...)
	t.Run("no page is forgotten", func(t *testing.T) { nonePageForgotten(t, s, pages) })
	b := startChrome(t)
	w := &walk{s: s, all: t, b: b, tabs: map[identity.Role]*tab{}, titles: map[string]page{}, dark: map[string]bool{}}
	axe, err := os.ReadFile("testdata/axe.min.js")
	s.must(err)
	w.axe = string(axe)
	for _, pg := range pages {
		t.Run(pg.name, func(t *testing.T) { w.look(t, pg) })
	}
	t.Log(w.table())
	t.Run("what pages load is kept by browsers", func(t *testing.T) { assetsAreKept(t, w.tab(identity.Collector)) })
}

// assetsAreKept: one style sheet, two scripts and the letters, each under an address that
// changes with its content, kept for a year and asked for never again.
func assetsAreKept(t *testing.T, p *tab) {
	p.visit("/profile")
	counts, bytes := map[string]int{}, 0
	for _, address := range p.strings(`[...document.querySelectorAll("link[href], script[src]")].map(e => e.href || e.src)`) {
		res, err := http.Get(address) //nolint:noctx // a test's own server
		p.must(err)
		b, err := io.ReadAll(res.Body)
		p.must(err)
		_ = res.Body.Close()
		if kept := res.Header.Get("Cache-Control"); res.StatusCode != http.StatusOK || !strings.Contains(kept, "immutable") {
			t.Errorf("%s: status %d, Cache-Control %q", address, res.StatusCode, kept)
		}
		counts[path.Ext(address)]++
		bytes += len(b)
	}
	if want := (map[string]int{".css": 1, ".js": 2, ".svg": 1, ".woff2": 1}); !maps.Equal(counts, want) {
		t.Errorf("a page loads %v, want %v", counts, want)
	}
	if bytes > 200<<10 {
		t.Errorf("a page loads %d kB beside itself", bytes>>10)
	}
	t.Logf("beside itself a page loads %d kB, once", bytes>>10)
}

// noPage are the addresses that answer with something other than a page of their own.
var noPage = map[string]string{
	"GET /{$}":                        "leads on to the page of one's role",
	"GET /day/next":                   "leads on to the next case",
	"GET /login/oidc":                 "leads on to the provider",
	"GET /login/oidc/callback":        "leads on to the console",
	"GET /search":                     "a part of the command menu",
	"GET /views":                      "a part of every list",
	"GET /cases/{id}/evidence":        "a file",
	"GET /samples/{id}/export":        "a file",
	"GET /samples/preview":            "a part of the form of a sample",
	"GET /imports/{id}/file":          "a file",
	"GET /uploads/{id}/rejects":       "a file",
	"GET /cases/{id}/message/preview": "a part of the form of a message",
	"GET /proposals/{id}/message":     "the text of a message, in a frame of its own",
}

// nonePageForgotten compares the pages of the walk with the routes of the console.
func nonePageForgotten(t *testing.T, s *site, pages []page) {
	mux, seen := http.NewServeMux(), map[string]bool{}
	routes := s.console.Web().Routes()
	for _, r := range routes {
		mux.HandleFunc(r.Pattern, func(http.ResponseWriter, *http.Request) {})
	}
	for _, pg := range pages {
		req, err := http.NewRequest(http.MethodGet, "http://duly.invalid"+pg.path, nil)
		s.must(err)
		_, pattern := mux.Handler(req)
		seen[pattern] = true
	}
	for _, r := range routes {
		_, excused := noPage[r.Pattern]
		part := strings.HasSuffix(r.Pattern, "/try") // what a form shows while it is filled in
		switch {
		case !strings.HasPrefix(r.Pattern, "GET "), part:
		case !seen[r.Pattern] && !excused:
			t.Errorf("%s is opened by no test: add it to site.pages, or to noPage with the reason why it is no page", r.Pattern)
		case seen[r.Pattern] && excused:
			t.Errorf("%s is opened, and noPage says that it is no page", r.Pattern)
		}
	}
	for pattern := range noPage {
		if !slices.ContainsFunc(routes, func(r route) bool { return r.Pattern == pattern }) {
			t.Errorf("noPage excuses %s, which does not exist", pattern)
		}
	}
}

// walk goes from page to page and remembers what must not come twice.
type walk struct {
	all    testing.TB // the tabs live as long as it
	s      *site
	b      *chrome
	axe    string
	tabs   map[identity.Role]*tab
	titles map[string]page // whose title it is
	dark   map[string]bool // addresses whose colours in the dark were looked at
	costs  []cost
}

// cost is what a page costs.
type cost struct {
	Name   string
	Server float64 // milliseconds until the first byte
	HTML   int     // bytes
	Ready  float64 // milliseconds until everything stood
	Shift  float64 // cumulative layout shift
	Nodes  int
}

// tab is the one of a role; nobody has one of their own.
func (w *walk) tab(role identity.Role) *tab {
	p := w.tabs[role]
	if p == nil {
		p = w.b.open(w.all, w.s.srv.URL, 1366, 768)
		if role != "" {
			w.s.signIn(p, role)
		}
		w.tabs[role] = p
	}
	return p
}

// look opens a page and looks at it in every way.
func (w *walk) look(t *testing.T, pg page) {
	p := w.tab(pg.role)
	p.t = t
	defer func() { p.t = w.all }()
	p.scheme("light")
	p.visit(pg.path)
	p.lettered()
	p.settled()
	fault(t, pg, "light", p.axe(w.axe, "light"))
	fault(t, pg, "its structure", p.strings(structure))
	fault(t, pg, "at 1366 × 768", p.strings(sideways))
	w.title(t, pg, p.text("document.title"))
	w.measure(t, pg, p)
	p.shoot(pg.name+"-light", false)
	p.scheme("dark")
	address, _, _ := strings.Cut(pg.path, "?")
	if !w.dark[address] || pictures() { // another state of a page has the same colours
		fault(t, pg, "dark", p.axe(w.axe, "dark"))
	}
	w.dark[address] = true
	p.shoot(pg.name+"-dark", false)
	p.scheme("light")
	for _, size := range sizes {
		p.size(size.width, size.height)
		fault(t, pg, size.about, p.strings(sideways))
		fault(t, pg, size.about, p.strings(stacked))
		if size.picture != "" {
			p.shoot(pg.name+"-"+size.picture, false)
		}
	}
	if pictures() { // what is below the fold of a phone: for the eye only
		p.size(375, 1900)
		p.shoot(pg.name+"-phone-long", false)
		p.scheme("dark")
		p.shoot(pg.name+"-phone-long-dark", false)
		p.scheme("light")
	}
	p.size(1366, 768)
	if pg.name == "error" {
		p.forgive("404 (Not Found)")
	}
	p.clean(pg.name)
}

// forgive forgets what the browser says about a page that is meant to be answered so.
func (p *tab) forgive(words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = slices.DeleteFunc(p.faults, func(f string) bool { return strings.Contains(f, words) })
}

// pictures reports whether pictures are wanted.
func pictures() bool { return os.Getenv("DULY_SCREENSHOTS") != "" }

// sizes of windows beside that of a desk.
var sizes = []struct {
	about, picture string
	width, height  int
}{
	{"on a small laptop", "laptop", 1280, 720},
	{"on a tablet that lies", "tablet", 1024, 768},
	{"on a tablet that stands", "tablet-tall", 768, 1024},
	{"at 200 per cent", "", 683, 384},
	{"on a phone", "phone-wide", 375, 667},
	{"at 320 pixels", "phone", 320, 640},
}

func fault(t *testing.T, pg page, how string, faults []string) {
	for _, f := range faults {
		t.Errorf("%s, %s: %s", pg.name, how, f)
	}
}

// title holds that pages of different addresses have different titles.
func (w *walk) title(t *testing.T, pg page, title string) {
	path, _, _ := strings.Cut(pg.path, "?")
	old, known := w.titles[title]
	oldPath, _, _ := strings.Cut(old.path, "?")
	switch {
	case strings.TrimSpace(strings.TrimSuffix(title, "· Duly")) == "" || title == "Duly":
		t.Errorf("%s has no title", pg.name)
	case known && oldPath != path:
		t.Errorf("%s and %s have one title: %q", old.name, pg.name, title)
	}
	w.titles[title] = pg
}

// measure notes what the page cost.
func (w *walk) measure(t *testing.T, pg page, p *tab) {
	t.Helper()
	c := cost{Name: pg.name}
	p.must(p.eval(costs, &c))
	c.Name = pg.name
	w.costs = append(w.costs, c)
	if c.Shift > 0.05 {
		t.Errorf("%s moves while it loads: layout shift %.3f", pg.name, c.Shift)
	}
	if c.HTML > 400<<10 {
		t.Errorf("%s has %d kB of HTML", pg.name, c.HTML>>10)
	}
}

// table prints what the pages cost.
func (w *walk) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-24s %9s %8s %8s %7s %6s\n", "page", "server ms", "HTML kB", "ready ms", "shift", "nodes")
	for _, c := range w.costs {
		fmt.Fprintf(&b, "%-24s %9.1f %8.1f %8.0f %7.3f %6d\n", c.Name, c.Server, float64(c.HTML)/1024, c.Ready, c.Shift, c.Nodes)
	}
	return b.String()
}

// strings runs an expression that gives a list of words.
func (p *tab) strings(expression string) []string {
	p.t.Helper()
	var text string
	p.must(p.eval("JSON.stringify("+expression+")", &text))
	var out []string
	p.must(json.Unmarshal([]byte(text), &out))
	return out
}

// costs of the page that is open.
const costs = `(() => { const n = performance.getEntriesByType("navigation")[0];
	const shifts = (() => { const o = new PerformanceObserver(() => {}); o.observe({type: "layout-shift", buffered: true}); return o.takeRecords(); })();
	return { Server: n.responseStart - n.requestStart, HTML: n.encodedBodySize, Ready: n.loadEventEnd - n.startTime,
		Shift: shifts.filter(s => !s.hadRecentInput).reduce((a, s) => a + s.value, 0), Nodes: document.querySelectorAll("*").length }; })()`

// sideways is what would make somebody scroll in two directions: tables and drawings may be
// wide in a box of their own, which then can be reached by keyboard or holds something that can.
const sideways = `(() => { const out = [], root = document.documentElement, main = document.querySelector("main");
	const box = (e) => { for (let b = e.parentElement; b && b !== main; b = b.parentElement) { const o = getComputedStyle(b).overflowX; if (o === "auto" || o === "scroll" || o === "hidden") return b; } return null; };
	const edge = main.getBoundingClientRect().right + 1;
	const cause = () => [...main.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > edge && !box(e)).slice(0, 2).map(e => e.outerHTML.slice(0, 140)).join(" | ");
	if (root.scrollWidth > innerWidth + 1) out.push("the page scrolls sideways, " + root.scrollWidth + " wide: " + cause());
	else if (main && main.scrollWidth > main.clientWidth + 1) out.push("its content scrolls sideways, " + main.scrollWidth + " wide: " + cause());
	for (const e of document.querySelectorAll("main details.pop[open] > div")) { const r = e.getBoundingClientRect(); if (r.left < -1 || r.right > innerWidth + 1) out.push("a form that opens leaves the window, from " + r.left + " to " + r.right + ": " + e.outerHTML.slice(0, 100)); }
	return out; })()`

// stacked is what would be wrong with lists whose rows are cards on a phone: a cell that says
// another heading than its column has, or cells that are cut off or scroll there.
const stacked = `(() => { const out = [];
	for (const t of document.querySelectorAll("table.stack")) {
		if (!t.getClientRects().length) continue;
		const heads = [...t.tHead.rows[0].cells].map(c => c.textContent.trim());
		if (innerWidth <= 640 && t.scrollWidth > t.clientWidth + 1) out.push("a list scrolls sideways, " + t.scrollWidth + " wide");
		for (const row of t.tBodies[0].rows) {
			if ([...row.cells].filter(c => c.dataset.label === undefined).length > 2) out.push("cells that do not say what they are: " + row.outerHTML.slice(0, 120));
			[...row.cells].forEach((c, i) => {
				const label = c.dataset.label, box = c.getBoundingClientRect();
				if (label !== undefined && label !== heads[i]) out.push("a cell says " + label + ", its column " + heads[i]);
				if (innerWidth > 640 || !box.width) return;
				if (box.right > innerWidth || c.scrollWidth > c.clientWidth + 1) out.push("a cell is cut off: " + c.outerHTML.slice(0, 120));
				if (label !== undefined && !getComputedStyle(c, "::before").content.includes(label)) out.push("a cell does not show its heading " + label);
			});
		}
	}
	return out.slice(0, 5); })()`

// structure is what a screen reader or a keyboard would stumble over, beside what axe finds.
const structure = `(() => { const out = [], main = document.querySelectorAll("main");
	const seen = (e) => e.getClientRects().length > 0;
	if (main.length !== 1) out.push(main.length + " main landmarks");
	const heads = [...document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")].filter(seen);
	const ones = heads.filter(h => h.tagName === "H1");
	if (ones.length !== 1) out.push(ones.length + " headings of level 1");
	if (heads.length && heads[0].tagName !== "H1") out.push("the first heading is " + heads[0].outerHTML.slice(0, 80));
	heads.reduce((was, h) => { const at = Number(h.tagName[1]); if (at > was + 1) out.push("a heading of level " + at + " follows one of level " + was + ": " + h.textContent.trim().slice(0, 60)); return at; }, 1);
	if (!document.body.classList.contains("bare")) {
		for (const [what, n] of [["header.top", 1], ["nav[aria-label]", 1], [".skip", 1]]) if (document.querySelectorAll(what).length < n) out.push("no " + what);
	}
	if (!document.documentElement.lang) out.push("no language");
	for (const e of document.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) out.push("a tabindex above 0: " + e.outerHTML.slice(0, 100));
	for (const e of document.querySelectorAll("[data-key]:not([data-key='?']), [data-command], [data-copy]")) {
		if (!e.matches("a[href], button, input, select, textarea, summary, dialog *") && seen(e) && (e.dataset.key || e.dataset.command)) out.push("a key leads to what cannot be focused: " + e.outerHTML.slice(0, 100));
	}
	for (const e of document.querySelectorAll("main :is(a:not([href]), [onclick])")) out.push("no link and no button: " + e.outerHTML.slice(0, 100));
	for (const t of document.querySelectorAll("main table")) if (seen(t) && !t.querySelector("th") && !t.matches("[role]")) out.push("a table without headings: " + t.outerHTML.slice(0, 100));
	for (const e of document.querySelectorAll("main .num, main td.num")) if (seen(e) && e.tagName === "TD" && getComputedStyle(e).textAlign !== "right" && getComputedStyle(e).textAlign !== "end") out.push("figures that do not stand at the right: " + e.outerHTML.slice(0, 100));
	if (/\b(undefined|NaN|<nil>|%!|map\[)/.test(document.querySelector("main")?.innerText || "")) out.push("words of a machine: " + document.querySelector("main").innerText.match(/.{0,30}\b(undefined|NaN|<nil>|%!|map\[).{0,30}/)?.[0]);
	const ids = [...document.querySelectorAll("[id]")].map(e => e.id); const twice = ids.filter((x, i) => ids.indexOf(x) !== i);
	if (twice.length) out.push("ids that are there twice: " + [...new Set(twice)].slice(0, 5).join(", "));
	return out; })()`
