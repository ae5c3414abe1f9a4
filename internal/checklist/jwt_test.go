package checklist

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"rolegate/api"
	"rolegate/internal/testkit"
	"rolegate/internal/token"
	"rolegate/model"
)

func init() {
	holds(59, "alg none in any case, and an empty signature: 401", unsignedTokens)
	holds(60, "HS256 with our public key as the secret, as PEM, DER or JWK: 401", confusedTokens)
	holds(61, "another key's signature under a kid of ours: 401", foreignSignature)
	holds(62, "a kid that is a path, SQL, a URL, huge, missing or no text: 401, and nothing is fetched", strangeKeyIDs)
	holds(63, "jwk, jku, x5u, x5c in the header: 401, and nothing is fetched", broughtKeys)
	holds(64, "crit in the header, whatever is in it: 401", criticalHeaders)
	holds(65, "no exp, or one that is zero, text, absurd or null: 401", absurdExpiry)
	holds(66, "expired beyond the leeway, or from the future: 401", outOfTime)
	holds(67, "another audience, none, or ours among others: 401", foreignAudience)
	holds(68, "another issuer, none, with a slash, or http in place of https: 401", foreignIssuer)
	holds(69, "a credential of another kind than is due: 401", otherKinds)
	holds(70, "claim names in capitals, or twice: 401", strangeNames)
	holds(71, "another spelling of a good token: 401", otherSpellings)
	holds(72, "ten thousand dots, a header of 1 MB, deep JSON: refused quickly, without much memory", hugeTokens)
	holds(73, "a token in the query or in a form counts for nothing", misplacedTokens)
	holds(74, "a claim edited under the old signature: 401", editedClaims)
	holds(75, "an access token says who and for how long, no secret and no profile, in less than 2 kB", sparseTokens)
	holds(76, "an access token has the type and the claims of RFC 9068", profiledTokens)
	holds(77, "an opaque token cut short or made longer: 401, and the true one still works", wrongOpaque)
	holds(78, "the key set has public keys only, with kid, alg and use, and may be kept for five minutes", publicKeysOnly)
}

// bearers is a service with a person's and a client's token, and every route
// that takes one.
type bearers struct {
	*testkit.Kit
	t      *testing.T
	alice  *testkit.Person
	secret string // of the client crm
	client string // its token
	routes []*http.Request
}

func newBearers(t *testing.T, settings ...string) *bearers {
	k := testkit.New(t, settings...)
	b := &bearers{Kit: k, t: t, alice: k.MustEnrol("alice", "sales-rep")}
	b.secret = k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "explain", "directory"}})
	b.client = k.TokenFor("crm", b.secret)
	b.routes = protected(t, k.URL)
	return b
}

// protected lists the routes of the contract that want an access token, each as
// a request without one.
func protected(t *testing.T, base string) (requests []*http.Request) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for method, op := range paths[path].Operations() {
			if op.Security == nil || !wantsToken(*op.Security) {
				continue
			}
			req, err := http.NewRequest(method, base+filled(path), strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			requests = append(requests, req)
		}
	}
	if len(requests) < 20 {
		t.Fatalf("only %d routes want a token", len(requests))
	}
	return requests
}

func wantsToken(needs openapi3.SecurityRequirements) bool {
	return slices.ContainsFunc(needs, func(need openapi3.SecurityRequirement) bool {
		_, person := need["personToken"]
		_, client := need["clientToken"]
		_, proxy := need["proxyClient"]
		return person || client || proxy
	})
}

// filled puts something in place of a path's parameters.
func filled(path string) string {
	for {
		before, rest, ok := strings.Cut(path, "{")
		if !ok {
			return path
		}
		_, after, _ := strings.Cut(rest, "}")
		path = before + "x" + after
	}
}

// refused sends a token to the routes, and wants 401 of each; and wants it to be
// worth nothing where it is asked about. What is too long for a header may be
// refused as such.
func (b *bearers) refused(name, token string, routes []*http.Request) {
	b.t.Helper()
	for _, route := range routes {
		req := route.Clone(b.t.Context())
		req.Body, _ = route.GetBody()
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Rolegate-Client-Authorization", "Bearer "+token)
		a, err := testkit.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		if tooLong := len(token) > 8<<10 && a.Status == http.StatusRequestHeaderFieldsTooLarge; a.Status != http.StatusUnauthorized && !tooLong {
			b.t.Errorf("%s: %s %s answers %d: %s", name, req.Method, req.URL.Path, a.Status, a.Raw)
		}
	}
	a := b.Introspect("crm", b.secret, token)
	if tooLong := len(token) > 8<<10 && a.Status == http.StatusRequestEntityTooLarge; string(a.Raw) != inactive && !tooLong {
		b.t.Errorf("%s: introspection answers %d: %s", name, a.Status, a.Raw)
	}
}

// all sends the first of the tokens to every route, and the others to one for
// people, one for clients and one for proxies.
func (b *bearers) all(tokens ...named) {
	b.t.Helper()
	var few []*http.Request
	for _, r := range b.routes {
		switch r.Method + " " + r.URL.Path {
		case "POST /v1/logout", "POST /access/v1/evaluation", "GET /v1/forward-auth":
			few = append(few, r)
		}
	}
	for i, n := range tokens {
		routes := few
		if i == 0 {
			routes = b.routes
		}
		b.refused(n.name, n.token, routes)
	}
}

// inactive is all that is said of a token that is worth nothing.
const inactive = "{\"active\":false}\n"

type named struct{ name, token string }

func split(token string) (header, payload, signature string) {
	parts := strings.Split(token, ".")
	return unb64(parts[0]), unb64(parts[1]), parts[2]
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unb64(s string) string {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// with sets a member of a JSON object to raw JSON, or removes it for "".
func with(object, name, value string) string {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		panic(err)
	}
	delete(m, name)
	var members []string
	for n, v := range m { // not json.Marshal, which would tidy what we put in
		members = append(members, strconv.Quote(n)+":"+string(v))
	}
	if value != "" {
		members = append(members, strconv.Quote(name)+":"+value)
	}
	slices.Sort(members)
	return "{" + strings.Join(members, ",") + "}"
}

// header and claim are the person's and the client's token with a member changed,
// signed by the service's own key.
func (b *bearers) header(name, value string) (out []named) {
	for who, token := range map[string]string{"alice: ": b.alice.Access, "crm: ": b.client} {
		h, p, _ := split(token)
		out = append(out, named{who + name + "=" + brief(value), b.Forge(with(h, name, value), p)})
	}
	return out
}

func (b *bearers) claim(name, value string) (out []named) {
	for who, token := range map[string]string{"alice: ": b.alice.Access, "crm: ": b.client} {
		h, p, _ := split(token)
		out = append(out, named{who + name + "=" + brief(value), b.Forge(h, with(p, name, value))})
	}
	return out
}

func brief(s string) string { return s[:min(len(s), 40)] }

// accepts makes sure that what the checks forge would be good, were it not for
// what they change.
func (b *bearers) accepts(why string) {
	b.t.Helper()
	for who, token := range map[string]string{"alice": b.alice.Access, "crm": b.client} {
		h, p, _ := split(token)
		if again := b.Forge(with(h, "", ""), with(p, "", "")); !b.Active("crm", b.secret, again) {
			b.t.Errorf("%s: the token of %s, signed again, is not good", why, who)
		}
	}
}

// trap counts whoever follows an address.
func trap(t *testing.T) (address string, visits func() int64) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		http.NotFound(w, nil)
	}))
	t.Cleanup(s.Close)
	return s.URL, n.Load
}

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

func absurdExpiry(t *testing.T) {
	b := newBearers(t)
	var tokens []named
	for _, value := range []string{"", `0`, `"4102444800"`, `1e300`, `null`, `-1`, `4102444800.5`, `[4102444800]`, `true`, `99999999999999999999`, `253402300800`} {
		tokens = append(tokens, b.claim("exp", value)...)
	}
	b.all(tokens...)
}

func outOfTime(t *testing.T) {
	b := newBearers(t)
	at := func(d time.Duration) string { return strconv.FormatInt(b.Now().Add(d).Unix(), 10) }
	tokens := append(b.claim("iat", at(15*time.Second)), b.claim("nbf", at(time.Minute))...)
	tokens = append(tokens, b.claim("nbf", at(-time.Minute))...) // none of ours has it
	for _, token := range []string{b.alice.Access, b.client} {
		h, p, _ := split(token)
		tokens = append(tokens, named{"expired", b.Forge(h, with(with(p, "iat", at(-10*time.Minute)), "exp", at(-11*time.Second)))})
	}
	b.all(tokens...)
	b.Advance(10*time.Minute + 11*time.Second)
	b.all(named{"alice's, eleven seconds late", b.alice.Access}, named{"the client's", b.client})
}

func foreignAudience(t *testing.T) {
	b := newBearers(t)
	ours := strconv.Quote(b.App.Config.Audience)
	var tokens []named
	for _, value := range []string{`"https://other.example"`, "", `""`, `null`, `[]`, `[` + ours + `,"https://other.example"]`, `["https://other.example",` + ours + `]`,
		`[` + ours + `]`, strconv.Quote(b.App.Config.Audience + "/"), strconv.Quote(strings.ToUpper(b.App.Config.Audience)), strconv.Quote(b.App.Config.Issuer + "/x")} {
		tokens = append(tokens, b.claim("aud", value)...)
	}
	b.all(tokens...)
}

func foreignIssuer(t *testing.T) {
	b := newBearers(t, "ROLEGATE_ISSUER=https://gate.example.com")
	var tokens []named
	for _, value := range []string{`"https://other.example"`, `"https://gate.example.com/"`, `"http://gate.example.com"`, `"HTTPS://gate.example.com"`,
		`"https://GATE.example.com"`, `"https://gate.example.com:443"`, `"https://gate.example.com.evil.example"`, `""`, "", `null`, `["https://gate.example.com"]`} {
		tokens = append(tokens, b.claim("iss", value)...)
	}
	b.all(tokens...)
}

// otherKinds sends every credential there is to where another is due.
func otherKinds(t *testing.T) {
	b := newBearers(t)
	key, jwk := clientKey(t)
	b.AddClient(model.Client{ID: "keyed", Tenant: model.DefaultTenant, Scopes: []string{"decide"}, PublicKey: jwk})
	invite := b.Kit.Invite("bob")
	enrolment := b.Post("/v1/invite/accept", "", map[string]any{"invite": b.Kit.Invite("carol"), "password": testkit.Password})
	ticket := b.Ticket("alice")
	h, p, _ := split(b.alice.Access)
	assertion := b.Assertion("keyed", key, nil)
	opaque := map[string]string{"ticket": ticket, "enrolment ticket": enrolment.Text("ticket"), "refresh token": b.alice.Refresh,
		"invitation": invite, "client secret": b.secret, "recovery code": b.alice.RecoveryCodes[0]}
	tokens := []named{{"ticket", ticket}, {"assertion", assertion}}
	for _, typ := range []string{`"JWT"`, `"at+JWT "`, `"id_token"`, `"logout+jwt"`, `"secevent+jwt"`, `"client-authentication+jwt"`, "", `null`, `["at+jwt"]`} {
		tokens = append(tokens, b.header("typ", typ)...)
	}
	tokens = append(tokens, named{"an ID token", b.Forge(with(h, "typ", `"JWT"`), with(p, "nonce", `"n"`))})
	for name, c := range opaque {
		tokens = append(tokens, named{name, c})
	}
	b.all(tokens...)

	// A person's token where a client's is due, and the other way round.
	for _, r := range b.routes {
		req := r.Clone(t.Context())
		req.Body, _ = r.GetBody()
		_, person := map[string]bool{"/v1/logout": true}[req.URL.Path]
		person = person || strings.HasPrefix(req.URL.Path, "/v1/me") || req.URL.Path == "/v1/step-up"
		wrong := b.alice.Access
		if person {
			wrong = b.client
		}
		req.Header.Set("Authorization", "Bearer "+wrong)
		if strings.HasPrefix(req.URL.Path, "/v1/forward") {
			req.Header.Set("Rolegate-Client-Authorization", "Bearer "+wrong)
		} else if !person && !strings.HasPrefix(req.URL.Path, "/access/") {
			continue // an administrator may come as either; see who may do what
		}
		if a, err := testkit.Do(req); err != nil || a.Status != 401 {
			t.Errorf("%s %s takes the other kind: %d, %v", req.Method, req.URL.Path, a.Status, err)
		}
	}

	// Access tokens where something opaque is due.
	access := map[string]string{"alice's": b.alice.Access, "the client's": b.client}
	maps.Copy(access, map[string]string{"a ticket": ticket, "an invitation": invite, "an assertion": assertion})
	for name, c := range access {
		if a := b.Post("/v1/token/refresh", "", map[string]any{"refresh_token": c}); a.Status != 400 && a.Status != 401 {
			t.Errorf("%s refreshes: %d", name, a.Status)
		}
		if name != "a ticket" {
			if a := b.Post("/v1/login/totp", "", map[string]any{"ticket": c, "code": b.Code(b.alice)}); a.Status != 401 {
				t.Errorf("%s is a ticket: %d", name, a.Status)
			}
		}
		if name != "an assertion" {
			a := b.Form("/oauth2/token", "", "", "grant_type", "client_credentials", "client_assertion", c, "client_assertion_type", assertionType)
			if a.Status != 401 {
				t.Errorf("%s authenticates a client: %d", name, a.Status)
			}
		}
		if a := b.AskToken("crm", c); a.Status != 401 {
			t.Errorf("%s is a client's secret: %d", name, a.Status)
		}
	}
}

func strangeNames(t *testing.T) {
	b := newBearers(t)
	var tokens []named
	for _, token := range []string{b.alice.Access, b.client} {
		h, p, _ := split(token)
		for _, name := range []string{"exp", "sub", "iss", "aud", "jti", "tenant"} {
			var m map[string]json.RawMessage
			if err := json.Unmarshal([]byte(p), &m); err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens,
				named{strings.ToUpper(name) + " for " + name, b.Forge(h, with(with(p, name, ""), strings.ToUpper(name), string(m[name])))},
				named{strings.ToUpper(name) + " beside " + name, b.Forge(h, with(p, strings.ToUpper(name), string(m[name])))},
				named{name + " twice", b.Forge(h, strings.Replace(p, "{", `{"`+name+`":`+string(m[name])+`,`, 1))})
		}
		tokens = append(tokens, named{"ROLE", b.Forge(h, with(p, "ROLE", `"admin"`))}, named{"roles", b.Forge(h, with(p, "roles", `["admin"]`))},
			named{"alg twice", b.Forge(strings.Replace(h, "{", `{"alg":"none",`, 1), p)}, named{"TYP", b.Forge(with(h, "TYP", `"at+jwt"`), p)})
	}
	b.all(tokens...)
}

func otherSpellings(t *testing.T) {
	b := newBearers(t)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var tokens []named
	for _, token := range []string{b.alice.Access, b.client} {
		last := strings.IndexByte(alphabet, token[len(token)-1])
		// 64 bytes leave four bits of the last character unused.
		tokens = append(tokens, named{"padding bits", token[:len(token)-1] + alphabet[last^1:last^1+1]})
		for name, other := range map[string]string{"=": token + "=", "==": token + "==", "a dot": token + ".", "a dot before": "." + token,
			"in between": strings.Replace(token, ".", "=.", 1), "standard alphabet": strings.ReplaceAll(strings.ReplaceAll(token, "-", "+"), "_", "/"),
			"one character less": token[:len(token)-1], "one more": token + "A"} {
			if other != token {
				tokens = append(tokens, named{name, other})
			}
		}
	}
	b.all(tokens...)
	// A line break does not get through a header, but through a form.
	for _, end := range []string{"\n", "\r\n", " ", "\x00"} {
		if b.Active("crm", b.secret, b.alice.Access+end) {
			t.Errorf("active with %q at its end", end)
		}
	}
}

func hugeTokens(t *testing.T) {
	b := newBearers(t)
	h, p, _ := split(b.alice.Access)
	deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	tokens := []named{
		{"deep claims", b.Forge(h, with(p, "amr", deep))},
		{"deep header", b.Forge(with(h, "x", deep), p)},
		{"seven thousand dots", strings.Repeat(".", 7000)},
		{"ten thousand dots", strings.Repeat(".", 10_000)},
		{"ten thousand parts", strings.Repeat("a.", 10_000)},
		{"a long signature", b.client + strings.Repeat("A", 7000)},
	}
	b.all(tokens...)
	req := b.Request("/access/v1/evaluation", strings.Repeat("a", 2<<20), map[string]any{})
	if a, err := testkit.Do(req); err == nil && a.Status != 431 && a.Status != 401 && a.Status != 400 {
		t.Errorf("a header of 2 MB: %d", a.Status)
	} // or the connection is gone before the header is

	var before, after runtime.MemStats
	const n = 200
	began := time.Now()
	runtime.ReadMemStats(&before)
	for range n / 2 {
		for _, token := range []string{tokens[0].token, tokens[2].token} {
			if a, err := testkit.Do(b.Request("/access/v1/evaluation", token, map[string]any{})); err != nil || a.Status != 401 {
				t.Fatalf("%d, %v", a.Status, err)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 512<<10 {
		t.Errorf("%d bytes a request", each)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%d requests took %v", n, took)
	}
}

func misplacedTokens(t *testing.T) {
	b := newBearers(t)
	for _, r := range b.routes {
		for _, token := range []string{b.alice.Access, b.client} {
			inQuery := r.Clone(t.Context())
			inQuery.Body, _ = r.GetBody()
			inQuery.URL.RawQuery = url.Values{"access_token": {token}, "token": {token}}.Encode()
			inForm, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(url.Values{"access_token": {token}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			inForm.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			inCookie := r.Clone(t.Context())
			inCookie.Body, _ = r.GetBody()
			inCookie.AddCookie(&http.Cookie{Name: "access_token", Value: token})
			for where, req := range map[string]*http.Request{"query": inQuery, "form": inForm, "cookie": inCookie} {
				if a, err := testkit.Do(req); err != nil || a.Status != 401 {
					t.Errorf("%s %s takes a token from the %s: %d, %v", r.Method, r.URL.Path, where, a.Status, err)
				}
			}
		}
	}
	a := b.Form("/oauth2/introspect?token="+b.alice.Access, "crm", b.secret)
	b.Want(a, 400)
}

func editedClaims(t *testing.T) {
	b := newBearers(t)
	var tokens []named
	for name, value := range map[string]string{"sub": `"bob"`, "tenant": `"acme"`, "acr": `"3"`, "amr": `["pwd","otp","mfa","hwk"]`, "scope": `"decide audit"`,
		"sid": `"x"`, "jti": `"x"`, "exp": `4102444800`, "auth_time": `4102444800`, "role": `"admin"`, "client_id": `"other"`} {
		for _, token := range []string{b.alice.Access, b.client} {
			h, p, sig := split(token)
			tokens = append(tokens, named{name, b64(h) + "." + b64(with(p, name, value)) + "." + sig})
		}
	}
	h, _, sig := split(b.client)
	_, p, _ := split(b.alice.Access)
	tokens = append(tokens, named{"alice's claims, the client's signature", b64(h) + "." + b64(p) + "." + sig})
	b.all(tokens...)
}

// sparseTokens lists everything a token says.
func sparseTokens(t *testing.T) {
	b := newBearers(t)
	for who, c := range map[string]struct{ token, claims string }{
		"alice": {b.alice.Access, "acr amr aud auth_time client_id exp iat iss jti sid sub tenant"},
		"crm":   {b.client, "aud client_id exp iat iss jti scope sub tenant"},
	} {
		claims := testkit.Claims(t, c.token)
		if got := strings.Join(slices.Sorted(maps.Keys(claims)), " "); got != c.claims {
			t.Errorf("%s: claims %q", who, got)
		}
		if len(c.token) >= 2048 {
			t.Errorf("%s: %d bytes", who, len(c.token))
		}
	}
}

func profiledTokens(t *testing.T) {
	b := newBearers(t)
	for who, token := range map[string]string{"alice": b.alice.Access, "crm": b.client} {
		header, _, _ := split(token)
		var h map[string]string
		if err := json.Unmarshal([]byte(header), &h); err != nil {
			t.Fatal(err)
		}
		if h["typ"] != "at+jwt" || h["alg"] != "EdDSA" && h["alg"] != "ES256" || h["kid"] != signingKey(t, b.Kit).ID {
			t.Errorf("%s: header %v", who, h)
		}
		c := testkit.Claims(t, token)
		iat, exp := c["iat"].(float64), c["exp"].(float64)
		if c["iss"] != b.App.Config.Issuer || c["sub"] != who || c["aud"] != b.App.Config.Audience || exp-iat != 600 || len(c["jti"].(string)) < 22 {
			t.Errorf("%s: claims %v", who, c)
		}
		if want := map[string]string{"alice": "rolegate", "crm": "crm"}[who]; c["client_id"] != want {
			t.Errorf("%s: client_id %v", who, c["client_id"])
		}
	}
	c := testkit.Claims(t, b.alice.Access)
	if c["acr"] != "2" || fmt.Sprint(c["amr"]) != "[pwd otp mfa]" || len(c["sid"].(string)) < 22 || b.Now().Unix()-int64(c["auth_time"].(float64)) > 60 {
		t.Errorf("alice: %v", c)
	}
}

func wrongOpaque(t *testing.T) {
	b := newBearers(t)
	altered := func(s string) []string {
		return []string{s[:len(s)-1], s[1:], s + "A", s + "=", s + "\n", " " + s, s[:len(s)/2], s + s, strings.ToLower(s)}
	}
	for _, wrong := range altered(b.alice.Refresh) {
		if a := b.Post("/v1/token/refresh", "", map[string]any{"refresh_token": wrong}); a.Status != 401 && a.Status != 400 {
			t.Errorf("refresh with %q: %d", wrong, a.Status)
		}
		b.Want(b.Revoke("rolegate", "", wrong), 200)
	}
	ticket := b.Ticket("alice")
	for _, wrong := range altered(ticket) {
		if a := b.Post("/v1/login/totp", "", map[string]any{"ticket": wrong, "code": b.Code(b.alice)}); a.Status != 401 && a.Status != 400 {
			t.Errorf("ticket %q: %d", wrong, a.Status)
		}
	}
	for _, wrong := range altered(b.secret) {
		b.Want(b.AskToken("crm", wrong), 401, "error", "invalid_client")
	}
	invite := b.Kit.Invite("bob")
	for _, wrong := range altered(invite) {
		if a := b.Post("/v1/invite/accept", "", map[string]any{"invite": wrong, "password": testkit.Password}); a.Status != 401 && a.Status != 400 {
			t.Errorf("invitation %q: %d", wrong, a.Status)
		}
	}
	b.Want(b.Post("/v1/token/refresh", "", map[string]any{"refresh_token": b.alice.Refresh}), 200)
	b.Want(b.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": b.NextCode(b.alice)}), 200, "status", "ok")
	b.Want(b.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}), 200)
}

func publicKeysOnly(t *testing.T) {
	for _, alg := range []string{"ES256", "EdDSA"} {
		k := testkit.New(t, "ROLEGATE_SIGNING_ALGORITHM="+alg)
		a := k.Get("/.well-known/jwks.json")
		k.Want(a, 200)
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(a.Raw, &set); err != nil || len(set.Keys) == 0 {
			t.Fatalf("%s: %v", a.Raw, err)
		}
		for _, key := range set.Keys {
			members := strings.Join(slices.Sorted(maps.Keys(key)), " ")
			if want := map[string]string{"ES256": "alg crv kid kty use x y", "EdDSA": "alg crv kid kty use x"}[alg]; members != want {
				t.Errorf("%s: members %q", alg, members)
			}
			raw, err := json.Marshal(key)
			if err != nil {
				t.Fatal(err)
			}
			var theirs jose.JSONWebKey
			if err := theirs.UnmarshalJSON(raw); err != nil || !theirs.IsPublic() || !theirs.Valid() || key["use"] != "sig" || key["alg"] != alg {
				t.Errorf("%s: %s, %v", alg, raw, err)
			}
			if thumbprint, err := theirs.Thumbprint(crypto.SHA256); err != nil || b64(string(thumbprint)) != key["kid"] {
				t.Errorf("%s: kid %s is not the thumbprint", alg, key["kid"])
			}
		}
		if got := a.Header.Get("Cache-Control"); got != "public, max-age=300" || a.Header.Get("ETag") == "" {
			t.Errorf("%s: %q, ETag %q", alg, got, a.Header.Get("ETag"))
		}
	}
}
