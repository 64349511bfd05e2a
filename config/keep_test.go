package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"
	"testing/fstest"
)

// tiny is a configuration of one file; n makes it another one.
func tiny(n int) map[string][]byte {
	return map[string][]byte{"queues.yaml": fmt.Appendf(nil, "queues:\n  - {id: q%d, title: Queue %d}\n", n, n)}
}

func TestTheSameFilesAreLoadedOnce(t *testing.T) {
	one, err := Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	files := one.Release().Files
	for name, again := range map[string]func() (*Config, error){
		"read again":           func() (*Config, error) { return Load(os.DirFS(".")) },
		"given as files":       func() (*Config, error) { return LoadFiles(files) },
		"taken from a release": func() (*Config, error) { return LoadRelease(one.Release()) },
		"the shipped ones":     func() (*Config, error) { return Load(shipped) },
	} {
		if two, err := again(); err != nil || two != one {
			t.Errorf("%s: another configuration, %v", name, err)
		}
	}
	for name := range files {
		files[name] = append(files[name], '\n') // the caller's own
	}
	two, err := LoadFiles(files)
	if err != nil || two == one {
		t.Errorf("every file has a line more, and the configuration is the same: %v, %v", two == one, err)
	}
	if again, err := Load(os.DirFS(".")); err != nil || again != one || again.Release().Version != one.Release().Version {
		t.Errorf("whoever changed a copy changed what is kept: %v", err)
	}
}

func TestFaultsAreNotKept(t *testing.T) {
	k := keeper{compile: load}
	bad := map[string][]byte{"queues.yaml": []byte("queus: []\n")}
	_, first := k.get(bad)
	if len(FaultsOf(first)) == 0 || len(k.entries) != 0 {
		t.Fatalf("%v; %d are kept", first, len(k.entries))
	}
	FaultsOf(first)[0].Message = "mine"
	if _, second := k.get(bad); FaultsOf(second)[0].Message == "mine" {
		t.Error("two who asked share their faults")
	}
}

func TestFewAreKept(t *testing.T) {
	k := keeper{compile: load}
	first, err := k.get(tiny(0))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < mostKept; n++ {
		if _, err := k.get(tiny(n)); err != nil {
			t.Fatal(err)
		}
	}
	if again, _ := k.get(tiny(0)); again != first {
		t.Error("what was asked for among the last is loaded again")
	}
	if _, err := k.get(tiny(mostKept)); err != nil || len(k.entries) != mostKept {
		t.Errorf("%d are kept, want %d; %v", len(k.entries), mostKept, err)
	}
	if again, _ := k.get(tiny(0)); again != first {
		t.Error("what was asked for last of all is gone")
	}
	for _, e := range k.entries {
		if e.hash == releaseHash(tiny(1)) {
			t.Error("what was asked for longest ago is still kept")
		}
	}
}

func TestManyAskAtOnce(t *testing.T) {
	k := keeper{compile: load}
	var all [32]*Config
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i], _ = k.get(tiny(i % 3)) })
	}
	wg.Wait()
	for i, c := range all {
		if c == nil || c != all[i%3] {
			t.Errorf("%d got a configuration of its own", i)
		}
	}
}

// A file system that fails is no configuration and is asked again.
func TestTroubleIsNotKept(t *testing.T) {
	if _, err := Load(fstest.MapFS{}); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	if _, err := Load(os.DirFS("no such directory")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
