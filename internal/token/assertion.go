package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// MaxAssertion is how far ahead an assertion may expire: for so long it has to be
// remembered that it was used.
const MaxAssertion = 5 * time.Minute

// Assertion is what a client signs to say who it is (RFC 7523, section 3). It
// says nothing of having been used before: that is for the caller to ask.
type Assertion struct {
	ClientID  string    // iss and sub
	ID        string    // jti
	ExpiresAt time.Time // exp; at most MaxAssertion ahead
}

// Assertions verifies assertions of clients. Make it with NewAssertions; it is
// then safe for concurrent use.
//
// Others write these tokens, so unlike our own they may have claims we do not
// know. What we read is read as strictly: exact names, none twice, one audience,
// and the algorithm of the key, whatever the header says.
type Assertions struct {
	audiences []string
	leeway    time.Duration
	now       func() time.Time
	parser    *jwt.Parser
}

// NewAssertions makes a verifier for the names this service goes by, of which an
// assertion has to be for exactly one. None, or an empty one, is an error.
func NewAssertions(leeway time.Duration, now func() time.Time, audiences ...string) (*Assertions, error) {
	switch {
	case len(audiences) == 0 || slices.Contains(audiences, ""):
		return nil, errors.New("assertions: an audience is missing")
	case leeway < 0 || leeway > MaxLeeway:
		return nil, fmt.Errorf("assertions: a leeway of %v is not between 0 and %v", leeway, MaxLeeway)
	}
	return &Assertions{audiences: audiences, leeway: leeway, now: now, parser: jwt.NewParser(
		jwt.WithStrictDecoding(),
		jwt.WithValidMethods([]string{ES256, EdDSA, RS256}),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(now),
	)}, nil
}

// Verify returns what an assertion says that is good now and was signed by the
// client it names. key finds that client's key by its id, which is an attacker's
// text; its errors are passed on. Every other error has ErrInvalid in its chain.
func (a *Assertions) Verify(raw string, key func(client string) (Key, error)) (Assertion, error) {
	if len(raw) > MaxBytes || !compact(raw) {
		return Assertion{}, fmt.Errorf("%w: too long, or not three parts of base64url", ErrInvalid)
	}
	alg, err := assertionAlgorithm(raw)
	if err != nil {
		return Assertion{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var w assertionWire
	var lookup error
	_, err = a.parser.ParseWithClaims(raw, &w, func(t *jwt.Token) (any, error) {
		k, err := key(w.Subject)
		if err != nil {
			lookup = err
			return nil, err
		}
		if t.Method.Alg() != k.Algorithm || alg != k.Algorithm {
			return nil, errors.New("the algorithm is not the key's")
		}
		return k.Public, nil
	})
	if lookup != nil {
		return Assertion{}, lookup
	}
	if err == nil {
		err = a.hold(&w)
	}
	if err != nil {
		return Assertion{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Assertion{ClientID: w.Subject, ID: w.ID, ExpiresAt: time.Unix(w.ExpiresAt, 0).UTC()}, nil
}

// hold checks what the library does not: that the audience is ours and nobody's
// besides, as whoever else it is for could use it here (RFC 7523, section 3;
// the attack is in draft-ietf-oauth-rfc7523bis), and that it ends soon.
func (a *Assertions) hold(w *assertionWire) error {
	switch {
	case len(w.audience) != 1 || !slices.Contains(a.audiences, w.audience[0]):
		return errors.New("the audience is not this service alone")
	case time.Unix(w.ExpiresAt, 0).After(a.now().Add(MaxAssertion + a.leeway)):
		return fmt.Errorf("it expires more than %v ahead", MaxAssertion)
	}
	return nil
}

// assertionAlgorithm reads the header: typ, alg and kid, where only alg has to be
// there. Which key it is for is known from the client, so kid counts for nothing.
func assertionAlgorithm(raw string) (string, error) {
	first, _, _ := strings.Cut(raw, ".")
	data, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return "", errHeader
	}
	if _, err := members(data); err != nil {
		return "", errHeader
	}
	var h header
	if err := json.Unmarshal(data, &h, json.RejectUnknownMembers(true)); err != nil {
		return "", errHeader
	}
	switch h.Type {
	case "", "JWT", "client-authentication+jwt": // the last is draft-ietf-oauth-rfc7523bis'
		return h.Algorithm, nil
	}
	return "", errors.New("it is not of a type of assertions")
}

// assertionWire is the JSON form of an assertion.
type assertionWire struct {
	Issuer    string         `json:"iss"`
	Subject   string         `json:"sub"`
	Audience  jsontext.Value `json:"aud"`
	ExpiresAt int64          `json:"exp"`
	IssuedAt  int64          `json:"iat"`
	NotBefore int64          `json:"nbf"`
	ID        string         `json:"jti"`

	audience []string
}

// UnmarshalJSON decodes by our rules instead of those of encoding/json; see wire.
func (w *assertionWire) UnmarshalJSON(data []byte) error {
	type plain assertionWire
	if _, err := members(data); err != nil {
		return errClaims
	}
	if err := json.Unmarshal(data, (*plain)(w)); err != nil {
		return errClaims
	}
	switch w.Audience.Kind() {
	case '"':
		w.audience = make([]string, 1)
		return json.Unmarshal(w.Audience, &w.audience[0])
	case '[':
		return json.Unmarshal(w.Audience, &w.audience)
	}
	return errClaims
}

// Validate is called by the library after its own checks.
func (w *assertionWire) Validate() error {
	switch {
	case w.Subject == "" || w.Issuer != w.Subject:
		return errors.New("iss and sub are not one client")
	case w.ID == "":
		return errors.New("the claim jti is missing")
	case w.ExpiresAt < 1 || w.ExpiresAt > latest || w.IssuedAt < 1 || w.IssuedAt > latest || w.NotBefore < 0 || w.NotBefore > latest:
		return errors.New("a date is missing or absurd")
	}
	return nil
}

// The methods of jwt.Claims.

func (w *assertionWire) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(w.ExpiresAt, 0)), nil
}
func (w *assertionWire) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(w.IssuedAt, 0)), nil
}
func (w *assertionWire) GetNotBefore() (*jwt.NumericDate, error) {
	if w.NotBefore == 0 {
		return nil, nil
	}
	return jwt.NewNumericDate(time.Unix(w.NotBefore, 0)), nil
}
func (w *assertionWire) GetIssuer() (string, error)             { return w.Issuer, nil }
func (w *assertionWire) GetSubject() (string, error)            { return w.Subject, nil }
func (w *assertionWire) GetAudience() (jwt.ClaimStrings, error) { return w.audience, nil }
