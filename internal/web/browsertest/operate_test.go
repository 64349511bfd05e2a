package browsertest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// desk is what operations do behind their pages.
func (s *site) desk() *app.Desk { return app.NewDesk(s.store, s.book, s.clock, nil) }

// unmatched puts a payment for nobody into the inbox.
func (s *site) unmatched(id, account, invoice, amount string) int64 {
	s.t.Helper()
	ctx := context.Background()
	body := fmt.Sprintf(`{"id":%q,"creditor":"demo","account":%q,"invoice":%q,"amount":%q,"currency":"USD"}`, id, account, invoice, amount)
	rows, err := s.store.Receive(ctx, postgres.InboxRequest{Source: "payments", Body: []byte(body)}, []postgres.InboxEvent{{ID: id, Kind: "payment"}}, now, time.Minute)
	s.must(err)
	s.must(s.store.SettleInbox(ctx, rows[0].ID, postgres.InboxResult{State: postgres.InboxUnmatched, Outcome: "no_such_account"}))
	return rows[0].ID
}

// broken puts an event into the inbox that could not be processed.
func (s *site) broken(id string) int64 {
	s.t.Helper()
	event := s.unmatched(id, "A-999", "", "12.00")
	s.must(s.store.SettleInbox(context.Background(), event, postgres.InboxResult{State: postgres.InboxFailed, ErrorCode: "technical"}))
	return event
}

// batch is a bulk action that was carried out.
func (s *site) batch() string {
	s.t.Helper()
	b, err := s.desk().StartBulk(context.Background(), s.users[identity.Operations].Principal(), uuid.NewString(), ops.BulkHold,
		map[string]string{"until": "2026-03-20", "kind": "hardship"}, []string{s.cases["203"], s.cases["204"], s.cases["106"]})
	s.must(err)
	return b.ID
}

// upload is a file that was checked, with rows that are wrong.
func (s *site) upload() string {
	s.t.Helper()
	file := "account,name,kind,email,country,state,zip,invoice,issued,due,amount,currency\n" +
		"N-1,Berta Beispiel,consumer,n1@example.invalid,US,NY,10001,up-1,2026-01-01,2026-01-31,50.00,USD\n" +
		"N-2,Carl Case,consumer,n2@example.invalid,US,NY,10001,up-2,2026-01-01,soon,60.00,USD\n"
	u, err := s.desk().TakeFile(context.Background(), s.users[identity.Operations].Principal(), "march.csv", "items", "demo", strings.NewReader(file))
	s.must(err)
	return u.ID
}

// operating are the pages of operations that need something to show.
func (s *site) operating() []page {
	event := s.unmatched("bank-4711", "00101", "INV-101-2", "310.50")
	s.broken("bank-4712")
	return []page{
		{"inbox-event", identity.Operations, fmt.Sprintf("/inbox/%d", event)},
		{"dead", identity.Operations, "/dead"},
		{"bulk-actions", identity.Operations, "/bulk"},
		{"bulk-action", identity.Operations, "/bulk/" + s.batch()},
		{"upload", identity.Operations, "/uploads/" + s.upload()},
	}
}

func aPaymentIsAssigned(t *testing.T, s *site, b *chrome) {
	event := s.unmatched("bank-9001", "guest", "INV-304-1", "800.00")
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	p.visit("/inbox")
	p.sees("Unmatched and failed")
	p.visit(fmt.Sprintf("/inbox/%d", event))
	p.sees("has this invoice")
	p.shoot("inbox-assign", false)
	p.click("#s-" + s.accountOf("304") + " button")
	p.click("#confirm button[value=yes]")
	p.sees("The payment is booked there")
	s.paid(p, "304", 80000)
	p.visit(fmt.Sprintf("/inbox/%d", event))
	p.fill("input[name=reason]", "it was another customer's")
	p.click("form.inline button.danger")
	p.click("#confirm button[value=yes]")
	p.sees("The payment is reversed there")
	s.paid(p, "304", 0)
	p.clean("the inbox")
}

func (s *site) accountOf(key string) string {
	ref, err := s.store.CaseRef(context.Background(), s.cases[key])
	s.must(err)
	return ref.Account
}

// paid waits until so much stands booked.
func (s *site) paid(p *tab, key string, want int64) {
	p.t.Helper()
	p.until(fmt.Sprintf("%d cents booked for %s", want, key), func() bool {
		sum, by := int64(0), map[string]int64{}
		for _, x := range s.facts(key) {
			switch f := x.Body.(type) {
			case dunning.Payment:
				by[f.ID] = f.Amount.Minor()
				sum += by[f.ID]
			case dunning.PaymentReversed:
				sum -= by[f.Payment]
			}
		}
		return sum == want
	})
}

func aDeadLetterIsTriedAgain(t *testing.T, s *site, b *chrome) {
	event := s.broken("bank-9002")
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	p.visit("/dead?kind=inbox")
	p.sees("What a retry does not repeat")
	p.until("the row", func() bool {
		p.press("j")
		return p.text("document.activeElement.id") == fmt.Sprintf("d-inbox-%d", event)
	})
	p.press("r")
	p.sees("It is tried again")
	p.until("the event is pending", func() bool {
		row, err := s.store.InboxEventOf(context.Background(), event)
		return err == nil && row.State == postgres.InboxPending
	})
	p.clean("dead letters")
}

func aFileIsCheckedAndTakenIn(t *testing.T, s *site, b *chrome) {
	id := s.upload()
	p := b.open(t, s.srv.URL, 1366, 768)
	s.signIn(p, identity.Operations)
	p.visit("/uploads/" + id)
	p.sees("Rejected rows")
	p.click("form[data-main] button.primary")
	p.click("#confirm button[value=yes]")
	p.sees("The file is taken in")
	u, err := s.store.Upload(context.Background(), read.Everything(), id)
	s.must(err)
	p.visit("/imports/" + u.Run)
	p.sees("Download them in the file’s own columns")
	p.shoot("import-rejects", false)
	p.clean("an upload")
}

func init() {
	noPage["GET /uploads/{id}/rejects"] = "a file"
	noPage["GET /imports/{id}/file"] = "a file"
}
