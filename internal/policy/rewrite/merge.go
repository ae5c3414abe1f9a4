package rewrite

import (
	"slices"
	"strings"
)

// Hunk is a place at which two texts differ: lines that only the first has, from
// line A on, and lines that only the second has, from line B on.
type Hunk struct {
	A, B    int
	Out, In []string
}

// Compare tells where two texts differ.
func Compare(a, b string) (hunks []Hunk) {
	from, to := split(a), split(b)
	at, bt := 0, 0
	for _, p := range append(pairs(from, to), pair{len(from), len(to)}) {
		if p.a > at || p.b > bt {
			hunks = append(hunks, Hunk{at + 1, bt + 1, from[at:p.a], to[bt:p.b]})
		}
		at, bt = p.a+1, p.b+1
	}
	return hunks
}

// Marks around lines that two people changed otherwise. They are no rows, so that a
// document is not published with one of them left in it.
const (
	MarkTheirs = "<<<<<<<"
	MarkMine   = "======="
	MarkEnd    = ">>>>>>>"
)

// Merge makes one text of two that were made of base. Where both changed the same
// lines otherwise, it has both between marks, and tells how often that is.
func Merge(base, mine, theirs string) (merged string, conflicts int) {
	out := Weave(split(base), split(mine), split(theirs), func(_, mine, theirs []string) []string {
		conflicts++
		return slices.Concat([]string{MarkTheirs}, theirs, []string{MarkMine}, mine, []string{MarkEnd})
	})
	return join(out), conflicts
}

// Weave makes of two lists with one origin a third with the changes of both. What
// becomes of a place that both changed otherwise, both says.
func Weave(base, mine, theirs []string, both func(base, mine, theirs []string) []string) (out []string) {
	inMine, inTheirs := places(pairs(base, mine), len(base)), places(pairs(base, theirs), len(base))
	b, m, t := 0, 0, 0
	for {
		// The next line of base that both still have.
		next := b
		for next < len(base) && (inMine[next] < 0 || inTheirs[next] < 0) {
			next++
		}
		endM, endT := len(mine), len(theirs)
		if next < len(base) {
			endM, endT = inMine[next], inTheirs[next]
		}
		was, my, their := base[b:next], mine[m:endM], theirs[t:endT]
		switch {
		case slices.Equal(my, their) || slices.Equal(was, my):
			out = append(out, their...)
		case slices.Equal(was, their):
			out = append(out, my...)
		default:
			out = append(out, both(was, my, their)...)
		}
		if next == len(base) {
			return out
		}
		out = append(out, base[next])
		b, m, t = next+1, endM+1, endT+1
	}
}

// places tells for each line of the first text where it is in the second, or -1.
func places(ps []pair, n int) []int {
	at := slices.Repeat([]int{-1}, n)
	for _, p := range ps {
		at[p.a] = p.b
	}
	return at
}

// pair is a line that two texts share.
type pair struct{ a, b int }

// pairs finds the lines that stayed, in order. Rows are unique in a document, so
// lines that both texts have exactly once are what holds the rest in place (the
// patience diff, as it is known); between two such, equal beginnings and ends.
func pairs(a, b []string) []pair { return between(nil, a, b, 0, 0) }

func between(out []pair, a, b []string, a0, b0 int) []pair {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		out = append(out, pair{a0 + head, b0 + head})
		head++
	}
	a, b, a0, b0 = a[head:], b[head:], a0+head, b0+head
	tail := 0
	for tail < len(a) && tail < len(b) && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	ra, rb := a[:len(a)-tail], b[:len(b)-tail]
	at, bt := 0, 0
	if anchors := rising(unique(ra, rb)); len(anchors) > 0 {
		for _, p := range anchors {
			out = between(out, ra[at:p.a], rb[bt:p.b], a0+at, b0+bt)
			out = append(out, pair{a0 + p.a, b0 + p.b})
			at, bt = p.a+1, p.b+1
		}
		out = between(out, ra[at:], rb[bt:], a0+at, b0+bt)
	}
	for i := range tail {
		out = append(out, pair{a0 + len(ra) + i, b0 + len(rb) + i})
	}
	return out
}

// unique pairs the lines that either text has exactly once, in the order of a.
func unique(a, b []string) (out []pair) {
	type met struct{ inA, inB, a, b int }
	lines := make(map[string]*met, len(a))
	for i, l := range a {
		if m := lines[l]; m != nil {
			m.inA++
		} else if strings.TrimSpace(l) != "" {
			lines[l] = &met{inA: 1, a: i}
		}
	}
	for i, l := range b {
		if m := lines[l]; m != nil {
			m.inB++
			m.b = i
		}
	}
	for i, l := range a {
		if m := lines[l]; m != nil && m.a == i && m.inA == 1 && m.inB == 1 {
			out = append(out, pair{i, m.b})
		}
	}
	return out
}

// rising is the longest run of pairs, not all next to each other, that is in order in
// both texts.
func rising(ps []pair) []pair {
	var piles []int // the last pair of each length of run
	before := make([]int, len(ps))
	for i, p := range ps {
		n, _ := slices.BinarySearchFunc(piles, p.b, func(at, b int) int { return ps[at].b - b })
		before[i] = -1
		if n > 0 {
			before[i] = piles[n-1]
		}
		if n == len(piles) {
			piles = append(piles, i)
		} else {
			piles[n] = i
		}
	}
	var run []pair
	if len(piles) > 0 {
		for i := piles[len(piles)-1]; i >= 0; i = before[i] {
			run = append(run, ps[i])
		}
	}
	slices.Reverse(run)
	return run
}
