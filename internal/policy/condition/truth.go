package condition

// Truth is a value of Kleene's three-valued logic. The zero value is Unknown,
// because what nobody told us is unknown.
type Truth int8

const (
	Unknown Truth = iota
	False
	True
)

func (t Truth) String() string {
	switch t {
	case True:
		return "true"
	case False:
		return "false"
	}
	return "unknown"
}

// truthOf lifts a plain answer.
func truthOf(b bool) Truth {
	if b {
		return True
	}
	return False
}

// not is Kleene's negation: what is unknown stays unknown.
func (t Truth) not() Truth {
	switch t {
	case True:
		return False
	case False:
		return True
	}
	return Unknown
}

// and is Kleene's conjunction: one False suffices, whatever else is unknown.
func (t Truth) and(u Truth) Truth {
	switch {
	case t == False || u == False:
		return False
	case t == True && u == True:
		return True
	}
	return Unknown
}

// or is Kleene's disjunction: one True suffices, whatever else is unknown.
func (t Truth) or(u Truth) Truth {
	return t.not().and(u.not()).not()
}

// Set holds the truth values a condition may take: bit 1<<Truth for each.
type Set uint8

// anything is what a comparison with an unseen record may come to.
const anything = Set(1<<Unknown | 1<<False | 1<<True)

// Has tells whether t is in the set.
func (s Set) Has(t Truth) bool { return s&only(t) != 0 }

// only is the set of one value.
func only(t Truth) Set { return 1 << t }

// lift applies f to every value of the set.
func (s Set) lift(f func(Truth) Truth) Set {
	var out Set
	for t := Unknown; t <= True; t++ {
		if s.Has(t) {
			out |= only(f(t))
		}
	}
	return out
}

// lift2 applies f to every pair of values of two sets.
func lift2(a, b Set, f func(t, u Truth) Truth) Set {
	var out Set
	for t := Unknown; t <= True; t++ {
		if a.Has(t) {
			out |= b.lift(func(u Truth) Truth { return f(t, u) })
		}
	}
	return out
}
