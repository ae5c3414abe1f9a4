package policy

import (
	"slices"
	"strings"

	"rolegate/model"
)

// maxInheritance bounds the links of the longest chain of role → role.
const maxInheritance = 32

// hierarchy is role → role inheritance while it is being checked. Roles are
// numbered as they are met, and walked without recursion: a hostile document
// may hold a chain of a million.
type hierarchy struct {
	names    []string
	inherits [][]int // role → the roles it inherits, in row order
	line     []int   // of the role's first g row; 0 for a role that inherits nothing
}

// noDepth marks a role on a circle of inheritance, or above one.
const noDepth = -1

// checkInheritance refuses circles, chains that are too deep, and roles that
// inherit more than most roles, in this order: each means nothing before the one
// before it is mended.
func checkInheritance(links []RoleLink, most int) []model.Detail {
	h := newHierarchy(links)
	depth := h.depths()
	if problems := h.circles(depth); len(problems) > 0 {
		return problems
	}
	if problems := h.tooDeep(depth); len(problems) > 0 {
		return problems
	}
	return h.tooMany(most)
}

func newHierarchy(links []RoleLink) *hierarchy {
	h := &hierarchy{}
	numbers := map[string]int{}
	number := func(role string) int {
		n, known := numbers[role]
		if !known {
			n = len(h.names)
			numbers[role] = n
			h.names = append(h.names, role)
			h.inherits = append(h.inherits, nil)
			h.line = append(h.line, 0)
		}
		return n
	}
	for _, l := range links {
		role, inherited := number(l.Role), number(l.Inherits)
		h.inherits[role] = append(h.inherits[role], inherited)
		if h.line[role] == 0 {
			h.line[role] = l.Line
		}
	}
	return h
}

// depths gives each role the length of its longest chain of inheritance, from
// the roles that inherit nothing upwards.
func (h *hierarchy) depths() []int {
	heirs := make([][]int, len(h.names))
	open := make([]int, len(h.names)) // inherited roles whose depth is not known yet
	depth := make([]int, len(h.names))
	var ready []int
	for role, inherited := range h.inherits {
		for _, i := range inherited {
			heirs[i] = append(heirs[i], role)
		}
		depth[role] = noDepth
		if open[role] = len(inherited); open[role] == 0 {
			ready = append(ready, role)
		}
	}
	for len(ready) > 0 {
		role := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		depth[role] = 0
		for _, i := range h.inherits[role] {
			depth[role] = max(depth[role], depth[i]+1)
		}
		for _, heir := range heirs[role] {
			if open[heir]--; open[heir] == 0 {
				ready = append(ready, heir)
			}
		}
	}
	return depth
}

// circles names one path for each circle it meets. From a role without a depth
// one can always go on to another without, so each walk ends on a circle, old
// or new.
func (h *hierarchy) circles(depth []int) []model.Detail {
	var problems []model.Detail
	visited := make([]bool, len(h.names))
	stuck := func(role int) bool { return depth[role] == noDepth }
	for role := range h.names {
		place := map[int]int{} // role → where it is in path
		var path []int
		for stuck(role) && !visited[role] {
			visited[role] = true
			place[role] = len(path)
			path = append(path, role)
			role = h.inherits[role][slices.IndexFunc(h.inherits[role], stuck)]
		}
		if begin, closed := place[role]; closed {
			problems = append(problems, model.Detail{
				Line:   h.line[path[len(path)-1]],
				Reason: model.Say("roles inherit each other in a circle: %s", h.spell(append(path[begin:], role))),
			})
		}
	}
	return problems
}

// spell writes a path, without the middle of one nobody would read.
func (h *hierarchy) spell(path []int) model.Phrase {
	last, cut := len(path)-1, len(path)
	if last > maxInheritance+1 {
		cut = maxInheritance
	}
	var names []string
	for _, role := range path[:cut] {
		names = append(names, h.names[role])
	}
	begin := strings.Join(names, " → ")
	if cut == len(path) {
		return model.Verbatim(begin)
	}
	return model.Say("%s → (%d more) → %s", begin, last-cut, h.names[path[last]])
}

// tooDeep names the roles at which a chain passes the limit, not every role
// above them as well.
func (h *hierarchy) tooDeep(depth []int) []model.Detail {
	var problems []model.Detail
	for role, d := range depth {
		if d == maxInheritance+1 {
			problems = append(problems, model.Detail{Line: h.line[role],
				Reason: model.Say("%s inherits through more than %d steps", h.names[role], maxInheritance)})
		}
	}
	return problems
}

func (h *hierarchy) tooMany(most int) []model.Detail {
	var problems []model.Detail
	metBy := make([]int, len(h.names)) // role → 1 + the role whose walk met it last
	for role := range h.names {
		met := 0
		for todo := []int{role}; len(todo) > 0 && met <= most; {
			last := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, i := range h.inherits[last] {
				if metBy[i] != role+1 {
					metBy[i] = role + 1
					todo = append(todo, i)
					if met++; met > most { // a hub must not be walked to its end for each of its heirs
						break
					}
				}
			}
		}
		if met > most {
			problems = append(problems, model.Detail{Line: h.line[role],
				Reason: model.Say("%s inherits more than %d roles (%s)", h.names[role], most, model.SettingInheritedRoles)})
		}
	}
	return problems
}
