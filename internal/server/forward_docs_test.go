package server

import (
	"os"
	"strings"
	"testing"
)

// What the CRM is told stands in the page about it, and in each configuration:
// a header nobody passes on is missing, and one nobody removes can be made up.
// (Traefik's has a pattern for all that begin with Rolegate.)
func TestIdentityHeadersAreDocumented(t *testing.T) {
	for _, name := range []string{"forward-auth.md", "forward-auth/nginx.conf", "forward-auth/Caddyfile", "forward-auth/envoy.yaml"} {
		text, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range []string{headerSubject, headerTenant, headerRevision, headerFilter, headerFields, proxyAuthorization} {
			found := strings.ToLower(string(text))
			for _, word := range []string{strings.ToLower(header), strings.ReplaceAll(strings.ToLower(header), "-", "_")} {
				if strings.Contains(found, word) {
					found = ""
				}
			}
			if found != "" {
				t.Errorf("%s does not name %s", name, header)
			}
		}
	}
}
