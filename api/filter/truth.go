package filter

// Truth is what an expression says of a record: yes, no, or that it cannot be
// said. The zero value is No. In SQL they are TRUE, FALSE and NULL.
type Truth int8

const (
	No Truth = iota
	Unsure
	Yes
)

func (t Truth) String() string {
	switch t {
	case Yes:
		return "yes"
	case Unsure:
		return "unsure"
	}
	return "no"
}

// Kleene's tables: No < Unsure < Yes.
func (t Truth) and(u Truth) Truth { return min(t, u) }
func (t Truth) or(u Truth) Truth  { return max(t, u) }
func (t Truth) not() Truth        { return Yes - t }

func truthOf(b bool) Truth {
	if b {
		return Yes
	}
	return No
}
