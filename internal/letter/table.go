package letter

import "strings"

// table is a table out of a text: there it stands as a mail shows it, a head, a rule of
// hyphens and rows, with columns that spaces hold apart. Letters in print are of different
// widths, so its columns are found again and set by what they measure.
type table struct {
	rows  [][]string      // the first is the head
	right []bool          // columns whose cells end below each other
	bold  map[string]bool // texts that are bold in the last row: a sum
}

// Gaps between columns, in millimetres: with less room a table is no table.
const (
	leastGap, mostGap = 3.0, 10.0
	ruleBelow         = 1.6 // the rule, below the head's baseline
)

// tableAt reads the table that begins with the first of lines, and says how many lines it
// takes; 0: none begins there.
func tableAt(lines []string) (t table, n int) {
	if len(lines) < 3 || strings.TrimSpace(lines[0]) == "" || len(lines[1]) < 3 || strings.Trim(lines[1], "-") != "" {
		return table{}, 0
	}
	rows := [][]rune{[]rune(lines[0])}
	for n = 2; n < len(lines) && strings.TrimSpace(lines[n]) != ""; n++ {
		rows = append(rows, []rune(lines[n]))
	}
	columns := columnsOf(rows, len(lines[1]))
	if len(columns) < 2 {
		return table{}, 0
	}
	return cut(rows, columns), n
}

// columnsOf finds columns, each from and to: what two or more spaces hold apart in all rows.
// nil when a row is longer than the rule, which no table's is.
func columnsOf(rows [][]rune, width int) (out [][2]int) {
	blank := 2
	for p := range width {
		full := false
		for _, row := range rows {
			if len(row) > width {
				return nil
			}
			full = full || p < len(row) && row[p] != ' '
		}
		switch {
		case !full:
			blank++
			continue
		case blank >= 2:
			out = append(out, [2]int{p, p})
		}
		out[len(out)-1][1], blank = p+1, 0
	}
	return out
}

// cut is the table of rows, by its columns.
func cut(rows [][]rune, columns [][2]int) table {
	t := table{right: make([]bool, len(columns))}
	for i := range t.right {
		t.right[i] = true
	}
	left := make([]bool, len(columns))
	for i := range left {
		left[i] = true
	}
	for _, row := range rows {
		cells := make([]string, len(columns))
		for i, c := range columns {
			raw := string(row[min(c[0], len(row)):min(c[1], len(row))])
			cells[i] = strings.TrimSpace(raw)
			if cells[i] == "" {
				continue
			}
			left[i] = left[i] && raw[0] != ' '
			t.right[i] = t.right[i] && c[1] <= len(row) && raw[len(raw)-1] != ' '
		}
		t.rows = append(t.rows, cells)
	}
	for i := range t.right {
		t.right[i] = t.right[i] && !left[i]
	}
	return t
}

// tableSizes are tried one after the other until a table fits the paper.
var tableSizes = []float64{bodySize, 9.5, 8.5, 7.5}

// set places the cells of a table in room: in smaller type where it is wide, and with the
// widest column of words broken where that is not enough; nil when it is too wide for that.
func (t table) set(room float64, width measure) []set {
	for _, size := range tableSizes {
		wide, sum := t.widths(size, width)
		if gap := (room - sum) / float64(max(len(wide)-1, 1)); gap >= leastGap {
			return t.place(wide, min(mostGap, gap), size, width)
		}
	}
	size := tableSizes[len(tableSizes)-1]
	wide, sum := t.widths(size, width)
	if i := t.widestWords(wide); i >= 0 {
		wide[i] = room - (sum - wide[i]) - leastGap*float64(len(wide)-1)
		if wide[i] >= leastColumn {
			return t.place(wide, leastGap, size, width)
		}
	}
	return nil
}

// leastColumn is how narrow a column of words may become, in millimetres.
const leastColumn = 20.0

// widths of the columns at a size, and what they come to.
func (t table) widths(size float64, width measure) (wide []float64, sum float64) {
	wide = make([]float64, len(t.right))
	for i := range wide {
		for n, row := range t.rows {
			wide[i] = max(wide[i], width(row[i], size, t.strong(n, i)))
		}
		sum += wide[i]
	}
	return wide, sum
}

// strong reports whether a cell is bold: the head, and a sum that the twin has so.
func (t table) strong(row, column int) bool {
	return row == 0 || row == len(t.rows)-1 && t.bold[squash(t.rows[row][column])]
}

// widestWords is the widest column that is no amounts, -1 for none.
func (t table) widestWords(wide []float64) int {
	widest := -1
	for i := range wide {
		if !t.right[i] && (widest < 0 || wide[i] > wide[widest]) {
			widest = i
		}
	}
	return widest
}

// place sets the rows with columns so wide and so far apart.
func (t table) place(wide []float64, gap, size float64, width measure) (out []set) {
	step := bodyStep * size / bodySize
	var head []set
	for n := range t.rows {
		row := t.row(n, wide, gap, size, width)
		if n == 0 {
			last := &row[len(row)-1]
			last.rule, last.ruleY = -gap, ruleBelow
			for _, w := range wide {
				last.rule += w + gap
			}
			last.step += ruleBelow
			row[0].keep += 2*step + ruleBelow // a head stands above a row or two
			head = row
		} else {
			row[0].head = head
		}
		if n > 0 && n == len(t.rows)-2 {
			row[0].keep += step // nor does the sum stand alone
		}
		out = append(out, row...)
	}
	return out
}

// row are the cells of a row, line by line where one is broken.
func (t table) row(n int, wide []float64, gap, size float64, width measure) (out []set) {
	step := bodyStep * size / bodySize
	var cells [][]string
	lines := 1
	for i, text := range t.rows[n] {
		cells = append(cells, wrap(text, wide[i]+0.01, func(s string) float64 { return width(s, size, t.strong(n, i)) }))
		lines = max(lines, len(cells[i]))
	}
	for l := range lines {
		x := 0.0
		for i, cell := range cells {
			s := set{bold: t.strong(n, i), size: size, at: x}
			if l < len(cell) {
				s.text = cell[l]
			}
			if t.right[i] {
				s.at += wide[i] - width(s.text, size, s.bold)
			}
			out = append(out, s)
			x += wide[i] + gap
		}
		out[len(out)-1].step = step
	}
	out[0].keep = float64(lines-1) * step
	return out
}
