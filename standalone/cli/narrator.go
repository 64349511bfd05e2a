package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/standalone/rehearse"
)

// narrator tells a rehearsal's story on a terminal, a line an event. Where nobody
// watches it counts and tells the counts now and then.
type narrator struct {
	w      io.Writer
	every  time.Duration // between two lines of counts; 0: each event has a line
	last   time.Time
	day    time.Time
	counts map[string]int
}

// quietly is how often counts are told where there is no terminal.
const quietly = 10 * time.Second

func newNarrator(w io.Writer) *narrator {
	n := &narrator{w: w, every: quietly, last: clock.Wall(), counts: map[string]int{}}
	if isTerminal(w) {
		n.every = 0
	}
	return n
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// told is called from one goroutine at a time.
func (n *narrator) told(e rehearse.Event) {
	n.counts[e.What]++
	if e.At.After(n.day) {
		n.day = e.At
	}
	if n.every == 0 {
		line := fmt.Sprintf("%s  %-8s %-10s %s", e.At.UTC().Format("Mon 02 Jan 15:04"), e.Account, e.What, e.Detail)
		_, _ = fmt.Fprintln(n.w, strings.TrimRight(line, " "))
		return
	}
	if wall := clock.Wall(); wall.Sub(n.last) >= n.every {
		n.last = wall
		n.sum()
	}
}

// sum tells the counts so far.
func (n *narrator) sum() {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(n.counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", what, n.counts[what]))
	}
	_, _ = fmt.Fprintf(n.w, "%s  %s\n", n.day.UTC().Format("Mon 02 Jan 2006"), strings.Join(parts, ", "))
}
