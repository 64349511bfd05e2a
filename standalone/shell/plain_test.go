package shell

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"

	"github.com/duly/duly/internal/codec"
)

// plain is a history with its payloads decrypted: for looking into it, and as a fixture
// that needs no key.
func (b *bench) plain(h *history.History) *history.History {
	b.t.Helper()
	c := codec.New(b.keys)
	err := proxy.VisitPayloads(b.t.Context(), h, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, p []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return c.Decode(p)
		},
	})
	b.must(err)
	return h
}
