package comply

import (
	"strconv"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// trendWeeks is how many weeks the trend shows.
const trendWeeks = 12

// Geometry of the trend's picture, in its own units.
const (
	trendTop, trendHeight = 22, 84
	trendLeft, trendStep  = 18, 45
	trendBar              = 26
)

// trend is the picture of the last weeks: what was found in each, beside what was judged.
type trend struct {
	Weeks []trendWeek
	Top   int // the scale ends here
	Base  int // y of the zero line
	Sum   string
}

// trendWeek is one week in the picture.
type trendWeek struct {
	read.FindingWeek
	X, Mid        int
	BadY, BadH    int
	NearY, NearH  int
	Day, Judged   string
	Label, Number string
}

// trendOf draws the weeks from a Monday on. A week's judged contacts are those of the sweep
// that judged most of it: sweeps of news judge only some debtors' contacts, so the number is
// a least one; without any the gap is said.
func trendOf(first dunning.Date, weeks []read.FindingWeek, sweeps []read.SweepRow) trend {
	t := trend{Top: 4, Base: trendTop + trendHeight}
	of := map[dunning.Date]read.FindingWeek{}
	for _, w := range weeks {
		of[w.Monday] = w
		t.Top = max(t.Top, w.Violations+w.NearMisses)
	}
	for i := range trendWeeks {
		monday := first.AddDays(7 * i)
		w := trendWeek{FindingWeek: of[monday], X: trendLeft + i*trendStep, Mid: trendLeft + i*trendStep + trendBar/2}
		w.Monday, w.Day = monday, monday.String()[5:]
		w.BadH, w.NearH = w.Violations*trendHeight/t.Top, w.NearMisses*trendHeight/t.Top
		w.BadY = t.Base - w.BadH
		w.NearY = w.BadY - w.NearH
		if n := w.Violations + w.NearMisses; n > 0 {
			w.Number = strconv.Itoa(n)
		}
		judged := judgedIn(monday.String(), sweeps)
		w.Judged = "none"
		if judged > 0 {
			w.Judged = strings.TrimSpace(web.Plural(judged, "", ""))
		}
		w.Label = "Week of " + monday.String() + ": " + web.Plural(w.Violations, "violation", "violations") + ", " + web.Plural(w.NearMisses, "near miss", "near misses") +
			", " + w.Judged + " judged"
		t.Weeks = append(t.Weeks, w)
	}
	return t
}

// judgedIn is how many contacts of a week a complete sweep judged, at most.
func judgedIn(monday string, sweeps []read.SweepRow) (n int) {
	for _, w := range sweeps {
		if w.State == read.SweepComplete {
			n = max(n, w.Sum().Weeks[monday])
		}
	}
	return n
}
