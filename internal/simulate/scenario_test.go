package simulate_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/simulate"
)

var update = flag.Bool("update", false, "rewrite the timelines of scenarios; review the diff")

const corpus = "../../dunning/testdata/scenarios"

// least is how many scenarios there must be: the corpus may not shrink unseen.
const least = 40

// TestScenarios plays every scenario of the corpus and compares its printed
// timeline. A scenario is a txtar archive: its comment says in a sentence what
// it pins (a line "policies: ID…" switches packs on), sequence.yaml or the name
// of a shipped sequence, case.yaml (a facts file), and timeline.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < least {
		t.Errorf("the corpus has %d scenarios, fewer than %d", len(files), least)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { playScenario(t, name) })
	}
}

func playScenario(t *testing.T, name string) {
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	arc := txtar.Parse(raw)
	life, zone := scenarioLife(t, arc)
	again, err := dunning.Fold(life.Final.Setup, life.Facts)
	if err != nil {
		t.Fatal(err)
	}
	if fault := sameState(life.Final, again); fault != "" {
		t.Errorf("folded again %s", fault)
	}
	got := "\n" + simulate.Print(life.Events(), zone)
	for _, r := range life.Refused {
		got += "refused: " + r.Error() + "\n"
	}
	for i := range arc.Files {
		if arc.Files[i].Name != "timeline" {
			continue
		}
		if *update {
			arc.Files[i].Data = []byte(got)
			if err := os.WriteFile(name, txtar.Format(arc), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		if want := arc.Files[i].Data; !bytes.Equal(bytes.TrimSpace(want), []byte(strings.TrimSpace(got))) {
			t.Errorf("%s\ngot timeline:\n%s\nwant:\n%s", arc.Comment, got, want)
		}
		return
	}
	t.Fatal("the scenario has no timeline; add an empty section and run with -update")
}

func section(arc *txtar.Archive, name string) []byte {
	for _, f := range arc.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func scenarioLife(t *testing.T, arc *txtar.Archive) (simulate.Life, *time.Location) {
	t.Helper()
	cfg := lawAndCalendars(t)
	src := section(arc, "sequence.yaml")
	if src == nil {
		var err error
		if src, err = fs.ReadFile(config.DefaultFiles(), "sequences/"+header(arc, "sequence")+".yaml"); err != nil {
			t.Fatalf("the scenario has neither sequence.yaml nor the name of a shipped sequence: %v", err)
		}
	}
	seq, err := config.CompileSequence("sequence.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	file := caseFile(t, section(arc, "case.yaml"))
	env := simulate.Environment{Sequence: seq, Versions: versions(t, arc, seq), Setup: dunning.Setup{Zone: zoneByName, Holiday: cfg.Holiday, Policies: append(packs(t, cfg, strings.Fields(header(arc, "policies"))), ownPack(t, section(arc, "policy.yaml"))...)}}
	acc, until, err := file.Compile(env)
	if err != nil {
		t.Fatal(err)
	}
	life, err := simulate.Run(acc, until)
	if err != nil {
		t.Fatal(err)
	}
	return life, zoneByName(file.Debtor.Zones[0])
}

// versions are other versions of the sequence that the scenario brings along: files of any
// other name, which the command migrate names without its ending. "v1" is the first.
func versions(t *testing.T, arc *txtar.Archive, first *dunning.Sequence) map[string]*dunning.Sequence {
	t.Helper()
	out := map[string]*dunning.Sequence{"v1": first}
	for _, f := range arc.Files {
		name, is := strings.CutSuffix(f.Name, ".yaml")
		if !is || name == "sequence" || name == "case" || name == "policy" {
			continue
		}
		s, err := config.CompileSequence(f.Name, f.Data)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = s
	}
	return out
}

// lawAndCalendars loads the shipped policies and holidays alone: scenarios pin
// semantics and must not change with sample sequences or templates.
func lawAndCalendars(t *testing.T) *config.Config {
	t.Helper()
	only := fstest.MapFS{}
	for _, dir := range []string{"policies", "holidays"} {
		err := fs.WalkDir(config.DefaultFiles(), dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(config.DefaultFiles(), p)
			only[p] = &fstest.MapFile{Data: b}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(only)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func zoneByName(n string) *time.Location {
	z, err := time.LoadLocation(n)
	if err != nil || n == "" {
		return nil
	}
	return z
}

// header is the value of a "name: value" line of the scenario's comment.
func header(arc *txtar.Archive, name string) string {
	for _, l := range strings.Split(string(arc.Comment), "\n") {
		if v, ok := strings.CutPrefix(l, name+": "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func packs(t *testing.T, cfg *config.Config, ids []string) contact.Set {
	var set contact.Set
	for _, id := range ids {
		found := false
		for _, spec := range cfg.PolicySpecs() {
			if spec.Pack == id {
				p, faults := contact.Compile(spec)
				if len(faults) > 0 {
					t.Fatal(faults)
				}
				set, found = append(set, p), true
			}
		}
		if !found {
			t.Fatalf("there is no policy pack %q", id)
		}
	}
	return set
}

// ownPack compiles a policy pack that the scenario brings along.
func ownPack(t *testing.T, src []byte) contact.Set {
	if src == nil {
		return nil
	}
	var spec contact.PackSpec
	if err := yaml.Unmarshal(src, &spec); err != nil {
		t.Fatal(err)
	}
	p, faults := contact.Compile(spec)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return contact.Set{p}
}

// caseFile reads a facts file written as YAML: the same members as the JSON.
func caseFile(t *testing.T, src []byte) simulate.File {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	v["format"] = "v1"
	js, err := json.Marshal(plainTimes(v))
	if err != nil {
		t.Fatal(err)
	}
	f, err := simulate.ReadFile(bytes.NewReader(js))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// plainTimes turns what YAML read as time stamps back into text.
func plainTimes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plainTimes(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainTimes(v[i])
		}
	case time.Time:
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format("2006-01-02")
		}
		return v.Format(time.RFC3339)
	case float64:
		return fmt.Sprint(v)
	}
	return v
}
