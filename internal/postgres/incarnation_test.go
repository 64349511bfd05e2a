package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// later is a business instant of a process that looks.
const later = 5 * time.Hour

// watched is a fresh database that a process has worked with until noon, closed.
func watched(t *testing.T) (dsn string) {
	t.Helper()
	dsn = pgtest.DSN(t)
	s := pgtest.Open(t, dsn)
	if err := s.Watch(t.Context(), clock.Fixed(noon)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	return dsn
}

// change runs SQL on a database, as somebody else than Duly.
func change(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// answers reports whether a question has rows, asked as somebody else than Duly.
func answers(t *testing.T, dsn, sql string) (some bool) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS ("+sql+")").Scan(&some); err != nil {
		t.Fatal(err)
	}
	return some
}

// off are the channels that are switched off, with the reasons.
func off(t *testing.T, s *postgres.Store) map[string]string {
	t.Helper()
	on, err := s.Switches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, sw := range on {
		if sw.Scope == dunning.SwitchChannel && sw.Until.IsZero() && sw.By == "system" {
			out[sw.Subject] = sw.Reason
		}
	}
	return out
}

func restores(t *testing.T, s *postgres.Store) []postgres.Restore {
	t.Helper()
	all, err := s.Restores(t.Context(), 9)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestARestoredDatabaseIsNoticed(t *testing.T) {
	for _, c := range []struct {
		about string
		sql   string // what is otherwise when the next process looks
		says  string // "" = nothing is noticed
	}{
		{"the same database after a restart", "SELECT 1", ""},
		{"another server with the same rows: a dump that was read in elsewhere", "UPDATE incarnation SET system = '7'", "data is another"},
		{"a recovery to an instant, or a standby that took over", "UPDATE incarnation SET timeline = timeline + 1", "timeline"},
		{"a copy on the same server", "UPDATE incarnation SET database = 7", "made anew"},
		{
			"a dump read into the same database: the tables are dropped and made again",
			`CREATE TABLE again (LIKE incarnation INCLUDING ALL); INSERT INTO again SELECT * FROM incarnation; DROP TABLE incarnation; ALTER TABLE again RENAME TO incarnation`,
			"dump was read in",
		},
		{"a role that might not ask then, and may now", "UPDATE incarnation SET system = '', timeline = 0", ""},
		{"the tables rewritten in place: nothing is lost", "VACUUM FULL incarnation", ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			dsn := watched(t)
			change(t, dsn, c.sql)
			s := pgtest.Open(t, dsn)
			for range 2 { // a second look notices nothing new
				if err := s.Watch(t.Context(), clock.Fixed(noon.Add(later))); err != nil {
					t.Fatal(err)
				}
			}
			all := restores(t, s)
			if c.says == "" {
				if len(all)+len(off(t, s)) > 0 {
					t.Fatalf("noticed %+v, off %v", all, off(t, s))
				}
				return
			}
			if len(all) != 1 || !strings.Contains(all[0].What, c.says) || all[0].Noticed != postgres.ByIdentity {
				t.Fatalf("noticed %+v", all)
			}
			if l := all[0].Lapse; !l.Until.Equal(noon.Add(later)) || !l.Since.Before(noon) || l.Since.Before(noon.Add(-time.Hour)) {
				t.Errorf("forgotten is %v; somebody looked at %v", l, noon)
			}
			if o := off(t, s); len(o) != 3 || !strings.Contains(o["sms"], c.says) || !strings.Contains(o["letter"], "duly restore") {
				t.Errorf("off %v", o)
			}
			audit, err := s.AuditOf(t.Context(), "restore/1", 9)
			if err != nil || len(audit) != 1 || audit[0].Action != "restore_noticed" || audit[0].By != "system" {
				t.Errorf("audit %+v, %v", audit, err)
			}
		})
	}
}

// TestACopiedDatabaseIsNoticed: nothing is feigned but the copying itself.
func TestACopiedDatabaseIsNoticed(t *testing.T) {
	s := pgtest.Open(t, pgtest.Copy(t, watched(t)))
	if err := s.Watch(t.Context(), clock.Fixed(noon.Add(later))); err != nil {
		t.Fatal(err)
	}
	if len(restores(t, s)) != 1 || len(off(t, s)) != 3 {
		t.Errorf("noticed %+v, off %v", restores(t, s), off(t, s))
	}
}

// TestAServerThatTellsLittle: of a role that may not ask for the server's identity and
// timeline, the oids remain, and a look that asks for less than the one before is no restore.
func TestAServerThatTellsLittle(t *testing.T) {
	dsn := watched(t)
	change(t, dsn, `DO $$ BEGIN CREATE ROLE duly_plain; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
		GRANT ALL ON ALL TABLES IN SCHEMA public TO duly_plain; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO duly_plain;
		REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_walfile_name(pg_lsn), pg_current_wal_insert_lsn() FROM PUBLIC`)
	plain := dsn + "&options=-c%20role%3Dduly_plain"
	if !strings.Contains(dsn, "?") {
		plain = dsn + "?options=-c%20role%3Dduly_plain"
	}
	s := pgtest.Open(t, plain)
	if err := s.Watch(t.Context(), clock.Fixed(noon)); err != nil || len(restores(t, s)) > 0 {
		t.Fatalf("noticed %v, %v", restores(t, s), err)
	}
	s.Close()
	for about, sql := range map[string]string{
		"the server's identity": "SELECT 1 FROM incarnation WHERE system = ''", "the timeline of its log": "SELECT 1 FROM incarnation WHERE timeline = 0",
	} {
		if lost := answers(t, dsn, sql); lost {
			t.Errorf("%s, which another role has told, was forgotten", about)
		}
	}
	change(t, dsn, "UPDATE incarnation SET relation = 7")
	s = pgtest.Open(t, plain)
	if err := s.Watch(t.Context(), clock.Fixed(noon)); err != nil || len(off(t, s)) != 3 {
		t.Errorf("off %v, %v", off(t, s), err)
	}
}

// TestAServerThatRefusesToTell: managed servers grant functions that they do not support. Work
// goes on all the same, what was known before stays known, and the rest is still compared.
func TestAServerThatRefusesToTell(t *testing.T) {
	dsn := watched(t)
	change(t, dsn, `CREATE SCHEMA managed;
		CREATE FUNCTION managed.pg_control_system() RETURNS TABLE (system_identifier bigint) LANGUAGE plpgsql AS
			$$ BEGIN RAISE 'not here' USING ERRCODE = 'feature_not_supported'; END $$;
		CREATE FUNCTION managed.pg_current_wal_insert_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS
			$$ BEGIN RAISE 'not here' USING ERRCODE = 'object_not_in_prerequisite_state'; END $$`)
	and := "?"
	if strings.Contains(dsn, "?") {
		and = "&"
	}
	s := pgtest.Open(t, dsn+and+"options=-c%20search_path%3Dmanaged%2Cpublic%2Cpg_catalog")
	if err := s.Watch(t.Context(), clock.Fixed(noon)); err != nil || len(restores(t, s)) > 0 {
		t.Fatalf("noticed %v, %v", restores(t, s), err)
	}
	if answers(t, dsn, "SELECT 1 FROM incarnation WHERE system = '' OR timeline = 0") {
		t.Error("what the server told before is forgotten")
	}
	change(t, dsn, "UPDATE incarnation SET relation = 7")
	if err := s.Look(t.Context()); err != nil || len(off(t, s)) != 3 {
		t.Errorf("off %v, %v", off(t, s), err)
	}
}

// TestOneProcessTrips: many start at once on a restored database.
func TestOneProcessTrips(t *testing.T) {
	dsn := watched(t)
	change(t, dsn, "UPDATE incarnation SET system = '7'")
	var wg sync.WaitGroup
	for range 6 {
		s := pgtest.Open(t, dsn)
		wg.Go(func() {
			if err := s.Watch(t.Context(), clock.Fixed(noon.Add(later))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := pgtest.Open(t, dsn)
	history, err := s.SwitchHistory(t.Context(), 99)
	if len(restores(t, s)) != 1 || err != nil || len(history) != 3 {
		t.Errorf("%d restores, %d switches, %v; want 1 and 3", len(restores(t, s)), len(history), err)
	}
}

// TestARestoreUnderARunningProcess: whoever runs on is on no connection of the restored
// database before all channels are off.
func TestARestoreUnderARunningProcess(t *testing.T) {
	dsn := pgtest.DSN(t)
	s := pgtest.Open(t, dsn)
	if err := s.Watch(t.Context(), clock.Fixed(noon)); err != nil {
		t.Fatal(err)
	}
	change(t, dsn, "UPDATE incarnation SET database = 7; CREATE TABLE again (LIKE incarnation INCLUDING ALL); INSERT INTO again SELECT * FROM incarnation; DROP TABLE incarnation")
	s.Pool().Reset() // the server went away
	if _, err := s.Switches(t.Context()); !errors.Is(err, postgres.ErrBeingRestored) {
		t.Fatalf("while the dump is being read in: %v", err)
	}
	change(t, dsn, "ALTER TABLE again RENAME TO incarnation")
	if o := off(t, s); len(o) != 3 { // the first question on a new connection
		t.Errorf("off %v", o)
	}
}

// TestLiftedStaysLifted: the restore that a person has dealt with does not switch off again.
func TestLiftedStaysLifted(t *testing.T) {
	dsn := watched(t)
	change(t, dsn, "UPDATE incarnation SET timeline = timeline + 1")
	s := pgtest.Open(t, dsn)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Watch(t.Context(), clock.Fixed(noon.Add(later))))
	before := restores(t, s)[0].Wall
	for ch := range off(t, s) {
		must(s.SwitchOff(t.Context(), dunning.Switch{Scope: dunning.SwitchChannel, Subject: ch}, noon.Add(later), "user:ada", "looked up"))
	}
	must(s.Look(t.Context()))
	for _, c := range []struct {
		about   string
		decided time.Time
		trips   bool
	}{
		{"a decision from before the restore was noticed", before.Add(-time.Minute), false},
		{"one by a worker whose clock is a little ahead of the server's: no channel was open meanwhile", before.Add(30 * time.Second), false},
		{"one whose id does not say when, of an older release", time.Time{}, false},
		{"one from after it: the database was restored once more", before.Add(time.Hour), true},
		{"the same again", before.Add(-time.Second), false},
	} {
		tripped, err := s.Forgot(t.Context(), c.decided, noon.Add(2*later))
		if err != nil || tripped != c.trips {
			t.Errorf("%s: tripped %v, %v", c.about, tripped, err)
		}
		if o := off(t, s); c.trips && len(o) != 3 {
			t.Errorf("%s: off %v", c.about, o)
		}
	}
}

// TestForgottenSince: a snapshot of whole machines leaves no trace but the stretch in which
// nobody looked, and cases that know more than the journal.
func TestForgottenSince(t *testing.T) {
	dsn := watched(t)
	change(t, dsn, "UPDATE incarnation SET seen_wall = clock_timestamp() - interval '2 days'") // the snapshot is of then
	s := pgtest.Open(t, dsn)
	if err := s.Watch(t.Context(), clock.Fixed(noon.Add(48*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if o := off(t, s); len(o) > 0 {
		t.Fatalf("standing still is no restore: %v", o)
	}
	if tripped, err := s.Forgot(t.Context(), clock.Wall().Add(-24*time.Hour), noon.Add(49*time.Hour)); !tripped || err != nil {
		t.Fatalf("tripped %v, %v", tripped, err)
	}
	all := restores(t, s)
	if len(all) != 1 || all[0].Noticed != postgres.ByJournal || all[0].Since.After(noon) || noon.Sub(all[0].Since) > time.Hour {
		t.Errorf("forgotten since %v, want when somebody last looked, %v", all, noon)
	}
	if tripped, err := pgtest.New(t).Forgot(t.Context(), clock.Wall(), noon); !tripped || err != nil {
		t.Errorf("nothing is known of when: tripped %v, %v", tripped, err)
	}
}

func TestDeclareAndEnd(t *testing.T) {
	b := newBundle(t)
	ctx := t.Context()
	_, err := b.SwitchOn(ctx, channelSwitch("wrong amounts"))
	b.must(err)
	for _, c := range []struct {
		about      string
		since      time.Time
		by, reason string
	}{
		{"without an instant", time.Time{}, "user:ada", "vm"},
		{"of what is to come", noon.Add(time.Minute), "user:ada", "vm"},
		{"without a name", noon, "", "vm"},
		{"without a reason", noon, "user:ada", ""},
	} {
		if _, err := b.Declare(ctx, c.since, noon, c.by, c.reason); !errors.Is(err, dunning.ErrInvalid) {
			t.Errorf("%s: %v", c.about, err)
		}
	}
	id, err := b.Declare(ctx, noon.Add(-later), noon, "user:ada", "the machine was set back")
	b.must(err)
	on, err := b.Switches(ctx)
	b.must(err)
	if len(on) != 3 || !strings.Contains(on[2].Reason, "wrong amounts") { // email, letter, sms
		t.Errorf("what was off already must still be told: %+v", on)
	}
	b.must(b.LookedTo(ctx, id, b.ref.Case, time.Time{}))
	if r := restores(t, b.Store)[0]; r.LookedTo != b.ref.Case || !r.Looked.IsZero() || !r.Done.IsZero() || r.Noticed != postgres.ByPerson {
		t.Errorf("half way: %+v", r)
	}
	b.must(b.LookedTo(ctx, id, "", noon.Add(time.Hour)))
	if err := b.RestoreDone(ctx, id, noon, "user:ada", ""); !errors.Is(err, dunning.ErrInvalid) {
		t.Errorf("ended without a reason: %v", err)
	}
	b.must(b.RestoreDone(ctx, id, noon.Add(2*time.Hour), "user:ada", "payments are in"))
	if err := b.RestoreDone(ctx, id, noon, "user:ada", "again"); !errors.Is(err, postgres.ErrNotOn) {
		t.Errorf("ended twice: %v", err)
	}
	if r := restores(t, b.Store)[0]; r.LookedTo != "" || !r.Looked.Equal(noon.Add(time.Hour)) || !r.Done.Equal(noon.Add(2*time.Hour)) || r.DoneBy != "user:ada" {
		t.Errorf("ended: %+v", r)
	}
	if on, err = b.Switches(ctx); err != nil || len(on) != 3 {
		t.Errorf("ending lifts nothing: %+v, %v", on, err)
	}
}

// TestAllRestoresEnd: a database that was set back twice, before anybody had put right the first
// time, is put right at once: providers are asked about all lapses together.
func TestAllRestoresEnd(t *testing.T) {
	b := newBundle(t)
	ctx := t.Context()
	_, err := b.Declare(ctx, noon.Add(-later), noon, "user:ada", "the standby took over")
	b.must(err)
	last, err := b.Declare(ctx, noon.Add(-time.Hour), noon, "user:ada", "and back")
	b.must(err)
	b.must(b.RestoreDone(ctx, last, noon.Add(time.Hour), "user:ada", "payments are in"))
	for _, r := range restores(t, b.Store) {
		if !r.Done.Equal(noon.Add(time.Hour)) || r.DoneBy != "user:ada" {
			t.Errorf("not ended: %+v", r)
		}
	}
	next, err := b.Declare(ctx, noon, noon.Add(2*time.Hour), "user:ada", "once more")
	b.must(err)
	b.must(b.RestoreDone(ctx, next, noon.Add(3*time.Hour), "user:eve", "nothing was lost"))
	if r := restores(t, b.Store); r[0].DoneBy != "user:eve" || r[1].DoneBy != "user:ada" || r[2].DoneBy != "user:ada" {
		t.Errorf("who ended which: %+v", r)
	}
}
