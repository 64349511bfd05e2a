package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// goodPack is a small pack without a fault; each mistake changes one place.
const goodPack = `pack: mine
title: Mine
version: "1"
kind: law
jurisdiction: US-XX
reviewed: 2026-11-21
calendars:
  own:
    - {name: New Year's Day, month: 1, day: 1}
    - {name: Labor Day, month: 9, weekday: mon, nth: 1}
rules:
  - id: XX-TIME
    citation: Code 1
    certainty: text
    roles: [third_party]
    channels: [voice]
    hours: {windows: [{days: [mon], from: "08:00", to: "21:00"}], calendar: own}
    except: [{kind: reply}]
  - id: XX-FREQ
    citation: Code 2
    channels: [voice, sms]
    count: {max: 3, days: 7, not_outcomes: [busy_signal]}
`

// mistakes in packs: what, the words replaced, and by what.
var mistakes = []struct{ what, old, new string }{
	{"an unknown key", "channels: [voice]\n", "chanels: [voice]\n"},
	{"no version", "version: \"1\"\n", ""},
	{"an unknown kind of pack", "kind: law", "kind: laws"},
	{"a date that is none", "reviewed: 2026-11-21", "reviewed: 2026-13-41"},
	{"no citation", "    citation: Code 1\n", ""},
	{"a certainty that is none", "certainty: text", "certainty: sure"},
	{"a misspelt role", "[third_party]", "[third_pary]"},
	{"a misspelt channel", "[voice, sms]", "[voice, smss]"},
	{"a channel and no list", "channels: [voice]\n", "channels: {voice: yes}\n"},
	{"no channels", "    channels: [voice, sms]\n", ""},
	{"a day that is none", "days: [mon]", "days: [moon]"},
	{"an hour that is none", `from: "08:00"`, `from: "8am"`},
	{"a window that ends before it begins", `to: "21:00"`, `to: "07:00"`},
	{"no windows", `windows: [{days: [mon], from: "08:00", to: "21:00"}]`, "windows: []"},
	{"a calendar that is not there", "calendar: own", "calendar: owns"},
	{"a month that is none", "month: 9", "month: 13"},
	{"a fifth Monday", "weekday: mon, nth: 1", "weekday: mon, nth: 5"},
	{"a holiday without a day", "month: 1, day: 1}", "month: 1}"},
	{"no kind of rule", "    count: {max: 3, days: 7, not_outcomes: [busy_signal]}\n", ""},
	{"two kinds in one rule", "count: {max: 3", "gap: {minutes: 5}\n    count: {max: 3"},
	{"nothing may be counted", "max: 3", "max: 0"},
	{"a number that is none", "max: 3", "max: three"},
	{"too long a window", "days: 7", "days: 365"},
	{"an unknown outcome", "[busy_signal]", "[bussy_signal]"},
	{"outcomes both ways", "not_outcomes: [busy_signal]", "not_outcomes: [busy_signal], outcomes: [conversation]"},
	{"an unknown exception", "{kind: reply}", "{kind: replies}"},
	{"an exception that names a rule without a citation", "{kind: reply}", "{kind: reply, rule: XX-NONE}"},
	{"an exception without its consent", "{kind: reply}", "{kind: consent_kind}"},
	{"the same id twice", "id: XX-FREQ", "id: XX-TIME"},
	{"effective backwards", "    certainty: text\n", "    effective: {from: \"2027-01-01\", until: \"2026-01-01\"}\n"},
	{"an effect that is none", "    certainty: text\n", "    literal: perhaps\n"},
	{"opt-outs of an unknown kind", "count: {max: 3, days: 7, not_outcomes: [busy_signal]}", "opt_out: {kinds: [hints]}"},
	{"business days without a calendar", "count: {max: 3, days: 7, not_outcomes: [busy_signal]}", "opt_out: {kinds: [medium], business_days: 10}"},
	{"content that nobody knows", "count: {max: 3, days: 7, not_outcomes: [busy_signal]}", "content: {need: [good_manners]}"},
	{"a charge that is no amount", "count: {max: 3, days: 7, not_outcomes: [busy_signal]}", "charge: {lump_sum: forty}"},
	{"a file named otherwise", "pack: mine", "pack: yours"},
	{"YAML that does not end", "rules:\n", "rules: [\n"},
}

// Every mistake is refused with its file, line and column, the line itself, and
// how to mend it.
func TestFaultyPacksAreRefused(t *testing.T) {
	if _, err := Load(packOf(goodPack)); err != nil {
		t.Fatalf("the pack without a mistake: %v", err)
	}
	var out strings.Builder
	for _, m := range mistakes {
		if strings.Count(goodPack, m.old) != 1 {
			t.Fatalf("%s: %q is there %d times", m.what, m.old, strings.Count(goodPack, m.old))
		}
		_, err := Load(packOf(strings.Replace(goodPack, m.old, m.new, 1)))
		faults, ok := err.(Faults)
		if !ok || len(faults) == 0 {
			t.Errorf("%s: got %v", m.what, err)
			continue
		}
		for _, f := range faults {
			if f.File != "policies/mine.yaml" || f.Line < 1 || f.Column < 1 || f.Message == "" {
				t.Errorf("%s: fault without a place: %+v", m.what, f)
			}
		}
		fmt.Fprintf(&out, "## %s\n%s\n\n", m.what, faults.Error())
	}
	golden(t, "testdata/packs.golden", out.String())
}

func packOf(pack string) fstest.MapFS {
	return fstest.MapFS{"policies/mine.yaml": &fstest.MapFile{Data: []byte(pack)}}
}
