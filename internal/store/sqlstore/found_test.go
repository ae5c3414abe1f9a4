package sqlstore

import (
	"slices"
	"testing"

	"rolegate/internal/store"
)

// A look into an index asks a bounded number of blocks, and says where it ended.
func TestLooksAreBounded(t *testing.T) {
	defer func(n int64) { mostBlocks = n }(mostBlocks)
	mostBlocks = fewBlocks
	both(t, func(t *testing.T, db *DB) {
		const size = 12 * blockSize
		entries := make([]store.Entry, size)
		for i := range entries {
			entries[i].Leaf = []byte("leaf")
		}
		for _, i := range []int{0, size - 1} {
			entries[i].Sealed = []store.Segment{{Ref: []byte("ann"), Salt: []byte{1}, Commitment: []byte{2}, Ciphertext: []byte{3}}}
		}
		for some := range slices.Chunk(entries, 2*blockSize) {
			if _, err := db.AppendEntries(t.Context(), some); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			s    store.Stretch
			want int64
			next int64
		}{
			{store.Stretch{Until: size}, 0, fewBlocks * blockSize},
			{store.Stretch{Until: size, Backwards: true}, size - 1, size - fewBlocks*blockSize - 1},
		} {
			got, next, err := db.IndicesOf(t.Context(), []byte("ann"), c.s, 9)
			if !slices.Equal(got, []int64{c.want}) || next != c.next || err != nil {
				t.Errorf("%+v: %v and on from %d, %v; want %d and on from %d", c.s, got, next, err, c.want, c.next)
			}
		}
	})
}
