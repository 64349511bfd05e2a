package answers

import "testing"

// TestRulesAreReadable names the line of a rule that cannot be read.
func TestRulesAreReadable(t *testing.T) {
	list, err := readRules()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 300 {
		t.Fatalf("only %d rules were read", len(list))
	}
}
