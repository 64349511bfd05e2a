package comply

import (
	"strconv"
	"strings"
	"testing"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning/contact"
)

// Every rule that is shipped has its sentence, its citation, and the very line where it is
// written.
func TestEveryRuleIsInWordsAndFound(t *testing.T) {
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	n, files := 0, cfg.Release().Files
	for _, p := range packs(cfg) {
		if p.File == "" || p.Jurisdiction == "" {
			t.Errorf("pack %s is in no file", p.Pack)
		}
		lines := strings.Split(string(files[p.File]), "\n")
		for _, x := range p.Rules {
			n++
			if x.Citation == "" || x.Says == "" || x.Says == x.ID || !strings.HasPrefix(x.Reach, "by ") {
				t.Errorf("%s %s: %q, %q, cited %q", x.ID, x.Part, x.Says, x.Reach, x.Citation)
			}
			if x.Line < 1 || !strings.Contains(lines[x.Line-1], x.ID) {
				t.Errorf("%s is not in %s:%d", x.ID, p.File, x.Line)
			}
			if len(x.Source) == 0 || x.Source[0].N != x.Line {
				t.Errorf("%s has no source", x.ID)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d rules", n)
	}
}

func TestSays(t *testing.T) {
	for i, c := range []struct {
		rule contact.RuleSpec
		want string
	}{
		{contact.RuleSpec{Count: &contact.CountSpec{Max: 7, Days: 7}}, "At most 7 in 7 days, counted per debt"},
		{contact.RuleSpec{Count: &contact.CountSpec{Max: 1, Days: 1, Per: "person"}}, "At most 1 in 1 day, counted per person"},
		{contact.RuleSpec{Silence: &contact.SilenceSpec{Days: 7}}, "Silence for 7 days after a conversation"},
		{contact.RuleSpec{Gap: &contact.GapSpec{Minutes: 90}}, "At least 90 minutes between contacts"},
		{contact.RuleSpec{Hours: &contact.HoursSpec{Windows: []contact.WindowSpec{{From: "08:00", To: "21:00"}}}}, "Only every day 08:00–21:00, on the person’s own clock"},
		{contact.RuleSpec{Forbid: &contact.ForbidSpec{Always: true}}, "Never"},
		{contact.RuleSpec{Notice: &contact.NoticeSpec{Kind: "validation", Days: 35}}, "Only after the notice “validation”, sent 35 days before"},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if got := says(c.rule); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
