package contact_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"go.yaml.in/yaml/v4"

	"github.com/duly/duly/dunning/contact"
)

var zones sync.Map // loading a zone parses its rules each time

func zone(name string) *time.Location {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	zones.Store(name, loc)
	return loc
}

// load reads one shipped pack.
func load(t testing.TB, file string) contact.PackSpec {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var spec contact.PackSpec
	if err := yaml.Load(data, &spec, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", filepath.Base(file), err)
	}
	return spec
}

func compile(t testing.TB, spec contact.PackSpec) contact.Pack {
	t.Helper()
	p, faults := contact.Compile(spec)
	for _, f := range faults {
		t.Errorf("%s: %v", spec.Pack, f)
	}
	return p
}

// shipped loads all packs, or those named.
func shipped(t testing.TB, names ...string) contact.Set {
	t.Helper()
	pattern := []string{"*"}
	if len(names) > 0 {
		pattern = names
	}
	var packs []contact.Pack
	for _, n := range pattern {
		files, err := filepath.Glob(filepath.Join("../../config/policies", n+".yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no pack %s (%v)", n, err)
		}
		for _, f := range files {
			packs = append(packs, compile(t, load(t, f)))
		}
	}
	return contact.NewSet(packs...)
}

// testingT is what tests and property tests have in common.
type testingT interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
