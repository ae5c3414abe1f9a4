package sqlstore

import (
	"context"
	"slices"

	"rolegate/internal/store"
)

// rowsPerInsert bounds the number of different statements and of parameters.
const rowsPerInsert = 64

func (q queries) AppendEntries(ctx context.Context, entries []store.Entry) (first int64, err error) {
	n := int64(len(entries))
	if n == 0 {
		return q.LogSize(ctx)
	}
	err = q.atomically(ctx, func(c conn) error {
		// The head row is locked from here to the commit: the next one to
		// append waits, and gets the numbers after these or, if this is rolled
		// back, these.
		size, err := returned[int64](ctx, c, `UPDATE audit_head SET size = size + $1 WHERE id = 1 RETURNING size`, n)
		if err != nil {
			return err
		}
		first = size - n
		var leaves, segments [][]any
		for i, e := range entries {
			idx := first + int64(i)
			leaves = append(leaves, []any{idx, bytesOf(e.Leaf)})
			for seg, s := range e.Sealed {
				segments = append(segments, []any{bytesOf(s.Ref), idx, seg, bytesOf(s.Salt), bytesOf(s.Commitment), bytesOf(s.Ciphertext)})
			}
		}
		if err := insertRows(ctx, c, `INSERT INTO audit_entries (idx, leaf) VALUES `, leaves); err != nil {
			return err
		}
		return insertRows(ctx, c, `INSERT INTO audit_sealed (ref, idx, seg, salt, commitment, ct) VALUES `, segments)
	})
	if err != nil {
		return 0, err
	}
	return first, nil
}

func (q queries) TakeSeq(ctx context.Context, source []byte, n int) (first int64, err error) {
	last, err := returned[int64](ctx, q.conn, `INSERT INTO audit_sources (src, seq) VALUES ($1, $2)
		ON CONFLICT (src) DO UPDATE SET seq = audit_sources.seq + $2 RETURNING seq`, bytesOf(source), n)
	return last - int64(n) + 1, err
}

func insertRows(ctx context.Context, c conn, insert string, rows [][]any) error {
	for chunk := range slices.Chunk(rows, rowsPerInsert) {
		if _, err := c.exec(ctx, insert+tuples(len(chunk), len(chunk[0])), slices.Concat(chunk...)...); err != nil {
			return err
		}
	}
	return nil
}

// EntriesFrom reads entries, then their segments: both were committed together.
func (q queries) EntriesFrom(ctx context.Context, from int64, limit int) ([]store.Entry, error) {
	type numbered struct {
		idx int64
		store.Entry
	}
	found, err := all(ctx, q.conn, func(row scanner) (e numbered, err error) {
		err = row.Scan(&e.idx, bytesInto(&e.Leaf))
		return e, err
	}, `SELECT idx, leaf FROM audit_entries WHERE idx >= $1 ORDER BY idx LIMIT $2`, from, max(limit, 0))
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

func (q queries) LogSize(ctx context.Context) (int64, error) {
	return one(ctx, q.conn, scanValue[int64], `SELECT size FROM audit_head WHERE id = 1`)
}
