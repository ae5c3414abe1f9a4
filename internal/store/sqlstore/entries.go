package sqlstore

import (
	"context"
	"time"

	"rolegate/internal/store"
)

func (q queries) AppendEntries(ctx context.Context, entries []store.Entry) (first int64, err error) {
	err = q.atomically(ctx, func(c conn) error {
		head, err := c.takeHead(ctx)
		if first = head.Size; err != nil || len(entries) == 0 {
			return err
		}
		if err := (queries{c}).InsertEntries(ctx, first, entries); err != nil {
			return err
		}
		head.Size, head.MAC = head.Size+int64(len(entries)), nil
		return queries{c}.SetHead(ctx, head)
	})
	if err != nil {
		return 0, err
	}
	return first, nil
}

func (q queries) TakeHead(ctx context.Context, source []byte, n int) (head store.Head, seq int64, err error) {
	if q.dialect == Postgres {
		return q.takeBoth(ctx, source, n)
	}
	if head, err = q.takeHead(ctx); err != nil {
		return head, 0, err
	}
	last, err := returned[int64](ctx, q.conn, takeNumbers, bytesOf(source), n)
	return head, last - int64(n) + 1, err
}

// takeHead locks the head row from here to the commit: the next one to append waits.
func (c conn) takeHead(ctx context.Context) (store.Head, error) {
	return first(list(ctx, c, c.writer(), scanHead,
		`UPDATE audit_head SET size = size WHERE id = 1 RETURNING size, tree_size, frontier, mac, `+c.dialect.impatience()))
}

func (q queries) Head(ctx context.Context) (store.Head, error) {
	return one(ctx, q.conn, scanHead, `SELECT size, tree_size, frontier, mac, NULL FROM audit_head WHERE id = 1`)
}

func (q queries) LogSize(ctx context.Context) (int64, error) {
	head, err := q.Head(ctx)
	return head.Size, err
}

// scanHead reads the last column only for what it does.
func scanHead(row scanner) (h store.Head, err error) {
	err = row.Scan(&h.Size, &h.TreeSize, bytesInto(&h.Frontier), bytesInto(&h.MAC), new(any))
	return h, err
}

func (q queries) SetHead(ctx context.Context, head store.Head) error {
	return q.must(ctx, `UPDATE audit_head SET size = $1, tree_size = $2, frontier = $3, mac = $4 WHERE id = 1`,
		head.Size, head.TreeSize, bytesOf(head.Frontier), bytesOf(head.MAC))
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

func (q queries) StoredFrom(ctx context.Context, from, until int64, sealedToo bool) ([]store.Stored, error) {
	entries, err := all(ctx, q.conn, func(row scanner) (e store.Stored, err error) {
		err = row.Scan(&e.Index, bytesInto(&e.Leaf))
		return e, err
	}, `SELECT idx, leaf FROM audit_entries WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, until)
	if err != nil || !sealedToo {
		return entries, err
	}
	type segment struct {
		idx int64
		store.StoredSegment
	}
	sealed, err := all(ctx, q.conn, func(row scanner) (s segment, err error) {
		err = row.Scan(&s.idx, &s.Place, bytesInto(&s.Ref), bytesInto(&s.Salt), bytesInto(&s.Commitment), bytesInto(&s.Ciphertext))
		return s, err
	}, `SELECT idx, seg, ref, salt, commitment, ct FROM audit_sealed WHERE idx >= $1 AND idx < $2 ORDER BY idx, seg`, from, until)
	if err != nil {
		return nil, err
	}
	var out []store.Stored
	for len(entries) > 0 || len(sealed) > 0 {
		if len(sealed) == 0 || len(entries) > 0 && entries[0].Index <= sealed[0].idx {
			out, entries = append(out, entries[0]), entries[1:]
		} else {
			out = append(out, store.Stored{Index: sealed[0].idx})
		}
		for e := &out[len(out)-1]; len(sealed) > 0 && sealed[0].idx == e.Index; sealed = sealed[1:] {
			e.Sealed = append(e.Sealed, sealed[0].StoredSegment)
		}
	}
	return out, nil
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
