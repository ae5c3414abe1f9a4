package policy

import (
	"strings"

	"rolegate/model"
)

// routeTable finds the catalogue's route of a request: a tree of segments for
// each method. Whole segments only, byte for byte.
type routeTable map[string]*routeNode

// routeNode is where a path can go on.
type routeNode struct {
	literals map[string]*routeNode
	variable *routeNode
	leaf     *routeLeaf // a route ends here
}

// routeLeaf is a route at the end of its path.
type routeLeaf struct {
	route Route
	vars  uint64 // the segments that are variable, by place
	id    int    // the segment that names the record; none where it is negative
}

func newRouteTable(routes []Route) routeTable {
	t := routeTable{}
	for _, r := range routes {
		n := t[r.Method]
		if n == nil {
			n = &routeNode{}
			t[r.Method] = n
		}
		leaf := &routeLeaf{route: r, id: -1}
		for i, s := range routeSegments(r.Path) {
			if !isVariable(s) {
				n = n.literal(s)
				continue
			}
			n = n.any()
			leaf.vars |= 1 << i
			if s == "{id}" {
				leaf.id = i
			}
		}
		n.leaf = leaf
	}
	return t
}

// routeSegments are the segments of a catalogue's path.
func routeSegments(path string) []string {
	if path == "/" {
		return nil
	}
	return strings.Split(path[1:], "/")
}

func isVariable(segment string) bool { return strings.HasPrefix(segment, "{") }

func (n *routeNode) literal(s string) *routeNode {
	next := n.literals[s]
	if next == nil {
		if n.literals == nil {
			n.literals = map[string]*routeNode{}
		}
		next = &routeNode{}
		n.literals[s] = next
	}
	return next
}

func (n *routeNode) any() *routeNode {
	if n.variable == nil {
		n.variable = &routeNode{}
	}
	return n.variable
}

// match finds the one route of a request, or nil. Where several fit, the one
// that is literal wherever another is wins; where none is, no route is meant:
// of /a/{x}/c and /a/b/{y}, a backend may take either for /a/b/c.
func (t routeTable) match(method string, segments []string) *routeLeaf {
	root := t[method]
	if root == nil {
		return nil
	}
	best, common := (*routeLeaf)(nil), ^uint64(0)
	root.walk(segments, func(l *routeLeaf) {
		if best == nil || l.vars&^best.vars == 0 {
			best = l
		}
		common &= l.vars
	})
	if best == nil || best.vars != common {
		return nil
	}
	return best
}

// walk visits every route that fits the segments.
func (n *routeNode) walk(segments []string, visit func(*routeLeaf)) {
	if len(segments) == 0 {
		if n.leaf != nil {
			visit(n.leaf)
		}
		return
	}
	if next := n.literals[segments[0]]; next != nil {
		next.walk(segments[1:], visit)
	}
	if n.variable != nil && !n.resembles(segments[0]) {
		n.variable.walk(segments[1:], visit)
	}
}

// resembles tells whether a segment looks like one of the literals without being
// it: EXPORT or export.json beside export, export beside export.csv. Frameworks that
// ignore case, take an extension for a format, or trim what is left, would send it
// there, and not to the record of that name.
func (n *routeNode) resembles(segment string) bool {
	if n.literals[segment] != nil {
		return false
	}
	stem := stemOf(segment)
	for literal := range n.literals {
		if strings.EqualFold(stemOf(literal), stem) {
			return true
		}
	}
	return false
}

// stemOf is a segment without its extensions. A dot before everything begins none.
func stemOf(segment string) string {
	stem, _, _ := strings.Cut(strings.TrimLeft(segment, "."), ".")
	return strings.TrimSpace(stem)
}

// question is what a request to the CRM asks: may user do what its route means
// to the record that {id} names, or without one to any record at all? Nothing
// else of the request counts. Where it asks nothing, the code says why.
func (t routeTable) question(user, method, target string) (q model.Question, code model.Code) {
	q.Subject = model.Entity{Type: "user", ID: user}
	segments, ok := segmentsOf(target)
	if !ok {
		return q, model.ReasonPathRefused
	}
	leaf := t.match(method, segments)
	if leaf == nil {
		return q, model.ReasonRouteUnknown
	}
	q.Action.Name = leaf.route.Action
	q.Resource = model.Entity{Type: leaf.route.Object, ID: model.AnyRecord}
	if leaf.id >= 0 {
		q.Resource.ID = segments[leaf.id]
		if q.Resource.ID == model.AnyRecord || len(q.Resource.ID) > maxID {
			return q, model.ReasonPathRefused // no record is called so
		}
	}
	return q, ""
}
