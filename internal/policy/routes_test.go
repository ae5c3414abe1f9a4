package policy

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rolegate/model"
)

const routesCatalog = `
objects:
  contact: {actions: {read: {}, update: {}, export: {}, delete: {}}}
  note: {actions: {read: {}}}
routes:
  - {method: GET,    path: /,                            object: contact, action: read}
  - {method: GET,    path: /api/contacts,                object: contact, action: read}
  - {method: GET,    path: "/api/contacts/{id}",         object: contact, action: read}
  - {method: GET,    path: /api/contacts/export,         object: contact, action: export}
  - {method: DELETE, path: "/api/contacts/{id}",         object: contact, action: delete}
  - {method: GET,    path: "/api/contacts/{id}/notes",   object: note,    action: read}
  - {method: GET,    path: "/api/accounts/{account}/contacts/{id}", object: contact, action: read}
  - {method: GET,    path: "/api/{kind}/export",         object: note,    action: read}
  - {method: GET,    path: "/x/{a}/c",                   object: contact, action: read}
  - {method: GET,    path: "/x/b/{id}",                  object: note,    action: read}
  - {method: GET,    path: "/api/客户/{id}",               object: contact, action: read}
  - {method: GET,    path: "/y/{id}",                    object: contact, action: read}
  - {method: GET,    path: "/y/export.csv",              object: contact, action: export}
  - {method: GET,    path: "/y/.well-known",             object: note,    action: read}
`

func TestRouteQuestions(t *testing.T) {
	table := newRouteTable(mustCatalogOf(t, routesCatalog).Routes)
	for request, want := range map[string]string{
		"GET /":                                             "read contact *",
		"GET /api/contacts":                                 "read contact *",
		"GET /api/contacts?id=17":                           "read contact *",
		"GET /api/contacts/17":                              "read contact 17",
		"GET /api/contacts/a%20b":                           "read contact a b",
		"GET /api/contacts/export":                          "export contact *", // literal before {kind} and {id}
		"GET /api/deals/export":                             "read note *",
		"DELETE /api/contacts/17":                           "delete contact 17",
		"DELETE /api/contacts/export":                       "delete contact export", // no such literal for this method
		"GET /api/contacts/17/notes":                        "read note 17",
		"GET /api/contacts/export/notes":                    "read note export",
		"GET /api/accounts/7/contacts/17":                   "read contact 17",
		"GET /api/%E5%AE%A2%E6%88%B7/17":                    "read contact 17",
		"GET /x/q/c":                                        "read contact *",
		"GET /x/b/q":                                        "read note q",
		"GET /x/b/c":                                        string(model.ReasonRouteUnknown), // either could be meant
		"HEAD /api/contacts/17":                             string(model.ReasonRouteUnknown), // a method is itself only
		"OPTIONS /api/contacts/17":                          string(model.ReasonRouteUnknown),
		"get /api/contacts/17":                              string(model.ReasonRouteUnknown),
		" /api/contacts/17":                                 string(model.ReasonRouteUnknown),
		"GET /api":                                          string(model.ReasonRouteUnknown),
		"GET /api/contact":                                  string(model.ReasonRouteUnknown),
		"GET /API/contacts/17":                              string(model.ReasonRouteUnknown),
		"GET /api/contacts/17/notes/1":                      string(model.ReasonRouteUnknown),
		"GET /xapi/contacts":                                string(model.ReasonRouteUnknown),
		"GET /api/contacts/EXPORT":                          string(model.ReasonRouteUnknown), // what a backend that ignores case would take for export
		"GET /api/contacts/export.json":                     string(model.ReasonRouteUnknown), // or for its format
		"GET /api/contacts/Export.":                         string(model.ReasonRouteUnknown),
		"GET /api/contacts/export%20.json":                  string(model.ReasonRouteUnknown), // or for either, with its blanks trimmed
		"GET /y/export.csv":                                 "export contact *",
		"GET /y/export":                                     string(model.ReasonRouteUnknown), // or for a format of its own choice
		"GET /y/export.json":                                string(model.ReasonRouteUnknown),
		"GET /y/EXPORT.csv":                                 string(model.ReasonRouteUnknown),
		"GET /y/.well-known":                                "read note *",
		"GET /y/.well-known.json":                           string(model.ReasonRouteUnknown),
		"GET /y/exports.csv":                                "read contact exports.csv",
		"GET /y/.x":                                         "read contact .x",
		"GET /api/contacts/export%20":                       string(model.ReasonPathRefused),
		"GET /api/contacts/":                                string(model.ReasonPathRefused),
		"GET /api/contacts//17":                             string(model.ReasonPathRefused),
		"GET /api/contacts/../contacts/17":                  string(model.ReasonPathRefused),
		"GET /api/contacts/*":                               string(model.ReasonPathRefused), // would ask about any record
		"GET /api/contacts/%2A":                             string(model.ReasonPathRefused),
		"GET /api/contacts/" + strings.Repeat("a", maxID+1): string(model.ReasonPathRefused),
	} {
		method, target, _ := strings.Cut(request, " ")
		q, code := table.question("ann", method, target)
		got := string(code)
		if code == "" {
			got = q.Action.Name + " " + q.Resource.Type + " " + q.Resource.ID
		}
		if got != want || q.Subject.Type != "user" || q.Subject.ID != "ann" || q.Resource.Properties != nil {
			t.Errorf("%s asks %q of %v, want %q", request, got, q, want)
		}
	}
}

// Whatever routes there are: a match is a route that fits segment by segment, and
// literal wherever another that fits is.
func TestRouteMatchesMeanSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var routes []Route
		seen := map[string]bool{}
		for range rapid.IntRange(0, 8).Draw(t, "routes") {
			parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "{id}", "{x}"}), 1, 4).Draw(t, "path")
			shape, reason := routeShape("/" + strings.Join(parts, "/"))
			if reason.IsZero() && !seen[shape] {
				seen[shape] = true
				routes = append(routes, Route{Method: "GET", Path: "/" + strings.Join(parts, "/"), Object: "o", Action: "read"})
			}
		}
		asked := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "A", "b.x"}), 1, 4).Draw(t, "asked")
		var fit []Route
		for _, r := range routes {
			if fitsRoute(routeSegments(r.Path), asked) {
				fit = append(fit, r)
			}
		}
		got := newRouteTable(routes).match("GET", asked)
		if got == nil {
			return
		}
		if !slices.Contains(fit, got.route) {
			t.Fatalf("%v was taken for %s; fitting are %v", asked, got.route.Path, fit)
		}
		for _, r := range fit {
			for i, s := range routeSegments(r.Path) {
				if !isVariable(s) && isVariable(routeSegments(got.route.Path)[i]) {
					t.Fatalf("%v was taken for %s, and %s is more literal", asked, got.route.Path, r.Path)
				}
			}
		}
		if newRouteTable(routes).match("POST", asked) != nil {
			t.Fatal("another method has a route")
		}
	})
}

func fitsRoute(route, segments []string) bool {
	return slices.EqualFunc(route, segments, func(r, s string) bool { return isVariable(r) || r == s })
}

// A route that is the only one to fit, with nothing that resembles a literal in
// its way, is found.
func TestOnlyRouteIsFound(t *testing.T) {
	for _, r := range mustCatalogOf(t, routesCatalog).Routes {
		segments := routeSegments(r.Path)
		for i, s := range segments {
			if isVariable(s) {
				segments[i] = "17"
			}
		}
		if got := newRouteTable([]Route{r}).match(r.Method, segments); got == nil || got.route != r {
			t.Errorf("%v is not found by %v", r, segments)
		}
	}
}
