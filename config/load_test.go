package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestWhatIsNoConfigurationIsRefused(t *testing.T) {
	if _, err := Load(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "holds none of") {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := Load(fstest.MapFS{"main.go": {Data: []byte("package x")}, "docs/x.yaml": {Data: []byte("a: 1")}}); err == nil {
		t.Error("a directory of other things was taken")
	}
	many := fstest.MapFS{}
	for i := range maxFiles + 2 {
		many[fmt.Sprintf("sequences/s%d.yaml", i)] = &fstest.MapFile{Data: []byte("x: 1")}
	}
	if _, err := Load(many); err == nil || !strings.Contains(err.Error(), "is this the right directory?") {
		t.Errorf("thousands of files: %v", err)
	}
}

// broken is a file system that fails while reading.
type broken struct{ fstest.MapFS }

func (b broken) ReadFile(string) ([]byte, error) { return nil, errors.New("disk on fire") }

func TestFaultsOfTheFileSystemAreNotFaultsOfFiles(t *testing.T) {
	_, err := Load(broken{fstest.MapFS{"queues.yaml": {Data: []byte("queues: []")}}})
	var faults Faults
	if err == nil || errors.As(err, &faults) || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("got %v", err)
	}
}

func TestOtherFilesBesideAreLeftAlone(t *testing.T) {
	c, err := Load(fstest.MapFS{
		"sequences/short.yaml":      {Data: []byte(strings.ReplaceAll(shortSequence, "email: x", "email: x"))},
		"sequences/.short.yaml.swp": {Data: []byte("\x00")},
		"sequences/README.md":       {Data: []byte("# how we write sequences")},
		"config.go":                 {Data: []byte("package config")},
		"testdata/bad.yaml":         {Data: []byte("{")},
		"queues.yaml":               {Data: []byte("queues: [{id: q}]")},
		"templates/email/x.en.md":   {Data: []byte("---\npurpose: reminder\nsubject: x\n---\nx\n")},
		"templates/letter/x.en.md":  {Data: []byte("---\npurpose: reminder\nsubject: x\n---\nx\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sequences()) != 1 || len(c.Release().Files) != 5 {
		t.Errorf("%d sequences, files %v", len(c.Sequences()), c.Release().Changes(Release{}))
	}
}

// FuzzLoad: no content of any kind of file may crash the loader, and every
// fault has a place. Seeds are all shipped and all broken files.
func FuzzLoad(f *testing.F) {
	for _, dir := range []fs.FS{DefaultFiles(), brokenFiles()} {
		files, err := readFiles(dir)
		if err != nil {
			f.Fatal(err)
		}
		for name, data := range files {
			f.Add(name, data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if !fs.ValidPath(name) || len(data) > 20000 {
			return // such a name cannot come from a file system; long files are for TestLimits of yamlpos
		}
		c, err := load(map[string][]byte{
			name:                             data,
			"queues.yaml":                    []byte("queues: [{id: q}]"),
			"creditors/fuzz.yaml":            []byte("creditor: fuzz\nname: F\nrole: third_party\non_behalf_of: G\nzone: UTC\ncurrency: USD\nlocale: en\naddress: [a]\nqueues: {supervisor: q, operations: q}\n"),
			"templates/email/reminder.en.md": []byte("---\npurpose: reminder\nsubject: x\n---\nx\n"),
		})
		if err == nil {
			for _, s := range c.Sequences() {
				if s.ID == "" || len(s.Steps) == 0 {
					t.Errorf("an impossible sequence was loaded: %+v", s)
				}
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) {
			t.Fatalf("not a fault of a file: %v", err)
		}
		for _, x := range faults {
			if x.File == "" || x.Line < 1 || x.Column < 1 || x.Message == "" || x.Warning {
				t.Errorf("a fault without a place: %+v", x)
			}
		}
		_ = faults.Error()
	})
}
