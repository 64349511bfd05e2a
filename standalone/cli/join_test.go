package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

// A shell that has loaded a demonstration's "env" does not lead another one into its database.
func TestADemonstrationMovesIntoNobodysDatabase(t *testing.T) {
	ctx := t.Context()
	empty, schema := pgtest.Empty(t), pgtest.DSN(t)
	debtor, script := pgtest.DSN(t), pgtest.DSN(t)
	begin := time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)
	lived := pgtest.Open(t, debtor)
	if _, _, err := app.Publish(ctx, lived, config.DefaultFiles(), "test", begin); err != nil {
		t.Fatal(err)
	}
	if _, err := lived.PutDebtor(ctx, postgres.Profile{Creditor: "demo", Key: "1", Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := pgtest.Open(t, script).AddScript(ctx, rehearse.EndRow(begin)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, url string
		join     bool
		taken    bool
	}{
		{"none is named: it makes its own", "", false, false},
		{"an empty one is for it", empty, false, false},
		{"one with a schema and nobody in it is for it", schema, false, false},
		{"one with debtors is somebody's", debtor, false, true},
		{"one with a script is another demonstration's", script, false, true},
		{"whoever asks for it may go on there", script, true, false},
		{"one that does not answer is told of by whoever opens it", "postgres://nobody@127.0.0.1:1/none", false, false},
		{"so is one whose address cannot be read", "::", false, false},
	} {
		if err := mayUse(ctx, c.url, c.join); errors.Is(err, errTaken) != c.taken {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	t.Setenv("DATABASE_URL", script)
	var out, log bytes.Buffer
	cmd := Root()
	cmd.SetArgs([]string{"demo", "--accounts", "1", "--days", "1", "--http", "", "--exit"})
	cmd.SetOut(&out)
	cmd.SetErr(&log)
	if err := cmd.ExecuteContext(context.Background()); !errors.Is(err, errTaken) || !strings.Contains(err.Error(), "unset DATABASE_URL") {
		t.Errorf("the command itself: %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("it began: %s", out.String())
	}
}
