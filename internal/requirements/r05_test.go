package requirements

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rolegate/internal/audit"
	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
)

func init() {
	requires(5, "whatever is altered, deleted, put in or put in another order is found, and the entry is named", func(t *testing.T) {
		logkit.Databases(t, tamperMatrix)
	})
}

// kept is what an auditor has kept of a log.
type kept struct {
	policy  *verify.Policy
	known   []byte
	receipt verify.Receipt
}

// tampering is what somebody does to the database, and where: -1 if nothing must be
// found.
type tampering struct {
	name  string
	alter func(k *logkit.Kit) int64
	want  verify.Status
}

func at(index int64, statement string) func(k *logkit.Kit) int64 {
	return func(k *logkit.Kit) int64 {
		if n := k.Exec(statement); n == 0 {
			k.T.Fatal("nothing was altered")
		}
		return index
	}
}

func flip(index int64, table, column, where string) func(k *logkit.Kit) int64 {
	return func(k *logkit.Kit) int64 {
		k.Flip(table, column, where)
		return index
	}
}

func swap(index int64, table, column, one, other string) func(k *logkit.Kit) int64 {
	return func(k *logkit.Kit) int64 {
		k.Swap(table, column, one, other)
		return index
	}
}

// The log of the matrix: entries 0 to 299 and a checkpoint that the auditor keeps,
// an erasure by two people, entries up to 449 and further checkpoints, and a few
// entries behind the last of them.
var matrix = []tampering{
	// What is as it should be.
	{"untouched", func(*logkit.Kit) int64 { return -1 }, verify.OK},
	{"erased by two people", func(k *logkit.Kit) int64 { k.Erase("customer:c7"); k.Checkpoint(); return -1 }, verify.OK},

	// What somebody does who wants something forgotten.
	{"ciphertext deleted without an act", at(137, `DELETE FROM audit_sealed WHERE idx = 137 AND seg = 0`), verify.Tamper},
	{"approved by whoever asked", func(k *logkit.Kit) int64 {
		s := audit.Scope{Refs: [][]byte{k.Ref("acme", "customer:c7")}}
		request := k.Request("bob", s)
		k.Approve("bob", request, s)
		i := k.Execute(request, s, s)
		k.Destroy(s.Refs[0])
		return i
	}, verify.Tamper},
	{"wider than approved", func(k *logkit.Kit) int64 {
		s := audit.Scope{Refs: [][]byte{k.Ref("acme", "customer:c7")}}
		wider := audit.Scope{Refs: [][]byte{s.Refs[0], k.Ref("acme", "customer:c9")}}
		request := k.Request("ann", s)
		k.Approve("bob", request, s)
		i := k.Execute(request, s, wider)
		k.Destroy(wider.Refs[1])
		return i
	}, verify.Tamper},
	{"ciphertext altered", flip(137, "audit_sealed", "ct", "idx = 137 AND seg = 1"), verify.Tamper},
	{"entry altered", func(k *logkit.Kit) int64 { k.Forge(137); return 137 }, verify.Tamper},
	{"entry altered behind the last full tile", func(k *logkit.Kit) int64 { k.Forge(440); return 440 }, verify.Tamper},
	{"entry removed", at(137, `DELETE FROM audit_entries WHERE idx = 137`), verify.Tamper},
	{"entry removed with all that is sealed, and the rest moved up", func(k *logkit.Kit) int64 {
		k.Exec(`DELETE FROM audit_sealed WHERE idx = 137`)
		k.Exec(`DELETE FROM audit_entries WHERE idx = 137`)
		size := k.Count("audit_entries")
		for i := int64(138); i <= size; i++ {
			k.Exec(`UPDATE audit_entries SET idx = idx - 1 WHERE idx = ?`, i)
			k.Exec(`UPDATE audit_sealed SET idx = idx - 1 WHERE idx = ?`, i)
		}
		k.Exec(`DELETE FROM audit_checkpoints WHERE size > ?`, size)
		k.Rewrite()
		return 137
	}, verify.Diverge},
	{"history signed anew, against the auditor's checkpoint", func(k *logkit.Kit) int64 { k.Forge(136); k.Rewrite(); return 136 }, verify.Diverge},
	{"history signed anew, against a receipt", func(k *logkit.Kit) int64 { k.Forge(431); k.Rewrite(); return 431 }, verify.Diverge},
	{"end cut off", func(k *logkit.Kit) int64 { return cut(k, 440) }, verify.Tamper},
	{"shredded data revived from a backup", func(k *logkit.Kit) int64 {
		k.Exec(`CREATE TABLE backup AS SELECT * FROM audit_sealed`)
		k.Erase("customer:c7")
		k.Exec(`INSERT INTO audit_sealed SELECT * FROM backup WHERE ref = ?`, k.Ref("acme", "customer:c7"))
		k.Exec(`DROP TABLE backup`)
		return 3 // the first entry about them
	}, verify.Tamper},
	{"record lost before the tree", func(k *logkit.Kit) int64 {
		k.Exec(`UPDATE audit_sources SET seq = seq + 1`)
		k.Fill(1)
		k.Checkpoint()
		return k.Count("audit_entries") - 1
	}, verify.Tamper},

	// Every kind of row.
	{"leaf flipped", flip(99, "audit_entries", "leaf", "idx = 99"), verify.Tamper},
	{"leaf emptied", func(k *logkit.Kit) int64 {
		k.Exec(`UPDATE audit_entries SET leaf = ? WHERE idx = 99`, []byte{})
		return 99
	}, verify.Tamper},
	{"entries put in another order", swap(99, "audit_entries", "leaf", "idx = 99", "idx = 105"), verify.Tamper},
	{"entry put in behind the end", func(k *logkit.Kit) int64 {
		n := k.Count("audit_entries")
		k.Exec(`INSERT INTO audit_entries (idx, leaf) VALUES (?, ?)`, n, k.Leaf(n-1))
		return n
	}, verify.Tamper},
	{"first entry removed", at(0, `DELETE FROM audit_entries WHERE idx = 0`), verify.Tamper},
	{"last entry removed", func(k *logkit.Kit) int64 {
		n := k.Count("audit_entries")
		return at(n-1, fmt.Sprintf(`DELETE FROM audit_entries WHERE idx = %d`, n-1))(k)
	}, verify.Tamper},
	{"salt flipped", flip(99, "audit_sealed", "salt", "idx = 99 AND seg = 0"), verify.Tamper},
	{"commitment flipped", flip(99, "audit_sealed", "commitment", "idx = 99 AND seg = 0"), verify.Tamper},
	{"pseudonym flipped", flip(99, "audit_sealed", "ref", "idx = 99 AND seg = 0"), verify.Tamper},
	{"salt and commitment moved", func(k *logkit.Kit) int64 {
		salt := k.Bytes(`SELECT salt FROM audit_sealed WHERE idx = 99 AND seg = 0`)
		commitment := k.Bytes(`SELECT commitment FROM audit_sealed WHERE idx = 99 AND seg = 0`)
		k.Exec(`UPDATE audit_sealed SET salt = ?, commitment = ? WHERE idx = 99 AND seg = 0`, append(slices.Clone(salt), commitment[0]), commitment[1:])
		return 99
	}, verify.Tamper},
	{"segments exchanged", swap(99, "audit_sealed", "ct", "idx = 99 AND seg = 0", "idx = 99 AND seg = 1"), verify.Tamper},
	{"segment put in", at(99, `INSERT INTO audit_sealed SELECT ref, idx, 2, salt, commitment, ct FROM audit_sealed WHERE idx = 99 AND seg = 0`), verify.Tamper},
	{"segment put in behind the end", at(5000, `INSERT INTO audit_sealed SELECT ref, 5000, 0, salt, commitment, ct FROM audit_sealed WHERE idx = 99 AND seg = 0`), verify.Tamper},
	{"checkpoint flipped", flip(299, "audit_checkpoints", "note", "size = 300"), verify.Tamper},
	{"checkpoints exchanged", swap(299, "audit_checkpoints", "note", "size = 300", "size = 455"), verify.Tamper},
	{"checkpoint put in", func(k *logkit.Kit) int64 {
		forger, _, err := note.GenerateKey(rand.Reader, logkit.Origin)
		if err != nil {
			k.T.Fatal(err)
		}
		was := k.Signer
		defer func() { k.Signer = was }()
		k.Signer, _ = note.NewSigner(forger)
		k.Exec(`INSERT INTO audit_checkpoints (size, note, created_at) VALUES (?, ?, 0)`, 100, k.Sign(100, make([]byte, 32)))
		return 99
	}, verify.Tamper},
	{"tile flipped", flip(128, "audit_tiles", "hashes", "level = 0 AND n = 0"), verify.Tamper},
	{"tile removed", at(0, `DELETE FROM audit_tiles WHERE level = 0 AND n = 0`), verify.Tamper},
	{"tile put in", at(256, `INSERT INTO audit_tiles SELECT level, 1, hashes FROM audit_tiles WHERE level = 0 AND n = 0`), verify.Tamper},
	{"tile put in at another level", at(0, `INSERT INTO audit_tiles SELECT 1, 0, hashes FROM audit_tiles WHERE level = 0 AND n = 0`), verify.Tamper},
	{"tile moved", at(0, `UPDATE audit_tiles SET n = 3 WHERE level = 0 AND n = 0`), verify.Tamper},
	{headShortened, func(k *logkit.Kit) int64 {
		n := k.Count("audit_entries")
		k.Exec(`UPDATE audit_head SET size = ?`, n-1)
		return n - 1
	}, verify.Tamper},
	{"head's tree flipped", flip(456, "audit_head", "frontier", "id = 1"), verify.Tamper},

	// A checkpoint less is no history less: the tree is what it was.
	{"checkpoint removed", at(-1, `DELETE FROM audit_checkpoints WHERE size = 300`), verify.OK},
}

// cut takes away the entries from an index on, and makes the head fit.
func cut(k *logkit.Kit, index int64) int64 {
	k.Exec(`DELETE FROM audit_sealed WHERE idx >= ?`, index)
	k.Exec(`DELETE FROM audit_entries WHERE idx >= ?`, index)
	leaves, err := k.Store.LeavesFrom(k.Ctx, 0, int(index))
	if err != nil {
		k.T.Fatal(err)
	}
	f := tree.NewFrontier()
	for _, leaf := range leaves {
		f.Append(tree.LeafHash(leaf), nil)
	}
	k.Exec(`UPDATE audit_head SET size = ?, tree_size = ?, frontier = ?`, index, index, f.Bytes())
	return index
}

// history makes the log of the matrix, and what an auditor keeps of it.
func history(t *testing.T, k *logkit.Kit) (o kept) {
	t.Helper()
	var err error
	if o.policy, err = verify.KeyPolicy(k.VKey); err != nil {
		t.Fatal(err)
	}
	for _, person := range []string{"user:ann", "user:bob", "customer:c3", "customer:c7", "customer:c9"} {
		k.Ref("acme", person)
	}
	k.Fill(295)
	o.known = k.Checkpoint()
	k.Erase("customer:c3")
	k.Fill(147)
	k.Checkpoint()
	o.receipt = verify.Receipt{Index: 431, LeafHash: tree.LeafHash(k.Leaf(431))}
	k.Fill(5)
	k.Checkpoint()
	k.Fill(3)
	return o
}

// exported writes a bundle to the disk and verifies it there.
func exported(t *testing.T, k *logkit.Kit, o verify.Options) verify.Report {
	t.Helper()
	live, err := verify.Live(k.Ctx, k.Store)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bundle")
	dir, err := bundle.NewDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Write(k.Ctx, live, bundle.Selection{MadeAt: time.Now(), MadeBy: "test"}, dir); err != nil {
		t.Fatal(err)
	}
	if err := dir.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := verify.Run(context.Background(), bundle.Open(path), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// names tells whether a fault of a status is about an entry.
func names(r verify.Report, status verify.Status, index int64) bool {
	return slices.ContainsFunc(r.Faults, func(f verify.Finding) bool {
		if f.Status != status || f.Index == nil {
			return false
		}
		end := *f.Index + 1
		if f.End != nil {
			end = *f.End
		}
		return *f.Index <= index && index < end
	})
}

const headShortened = "head shortened"

func tamperMatrix(t *testing.T, k *logkit.Kit) {
	o := history(t, k)
	k.Save()
	for _, c := range matrix {
		t.Run(c.name, func(t *testing.T) {
			k.T = t
			defer k.Restore()
			index := c.alter(k)
			if c.name == headShortened { // a head without a tree over its entries is none to export by
				live, err := verify.Live(k.Ctx, k.Store)
				if err != nil {
					t.Fatal(err)
				}
				if own, err := verify.Run(k.Ctx, live, verify.Options{Policy: o.policy}); err != nil || own.Status != verify.Tamper || !names(own, verify.Tamper, index) {
					t.Errorf("the service itself finds status %d, %v: %+v", own.Status, err, own.Faults)
				}
				return
			}
			r := exported(t, k, verify.Options{Policy: o.policy, Known: [][]byte{o.known}, Receipts: []verify.Receipt{o.receipt}})
			if c.want == verify.OK {
				if r.Status != verify.OK {
					t.Fatalf("status %d: %+v", r.Status, r.Faults)
				}
				return
			}
			if r.Status != verify.Tamper && r.Status != verify.Diverge || r.Status < c.want {
				t.Errorf("status %d, want %d", r.Status, c.want)
			}
			if !names(r, c.want, index) && !names(r, r.Status, index) {
				for _, f := range r.Faults {
					t.Logf("%d: %s", f.Status, f.What)
				}
				t.Errorf("entry %d is not named", index)
			}
			if live, err := verify.Live(k.Ctx, k.Store); err != nil {
				t.Error(err)
			} else if own, err := verify.Run(k.Ctx, live, verify.Options{Policy: o.policy}); err != nil || c.want == verify.Tamper && own.Status != verify.Tamper {
				t.Errorf("the service itself finds status %d, %v", own.Status, err)
			}
		})
	}
}
