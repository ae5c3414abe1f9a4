package testkit

import (
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
)

// Form posts a form; id and secret, if any, go by HTTP Basic. Parameters are
// pairs of name and value.
func (k *Kit) Form(path, id, secret string, parameters ...string) Answer {
	k.T.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Add(parameters[i], parameters[i+1])
	}
	req, err := http.NewRequest(http.MethodPost, k.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		k.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" || secret != "" {
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	return k.Send(req)
}

// Introspect asks what a token is worth.
func (k *Kit) Introspect(id, secret, token string) Answer {
	k.T.Helper()
	return k.Form("/oauth2/introspect", id, secret, "token", token)
}

// Active tells whether a token is active for a client.
func (k *Kit) Active(id, secret, token string) bool {
	k.T.Helper()
	a := k.Introspect(id, secret, token)
	k.Want(a, 200)
	return a.Body["active"] == true
}

// Revoke ends a token as a client, or with id "rolegate" and no secret as whoever
// holds a person's token.
func (k *Kit) Revoke(id, secret, token string) Answer {
	k.T.Helper()
	if secret == "" {
		return k.Form("/oauth2/revoke", "", "", "token", token, "client_id", id)
	}
	return k.Form("/oauth2/revoke", id, secret, "token", token)
}

// Forge signs any header and payload with the service's own key, as an attacker
// could who found a way to have it used.
func (k *Kit) Forge(header, payload string) string {
	k.T.Helper()
	key, err := k.App.Login.Keys.Current()
	if err != nil {
		k.T.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	sig, err := jwt.GetSigningMethod(key.Algorithm).Sign(input, key.Private)
	if err != nil {
		k.T.Fatal(err)
	}
	return input + "." + b64(sig)
}

// Assertion is what a client with the key signs to authenticate: claims win over
// those that are right.
func (k *Kit) Assertion(client string, key jose.SigningKey, claims map[string]any) string {
	k.T.Helper()
	all := map[string]any{"iss": client, "sub": client, "aud": k.App.Login.Issuer, "jti": rand.Text(),
		"iat": k.Now().Unix(), "exp": k.Now().Add(time.Minute).Unix()}
	for name, v := range claims {
		all[name] = v
	}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		k.T.Fatal(err)
	}
	payload, err := json.Marshal(all)
	if err != nil {
		k.T.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		k.T.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		k.T.Fatal(err)
	}
	return raw
}

// Recorded runs f and returns what the log got meanwhile.
func (k *Kit) Recorded(f func()) []audit.Leaf {
	k.T.Helper()
	var leaves []audit.Leaf
	for _, e := range audittest.Left(k.T, k.App.Store, f) {
		leaves = append(leaves, e.Leaf)
	}
	return leaves
}

// Count is the one number a query of the SQLite database gives.
func (k *Kit) Count(query string) (n int) {
	k.T.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.Config.Data, "rolegate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		k.T.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		k.T.Fatal(err)
	}
	return n
}
