package shell

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/duly/duly/config"
)

// tenSteps is a campaign of ten reminders two days apart, then it writes the debt off: so
// its cost can be counted.
const tenSteps = `sequence: ten
title: Ten steps
priority: 100
ladder: leading
include: all_overdue
spacing: 1d
steps:
  - {id: s1, at: +3d, send: [{email: nudge}]}
  - {id: s2, at: +5d, send: [{email: nudge}]}
  - {id: s3, at: +7d, send: [{email: nudge}]}
  - {id: s4, at: +9d, send: [{email: nudge}]}
  - {id: s5, at: +11d, send: [{email: nudge}]}
  - {id: s6, at: +13d, send: [{email: nudge}]}
  - {id: s7, at: +15d, send: [{email: nudge}]}
  - {id: s8, at: +17d, send: [{email: nudge}]}
  - {id: s9, at: +19d, send: [{email: nudge}]}
  - {id: s10, at: +21d, send: [{email: nudge}]}
end: {write_off: true}
`

// configuration is the shipped one with files replaced or added; without policies where
// steps are to leave at once.
func configuration(t testing.TB, files map[string]string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(config.DefaultFiles(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if _, bare := files["bare"]; bare && strings.HasPrefix(name, "policies/") {
			return nil
		}
		b, err := fs.ReadFile(config.DefaultFiles(), name)
		out[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if name != "bare" {
			out[name] = &fstest.MapFile{Data: []byte(content)}
		}
	}
	return out
}
