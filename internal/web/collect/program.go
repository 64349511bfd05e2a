package collect

import (
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
)

// MaySend reports whether somebody may send a template to debtors of a creditor: by the
// rule of the compose form.
func MaySend(c *config.Config, who identity.Principal, creditor string, ch dunning.Channel, template string) bool {
	for _, t := range templates(c, who, creditor) {
		if t.Channel == ch && t.Name == template {
			return true
		}
	}
	return false
}
