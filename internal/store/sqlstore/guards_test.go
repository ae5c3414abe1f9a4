package sqlstore

import (
	"testing"

	"rolegate/internal/store"
)

// What the log holds cannot be changed by a statement, whoever gives it; an
// erasure deletes sealed data and tags. (A trigger can be
// dropped: what shows changes is the tree.)
func TestLogIsGuarded(t *testing.T) {
	both(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		_, err := db.AppendEntries(ctx, []store.Entry{
			{Leaf: []byte("a"), Sealed: []store.Segment{{Ref: []byte("ref")}}, Tags: [][]byte{[]byte("tag")}}, {Leaf: []byte("b")}})
		if err == nil {
			err = db.SetHead(ctx, store.Head{Size: 2, TreeSize: 2, Frontier: []byte("frontier"), MAC: []byte("mac")})
		}
		if err == nil {
			err = db.InsertCheckpoint(ctx, store.Checkpoint{Size: 2, Note: []byte("note")})
		}
		if err != nil {
			t.Fatal(err)
		}
		refused := []string{
			`UPDATE audit_entries SET leaf = leaf`,
			`UPDATE audit_entries SET idx = idx + 7`,
			`DELETE FROM audit_entries WHERE idx = 1`,
			`UPDATE audit_checkpoints SET note = note`,
			`DELETE FROM audit_checkpoints`,
			`UPDATE audit_sealed SET ct = salt`,
			`UPDATE audit_tags SET idx = 1`,
			`UPDATE audit_head SET size = size - 1`,
			`UPDATE audit_head SET size = size + 1`,
			`UPDATE audit_head SET tree_size = tree_size - 1`,
			`DELETE FROM audit_head`,
		}
		if db.Dialect() == SQLite {
			refused = append(refused,
				`REPLACE INTO audit_entries (idx, leaf) VALUES (1, x'00')`,
				`REPLACE INTO audit_sealed (ref, idx, seg, salt, commitment, ct) VALUES (x'00', 0, 0, x'', x'', x'')`,
				`REPLACE INTO audit_head (id, size) VALUES (1, 0)`)
			if _, err := db.write.Exec(`REPLACE INTO audit_checkpoints (size, note, created_at) VALUES (2, x'00', 0)`); err != nil {
				t.Error(err) // nothing happens
			}
		} else {
			for _, table := range []string{"audit_entries", "audit_checkpoints", "audit_sealed", "audit_tags", "audit_head"} {
				refused = append(refused, `TRUNCATE `+table)
			}
		}
		for _, statement := range refused {
			if _, err := db.write.Exec(statement); err == nil {
				t.Errorf("%s: was taken", statement)
			}
		}
		head, err := db.Head(ctx)
		if err != nil || head.Size != 2 || head.TreeSize != 2 {
			t.Errorf("the head is %+v, %v", head, err)
		}
		// A tree of more entries than there are is set back to that of the entries, and no further.
		if _, err := db.write.Exec(`UPDATE audit_head SET tree_size = 9`); err != nil {
			t.Fatal(err)
		}
		if _, err := db.write.Exec(`UPDATE audit_head SET tree_size = 1`); err == nil {
			t.Error("the tree shrinks")
		}
		if err := db.SetHead(ctx, head); err != nil {
			t.Errorf("the tree is not set right: %v", err)
		}
		entries, err := db.EntriesFrom(ctx, 0, 10)
		if err != nil || len(entries) != 2 || string(entries[1].Leaf) != "b" || len(entries[0].Sealed) != 1 {
			t.Errorf("the entries are %+v, %v", entries, err)
		}
		last, err := db.LastCheckpoint(ctx)
		if err != nil || string(last.Note) != "note" {
			t.Errorf("the checkpoint is %+v, %v", last, err)
		}
		for _, statement := range []string{`DELETE FROM audit_sealed WHERE idx = 0`, `DELETE FROM audit_tags WHERE idx = 0`} {
			if _, err := db.write.Exec(statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}
