package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/standalone/rehearse"
)

// Faulty use is refused at once, with how to mend it, before anything is started.
func TestFaultyUse(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	for _, c := range []struct {
		why  string
		args []string
		want string
	}{
		{"nobody to make up", []string{"demo", "--accounts", "0"}, "--accounts 0"},
		{"no days", []string{"demo", "--days", "-1"}, "--days -1"},
		{"time that stands still", []string{"demo", "--rate", "0"}, "must be above 0"},
		{"a day that does not exist", []string{"demo", "--start", "2026-02-30"}, "--start"},
		{"an output that there is not", []string{"demo", "--output", "xml"}, "write text or json"},
		{"a flag that there is not", []string{"demo", "--acounts", "5"}, "unknown flag: --acounts; the flags are listed by: go run -C standalone . demo --help"},
		{"nothing to replay", []string{"replay"}, "--items FILE"},
		{"policies by name", []string{"replay", "--items", "x", "--policies", "house"}, "--config"},
		{"a replay that stands still", []string{"replay", "--items", "x", "--rate", "-1"}, "must be above 0"},
		{"an output of replay that there is not", []string{"replay", "--items", "x", "--output", "text"}, "write json or none"},
		{"a file that there is not", []string{"replay", "--items", "nowhere.csv"}, "nowhere.csv"},
		{"play without a database", []string{"play"}, "DATABASE_URL is not set"},
	} {
		t.Run(c.why, func(t *testing.T) {
			root := Root()
			root.SetArgs(c.args)
			root.SetOut(&bytes.Buffer{})
			root.SetErr(&bytes.Buffer{})
			if err := root.Execute(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("err = %v, want it to say %q", err, c.want)
			}
		})
	}
}

// On a terminal every event has its line; elsewhere counts come now and then.
func TestNarrator(t *testing.T) {
	at := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	n := newNarrator(&b)
	for range 3 {
		n.told(rehearse.Event{At: at, Account: "D1", What: "message", Detail: "email nudge"})
	}
	n.told(rehearse.Event{At: at.Add(time.Hour), Account: "D1", What: "payment"})
	if b.Len() != 0 {
		t.Errorf("a buffer is no terminal, but was told %q at once", &b)
	}
	n.sum()
	if want := "Mon 02 Mar 2026  message 3, payment 1\n"; b.String() != want {
		t.Errorf("counts %q, want %q", &b, want)
	}
	b.Reset()
	n.every = 0
	n.told(rehearse.Event{At: at, Account: "D1", What: "message", Detail: "email nudge"})
	if want := "Mon 02 Mar 14:00  D1       message    email nudge\n"; b.String() != want {
		t.Errorf("line %q, want %q", &b, want)
	}
}
