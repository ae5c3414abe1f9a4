// Package token makes and verifies what callers carry: signed access tokens,
// and opaque secrets of which only the hash is kept.
//
// Access tokens are JWTs in the profile of RFC 9068, signed with ES256,
// EdDSA or RS256. Verification follows RFC 8725 and is stricter than the RFCs ask: we
// are the only issuer of these tokens, so whatever we would not have written is
// refused, before the signature is looked at where that is possible.
//
//	raw ─▶ size, alphabet ─▶ header: exactly typ, alg, kid ─▶ our key of that kid
//	    ─▶ signature ─▶ claims: exact form, iss, aud, exp, iat ─▶ Claims
//
// golang-jwt does the middle part. It matches claim names in any case, takes
// the last of two duplicates, does not look at typ, and ignores crit; the
// stages around it are there for that. Verifying a token says nothing about its
// session: whether that still lives is for the caller to ask.
package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rolegate/model"
)

// Type is the typ header of access tokens (RFC 9068, section 2.1). Every other
// kind of credential is opaque or has a type of its own, so none passes for
// another.
const Type = "at+jwt"

const (
	// MaxBytes is the longest token that is looked at, or made.
	MaxBytes = 8 << 10

	// MaxLeeway bounds how far clocks may disagree.
	MaxLeeway = 30 * time.Second
)

// Sign makes an access token. It refuses claims that Verify would refuse
// whatever the time, such as a missing jti or acr without sid.
func Sign(key Key, claims Claims) (string, error) {
	m, err := method(key.Algorithm)
	if err != nil {
		return "", err
	}
	if key.Private == nil {
		return "", fmt.Errorf("sign access token: %s has no private half", key)
	}
	w := toWire(claims)
	if err := w.complete(); err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	t := jwt.NewWithClaims(m, w)
	t.Header["typ"] = Type
	t.Header["kid"] = key.ID
	raw, err := t.SignedString(key.Private)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	if len(raw) > MaxBytes {
		return "", fmt.Errorf("sign access token: %d bytes is more than %d", len(raw), MaxBytes)
	}
	return raw, nil
}

// ErrInvalid is in the chain of every error of Verify. What surrounds it gives
// the reason, for the log; callers of the service learn no more than that the
// token is not valid.
var ErrInvalid = errors.New("invalid access token")

func invalid(reason error) error {
	return model.Errorf(model.CodeUnauthorized, "The access token is not valid.").
		Because(fmt.Errorf("%w: %w", ErrInvalid, reason))
}

// ErrNoKey is the error of a Verifier's Key where no key has the id.
var ErrNoKey = errors.New("it names no key of ours")

// Verifier verifies access tokens. Make it with NewVerifier; it is then safe
// for concurrent use, and its fields must not change.
type Verifier struct {
	Issuer   string           // required: the one iss accepted
	Audience string           // required: the one aud accepted
	Leeway   time.Duration    // how far clocks may disagree: 0 to MaxLeeway
	Now      func() time.Time // nil for time.Now

	// Key finds a key by its id, which is an attacker's text: it is only ever
	// compared, and names no file, row or address. ErrNoKey says that there is no such
	// key; any other error, that this cannot be told, and nor whether the token is valid.
	Key func(kid string) (Key, error)

	parser *jwt.Parser
}

// NewVerifier completes v. An empty issuer or audience is an error, as the
// library would take it for "do not check".
func NewVerifier(v Verifier) (*Verifier, error) {
	switch {
	case v.Issuer == "":
		return nil, errors.New("token verifier: the issuer is empty")
	case v.Audience == "":
		return nil, errors.New("token verifier: the audience is empty")
	case v.Key == nil:
		return nil, errors.New("token verifier: there is no way to look up keys")
	case v.Leeway < 0 || v.Leeway > MaxLeeway:
		return nil, fmt.Errorf("token verifier: a leeway of %v is not between 0 and %v", v.Leeway, MaxLeeway)
	}
	if v.Now == nil {
		v.Now = time.Now
	}
	v.parser = jwt.NewParser(
		jwt.WithStrictDecoding(),
		jwt.WithValidMethods(Algorithms),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithIssuer(v.Issuer),
		jwt.WithAudience(v.Audience),
		jwt.WithLeeway(v.Leeway),
		jwt.WithTimeFunc(v.Now),
	)
	return &v, nil
}

// Verify returns the claims of a token that one of our keys signed for this
// issuer and audience and that is good now. Any other outcome is an error of
// model.CodeUnauthorized with ErrInvalid in its chain, or, where nobody can tell,
// the one Key gave.
func (v *Verifier) Verify(raw string) (Claims, error) {
	if v.parser == nil {
		return Claims{}, invalid(errors.New("the verifier was not made by NewVerifier"))
	}
	h, err := readHeader(raw)
	if err != nil {
		return Claims{}, invalid(err)
	}
	key, err := v.Key(h.KeyID)
	switch {
	case errors.Is(err, ErrNoKey):
		return Claims{}, invalid(err)
	case err != nil:
		return Claims{}, err
	case h.Algorithm != key.Algorithm:
		return Claims{}, invalid(errors.New("its algorithm is not its key's"))
	}
	var w wire
	_, err = v.parser.ParseWithClaims(raw, &w, func(t *jwt.Token) (any, error) {
		if t.Method.Alg() != key.Algorithm { // what readHeader has read must be what the library reads
			return nil, errHeader
		}
		return key.Public, nil
	})
	if err != nil {
		return Claims{}, invalid(err)
	}
	return w.claims(), nil
}

// Holds tells whether claims that Verify returned are good at this moment, too:
// they began, and have not ended. It says nothing of signature or key.
func (v *Verifier) Holds(c Claims) bool {
	now := v.Now()
	return now.Before(c.ExpiresAt.Add(v.Leeway)) && !now.Before(c.IssuedAt.Add(-v.Leeway))
}

// readHeader is the header of a token, if everything before the signature is as we
// write it.
func readHeader(raw string) (header, error) {
	if len(raw) > MaxBytes {
		return header{}, fmt.Errorf("%d bytes is more than %d", len(raw), MaxBytes)
	}
	if !compact(raw) {
		return header{}, errors.New("not three parts of base64url")
	}
	first, _, _ := strings.Cut(raw, ".")
	h, err := parseHeader(first)
	if err != nil {
		return header{}, err
	}
	if h.Type != Type && h.Type != "application/"+Type { // RFC 9068, section 4
		return header{}, errors.New("it is not of the type of access tokens")
	}
	return h, nil
}

// compact tells whether raw has the form of a signed JWT: three parts, none
// empty, of nothing but base64url. The decoder alone would skip line breaks,
// and one token could be spelled in many ways.
func compact(raw string) bool {
	dots, start := 0, 0
	for i := range len(raw) {
		c := raw[i]
		switch {
		case c == '.':
			if i == start {
				return false
			}
			dots, start = dots+1, i+1
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2 && start < len(raw)
}
