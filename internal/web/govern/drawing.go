package govern

import (
	"fmt"
	"slices"
	"strings"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/web"
)

// sequenceSides is a sequence drawn twice, steps of one id beside each other.
type sequenceSides struct {
	ID, Title     string
	What          string // added, removed, changed
	Before, After string // versions
	Rows          []stepSides
	Height        int
	Facts         []factSides // what is said of the sequence as a whole and differs
}

// stepSides is one row of the drawing. Kind: same, changed, gone, new.
type stepSides struct {
	Kind        string
	Y           int
	Left, Right *stepBox
}

// stepBox is a step in words.
type stepBox struct {
	ID, What, When, More string
}

// factSides is a property of a sequence before and after.
type factSides struct{ Name, Left, Right string }

const (
	stepHeight = 84
	stepGap    = 16
)

// sequencesOf are those whose version differs, by id.
func sequencesOf(old, now *config.Config) []sequenceSides {
	var out []sequenceSides
	ids := map[string]bool{}
	for _, c := range []*config.Config{old, now} {
		for _, s := range c.Sequences() {
			ids[s.ID] = true
		}
	}
	for _, id := range sortedKeys(ids) {
		a, b := old.Sequence(id), now.Sequence(id)
		if a != nil && b != nil && a.Version == b.Version {
			continue
		}
		out = append(out, drawn(id, a, b))
	}
	return out
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func drawn(id string, a, b *dunning.Sequence) sequenceSides {
	s := sequenceSides{ID: id, What: "changed"}
	none := &dunning.Sequence{}
	switch {
	case a == nil:
		s.What, a = "added", none
	case b == nil:
		s.What, b = "removed", none
	}
	s.Title, s.Before, s.After = b.Title, a.Version, b.Version
	if s.Title == "" {
		s.Title = a.Title
	}
	s.Rows = steps(a.Steps, b.Steps)
	for i := range s.Rows {
		s.Rows[i].Y = 34 + i*(stepHeight+stepGap)
	}
	s.Height = 34 + len(s.Rows)*(stepHeight+stepGap)
	s.Facts = factsOf(a, b)
	return s
}

// steps aligns two lists of steps by their ids. A step that moved is gone from where it
// was, and new where it is.
func steps(a, b []dunning.Step) []stepSides {
	at := func(list []dunning.Step, from int, id string) bool {
		return slices.ContainsFunc(list[from:], func(s dunning.Step) bool { return s.ID == id })
	}
	var out []stepSides
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i].ID == b[j].ID:
			left, right := boxOf(&a[i]), boxOf(&b[j])
			kind := "same"
			if *left != *right {
				kind = "changed"
			}
			out = append(out, stepSides{Kind: kind, Left: left, Right: right})
			i, j = i+1, j+1
		case j < len(b) && (i >= len(a) || !at(a, i, b[j].ID)):
			out = append(out, stepSides{Kind: "new", Right: boxOf(&b[j])})
			j++
		default:
			out = append(out, stepSides{Kind: "gone", Left: boxOf(&a[i])})
			i++
		}
	}
	return out
}

func boxOf(s *dunning.Step) *stepBox {
	return &stepBox{ID: s.ID, What: fit(whatWords(s)), When: fit(whenWords(s)), More: fit(moreWords(s))}
}

// fit keeps a line within its box.
func fit(text string) string {
	if rs := []rune(text); len(rs) > 52 {
		return string(rs[:51]) + "…"
	}
	return text
}

func whenWords(s *dunning.Step) string {
	var out []string
	if s.At != nil {
		out = append(out, fmt.Sprintf("%+d d from due", *s.At))
	}
	if s.MonthEnd != nil {
		out = append(out, fmt.Sprintf("%+d d from month’s end", *s.MonthEnd))
	}
	if s.After != nil {
		out = append(out, fmt.Sprintf("%d d after the last", *s.After))
	}
	return strings.Join(out, ", ")
}

func whatWords(s *dunning.Step) string {
	var parts []string
	switch {
	case s.Call != nil:
		parts = append(parts, fmt.Sprintf("call from queue %s, %s", s.Call.Queue, web.Plural(s.Call.Attempts, "try", "tries")))
	case s.Offer != nil:
		parts = append(parts, "offer a plan")
	case s.Escalate != nil:
		parts = append(parts, "hand to queue "+s.Escalate.Queue)
	case s.Refer != nil:
		parts = append(parts, "refer to "+s.Refer.To)
	case s.Close != nil:
		parts = append(parts, "close")
	}
	send := s.Send
	if s.Offer != nil {
		send = s.Offer.Send
	}
	for _, c := range send {
		parts = append(parts, channelWords(c))
	}
	return strings.Join(parts, " + ")
}

func channelWords(c dunning.Channeled) string {
	name := string(c.Channel)
	if c.Channel == dunning.SMS {
		name = "SMS"
	}
	text := name + " “" + c.Template + "”"
	for _, e := range c.Else {
		text += " else " + string(e.Channel)
	}
	return text
}

func moreWords(s *dunning.Step) string {
	var out []string
	if s.When != nil {
		out = append(out, "if "+s.When.String())
	}
	if s.Mode != "" && s.Mode != dunning.ModeAuto {
		out = append(out, string(s.Mode))
	}
	if s.Complete != "" && len(s.Send) > 1 {
		out = append(out, "done by "+string(s.Complete))
	}
	if s.Strong {
		out = append(out, "can be called back")
	}
	return strings.Join(out, " · ")
}

// factsOf are properties of the whole sequence that differ.
func factsOf(a, b *dunning.Sequence) []factSides {
	var out []factSides
	add := func(name string, x, y any) {
		if left, right := fmt.Sprint(x), fmt.Sprint(y); left != right {
			out = append(out, factSides{name, left, right})
		}
	}
	applies := func(s *dunning.Sequence) string {
		if s.AppliesWhen == nil {
			return "always"
		}
		return s.AppliesWhen.String()
	}
	add("Title", a.Title, b.Title)
	add("Applies when", applies(a), applies(b))
	add("Priority", a.Priority, b.Priority)
	add("Ladder", a.Ladder, b.Ladder)
	add("Lists", web.Words(a.Include), web.Words(b.Include))
	add("Entry", a.Entry, b.Entry)
	add("Catch-up", a.CatchUp, b.CatchUp)
	add("Days between steps", a.Spacing, b.Spacing)
	add("Window", windowWords(a.Window), windowWords(b.Window))
	add("Plans", planWords(a.Plan), planWords(b.Plan))
	return out
}

func planWords(p dunning.PlanTerms) string {
	return fmt.Sprintf("%s to cure, broken after %s, reminder %s before", web.Plural(p.Cure, "day", "days"), web.Plural(p.DefaultAfter, "miss", "misses"), web.Plural(p.Remind, "day", "days"))
}

func windowWords(w dunning.Window) string {
	if w.IsZero() {
		return "any time"
	}
	names := []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
	var days []string
	for i, on := range w.Days {
		if on {
			days = append(days, names[i])
		}
	}
	text := fmt.Sprintf("%s %02d:%02d–%02d:%02d", strings.Join(days, " "), w.From/60, w.From%60, w.To/60, w.To%60)
	if w.SkipHolidays {
		text += ", no holidays"
	}
	return text
}

// effect says what a change of a sequence means for n open cases that follow it.
func (s sequenceSides) effect(n int64) string {
	switch s.What {
	case "added":
		return fmt.Sprintf("New cases that match %s start on version %s; open cases stay where they are.", s.ID, short(s.After))
	case "removed":
		return fmt.Sprintf("No case starts on %s any more; %s on it go on to their end.", s.ID, cases(n))
	}
	return fmt.Sprintf("%s on %s: they stay on the version that they follow (%s or older) until they are migrated. New cases start on %s.", capital(cases(n)), s.ID, short(s.Before), short(s.After))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
