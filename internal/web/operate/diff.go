package operate

// line is one line of a diff. Op: "" as it was, "+" new, "-" gone, "…" left out.
type line struct {
	Op, Text string
	Old, New int // numbers of the line, 0 = not there
}

// mostCells bounds the table of the longest common subsequence: beyond it the middle of
// the files is shown as replaced as a whole.
const mostCells = 4_000_000

// diff compares by lines, so that what is common stays: the longest common subsequence
// between the common beginning and the common end.
func diff(before, after []string) []line {
	start := 0
	for start < len(before) && start < len(after) && before[start] == after[start] {
		start++
	}
	end := 0
	for end < len(before)-start && end < len(after)-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	var out []line
	for i := range start {
		out = append(out, line{"", before[i], i + 1, i + 1})
	}
	out = middle(out, before[start:len(before)-end], after[start:len(after)-end], start)
	for i := range end {
		b, a := len(before)-end+i, len(after)-end+i
		out = append(out, line{"", before[b], b + 1, a + 1})
	}
	return out
}

// middle adds the lines between what is common; both begin behind from lines.
func middle(out []line, before, after []string, from int) []line {
	if len(before)*len(after) > mostCells {
		return replaced(out, before, after, from)
	}
	common := lengths(before, after)
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case i < len(before) && j < len(after) && before[i] == after[j]:
			out = append(out, line{"", before[i], from + i + 1, from + j + 1})
			i, j = i+1, j+1
		case j == len(after) || i < len(before) && common[i+1][j] >= common[i][j+1]:
			out = append(out, line{"-", before[i], from + i + 1, 0})
			i++
		default:
			out = append(out, line{"+", after[j], 0, from + j + 1})
			j++
		}
	}
	return out
}

func replaced(out []line, before, after []string, from int) []line {
	for i, s := range before {
		out = append(out, line{"-", s, from + i + 1, 0})
	}
	for j, s := range after {
		out = append(out, line{"+", s, 0, from + j + 1})
	}
	return out
}

// lengths[i][j] is how many lines before[i:] and after[j:] have in common.
func lengths(before, after []string) [][]int32 {
	t := make([][]int32, len(before)+1)
	for i := range t {
		t[i] = make([]int32, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				t[i][j] = t[i+1][j+1] + 1
			} else {
				t[i][j] = max(t[i+1][j], t[i][j+1])
			}
		}
	}
	return t
}

// around is how many unchanged lines stay beside a change.
const around = 3

// near leaves out what is far from every change.
func near(all []line) []line {
	keep := make([]bool, len(all))
	for i, l := range all {
		if l.Op == "" {
			continue
		}
		for j := max(0, i-around); j <= min(len(all)-1, i+around); j++ {
			keep[j] = true
		}
	}
	var out []line
	for i, l := range all {
		switch {
		case keep[i]:
			out = append(out, l)
		case len(out) == 0 || out[len(out)-1].Op != "…":
			out = append(out, line{Op: "…"})
		}
	}
	return out
}
