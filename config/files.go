package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// LoadFiles is Load for files that are in memory, by their path within the configuration:
// what people edit in a browser or upload. Files that belong to no configuration are left
// out, as Load leaves them out of a directory; a name that is no path within one is an
// error. The content is copied.
func LoadFiles(files map[string][]byte) (*Config, error) {
	kept, total := map[string][]byte{}, 0
	for _, name := range slices.Sorted(keysOf(files)) {
		if !fs.ValidPath(name) || name == "." || len(name) > 200 {
			return nil, errors.New("a file's name is not a path within the configuration, such as sequences/consumer.yaml")
		}
		if !Belongs(name) {
			continue
		}
		total += len(files[name])
		if len(kept) == maxFiles || total > maxTotal {
			return nil, fmt.Errorf("configuration: more than %d files or %d MB", maxFiles, maxTotal>>20)
		}
		kept[name] = slices.Clone(files[name])
	}
	if len(kept) == 0 {
		return nil, errors.New("configuration: there is none of " + strings.Join(append(slices.Sorted(keysOf(directories)), singles...), ", "))
	}
	return loaded.get(kept)
}

// ReadRelease is the release that a directory stands for, without a look at what its files
// say: so it can be compared with what was published when less was checked.
func ReadRelease(fsys fs.FS) (Release, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return Release{}, err
	}
	return Release{Version: releaseVersion(files), Files: files}, nil
}

// Belongs reports whether a path is one of a configuration's files: those of the known
// directories, and YAML beside them. Files of other kinds, such as a README or Go's own in
// the directory that is shipped, do not belong.
func Belongs(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if skipForeign(dir) != nil {
			return false
		}
	}
	return belongs(name)
}

// FaultsOf is every fault in an
// error by Load, LoadFiles or LoadRelease, none for an error of another kind.
func FaultsOf(err error) Faults {
	var faults Faults
	errors.As(err, &faults)
	return faults
}
