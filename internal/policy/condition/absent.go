package condition

import "slices"

// Absent lists what the condition reads of the record, the user, the action and
// the request and cannot use, as authors write it, each once: what was not sent,
// is null, or is of another type than what it is compared with. Without anything
// absent, Eval is not Unknown; the reverse does not hold.
func (c *Condition) Absent(f *Facts) []string {
	a := absence{facts: f}
	a.visit(c.root)
	return a.names
}

// absence gathers names on a walk.
type absence struct {
	facts *Facts
	names []string
}

func (a *absence) visit(n Node) {
	switch n := n.(type) {
	case *Not:
		a.visit(n.X)
	case *And:
		a.visitAll(n.Xs)
	case *Or:
		a.visitAll(n.Xs)
	case *Flag:
		a.term(n.X, Bool)
	case *Compare:
		a.pair(n.X, n.Y, n.Kind)
	case *In:
		a.term(n.X, n.Kind)
		a.list(n.List, n.Kind)
		x, there := n.X.read(a.facts, n.Kind)
		if v, ok := n.List.view(a.facts); there && ok && n.Kind == Any {
			_, uniform := v.uniform(Any)
			if _, fits := v.uniform(x.kind); uniform && !fits {
				a.note(n.X.Attr)
			}
		}
	case *Quantified:
		a.list(n.Over, n.Kind)
		a.list(n.L, n.Kind)
		if n.eval(a.facts) == Unknown {
			a.note(n.Over.Attr)
		}
	case *Match:
		a.pair(n.X, n.Y, String)
	case *Has:
		if n.eval(a.facts) == Unknown {
			a.note(n.X)
		}
	case *Below:
		a.pair(n.Unit, n.Root, String)
	case *InCIDR:
		if n.eval(a.facts) == Unknown {
			a.note(n.IP.Attr)
		}
	}
}

func (a *absence) visitAll(ns []Node) {
	for _, n := range ns {
		a.visit(n)
	}
}

// pair notes what of two terms is absent; two of different types are absent to
// each other.
func (a *absence) pair(x, y Term, k Kind) {
	a.term(x, k)
	a.term(y, k)
	s, sok := x.read(a.facts, k)
	t, tok := y.read(a.facts, k)
	if sok && tok && s.kind != t.kind {
		a.note(x.Attr)
		a.note(y.Attr)
	}
}

func (a *absence) term(t Term, k Kind) {
	if _, ok := t.read(a.facts, k); !ok {
		a.note(t.Attr)
	}
}

func (a *absence) list(l List, k Kind) {
	v, ok := l.view(a.facts)
	if l.From == Literal {
		for _, t := range l.Terms {
			a.term(t, k)
		}
		return
	}
	if _, uniform := v.uniform(k); !ok || !uniform {
		a.note(l.Attr)
	}
}

func (a *absence) note(x Attr) {
	if name := x.spelled(); name != "" && !slices.Contains(a.names, name) {
		a.names = append(a.names, name)
	}
}

// spelled is the attribute as authors write it, "" for a literal.
func (x Attr) spelled() string {
	switch x.From {
	case Record:
		return "record." + spell(x.Name)
	case User:
		return "user." + spell(x.Name)
	case Action:
		return "action." + spell(x.Name)
	case Context:
		return "request.context." + spell(x.Name)
	}
	return ownNames[x.From]
}

var ownNames = map[Source]string{
	UserID: "user.id", UserRoles: "user.roles", UserTeams: "user.teams", UserUnit: "user.unit",
	RequestTime: "request.time", RequestIP: "request.ip", RequestACR: "request.acr", RequestAMR: "request.amr",
	RequestAuthAge: "request.auth_age", RequestClient: "request.client",
}
