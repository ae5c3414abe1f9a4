package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

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
		Key: func(kid string) (Key, error) {
			if k, ok := byID[kid]; ok {
				return k, nil
			}
			return Key{}, ErrNoKey
		},
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
