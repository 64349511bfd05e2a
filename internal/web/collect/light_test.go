package collect

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// TestWaits: a way to write on which a kill switch is says that it waits, as long as the
// switch is; a call goes on, and what the law refuses stays refused.
func TestWaits(t *testing.T) {
	at := time.Date(2026, 3, 3, 15, 30, 0, 0, time.UTC)
	end := at.Add(4 * time.Hour)
	facts := &dunning.Facts{}
	facts.Sequence = &dunning.Sequence{ID: "gentle"}
	for about, c := range map[string]struct {
		on   []dunning.Switch
		want string // kinds of call, SMS, email and letter
	}{
		"no switch":           {nil, "good good bad good"},
		"everything":          {[]dunning.Switch{{Scope: dunning.SwitchGlobal}}, "good warn bad warn"},
		"one channel":         {[]dunning.Switch{{Scope: dunning.SwitchChannel, Subject: "sms", Until: end}}, "good warn bad good"},
		"this sequence":       {[]dunning.Switch{{Scope: dunning.SwitchSequence, Subject: "gentle"}}, "good warn bad warn"},
		"this creditor":       {[]dunning.Switch{{Scope: dunning.SwitchCreditor, Subject: "demo"}}, "good warn bad warn"},
		"this template":       {[]dunning.Switch{{Scope: dunning.SwitchTemplate, Subject: "nudge"}}, "good warn bad warn"},
		"another of each":     {[]dunning.Switch{{Scope: dunning.SwitchSequence, Subject: "x"}, {Scope: dunning.SwitchCreditor, Subject: "x"}, {Scope: dunning.SwitchTemplate, Subject: "x"}}, "good good bad good"},
		"one that is expired": {[]dunning.Switch{{Scope: dunning.SwitchGlobal, Until: at}}, "good good bad good"},
	} {
		all := []Light{{Channel: dunning.Call, Kind: "good", Point: "p"}, {Channel: dunning.SMS, Kind: "good", Point: "p"}, {Channel: dunning.Email, Kind: "bad"}, {Channel: dunning.Letter, Kind: "good", Point: "p"}}
		waits(facts, all, c.on, "demo", "nudge", at)
		got := all[0].Kind + " " + all[1].Kind + " " + all[2].Kind + " " + all[3].Kind
		if got != c.want || all[1].Point != "p" {
			t.Errorf("%s: %s, want %s", about, got, c.want)
		}
		if about == "one channel" && !all[1].Opens.Equal(end) {
			t.Errorf("%s: it opens at %s, want %s", about, all[1].Opens, end)
		}
	}
}
