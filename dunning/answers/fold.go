package answers

import (
	"strings"
	"unicode"
)

// lookalikes are letters of other scripts and forms that are drawn like Latin
// ones; people who play with them want to be read all the same.
var lookalikes = map[rune]string{
	'а': "a", 'в': "b", 'с': "c", 'ԁ': "d", 'е': "e", 'һ': "h", 'н': "h", 'і': "i", 'ј': "j", 'к': "k", 'ӏ': "l", 'м': "m", 'о': "o", 'р': "p",
	'ԛ': "q", 'г': "r", 'ѕ': "s", 'т': "t", 'у': "y", 'ѵ': "v", 'ԝ': "w", 'х': "x", 'ɡ': "g", 'ɑ': "a", 'ı': "i", 'ѡ': "w", 'ո': "n", 'ս': "u",
	'α': "a", 'β': "b", 'ε': "e", 'η': "n", 'ι': "i", 'κ': "k", 'μ': "m", 'ν': "v", 'ο': "o", 'ρ': "p", 'σ': "o", 'τ': "t", 'υ': "u", 'χ': "x", 'ω': "w",
	'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'þ': "th",
	'ᴀ': "a", 'ʙ': "b", 'ᴄ': "c", 'ᴅ': "d", 'ᴇ': "e", 'ꜰ': "f", 'ɢ': "g", 'ʜ': "h", 'ɪ': "i", 'ᴊ': "j", 'ᴋ': "k", 'ʟ': "l", 'ᴍ': "m",
	'ɴ': "n", 'ᴏ': "o", 'ᴘ': "p", 'ʀ': "r", 'ꜱ': "s", 'ᴛ': "t", 'ᴜ': "u", 'ᴠ': "v", 'ᴡ': "w", 'ʏ': "y", 'ᴢ': "z",
}

// accented lists letters with marks by the letter below them.
var accented = func() map[rune]rune {
	out := map[rune]rune{}
	for base, marked := range map[rune]string{
		'a': "àáâãäåāăąǎȧạảấầẩẫậắằẳẵặ", 'c': "çćĉċč", 'd': "ďḍ", 'e': "èéêëēĕėęěẹẻẽếềểễệ", 'g': "ĝğġģ", 'h': "ĥħḥ", 'i': "ìíîïĩīĭįǐịỉ", 'j': "ĵ", 'k': "ķ",
		'l': "ĺļľŀ", 'n': "ñńņňŋṇ", 'o': "òóôõöōŏőǒọỏốồổỗộớờởỡợ", 'r': "ŕŗř", 's': "śŝşšșṣ", 't': "ţťŧțṭ", 'u': "ùúûüũūŭůűųǔụủứừửữự", 'w': "ŵẁẃẅ",
		'y': "ýÿŷỳỵỷỹ", 'z': "źżžẓ",
	} {
		for _, r := range marked {
			out[r] = base
		}
	}
	return out
}()

// fold writes a rune as the lower-case ASCII letters or digits that a reader
// sees in it; "" for marks and signs that are not seen. Other letters keep
// their lower case.
func fold(r rune) string {
	if r < 0x80 {
		return string(unicode.ToLower(r))
	}
	if invisible(r) {
		return ""
	}
	if f, ok := styled(r); ok {
		r = f
	}
	if s, ok := lookalikes[r]; ok {
		return s
	}
	r = unicode.ToLower(r)
	if s, ok := lookalikes[r]; ok {
		return s
	}
	if b, ok := accented[r]; ok {
		return string(b)
	}
	return string(r)
}

// invisible are joiners, marks and controls that only hide a word from machines.
func invisible(r rune) bool {
	switch {
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Me, r):
		return true
	case r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0:
		return true
	}
	return false
}

// mathAlphabets begin the runs of 26 capitals and 26 small letters among the
// mathematical letters.
const (
	mathFirst, mathLast     = 0x1D400, 0x1D6A3
	mathDigit, mathDigitEnd = 0x1D7CE, 0x1D7FF
)

// styled maps letters that differ from Latin ones in style only: full width,
// circled, mathematical.
func styled(r rune) (rune, bool) {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return unicode.ToLower(r - 0xFF01 + '!'), true
	case r >= 0x24B6 && r <= 0x24CF:
		return r - 0x24B6 + 'a', true
	case r >= 0x24D0 && r <= 0x24E9:
		return r - 0x24D0 + 'a', true
	case r >= 0x1F130 && r <= 0x1F149:
		return r - 0x1F130 + 'a', true
	case r >= 0x1F150 && r <= 0x1F169:
		return r - 0x1F150 + 'a', true
	case r >= 0x1F170 && r <= 0x1F189:
		return r - 0x1F170 + 'a', true
	case r >= 0x1F1E6 && r <= 0x1F1FF:
		return r - 0x1F1E6 + 'a', true
	case r >= mathFirst && r <= mathLast:
		return (r-mathFirst)%26 + 'a', true
	case r >= mathDigit && r <= mathDigitEnd:
		return (r-mathDigit)%10 + '0', true
	}
	return r, false
}

// foldWord folds all of a word.
func foldWord(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(fold(r))
	}
	return b.String()
}
