package channeltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// contracts are the providers' OpenAPI documents and the host each speaks for.
var contracts = []struct{ file, host string }{
	{"twilio_api_v2010.messages.json", "api.twilio.com"},
	{"tsg_mail_v3.yaml", "api.sendgrid.com"},
	{"tsg_scheduled_sends_v3.json", "api.sendgrid.com"},
}

// loaded keeps the parsed documents: they are large and the same for all tests.
var loaded = sync.OnceValues(loadContracts)

// Contract returns a check of requests against the providers' OpenAPI
// documents in ../shared/specs, nil (with a log line) when they are not there.
func Contract(t testing.TB) func(*http.Request, []byte) error {
	t.Helper()
	rs, err := loaded()
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("NOT CHECKED against the providers' contracts: ../shared/specs is not there")
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(r *http.Request, body []byte) error { return rs.check(r, body) }
}

// NeedContract is Contract for tests that are about nothing else: they are
// skipped, loudly, when the documents are not there.
func NeedContract(t testing.TB) func(*http.Request, []byte) error {
	t.Helper()
	check := Contract(t)
	if check == nil {
		t.Skip("SKIPPED: this test needs ../shared/specs")
	}
	return check
}

// contractRouters are the routers by host, one a document.
type contractRouters map[string][]routers.Router

// Shared finds the directory shared beside the repository by walking up from
// the working directory; the error is fs.ErrNotExist when there is none.
func Shared() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		path := filepath.Join(dir, "shared")
		if info, statErr := os.Stat(filepath.Join(path, "specs")); statErr == nil && info.IsDir() {
			return path, nil
		}
		if filepath.Dir(dir) == dir {
			return "", fs.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

func loadContracts() (contractRouters, error) {
	shared, err := Shared()
	if err != nil {
		return nil, err
	}
	out := contractRouters{}
	for _, c := range contracts {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(shared, "specs", c.file))
		if err != nil {
			return nil, err
		}
		// The documents are the judge, not the judged: examples of theirs break their own formats.
		router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
		if err != nil {
			return nil, err
		}
		out[c.host] = append(out[c.host], router)
	}
	return out, nil
}

// check validates one request as if it had gone to the provider itself.
// Requests beyond the documents (the activity add-on has one of its own) pass.
func (rs contractRouters) check(r *http.Request, body []byte) error {
	host := "api.twilio.com"
	if len(r.URL.Path) > 3 && r.URL.Path[:4] == "/v3/" {
		host = "api.sendgrid.com"
	}
	if r.URL.Path == "/v3/messages" {
		return nil
	}
	c := r.Clone(context.WithoutCancel(r.Context()))
	c.URL = &url.URL{Scheme: "https", Host: host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	c.Host, c.Body = host, io.NopCloser(bytes.NewReader(body))
	route, params, err := rs.route(host, c)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(c.Context(), &openapi3filter.RequestValidationInput{
		Request: c, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true},
	})
}

// route finds the operation of a request in any of the host's documents.
func (rs contractRouters) route(host string, r *http.Request) (route *routers.Route, params map[string]string, err error) {
	for _, router := range rs[host] {
		if route, params, err = router.FindRoute(r); err == nil {
			return route, params, nil
		}
	}
	return nil, nil, err
}
