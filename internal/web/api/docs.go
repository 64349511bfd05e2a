package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web/hooks"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS []byte

// docsPage is the reference for people: server-rendered, without a script, from the same
// table as everything else.
type docsPage struct {
	Prefix string
	Groups []docsGroup
	Events []docsEvent
}

type docsGroup struct {
	Name string
	Ops  []docsOp
}

type docsOp struct {
	Operation
	Scopes         []identity.Permission
	PathParams     []string
	Asks, Answers  string // examples, JSON
	Curl           string
	Changes        bool
	StatusOfAnswer int
}

type docsEvent struct{ Kind, When string }

func docsOf(ops []Operation) ([]byte, error) {
	p := docsPage{Prefix: Prefix}
	for _, op := range ops {
		i := 0
		for i < len(p.Groups) && p.Groups[i].Name != op.Tag {
			i++
		}
		if i == len(p.Groups) {
			p.Groups = append(p.Groups, docsGroup{Name: op.Tag})
		}
		p.Groups[i].Ops = append(p.Groups[i].Ops, docsOpOf(op))
	}
	for _, kind := range identity.EventKinds {
		p.Events = append(p.Events, docsEvent{kind, hooks.When(kind)})
	}
	t, err := template.New("docs").Parse(docsHTML)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

func docsOpOf(op Operation) docsOp {
	d := docsOp{Operation: op, Scopes: op.needs(), PathParams: op.params(), Changes: op.changes(), StatusOfAnswer: op.Status}
	if op.Body != nil && op.Raw == "" {
		d.Asks = pretty(op.bodyExample())
	}
	if op.Result != nil && op.ResultType == "" {
		d.Answers = pretty(exampleOf(op.answerSchema(), ""))
	}
	switch {
	case d.StatusOfAnswer != 0:
	case op.Result == nil && op.ResultType == "":
		d.StatusOfAnswer = http.StatusNoContent
	default:
		d.StatusOfAnswer = http.StatusOK
	}
	d.Curl = curlOf(op)
	return d
}

func pretty(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// curlOf is the operation as a line of a shell.
func curlOf(op Operation) string {
	path := op.Path
	for _, name := range op.params() {
		path = strings.ReplaceAll(path, "{"+name+"}", "$"+strings.ToUpper(name))
	}
	var b strings.Builder
	b.WriteString("curl -sS ")
	if op.Method != http.MethodGet && (op.Method != http.MethodPost || op.Body == nil && op.Raw == "") {
		b.WriteString("-X " + op.Method + " ")
	}
	b.WriteString(`"$DULY` + Prefix + path + `" -H "Authorization: Bearer $KEY"`)
	switch {
	case op.Raw != "":
		b.WriteString(" \\\n  -H 'Content-Type: " + op.Raw + "' --data-binary @FILE")
	case op.Body != nil:
		body, err := json.Marshal(op.bodyExample())
		if err == nil {
			b.WriteString(" \\\n  -H 'Content-Type: application/json' -d '" + strings.ReplaceAll(string(body), "'", `'\''`) + "'")
		}
	}
	return b.String()
}

// documents serves what describes the API: for programs and for people.
func (s *Server) documents() {
	serve := func(path, kind string, make func() ([]byte, error)) {
		s.mux.HandleFunc("GET "+Prefix+path, func(w http.ResponseWriter, r *http.Request) {
			body, err := make()
			if err != nil {
				s.o.Log.Error("documents of the API", "error", err.Error())
				problemOf(r.Context(), fail(500, "failed", "Something went wrong", ""), nil).write(w)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
			_, _ = w.Write(body) // a reader who went away needs no error
		})
	}
	serve("/openapi.json", "application/json", s.spec)
	serve("/docs", "text/html; charset=utf-8", s.docs)
	serve("/docs.css", "text/css; charset=utf-8", func() ([]byte, error) { return docsCSS, nil })
}
