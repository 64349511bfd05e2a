package postgres

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzEncodeJSON: whatever a debtor writes, jsonb can hold it, and nothing but U+0000
// is changed beyond what JSON itself changes.
func FuzzEncodeJSON(f *testing.F) {
	for _, s := range []string{"", "plain", "a\x00b", `a\u0000`, "\\\x00", `\\`, "\\\\\x00\x00", "\xff\x00", "\"\x00\"", "\u2028\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		plain, err := json.Marshal(map[string]string{s: s})
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]string
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		encoded, err := encodeJSON(map[string]string{s: s})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatalf("%q is no JSON: %v", encoded, err)
		}
		for key, text := range want {
			clean := strings.ReplaceAll(key, "\x00", "\ufffd")
			if got[clean] != strings.ReplaceAll(text, "\x00", "\ufffd") {
				t.Errorf("%q became %q", s, got)
			}
		}
		if c := cleanText(s); !utf8.ValidString(c) || strings.Contains(c, "\x00") || utf8.ValidString(s) && !strings.Contains(s, "\x00") && c != s {
			t.Errorf("text %q became %q", s, c)
		}
	})
}
