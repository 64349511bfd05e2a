package govern

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/web"
)

// mostEdits bounds how many files the editor takes at once.
const mostEdits = 200

// edited is a file in the editor.
type edited struct {
	Path, Text string
	Gone       bool // to be removed
	New        bool // not in the release in force
}

// Lines is how high its field is.
func (e edited) Lines() int { return min(max(strings.Count(e.Text, "\n")+2, 6), 28) }

// draft is what the editor holds; it travels with the form, so that nothing is lost.
type draft struct {
	Base, Follows, Reason string
	Files                 []edited
}

type editPage struct {
	draft
	Others  []string // files of the configuration that are not in the editor
	Current string
	Sides   sides
	Ready   bool // could be saved
	Fault   string
	Stale   bool     // another release came into force since the editor was opened
	Since   []string // what that release changed of these files
}

// editor opens the editor for files (?file=, also several) or for a proposal's (?from=).
func (d *governance) editor(r *web.Request) error {
	current, files, err := d.Service.Files(r.R.Context(), "")
	if err != nil {
		return err
	}
	dr := draft{Base: current}
	for _, path := range r.R.URL.Query()["file"] {
		dr.take(path, files)
	}
	if id := r.R.URL.Query().Get("from"); id != "" {
		if err := d.continued(r, &dr, id, files); err != nil {
			return err
		}
	}
	return d.show(r, http.StatusOK, dr, "")
}

// take adds a file to the editor unless it is there.
func (dr *draft) take(path string, files map[string][]byte) {
	path = strings.TrimSpace(path)
	if path == "" || slices.ContainsFunc(dr.Files, func(e edited) bool { return e.Path == path }) || len(dr.Files) >= mostEdits {
		return
	}
	data, is := files[path]
	dr.Files = append(dr.Files, edited{Path: path, Text: unixLines(string(data)), New: !is})
}

// continued fills the editor with what a proposal changes.
func (d *governance) continued(r *web.Request, dr *draft, id string, current map[string][]byte) error {
	x, files, err := d.Service.Get(r.R.Context(), id)
	if err != nil {
		return err
	}
	dr.Follows, dr.Reason = x.ID, x.Reason
	for _, c := range x.Changes {
		_, is := current[c.Path]
		dr.Files = append(dr.Files, edited{Path: c.Path, Text: unixLines(string(files[c.Path])), Gone: c.What == "removed", New: !is})
	}
	return nil
}

func unixLines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// draftOf reads the form: path and text come in pairs.
func draftOf(r *web.Request) draft {
	f := r.R.PostForm
	dr := draft{Base: f.Get("base"), Follows: f.Get("follows"), Reason: f.Get("reason")}
	for i, path := range f["path"] {
		if i >= len(f["text"]) || i >= mostEdits {
			break
		}
		path = strings.TrimSpace(path)
		dr.Files = append(dr.Files, edited{Path: path, Text: unixLines(f["text"][i]), Gone: slices.Contains(f["gone"], path), New: slices.Contains(f["new"], path)})
	}
	return dr
}

// onto is the whole configuration with the edits over a release. A file whose text is the
// same but for line ends stays as it was.
func (dr draft) onto(files map[string][]byte) map[string][]byte {
	out := maps.Clone(files)
	if out == nil {
		out = map[string][]byte{}
	}
	for _, e := range dr.Files {
		was, is := files[e.Path]
		switch {
		case e.Gone:
			delete(out, e.Path)
		case !is || unixLines(string(was)) != e.Text:
			out[e.Path] = []byte(e.Text)
		}
	}
	return out
}

// badPaths are names that no file of a configuration can have.
func (dr draft) badPaths() string {
	for _, e := range dr.Files {
		if !fs.ValidPath(e.Path) || !config.Belongs(e.Path) || len(e.Path) > 200 {
			return "“" + e.Path + "” is no file of a configuration: write a path such as sequences/consumer.yaml or templates/sms/nudge.en.md."
		}
	}
	return ""
}

// looked is the editor's page for a draft: everything that can be said of it.
func (d *governance) looked(r *web.Request, dr draft) (*editPage, error) {
	current, files, err := d.Service.Files(r.R.Context(), "")
	if err != nil {
		return nil, err
	}
	p := &editPage{draft: dr, Current: current, Fault: dr.badPaths()}
	if p.Base == "" {
		p.Base = current
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if !slices.ContainsFunc(dr.Files, func(e edited) bool { return e.Path == path }) {
			p.Others = append(p.Others, path)
		}
	}
	if p.Fault != "" || current == "" {
		return p, nil
	}
	if p.Base != current {
		if err := d.since(r, p, files); err != nil {
			return nil, err
		}
	}
	whole := dr.onto(files)
	if p.Sides, err = d.compare(r, files, whole); err != nil {
		return nil, err
	}
	p.Ready = len(p.Sides.Faults) == 0 && p.Sides.Fault == "" && len(p.Sides.Files) > 0
	return p, nil
}

// since finds out what another release changed of the edited files.
func (d *governance) since(r *web.Request, p *editPage, current map[string][]byte) error {
	_, old, err := d.Service.Files(r.R.Context(), p.Base)
	if err != nil {
		return err
	}
	p.Stale = true
	for _, c := range proposal.ChangesOf((config.Release{Files: current}).Changes(config.Release{Files: old})) {
		if slices.ContainsFunc(p.Files, func(e edited) bool { return e.Path == c.Path }) {
			p.Since = append(p.Since, c.Path)
		}
	}
	return nil
}

func (d *governance) show(r *web.Request, status int, dr draft, fault string) error {
	p, err := d.looked(r, dr)
	if err != nil {
		return err
	}
	if fault != "" {
		p.Fault = fault
	}
	return r.PageStatus(status, "propose.html", p)
}

// check says what would be refused, while somebody types.
func (d *governance) check(r *web.Request) error {
	p, err := d.looked(r, draftOf(r))
	if err != nil {
		return err
	}
	return r.Page("checked.html", p)
}

// save carries out what the editor's buttons say: take a file in, leave one out, look, or
// propose. The text comes back whatever happens.
func (d *governance) save(r *web.Request) error {
	dr := draftOf(r)
	do, path, _ := strings.Cut(r.Value("do"), " ")
	_, files, err := d.Service.Files(r.R.Context(), "")
	if err != nil {
		return err
	}
	switch do {
	case "add":
		dr.take(r.Value("file"), files)
		dr.take(r.Value("newpath"), files)
		return d.show(r, http.StatusOK, dr, "")
	case "drop":
		dr.Files = slices.DeleteFunc(dr.Files, func(e edited) bool { return e.Path == path })
		return d.show(r, http.StatusOK, dr, "")
	case "remove", "keep":
		for i := range dr.Files {
			if dr.Files[i].Path == path {
				dr.Files[i].Gone = do == "remove"
			}
		}
		return d.show(r, http.StatusOK, dr, "")
	case "over": // the person has brought both together
		current, _, err := d.Service.Files(r.R.Context(), "")
		if err != nil {
			return err
		}
		dr.Base = current
		return d.show(r, http.StatusOK, dr, "")
	case "", "save": // the keyboard names no button
		return d.propose(r, dr)
	}
	return d.show(r, http.StatusOK, dr, "")
}

// propose makes a proposal of the draft.
func (d *governance) propose(r *web.Request, dr draft) error {
	base, old, err := d.Service.Files(r.R.Context(), dr.Base)
	if err != nil {
		return err
	}
	if bad := dr.badPaths(); bad != "" {
		return d.show(r, http.StatusUnprocessableEntity, dr, bad)
	}
	made, err := d.Service.Make(r.R.Context(), r.User, proposal.Draft{Base: base, Files: dr.onto(old), Reason: dr.Reason, Follows: dr.Follows})
	if faults := config.FaultsOf(err); len(faults) > 0 {
		return d.show(r, http.StatusUnprocessableEntity, dr, "It has faults, so it cannot be proposed yet. They are listed below, with their lines.")
	}
	if proposal.Refused(err) {
		e := web.AsError(told(err))
		return d.show(r, e.Status, dr, e.Detail)
	}
	if err != nil {
		return err
	}
	return r.Done("/proposals/"+made.ID, "Proposed. Somebody else looks at it and puts it into force.")
}

// uploaded opens the editor with what differs in a directory that was sent as ZIP.
func (d *governance) uploaded(r *web.Request) error {
	dr := draft{Reason: r.Value("reason")}
	current, files, err := d.Service.Files(r.R.Context(), "")
	if err != nil {
		return err
	}
	dr.Base = current
	sent, err := sentZip(r)
	var bad badZip
	if errors.As(err, &bad) {
		return d.show(r, http.StatusUnprocessableEntity, dr, string(bad))
	}
	if err != nil {
		return err
	}
	fault := dr.fill(files, sent)
	if fault != "" {
		return d.show(r, http.StatusUnprocessableEntity, dr, fault)
	}
	return d.show(r, http.StatusOK, dr, "")
}

func sentZip(r *web.Request) (map[string][]byte, error) {
	f, _, err := r.R.FormFile("zip")
	if err != nil {
		return nil, badZip("Choose a ZIP file of the configuration’s directory.")
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, upload+1))
	if err != nil {
		return nil, err
	}
	return unzip(data)
}

// fill takes in what differs; the fault says why it cannot be edited here.
func (dr *draft) fill(files, sent map[string][]byte) string {
	changes := proposal.ChangesOf((config.Release{Files: sent}).Changes(config.Release{Files: files}))
	switch {
	case len(changes) == 0:
		return "The directory holds what is in force: nothing differs."
	case len(changes) > mostEdits:
		return "More than 200 files differ: is this the right directory? Use duly apply DIR for a change of this size."
	}
	for _, c := range changes {
		if !utf8.Valid(sent[c.Path]) {
			return c.Path + " is not text in UTF-8."
		}
		dr.Files = append(dr.Files, edited{Path: c.Path, Text: unixLines(string(sent[c.Path])), Gone: c.What == "removed", New: c.What == "added"})
	}
	return ""
}
