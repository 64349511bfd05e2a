package app

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

const uiOrigin = "https://temporal.example.com"

// withUI is the desk's console with a Temporal UI and keys.
func (d *desk) withUI(keys string) {
	d.t.Helper()
	env := map[string]string{EnvTemporalUI: uiOrigin + "/ui", codec.EnvKeys: keys, "TEMPORAL_NAMESPACE": "collections"}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.console.Handler().ServeHTTP(w, r) }))
	d.t.Cleanup(srv.Close)
	public, err := url.Parse(srv.URL)
	d.must(err)
	d.srv = srv
	d.console, err = NewConsole(Deps{Store: d.store, Clock: d.clock, Log: slog.New(slog.DiscardHandler)}, ConsoleOptions{Public: public, Getenv: func(n string) string { return env[n] }})
	d.must(err)
}

// decode asks the codec as a page of an origin does.
func (d *desk) decode(token, origin, method, path string, body []byte) reply {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.srv.URL+path, bytes.NewReader(body))
	d.must(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", origin)
	req.Header.Set("Sec-Fetch-Site", "same-site")
	if token != "" {
		req.AddCookie(&http.Cookie{Name: "duly-session", Value: token})
	}
	res, err := http.DefaultClient.Do(req)
	d.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	d.must(err)
	return reply{res, string(b)}
}

func TestCodecEndpoint(t *testing.T) {
	d, key := newDesk(t), codec.Generate()
	d.withUI(key)
	keys, err := codec.ParseKeys(key)
	d.must(err)
	sealed, err := codec.New(keys).Encode([]*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`{"case":"42"}`)}})
	d.must(err)
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: sealed})
	d.must(err)
	compliance := d.as(everywhere(identity.Compliance))
	for about, c := range map[string]struct {
		token, origin, method, path string
		status                      int
		allowed                     string // Access-Control-Allow-Origin
		used                        bool
	}{
		"compliance reads payloads in the UI":            {compliance, uiOrigin, "POST", CodecPath, 200, uiOrigin, true},
		"who has not signed in is refused":               {"", uiOrigin, "POST", CodecPath, 401, uiOrigin, false},
		"an auditor may not":                             {d.as(everywhere(identity.Auditor)), uiOrigin, "POST", CodecPath, 403, uiOrigin, false},
		"compliance of one creditor may not":             {d.as(identity.Grant{Creditor: "demo", Role: identity.Compliance}), uiOrigin, "POST", CodecPath, 403, uiOrigin, false},
		"a page of another origin is refused":            {compliance, "https://evil.example", "POST", CodecPath, 403, "", false},
		"the UI's preflight is answered":                 {"", uiOrigin, "OPTIONS", CodecPath, 204, uiOrigin, false},
		"another's preflight gets no permission":         {"", "https://evil.example", "OPTIONS", CodecPath, 204, "", false},
		"encrypting is not served, so nobody forges one": {compliance, d.srv.URL, "POST", "/codec/encode", 404, "", false},
	} {
		t.Run(about, func(t *testing.T) {
			d := d.on(t)
			before := d.uses()
			res := d.decode(c.token, c.origin, c.method, c.path, body)
			if res.StatusCode != c.status || res.Header.Get("Access-Control-Allow-Origin") != c.allowed {
				t.Errorf("status %d for %q, want %d for %q: %s", res.StatusCode, res.Header.Get("Access-Control-Allow-Origin"), c.status, c.allowed, res.body)
			}
			if used := d.uses() > before; used != c.used {
				t.Errorf("recorded as used: %v, want %v", used, c.used)
			}
			if c.used {
				var plain commonpb.Payloads
				d.must(protojson.Unmarshal([]byte(res.body), &plain))
				if len(plain.Payloads) != 1 || string(plain.Payloads[0].Data) != `{"case":"42"}` {
					t.Errorf("decoded %s", res.body)
				}
			}
		})
	}
	page := d.open(compliance, "GET", "/cases/"+d.ref.Case).body
	if want := uiOrigin + "/ui/namespaces/collections/workflows/case%2F" + d.ref.Case; !strings.Contains(page, want) {
		t.Errorf("the case does not link to %s", want)
	}
}

// uses counts the recorded uses of the decoder.
func (d *desk) uses() int {
	list, err := d.store.AuditLog(d.t.Context(), read.Everything(), read.AuditFilter{Action: "codec.decode"}, read.Page{})
	d.must(err)
	return len(list.Rows)
}

func TestTemporalUIAddress(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "http://localhost:8233": true, "https://t.example.com/ui/": true, "localhost:8233": false, "javascript:alert(1)": false, "https://": false, "https://u:p@x": false,
	} {
		u, err := temporalUI(func(string) string { return text })
		if (err == nil) != ok || (u != nil) != (ok && text != "") {
			t.Errorf("%q: %v, %v", text, u, err)
		}
	}
}
