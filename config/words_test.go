package config

import (
	"strings"
	"testing"
	"unicode"
)

// TestWordsAreFoundAsThePatternFindsThem: looking for the first words beforehand is a short
// cut and decides nothing.
func TestWordsAreFoundAsThePatternFindsThem(t *testing.T) {
	list := []string{"debt", "legal action", "sue", "Mahnung", "größte  Strafe", "σας", "ß", "straße", "KLAGE", "K", "a.b"}
	w := compileWords(list)
	for _, text := range []string{
		"", "a friendly letter", "your DEBT is old", "debtor", "indebted", "legal\n\taction", "legal\u00a0action", "LEGAL  Action!", "legal", "we ſue", "We SUE you", "pursue",
		"MAHNUNG", "mahnungen", "GRÖSSTE STRAFE", "GRÖßTE\nstrafe", "größte strafe", "ΣΑΣ", "σασ", "STRAẞE", "straſſe", "Klage", "\u212alage", "\u212a", "axb", "A.B", "\xff debt \xff", "\xff",
		strings.Repeat("nothing of it ", 50), strings.Repeat("x", 4000) + " Sue",
	} {
		if got, want := w.in(text), w.pattern.MatchString(text); got != want {
			t.Errorf("%q: %v, the pattern says %v", text, got, want)
		}
	}
	if (words{}).in("anything") || compileWords([]string{" "}).in(" ") {
		t.Error("no words are found in a text")
	}
}

// Letters that a pattern takes for one are one when folded, all of Unicode's.
func TestFoldingIsThatOfPatterns(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if next := unicode.SimpleFold(r); next != r && fold(string(r)) != fold(string(next)) {
			t.Fatalf("%q and %q differ in case only and are folded to %q and %q", r, next, fold(string(r)), fold(string(next)))
		}
	}
}
