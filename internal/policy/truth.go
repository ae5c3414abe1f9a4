package policy

import "rolegate/internal/policy/condition"

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

// and is Kleene's conjunction: one no suffices.
func (t truth) and(u truth) truth {
	switch {
	case t == no || u == no:
		return no
	case t == yes && u == yes:
		return yes
	}
	return unknown
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// truthFrom reads a condition's truth.
func truthFrom(t condition.Truth) truth {
	switch t {
	case condition.True:
		return yes
	case condition.False:
		return no
	}
	return unknown
}
