package letter

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/duly/duly/dunning"
)

// Placed is where a letter stands in the PDF of a batch.
type Placed struct {
	Attempt string `json:"attempt"`
	First   int    `json:"first_page"` // from 1
	Pages   int    `json:"pages"`      // without a blank one at the end
}

// Bundle is one PDF of many letters, in their order.
type Bundle struct {
	PDF    []byte
	Pages  int
	Places []Placed
}

// Together sets messages as one PDF, made at an instant, each letter as Set sets it. With
// duplex every letter begins on the front of a sheet. The same messages give the same
// bytes. An error names the attempt of the letter that cannot be set.
func Together(ms []dunning.Message, f Form, at time.Time, duplex bool) (Bundle, error) {
	if len(ms) == 0 {
		return Bundle{}, errors.New("letter: a batch without letters is no batch")
	}
	pdf := forms[f.of(ms[0])].document(dunning.Message{At: at, Subject: "Duly"})
	var out Bundle
	for _, m := range ms {
		m, err := printable(m)
		if err != nil {
			return Bundle{}, fmt.Errorf("letter of attempt %s: %w", m.Attempt, err)
		}
		g := forms[f.of(m)]
		pages, err := g.compose(m, func(text string, size float64, bold bool) float64 {
			pdf.SetFont(family, style(bold), size)
			return pdf.GetStringWidth(text)
		})
		if err != nil {
			return Bundle{}, fmt.Errorf("letter of attempt %s: %w", m.Attempt, err)
		}
		out.Places = append(out.Places, Placed{Attempt: m.Attempt, First: out.Pages + 1, Pages: len(pages)})
		next := func() { pdf.AddPageFormat("P", fpdf.SizeType{Wd: g.width, Ht: g.height}) }
		g.paint(pdf, pages, next)
		if out.Pages += len(pages); duplex && out.Pages%2 == 1 {
			next() // a blank back: the next letter begins on a front
			out.Pages++
		}
	}
	var buf bytes.Buffer
	if err := pdf.Output(&buf); err != nil {
		return Bundle{}, fmt.Errorf("letter: the PDF of the batch cannot be written: %w", err)
	}
	out.PDF = buf.Bytes()
	return out, nil
}

// Entry is a letter of a batch in its index. Recipient is personal data: the index goes
// with the letters, to whoever prints them.
type Entry struct {
	Placed
	Place     int    `json:"place"` // from 1
	Contact   string `json:"-"`
	Recipient string `json:"-"`
	// Dated is the day that the letter bears, where its creditor is; zero: none.
	Dated  dunning.Date `json:"dated,omitzero"`
	SHA256 string       `json:"sha256"` // of the letter alone, as the outbox holds it
}

// BatchManifest is manifest.json of a batch: nothing personal.
type BatchManifest struct {
	Batch   string            `json:"batch"`
	Closed  time.Time         `json:"closed"` // UTC
	Letters int               `json:"letters"`
	Pages   int               `json:"pages"`
	SHA256  map[string]string `json:"sha256"` // by file name
	Entries []Entry           `json:"entries"`
	LeftOut map[string]string `json:"left_out,omitempty"` // contact → why
}

// Files of a batch.
const (
	BatchPDF   = "letters.pdf"
	BatchIndex = "index.csv"
	BatchFile  = "manifest.json"
)

// WriteBatch writes letters.pdf, index.csv and manifest.json into dir, which is made and
// must be new: all of them, or none.
func WriteBatch(dir string, m BatchManifest, b Bundle) (err error) {
	index, err := indexOf(m.Entries)
	if err != nil {
		return err
	}
	m.Pages, m.Letters, m.Closed = b.Pages, len(m.Entries), m.Closed.UTC()
	m.SHA256 = map[string]string{BatchPDF: digest(b.PDF), BatchIndex: digest(index)}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s is there already: name a directory that is not", dir)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".batch-")
	if err != nil {
		return fmt.Errorf("writing the batch: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	for _, f := range []struct {
		name    string
		content []byte
	}{{BatchPDF, b.PDF}, {BatchIndex, index}, {BatchFile, append(raw, '\n')}} {
		if err := writeSynced(filepath.Join(tmp, f.name), f.content); err != nil {
			return fmt.Errorf("writing the batch: %w", err)
		}
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("writing the batch: %w", err)
	}
	return syncDir(filepath.Dir(dir))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// indexOf is the table for whoever prints and posts. A cell that a spreadsheet would
// calculate is quoted away: recipients name themselves.
func indexOf(entries []Entry) ([]byte, error) {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	err := w.Write([]string{"place", "first_page", "pages", "attempt", "recipient", "sha256", "dated"})
	for _, e := range entries {
		err = errors.Join(err, w.Write([]string{
			strconv.Itoa(e.Place), strconv.Itoa(e.First), strconv.Itoa(e.Pages), e.Attempt, inert(e.Recipient), e.SHA256, day(e.Dated),
		}))
	}
	w.Flush()
	return buf.Bytes(), errors.Join(err, w.Error())
}

// day is a date of the index, ISO 8601; "" for none.
func day(d dunning.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func inert(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t') {
		return "'" + s
	}
	return s
}
