package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"

	"github.com/go-json-experiment/json"

	"rolegate/model"
)

// What an RSA key of a client may have, in bits: below it is weak, above it is
// work for us.
const minRSA, maxRSA = 2048, 4096

// privateMembers are those a JWK has only when it can sign (RFC 7518, section 6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// ParseJWK reads the public key a client registers, one JWK (RFC 7517) of P-256,
// Ed25519 or RSA. The key's type alone says what it may sign: ES256, EdDSA or
// RS256. canonical is the same key with no more than it needs, the text whose
// SHA-256 is its id (RFC 7638); ParseJWK reads that, too.
//
// The errors are sentences for whoever registers it. A private key is one.
func ParseJWK(data []byte) (key Key, canonical string, err error) {
	m, err := members(data)
	if err != nil {
		return Key{}, "", model.Say("this is no JWK: not one JSON object without repeated or empty members").Err()
	}
	for _, name := range privateMembers {
		if _, there := m[name]; there {
			return Key{}, "", model.Say("this is a private or shared key: register the public half only, and make a new pair, as this one has been shown").Err()
		}
	}
	var j struct {
		KeyType   string `json:"kty"`
		Curve     string `json:"crv"`
		X         string `json:"x"`
		Y         string `json:"y"`
		N         string `json:"n"`
		E         string `json:"e"`
		Algorithm string `json:"alg"`
		Use       string `json:"use"`
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return Key{}, "", model.Say("this is no JWK: a member is not text").Err()
	}
	switch {
	case j.KeyType == "EC" && j.Curve == "P-256":
		key, canonical, err = parseP256(j.X, j.Y)
	case j.KeyType == "OKP" && j.Curve == "Ed25519":
		key, canonical, err = parseEd25519(j.X)
	case j.KeyType == "RSA":
		key, canonical, err = parseRSA(j.N, j.E)
	default:
		return Key{}, "", model.Say("a client's key is of kty EC with P-256, OKP with Ed25519, or RSA").Err()
	}
	switch {
	case err != nil:
		return Key{}, "", err
	case j.Algorithm != "" && j.Algorithm != key.Algorithm && !(j.Algorithm == "Ed25519" && key.Algorithm == EdDSA): // RFC 9864
		return Key{}, "", model.Say("a key of this type signs with %s, but its alg says otherwise", key.Algorithm).Err()
	case j.Use != "" && j.Use != "sig":
		return Key{}, "", model.Say("this key is not for signatures, says its use").Err()
	}
	return key, canonical, nil
}

func parseP256(x, y string) (Key, string, error) {
	px, py := unbase64(x), unbase64(y)
	if len(px) != 32 || len(py) != 32 { // RFC 7518, section 6.2.1.2: always the full length
		return Key{}, "", model.Say("x and y of a P-256 key are 32 bytes each, in base64url without padding").Err()
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, px...), py...))
	if err != nil {
		return Key{}, "", model.Say("x and y are no point of P-256").Err()
	}
	return clientKey(ES256, public, fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, x, y))
}

func parseEd25519(x string) (Key, string, error) {
	public := unbase64(x)
	if len(public) != ed25519.PublicKeySize {
		return Key{}, "", model.Say("x of an Ed25519 key is 32 bytes, in base64url without padding").Err()
	}
	return clientKey(EdDSA, ed25519.PublicKey(public), fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, x))
}

func parseRSA(n, e string) (Key, string, error) {
	modulus := new(big.Int).SetBytes(unbase64(n))
	if bits := modulus.BitLen(); bits < minRSA || bits > maxRSA {
		return Key{}, "", model.Say("an RSA key has %d to %d bits, and n in base64url without padding", minRSA, maxRSA).Err()
	}
	if e != "AQAB" {
		return Key{}, "", model.Say("the exponent of an RSA key is 65537").Err()
	}
	return clientKey(RS256, &rsa.PublicKey{N: modulus, E: 65537}, fmt.Sprintf(`{"e":"AQAB","kty":"RSA","n":"%s"}`, n))
}

func clientKey(alg string, public crypto.PublicKey, canonical string) (Key, string, error) {
	thumbprint := sha256.Sum256([]byte(canonical))
	return Key{ID: base64.RawURLEncoding.EncodeToString(thumbprint[:]), Algorithm: alg, Public: public}, canonical, nil
}

// unbase64 is empty for what is no base64url, or has another spelling.
func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != s { // line breaks are skipped by the decoder
		return nil
	}
	return b
}
