package console_test

import (
	"net/http"
	"strings"
	"testing"

	"rolegate/internal/testkit"
)

// TestWhatIsNotThere asks for what there is none of: a reader gets a page in their
// language, a program a problem.
func TestWhatIsNotThere(t *testing.T) {
	k := testkit.New(t)
	for _, c := range []struct {
		method, path, language string
		status                 int
		title                  string
	}{
		{"GET", "/nothing/here", "en", 404, "Not found"},
		{"GET", "/nothing/here", "zh-CN", 404, "未找到"},
		{"GET", "/logout", "en", 405, "Method not allowed"},
		{"GET", "/assets/none/app.css", "zh-CN", 404, "未找到"},
	} {
		v := k.Visitor(t)
		v.Language = c.language
		page := v.Get(c.path).Want(t, c.status, c.path)
		if got := page.Text("h1"); got != c.title || len(page.All(`a[href="/"]`)) == 0 {
			t.Errorf("%s %s, %s: the title is %q:\n%s", c.method, c.path, c.language, got, page.Body)
		}
		if len(page.All(`main a[href="`+c.path+`"]`)) > 0 {
			t.Errorf("%s %s: it would have the reader try again", c.method, c.path)
		}
		if strings.Contains(page.Header.Get("Content-Security-Policy"), "unsafe") || page.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: policy %q", c.method, c.path, page.Header.Get("Content-Security-Policy"))
		}
	}
	for path, accept := range map[string]string{"/nothing/here": "*/*", "/v1/nothing": "text/html", "/access/v1/nothing": "text/html", "/logout": "application/json"} {
		req, err := http.NewRequest("GET", k.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		if a := k.Send(req); a.Code() != "not_found" && a.Code() != "method_not_allowed" {
			t.Errorf("%s: %d %s", path, a.Status, a.Raw)
		}
	}
}
