package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// Claims is what an access token says (RFC 9068, section 2.2). Times are whole
// seconds.
//
// SessionID, AuthTime, ACR and AMR belong together: a person's token has all
// four, a client's token none. There are no roles and no permissions in it, so
// a change of either takes effect without waiting for tokens to expire.
type Claims struct {
	Issuer    string    // iss
	Subject   string    // sub: the user, or the client of a client's token
	Audience  string    // aud: one, always
	ExpiresAt time.Time // exp
	IssuedAt  time.Time // iat
	ID        string    // jti
	ClientID  string    // client_id
	Tenant    string    // tenant: the one the token is good in
	Scope     string    // scope: space-separated; may be empty
	SessionID string    // sid
	AuthTime  time.Time // auth_time: when the strongest factor was proven
	ACR       string    // acr: "1", "2" or "3"
	AMR       []string  // amr: RFC 8176
}

// wire is the JSON form of Claims, strict in both directions.
type wire struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	ExpiresAt int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	ClientID  string   `json:"client_id"`
	Tenant    string   `json:"tenant"`
	Scope     string   `json:"scope,omitempty"`
	SessionID string   `json:"sid,omitempty"`
	AuthTime  int64    `json:"auth_time,omitzero"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
}

func toWire(c Claims) *wire {
	w := &wire{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience,
		ExpiresAt: c.ExpiresAt.Unix(), IssuedAt: c.IssuedAt.Unix(),
		ID: c.ID, ClientID: c.ClientID, Tenant: c.Tenant, Scope: c.Scope,
		SessionID: c.SessionID, ACR: c.ACR, AMR: c.AMR,
	}
	if !c.AuthTime.IsZero() {
		w.AuthTime = c.AuthTime.Unix()
	}
	return w
}

func (w *wire) claims() Claims {
	c := Claims{
		Issuer: w.Issuer, Subject: w.Subject, Audience: w.Audience,
		ExpiresAt: time.Unix(w.ExpiresAt, 0).UTC(), IssuedAt: time.Unix(w.IssuedAt, 0).UTC(),
		ID: w.ID, ClientID: w.ClientID, Tenant: w.Tenant, Scope: w.Scope,
		SessionID: w.SessionID, ACR: w.ACR, AMR: w.AMR,
	}
	if w.AuthTime != 0 {
		c.AuthTime = time.Unix(w.AuthTime, 0).UTC()
	}
	return c
}

// latest is the last second of the year 9999; what is beyond is no date.
const latest = 253402300799

// complete tells whether the claims are such as we issue. It looks at the form
// only; whether they hold here and now is the Verifier's matter.
func (w *wire) complete() error {
	for _, c := range []struct{ name, value string }{
		{"iss", w.Issuer}, {"sub", w.Subject}, {"aud", w.Audience}, {"jti", w.ID}, {"client_id", w.ClientID}, {"tenant", w.Tenant},
	} {
		if c.value == "" {
			return fmt.Errorf("the claim %s is missing", c.name)
		}
	}
	if w.ExpiresAt < 1 || w.ExpiresAt > latest || w.IssuedAt < 1 || w.IssuedAt > latest || w.AuthTime < 0 || w.AuthTime > latest {
		return errors.New("a date is missing or absurd")
	}
	if w.ExpiresAt <= w.IssuedAt {
		return errors.New("exp is not after iat")
	}
	session := w.SessionID != ""
	if (w.AuthTime != 0) != session || (w.ACR != "") != session || (len(w.AMR) > 0) != session {
		return errors.New("sid, auth_time, acr and amr must all be there or none")
	}
	for _, m := range w.AMR {
		if m == "" {
			return errors.New("amr has an empty value")
		}
	}
	return nil
}

// MarshalJSON refuses text that is not UTF-8, which encoding/json would alter:
// the token would then name somebody else.
func (w *wire) MarshalJSON() ([]byte, error) {
	type plain wire
	return json.Marshal((*plain)(w))
}

var errClaims = errors.New("the claims have an unknown, repeated, mistyped or empty member")

// UnmarshalJSON makes the library decode claims by our rules instead of those
// of encoding/json: exact names, no duplicates, no unknown members, no null,
// whole numbers for dates, and nothing that is there but empty, which others
// might read as more than absent. Its errors never quote the token.
func (w *wire) UnmarshalJSON(data []byte) error {
	type plain wire
	m, err := members(data)
	if err != nil {
		return errClaims
	}
	if err := json.Unmarshal(data, (*plain)(w), json.RejectUnknownMembers(true)); err != nil {
		return errClaims
	}
	for _, c := range []struct {
		name  string
		empty bool
	}{
		{"scope", w.Scope == ""}, {"sid", w.SessionID == ""}, {"auth_time", w.AuthTime == 0}, {"acr", w.ACR == ""}, {"amr", len(w.AMR) == 0},
	} {
		if _, present := m[c.name]; present && c.empty {
			return errClaims
		}
	}
	return nil
}

// members splits a JSON object. Repeated names and invalid UTF-8 are errors by
// the decoder's own defaults; null is one here, as it would pass for absent.
func members(data []byte) (map[string]jsontext.Value, error) {
	var m map[string]jsontext.Value
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("null is no object")
	}
	for _, v := range m {
		if v.Kind() == 'n' {
			return nil, errors.New("a member is null")
		}
	}
	return m, nil
}

// The methods of jwt.Claims.

func (w *wire) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(w.ExpiresAt, 0)), nil
}
func (w *wire) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(w.IssuedAt, 0)), nil
}
func (w *wire) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil } // refused as unknown
func (w *wire) GetIssuer() (string, error)              { return w.Issuer, nil }
func (w *wire) GetSubject() (string, error)             { return w.Subject, nil }
func (w *wire) GetAudience() (jwt.ClaimStrings, error)  { return jwt.ClaimStrings{w.Audience}, nil }

// Validate is called by the library after its own checks.
func (w *wire) Validate() error { return w.complete() }

// header is the whole JOSE header of our tokens. Any other member is refused:
// crit (which the library ignores, against RFC 7515 section 4.1.11), b64, zip,
// and jku, jwk, x5u and x5c, which would let the token bring its own key.
type header struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
}

var errHeader = errors.New("the header is not one this service writes")

func parseHeader(segment string) (header, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return header{}, errHeader
	}
	if _, err := members(data); err != nil {
		return header{}, errHeader
	}
	var h header
	if err := json.Unmarshal(data, &h, json.RejectUnknownMembers(true)); err != nil {
		return header{}, errHeader
	}
	return h, nil
}
