// Command starter opens cases for accounts that need one: once, or with --schedule as a
// Temporal Schedule.
package main

import (
	"os"

	"github.com/duly/duly/internal/app"
)

func main() { os.Exit(app.Main(app.OS(), app.RunStarter)) }
