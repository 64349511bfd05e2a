package app

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/proposal"
)

// somebody is a person with a browser.
type somebody struct {
	d     *desk
	token string
	by    string
}

// somebody signs a person in who has roles for all creditors.
func (d *desk) somebody(roles ...identity.Role) somebody {
	d.t.Helper()
	u := identity.User{Name: "u" + strings.ReplaceAll(uuid.NewString(), "-", ""), Created: clock.Wall()}
	for _, r := range roles {
		u.Grants = append(u.Grants, identity.Grant{Creditor: identity.AllCreditors, Role: r})
	}
	id, err := d.store.AddUser(d.t.Context(), u)
	d.must(err)
	u.ID = id
	token, now := identity.NewToken(), clock.Wall()
	d.must(d.store.OpenSession(d.t.Context(), identity.HashToken(token), identity.Session{User: u, Method: "password", Created: now, Expires: now.Add(time.Hour)}))
	return somebody{d, token, "user:" + id}
}

// key is an API key of the person's with scopes.
func (s somebody) key(scopes ...identity.Permission) string {
	s.d.t.Helper()
	id := strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	secret := identity.NewKey(id)
	s.d.must(s.d.store.AddKey(s.d.t.Context(), identity.HashToken(secret), identity.Key{ID: id, Name: "k", Creditor: "*", Scopes: scopes, By: s.by, Created: clock.Wall()}))
	return secret
}

func (s somebody) get(path string) reply { return s.d.open(s.token, http.MethodGet, path) }

func (s somebody) post(path string, pairs ...string) reply {
	s.d.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(s.d.t.Context(), http.MethodPost, s.d.srv.URL+path, strings.NewReader(form.Encode()))
	s.d.must(err)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: "duly-session", Value: s.token})
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	s.d.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	s.d.must(err)
	return reply{res, string(b)}
}

const nudgeFile = "templates/sms/nudge.en.md"

// text of a file in force.
func (d *desk) text(path string) string {
	d.t.Helper()
	r, _, err := d.store.CurrentRelease(d.t.Context())
	d.must(err)
	return string(r.Files[path])
}

// propose proposes a change of a file as its maker, in the editor; it returns the id.
func (s somebody) propose(path, text string) string {
	s.d.t.Helper()
	res := s.post("/propose", "do", "save", "path", path, "text", text, "reason", "kinder words")
	if res.StatusCode != http.StatusSeeOther {
		s.d.t.Fatalf("proposing: status %d: %s", res.StatusCode, flashOf(res.body))
	}
	return strings.TrimPrefix(res.Header.Get("Location"), "/proposals/")
}

// flashOf is what a page says on top.
func flashOf(body string) string {
	_, after, _ := strings.Cut(body, `role="alert"`)
	return after[:min(len(after), 400)]
}

func (d *desk) version() string {
	d.t.Helper()
	v, _, err := d.store.CurrentVersion(d.t.Context())
	d.must(err)
	return v
}

func TestMakerEditsCheckerApproves(t *testing.T) {
	d := newDesk(t)
	maker, checker := d.somebody(identity.Operations), d.somebody(identity.Compliance)
	before := d.version()
	page := maker.get("/propose?file=" + nudgeFile)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, nudgeFile) {
		t.Fatalf("the editor: %d", page.StatusCode)
	}
	text := d.text(nudgeFile)
	kinder := strings.TrimRight(text, "\n") + " Thank you.\n"
	browsers := strings.ReplaceAll(kinder, "\n", "\r\n") // as browsers send text
	id := maker.propose(nudgeFile, browsers)
	p, files, err := d.console.Proposals().Get(t.Context(), id)
	d.must(err)
	if len(p.Changes) != 1 || p.Changes[0].Path != nudgeFile || string(files[nudgeFile]) != kinder || p.By != maker.by {
		t.Fatalf("proposed is %+v", p)
	}
	queue := checker.get("/review")
	if !strings.Contains(queue.body, "/proposals/"+id) || !strings.Contains(queue.body, "changes what debtors read") {
		t.Error("the proposal is not in the queue with why it stands there")
	}
	one := checker.get("/proposals/" + id)
	for _, want := range []string{"<mark>", "Messages, filled in", "use the new words at once", "Approve", nudgeFile} {
		if !strings.Contains(one.body, want) {
			t.Errorf("the proposal's page does not show %q", want)
		}
	}
	if own := maker.get("/proposals/" + id); strings.Contains(own.body, "/approve") || !strings.Contains(own.body, "somebody else checks it") {
		t.Error("the maker is offered to approve")
	}
	if res := checker.post("/proposals/"+id+"/reject", "words", " "); res.StatusCode != 422 || !strings.Contains(res.body, "A rejection needs words") {
		t.Errorf("a rejection without words: %d", res.StatusCode)
	}
	if d.version() != before {
		t.Fatal("it is in force before anybody approved it")
	}
	if res := checker.post("/proposals/" + id + "/approve"); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("approving: %d %s", res.StatusCode, flashOf(res.body))
	}
	if d.version() != p.Release {
		t.Error("what was approved is not in force")
	}
	if cfg, err := d.console.book.Current(t.Context()); err != nil || cfg.Release().Version != p.Release {
		t.Errorf("the console goes on with the old one: %v", err)
	}
	if res := checker.post("/proposals/"+id+"/approve", "words", "again"); res.StatusCode != 409 || !strings.Contains(res.body, "has been decided meanwhile") {
		t.Errorf("a second approval: %d", res.StatusCode)
	}
	var actions []string
	log, err := d.store.AuditOf(t.Context(), id, 10)
	d.must(err)
	for _, a := range log {
		actions = append(actions, a.Action+" "+a.By)
	}
	if got, want := strings.Join(actions, ", "), "proposal.approved "+checker.by+", proposal.made "+maker.by; got != want {
		t.Errorf("the audit holds %s, want %s", got, want)
	}
}

// TestNobodyApprovesTheirOwn tries every identity that one person can have.
func TestNobodyApprovesTheirOwn(t *testing.T) {
	d := newDesk(t)
	both := d.somebody(identity.Operations, identity.Compliance)
	admin := d.somebody(identity.Admin)
	ola := d.somebody(identity.Operations)
	bothKey, otherKey := both.key(identity.Publish, identity.Approve), both.key(identity.Approve, identity.Publish)
	adminsKey := admin.key(identity.Publish, identity.Approve)
	n := 0
	wish := func(key string) string {
		n++
		body, _ := json.Marshal(map[string]any{"changes": map[string]string{"queues.yaml": d.text("queues.yaml") + fmt.Sprintf("# %d\n", n)}, "reason": "a note"})
		res := d.call(key, "POST", "/proposals", string(body))
		var v struct{ ID string }
		res.into(t, &v)
		if res.StatusCode != 201 {
			t.Fatalf("proposing with a key: %d %s", res.StatusCode, res.body)
		}
		return v.ID
	}
	byConsole := func(s somebody) func(string) int {
		return func(id string) int { return s.post("/proposals/" + id + "/approve").StatusCode }
	}
	byKey := func(key string) func(string) int {
		return func(id string) int { return d.call(key, "POST", "/proposals/"+id+"/approve", "{}").StatusCode }
	}
	mine := both.propose("queues.yaml", d.text("queues.yaml")+"# mine\n")
	for _, c := range []struct {
		why, id string
		approve func(string) int
		want    int
	}{
		{"one's own in the console", mine, byConsole(both), 409},
		{"one's own with a key", mine, byKey(bothKey), 409},
		{"what one's key made, in the console", wish(bothKey), byConsole(both), 409},
		{"what one's key made, with that key", wish(bothKey), byKey(bothKey), 409},
		{"what one's key made, with another key of one's own", wish(bothKey), byKey(otherKey), 409},
		{"another's, with a key that an admin handed out: an admin may not approve", mine, byKey(adminsKey), 403},
		{"what an admin's key made, with that key", wish(adminsKey), byKey(adminsKey), 403},
		{"another's, by somebody who may only publish", mine, byConsole(ola), 403},
		{"another's, in the console", wish(adminsKey), byConsole(both), 303},
	} {
		before := d.version()
		if got := c.approve(c.id); got != c.want {
			t.Errorf("%s: status %d, want %d", c.why, got, c.want)
		}
		if c.want != 303 && d.version() != before {
			t.Fatalf("%s: it came into force", c.why)
		}
	}
}

func TestNothingIsLostOnAFault(t *testing.T) {
	d := newDesk(t)
	maker := d.somebody(identity.Operations)
	broken := strings.Replace(d.text("queues.yaml"), "queues:", "queus:", 1) + "# <script>alert(1)</script>\n"
	for _, path := range []string{"/propose", "/propose/check"} {
		res := maker.post(path, "do", "save", "path", "queues.yaml", "text", broken, "reason", "my <b>reason</b>")
		if !strings.Contains(res.body, "unknown key") || !strings.Contains(res.body, "queues.yaml:") || !strings.Contains(res.body, "^") {
			t.Errorf("%s (%d) does not show the fault with its line and caret", path, res.StatusCode)
		}
		if strings.Contains(res.body, "<script>alert(1)") || strings.Contains(res.body, "<b>reason") {
			t.Errorf("%s runs what was typed", path)
		}
		if path == "/propose" && (res.StatusCode != 422 || !strings.Contains(res.body, "queus:") || !strings.Contains(res.body, "my &lt;b&gt;reason")) {
			t.Errorf("status %d; the text or the reason is lost", res.StatusCode)
		}
	}
	for _, c := range []struct{ why, path, text, reason, want string }{
		{"no reason", "queues.yaml", d.text("queues.yaml") + "# x\n", "", "Say why"},
		{"nothing differs", "queues.yaml", d.text("queues.yaml"), "a reason", "Nothing differs"},
		{"a path out of the configuration", "../etc/passwd", "x", "a reason", "is no file of a configuration"},
		{"a file that belongs nowhere", "notes.txt", "x", "a reason", "is no file of a configuration"},
	} {
		res := maker.post("/propose", "do", "save", "path", c.path, "text", c.text, "reason", c.reason)
		if res.StatusCode != 422 && res.StatusCode != 409 || !strings.Contains(res.body, c.want) {
			t.Errorf("%s: status %d, want %q", c.why, res.StatusCode, c.want)
		}
	}
	if res := maker.post("/propose", "do", "save", "path", "creditors/demo.yaml", "text", "its text", "gone", "creditors/demo.yaml", "reason", "not needed"); res.StatusCode != 409 || !strings.Contains(res.body, "has open cases") || !strings.Contains(res.body, "not needed") {
		t.Errorf("removing a creditor with open cases: %d %s", res.StatusCode, flashOf(res.body))
	}
	if res := maker.post("/propose", "do", "look", "path", "queues.yaml", "text", d.text("queues.yaml")+"# x\n", "reason", "only looking"); res.StatusCode != 200 || !strings.Contains(res.body, "No fault: 1 file differs") {
		t.Errorf("looking: %d", res.StatusCode)
	}
	if all, err := d.store.Proposals(t.Context(), false); err != nil || len(all) != 0 {
		t.Errorf("%d proposals were made, %v", len(all), err)
	}
	if res := maker.post("/propose", "do", "add", "path", "queues.yaml", "text", "half a thou", "file", "roles.yaml", "newpath", "templates/sms/new.en.md", "reason", "so far"); !strings.Contains(res.body, "half a thou") || !strings.Contains(res.body, "Text of roles.yaml") || !strings.Contains(res.body, "Text of templates/sms/new.en.md") || !strings.Contains(res.body, "so far") {
		t.Error("taking in files lost something")
	}
}

func TestANewerReleaseIsExplained(t *testing.T) {
	d := newDesk(t)
	maker, checker := d.somebody(identity.Operations), d.somebody(identity.Compliance)
	begun := d.version()
	queues, nudge := d.text("queues.yaml"), d.text(nudgeFile)
	stale := maker.propose("queues.yaml", queues+"# mine\n")
	other := maker.propose(nudgeFile, strings.TrimRight(nudge, "\n")+" Thanks.\n")
	if res := checker.post("/proposals/" + other + "/approve"); res.StatusCode != 303 {
		t.Fatalf("approving: %d", res.StatusCode)
	}
	if res := checker.post("/proposals/" + stale + "/approve"); res.StatusCode != 409 || !strings.Contains(res.body, "Another release came into force since") {
		t.Errorf("approving over an old release: %d", res.StatusCode)
	}
	res := maker.post("/proposals/" + stale + "/anew")
	if res.StatusCode != 303 {
		t.Fatalf("making anew: %d", res.StatusCode)
	}
	anew := strings.TrimPrefix(res.Header.Get("Location"), "/proposals/")
	p, files, err := d.console.Proposals().Get(t.Context(), anew)
	d.must(err)
	if p.Follows != stale || !strings.HasSuffix(string(files["queues.yaml"]), "# mine\n") || !strings.Contains(string(files[nudgeFile]), "Thanks.") {
		t.Errorf("made anew is %+v", p)
	}
	if old, _, err := d.console.Proposals().Get(t.Context(), stale); err != nil || old.Open() || old.End.Verdict != proposal.Withdrawn {
		t.Errorf("the maker's old one: %+v, %v", old.End, err)
	}
	// The editor was opened before; another file was changed since: carried over.
	res = maker.post("/propose", "do", "save", "base", begun, "path", "queues.yaml", "text", queues+"# later\n", "reason", "later")
	if res.StatusCode != 303 {
		t.Errorf("carrying over: %d %s", res.StatusCode, flashOf(res.body))
	}
	// The very file was changed since: told, and nothing is lost.
	res = maker.post("/propose", "do", "save", "base", begun, "path", nudgeFile, "text", strings.TrimRight(nudge, "\n")+" Please.\n", "reason", "please")
	if res.StatusCode != 409 || !strings.Contains(res.body, "Changed here and, since, by another release: "+nudgeFile) || !strings.Contains(res.body, "Please.") {
		t.Errorf("a conflict: %d %s", res.StatusCode, flashOf(res.body))
	}
	if res := maker.get("/propose?from=" + other); !strings.Contains(res.body, "Text of "+nudgeFile) {
		t.Error("a proposal cannot be taken up in the editor")
	}
}

func TestFourEyesInConsoleAndAPI(t *testing.T) {
	d := newDesk(t)
	maker, checker := d.somebody(identity.Operations), d.somebody(identity.Compliance)
	key := maker.key(identity.Publish, identity.Config)
	if res := checker.post("/four-eyes/on", "reason", "as agreed"); res.StatusCode != 303 {
		t.Fatalf("requiring: %d %s", res.StatusCode, flashOf(res.body))
	}
	first := d.version()
	id := maker.propose("queues.yaml", d.text("queues.yaml")+"# x\n")
	files := map[string]string{}
	_, proposed, err := d.console.Proposals().Get(t.Context(), id)
	d.must(err)
	for path, data := range proposed {
		files[path] = string(data)
	}
	body, _ := json.Marshal(map[string]any{"files": files})
	if res := d.call(key, "POST", "/releases", string(body)); res.StatusCode != 409 || !strings.Contains(res.body, "Two people are needed here") {
		t.Errorf("publishing past it: %d %s", res.StatusCode, res.body)
	}
	if res := checker.post("/proposals/" + id + "/approve"); res.StatusCode != 303 {
		t.Fatalf("approving: %d", res.StatusCode)
	}
	typed := first[:8]
	if res := maker.post("/releases/"+first+"/activate", "typed", typed); res.StatusCode != 422 && res.StatusCode != 409 || d.version() == first {
		t.Errorf("going back without a reason: %d", res.StatusCode)
	}
	if res := maker.post("/releases/"+first+"/activate", "typed", typed, "reason", "broken"); res.StatusCode != 303 || d.version() != first {
		t.Fatalf("going back: %d %s", res.StatusCode, flashOf(res.body))
	}
	backs, err := d.store.GoneBack(t.Context())
	d.must(err)
	look := fmt.Sprintf("/review/back/%d", backs[0].Activation)
	if !strings.Contains(checker.get("/review").body, look) {
		t.Error("a going back is not in the queue")
	}
	if res := checker.post(look, "words", "it was broken"); res.StatusCode != 303 {
		t.Errorf("looking: %d", res.StatusCode)
	}
	if res := checker.get(look); res.StatusCode != 404 {
		t.Errorf("looked at already: %d", res.StatusCode)
	}
	if res := maker.post("/four-eyes/ask", "reason", "a small shop"); res.StatusCode != 303 {
		t.Errorf("asking: %d", res.StatusCode)
	}
	if res := checker.get("/review"); !strings.Contains(res.body, "No longer require two people") {
		t.Error("what was asked is not in the queue")
	}
	if res := checker.post("/four-eyes/agree", "reason", "a small shop"); res.StatusCode != 303 {
		t.Errorf("agreeing: %d", res.StatusCode)
	}
	if four, err := d.store.FourEyes(t.Context()); err != nil || four.Required {
		t.Errorf("still required: %v", err)
	}
}

func TestAPIChecksAConfiguration(t *testing.T) {
	d := newDesk(t)
	key := d.somebody(identity.Operations).key(identity.Publish, identity.Config)
	type fault struct{ File, Message string }
	check := func(changes string) (v struct {
		Valid   bool
		Fault   string
		Faults  []fault
		Changes []proposal.Change
	},
	) {
		d.call(key, "POST", "/proposals/check", `{"changes":`+changes+`}`).into(t, &v)
		return v
	}
	if v := check(`{"queues.yaml":"queues:\n  - {queue: late, colour: red}\n"}`); v.Valid || !slices.ContainsFunc(v.Faults, func(f fault) bool { return f.File == "queues.yaml" && strings.Contains(f.Message, "unknown key") }) {
		t.Errorf("a fault: %+v", v)
	}
	if v := check(`{"creditors/demo.yaml":null}`); v.Valid {
		t.Errorf("a creditor with open cases is left out: %+v", v)
	}
	text, _ := json.Marshal(d.text("queues.yaml") + "# fine\n")
	if v := check(`{"queues.yaml":` + string(text) + `}`); !v.Valid || len(v.Changes) != 1 {
		t.Errorf("a change without faults: %+v", v)
	}
	if res := d.call(key, "POST", "/proposals/check", `{}`); res.StatusCode != 422 {
		t.Errorf("nothing: %d", res.StatusCode)
	}
	if res := d.call(key, "GET", "/proposals/"+uuid.NewString(), ""); res.StatusCode != 404 {
		t.Errorf("a proposal that is not there: %d", res.StatusCode)
	}
}

// TestMessagesAreFramedSafely: a rendered message runs nothing, loads nothing, and can be
// framed by the console only.
func TestMessagesAreFramedSafely(t *testing.T) {
	d := newDesk(t)
	maker := d.somebody(identity.Operations)
	const file = "templates/email/friendly-reminder.en.md"
	id := maker.propose(file, strings.TrimRight(d.text(file), "\n")+"\n\nWith our very best wishes\n")
	page := maker.get("/proposals/" + id)
	frames := regexp.MustCompile(`<iframe sandbox [^>]*src="([^"]*)"`).FindAllStringSubmatch(page.body, -1)
	if len(frames) != 2 {
		t.Fatalf("%d frames, status %d", len(frames), page.StatusCode)
	}
	for i, side := range []string{"before", "after"} {
		res := maker.get(html.UnescapeString(frames[i][1]))
		csp := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != 200 || !strings.HasPrefix(csp, "sandbox; default-src 'none'") || strings.Contains(csp, "script-src") || !strings.Contains(csp, "frame-ancestors 'self'") {
			t.Errorf("%s: %d %q", side, res.StatusCode, csp)
		}
		if has := strings.Contains(res.body, "With our very best wishes"); has != (side == "after") || !strings.Contains(res.body, "<table") {
			t.Errorf("%s: it shows the other side", side)
		}
	}
}

// TestWhatIsRefusedLeavesNothing: a configuration that one person may not put into force adds
// no creditor either.
func TestWhatIsRefusedLeavesNothing(t *testing.T) {
	d := newDesk(t)
	maker, checker := d.somebody(identity.Operations), d.somebody(identity.Compliance)
	if res := checker.post("/four-eyes/on", "reason", "as agreed"); res.StatusCode != 303 {
		t.Fatalf("requiring: %d %s", res.StatusCode, flashOf(res.body))
	}
	r, _, err := d.store.CurrentRelease(t.Context())
	d.must(err)
	files := map[string]string{}
	for path, data := range r.Files {
		files[path] = string(data)
	}
	files["creditors/sneaked.yaml"] = regexp.MustCompile(`(?m)^creditor: .*$`).ReplaceAllString(files["creditors/demo.yaml"], "creditor: sneaked")
	body, _ := json.Marshal(map[string]any{"files": files})
	if res := d.call(maker.key(identity.Publish, identity.Config), "POST", "/releases", string(body)); res.StatusCode != 409 || !strings.Contains(res.body, "Two people are needed here") {
		t.Fatalf("publishing past it: %d %s", res.StatusCode, res.body)
	}
	n := 0
	d.must(d.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM creditors WHERE id = 'sneaked'").Scan(&n))
	if n != 0 {
		t.Error("the creditor of the refused configuration is there")
	}
}

// TestAStaleProposalLeavesNothing: nor does one that cannot be approved any more.
func TestAStaleProposalLeavesNothing(t *testing.T) {
	d := newDesk(t)
	maker, checker := d.somebody(identity.Operations), d.somebody(identity.Compliance)
	sneaked := regexp.MustCompile(`(?m)^creditor: .*$`).ReplaceAllString(d.text("creditors/demo.yaml"), "creditor: sneaked")
	stale, other := maker.propose("creditors/sneaked.yaml", sneaked), maker.propose("queues.yaml", d.text("queues.yaml")+"# other\n")
	if res := checker.post("/proposals/" + other + "/approve"); res.StatusCode != 303 {
		t.Fatalf("approving: %d", res.StatusCode)
	}
	if res := checker.post("/proposals/" + stale + "/approve"); res.StatusCode != 409 {
		t.Errorf("approving over an old release: %d", res.StatusCode)
	}
	n := 0
	d.must(d.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM creditors WHERE id = 'sneaked'").Scan(&n))
	if n != 0 {
		t.Error("the creditor of the refused configuration is there")
	}
}

// TestWhoWasShutOutDoesNotGoBack: a key outlives whoever made it, and going back is possible
// alone.
func TestWhoWasShutOutDoesNotGoBack(t *testing.T) {
	d := newDesk(t)
	d.somebody(identity.Admin) // no last admin in the way
	maker, checker := d.somebody(identity.Operations), d.somebody(identity.Compliance)
	if res := checker.post("/four-eyes/on", "reason", "as agreed"); res.StatusCode != 303 {
		t.Fatalf("requiring: %d %s", res.StatusCode, flashOf(res.body))
	}
	key, first := maker.key(identity.Publish, identity.Config), d.version()
	if res := checker.post("/proposals/" + maker.propose("queues.yaml", d.text("queues.yaml")+"# x\n") + "/approve"); res.StatusCode != 303 {
		t.Fatalf("approving: %d", res.StatusCode)
	}
	second := d.version()
	for _, disabled := range []bool{true, false} {
		at := time.Time{}
		if disabled {
			at = clock.Wall()
		}
		d.must(d.store.Disable(t.Context(), strings.TrimPrefix(maker.by, "user:"), at))
		res := d.call(key, "POST", "/releases/"+first+"/activate", `{"reason":"broken links"}`)
		if disabled && (res.StatusCode != 401 || d.version() != second) || !disabled && (res.StatusCode >= 300 || d.version() != first) {
			t.Errorf("shut out is %v: %d %s", disabled, res.StatusCode, res.body)
		}
	}
}

// TestAMakerWritesNonsense: what a program may send along with a proposal is refused in words.
func TestAMakerWritesNonsense(t *testing.T) {
	d := newDesk(t)
	key := d.somebody(identity.Operations).key(identity.Publish, identity.Config)
	for why, extra := range map[string]string{
		"follows what is no id": `"follows":"zzz"`, "follows what is not there": `"follows":"` + uuid.NewString() + `"`,
		"over a release that is not there": `"base":"0123456789abcdef"`, "over a release with a strange name": `"base":"\u0000"`,
	} {
		text, _ := json.Marshal(d.text("queues.yaml") + "# " + why + "\n")
		res := d.call(key, "POST", "/proposals", `{"changes":{"queues.yaml":`+string(text)+`},"reason":"a note",`+extra+`}`)
		if res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("%s: %d %s", why, res.StatusCode, res.body)
		}
	}
}

// TestALookIsRecordedHoweverItIsAsked: a refresh that nobody asked for is no second look, but
// whoever writes the header of a refresh by hand does not look in secret.
func TestALookIsRecordedHoweverItIsAsked(t *testing.T) {
	d := newDesk(t)
	who := d.somebody(identity.Compliance)
	ask := func(path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.srv.URL+path, nil)
		d.must(err)
		req.Header.Set("Duly-Part", "live")
		req.AddCookie(&http.Cookie{Name: "duly-session", Value: who.token})
		res, err := http.DefaultClient.Do(req)
		d.must(err)
		d.must(res.Body.Close())
		if res.StatusCode != 200 {
			t.Fatalf("%s: %d", path, res.StatusCode)
		}
	}
	looks := func(action string) (n int) {
		d.must(d.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM audit WHERE by = $1 AND action = $2", who.by, action).Scan(&n))
		return n
	}
	simulate := "/simulator?case=" + d.ref.Case
	for _, c := range []struct{ path, action string }{{"/cases/" + d.ref.Case, "view.case"}, {simulate, "simulate.case"}} {
		for range 3 {
			ask(c.path)
		}
		if n := looks(c.action); n != 1 {
			t.Errorf("%s was looked at in secret or counted twice: %d records", c.path, n)
		}
		who.get(c.path)
		ask(c.path)
		if n := looks(c.action); n != 2 {
			t.Errorf("%s: a look by hand and a refresh after it make %d records", c.path, n)
		}
	}
}
