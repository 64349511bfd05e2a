// Command worker runs the cases: the Temporal worker, the nudge relay and the sweeper.
// It is configured by its environment (see docs/runbook.md).
package main

import (
	"os"

	"github.com/duly/duly/internal/app"
)

func main() { os.Exit(app.Main(app.OS(), app.RunWorker)) }
