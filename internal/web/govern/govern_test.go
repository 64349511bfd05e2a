package govern

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/read"
)

// packed makes a ZIP of entries: name, content, name, content.
func packed(t *testing.T, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		if err == nil {
			_, err = f.Write([]byte(pairs[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// linked holds a symbolic link.
func linked(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "sequences/a.yaml"}
	h.SetMode(fs.ModeSymlink | 0o777)
	f, err := w.CreateHeader(h)
	if err == nil {
		_, err = f.Write([]byte("/etc/passwd"))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnzip(t *testing.T) {
	many := make([]string, 0, 2*(mostEntries+1))
	for i := range mostEntries + 1 {
		many = append(many, fmt.Sprintf("sequences/%d.yaml", i), "")
	}
	const small = 1 << 20
	whole := packed(t, "sequences/a.yaml", "a")
	for _, c := range []struct {
		why  string
		data []byte
		want string // names and contents, or the fault
	}{
		{"files of a configuration", packed(t, "sequences/a.yaml", "a", "queues.yaml", "q"), "queues.yaml=q sequences/a.yaml=a"},
		{"a directory around them is taken off", packed(t, "config/", "", "config/sequences/a.yaml", "a", "config/queues.yaml", "q"), "queues.yaml=q sequences/a.yaml=a"},
		{"a directory of the configuration is not taken off", packed(t, "sequences/a.yaml", "a"), "sequences/a.yaml=a"},
		{"what belongs nowhere is left out", packed(t, "queues.yaml", "q", "load.go", "x", "notes/x.yaml", "x", ".git/config", "x"), "queues.yaml=q"},
		{"what systems add is left out", packed(t, "c/queues.yaml", "q", "__MACOSX/c/._queues.yaml", "x", "c/.DS_Store", "x"), "queues.yaml=q"},
		{"no ZIP", []byte("queues: []"), "no ZIP file"},
		{"nothing", nil, "no ZIP file"},
		{"half a ZIP", whole[:len(whole)/2], "no ZIP file"},
		{"nothing that belongs", packed(t, "photo.jpg", "x"), "no file of a configuration"},
		{"a path that climbs", packed(t, "../queues.yaml", "q"), "leads out of it"},
		{"a path that climbs in the middle", packed(t, "sequences/../../queues.yaml", "q"), "leads out of it"},
		{"a path from the root", packed(t, "/etc/cron.d/x", "q"), "leads out of it"},
		{"a path of another system", packed(t, `sequences\a.yaml`, "q"), "leads out of it"},
		{"a drive of another system", packed(t, "c:/queues.yaml", "q"), "leads out of it"},
		{"a directory that climbs", packed(t, "../", ""), "leads out of it"},
		{"a link", linked(t), "a link"},
		{"a name twice", packed(t, "queues.yaml", "q", "queues.yaml", "r"), "twice"},
		{"too many entries", packed(t, many...), "entries"},
		{"a bomb: small when packed, huge when not", packed(t, "sequences/a.yaml", strings.Repeat("a", small+1)), "larger than 64 MB"},
		{"a bomb in parts", packed(t, "sequences/a.yaml", strings.Repeat("a", small/2), "sequences/b.yaml", strings.Repeat("a", small/2), "sequences/c.yaml", "a"), "larger than 64 MB"},
	} {
		files, err := unzipWithin(c.data, small)
		var parts []string
		for name, data := range files {
			parts = append(parts, name+"="+string(data))
		}
		slices.Sort(parts)
		got := strings.Join(parts, " ")
		if err != nil {
			got = err.Error()
		}
		if err != nil && !errors.As(err, new(badZip)) || !strings.Contains(got, c.want) || err == nil && got != c.want {
			t.Errorf("%s: %.200s; want %s", c.why, got, c.want)
		}
	}
}

func FuzzUnzip(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := unzip(data)
		for name := range files {
			if !fs.ValidPath(name) || !config.Belongs(name) || err != nil {
				t.Errorf("%q came out, %v", name, err)
			}
		}
	})
}

func TestDraftOntoARelease(t *testing.T) {
	base := map[string][]byte{"a": []byte("one\ntwo\n"), "b": []byte("x\r\ny\r\n"), "c": []byte("z")}
	for _, c := range []struct {
		why   string
		files []edited
		want  map[string]string
	}{
		{"nothing edited", nil, map[string]string{"a": "one\ntwo\n", "b": "x\r\ny\r\n", "c": "z"}},
		{"a file changed", []edited{{Path: "a", Text: "one\n"}}, map[string]string{"a": "one\n", "b": "x\r\ny\r\n", "c": "z"}},
		{"line ends alone are no change", []edited{{Path: "b", Text: "x\ny\n"}}, map[string]string{"a": "one\ntwo\n", "b": "x\r\ny\r\n", "c": "z"}},
		{"a file removed, another added", []edited{{Path: "c", Gone: true}, {Path: "d", Text: "new", New: true}}, map[string]string{"a": "one\ntwo\n", "b": "x\r\ny\r\n", "d": "new"}},
		{"a new file that is removed again", []edited{{Path: "d", Text: "new", New: true, Gone: true}}, map[string]string{"a": "one\ntwo\n", "b": "x\r\ny\r\n", "c": "z"}},
	} {
		got := map[string]string{}
		for path, data := range (draft{Files: c.files}).onto(base) {
			got[path] = string(data)
		}
		if !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v", c.why, got)
		}
	}
	if len(base) != 3 {
		t.Error("the release itself was changed")
	}
}

func TestSteps(t *testing.T) {
	list := func(text string) (out []dunning.Step) { // "a b:3": id and day
		for word := range strings.FieldsSeq(text) {
			id, day, _ := strings.Cut(word, ":")
			at := len(day)
			out = append(out, dunning.Step{ID: id, At: &at})
		}
		return out
	}
	for _, c := range []struct{ why, before, after, want string }{
		{"nothing differs", "a b", "a b", "same a|a, same b|b"},
		{"a step comes in between", "a c", "a b c", "same a|a, new |b, same c|c"},
		{"a step goes", "a b c", "a c", "same a|a, gone b|, same c|c"},
		{"a step changes", "a b", "a b:1", "same a|a, changed b|b"},
		{"one goes and another comes", "a b c", "a d c", "same a|a, new |d, gone b|, same c|c"},
		{"a step moves up: it is new where it is and gone where it was", "a b", "b a", "gone a|, same b|b, new |a"},
		{"all are new", "", "a b", "new |a, new |b"},
		{"all go", "a b", "", "gone a|, gone b|"},
	} {
		var got []string
		for _, r := range steps(list(c.before), list(c.after)) {
			id := func(b *stepBox) string {
				if b == nil {
					return ""
				}
				return b.ID
			}
			got = append(got, r.Kind+" "+id(r.Left)+"|"+id(r.Right))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %s, want %s", c.why, strings.Join(got, ", "), c.want)
		}
	}
}

func TestQueueIsInOrder(t *testing.T) {
	at := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	rows := []queued{
		{Waiting: Waiting{ID: "late", Since: at.AddDate(0, 0, -9), Due: at.AddDate(0, 0, -2)}},
		{Waiting: Waiting{ID: "without an end, old", Since: at.AddDate(0, 0, -20)}},
		{Waiting: Waiting{ID: "without an end, new", Since: at}},
		{Waiting: Waiting{ID: "due tomorrow, risky", Since: at, Due: at.AddDate(0, 0, 1), Level: 3}},
		{Waiting: Waiting{ID: "due tomorrow", Since: at, Due: at.AddDate(0, 0, 1), Level: 1}},
	}
	slices.Reverse(rows)
	slices.SortStableFunc(rows, before)
	var got []string
	for _, r := range rows {
		got = append(got, r.ID)
	}
	if want := "without an end, old; late; due tomorrow, risky; due tomorrow; without an end, new"; strings.Join(got, "; ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "; "), want)
	}
}

// both loads the shipped configuration twice, the second time with changes.
func both(t *testing.T, change func(files map[string][]byte)) (old, now *config.Config) {
	t.Helper()
	old, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	files := old.Release().Files
	change(files)
	if now, err = config.LoadFiles(files); err != nil {
		t.Fatal(err)
	}
	return old, now
}

func TestMessagesAndEffects(t *testing.T) {
	old, now := both(t, func(files map[string][]byte) {
		const path = "templates/sms/nudge.en.md"
		files[path] = []byte(strings.TrimRight(string(files[path]), "\n") + " Thanks.\n")
		const sequence = "sequences/consumer-standard.yaml"
		files[sequence] = []byte(strings.Replace(string(files[sequence]), "at: +8d", "at: +9d", 1))
	})
	s := sides{Messages: messagesOf(old, now), Sequences: sequencesOf(old, now)}
	if len(s.Messages) != 1 || s.Messages[0].File != "templates/sms/nudge.en.md" || s.Messages[0].What != "changed" || s.Messages[0].RightInfo == "" {
		t.Fatalf("messages that differ: %+v", s.Messages)
	}
	if len(s.Sequences) != 1 || s.Sequences[0].ID != "consumer-standard" || s.Sequences[0].What != "changed" {
		t.Fatalf("sequences that differ: %+v", s.Sequences)
	}
	counts := []read.StepCount{
		{Sequence: "consumer-standard", Version: s.Sequences[0].Before, N: 300}, {Sequence: "consumer-standard", Version: "old", N: 12}, {Sequence: "business-standard", Version: "x", N: 50},
	}
	s.reworded = changedTemplates(old, now, s)
	text := strings.Join(effects(old, now, s, counts), "\n")
	for _, want := range []string{"312 open cases on consumer-standard: they stay on the version", "The next messages of 312 open cases use the new words"} {
		if !strings.Contains(text, want) {
			t.Errorf("the effects say\n%s\nwant %s", text, want)
		}
	}
	if strings.Contains(text, "rules hold") {
		t.Error("rules are said to change, and none does")
	}
}

func TestRulesInWords(t *testing.T) {
	old, now := both(t, func(files map[string][]byte) {
		files["policies/house.yaml"] = []byte(strings.Replace(string(files["policies/house.yaml"]), "days: 7", "days: 8", 1))
	})
	d := &governance{Deps{Rule: func(x contact.RuleSpec) (string, string) {
		if x.Count != nil {
			return fmt.Sprintf("at most %d in %d days", x.Count.Max, x.Count.Days), "all"
		}
		return "something", "all"
	}}}
	rules := d.rulesOf(old, now)
	if len(rules) != 1 || rules[0].What != "changed" {
		t.Fatalf("%+v", rules)
	}
	var marked []string
	for _, p := range rules[0].Right {
		if p.Mark {
			marked = append(marked, p.Text)
		}
	}
	if strings.Join(marked, ",") != "8" {
		t.Errorf("marked is %q", marked)
	}
}

func TestTitleIsTheFirstLineOfTheReason(t *testing.T) {
	for reason, want := range map[string]string{"one\ntwo": "one", strings.Repeat("ä", 200): strings.Repeat("ä", 89) + "…"} {
		if got := titleOf(proposal.Proposal{Reason: reason}); got != want {
			t.Errorf("%q", got)
		}
	}
}

// TestNothingHidesInAFile: a byte that is no text, or a sign that nobody sees, must not keep
// from the checker what else differs.
func TestNothingHidesInAFile(t *testing.T) {
	const path = "templates/sms/nudge.en.md"
	for _, hide := range []string{"\x00", "\xff", "\u202E", "\u200B", "\r"} {
		f := filesOf(map[string][]byte{path: []byte("Dear {{ debtor.name }}\n")}, map[string][]byte{path: []byte("Dear {{ debtor.name }}\nPay" + hide + " at once\n")})
		var seen strings.Builder
		for _, r := range f[0].Rows {
			for _, p := range r.Right.Parts {
				seen.WriteString(p.Shown())
			}
		}
		if text := seen.String(); !strings.Contains(text, " at once") || !strings.Contains(text, "Pay⟨") || strings.Contains(text, hide) {
			t.Errorf("with %q the checker sees %q", hide, text)
		}
	}
}

// TestWordsThatNoSampleSeesAreTold: what stands in a branch that the invented debtor does not
// come into changes no message on the page, and yet what real debtors read.
func TestWordsThatNoSampleSeesAreTold(t *testing.T) {
	const path = "templates/sms/nudge.en.md"
	branch := func(text string) func(map[string][]byte) {
		return func(files map[string][]byte) {
			files[path] = []byte(strings.TrimRight(string(files[path]), "\n") + `{% if creditor.name == "No Such" %}` + text + "{% endif %}\n")
		}
	}
	_, old := both(t, branch("Please."))
	_, now := both(t, branch("At once!"))
	s := sides{Messages: messagesOf(old, now), Files: []fileSides{{Change: proposal.Change{Path: path, What: "changed"}}}}
	if len(s.Messages) > 0 {
		t.Fatalf("the invented debtor came into the branch: %+v", s.Messages)
	}
	s.reworded = changedTemplates(old, now, s)
	counts := []read.StepCount{{Sequence: "consumer-standard", Version: "old", N: 12}}
	if text := strings.Join(effects(old, now, s, counts), "\n"); !strings.Contains(text, "The next messages of 12 open cases use the new words") {
		t.Errorf("the effects say %q", text)
	}
}
