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
	values := r.Header["Authorization"]
	if len(values) != 1 || len(values[0]) > maxAuthorization {
		return "", errNoToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !isToken68(token) {
		return "", errNoToken
	}
	return token, nil
}

// challenge says how to authenticate, and of what was no good only to who brought a
// token: another scheme is as none (RFC 6750 section 3.1).
func challenge(r *http.Request) string {
	for _, value := range r.Header["Authorization"] {
		if words := strings.Fields(value); len(words) > 0 && strings.EqualFold(words[0], "Bearer") {
			return `Bearer realm="` + realm + `", error="invalid_token"`
		}
	}
	return `Bearer realm="` + realm + `"`
}

var errNoToken = &model.Error{Code: model.CodeUnauthorized}

// isToken68 tells whether s is spelled as RFC 6750 section 2.1 wants it.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if !token68[s[i]] {
			return false
		}
	}
	return s != ""
}

var token68 = func() (t [256]bool) {
	for c := range len(t) {
		b := byte(c)
		t[c] = 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("-._~+/", b) >= 0
	}
	return t
}()
