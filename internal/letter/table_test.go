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
		pdf := ruler()
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
	wide := strings.Repeat("W", 110)
	m.Text = fmt.Sprintf("%-110s  %-110s\n%s\n%s  %s", "A", "B", strings.Repeat("-", 222), wide, wide)
	pages, _, err := layout(t, m, US10)
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for _, l := range slices.Concat(pages...) {
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

// TestALongTableBeginsAgain on every page with its head, nothing stands alone, and every row
// is printed once.
func TestALongTableBeginsAgain(t *testing.T) {
	rows := []string{"Invoice       Open", "------------------"}
	for i := range 200 {
		rows = append(rows, fmt.Sprintf("N-%03d    %9d", i, 1000+i))
	}
	rows = append(rows, "Total     9999999")
	for lead := range 40 {
		m := channeltest.Message(dunning.Letter, 1)
		m.Text = strings.Repeat("Before\n", lead) + "\n" + strings.Join(rows, "\n") + "\n\nAfter"
		pages, g, err := layout(t, m, DIN5008B)
		if err != nil || len(pages) < 4 {
			t.Fatalf("%d pages, %v", len(pages), err)
		}
		seen := 0
		for i, page := range pages {
			heads, numbers, total := 0, 0, 0
			for _, l := range page {
				switch {
				case l.text == "Invoice":
					heads++
				case strings.HasPrefix(l.text, "N-"):
					numbers++
				case l.text == "Total":
					total++
				}
				if l.y > g.bottom+0.01 && l.size == bodySize {
					t.Errorf("page %d: a line at %.1f, below the last at %.1f", i+1, l.y, g.bottom)
				}
			}
			if numbers+total > 0 && heads != 1 || numbers+total == 0 && heads > 0 || total > 0 && numbers == 0 {
				t.Errorf("%d lines before it, page %d: %d heads, %d rows, %d sums", lead, i+1, heads, numbers, total)
			}
			seen += numbers
		}
		if seen != 200 {
			t.Errorf("%d of 200 rows are printed", seen)
		}
	}
}

// TestAWideTableStaysOne: smaller type first, then the words of its widest column are broken;
// amounts never are.
func TestAWideTableStaysOne(t *testing.T) {
	for about, cells := range map[string][4]string{
		"amounts of many digits":         {"2026-0815", "Oct 1, 2026", "$999,999,999,999,999.99", "$999,999,999,999,999.99"},
		"a number as long as a sentence": {strings.TrimSpace(strings.Repeat("ORDER-2026-0815/7781 ", 6)), "Oct 1, 2026", "$1.00", "$999,999,999,999.99"},
		"a number that is one word":      {strings.Repeat("0815", 30), "Oct 1, 2026", "$1.00", "$999,999,999,999.99"},
	} {
		var wide [4]int
		heads := [4]string{"Invoice", "Due", "Amount", "Open"}
		for i, c := range cells {
			wide[i] = max(len(c), len(heads[i]))
		}
		row := func(c [4]string) string {
			return fmt.Sprintf("%-*s  %-*s  %*s  %*s", wide[0], c[0], wide[1], c[1], wide[2], c[2], wide[3], c[3])
		}
		m := channeltest.Message(dunning.Letter, 1)
		m.Text = row(heads) + "\n" + strings.Repeat("-", wide[0]+wide[1]+wide[2]+wide[3]+6) + "\n" + row(cells)
		for _, form := range []Form{DIN5008B, US10} {
			pages, g, err := layout(t, m, form)
			if err != nil || len(pages) != 1 {
				t.Fatalf("%s: %d pages, %v", about, len(pages), err)
			}
			pdf, rules, printed := ruler(), 0, ""
			for _, l := range pages[0] {
				if l.rule > 0 {
					rules++
				}
				pdf.SetFont(family, style(l.bold), l.size)
				if end := l.x + pdf.GetStringWidth(l.text); end > g.width-10 || l.x >= g.left && l.y > g.subjectY && end > g.width-g.right+0.1 {
					t.Errorf("%s, %s: %q ends at %.1f", about, form, l.text, end)
				}
				if l.y > g.subjectY {
					printed += l.text
				}
			}
			without := func(s string) string { return strings.Join(strings.Fields(s), "") }
			if rules != 1 || !strings.Contains(printed, cells[2]) || !strings.Contains(printed, cells[3]) || len(without(printed)) != len(without(strings.Join(heads[:], "")+strings.Join(cells[:], ""))) {
				t.Errorf("%s, %s: %d rules, printed %q", about, form, rules, printed)
			}
		}
	}
}
