package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"rolegate/internal/store"
)

func (q queries) LeavesAt(ctx context.Context, indices []int64) ([]store.Numbered, error) {
	if len(indices) == 0 {
		return nil, nil
	}
	args := anys(indices)
	return all(ctx, q.conn, func(row scanner) (e store.Numbered, err error) {
		err = row.Scan(&e.Index, bytesInto(&e.Leaf))
		return e, err
	}, `SELECT idx, leaf FROM audit_entries WHERE idx IN `+q.dialect.tuples(1, len(args))+` ORDER BY idx`, args...)
}

func (q queries) SealedAt(ctx context.Context, indices []int64) (map[int64][]store.Segment, error) {
	if len(indices) == 0 {
		return nil, nil
	}
	sealed := map[int64][]store.Segment{}
	args := anys(indices)
	_, err := all(ctx, q.conn, func(row scanner) (none struct{}, err error) {
		var idx int64
		var s store.Segment
		if err = row.Scan(&idx, bytesInto(&s.Ref), bytesInto(&s.Salt), bytesInto(&s.Commitment), bytesInto(&s.Ciphertext)); err == nil {
			sealed[idx] = append(sealed[idx], s)
		}
		return none, err
	}, `SELECT idx, ref, salt, commitment, ct FROM audit_sealed WHERE idx IN `+q.dialect.tuples(1, len(args))+` ORDER BY idx, seg`, args...)
	return sealed, err
}

func anys(indices []int64) []any {
	args := make([]any, len(indices))
	for i, idx := range indices {
		args[i] = idx
	}
	return args
}

func (q queries) IndicesOf(ctx context.Context, ref []byte, s store.Stretch, limit int) ([]int64, error) {
	return all(ctx, q.conn, scanValue[int64],
		`SELECT DISTINCT idx FROM audit_sealed WHERE ref = $1 AND idx >= $2 AND idx < $3 ORDER BY idx `+order(s)+` LIMIT $4`,
		bytesOf(ref), s.From, s.Until, max(limit, 0))
}

// tagsPerQuery bounds a statement's parameters, and the kinds of statements.
const tagsPerQuery = 32

// IndicesTagged takes the first of each tag and merges them: a database that gets
// all tags at once would sort all that there is of each.
func (q queries) IndicesTagged(ctx context.Context, tags [][]byte, s store.Stretch, limit int) ([]int64, error) {
	var found []int64
	for chunk := range slices.Chunk(tags, tagsPerQuery) {
		of := make([]string, len(chunk))
		args := []any{s.From, s.Until, max(limit, 0)}
		for i, tag := range chunk {
			of[i] = `SELECT * FROM (SELECT idx FROM audit_tags WHERE tag = $` + strconv.Itoa(i+4) +
				` AND idx >= $1 AND idx < $2 ORDER BY idx ` + order(s) + ` LIMIT $3) AS t` + strconv.Itoa(i)
			args = append(args, bytesOf(tag))
		}
		got, err := all(ctx, q.conn, scanValue[int64], `SELECT idx FROM (`+strings.Join(of, ` UNION `)+`) AS u ORDER BY idx `+order(s)+` LIMIT $3`, args...)
		if err != nil {
			return nil, err
		}
		found = append(found, got...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if s.Backwards {
		slices.Reverse(found)
	}
	return found[:min(len(found), max(limit, 0))], nil
}

func order(s store.Stretch) string {
	if s.Backwards {
		return `DESC`
	}
	return `ASC`
}

func (q queries) InsertSummaries(ctx context.Context, summaries []store.Summary) error {
	return q.atomically(ctx, func(c conn) error {
		for _, s := range summaries {
			if _, err := c.exec(ctx, `INSERT INTO audit_summaries (level, n, oldest, newest, tenants, keys, requests, totals)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
				s.Level, s.N, s.Oldest, s.Newest, bytesOf(s.Tenants), bytesOf(s.Keys), bytesOf(s.Requests), bytesOf(s.Totals)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (q queries) SummariesFrom(ctx context.Context, level int, n, until int64, d store.Detail) ([]store.Summary, error) {
	var s store.Summary
	columns, into := `level, n, oldest, newest`, []any{&s.Level, &s.N, &s.Oldest, &s.Newest}
	switch d {
	case store.WithKeys, store.WithRequests, store.WithKeysAndTotals:
		columns, into = columns+`, tenants, keys`, append(into, bytesInto(&s.Tenants), bytesInto(&s.Keys))
	}
	switch d {
	case store.WithRequests:
		columns, into = columns+`, requests`, append(into, bytesInto(&s.Requests))
	case store.WithTotals, store.WithKeysAndTotals:
		columns, into = columns+`, totals`, append(into, bytesInto(&s.Totals))
	}
	return all(ctx, q.conn, func(row scanner) (store.Summary, error) {
		s = store.Summary{}
		err := row.Scan(into...)
		return s, err
	}, `SELECT `+columns+` FROM audit_summaries WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n`, level, n, until)
}

func (q queries) NextSummary(ctx context.Context, level int) (int64, error) {
	return one(ctx, q.conn, scanValue[int64], `SELECT COALESCE(MAX(n), -1) + 1 FROM audit_summaries WHERE level = $1`, level)
}
