// Package helpers helps tests.
package helpers

import (
	"testing"
	"time"
)

// Deadline may read the clock.
func Deadline(testing.TB) time.Time { return time.Now() }
