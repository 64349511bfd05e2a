package operate

import (
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// TestPictureLosesNoCase: the counts beside and in the boxes add up to the open cases, also
// of those that stand before something that is no step, such as the thanks for a payment.
func TestPictureLosesNoCase(t *testing.T) {
	p := sequencePage{Sequence: &dunning.Sequence{ID: "s", Version: "v2", Steps: []dunning.Step{{ID: "first"}, {ID: "second"}}}}
	p.draw([]read.StepCount{
		{Version: "v2", Step: "first", Waits: read.WaitTimer, N: 3},
		{Version: "v2", Step: "second", Waits: read.WaitTimer, N: 2},
		{Version: "v2", Step: "on_paid", Waits: read.WaitTimer, N: 1},
		{Version: "v2", Waits: read.WaitLease, N: 4},
		{Version: "v1", Step: "first", Waits: read.WaitTimer, N: 5},
	})
	var sum int64
	for _, b := range p.Boxes {
		sum += b.Open
	}
	for _, b := range p.Beside {
		sum += b.N
	}
	for _, o := range p.Old {
		sum += o.N
	}
	if sum != 15 || p.Total != 15 {
		t.Errorf("%d of %d cases are in the picture, want 15", sum, p.Total)
	}
	if b := p.Beside[0]; b.Words != "on paid, timer" || b.Href != "/cases?sequence=s&step=on_paid&waits=timer" {
		t.Errorf("beside the steps: %+v", b)
	}
}
