package token

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
	find := func(string) (Key, error) { return Key{}, ErrNoKey }
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
	unmade := &Verifier{Issuer: issuer, Audience: audience, Key: func(string) (Key, error) { return key, nil }}
	refused(t, unmade, "a verifier not made by NewVerifier", mustSign(t, key, person()))
	v, err := NewVerifier(Verifier{Issuer: issuer, Audience: audience, Key: func(string) (Key, error) { return key, nil }})
	if err != nil {
		t.Fatal(err)
	}
	c := client()
	c.IssuedAt, c.ExpiresAt = time.Now(), time.Now().Add(time.Minute)
	if _, err := v.Verify(mustSign(t, key, c)); err != nil {
		t.Errorf("without Now: %v, want the real time", err)
	}
}
