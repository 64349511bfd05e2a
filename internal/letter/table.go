package letter

import "strings"

// table is a table out of a text: there it stands as a mail shows it, a head, a rule of
// hyphens and rows, with columns that spaces hold apart. Letters in print are of different
// widths, so its columns are found again and set by what they measure.
type table struct {
	rows  [][]string // the first is the head
	right []bool     // columns whose cells end below each other
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

// set places the cells of a table in room; nil when it is too wide for that.
func (t table) set(room float64, width measure) (out []set) {
	wide, sum := make([]float64, len(t.right)), 0.0
	for i := range wide {
		for n, row := range t.rows {
			wide[i] = max(wide[i], width(row[i], bodySize, n == 0))
		}
		sum += wide[i]
	}
	gap := min(mostGap, (room-sum)/float64(len(wide)-1))
	if gap < leastGap {
		return nil
	}
	for n, row := range t.rows {
		x := 0.0
		for i, text := range row {
			s := set{text: text, bold: n == 0, at: x}
			if t.right[i] {
				s.at += wide[i] - width(text, bodySize, s.bold)
			}
			out = append(out, s)
			x += wide[i] + gap
		}
		out[len(out)-1].step = bodyStep
		if n == 0 {
			out[len(out)-1].step += ruleBelow
			out = append(out[:len(out)-1], set{rule: x - gap}, out[len(out)-1])
		}
	}
	return out
}
