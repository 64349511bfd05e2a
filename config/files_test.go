package config

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestLoadFilesIsLoad(t *testing.T) {
	want, err := Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	files := want.Release().Files
	files["README.md"], files["load.go"], files["notes/x.yaml"], files["sequences/.hidden.yaml"], files[".git/queues.yaml"] = []byte("x"), []byte("x"), []byte("{"), []byte("{"), []byte("{")
	got, err := LoadFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	if got.Release().Version != want.Release().Version {
		t.Error("the same files in memory are another release")
	}
	files["queues.yaml"][0] = '\x00'
	if bytes.Contains(got.Release().Files["queues.yaml"], []byte{0}) {
		t.Error("the files can be changed from outside")
	}
}

func TestLoadFilesRefuses(t *testing.T) {
	for _, c := range []struct{ why, name, text, want string }{
		{"nothing", "", "", "there is none of"},
		{"nothing that belongs", "notes.txt", "x", "there is none of"},
		{"a path out of it", "../queues.yaml", "", "not a path within"},
		{"a path from the root", "/etc/passwd", "", "not a path within"},
		{"the directory itself", ".", "", "not a path within"},
		{"a very long name", "sequences/" + strings.Repeat("x", 300) + ".yaml", "", "not a path within"},
		{"a fault, with its place", "queues.yaml", "queues:\n  - {queue: late, colour: red}\n", "queues.yaml:2:"},
	} {
		files := map[string][]byte{}
		if c.name != "" {
			files[c.name] = []byte(c.text)
		}
		_, err := LoadFiles(files)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
		if faults := FaultsOf(err); (len(faults) > 0) != strings.Contains(c.want, ":2:") {
			t.Errorf("%s: %d faults", c.why, len(faults))
		}
	}
}
