package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/duly/duly/internal/secret"
)

// EnvKeys is the environment variable with the key ring. EnvKeys + "_FILE"
// names a file with the same content instead.
const EnvKeys = "DULY_CODEC_KEYS"

// keyBytes is the length of an AES-256 key.
const keyBytes = 32

// keyID is what a key may be called: it travels in clear in every payload.
var keyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ErrNoKeys says that there is no key to encrypt with. Duly never falls back
// to plain text.
var ErrNoKeys = errors.New("no encryption key: set " + EnvKeys + " or " + EnvKeys + "_FILE to id:base64 (deploy/make-secrets makes one)")

// Keys is a key ring. The zero Keys has no key: encoding with it fails. Keys
// may be copied and used from several goroutines; it prints only its ids.
type Keys struct {
	ids  []string // newest first
	aead map[string]cipher.AEAD
	data map[string]cipher.AEAD // for data at rest: derived, so that neither use weakens the other
	sign map[string][]byte      // for signatures, derived too
}

// ParseKeys reads a ring from text: id:base64 pairs divided by commas or line
// breaks, the newest first. Each key is 32 bytes in standard base64. Errors
// name the position and the id, never the key.
func ParseKeys(text string) (Keys, error) {
	ring := Keys{aead: map[string]cipher.AEAD{}, data: map[string]cipher.AEAD{}, sign: map[string][]byte{}}
	for i, pair := range splitPairs(text) {
		id, key, err := parsePair(pair)
		if err != nil {
			return Keys{}, fmt.Errorf("encryption key %d: %w", i+1, err)
		}
		if _, twice := ring.aead[id]; twice {
			return Keys{}, fmt.Errorf("encryption key %d: the id %q is used twice: a new key needs a new id", i+1, id)
		}
		ring.ids = append(ring.ids, id)
		ring.aead[id], ring.data[id], ring.sign[id] = key.payloads, key.data, key.sign
	}
	if len(ring.ids) == 0 {
		return Keys{}, ErrNoKeys
	}
	return ring, nil
}

func splitPairs(text string) []string {
	var pairs []string
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if part = strings.TrimSpace(part); part != "" {
			pairs = append(pairs, part)
		}
	}
	return pairs
}

// uses are what one key is used for; each but the first has a key derived from it.
type uses struct {
	payloads, data cipher.AEAD
	sign           []byte
}

func parsePair(pair string) (id string, key uses, err error) {
	id, encoded, found := strings.Cut(pair, ":")
	if !found {
		return "", key, errors.New("not of the form id:base64")
	}
	id = strings.TrimSpace(id)
	if !keyID.MatchString(id) {
		return "", key, errors.New("an id has 1 to 64 letters, digits, dots, dashes or underscores")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		// The cause quotes a byte of the key, so it is not passed on.
		return "", key, fmt.Errorf("the key of %q is not standard base64", id)
	}
	if len(raw) != keyBytes {
		return "", key, fmt.Errorf("the key of %q has %d bytes, AES-256 needs %d (make one with `openssl rand -base64 32`)", id, len(raw), keyBytes)
	}
	derived, err := hkdf.Key(sha256.New, raw, nil, "duly data at rest", keyBytes)
	if err == nil {
		key.sign, err = hkdf.Key(sha256.New, raw, nil, "duly signatures", keyBytes)
	}
	if err != nil {
		return "", key, fmt.Errorf("deriving from the key of %q: %w", id, err)
	}
	if key.payloads, err = newAEAD(raw); err == nil {
		key.data, err = newAEAD(derived)
	}
	return id, key, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// FromEnv reads the ring from DULY_CODEC_KEYS or the file that
// DULY_CODEC_KEYS_FILE names. Neither set is ErrNoKeys.
func FromEnv(getenv func(string) string) (Keys, error) {
	text, err := secret.FromEnv(getenv, EnvKeys)
	if err != nil {
		return Keys{}, err
	}
	keys, err := ParseKeys(text.Reveal())
	if err != nil && !errors.Is(err, ErrNoKeys) {
		return Keys{}, fmt.Errorf("%s: %w", EnvKeys, err)
	}
	return keys, err
}

// Generate makes a fresh key and returns it as a line for ParseKeys. Its id is
// taken from the key's hash, so that two generated keys never share one. It
// is for standalone: keep the line where the data is
// kept, what was written under it cannot be read without it.
func Generate() string {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	sum := sha256.Sum256(append([]byte("duly codec key id\x00"), key...))
	return "k" + hex.EncodeToString(sum[:4]) + ":" + base64.StdEncoding.EncodeToString(key)
}

// Newest is the id of the key that encrypts, "" without any.
func (k Keys) Newest() string {
	if len(k.ids) == 0 {
		return ""
	}
	return k.ids[0]
}

// IDs are the ids of all keys, newest first.
func (k Keys) IDs() []string { return append([]string(nil), k.ids...) }

// String lists the ids. Keys hold no printable secret, but %+v would print the
// expanded key schedule; GoString and String keep it out of logs.
func (k Keys) String() string { return "codec.Keys[" + strings.Join(k.ids, " ") + "]" }

// Format prints like String for every verb and flag.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }
