package activities

import (
	"context"

	"github.com/duly/duly/dunning"
)

type ctxType = context.Context

// failingRenderer fails a few times, then renders as the world does.
type failingRenderer struct {
	*world
	err   error
	times int
}

func (r *failingRenderer) Render(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
	if r.times > 0 {
		r.times--
		return dunning.Message{}, r.err
	}
	return r.world.Render(ctx, ref, c)
}

// crashingRenderer may crash before and after rendering.
type crashingRenderer struct {
	Renderer
	c *crashes
}

func (r crashingRenderer) Render(ctx context.Context, ref dunning.CaseRef, p dunning.ContactPlanned) (dunning.Message, error) {
	if err := r.c.point(); err != nil {
		return dunning.Message{}, err
	}
	m, err := r.Renderer.Render(ctx, ref, p)
	if err == nil {
		err = r.c.point()
	}
	return m, err
}

// crashingChannel dies before and after each call: a process that is gone gives no
// outcome, so it always panics.
type crashingChannel struct {
	Channel
	c *crashes
}

func (ch crashingChannel) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	ch.die()
	o := ch.Channel.Send(ctx, m)
	ch.die()
	return o
}

func (ch crashingChannel) Lookup(ctx context.Context, m dunning.Message) dunning.Evidence {
	ch.die()
	e := ch.Channel.Lookup(ctx, m)
	ch.die()
	return e
}

func (ch crashingChannel) die() {
	if err := ch.c.point(); err != nil {
		panic(err)
	}
}

// failer is what a check needs of a test.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}
