package app_test

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"rolegate/internal/testkit"
)

// Traefik and Envoy are not run here. Their configurations are read, and what
// these proxies document to do with them is done: doc.traefik.io (ForwardAuth,
// Headers) and envoyproxy.io (ext_authz.v3.HttpService, header_mutation.v3).

// player passes a request on as a proxy would: what the CRM would get, or the
// status of the answer instead.
type player func(t *testing.T, k *testkit.Kit, method, target string, h http.Header) (toCRM http.Header, status int)

func readConfiguration(t *testing.T, name, credentials string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../docs/forward-auth/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(text), `"Basic …"`, `"`+credentials+`"`)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

type traefikFile struct {
	HTTP struct {
		Routers     map[string]struct{ Middlewares []string }
		Middlewares map[string]struct {
			Headers *struct {
				CustomRequestHeaders map[string]string `yaml:"customRequestHeaders"`
			}
			ForwardAuth *struct {
				Address                  string
				TrustForwardHeader       *bool    `yaml:"trustForwardHeader"`
				AuthRequestHeaders       []string `yaml:"authRequestHeaders"`
				AuthResponseHeadersRegex string   `yaml:"authResponseHeadersRegex"`
			} `yaml:"forwardAuth"`
		}
	}
}

// asTraefik runs a request through the router's middlewares, in their order.
func asTraefik(credentials string) player {
	return func(t *testing.T, k *testkit.Kit, method, target string, h http.Header) (http.Header, int) {
		t.Helper()
		var f traefikFile
		readConfiguration(t, "traefik.yml", credentials, &f)
		h = h.Clone()
		asked := false
		for _, name := range f.HTTP.Routers["crm"].Middlewares {
			m := f.HTTP.Middlewares[name]
			if m.Headers != nil {
				for name, value := range m.Headers.CustomRequestHeaders {
					if h.Del(name); value != "" {
						h.Set(name, value)
					}
				}
				continue
			}
			a := m.ForwardAuth
			if a == nil || a.TrustForwardHeader == nil || *a.TrustForwardHeader {
				t.Fatalf("the middleware %s neither changes headers nor asks, or believes the client", name)
			}
			asked = true
			req, err := http.NewRequest(http.MethodGet, strings.Replace(a.Address, "http://127.0.0.1:8080", k.URL, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range a.AuthRequestHeaders {
				if values := h.Values(name); len(values) > 0 {
					req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
				}
			}
			req.Header.Set("X-Forwarded-Method", method)
			req.Header.Set("X-Forwarded-Uri", target)
			answer := k.Send(req)
			if answer.Status < 200 || answer.Status > 299 {
				return nil, answer.Status
			}
			ours := regexp.MustCompile(a.AuthResponseHeadersRegex)
			for name := range h {
				if ours.MatchString(name) {
					delete(h, name)
				}
			}
			for name, values := range answer.Header {
				if ours.MatchString(name) {
					h[name] = values
				}
			}
		}
		if !asked {
			t.Fatal("nobody was asked")
		}
		return h, 200
	}
}

type envoyFile struct {
	StaticResources struct {
		Listeners []struct {
			FilterChains []struct {
				Filters []struct {
					TypedConfig struct {
						NormalizePath bool   `yaml:"normalize_path"`
						Slashes       string `yaml:"path_with_escaped_slashes_action"`
						Common        struct {
							Underscores string `yaml:"headers_with_underscores_action"`
						} `yaml:"common_http_protocol_options"`
						HTTPFilters []envoyFilter `yaml:"http_filters"`
					} `yaml:"typed_config"`
				}
			} `yaml:"filter_chains"`
		}
	} `yaml:"static_resources"`
}

type envoyFilter struct {
	Name        string
	TypedConfig struct {
		Mutations struct {
			Request []struct {
				RemoveOnMatch struct {
					Key struct {
						Prefix    string
						SafeRegex struct{ Regex string } `yaml:"safe_regex"`
					} `yaml:"key_matcher"`
				} `yaml:"remove_on_match"`
			} `yaml:"request_mutations"`
		}
		FailureModeAllow bool     `yaml:"failure_mode_allow"`
		AllowedHeaders   patterns `yaml:"allowed_headers"`
		Service          struct {
			PathPrefix string `yaml:"path_prefix"`
			Request    struct {
				Add []struct{ Key, Value string } `yaml:"headers_to_add"`
			} `yaml:"authorization_request"`
			Response struct {
				Upstream patterns `yaml:"allowed_upstream_headers"`
				Client   patterns `yaml:"allowed_client_headers"`
			} `yaml:"authorization_response"`
		} `yaml:"http_service"`
	} `yaml:"typed_config"`
}

type patterns struct{ Patterns []struct{ Exact string } }

// asEnvoy runs a request through the HTTP filters, in their order.
func asEnvoy(credentials string) player {
	return func(t *testing.T, k *testkit.Kit, method, target string, h http.Header) (http.Header, int) {
		t.Helper()
		var f envoyFile
		readConfiguration(t, "envoy.yaml", credentials, &f)
		manager := f.StaticResources.Listeners[0].FilterChains[0].Filters[0].TypedConfig
		if !manager.NormalizePath || manager.Slashes != "REJECT_REQUEST" || manager.Common.Underscores != "REJECT_REQUEST" {
			t.Fatalf("the connection manager is %+v", manager)
		}
		h = h.Clone()
		for name := range h {
			if strings.Contains(name, "_") {
				return nil, 400
			}
		}
		asked := false
		for _, filter := range manager.HTTPFilters {
			c := filter.TypedConfig
			for _, m := range c.Mutations.Request {
				key := m.RemoveOnMatch.Key
				whole := regexp.MustCompile("^(?:" + key.SafeRegex.Regex + ")$")
				maps.DeleteFunc(h, func(name string, _ []string) bool {
					name = strings.ToLower(name)
					return key.Prefix != "" && strings.HasPrefix(name, key.Prefix) || whole.MatchString(name)
				})
			}
			if filter.Name != "envoy.filters.http.ext_authz" {
				continue
			}
			asked = true
			if c.FailureModeAllow {
				t.Fatal("no answer is yes")
			}
			req, err := http.NewRequest(method, k.URL+c.Service.PathPrefix+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range c.AllowedHeaders.Patterns {
				if values := h.Values(p.Exact); len(values) > 0 {
					req.Header[http.CanonicalHeaderKey(p.Exact)] = slices.Clone(values)
				}
			}
			for _, add := range c.Service.Request.Add {
				req.Header.Set(add.Key, add.Value)
			}
			answer, err := testkit.Do(req) // the contract's router knows no paths with slashes
			if err != nil {
				t.Fatal(err)
			}
			if answer.Status != 200 {
				for _, name := range []string{"www-authenticate", "rolegate-code", "content-type"} {
					if !slices.ContainsFunc(c.Service.Response.Client.Patterns, func(p struct{ Exact string }) bool { return p.Exact == name }) {
						t.Errorf("the client is not told %s", name)
					}
				}
				return nil, answer.Status
			}
			for _, p := range c.Service.Response.Upstream.Patterns {
				if value := answer.Header.Get(p.Exact); value != "" {
					h.Set(p.Exact, value)
				}
			}
		}
		if !asked {
			t.Fatal("nobody was asked")
		}
		return h, 200
	}
}

func TestPlayedProxies(t *testing.T) {
	for name, as := range map[string]func(string) player{"traefik": asTraefik, "envoy": asEnvoy} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			office(k)
			alice := k.MustEnrol("alice", "sales-rep")
			play := as(basicFor(k, "proxy"))
			person := http.Header{"Authorization": {"Bearer " + alice.Access}}
			for request, want := range map[string]int{
				"GET /api/contacts?x=1": 200, "GET /api/contacts/17": 200, "PATCH /api/contacts/17": 200, "POST /api/contacts": 200,
				"GET /api/contacts/18": 403, "DELETE /api/contacts/17": 403, "GET /admin": 403, "GET /": 403, "HEAD /api/contacts/17": 403,
				"GET /api/contacts/17/../18": 403, "GET //api/contacts/17": 403, "GET /api/contacts/%2e%2e/x": 403, "GET /api/contacts/17%2Fx": 403,
			} {
				method, target, _ := strings.Cut(request, " ")
				got, status := play(t, k, method, target, person)
				if status != want || status == 200 && identity(got)["rolegate-subject"] != "alice" {
					t.Errorf("%s: %d, want %d, and the CRM is told %v", request, status, want, identity(got))
				}
				if _, status := play(t, k, method, target, http.Header{}); status != 401 {
					t.Errorf("%s by nobody: %d", request, status)
				}
			}
			for _, name := range append(slices.Clone(overrides), "Rolegate-Client-Authorization") {
				for _, spelled := range spellings(name, "-_.!") {
					spoofed := person.Clone()
					spoofed.Set(spelled, "DELETE")
					got, status := play(t, k, "GET", "/api/contacts", spoofed)
					if found := override(got); found != "" || status != 200 && (status != 400 || !strings.Contains(spelled, "_")) {
						t.Errorf("%s: %d, and %q reached the CRM", spelled, status, found)
					}
				}
			}
			for _, header := range []string{"Subject", "Tenant", "Revision", "Filter", "Fields", "Code", "Client-Authorization"} {
				for _, name := range spellings("Rolegate-"+header, "-_.!") {
					spoofed := person.Clone()
					spoofed[http.CanonicalHeaderKey(name)] = []string{"spoofed"}
					spoofed["X-Forwarded-Uri"], spoofed["X-Forwarded-Method"] = []string{"/api/contacts/17"}, []string{"GET"}
					spoofed["X-Original-Url"], spoofed["X-Http-Method-Override"] = []string{"/admin"}, []string{"DELETE"}
					if got, status := play(t, k, "GET", "/api/contacts", spoofed); status == 200 {
						id := identity(got)
						if id["rolegate-subject"] != "alice" || id["rolegate-filter"] != "conditional" || id["rolegate-fields"] != "whole" || id["rolegate-tenant"] != "default" ||
							id["rolegate-revision"] == "" || strings.Contains(id["rolegate-revision"], "spoofed") || id["rolegate-client-authorization"]+id["rolegate-code"] != "" || got.Get("X-Original-Url")+got.Get("X-Http-Method-Override") != "" {
							t.Errorf("%s: the CRM is told %v", name, got)
						}
					} else if !strings.Contains(name, "_") || status != 400 {
						t.Errorf("%s: %d", name, status)
					}
					if _, status := play(t, k, "GET", "/api/contacts/18", spoofed); status != 403 && status != 400 {
						t.Errorf("%s opened another's contact: %d", name, status)
					}
				}
			}
		})
	}
}
