package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/sampling"
)

// person is a user with a session, who can be named as the maker of something.
type person struct{ id, token string }

func (d *desk) person(grants ...identity.Grant) person {
	d.t.Helper()
	u := identity.User{Name: "u" + strings.ReplaceAll(uuid.NewString(), "-", ""), Created: clock.Wall(), Grants: grants}
	id, err := d.store.AddUser(d.t.Context(), u)
	d.must(err)
	u.ID = id
	token, now := identity.NewToken(), clock.Wall()
	d.must(d.store.OpenSession(d.t.Context(), identity.HashToken(token), identity.Session{User: u, Method: "password", Created: now, Expires: now.Add(time.Hour)}))
	return person{id, token}
}

// send posts a form as somebody: name, value, name, value.
func (d *desk) send(token, path string, pairs ...string) reply {
	d.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(d.t.Context(), "POST", d.srv.URL+path, strings.NewReader(form.Encode()))
	d.must(err)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: "duly-session", Value: token})
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	d.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	d.must(err)
	return reply{res, string(b)}
}

// drawn draws a sample and returns its address.
func (d *desk) drawn(token string, pairs ...string) string {
	d.t.Helper()
	now := d.clock.time()
	form := append([]string{"title", "All of it", "from", now.AddDate(0, 0, -60).Format(time.DateOnly), "until", now.AddDate(0, 0, -1).Format(time.DateOnly), "size", "2", "creditor", "demo"}, pairs...)
	res := d.send(token, "/samples", form...)
	at := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at, "/samples/") {
		d.t.Fatalf("drawing: status %d to %q\n%.900s", res.StatusCode, at, res.body)
	}
	return at
}

// whole is the sample of an address.
func (d *desk) whole(at string) sampling.Review {
	d.t.Helper()
	r, err := d.store.Review(d.t.Context(), strings.TrimPrefix(at, "/samples/"))
	d.must(err)
	return r
}

// all answers every question of a sample with a value.
func all(r sampling.Review, v string, more ...string) []string {
	for _, q := range r.Questions {
		more = append(more, "q-"+q.ID, v)
	}
	return more
}

// TestSamples draws from a lived case, reviews, corrects, signs off and verifies.
func TestSamples(t *testing.T) {
	d := lived(t)
	ana, ben := d.person(everywhere(identity.Compliance)), d.person(everywhere(identity.Compliance))
	t.Run("a sample is drawn, answered, corrected and signed off", func(t *testing.T) { d.on(t).sampleLife(ana, ben) })
	t.Run("only for creditors in scope", func(t *testing.T) { d.on(t).sampleRights(ana) })
	t.Run("nobody reviews what they made", func(t *testing.T) { d.on(t).ownWork(ana) })
	t.Run("the file verifies offline, and finds what was changed", func(t *testing.T) { d.on(t).sampleFile(ana) })
	t.Run("forms say what is wrong", func(t *testing.T) { d.on(t).sampleForms(ana) })
	t.Run("every kind can be drawn and read", func(t *testing.T) { d.on(t).sampleKinds(ana) })
	t.Run("the API draws, answers and corrects", func(t *testing.T) { d.on(t).sampleAPI() })
}

func (d *desk) sampleLife(ana, ben person) {
	d.shows(ana.token, "/samples", "Samples")
	at := d.drawn(ana.token, "seed", "2026-Q1")
	r := d.whole(at)
	d.shows(ana.token, fmt.Sprintf("/samples/new?kind=contacts&from=%s&until=%s", r.From.Format(time.DateOnly), r.LastDay().Format(time.DateOnly)),
		fmt.Sprintf("%d rows", r.Population), "What it is drawn from", "Collected for somebody else")
	if len(r.Rows) != 2 || r.Seed != "2026-Q1" || r.Population < 2 || r.By != "user:"+ana.id {
		d.t.Fatalf("%+v", r)
	}
	if again := d.whole(d.drawn(ben.token, "seed", "2026-Q1")); again.Digest != r.Digest || again.Rows[0].ID != r.Rows[0].ID || again.Rows[1].Key != r.Rows[1].Key {
		d.t.Errorf("the same seed by somebody else draws %+v", again.Rows)
	}
	d.shows(ana.token, at, "All of it", "2026-Q1", r.Digest.String(), "under review", "0 of 2")
	d.shows(ana.token, at+"/1", "As it left", "Was the hour lawful?", "the whole decision", "New York")
	if res := d.send(ana.token, at+"/sign", "seen", r.AnswersDigest(1).String()); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "have no answer yet") {
		d.t.Errorf("signing with open rows: %d", res.StatusCode)
	}
	if res := d.send(ana.token, at+"/1", all(r, "no", "note", "=HYPERLINK(\"http://evil\") left at 21:05")...); res.StatusCode != 422 || !strings.Contains(res.body, "Say how it is mended") || !strings.Contains(res.body, "left at 21:05") {
		d.t.Errorf("a no without a way to mend it: %d", res.StatusCode)
	}
	no := all(r, "no", "note", "=HYPERLINK(\"http://evil\") left at 21:05", "fix", "+narrow the window", "owner", "user:"+ben.id, "due", "2026-12-24")
	if res := d.send(ana.token, at+"/1", no...); res.StatusCode != 303 || res.Header.Get("Location") != at+"/2" {
		d.t.Errorf("an answer goes to %q, status %d", res.Header.Get("Location"), res.StatusCode)
	}
	if res := d.send(ben.token, at+"/1", all(r, "yes")...); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "begin a new round") {
		d.t.Errorf("a second answer: %d", res.StatusCode)
	}
	old := d.whole(at)
	d.found(old, ben)
	if res := d.send(ben.token, at+"/2", all(r, "yes")...); res.Header.Get("Location") != at {
		d.t.Errorf("the last answer goes to %q", res.Header.Get("Location"))
	}
	if res := d.send(ana.token, at+"/sign", "seen", old.AnswersDigest(1).String()); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "answers have changed") {
		d.t.Errorf("signing what was not seen: %d\n%.400s", res.StatusCode, res.body)
	}
	csv := d.shows(ana.token, at+"?format=csv", "'=HYPERLINK", "'+narrow the window", "2026-12-24", r.Rows[0].Key.String())
	if strings.Contains(csv, ",=") || strings.Contains(csv, "\"=") {
		d.t.Errorf("a cell begins a formula:\n%s", csv)
	}
	d.signAndCorrect(ana, ben, at)
}

func (d *desk) signAndCorrect(ana, ben person, at string) {
	r := d.whole(at)
	if res := d.send(ana.token, at+"/sign", "seen", r.AnswersDigest(1).String(), "words", "one finding"); res.StatusCode != 303 {
		d.t.Fatalf("signing: %d\n%.600s", res.StatusCode, res.body)
	}
	d.shows(ana.token, at, "signed off", "one finding", r.AnswersDigest(1).String())
	if res := d.send(ben.token, at+"/1", all(r, "yes")...); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "signed off") {
		d.t.Errorf("an answer after the sign-off: %d", res.StatusCode)
	}
	if res := d.send(ben.token, at+"/rounds", "reason", ""); res.StatusCode != 422 {
		d.t.Errorf("a round without a reason: %d", res.StatusCode)
	}
	if res := d.send(ben.token, at+"/rounds", "reason", "The clock was that of Boston"); res.StatusCode != 303 {
		d.t.Fatalf("a round: %d\n%.600s", res.StatusCode, res.body)
	}
	d.shows(ben.token, at+"/1", "What you save now stands in its place")
	if res := d.send(ben.token, at+"/1", all(r, "yes")...); res.StatusCode != 303 || res.Header.Get("Location") != at {
		d.t.Errorf("a correction: %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	after := d.whole(at)
	if after.Score().Wrong != 0 || after.Rounds[0].Signed.Digest != after.AnswersDigest(1) {
		d.t.Errorf("after the correction: %+v", after.Score())
	}
	if res := d.send(ben.token, at+"/sign", "seen", after.AnswersDigest(2).String()); res.StatusCode != 303 {
		d.t.Errorf("signing the correction: %d", res.StatusCode)
	}
	d.shows(ana.token, at+"/verify", "equal", "2 sign-offs fit", "same population, row by row")
	var acts []string
	rows, err := d.store.Pool().Query(d.t.Context(), "SELECT DISTINCT action FROM audit WHERE subject = $1 OR action LIKE 'sample.%' ORDER BY 1", strings.TrimPrefix(at, "/samples/"))
	d.must(err)
	defer rows.Close()
	for rows.Next() {
		var a string
		d.must(rows.Scan(&a))
		acts = append(acts, a)
	}
	for _, want := range []string{"sample.answer", "sample.draw", "sample.round", "sample.sign_off", "sample.verify"} {
		if !strings.Contains(strings.Join(acts, " "), want) {
			d.t.Errorf("the audit has %v and no %s", acts, want)
		}
	}
}

func (d *desk) sampleRights(ana person) {
	at := d.drawn(ana.token)
	r := d.whole(at)
	foreign := d.person(identity.Grant{Creditor: "demo-de", Role: identity.Compliance})
	auditor := d.person(identity.Grant{Creditor: "demo", Role: identity.Auditor})
	for _, path := range []string{at, at + "/1", at + "/verify", at + "/export", at + "?format=csv"} {
		if res := d.open(foreign.token, "GET", path); res.StatusCode != http.StatusNotFound {
			d.t.Errorf("GET %s by another creditor's compliance: %d", path, res.StatusCode)
		}
		if res := d.open(auditor.token, "GET", path); res.StatusCode != http.StatusOK {
			d.t.Errorf("GET %s by the creditor's auditor: %d", path, res.StatusCode)
		}
	}
	for path, form := range map[string][]string{at + "/1": all(r, "yes"), at + "/sign": {"seen", r.AnswersDigest(1).String()}, at + "/rounds": {"reason", "why not"}} {
		if res := d.send(foreign.token, path, form...); res.StatusCode != http.StatusNotFound {
			d.t.Errorf("POST %s by another creditor's compliance: %d", path, res.StatusCode)
		}
		if res := d.send(auditor.token, path, form...); res.StatusCode != http.StatusForbidden {
			d.t.Errorf("POST %s by an auditor: %d", path, res.StatusCode)
		}
	}
	if strings.Contains(d.shows(foreign.token, "/samples"), at) {
		d.t.Error("another creditor's compliance sees the sample in the list")
	}
	now := d.clock.time()
	span := []string{"title", "x", "from", now.AddDate(0, 0, -60).Format(time.DateOnly), "until", now.AddDate(0, 0, -1).Format(time.DateOnly)}
	if res := d.send(foreign.token, "/samples", append(span, "creditor", "demo")...); res.StatusCode != http.StatusForbidden {
		d.t.Errorf("drawing from another creditor: %d", res.StatusCode)
	}
	if res := d.send(foreign.token, "/samples", span...); res.StatusCode != 422 || !strings.Contains(res.body, "nothing to draw from") {
		d.t.Errorf("drawing from all of one's own, which have nothing: %d", res.StatusCode)
	}
	if len(d.whole(at).Answers) != 0 {
		d.t.Error("something was answered")
	}
	// Somebody for one of two creditors does not see a sample of both.
	both := d.drawn(ana.token, "creditor", "")
	if res := d.open(auditor.token, "GET", both); len(d.whole(both).Creditors) < 2 && res.StatusCode != 200 || len(d.whole(both).Creditors) > 1 && res.StatusCode != http.StatusNotFound {
		d.t.Errorf("a sample of %v by the auditor of demo: %d", d.whole(both).Creditors, res.StatusCode)
	}
}

// log enters a call as somebody.
func (d *desk) logCall(by, id string, days int) {
	d.t.Helper()
	_, err := d.commands().Do(d.t.Context(), d.ref.Case, dunning.LogContact{
		ContactLogged: dunning.ContactLogged{ID: id, Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer", Collector: strings.TrimPrefix(by, "user:")},
		Happened:      d.clock.time().AddDate(0, 0, -days),
	}, by)
	d.must(err)
}

func (d *desk) ownWork(ana person) {
	cleo := d.person(everywhere(identity.Compliance), everywhere(identity.Collector))
	d.logCall("user:"+cleo.id, "call-of-cleo", 3)
	at := d.drawn(ana.token, "kind", "calls", "method", "random")
	r := d.whole(at)
	if len(r.Rows) != 1 || len(r.Rows[0].People) != 1 || r.Rows[0].People[0] != "user:"+cleo.id {
		d.t.Fatalf("rows %+v", r.Rows)
	}
	d.shows(cleo.token, at+"/1", "You made this yourself")
	if res := d.send(cleo.token, at+"/1", all(r, "yes")...); res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "nobody checks their own work") {
		d.t.Errorf("reviewing one's own call: %d\n%.500s", res.StatusCode, res.body)
	}
	if res := d.send(ana.token, at+"/1", all(r, "yes")...); res.StatusCode != 303 {
		d.t.Fatalf("reviewing somebody else's: %d", res.StatusCode)
	}
	r = d.whole(at)
	if res := d.send(cleo.token, at+"/sign", "seen", r.AnswersDigest(1).String()); res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "You made row 1 yourself") {
		d.t.Errorf("signing one's own call off: %d", res.StatusCode)
	}
	if res := d.send(ana.token, at+"/sign", "seen", r.AnswersDigest(1).String()); res.StatusCode != 303 {
		d.t.Errorf("signing somebody else's off: %d", res.StatusCode)
	}
}

func (d *desk) sampleFile(ana person) {
	at := d.drawn(ana.token, "size", "1")
	r := d.whole(at)
	d.send(ana.token, at+"/1", all(r, "yes")...)
	r = d.whole(at)
	d.send(ana.token, at+"/sign", "seen", r.AnswersDigest(1).String())
	body := d.shows(ana.token, at+"/export", sampling.Format)
	if v, err := sampling.Verify(strings.NewReader(body)); err != nil || !v.OK() || v.Rows != 1 || v.Signed != 1 || v.Digest != r.Digest {
		d.t.Fatalf("%+v, %v", v, err)
	}
	for _, secret := range []string{"Ada Example", "C-1@example.invalid", "+12125550100"} {
		if strings.Contains(body, secret) {
			d.t.Errorf("the file holds %q", secret)
		}
	}
	for about, change := range map[string]func(f *sampling.File){
		"another seed":               func(f *sampling.File) { f.Seed += "x" },
		"a row of the population":    func(f *sampling.File) { f.Members = f.Members[1:] },
		"a weight of the population": func(f *sampling.File) { f.Members[0] = strings.Replace(f.Members[0], "\t", "\t9", 1) },
		"another row":                func(f *sampling.File) { f.Rows[0].ID = strings.Split(f.Members[0], "\t")[0] + "x" },
		"an answer":                  func(f *sampling.File) { f.Answers[0].Values["hours"] = sampling.NA },
		"a note":                     func(f *sampling.File) { f.Answers[0].Note = "fine" },
		"who answered":               func(f *sampling.File) { f.Answers[0].By = "user:somebody" },
		"another method":             func(f *sampling.File) { f.Method = sampling.Risk },
		"a larger size":              func(f *sampling.File) { f.Size = 2 },
		"a row less":                 func(f *sampling.File) { f.Rows = nil },
		"another way of drawing":     func(f *sampling.File) { f.Algorithm = "dice" },
	} {
		var f sampling.File
		d.must(json.Unmarshal([]byte(body), &f))
		change(&f)
		b, err := json.Marshal(f)
		d.must(err)
		if v, err := sampling.Verify(strings.NewReader(string(b))); err == nil && v.OK() {
			d.t.Errorf("%s was changed, and the file verifies", about)
		}
	}
	for _, text := range []string{"", "{}", "[1]", `{"format":"duly-sample-9"}`, `{"format":"duly-sample-1"}`} {
		if _, err := sampling.Verify(strings.NewReader(text)); err == nil {
			d.t.Errorf("%q verifies", text)
		}
	}
	// The journal is compared too: what is dated into the span afterwards is named, unless it was entered later.
	if v, err := d.samples().Verify(d.t.Context(), identity.Principal{By: "user:" + ana.id, Grants: []identity.Grant{everywhere(identity.Compliance)}}, r.ID); err != nil || !v.OK() || v.Change == nil {
		d.t.Errorf("%+v, %v", v, err)
	}
}

func (d *desk) samples() *sampling.Service { return NewSampling(d.store, d.console.book) }

func (d *desk) sampleForms(ana person) {
	now := d.clock.time()
	day := func(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }
	for about, c := range map[string]struct {
		form  []string
		words string
	}{
		"no name":              {[]string{"title", ""}, "Give the sample a name"},
		"no rows":              {[]string{"size", "0"}, "A sample has 1 to 1000 rows"},
		"rows that are words":  {[]string{"size", "many"}, "A sample has 1 to 1000 rows"},
		"too many rows":        {[]string{"size", "1001"}, "A sample has 1 to 1000 rows"},
		"a seed with a space":  {[]string{"seed", "a b"}, "visible ASCII"},
		"a span of nothing":    {[]string{"from", "soon"}, "from and until which day"},
		"a span backwards":     {[]string{"from", day(-2), "until", day(-9)}, "from and until which day"},
		"a span to come":       {[]string{"until", day(3)}, "The span must have passed"},
		"a kind there is not":  {[]string{"kind", "gossip"}, "Choose what is drawn"},
		"a method there isn't": {[]string{"method", "best"}, "Choose how"},
		"a rule of messages":   {[]string{"rule", "HOUSE-CAP"}, "Only decisions have a rule"},
		"a verdict of calls":   {[]string{"kind", "calls", "verdict", "allowed"}, "A verdict narrows decisions"},
		"nothing that matches": {[]string{"step", "no-such-step"}, "Nothing matches"},
	} {
		base := map[string]string{"title": "x", "from": day(-60), "until": day(-1), "size": "2", "creditor": "demo"}
		for i := 0; i < len(c.form); i += 2 {
			base[c.form[i]] = c.form[i+1]
		}
		var form []string
		for k, v := range base {
			form = append(form, k, v)
		}
		if res := d.send(ana.token, "/samples", form...); res.StatusCode != 422 || !strings.Contains(res.body, c.words) {
			d.t.Errorf("%s: status %d, does not say %q", about, res.StatusCode, c.words)
		}
	}
	for _, path := range []string{"/samples/nonsense", "/samples/" + uuid.NewString(), "/samples/" + uuid.NewString() + "/1"} {
		if res := d.open(ana.token, "GET", path); res.StatusCode != http.StatusNotFound {
			d.t.Errorf("GET %s: %d", path, res.StatusCode)
		}
	}
	at := d.drawn(ana.token)
	for _, n := range []string{"0", "-1", "3", "99999999999999999999", "x"} {
		if res := d.open(ana.token, "GET", at+"/"+n); res.StatusCode != http.StatusNotFound {
			d.t.Errorf("GET row %s: %d", n, res.StatusCode)
		}
		if res := d.send(ana.token, at+"/"+n, all(d.whole(at), "yes")...); res.StatusCode != http.StatusNotFound {
			d.t.Errorf("POST row %s: %d", n, res.StatusCode)
		}
	}
}

func (d *desk) sampleKinds(ana person) {
	d.logCall("user:"+uuid.NewString(), "another-call", 2)
	for _, kind := range []string{"contacts", "decisions", "calls"} {
		at := d.drawn(ana.token, "kind", kind, "size", "50", "method", "risk")
		r := d.whole(at)
		for _, row := range r.Rows {
			d.shows(ana.token, fmt.Sprintf("%s/%d", at, row.N), r.Questions[0].Text)
		}
		d.shows(ana.token, at+"/verify", "equal")
	}
}

// found wants one finding for the first answer of a sample, with its owner and its day.
func (d *desk) found(r sampling.Review, owner person) {
	d.t.Helper()
	var key, source, kind, title, by, due, contact string
	err := d.store.Pool().QueryRow(d.t.Context(), "SELECT key, source, kind, title, owner, due::text, contact_id FROM findings WHERE id = $1", r.Answers[0].Finding).
		Scan(&key, &source, &kind, &title, &by, &due, &contact)
	d.must(err)
	if key != "sample/"+r.ID+"/1/1" || source != "sample" || kind != "violation" || by != "user:"+owner.id || due != "2026-12-24" || contact != r.Rows[0].Contact || !strings.Contains(title, "hours") {
		d.t.Errorf("the finding is %q %q %q %q %q %q %q", key, source, kind, title, by, due, contact)
	}
}

func (d *desk) sampleAPI() {
	key, foreign, reader := d.key("demo", identity.Sample, identity.Review, identity.Export), d.key("demo-de", identity.Sample, identity.Review, identity.Export), d.key("demo", identity.Review)
	now := d.clock.time()
	order := fmt.Sprintf(`{"title":"By a program","kind":"contacts","from":%q,"until":%q,"size":1,"seed":"api"}`, now.AddDate(0, 0, -60).Format(time.RFC3339), now.Format(time.RFC3339))
	if res := d.call(reader, "POST", "/samples", order); res.StatusCode != http.StatusForbidden {
		d.t.Errorf("drawing without the scope: %d", res.StatusCode)
	}
	if res := d.call(key, "POST", "/samples", strings.Replace(order, `"size":1`, `"size":0`, 1)); res.StatusCode != 422 {
		d.t.Errorf("drawing none: %d", res.StatusCode)
	}
	if res := d.call(foreign, "POST", "/samples", strings.Replace(order, `"size":1`, `"size":1,"creditors":["demo"]`, 1)); res.StatusCode != http.StatusNotFound {
		d.t.Errorf("drawing from another creditor: %d", res.StatusCode)
	}
	var preview sampling.Preview
	d.call(key, "POST", "/samples/preview", order).into(d.t, &preview)
	var first, again sampling.Sample
	d.call(key, "POST", "/samples", order, "Idempotency-Key", "k1").into(d.t, &first)
	d.call(key, "POST", "/samples", order, "Idempotency-Key", "k1").into(d.t, &again)
	if first.ID == "" || first.ID != again.ID || preview.Population != first.Population || first.Creditors[0] != "demo" {
		d.t.Fatalf("%+v, again %+v, preview %+v", first, again, preview)
	}
	at := "/samples/" + first.ID
	var r sampling.Review
	d.call(key, "GET", at, "").into(d.t, &r)
	values := map[string]sampling.Value{}
	for _, q := range r.Questions {
		values[q.ID] = sampling.Yes
	}
	body, err := json.Marshal(sampling.Answer{Values: values})
	d.must(err)
	for about, c := range map[string]struct {
		key, method, path, body string
		status                  int
	}{
		"another creditor reads it":     {foreign, "GET", at, "", 404},
		"another creditor verifies it":  {foreign, "GET", at + "/verify", "", 404},
		"another creditor exports it":   {foreign, "GET", at + "/file", "", 404},
		"another creditor answers":      {foreign, "POST", at + "/rows/1/answer", string(body), 404},
		"a reader answers":              {reader, "POST", at + "/rows/1/answer", string(body), 403},
		"an answer without values":      {key, "POST", at + "/rows/1/answer", `{"answers":{}}`, 422},
		"an answer of no row":           {key, "POST", at + "/rows/7/answer", string(body), 404},
		"a row that is no number":       {key, "POST", at + "/rows/x/answer", string(body), 404},
		"a correction before an answer": {key, "POST", at + "/rounds", `{"reason":"why not"}`, 409},
		"a sample that is not there":    {key, "GET", "/samples/" + uuid.NewString(), "", 404},
	} {
		if res := d.call(c.key, c.method, c.path, c.body); res.StatusCode != c.status {
			d.t.Errorf("%s: %d, want %d\n%s", about, res.StatusCode, c.status, res.body)
		}
	}
	for i, status := range []int{201, 409} {
		if res := d.call(key, "POST", at+"/rows/1/answer", string(body)); res.StatusCode != status {
			d.t.Errorf("answer %d: %d %s", i+1, res.StatusCode, res.body)
		}
	}
	if res := d.call(key, "POST", at+"/rounds", `{"reason":"read wrongly"}`); res.StatusCode != 201 {
		d.t.Errorf("a correction: %d %s", res.StatusCode, res.body)
	}
	var v sampling.Verified
	d.call(key, "GET", at+"/verify", "").into(d.t, &v)
	if !v.OK() || v.Change == nil {
		d.t.Errorf("%+v", v)
	}
	file := d.call(key, "GET", at+"/file", "")
	if v, err := sampling.Verify(strings.NewReader(file.body)); err != nil || !v.OK() {
		d.t.Errorf("%+v, %v", v, err)
	}
}
