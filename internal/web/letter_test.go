package web

import (
	"slices"
	"strings"
	"testing"
)

func TestPassagesOf(t *testing.T) {
	table := "Invoice  Open\n-------------\nA-1      5.00\nTotal    5.00"
	for about, c := range map[string]struct {
		text string
		want []passage
	}{
		"no text":                        {"", []passage{{false, ""}}},
		"lines stay lines":               {"Hello,\n\npay.", []passage{{false, "Hello,"}, {false, ""}, {false, "pay."}}},
		"a table is one passage":         {"Owed:\n\n" + table + "\n\nBye", []passage{{false, "Owed:"}, {false, ""}, {true, table}, {false, ""}, {false, "Bye"}}},
		"a table at the end":             {table, []passage{{true, table}}},
		"a rule between paragraphs":      {"A\n\n---\n\nB", []passage{{false, "A"}, {false, ""}, {false, "---"}, {false, ""}, {false, "B"}}},
		"two hyphens are no rule":        {"A\n--\nB", []passage{{false, "A"}, {false, "--"}, {false, "B"}}},
		"a head and a rule with no rows": {"A\n---", []passage{{true, "A\n---"}}},
	} {
		if got := passagesOf(strings.Split(c.text, "\n")); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", about, got, c.want)
		}
	}
}
