package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/config"
	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/api"
	"github.com/duly/duly/internal/web/collect"
	outgoing "github.com/duly/duly/internal/web/hooks"
)

// Authority gives commands as somebody, within their rights and limits: what console and
// API call.
func (c *Console) Authority() *authority.Service {
	return &authority.Service{Commands: NewCommands(c.deps.Store, c.book, c.deps.Clock), Roles: func(ctx context.Context) ([]config.Role, error) {
		cfg, err := c.book.Current(ctx)
		if err != nil {
			return nil, err
		}
		return cfg.Roles(), nil
	}}
}

// doAs gives a command about a case as the user whom by names ("user:<id>"), within what
// they may at this moment.
func (c *Console) doAs(ctx context.Context, caseID string, cmd dunning.Command, by string) (commands.Result, error) {
	id, _ := strings.CutPrefix(by, "user:")
	u, err := c.deps.Store.UserByID(ctx, id)
	if err != nil {
		return commands.Result{}, err
	}
	if !u.Disabled.IsZero() {
		return commands.Result{}, &authority.Refusal{Permission: authority.Of(authority.Name(cmd))}
	}
	ref, err := cmdStore{c.deps.Store}.CaseRef(ctx, caseID)
	if err != nil {
		return commands.Result{}, err
	}
	return c.Authority().Do(ctx, u.Principal(), ref, authority.Name(cmd), cmd)
}

// find leads from a customer number to accounts and cases.
func (c *Console) find(ctx context.Context, creditor, key string) (api.Found, error) {
	out := api.Found{Accounts: []api.Account{}, Cases: []string{}}
	accounts, err := c.deps.Store.AccountsByKey(ctx, creditor, key)
	if err != nil {
		return out, err
	}
	for _, a := range accounts {
		out.Accounts = append(out.Accounts, api.Account{ID: a.ID, Creditor: a.Creditor, Key: a.Key, Customer: a.DebtorKey, Currency: a.Currency})
	}
	cases, err := c.deps.Store.FindCases(ctx, creditor, key)
	out.Cases = append(out.Cases, cases...)
	return out, err
}

// newAPI wires the REST API.
func (c *Console) newAPI() (*api.Server, error) {
	store := c.deps.Store
	return api.New(api.Options{
		Keys: store, Record: c.record, Clock: c.deps.Clock, Wall: clock.Wall, Log: c.deps.Log, Behind: c.o.Behind, Secure: c.o.Public.Scheme == "https",
		Ports: api.Ports{
			Read: store, CaseRef: store.CaseRef, AccountRef: store.AccountRef, Do: c.Authority().Do, Find: c.find, Hooks: store, Wall: clock.Wall,
			Policies: func(ctx context.Context) (contact.Set, error) {
				cfg, err := c.book.Current(ctx)
				if err != nil {
					return contact.Set{}, err
				}
				return cfg.Policies(), nil
			},
			Import: c.imports, Publish: c.publish, Proposals: c.Proposals(), Switches: c.switches, SwitchOn: c.switchOn, SwitchOff: c.switchOff, Restores: c.restoration(),
			Operator:  operator{c.ops, c},
			Integrity: store, VerifyChain: c.verifyChain,
			Desk: c.desk(), Samples: NewSampling(c.deps.Store, c.book), Simulate: c.whatIf().Run,
		},
	})
}

// lightsOf are the lights of a case as its page shows them.
func (c *Console) lightsOf(ctx context.Context, ref dunning.CaseRef, f *dunning.Facts, template string, at time.Time) ([]api.Light, error) {
	on, err := c.switchesOn(ctx)
	if err != nil {
		return nil, err
	}
	var out []api.Light
	for _, l := range collect.Lights(f, on, ref.Creditor, template, at) {
		out = append(out, api.Light{
			Channel: l.Channel, Allowed: l.Allowed(), Waits: l.Waits, Rule: l.Rule, Citation: l.Citation, Text: l.Text, Opens: l.Opens, Point: l.Point,
		})
	}
	return out, nil
}

// desk is what the API does by the functions behind the console's pages.
func (c *Console) desk() api.Desk {
	o, comply := c.operations(), c.compliance()
	return api.Desk{
		Config: c.book.Current, Fold: c.foldOf, Draft: o.Draft, Sent: c.sentText, Try: c.Authority().Try,
		Lights: c.lightsOf,
		MaySend: func(ctx context.Context, who identity.Principal, creditor string, ch dunning.Channel, template string) (bool, error) {
			cfg, err := c.book.Current(ctx)
			return err == nil && collect.MaySend(cfg, who, creditor, ch, template), err
		},
		SwitchHistory: c.pastSwitches, Activate: o.Activate, ReplayInbox: o.Replay,
		Activations: func(ctx context.Context) (out []api.Activation, err error) {
			all, err := o.Activations(ctx)
			for _, a := range all {
				out = append(out, api.Activation{Release: a.Release, By: a.By, At: a.At})
			}
			return out, err
		},
		Doctor: func(ctx context.Context, now time.Time) (out []api.Violation, err error) {
			all, err := o.Doctor(ctx, now)
			for _, v := range all {
				out = append(out, api.Violation{Kind: v.Kind, Case: v.Case, Subject: v.Subject, Detail: v.Detail, Since: v.Since})
			}
			return out, err
		},
		Again: func(ctx context.Context, d dunning.StoredDecision) (recheck.Difference, error) {
			return recheck.One(ctx, comply.Journal, comply.Frames, d)
		},
		People: people{c.web, c.deps.Store}, Call: c.web.Call,
	}
}

// people are the console's, with saved views.
type people struct {
	*web.Console
	viewStore
}

type viewStore interface {
	Views(ctx context.Context, user string) ([]identity.SavedView, error)
	PutView(ctx context.Context, user string, v identity.SavedView) error
	DropView(ctx context.Context, user, place, name string) error
}

// publish makes a configuration current. Its faults are the caller's to mend, so they are
// told; they name files, lines and columns.
func (c *Console) publish(ctx context.Context, files map[string][]byte, by string) (string, bool, error) {
	at, err := c.deps.Clock.Now(ctx)
	if err != nil {
		return "", false, err
	}
	dir, err := unpack(files)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return Publish(ctx, c.deps.Store, os.DirFS(dir), by, at)
}

// unpack writes files into a directory of their own. Names that would lead out of it, or
// that no configuration has, are refused.
func unpack(files map[string][]byte) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "duly-release-"); err != nil {
		return "", err
	}
	for name, content := range files {
		if !fs.ValidPath(name) || name == "." || len(name) > 200 {
			return "", errors.Join(web.Invalid("A file's name is not a path within the configuration, such as sequences/consumer.yaml.", nil), os.RemoveAll(dir))
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// --- imports ------------------------------------------------------------------

// imports takes a file in. The importer reads it twice, so it is kept on disk meanwhile.
func (c *Console) imports(ctx context.Context, r api.ImportRequest) (api.ImportResult, error) {
	job, err := c.importJob(ctx, r)
	if err != nil {
		return api.ImportResult{}, err
	}
	dir, err := os.MkdirTemp("", "duly-import-")
	if err != nil {
		return api.ImportResult{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	job.File, job.Rejects = filepath.Join(dir, r.Name), filepath.Join(dir, "rejects.csv")
	if err := keepFile(job.File, r.Body); err != nil {
		return api.ImportResult{}, err
	}
	summary, err := importer.Run(ctx, job)
	if err != nil {
		return api.ImportResult{}, unreadableFile(err)
	}
	return importResult(summary, job.Rejects)
}

func (c *Console) importJob(ctx context.Context, r api.ImportRequest) (importer.Job, error) {
	return importJobOf(ctx, c.deps.Store, c.book, r.Kind, r.Mapping, r.Creditor, r.DryRun, r.At)
}

func mappingsOf(cfg *config.Config, kind mapping.Kind) (names []string) {
	for _, name := range cfg.Mappings() {
		if m, _ := cfg.Mapping(name); m.Kind == kind {
			names = append(names, name)
		}
	}
	return names
}

func keepFile(path string, body io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}

// unreadableFile tells a file that cannot be read from trouble of ours: the importer's
// sentences are for whoever made the file, the store's are not.
func unreadableFile(err error) error {
	var (
		pg   *pgconn.PgError
		conn *pgconn.ConnectError
		disk *fs.PathError
		wire net.Error
	)
	for _, ours := range []bool{
		errors.Is(err, postgres.ErrRefused), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &pg), errors.As(err, &conn), errors.As(err, &disk), errors.As(err, &wire),
	} {
		if ours {
			return err
		}
	}
	return web.Invalid(err.Error(), nil)
}

func importResult(s importer.Summary, rejects string) (out api.ImportResult, err error) {
	s.Rejects = "" // a path of this machine
	if out.Summary, err = json.Marshal(s); err != nil {
		return out, err
	}
	b, err := os.ReadFile(rejects)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	out.Rejects = string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	return out, err
}

// --- switches --------------------------------------------------------------------

func (c *Console) switches(ctx context.Context) ([]api.Switch, error) {
	all, err := c.deps.Store.Switches(ctx)
	out := make([]api.Switch, len(all))
	for i, s := range all {
		out[i] = api.Switch{Switch: s.Switch, Reason: s.Reason, By: s.By, On: s.On}
	}
	return out, err
}

func (c *Console) pastSwitches(ctx context.Context, limit int) ([]api.PastSwitch, error) {
	all, err := c.deps.Store.SwitchHistory(ctx, limit)
	out := make([]api.PastSwitch, len(all))
	for i, s := range all {
		out[i] = api.PastSwitch{Switch: api.Switch{Switch: s.Switch, Reason: s.Reason, By: s.By, On: s.On}, Off: s.Off, OffBy: s.OffBy, OffReason: s.OffReason}
	}
	return out, err
}

func (c *Console) switchOn(ctx context.Context, s api.Switch) (api.Switch, error) {
	on, err := c.deps.Store.SwitchOn(ctx, postgres.Switch{Switch: s.Switch, Reason: s.Reason, By: s.By, On: s.On})
	return api.Switch{Switch: on.Switch, Reason: on.Reason, By: on.By, On: on.On}, err
}

func (c *Console) switchOff(ctx context.Context, s dunning.Switch, at time.Time, by, reason string) error {
	err := c.deps.Store.SwitchOff(ctx, s, at, by, reason)
	if errors.Is(err, postgres.ErrNotOn) {
		return web.Conflict("This switch is not on.")
	}
	return err
}

// --- outgoing webhooks -------------------------------------------------------------

// hookStore is the store as the sender of webhooks sees it.
type hookStore struct{ *postgres.Store }

func (s hookStore) Spread(ctx context.Context, max int, now time.Time, f func(outgoing.Happened) ([]outgoing.Told, error)) (int, error) {
	return s.SpreadEvents(ctx, max, now, func(e postgres.HookEvent) ([]postgres.HookDelivery, error) {
		told, err := f(outgoing.Happened{
			ID: e.ID, At: e.At, Creditor: e.Creditor, Customer: e.DebtorKey, AccountKey: e.AccountKey, Version: e.Version, Fact: e.Fact, Kind: e.Kind, Said: e.Said,
		})
		out := make([]postgres.HookDelivery, len(told))
		for i, t := range told {
			out[i] = postgres.HookDelivery(t)
		}
		return out, err
	})
}

func (s hookStore) Claim(ctx context.Context, max int, now, until time.Time, waiting []string) ([]outgoing.Attempt, error) {
	claimed, err := s.ClaimDeliveries(ctx, max, now, until, waiting...)
	out := make([]outgoing.Attempt, len(claimed))
	for i, d := range claimed {
		out[i] = outgoing.Attempt{ID: d.ID, Hook: d.Hook, Tries: d.Tries, Name: d.Name, Event: d.Event, Body: d.Body, URL: d.URL, Secret: d.Secret, Old: d.Old}
	}
	return out, err
}
