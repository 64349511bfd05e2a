package web_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web"
)

// issuer is an OpenID provider in this process. What it says of people and how it lies
// are its fields.
type issuer struct {
	t      *testing.T
	srv    *httptest.Server
	key    *rsa.PrivateKey
	claims map[string]any       // of the next person
	change func(map[string]any) // of the identity token, after it is right
	forged *rsa.PrivateKey      // signs in place of key

	nonce, challenge string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key, claims: map[string]any{"sub": "s-1", "preferred_username": "Ada", "name": "Ada Example"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.json(w, map[string]any{
			"issuer": i.srv.URL, "authorization_endpoint": i.srv.URL + "/authorize", "token_endpoint": i.srv.URL + "/token",
			"jwks_uri": i.srv.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", i.token)
	i.srv = httptest.NewServer(mux)
	t.Cleanup(i.srv.Close)
	return i
}

func (i *issuer) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// token trades a code, if the verifier is that of the challenge.
func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if r.FormValue("code") != "the-code" || base64.RawURLEncoding.EncodeToString(sum[:]) != i.challenge {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{"iss": i.srv.URL, "aud": "duly", "nonce": i.nonce, "exp": time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), "iat": noon.Unix()}
	for k, v := range i.claims {
		claims[k] = v
	}
	if i.change != nil {
		i.change(claims)
	}
	key := i.key
	if i.forged != nil {
		key = i.forged
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		i.t.Error(err)
		return
	}
	payload, _ := json.Marshal(claims)
	signed, _ := signer.Sign(payload)
	compact, _ := signed.CompactSerialize()
	i.json(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": compact})
}

// houseWith is a console whose people sign in at the issuer.
func (i *issuer) houseWith(t *testing.T, roles map[string]identity.Grant) *house {
	t.Helper()
	return i.houseOver(t, pgtest.New(t), roles)
}

func (i *issuer) houseOver(t *testing.T, store *postgres.Store, roles map[string]identity.Grant) *house {
	t.Helper()
	return newHouseOver(t, store, func(o *web.Options) {
		var err error
		o.OIDC, err = web.NewOIDC(web.OIDCConfig{Issuer: i.srv.URL, ClientID: "duly", ClientSecret: "s", Roles: roles}, o.Public)
		if err != nil {
			t.Fatal(err)
		}
	})
}

// through begins a login in a browser and returns the state that the issuer would send back.
func (i *issuer) through(b *browser, next string) (state string) {
	i.t.Helper()
	res := b.get("/login/oidc?next=" + url.QueryEscape(next))
	to, err := url.Parse(res.to())
	if err != nil || res.StatusCode != 303 || to.Query().Get("state") == "" {
		i.t.Fatalf("to the issuer: %d %q", res.StatusCode, res.to())
	}
	i.nonce, i.challenge = to.Query().Get("nonce"), to.Query().Get("code_challenge")
	return to.Query().Get("state")
}

func TestOIDC(t *testing.T) {
	i := newIssuer(t)
	h := i.houseWith(t, nil)
	b := h.browser()
	res := b.get("/login/oidc/callback?code=the-code&state=" + i.through(b, "/profile?x=1"))
	if res.StatusCode != 303 || res.to() != "/profile?x=1" || b.token() == "" {
		t.Fatalf("login: %d %q %s", res.StatusCode, res.to(), res.body)
	}
	u, err := h.store.UserBySubject(t.Context(), i.srv.URL, "s-1")
	h.must(err)
	if u.Name != "ada" || u.Title != "Ada Example" || len(u.Grants) != 0 || u.Password != "" {
		t.Errorf("the newcomer: %+v", u)
	}
	again := h.browser()
	again.get("/login/oidc/callback?code=the-code&state=" + i.through(again, ""))
	if all, _ := h.store.Users(t.Context()); len(all) != 1 {
		t.Errorf("the second login makes %d users", len(all))
	}
	if res := again.post("/login", "name", "ada", "password", ""); res.StatusCode != 401 {
		t.Errorf("a password login of who has none: %d", res.StatusCode)
	}
}

// TestOIDCComesBack: the link of the login page keeps where somebody wanted to go, escaped once.
func TestOIDCComesBack(t *testing.T) {
	i := newIssuer(t)
	page := i.houseWith(t, nil).browser().get("/login?next=" + url.QueryEscape("/profile?x=1&y=2"))
	_, rest, _ := strings.Cut(page.body, `href="/login/oidc`)
	link, _, _ := strings.Cut(rest, `"`)
	u, err := url.Parse(html.UnescapeString(link))
	if err != nil || u.Query().Get("next") != "/profile?x=1&y=2" {
		t.Errorf("the link of the login page: %q, %v", link, err)
	}
}

func TestOIDCRefuses(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	past, store := noon.AddDate(-1, 0, 0).Unix(), pgtest.New(t)
	for name, c := range map[string]struct {
		lie func(*issuer)
		do  func(*issuer, *house, *browser) answer
	}{
		"a token signed by somebody else": {lie: func(i *issuer) { i.forged = other }},
		"a token for another program":     {lie: func(i *issuer) { i.change = func(m map[string]any) { m["aud"] = "other" } }},
		"a token of another issuer":       {lie: func(i *issuer) { i.change = func(m map[string]any) { m["iss"] = "https://evil.example" } }},
		"a token that has ended":          {lie: func(i *issuer) { i.change = func(m map[string]any) { m["exp"] = past } }},
		"a token for another login":       {lie: func(i *issuer) { i.change = func(m map[string]any) { m["nonce"] = "n" } }},
		"a code that is none": {do: func(i *issuer, _ *house, b *browser) answer {
			return b.get("/login/oidc/callback?code=x&state=" + i.through(b, ""))
		}},
		"a state of another browser": {do: func(i *issuer, h *house, b *browser) answer {
			return b.get("/login/oidc/callback?code=the-code&state=" + i.through(h.browser(), ""))
		}},
		"a state that was used": {do: func(i *issuer, _ *house, b *browser) answer {
			state := i.through(b, "")
			b.get("/login/oidc/callback?code=x&state=" + state)
			return b.get("/login/oidc/callback?code=the-code&state=" + state)
		}},
		"a login that took a quarter of an hour": {do: func(i *issuer, h *house, b *browser) answer {
			state := i.through(b, "")
			h.later(15 * time.Minute)
			return b.get("/login/oidc/callback?code=the-code&state=" + state)
		}},
		"no state at all": {do: func(i *issuer, _ *house, b *browser) answer {
			i.through(b, "")
			return b.get("/login/oidc/callback?code=the-code")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			if c.lie != nil {
				c.lie(i)
			}
			h := i.houseOver(t, store, nil)
			b, before := h.browser(), len(h.audited("refused"))
			do := c.do
			if do == nil {
				do = func(i *issuer, _ *house, b *browser) answer {
					return b.get("/login/oidc/callback?code=the-code&state=" + i.through(b, ""))
				}
			}
			if res := do(i, h, b); res.StatusCode != 401 || b.token() != "" {
				t.Errorf("status %d, session %q", res.StatusCode, b.token())
			}
			if len(h.audited("refused")) == before {
				t.Error("the refusal is not recorded")
			}
		})
	}
}

func TestOIDCRoles(t *testing.T) {
	i := newIssuer(t)
	h := i.houseWith(t, map[string]identity.Grant{"staff": {Creditor: "acme", Role: identity.Collector}, "boss": everywhere(identity.Supervisor)})
	login := func(groups ...any) identity.User {
		i.claims["groups"] = groups
		b := h.browser()
		if res := b.get("/login/oidc/callback?code=the-code&state=" + i.through(b, "")); res.StatusCode != 303 {
			t.Fatalf("login: %d", res.StatusCode)
		}
		u, err := h.store.UserBySubject(t.Context(), i.srv.URL, "s-1")
		h.must(err)
		return u
	}
	if u := login("staff", "unknown", 7); len(u.Grants) != 1 || u.Grants[0].Creditor != "acme" {
		t.Errorf("groups give %v", u.Grants)
	}
	if u := login(); len(u.Grants) != 0 {
		t.Errorf("who left the groups keeps %v", u.Grants)
	}
	u := login("boss")
	h.must(h.store.Disable(t.Context(), u.ID, noon))
	b := h.browser()
	if res := b.get("/login/oidc/callback?code=the-code&state=" + i.through(b, "")); res.StatusCode != 401 {
		t.Errorf("a disabled user: %d", res.StatusCode)
	}
}

func TestOIDCNeverTakesOverALocalUser(t *testing.T) {
	i := newIssuer(t)
	h := i.houseWith(t, nil)
	h.user("ada", everywhere(identity.Admin))
	b := h.browser()
	b.get("/login/oidc/callback?code=the-code&state=" + i.through(b, ""))
	if res := b.get("/users"); res.StatusCode != 403 {
		t.Errorf("somebody named like an admin opens the users: %d", res.StatusCode)
	}
}

func TestNewOIDCRefuses(t *testing.T) {
	for name, cfg := range map[string]web.OIDCConfig{
		"an issuer without encryption": {Issuer: "http://login.example.com", ClientID: "x"},
		"an issuer that is no address": {Issuer: "login", ClientID: "x"},
		"no client id":                 {Issuer: "https://login.example.com"},
		"a role that is none":          {Issuer: "https://login.example.com", ClientID: "x", Roles: map[string]identity.Grant{"g": {Creditor: "*", Role: "emperor"}}},
	} {
		if _, err := web.NewOIDC(cfg, &url.URL{Scheme: "https", Host: "duly.example"}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
