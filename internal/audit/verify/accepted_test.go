package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/verify"
	"rolegate/internal/store"
	"rolegate/internal/testkit/logkit"
)

// memory is a log in memory.
type memory struct {
	about       verify.About
	items       []verify.Item
	checkpoints []store.Checkpoint
	tiles       []store.Tile // of level 0
}

func sequence[T any](of []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range of {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (m memory) About(context.Context) (verify.About, error) { return m.about, nil }
func (m memory) Acts(context.Context) iter.Seq2[verify.ActEntry, error] {
	return sequence([]verify.ActEntry{})
}
func (m memory) Entries(context.Context) iter.Seq2[verify.Item, error] { return sequence(m.items) }
func (m memory) Checkpoints(context.Context) iter.Seq2[store.Checkpoint, error] {
	return sequence(m.checkpoints)
}
func (m memory) Tiles(_ context.Context, level int) iter.Seq2[store.Tile, error] {
	if level > 0 {
		return sequence([]store.Tile{})
	}
	return sequence(m.tiles)
}

// recorded is a log that nobody has altered, its frontier at each size, and the key
// that signs its checkpoints.
func recorded(t *testing.T, entries int) (memory, []verify.About, *verify.Policy, func(size int64, root []byte) []byte) {
	k := logkit.SQLite(t)
	k.Fill(entries)
	stored, err := k.Store.StoredFrom(k.Ctx, 0, math.MaxInt64, true)
	if err != nil {
		t.Fatal(err)
	}
	var m memory
	var edge tree.Edge
	abouts := []verify.About{{}}
	for i, s := range stored {
		m.items = append(m.items, verify.Item{Index: s.Index, Leaf: s.Leaf, Sealed: s.Sealed})
		edge.Append(tree.LeafHash(s.Leaf), func(tile tree.Tile, hashes []byte) {
			if tile.Level == 0 {
				m.tiles = append(m.tiles, store.Tile{N: tile.N, Hashes: hashes})
			}
		})
		size := int64(i + 1)
		abouts = append(abouts, verify.About{Origin: logkit.Origin, Size: size, To: size, Root: edge.Root(), Frontier: edge.Frontier().Bytes()})
		if size%23 == 0 {
			m.checkpoints = append(m.checkpoints, store.Checkpoint{Size: size, Note: k.Sign(size, edge.Root())})
		}
	}
	policy, err := verify.KeyPolicy(k.VKey)
	if err != nil {
		t.Fatal(err)
	}
	return m, abouts, policy, func(size int64, root []byte) []byte { return k.Sign(size, root) }
}

// alterations are by place, each in one of two ways.
type alterations map[string]int

// at is the log of that size, altered.
func (m memory) at(about verify.About, all ...alterations) memory {
	size := about.Size
	c := memory{about: about, items: slices.Clone(m.items[:size])}
	for _, t := range m.tiles {
		if (t.N+1)*tree.TileWidth <= size {
			c.tiles = append(c.tiles, store.Tile{N: t.N, Hashes: slices.Clone(t.Hashes)})
		}
	}
	for _, cp := range m.checkpoints {
		if cp.Size <= size {
			c.checkpoints = append(c.checkpoints, cp)
		}
	}
	for _, of := range all {
		for place, way := range of {
			var kind string
			var i int
			fmt.Sscan(place, &kind, &i)
			tile := i / tree.TileWidth
			hash := func() []byte { return c.tiles[tile].Hashes[i%tree.TileWidth*tree.HashSize:][:tree.HashSize] }
			switch kind {
			case "entry", "both":
				c.items[i].Leaf = bytes.Replace(m.items[i].Leaf, []byte("contact"), []byte([]string{"account", "contest"}[way]), 1)
				if kind == "both" {
					copy(hash(), tree.LeafHash(c.items[i].Leaf))
				}
			case "sealed":
				altered := slices.Clone(m.items[i].Sealed)
				altered[0].Ciphertext = bytes.Clone(altered[0].Ciphertext)
				altered[0].Ciphertext[3] ^= byte(1 + way)
				c.items[i].Sealed = altered
			case "match":
				copy(hash(), tree.LeafHash(c.items[i].Leaf))
			case "tile":
				copy(hash(), m.tiles[tile].Hashes[i%tree.TileWidth*tree.HashSize:])
				hash()[7] ^= byte(1 + way)
			case "checkpoint":
				n := i/23 - 1
				note := bytes.Clone(m.checkpoints[n].Note)
				note[len(note)-10-way] ^= 1
				c.checkpoints[n].Note = note
			}
		}
	}
	return c
}

// drawAlterations draws some of a log of that size.
func drawAlterations(t *rapid.T, size int64, name string) alterations {
	all := alterations{}
	for range rapid.IntRange(0, 3).Draw(t, name) {
		i := rapid.IntRange(0, int(size)-1).Draw(t, "index")
		kind := rapid.SampledFrom([]string{"entry", "both", "sealed", "tile", "checkpoint"}).Draw(t, "kind")
		switch {
		case kind == "checkpoint":
			if i = i / 23 * 23; i == 0 {
				continue
			}
		case (kind == "both" || kind == "tile") && int64(i/tree.TileWidth+1)*tree.TileWidth > size:
			kind = "entry"
		}
		for place := range all { // one to a place
			if strings.HasSuffix(place, fmt.Sprint(" ", i)) {
				delete(all, place)
			}
		}
		all[fmt.Sprint(kind, " ", i)] = 0
	}
	return all
}

// in tells whether a finding is about a place.
func (place named) in(r verify.Report) bool {
	var kind string
	var i int64
	fmt.Sscan(string(place), &kind, &i)
	return slices.ContainsFunc(r.Faults, func(f verify.Finding) bool {
		if kind == "checkpoint" {
			return strings.Contains(f.What, fmt.Sprintf("the checkpoint of size %d", i))
		}
		return f.Index != nil && *f.Index <= i && (f.End == nil && *f.Index == i || f.End != nil && i < *f.End)
	})
}

type named string

// Whatever was altered when somebody answered for it is no alarm while the log grows, and
// whatever is altered besides is one and is named, wherever it lies. That can be
// answered for in turn.
func TestAcceptedHidesNothing(t *testing.T) {
	const entries = 560
	log, abouts, policy, sign := recorded(t, entries)
	run := func(t *rapid.T, m memory, accepted []verify.Accepted, kept ...[]byte) verify.Report {
		o := verify.Options{Policy: policy, Accepted: accepted, Known: kept}
		if n := m.about.Size / 23; n > 0 && kept == nil {
			o.Known = [][]byte{log.checkpoints[n-1].Note}
		}
		r, err := verify.Run(context.Background(), m, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	rapid.Check(t, func(t *rapid.T) {
		size := func(from int64, name string) int64 { return rapid.Int64Range(from, entries).Draw(t, name) }
		n1 := size(1, "n1")
		n2 := size(n1, "n2")
		n3 := size(n2, "n3")
		first := drawAlterations(t, n1, "first")
		before := run(t, log.at(abouts[n1], first), nil)
		if (len(first) == 0) != (len(before.Faults) == 0) {
			t.Fatalf("%v: %+v", first, before.Faults)
		}
		answer := before.Answer()
		r := run(t, log.at(abouts[n2], first), answer)
		if len(r.Answered) != len(answer) || !bytes.Equal(r.Sum, before.Sum) {
			t.Fatalf("%v, and the log has grown from %d to %d:\n%+v\n%+v", first, n1, n2, before.Faults, r.Faults)
		}
		if n1 < n2 { // the log was put back, and has grown otherwise than it had
			other := sign(rapid.Int64Range(n1+1, n2).Draw(t, "kept"), tree.LeafHash([]byte("another log")))
			if r := run(t, log.at(abouts[n2], first), answer, other); bytes.Equal(r.Sum, before.Sum) || r.Status != verify.Diverge {
				t.Fatalf("%v, answered for at %d, and at %d it is not the log of which a checkpoint was kept: not found:\n%+v", first, n1, n2, r.Faults)
			}
		}
		if n1/tree.TileWidth == n2/tree.TileWidth && n1/23 == n2/23 { // no tile and no checkpoint has come that tells more
			if r := run(t, log.at(abouts[n2], first), nil); !bytes.Equal(r.Sum, before.Sum) {
				t.Fatalf("%v, and nobody has answered for it: other findings at %d and %d:\n%+v\n%+v", first, n1, n2, before.Faults, r.Faults)
			}
		}
		second := alterations{}
		for place, way := range drawAlterations(t, n2, "second") {
			if i := place[strings.IndexByte(place, ' '):]; !slices.ContainsFunc(slices.Collect(maps.Keys(first)), func(p string) bool { return strings.HasSuffix(p, i) }) {
				second[place] = way
			}
		}
		for _, place := range slices.Sorted(maps.Keys(first)) { // altered again
			if rapid.IntRange(0, 3).Draw(t, "again") == 0 {
				second[place] = 1
			}
		}
		for _, place := range slices.Sorted(maps.Keys(first)) { // and its hash in its tile, to go with it
			i, entry := strings.CutPrefix(place, "entry ")
			n, _ := strconv.Atoi(i)
			if _, again := second[place]; entry && !again && int64(n/tree.TileWidth+1)*tree.TileWidth <= n2 && rapid.Bool().Draw(t, "match") {
				second["match "+i] = 0
			}
		}
		r = run(t, log.at(abouts[n2], first, second), answer)
		accepted := len(r.Answered) == len(answer) && bytes.Equal(r.Sum, before.Sum)
		if accepted != (len(second) == 0) {
			t.Fatalf("%v, then %v: accepted %v: %+v", first, second, accepted, r.Faults)
		}
		for place := range second {
			if !named(place).in(r) {
				t.Errorf("%v, then %v: %s is not named: %+v", first, second, place, r.Faults)
			}
		}
		later := run(t, log.at(abouts[n3], first, second), r.Answer())
		if len(later.Answered) != len(r.Answer()) || !bytes.Equal(later.Sum, r.Sum) {
			t.Fatalf("%v, then %v, answered for at %d, and now there are %d:\n%+v\n%+v", first, second, n2, n3, r.Faults, later.Faults)
		}
	})
}

// Where a checkpoint that was kept is all that shows that a log was rewritten, each
// way of rewriting it is another finding.
func TestRewrittenOtherwise(t *testing.T) {
	log, abouts, _, _ := recorded(t, 30)
	var sums [][]byte
	for way := range 2 {
		m := log.at(abouts[30], alterations{"entry 4": way})
		m.checkpoints = nil
		f := tree.NewFrontier()
		for _, it := range m.items {
			f.Append(tree.LeafHash(it.Leaf), nil)
		}
		m.about.Root, m.about.Frontier = f.Root(), f.Bytes()
		r, err := verify.Run(t.Context(), m, verify.Options{Known: [][]byte{log.checkpoints[0].Note}})
		if err != nil || r.Status != verify.Diverge || len(r.Faults) != 1 {
			t.Fatalf("%+v, %v", r.Faults, err)
		}
		sums = append(sums, r.Sum)
	}
	if len(sums[0]) == 0 || bytes.Equal(sums[0], sums[1]) {
		t.Errorf("two logs, one finding: %x", sums)
	}
}

// What stands behind the log's end is the same finding while the log grows, and another
// one with other bytes.
func TestFoundBehindTheEnd(t *testing.T) {
	log, abouts, _, sign := recorded(t, 30)
	for name, put := range map[string]func(m *memory, way byte){
		"a checkpoint": func(m *memory, way byte) {
			m.checkpoints = append(m.checkpoints, store.Checkpoint{Size: 5000, Note: sign(5000, bytes.Repeat([]byte{way}, tree.HashSize))})
		},
		"a tile": func(m *memory, way byte) {
			m.tiles = append(m.tiles, store.Tile{N: 9, Hashes: bytes.Repeat([]byte{way}, tree.TileWidth*tree.HashSize)})
		},
	} {
		sum := func(size int, way byte) []byte {
			m := log.at(abouts[size])
			put(&m, way)
			r, err := verify.Run(t.Context(), m, verify.Options{})
			if err != nil || r.Status != verify.Tamper || len(r.Faults) != 1 {
				t.Fatalf("%s: %+v, %v", name, r.Faults, err)
			}
			return r.Sum
		}
		if !bytes.Equal(sum(25, 1), sum(30, 1)) {
			t.Errorf("%s is another finding when the log has grown", name)
		}
		if bytes.Equal(sum(30, 1), sum(30, 2)) {
			t.Errorf("%s was altered again, and is the same finding", name)
		}
	}
}
