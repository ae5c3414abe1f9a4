package server

import (
	"net/http"
	"strings"

	"rolegate/model"
)

const (
	realm = "rolegate"

	// maxAuthorization bounds the Authorization header; our tokens have less
	// than 2 kB.
	maxAuthorization = 8 << 10
)

// bearer takes the access token from the one Authorization header: scheme
// Bearer in any case, one space, and the token. Tokens anywhere else do not
// count.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 || len(values[0]) > maxAuthorization {
		return "", errNoToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !isToken68(token) {
		return "", errNoToken
	}
	return token, nil
}

// challenge says how to authenticate (RFC 6750 section 3).
func challenge(r *http.Request) string {
	if len(r.Header.Values("Authorization")) == 0 {
		return `Bearer realm="` + realm + `"`
	}
	return `Bearer realm="` + realm + `", error="invalid_token"`
}

var errNoToken = &model.Error{Code: model.CodeUnauthorized}

// isToken68 tells whether s is spelled as RFC 6750 section 2.1 wants it.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	if s == "" {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return true
}
