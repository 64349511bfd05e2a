package sms

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestCount(t *testing.T) {
	r := strings.Repeat
	cases := []struct {
		name string
		text string
		want Info
	}{
		{"nothing", "", Info{GSM7, 0, 0, 160, 0, -1}},
		{"one character", "a", Info{GSM7, 1, 1, 159, 0, -1}},
		{"exactly one segment", r("a", 160), Info{GSM7, 1, 160, 0, 0, -1}},
		{"one more needs two of 153", r("a", 161), Info{GSM7, 2, 161, 145, 0, -1}},
		{"exactly two", r("a", 306), Info{GSM7, 2, 306, 0, 0, -1}},
		{"one more needs three", r("a", 307), Info{GSM7, 3, 307, 152, 0, -1}},
		{"the euro sign counts two", "€", Info{GSM7, 1, 2, 158, 0, -1}},
		{"eighty euro signs fill one segment", r("€", 80), Info{GSM7, 1, 160, 0, 0, -1}},
		{"an escape pair does not straddle segments", r("a", 152) + "€" + r("a", 10), Info{GSM7, 2, 164, 141, 0, -1}},
		{"all extension characters", "^{}\\[~]|€\f", Info{GSM7, 1, 20, 140, 0, -1}},
		{"the whole basic alphabet", basic, Info{GSM7, 1, 127, 33, 0, -1}},
		{"capital Ç is in the alphabet", "Ça", Info{GSM7, 1, 2, 158, 0, -1}},
		{"lower-case ç is not", "ça va", Info{UCS2, 1, 5, 65, 'ç', 0}},
		{"a backtick is not, and is named", "price `12`", Info{UCS2, 1, 10, 60, '`', 6}},
		{"a no-break space is not", "12\u00a0€", Info{UCS2, 1, 4, 66, '\u00a0', 2}},
		{"a tab is not", "a\tb", Info{UCS2, 1, 3, 67, '\t', 1}},
		{"exactly one segment of UCS-2", r("ж", 70), Info{UCS2, 1, 70, 0, 'ж', 0}},
		{"one more needs two of 67", r("ж", 71), Info{UCS2, 2, 71, 63, 'ж', 0}},
		{"an emoji counts two", "😀", Info{UCS2, 1, 2, 68, '😀', 0}},
		{"a surrogate pair does not straddle segments", r("ж", 66) + "😀" + r("ж", 10), Info{UCS2, 2, 78, 55, 'ж', 0}},
		{"invalid UTF-8 counts as it would arrive", "a\xff", Info{UCS2, 1, 2, 68, utf8.RuneError, 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Count(c.text); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestCleanAndFold(t *testing.T) {
	cases := []struct{ name, in, clean, fold string }{
		{"no-break spaces", "1\u00a0234,50\u202f€", "1 234,50 €", "1 234,50 €"},
		{"quotes and dashes stay for Clean", "‘a’ – “b”…", "‘a’ – “b”…", `'a' - "b"...`},
		{"invisible characters", "a\u200bb\ufeff", "a\u200bb\ufeff", "ab"},
		{"German quotes", "„Rechnung“ «x»", "„Rechnung“ «x»", `"Rechnung" "x"`},
		{"plain text is untouched", "Pay 12.00 ÄÖÜ", "Pay 12.00 ÄÖÜ", "Pay 12.00 ÄÖÜ"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Clean(c.in); got != c.clean {
				t.Errorf("Clean gave %q, want %q", got, c.clean)
			}
			if got := Fold(c.in); got != c.fold {
				t.Errorf("Fold gave %q, want %q", got, c.fold)
			}
		})
	}
	if Count(Clean("12\u00a0€")).Encoding != GSM7 {
		t.Error("a cleaned amount fits GSM-7")
	}
}

// slow counts segments in the plainest way: it writes out what is transmitted,
// character by character, and cuts segments as long as possible by searching
// the furthest legal cut every time.
func slow(text string) (Encoding, int) {
	var units [][]uint16 // one entry a character: its septets or UTF-16 units
	encoding := GSM7
	for _, r := range text {
		if !strings.ContainsRune(basic, r) && !strings.ContainsRune(extension, r) {
			encoding = UCS2
		}
	}
	total := 0
	for _, r := range text {
		u := utf16.Encode([]rune{r})
		if encoding == GSM7 {
			u = []uint16{uint16(r)}
			if strings.ContainsRune(extension, r) {
				u = []uint16{0x1b, uint16(r)}
			}
		}
		units = append(units, u)
		total += len(u)
	}
	single, multi := 160, 153
	if encoding == UCS2 {
		single, multi = 70, 67
	}
	if total == 0 {
		return encoding, 0
	}
	if total <= single {
		return encoding, 1
	}
	segments := 0
	for len(units) > 0 {
		n, size := 0, 0
		for n < len(units) && size+len(units[n]) <= multi {
			size += len(units[n])
			n++
		}
		units = units[n:]
		segments++
	}
	return encoding, segments
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"", "hello", strings.Repeat("€", 77), strings.Repeat("a", 152) + "€€", strings.Repeat("😀ж", 40), "ç", "\x00\xff", basic + extension} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		text := strings.Repeat(s, 1+(n&7))
		encoding, segments := slow(text)
		got := Count(text)
		if got.Encoding != encoding || got.Segments != segments {
			t.Fatalf("%q: got %s %d, the slow count says %s %d", text, got.Encoding, got.Segments, encoding, segments)
		}
		if (got.Encoding == UCS2) != (got.Index >= 0) || got.Index >= 0 && []rune(text)[got.Index] != got.Offender {
			t.Fatalf("%q: the offender %q at %d is not there", text, got.Offender, got.Index)
		}
		if got.Room < 0 || got.Units < 0 {
			t.Fatalf("%q: %+v", text, got)
		}
		if c := Clean(text); Clean(c) != c || utf8.RuneCountInString(c) != utf8.RuneCountInString(text) {
			t.Fatalf("%q: Clean changes lengths or is not stable", text)
		}
	})
}
