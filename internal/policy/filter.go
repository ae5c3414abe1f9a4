package policy

import (
	"rolegate/api/filter"
	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// Listed is the answer about a whole list: which of its records a subject may see,
// or do something else to.
type Listed struct {
	// Decision is why, as for the question without a record. Allow is true unless
	// the kind is never.
	model.Decision
	Filter filter.Filter
}

// Filter answers for which records of q.Resource.Type the question would be
// allowed, as an expression over their columns: (OR of what is granted) AND NOT
// (OR of what is denied) AND (AND of the restrictions), for the action and all it
// requires. For every record whose attributes are all known, q about it is
// allowed if and only if it passes. The rest of q.Resource is not looked at.
//
// It is never exactly where the question without a record is denied, but for
// shares: those live on a record, so that question leaves them out, and a filter
// finds them. What would step up the subject's assurance is told as in a
// decision, and until then the filter is never.
//
// Errors: CodeFilterTooLarge for a list of more than most ids; CodeInexpressible
// for what an expression cannot say. Neither is ever answered by a wider filter.
func (s *Snapshot) Filter(q *model.Question, in *Inputs, most int) (Listed, error) {
	whole := *q
	whole.Resource = model.Entity{Type: q.Resource.Type, ID: model.AnyRecord}
	l := &lister{most: most}
	out := Listed{Decision: s.decide(&whole, in, l), Filter: filter.Filter{Kind: filter.Never}}
	out.AnyRecord = false
	switch {
	case out.Code == model.CodeInternal:
		return Listed{}, out.Cause
	case !out.Allow:
		return out, nil
	}
	e := simplified(allOf(l.exprs...))
	if err := fits(&e, most); err != nil {
		return Listed{}, err
	}
	if err := e.Validate(); err != nil { // such as a value of the request's that is no text
		return Listed{}, model.Errorf(model.CodeInexpressible, "the policy makes no list filter of this question").Noting(err.Error()).Because(err)
	}
	switch e.Op {
	case filter.True:
		out.Filter.Kind = filter.Always
	case filter.False: // no row's doing: what each of them leaves open, they take together
		out.Allow, out.Code, out.Rule, out.Fields = false, model.ReasonNotGranted, model.Rule{}, nil
	default:
		out.Filter = filter.Filter{Kind: filter.Conditional, Expr: &e}
	}
	return out, nil
}

// lister is the index, asked about a whole list: it answers the question without
// a record, and keeps of each row that is not settled by that an expression. All
// of them together are the filter.
type lister struct {
	index
	exprs []filter.Expr
	most  int // ids in a list
}

// grants is never narrower than the index's: it also counts shares.
func (l *lister) grants(a *asking) (verdict, error) {
	a.mostIDs = l.most
	v, err := l.index.grants(a)
	if err != nil || !v.allow && v.rule != noRule { // all is taken away
		return v, err
	}
	var granted, denied exprSet
	first, everything := noRule, false
	for _, r := range a.at.from {
		if r == nil {
			continue
		}
		r.allows.each(a.keys, func(e *rowRef) {
			if a.lists(e.what) {
				first = min(first, e.rule)
				everything = everything || e.what == everythingGranted
				granted.rows = append(granted.rows, *e)
			}
		})
		r.denials.each(a.keys, func(e *rowRef) { denied.rows = append(denied.rows, *e) })
	}
	if first == noRule {
		return verdict{rule: noRule}, nil
	}
	if !everything {
		if err := granted.bind(a, false); err != nil {
			return verdict{rule: noRule}, err
		}
		l.exprs = append(l.exprs, anyOf(granted.exprs...))
	}
	if err := denied.bind(a, true); err != nil {
		return verdict{rule: noRule}, err
	}
	if len(denied.exprs) > 0 {
		l.exprs = append(l.exprs, notOf(anyOf(denied.exprs...)))
	}
	return verdict{true, first}, nil
}

func (l *lister) restrictions(a *asking) (verdict, error) {
	v, err := l.index.restrictions(a)
	if err != nil || !v.allow {
		return v, err
	}
	var limits exprSet
	for _, r := range a.at.from {
		r.limits().each(a.keys, func(e *rowRef) { limits.rows = append(limits.rows, *e) })
	}
	if err := limits.bind(a, false); err != nil {
		return verdict{rule: noRule}, err
	}
	l.exprs = append(l.exprs, limits.exprs...)
	return v, nil
}

// lists is the test of an allow row: it lets some record through that no denial
// takes away everywhere.
func (a *asking) lists(what int32) bool {
	if g := a.rules.grants[what]; g.scope.kind == scopeShared || g.scope.kind == scopeEveryone {
		return g.mayHold(a)
	}
	return a.allows(what)
}

// exprSet is rows, and what they say as expressions: each only once.
type exprSet struct {
	rows  []rowRef
	exprs []filter.Expr
}

func (s *exprSet) bind(a *asking, denying bool) error {
	met := make(map[int32]bool, len(s.rows))
	for _, row := range s.rows {
		if met[row.what] {
			continue
		}
		met[row.what] = true
		e, err := a.rules.grants[row.what].expr(a, denying)
		if err == nil {
			err = a.object.expressible(&e)
		}
		if err != nil {
			rule := a.rules.rule(row.rule)
			return model.Errorf(model.CodeInexpressible, "the row %q in line %d cannot be a list filter: %s", rule.Text, rule.Line, model.PhraseOf(err)).Because(err)
		}
		s.exprs = append(s.exprs, e)
	}
	return nil
}

// expr is the grant as an expression: true where it surely reaches the record
// and, of a denial, false only where it surely does not.
func (g grant) expr(a *asking, denying bool) (filter.Expr, error) {
	e := g.scope.expr(a, denying)
	if g.cond == nil {
		return e, nil
	}
	c, err := g.cond.expr(a)
	return allOf(e, c), err
}

// expr is the clause for what is asked; what nobody can read is unknown.
func (c *clause) expr(a *asking) (filter.Expr, error) {
	if cond := a.object.condition(c); cond != nil {
		return cond.Filter(a.conditionFacts())
	}
	return filter.Expr{Op: filter.Unknown}, nil
}

// expressible refuses what the directory itself says of its users and teams: no
// column holds it.
func (o *object) expressible(e *filter.Expr) error {
	for _, name := range o.ownAttributes() {
		if e.Field == name || e.Other == name {
			return model.Say("the directory itself says what %s of a %s is, not a column; search for resources instead", name, o.name).Err()
		}
	}
	for i := range e.Args {
		if err := o.expressible(&e.Args[i]); err != nil {
			return err
		}
	}
	return nil
}

// fits refuses a list that was cut, or has more than most ids, and more values than a filter holds.
func fits(e *filter.Expr, most int) error {
	values := 0
	var fit func(e *filter.Expr) error
	fit = func(e *filter.Expr) error {
		if e.Share != nil {
			values += len(e.Share.To)
		}
		list, _ := e.Value.([]any)
		values += len(list)
		if _, cut := e.Value.(condition.Cut); cut || len(list) > most && countIDs(e.Field, list) > most {
			return tooLarge(model.Exceeded(model.SettingFilterIDs, int64(most), "the filter would compare %s with a list of more ids than that", e.Field))
		}
		for i := range e.Args {
			if err := fit(&e.Args[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := fit(e); err != nil {
		return err
	}
	if values > filter.MaxValues {
		return tooLarge(model.Errorf(model.CodeFilterTooLarge, "the filter would hold more than %d values in all its lists together", filter.MaxValues))
	}
	return nil
}

func tooLarge(e *model.Error) error {
	e.Code = model.CodeFilterTooLarge
	return e
}

// countIDs counts the values of a list; an id with its other spelling next to it
// is one.
func countIDs(field string, list []any) int {
	n, prefix := len(list), condition.PrefixOf(field)
	if prefix == "" {
		return n
	}
	for i := 1; i < len(list); i++ {
		id, _ := list[i-1].(string)
		if id != "" && list[i] == prefix+id {
			n--
			i++ // it may be the prefix of an id itself
		}
	}
	return n
}
