package cli

import (
	"github.com/schollz/progressbar/v3"

	"github.com/duly/duly/internal/importer"
)

// bar shows a person how far an import is; programs are shown nothing.
type bar struct {
	env   Env
	phase string
	bar   *progressbar.ProgressBar
}

func newBar(env Env) *bar { return &bar{env: env} }

func (b *bar) show(p importer.Progress) {
	if !b.env.Terminal {
		return
	}
	if b.bar == nil || b.phase != p.Phase {
		b.phase = p.Phase
		b.bar = progressbar.NewOptions64(p.Total, progressbar.OptionSetWriter(b.env.Stderr),
			progressbar.OptionSetDescription(p.Phase), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
	}
	_ = b.bar.Set64(p.Bytes)
}

func (b *bar) done() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
