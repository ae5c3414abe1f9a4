package sqlstore

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

func (q queries) InsertEncryptionKey(ctx context.Context, k store.EncryptionKey) error {
	return q.insert(ctx, `INSERT INTO key_encryption_keys (check_value, seals_from, dropped_at)
		VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, bytesOf(k.Check), micros(k.SealsFrom), micros(k.DroppedAt))
}

func (q queries) ListEncryptionKeys(ctx context.Context) ([]store.EncryptionKey, error) {
	return all(ctx, q.conn, func(row scanner) (k store.EncryptionKey, err error) {
		err = row.Scan(bytesInto(&k.Check), timeInto(&k.SealsFrom), timeInto(&k.DroppedAt))
		return k, err
	}, `SELECT check_value, seals_from, dropped_at FROM key_encryption_keys ORDER BY seals_from DESC, check_value`)
}

// UseEncryptionKey is later than all others even where clocks differ.
func (q queries) UseEncryptionKey(ctx context.Context, check []byte, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE key_encryption_keys
		SET seals_from = (SELECT CASE WHEN max(seals_from) >= $2 THEN max(seals_from) + 1 ELSE $2 END FROM key_encryption_keys)
		WHERE check_value = $1 AND dropped_at = 0`, bytesOf(check), micros(now))
}

func (q queries) DropEncryptionKey(ctx context.Context, check []byte, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE key_encryption_keys SET dropped_at = $2 WHERE check_value = $1 AND dropped_at = 0`, bytesOf(check), micros(now))
}

func (q queries) HoldKeys(ctx context.Context, h store.KeyHolder) error {
	_, err := q.exec(ctx, `INSERT INTO key_holders (process, host, checks, seen_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (process) DO UPDATE SET host = excluded.host, checks = excluded.checks, seen_at = excluded.seen_at`,
		h.Process, h.Host, strings.Join(h.Checks, " "), micros(h.SeenAt))
	return err
}

func (q queries) LeaveKeys(ctx context.Context, process string, before time.Time) error {
	_, err := q.exec(ctx, `DELETE FROM key_holders WHERE process = $1 OR $1 = '' AND seen_at < $2`, process, micros(before))
	return err
}

func (q queries) KeyHolders(ctx context.Context) ([]store.KeyHolder, error) {
	return all(ctx, q.conn, func(row scanner) (h store.KeyHolder, err error) {
		var checks string
		err = row.Scan(&h.Process, &h.Host, &checks, timeInto(&h.SeenAt))
		h.Checks = strings.Fields(checks)
		return h, err
	}, `SELECT process, host, checks, seen_at FROM key_holders ORDER BY process`)
}

// sealedColumn is where a column's values are. What is written here is no text of
// a caller's.
type sealedColumn struct {
	table, value string
	key          []string // columns that find the row and make its place
	binary       []bool   // which of them are bytes
	where        string   // which rows, where not all
}

var sealedColumns = map[store.SealedColumn]sealedColumn{
	store.SealedDevices:     {table: "totp_devices", value: "secret", key: []string{"tenant", "user_id", "id"}, binary: []bool{false, false, false}},
	store.SealedRemoved:     {table: "removed_devices", value: "secret", key: []string{"tenant", "user_id", "id"}, binary: []bool{false, false, false}},
	store.SealedSigningKeys: {table: "signing_keys", value: "private", key: []string{"id"}, binary: []bool{false}},
	store.SealedMeta: {table: "meta", value: "value", key: []string{"key"}, binary: []bool{false},
		where: ` AND key IN ('` + strings.Join(store.SealedMetaRows, `', '`) + `')`},
	store.SealedPersonKeys: {table: "person_keys", value: "wrapped", key: []string{"idx"}, binary: []bool{true}},
	store.SealedMonthKeys:  {table: "month_keys", value: "wrapped", key: []string{"tenant", "class", "month"}, binary: []bool{true, false, false}},
}

func sealedIn(column store.SealedColumn) (sealedColumn, error) {
	c, ok := sealedColumns[column]
	if !ok {
		return c, model.Errorf(model.CodeInternal, "%q is no column of sealed values", column)
	}
	return c, nil
}

// keyID is the id of the key a value is sealed under.
func (s sealedColumn) keyID() string { return `substr(` + s.value + `, 2, 4)` }

// SealedExcept, SealedUnder and Reseal serve the main database and the keystore
// alike.
func (c conn) SealedExcept(ctx context.Context, column store.SealedColumn, id []byte, skip, limit int) ([]store.SealedValue, error) {
	s, err := sealedIn(column)
	if err != nil {
		return nil, err
	}
	keys := strings.Join(s.key, ", ")
	return all(ctx, c, s.scan, fmt.Sprintf(`SELECT %s, %s FROM %s WHERE length(%s) > 0 AND %s <> $1%s ORDER BY %s LIMIT $2 OFFSET $3`,
		s.value, keys, s.table, s.value, s.keyID(), s.where, keys), bytesOf(id), limit, skip)
}

func (c conn) SealedUnder(ctx context.Context, column store.SealedColumn, id []byte) (int, error) {
	s, err := sealedIn(column)
	if err != nil {
		return 0, err
	}
	return one(ctx, c, scanValue[int], fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1%s`, s.table, s.keyID(), s.where), bytesOf(id))
}

func (c conn) Reseal(ctx context.Context, column store.SealedColumn, was []store.SealedValue, sealed [][]byte) (n int, err error) {
	s, err := sealedIn(column)
	if err != nil {
		return 0, err
	}
	err = c.atomically(ctx, func(c conn) error {
		n = 0
		for i, v := range was {
			took, err := s.reseal(ctx, c, v, sealed[i])
			if err != nil {
				return err
			}
			if took {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s sealedColumn) reseal(ctx context.Context, c conn, was store.SealedValue, sealed []byte) (bool, error) {
	if len(was.Key) != len(s.key) {
		return false, model.Errorf(model.CodeInternal, "a row of %s has %d key columns, not %d", s.table, len(s.key), len(was.Key))
	}
	args := []any{bytesOf(sealed), bytesOf(was.Value)}
	where := ""
	for i, k := range was.Key {
		var arg any = k
		if s.binary[i] {
			b, err := hex.DecodeString(k)
			if err != nil {
				return false, model.Errorf(model.CodeInternal, "the key of a row of %s is not hexadecimal", s.table).Because(err)
			}
			arg = b
		}
		args = append(args, arg)
		where += fmt.Sprintf(" AND %s = $%d", s.key[i], len(args))
	}
	return c.took(ctx, fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE %s = $2%s`, s.table, s.value, s.value, where), args...)
}

// scan reads a value and its key.
func (s sealedColumn) scan(row scanner) (v store.SealedValue, err error) {
	v.Key = make([]string, len(s.key))
	blobs := make([][]byte, len(s.key))
	into := []any{bytesInto(&v.Value)}
	for i := range s.key {
		if s.binary[i] {
			into = append(into, bytesInto(&blobs[i]))
		} else {
			into = append(into, &v.Key[i])
		}
	}
	err = row.Scan(into...)
	for i := range s.key {
		if s.binary[i] {
			v.Key[i] = hex.EncodeToString(blobs[i])
		}
	}
	return v, err
}
