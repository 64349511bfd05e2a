package comply

import (
	"context"
	"time"

	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/web"
)

// Chain is the hash chain as the pages see it.
type Chain interface {
	ChainState(ctx context.Context) (chain.State, error)
	Checks(ctx context.Context, limit int) ([]chain.Check, error)
	Seals(ctx context.Context, limit int) ([]chain.Seal, error)
}

type integrityPage struct {
	State   chain.State
	Light   web.Light
	Waiting string // how long the oldest row waits
	Checks  []checkView
	Seals   []chain.Seal
	Ledgers []string
}

// checkView is a verification for people.
type checkView struct {
	chain.Check
	Who, Kind, Word string
}

// integrity shows how the chain stands, its head to be kept elsewhere, and what the
// verifications came to.
func (d *compliance) integrity(r *web.Request) error {
	ctx := r.R.Context()
	names, err := d.Names(ctx)
	if err != nil {
		return err
	}
	p := integrityPage{Ledgers: d.Ledgers}
	if p.State, err = d.Chain.ChainState(ctx); err != nil {
		return err
	}
	p.Light = d.Light(p.State)
	p.Waiting = Lasted(p.State.Oldest)
	checks, err := d.Chain.Checks(ctx, 20)
	if err != nil {
		return err
	}
	for _, c := range checks {
		v := checkView{Check: c, Who: byName(names, c.By), Kind: "good", Word: "whole"}
		if c.Broken != nil {
			v.Kind, v.Word = "bad", c.Broken.String()
		}
		p.Checks = append(p.Checks, v)
	}
	if p.Seals, err = d.Chain.Seals(ctx, 20); err != nil {
		return err
	}
	return r.Page("integrity.html", p)
}

// verifyFor is how long a verification may take.
const verifyFor = time.Hour

// verifyNow hashes everything again, beside the request.
func (d *compliance) verifyNow(r *web.Request) error {
	if !d.verifying.CompareAndSwap(false, true) {
		return web.Conflict("A verification is under way already. The page shows what it came to.")
	}
	if err := r.Record("audit.verify", "", nil); err != nil {
		d.verifying.Store(false)
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.R.Context()), verifyFor)
	by := r.User.By
	go func() {
		defer cancel()
		defer d.verifying.Store(false)
		if err := d.Verify(ctx, by); err != nil && d.Log != nil {
			d.Log("verifying the chain", err)
		}
	}()
	return r.Done("/integrity", "Everything is being hashed again. The page shows what it comes to.")
}

// Lasted is how long something has lasted, in its largest unit.
func Lasted(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return web.Plural(int(d/(24*time.Hour)), "day", "days")
	case d >= 2*time.Hour:
		return web.Plural(int(d/time.Hour), "hour", "hours")
	case d >= 2*time.Minute:
		return web.Plural(int(d/time.Minute), "minute", "minutes")
	}
	return web.Plural(int(d/time.Second), "second", "seconds")
}
