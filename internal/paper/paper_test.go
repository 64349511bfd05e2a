package paper

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// long is a report of several pages with every kind of block.
func long(n int) Report {
	r := Report{Title: "Evidence of case 4711", Foot: "Stadtwerke Musterstadt · case 4711", At: at, Body: []Block{{Kind: Pair, Name: "Customer", Text: "Łukasz Ødegård"}}}
	for i := range n {
		r.Body = append(r.Body, Block{Kind: Heading, Text: fmt.Sprint("Part ", i)}, Block{Kind: Label, Text: "2026-03-02 12:00 UTC · send email"},
			Block{Kind: Text, Text: strings.Repeat("Lorem ipsum dolor sit amet. ", 12)}, Block{Kind: Quote, Text: "Dear Łukasz,\n\n  please pay.\nThe end"}, Block{Kind: Pair, Name: "Rule", Text: "HOUSE-CAP"},
			Block{Kind: Entry, Name: "2 Mar 14:00\n13:00 UTC", Text: "Paid 20.00 EUR", More: strings.Repeat("days of grace: 2; ", 20) + "\nby Duly"}, Block{Kind: Entry, Name: "3 Mar\n4 Mar", Text: "Paid"})
	}
	return r
}

// laid is what is put where.
func laid(r Report) *setter {
	s := &setter{measure: measures(document(r)), y: top}
	s.newPage()
	s.title(clean(r.Title))
	for _, b := range r.Body {
		s.block(b)
	}
	s.feet(clean(r.Foot))
	return s
}

func TestSetIsAlwaysTheSame(t *testing.T) {
	first, pages, err := Set(long(40))
	if err != nil || pages < 5 || !bytes.HasPrefix(first, []byte("%PDF-")) {
		t.Fatalf("%d pages, %v", pages, err)
	}
	for range 3 {
		if again, n, err := Set(long(40)); err != nil || n != pages || !bytes.Equal(again, first) {
			t.Fatalf("other bytes: %v", err)
		}
	}
	if got := len(regexp.MustCompile(`/Type /Page\b[^s]`).FindAll(first, -1)); got != pages {
		t.Errorf("the file has %d pages, not %d", got, pages)
	}
	if year := time.Now().Format("2006"); year != "2026" && bytes.Contains(first, []byte("D:"+year)) {
		t.Error("the file tells when it was made")
	}
	other := long(40)
	other.Body[0].Text = "Łukasz Odegård"
	if changed, _, err := Set(other); err != nil || bytes.Equal(changed, first) {
		t.Errorf("another name, the same bytes: %v", err)
	}
}

// Nothing stands outside the page, every page says which it is, and no heading is the last
// line of its page.
func TestEverythingHasItsPlace(t *testing.T) {
	s := laid(long(60))
	for i, page := range s.pages {
		var text []string
		lowest := line{}
		for _, l := range page {
			text = append(text, l.text)
			if end := l.x + s.wide(l.text, l.size, l.bold); l.x < left || end > width-right+0.01 || l.y < top || l.y > footY {
				t.Errorf("page %d: %q is at %.1f to %.1f, %.1f", i+1, l.text, l.x, end, l.y)
			}
			if l.y < footY && l.y > lowest.y {
				lowest = l
			}
		}
		if want := fmt.Sprintf("%d of %d", i+1, len(s.pages)); !strings.Contains(strings.Join(text, "\n"), want) {
			t.Errorf("page %d does not say %q", i+1, want)
		}
		if lowest.bold {
			t.Errorf("page %d ends with the heading %q", i+1, lowest.text)
		}
	}
}

func TestNothingIsLost(t *testing.T) {
	r := long(30)
	var want, got strings.Builder
	names := []string{"Rule", "Customer", "2 Mar 14:00", "13:00 UTC", "3 Mar", "4 Mar"}
	seen := map[string]int{}
	for _, b := range r.Body {
		want.WriteString(strings.Join(strings.Fields(b.Text+" "+b.More), ""))
	}
	for _, page := range laid(r).pages {
		for _, l := range page {
			seen[l.text]++
			if l.y < footY && l.size != titleSize && !(l.x == left && slices.Contains(names, l.text)) {
				got.WriteString(strings.Join(strings.Fields(l.text), ""))
			}
		}
	}
	for _, name := range names[2:] {
		if seen[name] != 30 {
			t.Errorf("the name %q is there %d times, want 30", name, seen[name])
		}
	}
	if want.String() != got.String() {
		t.Errorf("%d characters of %d are on the pages", got.Len(), want.Len())
	}
}

// Whatever a name is made of, the report is set, and what cannot be printed is seen to be
// missing.
func TestHostileText(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"other scripts", "محمد 山田", "□□□□ □□"},
		{"a turned name", "Ada\u202egnirts", "Ada□gnirts"},
		{"bytes that are no text", "a\xff\xfeb", "a□b"},
		{"signs that do something", "a\x00\x07b\x1b[31m", "a□□b□[31m"},
		{"an accent of its own", "e\u0301", "é"},
		{"nothing to see", "a\u200bb", "a□b"},
		{"tabs and line ends", "a\tb\r\nc\rd", "a    b\nc\nd"},
		{"beyond the plane", "x😀y", "x□y"},
	} {
		if got := clean(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
		r := Report{Title: c.text, Foot: strings.Repeat(c.text, 80)}
		for _, kind := range []Kind{Text, Heading, Label, Quote, Pair, Entry} {
			r.Body = append(r.Body, Block{Kind: kind, Name: strings.Repeat(c.text, 40), Text: c.text + strings.Repeat("W", 3000), More: c.text})
		}
		if _, pages, err := Set(r); err != nil || pages < 1 {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	if _, pages, err := Set(Report{}); err != nil || pages != 1 {
		t.Errorf("an empty report: %d pages, %v", pages, err)
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("Łukasz", "a\n b")
	f.Add("\u202e", strings.Repeat("x", 300))
	f.Add("\n", "") // a name that is only a line end
	f.Add("a\r\nb\rc", "\n\n")
	measure := measures(document(Report{}))
	f.Fuzz(func(t *testing.T, name, text string) {
		s := &setter{measure: measure, y: top}
		s.newPage()
		s.title(oneLine(name))
		for kind := range Kind(len(styles)) {
			s.block(Block{Kind: kind, Name: name, Text: text})
		}
		s.feet(oneLine(name))
		for _, page := range s.pages {
			for _, l := range page {
				if end := l.x + s.wide(l.text, l.size, l.bold); len([]rune(l.text)) > 1 && end > width-right+0.01 || strings.ContainsAny(l.text, "\n\u202e\x00") {
					t.Fatalf("%q ends at %.1f", l.text, end)
				}
			}
		}
	})
}
