package postgres_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sampling"
)

// sampled is a sample of n rows of one debtor; the user "maker" made the first.
func (b *bundle) sampled(n int) sampling.Review {
	b.t.Helper()
	x := sampling.Sample{
		ID: uuid.NewString(), Algorithm: sampling.Algorithm, Population: n, Checklist: "c-1", At: noon, By: "user:drawer",
		Questions: []sampling.Question{{ID: "hours", Text: "Lawful?"}, {ID: "amount", Text: "Right?"}},
		Plan: sampling.Plan{
			Title: "A sample", Kind: sampling.Calls, Creditors: []string{creditor}, From: noon.AddDate(0, -1, 0), Until: noon, Method: sampling.Random, Size: n, Seed: "seed",
		},
	}
	var rows []sampling.Row
	for i := range n {
		r := sampling.Row{N: i + 1, ID: fmt.Sprint("row-", i+1), Stage: sampling.Random, Ticket: 1, Weight: 1, Creditor: creditor, Debtor: b.debtor, At: noon}
		if i == 0 {
			r.People = []string{"user:maker"}
		}
		rows = append(rows, r)
	}
	b.must(b.AddSample(b.t.Context(), x, []byte("zip"), rows))
	r, err := b.Review(b.t.Context(), x.ID)
	b.must(err)
	return r
}

func fine(n, round int, by string) sampling.Given {
	return sampling.Given{Round: round, N: n, At: noon, By: by, Answer: sampling.Answer{Values: map[string]sampling.Value{"hours": sampling.Yes, "amount": sampling.NA}}}
}

func TestASampleIsReadAsItWasKept(t *testing.T) {
	b := newBundle(t)
	r := b.sampled(3)
	if r.Seed != "seed" || len(r.Rows) != 3 || len(r.Rounds) != 1 || len(r.Questions) != 2 || !slices.Equal(r.Rows[0].People, []string{"user:maker"}) || len(r.Open()) != 3 {
		t.Fatalf("%+v", r)
	}
	wrong := fine(2, 1, "user:r")
	wrong.Values = map[string]sampling.Value{"hours": sampling.No, "amount": sampling.Yes}
	wrong.Note, wrong.Fix, wrong.Owner, wrong.Due = "21:05 in Boston", "narrow the window", "user:ops", "2026-03-31"
	b.must(b.AddAnswer(t.Context(), r.ID, wrong))
	b.must(b.AddAnswer(t.Context(), r.ID, fine(1, 1, "user:r")))
	b.must(b.AddAnswer(t.Context(), r.ID, fine(3, 1, "user:r")))
	r, err := b.Review(t.Context(), r.ID)
	b.must(err)
	if s := r.Score(); s != (sampling.Score{Rows: 3, Done: 3, Wrong: 1, Yes: 3, No: 1, NA: 2}) {
		t.Errorf("score %+v", s)
	}
	if g := r.Standing(1)[1]; g.Note != wrong.Note || g.Fix != wrong.Fix || g.Owner != wrong.Owner || g.Due != wrong.Due || !maps.Equal(g.Values, wrong.Values) || !g.At.Equal(noon) {
		t.Errorf("the answer came back as %+v", g)
	}
	signed := sampling.SignOff{Round: 1, Digest: r.AnswersDigest(1), Words: "one finding", At: noon, By: "user:r"}
	b.must(b.AddSignOff(t.Context(), r.ID, signed))
	b.must(b.AddRound(t.Context(), r.ID, sampling.Round{Round: 2, Reason: "row 2 was read wrongly", At: noon, By: "user:r"}))
	b.must(b.AddAnswer(t.Context(), r.ID, fine(2, 2, "user:q")))
	r, err = b.Review(t.Context(), r.ID)
	b.must(err)
	if r.AnswersDigest(1) != signed.Digest || r.Rounds[0].Signed == nil || r.Rounds[0].Signed.Digest != signed.Digest {
		t.Error("the first round does not stand as it was signed")
	}
	if r.AnswersDigest(2) == signed.Digest || r.Score().Wrong != 0 {
		t.Error("the correction does not stand in the place of the answer")
	}
	list, err := b.Samples(t.Context(), read.Only(creditor), read.Page{})
	if err != nil || len(list.Rows) != 1 || list.Rows[0].Round != 2 || list.Rows[0].Done != 3 || list.Rows[0].Wrong != 0 || !list.Rows[0].Signed.IsZero() {
		t.Errorf("%+v, %v", list.Rows, err)
	}
	if list, err := b.Samples(t.Context(), read.Only("other"), read.Page{}); err != nil || len(list.Rows) != 0 {
		t.Errorf("another creditor's list holds %+v, %v", list.Rows, err)
	}
	if m, err := b.SampleMembers(t.Context(), r.ID); err != nil || string(m) != "zip" {
		t.Errorf("members %q, %v", m, err)
	}
	if _, err := b.Review(t.Context(), uuid.NewString()); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("a sample that is not there: %v", err)
	}
}

func TestSamplesRefuse(t *testing.T) {
	b := newBundle(t)
	r := b.sampled(2)
	ctx := t.Context()
	answer := func(g sampling.Given) error { return b.AddAnswer(ctx, r.ID, g) }
	sign := func(by string, round int) error {
		now, err := b.Review(ctx, r.ID)
		b.must(err)
		return b.AddSignOff(ctx, r.ID, sampling.SignOff{Round: round, Digest: now.AnswersDigest(round), At: noon, By: by})
	}
	b.must(answer(fine(1, 1, "user:r")))
	with := func(g sampling.Given, change func(*sampling.Given)) sampling.Given {
		change(&g)
		return g
	}
	no := map[string]sampling.Value{"hours": sampling.No, "amount": sampling.Yes}
	steps := []struct {
		about string
		do    func() error
		want  error // nil: is done
		words string
	}{
		{"a sign-off with an open row", func() error { return sign("user:r", 1) }, postgres.ErrRefused, "rows are open"},
		{"a second answer of a row in a round", func() error { return answer(fine(1, 1, "user:q")) }, identity.ErrTaken, ""},
		{"an answer of a round that is to come", func() error { return answer(fine(2, 2, "user:r")) }, postgres.ErrRefused, "not the latest"},
		{"an answer of a row that is not there", func() error { return answer(fine(9, 1, "user:r")) }, postgres.ErrRefused, ""},
		{"an answer without a question", func() error {
			return answer(with(fine(2, 1, "user:r"), func(g *sampling.Given) { delete(g.Values, "amount") }))
		}, postgres.ErrRefused, "every question"},
		{"an answer to a question that was not asked", func() error {
			return answer(with(fine(2, 1, "user:r"), func(g *sampling.Given) { g.Values["more"] = sampling.Yes }))
		}, postgres.ErrRefused, "every question"},
		{"an answer that is none", func() error {
			return answer(with(fine(2, 1, "user:r"), func(g *sampling.Given) { g.Values["hours"] = "perhaps" }))
		}, postgres.ErrRefused, "sample_answers_values"},
		{"a no without words", func() error { return answer(with(fine(2, 1, "user:r"), func(g *sampling.Given) { g.Values = no })) }, postgres.ErrRefused, "sample_answers_note"},
		{"a no without an owner", func() error {
			return answer(with(fine(2, 1, "user:r"), func(g *sampling.Given) { g.Values, g.Note, g.Fix, g.Due = no, "wrong", "mend", "2026-04-01" }))
		}, postgres.ErrRefused, "sample_answers_note"},
		{"the other row", func() error { return answer(fine(2, 1, "user:r")) }, nil, ""},
		{"a sign-off by who made a row", func() error { return sign("user:maker", 1) }, postgres.ErrRefused, "made by who signs"},
		{"a sign-off by a program", func() error { return sign("key:1", 1) }, postgres.ErrRefused, "sample_signoffs_person"},
		{"a sign-off of a round that is to come", func() error { return sign("user:r", 2) }, postgres.ErrRefused, ""},
		{"a sign-off over other answers than there are", func() error {
			return b.AddSignOff(ctx, r.ID, sampling.SignOff{Round: 1, Digest: r.AnswersDigest(1), At: noon, By: "user:r"})
		}, identity.ErrTaken, "an answer came in between"},
		{"the sign-off", func() error { return sign("user:r", 1) }, nil, ""},
		{"a second sign-off", func() error { return sign("user:q", 1) }, identity.ErrTaken, ""},
		{"an answer after it", func() error { return answer(fine(1, 1, "user:q")) }, postgres.ErrRefused, "signed off"},
		{"a round without a reason", func() error { return b.AddRound(ctx, r.ID, sampling.Round{Round: 2, At: noon, By: "user:r"}) }, postgres.ErrRefused, "reason"},
		{"a round that leaves one out", func() error {
			return b.AddRound(ctx, r.ID, sampling.Round{Round: 3, Reason: "why not", At: noon, By: "user:r"})
		}, postgres.ErrRefused, "does not follow"},
		{"a second round", func() error {
			return b.AddRound(ctx, r.ID, sampling.Round{Round: 2, Reason: "row 1 was wrong", At: noon, By: "user:r"})
		}, nil, ""},
		{"a sign-off of a round without answers", func() error { return sign("user:r", 2) }, postgres.ErrRefused, "has no answer"},
		{"an answer by who made the row", func() error { return answer(fine(1, 2, "user:maker")) }, postgres.ErrRefused, "made by who answers"},
		{"a correction", func() error { return answer(fine(1, 2, "user:q")) }, nil, ""},
		{"the sign-off of the correction", func() error { return sign("user:q", 2) }, nil, ""},
	}
	for _, s := range steps {
		err := s.do()
		if s.want == nil && err != nil || s.want != nil && (!errors.Is(err, s.want) || !strings.Contains(err.Error(), s.words)) {
			t.Fatalf("%s: %v; want %v %q", s.about, err, s.want, s.words)
		}
	}
	for _, sql := range []string{
		"UPDATE samples SET seed = 'x'", "DELETE FROM sample_rows", "UPDATE sample_answers SET note = 'x'", "DELETE FROM sample_signoffs", "UPDATE sample_rounds SET reason = 'xxx'", "TRUNCATE sample_answers CASCADE",
		"INSERT INTO sample_rows (sample_id, n, subject, stage, key, ticket, weight, creditor_id, debtor_id, at) SELECT sample_id, 3, 'later', stage, key, 1, 1, creditor_id, debtor_id, at FROM sample_rows WHERE n = 1",
	} {
		if state, _ := refusal(t, b.Store, sql); state != "DU001" && state != "DU002" {
			t.Errorf("%s: SQLSTATE %q", sql, state)
		}
	}
}

func TestSamplesOfNonsenseAreRefused(t *testing.T) {
	b := newBundle(t)
	good := b.sampled(1)
	for about, change := range map[string]func(*sampling.Sample){
		"a size of none":              func(x *sampling.Sample) { x.Size = 0 },
		"a size that is negative":     func(x *sampling.Sample) { x.Size = -1 },
		"fewer rows than its size":    func(x *sampling.Sample) { x.Size = 2 },
		"no seed":                     func(x *sampling.Sample) { x.Seed = "" },
		"no creditor":                 func(x *sampling.Sample) { x.Creditors = nil },
		"a span that ends before":     func(x *sampling.Sample) { x.Until = x.From },
		"no population":               func(x *sampling.Sample) { x.Population = 0 },
		"a kind that there is not":    func(x *sampling.Sample) { x.Kind = "gossip" },
		"a method that there is not":  func(x *sampling.Sample) { x.Method = "biggest" },
		"no question":                 func(x *sampling.Sample) { x.Questions = nil },
		"nobody who drew it":          func(x *sampling.Sample) { x.By = "" },
		"no name":                     func(x *sampling.Sample) { x.Title = "" },
		"ten questions, for ten keys": func(x *sampling.Sample) { x.Questions = make([]sampling.Question, 10) },
	} {
		x := good.Sample
		x.ID = uuid.NewString()
		change(&x)
		if err := b.AddSample(t.Context(), x, []byte("zip"), good.Rows); !errors.Is(err, postgres.ErrRefused) {
			t.Errorf("%s: %v", about, err)
		}
	}
	if err := b.AddSample(t.Context(), good.Sample, []byte("zip"), good.Rows); !errors.Is(err, identity.ErrTaken) {
		t.Errorf("the same sample twice: %v", err)
	}
}

func TestPopulationOfCallsAndReplies(t *testing.T) {
	b := newBundle(t)
	from := noon.AddDate(0, 0, -30)
	log := func(days int, by string, c dunning.ContactLogged) dunning.Fact {
		c.ID = uuid.NewString()
		return dunning.Fact{At: from.AddDate(0, 0, days), Account: b.account, By: by, Body: c}
	}
	b.mustAdd(
		log(1, "user:a", dunning.ContactLogged{Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer", Collector: "b"}),
		log(2, "import", dunning.ContactLogged{Direction: "outbound", Channel: dunning.Call, Outcome: "conversation"}),
		log(3, "", dunning.ContactLogged{Direction: "inbound", Channel: dunning.Email, Outcome: "received", Reading: []string{"opt_out 95"}}),
		log(4, "", dunning.ContactLogged{Direction: "inbound", Channel: dunning.SMS, Outcome: "received", Reading: []string{"promise 90", "dispute 60"}}),
		log(5, "user:a", dunning.ContactLogged{Direction: "outbound", Channel: dunning.Call, Outcome: "voicemail"}),
		log(40, "user:a", dunning.ContactLogged{Direction: "outbound", Channel: dunning.Call, Outcome: "voicemail"}),
		log(6, "user:a", dunning.ContactLogged{Direction: "outbound", Channel: dunning.Email, Outcome: "delivered"}),
		dunning.Fact{At: from.AddDate(0, 0, 2), Account: b.account, By: "user:a", Body: dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount}},
		dunning.Fact{At: from, Body: dunning.DebtorKnown{DebtorKind: "consumer", Places: []string{"US-TX"}}},
		dunning.Fact{At: from.AddDate(0, 0, 1), Body: dunning.DebtorKnown{DebtorKind: "consumer", Places: []string{"US-NY", "US"}}},
	)
	ask := func(k sampling.Kind, f sampling.Filter, frozen sampling.Frozen) ([]sampling.Found, sampling.Frozen) {
		t.Helper()
		found, frozen, err := b.SamplePopulation(t.Context(), sampling.Ask{
			Plan: sampling.Plan{Kind: k, Creditors: []string{creditor}, From: from, Until: noon, Filter: f}, Frozen: frozen, Limit: 99,
		})
		b.must(err)
		slices.SortFunc(found, func(a, b sampling.Found) int { return strings.Compare(a.ID, b.ID) })
		return found, frozen
	}
	calls, frozen := ask(sampling.Calls, sampling.Filter{}, sampling.Frozen{})
	if len(calls) != 3 || frozen.At.IsZero() {
		t.Fatalf("calls %+v as of %+v", calls, frozen)
	}
	if x := calls[0]; x.Protected || !x.ByHand || x.UnsureReply || !slices.Equal(x.Places, []string{"US", "US-NY"}) || x.Creditor != creditor {
		t.Errorf("the call before the hold: %+v", x)
	}
	if x := calls[1]; !x.Protected || x.ByHand {
		t.Errorf("the imported call at the hold's instant: %+v", x)
	}
	if x := calls[2]; !x.Protected || !x.UnsureReply {
		t.Errorf("the call after a reply that was hardly understood: %+v", x)
	}
	replies, _ := ask(sampling.Replies, sampling.Filter{}, sampling.Frozen{})
	if len(replies) != 2 || replies[0].UnsureReply || !replies[1].UnsureReply {
		t.Errorf("replies %+v", replies)
	}
	if sms, _ := ask(sampling.Replies, sampling.Filter{Channel: "sms"}, sampling.Frozen{}); len(sms) != 1 {
		t.Errorf("replies by SMS %+v", sms)
	}
	rows, err := b.SampleSubjects(t.Context(), sampling.Calls, []string{calls[0].ID, calls[1].ID})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%+v, %v", rows, err)
	}
	slices.SortFunc(rows, func(a, b sampling.Row) int { return strings.Compare(a.ID, b.ID) })
	if !slices.Equal(rows[0].People, []string{"user:a", "user:b"}) || len(rows[1].People) != 0 || rows[0].Debtor != b.debtor || rows[0].Channel != "call" {
		t.Errorf("%+v", rows)
	}
	// What is entered later is no part of what was frozen, whatever instant it is dated.
	b.mustAdd(log(1, "user:a", dunning.ContactLogged{Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer"}),
		dunning.Fact{At: from, Account: b.account, By: "user:a", Body: dunning.HoldPlaced{ID: "h2", HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount}})
	if again, _ := ask(sampling.Calls, sampling.Filter{}, frozen); fmt.Sprint(again) != fmt.Sprint(calls) {
		t.Errorf("as of then it is now %+v, and was %+v", again, calls)
	}
	if now, _ := ask(sampling.Calls, sampling.Filter{}, sampling.Frozen{At: time.Now().Add(time.Hour)}); len(now) != 4 {
		t.Errorf("as of now %d calls", len(now))
	}
}

func TestPopulationOfContacts(t *testing.T) {
	b := newBundle(t)
	b.open()
	from := noon.AddDate(0, 0, -5)
	b.mustAdd(b.fact(item("A")), b.fact(dunning.PointKnown{ID: "e1", Channel: dunning.Email}))
	b.must(b.PutPoints(t.Context(), b.debtor, postgres.Point{ID: "e1", Channel: dunning.Email, Value: "ada@example.invalid"}))
	counted := func(n, limit int) []dunning.Checked {
		return []dunning.Checked{{Channel: dunning.Email, Reading: "strict", Rules: []contact.RuleTrace{{Pack: "house", Rule: "CAP", Count: n, Limit: limit}}}}
	}
	// send decides and hands over one message, n days after from.
	send := func(id string, ordinal, days int, checks []dunning.Checked, states ...dunning.ContactState) string {
		t.Helper()
		d := b.decision(id, "", 2, noon)
		d.Decision.Checks = checks
		b.must(b.decide(d))
		c := b.planned(ordinal)
		c.Decision = id
		at := from.AddDate(0, 0, days)
		planned := b.caseFact(c)
		planned.At = at
		b.mustAdd(planned)
		for _, s := range states {
			moved := b.caseFact(dunning.ContactMoved{ID: c.ID, State: s})
			if s == dunning.ContactUnknown {
				moved = b.caseFact(dunning.ContactMoved{ID: c.ID, State: s, Deadline: noon.AddDate(0, 0, 3)})
			}
			moved.At = at
			b.mustAdd(moved)
		}
		return c.ID
	}
	lifted := b.fact(dunning.OptedIn{ID: "o"})
	lifted.At = from.AddDate(0, 0, 1).Add(time.Hour)
	first := send("d1", 1, 1, counted(0, 1), dunning.ContactSending, dunning.ContactAccepted)
	b.mustAdd(lifted)
	after := send("d2", 2, 2, counted(6, 7), dunning.ContactSending, dunning.ContactUnknown)
	later := send("d3", 3, 3, counted(2, 7), dunning.ContactSending, dunning.ContactAccepted)
	draft := b.caseFact(dunning.TaskOpened{ID: "draft", Task: dunning.TaskDraft, Step: "friendly-email"})
	approved := b.caseFact(dunning.TaskEnded{ID: "draft", Outcome: "approved"})
	approved.By, approved.At, draft.At = "user:approver", from.AddDate(0, 0, 3).Add(time.Hour), from.AddDate(0, 0, 3).Add(time.Minute)
	b.mustAdd(draft)
	b.mustAdd(approved)
	byHand := send("d4", 4, 4, nil, dunning.ContactSending, dunning.ContactAccepted)
	send("d5", 5, 4, nil) // reserved and never handed over: no contact

	ask := sampling.Ask{Plan: sampling.Plan{Kind: sampling.Contacts, Creditors: []string{creditor}, From: from, Until: noon.AddDate(0, 0, 1)}, Limit: 99}
	found, frozen, err := b.SamplePopulation(t.Context(), ask)
	b.must(err)
	got := map[string]sampling.Signals{}
	for _, f := range found {
		got[f.ID] = f.Signals
	}
	if len(got) != 4 {
		t.Fatalf("population %+v", got)
	}
	for about, c := range map[string]struct{ is, want bool }{
		"nothing special about the first":                         {got[first].NearLimit || got[first].AfterOptIn || got[first].ByHand || got[first].Doubtful, false},
		"the one after the refusal was lifted is the first since": {got[after].AfterOptIn, true},
		"six of seven counted are near the limit":                 {got[after].NearLimit, true},
		"an unknown one is doubtful":                              {got[after].Doubtful, true},
		"the second since is no first":                            {got[later].AfterOptIn, false},
		"two of seven are not near the limit":                     {got[later].NearLimit, false},
		"nobody approved before it left":                          {got[later].ByHand, false},
		"a draft that was approved is by hand":                    {got[byHand].ByHand, true},
	} {
		if c.is != c.want {
			t.Errorf("%s: it says %v\n%+v", about, c.is, got)
		}
	}
	rows, err := b.SampleSubjects(t.Context(), sampling.Contacts, []string{byHand, later})
	b.must(err)
	for _, r := range rows {
		if approved := slices.Equal(r.People, []string{"user:approver"}); approved != (r.ID == byHand) || r.Decision == "" || r.Case != b.ref.Case || r.Contact != r.ID {
			t.Errorf("%+v", r)
		}
	}
	for name, f := range map[string]struct {
		filter sampling.Filter
		n      int
	}{
		"by channel": {sampling.Filter{Channel: "email"}, 4}, "by another channel": {sampling.Filter{Channel: "sms"}, 0}, "by step": {sampling.Filter{Step: "friendly-email"}, 4},
		"by another step": {sampling.Filter{Step: "nudge"}, 0}, "by sequence": {sampling.Filter{Sequence: "consumer-standard"}, 4}, "by another sequence": {sampling.Filter{Sequence: "x' OR true --"}, 0},
		"by template": {sampling.Filter{Template: "friendly-reminder"}, 4}, "by another template": {sampling.Filter{Template: "x"}, 0},
	} {
		q := ask
		q.Filter, q.Frozen = f.filter, frozen
		if found, _, err := b.SamplePopulation(t.Context(), q); err != nil || len(found) != f.n {
			t.Errorf("%s: %d rows, %v; want %d", name, len(found), err, f.n)
		}
	}
	q := ask
	q.Creditors = []string{"other"}
	if found, _, err := b.SamplePopulation(t.Context(), q); err != nil || len(found) != 0 {
		t.Errorf("another creditor's population: %+v, %v", found, err)
	}
	q = ask
	q.Kind, q.Filter.Verdict, q.From, q.Until = sampling.Decisions, sampling.VerdictAllowed, noon.Add(-time.Hour), noon.Add(time.Hour)
	if found, _, err := b.SamplePopulation(t.Context(), q); err != nil || len(found) != 5 {
		t.Errorf("decisions: %d, %v", len(found), err)
	}
	q.Kind, q.Filter.Verdict = sampling.KeptBack, ""
	if found, _, err := b.SamplePopulation(t.Context(), q); err != nil || len(found) != 0 {
		t.Errorf("kept back: %d, %v", len(found), err)
	}
}

// TestSignOffsAndAnswersAtOnce: whatever comes first, what was signed is what stands.
func TestSignOffsAndAnswersAtOnce(t *testing.T) {
	b := newBundle(t)
	for range 5 {
		r := b.sampled(4)
		for n := 1; n <= 4; n++ {
			b.must(b.AddAnswer(t.Context(), r.ID, fine(n, 1, "user:r")))
		}
		b.must(b.AddRound(t.Context(), r.ID, sampling.Round{Round: 2, Reason: "all of it anew", At: noon, By: "user:r"}))
		b.must(b.AddAnswer(t.Context(), r.ID, fine(4, 2, "user:r")))
		var wg sync.WaitGroup
		var signed atomic.Int64
		for n := 1; n <= 3; n++ {
			wg.Go(func() {
				if err := b.AddAnswer(t.Context(), r.ID, fine(n, 2, "user:q")); err != nil && !errors.Is(err, postgres.ErrRefused) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				now, err := b.Review(t.Context(), r.ID)
				if err == nil {
					err = b.AddSignOff(t.Context(), r.ID, sampling.SignOff{Round: 2, Digest: now.AnswersDigest(2), At: noon, By: "user:r"})
				}
				switch {
				case err == nil:
					signed.Add(1)
				case !errors.Is(err, identity.ErrTaken):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		now, err := b.Review(t.Context(), r.ID)
		b.must(err)
		if o := now.Latest().Signed; signed.Load() > 1 || (o != nil) != (signed.Load() == 1) || o != nil && o.Digest != now.AnswersDigest(2) {
			t.Fatalf("signed %d times; %+v, the answers come to %s", signed.Load(), o, now.AnswersDigest(2))
		}
	}
}
