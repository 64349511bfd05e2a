package operate

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type releasesPage struct {
	Rows     []read.ReleaseRow
	Since    time.Time // the one in force
	By       string
	History  []Activation
	Names    map[string]string
	Warnings []string
}

// Who names who published.
func (p releasesPage) Who(by string) string {
	if name := p.Names[trimUser(by)]; name != "" {
		return name
	}
	return by
}

// releases says what is live, who put it there, and what was before.
func (d *operations) releases(r *web.Request) (err error) {
	ctx := r.R.Context()
	var p releasesPage
	if p.Rows, err = d.Read.ReleaseList(ctx); err != nil {
		return err
	}
	if p.History, err = d.Activations(ctx); err != nil {
		return err
	}
	if n := len(p.History); n > 0 {
		p.Since, p.By = p.History[n-1].At, p.History[n-1].By
	}
	for i, j := 0, len(p.History)-1; i < j; i, j = i+1, j-1 {
		p.History[i], p.History[j] = p.History[j], p.History[i]
	}
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	if r.WantsCSV() {
		var rows [][]string
		for _, x := range p.Rows {
			rows = append(rows, []string{x.Version, yes(x.InForce), stamp(x.Published), p.Who(x.By), strconv.Itoa(x.Files), strconv.FormatInt(x.OpenCases, 10)})
		}
		return file(r, "releases", []string{"release", "in_force", "published", "by", "files", "open_cases"}, rows)
	}
	return r.Page("releases.html", p)
}

// yes is "yes", or nothing.
func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

type releasePage struct {
	read.ReleaseRow
	Names   map[string]string
	All     []read.ReleaseRow
	Against string
	Files   []fileDiff
	Effects []effect
	Stay    int64 // running cases that keep another version
	Follow  int64 // running cases on a version of this release
}

// effect is what a release means for the running cases of a sequence: a case keeps the
// version that it began with.
type effect struct {
	Sequence string
	Version  string // that new cases follow under this release; "": the release has no such sequence
	Follow   int64  // running cases on that version
	Stay     []read.SequenceCount
}

// StayN is how many running cases keep another version.
func (e effect) StayN() (n int64) {
	for _, c := range e.Stay {
		n += c.N
	}
	return n
}

// effectsOf counts running cases by what a release means for them, by sequence.
func effectsOf(versions map[string]string, counts []read.SequenceCount) []effect {
	by := map[string]*effect{}
	at := func(id string) *effect {
		if by[id] == nil {
			by[id] = &effect{Sequence: id, Version: versions[id]}
		}
		return by[id]
	}
	for id := range versions {
		at(id)
	}
	for _, c := range counts {
		if e := at(c.Sequence); c.Version == e.Version {
			e.Follow += c.N
		} else {
			e.Stay = append(e.Stay, c)
		}
	}
	var out []effect
	for _, id := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[id])
	}
	return out
}

// effects fills what a release means for running cases.
func (d *operations) effects(r *web.Request, p *releasePage) error {
	versions, err := d.Versions(r.R.Context(), p.Version)
	if err != nil {
		return err
	}
	counts, err := d.Read.SequenceCounts(r.R.Context(), r.Scope(identity.Config))
	if err != nil {
		return err
	}
	p.Effects = effectsOf(versions, counts)
	for _, e := range p.Effects {
		p.Follow, p.Stay = p.Follow+e.Follow, p.Stay+e.StayN()
	}
	return nil
}

// fileDiff is one file that differs.
type fileDiff struct {
	Path, What string
	Lines      []line
}

// release shows what differs from another release: by default from the one in force, or
// of that one from the release before.
func (d *operations) release(r *web.Request) (err error) {
	ctx, version := r.R.Context(), r.R.PathValue("version")
	p := releasePage{Against: r.Value("against")}
	if p.All, err = d.Read.ReleaseList(ctx); err != nil {
		return err
	}
	before := ""
	for i, row := range p.All {
		if row.Version == version {
			p.ReleaseRow = row
			if i+1 < len(p.All) {
				before = p.All[i+1].Version
			}
		}
	}
	if p.Version == "" {
		return web.NotFound("This release")
	}
	if p.Against == "" {
		p.Against = against(p.All, p.ReleaseRow, before)
	}
	changes, err := d.Read.ReleaseDiff(ctx, p.Against, version)
	if errors.Is(err, identity.ErrNotFound) {
		return web.NotFound("The release to compare with")
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		p.Files = append(p.Files, diffOf(c))
	}
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	if err := d.effects(r, &p); err != nil {
		return err
	}
	return r.Page("release.html", p)
}

// against is what a release is compared with unless another is named.
func against(all []read.ReleaseRow, this read.ReleaseRow, before string) string {
	if this.InForce {
		return before
	}
	for _, row := range all {
		if row.InForce {
			return row.Version
		}
	}
	return before
}

func diffOf(c read.FileChange) fileDiff {
	f := fileDiff{Path: c.Path, What: "changed"}
	switch {
	case c.Before == nil:
		f.What = "added"
	case c.After == nil:
		f.What = "removed"
	}
	if bytes.IndexByte(c.Before, 0) >= 0 || bytes.IndexByte(c.After, 0) >= 0 {
		f.Lines = []line{{Text: "(not text)"}}
		return f
	}
	f.Lines = near(diff(split(c.Before), split(c.After)))
	return f
}

func split(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// activate puts an earlier release into force again: its version's first characters must
// have been typed. Cases keep their sequence version; policies and templates change at once.
func (d *operations) activate(r *web.Request) error {
	version := r.R.PathValue("version")
	if err := r.Require(identity.Publish, identity.AllCreditors); err != nil {
		return err
	}
	if r.Value("typed") != version[:min(8, len(version))] {
		return web.Invalid("Type the first eight characters of the version to go on. Nothing was changed.", nil)
	}
	err := d.Activate(r.R.Context(), version, r.User.By, r.Value("reason"))
	if errors.Is(err, identity.ErrNotFound) {
		return web.NotFound("This release")
	}
	if err != nil {
		return err
	}
	return r.Done("/releases", "Release "+version[:min(8, len(version))]+" is in force.")
}
