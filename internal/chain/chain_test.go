package chain

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 3, 2, 12, 0, 0, 123_456_789, time.UTC)

// memory is a source that can be tampered with.
type memory struct {
	rows  map[string][]Row
	seals []Seal
}

func (m *memory) Last(context.Context) (Seal, error) {
	if len(m.seals) == 0 {
		return Seal{}, nil
	}
	return slices.MaxFunc(m.seals, func(a, b Seal) int { return cmp.Compare(a.N, b.N) }), nil
}

func (m *memory) Hash(_ context.Context, n int64) (Hash, bool, error) {
	for _, s := range m.seals {
		if s.N == n {
			return s.Hash, true, nil
		}
	}
	return Hash{}, false, nil
}

func (m *memory) Ledgers(context.Context) ([]string, error) {
	var out []string
	for _, s := range m.seals {
		out = append(out, s.Ledger)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (m *memory) Seals(ctx context.Context, ledger string, after, upTo int64, limit int) (out []Linked, err error) {
	for _, s := range m.seals {
		if s.Ledger == ledger && s.To > after && s.N <= upTo {
			l := Linked{Seal: s}
			l.Prev, l.HasPrev, _ = m.Hash(ctx, s.N-1)
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Linked) int { return cmp.Compare(a.To, b.To) })
	return out[:min(limit, len(out))], nil
}

func (m *memory) Rows(_ context.Context, ledger string, form int, after, to int64, limit int) (out []Row, err error) {
	if form > 2 {
		return nil, ErrForm
	}
	for _, r := range m.rows[ledger] {
		if r.ID > after && r.ID <= to && len(out) < limit {
			r.Digest[31] ^= byte(form - 1)
			out = append(out, r)
		}
	}
	return out, nil
}

func row(ledger string, id int64) Row {
	return Row{id, sha256.Sum256(fmt.Appendf(nil, "%s %d", ledger, id))}
}

// built is a chain over two ledgers: numbers with gaps, batches of several sizes, a change
// of form in the middle.
func built(t *testing.T, rows int) *memory {
	t.Helper()
	m := &memory{rows: map[string][]Row{}}
	r := rand.New(rand.NewPCG(1, 2))
	after := map[string]int64{"a": Start, "b": Start}
	next := map[string]int64{"a": 1, "b": -3}
	var last Seal
	for n := 0; n < rows; {
		ledger, form := []string{"a", "b"}[r.IntN(2)], 1
		if n > rows/2 {
			form = 2
		}
		size := 1 + r.IntN(7)
		for range size {
			m.rows[ledger] = append(m.rows[ledger], row(ledger, next[ledger]))
			next[ledger] += 1 + int64(r.IntN(3))
		}
		batch, err := m.Rows(t.Context(), ledger, form, after[ledger], next[ledger], size)
		if err != nil {
			t.Fatal(err)
		}
		last = Next(last, ledger, form, after[ledger], at, batch)
		m.seals, after[ledger], n = append(m.seals, last), last.To, n+size
	}
	return m
}

func TestVerifyWhole(t *testing.T) {
	for _, n := range []int{0, 1, 40, 5000} {
		m := built(t, n)
		rep, err := Verify(t.Context(), m, Head{}, mustHead(t, m))
		rows := int64(len(m.rows["a"]) + len(m.rows["b"]))
		if err != nil || rep.Broken != nil || rep.Rows != rows || rep.Head.N != int64(len(m.seals)) {
			t.Errorf("%d rows: %+v, %v, %v", rows, rep, rep.Broken, err)
		}
	}
}

func mustHead(t *testing.T, m *memory) Head {
	t.Helper()
	last, err := m.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseHead(Head{last.N, last.Hash}.String())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Everything that can be done to rows and seals is found, and the place is named.
func TestVerifyFinds(t *testing.T) {
	const n = 300
	for _, c := range []struct {
		why    string
		tamper func(m *memory)
		fault  Fault
		says   string
	}{
		{"a row's content is changed", func(m *memory) { m.rows["a"][17].Digest[0] ^= 1 }, Changed, "row 41 of a was changed"},
		{"a change that leaves the marked bytes alone", func(m *memory) { m.rows["a"][17].Digest[9] ^= 1 }, BadSeal, "seal "},
		{"the first row is deleted", func(m *memory) { m.rows["b"] = m.rows["b"][1:] }, Missing, "row -3 of b was deleted"},
		{"a row in the middle is deleted", func(m *memory) { m.rows["b"] = slices.Delete(m.rows["b"], 50, 51) }, Missing, "of b was deleted"},
		{"a row before all others", func(m *memory) { m.rows["a"] = slices.Insert(m.rows["a"], 0, row("x", -100)) }, Inserted, "row -100 of a was added"},
		{"a row in a gap", func(m *memory) {
			i := slices.IndexFunc(m.rows["a"], func(r Row) bool { return !slices.ContainsFunc(m.rows["a"], func(s Row) bool { return s.ID == r.ID+1 }) })
			m.rows["a"] = slices.Insert(m.rows["a"], i+1, row("x", m.rows["a"][i].ID+1))
		}, Inserted, "of a was added between"},
		{"two rows change places", func(m *memory) {
			a := m.rows["a"]
			a[3].Digest, a[4].Digest = a[4].Digest, a[3].Digest
		}, Changed, "of a was changed"},
		{"a seal is deleted", func(m *memory) { m.seals = slices.Delete(m.seals, 20, 21) }, NoSeal, "seal 21 is missing"},
		{"the first seal is deleted", func(m *memory) { m.seals = m.seals[1:] }, NoSeal, "seal 1 is missing"},
		{"rows and seals of a whole ledger are deleted", func(m *memory) {
			m.seals = slices.DeleteFunc(m.seals, func(s Seal) bool { return s.Ledger == "b" })
			delete(m.rows, "b")
		}, NoSeal, "is missing"},
		{"a seal's hash is changed", func(m *memory) { m.seals[20].Hash[5] ^= 1 }, BadSeal, "seal 21 of"},
		{"a seal's time is changed", func(m *memory) { m.seals[20].At = at.Add(time.Hour) }, BadSeal, "seal 21 of"},
		{"a seal's marks are changed", func(m *memory) { m.seals[20].Marks = slices.Repeat([]byte{1}, len(m.seals[20].Marks)) }, Inserted, "seal 21"},
		{"a row and its seal are made anew, those behind are not", func(m *memory) {
			m.rows["a"][0].Digest[0] ^= 1
			i := slices.IndexFunc(m.seals, func(s Seal) bool { return s.Ledger == "a" })
			var prev Seal
			if i > 0 {
				prev = m.seals[i-1]
			}
			old := m.seals[i]
			m.seals[i] = Next(prev, "a", old.Form, old.After, old.At, m.rows["a"][:old.Count])
		}, BadSeal, "is not as it was made"},
		{"a form of tomorrow", func(m *memory) { m.seals[20].Form = 9 }, NoForm, "newer program"},
		{"a row is cut off at the end", func(m *memory) { m.rows["a"] = m.rows["a"][:len(m.rows["a"])-1] }, Missing, "of a was deleted"},
	} {
		t.Run(c.why, func(t *testing.T) {
			m := built(t, n)
			c.tamper(m)
			rep, err := Verify(t.Context(), m)
			if err != nil || rep.Broken == nil || rep.Broken.Fault != c.fault || !strings.Contains(rep.Broken.String(), c.says) {
				t.Errorf("%+v, %v", rep.Broken, err)
			}
		})
	}
}

// The end of the chain can be cut off together with its seals, and the whole can be made
// anew: only a head that was kept elsewhere tells.
func TestVerifyFindsACutEnd(t *testing.T) {
	m := built(t, 100)
	head := mustHead(t, m)
	last := m.seals[len(m.seals)-1]
	m.seals = m.seals[:len(m.seals)-1]
	m.rows[last.Ledger] = m.rows[last.Ledger][:len(m.rows[last.Ledger])-last.Count]
	if rep, err := Verify(t.Context(), m); err != nil || rep.Broken != nil {
		t.Fatalf("a chain that ends earlier is whole by itself: %v, %v", rep.Broken, err)
	}
	rep, err := Verify(t.Context(), m, head)
	if err != nil || rep.Broken == nil || rep.Broken.Fault != BadHead || rep.Broken.Seal != head.N {
		t.Errorf("the kept head: %v, %v", rep.Broken, err)
	}
	anew := Next(m.seals[len(m.seals)-1], last.Ledger, 1, last.After, at, []Row{row(last.Ledger, last.To)})
	m.seals, m.rows[last.Ledger] = append(m.seals, anew), append(m.rows[last.Ledger], row(last.Ledger, last.To))
	rep, err = Verify(t.Context(), m, head)
	if err != nil || rep.Broken == nil || rep.Broken.Fault != BadHead {
		t.Errorf("an end that was made anew: %v, %v", rep.Broken, err)
	}
}

// Any single change of any row is found, wherever it is.
func TestVerifyFindsAnyRow(t *testing.T) {
	m := built(t, 200)
	for _, ledger := range []string{"a", "b"} {
		for i := range m.rows[ledger] {
			m.rows[ledger][i].Digest[i%8] ^= 0x80
			rep, err := Verify(t.Context(), m)
			if want := m.rows[ledger][i].ID; err != nil || rep.Broken == nil || rep.Broken.Row != want || rep.Broken.Ledger != ledger {
				t.Fatalf("row %d of %s: %v, %v", want, ledger, rep.Broken, err)
			}
			m.rows[ledger][i].Digest[i%8] ^= 0x80
		}
	}
}

func TestHeadText(t *testing.T) {
	h := Head{7, sha256.Sum256([]byte("x"))}
	if got, err := ParseHead(" " + h.String() + "\n"); err != nil || got != h {
		t.Errorf("%v, %v", got, err)
	}
	raw, err := json.Marshal(h)
	var back Head
	if err != nil || json.Unmarshal(raw, &back) != nil || back != h {
		t.Errorf("%s, %v", raw, err)
	}
	for _, bad := range []string{"", "7", "7:", "x:" + h.Hash.String(), "-1:" + h.Hash.String(), "7:abc", "7:" + strings.Repeat("z", 64), h.String() + "00"} {
		if got, err := ParseHead(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	rows := make([]Row, 2000)
	for i := range rows {
		rows[i] = row("a", int64(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		Next(Seal{}, "a", 1, Start, at, rows)
	}
	b.ReportMetric(float64(b.N*len(rows))/b.Elapsed().Seconds(), "rows/s")
}
