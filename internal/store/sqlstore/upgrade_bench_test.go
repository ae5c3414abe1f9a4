package sqlstore

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// BenchmarkUpgradeOfALog brings a log of ROLEGATE_BENCH_ENTRIES (100,000) decisions, each
// with two sealed rows and a tag, from before its indexes were by blocks up to date.
//
//	ROLEGATE_BENCH_ENTRIES=1000000 go test ./internal/store/sqlstore -run '^$' -bench UpgradeOfALog -benchtime 1x
func BenchmarkUpgradeOfALog(b *testing.B) {
	n := 100_000
	if s := os.Getenv("ROLEGATE_BENCH_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		b.StopTimer()
		path := filepath.Join(b.TempDir(), "rolegate.db")
		old, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
		if err != nil {
			b.Fatal(err)
		}
		m, err := (&pool{dialect: SQLite}).provider(b.Context(), old, mainSchema)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.UpTo(b.Context(), 20); err != nil {
			b.Fatal(err)
		}
		fillLog(b, old, n)
		if err := old.Close(); err != nil {
			b.Fatal(err)
		}
		before := sizes(b, path)
		b.StartTimer()
		began := time.Now()
		db, err := OpenSQLite(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		took := time.Since(began)
		b.StopTimer()
		b.Logf("%d entries in %v: %d MB before, %d MB after, write-ahead log included", n, took.Round(time.Millisecond), before>>20, sizes(b, path)>>20)
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.Logf("%d MB once closed", sizes(b, path)>>20)
		b.StartTimer()
	}
}

// fillLog writes n entries as that release did, of a thousand people and as many records.
func fillLog(b *testing.B, old *sql.DB, n int) {
	tx, err := old.Begin()
	if err != nil {
		b.Fatal(err)
	}
	exec := func(text string, args ...any) {
		if _, err := tx.Exec(text, args...); err != nil {
			b.Fatal(err)
		}
	}
	random := func(n int) []byte {
		bytes := make([]byte, n)
		rand.Read(bytes)
		return bytes
	}
	var refs, tags [1000][]byte
	for i := range refs {
		refs[i], tags[i] = random(16), random(16)
	}
	leaf, salt, sum, ct := random(330), random(32), random(32), random(160)
	for i := range n {
		exec(`INSERT INTO audit_entries (idx, leaf) VALUES (?, ?)`, i, leaf)
		for seg := range 2 {
			exec(`INSERT INTO audit_sealed (ref, idx, seg, salt, commitment, ct) VALUES (?, ?, ?, ?, ?, ?)`, refs[(i*31+seg*7)%1000], i, seg, salt, sum, ct)
		}
		exec(`INSERT INTO audit_tags (tag, idx) VALUES (?, ?)`, tags[i*17%1000], i)
	}
	exec(fmt.Sprintf(`UPDATE audit_head SET size = %d`, n))
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// sizes is how much the database's files take, in bytes.
func sizes(b *testing.B, path string) (sum int64) {
	for _, file := range []string{path, path + "-wal"} {
		if info, err := os.Stat(file); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
