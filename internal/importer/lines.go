package importer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxLine bounds a physical line, so that a file without line ends cannot fill the memory.
const maxLine = 1 << 20

// sniffed is how many bytes decide about encoding and line ends.
const sniffed = 64 << 10

// line is one physical line without its end.
type line struct {
	number  int
	text    []byte
	tooLong bool // text holds only the beginning
}

// lines splits a file into physical lines. Single-byte encodings are split
// before they are decoded, so that the raw bytes of a row survive.
type lines struct {
	r       *bufio.Reader
	number  int
	end     byte              // '\n', or '\r' in files of old Macs
	charset *charmap.Charmap  // of single-byte encodings, nil for UTF-8
	writer  encoding.Encoding // how text added to a reject file is written; nil = UTF-8
	bom     []byte
}

// openLines finds out the encoding and removes the byte order mark.
func openLines(r io.Reader, wanted string) (*lines, error) {
	l := &lines{r: bufio.NewReaderSize(r, sniffed), end: '\n'}
	head, err := l.r.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	if err := l.encode(wanted, head); err != nil {
		return nil, err
	}
	if head, _ = l.r.Peek(sniffed); bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		l.end = '\r'
	}
	return l, nil
}

// The byte order marks.
var (
	bomUTF8    = []byte{0xEF, 0xBB, 0xBF}
	bomUTF16LE = []byte{0xFF, 0xFE}
	bomUTF16BE = []byte{0xFE, 0xFF}
)

func (l *lines) encode(wanted string, head []byte) error {
	switch wanted {
	case "windows-1252":
		l.charset = charmap.Windows1252
	case "iso-8859-15":
		l.charset = charmap.ISO8859_15
	case "utf-16":
		l.utf16(unicode.LittleEndian, head)
		return nil
	case "", "auto":
		if order, is := looksUTF16(head); is {
			l.utf16(order, head)
			return nil
		}
		if !bytes.HasPrefix(head, bomUTF8) && !validUTF8(head) && !mostlyUTF8(head) {
			l.charset = charmap.Windows1252
		}
	case "utf-8":
		if _, is := looksUTF16(head); is {
			return &FileError{Line: 1, Message: "the file is UTF-16, not UTF-8; set file.encoding of the mapping to auto or utf-16"}
		}
	default:
		return &FileError{Message: "the mapping's file.encoding " + quote(wanted) + " is not known"}
	}
	if l.charset != nil {
		l.writer = l.charset
	}
	if l.charset == nil && bytes.HasPrefix(head, bomUTF8) {
		l.bom = bomUTF8
		_, err := l.r.Discard(len(bomUTF8))
		return err
	}
	return nil
}

// utf16 decodes the whole file, because its lines cannot be split before.
// A byte order mark goes before the order that was guessed.
func (l *lines) utf16(order unicode.Endianness, head []byte) {
	if bytes.HasPrefix(head, bomUTF16BE) {
		order = unicode.BigEndian
	}
	l.bom = bomUTF16LE
	if order == unicode.BigEndian {
		l.bom = bomUTF16BE
	}
	l.writer = unicode.UTF16(order, unicode.IgnoreBOM)
	decoder := unicode.UTF16(order, unicode.UseBOM).NewDecoder()
	l.r = bufio.NewReaderSize(transform.NewReader(l.r, decoder), sniffed)
}

// looksUTF16 goes by the mark, else by ASCII written with a zero in every other byte.
func looksUTF16(head []byte) (unicode.Endianness, bool) {
	switch {
	case bytes.HasPrefix(head, bomUTF16LE):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(head, bomUTF16BE):
		return unicode.BigEndian, true
	}
	sample := head[:min(len(head), 512)]
	var even, odd int
	for i, b := range sample {
		if b == 0 && i%2 == 0 {
			even++
		} else if b == 0 {
			odd++
		}
	}
	half := len(sample) / 2
	switch {
	case half >= 4 && odd > half*3/4 && even == 0:
		return unicode.LittleEndian, true
	case half >= 4 && even > half*3/4 && odd == 0:
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
}

// validUTF8 forgives a character cut off by the end of the sample.
func validUTF8(head []byte) bool {
	for cut := 0; cut < utf8.UTFMax && cut <= len(head); cut++ {
		if utf8.Valid(head[:len(head)-cut]) {
			return true
		}
		if len(head) < sniffed {
			return false
		}
	}
	return false
}

// mostlyUTF8 recognises UTF-8 in which single characters are broken, such as by a
// program that cut a text to so many bytes: read as windows-1252, every other name of the
// file would come out wrong without a word. Text in windows-1252 hardly ever holds
// sequences that are valid by chance.
func mostlyUTF8(head []byte) bool {
	whole, broken := 0, 0
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		switch {
		case r == utf8.RuneError && size == 1:
			broken++
		case size > 1:
			whole++
		}
		head = head[size:]
	}
	return whole > broken
}

// next returns the next line, or io.EOF after the last one.
func (l *lines) next() (line, error) {
	var out line
	for {
		chunk, err := l.r.ReadSlice(l.end)
		room := maxLine - len(out.text)
		if len(chunk) > room+2 {
			out.tooLong = true
		}
		out.text = append(out.text, chunk[:min(len(chunk), max(room+2, 0))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(out.text) == 0:
			return out, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return out, err
		}
		l.number++
		out.number = l.number
		out.text = trimEnd(out.text, l.end)
		out.tooLong = out.tooLong || len(out.text) > maxLine
		return out, nil
	}
}

func trimEnd(text []byte, end byte) []byte {
	text = bytes.TrimSuffix(text, []byte{end})
	return bytes.TrimSuffix(text, []byte{'\r'})
}

// decode turns the bytes of a cell into text. It fails, with words that say
// how to mend it, where the bytes are no text in the file's encoding.
func (l *lines) decode(cell []byte) (string, string) {
	if bytes.IndexByte(cell, 0) >= 0 {
		return "", "holds a NUL byte; export the file again as text"
	}
	if ascii(cell) {
		return string(cell), ""
	}
	if l.charset == nil {
		if !utf8.Valid(cell) {
			return "", "is not valid UTF-8; save the file as UTF-8, or set file.encoding of the mapping to windows-1252 if that is what it is"
		}
		if s := string(cell); l.writer == nil || !strings.ContainsRune(s, utf8.RuneError) {
			return s, ""
		}
		return "", "holds a character that is no valid UTF-16; export the file again"
	}
	var b strings.Builder
	for _, c := range cell {
		r := l.charset.DecodeByte(c)
		if r == utf8.RuneError || r >= 0x80 && r < 0xA0 {
			return "", "holds a byte that the file's encoding " + l.charset.String() + " does not have; set file.encoding of the mapping to the right one"
		}
		b.WriteRune(r)
	}
	return b.String(), ""
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
