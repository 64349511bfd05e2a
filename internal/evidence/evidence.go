// Package evidence writes and verifies evidence packs: ZIP files whose manifest names
// every file with its SHA-256, so that anybody can see offline that nothing was changed,
// added or taken away.
//
// It owns the form of a pack. It does not own what is in one, and reads no database.
package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Format names the form of packs that this package writes and reads.
const Format = "duly-evidence-1"

// manifestName is the file of a pack that names the others.
const manifestName = "manifest.json"

// maxFile bounds what verifying unpacks of one file.
const maxFile = 1 << 30

// File is one file of a pack.
type File struct {
	Path string
	Data []byte
}

// Entry is a file in the manifest. SHA256 is in hexadecimal.
type Entry struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Manifest is what a pack says of itself. Made is business time.
type Manifest struct {
	Format string    `json:"format"`
	Case   string    `json:"case"`
	Made   time.Time `json:"made"`
	By     string    `json:"by"`
	Files  []Entry   `json:"files"` // sorted by path
}

// Pack writes a pack and returns the SHA-256 of its manifest in hexadecimal, which is that
// of the whole content: keep it where the pack cannot be changed. Files are put in the
// order of their paths, so the same content gives the same bytes.
func Pack(w io.Writer, m Manifest, files []File) (digest string, err error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	m.Format, m.Files, m.Made = Format, make([]Entry, len(files)), m.Made.UTC()
	for i, f := range files {
		if f.Path == manifestName || f.Path == "" || i > 0 && files[i-1].Path == f.Path {
			return "", fmt.Errorf("evidence: the path %q is taken", f.Path)
		}
		m.Files[i] = Entry{f.Path, int64(len(f.Data)), sum(f.Data)}
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return "", err
	}
	z := zip.NewWriter(w)
	for _, f := range append([]File{{manifestName, raw}}, files...) {
		out, err := z.CreateHeader(&zip.FileHeader{Name: f.Path, Method: zip.Deflate, Modified: m.Made})
		if err != nil {
			return "", err
		}
		if _, err := out.Write(f.Data); err != nil {
			return "", err
		}
	}
	return sum(raw), z.Close()
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// Verify reads a pack of a size and returns its manifest with the manifest's SHA-256. The
// error joins everything that is not as the manifest says: changed, missing and added
// files. It needs nothing but the pack.
func Verify(r io.ReaderAt, size int64) (m Manifest, digest string, err error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return m, "", fmt.Errorf("this is no ZIP file: %w", err)
	}
	found, faults := map[string]Entry{}, []error{}
	var raw []byte
	for _, f := range z.File {
		data, err := content(f)
		switch _, twice := found[f.Name]; {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s cannot be unpacked: %w", f.Name, err))
		case twice || f.Name == manifestName && raw != nil:
			faults = append(faults, fmt.Errorf("%s is in the pack twice", f.Name))
		case f.Name == manifestName:
			raw = data
		default:
			found[f.Name] = Entry{f.Name, int64(len(data)), sum(data)}
		}
	}
	if raw == nil {
		return m, "", errors.Join(append(faults, errors.New("the pack has no "+manifestName))...)
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&m); err != nil || m.Format != Format {
		return m, "", errors.Join(append(faults, fmt.Errorf("%s is not of the form %s", manifestName, Format))...)
	}
	return m, sum(raw), errors.Join(append(faults, compare(m.Files, found)...)...)
}

// compare tells of files that are not as they should be. It empties found.
func compare(want []Entry, found map[string]Entry) (faults []error) {
	for _, e := range want {
		got, ok := found[e.Path]
		delete(found, e.Path)
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("%s is missing, or named twice", e.Path))
		case got != e:
			faults = append(faults, fmt.Errorf("%s was changed", e.Path))
		}
	}
	var more []string
	for path := range found {
		more = append(more, path)
	}
	slices.Sort(more)
	for _, path := range more {
		faults = append(faults, fmt.Errorf("%s was added", path))
	}
	return faults
}

func content(f *zip.File) ([]byte, error) {
	if f.UncompressedSize64 > maxFile {
		return nil, errors.New("it is larger than any file of a pack")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	return data, errors.Join(err, r.Close())
}
