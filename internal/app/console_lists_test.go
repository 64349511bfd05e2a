package app

import (
	"strings"
	"testing"

	"github.com/duly/duly/internal/identity"
)

// TestListsOfSetUpAreFiles: every list of operations is a file, too, for who may export; who may
// not is refused, and is offered none.
func TestListsOfSetUpAreFiles(t *testing.T) {
	d := newDesk(t)
	may := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	for path, header := range map[string]string{
		"/releases": "release,in_force", "/sequences": "sequence,title", "/templates": "channel,template", "/switches": "scope,subject", "/bulk": "action,kind",
	} {
		page := d.open(may, "GET", path+"?format=csv")
		if page.StatusCode != 200 || !strings.HasPrefix(page.body, header) || !strings.Contains(page.Header.Get("Content-Disposition"), ".csv") {
			t.Errorf("%s: %d %.80q", path, page.StatusCode, page.body)
		}
		if rows := strings.Count(page.body, "\n"); path != "/switches" && path != "/bulk" && rows < 2 {
			t.Errorf("%s has %d lines, want the rows of its page", path, rows)
		}
	}
	not := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Admin})
	if page := d.open(not, "GET", "/releases"); page.StatusCode == 200 && !strings.Contains(page.body, "format=csv") {
		if file := d.open(not, "GET", "/releases?format=csv"); file.StatusCode != 403 {
			t.Errorf("a file for who may not export: %d", file.StatusCode)
		}
	}
}
