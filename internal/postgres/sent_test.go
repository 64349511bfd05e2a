package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/postgres"
)

func keys(t *testing.T, lines ...string) codec.Keys {
	t.Helper()
	k, err := codec.ParseKeys(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// plannedMail adds a contact with the decision that allowed it, and returns its id.
func (b *bundle) plannedMail(n int) string {
	id := fmt.Sprintf("%s/0/friendly-email/email/%d", b.ref.Case, n)
	b.must(b.in(func(tx *postgres.Tx) error {
		d := b.decision(fmt.Sprint("plan", n, b.ref.Case), "", 1, noon)
		if err := tx.StoreDecision(b.t.Context(), d); err != nil {
			return err
		}
		_, _, err := tx.Append(b.t.Context(), b.debtor, []dunning.Fact{b.caseFact(dunning.ContactPlanned{
			ID: id, Step: "friendly-email", Channel: dunning.Email, Ordinal: n, Decision: d.ID,
		})})
		return err
	}))
	return id
}

func (b *bundle) keep(contact string, m dunning.Message) {
	b.t.Helper()
	b.must(b.in(func(tx *postgres.Tx) error { return tx.KeepSent(b.t.Context(), contact, m) }))
}

func letterOf(attempt string) dunning.Message {
	return dunning.Message{
		Attempt: attempt, Channel: dunning.Email, To: "ada@example.invalid", ToName: "Ada", Subject: "Reminder",
		Text: "You owe 12.34", HTML: "<p>You owe</p>", Sender: []string{"Acme"}, At: noon,
	}
}

func TestSentMessagesAreSealed(t *testing.T) {
	b := newBundle(t).open()
	old, newest := codec.Generate(), codec.Generate()
	b.UseCipher(keys(t, old))
	id := b.plannedMail(1)
	b.keep(id, letterOf("a1"))
	got, err := b.Sent(t.Context(), id)
	b.must(err)
	if d := cmp.Diff(letterOf("a1"), got.Message); d != "" || got.Contact != id || !got.At.Equal(noon) || len(got.SHA256) != 32 {
		t.Errorf("%+v %s", got, d)
	}
	if again, err := b.SentByAttempt(t.Context(), "a1"); err != nil || again.Contact != id {
		t.Errorf("by attempt: %+v, %v", again, err)
	}
	var row string
	b.must(b.Pool().QueryRow(t.Context(), "SELECT encode(sealed, 'escape') || attempt || key_id FROM sent_messages").Scan(&row))
	for _, secret := range []string{"ada@example", "12.34", "Reminder", "Acme"} {
		if strings.Contains(row, secret) {
			t.Errorf("%q lies in the database in clear", secret)
		}
	}

	b.must(b.PutLetter(t.Context(), postgres.LetterFile{Attempt: "l1", At: noon, Pages: 2, PDF: []byte("%PDF-Ada"), HTML: "<p>Ada</p>"}))
	b.UseCipher(keys(t, newest, old))
	moved, err := b.Reseal(t.Context())
	if err != nil || moved != 2 {
		t.Errorf("%d rows moved under the new key, want the message and the letter: %v", moved, err)
	}
	if moved, err = b.Reseal(t.Context()); err != nil || moved != 0 {
		t.Errorf("again: %d, %v", moved, err)
	}
	b.UseCipher(keys(t, newest))
	if got, err = b.Sent(t.Context(), id); err != nil || got.Message.Text != "You owe 12.34" {
		t.Errorf("after the old key was retired: %+v, %v", got, err)
	}
	l, err := b.Letter(t.Context(), "l1")
	if err != nil || !bytes.Equal(l.PDF, []byte("%PDF-Ada")) || l.HTML != "<p>Ada</p>" || l.Pages != 2 {
		t.Errorf("letter %+v, %v", l, err)
	}
}

func TestSentMessagesThatCannotBeShown(t *testing.T) {
	b := newBundle(t).open()
	b.UseCipher(keys(t, codec.Generate()))
	id, other := b.plannedMail(1), b.plannedMail(2)
	b.keep(id, letterOf("a1"))
	b.keep(other, letterOf("a2"))
	exec := func(sql string) {
		t.Helper()
		if _, err := b.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		about  string
		before func()
		want   error
		says   string
	}{
		{"a row put in another's place does not open", func() {
			exec("UPDATE sent_messages SET sealed = (SELECT sealed FROM sent_messages WHERE attempt = 'a2'), sha256 = (SELECT sha256 FROM sent_messages WHERE attempt = 'a2') WHERE attempt = 'a1'")
		}, codec.ErrTampered, ""},
		{"a changed digest is found out", func() {
			b.keep(id, letterOf("a1"))
			exec("UPDATE sent_messages SET sha256 = sha256('x') WHERE attempt = 'a1'")
		}, nil, "digest differs"},
		{"without the key", func() { b.UseCipher(keys(t, codec.Generate())) }, codec.ErrUnknownKey, ""},
		{"without any key", func() { b.UseCipher(nil) }, postgres.ErrNoCipher, ""},
		{"erased with the debtor, its letter too", func() {
			b.must(b.PutLetter(t.Context(), postgres.LetterFile{Attempt: "a1", At: noon, PDF: []byte("%PDF-Ada"), HTML: "<p>Ada</p>"}))
			b.must(b.Erase(t.Context(), b.debtor))
			if l, err := b.Letter(t.Context(), "a1"); !errors.Is(err, postgres.ErrErased) || len(l.PDF) > 0 {
				t.Errorf("the letter is still there: %+v, %v", l, err)
			}
		}, postgres.ErrErased, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			c.before()
			got, err := b.Sent(t.Context(), id)
			if c.want != nil && !errors.Is(err, c.want) || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if got.Message.To != "" {
				t.Error("a message came out")
			}
			if len(got.SHA256) != 32 {
				t.Error("the digest is gone")
			}
		})
	}
	if _, err := b.Sent(t.Context(), "nobody"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("nothing was sent: %v", err)
	}
	if _, err := b.Reseal(t.Context()); !errors.Is(err, postgres.ErrNoCipher) {
		t.Errorf("sealing anew without a key: %v", err)
	}
}

// TestWithoutAKeyOnlyTheDigestIsKept: a process without keys cannot leave clear text.
func TestWithoutAKeyOnlyTheDigestIsKept(t *testing.T) {
	b := newBundle(t).open()
	id := b.plannedMail(1)
	b.keep(id, letterOf("a1"))
	got, err := b.Sent(t.Context(), id)
	if !errors.Is(err, postgres.ErrErased) || len(got.SHA256) != 32 || got.KeyID != "" {
		t.Errorf("%+v, %v", got, err)
	}
}
