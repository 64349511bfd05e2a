package importer

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/duly/duly/dunning"
)

// Memory is a Sink that forgets with the process: for tests, and for trying a
// file out against files imported before. The zero value is ready. Safe for
// several goroutines.
type Memory struct {
	mu       sync.Mutex
	facts    map[string]dunning.Fact // by debtor, kind and source
	order    []string
	accounts map[string]string // → debtor
	runs     map[string]*memoryRun
	// FailAfter makes Store fail once so many rows are stored; 0 = never. For tests of resuming.
	FailAfter int
	stored    int
}

type memoryRun struct {
	at       Checkpoint
	finished bool
}

// Begin implements Sink.
func (m *Memory) Begin(_ context.Context, run RunInfo) (Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.facts == nil {
		m.facts, m.accounts, m.runs = map[string]dunning.Fact{}, map[string]string{}, map[string]*memoryRun{}
	}
	r := m.runs[run.ID]
	if r == nil || r.finished {
		m.runs[run.ID] = &memoryRun{}
		return Checkpoint{}, nil
	}
	return r.at, nil
}

// Store implements Sink.
func (m *Memory) Store(ctx context.Context, run RunInfo, batch []Entry, next Checkpoint) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.FailAfter > 0 && m.stored+len(batch) > m.FailAfter {
		return nil, errStoreFailed
	}
	m.stored += len(batch)
	out := make([]Result, len(batch))
	for i, e := range batch {
		out[i] = m.keep(e)
	}
	next.Count(out)
	m.runs[run.ID].at = next
	return out, nil
}

// errStoreFailed is what FailAfter brings.
var errStoreFailed = &FileError{Message: "the store failed, as the test asked"}

func (m *Memory) keep(e Entry) Result {
	owner, exists := m.accounts[e.Account]
	switch {
	case e.Payment && !exists:
		return Result{e.Row, Refused, RefusedNoAccount}
	case e.Payment:
		e.Debtor.Key = owner // a payment names an account only
	case exists && owner != e.Debtor.Key:
		return Result{e.Row, Refused, RefusedOtherDebtor}
	}
	key := func(f dunning.Fact) string { return join(e.Creditor, e.Debtor.Key, string(f.Body.Kind()), f.Source) }
	main, known := m.facts[key(e.Facts[e.Main])]
	if e.Undated {
		main.At = e.Facts[e.Main].At
	}
	if known && !reflect.DeepEqual(main, e.Facts[e.Main]) {
		return Result{e.Row, Refused, RefusedContradiction}
	}
	state := Known
	for _, f := range e.Facts {
		if _, ok := m.facts[key(f)]; ok {
			continue
		}
		m.facts[key(f)] = f
		m.order = append(m.order, key(f))
		state = Updated
	}
	if !known {
		state = Added
	}
	m.accounts[e.Account] = e.Debtor.Key
	return Result{Row: e.Row, State: state}
}

// Finish implements Sink.
func (m *Memory) Finish(_ context.Context, run RunInfo, _ Summary) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs[run.ID].finished = true
	return nil
}

// Facts lists what was stored, in time order.
func (m *Memory) Facts() []dunning.Fact {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]dunning.Fact, 0, len(m.order))
	for _, key := range m.order {
		out = append(out, m.facts[key])
	}
	inTimeOrder(out)
	return slices.Clip(out)
}

// Count adds the answers for a batch to a checkpoint.
func (c *Checkpoint) Count(results []Result) {
	counts := map[ResultState]int{}
	for s, n := range c.Counts {
		counts[s] = n
	}
	for _, r := range results {
		counts[r.State]++
		if r.State == Refused {
			c.Refused = append(slices.Clip(c.Refused), r)
		}
	}
	c.Counts = counts
}
