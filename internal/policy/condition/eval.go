package condition

import (
	"net/netip"
	"strings"
)

func (n *Const) eval(*Facts) Truth { return n.Truth }

func (n *Not) eval(f *Facts) Truth { return n.X.eval(f).not() }

func (n *And) eval(f *Facts) Truth {
	t := True
	for _, x := range n.Xs {
		if t = t.and(x.eval(f)); t == False {
			return False
		}
	}
	return t
}

func (n *Or) eval(f *Facts) Truth {
	t := False
	for _, x := range n.Xs {
		if t = t.or(x.eval(f)); t == True {
			return True
		}
	}
	return t
}

func (n *Flag) eval(f *Facts) Truth {
	x, ok := n.X.read(f, Bool)
	if !ok {
		return Unknown
	}
	return truthOf(x == boolean(true))
}

func (n *Compare) eval(f *Facts) Truth {
	x, ok := n.X.read(f, n.Kind)
	if !ok {
		return Unknown
	}
	y, ok := n.Y.read(f, x.kind)
	if !ok {
		return Unknown
	}
	if x.kind == Bool && n.Op != Equal && n.Op != NotEqual {
		return Unknown // undeclared, and there is no order of bools
	}
	return n.Op.holds(x.compare(&y))
}

// holds tells whether two values that compare as c (-1, 0, 1) stand so.
func (o Op) holds(c int) Truth {
	switch o {
	case Equal:
		return truthOf(c == 0)
	case NotEqual:
		return truthOf(c != 0)
	case Less:
		return truthOf(c < 0)
	case LessOrEqual:
		return truthOf(c <= 0)
	case Greater:
		return truthOf(c > 0)
	case GreaterOrEqual:
		return truthOf(c >= 0)
	}
	return Unknown
}

func (n *In) eval(f *Facts) Truth {
	x, ok := n.X.read(f, n.Kind)
	if !ok {
		return Unknown
	}
	list, ok := n.List.view(f)
	if !ok {
		return Unknown
	}
	return list.contains(x)
}

// manyPairs is from where on an index of one of two lists is worth its
// allocations. Both may come from a caller, who must not buy the product of
// their lengths.
const manyPairs = 4096

func (n *Quantified) eval(f *Facts) Truth {
	over, ok := n.Over.view(f)
	if !ok {
		return Unknown
	}
	list, ok := n.L.view(f)
	if !ok {
		return Unknown
	}
	kind, ok := list.uniform(n.Kind) // also if there is nothing to look for
	if !ok {
		return Unknown
	}
	contains := list.contains
	if over.len()*list.len() > manyPairs {
		contains = list.index(kind)
	}
	some, every := False, True
	for i := range over.len() {
		x, ok := over.at(i, kind)
		if !ok {
			return Unknown
		}
		kind = x.kind
		in := contains(x)
		some, every = some.or(in), every.and(in)
	}
	if n.All {
		return every
	}
	return some
}

func (n *Match) eval(f *Facts) Truth {
	x, xok := n.X.read(f, String)
	y, yok := n.Y.read(f, String)
	if !xok || !yok {
		return Unknown
	}
	switch n.How {
	case StartsWith:
		return truthOf(strings.HasPrefix(x.str, y.str))
	case EndsWith:
		return truthOf(strings.HasSuffix(x.str, y.str))
	case Contains:
		return truthOf(strings.Contains(x.str, y.str))
	}
	return Unknown
}

// eval is false for null and unknown for what was not sent. A value that
// contradicts the declared type is unknown too: it says only that something is
// wrong.
func (n *Has) eval(f *Facts) Truth {
	switch n.X.From {
	case UserID, UserRoles, UserTeams, RequestACR:
		return True
	case UserUnit:
		return truthOf(f.Unit != "")
	case RequestIP:
		return known(f.IP != "")
	case RequestClient:
		return known(f.Client != "")
	case RequestTime:
		return known(!f.Time.IsZero())
	case RequestAuthAge, RequestAMR:
		return known(f.HasAuth)
	}
	v, sent := n.X.raw(f)
	switch {
	case !sent:
		return Unknown
	case v == nil:
		return False
	case n.X.Type.Shape == Single:
		_, ok := n.X.convert(v, n.X.Type.Kind)
		return known(ok)
	case n.X.Type.Shape == ListOf:
		list, ok := (&List{Attr: n.X}).view(f)
		_, uniform := list.uniform(n.X.Type.Kind)
		return known(ok && uniform)
	}
	return True
}

func known(b bool) Truth {
	if b {
		return True
	}
	return Unknown
}

// eval is false for "", which is no unit. (A user without a unit has none to be
// compared with, as user.unit is then absent.)
func (n *Below) eval(f *Facts) Truth {
	unit, uok := n.Unit.read(f, String)
	root, rok := n.Root.read(f, String)
	if !uok || !rok || f.Below == nil {
		return Unknown
	}
	return truthOf(unit.str != "" && root.str != "" && f.Below(unit.str, root.str))
}

// eval is unknown for what is no address. One with a zone (fe80::1%eth0) means
// something on one machine only, so here it is none.
func (n *InCIDR) eval(f *Facts) Truth {
	s, ok := n.IP.read(f, String)
	if !ok {
		return Unknown
	}
	ip, err := netip.ParseAddr(s.str)
	if err != nil || ip.Zone() != "" {
		return Unknown
	}
	ip = ip.Unmap()
	for _, net := range n.Nets {
		if net.Contains(ip) {
			return True
		}
	}
	return False
}
