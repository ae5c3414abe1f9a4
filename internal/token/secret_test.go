package token

import (
	"encoding/hex"
	"strings"
	"testing"
)

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
