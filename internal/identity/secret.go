package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of one password check: the second recommendation of RFC 9106 section 4 (64 MiB,
// three passes), of which a server can do several at once.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 2
	argonKey     = 32
	argonSalt    = 16
)

// Bounds of a password in bytes. The upper one keeps a request from buying much hashing.
const (
	ShortestPassword = 12
	LongestPassword  = 256
)

// ErrPassword says what a password must be.
var ErrPassword = fmt.Errorf("a password has between %d and %d characters", ShortestPassword, LongestPassword)

// Params of a hash: the costs.
type params struct {
	memory  uint32
	time    uint32
	threads uint8
}

// HashPassword makes what is kept of a password: argon2id in the PHC string form.
func HashPassword(password string) (string, error) {
	if len(password) < ShortestPassword || len(password) > LongestPassword {
		return "", ErrPassword
	}
	return hashWith(params{argonMemory, argonTime, argonThreads}, password), nil
}

func hashWith(p params, password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	key := argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// CheckPassword compares in constant time. An empty hash (nobody, or somebody who signs in
// elsewhere) costs as much time and is never right.
func CheckPassword(hash, password string) bool {
	if len(password) > LongestPassword {
		return false
	}
	real := hash != ""
	if !real {
		hash = decoy
	}
	p, salt, want, err := parse(hash)
	if err != nil {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && real
}

// decoy is hashed against when there is no such user, so that guessing names by the time
// of the answer does not work. Its key is no password's.
var decoy = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
	base64.RawStdEncoding.EncodeToString(make([]byte, argonSalt)), base64.RawStdEncoding.EncodeToString(make([]byte, argonKey)))

var errHash = errors.New("not a password hash of Duly")

func parse(hash string) (p params, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil || p.time == 0 || p.threads == 0 {
		return p, nil, nil, errHash
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(key) < 16 {
		return p, nil, nil, errHash
	}
	return p, salt, key, nil
}

// NewPassword makes a first password: 20 characters that are easy to read aloud.
func NewPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	text := pick(letters, 20)
	return strings.Join([]string{text[:5], text[5:10], text[10:15], text[15:]}, "-")
}

// pick draws n letters, each as likely as any other.
func pick(letters string, n int) string {
	out := make([]byte, 0, n)
	limit := 256 - 256%len(letters)
	for b := make([]byte, 1); len(out) < n; {
		_, _ = rand.Read(b)
		if int(b[0]) < limit {
			out = append(out, letters[int(b[0])%len(letters)])
		}
	}
	return string(out)
}

// Hash is what is kept of a token: its SHA-256. Tokens hold enough chance that a slow hash
// would add nothing.
type Hash [sha256.Size]byte

// HashToken is the hash of a token as it came.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// NewToken makes a token for a cookie or a link: 26 characters, 130 bits of chance.
func NewToken() string { return rand.Text() }

// KeyPrefix begins every API key, so that scanners for lost secrets know it.
const KeyPrefix = "duly_"

// NewKey makes an API key of an id. Only its hash is kept; the id is part of it, so that
// a key that was lost can be found and revoked.
func NewKey(id string) string { return KeyPrefix + id + "_" + rand.Text() }
