package letter

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
)

func batchOf(n int) []dunning.Message {
	var ms []dunning.Message
	for i := range n {
		m := channeltest.Message(dunning.Letter, i)
		if i == 1 {
			m.Text = strings.Repeat("A line of a long letter.\n\n", 40) // two pages
		}
		if i == 2 {
			m.Locale = "en-US" // another paper
		}
		ms = append(ms, m)
	}
	return ms
}

func TestTogether(t *testing.T) {
	ms := batchOf(4)
	for _, duplex := range []bool{false, true} {
		b, err := Together(ms, ByLocale, channeltest.Later, duplex)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Together(ms, ByLocale, channeltest.Later, duplex)
		if err != nil || !bytes.Equal(b.PDF, again.PDF) {
			t.Error("the same letters must give the same bytes")
		}
		next := 1
		for i, p := range b.Places {
			single, err := Set(ms[i], ByLocale)
			if err != nil {
				t.Fatal(err)
			}
			if p.Attempt != ms[i].Attempt || p.Pages != single.Pages || p.First != next {
				t.Errorf("duplex %v, letter %d: %+v, want %d pages from %d", duplex, i, p, single.Pages, next)
			}
			next += p.Pages
			if duplex && next%2 == 0 {
				next++
			}
		}
		if b.Pages != next-1 {
			t.Errorf("%d pages, want %d", b.Pages, next-1)
		}
		if n := bytes.Count(b.PDF, []byte("/Type /Page\n")); n != b.Pages {
			t.Errorf("the PDF has %d pages, the bundle says %d", n, b.Pages)
		}
	}
}

func TestABatchThatCannotBeSetNamesTheLetter(t *testing.T) {
	ms := batchOf(3)
	ms[1].Text = "\u0f40" // no font of ours has Tibetan
	if _, err := Together(ms, ByLocale, channeltest.Later, false); err == nil || !strings.Contains(err.Error(), ms[1].Attempt) || strings.Contains(err.Error(), "Zebulon") {
		t.Errorf("%v", err)
	}
	if _, err := Together(nil, ByLocale, channeltest.Later, false); err == nil {
		t.Error("an empty batch")
	}
}

func TestWriteBatch(t *testing.T) {
	ms := batchOf(3)
	b, err := Together(ms, ByLocale, channeltest.Later, false)
	if err != nil {
		t.Fatal(err)
	}
	m := BatchManifest{Batch: "b1", Closed: channeltest.Later, LeftOut: map[string]string{"k/1": "changed"}}
	for i, p := range b.Places {
		m.Entries = append(m.Entries, Entry{Placed: p, Place: i + 1, Contact: "c", Recipient: []string{"Ada", `=HYPERLINK("x")`, "@SUM(1)"}[i], SHA256: "abc"})
	}
	dir := filepath.Join(t.TempDir(), "out")
	if err := WriteBatch(dir, m, b); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, BatchFile))
	if err != nil {
		t.Fatal(err)
	}
	var got BatchManifest
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Letters != 3 || got.Pages != b.Pages || got.LeftOut["k/1"] != "changed" || bytes.Contains(raw, []byte("Ada")) {
		t.Errorf("manifest %s", raw)
	}
	for _, name := range []string{BatchPDF, BatchIndex} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || digest(content) != got.SHA256[name] {
			t.Errorf("%s is not what the manifest says: %v", name, err)
		}
	}
	f, err := os.Open(filepath.Join(dir, BatchIndex))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 4 || rows[1][4] != "Ada" || rows[2][4] != `'=HYPERLINK("x")` || rows[3][4] != "'@SUM(1)" || rows[2][0] != "2" {
		t.Errorf("%v, %v", rows, err)
	}
	if err := WriteBatch(dir, m, b); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("over another batch: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".batch-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
