package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// NewSecret makes an opaque bearer secret, such as a refresh token, a ticket or
// a client secret: 256 random bits as 43 characters of base64url. Only its hash
// is stored.
func NewSecret() (secret string, hash []byte) {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	secret = base64.RawURLEncoding.EncodeToString(b)
	return secret, Hash(secret)
}

// Hash is the SHA-256 of a secret's text: what is stored and looked up. A fast
// hash without salt is enough for 256 random bits, and a look-up by it gives a
// guesser nothing to time. It covers the text, not what the text decodes to, so
// no second spelling of a secret has the same hash.
func Hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
