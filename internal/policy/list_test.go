package policy

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestLongListsAnswerLikeShort: a list gives the same first row, and the same
// rows in all, however long it is and however a holder keeps its subjects.
func TestLongListsAnswerLikeShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subjects := rapid.IntRange(1, 40).Draw(t, "subjects")
		rows := make(rowList, rapid.SampledFrom([]int{0, 1, longList - 1, longList, 3 * longList}).Draw(t, "rows"))
		for i := range rows {
			rows[i] = rowRef{rule: ruleID(2 * i), subject: subjectID(rapid.IntRange(0, subjects-1).Draw(t, "subject")), what: int32(i % 7)}
		}
		held := map[subjectID]bool{}
		var ids []subjectID
		for range rapid.IntRange(0, 6).Draw(t, "held") {
			id := subjectID(rapid.IntRange(0, subjects-1).Draw(t, "id"))
			ids, held[id] = append(ids, id), true
		}
		bound := ruleID(rapid.IntRange(0, 2*len(rows)+2).Draw(t, "bound"))
		what := int32(rapid.IntRange(0, 7).Draw(t, "what"))
		matches := func(w int32) bool { return w == what }
		first, all := bound, []ruleID(nil)
		for _, r := range rows {
			if held[r.subject] {
				all = append(all, r.rule)
				if matches(r.what) && r.rule < first {
					first = r.rule
				}
			}
		}
		l := slices.Clone(rows).finished()
		for _, named := range []int{subjects, maxBits + 1} { // as bits, as a list
			h := newHolder(slices.Clone(ids), named, nil)
			if got := l.first(h, bound, matches); got != first {
				t.Fatalf("first of %d rows is %d, want %d", len(rows), got, first)
			}
			var got []ruleID
			l.each(h, func(r *rowRef) { got = append(got, r.rule) })
			slices.SortFunc(got, cmp.Compare)
			if !slices.Equal(got, all) {
				t.Fatalf("rows %v, want %v", got, all)
			}
		}
	})
}

// TestForest: within is a walk up, however trees, strangers and circles mix.
func TestForest(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", ""}
	rapid.Check(t, func(t *rapid.T) {
		parent := map[string]string{}
		for _, name := range names[:7] {
			if up := pick(t, append(names, "unregistered", "not a key")...); up != "not a key" {
				parent[name] = up
			}
		}
		f := newForest(parent)
		for _, name := range append(names, "unregistered", "elsewhere") {
			below := false
			for _, child := range names[:7] {
				below = below || name != "" && parent[child] == name
			}
			if f.hasBelow(name) != below {
				t.Fatalf("%v: hasBelow(%q) is %v", parent, name, !below)
			}
			for _, root := range append(names, "unregistered", "elsewhere") {
				for depth := range 4 {
					want, at := name == root && name != "", name
					for step := 1; step <= 10 && (depth == 0 || step <= depth); step++ {
						at = parent[at]
						want = want || at != "" && at == root
					}
					if got := f.within(name, root, depth); got != want {
						t.Fatalf("%v: within(%q, %q, %d) = %v", parent, name, root, depth, got)
					}
				}
			}
		}
	})
}
