package webhooks

import (
	"crypto/hmac"
	"crypto/sha1" // Twilio's signature is HMAC-SHA1, which stands
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"github.com/duly/duly/internal/secret"
)

// signedForm reports whether a request with form parameters carries Twilio's signature
// under any of the tokens: HMAC-SHA1 over the URL and all parameters in order.
func signedForm(tokens []secret.Value, address string, form url.Values, signature string) bool {
	return signedOver(tokens, address, parameters(form), signature)
}

// signedBody is signedForm for any other body: the URL carries the body's digest, and the
// signature is over the URL alone.
func signedBody(tokens []secret.Value, address string, body []byte, signature string) bool {
	_, query, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	want, err := hex.DecodeString(values.Get("bodySHA256"))
	sum := sha256.Sum256(body)
	if err != nil || subtle.ConstantTimeCompare(want, sum[:]) != 1 {
		return false
	}
	return signedOver(tokens, address, "", signature)
}

func signedOver(tokens []secret.Value, address, rest, signature string) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	ok := false
	for _, token := range tokens {
		for _, a := range spellings(address) {
			mac := hmac.New(sha1.New, []byte(token.Reveal()))
			mac.Write([]byte(a + rest))
			if token.IsSet() && hmac.Equal(mac.Sum(nil), given) {
				ok = true
			}
		}
	}
	return ok
}

// parameters are names and values without anything between, in order of the names. A name
// that comes several times gives each of its values once, in order.
func parameters(form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		values := slices.Compact(slices.Sorted(slices.Values(form[name])))
		for _, v := range values {
			b.WriteString(name)
			b.WriteString(v)
		}
	}
	return b.String()
}

// spellings are an address with and without its port: Twilio signs either, depending on
// product and scheme.
func spellings(address string) []string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return []string{address}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return []string{address, scheme + "://" + host[:i] + tail}
	}
	port := ":443"
	if scheme == "http" {
		port = ":80"
	}
	return []string{address, scheme + "://" + host + port + tail}
}
