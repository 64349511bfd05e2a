package importer

import (
	"os"
	"strings"
	"testing"
)

// A pipe is read to its end by the check: nothing would be left to store.
func TestAPipeIsRefused(t *testing.T) {
	_, err := Run(t.Context(), Job{File: os.DevNull, Mapping: plain(), Sink: &Memory{}, At: importedAt, Options: Options{Creditor: Creditor{ID: "acme", Currency: "USD"}}})
	if err == nil || !strings.Contains(err.Error(), "save it to a file") {
		t.Errorf("error %v", err)
	}
}
