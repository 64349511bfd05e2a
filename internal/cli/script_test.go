package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/cli"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// TestMain makes the program a command of the scripts, in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"duly": func() {
		os.Exit(cli.Run(context.Background(), cli.Env{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}))
	}})
}

// TestScripts runs testdata/script/*.txtar. Beside the usual commands:
//
//	database        a migrated database of the script's own, as DATABASE_URL
//	emptydatabase   one without a schema
//	opencases DAY   opens cases as the starter would on that day
//	published DIR   puts a directory into force as a program did that checked nothing
//	exits N cmd…    the command must end with exit status N
//	user NAME ROLE  a user who has chosen the password "NAME has chosen this"
func TestScripts(t *testing.T) {
	repository, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repository)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"database":      func(ts *testscript.TestScript, _ bool, _ []string) { ts.Setenv("DATABASE_URL", pgtest.DSN(t)) },
			"emptydatabase": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Setenv("DATABASE_URL", pgtest.Empty(t)) },
			"opencases":     func(ts *testscript.TestScript, _ bool, args []string) { openCases(ts, t, args) },
			"published":     func(ts *testscript.TestScript, _ bool, args []string) { published(ts, t, args[0]) },
			"exits":         exits,
			"tamper":        func(ts *testscript.TestScript, _ bool, args []string) { tamper(ts, t, args[0]) },
			"user":          func(ts *testscript.TestScript, _ bool, args []string) { addUser(ts, t, args[0], args[1]) },
		},
	})
}

func openCases(ts *testscript.TestScript, t *testing.T, args []string) {
	day, err := time.Parse(time.DateOnly, args[0])
	ts.Check(err)
	store := pgtest.Open(t, ts.Getenv("DATABASE_URL"))
	starter := app.Starter{Store: store, Book: app.NewBook(store, clock.Wall), Clock: clock.Fixed(day)}
	summary, err := starter.Run(context.Background(), app.StartOptions{})
	ts.Check(err)
	if summary.Opened == 0 {
		ts.Fatalf("no case was opened: %+v", summary)
	}
}

// published puts a directory into force as a program did that checked nothing.
func published(ts *testscript.TestScript, t *testing.T, dir string) {
	r, err := config.ReadRelease(os.DirFS(ts.MkAbs(dir)))
	ts.Check(err)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	_, err = pgtest.Open(t, ts.Getenv("DATABASE_URL")).PublishRelease(context.Background(), postgres.Release{Version: r.Version, Published: at, By: "test", Files: r.Files})
	ts.Check(err)
}

// tamper runs SQL as somebody who may switch the triggers off.
func tamper(ts *testscript.TestScript, t *testing.T, sql string) {
	_, err := pgtest.Open(t, ts.Getenv("DATABASE_URL")).Pool().Exec(context.Background(), "SET session_replication_role = replica; "+sql)
	ts.Check(err)
}

func addUser(ts *testscript.TestScript, t *testing.T, name, role string) {
	hash, err := identity.HashPassword(name + " has chosen this")
	ts.Check(err)
	_, err = pgtest.Open(t, ts.Getenv("DATABASE_URL")).AddUser(context.Background(), identity.User{
		Name: name, Password: hash, Created: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Grants: []identity.Grant{{Creditor: "*", Role: identity.Role(role)}},
	})
	ts.Check(err)
}

// exits runs a command and compares its exit status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits N command…")
	}
	want, status := args[0], "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		status = statusOf(err)
	}
	if status != want {
		ts.Fatalf("exit status %s, want %s", status, want)
	}
}
