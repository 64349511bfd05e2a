// Package activities knows an adapter where it should name a port.
package activities

import (
	_ "example.com/broken/config"
	_ "example.com/broken/internal/sendgrid"
)
