package simulate

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Each lives through many accounts, several at a time, and hands their lives on in the
// order of the accounts, one at a time. account makes the i-th, when it is its turn; an
// error of it, of a life or of each ends everything, and so does the context.
func Each(ctx context.Context, n int, account func(i int) (Account, time.Time, error), each func(i int, l Life) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type lived struct {
		life Life
		err  error
	}
	width := runtime.GOMAXPROCS(0)
	slots := make([]chan lived, width*2) // so many lives are in memory
	for i := range slots {
		slots[i] = make(chan lived, 1)
	}
	turns := make(chan int, len(slots))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range width {
		wg.Go(func() {
			for i := range turns {
				l, err := one(ctx, i, account)
				slots[i%len(slots)] <- lived{l, err}
			}
		})
	}
	defer close(turns)
	given := 0
	for i := range n {
		for ; given < n && given < i+len(slots); given++ {
			turns <- given
		}
		got := <-slots[i%len(slots)]
		if got.err != nil {
			return got.err
		}
		if err := each(i, got.life); err != nil {
			return err
		}
	}
	return nil
}

func one(ctx context.Context, i int, account func(i int) (Account, time.Time, error)) (Life, error) {
	if err := ctx.Err(); err != nil {
		return Life{}, err
	}
	a, until, err := account(i)
	if err != nil {
		return Life{}, err
	}
	return RunContext(ctx, a, until)
}
