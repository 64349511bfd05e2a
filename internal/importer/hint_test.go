package importer

import (
	"path/filepath"
	"strings"
	"testing"
)

// The reject file of a file that names its delimiter names it, too: it may be one that
// nobody would guess.
func TestRejectsKeepTheHintOfTheDelimiter(t *testing.T) {
	text := "sep=^\n" + strings.ReplaceAll(plainHeader+goodRow+strings.Replace(goodRow, "R1,2024-01-02", "R2,soon", 1), ",", "^")
	path := write(t, "f.csv", text)
	job := Job{File: path, Mapping: plain(), Rejects: path + ".rejects.csv", At: importedAt}
	if s, err := Run(t.Context(), job); err != nil || s.Valid != 1 || s.Rejected != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	mended := write(t, "mended.csv", strings.Replace(read(t, job.Rejects), "soon", "2024-01-02", 1))
	job.File, job.Rejects = mended, filepath.Join(t.TempDir(), "again.csv")
	if s, err := Run(t.Context(), job); err != nil || s.Valid != 1 || s.Rejected != 0 {
		t.Errorf("the mended reject file: %+v, %v", s, err)
	}
}
