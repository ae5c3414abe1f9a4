package review

import (
	"rolegate/internal/policy"
	"rolegate/model"
)

// Diff tells what became of each row and role link, by what rows say and not by
// where they stand: a row that moved has not changed. Removed rows come first,
// then changed, added and renamed ones, each in the order of lines. Two
// documents without a difference decide alike; a difference in other comments,
// blank lines or order is none.
func Diff(before, after *policy.Document) []model.RowChange {
	return diff(before.Parts(), after.Parts())
}

func diff(before, after []model.PolicyRow) []model.RowChange {
	had, has := byMeaning(before), byMeaning(after)
	subjects := map[model.PolicyRow][]int{} // rows gone, by what they are about
	taken := map[int]bool{}                 // those that became another
	for i := range before {
		if _, stays := has[meaning(&before[i])]; !stays {
			key := about(&before[i])
			subjects[key] = append(subjects[key], i)
		}
	}
	var removed, changed, added, renamed []model.RowChange
	for i := range after {
		r := &after[i]
		if j, stays := had[meaning(r)]; stays {
			if before[j].Name != r.Name {
				renamed = append(renamed, model.RowChange{Kind: model.RowRenamed, Before: before[j], After: *r})
			}
			continue
		}
		if j, is := nearest(before, subjects[about(r)], taken, r); is {
			taken[j] = true
			changed = append(changed, model.RowChange{Kind: model.RowChanged, Before: before[j], After: *r})
			continue
		}
		added = append(added, model.RowChange{Kind: model.RowAdded, After: *r})
	}
	for i := range before {
		if _, stays := has[meaning(&before[i])]; !stays && !taken[i] {
			removed = append(removed, model.RowChange{Kind: model.RowRemoved, Before: before[i]})
		}
	}
	return append(append(append(removed, changed...), added...), renamed...)
}

// meaning is a row without what does not matter to decisions.
func meaning(r *model.PolicyRow) model.PolicyRow {
	m := *r
	m.Line, m.Name, m.Text = 0, "", ""
	return m
}

// about is what a changed row has in common with what it was. A link is about its
// whole self.
func about(r *model.PolicyRow) model.PolicyRow {
	m := meaning(r)
	m.Scope, m.Condition, m.ACR, m.MaxAge, m.Effect = "", "", "", "", ""
	return m
}

func byMeaning(rows []model.PolicyRow) map[model.PolicyRow]int {
	all := make(map[model.PolicyRow]int, len(rows))
	for i := range rows {
		all[meaning(&rows[i])] = i
	}
	return all
}

// nearest is the row among those gone, and not taken, that has most in common with
// a new one; of several the first.
func nearest(before []model.PolicyRow, gone []int, taken map[int]bool, r *model.PolicyRow) (best int, is bool) {
	most := -1
	for _, i := range gone {
		if n := alike(&before[i], r); !taken[i] && n > most {
			most, best, is = n, i, true
		}
	}
	return best, is
}

func alike(a, b *model.PolicyRow) (n int) {
	for _, same := range [...]bool{a.Effect == b.Effect, a.Effect == b.Effect, a.Scope == b.Scope, a.Condition == b.Condition, a.ACR == b.ACR, a.MaxAge == b.MaxAge} {
		if same {
			n++
		}
	}
	return n
}
