package answers

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"
)

// sharedFile finds a file of the directory "shared" beside a directory above,
// "" when there is none.
func sharedFile(t testing.TB, name string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if p := filepath.Join(dir, "shared", name); exists(p) {
			return p
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

// TestNarratives reads complaints that people sent to a regulator: long, angry,
// and about being contacted, but not a word to the collector. They must not be
// taken for wishes to opt out more often than one time in five.
func TestNarratives(t *testing.T) {
	name := sharedFile(t, filepath.Join("data", "cfpb", "cfpb-debt-collection-narratives-sample.csv"))
	if name == "" {
		t.Skip("LOUD: ../shared/data/cfpb is not here; the narratives are not read")
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	outs := 0
	for _, row := range rows[1:] {
		in := Input{Text: row[3], Channel: "email", Country: "US", Today: corpusToday}
		r := Read(in)
		checkSpans(t, in, r)
		t.Logf("%.70q…", row[3])
		for _, x := range r.Findings {
			t.Logf("    %s  %q", x.Sentence(), x.Words(in))
			if x.Intent == OptOut && x.Sure() {
				outs++
			}
		}
	}
	t.Logf("%d narratives, %d read as opt-outs", len(rows)-1, outs)
	if outs*5 > len(rows)-1 {
		t.Errorf("%d of %d narratives are read as opt-outs", outs, len(rows)-1)
	}
}
