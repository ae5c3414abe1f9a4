package policy

import (
	"slices"
	"strings"

	"rolegate/model"
)

// Sure tells whether a question would be allowed, or not, whatever else the request had
// said of its record, its action and its context: proof of identity and fields aside.
// Where that is not so, the answer given from less (a denial, for rows that are not
// known to hold) is no answer to the question that was asked.
func (s *Snapshot) Sure(q *model.Question, in *Inputs) bool {
	a := asking{Snapshot: s, q: q, in: in, engine: index{}, now: in.Now}
	if a.admit() != model.ReasonAllowed {
		return true
	}
	all := a.surely()
	for _, required := range a.at.requires() {
		a.at = a.rules.target(a.object.name, required)
		all = all.and(a.surely())
	}
	return all != unknown
}

// surely is the answer of the rows about the action at hand, unknown where it hangs on
// what was not said.
func (a *asking) surely() truth {
	if !a.at.known || !a.object.enabled() {
		return no
	}
	if a.anyRecord {
		return a.surelyWithout()
	}
	granted, open := no, yes
	for _, r := range a.at.from {
		if r == nil {
			continue
		}
		r.allows.each(a.keys, func(e *rowRef) { granted = granted.or(a.rules.grants[e.what].says(a, no)) })
		r.denials.each(a.keys, func(e *rowRef) { open = open.and(a.rules.grants[e.what].says(a, yes).not()) })
		r.limits().each(a.keys, func(e *rowRef) { open = open.and(a.rules.grants[e.what].says(a, no)) })
	}
	return granted.and(open)
}

// surelyWithout is surely of a question without a record, whose attributes are open
// anyway: it hangs on what conditions look at beside them.
func (a *asking) surelyWithout() truth {
	sure := yes
	for _, r := range a.at.from {
		if r == nil {
			continue
		}
		for _, list := range []rowList{r.allows, r.denials, r.limits()} {
			list.each(a.keys, func(e *rowRef) {
				if c := a.rules.grants[e.what].cond; c != nil && slices.ContainsFunc(c.unsaid(a), notOfRecord) {
					sure = unknown
				}
			})
		}
	}
	return sure
}

// says is reaches, with what is unknown for good put down as what the row then does.
func (g grant) says(a *asking, otherwise truth) truth {
	if g.scope.kind != scopeAll && a.record.known && g.scope.reaches(a) == unknown {
		return otherwise // what is registered cannot be read
	}
	t := g.reaches(a)
	if t == unknown && g.cond != nil && g.scope.reaches(a) == yes && len(g.cond.unsaid(a)) == 0 {
		return otherwise
	}
	if t != unknown && g.cond != nil && g.scope.reaches(a) != no && strings.Contains(g.cond.text, "request.amr") {
		return unknown // the log has the level of a proof, and not by what it was given
	}
	return t
}

// unsaid lists what the condition looks at and the request may have said. What is
// registered of a record and lacks an attribute is known to have none.
func (c *clause) unsaid(a *asking) []string {
	cond := a.object.condition(c)
	if cond == nil {
		return nil
	}
	return slices.DeleteFunc(cond.Absent(a.conditionFacts()), func(name string) bool { return a.record.known && !notOfRecord(name) })
}

func notOfRecord(name string) bool { return !strings.HasPrefix(name, "record.") }
