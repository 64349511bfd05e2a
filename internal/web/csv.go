package web

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// WantsCSV reports whether the list is wanted as CSV: the link that View.CSV makes.
func (r *Request) WantsCSV() bool { return r.R.URL.Query().Get("format") == "csv" }

// CSV answers with all rows of a list as a file, row by row, so that a million rows need
// no memory. The export is recorded with its filter's names (not their values, which may
// be a person's name). A fault half-way breaks the connection off: half a list must not
// look like a whole one.
func (r *Request) CSV(name string, header []string, rows iter.Seq2[[]string, error]) error {
	var filters []string
	for p, v := range r.R.URL.Query() {
		if p != "format" && strings.Join(v, "") != "" {
			filters = append(filters, p)
		}
	}
	if err := r.Record("export."+name, "", map[string]string{"filters": strings.Join(slices.Sorted(slices.Values(filters)), ",")}); err != nil {
		return err
	}
	h := r.W.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	file := fmt.Sprintf("%s-%s.csv", FileName(name), r.Now.Format("20060102-1504"))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file}))
	w := csv.NewWriter(r.W)
	if err := w.Write(header); err != nil {
		return nil //nolint:nilerr // the reader went away
	}
	for row, err := range rows {
		if err != nil && r.program {
			return err // nothing has left yet
		}
		if err != nil {
			r.console.o.Log.Error("export", slog.String("request", RequestID(r.R.Context())), slog.String("error", err.Error()))
			panic(http.ErrAbortHandler)
		}
		if w.Write(Harmless(row)) != nil {
			return nil
		}
	}
	w.Flush()
	return nil
}

// Tabular is what can be a file for a spreadsheet.
type Tabular interface {
	Columns() []string
	Lines() [][]string
}

// WriteCSV writes a table with its head as a file that no spreadsheet runs.
func WriteCSV(to io.Writer, t Tabular) error {
	out := csv.NewWriter(to)
	if err := out.Write(t.Columns()); err != nil {
		return err
	}
	for _, l := range t.Lines() {
		if err := out.Write(Harmless(l)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// figure is what a spreadsheet reads as a number and may begin with a sign.
var plainFigure = regexp.MustCompile(`^[-+]?\d+([.,]\d+)*$`)

// Harmless makes cells that no spreadsheet runs: what would begin a formula gets an
// apostrophe in front. Numbers stay numbers.
func Harmless(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = c
		start := strings.TrimLeft(c, " \u00a0\u200b\ufeff")
		if start != "" && strings.ContainsRune("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20", []rune(start)[0]) && !plainFigure.MatchString(c) || strings.HasPrefix(c, "\t") || strings.HasPrefix(c, "\r") {
			out[i] = "'" + c
		}
	}
	return out
}
