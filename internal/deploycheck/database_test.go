package deploycheck

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/pgserver"
	"github.com/jackc/pgx/v5"
)

// makeSecrets runs deploy/make-secrets into a fresh directory.
func makeSecrets(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "secrets")
	run(t, nil, filepath.Join(top, "deploy", "make-secrets"), dir)
	return dir
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func secretOf(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(raw), "\n")
}

func TestMakeSecretsMakesEverySecretOnceAndStrong(t *testing.T) {
	dir := makeSecrets(t)
	before := map[string]string{}
	for name := range child(load(t, "docker-compose.yml"), "secrets") {
		before[name] = secretOf(t, dir, name)
	}
	if _, err := codec.ParseKeys(before["codec_keys"]); err != nil {
		t.Errorf("codec_keys: %v", err)
	}
	for _, name := range []string{"postgres_password", "temporal_password"} {
		if !regexp.MustCompile(`^[A-Za-z0-9]{30,40}$`).MatchString(before[name]) {
			t.Errorf("%s has not 30 to 40 letters and digits", name)
		}
	}
	if before["postgres_password"] == before["temporal_password"] {
		t.Error("two passwords are equal")
	}
	run(t, nil, filepath.Join(top, "deploy", "make-secrets"), dir)
	for name, was := range before {
		if secretOf(t, dir, name) != was {
			t.Errorf("a second run replaced %s: that would lock Duly out", name)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the directory: %v, %v", info.Mode(), err)
	}
}

// TestDatabaseIsPreparedAsComposeUsesIt runs the script of the Postgres image
// against a real server, then connects as the services do: with the address of
// docker-compose.yml, host and port replaced.
func TestDatabaseIsPreparedAsComposeUsesIt(t *testing.T) {
	server, err := pgserver.Start(t.Context(), pgserver.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	secrets := makeSecrets(t)
	run(t, []string{
		"SECRETS=" + secrets, "POSTGRES_USER=" + server.User(), "PGHOST=127.0.0.1",
		fmt.Sprintf("PGPORT=%d", server.Port()), "PGPASSWORD=" + server.Password(),
	}, filepath.Join(top, "deploy", "postgres-init.sh"))

	duly := dulyAddress(t, server, secrets)
	temporal := fmt.Sprintf("postgres://temporal:%s@127.0.0.1:%d/", secretOf(t, secrets, "temporal_password"), server.Port())
	for _, c := range []struct {
		why, dsn string
		ok       bool
	}{
		{"Duly reaches its database with the password from the file", duly, true},
		{"Temporal reaches its own", temporal + "temporal", true},
		{"and that of visibility", temporal + "temporal_visibility", true},
		{"Temporal may not read debtors", temporal + "duly", false},
		{"Duly may not touch histories", strings.Replace(duly, "/duly?", "/temporal?", 1), false},
		{"a wrong password is refused", strings.Replace(temporal, "temporal:", "temporal:x", 1) + "temporal", false},
	} {
		if err := createTable(t.Context(), c.dsn); (err == nil) != c.ok {
			t.Errorf("%s: error %v", c.why, err)
		}
	}
}

// dulyAddress is the DATABASE_URL of the compose file on the test's server.
func dulyAddress(t *testing.T, server *pgserver.Server, secrets string) string {
	t.Helper()
	env := child(child(child(load(t, "docker-compose.yml"), "services"), "worker"), "environment")
	u, err := url.Parse(fmt.Sprint(env["DATABASE_URL"]))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = fmt.Sprintf("127.0.0.1:%d", server.Port())
	q := u.Query()
	q.Set("passfile", strings.Replace(q.Get("passfile"), "/run/secrets", secrets, 1))
	u.RawQuery = q.Encode()
	return u.String()
}

func createTable(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE TABLE mine (x int)")
	if closed := conn.Close(ctx); err == nil {
		err = closed
	}
	return err
}
