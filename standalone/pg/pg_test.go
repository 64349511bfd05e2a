package pg

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/pgserver"
)

func answers(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	defer conn.Close(t.Context())
	if err := conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPrivateServerFromThisMachine(t *testing.T) {
	s, err := Start(t.Context(), Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	answers(t, s.URL())
	if !strings.HasSuffix(strings.Split(s.URL(), "?")[0], "/duly") {
		t.Error("Duly's tables would not be in a database of their own")
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestGivenServerIsLeftAlone(t *testing.T) {
	given, err := pgserver.Start(t.Context(), pgserver.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer given.Stop()
	s, err := Start(t.Context(), Options{URL: given.DSN("postgres")})
	if err != nil {
		t.Fatal(err)
	}
	if s.URL() != given.DSN("postgres") || s.Private() != nil {
		t.Error("DATABASE_URL was not taken as it is")
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	answers(t, given.DSN("postgres")) // still runs
}

// none is a machine without PostgreSQL.
func none() (string, error) { return "", pgserver.ErrNoBinaries }

func TestProgramsThatWereDownloadedBeforeAreUsed(t *testing.T) {
	real, err := pgserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "duly-pgtest-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	if err := os.Chmod(home, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, filepath.Join(home, "bin")); err != nil {
		t.Fatal(err)
	}
	told := 0
	s, err := Start(t.Context(), Options{Unsafe: true, Binaries: home, find: none, Told: func(string) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	answers(t, s.URL())
	if told != 0 {
		t.Error("a download was announced although the programs were there")
	}
}

func TestFailedDownloadSaysWhatToInstall(t *testing.T) {
	asked := 0
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		http.NotFound(w, nil)
	}))
	defer repository.Close()
	var told []string
	_, err := Start(t.Context(), Options{find: none, Repository: repository.URL, Told: func(s string) { told = append(told, s) }})
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("err = %v, want it to say how to mend it", err)
	}
	if asked == 0 || len(told) != 1 {
		t.Errorf("repository asked %d times, announced %q", asked, told)
	}
}
