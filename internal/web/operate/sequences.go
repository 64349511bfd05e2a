package operate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type sequencesPage struct {
	Rows []sequenceRow
}

type sequenceRow struct {
	ID, Title, Version string
	Steps              int
	Open               int64
	Old                int64 // of these on an older version
}

// sequences lists what is published, with how many open cases follow it.
func (d *operations) sequences(r *web.Request) error {
	c, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	counts, err := d.Read.StepCounts(r.R.Context(), r.Scope(identity.Config), "")
	if err != nil {
		return err
	}
	var p sequencesPage
	for _, s := range c.Sequences() {
		row := sequenceRow{ID: s.ID, Title: s.Title, Version: s.Version, Steps: len(s.Steps)}
		for _, n := range counts {
			if n.Sequence == s.ID {
				row.Open += n.N
				if n.Version != s.Version {
					row.Old += n.N
				}
			}
		}
		p.Rows = append(p.Rows, row)
	}
	if r.WantsCSV() {
		var rows [][]string
		for _, x := range p.Rows {
			rows = append(rows, []string{x.ID, x.Title, x.Version, strconv.Itoa(x.Steps), strconv.FormatInt(x.Open, 10), strconv.FormatInt(x.Old, 10)})
		}
		return file(r, "sequences", []string{"sequence", "title", "version", "steps", "open_cases", "on_older_versions"}, rows)
	}
	return r.Page("sequences.html", p)
}

// box is a step on the picture.
type box struct {
	ID, When, What, Href string
	Y, Mid               int
	Open                 int64
	Counts               []boxCount
	Width                int // of the bar of what stands there, of 200
	Condition            string
	Mode                 string
}

type boxCount struct {
	Words, Kind, Href string
	N                 int64
}

type sequencePage struct {
	*dunning.Sequence
	Boxes  []box
	Height int
	Ends   string
	EndY   int
	Total  int64
	Old    []read.StepCount
	Beside []boxCount // wait for something and stand before no step meanwhile
	Source string
	File   string
}

const (
	boxHeight = 64
	boxGap    = 26
)

// sequence draws one: a box per step from top to bottom, with how many cases stand before
// it and what they wait for.
func (d *operations) sequence(r *web.Request) error {
	c, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	s := c.Sequence(r.R.PathValue("id"))
	if s == nil {
		return web.NotFound("This sequence")
	}
	counts, err := d.Read.StepCounts(r.R.Context(), r.Scope(identity.Config), s.ID)
	if err != nil {
		return err
	}
	p := sequencePage{Sequence: s, Ends: endWords(s.End)}
	p.draw(counts)
	if file, data, ok := c.SequenceSource(s.ID); ok {
		p.File, p.Source = file, string(data)
	}
	return r.Page("sequence.html", p)
}

func (p *sequencePage) draw(counts []read.StepCount) {
	most := int64(1)
	by := map[string][]read.StepCount{}
	for _, n := range counts {
		p.Total += n.N
		if n.Version != p.Version {
			p.Old = append(p.Old, n)
			continue
		}
		if at := "/cases?sequence=" + p.ID; !slices.ContainsFunc(p.Steps, func(s dunning.Step) bool { return s.ID == n.Step }) {
			words := waitWords(n.Waits)
			if n.Step != "" { // a courtesy, such as the thanks for a payment: it stands in no box
				words, at = web.Words(n.Step)+", "+words, at+"&step="+n.Step
			}
			p.Beside = append(p.Beside, boxCount{words, waitKind(n.Waits), at + "&waits=" + string(n.Waits), n.N})
			continue
		}
		by[n.Step] = append(by[n.Step], n)
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		b := box{ID: s.ID, When: whenWords(s), What: whatWords(s), Y: i*(boxHeight+boxGap) + 10, Mode: string(s.Mode), Href: "/cases?sequence=" + p.ID + "&step=" + s.ID}
		b.Mid = b.Y + boxHeight/2
		if s.When != nil {
			b.Condition = s.When.String()
		}
		for _, n := range by[s.ID] {
			b.Open += n.N
			b.Counts = append(b.Counts, boxCount{waitWords(n.Waits), waitKind(n.Waits), b.Href + "&waits=" + string(n.Waits), n.N})
		}
		most = max(most, b.Open)
		p.Boxes = append(p.Boxes, b)
	}
	for i := range p.Boxes {
		p.Boxes[i].Width = int(p.Boxes[i].Open * 200 / most)
	}
	p.EndY = len(p.Steps)*(boxHeight+boxGap) + 10
	p.Height = p.EndY + boxHeight
}

// waitWords says what cases wait for.
func waitWords(w read.Wait) string {
	kind, task := strings.CutPrefix(string(w), "task:")
	switch {
	case task:
		return "task: " + web.Words(kind)
	case w == "":
		return "not decided yet"
	}
	return web.Words(w)
}

func waitKind(w read.Wait) string {
	switch {
	case w == read.WaitRefused, w == read.WaitUnknown:
		return "bad"
	case w == read.WaitTimer, w == read.WaitWorker:
		return "quiet"
	case strings.HasPrefix(string(w), "task:"), w == read.WaitApproval:
		return "warn"
	}
	return "info"
}

// whenWords says when a step matures.
func whenWords(s *dunning.Step) string {
	var out []string
	if s.At != nil {
		out = append(out, fmt.Sprintf("%+d d", *s.At))
	}
	if s.MonthEnd != nil {
		out = append(out, fmt.Sprintf("%+d d from month’s end", *s.MonthEnd))
	}
	if s.After != nil {
		out = append(out, fmt.Sprintf("%d d after the last", *s.After))
	}
	return strings.Join(out, ", ")
}

// whatWords says what a step does.
func whatWords(s *dunning.Step) string {
	send := s.Send
	verb := map[dunning.Verb]string{
		dunning.VerbSend: "", dunning.VerbCall: "call", dunning.VerbOffer: "offer a plan", dunning.VerbEscalate: "hand to a collector", dunning.VerbRefer: "refer",
		dunning.VerbClose: "close",
	}[s.Verb]
	if s.Offer != nil {
		send = s.Offer.Send
	}
	parts := []string{}
	if verb != "" {
		parts = append(parts, verb)
	}
	for _, c := range send {
		text := string(c.Channel)
		for _, e := range c.Else {
			text += " else " + string(e.Channel)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " + ")
}

func endWords(e dunning.EndAction) string {
	switch {
	case e.Escalate != nil:
		return "then: hand to queue " + e.Escalate.Queue
	case e.Refer != nil:
		return "then: refer to " + e.Refer.To
	case e.Close != nil:
		return "then: close as " + web.Words(e.Close.Disposition)
	}
	return "then: exhausted"
}
