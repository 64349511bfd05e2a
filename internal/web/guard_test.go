package web_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/duly/duly/internal/identity"
)

func TestGuard(t *testing.T) {
	h := newHouse(t, nil)
	const friend = "http://127.0.0.1:8233"
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain text") })
	guarded := h.Guard(identity.Codec, "codec", []string{friend}, inner)
	h.srv.Config.Handler = guarded
	can := h.in(h.user("can", everywhere(identity.Compliance)))
	for name, c := range map[string]struct {
		b      *browser
		header []string
		status int
	}{
		"whoever may, from our own page":      {can, []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"whoever may, from the friend's page": {can, []string{"Sec-Fetch-Site", "same-site", "Origin", friend}, 200},
		"whoever may, from a stranger's page": {can, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"somebody who may not":                {h.in(h.user("not", everywhere(identity.Operations))), nil, 403},
		"somebody who may, for one creditor":  {h.in(h.user("one", identity.Grant{Creditor: "acme", Role: identity.Compliance})), nil, 403},
		"nobody":                              {h.browser(), nil, 401},
		"nobody, from the friend's page":      {h.browser(), []string{"Sec-Fetch-Site", "same-site", "Origin", friend}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			uses, refusals := len(h.audited("codec")), len(h.audited("refused"))
			res := c.b.do("POST", "/decode", url.Values{}, c.header...)
			if res.StatusCode != c.status || (res.body == "plain text") != (c.status == 200) {
				t.Errorf("%d %q, want %d", res.StatusCode, res.body, c.status)
			}
			if n := len(h.audited("codec")) - uses; (n == 1) != (c.status == 200) {
				t.Errorf("%d uses recorded", n)
			}
			if n := len(h.audited("refused")) - refusals; (n == 1) != (c.status != 200) {
				t.Errorf("%d refusals recorded", n)
			}
		})
	}
	pre := can.do("OPTIONS", "/decode", nil, "Origin", friend, "Access-Control-Request-Method", "POST")
	if pre.StatusCode != 204 || pre.Header.Get("Access-Control-Allow-Origin") != friend || pre.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("the friend's preflight: %d %v", pre.StatusCode, pre.Header)
	}
	if bad := can.do("OPTIONS", "/decode", nil, "Origin", "https://evil.example"); bad.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a stranger's preflight: %v", bad.Header)
	}
}
