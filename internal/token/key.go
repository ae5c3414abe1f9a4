package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// The algorithms access tokens are signed with. There is no shared-secret
// algorithm, so nobody who can verify a token can make one.
const (
	ES256 = "ES256" // ECDSA with P-256 and SHA-256, RFC 7518 section 3.4
	EdDSA = "EdDSA" // Ed25519, RFC 8037 section 3.1
	RS256 = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518 section 3.3, for verifiers that know no other
)

// Algorithms are all of them; the first is the default.
var Algorithms = []string{ES256, EdDSA, RS256}

// rsaBits is the length of RSA keys: about as hard as P-256 (NIST SP 800-57
// part 1, section 5.6.1.1).
const rsaBits = 3072

// Key is a signing key, or, with Private nil, a key that only verifies.
type Key struct {
	ID        string           // RFC 7638 thumbprint of Public: the same key always has the same id
	Algorithm string           // ES256, EdDSA or RS256
	Private   crypto.Signer    // *ecdsa.PrivateKey, ed25519.PrivateKey or *rsa.PrivateKey
	Public    crypto.PublicKey // *ecdsa.PublicKey, ed25519.PublicKey or *rsa.PublicKey
}

// String names the key. With GoString and LogValue it keeps the private half
// out of logs and error messages.
func (k Key) String() string { return k.Algorithm + " key " + k.ID }

// GoString is String.
func (k Key) GoString() string { return k.String() }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON refuses: JWKS writes public keys, Marshal writes private ones.
func (k Key) MarshalJSON() ([]byte, error) {
	return nil, errors.New("token: a key is not written as JSON by accident; use JWKS or Marshal")
}

// Generate makes a new key for the algorithm.
func Generate(alg string) (Key, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits) // takes a second
	default:
		return Key{}, unknownAlgorithm(alg)
	}
	if err != nil {
		return Key{}, fmt.Errorf("generate %s key: %w", alg, err)
	}
	return newKey(private)
}

// Marshal writes the private key as PKCS #8 in DER, for sealing.
func Marshal(k Key) ([]byte, error) {
	if k.Private == nil {
		return nil, errors.New("token: the key has no private half")
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("marshal %s: %w", k, err)
	}
	return der, nil
}

// Parse reads what Marshal wrote. A key for another algorithm than alg is an
// error.
func Parse(alg string, der []byte) (Key, error) {
	if !slices.Contains(Algorithms, alg) {
		return Key{}, unknownAlgorithm(alg)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, fmt.Errorf("parse %s key: %w", alg, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return Key{}, fmt.Errorf("parse %s key: it cannot sign", alg)
	}
	key, err := newKey(signer)
	if err != nil {
		return Key{}, fmt.Errorf("parse %s key: %w", alg, err)
	}
	if key.Algorithm != alg {
		return Key{}, fmt.Errorf("parse %s key: it is a key for %s", alg, key.Algorithm)
	}
	return key, nil
}

func newKey(private crypto.Signer) (Key, error) {
	public := private.Public()
	j, err := toJWK(public)
	if err != nil {
		return Key{}, err
	}
	return Key{ID: j.KeyID, Algorithm: j.Algorithm, Private: private, Public: public}, nil
}

func unknownAlgorithm(alg string) error {
	return fmt.Errorf("token: the signing algorithm %q is none of %s", alg, strings.Join(Algorithms, ", "))
}

// method is the library's signing method for one of our algorithms.
func method(alg string) (jwt.SigningMethod, error) {
	switch alg {
	case ES256:
		return jwt.SigningMethodES256, nil
	case EdDSA:
		return jwt.SigningMethodEdDSA, nil
	case RS256:
		return jwt.SigningMethodRS256, nil
	}
	return nil, unknownAlgorithm(alg)
}

// jwk is a public key as RFC 7517 writes it. It has no place for a private one.
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	Modulus   string `json:"n,omitempty"`
	Exponent  string `json:"e,omitempty"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

func toJWK(public crypto.PublicKey) (jwk, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	j := jwk{Use: "sig"}
	var canonical string // the thumbprint's input: required members only, in order (RFC 7638, section 3.2)
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return jwk{}, errors.New("token: the curve is not P-256")
		}
		point, err := public.Bytes() // 4, then x and y of 32 bytes each
		if err != nil {
			return jwk{}, fmt.Errorf("token: %w", err)
		}
		j.KeyType, j.Curve, j.Algorithm = "EC", "P-256", ES256
		j.X, j.Y = b64(point[1:33]), b64(point[33:])
		canonical = fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, j.X, j.Y)
	case ed25519.PublicKey:
		if len(public) != ed25519.PublicKeySize {
			return jwk{}, errors.New("token: not an Ed25519 key")
		}
		j.KeyType, j.Curve, j.Algorithm = "OKP", "Ed25519", EdDSA
		j.X = b64(public)
		canonical = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, j.X) // RFC 8037, section 2
	case *rsa.PublicKey:
		if public.N == nil || public.N.BitLen() < rsaBits {
			return jwk{}, fmt.Errorf("token: the RSA key has less than %d bits", rsaBits)
		}
		j.KeyType, j.Algorithm = "RSA", RS256
		j.Modulus, j.Exponent = b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
		canonical = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, j.Exponent, j.Modulus)
	default:
		return jwk{}, fmt.Errorf("token: %T is no key for %s", public, strings.Join(Algorithms, ", "))
	}
	thumbprint := sha256.Sum256([]byte(canonical))
	j.KeyID = b64(thumbprint[:])
	return j, nil
}

// JWKS is the public key set to publish (RFC 7517, section 5), the same bytes
// for the same keys. A key that did not come from Generate or Parse and cannot
// be expressed is left out, so that its tokens are refused.
func JWKS(keys []Key) []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, k := range keys {
		if j, err := toJWK(k.Public); err == nil {
			set.Keys = append(set.Keys, j)
		}
	}
	out, err := json.Marshal(set)
	if err != nil {
		panic(err) // strings of base64 are always JSON
	}
	return out
}
