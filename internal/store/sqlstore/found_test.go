package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rolegate/internal/store"
)

// A look into an index asks a bounded number of blocks, and says where it ended.
func TestLooksAreBounded(t *testing.T) {
	defer func(n int64) { mostBlocks = n }(mostBlocks)
	mostBlocks = fewBlocks + 1
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
			{store.Stretch{Until: size}, 0, mostBlocks * blockSize},
			{store.Stretch{Until: size, Backwards: true}, size - 1, size - mostBlocks*blockSize - 1},
		} {
			got, next, err := db.IndicesOf(t.Context(), []byte("ann"), c.s, 9)
			if !slices.Equal(got, []int64{c.want}) || next != c.next || err != nil {
				t.Errorf("%+v: %v and on from %d, %v; want %d and on from %d", c.s, got, next, err, c.want, c.next)
			}
		}
	})
}

// A look asks each block by the index, and never goes through all that a person has,
// or through the log: on either database, before and after PostgreSQL has counted
// the rows, and whether or not it knows what is asked for.
func TestLooksAskBlocks(t *testing.T) {
	both(t, func(t *testing.T, db *DB) {
		const size = 20_000
		plans := planned
		if db.Dialect() == Postgres {
			plans = plannedByPostgres
			for _, text := range []string{
				`INSERT INTO audit_sealed (ref, idx, seg, salt, commitment, ct) SELECT sha256(CAST((i + s) % 100 AS TEXT)::BYTEA), i, s, '', '', decode(repeat('ab', 160), 'hex')
					FROM generate_series(0, 19999) AS i, generate_series(0, 1) AS s`,
				`INSERT INTO audit_tags (tag, idx) SELECT sha256(CAST(i % 100 AS TEXT)::BYTEA), i FROM generate_series(0, 19999) AS i`,
				`UPDATE audit_head SET size = 20000`,
			} {
				if _, err := db.write.Exec(text); err != nil {
					t.Fatal(err)
				}
			}
		}
		check := func(t *testing.T) {
			for _, from := range []string{ofPerson, ofTags(2)} {
				for _, backwards := range []bool{false, true} {
					for _, plan := range plans(t, db, lookInto(from, store.Stretch{Backwards: backwards}), 9, 17, 0, size, 256, "x", "y") {
						if !askedByBlock.MatchString(plan) {
							t.Errorf("%s: blocks are not asked by index:\n%s", from, plan)
						}
					}
				}
			}
		}
		check(t)
		if db.Dialect() == Postgres {
			if _, err := db.write.Exec(`ANALYZE`); err != nil {
				t.Fatal(err)
			}
			check(t)
		}
	})
}

// askedByBlock is the condition of an index on the block, in the words of SQLite and of
// PostgreSQL, of a column or of an expression.
var askedByBlock = regexp.MustCompile(`(USING (COVERING INDEX|PRIMARY KEY|INDEX)|Index Cond:).*(block|<expr>|idx / 1024\)*) ?= ?(\?|b\.n|\(\+ b\.n)`)

// planned is how SQLite would run a query, with as many parameters as it has.
func planned(t *testing.T, db *DB, text string, args ...any) []string {
	for !strings.Contains(text, "$"+strconv.Itoa(len(args))) {
		args = args[:len(args)-1]
	}
	rows, err := db.read.Query(`EXPLAIN QUERY PLAN `+text, args...)
	return []string{lines(t, rows, err, 3)}
}

// plannedByPostgres is how it would run a query of the parameters, and of any.
func plannedByPostgres(t *testing.T, db *DB, text string, args ...any) (plans []string) {
	conn, err := db.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(text string) {
		if _, err := conn.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	var values []string
	for n, a := range args {
		if strings.Contains(text, "$"+strconv.Itoa(n+1)) {
			values = append(values, fmt.Sprintf("'%v'", a))
		}
	}
	for _, mode := range []string{"custom", "generic"} {
		exec(`SET plan_cache_mode = force_` + mode + `_plan`)
		exec(`PREPARE look AS ` + text)
		rows, err := conn.QueryContext(context.WithoutCancel(t.Context()), `EXPLAIN EXECUTE look (`+strings.Join(values, ", ")+`)`)
		plans = append(plans, lines(t, rows, err, 0))
		exec(`DEALLOCATE look`)
	}
	exec(`RESET plan_cache_mode`)
	return plans
}

// lines are the rows of an explanation, a line of text after some other columns.
func lines(t *testing.T, rows *sql.Rows, err error, before int) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		columns := make([]any, before)
		for i := range columns {
			columns[i] = new(any)
		}
		if err := rows.Scan(append(columns, &line)...); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}
