package operate

import (
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/internal/web"
)

type runPage struct {
	Case       string
	Configured bool
	Run        temporalx.Run
	Wall       time.Time // Temporal's instants are the wall's, also in a rehearsal
}

// Ago says when something was or will be.
func (p runPage) Ago(t time.Time) string { return web.Relative(t, p.Wall) }

// UTC is an instant in full.
func (p runPage) UTC(t time.Time) string { return stampOf(t) }

func stampOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// Kind is how it stands: good, warn, bad, or quiet when nobody knows.
func (p runPage) Kind() string {
	switch r := p.Run; {
	case !p.Configured || !r.Reachable:
		return "quiet"
	case !r.Found || r.Stalled > 0:
		return "bad"
	case len(r.Failing()) > 0:
		return "warn"
	}
	return "good"
}

// Verdict is how it stands in a sentence.
func (p runPage) Verdict() string {
	switch r := p.Run; {
	case !p.Configured:
		return "This console was told of no Temporal: set TEMPORAL_ADDRESS for it."
	case !r.Reachable:
		return "Temporal does not answer. The case is as it stands here; it goes on as soon as Temporal is back."
	case !r.Found:
		return "Temporal knows no workflow of this case. An open case gets one by itself when its next instant passes."
	case r.Stalled > 0:
		return web.Plural(int(r.Stalled), "time", "times") + " in a row the workflow itself could not be carried on: see the worker’s log, and the version that it runs."
	case len(r.Failing()) > 0:
		return web.Plural(len(r.Failing()), "activity fails", "activities fail") + " and is tried again by itself."
	case r.Status != "Running":
		return "The workflow is at its end: nothing is to be done in Temporal."
	case len(r.Activities) > 0:
		return "It is at work; nothing has failed."
	}
	return "It sleeps until its next instant; nothing fails."
}

// run shows what Temporal has to do for a case now: what fails, why, and when it is tried
// again. The page of the case asks for it when it has been loaded.
func (d *operations) run(r *web.Request) (err error) {
	p := runPage{Case: r.R.PathValue("id"), Wall: clock.Wall()}
	if p.Run, p.Configured, err = d.Desk.CaseRun(r.R.Context(), r.User, p.Case); err != nil {
		return err
	}
	return r.Page("run.html", p)
}

// tryNow has a failing activity tried at once.
func (d *operations) tryNow(r *web.Request) error {
	id := r.R.PathValue("id")
	if err := d.Desk.TryNow(r.R.Context(), r.User, id, r.Value("activity")); err != nil {
		return err
	}
	return r.Done("/cases/"+id+"/temporal", "It is tried at once. "+onceWords)
}

// onceWords say what a try does not repeat.
const onceWords = "What it has done is stored and is not repeated: no message leaves twice."

// Once is onceWords for the page.
func (p runPage) Once() string { return onceWords }
