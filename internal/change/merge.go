package change

import (
	"slices"
	"sort"
)

// match pairs equal lines of two texts, in order: for each of a the place in b, or -1.
// Lines that stand once in both are what it holds on to, the most of them that are in
// order in both; between two of those, what both begin or end with.
func match(a, b []string) []int {
	at := make([]int, len(a))
	for i := range at {
		at[i] = -1
	}
	i, j := 0, 0
	for _, p := range append(inOrder(onceInBoth(a, b)), [2]int{len(a), len(b)}) {
		for ; i < p[0] && j < p[1] && a[i] == b[j]; i, j = i+1, j+1 {
			at[i] = j
		}
		for m, n := p[0]-1, p[1]-1; m >= i && n >= j && a[m] == b[n]; m, n = m-1, n-1 {
			at[m] = n
		}
		if i, j = p[0]+1, p[1]+1; p[0] < len(a) {
			at[p[0]] = p[1]
		}
	}
	return at
}

// onceInBoth are the places of lines that stand once in either text, by their place
// in a.
func onceInBoth(a, b []string) (pairs [][2]int) {
	type places struct{ countA, countB, a, b int }
	met := map[string]*places{}
	for i, line := range a {
		if met[line] == nil {
			met[line] = &places{}
		}
		met[line].countA++
		met[line].a = i
	}
	for i, line := range b {
		if p := met[line]; p != nil {
			p.countB++
			p.b = i
		}
	}
	for i, line := range a {
		if p := met[line]; p.countA == 1 && p.countB == 1 {
			pairs = append(pairs, [2]int{i, p.b})
		}
	}
	return pairs
}

// inOrder is a longest part of the pairs whose second places rise, too.
func inOrder(pairs [][2]int) [][2]int {
	var ends []int // of a rising part of length n+1, the pair that ends lowest
	before := make([]int, len(pairs))
	for i, p := range pairs {
		n := sort.Search(len(ends), func(n int) bool { return pairs[ends[n]][1] >= p[1] })
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	if len(ends) == 0 {
		return nil
	}
	rising := make([][2]int, len(ends))
	for n, i := len(ends)-1, ends[len(ends)-1]; n >= 0; n, i = n-1, before[i] {
		rising[n] = pairs[i]
	}
	return rising
}

// merge makes of two texts with one origin a third with the changes of both. Where
// both changed the same place, both decides.
func merge(base, mine, theirs []string, both func(base, mine, theirs []string) []string) (out []string) {
	inMine, inTheirs := match(base, mine), match(base, theirs)
	b, m, t := 0, 0, 0
	for j := 0; j <= len(base); j++ {
		endM, endT := len(mine), len(theirs)
		if j < len(base) {
			if endM, endT = inMine[j], inTheirs[j]; endM < 0 || endT < 0 {
				continue
			}
		}
		changed := [3][]string{base[b:j], mine[m:endM], theirs[t:endT]}
		switch {
		case slices.Equal(changed[1], changed[0]):
			out = append(out, changed[2]...)
		case slices.Equal(changed[2], changed[0]), slices.Equal(changed[1], changed[2]):
			out = append(out, changed[1]...)
		default:
			out = append(out, both(changed[0], changed[1], changed[2])...)
		}
		if j < len(base) {
			out = append(out, base[j])
		}
		b, m, t = j+1, endM+1, endT+1
	}
	return out
}
