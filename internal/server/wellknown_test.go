package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

// pdp is the metadata of the decision point with the identifier.
func pdp(issuer, identifier string) map[string]any {
	return map[string]any{
		"policy_decision_point":       identifier,
		"access_evaluation_endpoint":  issuer + "/access/v1/evaluation",
		"access_evaluations_endpoint": issuer + "/access/v1/evaluations",
		"search_subject_endpoint":     issuer + "/access/v1/search/subject",
		"search_resource_endpoint":    issuer + "/access/v1/search/resource",
		"search_action_endpoint":      issuer + "/access/v1/search/action",
		"supported_obligations":       []any{"step-up"},
	}
}

// The document is found between the identifier's host and path (AuthZEN section
// 9.2.1), and names that identifier; all else begins with the issuer.
func TestPDPMetadata(t *testing.T) {
	for _, c := range []struct{ issuer, path, identifier string }{
		{"https://gate.example.com", "", "https://gate.example.com"},
		{"https://gate.example.com", "/default", "https://gate.example.com/default"},
		{"https://gate.example.com", "/emea", "https://gate.example.com/emea"},
		{"https://gate.example.com/base", "/base", "https://gate.example.com/base"},
		{"https://gate.example.com/a/b.c", "/a/b.c", "https://gate.example.com/a/b.c"},
		{"https://gate.example.com/a/b.c", "/a/b.c/emea", "https://gate.example.com/a/b.c/emea"},
		{"http://localhost:8080", "/default", "http://localhost:8080/default"},
	} {
		h := newHarness(t)
		h.server.Issuer = c.issuer
		h.free = strings.Count(c.path, "/") > 1 // the contract has no issuer's path
		a := h.call("GET", wellKnownPDP+c.path, "", header("X-Forwarded-Host", "evil.example"), header("X-Forwarded-Proto", "http"),
			func(r *http.Request) { r.Host = "evil.example" })
		h.want(a, 200, "")
		if diff := cmp.Diff(pdp(c.issuer, c.identifier), a.json(t)); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", c.path, c.issuer, diff)
		}
		if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("headers %v", a.Header)
		}
		if s := string(a.body); strings.Contains(s, "null") || strings.Contains(s, "[]") || strings.Contains(s, "evil") {
			t.Errorf("%s", s)
		}
	}
}

func TestNoPDPMetadata(t *testing.T) {
	for _, c := range []struct{ issuer, path string }{
		{"https://gate.example.com", "/nobody"},
		{"https://gate.example.com", "/closed"},
		{"https://gate.example.com", "/"},
		{"https://gate.example.com", "/default/"},
		{"https://gate.example.com", "/default/x"},
		{"https://gate.example.com", "//default"},
		{"https://gate.example.com", "/DEFAULT"},
		{"https://gate.example.com", "/%64efault"},
		{"https://gate.example.com", "/default%2Femea"},
		{"https://gate.example.com", "/..%2fdefault"},
		{"https://gate.example.com", "/default%00"},
		{"https://gate.example.com/base", ""},
		{"https://gate.example.com/base", "/default"},
		{"https://gate.example.com/base", "/base/nobody"},
		{"https://gate.example.com/base", "/base/"},
	} {
		h := newHarness(t)
		h.server.Issuer = c.issuer
		h.free = true
		a := h.call("GET", wellKnownPDP+c.path, "", header("X-Request-ID", "r"))
		if a.StatusCode != 404 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Request-ID") != "r" || len(h.recorder.entries) > 1 {
			t.Errorf("%s of %s: %d %v %s", c.path, c.issuer, a.StatusCode, a.Header, a.body)
		}
		if strings.Contains(string(a.body), "nobody") || strings.Contains(string(a.body), "rolegate tenant") {
			t.Errorf("%s", a.body)
		}
	}
	h := newHarness(t)
	v := h.want(h.call("GET", wellKnownPDP+"/nobody", "", header("Accept-Language", "zh-CN")), 404, model.CodeTenantUnknown)
	if v["title"] != "租户不存在" {
		t.Errorf("title %v", v["title"])
	}
	// Whether a tenant is switched off or was never there is nobody's business.
	unknown, disabled := h.call("GET", wellKnownPDP+"/nobody", ""), h.call("GET", wellKnownPDP+"/closed", "")
	u, d := h.want(unknown, 404, model.CodeTenantUnknown), h.want(disabled, 404, model.CodeTenantUnknown)
	for _, problem := range []map[string]any{u, d} {
		delete(problem, "trace_id")
		delete(problem, "instance")
	}
	if diff := cmp.Diff(u, d); diff != "" {
		t.Errorf("an unknown and a disabled tenant (-unknown +disabled):\n%s", diff)
	}
	a := h.call("POST", wellKnownPDP+"/default", "{}")
	h.want(a, 405, model.CodeMethodNotAllowed)
	if a.Header.Get("Allow") != "GET" {
		t.Errorf("Allow: %s", a.Header.Get("Allow"))
	}
}
