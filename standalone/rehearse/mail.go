package rehearse

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// Message is a message in the sandbox, as the debtor gets it.
type Message struct {
	At      time.Time
	Account postgres.Account
	Case    int    // 1 for the account's first case, 2 for its second …
	Contact string // id
	Point   string // id of the contact point
	Step    string
	Round   int
	// Nth is 1 for the first message of this step, round and channel in the case, 2 for
	// the second: tries that came to nothing do not count.
	Nth     int
	Channel dunning.Channel
}

// mailAtOnce is how many messages are read at a time.
const mailAtOnce = 500

// readMail lets the audience answer unread messages. Answers are written before the
// message counts as read, so none is lost in a crash.
func (p *Player) readMail(ctx context.Context) (int, error) {
	unread, err := p.o.Store.UnreadMessages(ctx, mailAtOnce)
	if err != nil || len(unread) == 0 {
		return 0, err
	}
	found, err := p.contactsOf(ctx, unread)
	if err != nil {
		return 0, err
	}
	for _, u := range unread {
		m, ok := found[u.Attempt]
		if !ok {
			return 0, fmt.Errorf("message %s is nobody's: no contact of its recipient has that attempt", u.Attempt)
		}
		err = p.answer(ctx, m)
		if err == nil {
			err = p.o.Store.MessageRead(ctx, u.Attempt)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(unread), nil
}

func (p *Player) answer(ctx context.Context, m Message) error {
	p.tell(Event{At: m.At, Account: m.Account.Key, What: "message", Detail: string(m.Channel) + " " + m.Step})
	if p.o.Audience == nil {
		return nil
	}
	rows, err := p.o.Audience(ctx, p, m)
	if err != nil {
		return fmt.Errorf("answering contact %s: %w", m.Contact, err)
	}
	return p.add(ctx, rows)
}

// contactsOf finds the contacts of messages, by attempt.
func (p *Player) contactsOf(ctx context.Context, unread []postgres.Unread) (map[string]Message, error) {
	var attempts []string
	at := map[string]time.Time{}
	for _, u := range unread {
		if uuid.Validate(u.Attempt) == nil { // else it is nothing that a case has sent
			attempts, at[u.Attempt] = append(attempts, u.Attempt), u.At
		}
	}
	rows, err := p.o.Store.Pool().Query(ctx, `
		SELECT x.attempt::text, c.id, coalesce(c.point_id, ''), c.step, c.round, c.channel, k.account_id::text,
			1 + (SELECT count(*) FROM contacts b WHERE b.case_id = c.case_id AND b.step = c.step AND b.round = c.round AND b.channel = c.channel
				AND b.ordinal < c.ordinal AND b.state IN ('accepted', 'bounced')),
			(SELECT count(*) FROM cases e WHERE e.account_id = k.account_id AND (e.created_at, e.id) <= (k.created_at, k.id))
		FROM contact_attempts x JOIN contacts c ON c.id = x.contact_id JOIN cases k ON k.id = c.case_id
		WHERE x.attempt = ANY ((SELECT $1::uuid[])::uuid[])`, // one plan for any number of them
		attempts)
	if err != nil {
		return nil, fmt.Errorf("finding the contacts of messages: %w", err)
	}
	defer rows.Close()
	found := map[string]Message{}
	accounts := map[string]string{}
	for rows.Next() {
		var m Message
		var attempt, account string
		if err := rows.Scan(&attempt, &m.Contact, &m.Point, &m.Step, &m.Round, &m.Channel, &account, &m.Nth, &m.Case); err != nil {
			return nil, err
		}
		m.At = at[attempt]
		found[attempt], accounts[attempt] = m, account
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.Close()
	return found, p.withAccounts(ctx, found, accounts)
}

func (p *Player) withAccounts(ctx context.Context, found map[string]Message, accounts map[string]string) (err error) {
	for attempt, m := range found {
		if m.Account, err = p.Account(ctx, accounts[attempt]); err != nil {
			return err
		}
		found[attempt] = m
	}
	return nil
}
