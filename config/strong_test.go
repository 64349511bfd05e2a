package config

import (
	"strings"
	"testing"
)

// TestStrongDelivery: only a step that sends email can ask for it.
func TestStrongDelivery(t *testing.T) {
	step := func(s string) string {
		return "sequence: short\nsteps:\n  - {id: a, at: 3d, " + s + "}\nend: {write_off: true}\n"
	}
	for _, c := range []struct {
		about, step string
		strong      bool
		fault       string
	}{
		{"by default it is not asked for", "send: [{email: x}]", false, ""},
		{"asked for", "send: [{email: x}], delivery: strong", true, ""},
		{"plainly not asked for", "send: [{email: x}], delivery: standard", false, ""},
		{"an else that is email is enough", "send: [{sms: x, else: [{email: x}]}], delivery: strong", true, ""},
		{"an offer may ask for it", "offer_plan: {instalments: [2], send: [{email: x}]}, delivery: strong", true, ""},
		{"a letter cannot be called back", "send: [{letter: x}], delivery: strong", false, "only email can be held"},
		{"a call sends nothing", "call: {queue: q}, delivery: strong", false, "only works for steps that send"},
		{"a word that is none", "send: [{email: x}], delivery: stong", false, "strong"},
	} {
		t.Run(c.about, func(t *testing.T) {
			s, err := CompileSequence("sequences/short.yaml", []byte(step(c.step)))
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Fatalf("error %v, want %q", err, c.fault)
			}
			if err == nil && s.Steps[0].Strong != c.strong {
				t.Errorf("strong %v, want %v", s.Steps[0].Strong, c.strong)
			}
		})
	}
}
