//go:build e2e

package e2e

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/fakeprovider"
)

// The portfolio against a server that plays Twilio and SendGrid: by the providers' own
// records each message that Duly counts as accepted was taken exactly once, and nothing
// else was.
func TestProviders(t *testing.T) {
	fake, err := fakeprovider.New(fakeprovider.Options{Now: clock.Wall, TrustDate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	web := httptest.NewServer(fake)
	defer web.Close()
	d := newDuly(t, []string{
		"TWILIO_ACCOUNT_SID=AC00000000000000000000000000000000", "TWILIO_AUTH_TOKEN=token", "TWILIO_FROM=+12025550100", "TWILIO_BASE_URL=" + web.URL,
		"SENDGRID_API_KEY=SG.key", "SENDGRID_FROM_EMAIL=accounts@riverside.example", "SENDGRID_BASE_URL=" + web.URL,
	}, "--providers")
	r := report(t, d.finish())
	for _, g := range r.Guarantees {
		if len(g.Broken) > 0 {
			t.Errorf("%s: %s", g.Name, g)
		}
	}
	accepted := d.accepted()
	taken := map[string]int{}
	for _, m := range fake.Log() {
		taken[m.Attempt]++
		if _, ok := accepted[m.Attempt]; !ok {
			t.Errorf("%s took %s, which is no accepted contact", m.Provider, m.ID)
		}
	}
	for attempt, contact := range accepted {
		if taken[attempt] != 1 {
			t.Errorf("contact %s was taken %d times", contact, taken[attempt])
		}
	}
	for _, c := range fake.Complaints() {
		t.Errorf("a provider complains: %s", c)
	}
	t.Logf("%d messages taken, %+v", len(fake.Log()), fake.Summary())
	if len(accepted) < *accounts {
		t.Errorf("only %d messages for %d debtors: too few to prove anything", len(accepted), *accounts)
	}
}

// accepted are the contacts by email and text that Duly counts as accepted, by attempt.
func (d *duly) accepted() map[string]string {
	d.t.Helper()
	db, err := pgx.Connect(context.Background(), d.get("DATABASE_URL"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close(context.Background())
	rows, err := db.Query(context.Background(), `SELECT id FROM contacts WHERE channel IN ('email', 'sms') AND state IN ('accepted', 'bounced')`)
	if err != nil {
		d.t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		d.t.Fatal(err)
	}
	out := map[string]string{}
	for _, id := range ids {
		out[activities.AttemptID(id)] = id
	}
	return out
}
