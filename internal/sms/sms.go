// Package sms counts what a text costs as SMS and cleans what would make it
// cost more than it must.
//
// It owns the GSM 03.38 alphabet, segments, and two rewritings: Clean (spaces
// only, never visible) and Fold (typography, for comparing texts). It does not
// own templates or sending.
package sms

import (
	"strings"
	"unicode/utf16"
)

// Encoding is how a text travels.
type Encoding string

// The two encodings of SMS.
const (
	GSM7 Encoding = "GSM-7" // seven-bit default alphabet and its extension table
	UCS2 Encoding = "UCS-2" // UTF-16; taken as soon as one character is not in GSM-7
)

// Sizes of a message: septets for GSM-7, UTF-16 units for UCS-2. A message of
// several segments loses room in each to the header that joins them.
const (
	single7, multi7   = 160, 153
	single16, multi16 = 70, 67
)

// Info is what an editor shows about a text.
type Info struct {
	Encoding Encoding
	Segments int  // 0 for an empty text
	Units    int  // septets or UTF-16 units used, without the padding at segment ends
	Room     int  // units that still fit into the last segment
	Offender rune // the first character that is not in GSM-7; 0 when there is none
	Index    int  // its place, counted in characters from 0; -1 when there is none
}

// basic is the GSM 03.38 default alphabet (3GPP TS 23.038, 6.2.1) without the
// escape at 0x1B. Lower-case ç is not in it, capital Ç is.
const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// extension takes two septets each (6.2.1.1).
const extension = "\f^{}\\[~]|€"

// septets is the cost of every GSM-7 character; 0 = not in GSM-7.
var septets = func() map[rune]int {
	m := map[rune]int{}
	for _, r := range basic {
		m[r] = 1
	}
	for _, r := range extension {
		m[r] = 2
	}
	return m
}()

// Count says how text would travel as it stands. Invalid UTF-8 counts as
// U+FFFD, as it would arrive.
func Count(text string) Info {
	info := Info{Encoding: GSM7, Index: -1}
	i := 0
	for _, r := range text {
		if septets[r] == 0 {
			info.Encoding, info.Offender, info.Index = UCS2, r, i
			break
		}
		i++
	}
	if info.Encoding == GSM7 {
		return info.fill(text, single7, multi7, func(r rune) int { return septets[r] })
	}
	return info.fill(text, single16, multi16, func(r rune) int { return utf16.RuneLen(r) })
}

// fill packs text into segments. Neither an escape pair of GSM-7 nor a
// surrogate pair of UTF-16 may straddle two segments: it moves on whole.
func (i Info) fill(text string, single, multi int, cost func(rune) int) Info {
	used := 0 // in the current segment, when there are several
	segments := 1
	for _, r := range text {
		c := cost(r)
		i.Units += c
		if used+c > multi {
			segments++
			used = 0
		}
		used += c
	}
	switch {
	case i.Units == 0:
		i.Segments, i.Room = 0, single
	case i.Units <= single:
		i.Segments, i.Room = 1, single-i.Units
	default:
		i.Segments, i.Room = segments, multi-used
	}
	return i
}

// Clean replaces the spaces that word processors and number formats leave
// (no-break space U+00A0, narrow no-break space U+202F) by plain ones. One of
// them turns a whole message into UCS-2, and nobody can see why.
func Clean(text string) string { return spaces.Replace(text) }

var spaces = strings.NewReplacer("\u00a0", " ", "\u202f", " ")

// Fold replaces typography by its plain form, as providers' "smart encoding"
// does, so that a text can be recognised after it. It is for comparing and for
// suggestions in an editor, never for rewriting what compliance approved.
func Fold(text string) string { return typography.Replace(text) }

var typography = strings.NewReplacer(
	"\u00a0", " ", "\u202f", " ", "\u2007", " ", "\u2009", " ", "\u200b", "", "\ufeff", "",
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "′", "'",
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "″", `"`, "«", `"`, "»", `"`,
	"‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "―", "-", "−", "-",
	"…", "...", "•", "-",
)
