package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
)

// selfSet are the pages that somebody has about themselves.
func (c *Console) selfSet() Set {
	signedIn := identity.SignedIn
	return Set{
		Pages: own(),
		Nav:   []Nav{{Path: "/profile", Label: "My profile and sessions", Group: "Set-up", Need: signedIn, Hidden: true}},
		Routes: []Route{
			{Pattern: "GET /profile", Need: signedIn, Handle: c.profile},
			{Pattern: "POST /profile/settings", Need: signedIn, Handle: c.saveSettings},
			{Pattern: "POST /profile/password", Need: signedIn, Handle: c.changePassword},
			{Pattern: "POST /profile/sessions/{session}/end", Need: signedIn, Handle: c.endSession},
			{Pattern: "POST /profile/sessions/end", Need: signedIn, Handle: c.endSessions},
			{Pattern: "POST /views", Need: signedIn, Handle: c.saveView},
			{Pattern: "POST /views/drop", Need: signedIn, Handle: c.dropView},
			{Pattern: "GET /views", Need: signedIn, Handle: c.views},
			{Pattern: "POST /profile/time", Need: signedIn, Handle: c.saveTime},
		},
	}
}

type profilePage struct {
	User       identity.User
	Sessions   []identity.Session
	This       string // id of this session
	MustChange bool
	Local      bool // has a password here
	Faults     map[string]string
	Zones      []string
}

func (c *Console) profile(r *Request) error { return c.showProfile(r, http.StatusOK, nil) }

func (c *Console) showProfile(r *Request, status int, faults map[string]string) error {
	sessions, err := c.o.People.Sessions(r.R.Context(), r.session.User.ID)
	if err != nil {
		return err
	}
	u := r.session.User
	return r.PageStatus(status, "profile.html", profilePage{
		User: u, Sessions: sessions, This: r.session.ID, MustChange: u.MustChange, Local: u.Password != "", Faults: faults, Zones: zones,
	})
}

// zones that people work in are offered; any other IANA name can be typed.
var zones = []string{"UTC", "Europe/Berlin", "Europe/London", "Europe/Vienna", "Europe/Zurich", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Asia/Kolkata", "Australia/Sydney"}

func (c *Console) saveSettings(r *Request) error {
	set := identity.Settings{Theme: r.Value("theme"), KeysOff: r.Value("keys") == "off", Zone: r.Value("zone"), Time: r.Settings.Time}
	if !slices.Contains([]string{"", "light", "dark"}, set.Theme) {
		return Invalid("The theme is light, dark or that of your device.", nil)
	}
	if _, err := time.LoadLocation(set.Zone); err != nil || set.Zone == "Local" {
		return c.showProfile(r, http.StatusUnprocessableEntity, map[string]string{"zone": "There is no such zone. Write it like Europe/Berlin."})
	}
	if err := c.o.People.SetSettings(r.R.Context(), r.session.User.ID, set); err != nil {
		return err
	}
	return r.Done("/profile", "Your settings are saved.")
}

// saveTime remembers how somebody wants instants shown.
func (c *Console) saveTime(r *Request) error {
	set := r.Settings
	if set.Time = r.Value("time"); !slices.Contains([]string{"", "relative", "local", "utc"}, set.Time) {
		return Invalid("Times are shown relative, local or utc.", nil)
	}
	if err := c.o.People.SetSettings(r.R.Context(), r.session.User.ID, set); err != nil {
		return err
	}
	r.W.WriteHeader(http.StatusNoContent)
	return nil
}

// Done flashes what was done and goes to a page.
func (r *Request) Done(path, text string) error {
	if err := r.Flash("good", text); err != nil {
		return err
	}
	return r.Redirect(path)
}

func (c *Console) changePassword(r *Request) error {
	u, now, next := r.session.User, r.R.PostFormValue("now"), r.R.PostFormValue("next")
	if ok, _ := c.limits.names.Allow("change " + u.ID); !ok {
		return &Error{Status: http.StatusTooManyRequests, Title: "Too many tries", Detail: "Wait half a minute and try again."}
	}
	c.limits.hashing <- struct{}{}
	right := identity.CheckPassword(u.Password, now)
	<-c.limits.hashing
	faults := map[string]string{}
	switch hash, err := identity.HashPassword(next); {
	case !right:
		faults["now"] = "This is not your password."
	case err != nil:
		faults["next"] = "A password has between 12 and 256 characters. Three or four unrelated words are good."
	case next == now:
		faults["next"] = "Choose another than the one you have."
	case next != r.R.PostFormValue("again"):
		faults["again"] = "The two do not match."
	default:
		return c.setPassword(r, u, hash)
	}
	return c.showProfile(r, http.StatusUnprocessableEntity, faults)
}

// setPassword ends all other sessions of the user, and this one gets a new token.
func (c *Console) setPassword(r *Request, u identity.User, hash string) error {
	if err := c.o.People.SetPassword(acting(r.R.Context(), r.User), u.ID, hash, false, r.hash); err != nil {
		return err
	}
	if err := r.Record("password_changed", u.ID, nil); err != nil {
		return err
	}
	c.limits.names.Forget("change " + u.ID)
	if err := r.open(u, "password"); err != nil {
		return err
	}
	return r.Redirect("/")
}

func (c *Console) endSession(r *Request) error {
	if err := c.o.People.EndSessionOf(r.R.Context(), r.session.User.ID, r.R.PathValue("session")); err != nil {
		return err
	}
	return r.Done("/profile", "That session has ended.")
}

// endSessions signs out everywhere, here too.
func (c *Console) endSessions(r *Request) error {
	if _, err := c.o.People.EndSessions(r.R.Context(), r.session.User.ID, identity.Hash{}); err != nil {
		return err
	}
	if err := r.Record("signed_out_everywhere", r.session.User.ID, nil); err != nil {
		return err
	}
	r.setCookie("", -1)
	return r.Redirect("/login")
}

// --- saved views and search -------------------------------------------------------

func (c *Console) views(r *Request) error {
	all, err := c.o.People.Views(r.R.Context(), r.session.User.ID)
	if err != nil {
		return err
	}
	place := r.Value("place")
	mine := slices.DeleteFunc(all, func(v identity.SavedView) bool { return place != "" && v.Place != place })
	return r.Page("views.html", mine)
}

func (c *Console) saveView(r *Request) error {
	v := identity.SavedView{Place: r.Value("place"), Name: r.Value("name"), Query: strings.TrimPrefix(r.Value("query"), "?")}
	q, err := url.ParseQuery(v.Query)
	switch {
	case !local(v.Place) || strings.ContainsAny(v.Place, "?#"):
		return Invalid("A view belongs to a list of the console.", nil)
	case v.Name == "" || len(v.Name) > 80:
		return Invalid("A view needs a name of up to 80 characters.", map[string]string{"name": "Give it a name."})
	case err != nil || len(v.Query) > 2000:
		return Invalid("This filter is too long to be kept.", nil)
	}
	q.Del("after")
	v.Query = q.Encode()
	if err := c.o.People.PutView(r.R.Context(), r.session.User.ID, v); err != nil {
		return err
	}
	return r.Done(v.Place+"?"+v.Query, "The view is saved.")
}

func (c *Console) dropView(r *Request) error {
	place := r.Value("place")
	if err := c.o.People.DropView(r.R.Context(), r.session.User.ID, place, r.Value("name")); err != nil {
		return err
	}
	return r.Done(place, "The view is gone.")
}

// search answers the command menu with what it found.
func (c *Console) search(r *Request) error {
	text := r.Value("q")
	var hits []Hit
	if c.o.Search != nil && len(text) >= 2 && len(text) <= 200 && r.User.Somewhere(identity.View) {
		var err error
		if hits, err = c.o.Search(r.R.Context(), r.Scope(identity.View), text); err != nil {
			return err
		}
		if err := r.Record("search", "", nil); err != nil {
			return err
		}
	}
	return r.Page("search.html", hits)
}
