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
		"DULY_PUBLIC_URL=https://duly.example",
	}, "--providers")
	r := report(t, d.finish())
	for _, g := range r.Guarantees {
		if len(g.Broken) > 0 {
			t.Errorf("%s: %s", g.Name, g)
		}
	}
	accepted := d.accepted()
	taken := map[string]bool{} // by the providers' own ids
	for _, m := range fake.Log() {
		taken[m.ID] = true
		contact, ok := accepted[m.ID]
		if !ok {
			t.Errorf("%s took %s, which is no accepted contact", m.Provider, m.ID)
		}
		if ok && m.Attempt != "" && m.Attempt != activities.AttemptID(contact) {
			t.Errorf("%s took %s as attempt %s, which is not that of contact %s", m.Provider, m.ID, m.Attempt, contact)
		}
	}
	for id, contact := range accepted {
		if !taken[id] {
			t.Errorf("contact %s was accepted as %s, which no provider took", contact, id)
		}
	}
	for _, m := range fake.Duplicates() {
		t.Errorf("%s took attempt %s again, as %s", m.Provider, m.Attempt, m.ID)
	}
	for _, c := range fake.Complaints() {
		t.Errorf("a provider complains: %s", c)
	}
	t.Logf("%d messages taken, %+v", len(fake.Log()), fake.Summary())
	if len(accepted) < *accounts {
		t.Errorf("only %d messages for %d debtors: too few to prove anything", len(accepted), *accounts)
	}
}

// accepted are the contacts by email and text that Duly counts as accepted, by the
// provider's id.
func (d *duly) accepted() map[string]string {
	d.t.Helper()
	db, err := pgx.Connect(context.Background(), d.get("DATABASE_URL"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close(context.Background())
	rows, err := db.Query(context.Background(),
		`SELECT provider_id, id FROM contacts WHERE channel IN ('email', 'sms') AND state IN ('accepted', 'bounced')`)
	if err != nil {
		d.t.Fatal(err)
	}
	out := map[string]string{}
	var id, contact string
	_, err = pgx.ForEachRow(rows, []any{&id, &contact}, func() error {
		if out[id] != "" {
			d.t.Errorf("contacts %s and %s have one provider's id %s", out[id], contact, id)
		}
		out[id] = contact
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}
