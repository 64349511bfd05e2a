package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/duly/duly/internal/identity"
)

// OIDCConfig names an OpenID provider.
type OIDCConfig struct {
	Issuer       string // URL
	ClientID     string
	ClientSecret string
	Name         string // for the button; "" = the issuer's host
	// Roles maps a value of the claim RolesClaim to a grant, "creditor/role" or "role" for
	// all creditors. Nil: people who are new get no role, and an admin gives them some.
	Roles      map[string]identity.Grant
	RolesClaim string // "" = groups
	// Client may be nil: the default one.
	Client *http.Client
}

// OIDC signs people in at an OpenID provider: authorisation code with PKCE, state and
// nonce, each good for one answer.
type OIDC struct {
	cfg    OIDCConfig
	public *url.URL

	mu       sync.Mutex
	provider *oidc.Provider
}

// NewOIDC checks the settings. The provider is asked when somebody first signs in, so that
// the console starts while it is away.
func NewOIDC(cfg OIDCConfig, public *url.URL) (*OIDC, error) {
	u, err := url.Parse(cfg.Issuer)
	loopback := err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("OIDC_ISSUER is not a URL: write https://login.example.com")
	case u.Scheme != "https" && !loopback:
		return nil, errors.New("OIDC_ISSUER must be https: without it anybody on the way can sign in as anybody")
	case cfg.ClientID == "":
		return nil, errors.New("OIDC_CLIENT_ID is not set: it is the id under which the provider knows Duly")
	}
	for claim, g := range cfg.Roles {
		if !g.Role.Known() {
			return nil, fmt.Errorf("OIDC_ROLES: %q leads to the unknown role %q; roles are %v", claim, g.Role, identity.Roles())
		}
	}
	if cfg.RolesClaim == "" {
		cfg.RolesClaim = "groups"
	}
	return &OIDC{cfg: cfg, public: public}, nil
}

// Label is what the button says.
func (o *OIDC) Label() string {
	if o.cfg.Name != "" {
		return o.cfg.Name
	}
	u, _ := url.Parse(o.cfg.Issuer)
	return u.Host
}

func (o *OIDC) context(ctx context.Context) context.Context {
	if o.cfg.Client == nil {
		return ctx
	}
	return oidc.ClientContext(ctx, o.cfg.Client)
}

// discover asks the provider for its addresses, once.
func (o *OIDC) discover(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	// The provider's keys are fetched with this context for as long as the process lives.
	p, err := oidc.NewProvider(o.context(context.WithoutCancel(ctx)), o.cfg.Issuer)
	if err != nil {
		return nil, &Error{Status: http.StatusBadGateway, Title: "The login provider does not answer", Detail: "Try again in a moment, or sign in with a password.", cause: err}
	}
	o.provider = p
	return p, nil
}

func (o *OIDC) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: o.public.JoinPath("/login/oidc/callback").String(), Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}
}

// patience is how long somebody may take at the provider.
const patience = 10 * time.Minute

// stateCookie binds a login under way to the browser that began it, so that nobody can
// make a browser end somebody else's login.
const stateCookie = "duly-signin"

func (c *Console) toIssuer(r *Request) error {
	if c.o.OIDC == nil {
		return NotFound("Sign-in with a provider")
	}
	if ok, _ := c.limits.addrs.Allow(Caller(r.R, c.o.Behind)); !ok {
		return &Error{Status: http.StatusTooManyRequests, Title: "Too many tries", Detail: "Wait a minute and try again."}
	}
	p, err := c.o.OIDC.discover(r.R.Context())
	if err != nil {
		return err
	}
	state := identity.NewToken()
	in := identity.Signin{Nonce: identity.NewToken(), Verifier: oauth2.GenerateVerifier(), Next: orHome(r.Value("next")), Expires: c.o.Wall().Add(patience)}
	if err := c.o.People.AddSignin(r.R.Context(), identity.HashToken(state), in); err != nil {
		return err
	}
	r.setState(state, int(patience/time.Second))
	r.W.Header().Set("Location", c.o.OIDC.oauth(p).AuthCodeURL(state, oidc.Nonce(in.Nonce), oauth2.S256ChallengeOption(in.Verifier)))
	r.W.WriteHeader(http.StatusSeeOther)
	return nil
}

func (r *Request) setState(state string, age int) {
	http.SetCookie(r.W, &http.Cookie{
		Name: stateCookie, Value: state, Path: "/login/oidc", MaxAge: age,
		HttpOnly: true, Secure: r.console.o.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}

// fromIssuer ends a login. Every fault looks the same to the browser.
func (c *Console) fromIssuer(r *Request) error {
	if c.o.OIDC == nil {
		return NotFound("Sign-in with a provider")
	}
	state, code := r.R.FormValue("state"), r.R.FormValue("code")
	ck, err := r.R.Cookie(stateCookie)
	r.setState("", -1)
	if err != nil || state == "" || ck.Value != state {
		return c.badAnswer(r, "state", errors.New("the answer is not for this browser"))
	}
	in, err := c.o.People.TakeSignin(r.R.Context(), identity.HashToken(state), c.o.Wall())
	if err != nil {
		return c.badAnswer(r, "state", err)
	}
	who, err := c.o.OIDC.redeem(r.R.Context(), code, in)
	if err != nil {
		return c.badAnswer(r, "code", err)
	}
	u, err := c.known(r, who)
	if err != nil {
		return err
	}
	if err := r.open(u, "oidc"); err != nil {
		return err
	}
	return r.Redirect(orHome(in.Next))
}

func (c *Console) badAnswer(r *Request, why string, cause error) error {
	c.refused(r.R.Context(), identity.Principal{}, "oidc_"+why, "GET /login/oidc/callback", "")
	return &Error{Status: http.StatusUnauthorized, Title: "Not signed in", Detail: "The login did not work out or took too long. Begin again.", cause: cause}
}

// somebody is who the provider says has come.
type somebody struct {
	Issuer, Subject    string
	Name, Title, Email string
	Grants             []identity.Grant
}

// redeem trades the code for an identity and checks signature, audience, expiry and nonce.
func (o *OIDC) redeem(ctx context.Context, code string, in identity.Signin) (somebody, error) {
	p, err := o.discover(ctx)
	if err != nil {
		return somebody{}, err
	}
	token, err := o.oauth(p).Exchange(o.context(ctx), code, oauth2.VerifierOption(in.Verifier))
	if err != nil {
		return somebody{}, errors.New("the provider refuses the code") // its text may quote secrets
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: o.cfg.ClientID}).Verify(o.context(ctx), raw)
	if err != nil {
		return somebody{}, fmt.Errorf("identity token: %w", err)
	}
	if id.Nonce != in.Nonce {
		return somebody{}, errors.New("identity token: it answers another login")
	}
	return o.read(id)
}

func (o *OIDC) read(id *oidc.IDToken) (somebody, error) {
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return somebody{}, fmt.Errorf("identity token: %w", err)
	}
	text := func(name string) string { s, _ := claims[name].(string); return s }
	who := somebody{Issuer: id.Issuer, Subject: id.Subject, Title: text("name"), Email: text("email"), Name: text("preferred_username")}
	groups, _ := claims[o.cfg.RolesClaim].([]any)
	for _, g := range groups {
		name, _ := g.(string)
		if grant, ok := o.cfg.Roles[name]; ok {
			who.Grants = append(who.Grants, grant)
		}
	}
	return who, nil
}

// known finds or makes the user. Roles follow the provider with every login where it says
// them (OIDC_ROLES), else they are an admin's to give.
func (c *Console) known(r *Request, who somebody) (identity.User, error) {
	ctx := r.R.Context()
	u, err := c.o.People.UserBySubject(ctx, who.Issuer, who.Subject)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return c.newcomer(ctx, who)
	case err != nil:
		return u, err
	case !u.Disabled.IsZero():
		return u, c.badAnswer(r, "disabled", errors.New("the user is disabled"))
	case c.o.OIDC.cfg.Roles == nil:
		return u, nil
	}
	before := grantsText(u.Grants)
	u.Grants = who.Grants
	if err := c.o.People.SetGrants(identity.ActingAs(ctx, byProvider), u.ID, who.Grants); err != nil || sameGrants(before, who.Grants) {
		return u, err
	}
	return u, c.record(ctx, identity.Principal{By: byProvider}, "roles_changed", u.ID, map[string]string{"before": before, "after": grantsText(who.Grants)})
}

// byProvider is who made a user, or gave them roles, at a login with the identity provider.
const byProvider = "oidc"

// sameGrants compares without regard to their order.
func sameGrants(before string, after []identity.Grant) bool {
	return slices.Equal(slices.Sorted(slices.Values(strings.Fields(before))), slices.Sorted(slices.Values(strings.Fields(grantsText(after)))))
}

// newcomer makes a user for somebody whom the provider knows and we do not. The name
// never takes over a local user: if it is taken, the subject's hash makes it another.
func (c *Console) newcomer(ctx context.Context, who somebody) (identity.User, error) {
	u := identity.User{
		Name: strings.ToLower(who.Name), Title: who.Title, Email: who.Email, Issuer: who.Issuer, Subject: who.Subject,
		Created: c.o.Wall(), Grants: who.Grants,
	}
	if !identity.ValidName(u.Name) {
		u.Name = "user"
	}
	if _, err := c.o.People.UserByName(ctx, u.Name); err == nil {
		h := identity.HashToken(who.Issuer + "\x00" + who.Subject)
		u.Name = fmt.Sprintf("%s-%x", u.Name[:min(len(u.Name), 40)], h[:6])
	}
	id, err := c.o.People.AddUser(identity.ActingAs(ctx, byProvider), u)
	if u.ID = id; err != nil {
		return u, err
	}
	return u, c.record(ctx, identity.Principal{By: byProvider}, "user_added", id, map[string]string{"grants": grantsText(u.Grants)})
}
