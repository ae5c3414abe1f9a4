package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
)

// PersonKey is one person's share in the keys of the log's segments about her.
// Destroying it erases her from every month.
type PersonKey [keySize]byte

// MonthKey is the share of a tenant's month and class of records. Destroying it
// ends that month for everybody.
type MonthKey [keySize]byte

// NewPersonKey returns a random key.
func NewPersonKey() (k PersonKey) {
	rand.Read(k[:]) // never fails: crypto/rand ends the process instead
	return k
}

// NewMonthKey returns a random key.
func NewMonthKey() (k MonthKey) {
	rand.Read(k[:])
	return k
}

// String hides the key.
func (PersonKey) String() string { return "person key" }

// GoString is String.
func (k PersonKey) GoString() string { return k.String() }

// String hides the key.
func (MonthKey) String() string { return "month key" }

// GoString is String.
func (k MonthKey) GoString() string { return k.String() }

const (
	saltSize       = 16
	commitmentSize = 16
	segmentInfo    = "audit/v1|"
)

// SealSegment encrypts the personal part of one log record under the person's
// and the month's keys together:
//
//	DEK (32) ‖ commitment (16) = HKDF-SHA256(person ‖ month, salt, "audit/v1|" + label)
//	ciphertext                 = AES-256-GCM(DEK, nonce 0, plaintext)
//
// Losing either key loses the segment, so a person and a month can each be
// erased without a key for every pair. The label says what the segment belongs
// to, such as "epoch|ref"; it must read one way only, and its parts must not
// change.
//
// The salt is 16 new random bytes, hence the DEK is used for this segment alone
// and a fixed nonce is safe. GCM does not commit to its key: a ciphertext can be
// made that opens to different texts under different keys. The commitment, which
// is stored beside it, rules that out.
func SealSegment(person, month []byte, label string, plaintext []byte) (salt, commitment, ciphertext []byte, err error) {
	salt = make([]byte, saltSize)
	rand.Read(salt)
	dek, commitment, err := segmentKey(person, month, label, salt)
	if err != nil {
		return nil, nil, nil, err
	}
	aead, err := oneTime(dek)
	if err != nil {
		return nil, nil, nil, err
	}
	return salt, commitment, aead.Seal(nil, make([]byte, nonceSize), plaintext, nil), nil
}

// OpenSegment decrypts what SealSegment made with the same keys and label. Any
// fault of what was stored is ErrOpen; so is a key that is not there any more.
func OpenSegment(person, month []byte, label string, salt, commitment, ciphertext []byte) ([]byte, error) {
	dek, want, err := segmentKey(person, month, label, salt)
	if err != nil || subtle.ConstantTimeCompare(commitment, want) != 1 {
		return nil, ErrOpen
	}
	aead, err := oneTime(dek)
	if err != nil {
		return nil, ErrOpen
	}
	plaintext, err := aead.Open(nil, make([]byte, nonceSize), ciphertext, nil)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// segmentKey derives a segment's key and commitment. Keys of odd length are
// refused, as person ‖ month could then be cut in two ways; so are keys of equal
// bytes, which is what an erased row may hold.
func segmentKey(person, month []byte, label string, salt []byte) (dek, commitment []byte, err error) {
	switch {
	case len(person) != keySize || uniform(person):
		return nil, nil, errors.New("keyring: there is no person key")
	case len(month) != keySize || uniform(month):
		return nil, nil, errors.New("keyring: there is no month key")
	case label == "":
		return nil, nil, errors.New("keyring: the segment has no label")
	case len(salt) != saltSize:
		return nil, nil, fmt.Errorf("keyring: the salt has %d bytes, not %d", len(salt), saltSize)
	}
	out := deriveSegment(person, month, salt, segmentInfo+label)
	return out[:keySize], out[keySize : keySize+commitmentSize], nil
}

// oneTime is AES-256-GCM under a key that encrypts one text only.
func oneTime(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return aead, nil
}
