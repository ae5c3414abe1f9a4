package policy

// truth is a value of Kleene's three-valued logic. The zero value is unknown,
// because what nobody told us is unknown.
type truth int8

const (
	unknown truth = iota
	no
	yes
)

// truthOf lifts a plain answer.
func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// or is Kleene's disjunction: one yes suffices, whatever else is unknown.
func (t truth) or(u truth) truth {
	switch {
	case t == yes || u == yes:
		return yes
	case t == no && u == no:
		return no
	}
	return unknown
}
