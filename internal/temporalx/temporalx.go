// Package temporalx reads the Temporal SDK's standard environment
// configuration into client options.
//
// It owns the names TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
// TEMPORAL_TLS* and TEMPORAL_GRPC_META_* and their meaning, which are those of
// the SDK's contrib/envconfig (that module could not be obtained, see
// docs/decisions/2026-11-21-temporal-env-config.md). It does not own dialling,
// encryption of payloads (internal/codec) or profiles in TOML files: it
// refuses those names instead of connecting somewhere else than was asked.
package temporalx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/internal/secret"
	"go.temporal.io/sdk/client"
)

// The names read, beside TEMPORAL_GRPC_META_<HEADER_NAME>.
const (
	EnvAddress   = "TEMPORAL_ADDRESS"   // host:port, default localhost:7233
	EnvNamespace = "TEMPORAL_NAMESPACE" // default "default"
	EnvAPIKey    = "TEMPORAL_API_KEY"   // or TEMPORAL_API_KEY_FILE; switches TLS on

	EnvTLS             = "TEMPORAL_TLS" // true, false; default: on when any other TLS name or a key is set
	EnvTLSCertPath     = "TEMPORAL_TLS_CLIENT_CERT_PATH"
	EnvTLSCertData     = "TEMPORAL_TLS_CLIENT_CERT_DATA"
	EnvTLSKeyPath      = "TEMPORAL_TLS_CLIENT_KEY_PATH"
	EnvTLSKeyData      = "TEMPORAL_TLS_CLIENT_KEY_DATA"
	EnvTLSCAPath       = "TEMPORAL_TLS_SERVER_CA_CERT_PATH"
	EnvTLSCAData       = "TEMPORAL_TLS_SERVER_CA_CERT_DATA"
	EnvTLSServerName   = "TEMPORAL_TLS_SERVER_NAME"
	EnvTLSNoHostVerify = "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"

	metaPrefix = "TEMPORAL_GRPC_META_"
)

// unsupported are standard names that Duly cannot honour. Set, they would send
// the connection elsewhere than the operator meant, so they are refused.
var unsupported = []string{
	"TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE", "TEMPORAL_CODEC_ENDPOINT", "TEMPORAL_CODEC_AUTH",
}

// FromEnviron returns client options for an environment in the form of
// os.Environ. All faults are reported at once; none quotes a secret.
func FromEnviron(environ []string) (client.Options, error) {
	env := parse(environ)
	opts := client.Options{HostPort: env[EnvAddress], Namespace: env[EnvNamespace]}
	if opts.HostPort == "" {
		opts.HostPort = client.DefaultHostPort
	}
	if opts.Namespace == "" {
		opts.Namespace = client.DefaultNamespace
	}
	key, keyErr := secret.FromEnv(env.get, EnvAPIKey)
	if key.IsSet() {
		opts.Credentials = client.NewAPIKeyStaticCredentials(key.Reveal())
	}
	tlsConfig, tlsErr := env.tls(key.IsSet())
	opts.ConnectionOptions.TLS = tlsConfig
	opts.ConnectionOptions.TLSDisabled = tlsConfig == nil
	if meta := env.meta(); len(meta) > 0 {
		opts.HeadersProvider = meta
	}
	if err := errors.Join(env.refuse(), keyErr, tlsErr); err != nil {
		return client.Options{}, err
	}
	return opts, nil
}

type environment map[string]string

func parse(environ []string) environment {
	env := environment{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

func (e environment) get(name string) string { return e[name] }

func (e environment) refuse() error {
	var faults []error
	for _, name := range unsupported {
		if e[name] != "" {
			faults = append(faults, fmt.Errorf("%s is not supported: set %s, %s and the TLS variables instead, and unset it", name, EnvAddress, EnvNamespace))
		}
	}
	return errors.Join(faults...)
}

// tls is nil when the connection is to be plain.
func (e environment) tls(hasKey bool) (*tls.Config, error) {
	on, err := e.wantsTLS(hasKey)
	if err != nil || !on {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: e[EnvTLSServerName]}
	var faults []error
	if config.InsecureSkipVerify, err = e.boolean(EnvTLSNoHostVerify, false); err != nil {
		faults = append(faults, err)
	}
	if config.RootCAs, err = e.roots(); err != nil {
		faults = append(faults, err)
	}
	if config.Certificates, err = e.certificates(); err != nil {
		faults = append(faults, err)
	}
	return config, errors.Join(faults...)
}

func (e environment) wantsTLS(hasKey bool) (bool, error) {
	implied := hasKey
	for _, name := range []string{EnvTLSCertPath, EnvTLSCertData, EnvTLSKeyPath, EnvTLSKeyData, EnvTLSCAPath, EnvTLSCAData, EnvTLSServerName, EnvTLSNoHostVerify} {
		implied = implied || e[name] != ""
	}
	return e.boolean(EnvTLS, implied)
}

func (e environment) boolean(name string, otherwise bool) (bool, error) {
	if e[name] == "" {
		return otherwise, nil
	}
	v, err := strconv.ParseBool(e[name])
	if err != nil {
		return false, fmt.Errorf("%s=%q: write true or false", name, e[name])
	}
	return v, nil
}

func (e environment) roots() (*x509.CertPool, error) {
	pem, err := e.pathOrData(EnvTLSCAPath, EnvTLSCAData)
	if err != nil || pem == nil {
		return nil, err // nil pool: the system's own
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s or %s: no certificate in it: it must be PEM", EnvTLSCAPath, EnvTLSCAData)
	}
	return pool, nil
}

func (e environment) certificates() ([]tls.Certificate, error) {
	cert, certErr := e.pathOrData(EnvTLSCertPath, EnvTLSCertData)
	key, keyErr := e.pathOrData(EnvTLSKeyPath, EnvTLSKeyData)
	switch {
	case certErr != nil || keyErr != nil:
		return nil, errors.Join(certErr, keyErr)
	case cert == nil && key == nil:
		return nil, nil
	case cert == nil || key == nil:
		return nil, errors.New("TEMPORAL_TLS_CLIENT_CERT_* and TEMPORAL_TLS_CLIENT_KEY_* go together: set both or neither")
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("TEMPORAL_TLS_CLIENT_CERT_* and TEMPORAL_TLS_CLIENT_KEY_*: not a PEM certificate with its key: %w", err)
	}
	return []tls.Certificate{pair}, nil
}

// pathOrData is nil when neither is set.
func (e environment) pathOrData(path, data string) ([]byte, error) {
	switch {
	case e[path] != "" && e[data] != "":
		return nil, fmt.Errorf("%s and %s are both set: keep one of them", path, data)
	case e[data] != "":
		return []byte(e[data]), nil
	case e[path] == "":
		return nil, nil
	}
	raw, err := os.ReadFile(e[path])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return raw, nil
}

// headers are extra gRPC headers; it implements the SDK's HeadersProvider.
type headers map[string]string

func (h headers) GetHeaders(context.Context) (map[string]string, error) { return h, nil }

// meta maps TEMPORAL_GRPC_META_X_TENANT=a to the header x-tenant: a.
func (e environment) meta() headers {
	h := headers{}
	for _, name := range e.names() {
		if rest, ok := strings.CutPrefix(name, metaPrefix); ok && rest != "" && e[name] != "" {
			h[strings.ToLower(strings.ReplaceAll(rest, "_", "-"))] = e[name]
		}
	}
	return h
}

func (e environment) names() []string {
	names := make([]string, 0, len(e))
	for name := range e {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
