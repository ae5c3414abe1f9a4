package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestKeysSurviveMarshal(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for i, alg := range algorithms {
		key := mustGenerate(t, alg)
		der, err := Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(alg, der)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != key.ID || got.Algorithm != alg || !reflect.DeepEqual(got.Public, key.Public) {
			t.Errorf("Parse gives %v, want %v", got, key)
		}
		if _, err := mustVerifier(t, key).Verify(mustSign(t, got, person())); err != nil {
			t.Errorf("%s: a token of the parsed key: %v", alg, err)
		}
		other := algorithms[1-i]
		for name, c := range map[string]struct {
			alg string
			der []byte
		}{
			"other algorithm": {other, der}, "HS256": {"HS256", der}, "none": {"", der},
			"nothing": {alg, nil}, "cut": {alg, der[:len(der)-1]}, "text": {alg, []byte("-----BEGIN")},
		} {
			if k, err := Parse(c.alg, c.der); err == nil {
				t.Errorf("%s, %s: Parse = %v, want an error", alg, name, k)
			}
		}
		for name, private := range map[string]any{"RSA": rsaKey, "P-384": p384} {
			der, err := x509.MarshalPKCS8PrivateKey(private)
			if err != nil {
				t.Fatal(err)
			}
			if k, err := Parse(alg, der); err == nil {
				t.Errorf("%s, %s: Parse = %v, want an error", alg, name, k)
			}
		}
		key.Private = nil
		if der, err := Marshal(key); err == nil || der != nil {
			t.Errorf("%s: Marshal of a public key = %x, %v; want an error", alg, der, err)
		}
	}
	for _, alg := range []string{"", "none", "HS256", "RS384", "PS256", "ES384", "es256", "rs256"} {
		if k, err := Generate(alg); err == nil {
			t.Errorf("Generate(%q) = %v, want an error", alg, k)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	for _, alg := range algorithms {
		key := mustGenerate(t, alg)
		secret := ""
		switch private := key.Private.(type) {
		case ed25519.PrivateKey:
			secret = hex.EncodeToString(private.Seed()[:4])
		case *ecdsa.PrivateKey:
			b, err := private.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			secret = hex.EncodeToString(b[:4])
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, key); got != alg+" key "+key.ID {
				t.Errorf("%s prints %q", verb, got)
			}
		}
		if got := key.LogValue().String(); strings.Contains(got, secret) {
			t.Errorf("LogValue gives %q", got)
		}
		if out, err := json.Marshal(key); err == nil {
			t.Errorf("json.Marshal gives %s, want an error", out)
		}
	}
}

// RSA is for verifiers that know nothing else; it is held to the same rules.
func TestRS256(t *testing.T) {
	key, es := mustGenerate(t, RS256), mustGenerate(t, ES256)
	der, err := Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(RS256, der)
	if err != nil || parsed.ID != key.ID {
		t.Fatalf("Parse = %v, %v; want %v", parsed, err, key)
	}
	if k, err := Parse(ES256, der); err == nil {
		t.Errorf("Parse as ES256 = %v, want an error", k)
	}
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if der, err = x509.MarshalPKCS8PrivateKey(short); err != nil {
		t.Fatal(err)
	}
	if k, err := Parse(RS256, der); err == nil {
		t.Errorf("Parse of 2048 bits = %v, want an error", k)
	}
	v := mustVerifier(t, key, es)
	if _, err := v.Verify(mustSign(t, parsed, person())); err != nil {
		t.Error(err)
	}
	payload := goodPayload(t, person())
	refused(t, v, "ES256 under an RS256 kid", forge(t, es, with(t, goodHeader(es), "kid", `"`+key.ID+`"`), payload))
	refused(t, v, "PS256 claimed for an RS256 key", forge(t, key, with(t, goodHeader(key), "alg", `"PS256"`), payload))
	var theirs jose.JSONWebKeySet
	if err := json.Unmarshal(JWKS([]Key{key}), &theirs); err != nil || len(theirs.Keys) != 1 {
		t.Fatalf("go-jose reads %d keys: %v", len(theirs.Keys), err)
	}
	k := theirs.Keys[0]
	thumbprint, err := k.Thumbprint(crypto.SHA256)
	if err != nil || b64(thumbprint) != key.ID || !k.IsPublic() || !reflect.DeepEqual(k.Key, key.Public) {
		t.Errorf("go-jose reads %v with the thumbprint %s (%v), not %s", k.Key, b64(thumbprint), err, key.ID)
	}
	signed, err := jose.ParseSignedCompact(mustSign(t, key, person()), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(k); err != nil {
		t.Errorf("go-jose: %v", err)
	}
}
