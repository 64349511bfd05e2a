package sampling_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/sampling"
)

// file is a sample of a population with an answer to every row, signed off.
func file(t testing.TB, n, size int, method sampling.Method) sampling.File {
	t.Helper()
	p := people(t, n, 5)
	drawn, err := sampling.Draw(p, "seed-1", method, size)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	r := sampling.Review{Sample: sampling.Sample{
		ID: "5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a", Algorithm: sampling.Algorithm, Population: n, Digest: p.Digest(), Checklist: "c-1", At: at, By: "user:1",
		Questions: []sampling.Question{{ID: "hours", Text: "Lawful?"}},
		Plan:      sampling.Plan{Title: "Q1", Kind: sampling.Contacts, Creditors: []string{"acme"}, Method: method, Size: len(drawn), Seed: "seed-1"},
	}}
	for _, d := range drawn {
		r.Rows = append(r.Rows, sampling.Row{N: d.N, ID: d.ID, Stage: d.Stage, Ticket: d.Ticket, Key: d.Key, Weight: d.Weight, Risks: d.Risks, Creditor: "acme", At: at})
		r.Answers = append(r.Answers, sampling.Given{Round: 1, N: d.N, At: at, By: "user:2", Answer: sampling.Answer{Values: map[string]sampling.Value{"hours": sampling.Yes}}})
	}
	r.Rounds = []sampling.Round{{Round: 1, At: at, By: "user:1"}}
	r.Rounds[0].Signed = &sampling.SignOff{Round: 1, Digest: r.AnswersDigest(1), At: at, By: "user:2"}
	var lines bytes.Buffer
	_, err = p.WriteTo(&lines)
	if err != nil {
		t.Fatal(err)
	}
	return sampling.File{Format: sampling.Format, Review: r, Score: r.Score(), Members: strings.Split(strings.TrimSuffix(lines.String(), "\n"), "\n"), Made: at, MadeBy: "user:2"}
}

func verify(t testing.TB, f sampling.File) (sampling.Verified, error) {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return sampling.Verify(bytes.NewReader(b))
}

func TestEveryFileVerifies(t *testing.T) {
	for _, method := range sampling.Methods() {
		for _, size := range []int{1, 2, 7, 40} {
			f := file(t, 40, size, method)
			if v, err := verify(t, f); err != nil || !v.OK() || v.Signed != 1 || v.Rows != size || v.Population != 40 {
				t.Errorf("%s of %d: %+v, %v", method, size, v, err)
			}
		}
	}
}

// TestNoRowCanBeExchanged tries every other row of the population in the place of each row.
func TestNoRowCanBeExchanged(t *testing.T) {
	good := file(t, 30, 5, sampling.Both)
	for i := range good.Rows {
		for _, line := range good.Members {
			id := strings.Split(line, "\t")[0]
			if id == good.Rows[i].ID {
				continue
			}
			f := file(t, 30, 5, sampling.Both)
			f.Rows[i].ID = id
			if v, err := verify(t, f); err == nil && v.OK() {
				t.Fatalf("%s in the place of row %d verifies", id, i+1)
			}
		}
	}
}

// TestASignOffIsOverWhatWasAsked: answers that were signed prove nothing once somebody words
// the question, or what was drawn from, otherwise.
func TestASignOffIsOverWhatWasAsked(t *testing.T) {
	for why, change := range map[string]func(*sampling.File){
		"another question":       func(f *sampling.File) { f.Questions[0].Text = "Polite?" },
		"another kind":           func(f *sampling.File) { f.Kind = sampling.Calls },
		"another creditor":       func(f *sampling.File) { f.Creditors = []string{"acme", "late"} },
		"another span":           func(f *sampling.File) { f.Until = f.Until.AddDate(1, 0, 0) },
		"a filter that was none": func(f *sampling.File) { f.Filter.Channel = "sms" },
		"another title":          func(f *sampling.File) { f.Title = "Everything of Q1" },
	} {
		f := file(t, 30, 5, sampling.Both)
		change(&f)
		if v, err := verify(t, f); err != nil || v.OK() || v.Signed != 0 {
			t.Errorf("%s verifies: %+v, %v", why, v, err)
		}
	}
}

func TestStandingAnswersAreThoseOfTheLatestRound(t *testing.T) {
	f := file(t, 10, 3, sampling.Random)
	r := f.Review
	first := r.AnswersDigest(1)
	no := sampling.Given{Round: 3, N: 2, At: r.At, By: "user:3", Answer: sampling.Answer{Values: map[string]sampling.Value{"hours": sampling.No}, Note: "late"}}
	r.Rounds = append(r.Rounds, sampling.Round{Round: 2}, sampling.Round{Round: 3})
	r.Answers = append(r.Answers, no)
	if r.AnswersDigest(1) != first || r.AnswersDigest(2) != first || r.AnswersDigest(3) == first {
		t.Error("a correction changes what was signed before it, or not what stands after it")
	}
	if s := r.Score(); s.Wrong != 1 || s.Done != 3 || s.Yes != 2 || s.No != 1 {
		t.Errorf("score %+v", s)
	}
	if open := r.Open(); len(open) != 0 || r.Todo(0) != 0 {
		t.Errorf("open %v", open)
	}
	r.Answers = r.Answers[1:]
	if fmt.Sprint(r.Open()) != "[1]" || r.Todo(2) != 1 || r.Todo(0) != 1 {
		t.Errorf("open %v, next %d", r.Open(), r.Todo(2))
	}
}

func FuzzVerify(f *testing.F) {
	b, err := json.Marshal(file(f, 5, 2, sampling.Both))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":"duly-sample-1","rounds":[{"round":-1,"signed":{}}],"members":["a\t1\t"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := sampling.Verify(bytes.NewReader(b)) // it says no; it never panics
		if err == nil && v.OK() && v.Rows > v.Population {
			t.Errorf("%d rows of %d verify", v.Rows, v.Population)
		}
	})
}
