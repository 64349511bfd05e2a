// Package contact hides the clock behind a dot.
package contact

import (
	. "time"

	_ "example.com/broken/config"
)

// At is now.
func At() Time { return Now() }
