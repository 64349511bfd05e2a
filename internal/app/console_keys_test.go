package app

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/api"
	outgoing "github.com/duly/duly/internal/web/hooks"
)

// TestAPIEveryOperationForEveryCreditor walks all operations with a key that has every
// scope, for another creditor, over one creditor's case, account and debtor: nothing of it
// is shown or changed.
func TestAPIEveryOperationForEveryCreditor(t *testing.T) {
	d := newDesk(t)
	version, err := d.store.Version(t.Context(), d.ref.Debtor)
	d.must(err)
	key := ""
	for i, op := range d.console.api.Operations() {
		if i%40 == 0 {
			key = d.key("demo-de", everyScope()...)
		}
		for _, id := range []string{d.ref.Case, d.acc.debtor} {
			body := "{}"
			if example := d.exampleOf(op); example != nil {
				body = strings.ReplaceAll(jsonOf(t, example), "0b8d5c0e-3a56-4d8e-9c8f-0d5c5d1f9a11", d.ref.Case)
			}
			res := d.call(key, op.Method, d.placeOf(op, id), body)
			for _, secret := range []string{"Ada Example", "C-1@example.invalid", "+12125550100", "1 Test Street", "inv-C-1"} {
				if strings.Contains(res.body, secret) {
					t.Errorf("%s shows %q of another creditor", op.ID, secret)
				}
			}
			if named := strings.Contains(op.Path, "{case}") || strings.Contains(op.Path, "{account}"); named && res.StatusCode < 400 && !strings.Contains(res.body, `"rows":[]`) {
				t.Errorf("%s: %d over another creditor's case: %.200s", op.ID, res.StatusCode, res.body)
			}
			if op.Need.Everywhere() && res.StatusCode != http.StatusForbidden {
				t.Errorf("%s, which is over the installation, for a key of one creditor: %d", op.ID, res.StatusCode)
			}
		}
	}
	if after, err := d.store.Version(t.Context(), d.ref.Debtor); err != nil || after != version {
		t.Errorf("the debtor's version went from %d to %d, %v", version, after, err)
	}
}

// owned makes a key with an owner who is a user.
func (d *desk) owned(creditor string, scopes ...identity.Permission) (secret, id, owner string) {
	d.t.Helper()
	user, err := d.store.AddUser(d.t.Context(), identity.User{
		Name: "o" + strings.ReplaceAll(uuid.NewString(), "-", ""), Created: clock.Wall(), Grants: []identity.Grant{{Creditor: "*", Role: identity.Admin}},
	})
	d.must(err)
	id = strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	secret = identity.NewKey(id)
	d.must(d.store.AddKey(d.t.Context(), identity.HashToken(secret), identity.Key{ID: id, Name: "erp", Creditor: creditor, Scopes: scopes, By: "user:" + user, Created: clock.Wall()}))
	return secret, id, "user:" + user
}

// TestAPIKeysAndUsers: an admin's key makes users and keys, with no more than it has; the
// audit names key and owner; secrets are told once.
func TestAPIKeysAndUsers(t *testing.T) {
	d := newDesk(t)
	admin, id, owner := d.owned("*", identity.Users, identity.Keys, identity.View, identity.Audit)
	var made api.Password
	res := d.call(admin, "POST", "/users", `{"name":"grace","grants":[{"creditor":"demo","role":"collector"}]}`, "Idempotency-Key", "make-grace")
	res.into(t, &made)
	if res.StatusCode != 201 || made.Password == "" {
		t.Fatalf("a user: %d %s", res.StatusCode, res.body)
	}
	if again := d.call(admin, "POST", "/users", `{"name":"grace","grants":[{"creditor":"demo","role":"collector"}]}`, "Idempotency-Key", "make-grace"); again.body != res.body {
		t.Errorf("the same request again: %s", again.body)
	}
	var kept []byte
	d.must(d.store.Pool().QueryRow(t.Context(), `SELECT body FROM idempotent_answers WHERE key = 'make-grace'`).Scan(&kept))
	if strings.Contains(string(kept), made.Password) || len(kept) == 0 {
		t.Errorf("the password lies in the database: %q", kept)
	}
	for body, status := range map[string]int{
		`{"name":"grace","grants":[]}`:                                              422,
		`{"name":"no blanks","grants":[]}`:                                          422,
		`{"name":"alan","grants":[{"creditor":"demo","role":"emperor"}]}`:           422,
		`{"name":"alan","grants":[{"creditor":"","role":"collector"}]}`:             422,
		`{"name":"alan","grants":[{"creditor":"demo","role":"collector","x":"y"}]}`: 422,
	} {
		if res := d.call(admin, "POST", "/users", body); res.StatusCode != status || strings.Contains(res.body, "emperor") {
			t.Errorf("%s: %d %s", body, res.StatusCode, res.body)
		}
	}
	if res := d.call(admin, "POST", "/users/"+strings.TrimPrefix(owner, "user:")+"/grants", `{"grants":[]}`); res.StatusCode != 409 {
		t.Errorf("a key changes its owner's roles: %d", res.StatusCode)
	}
	in := func(d time.Duration) string { return clock.Wall().Add(d).UTC().Format(time.RFC3339) }
	var k api.Key
	d.call(admin, "POST", "/keys", `{"name":"reader","creditor":"demo","scopes":["view"]}`).into(t, &k)
	for body, status := range map[string]int{
		`{"name":"x","creditor":"demo","scopes":["payment"]}`:                                     403, // it lacks that itself
		`{"name":"x","creditor":"demo","scopes":["approve"]}`:                                     422,
		`{"name":"x","creditor":"demo","scopes":[]}`:                                              422,
		`{"name":"x","creditor":"*","scopes":["users"]}`:                                          422, // for ever
		`{"name":"x","creditor":"*","scopes":["users"],"expires":"` + in(100*24*time.Hour) + `"}`: 422,
		`{"name":"x","creditor":"*","scopes":["users"],"expires":"` + in(30*24*time.Hour) + `"}`:  201,
		`{"name":"x","creditor":"demo","scopes":["view"],"expires":"` + in(-time.Hour) + `"}`:     422,
	} {
		if res := d.call(admin, "POST", "/keys", body); res.StatusCode != status {
			t.Errorf("%s: %d, want %d: %s", body, res.StatusCode, status, res.body)
		}
	}
	if res := d.call(k.Secret, "GET", "/me", ""); res.StatusCode != 200 {
		t.Errorf("the new key: %d", res.StatusCode)
	}
	if res := d.call(admin, "GET", "/keys", ""); strings.Contains(res.body, k.Secret) || !strings.Contains(res.body, k.ID) || !strings.Contains(res.body, `"used"`) {
		t.Errorf("the list of keys: %s", res.body)
	}
	if res := d.call(admin, "POST", "/keys/"+k.ID+"/revoke", ""); res.StatusCode != 204 {
		t.Errorf("revoking: %d %s", res.StatusCode, res.body)
	}
	if res := d.call(k.Secret, "GET", "/me", ""); res.StatusCode != 401 {
		t.Errorf("a revoked key: %d", res.StatusCode)
	}
	all, err := d.store.AuditOf(t.Context(), "", 200)
	d.must(err)
	found := slices.IndexFunc(all, func(a postgres.Audited) bool { return a.Action == "user_added" })
	if found < 0 || all[found].By != "key:"+id || all[found].Detail["owner"] != owner {
		t.Errorf("the audit does not name key and owner: %+v", all)
	}
}

// TestAPIHookSecretsRotate: both secrets sign for a day, and no list shows either.
func TestAPIHookSecretsRotate(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	e := &ear{status: 204}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	var h, rotated api.Hook
	d.call(key, "POST", "/hooks", `{"url":"`+srv.URL+`","kinds":["payment.recorded"]}`).into(t, &h)
	d.call(key, "POST", "/hooks/"+h.ID+"/rotate", "").into(t, &rotated)
	if rotated.Secret == h.Secret || rotated.Secret == "" || rotated.OldUntil.IsZero() {
		t.Fatalf("rotated: %+v", rotated)
	}
	if res := d.call(key, "GET", "/hooks", ""); strings.Contains(res.body, "whsec_") {
		t.Errorf("secrets are shown: %s", res.body)
	}
	pay := func(id string) {
		t.Helper()
		if res := d.call(key, "POST", "/cases/"+d.ref.Case+"/commands/record_payment", `{"id":"`+id+`","amount":{"amount":"1.00","currency":"USD"}}`); res.StatusCode != 200 {
			t.Fatalf("payment: %d %s", res.StatusCode, res.body)
		}
	}
	pay("P-1")
	wall := clock.Wall()
	s := &outgoing.Sender{Store: hookStore{d.store}, Wall: func() time.Time { return wall }, Private: true}
	d.must(s.Once(t.Context()))
	if len(e.got) != 1 {
		t.Fatalf("%d deliveries", len(e.got))
	}
	sig := e.got[0].Header.Get("Duly-Signature")
	for _, secret := range []string{h.Secret, rotated.Secret} {
		_, v1, _ := strings.Cut(outgoing.Sign(secret, wall, e.bodies[0]), ",")
		if !strings.Contains(sig, v1) {
			t.Errorf("%s is not signed by one of the secrets", sig)
		}
	}
	var list struct{ Rows []api.Delivery }
	d.call(key, "GET", "/hooks/"+h.ID+"/deliveries?limit=1", "").into(t, &list)
	pay("P-2")
	d.must(s.Once(t.Context()))
	if res := d.call(key, "POST", "/hooks/"+h.ID+"/replay", jsonOf(t, map[string]any{"after": list.Rows[0].ID})); !strings.Contains(res.body, `"deliveries":1`) {
		t.Errorf("replay behind the first: %s", res.body)
	}
	if res := d.call(key, "POST", "/hooks/"+h.ID+"/replay", `{"after":1,"delivery":2}`); res.StatusCode != 422 {
		t.Errorf("two ways at once: %d", res.StatusCode)
	}
	wall = wall.Add(25 * time.Hour)
	d.must(s.Once(t.Context()))
	last := e.got[len(e.got)-1].Header.Get("Duly-Signature")
	if strings.Count(last, "v1=") != 1 {
		t.Errorf("after a day the old secret signs: %s", last)
	}
}
