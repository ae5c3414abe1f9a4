package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Sizes of what Hash makes (RFC 9106, section 4) and of what Verify accepts.
const (
	saltSize = 16
	keySize  = 32

	minSaltSize, maxSaltSize = 8, 64 // RFC 9106, section 3.1: a salt has at least 8 bytes
	minKeySize, maxKeySize   = 16, 64

	maxPHC = 256 // the longest string of these sizes has 207 bytes
)

// hash is a parsed PHC string.
type hash struct {
	params Params
	salt   []byte
	key    []byte
}

// String gives the one PHC spelling of a hash: the order and the unpadded
// standard base64 of the argon2 reference implementation.
func (h hash) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.MemoryKiB, h.params.Iterations, h.params.Parallelism, b64(h.salt), b64(h.key))
}

// weakerThan tells whether a guess at h is cheaper than one at a new hash with
// these parameters. Lanes are left out: they divide the work among cores and do
// not change its amount.
func (h hash) weakerThan(now Params) bool {
	return h.params.MemoryKiB < now.MemoryKiB || h.params.Iterations < now.Iterations ||
		len(h.salt) < saltSize || len(h.key) < keySize
}

var errNotPHC = errors.New("not an argon2id PHC string")

// parse reads a PHC string, refusing whatever would be unsafe to run and every
// spelling but the canonical one. Its errors never quote the string: it is a
// secret of sorts, and they reach the log.
func parse(phc string) (hash, error) {
	if len(phc) > maxPHC {
		return hash{}, errNotPHC
	}
	parts := strings.Split(phc, "$")
	if len(parts) != 6 {
		return hash{}, errNotPHC
	}
	var h hash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.params.MemoryKiB, &h.params.Iterations, &h.params.Parallelism); err != nil {
		return hash{}, errNotPHC
	}
	if err := h.params.Validate(); err != nil {
		return hash{}, err
	}
	var err error
	if h.salt, err = decode(parts[4], minSaltSize, maxSaltSize); err != nil {
		return hash{}, fmt.Errorf("salt: %w", err)
	}
	if h.key, err = decode(parts[5], minKeySize, maxKeySize); err != nil {
		return hash{}, fmt.Errorf("key: %w", err)
	}
	// Writing it again covers what the lenient readers above let through:
	// other algorithms and versions, signs, leading zeros, line breaks inside
	// base64, text after the numbers.
	if h.String() != phc {
		return hash{}, errNotPHC
	}
	return h, nil
}

func decode(s string, shortest, longest int) ([]byte, error) {
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("not unpadded standard base64")
	}
	if len(b) < shortest || len(b) > longest {
		return nil, fmt.Errorf("%d bytes is not between %d and %d", len(b), shortest, longest)
	}
	return b, nil
}
