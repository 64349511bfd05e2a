package browsertest

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/duly/duly/internal/identity"
)

var (
	hrefs  = regexp.MustCompile(`(?:data-)?href="(/[^"]*)"`)
	oneOf  = regexp.MustCompile(`/[^/]*[0-9%][^/]*`)
	leave  = regexp.MustCompile(`^/(assets/|login|logout)|/(evidence|export|file|rejects)$|[?&]format=`)
	mostOf = 150 // pages of a role; there are far fewer kinds of links
)

// TestNoLinkIsDead follows what pages link to, one of each kind, in every role: whoever is
// shown a link may go there, and something is there. Addresses that are put together by
// hand in tests do not find a link that the template spoils.
func TestNoLinkIsDead(t *testing.T) {
	s := everything(t)
	s.pages()
	s.furtherPages()
	for _, role := range identity.Roles() {
		v := s.visitor("*", role)
		seen, from, todo := map[string]bool{}, map[string]string{}, []string{"/"}
		for len(todo) > 0 && len(from) < mostOf {
			at := todo[0]
			todo = todo[1:]
			status, body := v.ask(at)
			if status >= 400 {
				t.Errorf("%s: %s leads to %s: status %d", role, from[at], at, status)
				continue
			}
			if at == "/" && status == 303 {
				body += `<a href="/profile"></a><a href="/cases"></a>`
				if !role.Can(identity.View) {
					body = `<a href="/users"></a>`
				}
			}
			for _, m := range hrefs.FindAllStringSubmatch(body, -1) {
				to := strings.SplitN(html.UnescapeString(m[1]), "#", 2)[0]
				if k := kindOf(to); !leave.MatchString(to) && !seen[k] {
					seen[k] = true
					from[to], todo = at, append(todo, to)
				}
			}
		}
		if len(from) < 12 {
			t.Errorf("%s: only %d links were found", role, len(from))
		}
	}
}

// kindOf is an address without what names one thing: links of one kind are made in one place.
func kindOf(to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return to
	}
	kind := oneOf.ReplaceAllString(u.EscapedPath(), "/*")
	for _, pair := range strings.Split(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		kind += "?" + name
	}
	return kind
}

// TestInboxAndImportsAreExported: all their rows as a file, as every list's.
func TestInboxAndImportsAreExported(t *testing.T) {
	s := everything(t)
	s.unmatched("csv-1", "nobody", "", "12.00")
	v := s.visitor("*", identity.Operations)
	for path, head := range map[string]string{"/inbox": "event,received,", "/imports": "import,kind,"} {
		_, page := v.ask(path)
		if !strings.Contains(page, path+"?format=csv") {
			t.Errorf("%s does not offer its file", path)
		}
		status, file := v.ask(path + "?format=csv")
		if lines := strings.Count(file, "\n"); status != 200 || !strings.HasPrefix(file, head) || lines < 2 {
			t.Errorf("%s as a file: %d, %d lines: %.200s", path, status, lines, file)
		}
	}
}
