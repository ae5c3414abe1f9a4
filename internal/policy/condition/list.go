package condition

// view is a list as it stands in one question. At most one of the slices is
// used; all are as the caller holds them, so that reading a list copies nothing.
type view struct {
	list  *List
	facts *Facts
	strs  []string // built-in lists
	anys  []any    // attributes
	terms []Term   // literal lists
}

// view returns the list unless it is absent. Elements are judged by those who
// read them: one of another type makes the whole list absent.
func (l *List) view(f *Facts) (v view, ok bool) {
	v = view{list: l, facts: f}
	switch l.From {
	case Literal:
		v.terms = l.Terms
		return v, true
	case UserRoles:
		v.strs = f.Roles
		return v, true
	case UserTeams:
		v.strs = f.Teams
		return v, true
	case RequestAMR:
		v.strs = f.AMR
		return v, f.HasAuth
	}
	sent, _ := l.raw(f)
	v.anys, ok = sent.([]any)
	return v, ok
}

func (v *view) len() int { return len(v.strs) + len(v.anys) + len(v.terms) }

// at reads an element, with the rules of Term.read. Built-in lists hold strings,
// and are never asked for anything else, for the compiler knows.
func (v *view) at(i int, want Kind) (scalar, bool) {
	switch {
	case v.strs != nil:
		return scalar{kind: String, str: v.strs[i]}, true
	case v.terms != nil:
		return v.terms[i].read(v.facts, want)
	}
	return v.list.convert(v.anys[i], want)
}

// uniform tells whether all elements are there and of the kind; of kind Any,
// whether they all are of the kind of the first. It returns that kind, which
// stays Any for an empty list.
func (v *view) uniform(k Kind) (Kind, bool) {
	for i := range v.len() {
		s, ok := v.at(i, k)
		if !ok {
			return k, false
		}
		k = s.kind
	}
	return k, true
}

// contains looks for x. It always looks at all elements, for the last may be
// the one that makes the list absent.
func (v *view) contains(x scalar) Truth {
	found := False
	for i := range v.len() {
		e, ok := v.at(i, x.kind)
		if !ok {
			return Unknown
		}
		if e == x {
			found = True
		}
	}
	return found
}

// index is contains, made fast for a list that is uniformly of the kind.
func (v *view) index(k Kind) func(scalar) Truth {
	set := make(map[scalar]bool, v.len())
	for i := range v.len() {
		s, _ := v.at(i, k)
		set[s] = true
	}
	return func(x scalar) Truth { return truthOf(set[x]) }
}
