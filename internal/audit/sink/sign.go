package sink

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretPrefix begins the text of a secret (Standard Webhooks 1.0.0, signature
// scheme).
const secretPrefix = "whsec_"

// ParseSecrets reads the secrets of a webhook: one, or several with blanks between
// them while one takes the place of another. Each is "whsec_" and 24 to 64 bytes in
// base64. The error does not hold them.
func ParseSecrets(text string) ([][]byte, error) {
	var keys [][]byte
	for s := range strings.FieldsSeq(text) {
		encoded, ok := strings.CutPrefix(s, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, errors.New(`is "whsec_" and 24 to 64 random bytes in base64`)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("is empty")
	}
	return keys, nil
}

// signature is the webhook-signature header: one of each key.
func signature(keys [][]byte, id string, at time.Time, body []byte) string {
	var all []string
	for _, key := range keys {
		h := hmac.New(sha256.New, key)
		fmt.Fprintf(h, "%s.%d.", id, at.Unix())
		h.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// messageID is the same for the same body, however often it is sent, and has no
// full stop in it.
func messageID(body []byte) string {
	sum := sha256.Sum256(body)
	return "msg_" + base64.RawURLEncoding.EncodeToString(sum[:18])
}

// stamp is the webhook-timestamp header.
func stamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
