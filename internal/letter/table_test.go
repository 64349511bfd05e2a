package letter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
)

// owed is a table as a mail's text has it.
const owed = `Invoice           Due              Open
---------------------------------------
2026-0815         Oct 1, 2026   1,234.50
2026-0923 (copy)  Oct 31, 2026      618.00
`

// aTable is a well padded one.
var aTable = strings.Join([]string{
	"Invoice           Dated        Due               Open",
	"-----------------------------------------------------",
	"2026-0815         Sep 1, 2026  Oct 1, 2026   1 234,50",
	"2026-0923 (copy)  –            Oct 31, 2026    618,00",
	"Paid                                           −10,00",
}, "\n")

// TestATableIsSetAsOne: amounts end below each other, dates begin below each other, a stroke
// stands in the place of the hyphens, and every cell is printed once.
func TestATableIsSetAsOne(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 1)
	m.Text = "Before\n\n" + aTable + "\n\nAfter"
	for _, form := range []Form{DIN5008B, US10} {
		pages, g, err := layout(t, m, form)
		if err != nil || len(pages) != 1 {
			t.Fatalf("%d pages, %v", len(pages), err)
		}
		pdf := g.document(m)
		starts, ends, rules := map[string]float64{}, map[string]float64{}, 0
		for _, l := range pages[0] {
			if l.rule > 0 {
				rules++
				if l.x+l.rule > g.width-g.right+0.01 {
					t.Errorf("%s: the rule ends at %.1f, outside the text", form, l.x+l.rule)
				}
				continue
			}
			pdf.SetFont(family, style(l.bold), l.size)
			starts[l.text], ends[l.text] = l.x, l.x+pdf.GetStringWidth(l.text)
			if strings.Contains(l.text, "---") {
				t.Errorf("%s: hyphens are printed: %q", form, l.text)
			}
		}
		if rules != 1 {
			t.Errorf("%s: %d rules, want 1", form, rules)
		}
		same(t, "invoices begin", starts, "Invoice", "2026-0815", "2026-0923 (copy)", "Paid", "Before", "After")
		same(t, "days begin", starts, "Due", "Oct 1, 2026", "Oct 31, 2026")
		same(t, "amounts end", ends, "Open", "1 234,50", "618,00", "−10,00")
	}
}

func same(t *testing.T, what string, at map[string]float64, cells ...string) {
	t.Helper()
	for _, c := range cells {
		if d := at[c] - at[cells[0]]; at[c] == 0 || d > 0.01 || d < -0.01 {
			t.Errorf("%s at %.2f for %q, at %.2f for %q", what, at[cells[0]], cells[0], at[c], c)
		}
	}
}

// TestWhatIsNoTable stays text, in which nothing is lost.
func TestWhatIsNoTable(t *testing.T) {
	for about, text := range map[string]string{
		"a row longer than its rule":    owed,
		"hyphens with nothing below":    "Invoice  Open\n-------------",
		"hyphens below a blank line":    "\n-----\nOne  two",
		"a single column":               "Invoices\n--------\nOne\nTwo",
		"two hyphens":                   "A  B\n--\n1  2",
		"lines with no hyphens at all":  "One  two\nthree  four\nfive  six",
		"one word held apart by a rule": "A B\n---\n1 2",
	} {
		if tab, n := tableAt(strings.Split(text, "\n")); n != 0 {
			t.Errorf("%s is read as a table of %d lines: %+v", about, n, tab)
		}
	}
	m := channeltest.Message(dunning.Letter, 1)
	wide := strings.Repeat("W", 60)
	m.Text = fmt.Sprintf("%-60s  %-60s\n%s\n%s  %s", "A", "B", strings.Repeat("-", 122), wide, wide)
	pages, _, err := layout(t, m, US10)
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for _, l := range pages[0] {
		printed.WriteString(l.text)
		if l.rule > 0 {
			t.Error("a table that is too wide for the paper has a rule")
		}
	}
	if !strings.Contains(printed.String(), wide) {
		t.Error("a table that is too wide for the paper has lost a cell")
	}
}

// TestATableOverTwoPages keeps the cells of a row on one page, below each other.
func TestATableOverTwoPages(t *testing.T) {
	rows := []string{"Invoice  Open", "-------------"}
	for i := range 80 {
		rows = append(rows, fmt.Sprintf("N-%03d    %4d", i, 1000+i))
	}
	m := channeltest.Message(dunning.Letter, 1)
	m.Text = strings.Join(rows, "\n")
	pages, _, err := layout(t, m, DIN5008B)
	if err != nil || len(pages) != 3 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	seen := 0
	for i, page := range pages {
		for _, l := range page {
			n, number := 0, strings.HasPrefix(l.text, "N-")
			if !number {
				continue
			}
			_, _ = fmt.Sscanf(l.text, "N-%d", &n)
			want := fmt.Sprint(1000 + n)
			if !slices.ContainsFunc(page, func(o line) bool { return o.text == want && o.y == l.y }) {
				t.Errorf("page %d: %s stands apart from its amount", i+1, l.text)
			}
			seen++
		}
	}
	if seen != 80 {
		t.Errorf("%d of 80 rows are printed", seen)
	}
}
