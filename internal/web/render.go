package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed pages/*.html
var ownPages embed.FS

// own are the frame's templates.
func own() fs.FS {
	sub, err := fs.Sub(ownPages, "pages")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

//go:embed assets
var assets embed.FS

// assetVersion names the state of all assets, so that browsers may keep them for ever.
var assetVersion = func() string {
	sum := sha256.New()
	_ = fs.WalkDir(assets, "assets", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assets.ReadFile(p)
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", p, len(b), b)
		return err
	})
	return fmt.Sprintf("%x", sum.Sum(nil)[:6])
}()

var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".LICENSE": "text/plain; charset=utf-8"}

// static serves an asset by its exact name; nothing else on any disk can be reached.
func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	b, err := assets.ReadFile(path.Join("assets", path.Base("/"+name)))
	kind := assetTypes[path.Ext(name)]
	if err != nil || kind == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	if r.PathValue("version") == assetVersion {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(b) // a reader who went away needs no error
}

// base is the layout and the components, and the frame's own pages.
type base struct {
	tmpl *template.Template
	own  pages
}

// pages are the compiled pages of a set, by file name.
type pages map[string]*template.Template

// parseBase compiles the frame's templates, which are part of the program: once.
var parseBase = sync.OnceValues(func() (*base, error) {
	t, err := template.New("base").Funcs(funcs).ParseFS(own(), "_*.html")
	if err != nil {
		return nil, fmt.Errorf("layout of the console: %w", err)
	}
	b := &base{tmpl: t}
	b.own, err = b.parse(own())
	return b, err
})

// parse compiles a set's pages, each over the layout and the set's shared templates.
func (b *base) parse(fsys fs.FS) (pages, error) {
	out := pages{}
	if fsys == nil {
		return out, nil
	}
	names, err := fs.Glob(fsys, "*.html")
	if err != nil {
		return nil, err
	}
	shared, err := fs.Glob(fsys, "_*.html")
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, name := range names {
		if strings.HasPrefix(name, "_") {
			continue
		}
		t, err := template.Must(b.tmpl.Clone()).ParseFS(fsys, append(shared, name)...)
		if err != nil {
			faults = append(faults, fmt.Errorf("page %s: %w", name, err))
			continue
		}
		out[name] = t
	}
	return out, errors.Join(faults...)
}

func (c *Console) parse(fsys fs.FS) (pages, error) { return c.base.parse(fsys) }

// Page answers with a page: the template {{define "main"}} of a file of the route's set,
// in the layout, or alone where only a part is wanted. Templates get a *View.
func (r *Request) Page(name string, data any) error { return r.PageStatus(http.StatusOK, name, data) }

// PageStatus is Page with another status than 200: a form with faults is 422.
func (r *Request) PageStatus(status int, name string, data any) error {
	t := r.pages[name]
	if t == nil {
		return fmt.Errorf("there is no page %q among the templates of this set", name)
	}
	if status == http.StatusOK {
		if err := r.recordView(); err != nil {
			return err
		}
	}
	return r.write(t, status, data)
}

// recordView writes down who looked at what, before it is shown.
func (r *Request) recordView() error {
	if r.route.Saw == "" {
		return nil
	}
	subject := r.subject
	if subject == "" {
		subject = r.R.PathValue("id")
	}
	return r.RecordLook("view."+r.route.Saw, subject, nil)
}

// write renders into memory first, so that a fault of a template is a clean error page.
func (r *Request) write(t *template.Template, status int, data any) error {
	v, err := r.view(data)
	if err != nil {
		return err
	}
	entry := "layout"
	if r.Part() {
		entry = "part"
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, entry, v); err != nil {
		return fmt.Errorf("rendering: %w", err)
	}
	r.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.W.Header().Add("Vary", "Duly-Part, HX-Request")
	r.W.WriteHeader(status)
	_, _ = b.WriteTo(r.W) // a reader who went away needs no error
	return nil
}

// errorPage shows an error in the layout, with the words that help.
func (r *Request) errorPage(e *Error) error {
	if r.Zone == nil { // failed before it began
		r.Zone = time.UTC
	}
	return r.write(r.console.base.own["error.html"], e.Status, struct {
		*Error
		RequestID string
	}{e, RequestID(r.R.Context())})
}
