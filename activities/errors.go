package activities

import (
	"errors"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/temporal"
)

// Codes of errors that reach Temporal. An error carries its code and a fixed sentence,
// never what a database, template or provider said: that may hold personal data.
const (
	codeStore   = "store"
	codeClock   = "clock"
	codeFrame   = "frame"
	codeFacts   = "facts"
	codeRender  = "render"
	codeNoCase  = "case_unknown"
	codeChannel = "channel_missing"
	codePanic   = "panic"
	codeContact = "contact_missing"
)

var sentences = map[string]string{
	codeStore:   "the database could not be read or written; this is tried again by itself",
	codeClock:   "business time could not be read; this is tried again by itself",
	codeFrame:   "the configuration of this case could not be loaded: check that its sequence version and creditor are published (duly doctor)",
	codeFacts:   "the facts of this debtor do not fit together: see duly case for the one that is named in the worker's log",
	codeRender:  "the message could not be prepared; this is tried again by itself",
	codeNoCase:  "there is no such case in the database; if it was restored from a backup, terminate this workflow",
	codeChannel: "no provider is configured for a channel that the sequence uses: set its environment variables and restart the worker",
	codePanic:   "a fault in Duly: the worker's log has the place; the case goes on when it is mended",
	codeContact: "a fault in Duly: a dispatch was decided without a contact",
}

// fault is an error with a code of this package.
type fault struct {
	code string
	err  error
}

func (f *fault) Error() string { return f.code + ": " + sentences[f.code] }
func (f *fault) Unwrap() error { return f.err }

// wrap gives err a code, unless it has one. nil stays nil.
func wrap(code string, err error) error {
	var f *fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &fault{code: code, err: err}
}

// outward is what Temporal gets to see of err, logged with what may be logged.
func (a *Activities) outward(req string, err error) error {
	var f *fault
	if !errors.As(err, &f) {
		f = &fault{code: codeStore, err: err}
	}
	a.log().Error("activity failed", slog.String("code", f.code), slog.String("case", req),
		slog.String("type", fmt.Sprintf("%T", root(f.err))), slog.String("sqlstate", sqlState(f.err)))
	if f.code == codeNoCase {
		return temporal.NewNonRetryableApplicationError(sentences[f.code], f.code, nil)
	}
	return temporal.NewApplicationError(sentences[f.code], f.code)
}

// root is the innermost error.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// sqlState is the five characters with which Postgres names an error; its words may
// quote a row.
func sqlState(err error) string {
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}
