package collect

import (
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// numbersPage is what somebody did today, and in the seven days up to now.
type numbersPage struct {
	Today, Week read.OwnNumbers
}

// numbers are one's own: there is no list of others and no rank.
func (d Deps) numbers(r *web.Request) error {
	local := r.Now.In(r.Zone)
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, r.Zone)
	var p numbersPage
	var err error
	scope := r.Scope(identity.Numbers)
	if p.Today, err = d.Read.Numbers(r.R.Context(), scope, r.User.By, today, r.Now); err != nil {
		return err
	}
	if p.Week, err = d.Read.Numbers(r.R.Context(), scope, r.User.By, today.AddDate(0, 0, -6), r.Now); err != nil {
		return err
	}
	return r.Page("numbers.html", p)
}
