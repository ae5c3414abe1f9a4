package token

import (
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

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
