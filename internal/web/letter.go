package web

import "strings"

// passage is a line of a message's text, or a whole table of it.
type passage struct {
	Table bool
	Text  string
}

// passagesOf finds the tables among the lines of a message: a head, a rule of hyphens and
// rows, held apart by spaces. These are shown letter below letter; other lines are not.
func passagesOf(lines []string) (out []passage) {
	for i := 0; i < len(lines); i++ {
		end := i + 1
		if strings.TrimSpace(lines[i]) != "" && end < len(lines) && isRule(lines[end]) {
			for end < len(lines) && strings.TrimSpace(lines[end]) != "" {
				end++
			}
		}
		out = append(out, passage{end > i+1, strings.Join(lines[i:end], "\n")})
		i = end - 1
	}
	return out
}

func isRule(line string) bool { return len(line) >= 3 && strings.Trim(line, "-") == "" }
