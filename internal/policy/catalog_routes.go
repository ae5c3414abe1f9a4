package policy

import (
	"fmt"
	"path"
	"strings"

	"rolegate/model"
)

// checkRoutes refuses routes that could never match, match two things, or mean
// nothing the catalogue declares. Of a value that was refused when it was read
// nothing more is said.
func (r *catalogReader) checkRoutes(c *Catalog) {
	refused := map[string]bool{}
	for _, d := range r.problems {
		refused[d.Path] = true
	}
	first := map[string]int{} // method and shape of the path → place in the list
	for i, route := range c.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		r.checkComplete(at, route, refused)
		r.checkMeaning(at, route, c)
		shape, reason := routeShape(route.Path)
		if route.Path != "" && !reason.IsZero() {
			r.refuse(r.placed(at+".path"), "the path %s %s", shown(route.Path), reason)
		}
		if route.Method == "" || !reason.IsZero() {
			continue
		}
		key := route.Method + " " + shape
		if j, repeated := first[key]; repeated {
			r.refuse(r.placed(at), "the route matches the same requests as routes[%d]", j)
			continue
		}
		first[key] = i
	}
}

// checkComplete refuses a route that lacks a part, unless that may be what could
// not be read.
func (r *catalogReader) checkComplete(at string, route Route, refused map[string]bool) {
	if r.partly[at] {
		return
	}
	var lacks []string
	for _, part := range []struct{ key, value string }{
		{"method", route.Method}, {"path", route.Path}, {"object", route.Object}, {"action", route.Action},
	} {
		if part.value == "" && !refused[at+"."+part.key] {
			lacks = append(lacks, part.key)
		}
	}
	if len(lacks) > 0 {
		r.refuse(r.placed(at), "a route needs method, path, object and action, and lacks %s", strings.Join(lacks, ", "))
	}
}

// checkMeaning refuses a route to what is not declared.
func (r *catalogReader) checkMeaning(at string, route Route, c *Catalog) {
	if route.Object == "" {
		return
	}
	o := c.Objects[route.Object]
	if o == nil {
		if r.lists("objects") {
			r.refuse(r.placed(at+".object"), "no object %s is declared", shown(route.Object))
		}
		return
	}
	if _, declared := o.Actions[route.Action]; !declared && route.Action != "" && r.lists("objects", route.Object, "actions") {
		r.refuse(r.placed(at+".action"), "%s is no action of %s", shown(route.Action), shown(route.Object))
	}
}

// routeShape checks a path and gives it with its parameters nameless.
func routeShape(p string) (shape string, reason model.Phrase) {
	if !strings.HasPrefix(p, "/") {
		return "", model.Say("does not begin with /")
	}
	if path.Clean(p) != p || strings.ContainsAny(p, "?#\\%*;") {
		return "", model.Say("is not a clean path: whole segments only, no query, no escapes, no parameters, no trailing /")
	}
	segments := strings.Split(p, "/")
	seen := map[string]bool{}
	for i, s := range segments {
		inner, open := strings.CutPrefix(s, "{")
		name, closed := strings.CutSuffix(inner, "}")
		switch {
		case !open && !strings.ContainsAny(s, "{}"):
			continue
		case !open || !closed || name == "" || strings.ContainsAny(name, "{}"):
			return "", model.Say("has a segment that is neither literal nor {name}")
		case seen[name]:
			return "", model.Say("has the parameter %s twice", name)
		}
		seen[name] = true
		segments[i] = "{}"
	}
	if last := p[strings.LastIndexByte(p, '/')+1:]; isVariable(last) && last != "{id}" {
		// Taken for a list, a record would be open to whoever may see any other.
		return "", model.Say("ends in %s; what it names is the record, and that is spelled {id}", last)
	}
	return strings.Join(segments, "/"), reason
}
