package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// Problem is an answer that is not what was asked for (RFC 9457). It repeats no value of
// the request: logs of clients are read by many.
type Problem struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail,omitempty"`
	Instance string  `json:"instance,omitempty"` // id of the request
	Errors   []Fault `json:"errors,omitempty"`
}

// Fault is one thing that is wrong with the request.
type Fault struct {
	Pointer   string `json:"pointer,omitempty"`   // JSON pointer into the body
	Parameter string `json:"parameter,omitempty"` // of the query or path
	Detail    string `json:"detail"`
}

// failure is a Problem on its way out.
type failure struct {
	Problem
	header map[string]string
}

func (f *failure) Error() string { return f.Title }

func fail(status int, kind, title, detail string, faults ...Fault) *failure {
	return &failure{Problem: Problem{Type: "urn:duly:problem:" + kind, Title: title, Status: status, Detail: detail, Errors: faults}}
}

func invalid(faults ...Fault) *failure {
	return fail(http.StatusUnprocessableEntity, "invalid", "Please check the request", "Each fault is listed with its place.", faults...)
}

// problemOf turns an error into a Problem. sent is what the request said: nothing of it
// comes back.
func problemOf(ctx context.Context, err error, sent []byte) *failure {
	f, ok := err.(*failure)
	var faults config.Faults
	if !ok && errors.As(err, &faults) {
		f, ok = ofConfiguration(faults, sent), true
	}
	if !ok && errors.Is(err, config.ErrNone) {
		f, ok = invalid(Fault{Pointer: "/files", Detail: withoutEchoes(err.Error(), sent)}), true
	}
	if !ok && errors.Is(err, read.ErrBadCursor) {
		f, ok = badCursor(), true
	}
	if !ok {
		e := web.AsError(err)
		f = fail(e.Status, kinds[e.Status], e.Title, withoutEchoes(e.Detail, sent))
		if f.Type == "urn:duly:problem:" {
			f.Type = "about:blank"
		}
		if e.Retry > 0 {
			f.header = map[string]string{"Retry-After": strconv.Itoa(e.Retry)}
		}
	}
	f.Instance = "urn:duly:request:" + web.RequestID(ctx)
	return f
}

// mostFaults of a configuration are told at once.
const mostFaults = 50

// plainFile is the name of a file that a configuration has; others may be anything.
var plainFile = regexp.MustCompile(`^[a-z0-9_-]+(/[A-Za-z0-9_.-]+)*\.[a-z0-9]{2,6}$`)

// ofConfiguration lists the faults of a configuration with their places, without the lines
// themselves: whoever sent them has them.
func ofConfiguration(faults config.Faults, sent []byte) *failure {
	out := make([]Fault, 0, min(len(faults), mostFaults))
	for _, x := range faults[:cap(out)] {
		place := "a file"
		if plainFile.MatchString(x.File) {
			place = fmt.Sprintf("%s:%d:%d", x.File, x.Line, x.Column)
		}
		text := place + ": " + x.Message
		if x.Hint != "" {
			text += "; " + x.Hint
		}
		out = append(out, Fault{Pointer: "/files", Detail: withoutEchoes(text, sent)})
	}
	f := invalid(out...)
	f.Detail = fmt.Sprintf("The configuration has %d faults.", len(faults))
	return f
}

// badCursor refuses a cursor that was not made for this list, its filter and this key.
func badCursor() *failure {
	return fail(http.StatusBadRequest, "cursor", "The cursor cannot be used",
		"It belongs to another list, filter or key, or was changed. Begin again without it.", Fault{Parameter: "after", Detail: "was not made for this list"})
}

var kinds = map[int]string{400: "unreadable", 401: "unauthorized", 403: "forbidden", 404: "not-found", 409: "conflict", 413: "too-large", 415: "media-type", 422: "invalid", 429: "too-many", 500: "failed", 503: "too-long"}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// withoutEchoes blanks what a detail quotes from the request. What it quotes from the
// product (names of kinds, steps, permissions) stays.
func withoutEchoes(detail string, sent []byte) string {
	return quoted.ReplaceAllStringFunc(detail, func(q string) string {
		inner := q[1 : len(q)-1]
		if inner != "" && bytes.Contains(bytes.ToLower(sent), bytes.ToLower([]byte(inner))) {
			return `"…"`
		}
		return q
	})
}

// write answers with the problem.
func (f *failure) write(w http.ResponseWriter) {
	for name, value := range f.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(f.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(f.Problem) // a reader who went away needs no error
}
