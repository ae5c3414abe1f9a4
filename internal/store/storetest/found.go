package storetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"rolegate/internal/store"
)

// pastLook is where a look into an index of a log of so many entries ends that found
// what it found.
func pastLook(s store.Stretch, size int64, found []int64, limit int) int64 {
	switch full := limit > 0 && len(found) == limit; {
	case full && s.Backwards:
		return found[limit-1] - 1
	case full:
		return found[limit-1] + 1
	case s.Backwards:
		return s.From - 1
	}
	return min(s.Until, size)
}

var foundTests = []storeTest{
	{"Found/LeavesAt", func(t *testing.T, f fixture) {
		ctx := t.Context()
		_, err := f.AppendEntries(ctx, []store.Entry{entry("a", 0), entry("b", 1), entry("c", 0)})
		f.must(err)
		got, err := f.LeavesAt(ctx, []int64{2, 7, 0})
		same(t, "LeavesAt", got, err, []store.Numbered{{Index: 0, Leaf: []byte("a")}, {Index: 2, Leaf: []byte("c")}})
		got, err = f.LeavesAt(ctx, nil)
		same(t, "LeavesAt of none", got, err, nil)
		many := make([]int64, 500)
		for i := range many {
			many[i] = int64(i)
		}
		if got, err = f.LeavesAt(ctx, many); err != nil || len(got) != 3 {
			t.Errorf("LeavesAt of many = %d, %v", len(got), err)
		}
	}},
	{"Found/SealedAt", func(t *testing.T, f fixture) {
		ctx := t.Context()
		seal := func(leaf string, refs ...byte) store.Entry {
			e := store.Entry{Leaf: []byte(leaf)}
			for _, ref := range refs {
				e.Sealed = append(e.Sealed, store.Segment{Ref: []byte{ref}, Salt: []byte{1, ref}, Commitment: []byte{2, ref}, Ciphertext: []byte{3, ref}})
			}
			return e
		}
		written := []store.Entry{seal("a", 9, 4), seal("b", 5), seal("c"), seal("d", 6)}
		_, err := f.AppendEntries(ctx, written)
		f.must(err)
		got, err := f.SealedAt(ctx, []int64{3, 0, 2, 7})
		same(t, "SealedAt", got, err, map[int64][]store.Segment{0: written[0].Sealed, 3: written[3].Sealed})
		got, err = f.SealedAt(ctx, nil)
		same(t, "SealedAt of none", got, err, nil)
	}},
	{"Found/Indices", func(t *testing.T, f fixture) {
		ctx := t.Context()
		var entries []store.Entry
		segment := func(ref byte) store.Segment {
			return store.Segment{Ref: []byte{ref}, Salt: []byte{1}, Commitment: []byte{2}, Ciphertext: []byte{3}}
		}
		for i := range 60 {
			e := store.Entry{Leaf: fmt.Append(nil, i), Tags: [][]byte{{byte(i % 40)}}}
			if i%40 != 0 {
				e.Tags = append(e.Tags, []byte{0})
			}
			if i%3 == 0 {
				e.Sealed = []store.Segment{segment(1), segment(2), segment(1)}
			}
			entries = append(entries, e)
		}
		_, err := f.AppendEntries(ctx, entries)
		f.must(err)
		for _, c := range []struct {
			s     store.Stretch
			limit int
			want  []int64
		}{
			{store.Stretch{Until: math.MaxInt64}, 3, []int64{0, 3, 6}},
			{store.Stretch{From: 1, Until: 10}, 9, []int64{3, 6, 9}},
			{store.Stretch{From: 3, Until: 9}, 9, []int64{3, 6}},
			{store.Stretch{From: 3, Until: 10, Backwards: true}, 2, []int64{9, 6}},
			{store.Stretch{From: 58, Until: 60}, 9, nil},
			{store.Stretch{Until: 60}, 0, nil},
		} {
			got, next, err := f.IndicesOf(ctx, []byte{1}, c.s, c.limit)
			if next != pastLook(c.s, 60, got, c.limit) {
				t.Errorf("IndicesOf %v goes on at %d", c, next)
			}
			same(t, fmt.Sprint("IndicesOf ", c), got, err, c.want)
		}
		got, _, err := f.IndicesOf(ctx, []byte{9}, store.Stretch{Until: 60}, 9)
		same(t, "IndicesOf nobody", got, err, nil)

		var all [][]byte
		for i := range 40 {
			all = append(all, []byte{byte(i)})
		}
		for _, c := range []struct {
			tags  [][]byte
			s     store.Stretch
			limit int
			want  []int64
		}{
			{all[5:6], store.Stretch{Until: 60}, 9, []int64{5, 45}},
			{all[5:7], store.Stretch{Until: 60}, 3, []int64{5, 6, 45}},
			{all[5:7], store.Stretch{From: 6, Until: 46, Backwards: true}, 9, []int64{45, 6}},
			{all, store.Stretch{From: 38, Until: 43}, 9, []int64{38, 39, 40, 41, 42}},
			{all, store.Stretch{From: 38, Until: 43, Backwards: true}, 2, []int64{42, 41}},
			{[][]byte{{99}}, store.Stretch{Until: 60}, 9, nil},
		} {
			got, next, err := f.IndicesTagged(ctx, c.tags, c.s, c.limit)
			if err != nil || !slices.Equal(got, c.want) || next != pastLook(c.s, 60, got, c.limit) {
				t.Errorf("IndicesTagged of %d, %v, %d = %v, %d, %v", len(c.tags), c.s, c.limit, got, next, err)
			}
		}
	}},
	// The index is by blocks, which nobody is to notice.
	{"Found/IndicesFarApart", func(t *testing.T, f fixture) {
		ctx := t.Context()
		const size = 30_000
		var entries []store.Entry
		var all []int64
		for i := range int64(size) {
			e := store.Entry{Leaf: []byte{1}}
			if i%1777 == 5 || i%1024 == 0 || i%1024 == 1023 {
				e.Sealed = []store.Segment{{Ref: []byte{1}, Salt: []byte{1}, Commitment: []byte{2}, Ciphertext: []byte{3}}}
				e.Tags = [][]byte{{byte(i%2 + 1)}}
				all = append(all, i)
			}
			entries = append(entries, e)
		}
		for some := range slices.Chunk(entries, 2000) {
			_, err := f.AppendEntries(ctx, some)
			f.must(err)
		}
		for _, s := range []store.Stretch{{Until: size}, {Until: size, Backwards: true}, {From: 1023, Until: 20_481}, {From: 1024, Until: 20_480, Backwards: true}, {From: 29_000, Until: math.MaxInt64}} {
			want := slices.DeleteFunc(slices.Clone(all), func(i int64) bool { return i < s.From || i >= s.Until })
			if s.Backwards {
				slices.Reverse(want)
			}
			for _, limit := range []int{1, 3, 1000} {
				for what, look := range map[string]func(store.Stretch) ([]int64, int64, error){
					"IndicesOf": func(s store.Stretch) ([]int64, int64, error) { return f.IndicesOf(ctx, []byte{1}, s, limit) },
					"IndicesTagged": func(s store.Stretch) ([]int64, int64, error) {
						return f.IndicesTagged(ctx, [][]byte{{1}, {2}}, s, limit)
					},
				} {
					var got []int64
					for rest := s; rest.From < min(rest.Until, size); {
						some, next, err := look(rest)
						f.must(err)
						if got = append(got, some...); s.Backwards {
							rest.Until = next + 1
						} else {
							rest.From = next
						}
					}
					same(t, fmt.Sprint(what, s, limit), got, nil, want)
				}
			}
		}
	}},
	{"Found/Summaries", func(t *testing.T, f fixture) {
		ctx := t.Context()
		n, err := f.NextSummary(ctx, 0)
		same(t, "NextSummary of none", n, err, 0)
		summary := func(level int, n int64, what string) store.Summary {
			return store.Summary{Level: level, N: n, Oldest: -n, Newest: 10 + n, Tenants: []byte("t" + what), Keys: []byte("k" + what), Requests: []byte("r" + what), Totals: []byte("n" + what)}
		}
		all := []store.Summary{summary(0, 0, "a"), summary(0, 1, "b"), summary(0, 3, "c"), summary(1, 0, "d")}
		f.must(f.InsertSummaries(ctx, all))
		f.must(f.InsertSummaries(ctx, []store.Summary{summary(0, 1, "other")}))
		of := func(d store.Detail) []store.Summary {
			want := slices.Clone(all)
			for i := range want {
				if d != store.WithRequests {
					want[i].Requests = nil
				}
				if d != store.WithTotals && d != store.WithKeysAndTotals {
					want[i].Totals = nil
				}
				if d == store.TimesOnly || d == store.WithTotals {
					want[i].Tenants, want[i].Keys = nil, nil
				}
			}
			return want
		}
		for _, d := range []store.Detail{store.TimesOnly, store.WithKeys, store.WithRequests, store.WithTotals, store.WithKeysAndTotals} {
			got, err := f.SummariesFrom(ctx, 0, 1, 9, d)
			same(t, fmt.Sprint("SummariesFrom, detail ", d), got, err, of(d)[1:3])
			got, err = f.SummariesFrom(ctx, 1, 0, 9, d)
			same(t, fmt.Sprint("SummariesFrom of a level, detail ", d), got, err, of(d)[3:])
		}
		got, err := f.SummariesFrom(ctx, 0, 1, 3, store.WithKeys)
		same(t, "SummariesFrom until", got, err, of(store.WithKeys)[1:2])
		n, err = f.NextSummary(ctx, 0)
		same(t, "NextSummary", n, err, 4)
	}},
}
