package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// sentCmd shows what left, exactly as the provider was given it.
func (a *app) sentCmd() *cobra.Command {
	by := ""
	cmd := &cobra.Command{
		Use:   "sent CONTACT",
		Short: "Show a message exactly as it was handed over (personal data; the look is audited)",
		Long: `CONTACT is the id of a contact, as the story of a case names it. The copy is sealed; the key comes from DULY_DATA_KEY
(or DULY_DATA_KEY_FILE), else from DULY_CODEC_KEYS. It was written before the provider was called, and its SHA-256 proves it unchanged.`,
		Args: args("CONTACT"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.sent(cmd.Context(), given[0], by) },
	}
	cmd.Flags().StringVar(&by, "by", "", "who looks (required)")
	return cmd
}

// sentShown is a message as it is printed.
type sentShown struct {
	Contact  string    `json:"contact"`
	Attempt  string    `json:"attempt"`
	At       time.Time `json:"at"`
	SHA256   string    `json:"sha256"`
	Key      string    `json:"key,omitempty"`
	Erased   bool      `json:"erased,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	To       string    `json:"to,omitempty"`
	ToName   string    `json:"to_name,omitempty"`
	From     string    `json:"from,omitempty"`
	FromName string    `json:"from_name,omitempty"`
	ReplyTo  string    `json:"reply_to,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Text     string    `json:"text,omitempty"`
	HTML     string    `json:"html,omitempty"`
	Sender   []string  `json:"sender,omitempty"`
	// Dated is the day that a letter bears: of its batch once it is in one, else of the hand-over.
	Dated    dunning.Date `json:"dated,omitzero"`
	NotAfter time.Time    `json:"not_after,omitzero"`
}

func (a *app) sent(ctx context.Context, contact, by string) error {
	if by == "" {
		return usagef("say who looks at it: --by NAME")
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		s, err := store.Sent(ctx, contact)
		switch {
		case errors.Is(err, postgres.ErrNotFound):
			return usagef("nothing was handed over for the contact %q", contact)
		case err != nil && !errors.Is(err, postgres.ErrErased):
			return err
		}
		erased := err != nil
		if err := store.Audit(ctx, postgres.Audited{At: at, By: person(by), Action: "view_sent", Subject: contact}); err != nil {
			return err // nobody looks unseen
		}
		m := s.Message
		if !s.Dated.IsZero() {
			m.Dated = s.Dated
		}
		v := sentShown{
			s.Contact, s.Attempt, s.At, hex.EncodeToString(s.SHA256), s.KeyID, erased, string(m.Channel),
			m.To, m.ToName, m.From, m.FromName, m.ReplyTo, m.Subject, m.Text, m.HTML, m.Sender, m.Dated, m.NotAfter,
		}
		return a.print(v, func(w io.Writer) { printSent(w, v) })
	})
}

func printSent(w io.Writer, v sentShown) {
	p := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "%-9s%s\n", name, value)
		}
	}
	p("contact", v.Contact)
	p("attempt", v.Attempt)
	p("at", v.At.UTC().Format(time.RFC3339))
	p("sha256", v.SHA256)
	if v.Erased {
		_, _ = fmt.Fprintln(w, "The copy was erased; the digest is what is left of it.")
		return
	}
	p("channel", v.Channel)
	p("to", plain(v.To))
	if !v.Dated.IsZero() {
		p("dated", v.Dated.String())
	}
	p("subject", plain(v.Subject))
	_, _ = fmt.Fprintf(w, "\n%s\n", v.Text)
}

// rekeyCmd retires data keys.
func (a *app) rekeyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "rekey",
		Short: "Bring all sealed messages and letters under the newest data key, so that older ones can be retired",
		Long: `Put the new key first in DULY_DATA_KEY (newest first, the old one behind it), restart the workers, run this, and then take
the old key away. It can be broken off and run again, also while workers work.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(store *postgres.Store) error {
				n, err := store.Reseal(cmd.Context())
				if errors.Is(err, postgres.ErrNoCipher) {
					return usageError{err}
				}
				if err != nil {
					return err
				}
				return a.print(map[string]int{"resealed": n}, func(w io.Writer) { _, _ = fmt.Fprintf(w, "%d texts were sealed anew.\n", n) })
			})
		},
	}
}
