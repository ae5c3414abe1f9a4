package console_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rolegate/internal/i18n"
	"rolegate/internal/testkit"
	"rolegate/model"
)

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// TestOfficesAndPages walks all routes of the pages with each office's account, with an
// ordinary one and with none: whoever the policy and the API let do something, the
// pages let do it, and nobody else. Nothing that exists is named, so nothing changes.
func TestOfficesAndPages(t *testing.T) {
	w := newTown(t, testkit.New(t))
	all, _ := routes(t)
	api, client := routesOfAPI(t), w.ClientToken("asks")
	refused := i18n.Title(i18n.English, model.CodeForbidden)
	counted := map[string]int{}
	for _, r := range all {
		path := parameter.ReplaceAllString(r.pattern, "404")
		kind, of, _ := strings.Cut(strings.TrimSuffix(r.permission, ")"), "(")
		for _, who := range everybody {
			v := w.visitor(who)
			v.Page = nil // no page it comes from
			switch {
			case r.pattern == "/logout":
				continue
			case r.method == http.MethodGet:
				v.Get(path)
			default:
				v.Post(path)
			}
			mayNot := v.Page.Status == http.StatusForbidden && v.Page.Text("h1") == refused
			toLogin := v.Page.URL.Path == "/login" || v.Page.Status == http.StatusUnauthorized
			switch kind {
			case "public", "open":
				if mayNot {
					t.Errorf("%s %s: refused to %q", r.method, r.pattern, who)
				}
			case "person":
				if who == "" && !toLogin || who != "" && mayNot {
					t.Errorf("%s %s, %s: %q gets %d at %s", r.method, r.pattern, r.permission, who, v.Page.Status, v.Page.URL.Path)
				}
			case "officer":
				if who == "" {
					if !toLogin {
						t.Errorf("%s %s: nobody gets %d at %s", r.method, r.pattern, v.Page.Status, v.Page.URL.Path)
					}
					continue
				}
				object, action, _ := strings.Cut(of, ":")
				d := w.Evaluate(client, who, action, object, nil)
				may := d.Body["decision"] == true || d.Code() == string(model.ReasonStepUp)
				if may == mayNot {
					t.Errorf("%s %s: %q gets %d %q, and the decision is %s", r.method, r.pattern, who, v.Page.Status, v.Page.Text("h1"), d.Raw)
				}
				if mayNot {
					counted["refused"]++
				} else {
					counted["let"]++
				}
				at := slices.IndexFunc(api, func(a route) bool { return a.permission == r.permission })
				if at < 0 { // a page for what the API has for programs only
					continue
				}
				a := w.Call(api[at].method, parameter.ReplaceAllString(strings.Replace(api[at].pattern, "*", "404", 1), "404"), w.people[who].Access, nil)
				apiMayNot := a.Status == http.StatusForbidden && a.Code() == string(model.CodeForbidden)
				if mayNot != apiMayNot {
					t.Errorf("%s %s: %q gets %d %q, and by the API, %s %s: %d %s", r.method, r.pattern, who, v.Page.Status, v.Page.Text("h1"),
						api[at].method, api[at].pattern, a.Status, a.Code())
				}
			default:
				t.Errorf("%s %s: who is %q?", r.method, r.pattern, r.permission)
			}
		}
	}
	t.Logf("officers' pages: %v", counted)
}

// routesOfAPI are those of the API's matrix, which a test of package server holds to
// the router.
func routesOfAPI(t *testing.T) (all []route) {
	t.Helper()
	b, err := os.ReadFile("../server/testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 3 {
			all = append(all, route{f[0], f[1], strings.Join(f[2:], " ")})
		}
	}
	return all
}
