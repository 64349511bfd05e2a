package postgres

import "strings"

// ChainedColumns are the columns of a ledger that its newest form hashes.
func ChainedColumns(name string) (out []string) {
	l, _ := ledgerNamed(name)
	form := strings.NewReplacer("encode(sha256(", "", "encode(", "", "), 'hex')", "", ", 'hex')", "").Replace(l.forms[len(l.forms)-1])
	for _, c := range strings.Split(form, ", ") {
		column, _, _ := strings.Cut(c, " AT TIME ZONE")
		out = append(out, column)
	}
	return out
}
