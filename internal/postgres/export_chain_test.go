package postgres

import "strings"

// ChainedColumns are the columns of a ledger that its newest form hashes.
func ChainedColumns(name string) (out []string) {
	l, _ := ledgerNamed(name)
	for _, c := range strings.Split(l.forms[len(l.forms)-1], ", ") {
		column, _, _ := strings.Cut(c, " AT TIME ZONE")
		out = append(out, column)
	}
	return out
}
