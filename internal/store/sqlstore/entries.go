package sqlstore

import (
	"context"
	"slices"
	"time"

	"rolegate/internal/store"
)

// rowsPerInsert bounds the number of different statements and of parameters.
const rowsPerInsert = 64

func (q queries) AppendEntries(ctx context.Context, entries []store.Entry) (first int64, err error) {
	err = q.atomically(ctx, func(c conn) error {
		head, err := c.takeIndices(ctx, len(entries))
		if first = head.Size; err != nil || len(entries) == 0 {
			return err
		}
		return queries{c}.InsertEntries(ctx, first, entries)
	})
	if err != nil {
		return 0, err
	}
	return first, nil
}

func (q queries) TakeHead(ctx context.Context, source []byte, n int) (head store.Head, seq int64, err error) {
	if head, err = q.takeIndices(ctx, n); err != nil {
		return head, 0, err
	}
	last, err := returned[int64](ctx, q.conn, `INSERT INTO audit_sources (src, seq) VALUES ($1, $2)
		ON CONFLICT (src) DO UPDATE SET seq = audit_sources.seq + $2 RETURNING seq`, bytesOf(source), n)
	return head, last - int64(n) + 1, err
}

// takeIndices locks the head row from here to the commit: the next one to
// append waits, and gets the numbers after these or, if this is rolled back, these.
func (c conn) takeIndices(ctx context.Context, n int) (store.Head, error) {
	head, err := first(list(ctx, c, c.writer(), scanHead,
		`UPDATE audit_head SET size = size + $1 WHERE id = 1 RETURNING size, tree_size, frontier, `+c.dialect.impatience(), n))
	head.Size -= int64(n)
	return head, err
}

func (q queries) Head(ctx context.Context) (store.Head, error) {
	return one(ctx, q.conn, scanHead, `SELECT size, tree_size, frontier, NULL FROM audit_head WHERE id = 1`)
}

func (q queries) LogSize(ctx context.Context) (int64, error) {
	head, err := q.Head(ctx)
	return head.Size, err
}

// scanHead reads the last column only for what it does.
func scanHead(row scanner) (h store.Head, err error) {
	err = row.Scan(&h.Size, &h.TreeSize, bytesInto(&h.Frontier), new(any))
	return h, err
}

func (q queries) SetTree(ctx context.Context, size int64, frontier []byte) error {
	return q.must(ctx, `UPDATE audit_head SET tree_size = $1, frontier = $2 WHERE id = 1`, size, bytesOf(frontier))
}

func (q queries) InsertEntries(ctx context.Context, index int64, entries []store.Entry) error {
	leaves := make([]any, 0, 2*len(entries))
	segments := make([]any, 0, 2*6*len(entries))
	var tags []any
	for i, e := range entries {
		idx := index + int64(i)
		leaves = append(leaves, idx, bytesOf(e.Leaf))
		for seg, s := range e.Sealed {
			segments = append(segments, bytesOf(s.Ref), idx, seg, bytesOf(s.Salt), bytesOf(s.Commitment), bytesOf(s.Ciphertext))
		}
		for _, t := range e.Tags {
			tags = append(tags, bytesOf(t), idx)
		}
	}
	if err := insertRows(ctx, q.conn, `INSERT INTO audit_entries (idx, leaf) VALUES `, 2, leaves); err != nil {
		return err
	}
	if err := insertRows(ctx, q.conn, `INSERT INTO audit_sealed (ref, idx, seg, salt, commitment, ct) VALUES `, 6, segments); err != nil {
		return err
	}
	return insertRows(ctx, q.conn, `INSERT INTO audit_tags (tag, idx) VALUES `, 2, tags)
}

// insertRows inserts rows of k values each.
func insertRows(ctx context.Context, c conn, insert string, k int, values []any) error {
	for chunk := range slices.Chunk(values, rowsPerInsert*k) {
		if _, err := c.exec(ctx, insert+c.dialect.tuples(len(chunk)/k, k), chunk...); err != nil {
			return err
		}
	}
	return nil
}

func (q queries) EntriesFrom(ctx context.Context, from int64, limit int) ([]store.Entry, error) {
	return q.entries(ctx, `idx >= $1 ORDER BY idx LIMIT $2`, from, max(limit, 0))
}

func (q queries) EntriesBetween(ctx context.Context, from, to int64) ([]store.Entry, error) {
	return q.entries(ctx, `idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
}

// entries reads entries, then their segments: both were committed together.
func (q queries) entries(ctx context.Context, which string, args ...any) ([]store.Entry, error) {
	type numbered struct {
		idx int64
		store.Entry
	}
	found, err := all(ctx, q.conn, func(row scanner) (e numbered, err error) {
		err = row.Scan(&e.idx, bytesInto(&e.Leaf))
		return e, err
	}, `SELECT idx, leaf FROM audit_entries WHERE `+which, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	type segment struct {
		idx int64
		store.Segment
	}
	sealed, err := all(ctx, q.conn, func(row scanner) (s segment, err error) {
		err = row.Scan(&s.idx, bytesInto(&s.Ref), bytesInto(&s.Salt), bytesInto(&s.Commitment), bytesInto(&s.Ciphertext))
		return s, err
	}, `SELECT idx, ref, salt, commitment, ct FROM audit_sealed WHERE idx BETWEEN $1 AND $2 ORDER BY idx, seg`,
		found[0].idx, found[len(found)-1].idx)
	if err != nil {
		return nil, err
	}
	entries := make([]store.Entry, len(found))
	for i, e := range found {
		for len(sealed) > 0 && sealed[0].idx == e.idx {
			e.Sealed = append(e.Sealed, sealed[0].Segment)
			sealed = sealed[1:]
		}
		entries[i] = e.Entry
	}
	return entries, nil
}

func (q queries) LeavesFrom(ctx context.Context, from int64, limit int) ([][]byte, error) {
	return all(ctx, q.conn, func(row scanner) (leaf []byte, err error) {
		err = row.Scan(bytesInto(&leaf))
		return leaf, err
	}, `SELECT leaf FROM audit_entries WHERE idx >= $1 ORDER BY idx LIMIT $2`, from, max(limit, 0))
}

func (q queries) HoldSource(ctx context.Context, source []byte, until time.Time) error {
	_, err := q.exec(ctx, `INSERT INTO audit_sources (src, seq, held_until) VALUES ($1, 0, $2)
		ON CONFLICT (src) DO UPDATE SET held_until = excluded.held_until`, bytesOf(source), micros(until))
	return err
}

func (q queries) LapsedSources(ctx context.Context, now time.Time) ([][]byte, error) {
	return all(ctx, q.conn, func(row scanner) (src []byte, err error) {
		err = row.Scan(bytesInto(&src))
		return src, err
	}, `SELECT src FROM audit_sources WHERE held_until > 0 AND held_until <= $1 ORDER BY src`, micros(now))
}

func (q queries) EndSource(ctx context.Context, source []byte, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE audit_sources SET held_until = 0 WHERE src = $1 AND held_until > 0 AND held_until <= $2`,
		bytesOf(source), micros(now))
}
