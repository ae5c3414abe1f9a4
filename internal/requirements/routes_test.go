package requirements

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// route is a line of the server's list of routes: method, pattern, who may call it.
type route struct {
	method, pattern, who string
	path                 *regexp.Regexp
}

func (r route) String() string { return r.method + " " + r.pattern }

// routesOf reads the list, which a test of the server's holds to its router.
func routesOf(t *testing.T) (all []route) {
	t.Helper()
	text, err := os.ReadFile("../server/testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`\\\{[^}]*\\\}`)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		r := route{method: f[0], pattern: f[1], who: f[2]}
		path := variable.ReplaceAllString(regexp.QuoteMeta(r.pattern), `[^/]+`)
		r.path = regexp.MustCompile("^" + strings.ReplaceAll(path, `\*`, `.*`) + "$")
		all = append(all, r)
	}
	return all
}

// routeOf is the one a request goes to: the most literal of those that fit.
func routeOf(all []route, method, path string) (found route, ok bool) {
	for _, r := range all {
		if r.method != method || !r.path.MatchString(path) {
			continue
		}
		if !ok || strings.ContainsAny(found.pattern, "{*") && !strings.ContainsAny(r.pattern, "{*") {
			found, ok = r, true
		}
	}
	return found, ok
}

// operationsOf are the names of the operations that commands ask for.
func operationsOf(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir("../app")
	if err != nil {
		t.Fatal(err)
	}
	made := regexp.MustCompile(`(?m)^var \w+ = (?:Operation|Stream)\[.*?\]\{"([a-z-]+)"`)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile("../app/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	return names
}
