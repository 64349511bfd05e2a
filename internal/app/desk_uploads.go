package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

const (
	// uploadLease is how long nobody else takes a file up; progress renews it.
	uploadLease = time.Minute
	uploadTell  = time.Second
	// keepFiles is how long reject files and files that nobody came back for are kept.
	keepFiles = 30 * 24 * time.Hour
)

// Mappings are those of the published configuration, in order.
func (d *Desk) Mappings(ctx context.Context) ([]ops.Mapping, error) {
	cfg, err := d.book.Current(ctx)
	if err != nil {
		return nil, err
	}
	var out []ops.Mapping
	for _, name := range cfg.Mappings() {
		if m, ok := cfg.Mapping(name); ok {
			out = append(out, ops.Mapping{Name: name, Kind: string(m.Kind), Creditor: m.Creditor})
		}
	}
	return out, nil
}

// TakeFile keeps a file that somebody uploads and checks it; nothing of it is stored before
// they say so. It waits a little for the check, which goes on behind if it takes longer.
func (d *Desk) TakeFile(ctx context.Context, who identity.Principal, name, mappingName, creditor string, body io.Reader) (read.Upload, error) {
	u := read.Upload{ID: uuid.NewString(), Mapping: mappingName, Creditor: creditor, Name: plainName(name), By: who.By}
	m, err := d.mappingFor(ctx, who, u)
	if err != nil {
		return u, err
	}
	u.Kind = string(m.Kind)
	if u.At, err = d.clock.Now(ctx); err != nil {
		return u, err
	}
	if u.Size, err = d.putFile(ctx, u, body); err != nil {
		return u, err
	}
	if err := d.note(ctx, who, "import.upload", u.ID, map[string]string{"creditor": creditor, "mapping": mappingName, "bytes": fmt.Sprint(u.Size)}); err != nil {
		return u, err
	}
	return d.uploadAtOnce(ctx, u.ID)
}

// putFile reads a file and keeps it, as one of a few at a time: whoever sends one meanwhile
// waits their turn with what they send.
func (d *Desk) putFile(ctx context.Context, u read.Upload, body io.Reader) (size int64, err error) {
	select {
	case d.large <- struct{}{}:
		defer func() { <-d.large }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	b, err := io.ReadAll(io.LimitReader(body, ops.MostUpload+1))
	switch {
	case err != nil:
		return 0, err
	case len(b) > ops.MostUpload:
		return 0, &web.Error{
			Status: http.StatusRequestEntityTooLarge, Title: "Too large",
			Detail: fmt.Sprintf("The file has more than %d MiB. Take it in with duly import %s FILE, or split it.", ops.MostUpload>>20, u.Kind),
		}
	case len(b) == 0:
		return 0, web.Invalid("The file is empty. Choose another.", map[string]string{"file": "It is empty."})
	}
	return int64(len(b)), noRoom(d.store.PutUpload(ctx, u, b, ops.MostKept, ops.MostKeptAll))
}

// noRoom says how room is made.
func noRoom(err error) error {
	var e *postgres.NoRoomError
	if !errors.As(err, &e) {
		return err
	}
	whose := "yours"
	if e.All {
		whose = "all of you"
	}
	return &web.Error{
		Status: http.StatusTooManyRequests, Title: "Too many files wait",
		Detail: fmt.Sprintf("Uploaded files of %s wait with %d MiB, and there is room for %d MiB. Take some of them in, or give them up, and send this one again.", whose, e.Kept>>20, e.Room>>20),
	}
}

// mappingFor finds the mapping and asks for the right to import for the creditor.
func (d *Desk) mappingFor(ctx context.Context, who identity.Principal, u read.Upload) (mapping.Mapping, error) {
	cfg, err := d.book.Current(ctx)
	if err != nil {
		return mapping.Mapping{}, err
	}
	m, ok := cfg.Mapping(u.Mapping)
	if !ok {
		return m, web.Invalid("Choose a mapping of the published configuration.", map[string]string{"mapping": "Choose a mapping."})
	}
	switch _, ok := cfg.Creditor(u.Creditor); {
	case !ok:
		return m, web.Invalid("Choose the creditor whose file it is.", map[string]string{"creditor": "Choose a creditor."})
	case !who.Can(identity.Import, u.Creditor):
		return m, web.Forbidden(identity.Import, u.Creditor)
	case m.Creditor != "" && m.Creditor != u.Creditor:
		return m, web.Invalid("This mapping is for files of "+m.Creditor+". Choose another mapping or creditor.", map[string]string{"mapping": "It is another creditor’s."})
	}
	return m, nil
}

// plainName is a file's name without what leads elsewhere or cannot be shown: the last part
// of a path, printable, short.
func plainName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "_"), "\\", "/"))
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	for len(name) > 120 { // bytes: that is what a file system counts, up to 255
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	if name = strings.TrimLeft(name, "."); name == "" || name == "/" {
		return "upload.csv"
	}
	return name
}

// StoreFile takes a checked file in.
func (d *Desk) StoreFile(ctx context.Context, who identity.Principal, id string) (read.Upload, error) {
	return d.moveFile(ctx, who, id, "store", "It is not checked yet, or somebody has taken it in already.", "import.store", "checked")
}

// GiveUpFile wipes an uploaded file of which nothing was stored.
func (d *Desk) GiveUpFile(ctx context.Context, who identity.Principal, id string) (read.Upload, error) {
	return d.moveFile(ctx, who, id, "given_up", "It is being taken in, or has been.", "import.give_up", "check", "checked", "failed")
}

func (d *Desk) moveFile(ctx context.Context, who identity.Principal, id, to, late, action string, from ...string) (read.Upload, error) {
	u, err := d.store.Upload(ctx, web.ScopeOf(who, identity.Import), id)
	if err != nil {
		return u, missing(err, "This file")
	}
	if !who.Can(identity.Import, u.Creditor) {
		return u, web.Forbidden(identity.Import, u.Creditor)
	}
	moved, err := d.store.MoveUpload(ctx, id, to, from...)
	if err != nil {
		return u, err
	}
	if !moved {
		return u, web.Conflict(late + " Open the list again.")
	}
	if err := d.note(ctx, who, action, id, map[string]string{"creditor": u.Creditor, "mapping": u.Mapping}); err != nil {
		return u, err
	}
	return d.uploadAtOnce(ctx, id)
}

// uploadAtOnce works on a file while the person waits a little; a larger one goes on behind.
func (d *Desk) uploadAtOnce(ctx context.Context, id string) (read.Upload, error) {
	done := make(chan error, 1)
	go func() {
		select {
		case d.large <- struct{}{}:
			_, err := d.uploadOnce(context.WithoutCancel(ctx), id)
			<-d.large
			done <- err
		default: // others are being worked on; this one is taken up when they are done
			done <- nil
		}
	}()
	timer := time.NewTimer(d.atOnce)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return read.Upload{}, err
		}
	case <-timer.C:
	}
	return d.store.Upload(ctx, read.Everything(), id)
}

// runUploads works on files until ctx ends: also on those that another process has left.
func (d *Desk) runUploads(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		more, err := d.uploadInTurn(ctx)
		if err != nil && ctx.Err() == nil && d.log != nil {
			d.log.Warn("an uploaded file waits", slog.String("type", kindOf(err)))
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// uploadInTurn checks or stores one file when it is one of a few.
func (d *Desk) uploadInTurn(ctx context.Context) (more bool, err error) {
	select {
	case d.large <- struct{}{}:
		defer func() { <-d.large }()
		return d.uploadOnce(ctx, "")
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// uploadOnce checks or stores one file.
func (d *Desk) uploadOnce(ctx context.Context, wanted string) (more bool, err error) {
	u, body, ok, err := d.store.ClaimUpload(ctx, wanted, uploadLease)
	if err != nil || !ok {
		return false, err
	}
	store := u.State == "store"
	job, err := importJobOf(ctx, d.store, d.book, u.Kind, u.Mapping, u.Creditor, !store, u.At)
	if err == nil {
		var rejects []byte
		if u, rejects, err = d.importFile(ctx, u, body, job); err == nil {
			u.State = map[bool]string{true: "stored", false: "checked"}[store]
			return true, d.store.EndUpload(ctx, u, rejects)
		}
	}
	if e := web.AsError(unreadableFile(err)); e.Status < 500 {
		u.State, u.Fault = "failed", e.Detail
		return true, d.store.EndUpload(ctx, u, nil)
	}
	return false, err // it is taken up again after the lease
}

// importFile runs the importer over a file, telling how far it is.
func (d *Desk) importFile(ctx context.Context, u read.Upload, body []byte, job importer.Job) (read.Upload, []byte, error) {
	dir, err := os.MkdirTemp("", "duly-upload-")
	if err != nil {
		return u, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Each in a folder of its own: a file may be called anything, also "rejects".
	job.File, job.Rejects = filepath.Join(dir, "file", u.Name), filepath.Join(dir, "rejects", "rejects.csv")
	err = errors.Join(os.Mkdir(filepath.Dir(job.File), 0o700), os.Mkdir(filepath.Dir(job.Rejects), 0o700))
	if err = errors.Join(err, keepFile(job.File, bytes.NewReader(body))); err != nil {
		return u, nil, err
	}
	told := clock.Wall()
	job.Progress = func(p importer.Progress) {
		if now := clock.Wall(); now.Sub(told) >= uploadTell {
			told, u.Phase, u.Bytes, u.Rows = now, p.Phase, p.Bytes, int64(p.Rows)
			_ = d.store.TellUpload(ctx, u, uploadLease) // progress only
		}
	}
	summary, err := importer.Run(ctx, job)
	if err != nil {
		return u, nil, err
	}
	u.Run, summary.Rejects = summary.Run.ID, ""
	if u.Summary, err = json.Marshal(summary); err != nil {
		return u, nil, err
	}
	rejects, err := os.ReadFile(job.Rejects)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return u, rejects, err
}

// importJobOf is an import by a mapping of the published configuration.
func importJobOf(ctx context.Context, store *postgres.Store, book *Book, kind, mappingName, creditor string, dryRun bool, at time.Time) (importer.Job, error) {
	cfg, err := book.Current(ctx)
	if err != nil {
		return importer.Job{}, err
	}
	m, ok := cfg.Mapping(mappingName)
	if !ok || m.Kind != mapping.Kind(kind) {
		return importer.Job{}, web.Invalid(fmt.Sprintf("There is no mapping of that name for %s; there are %v.", kind, mappingsOf(cfg, mapping.Kind(kind))), nil)
	}
	cr, ok := cfg.Creditor(creditor)
	if !ok {
		return importer.Job{}, web.NotFound("This creditor")
	}
	zone, err := time.LoadLocation(cr.Zone)
	if err != nil {
		return importer.Job{}, fmt.Errorf("zone of creditor %s: %w", cr.ID, err)
	}
	job := importer.Job{Mapping: m, At: at, Options: importer.Options{Creditor: importer.Creditor{ID: cr.ID, Zone: zone, Currency: cr.Currency}, Locate: importsink.Locate}}
	if !dryRun {
		job.Sink = importsink.New(store)
	}
	return job, nil
}

// Run goes on with what people have ordered, until ctx ends: bulk actions and files. Any
// number of processes may run it over one database.
func (d *Desk) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() { defer close(done); d.runUploads(ctx, time.Second) }()
	d.runBulk(ctx, time.Second)
	<-done
}
