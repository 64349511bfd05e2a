package web

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzLocal: whatever is let through as a place of ours is one for a browser, too, which
// reads a backslash as a slash and leaves out control characters.
func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/", "/cases?q=a", "//evil", "/\\evil", "/\t/evil", "\\\\evil", "https://evil", "/x#y", "/%2f/evil"} {
		f.Add(s)
	}
	base, _ := url.Parse("https://duly.example/login")
	f.Fuzz(func(t *testing.T, path string) {
		if !local(path) {
			return
		}
		asBrowser := strings.NewReplacer("\\", "/", "\t", "", "\n", "", "\r", "").Replace(strings.TrimSpace(path))
		to, err := base.Parse(asBrowser)
		if err == nil && (to.Host != base.Host || to.Scheme != base.Scheme) {
			t.Errorf("%q leads to %s", path, to)
		}
	})
}

// FuzzHarmless: no cell begins, for any spreadsheet, with what makes a formula.
func FuzzHarmless(f *testing.F) {
	for _, s := range []string{"=1", " =1", "-1", "-1+1", "\t@x", "", "＝1", "\u00a0+1", "'=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		got := Harmless([]string{cell})[0]
		if strings.TrimPrefix(got, "'") != cell && got != cell {
			t.Fatalf("%q became %q", cell, got)
		}
		if start := strings.TrimLeft(got, " \u00a0\u200b\ufeff"); start != "" && strings.ContainsRune("=@\t\r", rune(start[0])) {
			t.Errorf("%q stays %q", cell, got)
		}
	})
}
