package checklist

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"rolegate/api"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// bearers is a service with a person's and a client's token, and every route
// that takes one.
type bearers struct {
	*testkit.Kit
	t      *testing.T
	alice  *testkit.Person
	secret string // of the client crm
	client string // its token
	routes []*http.Request
}

func newBearers(t *testing.T, settings ...string) *bearers {
	k := testkit.New(t, settings...)
	b := &bearers{Kit: k, t: t, alice: k.MustEnrol("alice", "sales-rep")}
	b.secret = k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "explain", "directory"}})
	b.client = k.TokenFor("crm", b.secret)
	b.routes = protected(t, k.URL)
	return b
}

// protected lists the routes of the contract that want an access token, each as
// a request without one.
func protected(t *testing.T, base string) (requests []*http.Request) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for method, op := range paths[path].Operations() {
			if op.Security == nil || !wantsToken(*op.Security) {
				continue
			}
			req, err := http.NewRequest(method, base+filled(path), strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			requests = append(requests, req)
		}
	}
	if len(requests) < 20 {
		t.Fatalf("only %d routes want a token", len(requests))
	}
	return requests
}

func wantsToken(needs openapi3.SecurityRequirements) bool {
	return slices.ContainsFunc(needs, func(need openapi3.SecurityRequirement) bool {
		_, person := need["personToken"]
		_, client := need["clientToken"]
		_, proxy := need["proxyClient"]
		return person || client || proxy
	})
}

// filled puts something in place of a path's parameters.
func filled(path string) string {
	for {
		before, rest, ok := strings.Cut(path, "{")
		if !ok {
			return path
		}
		_, after, _ := strings.Cut(rest, "}")
		path = before + "x" + after
	}
}

// refused sends a token to the routes, and wants 401 of each; and wants it to be
// worth nothing where it is asked about. What is too long for a header may be
// refused as such.
func (b *bearers) refused(name, token string, routes []*http.Request) {
	b.t.Helper()
	for _, route := range routes {
		req := route.Clone(b.t.Context())
		req.Body, _ = route.GetBody()
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Rolegate-Client-Authorization", "Bearer "+token)
		a, err := testkit.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		if tooLong := len(token) > 8<<10 && a.Status == http.StatusRequestHeaderFieldsTooLarge; a.Status != http.StatusUnauthorized && !tooLong {
			b.t.Errorf("%s: %s %s answers %d: %s", name, req.Method, req.URL.Path, a.Status, a.Raw)
		}
	}
	a := b.Introspect("crm", b.secret, token)
	if tooLong := len(token) > 8<<10 && a.Status == http.StatusRequestEntityTooLarge; string(a.Raw) != inactive && !tooLong {
		b.t.Errorf("%s: introspection answers %d: %s", name, a.Status, a.Raw)
	}
}

// all sends the first of the tokens to every route, and the others to one of each kind:
// for any person, for one with a fresh factor, for an officer, for clients and for proxies.
func (b *bearers) all(tokens ...named) {
	b.t.Helper()
	var few []*http.Request
	for _, r := range b.routes {
		switch r.Method + " " + r.URL.Path {
		case "POST /v1/logout", "POST /v1/me/recovery-codes", "GET /v1/admin/users", "POST /access/v1/evaluation", "GET /v1/forward-auth":
			few = append(few, r)
		}
	}
	if len(few) != 5 {
		b.t.Fatalf("%d routes are one of each kind", len(few))
	}
	for i, n := range tokens {
		routes := few
		if i == 0 {
			routes = b.routes
		}
		b.refused(n.name, n.token, routes)
	}
}

// inactive is all that is said of a token that is worth nothing.
const inactive = "{\"active\":false}\n"

type named struct{ name, token string }

func split(token string) (header, payload, signature string) {
	parts := strings.Split(token, ".")
	return unb64(parts[0]), unb64(parts[1]), parts[2]
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unb64(s string) string {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// with sets a member of a JSON object to raw JSON, or removes it for "".
func with(object, name, value string) string {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		panic(err)
	}
	delete(m, name)
	var members []string
	for n, v := range m { // not json.Marshal, which would tidy what we put in
		members = append(members, strconv.Quote(n)+":"+string(v))
	}
	if value != "" {
		members = append(members, strconv.Quote(name)+":"+value)
	}
	slices.Sort(members)
	return "{" + strings.Join(members, ",") + "}"
}

// header and claim are the person's and the client's token with a member changed,
// signed by the service's own key.
func (b *bearers) header(name, value string) (out []named) {
	for who, token := range map[string]string{"alice: ": b.alice.Access, "crm: ": b.client} {
		h, p, _ := split(token)
		out = append(out, named{who + name + "=" + brief(value), b.Forge(with(h, name, value), p)})
	}
	return out
}

func (b *bearers) claim(name, value string) (out []named) {
	for who, token := range map[string]string{"alice: ": b.alice.Access, "crm: ": b.client} {
		h, p, _ := split(token)
		out = append(out, named{who + name + "=" + brief(value), b.Forge(h, with(p, name, value))})
	}
	return out
}

func brief(s string) string { return s[:min(len(s), 40)] }

// accepts makes sure that what the checks forge would be good, were it not for
// what they change.
func (b *bearers) accepts(why string) {
	b.t.Helper()
	for who, token := range map[string]string{"alice": b.alice.Access, "crm": b.client} {
		h, p, _ := split(token)
		if again := b.Forge(with(h, "", ""), with(p, "", "")); !b.Active("crm", b.secret, again) {
			b.t.Errorf("%s: the token of %s, signed again, is not good", why, who)
		}
	}
}

// trap counts whoever follows an address.
func trap(t *testing.T) (address string, visits func() int64) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		http.NotFound(w, nil)
	}))
	t.Cleanup(s.Close)
	return s.URL, n.Load
}
