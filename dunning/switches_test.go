package dunning

import (
	"errors"
	"testing"
	"time"
)

func TestSwitches(t *testing.T) {
	m := Leaving{Creditor: "acme", Sequence: "standard", Template: "nudge", Channel: SMS}
	until := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	for _, c := range []struct {
		about string
		on    []Switch
		rule  string
		until time.Time
	}{
		{"nothing is switched off", nil, "", time.Time{}},
		{"everything is", []Switch{{Scope: SwitchGlobal}}, "switch:global", time.Time{}},
		{"its creditor", []Switch{{Scope: SwitchCreditor, Subject: "acme"}}, "switch:creditor", time.Time{}},
		{"another creditor", []Switch{{Scope: SwitchCreditor, Subject: "other"}}, "", time.Time{}},
		{"its channel", []Switch{{Scope: SwitchChannel, Subject: "sms"}}, "switch:channel", time.Time{}},
		{"another channel", []Switch{{Scope: SwitchChannel, Subject: "email"}}, "", time.Time{}},
		{"its template", []Switch{{Scope: SwitchTemplate, Subject: "nudge"}}, "switch:template", time.Time{}},
		{"its sequence", []Switch{{Scope: SwitchSequence, Subject: "standard"}}, "switch:sequence", time.Time{}},
		{"a sequence of the template's name", []Switch{{Scope: SwitchSequence, Subject: "nudge"}}, "", time.Time{}},
		{"one that ends", []Switch{{Scope: SwitchGlobal, Until: until(2)}}, "switch:global", until(2)},
		{"one that ends now is over", []Switch{{Scope: SwitchGlobal, Until: noon}}, "", time.Time{}},
		{"one that ended", []Switch{{Scope: SwitchGlobal, Until: until(-1)}}, "", time.Time{}},
		{"the widest names the rule, the longest the end", []Switch{{Scope: SwitchTemplate, Subject: "nudge", Until: until(9)}, {Scope: SwitchGlobal, Until: until(2)}}, "switch:global", until(9)},
		{"one without an end has the last word", []Switch{{Scope: SwitchGlobal, Until: until(2)}, {Scope: SwitchChannel, Subject: "sms"}, {Scope: SwitchCreditor, Subject: "acme", Until: until(3)}}, "switch:global", time.Time{}},
		{"a scope of a later release stops nothing that it does not know", []Switch{{Scope: "moon", Subject: "full"}}, "", time.Time{}},
	} {
		t.Run(c.about, func(t *testing.T) {
			rule, end, stopped := SwitchedOff(c.on, m, noon)
			if rule != c.rule || !end.Equal(c.until) || stopped != (c.rule != "") {
				t.Errorf("%q until %v, %v", rule, end, stopped)
			}
		})
	}
}

func TestSwitchesThatStopNothingAreRefused(t *testing.T) {
	for _, c := range []struct {
		about string
		s     Switch
		ok    bool
	}{
		{"a global one", Switch{Scope: SwitchGlobal}, true},
		{"a channel", Switch{Scope: SwitchChannel, Subject: "letter"}, true},
		{"a template", Switch{Scope: SwitchTemplate, Subject: "x"}, true},
		{"a global one with a subject", Switch{Scope: SwitchGlobal, Subject: "acme"}, false},
		{"a creditor without its id", Switch{Scope: SwitchCreditor}, false},
		{"no scope", Switch{}, false},
		{"a channel that is none", Switch{Scope: SwitchChannel, Subject: "fax"}, false},
		{"calls, which people make", Switch{Scope: SwitchChannel, Subject: "call"}, false},
	} {
		if err := c.s.Check(); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", c.about, err)
		}
	}
}
