package condition

// What follows answers the question without a record: which values can the
// condition take, for this subject and request, on any record at all? Parts
// that do not read the record have one. Of those that do, some are settled by
// the other side: compared with what the subject lacks, every record is unknown.
// A list filter folds the same way, so that "may she do this at all?" and
// "which records?" agree on never.

func (n *Const) possible(*Facts) Set { return only(n.Truth) }

func (n *Not) possible(f *Facts) Set { return n.X.possible(f).lift(Truth.not) }

func (n *And) possible(f *Facts) Set {
	s := only(True)
	for _, x := range n.Xs {
		s = lift2(s, x.possible(f), Truth.and)
	}
	return s
}

func (n *Or) possible(f *Facts) Set {
	s := only(False)
	for _, x := range n.Xs {
		s = lift2(s, x.possible(f), Truth.or)
	}
	return s
}

func (n *Flag) possible(f *Facts) Set { return possible(n, f, n.X.open(f), true) }

func (n *Compare) possible(f *Facts) Set {
	reads := n.X.open(f) || n.Y.open(f)
	return possible(n, f, reads, n.X.settled(f, n.Kind) && n.Y.settled(f, n.Kind) && !(n.Op.orders() && (n.X.isBool(f, n.Kind) || n.Y.isBool(f, n.Kind))))
}

func (n *In) possible(f *Facts) Set {
	reads := n.X.open(f) || n.List.open(f)
	s := possible(n, f, reads, n.X.settled(f, n.Kind) && n.List.settled(f, n.Kind))
	if reads && n.List.empty(f) {
		s &^= only(True)
	}
	return s
}

func (n *Quantified) possible(f *Facts) Set {
	s := possible(n, f, n.Over.open(f), n.L.settled(f, n.Kind))
	if n.Over.open(f) && !n.All && n.L.empty(f) {
		s &^= only(True)
	}
	return s
}

func (n *Match) possible(f *Facts) Set {
	s := possible(n, f, n.X.open(f), n.Y.settled(f, String))
	if y, ok := n.Y.read(f, String); ok && y.str == "" && n.X.open(f) {
		s &^= only(False)
	}
	return s
}

func (n *Has) possible(f *Facts) Set { return possible(n, f, n.X.open(f), true) }

func (n *Below) possible(f *Facts) Set {
	s := possible(n, f, n.Unit.open(f), n.Root.settled(f, String) && f.Below != nil)
	if root, ok := n.Root.read(f, String); ok && root.str == "" && n.Unit.open(f) {
		s &^= only(True)
	}
	return s
}

func (n *InCIDR) possible(f *Facts) Set { return only(n.eval(f)) }

// possible is what a leaf may come to: its one value if it does not read the
// record, Unknown if the side that is not the record's is absent, else anything.
func possible(n Node, f *Facts, readsRecord, settled bool) Set {
	switch {
	case !readsRecord:
		return only(n.eval(f))
	case !settled:
		return only(Unknown)
	}
	return anything
}

// settled tells whether the term is the record's, or is there.
func (t *Term) settled(f *Facts, k Kind) bool {
	if t.open(f) {
		return true
	}
	_, ok := t.read(f, k)
	return ok
}

// isBool tells whether the term is a bool whatever the record.
func (t *Term) isBool(f *Facts, k Kind) bool {
	if t.open(f) {
		return false
	}
	s, ok := t.read(f, k)
	return ok && s.kind == Bool
}

// settled tells whether the list is the record's, or is there.
func (l *List) settled(f *Facts, k Kind) bool {
	if l.open(f) {
		return true
	}
	v, ok := l.view(f)
	_, uniform := v.uniform(k)
	return ok && uniform
}

// empty tells whether the list is known to be empty whatever the record.
func (l *List) empty(f *Facts) bool {
	if l.open(f) {
		return false
	}
	v, ok := l.view(f)
	return ok && v.len() == 0
}
