// Package keyring protects what must be stored and read back: TOTP secrets,
// signing keys, and the personal parts of the log.
//
//	key file ─▶ KEK ─┬─ Check, Matches   is this the key the store was made with?
//	                 ├─ Seal, Open       small secrets, each bound to its place
//	                 └─ MAC              an index of people without their ids
//
//	person key ‖ month key ─▶ SealSegment, OpenSegment   the log's personal parts
//
// The key-encryption key (KEK) is 32 random bytes in a file outside the
// database. It is never used itself: HKDF-SHA256 (RFC 5869) derives a subkey
// for each purpose, so that no two uses can interfere, and a purpose can change
// its construction under a new name. Encryption is AES-256-GCM.
//
// Segments are different: their keys are random, stored sealed by the KEK, and
// destroyed to erase a person or to end a month. See SealSegment.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

const (
	keySize   = 32 // AES-256, and the output of SHA-256
	checkSize = 16
	idSize    = 4
	nonceSize = 12
	tagSize   = 16

	// sealVersion names the whole construction of Seal.
	sealVersion = 1
	headerSize  = 1 + idSize

	// purposes are the info strings of HKDF. Each begins with a word of its own,
	// so that no purpose of MAC can be spelled like another subkey.
	purposeCheck = "rolegate/kek/v1|check"
	purposeSeal  = "rolegate/kek/v1|seal/v1"
	purposeMAC   = "rolegate/kek/v1|mac|"
)

// ErrOpen is the answer to everything that cannot be opened: altered, cut,
// moved to another place, sealed under another key, or nothing of ours. It does
// not say which, and no plaintext comes with it.
var ErrOpen = errors.New("keyring: the sealed value cannot be opened here with this key")

// KEK is a key-encryption key. It is safe for concurrent use.
type KEK struct {
	root  []byte      // HKDF's pseudorandom key; the key itself is not kept
	check []byte      // see Check
	seal  cipher.AEAD // under the subkey "seal/v1", with random nonces
}

// New makes a KEK of 32 random bytes. A key of another length, or one of equal
// bytes, such as all zeros, is an error: it is a mistake and no secret.
func New(key []byte) (*KEK, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("keyring: the key has %d bytes, not %d", len(key), keySize)
	}
	if uniform(key) {
		return nil, errors.New("keyring: the key is not random: all its bytes are the same")
	}
	root, err := hkdf.Extract(sha256.New, key, nil)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	k := &KEK{root: root}
	k.check = k.subkey(purposeCheck, checkSize)
	block, err := aes.NewCipher(k.subkey(purposeSeal, keySize))
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if k.seal, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return k, nil
}

// uniform tells whether all bytes are the same.
func uniform(key []byte) bool {
	for _, b := range key {
		if b != key[0] {
			return false
		}
	}
	return true
}

func (k *KEK) subkey(purpose string, size int) []byte {
	key, err := hkdf.Expand(sha256.New, k.root, purpose, size)
	if err != nil {
		panic("keyring: " + err.Error()) // only for sizes beyond 255 hashes
	}
	return key
}

// String names the key by its id, which is no secret. With GoString and
// LogValue it keeps the key out of logs.
func (k *KEK) String() string { return fmt.Sprintf("key-encryption key %x", k.check[:idSize]) }

// GoString is String.
func (k *KEK) GoString() string { return k.String() }

// LogValue is String.
func (k *KEK) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Check is the key's check value: 16 bytes that stand for it and reveal nothing
// of it. A store keeps them to know its key again.
func (k *KEK) Check() []byte { return append([]byte(nil), k.check...) }

// Matches tells whether check is this key's check value.
func (k *KEK) Matches(check []byte) bool {
	return subtle.ConstantTimeCompare(k.check, check) == 1
}

// Place says where a sealed value is stored. It is authenticated with the
// value, so whoever can write to the database cannot move one user's secret to
// another's row. All three parts are required; what stands in a row must not
// change while values are sealed to it.
type Place struct {
	Table  string
	Row    string // the row's key; for a table of one row, a fixed word
	Column string
}

// aad writes the place so that no two places read alike.
func (p Place) aad(header []byte) ([]byte, error) {
	if p.Table == "" || p.Row == "" || p.Column == "" {
		return nil, fmt.Errorf("keyring: the place %q.%q.%q is not complete", p.Table, p.Row, p.Column)
	}
	aad := append([]byte(nil), header...)
	for _, part := range []string{p.Table, p.Row, p.Column} {
		aad = appendPart(aad, []byte(part))
	}
	return aad, nil
}

// appendPart appends the length of a part and the part: ("ab", "c") and
// ("a", "bc") must not come out the same.
func appendPart(to, part []byte) []byte {
	return append(binary.BigEndian.AppendUint64(to, uint64(len(part))), part...)
}

// header begins every sealed value: the version, and the id of the key so that
// values of an older key can be told apart when keys rotate.
func (k *KEK) header() []byte {
	return append([]byte{sealVersion}, k.check[:idSize]...)
}

// Seal encrypts a value for its place:
//
//	version 1 (1 byte) │ key id (4) │ random nonce (12) │ AES-256-GCM ciphertext and tag (n+16)
//
// The header and the place are authenticated. Random nonces allow 2^32 values
// for one key (NIST SP 800-38D, section 8.3); a store of secrets never comes
// near. The only error is an incomplete place.
func (k *KEK) Seal(plaintext []byte, place Place) ([]byte, error) {
	header := k.header()
	aad, err := place.aad(header)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, headerSize+nonceSize+len(plaintext)+tagSize)
	return k.seal.Seal(append(sealed, header...), nil, plaintext, aad), nil
}

// Open decrypts what Seal made for the same place. Any fault is ErrOpen.
func (k *KEK) Open(sealed []byte, place Place) ([]byte, error) {
	header := k.header()
	if len(sealed) < headerSize+nonceSize+tagSize || subtle.ConstantTimeCompare(sealed[:headerSize], header) != 1 {
		return nil, ErrOpen
	}
	aad, err := place.aad(header)
	if err != nil {
		return nil, ErrOpen
	}
	plaintext, err := k.seal.Open(nil, nil, sealed[headerSize:], aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// MAC is HMAC-SHA256 of the parts under the purpose's own subkey: a name for
// something that only the holder of the key can compute. Different parts never
// give the same input, however they are cut.
func (k *KEK) MAC(purpose string, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, k.subkey(purposeMAC+purpose, keySize))
	for _, part := range parts {
		mac.Write(appendPart(nil, part))
	}
	return mac.Sum(nil)
}
