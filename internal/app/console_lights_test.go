package app

import (
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/api"
)

// TestLightsSayThatASwitchKeepsThemWaiting: the API and the case page say the same of a way
// to write on which a kill switch is.
func TestLightsSayThatASwitchKeepsThemWaiting(t *testing.T) {
	d := newDesk(t)
	d.clock.set(time.Date(2026, 3, 3, 16, 0, 0, 0, time.UTC)) // eleven in the morning in New York
	key := d.key(identity.AllCreditors, everyScope()...)
	ops := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Supervisor})
	end := d.clock.time().Add(4 * time.Hour)
	for _, c := range []struct {
		why   string
		on    []dunning.Switch
		waits string // channels, in order
	}{
		{"without a switch nothing waits", nil, ""},
		{"a switch over texts keeps texts waiting", []dunning.Switch{{Scope: dunning.SwitchChannel, Subject: "sms", Until: end}}, "sms"},
		{"a switch over another creditor keeps nothing", []dunning.Switch{{Scope: dunning.SwitchCreditor, Subject: "demo-de"}}, ""},
		{"a switch over everything keeps all that is written, and no call", []dunning.Switch{{Scope: dunning.SwitchGlobal}}, "sms email letter"},
	} {
		for _, s := range c.on {
			_, err := d.store.SwitchOn(t.Context(), postgres.Switch{Switch: s, Reason: "test", By: "user:ada", On: d.clock.time()})
			d.must(err)
		}
		var all []api.Light
		d.call(key, "GET", "/cases/"+d.ref.Case+"/lights", "").into(t, &all)
		var waits []string
		for _, l := range all {
			if l.Waits {
				waits = append(waits, string(l.Channel))
			}
			if l.Waits && (!l.Allowed || l.Text == "" || l.Point == "") {
				t.Errorf("%s: %s waits and is allowed %v, says %q, by the point %q", c.why, l.Channel, l.Allowed, l.Text, l.Point)
			}
			if l.Waits && c.waits == "sms" && !l.Opens.Equal(end) {
				t.Errorf("%s: it opens at %s, want %s", c.why, l.Opens, end)
			}
		}
		if got := strings.Join(waits, " "); got != c.waits {
			t.Errorf("%s: by the API waits %q, want %q", c.why, got, c.waits)
		}
		page := d.open(ops, "GET", "/cases/"+d.ref.Case)
		if n := strings.Count(page.body, ">Waits<"); page.StatusCode != 200 || (n > 0) != (c.waits != "") {
			t.Errorf("%s: the page says %d times that something waits", c.why, n)
		}
		for _, s := range c.on {
			d.must(d.store.SwitchOff(t.Context(), s, d.clock.time(), "user:ada", "over"))
		}
	}
}
