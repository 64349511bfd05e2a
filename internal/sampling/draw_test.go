package sampling_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/duly/duly/internal/sampling"
)

// people is a population with weights 1, 2, … most, over and over.
func people(t testing.TB, n, most int) sampling.Population {
	t.Helper()
	var all []sampling.Member
	for i := range n {
		all = append(all, sampling.Member{ID: fmt.Sprintf("row-%05d", i), Weight: 1 + i%most})
	}
	p, err := sampling.Arrange(all)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ids(drawn []sampling.Drawn) []string {
	var out []string
	for _, d := range drawn {
		out = append(out, d.ID)
	}
	return out
}

// dumb draws as an auditor would with sha256sum and sort: one line for every ticket, in
// the order of the keys, the first line of each row counts.
func dumb(p sampling.Population, seed string, method sampling.Method, size int) []string {
	var out []string
	stage := func(name string, n int, tickets func(sampling.Member) int) {
		var lines []string
		for _, m := range p {
			for k := 1; k <= tickets(m); k++ {
				sum := sha256.Sum256([]byte(strings.Join([]string{seed, name, m.ID, fmt.Sprint(k)}, "|")))
				lines = append(lines, hex.EncodeToString(sum[:])+" "+m.ID)
			}
		}
		sort.Strings(lines)
		for _, line := range lines {
			if id := line[65:]; n > 0 && !slices.Contains(out, id) {
				out, n = append(out, id), n-1
			}
		}
	}
	size = min(size, len(p))
	one := func(sampling.Member) int { return 1 }
	weight := func(m sampling.Member) int { return m.Weight }
	switch method {
	case sampling.Random:
		stage("random", size, one)
	case sampling.Risk:
		stage("risk", size, weight)
	case sampling.Both:
		stage("random", (size+1)/2, one)
		stage("risk", size/2, weight)
	}
	return out
}

func TestDrawIsWhatAnAuditorComputes(t *testing.T) {
	for range 300 {
		p := people(t, 1+rand.IntN(60), 1+rand.IntN(9))
		seed, size := fmt.Sprintf("seed-%x", rand.Uint64()), 1+rand.IntN(70)
		for _, method := range sampling.Methods() {
			got, err := sampling.Draw(p, seed, method, size)
			if err != nil {
				t.Fatal(err)
			}
			if want := dumb(p, seed, method, size); !slices.Equal(ids(got), want) {
				t.Fatalf("%s of %d by %q: %v, an auditor gets %v", method, len(p), seed, ids(got), want)
			}
			for i, d := range got {
				if d.N != i+1 || d.Key != sampling.KeyOf(seed, d.Stage, d.ID, d.Ticket) || d.Ticket < 1 || d.Ticket > d.Weight {
					t.Errorf("row %+v cannot be checked by its own ticket", d)
				}
			}
		}
	}
}

func TestDrawIsFixedForEver(t *testing.T) {
	// These were computed with printf | sha256sum | sort; they must never change under the same
	// name of the algorithm.
	p := people(t, 8, 3)
	for method, want := range map[sampling.Method]string{
		sampling.Random: "row-00002 row-00007 row-00004 row-00001",
		sampling.Risk:   "row-00002 row-00004 row-00005 row-00003",
		sampling.Both:   "row-00002 row-00007 row-00004 row-00005",
	} {
		got, err := sampling.Draw(p, "2026-Q1", method, 4)
		if err != nil || strings.Join(ids(got), " ") != want {
			t.Errorf("%s: %v, %v; want %s", method, ids(got), err, want)
		}
	}
	if got := p.Digest().String(); got != "4a152c4aca4e33e3bb7f48a0cd32b813319607195dc46e58106f843e9cd66d48" {
		t.Errorf("digest %s", got)
	}
}

func TestTheOrderOfReadingDoesNotMatter(t *testing.T) {
	p := people(t, 200, 7)
	want, err := sampling.Draw(p, "s", sampling.Both, 30)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		shuffled := slices.Clone(p)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		again, err := sampling.Arrange(shuffled)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sampling.Draw(again, "s", sampling.Both, 30)
		if err != nil || !slices.EqualFunc(got, want, func(a, b sampling.Drawn) bool { return a.ID == b.ID && a.Key == b.Key }) || again.Digest() != p.Digest() {
			t.Fatalf("another order gives another sample: %v, %v", ids(got), err)
		}
	}
}

// TestChances draws many times: a row of weight 5 is first five times as often as one of
// weight 1, and at random every row is in the sample as often as any other.
func TestChances(t *testing.T) {
	const draws = 20000
	p := people(t, 10, 5) // weights 1 2 3 4 5 1 2 3 4 5: 30 tickets
	first, in := map[string]int{}, map[string]int{}
	for i := range draws {
		seed := fmt.Sprint("draw-", i)
		risky, err := sampling.Draw(p, seed, sampling.Risk, 1)
		if err != nil {
			t.Fatal(err)
		}
		first[risky[0].ID]++
		plain, err := sampling.Draw(p, seed, sampling.Random, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range plain {
			in[d.ID]++
		}
	}
	for _, m := range p {
		// Far beyond five standard deviations on both sides; seeds are fixed, so it never wavers.
		if want := draws * m.Weight / 30; first[m.ID] < want*85/100 || first[m.ID] > want*115/100 {
			t.Errorf("%s of weight %d was first %d times, want about %d", m.ID, m.Weight, first[m.ID], want)
		}
		if want := draws * 3 / 10; in[m.ID] < want*95/100 || in[m.ID] > want*105/100 {
			t.Errorf("%s was in %d random samples, want about %d", m.ID, in[m.ID], want)
		}
	}
}

func TestDrawRefuses(t *testing.T) {
	p := people(t, 3, 1)
	for name, c := range map[string]struct {
		seed   string
		method sampling.Method
		size   int
	}{
		"no seed":                        {"", sampling.Random, 1},
		"a seed with the separator":      {"a|b", sampling.Random, 1},
		"a seed with a space":            {"a b", sampling.Random, 1},
		"a seed that is no ASCII":        {"ä", sampling.Random, 1},
		"a seed that is too long":        {strings.Repeat("x", 129), sampling.Random, 1},
		"a size of none":                 {"s", sampling.Random, 0},
		"a size below none":              {"s", sampling.Random, -1},
		"a size above the bound":         {"s", sampling.Random, sampling.MaxSize + 1},
		"a method that there is not":     {"s", "biggest", 1},
		"no method":                      {"s", "", 1},
		"everything wrong at once":       {"", "", 0},
		"a seed that would end a line\n": {"a\n", sampling.Random, 1},
	} {
		if got, err := sampling.Draw(p, c.seed, c.method, c.size); err == nil {
			t.Errorf("%s: drew %v", name, ids(got))
		}
	}
	if got, err := sampling.Draw(p, "s", sampling.Both, 9); err != nil || len(got) != 3 {
		t.Errorf("a population that is smaller is drawn whole: %v, %v", ids(got), err)
	}
	if got, err := sampling.Draw(nil, "s", sampling.Both, 9); err != nil || len(got) != 0 {
		t.Errorf("nothing gives nothing: %v, %v", ids(got), err)
	}
}

func TestArrangeRefuses(t *testing.T) {
	for name, members := range map[string][]sampling.Member{
		"an id twice":             {{ID: "a", Weight: 1}, {ID: "b", Weight: 1}, {ID: "a", Weight: 2}},
		"no id":                   {{Weight: 1}},
		"an id of two lines":      {{ID: "a\nb", Weight: 1}},
		"an id with a tab":        {{ID: "a\tb", Weight: 1}},
		"no weight":               {{ID: "a"}},
		"a weight below none":     {{ID: "a", Weight: -3}},
		"a risk with a comma":     {{ID: "a", Weight: 1, Risks: []string{"x,y"}}},
		"a risk that ends a line": {{ID: "a", Weight: 1, Risks: []string{"x\n"}}},
	} {
		if p, err := sampling.Arrange(members); err == nil {
			t.Errorf("%s was accepted: %v", name, p)
		}
	}
}

func TestPopulationIsReadAsItWasWritten(t *testing.T) {
	p := people(t, 50, 4)
	p[3].Risks, p[7].Risks = []string{"agency"}, []string{"agency", "protected"}
	var b bytes.Buffer
	n, err := p.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("%d bytes of %d, %v", n, b.Len(), err)
	}
	sum := sha256.Sum256(b.Bytes())
	if p.Digest() != sampling.Key(sum) {
		t.Error("the digest is not the SHA-256 of the text")
	}
	again, err := sampling.ReadPopulation(&b)
	if err != nil || !sampling.Compare(p, again).None() || again.Digest() != p.Digest() {
		t.Errorf("%+v, %v", sampling.Compare(p, again), err)
	}
	for name, text := range map[string]string{
		"not ordered": "b\t1\t\na\t1\t\n", "an id twice": "a\t1\t\na\t1\t\n", "no weight": "a\t\t\n", "a weight of nought": "a\t0\t\n", "a weight with a sign": "a\t+1\t\n",
		"too few parts": "a\t1\n", "too many parts": "a\t1\tx\ty\n", "no id": "\t1\t\n",
	} {
		if _, err := sampling.ReadPopulation(strings.NewReader(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestCompareNamesWhatDiffers(t *testing.T) {
	then := sampling.Population{{ID: "a", Weight: 1}, {ID: "b", Weight: 2, Risks: []string{"x"}}, {ID: "d", Weight: 1}, {ID: "e", Weight: 3}}
	now := sampling.Population{{ID: "b", Weight: 2, Risks: []string{"y"}}, {ID: "c", Weight: 1}, {ID: "d", Weight: 1}, {ID: "e", Weight: 4}, {ID: "f", Weight: 1}}
	c := sampling.Compare(then, now)
	if !slices.Equal(c.Left, []string{"a"}) || !slices.Equal(c.Joined, []string{"c", "f"}) || !slices.Equal(c.Weighed, []string{"b", "e"}) {
		t.Errorf("%+v", c)
	}
	if !sampling.Compare(then, slices.Clone(then)).None() || sampling.Compare(nil, now).None() || sampling.Compare(then, nil).None() {
		t.Error("equal and unequal are mixed up")
	}
}

func TestWeigh(t *testing.T) {
	c := sampling.Context{Agencies: []string{"agency"}, Packs: []string{"US-MA", "US-NY"}}
	for name, x := range map[string]struct {
		s      sampling.Signals
		weight int
		risks  string
	}{
		"nothing special weighs one":                      {sampling.Signals{Creditor: "shop"}, 1, ""},
		"a protected debtor":                              {sampling.Signals{Protected: true}, 7, "protected"},
		"an agency":                                       {sampling.Signals{Creditor: "agency"}, 3, "agency"},
		"a state with a pack":                             {sampling.Signals{Places: []string{"US", "US-NY"}}, 3, "own_pack"},
		"a state without a pack":                          {sampling.Signals{Places: []string{"US-TX"}}, 1, ""},
		"a country is no state, even where it has a pack": {sampling.Signals{Places: []string{"US"}}, 1, ""},
		"everything adds up, and risks are sorted": {
			sampling.Signals{Creditor: "agency", Places: []string{"US-MA"}, Protected: true, NearLimit: true, AfterOptIn: true, UnsureReply: true, ByHand: true, Doubtful: true},
			28,
			"after_opt_in,agency,by_hand,doubtful,near_limit,own_pack,protected,unsure_reply",
		},
	} {
		if w, r := sampling.Weigh(x.s, c); w != x.weight || strings.Join(r, ",") != x.risks {
			t.Errorf("%s: %d %v, want %d %s", name, w, r, x.weight, x.risks)
		}
	}
	for _, f := range sampling.Features() {
		if f.Code == "" || f.Title == "" || f.Why == "" || f.Adds < 1 {
			t.Errorf("feature %+v is not explained", f)
		}
	}
}

func TestAnswersAreChecked(t *testing.T) {
	list, ok := sampling.ChecklistOf(sampling.KeptBack)
	if !ok {
		t.Fatal("no checklist")
	}
	all := func(v sampling.Value) map[string]sampling.Value {
		out := map[string]sampling.Value{}
		for _, q := range list.Questions {
			out[q.ID] = v
		}
		return out
	}
	isDate := func(s string) bool { return s == "2026-03-31" }
	with := func(change func(map[string]sampling.Value)) map[string]sampling.Value {
		m := all(sampling.Yes)
		change(m)
		return m
	}
	for name, c := range map[string]struct {
		a      sampling.Answer
		faults string
	}{
		"all yes":                      {sampling.Answer{Values: all(sampling.Yes)}, ""},
		"none applies":                 {sampling.Answer{Values: all(sampling.NA)}, ""},
		"a no with everything":         {sampling.Answer{Values: all(sampling.No), Note: "wrong rule", Fix: "mend it", Owner: "user:1", Due: "2026-03-31"}, ""},
		"a no without words":           {sampling.Answer{Values: all(sampling.No)}, "due fix note owner"},
		"a no with blanks for words":   {sampling.Answer{Values: all(sampling.No), Note: "   ", Fix: "mend it", Owner: "user:1", Due: "2026-03-31"}, "note"},
		"a no with a day that is none": {sampling.Answer{Values: all(sampling.No), Note: "wrong rule", Fix: "mend it", Owner: "user:1", Due: "soon"}, "due"},
		"one is missing":               {sampling.Answer{Values: with(func(m map[string]sampling.Value) { delete(m, "rule") })}, "q-rule"},
		"one is no answer":             {sampling.Answer{Values: with(func(m map[string]sampling.Value) { m["rule"] = "maybe" })}, "q-rule"},
		"one too many":                 {sampling.Answer{Values: with(func(m map[string]sampling.Value) { m["x"] = sampling.Yes })}, "q"},
		"nothing at all":               {sampling.Answer{}, "q-needed q-not_before q-reason q-rule"},
		"a novel":                      {sampling.Answer{Values: all(sampling.Yes), Note: strings.Repeat("x", 4001)}, "note"},
	} {
		faults := c.a.Faults(list.Questions, isDate)
		var names []string
		for f := range faults {
			names = append(names, f)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != c.faults {
			t.Errorf("%s: faults of %q, want %q", name, got, c.faults)
		}
	}
	for _, k := range sampling.Kinds() {
		if l, ok := sampling.ChecklistOf(k); !ok || len(l.Questions) < 3 || len(l.Questions) > 9 || l.Version == "" {
			t.Errorf("the checklist of %s: %+v", k, l)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	p := people(b, sampling.MaxPopulation, 7)
	for b.Loop() {
		if _, err := sampling.Draw(p, "seed", sampling.Both, 100); err != nil {
			b.Fatal(err)
		}
	}
}
