package codec

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/duly/duly/internal/secret"
)

// EnvData is the environment variable with the key ring for data at rest (what was sent,
// letters). EnvData + "_FILE" names a file with the same content. Its form is that of
// EnvKeys. Apart from that ring because they end at different times: a key of EnvKeys
// can go when the last workflow that used it has ended, a data key only after `duly rekey`.
const EnvData = "DULY_DATA_KEY"

// DataFromEnv reads the ring for data at rest: from DULY_DATA_KEY or the file that
// DULY_DATA_KEY_FILE names, else the ring of EnvKeys, from whose keys others are derived.
// None of them set is ErrNoKeys.
func DataFromEnv(getenv func(string) string) (Keys, error) {
	text, err := secret.FromEnv(getenv, EnvData)
	if err != nil {
		return Keys{}, err
	}
	if !text.IsSet() {
		return FromEnv(getenv)
	}
	keys, err := ParseKeys(text.Reveal())
	if err != nil && !errors.Is(err, ErrNoKeys) {
		return Keys{}, fmt.Errorf("%s: %w", EnvData, err)
	}
	return keys, err
}

// Seal encrypts data at rest under the newest key, whose id it returns. The name says
// what the text is, such as a table and a key: it opens under no other.
func (k Keys) Seal(name string, plain []byte) (keyID string, sealed []byte, err error) {
	id := k.Newest()
	if id == "" {
		return "", nil, ErrNoKeys
	}
	return id, k.data[id].Seal(nil, nil, plain, boundData(id, name)), nil
}

// Open decrypts what Seal made. ErrUnknownKey: the key is not in the ring; ErrTampered:
// the text was changed, or is another's.
func (k Keys) Open(keyID, name string, sealed []byte) ([]byte, error) {
	aead, known := k.data[keyID]
	if !known {
		return nil, fmt.Errorf("%w, nor in %s: %.64q", ErrUnknownKey, EnvData, keyID)
	}
	plain, err := aead.Open(nil, nil, sealed, boundData(keyID, name))
	if err != nil {
		return nil, fmt.Errorf("%w: %.64q", ErrTampered, keyID)
	}
	return plain, nil
}

// boundData is the additional data. Ids hold no NUL, so the parts cannot run into one
// another.
func boundData(id, name string) []byte { return []byte("duly-data\x001\x00" + id + "\x00" + name) }

// Sign signs under the newest key; nil without any. The purpose keeps a signature from
// standing for anything else.
func (k Keys) Sign(purpose string, text []byte) []byte {
	if k.Newest() == "" {
		return nil
	}
	return signed(k.sign[k.Newest()], purpose, text)
}

// Verify reports whether any key of the ring made a signature, or the beginning of one
// that is at least 16 bytes long.
func (k Keys) Verify(purpose string, text, signature []byte) bool {
	if len(signature) < 16 || len(signature) > sha256.Size {
		return false
	}
	ok := 0
	for _, id := range k.ids {
		ok |= subtle.ConstantTimeCompare(signed(k.sign[id], purpose, text)[:len(signature)], signature)
	}
	return ok == 1
}

func signed(key []byte, purpose string, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("duly-sign\x001\x00" + purpose + "\x00"))
	mac.Write(text)
	return mac.Sum(nil)
}
