package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
)

const strictBody = "Hello\n\n{{ total | money }}\n\n{% for i in items %}\n{{ i.open | money }}\n{% endfor %}\n\n{% for d in disclosures %}\n{{ d }}\n{% endfor %}\n"

// TestTemplatesAreCheckedWhereSamplesDoNotCome: what would fail only for some debtors, on the
// day of their message, is a fault of the file.
func TestTemplatesAreCheckedWhereSamplesDoNotCome(t *testing.T) {
	shipped, err := readFiles(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	head := "---\npurpose: reminder\nsubject: A reminder\n---\n"
	for why, c := range map[string]struct{ text, want string }{
		"as it should be":                         {head + strictBody, ""},
		"loops, assignments and their parts":      {head + strictBody + `{% for i in items %}{% if forloop.last %}{% assign n = i.number %}{{ n | default: "x" }}{% endif %}{% endfor %}`, ""},
		"what the round before has assigned":      {head + strictBody + `{% for i in items %}{% unless forloop.first %}{{ was }}{% endunless %}{% assign was = i.number %}{% endfor %}`, ""},
		"a name in a branch for many invoices":    {head + strictBody + "{% if items.size > 9 %}{{ debtro.name }}{% endif %}\n", `16:27: unknown variable "debtro"`},
		"a part of it":                            {head + strictBody + "{% if items.size > 9 %}{{ debtor.nmae }}{% endif %}\n", `16:27: unknown variable "debtor.nmae"`},
		"a part of what is looped over":           {head + strictBody + "{% if items.size > 9 %}{% for i in items %}{{ i.opne | money }}{% endfor %}{% endif %}\n", `16:47: unknown variable "i.opne"`},
		"in a condition that is not asked":        {head + strictBody + "{% if total and credt %}x{% elsif total %}y{% endif %}\n", `16:17: unknown variable "credt"`},
		"in a loop over nothing":                  {head + strictBody + "{% for a in debtor.address %}x{% else %}{{ crediter.name }}{% endfor %}\n", `16:44: unknown variable "crediter"`},
		"in a subject":                            {strings.Replace(head, "A reminder", "A {% if debtor.kind == 'x' %}{{ totl | money }}{% endif %}", 1) + strictBody, `unknown variable "totl"`},
		"an empty subject":                        {strings.Replace(head, "A reminder", `""`, 1) + strictBody, "3:10: the subject says nothing"},
		"a subject of spaces":                     {strings.Replace(head, "A reminder", `"  "`, 1) + strictBody, "3:10: the subject says nothing"},
		"a subject of a branch that is not taken": {strings.Replace(head, "A reminder", `"{% if debtor.kind == 'x' %}A reminder{% endif %}"`, 1) + strictBody, "3:10: the subject says nothing for this message (tried as creditor"},
		"bytes of another encoding":               {head + strictBody + "Gr\xfc\xdfe\n", "16:3: this is not readable text: byte 0xFC does not belong to UTF-8"},
		"a NUL byte":                              {head + strictBody + "a\x00b\n", "16:2: this is not readable text: control character U+0000"},
		"an escape":                               {head + strictBody + "a\x1b[31mb\n", "16:2: this is not readable text: control character U+001B"},
	} {
		files := maps.Clone(shipped)
		files["templates/email/strict.en.md"] = []byte(c.text)
		_, err := load(files)
		checkRelease(t, why, files, c.want)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", why, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), "templates/email/strict.en.md:") || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v; want %q", why, err, c.want)
		}
	}
}

// checkRelease: what was published before these checks goes on, with a warning; a fault that
// any program would have found still refuses it.
func checkRelease(t *testing.T, why string, files map[string][]byte, want string) {
	t.Helper()
	cfg, err := LoadRelease(Release{Version: releaseVersion(files), Files: files})
	if err != nil {
		t.Errorf("%s: published earlier: %v", why, err)
		return
	}
	warned := slices.ContainsFunc(cfg.Warnings(), func(f Fault) bool { return strings.Contains(f.String(), strings.TrimLeft(want, "0123456789: ")) })
	if want != "" && !warned {
		t.Errorf("%s: published earlier, and no warning says %q: %v", why, want, cfg.Warnings())
	}
	req := SampleRequest(cfg.creditors[0], dunning.Email, "strict", "en")
	if _, err := cfg.Render(req); strings.Contains(want, "subject says nothing") && err == nil {
		t.Errorf("%s: a message without a subject", why)
	}
	if want != "" {
		return
	}
	files["templates/email/strict.en.md"] = append(files["templates/email/strict.en.md"], "{% if %}"...)
	if _, err := LoadRelease(Release{Version: releaseVersion(files), Files: files}); err == nil {
		t.Errorf("%s: published with a fault that was never let pass", why)
	}
}

// TestAMappingPublishedEarlier: dates that were guessed refuse an import, and not all that a site
// does; those that were refused always still are.
func TestAMappingPublishedEarlier(t *testing.T) {
	shipped, err := readFiles(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for dates, published := range map[string]bool{"[DD.MM.YY, YY.MM.DD]": true, "[DD.MM.YY, MM.DD.YY]": false} {
		files := maps.Clone(shipped)
		text := "mapping: guessed\nkind: items\nfile: {dates: " + dates + "}\ncolumns: {account: a, item: i, issued: x, due: d, amount: m, currency: c}\n"
		files["mappings/guessed.yaml"] = []byte(text)
		if _, err := load(files); err == nil || !strings.Contains(err.Error(), "cannot be told from") {
			t.Errorf("%s: %v", dates, err)
		}
		cfg, err := LoadRelease(Release{Version: releaseVersion(files), Files: files})
		if (err == nil) != published {
			t.Errorf("%s, published earlier: %v", dates, err)
		}
		if err != nil {
			continue
		}
		if m, ok := cfg.Mapping("guessed"); !ok || len(m.Validate()) == 0 { // which each import asks
			t.Errorf("%s: an import would guess", dates)
		}
	}
}

// TestOnlyFilesAreRead: a pipe or a device in a directory of configuration must not keep the
// program for ever, nor fill the memory.
func TestOnlyFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sequences"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", filepath.Join(dir, "sequences", "x.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), "sequences/x.yaml is a directory behind a link, a pipe or a device") {
		t.Errorf("got %v", err)
	}
}

// TestManyFaultsAreFoundSoon: a file of another kind is refused while somebody waits for it.
func TestManyFaultsAreFoundSoon(t *testing.T) {
	var text strings.Builder
	text.WriteString("sequence: x\n")
	for i := range 30_000 {
		text.WriteString("unknown" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strconv.Itoa(i) + ": 1\n")
	}
	f := parseSequence("x.yaml", []byte(text.String()))
	if n := len(f.doc.Faults()); n < 50 || n > 60 {
		t.Errorf("%d faults, want a screenful or two", n)
	}
}
