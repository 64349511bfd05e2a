// Package workflows knows too much.
package workflows

import (
	_ "example.com/broken/config"
	_ "example.com/broken/internal/sandbox"
)
