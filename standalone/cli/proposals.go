package cli

import (
	"context"
	"strings"

	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/proposal"
)

// demoProposal requires two people and proposes, as the demonstration's operations user, a
// gentler sequence and template, so that the review queue has something to look at. Nothing
// happens where there is a proposal already, or nothing is published.
func demoProposal(ctx context.Context, store *postgres.Store) error {
	c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
	if err != nil {
		return err
	}
	service := &app.Proposals{Store: store, Clock: c}
	there, err := service.List(ctx, false)
	if err != nil || len(there) > 0 {
		return err
	}
	base, files, err := service.Files(ctx, "")
	if err != nil || base == "" {
		return err
	}
	maker, err := store.UserByName(ctx, string(identity.Operations))
	if err != nil {
		return err
	}
	if !gentler(files) {
		return nil
	}
	const reason = "A gentler beginning: the text message a day later, and thanks in the first mail\n\n" +
		"Many pay in the first ten days anyway; the team hears that the text message on day eight feels pushy."
	if _, err := service.Make(ctx, maker.Principal(), proposal.Draft{Base: base, Files: files, Reason: reason}); err != nil {
		return err
	}
	return service.Require(ctx, "cli:demo", "The demonstration shows maker and checker.")
}

// gentler changes a sequence and a template; false where they are not as shipped.
func gentler(files map[string][]byte) bool {
	const sequence, mail = "sequences/consumer-standard.yaml", "templates/email/friendly-reminder.en.md"
	old := string(files[sequence])
	later := strings.Replace(old, "  - id: nudge\n    at: +8d\n", "  - id: nudge\n    at: +9d\n", 1)
	if later == old || len(files[mail]) == 0 {
		return false
	}
	files[sequence] = []byte(later)
	files[mail] = []byte(strings.TrimRight(string(files[mail]), "\n") + "\n\nThank you for looking at this.\n")
	return true
}
