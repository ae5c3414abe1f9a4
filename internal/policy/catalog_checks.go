package policy

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// maxRequires bounds the actions one action may require.
const maxRequires = 64

// lists tells whether all that stands under the path of a mapping was read, so
// that what is not there is missing.
func (r *catalogReader) lists(path ...string) bool {
	for i := range len(path) + 1 {
		if r.partly[strings.Join(path[:i], ".")] {
			return false
		}
	}
	return true
}

// checkRequires refuses requirements of actions that are not declared.
func (r *catalogReader) checkRequires(c *Catalog) {
	for _, object := range slices.Sorted(maps.Keys(c.Objects)) {
		actions := c.Objects[object].Actions
		for _, action := range slices.Sorted(maps.Keys(actions)) {
			r.checkRequired(object, action, actions)
		}
	}
}

func (r *catalogReader) checkRequired(object, action string, actions map[string]Action) {
	requires := actions[action].Requires
	at := "objects." + object + ".actions." + action
	if len(requires) > maxRequires {
		r.refuse(entry{r.places[at], at}, "%s requires more than %d actions", shown(action), maxRequires)
		return
	}
	for i, required := range requires {
		if required == "" { // refused already
			continue
		}
		at := fmt.Sprintf("%s.requires[%d]", at, i)
		e := entry{r.places[at], at}
		if _, declared := actions[required]; !declared && r.lists("objects", object, "actions") {
			r.refuse(e, "%s requires %s, which is no action of %s", shown(action), shown(required), shown(object))
		} else if slices.Index(requires, required) < i {
			r.refuse(e, "%s requires %s twice", shown(action), shown(required))
		}
	}
}

// checkCircles refuses circles of requirements.
func (r *catalogReader) checkCircles(c *Catalog) {
	for _, object := range slices.Sorted(maps.Keys(c.Objects)) {
		r.circlesOf(object, c.Objects[object].Actions)
	}
}

// circlesOf names each circle once, at the action it is entered by.
func (r *catalogReader) circlesOf(object string, actions map[string]Action) {
	const onPath, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(action string)
	visit = func(action string) {
		switch state[action] {
		case done:
			return
		case onPath:
			circle := append(slices.Clone(path[slices.Index(path, action):]), action)
			at := "objects." + object + ".actions." + action
			r.refuse(entry{r.places[at], at}, "actions require each other in a circle: %s", strings.Join(circle, " → "))
			return
		}
		state[action] = onPath
		path = append(path, action)
		for _, required := range actions[action].Requires {
			visit(required)
		}
		path = path[:len(path)-1]
		state[action] = done
	}
	for _, action := range slices.Sorted(maps.Keys(actions)) {
		visit(action)
	}
}

// checkRoutes refuses routes that could never match, match two things, or mean
// nothing the catalogue declares.
func (r *catalogReader) checkRoutes(c *Catalog) {
	bad := map[string]bool{} // refused already
	for _, d := range r.problems {
		route, _, _ := strings.Cut(d.Path, ".")
		bad[route] = true
	}
	first := map[string]int{} // method and shape of the path → place in the list
	for i, route := range c.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		if bad[at] {
			continue
		}
		e := entry{r.places[at], at}
		if route.Method == "" || route.Path == "" || route.Object == "" || route.Action == "" {
			r.refuse(e, "a route needs method, path, object and action")
			continue
		}
		shape, reason := routeShape(route.Path)
		if reason != "" {
			r.refuse(e, "the path %s %s", shown(route.Path), reason)
			continue
		}
		if o := c.Objects[route.Object]; o == nil {
			if r.lists("objects") {
				r.refuse(e, "no object %s is declared", shown(route.Object))
			}
		} else if _, declared := o.Actions[route.Action]; !declared && r.lists("objects", route.Object, "actions") {
			r.refuse(e, "%s is no action of %s", shown(route.Action), shown(route.Object))
		}
		key := route.Method + " " + shape
		if j, repeated := first[key]; repeated {
			r.refuse(e, "the route matches the same requests as routes[%d]", j)
			continue
		}
		first[key] = i
	}
}

// routeShape checks a path and gives it with its parameters nameless.
func routeShape(p string) (shape, reason string) {
	if !strings.HasPrefix(p, "/") {
		return "", "does not begin with /"
	}
	if path.Clean(p) != p || strings.ContainsAny(p, "?#\\%*;") {
		return "", "is not a clean path: whole segments only, no query, no escapes, no parameters, no trailing /"
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
			return "", "has a segment that is neither literal nor {name}"
		case seen[name]:
			return "", "has the parameter " + name + " twice"
		}
		seen[name] = true
		segments[i] = "{}"
	}
	if last := p[strings.LastIndexByte(p, '/')+1:]; isVariable(last) && last != "{id}" {
		// Taken for a list, a record would be open to whoever may see any other.
		return "", "ends in " + last + "; what it names is the record, and that is spelled {id}"
	}
	return strings.Join(segments, "/"), ""
}
