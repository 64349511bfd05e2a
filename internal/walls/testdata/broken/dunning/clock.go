// Package dunning breaks the walls around the core.
package dunning

import (
	clock "time"
)

// Read reads what the core must not.
func Read(t clock.Time) []any {
	now := clock.Now()
	zone, _ := clock.LoadLocation("Europe/Berlin")
	here := clock.Local
	return []any{now, zone, here, t.Local(), clock.UTC, t.Location()}
}
