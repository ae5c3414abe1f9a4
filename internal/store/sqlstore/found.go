package sqlstore

import (
	"context"
	"strconv"
	"strings"

	"rolegate/internal/store"
)

// fewBlocks and mostBlocks are how many blocks of the log a look into an index asks at
// first, and at most.
const fewBlocks int64 = 8

var mostBlocks int64 = 2048

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

// indexed looks into an index by blocks of a table. Most searches want the newest and
// end with the first few blocks; what is found in those asked at once is sorted,
// however much it is.
func (q queries) indexed(ctx context.Context, s store.Stretch, limit int, from string, args ...any) (found []int64, next int64, err error) {
	head, err := q.Head(ctx)
	if err != nil {
		return nil, 0, err
	}
	// The stretch may reach beyond the log, to no end of blocks.
	s.From, s.Until = max(s.From, 0), min(s.Until, head.Size)
	next, end := s.From, s.Until
	if s.Backwards {
		next, end = s.Until-1, s.From-1
	}
	if limit <= 0 || s.From >= s.Until {
		return nil, end, nil
	}
	for n, left := fewBlocks, mostBlocks; next != end && left > 0; n, left = 2*n, left-n {
		n = min(n, left)
		at := next / blockSize
		lo, hi := at, min(at+n-1, (s.Until-1)/blockSize)
		if s.Backwards {
			lo, hi = max(at-n+1, s.From/blockSize), at
		}
		some, err := all(ctx, q.conn, scanValue[int64], lookInto(from, s), append([]any{lo, hi, s.From, s.Until, limit - len(found)}, args...)...)
		if err != nil {
			return nil, 0, err
		}
		if found = append(found, some...); len(found) == limit {
			return found, found[limit-1] + step(s), nil
		}
		if next = min((hi+1)*blockSize, end); s.Backwards {
			next = max(lo*blockSize-1, end)
		}
	}
	return found, next, nil
}

// lookInto is what asks the blocks $1 to $2 of an index, each by its number: the
// stretch, $3 to $4, may be all of the log.
func lookInto(from string, s store.Stretch) string {
	return `WITH RECURSIVE b (n) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT n + 1 FROM b WHERE n < $2)
		SELECT DISTINCT idx FROM b CROSS JOIN ` + from + ` AND idx >= $3 AND idx < $4 ORDER BY idx ` + order(s) + ` LIMIT $5`
}

// ofPerson and ofTags are where a look finds a person, $6, and one of n tags, $6 on.
// (The plus takes b.n's type from it, which on SQLite an index of an expression has not.)
const ofPerson = `audit_sealed AS s WHERE s.idx / 1024 = +b.n AND ref = $6`

func ofTags(n int) string {
	of := make([]string, n)
	for i := range of {
		of[i] = `$` + strconv.Itoa(i+6)
	}
	return `audit_tags AS t WHERE t.block = b.n AND tag IN (` + strings.Join(of, `, `) + `)`
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

// step leads from an index to the next on the way.
func step(s store.Stretch) int64 {
	if s.Backwards {
		return -1
	}
	return 1
}

func (q queries) IndicesOf(ctx context.Context, ref []byte, s store.Stretch, limit int) (found []int64, next int64, err error) {
	return q.indexed(ctx, s, limit, ofPerson, bytesOf(ref))
}

func (q queries) IndicesTagged(ctx context.Context, tags [][]byte, s store.Stretch, limit int) (found []int64, next int64, err error) {
	args := make([]any, len(tags))
	for i, tag := range tags {
		args[i] = bytesOf(tag)
	}
	return q.indexed(ctx, s, limit, ofTags(len(tags)), args...)
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
