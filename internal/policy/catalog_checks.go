package policy

import (
	"fmt"
	"maps"
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
		r.refuse(r.placed(at), "%s requires more than %d actions", shown(action), maxRequires)
		return
	}
	for i, required := range requires {
		if required == "" { // refused already
			continue
		}
		at := fmt.Sprintf("%s.requires[%d]", at, i)
		e := r.placed(at)
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
			r.refuse(r.placed(at), "actions require each other in a circle: %s", strings.Join(circle, " → "))
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
