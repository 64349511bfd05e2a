package comply

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sampling"
	"github.com/duly/duly/internal/web"
)

//go:embed samples/*.html
var sampleFiles embed.FS

// SampleDeps are what the pages of samples work with. All are required.
type SampleDeps struct {
	Deps
	Samples *sampling.Service
	// Logged is a contact that was logged: the fact at its place in a debtor's log.
	Logged func(ctx context.Context, debtor string, version int64, seq int) (dunning.Fact, error)
}

// samples is the pages with the decision record that they show.
type samples struct {
	SampleDeps
	records *compliance
}

// Samples is the pages of samples with their rights.
func Samples(deps SampleDeps) web.Set {
	pages, err := fs.Sub(sampleFiles, "samples")
	if err != nil {
		panic(err) // the name is a constant
	}
	d := &samples{deps, &compliance{Deps: deps.Deps}}
	return web.Set{
		Pages: pages,
		Nav: []web.Nav{
			{Path: "/samples", Label: "Samples", Group: "Compliance", Go: "q", Need: identity.Review},
		},
		Routes: []web.Route{
			{Pattern: "GET /samples", Need: identity.Review, Handle: d.list},
			{Pattern: "GET /samples/new", Need: identity.Sample, Handle: d.plan},
			{Pattern: "GET /samples/preview", Need: identity.Sample, Handle: d.preview},
			{Pattern: "POST /samples", Need: identity.Sample, Handle: d.draw},
			{Pattern: "GET /samples/{id}", Need: identity.Review, Handle: d.one},
			{Pattern: "GET /samples/{id}/verify", Need: identity.Review, Handle: d.verify},
			{Pattern: "GET /samples/{id}/export", Need: identity.Export, Handle: d.export},
			{Pattern: "GET /samples/{id}/{n}", Need: identity.Review, Handle: d.row, Saw: "sample_row"},
			{Pattern: "POST /samples/{id}/{n}", Need: identity.Sample, Handle: d.answer},
			{Pattern: "POST /samples/{id}/sign", Need: identity.Sample, Handle: d.sign},
			{Pattern: "POST /samples/{id}/rounds", Need: identity.Sample, Handle: d.again},
		},
	}
}

// told puts refusals of the service into answers of the console.
func told(err error) error {
	var refusal *sampling.Refusal
	var invalid *sampling.Invalid
	switch {
	case errors.As(err, &refusal):
		f := web.Forbidden(refusal.Permission, refusal.Creditor)
		if refusal.Words != "" {
			f.Detail = refusal.Words
		}
		return f
	case errors.As(err, &invalid):
		return web.Invalid(invalid.Error(), invalid.Fields)
	case errors.Is(err, identity.ErrNotFound):
		return web.NotFound("This sample, or this row of it,")
	}
	return err
}

// --- the list ----------------------------------------------------------------------

type samplesPage struct {
	List  read.List[sampling.Summary]
	Names map[string]string
}

// Who names a user.
func (p samplesPage) Who(by string) string { return byName(p.Names, by) }

func (d *samples) list(r *web.Request) (err error) {
	ctx, scope := r.R.Context(), r.Scope(identity.Review)
	if r.WantsCSV() {
		return r.CSV("samples", sampleHeader, mapped(read.All(func(p read.Page) (read.List[sampling.Summary], error) {
			return d.Samples.List(ctx, scope, p)
		}), sampleCells))
	}
	p := samplesPage{}
	if p.List, err = d.Samples.List(ctx, scope, read.Page{After: r.Value("after")}); err != nil {
		return badCursor(err)
	}
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	return r.Page("samples.html", p)
}

var sampleHeader = []string{
	"sample", "name", "drawn from", "creditors", "from", "until", "method", "rows", "population", "seed", "population sha256", "drawn at", "drawn by", "round",
	"answered", "wrong", "signed off at", "signed off by",
}

func sampleCells(s sampling.Summary) []string {
	return []string{
		s.ID, s.Title, string(s.Kind), strings.Join(s.Creditors, " "), stamp(s.From), stamp(s.Until), string(s.Method), strconv.Itoa(s.Size), strconv.Itoa(s.Population),
		s.Seed, s.Digest.String(), stamp(s.At), s.By, strconv.Itoa(s.Round), strconv.Itoa(s.Done), strconv.Itoa(s.Wrong), stamp(s.Signed), s.Signer,
	}
}

// --- drawing -----------------------------------------------------------------------

type drawPage struct {
	sampling.Plan
	Creditor  string // "" = all that one may sample
	FromDay   string
	UntilDay  string // inclusive
	Creditors []web.Creditor
	Kinds     []sampling.Kind
	Methods   []sampling.Method
	Channels  []dunning.Channel
	Features  []featureView
	Faults    map[string]string
	Preview   *sampling.Preview
	Most      int
}

// featureView is a risk with the number of rows that have it.
type featureView struct {
	sampling.Feature
	N int
}

// draft reads the form: from an address for the preview, from a body for drawing.
func (d *samples) draft(r *web.Request) (*drawPage, error) {
	p := &drawPage{Creditor: r.Value("creditor"), FromDay: r.Value("from"), UntilDay: r.Value("until"), Kinds: sampling.Kinds(), Methods: sampling.Methods(), Channels: channels, Most: sampling.MaxSize}
	if p.FromDay == "" && p.UntilDay == "" {
		p.FromDay, p.UntilDay = r.Now.AddDate(0, 0, -30).Format(time.DateOnly), r.Now.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	p.Plan = sampling.Plan{
		Title: r.Value("title"), Kind: sampling.Kind(orElse(r.Value("kind"), string(sampling.Contacts))), Method: sampling.Method(orElse(r.Value("method"), string(sampling.Both))),
		Seed: r.Value("seed"), Filter: sampling.Filter{
			Channel: r.Value("channel"), Sequence: r.Value("sequence"), Step: r.Value("step"), Template: r.Value("template"), Rule: r.Value("rule"), Verdict: r.Value("verdict"),
		},
	}
	p.Size, _ = strconv.Atoi(orElse(r.Value("size"), "25")) // what is no number is 0, which is refused with words
	p.From, _ = time.Parse(time.DateOnly, p.FromDay)
	if last, err := time.Parse(time.DateOnly, p.UntilDay); err == nil {
		p.Until = last.AddDate(0, 0, 1)
	}
	var err error
	if p.Creditors, err = r.Creditors(identity.Sample); err != nil {
		return nil, err
	}
	for _, c := range p.Creditors {
		if p.Creditor == "" || p.Creditor == c.ID {
			p.Plan.Creditors = append(p.Plan.Creditors, c.ID)
		}
	}
	return p, nil
}

// channels of filters.
var channels = []dunning.Channel{dunning.Email, dunning.SMS, dunning.Letter, dunning.Call}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// plan is the form with what its filter would be drawn from.
func (d *samples) plan(r *web.Request) error { return d.counted(r, "new.html") }

// preview is the part of it that follows the form.
func (d *samples) preview(r *web.Request) error { return d.counted(r, "preview.html") }

func (d *samples) counted(r *web.Request, page string) error {
	p, err := d.draft(r)
	if err != nil {
		return err
	}
	preview, err := d.Samples.Preview(r.R.Context(), r.User, p.Plan)
	var invalid *sampling.Invalid
	switch {
	case errors.As(err, &invalid):
		if r.R.URL.RawQuery != "" {
			p.Faults = invalid.Fields
		}
	case err != nil:
		return told(err)
	default:
		p.Preview = &preview
	}
	p.features()
	return r.Page(page, p)
}

func (p *drawPage) features() {
	for _, f := range sampling.Features() {
		v := featureView{Feature: f}
		if p.Preview != nil {
			v.N = p.Preview.Risks[f.Code]
		}
		p.Features = append(p.Features, v)
	}
}

func (d *samples) draw(r *web.Request) error {
	p, err := d.draft(r)
	if err != nil {
		return err
	}
	if c := r.Value("creditor"); c != "" {
		if err := r.Require(identity.Sample, c); err != nil {
			return err
		}
	}
	drawn, err := d.Samples.Draw(r.R.Context(), r.User, "", p.Plan, r.Now)
	var invalid *sampling.Invalid
	if errors.As(err, &invalid) {
		p.Faults = invalid.Fields
		p.features()
		return r.PageStatus(422, "new.html", p)
	}
	if err != nil {
		return told(err)
	}
	words := fmt.Sprintf("%s drawn from %s.", web.Plural(drawn.Size, "row was", "rows were"), web.Plural(strconv.Itoa(drawn.Population), "row", "rows"))
	if asked := p.Size; drawn.Size < asked {
		words += fmt.Sprintf(" You asked for %d; there are no more.", asked)
	}
	return r.Done("/samples/"+drawn.ID, words)
}

// --- one sample ---------------------------------------------------------------------

type samplePage struct {
	sampling.Review
	Lines    []sampleLine
	Score    sampling.Score
	Next     int
	Why      string // the user cannot sign it off
	MayDraw  bool   // the user may answer and sign
	Seen     string // digest of the answers that the page shows
	Names    map[string]string
	Verified *sampling.Verified
	Filters  []pairView
}

// Who names a user.
func (p samplePage) Who(by string) string { return byName(p.Names, by) }

// NextRound is the number of the round that a correction would begin.
func (p samplePage) NextRound() int { return p.Latest().Round + 1 }

// sampleLine is a row with its answer.
type sampleLine struct {
	sampling.Row
	Given *sampling.Given
	Mine  bool // the user made it
}

func (d *samples) page(r *web.Request) (*samplePage, error) {
	review, err := d.Samples.Get(r.R.Context(), r.User, r.R.PathValue("id"))
	if err != nil {
		return nil, told(err)
	}
	p := &samplePage{Review: review, Score: review.Score(), Next: review.Todo(0), Why: review.MaySign(r.User), MayDraw: true}
	for _, c := range review.Creditors {
		p.MayDraw = p.MayDraw && r.Can(identity.Sample, c)
	}
	round := review.Latest().Round
	p.Seen = review.AnswersDigest(round).String()
	given := review.Standing(round)
	for _, row := range review.Rows {
		line := sampleLine{Row: row, Mine: slices.Contains(row.People, r.User.By)}
		if i := slices.IndexFunc(given, func(g sampling.Given) bool { return g.N == row.N }); i >= 0 {
			line.Given = &given[i]
		}
		p.Lines = append(p.Lines, line)
	}
	p.Filters = filterPairs(review.Filter)
	p.Names, err = d.Names(r.R.Context())
	return p, err
}

func filterPairs(f sampling.Filter) (out []pairView) {
	for _, x := range []pairView{{"channel", f.Channel, ""}, {"sequence", f.Sequence, ""}, {"step", f.Step, ""}, {"template", f.Template, ""}, {"rule", f.Rule, ""}, {"verdict", f.Verdict, ""}} {
		if x.Then != "" {
			out = append(out, x)
		}
	}
	return out
}

func (d *samples) one(r *web.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	if r.WantsCSV() {
		return r.CSV("sample", p.header(), p.cells())
	}
	return r.Page("sample.html", p)
}

// header and cells are the sample as a table: a column for every question.
func (p *samplePage) header() []string {
	h := []string{"row", "id", "stage", "ticket", "key sha256", "weight", "risks", "creditor", "at", "channel", "step", "case", "decision", "contact"}
	for _, q := range p.Questions {
		h = append(h, q.ID)
	}
	return append(h, "note", "fix", "owner", "due", "finding", "answered in round", "answered at", "answered by")
}

func (p *samplePage) cells() func(func([]string, error) bool) {
	return func(yield func([]string, error) bool) {
		for _, l := range p.Lines {
			row := []string{
				strconv.Itoa(l.N), l.ID, string(l.Stage), strconv.Itoa(l.Ticket), l.Key.String(), strconv.Itoa(l.Weight), strings.Join(l.Risks, " "), l.Creditor, stamp(l.At), l.Channel, l.Step,
				l.Case, l.Decision, l.Contact,
			}
			g := sampling.Given{}
			if l.Given != nil {
				g = *l.Given
			}
			for _, q := range p.Questions {
				row = append(row, string(g.Values[q.ID]))
			}
			round := ""
			if g.Round > 0 {
				round = strconv.Itoa(g.Round)
			}
			if !yield(append(row, g.Note, g.Fix, p.Who(g.Owner), g.Due, g.Finding, round, stamp(g.At), p.by(g)), nil) {
				return
			}
		}
	}
}

func (p *samplePage) by(g sampling.Given) string {
	if g.By == "" {
		return ""
	}
	return p.Who(g.By)
}

// verify draws again, from what was kept and from the journal as it is now.
func (d *samples) verify(r *web.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	v, err := d.Samples.Verify(r.R.Context(), r.User, p.ID)
	if err != nil {
		return told(err)
	}
	if err := r.Record("sample.verify", p.ID, map[string]string{"ok": strconv.FormatBool(v.OK())}); err != nil {
		return err
	}
	p.Verified = &v
	return r.Page("sample.html", p)
}

// export is the sample with its population as a file that anybody can verify offline.
func (d *samples) export(r *web.Request) error {
	f, err := d.Samples.Export(r.R.Context(), r.User, r.R.PathValue("id"), r.Now)
	if err != nil {
		return told(err)
	}
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return r.Attachment("sample-"+f.ID+".json", "application/json", b)
}

func (d *samples) sign(r *web.Request) error {
	var seen sampling.Key
	if err := seen.UnmarshalText([]byte(r.Value("seen"))); err != nil {
		seen = sampling.Key{1} // fits no answers: the page did not say what was seen
	}
	id := r.R.PathValue("id")
	o, err := d.Samples.SignOff(r.R.Context(), r.User, id, r.Value("words"), seen, r.Now)
	if err != nil {
		return told(err)
	}
	return r.Done("/samples/"+id, fmt.Sprintf("Round %d is signed off. Its digest is %s.", o.Round, o.Digest))
}

func (d *samples) again(r *web.Request) error {
	id := r.R.PathValue("id")
	round, err := d.Samples.Again(r.R.Context(), r.User, id, r.Value("reason"), r.Now)
	if err != nil {
		return told(err)
	}
	return r.Done("/samples/"+id, fmt.Sprintf("Round %d has begun. Open the rows to correct; all other answers stand.", round.Round))
}

// --- one row ------------------------------------------------------------------------

type sampleRowPage struct {
	*samplePage
	sampleLine
	Prev, After int
	Record      *decisionPage
	Message     *dunning.Message
	NoMessage   string
	Fact        *dunning.Fact
	Logged      *dunning.ContactLogged
	Values      map[string]string // the form as it was sent
	Faults      map[string]string
	Owners      []pairView
	MayAnswer   bool
	Signed      bool
	RisksOf     []sampling.Feature
}

func (d *samples) row(r *web.Request) error {
	p, err := d.rowPage(r)
	if err != nil {
		return err
	}
	return r.Page("row.html", p)
}

func (d *samples) rowPage(r *web.Request) (*sampleRowPage, error) {
	page, err := d.page(r)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(r.R.PathValue("n"))
	if err != nil || n < 1 || n > len(page.Lines) {
		return nil, web.NotFound("This row of the sample")
	}
	p := &sampleRowPage{samplePage: page, sampleLine: page.Lines[n-1], Values: map[string]string{}, Signed: page.Latest().Signed != nil}
	if p.Prev = n - 1; n < len(page.Lines) {
		p.After = n + 1
	}
	answered := p.Given != nil && p.Given.Round == page.Latest().Round
	p.MayAnswer = p.MayDraw && !p.Mine && !p.Signed && !answered
	for _, f := range sampling.Features() {
		if slices.Contains(p.Row.Risks, f.Code) {
			p.RisksOf = append(p.RisksOf, f)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(page.Names), func(a, b string) int {
		return strings.Compare(page.Names[a]+a, page.Names[b]+b)
	}) {
		p.Owners = append(p.Owners, pairView{Name: "user:" + id, Then: page.Names[id]})
	}
	return p, d.subject(r, p)
}

// subject fills what the row is about: the decision record and the message as it left, or
// what was logged.
func (d *samples) subject(r *web.Request, p *sampleRowPage) (err error) {
	r.Subject(p.Row.ID)
	ctx := r.R.Context()
	if p.Row.Decision != "" {
		if p.Record, err = d.records.record(r, p.Row.Decision); err != nil {
			return err
		}
	}
	if p.Kind == sampling.Contacts {
		message, _, fault := d.Sent(ctx, p.Contact)
		if fault != nil {
			p.NoMessage = fault.Error()
			return nil
		}
		p.Message = &message
	}
	if p.Row.Decision == "" {
		return d.logged(ctx, p)
	}
	return nil
}

func (d *samples) logged(ctx context.Context, p *sampleRowPage) error {
	parts := strings.Split(p.Row.ID, ":")
	if len(parts) != 3 {
		return fmt.Errorf("row %d of sample %s is no place in a log", p.Row.N, p.ID())
	}
	version, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return err
	}
	seq, err := strconv.Atoi(parts[2])
	if err != nil {
		return err
	}
	fact, err := d.Logged(ctx, parts[0], version, seq)
	if err != nil {
		return err
	}
	p.Fact = &fact
	if l, ok := fact.Body.(dunning.ContactLogged); ok {
		p.Logged = &l
	}
	return nil
}

// KeyOf is the key of the question at a position.
func (p *sampleRowPage) KeyOf(i int) string { return strconv.Itoa(i + 1) }

// ID of the sample; that of the row is Row.ID.
func (p *sampleRowPage) ID() string { return p.Sample.ID }

// Chosen is what the form says of a question: as it was sent, else as it was answered.
func (p *sampleRowPage) Chosen(question string) string {
	if v, sent := p.Values["q-"+question]; sent {
		return v
	}
	if p.Given != nil {
		return string(p.Given.Values[question])
	}
	return ""
}

// Field is an input of the form: as it was sent, else as it was answered.
func (p *sampleRowPage) Field(name string) string {
	if v, sent := p.Values[name]; sent || p.Given == nil {
		return v
	}
	return map[string]string{"note": p.Given.Note, "fix": p.Given.Fix, "owner": p.Given.Owner, "due": p.Given.Due}[name]
}

func (d *samples) answer(r *web.Request) error {
	n, err := strconv.Atoi(r.R.PathValue("n"))
	if err != nil {
		return web.NotFound("This row of the sample")
	}
	id := r.R.PathValue("id")
	a := sampling.Answer{Values: map[string]sampling.Value{}, Note: r.Value("note"), Fix: r.Value("fix"), Owner: r.Value("owner"), Due: r.Value("due")}
	for name, values := range r.R.PostForm {
		if q, ok := strings.CutPrefix(name, "q-"); ok && len(values) > 0 {
			a.Values[q] = sampling.Value(values[0])
		}
	}
	_, err = d.Samples.Answer(r.R.Context(), r.User, id, n, a, r.Now)
	var invalid *sampling.Invalid
	if errors.As(err, &invalid) {
		return d.rowAgain(r, invalid.Fields)
	}
	if err != nil {
		return told(err)
	}
	return d.onwards(r, id, n)
}

// rowAgain shows the form with what was sent and what is wrong with it.
func (d *samples) rowAgain(r *web.Request, faults map[string]string) error {
	p, err := d.rowPage(r)
	if err != nil {
		return err
	}
	p.Faults = faults
	for name := range r.R.PostForm {
		p.Values[name] = r.Value(name)
	}
	return r.PageStatus(422, "row.html", p)
}

// onwards goes to the next open row, or back to the sample when there is none.
func (d *samples) onwards(r *web.Request, id string, n int) error {
	review, err := d.Samples.Get(r.R.Context(), r.User, id)
	if err != nil {
		return told(err)
	}
	if next := review.Todo(n); next > 0 {
		return r.Redirect(fmt.Sprintf("/samples/%s/%d", id, next))
	}
	if review.Latest().Round > 1 {
		return r.Done("/samples/"+id, fmt.Sprintf("Row %d is corrected.", n))
	}
	return r.Done("/samples/"+id, "Every row has its answer. Look at the score, then sign it off.")
}
