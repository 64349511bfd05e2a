package identity

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// want is the matrix once more, written the other way round, so that a change of one of
// the two is noticed: permission → roles.
var want = map[Permission]string{
	View: "auditor collector compliance legal operations supervisor", Note: "collector compliance legal operations supervisor",
	Payment: "operations supervisor", TakeOver: "collector supervisor", Call: "collector supervisor", Message: "collector supervisor",
	Promise: "collector supervisor", Plan: "collector supervisor", Settlement: "collector supervisor", Dispute: "collector legal operations supervisor",
	Hold: "collector compliance legal operations supervisor", Consent: "collector compliance operations supervisor", WriteOff: "supervisor",
	Tasks: "legal operations supervisor", ApproveDraft: "compliance legal supervisor", ApproveReferral: "legal", ApproveSettlement: "legal supervisor",
	Monitor: "auditor compliance operations", Operate: "operations", Import: "operations",
	Config: "admin auditor compliance legal operations supervisor", Publish: "operations", Migrate: "operations", Approve: "compliance",
	Review: "auditor compliance", Sample: "compliance", Findings: "compliance", Export: "auditor compliance legal operations supervisor", Audit: "admin auditor compliance",
	Codec: "compliance", Numbers: "collector operations supervisor", Team: "supervisor", Users: "admin", Keys: "admin operations", Hooks: "admin operations",
}

func TestMatrix(t *testing.T) {
	for _, p := range Permissions() {
		if _, ok := want[p]; !ok {
			t.Errorf("%s is given and not expected", p)
		}
	}
	for p, roles := range want {
		var have []string
		for _, r := range Roles() {
			if r.Can(p) {
				have = append(have, string(r))
			}
		}
		if got := strings.Join(have, " "); got != roles {
			t.Errorf("%s is had by %q, want %q", p, got, roles)
		}
	}
	for _, p := range Permissions() {
		if Auditor.Can(p) && p.Changes() {
			t.Errorf("an auditor can change: %s", p)
		}
	}
	for _, p := range []Permission{View, Monitor, Review, Export, Import, Numbers} {
		if Admin.Can(p) {
			t.Errorf("an admin has %s, by which debtors can be seen", p)
		}
	}
	if Publish.Changes() && Operations.Can(Approve) {
		t.Error("whoever publishes also approves: nobody approves their own")
	}
}

func TestPrincipal(t *testing.T) {
	one := Principal{By: "user:1", Grants: []Grant{{"acme", Supervisor}, {"acme", Admin}, {"other", Auditor}}}
	for name, c := range map[string]struct {
		p        Principal
		perm     Permission
		creditor string
		can      bool
	}{
		"a role is for its creditor": {one, Plan, "acme", true},
		"and for no other":           {one, Plan, "other", false},
		"nor for all":                {one, Plan, AllCreditors, false},
		"what is over the installation is not had for one":         {one, Users, "acme", false},
		"an unknown creditor is nobody's":                          {one, View, "", false},
		"an unknown permission is nobody's":                        {one, "everything", "acme", false},
		"being signed in is enough for what needs only that":       {one, SignedIn, AllCreditors, true},
		"nobody is not signed in":                                  {Principal{}, SignedIn, AllCreditors, false},
		"nobody may what anyone may":                               {Principal{}, Anyone, AllCreditors, true},
		"grants without a name are nobody's":                       {Principal{Grants: one.Grants}, View, "acme", false},
		"an unknown role gives nothing":                            {Principal{By: "user:1", Grants: []Grant{{AllCreditors, "emperor"}}}, View, "acme", false},
		"a key has its scopes":                                     {Principal{By: "key:1", Scopes: []Permission{Import}, Creditor: "acme"}, Import, "acme", true},
		"for its creditor":                                         {Principal{By: "key:1", Scopes: []Permission{Import}, Creditor: "acme"}, Import, "other", false},
		"a key of all creditors reaches all":                       {Principal{By: "key:1", Scopes: []Permission{Import}, Creditor: AllCreditors}, Import, "other", true},
		"a key without a creditor reaches none":                    {Principal{By: "key:1", Scopes: []Permission{Import}}, Import, "", false},
		"a key of one creditor has nothing over the installation":  {Principal{By: "key:1", Scopes: []Permission{Publish}, Creditor: "acme"}, Publish, "acme", false},
		"a grant named * is for the creditors of tomorrow as well": {Principal{By: "user:1", Grants: []Grant{{AllCreditors, Collector}}}, Call, "tomorrow", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.p.Can(c.perm, c.creditor); got != c.can {
				t.Errorf("can is %v", got)
			}
			if c.can && !c.p.Somewhere(c.perm) {
				t.Error("can, but nowhere")
			}
		})
	}
	if got := one.Creditors(View, []string{"acme", "other", "third"}); !slices.Equal(got, []string{"acme", "other"}) {
		t.Errorf("creditors %v", got)
	}
	if got := one.Roles("acme"); !slices.Equal(got, []Role{Admin, Supervisor}) {
		t.Errorf("roles %v", got)
	}
}

func TestPasswords(t *testing.T) {
	hash, err := HashPassword("correct horse battery")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Fatalf("hash %q, %v", hash, err)
	}
	other, _ := HashPassword("correct horse battery")
	if other == hash {
		t.Error("two hashes of one password are the same: no salt")
	}
	for name, c := range map[string]struct {
		hash, password string
		right          bool
	}{
		"the right one":             {hash, "correct horse battery", true},
		"another":                   {hash, "correct horse batterie", false},
		"none":                      {hash, "", false},
		"nobody's hash":             {"", "correct horse battery", false},
		"the decoy's own key":       {"", strings.Repeat("\x00", 32), false},
		"a hash of something else":  {"$2b$12$abcdefghijklmnopqrstuv", "x", false},
		"a hash cut off":            {hash[:len(hash)-20], "correct horse battery", false},
		"a hash with no cost":       {strings.Replace(hash, "t=3", "t=0", 1), "correct horse battery", false},
		"a password of a megabyte":  {hash, strings.Repeat("x", 1<<20), false},
		"an older, cheaper hash is": {hashWith(params{8 << 10, 1, 1}, "old password here"), "old password here", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CheckPassword(c.hash, c.password); got != c.right {
				t.Errorf("right is %v", got)
			}
		})
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 257)} {
		if _, err := HashPassword(bad); err == nil {
			t.Errorf("a password of %d characters is accepted", len(bad))
		}
	}
}

func TestSecretsAreNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		for _, s := range []string{NewToken(), NewPassword(), NewKey("abc")} {
			if seen[s] {
				t.Fatalf("%q twice", s)
			}
			seen[s] = true
		}
	}
	if p := NewPassword(); len(p) != 23 || strings.ContainsAny(p, "0o1il") || len(p) < ShortestPassword {
		t.Errorf("a first password %q", p)
	}
	if k := NewKey("abc"); !strings.HasPrefix(k, "duly_abc_") || len(k) < 30 {
		t.Errorf("a key %q", k)
	}
}

func TestKeyInForce(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		k  Key
		in bool
	}{
		"without an end":             {Key{}, true},
		"before its end":             {Key{Expires: now.Add(time.Second)}, true},
		"at its end":                 {Key{Expires: now}, false},
		"revoked":                    {Key{Revoked: now.Add(-time.Hour)}, false},
		"revoked and without an end": {Key{Revoked: now, Expires: now.Add(time.Hour)}, false},
	} {
		if c.k.InForce(now) != c.in {
			t.Errorf("%s: in force is %v", name, !c.in)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, ok := range map[string]bool{
		"ada": true, "ada.lovelace@example.com": true, "a_b-c": true, "x1": true,
		"": false, "a": false, "Ada": false, "ada lovelace": false, "ada\x00": false, "ädä": false, strings.Repeat("a", 65): false, "../etc": false,
	} {
		if ValidName(name) != ok {
			t.Errorf("%q: valid is %v", name, !ok)
		}
	}
	if !slices.IsSorted(EventKinds) {
		t.Error("the kinds of events are not sorted")
	}
}
