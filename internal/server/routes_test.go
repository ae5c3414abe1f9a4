package server

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"rolegate/api"
	"rolegate/internal/console"
)

var update = flag.Bool("update", false, "rewrite testdata/routes.golden and pages.golden")

type route struct {
	method, path, permission string
	page                     bool // of a person's browser, and no part of the contract
}

// walk lists the routes of the real surface, pages included.
func walk(t *testing.T) []route {
	t.Helper()
	h := newHarness(t)
	h.server.Pages = &console.Pages{}
	var routes []route
	err := chi.Walk(h.server.router(), func(method, path string, handler http.Handler, _ ...func(http.Handler) http.Handler) error {
		p, ok := handler.(interface{ Permission() string })
		if !ok || p.Permission() == "" {
			return fmt.Errorf("%s %s has no permission", method, path)
		}
		_, page := handler.(interface{ IsPage() bool })
		routes = append(routes, route{method, path, p.Permission(), page})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(routes, func(a, b route) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return routes
}

// The golden files are the authorization matrix of the API and of the pages: a route
// that opens up shows in review.
func TestRoutesAndPermissions(t *testing.T) {
	for _, pages := range []bool{false, true} {
		golden := "testdata/routes.golden"
		if pages {
			golden = "testdata/pages.golden"
		}
		var b strings.Builder
		for _, r := range walk(t) {
			if r.page == pages {
				fmt.Fprintf(&b, "%-7s %-42s %s\n", r.method, r.path, r.permission)
			}
		}
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("routes differ from %s; -update rewrites it (-want +got):\n%s", golden, diff)
		}
	}
}

func TestContractAndRouterAgree(t *testing.T) {
	inRouter := map[string]string{}
	for _, r := range walk(t) {
		if !r.page {
			inRouter[r.method+" "+r.path] = r.permission
		}
	}
	inContract := map[string]string{}
	for path, item := range contract.Paths.Map() {
		for method, op := range item.Operations() {
			// What follows a path's last parameter is written {path} there, and * here.
			inContract[method+" "+strings.Replace(path, "/{path}", "/*", 1)] = securityOf(op)
		}
	}
	for route, permission := range inRouter {
		// The contract cannot tell routes nothing is recorded of from open ones.
		if permission == "public" {
			inRouter[route] = "open"
		}
	}
	if diff := cmp.Diff(inContract, inRouter); diff != "" {
		t.Errorf("contract and router differ (-contract +router):\n%s", diff)
	}
}

// securityOf is an operation's security as routes.go spells permissions.
func securityOf(op *openapi3.Operation) string {
	if op.Security == nil {
		return "unspecified"
	}
	// OpenAPI 3.0 lets only OAuth name scopes; what else a route asks stands beside it.
	if more, ok := op.Extensions["x-permission"].(string); ok {
		return more
	}
	for _, need := range *op.Security {
		if _, proxy := need["proxyClient"]; proxy {
			return "proxy(decide)"
		}
		for scheme, scopes := range need {
			switch scheme {
			case "personToken":
				return "person"
			case "clientBasic":
				return "client secret"
			case "clientToken":
				return "client(" + strings.Join(scopes, " ") + ")"
			}
		}
	}
	return "open"
}

func TestContractIsSelfContained(t *testing.T) {
	if !strings.HasPrefix(string(api.Spec), "openapi: 3.0.3\n") {
		t.Error("the contract is not OpenAPI 3.0.3")
	}
	for path, item := range contract.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s lacks an operationId, a summary or its tag", method, path)
			}
			if op.RequestBody == nil {
				continue
			}
			for name, media := range op.RequestBody.Value.Content {
				if media.Example == nil && len(media.Examples) == 0 {
					t.Errorf("%s %s: %s has no example", method, path, name)
				}
				if len(media.Schema.Value.OneOf) > 0 {
					t.Errorf("%s %s: oneOf in a request", method, path)
				}
			}
		}
	}
}

// TestPagesOfCRMs keeps CORS to what people call: all of it, and what has gone by
// no longer.
func TestPagesOfCRMs(t *testing.T) {
	routes := walk(t)
	for path := range browserRoutes {
		if !slices.ContainsFunc(routes, func(r route) bool { return r.path == path }) {
			t.Errorf("%s is no route", path)
		}
	}
	for _, r := range routes {
		want := !r.page && !strings.HasPrefix(r.path, wellKnownPDP) && (r.permission == "open" || r.permission == "client secret or holder" || strings.HasPrefix(r.permission, "person"))
		if got := forPages(r.path); got != want {
			t.Errorf("%s %s, %s: for pages of CRMs: %v", r.method, r.path, r.permission, got)
		}
	}
}

// TestForeignPages walks what people call: pages of origins nobody named change
// nothing by it, whatever they have got hold of.
func TestForeignPages(t *testing.T) {
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	n := 0
	for _, r := range walk(t) {
		kind, _, _ := strings.Cut(r.permission, "(")
		if r.method == "GET" || kind != "open" && kind != "person" && kind != "officer" {
			continue
		}
		n++
		h := newHarness(t)
		h.server.Pages = &console.Pages{}
		a := h.call(r.method, parameter.ReplaceAllString(r.path, "x"), "{}", header("Authorization", "Bearer user-token"),
			header("Content-Type", "application/json"), header("Origin", "https://evil.example"))
		if a.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s, %s: %d", r.method, r.path, r.permission, a.StatusCode)
		}
	}
	if n < 30 {
		t.Errorf("only %d routes", n)
	}
}
