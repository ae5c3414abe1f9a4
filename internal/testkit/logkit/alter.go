package logkit

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"rolegate/internal/audit/tree"
)

// tables are those of a log.
var tables = []string{"audit_head", "audit_sources", "audit_entries", "audit_sealed", "audit_checkpoints", "audit_tiles"}

// Save keeps the log's rows for Restore.
func (k *Kit) Save() {
	k.T.Helper()
	for _, table := range tables {
		k.Exec(fmt.Sprintf(`CREATE TABLE saved_%s AS SELECT * FROM %s`, table, table))
	}
}

// Restore makes the log's rows those that were saved.
func (k *Kit) Restore() {
	k.T.Helper()
	for _, table := range tables {
		k.Exec(fmt.Sprintf(`DELETE FROM %s`, table))
		k.Exec(fmt.Sprintf(`INSERT INTO %s SELECT * FROM saved_%s`, table, table))
	}
}

// Leaf reads an entry's leaf as it is stored.
func (k *Kit) Leaf(index int64) []byte {
	k.T.Helper()
	return k.Bytes(fmt.Sprintf(`SELECT leaf FROM audit_entries WHERE idx = %d`, index))
}

// Forge changes what an entry says, so that it still reads like one.
func (k *Kit) Forge(index int64) {
	k.T.Helper()
	was := k.Leaf(index)
	now := bytes.Replace(was, []byte("contact"), []byte("account"), 1)
	if bytes.Equal(was, now) {
		k.T.Fatalf("entry %d does not say contact", index)
	}
	k.Exec(`UPDATE audit_entries SET leaf = ? WHERE idx = ?`, now, index)
}

// PutIn is what somebody can do who has the database alone: an entry that is a copy of
// another stands behind the log's end, and the head and its tree are moved over it.
func (k *Kit) PutIn(of int64) {
	k.T.Helper()
	head, err := k.Store.Head(k.Ctx)
	k.must(err)
	leaf := k.Leaf(of)
	f, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
	k.must(err)
	f.Append(tree.LeafHash(leaf), nil)
	k.Exec(`INSERT INTO audit_entries (idx, leaf) VALUES (?, ?)`, head.Size, leaf)
	k.Exec(`UPDATE audit_head SET size = ?, tree_size = ?, frontier = ?`, f.Size(), f.Size(), f.Bytes())
}

// Unread gives the act of an entry a field that no release knows.
func (k *Kit) Unread(index int64) {
	k.T.Helper()
	var leaf map[int]any
	k.must(cbor.Unmarshal(k.Leaf(index), &leaf))
	leaf[25].(map[any]any)[uint64(99)] = "?"
	mode, err := cbor.CoreDetEncOptions().EncMode()
	k.must(err)
	b, err := mode.Marshal(leaf)
	k.must(err)
	k.Exec(`UPDATE audit_entries SET leaf = ? WHERE idx = ?`, b, index)
}

// Rewrite is what somebody can do who has the database and the keystore's keys: the
// tree, its tiles and all checkpoints become those of the entries as they are now.
func (k *Kit) Rewrite() {
	k.T.Helper()
	checkpoints, err := k.Store.CheckpointsFrom(k.Ctx, 0, 1_000_000)
	k.must(err)
	k.Exec(`DELETE FROM audit_checkpoints`)
	k.Exec(`DELETE FROM audit_tiles`)
	n := k.Count("audit_entries")
	leaves, err := k.Store.LeavesFrom(k.Ctx, 0, int(n))
	k.must(err)
	f := tree.NewFrontier()
	for i, leaf := range leaves {
		f.Append(tree.LeafHash(leaf), nil)
		for _, c := range checkpoints {
			if c.Size == int64(i+1) {
				c.Note = k.Sign(c.Size, f.Root())
				k.must(k.Store.InsertCheckpoint(k.Ctx, c))
			}
		}
	}
	k.must(k.Store.SetHead(k.Ctx, k.Log.HeadOf(f)))
	if last := checkpoints[len(checkpoints)-1].Size; last < n {
		k.Checkpoint()
	}
}

// Count is how many rows a table has.
func (k *Kit) Count(table string) (n int64) {
	k.T.Helper()
	k.must(k.db.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n))
	return n
}

// Flip changes a bit of a value that the condition finds.
func (k *Kit) Flip(table, column, where string) {
	k.T.Helper()
	b := bytes.Clone(k.Bytes(fmt.Sprintf(`SELECT %s FROM %s WHERE %s`, column, table, where)))
	b[len(b)/2] ^= 1
	if n := k.Exec(fmt.Sprintf(`UPDATE %s SET %s = ? WHERE %s`, table, column, where), b); n != 1 {
		k.T.Fatalf("%d rows of %s have changed", n, table)
	}
}

// Swap exchanges a value of two rows.
func (k *Kit) Swap(table, column, one, other string) {
	k.T.Helper()
	a := bytes.Clone(k.Bytes(fmt.Sprintf(`SELECT %s FROM %s WHERE %s`, column, table, one)))
	b := bytes.Clone(k.Bytes(fmt.Sprintf(`SELECT %s FROM %s WHERE %s`, column, table, other)))
	if bytes.Equal(a, b) {
		k.T.Fatal("there is nothing to swap")
	}
	k.Exec(fmt.Sprintf(`UPDATE %s SET %s = ? WHERE %s`, table, column, one), b)
	k.Exec(fmt.Sprintf(`UPDATE %s SET %s = ? WHERE %s`, table, column, other), a)
}
