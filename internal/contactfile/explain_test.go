package contactfile_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/internal/contactfile"
)

var update = flag.Bool("update", false, "rewrite golden files")

// explained are the cases of our own whose reasoning is kept word by word.
var explained = []string{
	"hours-open", "zones-hawaii", "reply", "consent-hour", "optout-stop-one", "seven-debts", "talk-inbound", "dc-fifth", "wa-spouse",
	"ma-work-apart", "dispute-last-day", "gb-crisis", "cra-returned",
}

// TestExplainGolden: what "duly check --explain" prints, word by word. The
// versions of packs are left out: they change without the words.
func TestExplainGolden(t *testing.T) {
	var chosen [][]byte
	for _, c := range ownCases(t) {
		if slices.Contains(explained, c.ID) {
			chosen = append(chosen, c.raw)
		}
	}
	if len(chosen) != len(explained) {
		t.Fatalf("%d of %d cases found", len(chosen), len(explained))
	}
	file := append(append([]byte(`{"cases": [`), bytes.Join(chosen, []byte(","))...), "]}"...)
	var out bytes.Buffer
	if err := contactfile.Explain(bytes.NewReader(file), packs(t), "strict", &out); err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`Packs: .*`).ReplaceAllString(out.String(), "Packs: …")
	if *update {
		if err := os.WriteFile("testdata/explain.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/explain.golden")
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Fatalf("testdata/explain.golden, line %d differs (go test ./internal/contactfile -update rewrites it)\nwant %q\ngot  %q", i+1, slices.Concat(a, []string{""})[min(i, len(a))], slices.Concat(b, []string{""})[min(i, len(b))])
		}
	}
}
