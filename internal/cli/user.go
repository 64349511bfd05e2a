package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
)

// userCmd makes the first users of a console and helps when nobody can get in.
func (a *app) userCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Make users of the console, reset passwords, list who may come in",
		Long: `Whoever can reach the database may do this; it is recorded in the audit as "cli".
Roles: admin, operations, collector, supervisor, compliance, legal, auditor (docs/console.md).`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.userAddCmd(), a.userResetCmd(), a.userListCmd())
	return cmd
}

func (a *app) userAddCmd() *cobra.Command {
	var roles []string
	var title, email string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a user and print their first password",
		Args:  args("NAME"),
		RunE: func(cmd *cobra.Command, given []string) error {
			grants, err := grantsOf(roles)
			if err != nil {
				return err
			}
			return a.addUser(cmd.Context(), identity.User{Name: strings.ToLower(given[0]), Title: title, Email: email, Grants: grants})
		},
	}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "ROLE for all creditors, or CREDITOR/ROLE; may be repeated")
	cmd.Flags().StringVar(&title, "title", "", "name that others see")
	cmd.Flags().StringVar(&email, "email", "", "email address")
	return cmd
}

// grantsOf reads "role" and "creditor/role".
func grantsOf(texts []string) ([]identity.Grant, error) {
	var out []identity.Grant
	for _, text := range texts {
		creditor, role, ok := strings.Cut(text, "/")
		if !ok {
			creditor, role = identity.AllCreditors, text
		}
		g := identity.Grant{Creditor: creditor, Role: identity.Role(role)}
		if creditor == "" || !g.Role.Known() {
			return nil, usagef("--role %s: write ROLE or CREDITOR/ROLE; roles are %v", text, identity.Roles())
		}
		out = append(out, g)
	}
	return out, nil
}

// newUser is what adding or resetting prints. The password is shown only here.
type newUser struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

func (a *app) addUser(ctx context.Context, u identity.User) error {
	if !identity.ValidName(u.Name) {
		return usagef("%q cannot be a name: 2 to 64 small letters, digits and . _ - @", u.Name)
	}
	secret := identity.NewPassword()
	hash, err := identity.HashPassword(secret)
	if err != nil {
		return err
	}
	u.Password, u.MustChange, u.Created = hash, true, clock.Wall()
	return a.withStore(ctx, func(store *postgres.Store) error {
		id, err := store.AddUser(identity.ActingAs(ctx, "cli"), u)
		if errors.Is(err, postgres.ErrTaken) {
			return usagef("the name %s is taken; duly user reset %s makes a new password", u.Name, u.Name)
		}
		if err != nil {
			return err
		}
		if err := recordUser(ctx, store, "user_added", id); err != nil {
			return err
		}
		return a.printSecret(newUser{u.Name, secret})
	})
}

func recordUser(ctx context.Context, store *postgres.Store, action, id string) error {
	at, err := now(ctx, store)
	if err != nil {
		return err
	}
	return store.Audit(ctx, postgres.Audited{At: at, By: "cli", Action: action, Subject: id})
}

func (a *app) printSecret(u newUser) error {
	return a.print(u, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s may sign in with the password  %s\nIt is shown only now and must be changed at the first login.\n", u.Name, u.Password)
	})
}

func (a *app) userResetCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "reset NAME",
		Short: "Make a new password for a user, sign them out everywhere, let them in again",
		Args:  args("NAME"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.resetUser(cmd.Context(), strings.ToLower(given[0]))
		},
	}
}

func (a *app) resetUser(ctx context.Context, name string) error {
	secret := identity.NewPassword()
	hash, err := identity.HashPassword(secret)
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		u, err := store.UserByName(ctx, name)
		if errors.Is(err, postgres.ErrNotFound) {
			return usagef("there is no user %q; duly user list shows them", name)
		}
		if err != nil {
			return err
		}
		if err := store.SetPassword(identity.ActingAs(ctx, "cli"), u.ID, hash, true, identity.Hash{}); err != nil {
			return err
		}
		if !u.Disabled.IsZero() {
			if err := store.Disable(identity.ActingAs(ctx, "cli"), u.ID, time.Time{}); err != nil {
				return err
			}
			if err := recordUser(ctx, store, "user_enabled", u.ID); err != nil {
				return err
			}
		}
		if err := recordUser(ctx, store, "password_reset", u.ID); err != nil {
			return err
		}
		return a.printSecret(newUser{name, secret})
	})
}

// listedUser is a line of the list.
type listedUser struct {
	Name     string           `json:"name"`
	Title    string           `json:"title,omitempty"`
	Roles    []identity.Grant `json:"roles"`
	SignsIn  string           `json:"signs_in"` // password, or the issuer
	Disabled bool             `json:"disabled"`
}

func (a *app) userListCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List users with their roles",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(store *postgres.Store) error { return a.listUsers(cmd.Context(), store) })
		},
	}
}

func (a *app) listUsers(ctx context.Context, store *postgres.Store) error {
	users, err := store.Users(ctx)
	if err != nil {
		return err
	}
	out := []listedUser{}
	for _, u := range users {
		l := listedUser{Name: u.Name, Title: u.Title, Roles: u.Grants, SignsIn: "password", Disabled: !u.Disabled.IsZero()}
		if u.Issuer != "" {
			l.SignsIn = u.Issuer
		}
		if l.Roles == nil {
			l.Roles = []identity.Grant{}
		}
		out = append(out, l)
	}
	return a.print(out, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, l := range out {
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.Name, rolesText(l.Roles), plain(l.SignsIn), map[bool]string{true: "disabled"}[l.Disabled])
		}
		_ = t.Flush()
	})
}

func rolesText(grants []identity.Grant) string {
	parts := make([]string, len(grants))
	for i, g := range grants {
		parts[i] = string(g.Role)
		if g.Creditor != identity.AllCreditors {
			parts[i] = g.Creditor + "/" + parts[i]
		}
	}
	return strings.Join(parts, " ")
}
