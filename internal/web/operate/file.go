package operate

import (
	"iter"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

// file answers with a list of set-up as CSV: it holds no person, so whoever may export
// anywhere may have it whole.
func file(r *web.Request, name string, header []string, rows [][]string) error {
	if !r.User.Somewhere(identity.Export) {
		return web.Forbidden(identity.Export, "")
	}
	return r.CSV(name, header, lines(rows))
}

// lines are rows that are known already.
func lines(rows [][]string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}
