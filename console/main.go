// Command console serves people and programs: the console, the REST API and what
// providers and debtors call. It is configured by its environment (see docs/console.md).
package main

import (
	"os"

	"github.com/duly/duly/internal/app"
)

func main() { os.Exit(app.Main(app.OS(), app.RunConsole)) }
