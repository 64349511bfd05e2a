package browsertest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
)

// visitor asks the console without a browser.
type visitor struct {
	s     *site
	token string
}

// visitor is somebody with a role for a creditor.
func (s *site) visitor(creditor string, role identity.Role) visitor {
	s.t.Helper()
	u := identity.User{Name: strings.ToLower(uuid.NewString()[:12]), Created: now, Grants: []identity.Grant{{Creditor: creditor, Role: role}}}
	var err error
	u.ID, err = s.store.AddUser(context.Background(), u)
	s.must(err)
	v := visitor{s, identity.NewToken()}
	s.must(s.store.OpenSession(context.Background(), identity.HashToken(v.token), identity.Session{
		User: u, Method: "password", Created: clock.Wall(), Expires: clock.Wall().Add(time.Hour),
	}))
	return v
}

// ask sends a request; pairs make it a POST.
func (v visitor) ask(path string, pairs ...string) (status int, body string) {
	v.s.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	method := http.MethodGet
	if len(pairs) > 0 {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(context.Background(), method, v.s.srv.URL+path, strings.NewReader(form.Encode()))
	v.s.must(err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	req.AddCookie(&http.Cookie{Name: "duly-session", Value: v.token})
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	v.s.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	v.s.must(err)
	return res.StatusCode, string(b)
}

// count is how many facts of a kind a debtor has.
func (s *site) count(key string, kind dunning.Kind) (n int) {
	for _, x := range s.facts(key) {
		if x.Body.Kind() == kind {
			n++
		}
	}
	return n
}

func TestOrdersAndRights(t *testing.T) {
	s := portfolio(t)
	collector, supervisor := s.visitor("demo", identity.Collector), s.visitor("demo", identity.Supervisor)
	stranger, auditor, admin := s.visitor("demo-agency", identity.Collector), s.visitor("demo", identity.Auditor), s.visitor("*", identity.Admin)
	operations := s.visitor("*", identity.Operations)
	one := "/cases/" + s.cases["101"]
	day := func(n int) string { return dunning.DateOf(now.AddDate(0, 0, n)).String() }
	for _, c := range []struct {
		about  string
		who    visitor
		path   string
		form   []string
		status int
		says   string
	}{
		{"a collector opens the case", collector, one, nil, 200, "Ada Lovelace"},
		{"an auditor reads it, without a button", auditor, one, nil, 200, "Ada Lovelace"},
		{"another creditor's case does not exist", stranger, one, nil, 404, "does not exist"},
		{"nor can it be changed", stranger, one + "/note", []string{"text", "x"}, 404, "does not exist"},
		{"nor previewed", stranger, one + "/promise/try?amount=1&due=" + day(3), nil, 404, ""},
		{"nor its message", stranger, "/messages/one?id=" + s.message(), nil, 404, ""},
		{"an auditor changes nothing", auditor, one + "/note", []string{"text", "x"}, 403, ""},
		{"an admin sees no debtor", admin, one, nil, 403, ""},
		{"a collector books no payment", collector, one + "/payment", []string{"amount", "1.00"}, 403, ""},
		{"a collector does no bulk action", collector, "/cases/bulk", []string{"typed", "1"}, 403, ""},
		{"nor stops sending", collector, "/switches", []string{"scope", "global", "reason", "x"}, 403, ""},
		{"nor reads releases", collector, "/releases", nil, 403, ""},
		{"a promise beyond the authority is refused on its form", collector, one + "/promise", []string{"amount", "10.00", "due", day(40)}, 422, "up to 14 days"},
		{"a supervisor's reaches further, and has an end too", supervisor, one + "/promise", []string{"amount", "10.00", "due", day(400)}, 422, "up to 30 days"},
		{"a promise of nothing", collector, one + "/promise", []string{"amount", "0", "due", day(3)}, 422, "above zero"},
		{"a promise for yesterday", collector, one + "/promise", []string{"amount", "10.00", "due", day(-1)}, 422, "past"},
		{"a day that is none", collector, one + "/promise", []string{"amount", "10.00", "due", "soon"}, 422, "YYYY-MM-DD"},
		{"a plan of too many parts", collector, one + "/plan", []string{"count", "60", "first", day(5)}, 422, "up to 6"},
		{"a snooze without an end", collector, one + "/hold", []string{"kind", "manual"}, 422, "comes back"},
		{"a hold for too long", collector, one + "/hold", []string{"kind", "manual", "until", day(300)}, 422, "up to 30 days"},
		{"a kind of hold that there is not", collector, one + "/hold", []string{"kind", "mood", "until", day(3)}, 422, "unknown kind"},
		{"a call that ended like no call", collector, one + "/call", []string{"outcome", "abducted"}, 422, "no outcome"},
		{"a text that nobody approved", collector, one + "/message", []string{"template", "email/../../etc/passwd"}, 422, "approved templates"},
		{"a notice needs who may approve drafts", collector, one + "/message", []string{"template", "email/final-notice"}, 422, "approved templates"},
		{"a dispute without words", collector, one + "/dispute", []string{"words", ""}, 422, "debtor’s words"},
		{"a note of nothing", collector, one + "/note", []string{"text", ""}, 422, "Write a note"},
		{"a task that is not there", collector, one + "/task", []string{"task", "x", "outcome", "done"}, 409, "not open any more"},
		{"a draft is not the collector's to approve", collector, "/cases/" + s.cases["104"] + "/task", []string{"task", s.task("104", dunning.TaskDraft), "outcome", "approved"}, 403, ""},
		{"a case that nobody has cannot be handed back", collector, one + "/back", []string{"x", "y"}, 422, "nobody has taken"},
		{"an id that is none", collector, "/cases/nonsense", nil, 404, ""},
		{"a switch without a reason", operations, "/switches", []string{"scope", "global"}, 422, "Write why"},
		{"a switch of a channel that does not send", operations, "/switches", []string{"scope", "channel", "subject", "call", "reason", "x"}, 422, "no channel that sends"},
		{"a release that there is not", operations, "/releases/nonsense", nil, 404, ""},
		{"an earlier release needs its name typed", operations, "/releases/" + s.release() + "/activate", []string{"typed", "yes"}, 422, "eight characters"},
		{"a bulk action needs its number", operations, "/cases/bulk", []string{"all", "yes", "action", "note", "text", "x", "typed", "1", "batch", uuid.NewString()}, 422, "Nothing was changed"},
		{"an export without the right sees nothing", collector, "/cases?format=csv", nil, 200, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			before := len(s.facts("101")) + len(s.facts("104"))
			status, body := c.who.ask(c.path, c.form...)
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("status %d, want %d saying %q; it says %.300q", status, c.status, c.says, body)
			}
			if after := len(s.facts("101")) + len(s.facts("104")); after != before {
				t.Errorf("%d facts were added", after-before)
			}
		})
	}
	if _, body := collector.ask("/cases?format=csv"); strings.Contains(body, "Lovelace") {
		t.Error("who may not export gets names in a file")
	}
	if _, body := collector.ask("/cases/" + s.cases["103"]); strings.Contains(body, "<b>Pauling") || !strings.Contains(body, "&lt;b&gt;Pauling") {
		t.Error("a name is markup on the page")
	}
	if _, body := auditor.ask(one); strings.Contains(body, "<form method=\"post\" action=\"/cases/") {
		t.Error("an auditor gets forms that change the case")
	}
}

// task is the id of an open task of a kind.
func (s *site) task(key string, kind dunning.TaskKind) string {
	s.t.Helper()
	for _, x := range s.facts(key) {
		if t, ok := x.Body.(dunning.TaskOpened); ok && t.Task == kind {
			return t.ID
		}
	}
	s.t.Fatalf("debtor %s has no task %s", key, kind)
	return ""
}

// TestAFormSentTwiceIsOneOrder: the second of two clicks, or a browser that sends again,
// changes nothing.
func TestAFormSentTwiceIsOneOrder(t *testing.T) {
	s := portfolio(t)
	v, id := s.visitor("demo", identity.Collector), uuid.NewString()
	due := dunning.DateOf(now.AddDate(0, 0, 3)).String()
	for _, c := range []struct {
		name string
		kind dunning.Kind
		form []string
	}{
		{"promise", "promise_made", []string{"new", id, "amount", "10.00", "due", due}},
		{"call", "contact_logged", []string{"new", id, "outcome", "refused"}},
		{"hold", "hold_placed", []string{"new", id, "kind", "manual", "until", due}},
	} {
		before := s.count("101", c.kind)
		for range 2 {
			if status, body := v.ask("/cases/"+s.cases["101"]+"/"+c.name, c.form...); status != 303 {
				t.Errorf("%s: status %d: %.300s", c.name, status, body)
			}
		}
		if n := s.count("101", c.kind) - before; n != 1 {
			t.Errorf("%s sent twice adds %d facts", c.name, n)
		}
	}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// TestEveryRouteOfEverySet walks all addresses of the whole console in every role: who
// lacks the permission gets 403, who has it does not.
func TestEveryRouteOfEverySet(t *testing.T) {
	s := newSite(t)
	routes := s.console.Web().Routes()
	if len(routes) < 60 {
		t.Fatalf("only %d routes: a set is missing", len(routes))
	}
	for _, role := range identity.Roles() {
		v := s.visitor(identity.AllCreditors, role)
		for _, r := range routes {
			method, path, _ := strings.Cut(r.Pattern, " ")
			if r.Need == identity.Anyone || r.Need == identity.SignedIn { // the frame's own tests have them
				continue
			}
			path = wildcard.ReplaceAllString(strings.ReplaceAll(path, "{$}", ""), "00000000-0000-4000-8000-000000000000")
			var form []string
			if method == http.MethodPost {
				form = []string{"x", "y"}
			}
			status, _ := v.ask(path, form...)
			if may := role.Can(r.Need); may == (status == http.StatusForbidden) || status >= 500 {
				t.Errorf("%s as %s: status %d, but may is %v (needs %s)", r.Pattern, role, status, may, r.Need)
			}
		}
	}
}
