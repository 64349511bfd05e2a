// Package cli is the command line of standalone: a file per subcommand.
//
// It owns flags, printing and signals. What the commands run is in package site.
package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Root is the command with all its subcommands. Errors are returned, not printed.
func Root() *cobra.Command {
	root := &cobra.Command{
		Use:           "standalone",
		Short:         "Duly in one process: Postgres, Temporal and business time around it",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		own := strings.TrimPrefix(cmd.CommandPath(), "standalone")
		return fmt.Errorf("%w; the flags are listed by: go run -C standalone .%s --help", err, own)
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(serve(), demo(), replayCmd(), play())
	return root
}
