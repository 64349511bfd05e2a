package config

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brokenFiles is the directory of mistakes.
func brokenFiles() fs.FS { return os.DirFS("testdata/broken") }

var update = flag.Bool("update", false, "rewrite golden files and schemas")

// golden compares with a file that -update rewrites; its changes are reviewed
// like code.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./config -update writes it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs; if that is meant, run go test ./config -update and read the change:\n%s", file, diff)
	}
}

// Every fault of every file of a directory full of mistakes is reported at
// once, each with its place.
func TestBrokenConfiguration(t *testing.T) {
	_, err := Load(brokenFiles())
	faults, ok := err.(Faults)
	if !ok {
		t.Fatalf("got %T: %v", err, err)
	}
	golden(t, "testdata/broken.golden", faults.Error()+"\n")

	files := map[string]bool{}
	for i, f := range faults {
		files[f.File] = true
		if f.Line < 1 || f.Column < 1 {
			t.Errorf("fault without a place: %s", f)
		}
		if i > 0 && (faults[i-1].File > f.File || faults[i-1].File == f.File && faults[i-1].Line > f.Line) {
			t.Errorf("out of order: %s after %s", f, faults[i-1])
		}
	}
	if len(files) < 25 {
		t.Errorf("only %d faulty files", len(files))
	}
	reported(t, files)
}

// reported: no file of the directory is passed over in silence. Those that are
// wrong only together with others, or have nothing but a warning, are named.
func reported(t *testing.T, files map[string]bool) {
	fine := map[string]bool{
		"sequences/twin-a.yaml": true, "sequences/twin-c.yaml": true, // their twin is reported
		"sequences/refer-without-after.yaml": true, // a warning
		"sequences/always-too.yaml":          true, // the first of its kind
		"holidays/round-a.yaml":              true,
	}
	err := filepath.WalkDir("testdata/broken", func(p string, d os.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(p), "testdata/broken/")
		if err == nil && !d.IsDir() && !files[name] && !fine[name] {
			t.Errorf("%s is broken and nothing says so", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
