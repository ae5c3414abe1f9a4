package token

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// signer is a client's key pair, as another library keeps it.
type signer struct {
	jose.JSONWebKey
	alg jose.SignatureAlgorithm
}

func mustSigners(t testing.TB) []signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return []signer{
		{jose.JSONWebKey{Key: mustGenerate(t, ES256).Private}, jose.ES256},
		{jose.JSONWebKey{Key: mustGenerate(t, EdDSA).Private}, jose.EdDSA},
		{jose.JSONWebKey{Key: r}, jose.RS256},
	}
}

// public is the key as its owner registers it.
func (s signer) public(t testing.TB) []byte {
	t.Helper()
	p := s.Public()
	b, err := p.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s signer) sign(t testing.TB, payload string, options *jose.SignerOptions) string {
	t.Helper()
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: s.Key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := by.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func mustAssertions(t testing.TB) *Assertions {
	t.Helper()
	a, err := NewAssertions(10*time.Second, func() time.Time { return now }, issuer, issuer+"/oauth2/token")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustJWK(t testing.TB, data []byte) Key {
	t.Helper()
	k, _, err := ParseJWK(data)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const goodAssertion = `{"iss":"crm","sub":"crm","aud":"https://rolegate.example","exp":1800000060,"iat":1800000000,"jti":"1"}`

// What another library signs with a registered key is accepted.
func TestAssertion(t *testing.T) {
	a := mustAssertions(t)
	for _, s := range mustSigners(t) {
		key := mustJWK(t, s.public(t))
		by, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: s.Key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "any"))
		if err != nil {
			t.Fatal(err)
		}
		for _, audience := range []jwt.Audience{{issuer}, {issuer + "/oauth2/token"}} {
			raw, err := jwt.Signed(by).Claims(jwt.Claims{
				Issuer: "crm", Subject: "crm", Audience: audience, ID: "id-1", Expiry: jwt.NewNumericDate(now.Add(MaxAssertion)),
				IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now),
			}).Claims(map[string]any{"more": "than we know"}).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Verify(raw, func(client string) (Key, error) {
				if client != "crm" {
					t.Errorf("the key of %q is asked for", client)
				}
				return key, nil
			})
			if want := (Assertion{"crm", "id-1", now.Add(MaxAssertion)}); err != nil || got != want {
				t.Errorf("%s: %+v, %v", s.alg, got, err)
			}
		}
	}
}

func TestAssertionRefused(t *testing.T) {
	a := mustAssertions(t)
	signers := mustSigners(t)
	es := signers[0]
	key := mustJWK(t, es.public(t))
	set := func(name, value string) string { return with(t, goodAssertion, name, value) }
	for name, payload := range map[string]string{
		"other issuer":       set("iss", `"other"`),
		"no issuer":          set("iss", ""),
		"other subject":      set("sub", `"other"`),
		"empty subject":      `{"iss":"","sub":"","aud":"https://rolegate.example","exp":1800000060,"iat":1800000000,"jti":"1"}`,
		"no audience":        set("aud", ""),
		"other audience":     set("aud", `"https://other.example"`),
		"audience and other": set("aud", `["https://rolegate.example","https://other.example"]`),
		"empty audience":     set("aud", `[]`),
		"audience, slash":    set("aud", `"https://rolegate.example/"`),
		"numeric audience":   set("aud", `1`),
		"no exp":             set("exp", ""),
		"exp zero":           set("exp", `0`),
		"exp text":           set("exp", `"1800000060"`),
		"exp huge":           set("exp", `1e300`),
		"exp null":           set("exp", `null`),
		"expired":            set("exp", `1799999989`),
		"too far ahead":      set("exp", `1800000311`),
		"no iat":             set("iat", ""),
		"iat ahead":          set("iat", `1800000011`),
		"nbf ahead":          set("nbf", `1800000011`),
		"no jti":             set("jti", ""),
		"empty jti":          set("jti", `""`),
		"capitals":           strings.Replace(goodAssertion, `"jti"`, `"JTI"`, 1),
		"twice":              strings.Replace(goodAssertion, `{`, `{"sub":"crm",`, 1),
		"no object":          `[]`,
	} {
		if got, err := a.Verify(es.sign(t, payload, nil), func(string) (Key, error) { return key, nil }); !errors.Is(err, ErrInvalid) || got != (Assertion{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	lookup := func(string) (Key, error) { return key, nil }
	good := es.sign(t, goodAssertion, nil)
	if _, err := a.Verify(good, lookup); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	unsigned := b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(goodAssertion)) + "."
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: bytes.Repeat([]byte("k"), 32)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := hmac.Sign([]byte(goodAssertion))
	if err != nil {
		t.Fatal(err)
	}
	symmetric, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	options := func() *jose.SignerOptions { return &jose.SignerOptions{} }
	for name, raw := range map[string]string{
		"empty":         "",
		"unsigned":      unsigned,
		"alg none":      b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2],
		"symmetric":     symmetric,
		"another key":   signer{jose.JSONWebKey{Key: mustGenerate(t, ES256).Private}, jose.ES256}.sign(t, goodAssertion, nil),
		"other alg":     signers[1].sign(t, goodAssertion, nil),
		"RS256":         signers[2].sign(t, goodAssertion, nil),
		"crit":          es.sign(t, goodAssertion, options().WithHeader("crit", []string{"b64"})),
		"jku":           es.sign(t, goodAssertion, options().WithHeader("jku", "https://evil.example")),
		"jwk":           es.sign(t, goodAssertion, &jose.SignerOptions{EmbedJWK: true}),
		"access token":  es.sign(t, goodAssertion, options().WithType("at+jwt")),
		"line break":    good + "\n",
		"padding":       good + "=",
		"four parts":    good + ".x",
		"edited":        parts[0] + "." + b64([]byte(set("sub", `"crm2"`))) + "." + parts[2],
		"no end to it":  strings.Repeat("a", MaxBytes+1),
		"opaque secret": strings.Repeat("a", 43),
	} {
		if got, err := a.Verify(raw, lookup); !errors.Is(err, ErrInvalid) || got != (Assertion{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// A look-up that fails is no verdict on the token.
	down := errors.New("no database")
	if _, err := a.Verify(good, func(string) (Key, error) { return Key{}, down }); err != down {
		t.Errorf("a failed look-up gives %v", err)
	}
}

func TestNewAssertionsRefuses(t *testing.T) {
	for name, err := range map[string]error{
		"no audience":     func() error { _, err := NewAssertions(0, time.Now); return err }(),
		"empty audience":  func() error { _, err := NewAssertions(0, time.Now, "a", ""); return err }(),
		"too much leeway": func() error { _, err := NewAssertions(time.Minute, time.Now, "a"); return err }(),
	} {
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestParseJWK(t *testing.T) {
	for _, s := range mustSigners(t) {
		public := s.public(t)
		key, canonical, err := ParseJWK(public)
		if err != nil || key.Algorithm != string(s.alg) || key.Private != nil {
			t.Fatalf("%s: %v, %v", s.alg, key, err)
		}
		again, same, err := ParseJWK([]byte(canonical))
		if err != nil || same != canonical || again.ID != key.ID {
			t.Errorf("%s is not read again from %s: %v", s.alg, canonical, err)
		}
		p := s.Public()
		thumbprint, err := p.Thumbprint(crypto.SHA256)
		if err != nil || b64(thumbprint) != key.ID {
			t.Errorf("%s: id %s, theirs %s, %v", s.alg, key.ID, b64(thumbprint), err)
		}
		private, err := json.Marshal(s.JSONWebKey)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ParseJWK(private); err == nil || !strings.Contains(err.Error(), "private") {
			t.Errorf("%s: the private key gives %v", s.alg, err)
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	es := string(mustSigners(t)[0].public(t))
	for name, jwk := range map[string]string{
		"nothing":         ``,
		"null":            `null`,
		"a set":           fmt.Sprintf(`{"keys":[%s]}`, es),
		"symmetric":       `{"kty":"oct","k":"c2VjcmV0"}`,
		"small RSA":       string(signer{jose.JSONWebKey{Key: small}, jose.RS256}.public(t)),
		"small exponent":  with(t, string(mustSigners(t)[2].public(t)), "e", `"Aw"`),
		"P-384":           with(t, es, "crv", `"P-384"`),
		"off the curve":   with(t, es, "y", `"`+strings.Repeat("A", 43)+`"`),
		"short x":         with(t, es, "x", `"AA"`),
		"other alg":       with(t, es, "alg", `"RS256"`),
		"for encryption":  with(t, es, "use", `"enc"`),
		"kty twice":       strings.Replace(es, "{", `{"kty":"EC",`, 1),
		"trailing":        es + "{}",
		"number":          with(t, es, "crv", `1`),
		"Ed25519 too big": `{"kty":"OKP","crv":"Ed25519","x":"` + strings.Repeat("A", 44) + `"}`,
	} {
		if key, _, err := ParseJWK([]byte(jwk)); err == nil {
			t.Errorf("%s is accepted: %v", name, key)
		}
	}
}
