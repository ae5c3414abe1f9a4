package server

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// place is where a page of a search begins, and how many results it may have.
type place struct {
	after string
	limit int
}

// pages seals the places of one search into tokens. The key is the request's own:
// a token that was altered, or is another request's, client's or tenant's, does
// not open. Sealed, it says nothing of who was looked at and not found. The nonce
// is derived from the place, so that the same request has the same answer; one
// key seals one plaintext under one nonce.
type pages struct {
	aead  cipher.AEAD
	nonce func(plain []byte) []byte
}

// pagesOf derives the key from everything that must stay as it was from page to
// page; the kind of search shows in what the question lacks. What the person
// proves and the revision that is demanded may be newer.
func (s *Server) pagesOf(caller model.Caller, q model.Question, page map[string]any) (pages, error) {
	request, err := json.Marshal(struct {
		Question model.Question
		Page     any
	}{q, page["properties"]}, json.Deterministic(true))
	if err != nil {
		return pages{}, fmt.Errorf("spell the request of a page: %w", err)
	}
	return s.sealerOf(caller, request)
}

// sealerOf derives the key from whatever spells a request without doubt.
func (s *Server) sealerOf(caller model.Caller, request []byte) (pages, error) {
	derive := func(purpose string, plain []byte) []byte {
		return s.PageKey([]byte(purpose), []byte(caller.Tenant), []byte(caller.ID), request, plain)
	}
	block, err := aes.NewCipher(derive("key", nil))
	if err != nil {
		return pages{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return pages{}, err
	}
	return pages{aead, func(plain []byte) []byte { return derive("nonce", plain)[:aead.NonceSize()] }}, nil
}

// read takes the place from a request's page object. Without a limit it is the
// token's, or all there may be; a limit above that is cut to it.
func (p pages) read(page map[string]any, most int) (place, error) {
	at := place{limit: most}
	limit := get(page, "page", "limit")
	if limit.value != nil {
		n, err := limit.count()
		if err != nil {
			return at, err
		}
		at.limit = int(min(n, float64(most)))
	}
	if _, err := get(page, "page", "properties").optionalObject(); err != nil {
		return at, err
	}
	token := get(page, "page", "token")
	if token.value == nil {
		return at, nil
	}
	text, ok := token.value.(string)
	if !ok {
		return at, invalid(i18n.WantString, token.path)
	}
	from, ok := p.open(text)
	switch {
	case !ok:
		return at, invalid(i18n.PageToken, token.path)
	case limit.value != nil && at.limit != min(from.limit, most):
		return at, invalid(i18n.PageLimit, limit.path)
	}
	from.limit = min(from.limit, most) // the setting may be lower by now
	return from, nil
}

var tokenText = base64.RawURLEncoding.Strict()

func (p pages) seal(at place) string {
	plain := append(binary.AppendUvarint(nil, uint64(at.limit)), at.after...)
	nonce := p.nonce(plain)
	return tokenText.EncodeToString(p.aead.Seal(nonce, nonce, plain, nil))
}

func (p pages) open(token string) (place, bool) {
	sealed, err := tokenText.DecodeString(token)
	size := p.aead.NonceSize()
	if err != nil || len(sealed) < size || strings.ContainsAny(token, "\r\n") { // which DecodeString skips
		return place{}, false
	}
	plain, err := p.aead.Open(nil, sealed[:size], sealed[size:], nil)
	if err != nil {
		return place{}, false
	}
	limit, n := binary.Uvarint(plain)
	return place{after: string(plain[max(n, 0):]), limit: int(limit)}, n > 0
}
