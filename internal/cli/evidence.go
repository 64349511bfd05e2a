package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/evidence"
)

// evidenceCmd holds what is done with evidence packs without a database.
func (a *app) evidenceCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evidence",
		Short: "Verify evidence packs that the console exported",
		Args:  group,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "verify FILE",
		Short: "Say whether an evidence pack is as it was exported; needs no database and no network",
		Long: `Compares every file of the pack with the SHA-256 in its manifest, and prints the manifest's own SHA-256. Compare that with the
audit row export.evidence of the console, which proves that the manifest was not written anew. Exit status 1: something differs.`,
		Args: args("FILE"),
		RunE: func(_ *cobra.Command, given []string) error { return a.verifyEvidence(given[0]) },
	})
	return cmd
}

// verified is what verifying found.
type verified struct {
	evidence.Manifest
	Digest string `json:"manifest_sha256"`
	Fault  string `json:"fault,omitempty"`
}

func (a *app) verifyEvidence(name string) error {
	f, err := os.Open(name) //nolint:gosec // the file that the user names
	if err != nil {
		return usagef("%s cannot be read: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, digest, fault := evidence.Verify(f, info.Size())
	v := verified{Manifest: m, Digest: digest}
	if fault != nil {
		v.Fault = fault.Error()
	}
	err = a.print(v, func(w io.Writer) {
		if fault != nil {
			_, _ = fmt.Fprintf(w, "NOT as it was exported:\n%s\n", v.Fault)
			return
		}
		_, _ = fmt.Fprintf(w, "%d files are as the manifest says. Case %s, by %s, %s.\nmanifest SHA-256 %s\n", len(m.Files), m.Case, m.By, m.Made.Format("2 Jan 2006 15:04 UTC"), digest)
	})
	if err == nil && fault != nil {
		return errFound
	}
	return err
}
