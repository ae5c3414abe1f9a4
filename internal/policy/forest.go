package policy

import (
	"cmp"
	"maps"
	"slices"
)

// forest numbers the nodes of trees given as child → parent, so that "is it
// below that one" is a comparison of numbers. Reporting lines, units and
// territories are forests. Names that nobody registered are kept as names: they
// match themselves and lead nowhere. Immutable.
type forest struct {
	nodes  map[string]node
	names  []string          // by number
	parent map[string]string // only where some nodes are loose
}

// node is a place in a forest: the numbers of a node and of all below it are
// first to last, as a walk that goes down before it goes on counts them.
type node struct {
	first, last int32
	depth       int32
	loose       bool // on a circle or below one, and so without numbers
}

// newForest numbers the nodes. Circles are refused when they are written;
// should one be there all the same, its members and those below them are
// walked, not numbered.
func newForest(parent map[string]string) *forest {
	f := &forest{nodes: make(map[string]node, len(parent))}
	children := map[string][]string{}
	var roots []string
	for child, up := range parent {
		if up == "" {
			roots = append(roots, child)
			continue
		}
		children[up] = append(children[up], child)
		if _, registered := parent[up]; !registered && len(children[up]) == 1 {
			roots = append(roots, up)
		}
	}
	type visit struct {
		name  string
		depth int32
		next  int // of its children
	}
	enter := func(name string, depth int32) visit {
		f.nodes[name] = node{first: int32(len(f.names)), depth: depth}
		f.names = append(f.names, name)
		return visit{name: name, depth: depth}
	}
	for _, root := range roots {
		path := []visit{enter(root, 0)}
		for len(path) > 0 {
			v := &path[len(path)-1]
			if below := children[v.name]; v.next < len(below) {
				child := below[v.next]
				v.next++
				path = append(path, enter(child, v.depth+1))
				continue
			}
			n := f.nodes[v.name]
			n.last = int32(len(f.names)) - 1
			f.nodes[v.name] = n
			path = path[:len(path)-1]
		}
	}
	for name := range parent {
		if _, numbered := f.nodes[name]; !numbered {
			f.nodes[name] = node{loose: true}
			f.parent = parent
		}
	}
	return f
}

// within tells whether name is root or below it, at most depth steps; 0 is any
// number. Nothing is within "".
func (f *forest) within(name, root string, depth int) bool {
	switch {
	case root == "" || name == "":
		return false
	case name == root:
		return true
	}
	above, known := f.nodes[root]
	if !known {
		return false
	}
	at, known := f.nodes[name]
	switch {
	case !known || at.loose != above.loose:
		return false // above a numbered node all are numbered, above a loose one none
	case at.loose:
		return f.walk(name, root, depth)
	}
	return above.first <= at.first && at.first <= above.last && (depth == 0 || int(at.depth-above.depth) <= depth)
}

// under lists, in byte order, root and what is below it, at most depth steps; 0 is
// any number. Of more than most names it lists none, and says that it was cut.
func (f *forest) under(root string, depth, most int) (found []string, cut bool) {
	if root == "" {
		return nil, false
	}
	found = []string{root}
	add := func(name string) bool {
		if name != root && f.within(name, root, depth) {
			found = append(found, name)
		}
		return len(found) <= most
	}
	switch top, known := f.nodes[root]; {
	case !known:
	case top.loose:
		for name := range f.parent {
			if !add(name) {
				break
			}
		}
	default:
		for i := top.first + 1; i <= top.last; i++ {
			n := f.nodes[f.names[i]]
			if depth > 0 && int(n.depth-top.depth) == depth {
				i = n.last // what is further below
			}
			if found = append(found, f.names[n.first]); len(found) > most {
				break
			}
		}
	}
	if len(found) > most {
		return nil, true
	}
	slices.Sort(found)
	return found, false
}

// underAny is under of several roots, each name once.
func (f *forest) underAny(roots []string, most int) (found []string, cut bool) {
	if len(roots) == 1 {
		return f.under(roots[0], 0, most)
	}
	met := map[string]bool{}
	roots = slices.Clone(roots)
	slices.SortFunc(roots, func(a, b string) int { return cmp.Compare(f.nodes[a].depth, f.nodes[b].depth) })
	for _, root := range roots {
		if met[root] { // and with it what is below it
			continue
		}
		ids, cut := f.under(root, 0, most)
		for _, id := range ids {
			met[id] = true
		}
		if cut || len(met) > most {
			return nil, true
		}
	}
	return slices.Sorted(maps.Keys(met)), false
}

// walk is within where nodes have no numbers. Brent's method ends it on a
// circle, after it has met each member.
func (f *forest) walk(name, root string, depth int) bool {
	mark, power := name, 1
	for steps := 1; depth == 0 || steps <= depth; steps++ {
		name = f.parent[name]
		switch name {
		case root:
			return true
		case "", mark:
			return false
		}
		if steps == power {
			mark, power = name, 2*power
		}
	}
	return false
}

// hasBelow tells whether anything is below name.
func (f *forest) hasBelow(name string) bool {
	n := f.nodes[name]
	if !n.loose {
		return n.last > n.first
	}
	for _, up := range f.parent {
		if up == name {
			return true
		}
	}
	return false
}
