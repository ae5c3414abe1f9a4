package server

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A row of docs/api.md names routes as `GET, PUT /a/{b,c}`, where ANY stands for all
// methods, and in its next cell who may call them.
var (
	routeRow = regexp.MustCompile("(?m)^\\| `([A-Z, ]+) (/[^`]*)` \\| ([^|]*) \\|")
	choice   = regexp.MustCompile(`\{[^{}]*,[^{}]*\}`)
	quoted   = regexp.MustCompile("`([^`]*)`")
)

// paths spells a path of the page out.
func paths(path string) (all []string) {
	at := choice.FindStringIndex(path)
	if at == nil {
		return []string{path}
	}
	for one := range strings.SplitSeq(path[at[0]+1:at[1]-1], ",") {
		all = append(all, paths(path[:at[0]]+one+path[at[1]:])...)
	}
	return all
}

// permissionsOf reads who may call n routes as routes.go spells it.
func permissionsOf(t *testing.T, who string, n int) (all []string) {
	t.Helper()
	one := func(p string) []string { return slices.Repeat([]string{p}, n) }
	var words []string
	for _, q := range quoted.FindAllStringSubmatch(who, -1) {
		words = append(words, q[1])
	}
	switch {
	case who == "anybody", strings.HasPrefix(who, "the "): // invitation, ticket, refresh token
		return one("open")
	case strings.HasPrefix(who, "anybody, or"):
		return one("public or auditor")
	case strings.HasPrefix(who, "client token, scope "):
		return one("client(" + words[0] + ")")
	case strings.HasPrefix(who, "a proxy's client, scope "), who == "likewise":
		return one("proxy(decide)")
	case strings.HasPrefix(who, "a client's secret or assertion; or"):
		return one("client secret or holder")
	case strings.HasPrefix(who, "a client's secret or assertion"):
		return one("client secret")
	case strings.HasPrefix(who, "a person") && strings.Contains(who, "fresh"):
		return one("person(fresh)")
	case strings.HasPrefix(who, "a person") && strings.Contains(who, "only enrol"):
		return one("person(any)")
	case strings.HasPrefix(who, "a person"):
		return one("person")
	case len(words) == 0 || !strings.HasPrefix(words[0], "rolegate."):
		t.Fatalf("nobody knows who this is: %s", who)
	case len(words) == 1:
		return one("officer(" + words[0] + ")")
	case len(words) != n:
		t.Fatalf("%d rights of %d routes: %s", len(words), n, who)
	}
	kind, _, _ := strings.Cut(words[0], ":")
	for _, w := range words {
		all = append(all, "officer("+kind+":"+w[strings.Index(w, ":")+1:]+")")
	}
	return all
}

// The tables of docs/api.md are the routes there are, each with who may call it.
func TestRoutesInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range routeRow.FindAllStringSubmatch(string(page), -1) {
		methods := strings.Split(row[1], ", ")
		if row[1] == "ANY" {
			methods = []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
		}
		var routes []string
		for _, m := range methods {
			for _, p := range paths(row[2]) {
				routes = append(routes, m+" "+p)
			}
		}
		for i, permission := range permissionsOf(t, row[3], len(routes)) {
			told = append(told, routes[i]+" "+permission)
		}
	}
	golden, err := os.ReadFile("testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	var are []string
	for line := range strings.Lines(string(golden)) {
		route := strings.Join(strings.Fields(line), " ")
		if open, ok := strings.CutSuffix(route, " public"); ok { // the page does not say what is recorded
			route = open + " open"
		}
		are = append(are, route)
	}
	slices.Sort(told)
	slices.Sort(are)
	if diff := cmp.Diff(are, told); diff != "" {
		t.Errorf("docs/api.md tells of other routes than there are (-are +told):\n%s", diff)
	}
}
