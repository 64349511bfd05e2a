package twilio

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"

	"github.com/duly/duly/internal/secret"
)

// The query parameters that Twilio keeps in the callback URL: the attempt and
// its token. They tie a callback to its attempt even when the answer to the
// request, and with it the message's id, was lost.
const (
	CallbackAttempt = "a"
	CallbackToken   = "t"
)

// Token returns the callback token of an attempt: a keyed digest under the
// auth token, so that nobody else can report on an attempt. 128 bits,
// URL-safe.
func Token(authToken secret.Value, attempt string) string {
	mac := hmac.New(sha256.New, []byte(authToken.Reveal()))
	mac.Write([]byte("duly status callback v1\x00" + attempt))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// VerifyToken reports whether token belongs to attempt under any of the auth
// tokens (the old and the new one during a rotation).
func VerifyToken(attempt, token string, authTokens ...secret.Value) bool {
	ok := false
	for _, key := range authTokens {
		if key.IsSet() && hmac.Equal([]byte(Token(key, attempt)), []byte(token)) {
			ok = true
		}
	}
	return ok
}

// callback returns the status callback URL of an attempt, "" when none is wanted.
func (c Config) callback(attempt string) string {
	if c.StatusCallback == "" {
		return ""
	}
	q := url.Values{CallbackAttempt: {attempt}, CallbackToken: {Token(c.AuthToken, attempt)}}
	return c.StatusCallback + "?" + q.Encode()
}
