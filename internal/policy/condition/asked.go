package condition

import "slices"

// keys are the attributes by which a condition can ask who somebody is, each with
// what its values are called as subjects of rows; what of the roles is called so
// already.
var keys = map[Source]string{UserID: "user:", UserTeams: "team:", UserRoles: "role:"}

// AsksFor lists the subjects that the condition asks for among who asks: by name,
// as 'emea' in user.teams asks for "team:emea", or by "role:", "team:" or "user:" alone
// where it may come to any. What asks for the same as the record says of itself, such as
// record.owner == user.id, asks for nobody more than a scope does; but for roles, which no scope
// knows. With are those by whom it may come to hold, against those by whom it may no
// longer, as !('emea' in user.teams) does not; some may do either.
func (c *Condition) AsksFor() (with, against []string) {
	var a asked
	a.node(c.root)
	slices.Sort(a.with)
	slices.Sort(a.against)
	return slices.Compact(a.with), slices.Compact(a.against)
}

type asked struct {
	with, against []string
	denied        bool // below an odd number of negations
}

func (a *asked) node(n Node) {
	switch n := n.(type) {
	case *Not:
		a.denied = !a.denied
		a.node(n.X)
		a.denied = !a.denied
	case *And:
		a.nodes(n.Xs)
	case *Or:
		a.nodes(n.Xs)
	case *Compare:
		if n.Op == Equal || n.Op == NotEqual {
			against := a.denied != (n.Op == NotEqual)
			a.pair(n.X, n.Y, against)
			a.pair(n.Y, n.X, against)
			return
		}
		a.any(n.X.From, n.Y.From)
	case *In:
		for _, y := range n.List.each() {
			a.pair(n.X, y, a.denied)
			a.pair(y, n.X, a.denied)
		}
	case *Quantified:
		for _, x := range n.Over.each() {
			for _, y := range n.L.each() {
				if n.All && (x.From == Literal || y.From == Literal) {
					a.any(x.From, y.From) // one more team than these, whichever, and it no longer holds
					continue
				}
				a.pair(x, y, a.denied)
				a.pair(y, x, a.denied)
				if n.All { // one of them more may do either
					a.pair(x, y, !a.denied)
					a.pair(y, x, !a.denied)
				}
			}
		}
	case *Flag:
		a.any(n.X.From)
	case *Match:
		a.any(n.X.From, n.Y.From)
	case *Has:
		a.any(n.X.From)
	case *Below:
		a.any(n.Unit.From, n.Root.From)
	}
}

func (a *asked) nodes(ns []Node) {
	for _, n := range ns {
		a.node(n)
	}
}

// each is a list as single values: of a literal one its own, of an attribute any
// that it may have.
func (l *List) each() []Term {
	if l.From == Literal {
		return l.Terms
	}
	return []Term{{Attr: l.Attr}}
}

// pair notes whom x asks for by being held against y.
func (a *asked) pair(x, y Term, against bool) {
	prefix, who := keys[x.From]
	switch {
	case !who || y.From == Record && x.From != UserRoles:
	case y.From == Literal && x.From == UserRoles:
		a.note(y.Value.str, against)
	case y.From == Literal:
		a.note(prefix+y.Value.str, against)
	default:
		a.note(prefix, against)
	}
}

// any notes that whoever it is may be asked for, to be so or not to be.
func (a *asked) any(sources ...Source) {
	for _, from := range sources {
		if prefix, who := keys[from]; who {
			a.note(prefix, false)
			a.note(prefix, true)
		}
	}
}

func (a *asked) note(subject string, against bool) {
	if against {
		a.against = append(a.against, subject)
	} else {
		a.with = append(a.with, subject)
	}
}
