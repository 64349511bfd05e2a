package proposal

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
)

// show writes rows so that a table can hold them: [marked], | between the sides.
func show(rows []Row) string {
	side := func(s Side) string {
		var b strings.Builder
		for _, p := range s.Parts {
			if p.Mark {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
		return b.String()
	}
	var out []string
	for _, r := range rows {
		out = append(out, r.Kind+" "+side(r.Left)+"|"+side(r.Right))
	}
	return strings.Join(out, "\n")
}

func TestCompare(t *testing.T) {
	long := strings.Repeat("same\n", 20)
	for _, c := range []struct{ why, before, after, want string }{
		{"nothing differs", "a\nb\n", "a\nb\n", "gap |"},
		{"nothing and nothing", "", "", ""},
		{"one word of a line differs", "pay within 10 days\n", "pay within 14 days\n", "changed pay within [10] days|pay within [14] days"},
		{"a sign differs", "Dear Ann,\n", "Dear Ann:\n", "changed Dear Ann[,]|Dear Ann[:]"},
		{"a line more", "a\nc\n", "a\nb\nc\n", "same a|a\nnew |b\nsame c|c"},
		{"a line less", "a\nb\nc\n", "a\nc\n", "same a|a\ngone b|\nsame c|c"},
		{"two lines become one", "x\none\ntwo\ny\n", "x\nthree\ny\n", "same x|x\nchanged [one]|[three]\ngone two|\nsame y|y"},
		{"all is new", "", "a\nb", "new |a\nnew |b"},
		{"all is gone", "a\nb", "", "gone a|\ngone b|"},
		{"far lines are left out", long + "x\n" + long, long + "y\n" + long, "gap |\nsame same|same\nsame same|same\nsame same|same\nchanged [x]|[y]\nsame same|same\nsame same|same\nsame same|same\ngap |"},
		{"line ends of other systems are no difference", "a\r\nb\r\n", "a\nb\n", "gap |"},
		{"letters of any script are words", "zahle für Müller", "zahle an Müller", "changed zahle [für] Müller|zahle [an] Müller"},
		{"an end without a line end", "a", "a\nb", "same a|a\nnew |b"},
	} {
		if got := show(Compare(c.before, c.after)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.why, got, c.want)
		}
	}
}

// TestCompareLosesNothing holds both texts against what the rows say, for texts of every
// kind: nothing is lost, doubled or out of order.
func TestCompareLosesNothing(t *testing.T) {
	texts := []string{"", "a", "a\nb\nc", "b\na\nc\nd", "\n\n\n", "x y z\nx  z", strings.Repeat("p q\n", 50), strings.Repeat("p q\nr\n", 50), "\x00\xff\n\u0301"}
	for _, before := range texts {
		for _, after := range texts {
			rows := Compare(before, after)
			left, right, n, m := lines(before), lines(after), 0, 0
			for _, r := range rows {
				if r.Kind == "gap" {
					for range r.Skipped {
						if left[n] != right[m] {
							t.Fatalf("%q → %q: a gap hides a difference", before, after)
						}
						n, m = n+1, m+1
					}
					continue
				}
				if r.Left.N > 0 {
					if n++; r.Left.N != n || r.Left.Text() != left[n-1] {
						t.Fatalf("%q → %q: line %d on the left is %q", before, after, r.Left.N, r.Left.Text())
					}
				}
				if r.Right.N > 0 {
					if m++; r.Right.N != m || r.Right.Text() != right[m-1] {
						t.Fatalf("%q → %q: line %d on the right is %q", before, after, r.Right.N, r.Right.Text())
					}
				}
			}
			if n != len(left) || m != len(right) {
				t.Fatalf("%q → %q: %d of %d lines on the left, %d of %d on the right", before, after, n, len(left), m, len(right))
			}
		}
	}
}

func TestCompareIsBounded(t *testing.T) {
	a, b := strings.Repeat("a\nb\n", 3000), strings.Repeat("c\nd\n", 3000)
	if rows := Compare(a, b); len(rows) != 6000 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestCompareOfLongLinesIsBounded: whoever proposes chooses the text, and everybody who looks
// at it pays. The words of the first lines are compared, and later lines differ as a whole.
func TestCompareOfLongLinesIsBounded(t *testing.T) {
	a, b := strings.Repeat(strings.Repeat("a ", 300)+"\n", 100), strings.Repeat("b "+strings.Repeat("a ", 298)+"c \n", 100)
	rows := Compare(a, b)
	if len(rows) != 100 {
		t.Fatalf("%d rows", len(rows))
	}
	if first, last := rows[0].Left.Parts, rows[99].Left.Parts; len(first) < 4 || len(last) > 2 || !last[0].Mark {
		t.Errorf("parts of the first line: %d, of the last: %+v", len(first), last)
	}
}

func TestVisible(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"plain text of any script", "Zahle 10 € für Müller\t请 😀 \n", "Zahle 10 € für Müller\t请 😀 \n"},
		{"text that runs backwards", "at: \u202Ed8+", "at: ⟨U+202E⟩d8+"},
		{"isolates", "\u2066a\u2069", "⟨U+2066⟩a⟨U+2069⟩"},
		{"letters without width", "pa\u200By\uFEFF\u00AD\u3164", "pa⟨U+200B⟩y⟨U+FEFF⟩⟨U+00AD⟩⟨U+3164⟩"},
		{"a line that ends twice", "# words\rpriority: 9", "# words⟨U+000D⟩priority: 9"},
		{"line ends of other kinds", "a\u2028b\u0085", "a⟨U+2028⟩b⟨U+0085⟩"},
		{"tags", "a\U000E0041", "a⟨U+E0041⟩"},
		{"nothing and bytes of no text", "\x00\xff", "⟨U+0000⟩⟨0xFF⟩"},
		{"the sign for what cannot be read itself", "\uFFFD", "\uFFFD"},
	} {
		if got := Visible(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

func files(pairs ...string) map[string][]byte {
	out := map[string][]byte{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = []byte(pairs[i+1])
	}
	return out
}

func TestRebase(t *testing.T) {
	base := files("a", "1", "b", "1", "c", "1")
	for _, c := range []struct {
		why           string
		mine, current map[string][]byte
		want          map[string][]byte
		conflict      string
	}{
		{"nothing came in between", files("a", "2", "b", "1", "c", "1"), base, files("a", "2", "b", "1", "c", "1"), ""},
		{"another file was changed since", files("a", "2", "b", "1", "c", "1"), files("a", "1", "b", "3", "c", "1"), files("a", "2", "b", "3", "c", "1"), ""},
		{"a file was added here and another there", files("a", "1", "b", "1", "c", "1", "d", "2"), files("a", "1", "b", "1", "c", "1", "e", "3"), files("a", "1", "b", "1", "c", "1", "d", "2", "e", "3"), ""},
		{"a file was removed here", files("a", "1", "b", "1"), files("a", "1", "b", "3", "c", "1"), files("a", "1", "b", "3"), ""},
		{"a file was removed there", files("a", "2", "b", "1", "c", "1"), files("a", "1", "b", "1"), files("a", "2", "b", "1"), ""},
		{"both made the same change", files("a", "2", "b", "1", "c", "1"), files("a", "2", "b", "1", "c", "1"), files("a", "2", "b", "1", "c", "1"), ""},
		{"both changed one file", files("a", "2", "b", "1", "c", "1"), files("a", "3", "b", "1", "c", "1"), nil, "a"},
		{"removed here and changed there", files("b", "1", "c", "1"), files("a", "3", "b", "1", "c", "1"), nil, "a"},
		{"added by both, differently, and another one: all are named", files("a", "2", "b", "1", "c", "1", "d", "2"), files("a", "3", "b", "1", "c", "1", "d", "3"), nil, "a d"},
	} {
		got, err := Rebase(base, c.mine, c.current)
		var conflict *Conflict
		errors.As(err, &conflict)
		switch {
		case c.conflict == "" && (err != nil || !cmp.Equal(got, c.want)):
			t.Errorf("%s: %v, %v", c.why, got, err)
		case c.conflict != "" && (conflict == nil || strings.Join(conflict.Paths, " ") != c.conflict || !errors.Is(err, dunning.ErrConflict)):
			t.Errorf("%s: %v, %v", c.why, got, err)
		}
	}
}

func TestRiskAndOrder(t *testing.T) {
	for path, want := range map[string]string{
		"policies/us-ca.yaml": "policy", "roles.yaml": "policy", "disclosures.yaml": "policy", "sequences/a.yaml": "sequence", "creditors/a.yaml": "sequence",
		"templates/sms/a.en.md": "template", "mappings/items.yaml": "other", "queues.yaml": "other",
	} {
		if got := RiskOf([]Change{{Path: "queues.yaml"}, {Path: path}, {Path: "mappings/x.yaml"}}); got.Word != want {
			t.Errorf("%s is %s, want %s", path, got.Word, want)
		}
	}
	at := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	all := []Proposal{
		{ID: "new template", Made: at, Changes: []Change{{Path: "templates/a"}}},
		{ID: "new policy", Made: at, Changes: []Change{{Path: "policies/a"}}},
		{ID: "old template", Made: at.AddDate(0, 0, -4), Changes: []Change{{Path: "templates/a"}}},
		{ID: "template as due as the policy", Made: at.AddDate(0, 0, -2), Changes: []Change{{Path: "templates/a"}}},
	}
	Sort(all)
	var ids []string
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	if got, want := strings.Join(ids, ", "), "old template, new policy, template as due as the policy, new template"; got != want {
		t.Errorf("order: %s\nwant:  %s", got, want)
	}
}

func TestChangesOf(t *testing.T) {
	got := ChangesOf([]string{"+ a", "~ b c", "- d", ""})
	if want := []Change{{"a", "added"}, {"b c", "changed"}, {"d", "removed"}}; !cmp.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestAsked(t *testing.T) {
	for _, c := range []struct {
		steps string
		asked bool
	}{{"", false}, {"on", false}, {"on off_asked", true}, {"on off_asked on", false}, {"on off_asked off", false}} {
		var f FourEyes
		for s := range strings.FieldsSeq(c.steps) {
			f.Steps = append(f.Steps, Step{Step: s})
		}
		if got := f.Asked() != nil; got != c.asked {
			t.Errorf("after %q: %v", c.steps, got)
		}
	}
}
