package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

const (
	issuer   = "https://rolegate.example"
	audience = "https://crm.example"
)

var (
	algorithms = []string{ES256, EdDSA}
	now        = time.Unix(1_800_000_000, 0).UTC()
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func mustDecode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustGenerate(t testing.TB, alg string) Key {
	t.Helper()
	k, err := Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// mustVerifier knows the given keys and lives at now.
func mustVerifier(t testing.TB, keys ...Key) *Verifier {
	t.Helper()
	byID := map[string]Key{}
	for _, k := range keys {
		k.Private = nil // verifying needs no more than the public half
		byID[k.ID] = k
	}
	v, err := NewVerifier(Verifier{
		Issuer: issuer, Audience: audience, Leeway: 10 * time.Second,
		Now: func() time.Time { return now },
		Key: func(kid string) (Key, bool) { k, ok := byID[kid]; return k, ok },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func person() Claims {
	return Claims{
		Issuer: issuer, Subject: "alice", Audience: audience,
		ExpiresAt: now.Add(10 * time.Minute), IssuedAt: now,
		ID: "01J8ZK5T4M", ClientID: "rolegate", Tenant: "default",
		SessionID: "s-8d1f", AuthTime: now.Add(-time.Minute), ACR: "2", AMR: []string{"pwd", "otp"},
	}
}

func client() Claims {
	return Claims{
		Issuer: issuer, Subject: "crm", Audience: audience,
		ExpiresAt: now.Add(10 * time.Minute), IssuedAt: now,
		ID: "01J8ZK5T4N", ClientID: "crm", Tenant: "default", Scope: "decide explain",
	}
}

func mustSign(t testing.TB, k Key, c Claims) string {
	t.Helper()
	raw, err := Sign(k, c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// forge signs any header and payload properly with the key, as an attacker
// could who has it, or who finds a way to have it used.
func forge(t testing.TB, k Key, header, payload string) string {
	t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(sign(t, k, input))
}

func sign(t testing.TB, k Key, input string) []byte {
	t.Helper()
	m, err := method(k.Algorithm)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := m.Sign(input, k.Private)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func goodHeader(k Key) string {
	return fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, k.Algorithm, k.ID)
}

func goodPayload(t testing.TB, c Claims) string {
	t.Helper()
	b, err := toWire(c).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// with sets a member of a JSON object to raw JSON, or removes it for "".
func with(t testing.TB, object, name, value string) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatal(err)
	}
	if value == "" {
		delete(m, name)
	} else {
		m[name] = json.RawMessage(value)
	}
	parts := []string{}
	for n, v := range m { // not json.Marshal, which would tidy what we put in
		parts = append(parts, fmt.Sprintf("%q:%s", n, v))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func refused(t *testing.T, v *Verifier, name, raw string) {
	t.Helper()
	c, err := v.Verify(raw)
	switch {
	case err == nil:
		t.Errorf("%s: accepted: %+v", name, c)
	case !errors.Is(err, ErrInvalid) || model.CodeOf(err) != model.CodeUnauthorized:
		t.Errorf("%s: %v, want ErrInvalid with the code %s", name, err, model.CodeUnauthorized)
	case !reflect.DeepEqual(c, Claims{}):
		t.Errorf("%s: claims come with the error: %+v", name, c)
	case len(err.Error()) > 300:
		t.Errorf("%s: the reason has %d bytes", name, len(err.Error()))
	}
}

func TestSignAndVerify(t *testing.T) {
	for _, alg := range algorithms {
		key := mustGenerate(t, alg)
		v := mustVerifier(t, mustGenerate(t, ES256), key, mustGenerate(t, EdDSA))
		odd := person()
		odd.Subject, odd.Tenant = "张三 <\"&'>\u2028", "a-b"
		odd.ExpiresAt = odd.ExpiresAt.Add(999 * time.Millisecond) // cut to whole seconds
		for _, c := range []Claims{person(), client(), odd} {
			raw := mustSign(t, key, c)
			got, err := v.Verify(raw)
			if err != nil {
				t.Errorf("%s: Verify: %v", alg, err)
				continue
			}
			c.ExpiresAt = c.ExpiresAt.Truncate(time.Second)
			if diff := cmp.Diff(c, got); diff != "" {
				t.Errorf("%s: claims come back changed (-signed +verified):\n%s", alg, diff)
			}
			if len(raw) > 2048 {
				t.Errorf("%s: the token has %d bytes, want less than 2 kB", alg, len(raw))
			}
		}
	}
}

// What is on the wire, name by name: other services read it.
func TestTokenForm(t *testing.T) {
	key := mustGenerate(t, ES256)
	for _, c := range []struct {
		claims Claims
		want   string
	}{
		{person(), `{"iss":"https://rolegate.example","sub":"alice","aud":"https://crm.example","exp":1800000600,"iat":1800000000,"jti":"01J8ZK5T4M","client_id":"rolegate","tenant":"default","sid":"s-8d1f","auth_time":1799999940,"acr":"2","amr":["pwd","otp"]}`},
		{client(), `{"iss":"https://rolegate.example","sub":"crm","aud":"https://crm.example","exp":1800000600,"iat":1800000000,"jti":"01J8ZK5T4N","client_id":"crm","tenant":"default","scope":"decide explain"}`},
	} {
		parts := strings.Split(mustSign(t, key, c.claims), ".")
		if got := string(mustDecode(t, parts[1])); got != c.want {
			t.Errorf("payload = %s, want %s", got, c.want)
		}
		want := fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, key.ID)
		if got := string(mustDecode(t, parts[0])); got != want {
			t.Errorf("header = %s, want %s", got, want)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	key := mustGenerate(t, EdDSA)
	for name, change := range map[string]func(*Claims){
		"no iss":        func(c *Claims) { c.Issuer = "" },
		"no sub":        func(c *Claims) { c.Subject = "" },
		"no aud":        func(c *Claims) { c.Audience = "" },
		"no exp":        func(c *Claims) { c.ExpiresAt = time.Time{} },
		"no iat":        func(c *Claims) { c.IssuedAt = time.Time{} },
		"no jti":        func(c *Claims) { c.ID = "" },
		"no client_id":  func(c *Claims) { c.ClientID = "" },
		"no tenant":     func(c *Claims) { c.Tenant = "" },
		"no sid":        func(c *Claims) { c.SessionID = "" },
		"no auth_time":  func(c *Claims) { c.AuthTime = time.Time{} },
		"no acr":        func(c *Claims) { c.ACR = "" },
		"no amr":        func(c *Claims) { c.AMR = nil },
		"empty amr":     func(c *Claims) { c.AMR = []string{"pwd", ""} },
		"exp = iat":     func(c *Claims) { c.ExpiresAt = c.IssuedAt },
		"year 10000":    func(c *Claims) { c.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"invalid UTF-8": func(c *Claims) { c.Subject = "alice\xff" },
		"too long":      func(c *Claims) { c.Scope = strings.Repeat("x", MaxBytes) },
	} {
		c := person()
		change(&c)
		if raw, err := Sign(key, c); err == nil || raw != "" {
			t.Errorf("%s: Sign = %q, %v; want an error", name, raw, err)
		}
	}
	public := key
	public.Private = nil
	for name, k := range map[string]Key{"no key": {}, "public key": public, "HS256": {ID: key.ID, Algorithm: "HS256", Private: key.Private, Public: key.Public}} {
		if raw, err := Sign(k, person()); err == nil || raw != "" {
			t.Errorf("%s: Sign = %q, %v; want an error", name, raw, err)
		}
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	find := func(string) (Key, bool) { return Key{}, false }
	for name, v := range map[string]Verifier{
		"no issuer":       {Audience: audience, Key: find},
		"no audience":     {Issuer: issuer, Key: find},
		"no keys":         {Issuer: issuer, Audience: audience},
		"great leeway":    {Issuer: issuer, Audience: audience, Key: find, Leeway: time.Minute},
		"negative leeway": {Issuer: issuer, Audience: audience, Key: find, Leeway: -1},
	} {
		if got, err := NewVerifier(v); err == nil || got != nil {
			t.Errorf("%s: NewVerifier gives no error", name)
		}
	}
	key := mustGenerate(t, EdDSA)
	unmade := &Verifier{Issuer: issuer, Audience: audience, Key: func(string) (Key, bool) { return key, true }}
	refused(t, unmade, "a verifier not made by NewVerifier", mustSign(t, key, person()))
	v, err := NewVerifier(Verifier{Issuer: issuer, Audience: audience, Key: func(string) (Key, bool) { return key, true }})
	if err != nil {
		t.Fatal(err)
	}
	c := client()
	c.IssuedAt, c.ExpiresAt = time.Now(), time.Now().Add(time.Minute)
	if _, err := v.Verify(mustSign(t, key, c)); err != nil {
		t.Errorf("without Now: %v, want the real time", err)
	}
}

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

// One token has one spelling, and any change to it is noticed.
func TestVerifyRefusesOtherSpellings(t *testing.T) {
	for _, alg := range algorithms {
		key := mustGenerate(t, alg)
		v := mustVerifier(t, key)
		raw := mustSign(t, key, person())
		parts := strings.Split(raw, ".")
		for name, s := range map[string]string{
			"nothing":               "",
			"dots":                  "..",
			"10,000 dots":           strings.Repeat(".", 10000),
			"8,000 dots":            strings.Repeat(".", 8000),
			"a megabyte":            strings.Repeat("A", 1<<20),
			"a megabyte of header":  strings.Repeat("A", 1<<20) + "." + parts[1] + "." + parts[2],
			"two parts":             parts[0] + "." + parts[1],
			"empty signature":       parts[0] + "." + parts[1] + ".",
			"empty header":          "." + parts[1] + "." + parts[2],
			"empty claims":          parts[0] + ".." + parts[2],
			"four parts":            raw + ".AAAA",
			"five parts, as in JWE": raw + "." + parts[1] + "." + parts[2],
			"final dot":             raw + ".",
			"final newline":         raw + "\n",
			"final CRLF":            raw + "\r\n",
			"final space":           raw + " ",
			"leading space":         " " + raw,
			"leading newline":       "\n" + raw,
			"newline in the header": parts[0][:4] + "\n" + parts[0][4:] + "." + parts[1] + "." + parts[2],
			"newline in the claims": parts[0] + "." + parts[1][:4] + "\r" + parts[1][4:] + "." + parts[2],
			"newline in signature":  parts[0] + "." + parts[1] + "." + parts[2][:4] + "\n" + parts[2][4:],
			"padding":               raw + "==",
			"padding one":           raw + "=",
			"NUL":                   raw + "\x00",
			"scheme":                "Bearer " + raw,
			"standard base64":       strings.NewReplacer("-", "+", "_", "/").Replace(raw) + "+",
			"JSON serialization":    fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
			"short signature":       raw[:len(raw)-2],
			"long signature":        raw + "AA",
			"signature of zeros":    parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)),
			"header for claims":     parts[0] + "." + parts[0] + "." + parts[2],
		} {
			refused(t, v, alg+" "+name, s)
		}
		// The last character of 64 bytes carries 4 bits of nothing.
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if s := raw[:len(raw)-1] + string(c); s != raw {
				refused(t, v, alg+" other last character", s)
			}
		}
		for i := range len(raw) {
			changed := []byte(raw)
			changed[i] ^= 1
			refused(t, v, fmt.Sprintf("%s bit flipped at %d", alg, i), string(changed))
			refused(t, v, fmt.Sprintf("%s cut at %d", alg, i), raw[:i])
		}
		// A payload edited under the signature of the old one.
		for _, edit := range [][2]string{{`"alice"`, `"admin"`}, {`"default"`, `"other"`}, {`["pwd","otp"]`, `["pwd","hwk"]`}, {`"acr":"2"`, `"acr":"3"`}, {`1800000600`, `1900000600`}} {
			payload := strings.Replace(string(mustDecode(t, parts[1])), edit[0], edit[1], 1)
			refused(t, v, alg+" edited to "+edit[1], parts[0]+"."+b64([]byte(payload))+"."+parts[2])
		}
	}
}

func TestVerifyRefusesECDSASignatureForms(t *testing.T) {
	key := mustGenerate(t, ES256)
	v := mustVerifier(t, key)
	raw := mustSign(t, key, person())
	input := raw[:strings.LastIndex(raw, ".")]
	digest := sha256.Sum256([]byte(input))
	der, err := ecdsa.SignASN1(rand.Reader, key.Private.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	n := elliptic.P256().Params().N
	ones := func(r, s *big.Int) string {
		b := make([]byte, 64)
		r.FillBytes(b[:32])
		s.FillBytes(b[32:])
		return b64(b)
	}
	for name, sig := range map[string]string{
		"DER":     b64(der),
		"r=s=0":   ones(big.NewInt(0), big.NewInt(0)),
		"r=s=n":   ones(n, n), // CVE-2022-21449
		"r=0 s=1": ones(big.NewInt(0), big.NewInt(1)),
		"r=1 s=0": ones(big.NewInt(1), big.NewInt(0)),
	} {
		refused(t, v, name, input+"."+sig)
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
		Key: func(kid string) (Key, bool) { return key, kid == key.ID && !revoked.Load() },
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

// RFC 8037, appendix A: key (A.1, A.2), thumbprint (A.3) and signature (A.4).
func TestRFC8037(t *testing.T) {
	key, err := newKey(ed25519.NewKeyFromSeed(mustDecode(t, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))
	if err != nil {
		t.Fatal(err)
	}
	if want := "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; key.ID != want {
		t.Errorf("thumbprint = %s, want %s", key.ID, want)
	}
	want := `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","alg":"EdDSA","use":"sig"}]}`
	if got := string(JWKS([]Key{key})); got != want {
		t.Errorf("JWKS = %s, want %s", got, want)
	}
	const signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	if got := b64(sign(t, key, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")); got != signature {
		t.Errorf("signature = %s, want %s", got, signature)
	}
}

func TestJWKS(t *testing.T) {
	var keys []Key
	for range 20 { // coordinates that begin with zeros come up in some runs
		keys = append(keys, mustGenerate(t, ES256), mustGenerate(t, EdDSA))
	}
	raw := JWKS(keys)
	if string(raw) != string(JWKS(keys)) {
		t.Error("two calls give different bytes")
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	for i, k := range set.Keys {
		want := []string{"alg", "crv", "kid", "kty", "use", "x"}
		if keys[i].Algorithm == ES256 {
			want = append(want, "y")
		}
		for name := range k {
			if !strings.Contains(strings.Join(want, " "), name) {
				t.Errorf("key %d has the member %q", i, name)
			}
		}
		if len(k) != len(want) || k["use"] != "sig" || k["alg"] != keys[i].Algorithm || k["kid"] != keys[i].ID {
			t.Errorf("key %d = %v", i, k)
		}
	}
	// Another implementation reads the same keys and finds the same thumbprints.
	var theirs jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &theirs); err != nil {
		t.Fatal(err)
	}
	if len(theirs.Keys) != len(keys) {
		t.Fatalf("go-jose reads %d keys of %d", len(theirs.Keys), len(keys))
	}
	for i, k := range theirs.Keys {
		if !k.IsPublic() || !k.Valid() || !reflect.DeepEqual(k.Key, keys[i].Public) {
			t.Errorf("go-jose reads key %d as %v", i, k.Key)
		}
		thumbprint, err := k.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if b64(thumbprint) != keys[i].ID {
			t.Errorf("%s: thumbprint %s, go-jose finds %s", keys[i].Algorithm, keys[i].ID, b64(thumbprint))
		}
	}
	if got := string(JWKS(nil)); got != `{"keys":[]}` {
		t.Errorf("JWKS(nil) = %s", got)
	}
	if got := string(JWKS([]Key{{ID: "x", Algorithm: "HS256", Public: []byte("secret")}, {}})); got != `{"keys":[]}` {
		t.Errorf("JWKS of no public keys = %s", got)
	}
}

// A stranger verifies our tokens from the published keys alone.
func TestAnotherLibraryVerifies(t *testing.T) {
	keys := []Key{mustGenerate(t, ES256), mustGenerate(t, EdDSA)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(JWKS(keys))
	}))
	defer server.Close()
	verifier := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(t.Context(), server.URL), &oidc.Config{
		ClientID:             audience,
		SupportedSigningAlgs: algorithms,
		Now:                  func() time.Time { return now },
	})
	for _, key := range keys {
		for _, c := range []Claims{person(), client()} {
			got, err := verifier.Verify(t.Context(), mustSign(t, key, c))
			if err != nil {
				t.Errorf("%s: %v", key.Algorithm, err)
				continue
			}
			if got.Subject != c.Subject || !got.Expiry.Equal(c.ExpiresAt) {
				t.Errorf("%s: they read %+v", key.Algorithm, got)
			}
		}
		if _, err := verifier.Verify(t.Context(), mustSign(t, mustGenerate(t, key.Algorithm), person())); err == nil {
			t.Errorf("%s: they accept an unpublished key", key.Algorithm)
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

func TestNewSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		secret, hash := NewSecret()
		if len(secret) != 43 || len(mustDecode(t, secret)) != 32 || seen[secret] {
			t.Fatalf("NewSecret gives %q, seen before: %v", secret, seen[secret])
		}
		seen[secret] = true
		if string(hash) != string(Hash(secret)) {
			t.Fatal("the hash is not Hash of the secret")
		}
		for _, other := range []string{secret[:42], secret + "A", secret + "=", secret + "\n", " " + secret, strings.ToUpper(secret), string(hash)} {
			if other != secret && string(Hash(other)) == string(hash) {
				t.Fatalf("%q has the hash of %q", other, secret)
			}
		}
	}
	// FIPS 180-2, appendix B.1.
	if got := hex.EncodeToString(Hash("abc")); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("Hash(abc) = %s", got)
	}
}

// Where a payload is accepted, another JSON reader finds in it what we found,
// and nothing more: no two services can read one token differently.
func FuzzClaims(f *testing.F) {
	key, err := newKey(ed25519.NewKeyFromSeed(mustDecode(f, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))
	if err != nil {
		f.Fatal(err)
	}
	v := mustVerifier(f, key)
	f.Add(goodPayload(f, person()))
	f.Add(goodPayload(f, client()))
	f.Add(strings.Replace(goodPayload(f, person()), `"sub"`, `"\u0073ub"`, 1))
	f.Add(strings.Replace(goodPayload(f, person()), `{`, `{"SUB":"admin","sub":"admin",`, 1))
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := v.Verify(forge(t, key, goodHeader(key), payload))
		if err != nil {
			return
		}
		var theirs, ours map[string]any
		if err := json.Unmarshal([]byte(payload), &theirs); err != nil {
			t.Fatalf("%q is accepted: %v", payload, err)
		}
		if err := json.Unmarshal([]byte(goodPayload(t, c)), &ours); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("%q is read in two ways (-theirs +ours):\n%s", payload, diff)
		}
	})
}

// Nothing but what Sign made verifies. The signature's own bytes are left out
// of the comparison, as ECDSA has two for every message (r, s and r, n-s); what
// is signed is what counts, and tokens are told apart by jti.
func FuzzVerify(f *testing.F) {
	// Fixed keys, as seeds are made in one process and tried in others.
	ed, err := newKey(ed25519.NewKeyFromSeed(mustDecode(f, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))
	if err != nil {
		f.Fatal(err)
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), mustDecode(f, "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")) // RFC 7515, appendix A.3
	if err != nil {
		f.Fatal(err)
	}
	es, err := newKey(private)
	if err != nil {
		f.Fatal(err)
	}
	v := mustVerifier(f, es, ed)
	made := map[string]bool{}
	for _, key := range []Key{es, ed} {
		for _, c := range []Claims{person(), client()} {
			raw := mustSign(f, key, c)
			made[raw[:strings.LastIndex(raw, ".")]] = true
			f.Add(raw)
		}
	}
	f.Add("")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := v.Verify(raw)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || !reflect.DeepEqual(c, Claims{}) {
				t.Errorf("Verify(%q) = %+v, %v", raw, c, err)
			}
			return
		}
		if !made[raw[:strings.LastIndex(raw, ".")]] {
			t.Errorf("Verify(%q) = %+v, which was never signed", raw, c)
		}
	})
}
