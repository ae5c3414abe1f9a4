package review

import (
	"slices"

	"rolegate/internal/policy"
	"rolegate/model"
)

// idle tells whether a row changes no answer, and why. A row by which alone a
// word means something is none.
func (t *table) idle(i int, r *model.PolicyRow) (model.Finding, bool) {
	if o := t.object(r.Object); o != nil && !o.Enabled {
		return finding(model.FindingObjectOff, r), true
	}
	if t.alone(r) {
		return model.Finding{}, false
	}
	if r.Effect == allow {
		if by, is := t.overridden(i, r); is {
			return finding(model.FindingOverridden, r, t.rows[by]), true
		}
	}
	if by, is := t.shadowed(i, r); is {
		return finding(model.FindingShadowed, r, t.rows[by]), true
	}
	if word := t.ungranted(r); word != "" {
		f := finding(model.FindingUngranted, r)
		f.Word = word
		return f, true
	}
	return model.Finding{}, false
}

// overridden finds a denial that takes away all a row allows. One with a condition
// may spare a record, or, where no record is asked about, the question. Field rules
// give way to denials for everybody only: among roles, the most permissive wins.
func (t *table) overridden(i int, r *model.PolicyRow) (int, bool) {
	return t.covering(r, deny, i, func(s, r *model.PolicyRow) bool {
		if r.Kind == "p3" {
			return s.Subject == everything
		}
		return s.Condition == "" && policy.ScopeCovers(s.Scope, r.Scope)
	})
}

// shadowed finds a row that says as much as another for all it is about. No two
// shadow each other: they would be one row, written twice, which is refused.
func (t *table) shadowed(i int, r *model.PolicyRow) (int, bool) {
	return t.covering(r, r.Effect, i, says)
}

// ungranted gives an action that the action of an allow row requires and that no
// row allows to anybody; "" for none.
func (t *table) ungranted(r *model.PolicyRow) string {
	for _, word := range t.required(r) {
		if !t.anybodyMay(r.Object, word) {
			return word
		}
	}
	return ""
}

func (t *table) anybodyMay(object, action string) bool {
	for _, o := range both(object) {
		for _, a := range both(action) {
			if t.allowed[[2]string{o, a}] > 0 {
				return true
			}
		}
	}
	return false
}

// required lists the actions that must be allowed for an allow row to be worth
// something, directly or by others.
func (t *table) required(r *model.PolicyRow) []string {
	o := t.object(r.Object)
	if o == nil || r.Kind != "p" || r.Effect != allow || r.Action == everything {
		return nil
	}
	all := slices.Clone(o.Actions[r.Action].Requires)
	for i := 0; i < len(all); i++ {
		for _, word := range o.Actions[all[i]].Requires {
			if word != r.Action && !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
	}
	return all
}

// lacks tells of an allow row of a role whether its action requires another that
// the role by itself has not got.
func (t *table) lacks(r *model.PolicyRow) (model.Finding, bool) {
	if !isRole(r.Subject) {
		return model.Finding{}, false
	}
	for _, word := range t.required(r) {
		need := *r
		need.Action = word
		if _, has := t.covering(&need, allow, -1, func(_, _ *model.PolicyRow) bool { return true }); !has {
			f := finding(model.FindingRequired, r)
			f.Word = word
			return f, true
		}
	}
	return model.Finding{}, false
}

// maxOthers bounds the further rows of one finding.
const maxOthers = 20

// unlisted notes a word of a row that the catalogue does not know, once a word.
// words are the places in found of those met so far.
func (t *table) unlisted(found []model.Finding, words map[string]int, r *model.PolicyRow) []model.Finding {
	word, of := t.strange(r)
	if word == "" {
		return found
	}
	if i, met := words[of]; met {
		if len(found[i].Others) < maxOthers {
			found[i].Others = append(found[i].Others, *r)
		}
		return found
	}
	words[of] = len(found)
	f := finding(model.FindingUnlisted, r)
	f.Word = word
	return append(found, f)
}

// strange gives the first word of a row that the catalogue does not know, and a
// key for it; a catalogue of no objects knows none, and none is strange to it.
func (t *table) strange(r *model.PolicyRow) (word, of string) {
	if t.catalog == nil || len(t.catalog.Objects) == 0 || r.Object == everything {
		return "", ""
	}
	o := t.catalog.Objects[r.Object]
	switch {
	case o == nil:
		return r.Object, r.Object
	case r.Kind == "p3":
		if _, listed := o.Fields[r.Field]; !listed && r.Field != everything && len(o.Fields) > 0 {
			return r.Field, r.Object + "\x00field\x00" + r.Field
		}
	default:
		if _, listed := o.Actions[r.Action]; !listed && r.Action != everything {
			return r.Action, r.Object + "\x00action\x00" + r.Action
		}
	}
	return "", ""
}
