package testkit

import "net/http"

// Proxied has the service believe the X-Forwarded-For of PostFrom.
const Proxied = "ROLEGATE_TRUSTED_PROXIES=127.0.0.0/8"

// From is a request as a proxy would pass it on from an address; headers are
// pairs of name and value.
func From(req *http.Request, addr string, headers ...string) *http.Request {
	req.Header.Set("X-Forwarded-For", addr)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// PostFrom is Post without a token, from an address.
func (k *Kit) PostFrom(addr, path string, body any, headers ...string) Answer {
	k.T.Helper()
	return k.Send(From(k.Request(path, "", body), addr, headers...))
}

// TryPassword does the password step from an address.
func (k *Kit) TryPassword(addr, username, password string, headers ...string) Answer {
	k.T.Helper()
	return k.PostFrom(addr, "/v1/login", map[string]any{"username": username, "password": password}, headers...)
}
