package operate

import (
	"net/url"
	"time"

	"github.com/duly/duly/internal/read"
)

// CaseFilter reads the filter of the list of cases out of the names of its address, for
// whoever works with the same cases elsewhere. What cannot be read narrows nothing and is
// named in the faults.
func CaseFilter(names map[string]string, now time.Time) (read.CaseFilter, map[string]string) {
	q := url.Values{}
	for name, value := range names {
		q.Set(name, value)
	}
	return caseFilter(q, now)
}
