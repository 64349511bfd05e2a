// Package web knows an adapter, a helper of tests and the server.
package web

import (
	_ "example.com/broken/internal/helpers"
	_ "example.com/broken/internal/sandbox"
	_ "go.temporal.io/server/temporal"
)
