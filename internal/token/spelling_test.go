package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
