package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/cli"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/whatif"
)

// TestPageAndCommandAgree: what the simulator's page shows of an invented account is, event
// by event, what duly simulate prints of the facts file that the page gives out.
func TestPageAndCommandAgree(t *testing.T) {
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	service := whatif.New(whatif.Deps{
		Config: func(_ context.Context, version string) (*config.Config, string, error) {
			if version != "" {
				return nil, "", identity.ErrNotFound
			}
			return cfg, "shipped", nil
		},
		Zone: func(name string) *time.Location {
			z, err := time.LoadLocation(name)
			if err != nil {
				return nil
			}
			return z
		},
	})
	ny := &whatif.Invented{Creditor: "demo", Items: []whatif.Owed{{Amount: "640.00", Due: "2026-03-02"}, {Amount: "75.50", Due: "2026-03-12"}}, Place: "US-NY", Consents: []string{"sms"}}
	for about, ask := range map[string]whatif.Ask{
		"a consumer in New York, over the change of clocks": {Invented: ny, From: "2026-02-20", Until: "2026-10-01"},
		"in Los Angeles, in Spanish":                        {Invented: &whatif.Invented{Creditor: "demo", Zone: "America/Los_Angeles", Place: "US-CA", Locale: "es", Items: ny.Items}, From: "2026-02-20", Until: "2026-10-01"},
		"on Lord Howe, where clocks move by half an hour":   {Invented: &whatif.Invented{Creditor: "demo", Zone: "Australia/Lord_Howe", Items: ny.Items}, From: "2026-02-20", Until: "2026-10-01"},
		"a business in Berlin, by letter only":              {Invented: &whatif.Invented{Creditor: "demo-de", Kind: "business", Channels: []string{"letter"}, Place: "DE", Items: []whatif.Owed{{Amount: "9000.00", Due: "2026-04-01"}}}, From: "2026-03-01", Until: "2027-03-01"},
		"people do their work":                              {Invented: ny, From: "2026-02-20", Until: "2026-10-01", People: 30},
		"who pays one half, then all":                       {Invented: ny, From: "2026-02-20", Until: "2026-10-01", Assume: []whatif.Assumption{{Do: "pays", On: "2026-03-20", Amount: "320.00"}, {Do: "pays", On: "2026-04-10T08:00:00-04:00"}}},
		"a promise that is broken":                          {Invented: ny, From: "2026-02-20", Until: "2026-10-01", People: 24, Assume: []whatif.Assumption{{Do: "promises", On: "2026-03-20", Amount: "100.00", Until: "2026-03-27"}}},
		"a plan that is broken":                             {Invented: ny, From: "2026-02-20", Until: "2026-10-01", Assume: []whatif.Assumption{{Do: "plan", On: "2026-03-20", Until: "2026-04-01"}}},
		"STOP, and then a dispute":                          {Invented: ny, From: "2026-02-20", Until: "2026-10-01", Assume: []whatif.Assumption{{Do: "stop", On: "2026-03-06"}, {Do: "disputes", On: "2026-03-30"}}},
		"a dead address":                                    {Invented: ny, From: "2026-02-20", Until: "2026-10-01", Assume: []whatif.Assumption{{Do: "bounces", On: "2026-02-20", Channel: "email"}}},
		"a hold":                                            {Invented: ny, From: "2026-02-20", Until: "2026-10-01", Assume: []whatif.Assumption{{Do: "hold", On: "2026-03-06", Until: "2026-05-01"}}},
		"a sequence that is named":                          {Invented: ny, From: "2026-02-20", Until: "2026-10-01", Sequence: "business-standard"},
	} {
		t.Run(about, func(t *testing.T) {
			r, err := service.Run(t.Context(), read.Everything(), ask, time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := r.Write(&want); err != nil || strings.Count(want.String(), "\n") < 2 {
				t.Fatalf("%v, events: %s", err, want.String())
			}
			b, err := json.Marshal(r.File)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "facts.json")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"simulate", "--facts", file, "--output", "json"}
			if ask.Sequence != "" {
				args = append(args, "--sequence", ask.Sequence)
			}
			var out, errs bytes.Buffer
			status := cli.Run(context.Background(), cli.Env{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }})
			if status != 0 {
				t.Fatalf("exit status %d: %s", status, errs.String())
			}
			if out.String() != want.String() {
				t.Errorf("the page:\n%s\nthe command:\n%s", want.String(), out.String())
			}
			if n := strings.Count(errs.String(), "refused"); n != len(r.Sides[0].Refused) {
				t.Errorf("the command was refused %d times, the page %v", n, r.Sides[0].Refused)
			}
			if got := len(r.Sides[0].Entries); got != strings.Count(want.String(), "\n") {
				t.Errorf("the story has %d entries", got)
			}
		})
	}
}
