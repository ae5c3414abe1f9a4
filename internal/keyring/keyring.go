// Package keyring protects what must be stored and read back: TOTP secrets,
// signing keys, and the personal parts of the log.
//
//	key file ─▶ KEK ─┬─ Check, Matches   is this the key the store was made with?
//	                 ├─ Seal, Open       small secrets, each bound to its place
//	                 └─ MAC              names that only the holder of a root can compute
//
//	person key ‖ month key ─▶ SealSegment, OpenSegment   the log's personal parts
//
// The key-encryption key (KEK) is 32 random bytes in a file outside the
// database. It is never used itself: HKDF-SHA256 (RFC 5869) derives a subkey
// for each purpose, so that no two uses can interfere, and a purpose can change
// its construction under a new name. Encryption is AES-256-GCM.
//
// While keys are changed the file has several of them: one seals, all open what
// names them. What MAC computes must outlive such a change, so its root is a
// secret of its own, sealed like others (see UseMACRoot).
//
// Segments are different: their keys are random, stored sealed by the KEK, and
// destroyed to erase a person or to end a month. See SealSegment.
package keyring

import (
	"bytes"
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
	"sync/atomic"
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

// KEK is a key-encryption key, with those that came before and may come after it
// in the same file. It is safe for concurrent use.
type KEK struct {
	ring    atomic.Pointer[ring]
	macRoot atomic.Pointer[[]byte]
}

// ring is never changed, but replaced.
type ring struct {
	sealing *generation
	all     []*generation // in the order of the file
}

// generation is one key.
type generation struct {
	root  []byte      // HKDF's pseudorandom key; the key itself is not kept
	check []byte      // see KEK.Check
	seal  cipher.AEAD // under the subkey "seal/v1", with random nonces
}

// New makes a KEK of 32 random bytes. A key of another length, or one of equal
// bytes, such as all zeros, is an error: it is a mistake and no secret.
func New(key []byte) (*KEK, error) {
	g, err := newGeneration(key)
	if err != nil {
		return nil, err
	}
	return newKEK(g), nil
}

func newKEK(all ...*generation) *KEK {
	k := new(KEK)
	k.ring.Store(&ring{sealing: all[0], all: all})
	return k
}

func newGeneration(key []byte) (*generation, error) {
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
	g := &generation{root: root, check: expand(root, purposeCheck, checkSize)}
	block, err := aes.NewCipher(expand(root, purposeSeal, keySize))
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if g.seal, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return g, nil
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

func expand(root []byte, purpose string, size int) []byte {
	key, err := hkdf.Expand(sha256.New, root, purpose, size)
	if err != nil {
		panic("keyring: " + err.Error()) // only for sizes beyond 255 hashes
	}
	return key
}

// String names the key that seals by its id, which is no secret. With GoString
// and LogValue it keeps the key out of logs.
func (k *KEK) String() string { return fmt.Sprintf("key-encryption key %x", k.ID()) }

// GoString is String.
func (k *KEK) GoString() string { return k.String() }

// LogValue is String.
func (k *KEK) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Check is the check value of the key that seals: 16 bytes that stand for it and
// reveal nothing of it. A store keeps them to know its key again.
func (k *KEK) Check() []byte { return bytes.Clone(k.ring.Load().sealing.check) }

// ID is what values sealed now are known by: the beginning of Check.
func (k *KEK) ID() []byte { return k.Check()[:idSize] }

// IDOf is the id of the key with a check value.
func IDOf(check []byte) []byte { return bytes.Clone(check[:idSize]) }

// Matches tells whether check is the check value of the key that seals.
func (k *KEK) Matches(check []byte) bool {
	return subtle.ConstantTimeCompare(k.ring.Load().sealing.check, check) == 1
}

// Checks are the check values of all keys, in the order of the file.
func (k *KEK) Checks() [][]byte {
	var out [][]byte
	for _, g := range k.ring.Load().all {
		out = append(out, bytes.Clone(g.check))
	}
	return out
}

// Knows tells whether one of the keys has this check value.
func (k *KEK) Knows(check []byte) bool { return k.ring.Load().find(check) != nil }

func (r *ring) find(check []byte) *generation {
	for _, g := range r.all {
		if subtle.ConstantTimeCompare(g.check, check) == 1 {
			return g
		}
	}
	return nil
}

// Use has the key with this check value seal from now on, and tells whether it is
// there.
func (k *KEK) Use(check []byte) bool {
	for {
		was := k.ring.Load()
		g := was.find(check)
		if g == nil {
			return false
		}
		if k.ring.CompareAndSwap(was, &ring{sealing: g, all: was.all}) {
			return true
		}
	}
}

// Adopt takes over the keys of another KEK, as a file that was read again has
// them. The key that seals stays, also where the file has it no more.
func (k *KEK) Adopt(other *KEK) {
	for {
		was, all := k.ring.Load(), other.ring.Load().all
		sealing := other.ring.Load().find(was.sealing.check)
		if sealing == nil {
			sealing, all = was.sealing, append([]*generation{was.sealing}, all...)
		}
		if k.ring.CompareAndSwap(was, &ring{sealing: sealing, all: all}) {
			return
		}
	}
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

// header begins every sealed value: the version, and the id of the key that seals
// it, so that another key's is found.
func (k *KEK) header() []byte { return k.ring.Load().sealing.header() }

func (g *generation) header() []byte {
	return append([]byte{sealVersion}, g.check[:idSize]...)
}

// Seal encrypts a value for its place:
//
//	version 1 (1 byte) │ key id (4) │ random nonce (12) │ AES-256-GCM ciphertext and tag (n+16)
//
// The header and the place are authenticated. Random nonces allow 2^32 values
// for one key (NIST SP 800-38D, section 8.3); a store of secrets never comes
// near. The only error is an incomplete place.
func (k *KEK) Seal(plaintext []byte, place Place) ([]byte, error) {
	g := k.ring.Load().sealing
	header := g.header()
	aad, err := place.aad(header)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, headerSize+nonceSize+len(plaintext)+tagSize)
	return g.seal.Seal(append(sealed, header...), nil, plaintext, aad), nil
}

// Open decrypts what Seal made for the same place, with this key or another of
// the file. Any fault is ErrOpen.
func (k *KEK) Open(sealed []byte, place Place) ([]byte, error) {
	if len(sealed) < headerSize+nonceSize+tagSize {
		return nil, ErrOpen
	}
	for _, g := range k.ring.Load().all {
		header := g.header()
		if subtle.ConstantTimeCompare(sealed[:headerSize], header) != 1 {
			continue
		}
		aad, err := place.aad(header)
		if err != nil {
			return nil, ErrOpen
		}
		plaintext, err := g.seal.Open(nil, nil, sealed[headerSize:], aad)
		if err != nil {
			return nil, ErrOpen
		}
		return plaintext, nil
	}
	return nil, ErrOpen
}

// MACRootSize is how long the root of MAC is.
const MACRootSize = keySize

// UseMACRoot gives MAC its root: 32 random bytes, which a store keeps sealed. It
// must come before the first use of MAC. Without it the root is the first key's,
// and what MAC computes ends with that key.
func (k *KEK) UseMACRoot(root []byte) error {
	if len(root) != MACRootSize || uniform(root) {
		return errors.New("keyring: the root of MAC is not 32 random bytes")
	}
	root = bytes.Clone(root)
	k.macRoot.Store(&root)
	return nil
}

// MAC is HMAC-SHA256 of the parts under the purpose's own subkey: a name for
// something that only the holder of the root can compute. Different parts never
// give the same input, however they are cut.
func (k *KEK) MAC(purpose string, parts ...[]byte) []byte {
	root := k.ring.Load().all[0].root
	if own := k.macRoot.Load(); own != nil {
		root = *own
	}
	mac := hmac.New(sha256.New, expand(root, purposeMAC+purpose, keySize))
	for _, part := range parts {
		mac.Write(appendPart(nil, part))
	}
	return mac.Sum(nil)
}
