package importer

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/encoding"
)

// rejects writes the reject file: the original header, the original rows as
// they stand, in the file's own encoding, and two columns more. It can be
// mended and imported with the same mapping. It exists only once something was
// refused, and takes its name when it is complete.
type rejects struct {
	path   string
	header []byte // as it stood, nil = the file has none
	hint   []byte // that names the delimiter, nil = there is none
	skip   int    // lines that the mapping skips before the header
	delim  byte
	quote  byte
	bom    []byte
	enc    *encoding.Encoder // nil = the text is written as it is
	single bool              // raw rows are still in the file's single-byte encoding
	file   *os.File
	out    *bufio.Writer
}

func newRejects(path string, r *Reader) *rejects {
	src := r.split.src
	out := &rejects{
		path: path, header: r.header.raw, hint: r.split.hint, skip: r.plan.m.File.SkipLines,
		delim: r.split.delimiter, quote: r.split.quote, bom: src.bom, single: src.charset != nil,
	}
	if src.writer != nil {
		out.enc = src.writer.NewEncoder()
	}
	return out
}

// add writes a refused row with its reason.
func (w *rejects) add(row int, raw []byte, reason string) error {
	if w.path == "" {
		return nil
	}
	if w.file == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	return w.line(raw, itoa(row), reason)
}

func (w *rejects) open() error {
	f, err := os.CreateTemp(filepath.Dir(w.path), filepath.Base(w.path)+".part-*")
	if err != nil {
		return err
	}
	w.file, w.out = f, bufio.NewWriter(f)
	if _, err := w.out.Write(w.bom); err != nil {
		return err
	}
	for range w.skip {
		if err := w.raw([]byte("\n")); err != nil {
			return err
		}
	}
	if w.hint != nil {
		if err := w.raw(append(w.hint, '\n')); err != nil {
			return err
		}
	}
	if w.header == nil {
		return nil
	}
	return w.line(w.header, rejectRow, rejectReason)
}

func (w *rejects) line(raw []byte, row, reason string) error {
	if err := w.raw(raw); err != nil {
		return err
	}
	return w.text(string(w.delim) + row + string(w.delim) + w.quoted(reason) + "\n")
}

// raw writes the bytes of the file: unchanged where the encoding is of single
// bytes or UTF-8, encoded again where the file was decoded as a whole.
func (w *rejects) raw(b []byte) error {
	if w.enc != nil && !w.single {
		return w.text(string(b))
	}
	_, err := w.out.Write(b)
	return err
}

func (w *rejects) text(s string) error {
	if w.enc != nil {
		encoded, err := encoding.ReplaceUnsupported(w.enc).String(s)
		if err != nil {
			return err
		}
		s = encoded
	}
	_, err := w.out.WriteString(s)
	return err
}

// quoted makes a text one cell. In files without quotes the delimiter goes.
func (w *rejects) quoted(s string) string {
	s = strings.NewReplacer("\n", " ", "\r", " ").Replace(s)
	if w.quote == 0 {
		return strings.ReplaceAll(s, string(w.delim), " ")
	}
	q := string(w.quote)
	return q + strings.ReplaceAll(s, q, q+q) + q
}

// close gives the file its name. Without refused rows there is no file, and
// one that an earlier import of the same file left is removed.
func (w *rejects) close() error {
	if w.path == "" {
		return nil
	}
	if w.file == nil {
		return removeOld(w.path)
	}
	err := errors.Join(w.out.Flush(), w.file.Sync(), w.file.Close())
	if err != nil {
		return err
	}
	return os.Rename(w.file.Name(), w.path)
}

// abort leaves nothing behind.
func (w *rejects) abort() {
	if w.file != nil {
		_ = w.file.Close()
		_ = os.Remove(w.file.Name())
	}
}

// removeOld removes a file only if it is a reject file, which its header says.
func removeOld(path string) error {
	head, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.Contains(bytes.ReplaceAll(first, []byte{0}, nil), []byte(rejectReason)) {
		return os.Remove(path)
	}
	return nil
}
