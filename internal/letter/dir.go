package letter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Dir is a Store in a directory: one directory an attempt, holding letter.pdf,
// letter.html and manifest.json. A letter appears whole or not at all.
type Dir struct{ root string }

// NewDir uses root, which must be a directory that can be written to.
func NewDir(root string) (*Dir, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("letter outbox: %w: create the directory first", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("letter outbox %s: not a directory", root)
	}
	probe, err := os.MkdirTemp(root, ".probe-")
	if err != nil {
		return nil, fmt.Errorf("letter outbox: cannot write: %w", err)
	}
	if err := os.Remove(probe); err != nil {
		return nil, fmt.Errorf("letter outbox: %w", err)
	}
	return &Dir{root: root}, nil
}

// Manifest is manifest.json: what print batches need, nothing personal.
type Manifest struct {
	Attempt string            `json:"attempt"`
	At      time.Time         `json:"at"` // UTC
	Pages   int               `json:"pages"`
	SHA256  map[string]string `json:"sha256"` // by file name
}

var safeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// path is the directory of an attempt. An id that is no safe file name is
// replaced by its digest.
func (d *Dir) path(attempt string) string {
	if !safeName.MatchString(attempt) {
		sum := sha256.Sum256([]byte(attempt))
		attempt = "sha256-" + hex.EncodeToString(sum[:])
	}
	return filepath.Join(d.root, attempt)
}

// Put implements Store: everything is written and synced beside its place and
// then renamed into it.
func (d *Dir) Put(ctx context.Context, l Letter) (err error) {
	if has, err := d.Has(ctx, l.Attempt); has || err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(d.root, ".tmp-")
	if err != nil {
		return fmt.Errorf("letter outbox: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := writeLetter(tmp, l); err != nil {
		return fmt.Errorf("letter outbox: %w", err)
	}
	if err := os.Rename(tmp, d.path(l.Attempt)); err != nil {
		if has, _ := d.Has(ctx, l.Attempt); has {
			return nil // another writer of the same attempt was faster
		}
		return fmt.Errorf("letter outbox: %w", err)
	}
	return syncDir(d.root)
}

func writeLetter(dir string, l Letter) error {
	files := []struct {
		name    string
		content []byte
	}{{"letter.pdf", l.PDF}, {"letter.html", l.HTML}}
	m := Manifest{Attempt: l.Attempt, At: l.At.UTC(), Pages: l.Pages, SHA256: map[string]string{}}
	for _, f := range files {
		sum := sha256.Sum256(f.content)
		m.SHA256[f.name] = hex.EncodeToString(sum[:])
		if err := writeSynced(filepath.Join(dir, f.name), f.content); err != nil {
			return err
		}
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(dir, "manifest.json"), append(raw, '\n')); err != nil {
		return err
	}
	return syncDir(dir)
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Has implements Store.
func (d *Dir) Has(ctx context.Context, attempt string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	_, err := os.Stat(filepath.Join(d.path(attempt), "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
