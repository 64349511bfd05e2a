package yamlpos_test

import (
	"testing"

	"github.com/duly/duly/internal/yamlpos"
)

func TestLine(t *testing.T) {
	d, ok := yamlpos.Parse("x.yaml", []byte("# first\na: 1\nlist:\n  - id: one\n\n  - {id: two}\n"))
	if !ok {
		t.Fatal(d.Faults())
	}
	for path, want := range map[string]int{"a": 2, "list[0]": 4, "list[1]": 6, "list[1].id": 6, "list[2]": 0, "b": 0} {
		if got := d.Line(path); got != want {
			t.Errorf("%s stands in line %d, want %d", path, got, want)
		}
	}
}
