package password

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	stdhash "hash"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Hashes that other systems made, in the forms a migration brings:
//
//	$2a$, $2b$, $2y$                        bcrypt
//	$pbkdf2-sha256$i=600000$salt$key        PBKDF2 as a PHC string; -sha512 too
//	$pbkdf2-sha256$600000$salt$key          likewise, as passlib writes it
//	pbkdf2_sha256$600000$salt$key           PBKDF2 as Django writes it
//	$argon2i$v=19$m=…,t=…,p=…$salt$key      argon2i; argon2id is our own
//
// They are verified and never made: who logs in with one has an argon2id hash
// afterwards, of the password as it was typed at that login. So what a hash cannot
// tell from the right password must not match it.
//
// The bounds keep one login below some seconds of one core; they hold when a
// hash is imported and again whenever it would be run.
const (
	maxBcryptCost   = 14
	maxPBKDF2Rounds = 2_000_000
	maxForeign      = 512 // characters of a stored hash

	bcryptBytes = 72
)

// foreign is a parsed hash of another system.
type foreign interface {
	matches(password string) bool
}

var errForeign = errors.New("not a password hash of a known form: argon2id, argon2i, bcrypt or PBKDF2")

// Importable tells whether a hash is of a form, and of a cost, that Verify runs.
// The error does not quote it.
func Importable(stored string) error {
	if isForeign(stored) {
		_, err := parseForeign(stored)
		return err
	}
	_, err := parse(stored)
	if errors.Is(err, errNotPHC) {
		return errForeign
	}
	return err
}

func isForeign(stored string) bool {
	for _, prefix := range []string{"$2", "$pbkdf2-", "pbkdf2_", "$argon2i$"} {
		if strings.HasPrefix(stored, prefix) {
			return true
		}
	}
	return false
}

// parseForeign reads a hash of another system within the bounds.
func parseForeign(stored string) (foreign, error) {
	switch {
	case len(stored) > maxForeign:
		return nil, errForeign
	case strings.HasPrefix(stored, "$2"):
		return parseBcrypt(stored)
	case strings.HasPrefix(stored, "$argon2i$"):
		return parseArgon2i(stored)
	}
	return parsePBKDF2(stored)
}

// verifyForeign is Verify of a foreign hash, on one of the workers as any other.
func (h *Hasher) verifyForeign(ctx context.Context, stored, password string) (bool, error) {
	if _, err := parseForeign(stored); err != nil {
		return false, err
	}
	possible := len(password) <= MaxBytes
	if !possible {
		password = ""
	}
	r, err := h.run(ctx, job{Foreign: stored, Password: []byte(password)})
	return r.Same && possible, err
}

// bcryptHash is the string itself; $2x$, of a faulty implementation, is not read.
type bcryptHash string

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)

func parseBcrypt(stored string) (foreign, error) {
	m := bcryptForm.FindStringSubmatch(stored)
	if m == nil {
		return nil, errForeign
	}
	if cost, _ := strconv.Atoi(m[1]); cost < bcrypt.MinCost || cost > maxBcryptCost {
		return nil, fmt.Errorf("bcrypt cost %d is not between %d and %d", cost, bcrypt.MinCost, maxBcryptCost)
	}
	return bcryptHash(stored), nil
}

// matches is false for what bcrypt cannot prove, at the cost of any other answer: it
// takes 72 bytes of a password that is repeated with a NUL after it, so it tells
// passwords of at most 72 bytes without a NUL from one another, and no others.
func (b bcryptHash) matches(password string) bool {
	same := bcrypt.CompareHashAndPassword([]byte(b), []byte(password[:min(len(password), bcryptBytes)])) == nil
	return same && len(password) <= bcryptBytes && !strings.Contains(password, "\x00")
}

type pbkdf2Hash struct {
	digest    func() stdhash.Hash
	rounds    int
	salt, key []byte
}

var (
	pbkdf2PHC    = regexp.MustCompile(`^\$pbkdf2-(sha256|sha512)\$(?:i=)?([0-9]{1,9})(?:,l=[0-9]{1,3})?\$([A-Za-z0-9+/.]+)\$([A-Za-z0-9+/.]+)$`)
	pbkdf2Django = regexp.MustCompile(`^pbkdf2_(sha256|sha512)\$([0-9]{1,9})\$([!-#%-~]+)\$([A-Za-z0-9+/]+={0,2})$`)
)

func parsePBKDF2(stored string) (foreign, error) {
	decodeSalt := decodeAdapted
	m := pbkdf2PHC.FindStringSubmatch(stored)
	if m == nil {
		// Django's salt is text that is hashed as it stands.
		decodeSalt = func(s string) ([]byte, error) { return []byte(s), nil }
		if m = pbkdf2Django.FindStringSubmatch(stored); m == nil {
			return nil, errForeign
		}
	}
	p := pbkdf2Hash{digest: sha256.New}
	if m[1] == "sha512" {
		p.digest = sha512.New
	}
	var err error
	if p.rounds, err = strconv.Atoi(m[2]); err != nil || p.rounds < 1 || p.rounds > maxPBKDF2Rounds {
		return nil, fmt.Errorf("%s PBKDF2 iterations are not between 1 and %d", m[2], maxPBKDF2Rounds)
	}
	if p.salt, err = decodeSalt(m[3]); err != nil || len(p.salt) < minSaltSize || len(p.salt) > maxSaltSize {
		return nil, fmt.Errorf("the salt is not of %d to %d bytes", minSaltSize, maxSaltSize)
	}
	if p.key, err = decodeAdapted(strings.TrimRight(m[4], "=")); err != nil || len(p.key) < minKeySize || len(p.key) > maxKeySize {
		return nil, fmt.Errorf("the key is not of %d to %d bytes", minKeySize, maxKeySize)
	}
	return p, nil
}

// decodeAdapted reads unpadded base64, also passlib's, which has . for +.
func decodeAdapted(s string) ([]byte, error) {
	return base64.RawStdEncoding.Strict().DecodeString(strings.ReplaceAll(s, ".", "+"))
}

// matches refuses a NUL at the end: HMAC fills its key up with them (RFC 2104 section 2),
// so a password and the same one with NULs after it have the same hash.
func (p pbkdf2Hash) matches(password string) bool {
	key, err := pbkdf2.Key(p.digest, password, p.salt, p.rounds, len(p.key))
	return err == nil && subtle.ConstantTimeCompare(key, p.key) == 1 && !strings.HasSuffix(password, "\x00")
}

// argon2iHash has the parts, and the bounds, of our own hashes.
type argon2iHash hash

func parseArgon2i(stored string) (foreign, error) {
	h, err := parse("$argon2id$" + strings.TrimPrefix(stored, "$argon2i$"))
	if errors.Is(err, errNotPHC) {
		err = errForeign
	}
	return argon2iHash(h), err
}

func (a argon2iHash) matches(password string) bool {
	key := argon2.Key([]byte(password), a.salt, a.params.Iterations, a.params.MemoryKiB, a.params.Parallelism, uint32(len(a.key)))
	return subtle.ConstantTimeCompare(key, a.key) == 1
}
