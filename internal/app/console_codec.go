package app

import (
	"errors"
	"fmt"
	"net/url"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/workflows"
)

// EnvTemporalUI is the address of the Temporal UI: cases link to their history there, and
// its pages may ask the console to decrypt payloads (CodecPath). Without it there is
// neither.
const EnvTemporalUI = "DULY_TEMPORAL_UI_URL"

// CodecPath is where the console decrypts payloads for the Temporal UI: the protocol of a
// remote codec server, of which only decoding is served. In the UI's settings the codec
// server is DULY_PUBLIC_URL/codec, with cookies.
const CodecPath = "/codec/decode"

// temporalUI is the address of the Temporal UI, nil when none is set.
func temporalUI(getenv func(string) string) (*url.URL, error) {
	text := getenv(EnvTemporalUI)
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, usageError{fmt.Errorf("%s is no address: write where people open the Temporal UI, such as https://temporal.example.com", EnvTemporalUI)}
	}
	return u, nil
}

// wireCodec makes the decoder for the Temporal UI: who uses it has signed in and may, every
// use is in the audit, and only the UI's pages may call it from a browser.
func (c *Console) wireCodec() (err error) {
	if c.ui, err = temporalUI(c.o.Getenv); err != nil || c.ui == nil {
		return err
	}
	keys, err := codec.FromEnv(c.o.Getenv)
	if errors.Is(err, codec.ErrNoKeys) {
		return nil
	}
	if err != nil {
		return err
	}
	decode := converter.NewPayloadCodecHTTPHandler(codec.New(keys))
	c.decoder = c.web.Guard(identity.Codec, "codec.decode", []string{c.ui.Scheme + "://" + c.ui.Host}, decode)
	return nil
}

// history is the address of a case's workflow in the Temporal UI, "" when none is set.
func (c *Console) history(caseID string) string {
	if c.ui == nil {
		return ""
	}
	namespace := or(c.o.Getenv(temporalx.EnvNamespace), client.DefaultNamespace)
	return c.ui.JoinPath("namespaces", url.PathEscape(namespace), "workflows", url.PathEscape(workflows.CaseID(caseID))).String()
}
