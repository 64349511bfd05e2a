package dunning

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSkips(t *testing.T) {
	if Read == nil {
		t.Skip("not today")
		t.SkipNow()
		_ = testing.Short() // doing less is no skip
		t.Skip("../shared is absent: the real ledgers are not tested")
	}
	property(&rapid.T{})
	func(t *rapid.T) { t.Skip("discard this example") }(&rapid.T{})
}

func property(rt *rapid.T) {
	rt.Skip()
	func(t *testing.T) { t.Skip() }(nil)
}
