package checklist

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strconv"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"rolegate/internal/testkit"
	"rolegate/internal/token"
)

func unsignedTokens(t *testing.T) {
	b := newBearers(t)
	b.accepts("before")
	var tokens []named
	for _, token := range []string{b.alice.Access, b.client} {
		h, p, sig := split(token)
		for _, alg := range []string{"none", "None", "nOnE", "NONE", ""} {
			for _, s := range []string{"", "AA", sig} {
				tokens = append(tokens, named{"alg " + alg, b64(with(h, "alg", strconv.Quote(alg))) + "." + b64(p) + "." + s})
			}
		}
		tokens = append(tokens, named{"no signature", b64(h) + "." + b64(p) + "."}, named{"two parts", b64(h) + "." + b64(p)},
			named{"no alg", b64(with(h, "alg", "")) + "." + b64(p) + "." + sig})
	}
	b.all(tokens...)
}

// signingKey is the service's key of this moment.
func signingKey(t *testing.T, k *testkit.Kit) token.Key {
	t.Helper()
	key, err := k.App.Login.Keys.Current()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func confusedTokens(t *testing.T) {
	for _, alg := range []string{"ES256", "EdDSA"} {
		b := newBearers(t, "ROLEGATE_SIGNING_ALGORITHM="+alg)
		public := signingKey(t, b.Kit).Public
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		var set struct{ Keys []json.RawMessage }
		if err := json.Unmarshal(b.Get("/.well-known/jwks.json").Raw, &set); err != nil {
			t.Fatal(err)
		}
		var jwk map[string]string
		if err := json.Unmarshal(set.Keys[0], &jwk); err != nil {
			t.Fatal(err)
		}
		var tokens []named
		for name, secret := range map[string][]byte{"PEM": block, "trimmed PEM": bytes.TrimSpace(block), "DER": der, "JWK": set.Keys[0], "x": []byte(unb64(jwk["x"])), "nothing": {}} {
			for _, h := range []string{"HS256", "HS384", "HS512"} {
				header, p, _ := split(b.alice.Access)
				input := b64(with(header, "alg", strconv.Quote(h))) + "." + b64(p)
				sig, err := jwt.GetSigningMethod(h).Sign(input, secret)
				if err != nil {
					t.Fatal(err)
				}
				tokens = append(tokens, named{h + " with " + name, input + "." + b64(string(sig))})
			}
		}
		b.all(tokens...)
	}
}

func foreignSignature(t *testing.T) {
	b := newBearers(t)
	var tokens []named
	for _, token := range []string{b.alice.Access, b.client} {
		h, p, _ := split(token)
		tokens = append(tokens, named{"another key", signed(t, strangersKey(t), h, p)})
	}
	b.all(tokens...)
}

func strangersKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed makes an ES256 token with an attacker's key.
func signed(t *testing.T, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	input := b64(with(header, "alg", `"ES256"`)) + "." + b64(payload)
	sig, err := jwt.SigningMethodES256.Sign(input, key)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(string(sig))
}

func strangeKeyIDs(t *testing.T) {
	b := newBearers(t)
	address, visits := trap(t)
	var tokens []named
	kid := signingKey(t, b.Kit).ID
	for _, value := range []string{
		strconv.Quote(address + "/key"), `"../../dev/null"`, `"../../../../../dev/null"`, `"/etc/passwd"`, `"x' UNION SELECT 'AA' --"`, `"` + strings.Repeat("k", 10_000) + `"`,
		"", `null`, `""`, `[]`, `["` + kid + `"]`, `1`, `{}`, strconv.Quote(kid + " "), strconv.Quote(strings.ToUpper(kid)), `"` + kid + `\u0000"`, strconv.Quote("file://" + kid),
	} {
		tokens = append(tokens, b.header("kid", value)...)
		_, p, _ := split(b.alice.Access)
		h := with(`{"typ":"at+jwt"}`, "kid", value)
		tokens = append(tokens, named{"signed by a stranger: kid=" + brief(value), signed(t, strangersKey(t), h, p)})
	}
	b.all(tokens...)
	if n := visits(); n > 0 {
		t.Errorf("%d requests went out", n)
	}
}

func broughtKeys(t *testing.T) {
	b := newBearers(t)
	address, visits := trap(t)
	key := strangersKey(t)
	public := jose.JSONWebKey{Key: key.Public(), KeyID: "mine"}
	jwk, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var tokens []named
	for name, value := range map[string]string{
		"jwk": string(jwk), "jku": strconv.Quote(address + "/jwks"), "x5u": strconv.Quote(address + "/cert"), "x5c": `["MIIB"]`, "x5t": `"AA"`,
		"b64": `false`, "zip": `"DEF"`, "cty": `"JWT"`,
	} {
		tokens = append(tokens, b.header(name, value)...)
		h, p, _ := split(b.alice.Access)
		for _, kid := range []string{`"mine"`, "", strconv.Quote(signingKey(t, b.Kit).ID)} {
			tokens = append(tokens, named{"a stranger's, with " + name, signed(t, key, with(with(h, "kid", kid), name, value), p)})
		}
	}
	b.all(tokens...)
	if n := visits(); n > 0 {
		t.Errorf("%d requests went out", n)
	}
}

func criticalHeaders(t *testing.T) {
	b := newBearers(t)
	b.accepts("before")
	var tokens []named
	for _, value := range []string{`["exp"]`, `[]`, `["b64"]`, `"exp"`, `null`, `["unknown"]`} {
		tokens = append(tokens, b.header("crit", value)...)
	}
	b.all(tokens...)
}
