package dunning

import (
	"crypto/sha1" // as RFC 9562 has it for UUIDs of version 5; it guards nothing
	"encoding/hex"
)

// attempts is the namespace of attempt ids (6f1c6c1e-6f0a-5b0e-9d2c-0d1f7c3f2a11). It is
// fixed for ever: the id of a contact's attempt must come out the same after years.
var attempts = [16]byte{0x6f, 0x1c, 0x6c, 0x1e, 0x6f, 0x0a, 0x5b, 0x0e, 0x9d, 0x2c, 0x0d, 0x1f, 0x7c, 0x3f, 0x2a, 0x11}

// AttemptID is the opaque id that a provider is given for a contact: a UUID of version 5
// (RFC 9562, 5.5). It is derived, so that every try of every process gives the same.
func AttemptID(contact string) string {
	sum := sha1.Sum(append(attempts[:], contact...))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	h := hex.EncodeToString(u)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
