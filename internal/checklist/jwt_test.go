package checklist

import (
	"crypto"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"rolegate/internal/testkit"
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
	permissions, tried := map[string]string{}, map[string]int{}
	for _, r := range routes(t) {
		permissions[r.method+" "+parameter.ReplaceAllString(r.path, "x")] = r.permission
	}
	for _, r := range b.routes {
		req := r.Clone(t.Context())
		req.Body, _ = r.GetBody()
		kind, _, _ := strings.Cut(permissions[req.Method+" "+req.URL.Path], "(")
		tried[kind]++
		wrong := ""
		switch kind {
		case "person", "officer":
			wrong = b.client
		case "client", "proxy":
			wrong = b.alice.Access
		default:
			t.Fatalf("%s %s is for %q", req.Method, req.URL.Path, kind)
		}
		req.Header.Set("Authorization", "Bearer "+wrong)
		if kind == "proxy" {
			req.Header.Set("Rolegate-Client-Authorization", "Bearer "+wrong)
		}
		if a, err := testkit.Do(req); err != nil || a.Status != 401 {
			t.Errorf("%s %s takes the other kind: %d, %v", req.Method, req.URL.Path, a.Status, err)
		}
	}
	if tried["person"] < 10 || tried["officer"] < 20 || tried["client"] < 20 || tried["proxy"] < 10 {
		t.Errorf("tried %v", tried)
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
