package webhooks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/secret"
)

// Defaults of Config.
const (
	// DefaultEventAge is how old a signed SendGrid request may be: it repeats for a day
	// what was not taken.
	DefaultEventAge = 25 * time.Hour
	// DefaultPaymentAge is how far the timestamp of a payment's signature may be from now.
	DefaultPaymentAge = 5 * time.Minute
)

// Config is what the webhooks need to know. Where a list of secrets is empty, the
// endpoints that need one answer 404 and say which setting is missing. During a rotation a
// list holds the new and the old one. Printing it shows no secret.
type Config struct {
	// PublicURL is scheme, host and perhaps a path under which the world reaches this
	// server, such as https://duly.example.com. Signatures are computed from it and never
	// from what a request claims.
	PublicURL string
	// TwilioTokens are the account's auth tokens.
	TwilioTokens []secret.Value
	// SendGridKeys verify events, and inbound mail where its security policy signs.
	SendGridKeys []*ecdsa.PublicKey
	// InboundKeys are what the inbound parse URL carries: ?key=… or https://duly:KEY@….
	InboundKeys []secret.Value
	// PaymentSecrets sign payments (HMAC-SHA256).
	PaymentSecrets []secret.Value

	EventAge   time.Duration // 0: DefaultEventAge
	PaymentAge time.Duration // 0: DefaultPaymentAge

	// Now is the wall clock; nil: clock.Wall.
	Now func() time.Time
	// Twilio says what a message's status and error code (0: none) mean; "" means nothing.
	// Required.
	Twilio func(status string, code int) dunning.Delivery
	// SendGrid says what an event means, by its name, its type (of a bounce) and its
	// reason; "" means nothing. Required.
	SendGrid func(event, kind, reason string) dunning.Delivery
	// Token reports whether a callback's token belongs to an attempt. Required.
	Token func(attempt, token string) bool
}

// FromEnv reads DULY_PUBLIC_URL and the secrets TWILIO_AUTH_TOKEN, SENDGRID_INBOUND_KEY,
// DULY_PAYMENTS_SECRET (each also as _FILE, each also with _OLD before that) and the public
// keys SENDGRID_WEBHOOK_PUBLIC_KEY and SENDGRID_WEBHOOK_PUBLIC_KEY_OLD. What is missing
// switches an endpoint off; what is wrong is an error that names every variable. The
// functions of Config are left to the caller.
func FromEnv(getenv func(string) string) (Config, error) {
	c := Config{PublicURL: strings.TrimSuffix(getenv("DULY_PUBLIC_URL"), "/")}
	var faults []error
	secrets := func(name string) (out []secret.Value) {
		for _, n := range []string{name, name + "_OLD"} {
			v, err := secret.FromEnv(getenv, n)
			if err != nil {
				faults = append(faults, err)
			} else if v.IsSet() {
				out = append(out, v)
			}
		}
		return out
	}
	c.TwilioTokens = secrets("TWILIO_AUTH_TOKEN")
	c.InboundKeys = secrets("SENDGRID_INBOUND_KEY")
	c.PaymentSecrets = secrets("DULY_PAYMENTS_SECRET")
	for _, name := range []string{"SENDGRID_WEBHOOK_PUBLIC_KEY", "SENDGRID_WEBHOOK_PUBLIC_KEY_OLD"} {
		v, err := secret.FromEnv(getenv, name) // not secret, but _FILE is convenient for PEM
		if err == nil && v.IsSet() {
			var key *ecdsa.PublicKey
			if key, err = ParsePublicKey(v.Reveal()); err == nil {
				c.SendGridKeys = append(c.SendGridKeys, key)
			} else {
				err = fmt.Errorf("%s: %w", name, err)
			}
		}
		faults = append(faults, err)
	}
	faults = append(faults, c.checkURL())
	return c, errors.Join(faults...)
}

func (c Config) checkURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("DULY_PUBLIC_URL: want the address under which the world reaches this server, such as https://duly.example.com, without query and password")
	}
	return nil
}

var errKey = errors.New("want the verification key as SendGrid shows it: base64 of an ECDSA P-256 public key (PEM is fine too)")

// ParsePublicKey reads a public key as SendGrid shows it: base64 DER (SPKI), or PEM.
func ParsePublicKey(text string) (*ecdsa.PublicKey, error) {
	text = strings.TrimSpace(text)
	var der []byte
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, errKey
		}
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errKey
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errKey
	}
	return key, nil
}
