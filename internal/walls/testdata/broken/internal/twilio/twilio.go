// Package twilio knows another adapter and the clock.
package twilio

import (
	"time"

	_ "example.com/broken/dunning/money"
	_ "example.com/broken/internal/httpx"
	_ "example.com/broken/internal/sendgrid"
)

// At is now; a duration or a layout would be fine.
func At() (time.Time, time.Duration) { return time.Now(), time.Second }
