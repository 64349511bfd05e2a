package dunning

import "time"

// Lapse is a stretch of business time of which the records may be lost: the database was
// restored to its beginning, and at its end that was noticed.
type Lapse struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}
