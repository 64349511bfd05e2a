package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"reflect"
	"strings"

	"github.com/duly/duly/internal/read"
)

// seal is what the secret of an API key gives besides the way in. We keep only the hash of
// that secret, so what is sealed with it can be opened by its owner's requests alone: an
// answer kept for an idempotency key is unreadable to whoever reads the database, and a
// cursor cannot be made up or carried to another list.
type seal struct {
	aead   cipher.AEAD
	cursor []byte
}

// newSeal derives the keys from an API key as it was sent.
func newSeal(token string) (*seal, error) {
	key := func(what string) ([]byte, error) { return hkdf.Key(sha256.New, []byte(token), nil, what, 32) }
	answers, err := key("duly kept answers")
	if err != nil {
		return nil, err
	}
	cursor, err := key("duly cursors")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(answers)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &seal{aead, cursor}, err
}

// close encrypts an answer for the request that it belongs to.
func (s *seal) close(body, request []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return s.aead.Seal(nonce, nonce, body, request)
}

var errSealed = errors.New("a kept answer cannot be opened")

func (s *seal) open(sealed, request []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errSealed
	}
	body, err := s.aead.Open(nil, sealed[:n], sealed[n:], request)
	if err != nil {
		return nil, errSealed
	}
	return body, nil
}

// mark signs a cursor for one list with one filter.
func (s *seal) mark(cursor, place string) string {
	mac := hmac.New(sha256.New, s.cursor)
	_, _ = mac.Write([]byte(place + "\x00" + cursor))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])
}

// unmark gives a cursor back, if mark made it for this list.
func (s *seal) unmark(text, place string) (string, error) {
	i := strings.LastIndexByte(text, '.')
	if i < 0 || !hmac.Equal([]byte(text[i+1:]), []byte(s.mark(text[:i], place))) {
		return "", read.ErrBadCursor
	}
	return text[:i], nil
}

// placeOf names a list with its filter: the address without limit and cursor.
func placeOf(u *url.URL) string {
	q := u.Query()
	q.Del("after")
	q.Del("limit")
	return u.EscapedPath() + "?" + q.Encode()
}

// openCursor replaces the cursor of a request by what the reader wrote.
func (c *Call) openCursor() error {
	q := c.R.URL.Query()
	text := q.Get("after")
	if text == "" {
		return nil
	}
	inner, err := c.seal.unmark(text, placeOf(c.R.URL))
	if err != nil {
		return err
	}
	q.Set("after", inner)
	u := *c.R.URL
	u.RawQuery = q.Encode()
	c.R.URL = &u
	return nil
}

// closeCursor signs the cursor of a list, whatever its rows are.
func (c *Call) closeCursor(v any) any {
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Struct {
		return v
	}
	next := list.FieldByName("Next")
	if !next.IsValid() || next.Kind() != reflect.String || next.Len() == 0 || !list.FieldByName("Rows").IsValid() {
		return v
	}
	signed := reflect.New(list.Type()).Elem()
	signed.Set(list)
	signed.FieldByName("Next").SetString(next.String() + "." + c.seal.mark(next.String(), placeOf(c.R.URL)))
	return signed.Interface()
}
