package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.uber.org/goleak"
	"golang.org/x/net/html"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t *testing.T, path, language string) (*http.Response, string) {
	t.Helper()
	r := chi.NewRouter()
	(&Pages{Issuer: "https://gate.example.com"}).Mount(r)
	req := httptest.NewRequest("GET", path, nil)
	req.Header.Set("Accept-Language", language)
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, req)
	return rec.Result(), rec.Body.String()
}

// elements lists the values of an attribute, or the texts, of all elements of a name.
func elements(t *testing.T, page, name, attribute string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != name {
			continue
		}
		if attribute == "" {
			var text strings.Builder
			for c := range n.Descendants() {
				if c.Type == html.TextNode {
					text.WriteString(c.Data)
				}
			}
			found = append(found, text.String())
			continue
		}
		for _, a := range n.Attr {
			if a.Key == attribute {
				found = append(found, a.Val)
			}
		}
	}
	return found
}

func TestInvitePageInBothLanguages(t *testing.T) {
	for _, c := range []struct{ accept, first, second string }{
		{"", "en", "zh-CN"},
		{"de", "en", "zh-CN"},
		{"zh-CN,zh;q=0.9", "zh-CN", "en"},
	} {
		res, page := get(t, "/invite/6FfWkW5nS3eH0V2mYp4Q7A", c.accept)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%q: %d %s", c.accept, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if got := strings.Join(elements(t, page, "section", "lang"), " "); got != c.first+" "+c.second {
			t.Errorf("%q: sections are %s", c.accept, got)
		}
		if got := elements(t, page, "html", "lang"); len(got) != 1 || got[0] != c.first || res.Header.Get("Content-Language") != c.first {
			t.Errorf("%q: the page says it is in %v, %s", c.accept, got, res.Header.Get("Content-Language"))
		}
	}
}

func TestInvitePageShowsTheCalls(t *testing.T) {
	_, page := get(t, "/invite/AbC-_123", "")
	snippets := elements(t, page, "pre", "")
	if len(snippets) != 6 { // three in each language
		t.Fatalf("%d snippets", len(snippets))
	}
	accept := "curl -sS https://gate.example.com/v1/invite/accept \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"invite\": \"AbC-_123\", \"password\": \"PASSWORD\"}'"
	if snippets[0] != accept {
		t.Errorf("the first call is\n%s\nwant\n%s", snippets[0], accept)
	}
	for i, path := range []string{"/v1/invite/accept", "/v1/login/enrol", "/v1/login/enrol/confirm"} {
		for _, s := range []string{snippets[i], snippets[i+3]} {
			if !strings.Contains(s, "https://gate.example.com"+path+" ") {
				t.Errorf("snippet %d does not call %s:\n%s", i, path, s)
			}
		}
	}
}

func TestInvitePageIsStrict(t *testing.T) {
	for _, path := range []string{"/invite/AbC", "/invite/a%20b"} {
		res, page := get(t, path, "")
		csp := res.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy: %s", path, csp)
		}
		for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
			if got := res.Header.Get(header); got != want {
				t.Errorf("%s: %s: %s, want %s", path, header, got, want)
			}
		}
		for _, name := range []string{"script", "img", "link", "form", "iframe"} {
			if got := elements(t, page, name, ""); len(got) > 0 {
				t.Errorf("%s: has a %s", path, name)
			}
		}
		if got := elements(t, page, "style", ""); len(got) != 1 || got[0] != string(style) {
			t.Errorf("%s: the style sheet is not the one its hash was made of", path)
		}
	}
}

func TestInvitePageShowsNothingElse(t *testing.T) {
	for _, invite := range []string{"a%20b", "%3Cscript%3E", "a%22b", "a'b", "a.b", "a%2Fb", "%00", "%E4%BD%A0", "a%0a", strings.Repeat("a", 257)} {
		res, page := get(t, "/invite/"+invite, "")
		if res.StatusCode != http.StatusNotFound || strings.Contains(page, "curl") || strings.Contains(page, invite) {
			t.Errorf("%.20s: %d\n%s", invite, res.StatusCode, page)
		}
	}
}
