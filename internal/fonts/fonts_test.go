package fonts

import "testing"

func TestHas(t *testing.T) {
	for _, r := range "AzÄß€éŁğΩЖ→□✓–“”№" {
		if !Has(r) {
			t.Errorf("%q cannot be printed", r)
		}
	}
	for _, r := range "日本한😀\u0000" {
		if Has(r) {
			t.Errorf("%q is said to be there", r)
		}
	}
}
