package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/model"
)

// Control: the forger's tokens are good when nothing about them is wrong, so
// the refusals below are for the reasons they name.
func TestForgeIsAccepted(t *testing.T) {
	for _, alg := range algorithms {
		key := mustGenerate(t, alg)
		v := mustVerifier(t, key)
		payload := goodPayload(t, person())
		for name, raw := range map[string]string{
			"plain":                 forge(t, key, goodHeader(key), payload),
			"members in any order":  forge(t, key, goodHeader(key), with(t, payload, "jti", `"x"`)),
			"the long type of 9068": forge(t, key, with(t, goodHeader(key), "typ", `"application/at+jwt"`), payload),
			"white space":           forge(t, key, " "+goodHeader(key)+"\n", "\t"+payload),
		} {
			if _, err := v.Verify(raw); err != nil {
				t.Errorf("%s, %s: %v", alg, name, err)
			}
		}
	}
}

func TestVerifyRefusesHeaders(t *testing.T) {
	for _, alg := range algorithms {
		key, other, attacker := mustGenerate(t, alg), mustGenerate(t, alg), mustGenerate(t, alg)
		v := mustVerifier(t, key, other)
		payload, head := goodPayload(t, person()), goodHeader(key)
		set := string(JWKS([]Key{attacker}))
		attackerJWK := strings.TrimSuffix(strings.TrimPrefix(set, `{"keys":[`), `]}`)

		for name, h := range map[string]string{
			"kid of another key of ours": with(t, head, "kid", `"`+other.ID+`"`),
			"kid unknown":                with(t, head, "kid", `"`+attacker.ID+`"`),
			"kid missing":                with(t, head, "kid", ""),
			"kid empty":                  with(t, head, "kid", `""`),
			"kid null":                   with(t, head, "kid", `null`),
			"kid array":                  with(t, head, "kid", `["`+key.ID+`"]`),
			"kid number":                 with(t, head, "kid", `1`),
			"kid object":                 with(t, head, "kid", `{"a":1}`),
			"kid path":                   with(t, head, "kid", `"../../dev/null"`),
			"kid SQL":                    with(t, head, "kid", `"' OR 1=1 --"`),
			"kid URL":                    with(t, head, "kid", `"http://127.0.0.1/jwks"`),
			"kid NUL":                    with(t, head, "kid", `"`+key.ID+`\u0000"`),
			"kid 3 kB":                   with(t, head, "kid", `"`+strings.Repeat("k", 3000)+`"`),
			"kid 10 kB":                  with(t, head, "kid", `"`+strings.Repeat("k", 10000)+`"`),
			"kid in capitals":            strings.Replace(head, `"kid"`, `"KID"`, 1),
			"kid twice":                  strings.Replace(head, `{`, `{"kid":"x",`, 1),
			"typ missing":                with(t, head, "typ", ""),
			"typ JWT":                    with(t, head, "typ", `"JWT"`),
			"typ in capitals":            with(t, head, "typ", `"AT+JWT"`),
			"typ of a logout token":      with(t, head, "typ", `"logout+jwt"`),
			"typ of a ticket":            with(t, head, "typ", `"ticket+jwt"`),
			"typ of a DPoP proof":        with(t, head, "typ", `"dpop+jwt"`),
			"typ null":                   with(t, head, "typ", `null`),
			"typ array":                  with(t, head, "typ", `["at+jwt"]`),
			"typ twice":                  strings.Replace(head, `{`, `{"typ":"at+jwt",`, 1),
			"crit":                       with(t, head, "crit", `["exp"]`),
			"crit empty":                 with(t, head, "crit", `[]`),
			"crit null":                  with(t, head, "crit", `null`),
			"b64":                        with(t, head, "b64", `false`),
			"zip":                        with(t, head, "zip", `"DEF"`),
			"cty":                        with(t, head, "cty", `"JWT"`),
			"jwk":                        with(t, head, "jwk", attackerJWK),
			"jku":                        with(t, head, "jku", `"https://attacker.example/jwks.json"`),
			"x5u":                        with(t, head, "x5u", `"https://attacker.example/cert.pem"`),
			"x5c":                        with(t, head, "x5c", `["AAAA"]`),
			"x5t":                        with(t, head, "x5t", `"AAAA"`),
			"alg missing":                with(t, head, "alg", ""),
			"alg null":                   with(t, head, "alg", `null`),
			"alg none":                   with(t, head, "alg", `"none"`),
			"alg of another kind":        with(t, head, "alg", `"ES384"`),
			"alg in lower case":          with(t, head, "alg", `"`+strings.ToLower(alg)+`"`),
			"alg twice":                  strings.Replace(head, `{`, `{"alg":"none",`, 1),
			"alg in capitals as well":    strings.Replace(head, `{`, `{"ALG":"none",`, 1),
			"empty object":               `{}`,
			"null":                       `null`,
			"array":                      `[]`,
			"string":                     `"at+jwt"`,
			"trailing data":              head + `{}`,
			"trailing comma":             strings.Replace(head, `}`, `,}`, 1),
			"comment":                    `/**/` + head,
			"BOM":                        "\ufeff" + head,
			"invalid UTF-8":              strings.Replace(head, `at+jwt`, "at+jwt\xff", 1),
			"deep":                       with(t, head, "x", strings.Repeat("[", 2000)+strings.Repeat("]", 2000)),
			"truncated":                  head[:len(head)-1],
			"not JSON":                   "header",
		} {
			refused(t, v, alg+" "+name, forge(t, key, h, payload))
			refused(t, v, alg+" "+name+", signed by an attacker", forge(t, attacker, h, payload))
		}
		refused(t, v, alg+" signed by another key under our kid", forge(t, attacker, head, payload))
	}
}

// RFC 8725 section 2.1: algorithms a token may choose for itself.
func TestVerifyRefusesOtherAlgorithms(t *testing.T) {
	es, ed := mustGenerate(t, ES256), mustGenerate(t, EdDSA)
	v := mustVerifier(t, es, ed)
	payload := goodPayload(t, person())
	for _, key := range []Key{es, ed} {
		for _, none := range []string{"none", "None", "NONE", "nOnE", ""} {
			input := b64([]byte(with(t, goodHeader(key), "alg", `"`+none+`"`))) + "." + b64([]byte(payload))
			refused(t, v, "alg "+none+" without a signature", input+".")
			refused(t, v, "alg "+none+" without a third part", input)
			refused(t, v, "alg "+none+" with some signature", input+".AAAA")
		}
		der, err := x509.MarshalPKIXPublicKey(key.Public)
		if err != nil {
			t.Fatal(err)
		}
		j, err := toJWK(key.Public)
		if err != nil {
			t.Fatal(err)
		}
		jwkText, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string][]byte{
			"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der, "JWK": jwkText,
			"JWKS": JWKS([]Key{key}), "x": mustDecode(t, j.X), "kid": []byte(key.ID), "nothing": nil,
		} {
			for _, alg := range []string{"HS256", key.Algorithm} {
				input := b64([]byte(with(t, goodHeader(key), "alg", `"`+alg+`"`))) + "." + b64([]byte(payload))
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(input))
				refused(t, v, alg+" with the public key as "+name, input+"."+b64(mac.Sum(nil)))
			}
		}
	}
	// Each key with the other's algorithm in the header, both ways round.
	refused(t, v, "ES256 under an EdDSA kid", forge(t, es, with(t, goodHeader(es), "kid", `"`+ed.ID+`"`), payload))
	refused(t, v, "EdDSA under an ES256 kid", forge(t, ed, with(t, goodHeader(ed), "kid", `"`+es.ID+`"`), payload))
	refused(t, v, "ES256 claimed for an EdDSA key", forge(t, ed, with(t, goodHeader(ed), "alg", `"ES256"`), payload))
	refused(t, v, "EdDSA claimed for an ES256 key", forge(t, es, with(t, goodHeader(es), "alg", `"EdDSA"`), payload))

	// The look-up hands out a key whose id is right and whose kind is wrong.
	confused := mustVerifier(t, Key{ID: es.ID, Algorithm: ES256, Public: ed.Public}, Key{ID: ed.ID, Algorithm: EdDSA, Public: es.Public})
	refused(t, confused, "a mislabelled Ed25519 key", forge(t, ed, goodHeader(es), payload))
	refused(t, confused, "a mislabelled P-256 key", forge(t, es, goodHeader(ed), payload))
	refused(t, mustVerifier(t, Key{ID: es.ID, Algorithm: ES256}), "a key without a public half", forge(t, es, goodHeader(es), payload))
}

func TestVerifyRefusesClaims(t *testing.T) {
	for _, alg := range algorithms {
		key := mustGenerate(t, alg)
		v := mustVerifier(t, key)
		good := goodPayload(t, person())
		cases := map[string]string{
			"exp 0":                     with(t, good, "exp", `0`),
			"exp negative":              with(t, good, "exp", `-1`),
			"exp as text":               with(t, good, "exp", `"4102444800"`),
			"exp 1e300":                 with(t, good, "exp", `1e300`),
			"exp 1e10":                  with(t, good, "exp", `1e10`),
			"exp with a fraction":       with(t, good, "exp", `1800000600.5`),
			"exp with a point":          with(t, good, "exp", `1800000600.0`),
			"exp beyond int64":          with(t, good, "exp", `18000006000000000000000`),
			"exp in the year 10000":     with(t, good, "exp", `253402300800`),
			"exp in milliseconds":       with(t, good, "exp", `1800000600000`),
			"exp true":                  with(t, good, "exp", `true`),
			"exp array":                 with(t, good, "exp", `[1800000600]`),
			"exp not after iat":         with(t, with(t, good, "exp", `1800000000`), "iat", `1800000000`),
			"EXP only":                  strings.Replace(good, `"exp"`, `"EXP"`, 1),
			"EXP as well":               strings.Replace(good, `{`, `{"EXP":4102444800,`, 1),
			"SUB as well":               strings.Replace(good, `{`, `{"SUB":"admin",`, 1),
			"Sub only":                  strings.Replace(good, `"sub"`, `"Sub"`, 1),
			"exp twice":                 strings.Replace(good, `{`, `{"exp":4102444800,`, 1),
			"sub twice":                 strings.Replace(good, `{`, `{"sub":"admin",`, 1),
			"sub twice, once escaped":   strings.Replace(good, `{`, `{"\u0073ub":"admin",`, 1),
			"role":                      with(t, good, "role", `"admin"`),
			"roles":                     with(t, good, "roles", `["admin"]`),
			"ROLE":                      with(t, good, "ROLE", `"admin"`),
			"nbf":                       with(t, good, "nbf", `1800003600`),
			"nbf in the past":           with(t, good, "nbf", `1`),
			"act":                       with(t, good, "act", `{"sub":"admin"}`),
			"aud of another service":    with(t, good, "aud", `"https://other.example"`),
			"aud array of ours":         with(t, good, "aud", `["`+audience+`"]`),
			"aud array of two":          with(t, good, "aud", `["`+audience+`","https://other.example"]`),
			"aud with a slash":          with(t, good, "aud", `"`+audience+`/"`),
			"iss of another":            with(t, good, "iss", `"https://evil.example"`),
			"iss with a slash":          with(t, good, "iss", `"`+issuer+`/"`),
			"iss without TLS":           with(t, good, "iss", `"http://rolegate.example"`),
			"iss in capitals":           with(t, good, "iss", `"HTTPS://ROLEGATE.EXAMPLE"`),
			"iss with more after it":    with(t, good, "iss", `"`+issuer+`.evil.example"`),
			"sub number":                with(t, good, "sub", `1`),
			"sub object":                with(t, good, "sub", `{"id":"alice"}`),
			"amr text":                  with(t, good, "amr", `"otp"`),
			"amr empty":                 with(t, good, "amr", `[]`),
			"amr of numbers":            with(t, good, "amr", `[1]`),
			"amr with an empty value":   with(t, good, "amr", `[""]`),
			"acr number":                with(t, good, "acr", `2`),
			"auth_time text":            with(t, good, "auth_time", `"1799999940"`),
			"auth_time negative":        with(t, good, "auth_time", `-5`),
			"client token with an acr":  with(t, goodPayload(t, client()), "acr", `"3"`),
			"client token with a sid":   with(t, goodPayload(t, client()), "sid", `"s-1"`),
			"client token with amr":     with(t, goodPayload(t, client()), "amr", `["hwk"]`),
			"client token, empty sid":   with(t, goodPayload(t, client()), "sid", `""`),
			"client token, empty acr":   with(t, goodPayload(t, client()), "acr", `""`),
			"client token, empty amr":   with(t, goodPayload(t, client()), "amr", `[ ]`),
			"client token, auth_time 0": with(t, goodPayload(t, client()), "auth_time", `-0`),
			"client token, empty scope": with(t, goodPayload(t, client()), "scope", `""`),
			"empty object":              `{}`,
			"null":                      `null`,
			"array":                     `[` + good + `]`,
			"text":                      `"` + b64([]byte(good)) + `"`,
			"two documents":             good + good,
			"trailing data":             good + `x`,
			"BOM":                       "\ufeff" + good,
			"invalid UTF-8":             strings.Replace(good, `alice`, "alice\xff", 1),
			"lone surrogate":            strings.Replace(good, `alice`, `\ud800`, 1),
			"NaN":                       with(t, good, "exp", `NaN`),
			"deep":                      with(t, good, "x", strings.Repeat("[", 2000)+strings.Repeat("]", 2000)),
			"truncated":                 good[:len(good)-1],
			"not JSON":                  "claims",
			"an empty name":             with(t, good, "", `1`),
			"__proto__":                 with(t, good, "__proto__", `{"sub":"admin"}`),
			"scope null":                with(t, good, "scope", `null`),
			"scope array":               with(t, good, "scope", `["audit"]`),
			"another kind, by its word": with(t, good, "token_use", `"id"`),
		}
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "tenant", "sid", "auth_time", "acr", "amr"} {
			cases[name+" missing"] = with(t, good, name, "")
			cases[name+" null"] = with(t, good, name, "null")
			if name != "exp" && name != "iat" && name != "auth_time" && name != "amr" {
				cases[name+" empty"] = with(t, good, name, `""`)
			}
		}
		for name, payload := range cases {
			refused(t, v, alg+" "+name, forge(t, key, goodHeader(key), payload))
		}
	}
}

func TestVerifyTimes(t *testing.T) {
	key := mustGenerate(t, EdDSA)
	v := mustVerifier(t, key) // leeway 10 s
	for _, c := range []struct {
		name     string
		iat, exp time.Duration // from now
		ok       bool
	}{
		{"fresh", 0, 10 * time.Minute, true},
		{"expired within leeway", -10 * time.Minute, -9 * time.Second, true},
		{"expired at leeway", -10 * time.Minute, -10 * time.Second, false},
		{"expired by leeway and a second", -10 * time.Minute, -11 * time.Second, false},
		{"expired long ago", -48 * time.Hour, -47 * time.Hour, false},
		{"issued within leeway", 10 * time.Second, time.Minute, true},
		{"issued beyond leeway", 11 * time.Second, time.Minute, false},
		{"issued tomorrow", 24 * time.Hour, 25 * time.Hour, false},
	} {
		claims := person()
		claims.IssuedAt, claims.ExpiresAt = now.Add(c.iat), now.Add(c.exp)
		raw := mustSign(t, key, claims)
		if _, err := v.Verify(raw); (err == nil) != c.ok {
			t.Errorf("%s: Verify = %v, want ok %v", c.name, err, c.ok)
		}
		if got := v.Holds(claims); got != c.ok {
			t.Errorf("%s: Holds = %v, want what Verify says", c.name, got)
		}
	}
}

// Other things people carry do not pass for access tokens.
func TestVerifyRefusesOpaqueSecrets(t *testing.T) {
	v := mustVerifier(t, mustGenerate(t, ES256))
	for range 20 {
		secret, hash := NewSecret()
		refused(t, v, "an opaque secret", secret)
		refused(t, v, "its hash", b64(hash))
		refused(t, v, "three of them", secret+"."+secret+"."+secret)
	}
}

func TestVerifyReasonsStayInside(t *testing.T) {
	key := mustGenerate(t, EdDSA)
	_, err := mustVerifier(t, key).Verify(forge(t, key, goodHeader(key), with(t, goodPayload(t, person()), "evil\nline", `1`)))
	var e *model.Error
	if !errors.As(err, &e) || e.Message != "The access token is not valid." {
		t.Errorf("Verify: %v, want a message without the reason", err)
	}
	if strings.Contains(err.Error(), "evil") {
		t.Errorf("Verify: %q quotes the token", err)
	}
}

// A key taken out of the look-up ends its tokens at once.
func TestVerifyAfterRevocation(t *testing.T) {
	key := mustGenerate(t, ES256)
	var revoked atomic.Bool
	v, err := NewVerifier(Verifier{
		Issuer: issuer, Audience: audience, Now: func() time.Time { return now },
		Key: func(kid string) (Key, error) {
			if kid == key.ID && !revoked.Load() {
				return key, nil
			}
			return Key{}, ErrNoKey
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	raw := mustSign(t, key, person())
	if _, err := v.Verify(raw); err != nil {
		t.Fatal(err)
	}
	revoked.Store(true)
	refused(t, v, "a revoked key", raw)
}

// Where nobody can tell whether there is a key, nobody calls the token invalid.
func TestVerifyWithoutTheKeys(t *testing.T) {
	away := errors.New("the keys cannot be read")
	v, err := NewVerifier(Verifier{
		Issuer: issuer, Audience: audience, Now: func() time.Time { return now },
		Key: func(string) (Key, error) { return Key{}, away },
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := v.Verify(mustSign(t, mustGenerate(t, ES256), person())); !errors.Is(err, away) || errors.Is(err, ErrInvalid) || c.Subject != "" {
		t.Errorf("Verify = %v, %v; want the error of the look-up alone", c, err)
	}
}
