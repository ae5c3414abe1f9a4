package token

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"strings"
)

// Places seals where a page of a list begins. The key is of what must stay the same
// from page to page: a token that was altered, or is another list's or reader's, does
// not open. Sealed, it says nothing of what was looked at and not shown. The nonce is
// derived from the place, so that the same request has the same answer; one key seals
// one plaintext under one nonce.
type Places struct {
	aead  cipher.AEAD
	nonce func(plain []byte) []byte
}

// NewPlaces derives them by key, which gives 32 bytes of any parts, from what spells
// the list and its reader without doubt.
func NewPlaces(key func(parts ...[]byte) []byte, tenant, reader, list []byte) (Places, error) {
	derive := func(purpose string, plain []byte) []byte { return key([]byte(purpose), tenant, reader, list, plain) }
	block, err := aes.NewCipher(derive("key", nil))
	if err != nil {
		return Places{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return Places{}, err
	}
	return Places{aead, func(plain []byte) []byte { return derive("nonce", plain)[:aead.NonceSize()] }}, nil
}

var placeText = base64.RawURLEncoding.Strict()

// Seal spells a place.
func (p Places) Seal(plain []byte) string {
	nonce := p.nonce(plain)
	return placeText.EncodeToString(p.aead.Seal(nonce, nonce, plain, nil))
}

// Open reads one that was sealed.
func (p Places) Open(token string) ([]byte, bool) {
	sealed, err := placeText.DecodeString(token)
	size := p.aead.NonceSize()
	if err != nil || len(sealed) < size || strings.ContainsAny(token, "\r\n") { // which DecodeString skips
		return nil, false
	}
	plain, err := p.aead.Open(nil, sealed[:size], sealed[size:], nil)
	return plain, err == nil
}
