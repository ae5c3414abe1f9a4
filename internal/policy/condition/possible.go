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

func (n *Flag) possible(f *Facts) Set { return possible(n, f, n.X.From == Record, true) }

func (n *Compare) possible(f *Facts) Set {
	reads := n.X.From == Record || n.Y.From == Record
	return possible(n, f, reads, n.X.settled(f, n.Kind) && n.Y.settled(f, n.Kind))
}

func (n *In) possible(f *Facts) Set {
	reads := n.X.From == Record || n.List.From == Record
	s := possible(n, f, reads, n.X.settled(f, n.Kind) && n.List.settled(f, n.Kind))
	if reads && n.List.empty(f) {
		s &^= only(True)
	}
	return s
}

func (n *Quantified) possible(f *Facts) Set {
	s := possible(n, f, n.Over.From == Record, n.L.settled(f, n.Kind))
	if n.Over.From == Record && !n.All && n.L.empty(f) {
		s &^= only(True)
	}
	return s
}

func (n *Match) possible(f *Facts) Set {
	s := possible(n, f, n.X.From == Record, n.Y.settled(f, String))
	if y, ok := n.Y.read(f, String); ok && y.str == "" && n.X.From == Record {
		s &^= only(False)
	}
	return s
}

func (n *Has) possible(f *Facts) Set { return possible(n, f, n.X.From == Record, true) }

func (n *Below) possible(f *Facts) Set {
	return possible(n, f, n.Unit.From == Record, n.Root.settled(f, String) && f.Below != nil)
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
	if t.From == Record {
		return true
	}
	_, ok := t.read(f, k)
	return ok
}

// settled tells whether the list is the record's, or is there.
func (l *List) settled(f *Facts, k Kind) bool {
	if l.From == Record {
		return true
	}
	v, ok := l.view(f)
	_, uniform := v.uniform(k)
	return ok && uniform
}

// empty tells whether the list is known to be empty whatever the record.
func (l *List) empty(f *Facts) bool {
	if l.From == Record {
		return false
	}
	v, ok := l.view(f)
	return ok && v.len() == 0
}
