package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/proposal"
)

// governed is a store with rows in every ledger that governance rests on, written by the
// programs of before, and sealed by the first round.
func governed(t *testing.T) (*postgres.Store, chain.Head) {
	t.Helper()
	dsn := pgtest.Empty(t)
	for v := int64(1); v <= 13; v++ {
		if err := postgres.MigrateTo(t.Context(), dsn, v); err != nil {
			t.Fatal(err)
		}
		writeRows(t, dsn, v)
	}
	if err := postgres.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	s := pgtest.Open(t, dsn)
	return s, mustSeal(t, s, patient).Head
}

// governance are the ledgers that were chained with schema version 19, with their tables.
var governance = map[string]string{
	"access": "access_events", "activation_looks": "activation_looks", "activations": "release_activations", "four_eyes": "four_eyes",
	"proposal_ends": "proposal_ends", "proposal_files": "proposal_files", "proposal_sequences": "proposal_sequences", "proposals": "proposals",
	"release_files": "release_files", "releases": "releases", "sample_answers": "sample_answers", "sample_rounds": "sample_rounds",
	"sample_rows": "sample_rows", "sample_signoffs": "sample_signoffs", "samples": "samples", "sequence_versions": "sequence_versions",
}

// Whoever owns the database changes, deletes or adds a row of governance behind the
// program's back: it is found, and the ledger is named. Every column counts.
func TestGovernanceThatWasTamperedWithIsFound(t *testing.T) {
	s, head := governed(t)
	if r := mustVerify(t, s, head); r.Broken != nil {
		t.Fatal(r.Broken)
	}
	for ledger, table := range governance {
		t.Run(ledger, func(t *testing.T) {
			number, columns := columnsOf(t, s, table)
			tampered := func(why, sql, says string) {
				t.Helper()
				asOwner(t, s, fmt.Sprintf("CREATE TABLE before_it AS TABLE %s; %s", table, sql))
				r := mustVerify(t, s, head)
				if r.Broken == nil || r.Broken.Ledger != ledger || !strings.Contains(r.Broken.String(), says) {
					t.Errorf("%s: %v, want that it %s", why, r.Broken, says)
				}
				asOwner(t, s, fmt.Sprintf("DELETE FROM %[1]s; INSERT INTO %[1]s OVERRIDING SYSTEM VALUE SELECT * FROM before_it; DROP TABLE before_it", table))
				if r := mustVerify(t, s, head); r.Broken != nil {
					t.Fatalf("it was brought back: %v", r.Broken)
				}
			}
			for column, other := range columns {
				tampered("another "+column, fmt.Sprintf("UPDATE %[1]s SET %[2]s = %[3]s", table, column, other), "changed")
			}
			tampered("deleted", fmt.Sprintf("DELETE FROM %s WHERE %s = (SELECT max(%[2]s) FROM %[1]s)", table, number), "deleted")
			tampered("another number", fmt.Sprintf("UPDATE %s SET %s = DEFAULT WHERE %[2]s = (SELECT min(%[2]s) FROM %[1]s)", table, number), "deleted")
		})
	}
	for _, c := range []struct{ why, ledger, sql string }{
		{"a second approval is slipped in", "proposal_ends", `INSERT INTO proposals (seq, id, release, base, by, person, reason, at) OVERRIDING SYSTEM VALUE SELECT 1000, gen_random_uuid(), 'r12', base, by, person, reason, at FROM proposals LIMIT 1;
 INSERT INTO proposal_ends (pos, proposal, verdict, by, person, at) OVERRIDING SYSTEM VALUE SELECT 0, id, 'approved', by, person, at FROM proposals WHERE seq = 1000`},
		{"four eyes were off in between", "four_eyes", `INSERT INTO four_eyes (seq, step, by, reason, at) OVERRIDING SYSTEM VALUE VALUES (0, 'off', 'cli', 'as agreed', now())`},
	} {
		asOwner(t, s, c.sql)
		if r := mustVerify(t, s, head); r.Broken == nil || r.Broken.Ledger != c.ledger || r.Broken.Fault != chain.Inserted {
			t.Errorf("%s: %v", c.why, r.Broken)
		}
		asOwner(t, s, fmt.Sprintf("DELETE FROM %s WHERE %s = 0", governance[c.ledger], map[string]string{"proposal_ends": "pos", "four_eyes": "seq"}[c.ledger]))
	}
}

// columnsOf are the columns of a table, each with SQL that makes another value of it, and
// the one that numbers its rows.
func columnsOf(t *testing.T, s *postgres.Store, table string) (number string, other map[string]string) {
	t.Helper()
	rows, err := s.Pool().Query(t.Context(), "SELECT column_name, data_type, is_identity FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1", table)
	if err != nil {
		t.Fatal(err)
	}
	other = map[string]string{}
	var name, kind, identity string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind, &identity}, func() error {
		switch kind {
		case "text":
			other[name] = name + " || 'x'"
		case "timestamp with time zone":
			other[name] = name + " - interval '1 second'"
		case "date":
			other[name] = "coalesce(" + name + ", '2026-01-01') - 1"
		case "bytea":
			other[name] = "sha256(" + name + ")"
		case "boolean":
			other[name] = "NOT " + name
		case "uuid":
			other[name] = "gen_random_uuid()"
		case "jsonb":
			other[name] = `'{"x": 1}'`
		case "ARRAY":
			other[name] = name + " || 'x'::text"
		case "integer", "bigint", "smallint":
			other[name] = name + " + 1"
		default:
			t.Fatalf("%s.%s is of type %s, which this test does not know", table, name, kind)
		}
		if identity == "YES" {
			number = name
			delete(other, name)
		}
		return nil
	})
	if err != nil || number == "" || len(other) < 3 {
		t.Fatalf("%s: %q, %v, %v", table, number, other, err)
	}
	// The checks of these columns leave no other value; verdicts, kinds and steps have one.
	for column, value := range map[string]string{
		"verdict": "'withdrawn'", "what": "CASE what WHEN 'made' THEN 'enabled' ELSE 'made' END", "step": "CASE step WHEN 'on' THEN 'off' ELSE 'on' END", "stage": "'risk'",
		"method": "'both'", "kind": "CASE kind WHEN 'user' THEN 'roles' WHEN 'contacts' THEN 'calls' ELSE 'user' END", "questions": `questions || '["x"]'`, "answers": `'{"hours": "yes"}'`,
		"back": "NOT back AND proposal IS NULL", "from_at": "from_at - interval '1 second'",
	} {
		if _, ok := other[column]; ok {
			other[column] = value
		}
	}
	if table == "sample_rounds" {
		other["round"] = "round + 1, reason = 'a mistake'" // a later round needs one
	}
	if table == "sample_rows" {
		other["step"] = "step || 'x'"
	}
	if table == "release_activations" {
		other["back"], other["proposal"] = "(proposal IS NULL AND NOT back)", "CASE WHEN back THEN NULL WHEN proposal IS NULL THEN gen_random_uuid() END"
	}
	return number, other
}

// event is a row of the log of users, roles and keys.
type event struct{ by, person, kind, subject, what string }

func (o *office) events(after int) (out []event) {
	o.t.Helper()
	rows, err := o.Pool().Query(o.t.Context(), "SELECT by, coalesce(person::text, ''), kind, subject, what FROM access_events ORDER BY id OFFSET $1", after)
	o.must(err)
	var e event
	_, err = pgx.ForEachRow(rows, []any{&e.by, &e.person, &e.kind, &e.subject, &e.what}, func() error { out = append(out, e); return nil })
	o.must(err)
	return out
}

func idOf(by string) string { return strings.TrimPrefix(by, "user:") }

// Every change of a user, of roles and of a key is in the log, in its transaction, with who
// made it; what changes nothing is not.
func TestEveryChangeOfAccessIsLogged(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	ann := identity.ActingAs(ctx, o.ann)
	byKey := identity.ActingAs(ctx, o.bobsKey)
	dan := idOf(o.disabled)
	everywhere := func(roles ...identity.Role) (out []identity.Grant) {
		for _, r := range roles {
			out = append(out, identity.Grant{Creditor: "*", Role: r})
		}
		return out
	}
	hash, err := identity.HashPassword("correct horse battery")
	o.must(err)
	made := uuid.NewString()
	key := "abcdefgh2345"
	for _, c := range []struct {
		why string
		do  func() error
		is  []event
	}{
		{"a user with roles is made", func() error {
			_, err := o.AddUser(ann, identity.User{ID: made, Name: "eve", Created: noon, Grants: everywhere(identity.Compliance)})
			return err
		}, []event{{o.ann, idOf(o.ann), "user", made, "made"}, {o.ann, idOf(o.ann), "roles", made, "roles_given"}}},
		{"another role is given, the first stays", func() error { return o.SetGrants(ann, made, everywhere(identity.Compliance, identity.Legal)) }, []event{{o.ann, idOf(o.ann), "roles", made, "roles_given"}}},
		{"one role is taken", func() error { return o.SetGrants(ann, made, everywhere(identity.Legal)) }, []event{{o.ann, idOf(o.ann), "roles", made, "roles_taken"}}},
		{"one is taken and another given", func() error { return o.SetGrants(ann, made, everywhere(identity.Auditor)) }, []event{
			{o.ann, idOf(o.ann), "roles", made, "roles_taken"}, {o.ann, idOf(o.ann), "roles", made, "roles_given"},
		}},
		{"the same roles are no change", func() error { return o.SetGrants(ann, made, everywhere(identity.Auditor)) }, nil},
		{"all are taken", func() error { return o.SetGrants(ann, made, nil) }, []event{{o.ann, idOf(o.ann), "roles", made, "roles_taken"}}},
		{"a password by a key is its owner's doing", func() error { return o.SetPassword(byKey, made, hash, true, identity.Hash{}) }, []event{{o.bobsKey, idOf(o.bob), "user", made, "password"}}},
		{"shut out, and nobody said who", func() error { return o.Disable(ctx, made, noon) }, []event{{"", "", "user", made, "disabled"}}},
		{"shut out again is no change", func() error { return o.Disable(ctx, made, noon.Add(time.Hour)) }, nil},
		{"let in again on the command line", func() error { return o.Disable(identity.ActingAs(ctx, "cli"), made, time.Time{}) }, []event{{"cli", "", "user", made, "enabled"}}},
		{"settings and names of people are none of it", func() error {
			return errors.Join(o.SetSettings(ann, dan, identity.Settings{Theme: "dark"}), o.SetProfile(ann, dan, "Dan", "dan@example.invalid"))
		}, nil},
		{"a key is made by its maker, where nobody else is said", func() error {
			return o.AddKey(ctx, identity.HashToken(key), identity.Key{ID: key, Name: "k", Creditor: "*", Scopes: []identity.Permission{identity.View}, By: o.bob, Created: noon})
		}, []event{{o.bob, idOf(o.bob), "key", key, "made"}}},
		{"that it was used is no change", func() error { return o.TouchKey(ctx, key, noon) }, nil},
		{"it is revoked", func() error { return o.RevokeKey(ann, key, noon) }, []event{{o.ann, idOf(o.ann), "key", key, "revoked"}}},
		{"what did not happen is not there", func() error {
			if err := o.SetGrants(ann, uuid.NewString(), everywhere(identity.Legal)); err == nil {
				return errors.New("roles for nobody")
			}
			return nil
		}, nil},
	} {
		before := len(o.events(0))
		o.must(c.do())
		if got := o.events(before); !slices.Equal(got, c.is) {
			t.Errorf("%s: %+v, want %+v", c.why, got, c.is)
		}
	}
	if _, err := o.Pool().Exec(ctx, "UPDATE user_grants SET role = 'admin'"); err == nil {
		t.Error("a role was changed into another, past the log")
	}
	var body string
	o.must(o.Pool().QueryRow(ctx, "SELECT string_agg(body::text, ' ') FROM access_events").Scan(&body))
	for _, private := range []string{"eve", "Dan", "example.invalid", "argon2id", hash} {
		if strings.Contains(body, private) {
			t.Errorf("the log holds %q", private)
		}
	}
	mustSeal(t, o.Store, patient)
	if r := mustVerify(t, o.Store); r.Broken != nil {
		t.Error(r.Broken)
	}
}

// Users, roles and keys change, so no chain of theirs says that they are as they were. But
// each is as its newest row in the chained log says: who goes past the triggers is found.
func TestChangesPastTheLogAreFound(t *testing.T) {
	for _, c := range []struct{ why, sql, says string }{
		{"somebody is let in again", "UPDATE users SET disabled_at = NULL WHERE name = 'dan'", "changed past its log"},
		{"a password is put in", "UPDATE users SET password = '$argon2id$v=19$m=65536,t=3,p=2$AAAA$AAAA' WHERE name = 'bob'", "changed past its log"},
		{"a name is changed", "UPDATE users SET name = 'bobby' WHERE name = 'bob'", "changed past its log"},
		{"an identity elsewhere is put in", "UPDATE users SET oidc_issuer = 'https://i', oidc_subject = 's' WHERE name = 'bob'", "changed past its log"},
		{"a role is slipped in", "INSERT INTO user_grants SELECT id, '*', 'admin' FROM users WHERE name = 'bob'", "changed past its log"},
		{"a first role is slipped in", "INSERT INTO user_grants SELECT id, '*', 'admin' FROM users WHERE name = 'cat'", "past its log"},
		{"a role is taken", "DELETE FROM user_grants", "changed past its log"},
		{"a user is slipped in", "INSERT INTO users (id, name, created_at) VALUES (gen_random_uuid(), 'mallory', now())", "made past its log"},
		{"a user is deleted", "DELETE FROM users WHERE name = 'cat'", "changed past its log"},
		{"a key that was revoked works again", "UPDATE api_keys SET revoked_at = NULL", "changed past its log"},
		{"a key gets a scope", "UPDATE api_keys SET scopes = scopes || 'users'::text", "changed past its log"},
		{"a key gets another owner", "UPDATE api_keys SET by = (SELECT 'user:' || id FROM users WHERE name = 'cat')", "changed past its log"},
		{"a key gets another secret", "UPDATE api_keys SET hash = sha256(hash)", "changed past its log"},
		{"a key is slipped in", "INSERT INTO api_keys (id, hash, name, creditor_id, scopes, by, created_at) VALUES ('abcdefgh9999', sha256('x'), 'x', '*', '{users}', 'user:x', now())", "made past its log"},
		{"the log is cleaned up, too", "DELETE FROM access_events WHERE what = 'revoked'; UPDATE api_keys SET revoked_at = NULL", "of access was deleted"},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := newOffice(t)
			o.must(o.SetGrants(t.Context(), idOf(o.bob), []identity.Grant{{Creditor: "acme", Role: identity.Collector}}))
			o.must(o.RevokeKey(t.Context(), strings.TrimPrefix(o.annsKey, "key:"), noon))
			mustSeal(t, o.Store, patient)
			if r := mustVerify(t, o.Store); r.Broken != nil {
				t.Fatal(r.Broken)
			}
			asOwner(t, o.Store, c.sql)
			if r := mustVerify(t, o.Store); r.Broken == nil || r.Broken.Ledger != "access" || !strings.Contains(r.Broken.String(), c.says) {
				t.Errorf("%v, want %q", r.Broken, c.says)
			}
		})
	}
}

// A change past the log is not covered up by a lawful one after it: the row of that one
// says more than it did.
func TestWhatIsCoveredUpIsFound(t *testing.T) {
	hash, err := identity.HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	bob := func(o *office) string { return idOf(o.bob) }
	for _, c := range []struct {
		why, sql string
		then     func(o *office, ctx context.Context) error
	}{
		{"somebody let in, who then changes the password", "UPDATE users SET disabled_at = NULL WHERE name = 'dan'", func(o *office, ctx context.Context) error {
			return o.SetPassword(ctx, idOf(o.disabled), hash, false, identity.Hash{})
		}},
		{"a password put in, and the user is shut out and let in", "UPDATE users SET password = '$argon2id$v=19$m=65536,t=3,p=2$AAAA$AAAA' WHERE name = 'bob'", func(o *office, ctx context.Context) error {
			return errors.Join(o.Disable(ctx, bob(o), noon), o.Disable(ctx, bob(o), time.Time{}))
		}},
		{"a role slipped in, and another is given", "INSERT INTO user_grants SELECT id, '*', 'admin' FROM users WHERE name = 'bob'", func(o *office, ctx context.Context) error {
			return o.SetGrants(ctx, bob(o), []identity.Grant{{Creditor: "*", Role: identity.Admin}, {Creditor: "acme", Role: identity.Collector}, {Creditor: "acme", Role: identity.Legal}})
		}},
		{"a role slipped in, and it is taken again", "INSERT INTO user_grants SELECT id, '*', 'compliance' FROM users WHERE name = 'bob'", func(o *office, ctx context.Context) error {
			return o.SetGrants(ctx, bob(o), nil)
		}},
		{"a role taken, and given again", "DELETE FROM user_grants", func(o *office, ctx context.Context) error {
			return o.SetGrants(ctx, bob(o), []identity.Grant{{Creditor: "acme", Role: identity.Collector}, {Creditor: "acme", Role: identity.Legal}})
		}},
		{"a first role slipped in, and another is given", "INSERT INTO user_grants SELECT id, '*', 'admin' FROM users WHERE name = 'cat'", func(o *office, ctx context.Context) error {
			return o.SetGrants(ctx, idOf(o.cat), []identity.Grant{{Creditor: "*", Role: identity.Admin}, {Creditor: "acme", Role: identity.Legal}})
		}},
		{"a user slipped in, and shut out", "INSERT INTO users (id, name, created_at) VALUES ('11111111-1111-4111-8111-111111111111', 'mallory', now())", func(o *office, ctx context.Context) error {
			return o.Disable(ctx, "11111111-1111-4111-8111-111111111111", noon)
		}},
		{"a key gets a scope, and is revoked", "UPDATE api_keys SET scopes = scopes || 'users'::text", func(o *office, ctx context.Context) error {
			return o.RevokeKey(ctx, strings.TrimPrefix(o.bobsKey, "key:"), noon)
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := newOffice(t)
			o.must(o.SetGrants(t.Context(), bob(o), []identity.Grant{{Creditor: "acme", Role: identity.Collector}}))
			if r := mustVerify(t, o.Store); r.Broken != nil {
				t.Fatal(r.Broken)
			}
			asOwner(t, o.Store, c.sql)
			o.must(c.then(o, t.Context()))
			mustSeal(t, o.Store, patient)
			if r := mustVerify(t, o.Store); r.Broken == nil || r.Broken.Fault != chain.Unlogged {
				t.Errorf("%v", r.Broken)
			}
		})
	}
}

// Several things of a user that one statement changes are a row each.
func TestOneStatementIsSeveralRows(t *testing.T) {
	o := newOffice(t)
	before := len(o.events(0))
	if _, err := o.Pool().Exec(t.Context(), "UPDATE users SET name = 'bobby', must_change = NOT must_change, oidc_issuer = 'https://i', oidc_subject = 's', disabled_at = now() WHERE name = 'bob'"); err != nil {
		t.Fatal(err)
	}
	var whats []string
	for _, e := range o.events(before) {
		whats = append(whats, e.what)
	}
	if !slices.Equal(whats, []string{"renamed", "password", "identity", "disabled"}) {
		t.Errorf("%v", whats)
	}
	if r := mustVerify(t, o.Store); r.Broken != nil {
		t.Error(r.Broken)
	}
}

// Who made an account, let it in again, or gave it a role, a password or an identity, has it
// in hand, and so has in whose hands these are: the two do not count as two people where
// four eyes are required.
func TestAccountsInOneHandAreNotTwoPeople(t *testing.T) {
	hash, err := identity.HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	legal := []identity.Grant{{Creditor: "acme", Role: identity.Legal}}
	for _, c := range []struct {
		why string
		do  func(o *office, as func(by string) context.Context) error
		two bool // bob approves what ann made
	}{
		{"strangers are two", func(*office, func(string) context.Context) error { return nil }, true},
		{"the maker gave the checker a role", func(o *office, as func(string) context.Context) error {
			return o.SetGrants(as(o.ann), idOf(o.bob), legal)
		}, false},
		{"with a key of the maker's", func(o *office, as func(string) context.Context) error {
			return o.SetGrants(as(o.annsKey), idOf(o.bob), legal)
		}, false},
		{"the maker gave the checker a password", func(o *office, as func(string) context.Context) error {
			return o.SetPassword(as(o.ann), idOf(o.bob), hash, true, identity.Hash{})
		}, false},
		{"the maker let the checker in again", func(o *office, as func(string) context.Context) error {
			return errors.Join(o.Disable(as(o.cat), idOf(o.bob), noon), o.Disable(as(o.ann), idOf(o.bob), time.Time{}))
		}, false},
		{"the maker shut the checker out, and another let them in", func(o *office, as func(string) context.Context) error {
			return errors.Join(o.Disable(as(o.ann), idOf(o.bob), noon), o.Disable(as(o.cat), idOf(o.bob), time.Time{}))
		}, true},
		{"the maker took a role of the checker's", func(o *office, as func(string) context.Context) error {
			return errors.Join(o.SetGrants(as(o.cat), idOf(o.bob), legal), o.SetGrants(as(o.ann), idOf(o.bob), nil))
		}, true},
		{"the checker gave the maker a role", func(o *office, as func(string) context.Context) error {
			return o.SetGrants(as(o.bob), idOf(o.ann), legal)
		}, false},
		{"the checker's own password is their own", func(o *office, as func(string) context.Context) error {
			return o.SetPassword(as(o.bob), idOf(o.bob), hash, false, identity.Hash{})
		}, true},
		{"a third person gave both their roles", func(o *office, as func(string) context.Context) error {
			return errors.Join(o.SetGrants(as(o.cat), idOf(o.bob), legal), o.SetGrants(as(o.cat), idOf(o.ann), legal))
		}, true},
		{"the maker let in the admin who made the checker", func(o *office, as func(string) context.Context) error {
			return errors.Join(o.SetPassword(as(o.ann), idOf(o.cat), hash, true, identity.Hash{}), o.SetGrants(as(o.cat), idOf(o.bob), legal))
		}, false},
		{"the command line is nobody's hand", func(o *office, as func(string) context.Context) error {
			return o.SetPassword(as("cli"), idOf(o.bob), hash, true, identity.Hash{})
		}, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := newOffice(t)
			o.must(c.do(o, func(by string) context.Context { return identity.ActingAs(t.Context(), by) }))
			id := o.propose(o.ann, "r2", "r1", "")
			if tied, err := o.Tied(t.Context(), id, idOf(o.bob)); err != nil || tied == c.two {
				t.Errorf("tied is %v, %v", tied, err)
			}
			o.must(o.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepOn, By: "cli", Reason: "as agreed", At: noon}))
			err := o.end(id, o.bob, proposal.Approved)
			if c.two && err != nil || !c.two && !errors.Is(err, proposal.ErrHand) {
				t.Fatalf("approving: %v", err)
			}
			if c.two {
				return
			}
			o.must(o.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepAsk, By: o.ann, Reason: "as agreed", At: noon}))
			if err := o.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepOff, By: o.bobsKey, Reason: "as agreed", At: noon}); !errors.Is(err, proposal.ErrHand) {
				t.Errorf("agreeing that four eyes are not required: %v", err)
			}
			if err := o.end(id, o.bob, proposal.Rejected); err != nil {
				t.Errorf("rejecting does no harm: %v", err)
			}
		})
	}
}

// Where four eyes are not required, nobody asks in whose hands an account is; and what was
// proposed anew keeps the makers of before.
func TestHandsCountWhereFourEyesAreRequired(t *testing.T) {
	o := newOffice(t)
	byAnn := identity.ActingAs(t.Context(), o.ann)
	eve, err := o.AddUser(byAnn, identity.User{Name: "eve", Created: noon})
	o.must(err)
	o.must(o.end(o.propose(o.ann, "r2", "r1", ""), "user:"+eve, proposal.Approved))
	first := o.propose(o.ann, "r3", "r2", "")
	again := o.propose(o.bob, "r4", "r2", first)
	o.must(o.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepOn, By: "cli", Reason: "as agreed", At: noon}))
	if err := o.end(again, "user:"+eve, proposal.Approved); !errors.Is(err, proposal.ErrHand) {
		t.Errorf("what bob made from ann's, approved by ann's user: %v", err)
	}
	hands, err := o.Hands(t.Context())
	o.must(err)
	if !hands[[2]string{eve, idOf(o.ann)}] || hands[[2]string{idOf(o.ann), eve}] || hands[[2]string{idOf(o.bob), idOf(o.ann)}] {
		t.Errorf("%v", hands)
	}
	o.must(o.end(again, o.cat, proposal.Approved))
	if _, err := o.GoBack(t.Context(), "r2", o.ann, "broken links", noon); err != nil {
		t.Fatal(err)
	}
	back, err := o.GoneBack(t.Context())
	o.must(err)
	if err := o.LookAt(t.Context(), back[0].Activation, "user:"+eve, "fine", noon); !errors.Is(err, proposal.ErrHand) {
		t.Errorf("a look at ann's going back by ann's user: %v", err)
	}
	o.must(o.LookAt(t.Context(), back[0].Activation, o.bob, "fine", noon))
}

// What the audit of before says about who made whom is taken over.
func TestHandsOfBeforeAreKnown(t *testing.T) {
	dsn := pgtest.Empty(t)
	for v := int64(1); v <= 17; v++ {
		if err := postgres.MigrateTo(t.Context(), dsn, v); err != nil {
			t.Fatal(err)
		}
		writeRows(t, dsn, v)
	}
	const ada, grace = "77777777-7777-5777-8777-777777777777", "77777777-7777-5777-8777-777777777778"
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "INSERT INTO audit (at, by, action, subject) VALUES (now(), $1, 'user_added', $2), (now(), $1, 'user_added', 'nobody'), (now(), $1, 'view.case', $2)", "user:"+ada, grace); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	s := pgtest.Open(t, dsn)
	if hands, err := s.Hands(t.Context()); err != nil || len(hands) != 1 || !hands[[2]string{grace, ada}] {
		t.Errorf("%v, %v", hands, err)
	}
}

// An API key knows its owner as they are now: in the list, and when it is used.
func TestKeysKnowTheirOwner(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	find := func(id string) identity.Key {
		t.Helper()
		k, err := o.Key(ctx, identity.HashToken(id))
		o.must(err)
		all, err := o.Keys(ctx)
		o.must(err)
		i := slices.IndexFunc(all, func(k identity.Key) bool { return k.ID == id })
		if i < 0 || all[i].Stopped() != k.Stopped() || !slices.Equal(all[i].Lost(), k.Lost()) {
			t.Errorf("the list has it otherwise: %+v", all)
		}
		return k
	}
	bobs := strings.TrimPrefix(o.bobsKey, "key:")
	o.must(o.SetGrants(ctx, idOf(o.bob), []identity.Grant{{Creditor: "*", Role: identity.Operations}, {Creditor: "a/b", Role: identity.Legal}}))
	k := find(bobs)
	if k.Stopped() || k.Owner == nil || k.Owner.ID != idOf(o.bob) || k.Owner.Name != "bob" || !slices.Contains(k.Owner.Grants, identity.Grant{Creditor: "a/b", Role: identity.Legal}) {
		t.Errorf("%+v of %+v", k, k.Owner)
	}
	if who := k.Principal(); !who.Can(identity.Publish, "*") || who.Can(identity.Approve, "*") || !slices.Equal(k.Lost(), []identity.Permission{identity.Approve}) {
		t.Errorf("%+v has %v less", who, k.Lost())
	}
	o.must(o.Disable(ctx, idOf(o.bob), noon))
	if k := find(bobs); !k.Stopped() || k.Principal().Somewhere(identity.Publish) {
		t.Error("the key of somebody who is shut out works")
	}
	o.must(o.Disable(ctx, idOf(o.bob), time.Time{}))
	if k := find(bobs); k.Stopped() || !k.Principal().Can(identity.Publish, "*") {
		t.Error("let in again, the key does not work")
	}
	second := strings.TrimPrefix(o.key(o.bobsKey), "key:")
	if k := find(second); k.Owner == nil || k.Owner.ID != idOf(o.bob) {
		t.Errorf("a key that was made with a key: %+v", k.Owner)
	}
	if k := find(strings.TrimPrefix(o.key(o.nowhere), "key:")); !k.Stopped() {
		t.Error("the key of no user works")
	}
	if k := find(strings.TrimPrefix(o.key("cli"), "key:")); k.Stopped() || k.Owner != nil || !k.Principal().Can(identity.Publish, "*") {
		t.Errorf("a key that was made at the database: %+v", k.Owner)
	}
}

// A session that was being opened while its user was shut out does not come to life when
// they are let in again.
func TestNoSessionSurvivesShuttingOut(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	open := func(token string) {
		o.must(o.OpenSession(ctx, identity.HashToken(token), identity.Session{User: identity.User{ID: idOf(o.bob)}, Method: "password", Created: noon, Expires: noon.Add(time.Hour)}))
	}
	alive := func(token string) bool {
		_, err := o.Session(ctx, identity.HashToken(token), noon, noon.Add(-time.Hour))
		return err == nil
	}
	open("before")
	o.must(o.Disable(ctx, idOf(o.bob), noon))
	open("meanwhile")
	if alive("before") || alive("meanwhile") {
		t.Error("somebody who is shut out has a session")
	}
	o.must(o.Disable(ctx, idOf(o.bob), time.Time{}))
	if alive("before") || alive("meanwhile") {
		t.Error("a session came back")
	}
	open("after")
	if !alive("after") {
		t.Error("who is let in again cannot sign in")
	}
}

// Proposals, their ends and the daily verification are events for webhooks of all
// creditors; without one nothing is kept.
func TestEventsOfTheInstallation(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	verified := func(by string, broken *chain.Break) {
		o.must(o.PutCheck(ctx, chain.Check{At: noon, By: by, Report: chain.Report{Head: chain.Head{N: 7, Hash: chain.Hash{1}}, Rows: 90, Broken: broken}}))
	}
	events := func() (out []string) {
		_, err := o.SpreadEvents(ctx, 99, noon, func(e postgres.HookEvent) ([]postgres.HookDelivery, error) {
			if e.Creditor != identity.AllCreditors || e.At.IsZero() || e.ID == "" || e.Fact.Body != nil {
				t.Errorf("%+v", e)
			}
			out = append(out, e.Kind+" "+string(e.Said))
			return nil, nil
		})
		o.must(err)
		return out
	}
	verified("system", nil)
	o.must(o.AddHook(ctx, identity.Hook{ID: uuid.NewString(), Creditor: "acme", URL: "https://example.invalid/", Secret: strings.Repeat("s", 24), By: o.ann, Created: noon}))
	verified("system", nil)
	if got := events(); len(got) != 0 {
		t.Errorf("without a webhook of all creditors: %v", got)
	}
	o.must(o.AddHook(ctx, identity.Hook{ID: uuid.NewString(), Creditor: "*", URL: "https://example.invalid/", Secret: strings.Repeat("s", 24), By: o.ann, Created: noon}))
	id := o.propose(o.ann, "r2", "r1", "")
	if _, err := o.tryPropose(o.ann, "r2", "r0", ""); err == nil {
		t.Fatal("a proposal over nothing")
	}
	o.must(o.end(id, o.bob, proposal.Approved))
	verified("user:1", nil)
	verified("system", nil)
	verified("system", &chain.Break{Fault: chain.Changed, Ledger: "audit", Seal: 3, Row: 9})
	head := "7:01" + strings.Repeat("00", 31)
	want := []string{
		fmt.Sprintf(`proposal_made {"id": "%s", "base": "r1", "release": "r2"}`, id),
		fmt.Sprintf(`proposal_ended {"id": "%s", "base": "r1", "outcome": "approved", "release": "r2"}`, id),
		`integrity_sealed {"head": "` + head + `", "rows": 90, "outcome": "whole"}`,
		`integrity_sealed {"head": "` + head + `", "rows": 90, "outcome": "broken"}`,
	}
	if got := events(); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
