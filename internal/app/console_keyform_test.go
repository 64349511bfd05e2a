package app

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/duly/duly/internal/identity"
)

// TestAKeyRefusedKeepsItsForm: who forgot something does not write the rest again.
func TestAKeyRefusedKeepsItsForm(t *testing.T) {
	d := newDesk(t)
	admin := d.somebody(identity.Admin)
	page := d.send(admin.token, "/keys", "name", "ERP of <accounting>", "creditor", "demo", "days", "soon", "scope", "export")
	if page.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", page.StatusCode)
	}
	for _, want := range []string{`value="ERP of &lt;accounting&gt;"`, `value="soon"`, `<option value="demo" selected>`, `value="export" checked>`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the form does not hold %s", want)
		}
	}
	if n := len(regexp.MustCompile(`name="scope" value="[a-z_]+" checked`).FindAllString(page.body, -1)); n != 1 {
		t.Errorf("%d scopes are ticked, want 1", n)
	}
}

// TestNoRoleIsChosenForAUser: who adds a user says which role they get; the first of the
// list, which may do everything, is none that is given by mistake.
func TestNoRoleIsChosenForAUser(t *testing.T) {
	d := newDesk(t)
	if page := d.somebody(identity.Admin).get("/users").body; !strings.Contains(page, `name="role" required><option value="">choose …</option>`) {
		t.Error("the form has a role before anybody chose one")
	}
}
