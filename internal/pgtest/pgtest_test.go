package pgtest

import (
	"context"
	"os"
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func databases(t *testing.T, like string) int {
	t.Helper()
	conn := connect(t, base(t))
	defer conn.Close(context.Background())
	var n int
	if err := conn.QueryRow(context.Background(), "SELECT count(*) FROM pg_database WHERE datname LIKE $1", like).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func nameOf(t *testing.T, dsn string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Database
}

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	var names []string
	for range 2 {
		t.Run("one", func(t *testing.T) {
			s := New(t)
			name := s.Pool().Config().ConnConfig.Database
			names = append(names, name)
			if err := s.PutCreditors(t.Context(), "acme"); err != nil {
				t.Fatal(err)
			}
			feeds, err := s.Feeds(t.Context())
			if err != nil || len(feeds) != 1 {
				t.Errorf("%d creditors, %v: the database is not fresh", len(feeds), err)
			}
			if databases(t, name) != 1 {
				t.Errorf("database %s is not there", name)
			}
		})
	}
	for _, name := range names {
		if databases(t, name) != 0 {
			t.Errorf("database %s of a test that passed is still there", name)
		}
	}
	if names[0] == names[1] {
		t.Errorf("two tests share database %s", names[0])
	}
}

func TestEmptyHasNoSchema(t *testing.T) {
	conn := connect(t, Empty(t))
	defer conn.Close(context.Background())
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d tables, %v", n, err)
	}
}

func TestWithDB(t *testing.T) {
	for _, c := range []struct{ why, dsn, want string }{
		{"a URL keeps its parameters", "postgres://u:p@h:1/postgres?sslmode=disable", "other"},
		{"libpq's key=value text", "host=h dbname=postgres user=u", "other"},
	} {
		if got := nameOf(t, withDB(c.dsn, "other")); got != c.want {
			t.Errorf("%s: leads to %s", c.why, got)
		}
	}
}

// TestWithoutAServer runs a test of this package in a process that cannot have a
// server: it must fail and say how to mend it, not skip.
func TestWithoutAServer(t *testing.T) {
	cmd := osexec.Command(os.Args[0], "-test.run", "^TestEmptyHasNoSchema$", "-test.v")
	cmd.Env = append(os.Environ(), EnvURL+"=postgres://nobody:s3cret@127.0.0.1:1/none")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL") || strings.Contains(string(out), "s3cret") {
		t.Errorf("a test without a server came to %v:\n%s", err, out)
	}
}

func TestACopyIsLikeItsOriginalAndApart(t *testing.T) {
	dsn := DSN(t)
	made := Open(t, dsn)
	if err := made.PutCreditors(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	made.Close()
	for range 2 { // the second sees nothing of what was done to the first
		s := Open(t, Copy(t, dsn))
		feeds, err := s.Feeds(t.Context())
		if err != nil || len(feeds) != 1 {
			t.Errorf("%d creditors, want that of the original; %v", len(feeds), err)
		}
		if err := s.PutCreditors(t.Context(), "other"); err != nil {
			t.Error(err)
		}
	}
}
