package sampling

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Algorithm names the way of drawing; another way gets another name.
const Algorithm = "sha256-tickets-1"

// Bounds of a sample.
const (
	MaxSize       = 1000
	MaxPopulation = 500_000
	MaxSeed       = 128
)

// Method is how rows are chosen.
type Method string

// The methods.
const (
	Random Method = "random" // each row is as likely as any other
	Risk   Method = "risk"   // a row is as likely as its weight
	Both   Method = "both"   // half at random, the others by risk
)

// Methods are all methods.
func Methods() []Method { return []Method{Random, Risk, Both} }

// Member is one row of a population. Weight is at least 1; Risks are codes, sorted.
type Member struct {
	ID     string
	Weight int
	Risks  []string
}

// Key is a SHA-256 by which rows are ordered.
type Key [sha256.Size]byte

// String writes the key as sha256sum does.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Drawn is a row of a sample.
type Drawn struct {
	Member
	N      int    // from 1, in the order of drawing
	Stage  Method // Random or Risk
	Ticket int    // whose key it is
	Key    Key
}

// Population is a list of members, ordered by id, each id once.
type Population []Member

// Arrange orders a population. It refuses ids that are there twice, empty ones, those that would break a line,
// and weights below 1.
func Arrange(members []Member) (Population, error) {
	p := Population(slices.Clone(members))
	slices.SortFunc(p, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	for i, m := range p {
		switch {
		case m.ID == "" || strings.ContainsAny(m.ID, "\t\n\r"):
			return nil, fmt.Errorf("row %d of the population has an id that is empty or holds a line break", i+1)
		case i > 0 && p[i-1].ID == m.ID:
			return nil, fmt.Errorf("row %d of the population has the id of the row before", i+1)
		case m.Weight < 1:
			return nil, fmt.Errorf("row %d of the population weighs %d; the least is 1", i+1, m.Weight)
		case strings.ContainsAny(strings.Join(m.Risks, ""), ",\t\n\r"):
			return nil, fmt.Errorf("row %d of the population has a risk that is no code", i+1)
		}
	}
	return p, nil
}

// WriteTo writes the population's lines.
func (p Population) WriteTo(w io.Writer) (n int64, err error) {
	b := bufio.NewWriter(w)
	for _, m := range p {
		k, err := fmt.Fprintf(b, "%s\t%d\t%s\n", m.ID, m.Weight, strings.Join(m.Risks, ","))
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, b.Flush()
}

// ReadPopulation reads what WriteTo wrote, and nothing else: not ordered, or a line that is
// written otherwise, is refused with its number.
func ReadPopulation(r io.Reader) (Population, error) {
	var p Population
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), 1<<20)
	for lines.Scan() {
		m, ok := memberOf(lines.Text())
		if !ok {
			return nil, fmt.Errorf("line %d of the population: want id, tab, weight, tab, risks with commas", len(p)+1)
		}
		if len(p) > 0 && p[len(p)-1].ID >= m.ID {
			return nil, fmt.Errorf("line %d of the population does not come after the line before it", len(p)+1)
		}
		p = append(p, m)
	}
	return p, lines.Err()
}

func memberOf(line string) (m Member, ok bool) {
	parts := strings.Split(line, "\t")
	if len(parts) != 3 || parts[0] == "" {
		return m, false
	}
	w, err := strconv.Atoi(parts[1])
	if err != nil || w < 1 || strconv.Itoa(w) != parts[1] {
		return m, false
	}
	m = Member{ID: parts[0], Weight: w}
	if parts[2] != "" {
		m.Risks = strings.Split(parts[2], ",")
	}
	return m, true
}

// Digest is the SHA-256 of the population's lines.
func (p Population) Digest() Key {
	h := sha256.New()
	_, _ = p.WriteTo(h) // a hash takes everything
	return Key(h.Sum(nil))
}

// Draw draws a sample of at most size rows; see the package's description. A population that is smaller is
// drawn whole.
func Draw(p Population, seed string, method Method, size int) ([]Drawn, error) {
	if err := checkDraw(seed, method, size); err != nil {
		return nil, err
	}
	size = min(size, len(p))
	atRandom := map[Method]int{Random: size, Both: (size + 1) / 2}[method]
	out := smallest(p, seed, Random, atRandom, nil)
	taken := make(map[string]bool, len(out))
	for _, d := range out {
		taken[d.ID] = true
	}
	out = append(out, smallest(p, seed, Risk, size-atRandom, taken)...)
	for i := range out {
		out[i].N = i + 1
	}
	return out, nil
}

func checkDraw(seed string, method Method, size int) error {
	var faults []error
	if !slices.Contains(Methods(), method) {
		faults = append(faults, fmt.Errorf("method %q: there are %v", method, Methods()))
	}
	if size < 1 || size > MaxSize {
		faults = append(faults, fmt.Errorf("size %d: a sample has 1 to %d rows", size, MaxSize))
	}
	if seed == "" || len(seed) > MaxSeed || strings.ContainsFunc(seed, func(r rune) bool { return r <= ' ' || r > '~' || r == '|' }) {
		faults = append(faults, fmt.Errorf("the seed has 1 to %d visible ASCII characters and no |", MaxSeed))
	}
	return errors.Join(faults...)
}

// KeyOf is the key of a ticket.
func KeyOf(seed string, stage Method, id string, ticket int) Key {
	return sha256.Sum256([]byte(seed + "|" + string(stage) + "|" + id + "|" + strconv.Itoa(ticket)))
}

// best is a member with the smallest key of its tickets.
func best(m Member, seed string, stage Method) Drawn {
	tickets := 1
	if stage == Risk {
		tickets = m.Weight
	}
	d := Drawn{Member: m, Stage: stage}
	for t := 1; t <= tickets; t++ {
		if k := KeyOf(seed, stage, m.ID, t); t == 1 || bytes.Compare(k[:], d.Key[:]) < 0 {
			d.Ticket, d.Key = t, k
		}
	}
	return d
}

// smallest are the n members with the smallest keys, the smallest first.
func smallest(p Population, seed string, stage Method, n int, taken map[string]bool) []Drawn {
	if n == 0 {
		return nil
	}
	var top worst
	for _, m := range p {
		if taken[m.ID] {
			continue
		}
		d := best(m, seed, stage)
		switch {
		case len(top) < n:
			heap.Push(&top, d)
		case before(d, top[0]) < 0:
			top[0] = d
			heap.Fix(&top, 0)
		}
	}
	slices.SortFunc(top, before)
	return top
}

func before(a, b Drawn) int {
	return cmp.Or(bytes.Compare(a.Key[:], b.Key[:]), strings.Compare(a.ID, b.ID))
}

// worst is a heap with the largest key on top.
type worst []Drawn

func (w worst) Len() int           { return len(w) }
func (w worst) Less(i, j int) bool { return before(w[i], w[j]) > 0 }
func (w worst) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }

// Push is for container/heap.
func (w *worst) Push(x any) { *w = append(*w, x.(Drawn)) }

// Pop is for container/heap.
func (w *worst) Pop() any {
	old := *w
	x := old[len(old)-1]
	*w = old[:len(old)-1]
	return x
}

// Change is how a population differs from the one that was frozen.
type Change struct {
	Joined  []string `json:"joined,omitempty"`  // ids that were not there
	Left    []string `json:"left,omitempty"`    // ids that are not there any more
	Weighed []string `json:"weighed,omitempty"` // ids whose weight or risks are others
}

// Few is the change with a few ids of each kind, for people.
func (c Change) Few() Change { return Change{some(c.Joined), some(c.Left), some(c.Weighed)} }

func some(ids []string) []string { return ids[:min(len(ids), 5)] }

// None reports whether nothing differs.
func (c Change) None() bool { return len(c.Joined)+len(c.Left)+len(c.Weighed) == 0 }

// Compare says how now differs from then; both are ordered.
func Compare(then, now Population) (c Change) {
	for len(then)+len(now) > 0 {
		switch {
		case len(now) == 0 || len(then) > 0 && then[0].ID < now[0].ID:
			c.Left = append(c.Left, then[0].ID)
			then = then[1:]
		case len(then) == 0 || now[0].ID < then[0].ID:
			c.Joined = append(c.Joined, now[0].ID)
			now = now[1:]
		default:
			if then[0].Weight != now[0].Weight || !slices.Equal(then[0].Risks, now[0].Risks) {
				c.Weighed = append(c.Weighed, now[0].ID)
			}
			then, now = then[1:], now[1:]
		}
	}
	return c
}
