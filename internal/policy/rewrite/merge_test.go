package rewrite_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rolegate/internal/policy/rewrite"
	"rolegate/model"
)

func detailOf(t *testing.T, err error) model.Detail {
	t.Helper()
	e, ok := errors.AsType[*model.Error](err)
	if !ok || len(e.Details) == 0 {
		t.Fatalf("no detail: %v", err)
	}
	return e.Details[0]
}

func drawLines(t *rapid.T, label string) string {
	return strings.Join(append(rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c", "d", "", "# x", "# y"})).Draw(t, label), ""), "\n")
}

// What Compare tells makes the second text of the first.
func TestCompareTellsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rewrite.Normal(drawLines(t, "a")), rewrite.Normal(drawLines(t, "b"))
		lines := strings.SplitAfter(a, "\n")
		var made strings.Builder
		at := 0
		for _, h := range rewrite.Compare(a, b) {
			made.WriteString(strings.Join(lines[at:h.A-1], ""))
			for _, l := range h.In {
				made.WriteString(l + "\n")
			}
			at = h.A - 1 + len(h.Out)
		}
		made.WriteString(strings.Join(lines[at:], ""))
		if made.String() != b {
			t.Fatalf("%q to %q made %q", a, b, made.String())
		}
	})
}

// Who alone changed something is not lost; both on the same line are both shown.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, other := rewrite.Normal(drawLines(t, "base")), rewrite.Normal(drawLines(t, "other"))
		for _, c := range [][3]string{{base, other, base}, {base, base, other}, {base, other, other}} {
			if got, conflicts := rewrite.Merge(c[0], c[1], c[2]); got != other || conflicts > 0 {
				t.Fatalf("Merge(%q) = %q, %d", c, got, conflicts)
			}
		}
	})
	base := "a\nb\nc\nd\ne\n"
	for _, c := range []struct {
		mine, theirs, want string
		conflicts          int
	}{
		{"a\nB\nc\nd\ne\n", "a\nb\nc\ne\n", "a\nB\nc\ne\n", 0},
		{"a\nb\nc\nd\ne\nmine\n", "theirs\na\nb\nc\nd\ne\n", "theirs\na\nb\nc\nd\ne\nmine\n", 0},
		{"a\nb\nC\nd\ne\n", "a\nb\ntheirs\nd\ne\n", "a\nb\n<<<<<<<\ntheirs\n=======\nC\n>>>>>>>\nd\ne\n", 1},
	} {
		if got, conflicts := rewrite.Merge(base, c.mine, c.theirs); got != c.want || conflicts != c.conflicts {
			t.Errorf("%q and %q give %q, %d", c.mine, c.theirs, got, conflicts)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	var lines []string
	for i := range 40_000 {
		lines = append(lines, fmt.Sprintf("p, role:r%d, object, read, all, , allow", i))
	}
	text := func(change string, at int) string {
		l := slices.Clone(lines)
		l[at] = change
		return strings.Join(l, "\n") + "\n"
	}
	base, mine, theirs := text(lines[0], 0), text("mine", 17), text("theirs", 39_000)
	b.SetBytes(int64(len(base)))
	for b.Loop() {
		if _, conflicts := rewrite.Merge(base, mine, theirs); conflicts != 0 {
			b.Fatal(conflicts)
		}
	}
}
