package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/simulate"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/whatif"
)

// page is the form with its answer.
type page struct {
	form
	Faults    map[string]string
	Creditors []web.Creditor
	Releases  []read.ReleaseRow
	Proposals []Proposal
	Sequences []string
	Steps     []string
	Waits     []read.Wait
	Do        []string
	Zones     []string
	Today     string
	MayCases  bool // sees real cases

	Result *whatif.Result
	Views  []side
	Months []month
	Tiles  []tile
	// Shown of All entries of the story; Next is the address one decision further, "" at the end.
	Shown, All int
	Next, Back string
	Lines      []line
	More       int // differences that are not listed
}

// side is one configuration's answer for the eye.
type side struct {
	*whatif.Side
	Label   string
	Moments []moment
	Wish    string // the sequence's own hours
}

type tile struct{ Label, Value, Kind string }

// line is an account of a cohort, under the first configuration and the second.
type line struct {
	whatif.Line
	Other *whatif.Line
	Href  string
}

// simulator is the page, its downloads and its steps.
func (d Deps) simulator(r *web.Request) error {
	p := page{form: formOf(r.R.URL.Query()), Today: day(r.Now, r.Zone), MayCases: r.User.Somewhere(identity.View)}
	if err := d.choices(r, &p); err != nil {
		return err
	}
	if !p.Ready {
		return r.Page("simulator.html", p)
	}
	result, err := d.run(r, p)
	var faults whatif.Faults
	switch {
	case errors.As(err, &faults):
		p.Faults = faults
		return r.PageStatus(http.StatusUnprocessableEntity, "simulator.html", p)
	case errors.Is(err, whatif.ErrBusy), errors.Is(err, whatif.ErrTooLong):
		p.Faults = map[string]string{"busy": sentence(err)}
		return r.PageStatus(http.StatusConflict, "simulator.html", p)
	case errors.Is(err, identity.ErrNotFound):
		return web.NotFound("This case")
	case err != nil:
		return err
	}
	if format := r.R.URL.Query().Get("format"); format != "" {
		return download(r, format, result)
	}
	p.show(r, result)
	return r.Page("simulator.html", p)
}

func sentence(err error) string {
	text, _, _ := strings.Cut(err.Error(), ": it conflicts")
	return strings.ToUpper(text[:1]) + text[1:]
}

// run asks, within what the user may see, and records that they did.
func (d Deps) run(r *web.Request, p page) (whatif.Result, error) {
	need := identity.View
	switch {
	case p.Who == whoInvented:
		need = identity.Config
	case !p.MayCases:
		return whatif.Result{}, web.Forbidden(identity.View, "")
	case r.R.URL.Query().Get("format") != "":
		need = identity.Export
		if !r.User.Somewhere(need) {
			return whatif.Result{}, web.Forbidden(need, "")
		}
	}
	ask := p.ask()
	result, err := d.Run(r.R.Context(), r.Scope(need), ask, r.Now)
	if err != nil {
		return result, err
	}
	detail := map[string]string{"config": result.Sides[0].Release, "until": result.Until.UTC().Format(time.RFC3339)}
	if len(result.Sides) > 1 {
		detail["against"] = result.Sides[1].Release
	}
	if result.Creditor != "" {
		detail["creditor"] = result.Creditor
	}
	return result, r.RecordLook("simulate."+p.Who, ask.Case, detail)
}

// choices fills the lists of the form.
func (d Deps) choices(r *web.Request, p *page) (err error) {
	if p.Creditors, err = r.Creditors(identity.Config); err != nil {
		return err
	}
	if p.Releases, err = d.Releases(r.R.Context()); err != nil {
		return err
	}
	if p.Proposals, err = d.Proposals(r.R.Context()); err != nil {
		return err
	}
	p.Do, p.Waits, p.Zones = whatif.Assumptions(), read.Waits(), zones
	cfg, _, err := d.Config(r.R.Context(), "")
	if err != nil {
		return err
	}
	for _, s := range cfg.Sequences() {
		p.Sequences = append(p.Sequences, s.ID)
		if chosen := p.Value("c.sequence", ""); chosen != "" && s.ID != chosen {
			continue
		}
		for _, step := range s.Steps {
			if !slices.Contains(p.Steps, step.ID) {
				p.Steps = append(p.Steps, step.ID)
			}
		}
	}
	return nil
}

// zones are offered for an invented debtor; any other IANA name may be written.
var zones = []string{
	"America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage",
	"Pacific/Honolulu", "America/Puerto_Rico",
	"Europe/London", "Europe/Berlin", "Europe/Vienna", "Europe/Zurich", "Europe/Paris", "Europe/Madrid", "Australia/Sydney", "Australia/Lord_Howe",
}

// show prepares the answer for the page.
func (p *page) show(r *web.Request, result whatif.Result) {
	p.Result = &result
	v := web.View{Request: r}
	for i := range result.Sides {
		p.Views = append(p.Views, viewOf(&result.Sides[i], i, len(result.Sides)))
	}
	p.Tiles = tilesOf(result)
	if p.Who == whoCohort {
		p.Lines = linesOf(&v, result)
	} else {
		p.step(&v, r.Value("n"))
		p.Months = months(result, p.Views[0].Moments)
	}
	total := 0
	for _, n := range result.Differ {
		total += n.N
	}
	p.More = total - len(result.Differences)
}

// step cuts the stories off after the n-th entry: one decision further with each step.
func (p *page) step(v *web.View, text string) {
	for i := range p.Views {
		p.All = max(p.All, len(p.Views[i].Moments))
	}
	p.Shown = p.All
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		p.Next = v.With("n", "1")
		return
	}
	p.Shown = min(n, p.All)
	for i := range p.Views {
		s := &p.Views[i]
		s.Moments = s.Moments[:min(p.Shown, len(s.Moments))]
	}
	if n < p.All {
		p.Next = v.With("n", strconv.Itoa(n+1))
	}
	if n > 1 {
		p.Back = v.With("n", strconv.Itoa(min(n, p.All)-1))
	}
}

func viewOf(s *whatif.Side, i, of int) side {
	out := side{Side: s, Label: "Release " + s.Release[:min(8, len(s.Release))]}
	if s.InForce {
		out.Label = "In force"
	}
	if of > 1 {
		out.Label = string(rune('A'+i)) + ": " + out.Label
	}
	for _, e := range s.Entries {
		out.Moments = append(out.Moments, momentOf(e, s.Local))
	}
	out.Wish = wish(s.Window)
	return out
}

// wish words the hours that the sequence itself wants.
func wish(w dunning.Window) string {
	if w.IsZero() {
		return "at any hour that the rules allow"
	}
	var days []string
	for i := range 7 {
		if d := time.Weekday((i + 1) % 7); w.Days[d] { // from Monday on
			days = append(days, d.String()[:3])
		}
	}
	text := fmt.Sprintf("%s, %02d:%02d to %02d:%02d", strings.Join(days, " "), w.From/60, w.From%60, w.To/60, w.To%60)
	if w.SkipHolidays {
		text += ", not on holidays"
	}
	return text
}

func tilesOf(r whatif.Result) []tile {
	value := func(of func(whatif.Side) string) string {
		out := of(r.Sides[0])
		if len(r.Sides) > 1 {
			out += " → " + of(r.Sides[1])
		}
		return out
	}
	number := func(n func(simulate.Totals) int) string {
		return value(func(s whatif.Side) string { return strconv.Itoa(n(s.Totals)) })
	}
	out := []tile{}
	if r.Sample != nil {
		out = append(out, tile{Label: "accounts", Value: strconv.Itoa(r.Sample.Taken)})
	}
	return append(
		out,
		tile{Label: "contacts", Value: number(func(t simulate.Totals) int { return t.Contacts })},
		tile{Label: "put off by a rule", Value: number(func(t simulate.Totals) int { return sum(t.Refused) })},
		tile{Label: "SMS segments", Value: number(func(t simulate.Totals) int { return t.Cost.Segments })},
		tile{Label: "letters", Value: number(func(t simulate.Totals) int { return t.Cost.Letters })},
		tile{Label: "calls by people", Value: number(func(t simulate.Totals) int { return t.Cost.Calls })},
	)
}

func sum(counts []simulate.Count) (n int) {
	for _, c := range counts {
		n += c.N
	}
	return n
}

// linesOf are the accounts of a cohort, those that are contacted most first.
func linesOf(v *web.View, r whatif.Result) []line {
	var out []line
	for i, l := range r.Sides[0].Lines {
		x := line{Line: l, Href: v.With("who", whoCase, "case", l.Case, "run", "")}
		if len(r.Sides) > 1 {
			x.Other = &r.Sides[1].Lines[i]
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b line) int { return b.Contacts - a.Contacts })
	return out
}

// Rule is a rule with its count under each configuration.
type ruleRow struct {
	Rule, Citation string
	N              []int
}

// Rules are all rules that put something off.
func (p page) Rules() []ruleRow {
	rows := map[string]*ruleRow{}
	for i, s := range p.Views {
		for _, c := range s.Totals.Refused {
			if rows[c.Key] == nil {
				rows[c.Key] = &ruleRow{Rule: c.Key, Citation: s.Config.Policies().Citation(c.Key), N: make([]int, len(p.Views))}
			}
			rows[c.Key].N[i] = c.N
		}
	}
	var out []ruleRow
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		out = append(out, *rows[k])
	}
	return out
}

// download answers with the simulation as a file.
func download(r *web.Request, format string, result whatif.Result) error {
	if format == "csv" {
		return r.CSV("simulation", csvHeader, func(yield func([]string, error) bool) { csvRows(result, yield) })
	}
	var b bytes.Buffer
	name, kind := "simulation.jsonl", "application/x-ndjson"
	switch {
	case format == "facts" && result.File != nil:
		name, kind = "facts.json", "application/json"
		enc := json.NewEncoder(&b)
		enc.SetIndent("", "  ")
		if err := enc.Encode(result.File); err != nil {
			return err
		}
	case format == "json":
		if err := result.Write(&b); err != nil {
			return err
		}
	default:
		return web.NotFound("This kind of download")
	}
	if err := r.Record("export.simulation", "", map[string]string{"format": format}); err != nil {
		return err
	}
	return r.Attachment(name, kind, b.Bytes())
}

var csvHeader = []string{
	"configuration", "at (debtor's clock)", "at (UTC)", "account", "case", "kind", "step", "channel", "items", "rule", "citation", "reason", "not before (UTC)",
}

func csvRows(result whatif.Result, yield func([]string, error) bool) {
	for _, s := range result.Sides {
		for _, e := range s.Events {
			if !yield(csvRow(result, s.Release, s.Config, e), nil) {
				return
			}
		}
	}
}

func csvRow(result whatif.Result, release string, cfg *config.Config, e dunning.Event) []string {
	var items []string
	for _, i := range e.Items {
		items = append(items, strings.TrimSpace(i.Key+" "+i.Amount+" "+i.Currency))
	}
	notBefore := ""
	if !e.NotBefore.IsZero() {
		notBefore = e.NotBefore.UTC().Format(time.RFC3339)
	}
	return []string{
		release, e.At.In(result.ZoneOf(e.Account)).Format(time.RFC3339), e.At.UTC().Format(time.RFC3339), e.Account, result.Cases[e.Account], e.Kind, e.Step,
		string(e.Channel), strings.Join(items, "; "), e.Rule, cfg.Policies().Citation(e.Rule), e.Reason, notBefore,
	}
}
