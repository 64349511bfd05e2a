package web_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

func TestForeignSitesCannotAct(t *testing.T) {
	h := newHouse(t, nil)
	b := h.in(h.user("ada", everywhere(identity.Admin)))
	for name, c := range map[string]struct {
		header []string
		ok     bool
	}{
		"our own page":                                {[]string{"Sec-Fetch-Site", "same-origin"}, true},
		"another site":                                {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false},
		"another subdomain":                           {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.example"}, false},
		"an old browser on another site":              {[]string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, false},
		"an origin that hides":                        {[]string{"Sec-Fetch-Site", "", "Origin", "null"}, false},
		"an old browser on our own page":              {[]string{"Sec-Fetch-Site", "", "Origin", h.srv.URL}, true},
		"an origin that only begins like ours":        {[]string{"Sec-Fetch-Site", "", "Origin", h.srv.URL + ".evil.example"}, false},
		"one with our address as its user's name":     {[]string{"Sec-Fetch-Site", "", "Origin", "https://" + strings.TrimPrefix(h.srv.URL, "http://") + "@evil.example"}, false},
		"a method override does not make it harmless": {[]string{"Sec-Fetch-Site", "cross-site", "X-HTTP-Method-Override", "GET"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			res := b.do("POST", "/profile/settings", url.Values{"theme": {"dark"}}, c.header...)
			if ok := res.StatusCode == 303; ok != c.ok {
				t.Errorf("status %d", res.StatusCode)
			}
		})
	}
	// GET changes nothing: there is no route that a link could abuse.
	for _, r := range h.Routes() {
		if method, path := pathOf(r.Pattern); method == "POST" {
			if res := b.get(path); res.StatusCode != 404 && res.StatusCode != 405 && !hasGet(h, path) {
				t.Errorf("GET %s: status %d", path, res.StatusCode)
			}
		}
	}
}

func hasGet(h *house, path string) bool {
	for _, r := range h.Routes() {
		if method, p := pathOf(r.Pattern); method == "GET" && p == path {
			return true
		}
	}
	return false
}

func TestRedirectsStayHere(t *testing.T) {
	h := newHouse(t, nil)
	b := h.in(h.user("ada"))
	for _, next := range []string{
		"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/\t/evil.example",
		"/x\r\nSet-Cookie: a=b", "evil.example", "///evil.example", "/login?next=//evil.example", strings.Repeat("/a", 2000),
	} {
		if to := b.get("/login?next=" + url.QueryEscape(next)).to(); to != "/" {
			t.Errorf("next=%q leads to %q", next, to)
		}
	}
	if to := b.get("/login?next=" + url.QueryEscape("/users?q=a b")).to(); to != "/users?q=a b" {
		t.Errorf("a place of ours is forgotten: %q", to)
	}
	if res := h.browser().get("/profile?x=1"); res.to() != "/login?next=%2Fprofile%3Fx%3D1" {
		t.Errorf("the login does not lead back: %q", res.to())
	}
}

func TestOversizedRequestsAreRefused(t *testing.T) {
	h := newHouse(t, nil)
	b := h.in(h.user("ada"))
	res := b.do("POST", "/profile/settings", url.Values{"theme": {strings.Repeat("x", 2<<20)}})
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("two megabytes: status %d", res.StatusCode)
	}
	res = b.get("/profile", "Cookie", "duly-session="+strings.Repeat("x", 5000))
	if res.StatusCode != 303 {
		t.Errorf("a long token: status %d", res.StatusCode)
	}
}

func TestFilesCannotBeReached(t *testing.T) {
	h := newHouse(t, nil)
	page := h.browser().get("/login").body
	css := regexp.MustCompile(`/static/[0-9a-f]+/app\.css`).FindString(page)
	if css == "" {
		t.Fatal("the page names no style sheet")
	}
	ok := h.browser().get(css)
	if ok.StatusCode != 200 || !strings.Contains(ok.Header.Get("Cache-Control"), "immutable") {
		t.Fatalf("style sheet: %d %s", ok.StatusCode, ok.Header.Get("Cache-Control"))
	}
	base := strings.TrimSuffix(css, "app.css")
	for _, name := range []string{"..%2f..%2fconsole.go", "%2e%2e/%2e%2e/console.go", "..%5c..%5cconsole.go", "%2fetc%2fpasswd", "app.css%00.js", "", "."} {
		if res := h.browser().get(base + name); res.StatusCode == 200 {
			t.Errorf("%q is served", name)
		}
	}
	old := h.browser().get("/static/000000000000/app.css")
	if strings.Contains(old.Header.Get("Cache-Control"), "immutable") {
		t.Error("an address of another version may be kept for ever")
	}
}

// evil is what people could write to hurt who reads it.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}`

func TestNamesAreOnlyText(t *testing.T) {
	h := newHouse(t, nil)
	u := h.user("ada", everywhere(identity.Admin))
	h.must(h.store.SetProfile(t.Context(), u.ID, evil, ""))
	h.must(h.store.PutView(t.Context(), u.ID, identity.SavedView{Place: "/users", Name: evil, Query: "q=" + url.QueryEscape(evil)}))
	b := h.in(u)
	b.post("/users", "name", "x", "title", evil, "role", "collector", "creditor", "*")
	for _, path := range []string{"/users", "/profile", "/views", "/users?q=" + url.QueryEscape(evil), "/nowhere/" + url.PathEscape(evil), "/search?q=" + url.QueryEscape(evil)} {
		res := b.get(path)
		if strings.Contains(res.body, "<script>alert") || strings.Contains(res.body, "<img src=x") {
			t.Errorf("%s lets markup through", path)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	h := newHouse(t, nil)
	b := h.in(h.user("ada", everywhere(identity.Admin)))
	for _, path := range []string{"/login", "/profile", "/users", "/nowhere", "/static/x/app.css", "/keys"} {
		res := b.get(path)
		csp := res.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy lacks %s", path, part)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if res.Header.Get("Request-Id") == "" {
			t.Errorf("%s has no request id", path)
		}
	}
	secure := newHouse(t, func(o *web.Options) { o.Public = &url.URL{Scheme: "https", Host: "duly.example.invalid"} })
	secure.local("ada", password)
	res := secure.browser().post("/login", "name", "ada", "password", password)
	ck := res.Header.Get("Set-Cookie")
	for _, part := range []string{"__Host-duly=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(ck, part) {
			t.Errorf("with https the cookie lacks %s", part)
		}
	}
	if !strings.Contains(res.Header.Get("Strict-Transport-Security"), "max-age") {
		t.Error("with https browsers are not told to stay there")
	}
}

func TestCSVIsHarmless(t *testing.T) {
	for in, want := range map[string]string{
		`=1+1`:                   `'=1+1`,
		`@SUM(A1)`:               `'@SUM(A1)`,
		`+cmd|' /C calc'!A0`:     `'+cmd|' /C calc'!A0`,
		`-2+3+cmd|' /C calc'!A0`: `'-2+3+cmd|' /C calc'!A0`,
		"\t=1+1":                 "'\t=1+1",
		"\r=1":                   "'\r=1",
		"  =1+1":                 "'  =1+1",
		"\u00a0=1":               "'\u00a0=1",
		"\ufeff=1":               "'\ufeff=1",
		"＝1+1":                   "'＝1+1",
		`-12.50`:                 `-12.50`,
		`-1,204.00`:              `-1,204.00`,
		`+491701234567`:          `+491701234567`,
		`Ada = Example`:          `Ada = Example`,
		``:                       ``,
	} {
		if got := web.Harmless([]string{in})[0]; got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestExport(t *testing.T) {
	h := newHouse(t, nil)
	rows := func(fail bool) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			if yield([]string{`=HYPERLINK("http://evil")`, "1,5"}, nil) && fail {
				yield(nil, errors.New("the database went away"))
			}
		}
	}
	h.must(h.Add(web.Set{Routes: []web.Route{
		{Pattern: "GET /rows", Need: identity.Export, Handle: func(r *web.Request) error { return r.CSV("rows", []string{"a", "b"}, rows(false)) }},
		{Pattern: "GET /half", Need: identity.Export, Handle: func(r *web.Request) error { return r.CSV("half", []string{"a", "b"}, rows(true)) }},
	}}))
	b := h.in(h.user("ada", everywhere(identity.Auditor)))
	res := b.get("/rows?q=Ada+Example&format=csv")
	got, err := csv.NewReader(strings.NewReader(res.body)).ReadAll()
	h.must(err)
	if len(got) != 2 || got[1][0] != `'=HYPERLINK("http://evil")` {
		t.Errorf("rows: %q", got)
	}
	if d := res.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") {
		t.Errorf("disposition %q", d)
	}
	noted := h.audited("export.rows")
	if len(noted) != 1 || noted[0].Detail["filters"] != "q" || strings.Contains(noted[0].Detail["filters"], "Ada") {
		t.Errorf("recorded: %+v", noted)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.srv.URL+"/half", nil)
	h.must(err)
	broken, err := b.Do(req)
	if err == nil {
		var all bytes.Buffer
		_, err = all.ReadFrom(broken.Body)
		_ = broken.Body.Close()
	}
	if err == nil {
		t.Error("half a list looks like a whole one")
	}
}

func TestAttachmentsAreNeverPages(t *testing.T) {
	h := newHouse(t, nil)
	h.must(h.Add(web.Set{Routes: []web.Route{{Pattern: "GET /file", Need: identity.SignedIn, Handle: func(r *web.Request) error {
		return r.Attachment("../../etc/passwd\r\nX: y.html", "text/html", []byte("<script>alert(1)</script>"))
	}}}}))
	res := h.in(h.user("ada")).get("/file")
	if d := res.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; filename=") || strings.ContainsAny(d, "/\r\n") {
		t.Errorf("disposition %q", d)
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox") {
		t.Errorf("policy %q", csp)
	}
}

func TestViewsAreRecordedOrNotShown(t *testing.T) {
	fail := false
	h := newHouse(t, func(o *web.Options) {
		keep := o.Record
		o.Record = func(ctx context.Context, r web.Record) error {
			if fail {
				return errors.New("no audit today")
			}
			return keep(ctx, r)
		}
	})
	pages := fstest.MapFS{"secret.html": {Data: []byte(`{{define "main"}}the secret{{end}}`)}}
	h.must(h.Add(web.Set{Pages: pages, Routes: []web.Route{{Pattern: "GET /secret/{id}", Need: identity.View, Saw: "secret", Handle: func(r *web.Request) error { return r.Page("secret.html", nil) }}}}))
	u := h.user("ada", everywhere(identity.Collector))
	b := h.in(u)
	if res := b.get("/secret/7"); !strings.Contains(res.body, "the secret") {
		t.Fatalf("not shown: %d", res.StatusCode)
	}
	b.get("/secret/7", "Duly-Part", "live")
	seen := h.audited("view.secret")
	if len(seen) != 1 || seen[0].Subject != "7" || seen[0].By != "user:"+u.ID {
		t.Errorf("recorded: %+v", seen)
	}
	fail = true
	if res := b.get("/secret/7"); res.StatusCode != 500 || strings.Contains(res.body, "the secret") {
		t.Errorf("without a record it is shown: %d", res.StatusCode)
	}
}

func TestStrangersCannotFillTheAudit(t *testing.T) {
	h := newHouse(t, nil)
	for range 150 {
		h.browser().get("/profile")
	}
	if n := len(h.audited("refused")); n != 100 {
		t.Errorf("%d refusals of strangers are recorded, want 100", n)
	}
	u := h.user("ada")
	h.in(u).get("/users")
	if got := h.audited("refused"); got[0].By != "user:"+u.ID {
		t.Errorf("who has signed in is not recorded because of strangers: %+v", got[0])
	}
}

func TestPanicsTellNothing(t *testing.T) {
	h := newHouse(t, nil)
	h.must(h.Add(web.Set{Routes: []web.Route{{Pattern: "GET /panic", Need: identity.SignedIn, Handle: func(*web.Request) error { panic("Ada Example owes 12.50") }}}}))
	res := h.in(h.user("ada")).get("/panic")
	if res.StatusCode != 500 || strings.Contains(res.body, "Ada") {
		t.Errorf("%d %q", res.StatusCode, res.body)
	}
}

var (
	inlineStyle = regexp.MustCompile(`(?i)\sstyle\s*=|<style`)
	inlineEvent = regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`)
	scriptTag   = regexp.MustCompile(`(?i)<script[^>]*>`)
	foreign     = regexp.MustCompile(`(?i)(src|href|action)\s*=\s*["']?(https?:)?//`)
)

// TestTemplatesAreStrict reads the templates of all packages below: what the policy would
// refuse in the browser is refused here.
func TestTemplatesAreStrict(t *testing.T) {
	n := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".html") || strings.Contains(path, "testdata") {
			return err
		}
		n++
		b, err := os.ReadFile(path)
		text := string(b)
		for what, bad := range map[string][]string{
			"inline style":          inlineStyle.FindAllString(text, -1),
			"inline event":          inlineEvent.FindAllString(text, -1),
			"another site's thing":  foreign.FindAllString(text, -1),
			"script without a file": notLoaded(scriptTag.FindAllString(text, -1)),
		} {
			if len(bad) > 0 {
				t.Errorf("%s: %s: %q", path, what, bad)
			}
		}
		return err
	})
	if err != nil || n < 8 {
		t.Errorf("%d templates read, %v", n, err)
	}
}

func notLoaded(tags []string) (bad []string) {
	for _, tag := range tags {
		if !strings.Contains(tag, "src=") {
			bad = append(bad, tag)
		}
	}
	return bad
}
