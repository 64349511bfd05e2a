package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
)

const shortSequence = `sequence: short
steps:
  - {id: a, at: 3d, send: [{email: x}]}
  - {id: b, after: 5d, call: {queue: q}}
  - {id: c, month_end: 30d, offer_plan: {instalments: [2], send: [{letter: x}]}}
  - {id: d, at: +90d, escalate: {queue: q}}
end: {write_off: true}
`

func compile(t *testing.T, src string) *dunning.Sequence {
	t.Helper()
	s, err := CompileSequence("sequences/short.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A short file means what the defaults say.
func TestDefaults(t *testing.T) {
	s := compile(t, shortSequence)
	if s.Title != "short" || s.Spacing != 3 || s.Ladder != dunning.LadderLeading || s.Include != dunning.IncludeAllOverdue || s.Entry != dunning.EntryFirst ||
		s.CatchUp != dunning.CatchUpRun || !s.Window.IsZero() || s.AppliesWhen != nil || s.Plan != (dunning.PlanTerms{Cure: 5, DefaultAfter: 2, Remind: 3}) {
		t.Errorf("head %+v", s)
	}
	a, b, c, d := s.Steps[0], s.Steps[1], s.Steps[2], s.Steps[3]
	if *a.At != 3 || a.Mode != dunning.ModeAuto || a.Complete != dunning.CompleteAll || a.Unknown != dunning.UnknownAsk || a.When != nil {
		t.Errorf("a %+v", a)
	}
	if b.At != nil || *b.After != 5 || *b.Call != (dunning.CallStep{Queue: "q", Attempts: 3, Within: 5}) {
		t.Errorf("b %+v", b)
	}
	if *c.MonthEnd != 30 || c.Offer.FirstDue != 7 || c.Offer.OpenFor != 10 {
		t.Errorf("c %+v", c)
	}
	if *d.Escalate != (dunning.EscalateStep{Queue: "q", OnTimeout: "supervisor"}) || s.End.Close.Disposition != dunning.WrittenOff {
		t.Errorf("d %+v, end %+v", d, s.End)
	}
}

// Each pair of a change and whether the version must change with it.
func TestVersionFollowsContentOnly(t *testing.T) {
	cases := []struct {
		what    string
		change  func(string) string
		changes bool
	}{
		{"a comment", func(s string) string { return "# hello\n" + s }, false},
		{"another way to write the same", func(s string) string {
			return strings.Replace(s, "{id: a, at: 3d, send: [{email: x}]}", "\n    send:\n      - email: \"x\"\n    at: '3d'\n    id: a", 1)
		}, false},
		{"Windows line ends", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, false},
		{"an offset", func(s string) string { return strings.Replace(s, "3d", "4d", 1) }, true},
		{"a template", func(s string) string { return strings.Replace(s, "email: x", "email: y", 1) }, true},
		{"the order of steps", func(s string) string {
			lines := strings.Split(s, "\n")
			lines[2], lines[3] = strings.Replace(lines[3], "after", "at", 1), lines[2]
			lines[3] = strings.Replace(lines[3], "3d", "9d", 1)
			return strings.Join(lines, "\n")
		}, true},
	}
	was := compile(t, shortSequence).Version
	if len(was) != 16 {
		t.Errorf("version %q", was)
	}
	for _, c := range cases {
		if now := compile(t, c.change(shortSequence)).Version; (now != was) != c.changes {
			t.Errorf("%s: version %s became %s", c.what, was, now)
		}
	}
}

func TestASequenceAloneDoesNotNeedOtherFiles(t *testing.T) {
	s := compile(t, shortSequence)
	if s.ID != "short" {
		t.Error(s.ID)
	}
	_, err := CompileSequence("x.yaml", []byte("sequence: x\nsteps: [{id: a, at: 3, send: [{email: x}]}]\n"))
	if faults, ok := err.(Faults); !ok || len(faults) != 1 || faults[0].Line != 2 || faults[0].Column != 21 {
		t.Errorf("got %v", err)
	}
	if _, err := CompileSequence("x.yaml", nil); err == nil {
		t.Error("an empty file was compiled")
	}
}

// Orders of steps, and whether they can happen.
func TestOrderOfSteps(t *testing.T) {
	step := func(i int, timing string) string {
		return fmt.Sprintf("  - {id: s%d, %s, send: [{email: x}]}\n", i, timing)
	}
	cases := []struct {
		what    string
		timings []string
		fine    bool
	}{
		{"rising", []string{"at: -3d", "at: 0d", "at: +8d"}, true},
		{"two on one day are kept apart by spacing", []string{"at: +3d", "at: +3d"}, true},
		{"falling", []string{"at: +8d", "at: +3d"}, false},
		{"falling behind one that only counts from before", []string{"at: +8d", "after: 3d", "at: +5d"}, false},
		{"the end of the month may come after", []string{"at: +8d", "month_end: 0d"}, true},
		{"the end of the month surely comes before", []string{"at: +60d", "month_end: 10d"}, false},
		{"a day that may lie before the end of the month, but not surely", []string{"month_end: 10d", "at: +20d"}, true},
		{"a day that surely lies before the end of the month", []string{"month_end: 30d", "at: +20d"}, false},
	}
	for _, c := range cases {
		src := "sequence: short\nsteps:\n"
		for i, x := range c.timings {
			src += step(i, x)
		}
		_, err := CompileSequence("short.yaml", []byte(src+"end: {write_off: true}\n"))
		if (err == nil) != c.fine {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestUnreachableSteps(t *testing.T) {
	cases := []struct {
		what, step string
		fine       bool
	}{
		{"nothing follows a closing", "close: {as: recalled}", false},
		{"a closing under a condition lets others through", "when: items > 3, close: {as: recalled}", true},
		{"a condition that always holds is none", `when: "true", close: {as: recalled}`, false},
		{"nothing follows the referral of everything", "after: 14d, refer: {to: legal}", false},
		{"a minimum leaves the small ones", "after: 14d, refer: {to: legal, minimum: {USD: 5.00}}", true},
		{"an approval may be refused", "after: 14d, refer: {to: legal, approval: boss}", true},
	}
	for _, c := range cases {
		src := "sequence: short\nsteps:\n  - {id: a, at: +1d, send: [{email: x}]}\n  - {id: b, at: +20d, " + c.step +
			"}\n  - {id: c, at: +40d, send: [{email: x}]}\nend: {write_off: true}\n"
		_, err := CompileSequence("short.yaml", []byte(src))
		if (err == nil) != c.fine {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestWarningsDoNotRefuse(t *testing.T) {
	c, err := load(map[string][]byte{"sequences/w.yaml": []byte("sequence: w\nsteps:\n  - {id: a, at: +60d, refer: {to: legal}}\n")})
	if err != nil {
		t.Fatal(err)
	}
	text := c.Warnings().Error()
	for _, want := range []string{`sequences/w.yaml:1:1: warning: the sequence does not say what happens after its last step`, `sequences/w.yaml:3:30: warning: this referral has no "after"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no warning %q in\n%s", want, text)
		}
	}
}
