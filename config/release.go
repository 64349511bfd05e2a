package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Release is a configuration as it is published: every file, byte by byte.
// Published releases never change; the store keeps them by version.
type Release struct {
	Version string            // of all names and contents together
	Files   map[string][]byte // path within the configuration → content
}

// Release returns the configuration's files for publishing. The caller owns
// the result.
func (c *Config) Release() Release {
	files := make(map[string][]byte, len(c.files))
	for name, data := range c.files {
		files[name] = slices.Clone(data)
	}
	return Release{Version: releaseVersion(files), Files: files}
}

// releaseVersion is the beginning of the hash: long enough to tell releases apart.
func releaseVersion(files map[string][]byte) string { return releaseHash(files)[:16] }

// releaseHash hashes names and contents in the order of the names.
func releaseHash(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		fmt.Fprintf(h, "%s\x00%x\n", name, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// LoadRelease loads a published release again and refuses one whose files are
// not those that were published. A release that was right once may have faults
// for a newer program that checks more: those that stop nothing which worked are
// warnings of the Config; others are returned as Faults.
func LoadRelease(r Release) (*Config, error) {
	if got := releaseVersion(r.Files); got != r.Version {
		return nil, fmt.Errorf("release %s: its files hash to %s: they are not the files that were published", r.Version, got)
	}
	files := make(map[string][]byte, len(r.Files))
	for name, data := range r.Files {
		files[name] = slices.Clone(data)
	}
	cfg, err := loaded.get(files)
	if found := Faults(nil); errors.As(err, &found) {
		if refused, _ := found.Excused().Split(); len(refused) == 0 {
			return published.get(files)
		}
	}
	return cfg, err
}

// Changes lists the files by which two releases differ, sorted, each with
// "+ " (new), "- " (gone) or "~ " (changed) before its name.
func (r Release) Changes(old Release) (out []string) {
	for name, data := range r.Files {
		before, was := old.Files[name]
		switch {
		case !was:
			out = append(out, "+ "+name)
		case !bytes.Equal(before, data):
			out = append(out, "~ "+name)
		}
	}
	for name := range old.Files {
		if _, is := r.Files[name]; !is {
			out = append(out, "- "+name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	return out
}

// SequenceSource returns the file of a sequence, so that the version that a
// case follows can be kept and compiled again with CompileSequence.
func (c *Config) SequenceSource(id string) (file string, data []byte, ok bool) {
	file = "sequences/" + id + ".yaml"
	data, ok = c.files[file]
	return file, slices.Clone(data), ok
}
