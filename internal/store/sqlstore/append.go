package sqlstore

import (
	"context"

	"rolegate/internal/store"
)

// Everybody who appends waits for whoever holds the head, so what happens between
// taking it and the commit should be little: on SQLite that is work, on PostgreSQL
// it is how often the server is asked. There all rows go in by one statement, with
// the head's tree, and its text is the same however many there are.

// takeNumbers takes the next numbers of a source.
const takeNumbers = `INSERT INTO audit_sources (src, seq) VALUES ($1, $2)
	ON CONFLICT (src) DO UPDATE SET seq = audit_sources.seq + $2 RETURNING seq`

// takeBoth is takeHead and takeNumbers in one statement.
func (q queries) takeBoth(ctx context.Context, source []byte, n int) (head store.Head, seq int64, err error) {
	head, err = first(list(ctx, q.conn, q.writer(), func(row scanner) (h store.Head, err error) {
		err = row.Scan(&h.Size, &h.TreeSize, bytesInto(&h.Frontier), bytesInto(&h.MAC), &seq, new(any))
		return h, err
	}, `WITH s AS (`+takeNumbers+`) UPDATE audit_head SET size = size WHERE id = 1
		RETURNING size, tree_size, frontier, mac, (SELECT seq FROM s), `+q.dialect.impatience(), bytesOf(source), n))
	return head, seq - int64(n) + 1, err
}

// rows are entries by columns.
type rows struct {
	index      []int64
	leaf       [][]byte
	ref        [][]byte
	sealedIn   []int64
	seg        []int64
	salt       [][]byte
	commitment [][]byte
	ciphertext [][]byte
	tag        [][]byte
	taggedIn   []int64
}

func rowsOf(first int64, entries []store.Entry) (r rows) {
	for i, e := range entries {
		index := first + int64(i)
		r.index, r.leaf = append(r.index, index), append(r.leaf, bytesOf(e.Leaf))
		for seg, s := range e.Sealed {
			r.ref, r.sealedIn, r.seg = append(r.ref, bytesOf(s.Ref)), append(r.sealedIn, index), append(r.seg, int64(seg))
			r.salt, r.commitment = append(r.salt, bytesOf(s.Salt)), append(r.commitment, bytesOf(s.Commitment))
			r.ciphertext = append(r.ciphertext, bytesOf(s.Ciphertext))
		}
		for _, t := range e.Tags {
			r.tag, r.taggedIn = append(r.tag, bytesOf(t)), append(r.taggedIn, index)
		}
	}
	return r
}

// arrays are the parameters of insertColumns.
func (r *rows) arrays() []any {
	return []any{r.index, r.leaf, r.ref, r.sealedIn, r.seg, r.salt, r.commitment, r.ciphertext, r.tag, r.taggedIn}
}

// insertColumns is PostgreSQL's alone.
const insertColumns = `
	e AS (INSERT INTO audit_entries (idx, leaf) SELECT * FROM unnest($1::BIGINT[], $2::BYTEA[])),
	s AS (INSERT INTO audit_sealed (ref, idx, seg, salt, commitment, ct)
		SELECT * FROM unnest($3::BYTEA[], $4::BIGINT[], $5::BIGINT[], $6::BYTEA[], $7::BYTEA[], $8::BYTEA[])),
	t AS (INSERT INTO audit_tags (tag, idx) SELECT * FROM unnest($9::BYTEA[], $10::BIGINT[]))`

func (q queries) InsertEntries(ctx context.Context, first int64, entries []store.Entry) error {
	r := rowsOf(first, entries)
	if q.dialect == SQLite {
		return q.insertTables(ctx, &r)
	}
	_, err := q.exec(ctx, `WITH`+insertColumns+` SELECT 1`, r.arrays()...)
	return err
}

func (q queries) ExtendTree(ctx context.Context, first int64, entries []store.Entry, head store.Head) error {
	if q.dialect == SQLite {
		if err := q.InsertEntries(ctx, first, entries); err != nil {
			return err
		}
		return q.SetHead(ctx, head)
	}
	r := rowsOf(first, entries)
	return q.must(ctx, `WITH`+insertColumns+` UPDATE audit_head SET size = $11, tree_size = $12, frontier = $13, mac = $14 WHERE id = 1`,
		append(r.arrays(), head.Size, head.TreeSize, bytesOf(head.Frontier), bytesOf(head.MAC))...)
}

// insertTables is SQLite's way.
func (q queries) insertTables(ctx context.Context, r *rows) error {
	entries, sealed, tags := make([]any, 0, 2*len(r.leaf)), make([]any, 0, 6*len(r.ref)), make([]any, 0, 3*len(r.tag))
	for i := range r.leaf {
		entries = append(entries, r.index[i], r.leaf[i])
	}
	for i := range r.ref {
		sealed = append(sealed, r.ref[i], r.sealedIn[i], r.seg[i], r.salt[i], r.commitment[i], r.ciphertext[i])
	}
	for i := range r.tag {
		tags = append(tags, r.taggedIn[i]/blockSize, r.tag[i], r.taggedIn[i])
	}
	if err := insertRows(ctx, q.conn, `INSERT INTO audit_entries (idx, leaf) VALUES `, 2, entries); err != nil {
		return err
	}
	if err := insertRows(ctx, q.conn, `INSERT INTO audit_sealed (ref, idx, seg, salt, commitment, ct) VALUES `, 6, sealed); err != nil {
		return err
	}
	return insertRows(ctx, q.conn, `INSERT INTO audit_tags (block, tag, idx) VALUES `, 3, tags)
}

// blockSize is how many entries share an index of people and records (migration 22).
const blockSize = 1024

// rowsPerInsert bounds the parameters of a statement.
const rowsPerInsert = 64

// insertRows inserts rows of k values each, by statements of 64, 32, 16 … rows, so
// that there are few texts, each of which is compiled once.
func insertRows(ctx context.Context, c conn, insert string, k int, values []any) error {
	for n := rowsPerInsert; len(values) > 0; n /= 2 {
		for ; len(values) >= n*k; values = values[n*k:] {
			if _, err := c.exec(ctx, insert+c.dialect.tuples(n, k), values[:n*k]...); err != nil {
				return err
			}
		}
	}
	return nil
}
