package temporalx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
)

// identity makes a self-signed certificate and its key in PEM.
func identity(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "duly"}, NotBefore: from, NotAfter: from.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnection(t *testing.T) {
	cert, key := identity(t)
	certFile, keyFile, apiFile := write(t, cert), write(t, key), write(t, "api-key\n")
	for _, c := range []struct {
		why     string
		env     []string
		host    string
		ns      string
		tls     bool
		certs   int
		ca      bool
		verify  bool
		creds   bool
		headers map[string]string
	}{
		{why: "an empty environment means the local server, plain", host: "localhost:7233", ns: "default"},
		{why: "address and namespace are taken as they are", env: []string{"TEMPORAL_ADDRESS=t.example:443", "TEMPORAL_NAMESPACE=duly.prod"}, host: "t.example:443", ns: "duly.prod"},
		{why: "an API key switches TLS on: it must not travel in clear", env: []string{"TEMPORAL_API_KEY=k"}, host: "localhost:7233", ns: "default", tls: true, verify: true, creds: true},
		{why: "an API key may come from a file", env: []string{"TEMPORAL_API_KEY_FILE=" + apiFile}, host: "localhost:7233", ns: "default", tls: true, verify: true, creds: true},
		{why: "TLS can be switched off explicitly, for a proxy on the same host", env: []string{"TEMPORAL_API_KEY=k", "TEMPORAL_TLS=false"}, host: "localhost:7233", ns: "default", creds: true},
		{why: "TLS alone uses the system's roots", env: []string{"TEMPORAL_TLS=true"}, host: "localhost:7233", ns: "default", tls: true, verify: true},
		{why: "mutual TLS from files", env: []string{"TEMPORAL_TLS_CLIENT_CERT_PATH=" + certFile, "TEMPORAL_TLS_CLIENT_KEY_PATH=" + keyFile, "TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + certFile}, host: "localhost:7233", ns: "default", tls: true, certs: 1, ca: true, verify: true},
		{why: "mutual TLS from data", env: []string{"TEMPORAL_TLS_CLIENT_CERT_DATA=" + cert, "TEMPORAL_TLS_CLIENT_KEY_DATA=" + key, "TEMPORAL_TLS_SERVER_CA_CERT_DATA=" + cert}, host: "localhost:7233", ns: "default", tls: true, certs: 1, ca: true, verify: true},
		{why: "host verification is switched off only by name", env: []string{"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION=true"}, host: "localhost:7233", ns: "default", tls: true},
		{why: "metadata names become header names", env: []string{"TEMPORAL_GRPC_META_X_TENANT=a=b", "TEMPORAL_GRPC_META_=x"}, host: "localhost:7233", ns: "default", headers: map[string]string{"x-tenant": "a=b"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, err := FromEnviron(c.env)
			if err != nil {
				t.Fatal(err)
			}
			if got.HostPort != c.host || got.Namespace != c.ns {
				t.Errorf("%s in %s, want %s in %s", got.Namespace, got.HostPort, c.ns, c.host)
			}
			conf := got.ConnectionOptions.TLS
			if (conf != nil) != c.tls || got.ConnectionOptions.TLSDisabled == c.tls {
				t.Fatalf("TLS %v, disabled %v; want %v", conf != nil, got.ConnectionOptions.TLSDisabled, c.tls)
			}
			if conf != nil && (len(conf.Certificates) != c.certs || (conf.RootCAs != nil) != c.ca || conf.InsecureSkipVerify == c.verify) {
				t.Errorf("certificates %d, own roots %v, unverified %v", len(conf.Certificates), conf.RootCAs != nil, conf.InsecureSkipVerify)
			}
			if (got.Credentials != nil) != c.creds {
				t.Errorf("credentials %v, want %v", got.Credentials != nil, c.creds)
			}
			var sent map[string]string
			if got.HeadersProvider != nil {
				sent, _ = got.HeadersProvider.GetHeaders(t.Context())
			}
			if !maps.Equal(sent, c.headers) {
				t.Errorf("headers %v, want %v", sent, c.headers)
			}
		})
	}
}

func TestFaultsAreNamedAllAtOnceAndQuoteNoSecret(t *testing.T) {
	cert, key := identity(t)
	_, other := identity(t)
	for _, c := range []struct {
		why  string
		env  []string
		want []string
	}{
		{"a profile file would be ignored silently otherwise", []string{"TEMPORAL_CONFIG_FILE=/x", "TEMPORAL_PROFILE=prod"}, []string{"TEMPORAL_CONFIG_FILE is not supported", "TEMPORAL_PROFILE is not supported"}},
		{"a switch is true or false", []string{"TEMPORAL_TLS=perhaps"}, []string{`TEMPORAL_TLS="perhaps": write true or false`}},
		{"path and data together are ambiguous", []string{"TEMPORAL_TLS_CLIENT_CERT_PATH=/x", "TEMPORAL_TLS_CLIENT_CERT_DATA=" + cert, "TEMPORAL_TLS_CLIENT_KEY_DATA=" + key}, []string{"TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_CERT_DATA are both set"}},
		{"a certificate needs its key", []string{"TEMPORAL_TLS_CLIENT_CERT_DATA=" + cert}, []string{"go together"}},
		{"a key of another certificate is found out", []string{"TEMPORAL_TLS_CLIENT_CERT_DATA=" + cert, "TEMPORAL_TLS_CLIENT_KEY_DATA=" + other}, []string{"not a PEM certificate with its key"}},
		{"a missing file is named", []string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH=/nowhere/ca.pem"}, []string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", "/nowhere/ca.pem"}},
		{"roots that are not PEM are refused", []string{"TEMPORAL_TLS_SERVER_CA_CERT_DATA=junk"}, []string{"must be PEM"}},
		{"a key given twice is ambiguous", []string{"TEMPORAL_API_KEY=hunter2", "TEMPORAL_API_KEY_FILE=/x", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION=si"}, []string{"TEMPORAL_API_KEY and TEMPORAL_API_KEY_FILE are both set", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"}},
	} {
		_, err := FromEnviron(c.env)
		if err == nil {
			t.Errorf("%s: accepted", c.why)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not contain %q", c.why, err, want)
			}
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "PRIVATE KEY") {
			t.Errorf("%s: error %q quotes a secret", c.why, err)
		}
	}
}

// The defaults are the SDK's own: an operator who knows Temporal knows Duly's.
func TestDefaultsAreTheSDKs(t *testing.T) {
	got, err := FromEnviron(nil)
	if err != nil || got.HostPort != client.DefaultHostPort || got.Namespace != client.DefaultNamespace {
		t.Fatalf("%q %q %v", got.HostPort, got.Namespace, err)
	}
}

func TestNamesAreReadInOrder(t *testing.T) {
	names := parse([]string{"B=1", "A=2", "noequals"}).names()
	if !slices.Equal(names, []string{"A", "B"}) {
		t.Fatal(names)
	}
}
