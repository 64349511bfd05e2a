package walls

import (
	"bytes"
	"fmt"
	"regexp"
)

// Both patterns are put together from pieces, so that this file does not
// breach its own walls.
var (
	cdn = regexp.MustCompile(`(?i)(//|")(cdn\.|[a-z0-9.-]*(jsdel` + `ivr\.net|unp` + `kg\.com|cdn` + `js\.|googleap` + `is\.com/(css|ajax|icon)|gsta` + `tic\.com|skyp` + `ack\.dev|esm` + `\.sh|jqu` + `ery\.com|bootstrapc` + `dn|googletagman` + `ager))[^\s"'<>]*`)

	machinePath = regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(work|root|home/[a-z0-9_-]+|Users/[A-Za-z0-9_-]+)/[A-Za-z0-9._-]`)
)

func noCDN(t *Tree) []Breach { return lines(t, cdn, "loads from or names a public server") }

func noMachinePaths(t *Tree) []Breach {
	return lines(t, machinePath, "names a directory of one machine")
}

// lines finds a pattern in every text file, with file and line.
func lines(t *Tree, pattern *regexp.Regexp, what string) []Breach {
	var out []Breach
	for _, f := range t.Texts {
		for i, line := range bytes.Split(f.Content, []byte("\n")) {
			if hit := pattern.Find(line); hit != nil {
				out = append(out, Breach{fmt.Sprintf("%s:%d", f.Path, i+1), fmt.Sprintf("%s: %s", what, bytes.TrimSpace(hit))})
			}
		}
	}
	return out
}
