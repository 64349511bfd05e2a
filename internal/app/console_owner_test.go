package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/api"
)

// ownedBy makes a key of all creditors with every scope, whose owner has roles.
func (d *desk) ownedBy(creditor string, grants ...identity.Grant) (secret, owner string) {
	d.t.Helper()
	owner, err := d.store.AddUser(d.t.Context(), identity.User{Name: "o" + strings.ReplaceAll(uuid.NewString(), "-", ""), Created: clock.Wall(), Grants: grants})
	d.must(err)
	id := strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	secret = identity.NewKey(id)
	d.must(d.store.AddKey(d.t.Context(), identity.HashToken(secret), identity.Key{
		ID: id, Name: "erp", Creditor: creditor, Scopes: everyScope(), By: "user:" + owner, Created: clock.Wall(),
	}))
	return secret, owner
}

// TestAPIEveryOperationForADisabledOwner walks all operations with a key whose owner is
// shut out: 401 with words, nothing is shown and nothing is changed; let in again, the key
// works as before.
func TestAPIEveryOperationForADisabledOwner(t *testing.T) {
	d := newDesk(t)
	d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Admin}) // no last admin in the way
	version, err := d.store.Version(t.Context(), d.ref.Debtor)
	d.must(err)
	secret, owner := "", ""
	for i, op := range d.console.api.Operations() {
		if i%40 == 0 { // within the rate of a key
			secret, owner = d.ownedBy("*", identity.Grant{Creditor: "*", Role: identity.Admin})
			if res := d.call(secret, "GET", "/me", ""); res.StatusCode != http.StatusOK {
				t.Fatalf("before: %d %s", res.StatusCode, res.body)
			}
			d.must(d.store.Disable(t.Context(), owner, clock.Wall()))
		}
		body := "{}"
		if example := d.exampleOf(op); example != nil {
			body = jsonOf(t, example)
		}
		res := d.call(secret, op.Method, d.placeOf(op, d.ref.Case), body, "Idempotency-Key", "owner-"+op.ID)
		var p api.Problem
		res.into(t, &p)
		if res.StatusCode != http.StatusUnauthorized || p.Type != "urn:duly:problem:owner-out" || !strings.Contains(p.Detail, "shut out") || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s for a key whose owner is shut out: %d %s", op.ID, res.StatusCode, res.body)
		}
	}
	if after, err := d.store.Version(t.Context(), d.ref.Debtor); err != nil || after != version {
		t.Errorf("the debtor's version went from %d to %d, %v", version, after, err)
	}
	d.must(d.store.Disable(t.Context(), owner, time.Time{}))
	if res := d.call(secret, "GET", "/cases/"+d.ref.Case, ""); res.StatusCode != http.StatusOK {
		t.Errorf("let in again: %d %s", res.StatusCode, res.body)
	}
	all, err := d.store.AuditOf(t.Context(), "", 500)
	d.must(err)
	if !slices.ContainsFunc(all, func(a postgres.Audited) bool {
		return a.Action == "refused" && strings.HasPrefix(a.By, "key:") && a.Detail["why"] == "urn:duly:problem:owner-out"
	}) {
		t.Error("the refusals are not in the audit")
	}
}

// TestConsoleEveryRouteForADisabledUser: whoever is shut out has no session any more, on
// any route, from the next click on.
func TestConsoleEveryRouteForADisabledUser(t *testing.T) {
	d := newDesk(t)
	d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Admin})
	var grants []identity.Grant
	for _, role := range identity.Roles() {
		grants = append(grants, identity.Grant{Creditor: "*", Role: role})
	}
	token := d.as(grants...)
	if res := d.open(token, "GET", "/cases/"+d.ref.Case); res.StatusCode != http.StatusOK {
		t.Fatalf("before: %d", res.StatusCode)
	}
	ses, err := d.store.Session(t.Context(), identity.HashToken(token), clock.Wall(), clock.Wall().Add(-time.Hour))
	d.must(err)
	d.must(d.store.Disable(t.Context(), ses.User.ID, clock.Wall()))
	for _, r := range d.console.Web().Routes() {
		if r.Need == identity.Anyone {
			continue
		}
		method, path := fill(r, d.ref.Case)
		res := d.open(token, method, path)
		to := res.Header.Get("Location")
		if res.StatusCode != http.StatusUnauthorized && (res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/login")) {
			t.Errorf("%s for somebody who is shut out: %d to %q", r.Pattern, res.StatusCode, to)
		}
	}
	d.must(d.store.Disable(t.Context(), ses.User.ID, time.Time{}))
	if res := d.open(token, "GET", "/cases/"+d.ref.Case); res.StatusCode == http.StatusOK {
		t.Error("the old session works again when they are let in")
	}
}

// TestAPIAKeyGivesNoMoreThanItsOwnerHas: what the owner of a key loses, the key loses with
// the next request, by permission and by creditor; lists and the audit's words say so.
func TestAPIAKeyGivesNoMoreThanItsOwnerHas(t *testing.T) {
	d := newDesk(t)
	d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Admin})
	everything := identity.Grant{Creditor: "*", Role: identity.Admin}
	for _, c := range []struct {
		why                   string
		key                   string // the key's creditor
		now                   []identity.Grant
		opens, pays, operates int
		users                 int
	}{
		{"an admin of all hands out everything", "*", []identity.Grant{everything}, 200, 200, 200, 200},
		{"a supervisor of the creditor", "*", []identity.Grant{{Creditor: "demo", Role: identity.Supervisor}}, 200, 200, 403, 403},
		{"operations of the creditor", "*", []identity.Grant{{Creditor: "demo", Role: identity.Operations}}, 200, 200, 200, 403},
		{"operations of another creditor only: it does not exist", "*", []identity.Grant{{Creditor: "demo-de", Role: identity.Operations}}, 404, 404, 200, 403},
		{"a key of another creditor, too", "demo-de", []identity.Grant{everything}, 404, 404, 200, 403},
		{"an auditor reads", "*", []identity.Grant{{Creditor: "*", Role: identity.Auditor}}, 200, 403, 200, 403},
		{"an admin of one creditor hands out nothing that they have not", "*", []identity.Grant{{Creditor: "demo", Role: identity.Admin}}, 403, 403, 403, 403},
		{"nobody any more", "*", nil, 403, 403, 403, 403},
	} {
		t.Run(c.why, func(t *testing.T) {
			secret, owner := d.ownedBy(c.key, everything)
			d.must(d.store.SetGrants(t.Context(), owner, c.now))
			got := []int{
				d.call(secret, "GET", "/cases/"+d.ref.Case, "").StatusCode,
				d.call(secret, "POST", "/cases/"+d.ref.Case+"/commands/record_payment", `{"id":"`+uuid.NewString()+`","amount":{"amount":"0.01","currency":"USD"}}`).StatusCode,
				d.call(secret, "GET", "/health", "").StatusCode,
				d.call(secret, "GET", "/users", "").StatusCode,
			}
			if want := []int{c.opens, c.pays, c.operates, c.users}; !slices.Equal(got, want) {
				t.Errorf("case, payment, health, users: %v, want %v", got, want)
			}
			var cases struct{ Rows []struct{ ID string } }
			if res := d.call(secret, "GET", "/cases?limit=9", ""); res.StatusCode == http.StatusOK {
				res.into(t, &cases)
			}
			if seen := len(cases.Rows) > 0; seen != (c.opens == 200) {
				t.Errorf("the list of cases has %d rows", len(cases.Rows))
			}
			d.must(d.store.SetGrants(t.Context(), owner, []identity.Grant{everything}))
			if res := d.call(secret, "GET", "/health", ""); res.StatusCode != http.StatusOK {
				t.Errorf("with the roles back: %d", res.StatusCode)
			}
		})
	}
}

// The list of keys says which do not work, and what others lack, in the console and in the API.
func TestTheListOfKeysSaysWhatTheyLack(t *testing.T) {
	d := newDesk(t)
	admin := d.somebody(identity.Admin)
	reader, out := d.ownedBy("*", identity.Grant{Creditor: "*", Role: identity.Operations})
	d.must(d.store.SetProfile(t.Context(), out, "Grace Example", ""))
	if page := admin.get("/keys").body; strings.Contains(page, "is shut out") || !strings.Contains(page, "its owner has it no more") {
		t.Errorf("a key with scopes beyond its owner's: %s", page)
	}
	var list struct{ Rows []api.Key }
	adminKey := admin.key(identity.Keys)
	d.call(adminKey, "GET", "/keys", "").into(t, &list)
	i := slices.IndexFunc(list.Rows, func(k api.Key) bool { return k.Owner == "user:"+out })
	if i < 0 || list.Rows[i].Stopped || !slices.Contains(list.Rows[i].Lost, identity.Users) || slices.Contains(list.Rows[i].Lost, identity.View) {
		t.Errorf("%+v", list.Rows)
	}
	if res := d.call(reader, "GET", "/users", ""); res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "no more") {
		t.Errorf("a scope that is lost: %d %s", res.StatusCode, res.body)
	}
	d.must(d.store.Disable(t.Context(), out, clock.Wall()))
	if page := admin.get("/keys").body; !strings.Contains(page, "its owner Grace Example is shut out") {
		t.Errorf("a key that is stopped: %s", page)
	}
	list.Rows = nil
	d.call(adminKey, "GET", "/keys", "").into(t, &list)
	if i := slices.IndexFunc(list.Rows, func(k api.Key) bool { return k.Owner == "user:"+out }); !list.Rows[i].Stopped || len(list.Rows[i].Lost) > 0 {
		t.Errorf("%+v", list.Rows[i])
	}
}

// Whatever an admin does to users, roles and keys is in the audit and in the log that is
// chained, with who did it: by the console and by the API.
func TestEveryChangeOfAccessNamesWhoMadeIt(t *testing.T) {
	d := newDesk(t)
	admin := d.somebody(identity.Admin)
	key := admin.key(identity.Users, identity.Keys, identity.View)
	logged := func() (out []string) {
		rows, err := d.store.Pool().Query(t.Context(), "SELECT what || ' ' || CASE WHEN by LIKE 'key:%' THEN 'key' ELSE by END || ' ' || coalesce('user:' || person, '') FROM access_events WHERE by <> '' ORDER BY id")
		d.must(err)
		defer rows.Close()
		for rows.Next() {
			var text string
			d.must(rows.Scan(&text))
			out = append(out, text)
		}
		return out
	}
	before := len(logged())
	admin.post("/users", "name", "grace", "creditor", "demo", "role", "collector")
	grace, err := d.store.UserByName(t.Context(), "grace")
	d.must(err)
	for _, path := range []string{"/reset", "/disable", "/enable"} {
		admin.post("/users/" + grace.ID + path)
	}
	admin.post("/users/"+grace.ID+"/grants", "grant", "demo/collector", "grant", "demo/legal")
	var made api.Key
	d.call(key, "POST", "/keys", `{"name":"reader","creditor":"demo","scopes":["view"]}`).into(t, &made)
	d.call(key, "POST", "/keys/"+made.ID+"/revoke", "")
	d.call(key, "POST", "/users/"+grace.ID+"/disable", "")
	by := " " + admin.by + " " + admin.by
	want := []string{"made" + by, "roles_given" + by, "password" + by, "disabled" + by, "enabled" + by, "roles_given" + by, "made key " + admin.by, "revoked key " + admin.by, "disabled key " + admin.by}
	if got := logged()[before:]; !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	all, err := d.store.AuditOf(t.Context(), "", 100)
	d.must(err)
	for _, action := range []string{"user_added", "password_reset", "user_disabled", "user_enabled", "roles_changed", "key_added", "key_revoked"} {
		if !slices.ContainsFunc(all, func(a postgres.Audited) bool { return a.Action == action }) {
			t.Errorf("%s is not in the audit", action)
		}
	}
}

// An admin who makes an account does not get a second pair of eyes: the page says so, and
// approving is refused.
func TestAnAdminsAccountIsNoSecondPerson(t *testing.T) {
	d := newDesk(t)
	both := d.somebody(identity.Operations, identity.Admin)
	stranger := d.somebody(identity.Compliance)
	both.post("/users", "name", "puppet", "creditor", "*", "role", "compliance")
	puppet, err := d.store.UserByName(t.Context(), "puppet")
	d.must(err)
	token, now := identity.NewToken(), clock.Wall()
	hash, err := identity.HashPassword("correct horse battery")
	d.must(err)
	d.must(d.store.SetPassword(identity.ActingAs(t.Context(), "user:"+puppet.ID), puppet.ID, hash, false, identity.Hash{}))
	d.must(d.store.OpenSession(t.Context(), identity.HashToken(token), identity.Session{User: puppet, Method: "password", Created: now, Expires: now.Add(time.Hour)}))
	second := somebody{d, token, "user:" + puppet.ID}
	d.must(d.console.Proposals().Require(t.Context(), "cli", "as agreed"))
	made := both.propose(nudgeFile, d.text(nudgeFile)+" ")
	if page := second.get("/proposals/" + made); page.StatusCode != 200 || !strings.Contains(page.body, "are in one hand") || strings.Contains(page.body, "/approve\"") {
		t.Errorf("the page: %d", page.StatusCode)
	}
	if res := second.post("/proposals/" + made + "/approve"); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "do not count as two people") {
		t.Errorf("approving: %d", res.StatusCode)
	}
	if res := second.key(identity.Approve); d.call(res, "POST", "/proposals/"+made+"/approve", "{}").StatusCode != http.StatusConflict {
		t.Error("a key of the second account approves")
	}
	if page := stranger.get("/proposals/" + made); !strings.Contains(page.body, "/approve\"") {
		t.Error("a stranger may not approve")
	}
	if res := stranger.post("/proposals/" + made + "/approve"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("a stranger approves: %d", res.StatusCode)
	}
}

// Four eyes that are two accounts of one hand are none: switching them on is refused.
func TestFourEyesNeedTwoHands(t *testing.T) {
	d := newDesk(t)
	maker := d.somebody(identity.Operations, identity.Admin)
	_, err := d.store.AddUser(identity.ActingAs(t.Context(), maker.by), identity.User{Name: "puppet", Created: clock.Wall(), Grants: []identity.Grant{{Creditor: "*", Role: identity.Compliance}}})
	d.must(err)
	if err := d.console.Proposals().Require(t.Context(), "cli", "as agreed"); err == nil || !strings.Contains(err.Error(), "neither made") {
		t.Errorf("four eyes of one hand: %v", err)
	}
	d.somebody(identity.Compliance)
	d.must(d.console.Proposals().Require(t.Context(), "cli", "as agreed"))
}
