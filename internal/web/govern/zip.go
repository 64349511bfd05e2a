package govern

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/duly/duly/config"
)

// Bounds of what is unpacked: what a header claims is not believed.
const (
	mostEntries  = 5000
	mostUnpacked = 64 << 20
)

// badZip is a sentence for whoever sent a file that cannot be taken in.
type badZip string

func (b badZip) Error() string { return string(b) }

// unzip reads the files of a configuration from a ZIP. A directory around them all is
// taken off. What belongs to no configuration is left out; entries that would lead out of
// the directory, links and what is too large are refused, and nothing is written to any
// disk.
func unzip(data []byte) (map[string][]byte, error) { return unzipWithin(data, mostUnpacked) }

// unzipWithin is unzip of at most so many bytes, unpacked.
func unzipWithin(data []byte, most int64) (map[string][]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, badZip("This is no ZIP file that can be read.")
	}
	if len(z.File) > mostEntries {
		return nil, badZip(fmt.Sprintf("The ZIP holds %d entries; a configuration has at most %d files.", len(z.File), mostEntries))
	}
	names, err := entryNames(z.File)
	if err != nil {
		return nil, err
	}
	out, left := map[string][]byte{}, most
	around := commonTop(names)
	for i, f := range z.File {
		name := strings.TrimPrefix(names[i], around)
		if names[i] == "" || !config.Belongs(name) {
			continue
		}
		if _, twice := out[name]; twice {
			return nil, badZip("The ZIP holds " + name + " twice.")
		}
		content, err := entry(f, left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(content))
		out[name] = content
	}
	if len(out) == 0 {
		return nil, badZip("The ZIP holds no file of a configuration: pack the directory that holds sequences/, templates/ and so on.")
	}
	return out, nil
}

// entryNames are the paths of all entries, "" for directories and what systems add.
func entryNames(all []*zip.File) ([]string, error) {
	out := make([]string, len(all))
	for i, f := range all {
		name := f.Name
		switch {
		case strings.HasSuffix(name, "/") || f.Mode().IsDir():
			if !fs.ValidPath(strings.TrimSuffix(name, "/")) {
				return nil, badZip("The ZIP holds an entry whose name leads out of it.")
			}
			continue
		case !fs.ValidPath(name) || strings.ContainsAny(name, "\\:\x00"):
			return nil, badZip("The ZIP holds an entry whose name leads out of it.")
		case !f.Mode().IsRegular():
			return nil, badZip("The ZIP holds a link or something else that is no file: " + name)
		case strings.HasPrefix(name, "__MACOSX/") || path.Base(name) == ".DS_Store":
			continue
		}
		out[i] = name
	}
	return out, nil
}

// commonTop is the directory that is around all files, with its slash; "" if there is
// none, or if it is one of the configuration's own.
func commonTop(names []string) string {
	top := ""
	for _, n := range names {
		if n == "" {
			continue
		}
		dir, _, nested := strings.Cut(n, "/")
		if !nested || top != "" && dir != top {
			return ""
		}
		top = dir
	}
	if top == "" || slices.ContainsFunc(names, func(n string) bool { return n != "" && config.Belongs(n) }) {
		return ""
	}
	return top + "/"
}

// entry unpacks one file of at most left bytes.
func entry(f *zip.File, left int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, badZip("The ZIP is packed in a way that cannot be read: " + f.Name)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, left+1))
	switch {
	case err != nil:
		return nil, badZip("The ZIP is damaged at " + f.Name + ".")
	case int64(len(b)) > left:
		return nil, badZip(fmt.Sprintf("Unpacked, the ZIP is larger than %d MB: is this the right directory?", mostUnpacked>>20))
	}
	return b, nil
}
