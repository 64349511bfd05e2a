package answers

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var corpusFiles = []string{"first.tsv", "second.tsv", "third.tsv", "fourth.tsv", "fifth.tsv", "sixth.tsv"}

// sample is a labelled reply.
type sample struct {
	where   string
	in      Input
	intents []Intent
}

// corpusToday is the day on which the corpus is read, a Saturday.
var corpusToday = Date{2026, 11, 21}

// readCorpus reads a file of samples.
func readCorpus(t testing.TB, name string) []sample {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []sample
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		if s.Text() == "" || s.Text()[0] == '#' {
			continue
		}
		cells := strings.Split(s.Text(), "\t")
		if len(cells) != 4 {
			t.Fatalf("%s:%d: %d cells, want 4", name, n, len(cells))
		}
		x := sample{where: fmt.Sprintf("%s:%d", name, n)}
		x.in = Input{Text: strings.ReplaceAll(cells[3], `\n`, "\n"), Channel: cells[1], Locale: cells[0], Today: corpusToday}
		for _, i := range strings.Split(cells[2], ",") {
			if i == "none" {
				i = string(Unclear)
			}
			if !slices.Contains(intents, Intent(i)) {
				t.Fatalf("%s: unknown intent %q", x.where, i)
			}
			x.intents = append(x.intents, Intent(i))
		}
		out = append(out, x)
	}
	return out
}

// tally counts for one intent.
type tally struct{ right, missed, wrong int }

func (c tally) precision() float64 { return ratio(c.right, c.right+c.wrong) }
func (c tally) recall() float64    { return ratio(c.right, c.right+c.missed) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// found is the confidence from which a finding counts in the corpus: what is
// less sure is only a hint beside others.
const foundFrom = 70

// score reads the samples and compares what is found with the labels.
func score(samples []sample) (map[Intent]*tally, []string) {
	out, misses := map[Intent]*tally{}, []string(nil)
	for _, i := range intents {
		out[i] = &tally{}
	}
	for _, s := range samples {
		r := Read(s.in)
		var got []Intent
		for _, f := range r.Findings {
			if f.Confidence >= foundFrom || f.Intent == Unclear || slices.Contains(s.intents, f.Intent) && f.Confidence >= 50 {
				got = append(got, f.Intent)
			}
		}
		if len(got) == 0 {
			got = []Intent{Unclear}
		}
		var miss []string
		for _, i := range s.intents {
			if slices.Contains(got, i) {
				out[i].right++
			} else {
				out[i].missed++
				miss = append(miss, "-"+string(i))
			}
		}
		for _, i := range got {
			if !slices.Contains(s.intents, i) {
				out[i].wrong++
				f, _ := r.Find(i)
				miss = append(miss, fmt.Sprintf("+%s(%s %d)", i, f.Rule, f.Confidence))
			}
		}
		if miss != nil {
			misses = append(misses, fmt.Sprintf("%s %s: %q", s.where, strings.Join(miss, " "), s.in.Text))
		}
	}
	return out, misses
}

// table prints precision and recall.
func report(t testing.TB, name string, samples []sample, by map[Intent]*tally, misses []string) {
	t.Helper()
	t.Logf("%s: %d replies, %d read otherwise than labelled", name, len(samples), len(misses))
	for _, i := range intents {
		if c := by[i]; c.right+c.missed+c.wrong > 0 {
			t.Logf("  %-13s precision %5.1f %%  recall %5.1f %%  (%d right, %d missed, %d wrong)", i, 100*c.precision(), 100*c.recall(), c.right, c.missed, c.wrong)
		}
	}
	for _, m := range misses {
		t.Log("  ", m)
	}
}

// TestCorpus reads all labelled replies. An opt-out is never missed, and acted upon
// without a person; the other intents keep a floor.
func TestCorpus(t *testing.T) {
	var all []sample
	for _, name := range corpusFiles {
		samples := readCorpus(t, name)
		by, misses := score(samples)
		report(t, name, samples, by, misses)
		all = append(all, samples...)
	}
	by, _ := score(all)
	for _, i := range intents {
		if c := by[i]; c.precision() < 0.85 || c.recall() < 0.95 {
			t.Errorf("%s: precision %.2f, recall %.2f", i, c.precision(), c.recall())
		}
	}
	if c := by[OptOut]; c.missed > 0 {
		t.Errorf("%d opt-outs are missed", c.missed)
	}
	for _, s := range all {
		if !slices.Contains(s.intents, OptOut) {
			continue
		}
		if f, ok := Read(s.in).Find(OptOut); !ok || f.Confidence < suspected {
			t.Errorf("%s: %q is no sure opt-out: %+v", s.where, s.in.Text, f)
		}
	}
}

// TestCorpusIsLarge: 400 replies at least, 80 in each language.
func TestCorpusIsLarge(t *testing.T) {
	n := map[string]int{}
	for _, name := range corpusFiles {
		for _, s := range readCorpus(t, name) {
			n[s.in.Locale]++
			n["all"]++
		}
	}
	for _, lang := range languages {
		if n[lang] < 80 {
			t.Errorf("%s: %d replies", lang, n[lang])
		}
	}
	if n["all"] < 400 {
		t.Errorf("%d replies", n["all"])
	}
}

// TestKeywordsInAnyDress: every keyword of the carriers in any case, with any
// punctuation, courtesy, space and doubled letter around or in it.
func TestKeywordsInAnyDress(t *testing.T) {
	for _, k := range fields("STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT ARRET BAJA ALTO PARAR ABMELDEN STOPP") {
		for _, dress := range []string{
			"%s", " %s ", "%s.", "%s!!!", "\"%s\"", "*%s*", "%s please", "Please %s", "%s\n", "%s thanks", "ok %s", "%s, %s", "%s 👍", "(%s)", "%s :)", "¡%s!", "%s\n\nSent from my iPhone", "%s?",
			"%s %s", "Hi, %s", "%s now", "bitte %s", "%s por favor", "%s svp", "%s\u00a0", "\ufeff%s", "%s..",
		} {
			for _, form := range []string{k, strings.ToLower(k), k[:1] + strings.ToLower(k[1:]), strings.Join(strings.Split(k, ""), " "), strings.Join(strings.Split(k, ""), "."), strings.Join(strings.Split(k, ""), "\u200b"), k + k[len(k)-1:] + k[len(k)-1:]} {
				text := strings.ReplaceAll(dress, "%s", form)
				f, ok := Read(Input{Text: text, Channel: "sms"}).Find(OptOut)
				if !ok || !f.Sure() || f.Scope != "sms" {
					t.Errorf("%q: %+v", text, f)
				}
			}
		}
	}
}

// lines reads a file of one reply a line.
func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(b), "\n"), func(s string) bool { return s == "" || s[0] == '#' })
}

func TestRefusals(t *testing.T) {
	for _, text := range lines(t, "refusals.txt") {
		if f, ok := Read(Input{Text: text, Channel: "sms", Today: corpusToday}).Find(OptOut); !ok || f.Confidence < suspected {
			t.Errorf("%q is no opt-out: %+v", text, f)
		}
	}
	for _, text := range lines(t, "others.txt") {
		if f, ok := Read(Input{Text: text, Channel: "sms", Today: corpusToday}).Find(OptOut); ok {
			t.Errorf("%q is an opt-out: %+v", text, f)
		}
	}
}

// TestFresh reads replies by which no rule was made: what the reader does with words
// that nobody has seen. Only a floor is kept.
func TestFresh(t *testing.T) {
	samples := readCorpus(t, "fresh.tsv")
	by, misses := score(samples)
	report(t, "fresh.tsv", samples, by, misses)
	if c := by[OptOut]; c.recall() < 0.85 || c.precision() < 0.85 {
		t.Errorf("opt-outs: precision %.2f, recall %.2f", c.precision(), c.recall())
	}
	if right := len(samples) - len(misses); right*100 < 80*len(samples) {
		t.Errorf("%d of %d are read as labelled", right, len(samples))
	}
}

func TestHarmless(t *testing.T) {
	for _, text := range lines(t, "harmless.txt") {
		for _, f := range Read(Input{Text: text, Channel: "sms", Today: corpusToday}).Findings {
			switch f.Intent {
			case Deceased, Bankruptcy, Represented, Dispute, WrongPerson, Cease, OptOut:
				if f.Sure() {
					t.Errorf("%q: %+v", text, f)
				}
			}
		}
	}
}
