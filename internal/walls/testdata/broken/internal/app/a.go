// Package app may know adapters.
package app

import _ "example.com/broken/internal/sendgrid"
