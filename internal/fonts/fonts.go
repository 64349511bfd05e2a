// Package fonts holds the typefaces of what Duly sets on paper, and knows which characters
// they can print.
//
// It owns the files (DejaVu Sans Condensed, see LICENSE) and their coverage. It does not own
// layout, nor what to do about a character that is not there.
package fonts

import (
	_ "embed" // the typefaces
	"encoding/binary"
	"sync"
)

// Regular is the typeface of running text, as a TrueType file.
//
//go:embed DejaVuSansCondensed.ttf
var Regular []byte

// Bold is the typeface of headings, as a TrueType file.
//
//go:embed DejaVuSansCondensed-Bold.ttf
var Bold []byte

// Has reports whether both typefaces can print a character of the Basic Multilingual Plane.
// Whether one glyph after another is how its script is written is another question.
func Has(r rune) bool { return glyphs()[r] }

// glyphs are the characters that both fonts can print.
var glyphs = sync.OnceValue(func() map[rune]bool {
	bold := coverage(Bold)
	both := map[rune]bool{}
	for r := range coverage(Regular) {
		if bold[r] {
			both[r] = true
		}
	}
	return both
})

// coverage reads the characters of a TrueType font out of its cmap table,
// subtable format 4 (the Basic Multilingual Plane; fpdf prints no other).
func coverage(font []byte) map[rune]bool {
	out := map[rune]bool{}
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(font[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(font[at:])) }
	for t := range u16(4) {
		entry := 12 + 16*t
		if string(font[entry:entry+4]) != "cmap" {
			continue
		}
		cmap := u32(entry + 8)
		for s := range u16(cmap + 2) {
			record := cmap + 4 + 8*s
			if sub := cmap + u32(record+4); u16(record) == 3 && u16(record+2) == 1 && u16(sub) == 4 {
				segments(u16, sub, out)
			}
		}
	}
	return out
}

// segments reads one format 4 subtable (OpenType, cmap).
func segments(u16 func(int) int, sub int, out map[rune]bool) {
	n := u16(sub+6) / 2
	for i := range n {
		end, start := u16(sub+14+2*i), u16(sub+16+2*n+2*i)
		delta, offsetAt := u16(sub+16+4*n+2*i), sub+16+6*n+2*i
		for c := start; c <= end && c != 0xffff; c++ {
			glyph := c
			if offset := u16(offsetAt); offset != 0 {
				glyph = u16(offsetAt + offset + 2*(c-start))
			}
			if (glyph+delta)&0xffff != 0 {
				out[rune(c)] = true
			}
		}
	}
}
