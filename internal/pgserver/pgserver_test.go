package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// bundle is one server for the tests that do not need their own.
func start(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	return s
}

// openDir is a directory that the server's system user may enter: t.TempDir's is not.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "duly-pgtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "pg")
}

func exec1(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	defer conn.Close(context.Background())
	var out string
	err = conn.QueryRow(t.Context(), sql).Scan(&out)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func TestServerAnswersOnLoopbackOnly(t *testing.T) {
	s := start(t, Options{Unsafe: true, Settings: map[string]string{"work_mem": "5MB"}})
	for _, c := range []struct{ why, setting, want string }{
		{"nobody on the network reaches it", "listen_addresses", "127.0.0.1"},
		{"no socket that other users of the machine could find", "unix_socket_directories", ""},
		{"the caller's settings reach the server", "work_mem", "5MB"},
		{"unsafe means no fsync", "fsync", "off"},
		{"instants are shown in UTC", "TimeZone", "UTC"},
		{"statements with personal data stay out of the log", "log_min_error_statement", "panic"},
	} {
		if got := exec1(t, s.DSN("postgres"), "SHOW "+c.setting); got != c.want {
			t.Errorf("%s: %s = %q, want %q", c.why, c.setting, got, c.want)
		}
	}
	wrong := strings.Replace(s.DSN("postgres"), s.Password(), "guess", 1)
	if _, err := pgx.Connect(t.Context(), wrong); err == nil {
		t.Error("a wrong password was let in")
	}
}

func TestSafeServerSyncs(t *testing.T) {
	s := start(t, Options{})
	if got := exec1(t, s.DSN("postgres"), "SHOW fsync"); got != "on" {
		t.Errorf("fsync = %s: a server that keeps real data must sync", got)
	}
}

func TestCreateDatabaseTwiceIsFine(t *testing.T) {
	s := start(t, Options{Unsafe: true})
	errs := make(chan error)
	for range 4 { // at once, too
		go func() { errs <- s.CreateDatabase(t.Context(), `odd "name"`) }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := exec1(t, s.DSN("postgres"), `SELECT datcollate FROM pg_database WHERE datname = 'odd "name"'`); got != "C" {
		t.Errorf("collation %q: the order of texts must not depend on the machine", got)
	}
}

func TestKilledServerComesBackWithItsData(t *testing.T) {
	s := start(t, Options{Unsafe: true})
	dsn, pid := s.DSN("postgres"), s.Pid()
	exec1(t, dsn, "CREATE TABLE kept AS SELECT 'still here' AS v")
	exec1(t, dsn, "CHECKPOINT")
	exec1(t, dsn, "UPDATE kept SET v = 'confirmed a moment before'")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if s.Pid() != 0 {
		t.Errorf("Pid = %d after Kill, want 0", s.Pid())
	}
	if _, err := pgx.Connect(t.Context(), dsn); err == nil {
		t.Fatal("a killed server answered")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.DSN("postgres") != dsn {
		t.Error("the DSN changed over a restart: other processes would lose the database")
	}
	if s.Pid() == pid {
		t.Error("the process did not change")
	}
	if got := exec1(t, dsn, "SELECT v FROM kept"); got != "confirmed a moment before" {
		t.Errorf("read %q after the crash", got)
	}
}

func TestSupervisedServerIsRevived(t *testing.T) {
	s := start(t, Options{Unsafe: true})
	exec1(t, s.DSN("postgres"), "CREATE TABLE kept AS SELECT 'kept' AS v")
	told, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		s.Supervise(t.Context(), func(err error) { told <- err })
	}()
	for range 2 { // it must look after the revived process, too
		if err := syscall.Kill(s.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := <-told; err != nil {
			t.Fatal(err)
		}
		if got := exec1(t, s.DSN("postgres"), "SELECT v FROM kept"); got != "kept" {
			t.Errorf("read %q after the server was revived", got)
		}
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("supervision went on after Stop: it would revive what was stopped")
	}
}

func TestDirectoryKeepsDataPasswordAndPort(t *testing.T) {
	dir := openDir(t)
	first := start(t, Options{Dir: dir, Unsafe: true})
	exec1(t, first.DSN("postgres"), "CREATE TABLE kept AS SELECT 'kept' AS v")
	_, err := Start(t.Context(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatalf("second server on one directory: err = %v, want it refused", err)
	}
	dsn := first.DSN("postgres")
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := first.Restart(t.Context()); err == nil {
		t.Error("a stopped server was restarted without the directory's lock")
	}
	second := start(t, Options{Dir: dir, Unsafe: true})
	if second.DSN("postgres") != dsn {
		t.Error("the DSN changed between two runs on one directory")
	}
	if got := exec1(t, dsn, "SELECT v FROM kept"); got != "kept" {
		t.Errorf("read %q in the second run", got)
	}
}

func TestTemporaryDirectoryGoesWithTheServer(t *testing.T) {
	s, err := Start(t.Context(), Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.paths.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", s.paths.dir)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
}

// A process that is killed takes its server with it, and the next process starts
// on the same directory at once, whatever the dead one left lying there.
func TestParentKilled(t *testing.T) {
	dir := openDir(t)
	helper := exec.Command(os.Args[0], "-test.run=^TestHelperServer$")
	helper.Env = append(os.Environ(), "PGSERVER_HELPER_DIR="+dir)
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d\n", &pid); err != nil {
		t.Fatalf("helper did not start its server: %v", err)
	}
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait() // "killed" is what we want
	s := start(t, Options{Dir: dir, Unsafe: true})
	if got := exec1(t, s.DSN("postgres"), "SELECT v FROM kept"); got != "kept" {
		t.Errorf("read %q after the parent was killed", got)
	}
	if !gone(pid, s.paths.data(), time.Minute) {
		t.Errorf("the old server %d still runs", pid)
	}
}

// TestHelperServer is the process that TestParentKilled kills; on its own it does nothing.
func TestHelperServer(t *testing.T) {
	dir := os.Getenv("PGSERVER_HELPER_DIR")
	if dir == "" {
		return
	}
	s, err := Start(t.Context(), Options{Dir: dir, Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, s.DSN("postgres"), "CREATE TABLE kept AS SELECT 'kept' AS v")
	fmt.Printf("pid %d\n", s.Pid())
	<-t.Context().Done()
}

func TestStaleLockOfPostgres(t *testing.T) {
	dir := openDir(t)
	s := start(t, Options{Dir: dir, Unsafe: true})
	data := s.paths.data()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	bystander := exec.Command("sleep", "3600")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		bystander.Process.Kill()
		if err := bystander.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("the bystander was hit before: %v", err)
		}
	}()
	for _, c := range []struct{ why, content string }{
		{"the number now belongs to another program, which must not be touched", strconv.Itoa(bystander.Process.Pid) + "\n" + data + "\n"},
		{"the number belongs to nobody", "999999999\n" + data + "\n"},
		{"the file is empty, as a full disk leaves it", ""},
		{"the file holds init's number", "1\n"},
	} {
		t.Run(c.why, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			s := start(t, Options{Dir: dir, Unsafe: true})
			exec1(t, s.DSN("postgres"), "SELECT 'x'")
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestInterruptedInitIsRepeated(t *testing.T) {
	dir := openDir(t)
	half := filepath.Join(dir, "data.new", "base")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Dir: dir, Unsafe: true})
	exec1(t, s.DSN("postgres"), "SELECT 'x'")
}

func TestErrorsSayHowToMend(t *testing.T) {
	free := start(t, Options{Unsafe: true})
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	type tcase struct {
		why  string
		opts Options
		want string
	}
	cases := []tcase{
		{"a port that the caller insists on and that is taken", Options{Port: free.Port(), Unsafe: true}, "could not bind"},
		{"a setting that PostgreSQL refuses shows its reason", Options{Unsafe: true, Settings: map[string]string{"no_such": "1"}}, "no_such"},
		{"a directory without the programs", Options{BinDir: closed}, "initdb"},
	}
	if os.Geteuid() == 0 {
		cases = append(cases,
			tcase{"a directory that the server's user may not enter", Options{Dir: closed}, "may not enter"},
			tcase{"a system user that does not exist", Options{User: "no-such-user"}, "useradd"})
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			s, err := Start(t.Context(), c.opts)
			if err == nil {
				s.Stop()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if strings.Contains(err.Error(), free.Password()) {
				t.Errorf("the error holds a password: %v", err)
			}
		})
	}
}

func TestCreateDatabaseErrorsKeepThePassword(t *testing.T) {
	for _, c := range []struct{ why, dsn string }{
		{"nobody listens there", "postgres://duly:hunter2@127.0.0.1:1/x?connect_timeout=1"},
		{"the URL cannot be parsed", "postgres://duly:hunter2@127.0.0.1:x/x"},
	} {
		err := CreateDatabase(t.Context(), c.dsn, "any")
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: err = %v; want an error without the password", c.why, err)
		}
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if s, err := Start(ctx, Options{Unsafe: true}); err == nil {
		s.Stop()
		t.Fatal("Start ignored its context")
	}
}

func TestFreePort(t *testing.T) {
	for range 20 {
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if port < 16384 || port > 32767 {
			t.Fatalf("port %d is outside the range that survives restarts", port)
		}
	}
}

func TestFindPrefersTheNewest(t *testing.T) {
	for _, c := range []struct {
		why, path string
		want      int
	}{
		{"two digits beat one", "/usr/lib/postgresql/15/bin", 15},
		{"the first number counts", "/usr/pgsql-9.6/bin", 9},
		{"no number", "/usr/local/pgsql/bin", 0},
	} {
		if got := version(c.path); got != c.want {
			t.Errorf("%s: version(%q) = %d, want %d", c.why, c.path, got, c.want)
		}
	}
}
