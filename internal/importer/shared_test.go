package importer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/duly/duly/config/mapping"
)

// shared finds a file of the private test data: in a directory `shared` beside
// the repository, or beside any directory above. The data is not part of the
// product, so its absence is said loudly and skips the test.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "shared", filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if dir == filepath.Dir(dir) {
			t.Log("NOT TESTED: the private data shared/" + name + " is not beside this repository")
			t.Skip("no shared/" + name)
		}
	}
}

// shipped loads a mapping that Duly ships.
func shipped(t testing.TB, name string) mapping.Mapping {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "mappings", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(text)
	if err != nil {
		t.Fatalf("shipped mapping %s: %v", name, err)
	}
	return m
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
