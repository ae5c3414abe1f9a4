package sqlstore

import (
	"crypto/rand"
	"fmt"
	"testing"

	"rolegate/internal/store"
	"rolegate/internal/testkit/pgtest"
)

func BenchmarkAppendEntries(b *testing.B) {
	for _, db := range []struct {
		name string
		open func(b *testing.B) (*DB, error)
	}{
		{"sqlite", func(b *testing.B) (*DB, error) { return OpenSQLite(b.Context(), b.TempDir()+"/rolegate.db") }},
		{"postgres", func(b *testing.B) (*DB, error) { return OpenPostgres(b.Context(), pgtest.URL(b)) }},
	} {
		for _, n := range []int{1, 32, 64, 1024} {
			b.Run(fmt.Sprint(db.name, "/", n), func(b *testing.B) {
				db, err := db.open(b)
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				entries := make([]store.Entry, n)
				refs := make([][]byte, 1000)
				for i := range refs {
					refs[i] = make([]byte, 16)
					rand.Read(refs[i])
				}
				k := 0
				for i := range entries {
					entries[i].Leaf = make([]byte, 330)
					rand.Read(entries[i].Leaf)
					for s := range 2 {
						k = (k*31 + 7 + s) % 1000
						entries[i].Sealed = append(entries[i].Sealed, store.Segment{Ref: refs[k], Salt: refs[1], Commitment: refs[2], Ciphertext: make([]byte, 160)})
					}
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := db.AppendEntries(b.Context(), entries); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
