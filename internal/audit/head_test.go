package audit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/testkit/logkit"
	"rolegate/model"
)

// What was put in behind the end by hand is not gone on from: nothing is appended, by
// the process that was there before or by one that starts on it, and the latter does
// not serve.
func TestHeadThatWasMovedByHand(t *testing.T) {
	for name, alter := range map[string]func(k *logkit.Kit){
		"an entry and its tree":     func(k *logkit.Kit) { k.PutIn(3) },
		"an entry without its tree": func(k *logkit.Kit) { putInBare(k) },
		"the MAC is gone":           func(k *logkit.Kit) { k.Exec(`UPDATE audit_head SET mac = NULL`) },
		"the MAC is another":        func(k *logkit.Kit) { k.Flip("audit_head", "mac", "id = 1") },
		"the MAC is cut": func(k *logkit.Kit) {
			k.Exec(`UPDATE audit_head SET mac = ?`, k.Bytes(`SELECT mac FROM audit_head`)[:16])
		},
		"the end is cut off":  func(k *logkit.Kit) { k.Exec(`UPDATE audit_head SET size = 11`) },
		"the tree is another": func(k *logkit.Kit) { k.Flip("audit_head", "frontier", "id = 1") },
	} {
		t.Run(name, func(t *testing.T) {
			logkit.Databases(t, func(t *testing.T, k *logkit.Kit) {
				k.Fill(12)
				alter(k)
				refuses := func(l *audit.Log) {
					t.Helper()
					if err := l.Append(k.Ctx, entry); model.CodeOf(err) != model.CodeAuditUnavailable {
						t.Errorf("appended: %v", err)
					}
					err := k.Store.InTx(k.Ctx, func(tx store.Tx) error { return l.AppendIn(k.Ctx, tx, entry) })
					if model.CodeOf(err) != model.CodeAuditUnavailable {
						t.Errorf("appended in a transaction: %v", err)
					}
				}
				refuses(k.Log)
				next, err := audit.Open(k.Ctx, k.Store, k.Keys, k.KEK, time.Now)
				if err != nil {
					t.Fatal(err)
				}
				defer next.Close(k.Ctx)
				refuses(next)
				if err := next.Start(k.Ctx, audit.Options{Alone: true}); model.CodeOf(err) != model.CodeLogAltered {
					t.Errorf("started: %v", err)
				}
				if n := k.Count("audit_entries"); n > 13 {
					t.Errorf("%d entries", n)
				}
			})
		})
	}
}

// putInBare moves the size alone, as a release that knows of no tree would.
func putInBare(k *logkit.Kit) {
	k.Exec(`INSERT INTO audit_entries (idx, leaf) VALUES (?, ?)`, 12, k.Leaf(3))
	k.Exec(`UPDATE audit_head SET size = 13`)
}

// A log from before heads had MACs gets its first one when it is opened, with an
// entry that says so; it is never taken over like that again.
func TestHeadOfAnEarlierRelease(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		for i := range 3 {
			if _, err := st.AppendEntries(t.Context(), []store.Entry{{Leaf: fmt.Append(nil, "old ", i)}}); err != nil {
				t.Fatal(err)
			}
		}
		f := newFixture(t, st)
		if err := f.log.Append(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
		wantTree(t, st)
		rows, err := st.EntriesFrom(f.ctx, 3, 10)
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d entries came, %v", len(rows), err)
		}
		if leaf, err := audit.Decode(rows[0].Leaf); err != nil || leaf.Activity != audit.LogHeadKeyMade || leaf.Count != 3 {
			t.Errorf("the first is %+v, %v", leaf, err)
		}
		again, err := audit.Open(f.ctx, st, f.keys, f.kek, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close(f.ctx)
		if _, err := st.AppendEntries(t.Context(), []store.Entry{{Leaf: []byte("older release")}}); err != nil {
			t.Fatal(err)
		}
		if err := again.Append(f.ctx, entry); model.CodeOf(err) != model.CodeAuditUnavailable {
			t.Errorf("appended: %v", err)
		}
	})
}

// resume is an operator's word.
var resume = audit.Entry{Class: audit.ClassBreakGlass, Activity: audit.LogResumed, Outcome: audit.OutcomeOK,
	Caller: model.Caller{Kind: model.CallerOperator, ID: "0@host"}, Personal: map[string]any{"reason": "a drill"}}

// An operator's word has the log go on as it is stored, in an entry that says so. What
// stood in the head is believed in nothing: the tree is that of the entries.
func TestTakeOver(t *testing.T) {
	for name, c := range map[string]struct {
		alter func(k *logkit.Kit)
		op    string
		n     int64 // entries before the word
	}{
		"nothing":                 {func(*logkit.Kit) {}, "", 12},
		"an entry was put in":     {func(k *logkit.Kit) { k.PutIn(3) }, audit.HeadTakenOver, 13},
		"the MAC is gone":         {func(k *logkit.Kit) { k.Exec(`UPDATE audit_head SET mac = NULL`) }, audit.HeadTakenOver, 12},
		"the frontier is another": {func(k *logkit.Kit) { k.Flip("audit_head", "frontier", "id = 1") }, audit.HeadRebuilt, 12},
		"the frontier is cut": {func(k *logkit.Kit) {
			k.Exec(`UPDATE audit_head SET frontier = ?`, k.Bytes(`SELECT frontier FROM audit_head`)[1:])
		}, audit.HeadRebuilt, 12},
		"the tree is one of more than there are": {func(k *logkit.Kit) { k.Exec(`UPDATE audit_head SET tree_size = 99`) }, audit.HeadRebuilt, 12},
		"the tree is far behind": {func(k *logkit.Kit) {
			k.T.Cleanup(audit.SetMostBehind(5))
			k.Exec(`UPDATE audit_head SET tree_size = 0, frontier = ?`, []byte{})
		}, audit.HeadRebuilt, 12},
		"an entry of no tree":            {putInBare, audit.HeadRebuilt, 13},
		"the size is of fewer":           {func(k *logkit.Kit) { k.Exec(`UPDATE audit_head SET size = size - 1`) }, audit.HeadRebuilt, 12},
		"an entry stands behind the end": {func(k *logkit.Kit) { putInBare(k); k.Exec(`UPDATE audit_head SET size = 12, mac = NULL`) }, audit.HeadRebuilt, 13},
		"it is nothing": {func(k *logkit.Kit) {
			k.Exec(`UPDATE audit_head SET size = 0, tree_size = 0, frontier = NULL, mac = NULL`)
		}, audit.HeadRebuilt, 12},
	} {
		t.Run(name, func(t *testing.T) {
			logkit.Databases(t, func(t *testing.T, k *logkit.Kit) {
				k.Fill(12)
				c.alter(k)
				if err := k.Log.TakeOver(k.Ctx, resume); err != nil {
					t.Fatal(err)
				}
				if n := k.Count("audit_entries"); n != c.n+1 {
					t.Fatalf("%d entries", n)
				}
				leaves, err := k.Store.LeavesFrom(k.Ctx, c.n, 1)
				if err != nil {
					t.Fatal(err)
				}
				count := c.n
				if c.op == "" {
					count = 0
				}
				if leaf, err := audit.Decode(leaves[0]); err != nil || leaf.Activity != audit.LogResumed || leaf.Op != c.op || leaf.Count != count {
					t.Errorf("the entry is %+v, %v", leaf, err)
				}
				if said, _ := openEntry(t, k, c.n)["head_was"].(map[string]any); (said != nil) != (c.op == audit.HeadRebuilt) || said != nil && said["tree_size"] == nil {
					t.Errorf("it says of the head that it was %v", said)
				}
				k.Fill(1)
				wantTree(t, k.Store)
			})
		})
	}
}

// openEntry is what an entry seals for one person.
func openEntry(t *testing.T, k *logkit.Kit, index int64) map[string]any {
	t.Helper()
	found, err := k.Store.EntriesFrom(k.Ctx, index, 1)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := audit.Decode(found[0].Leaf)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := k.Log.Reveal(k.Ctx, leaf, found[0])
	if err != nil || len(opened) != 1 {
		t.Fatal(opened, err)
	}
	return opened[0]
}

// Where entries are missing the log does not go on, until they are there again.
func TestTakeOverOfAGap(t *testing.T) {
	for name, alter := range map[string]string{
		"in the middle":        `DELETE FROM audit_entries WHERE idx = 7`,
		"at the end":           `DELETE FROM audit_entries WHERE idx = 11`,
		"all":                  `DELETE FROM audit_entries`,
		"before a made-up one": `UPDATE audit_entries SET idx = 4000 WHERE idx = 11`,
	} {
		t.Run(name, func(t *testing.T) {
			logkit.Databases(t, func(t *testing.T, k *logkit.Kit) {
				k.Fill(12)
				k.Save()
				k.Exec(`UPDATE audit_head SET mac = NULL`)
				k.Exec(alter)
				n := k.Count("audit_entries")
				if err := k.Log.TakeOver(k.Ctx, resume); model.CodeOf(err) != model.CodeLogAltered {
					t.Errorf("it was taken over: %v", err)
				}
				if k.Count("audit_entries") != n || k.Bytes(`SELECT mac FROM audit_head`) != nil {
					t.Error("something has changed")
				}
				k.Restore()
				if err := k.Log.TakeOver(k.Ctx, resume); err != nil {
					t.Error(err)
				}
				wantTree(t, k.Store)
			})
		})
	}
}

// disturbed is a store in which something happens once entries were read.
type disturbed struct {
	store.Store
	then func()
}

func (s *disturbed) StoredFrom(ctx context.Context, from, until int64, sealed bool) ([]store.Stored, error) {
	found, err := s.Store.StoredFrom(ctx, from, until, sealed)
	s.then()
	return found, err
}

// What is taken over is what was read, or nothing.
func TestTakeOverBesideOthers(t *testing.T) {
	for name, alter := range map[string]func(k *logkit.Kit){
		"the head moves":  func(k *logkit.Kit) { k.Exec(`UPDATE audit_head SET tree_size = 11`) },
		"an entry is put": func(k *logkit.Kit) { k.Exec(`INSERT INTO audit_entries (idx, leaf) VALUES (?, ?)`, 12, k.Leaf(3)) },
		"another takes it": func(k *logkit.Kit) {
			if err := k.Log.TakeOver(k.Ctx, resume); err != nil {
				k.T.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := logkit.SQLite(t)
			k.Fill(12)
			k.Exec(`UPDATE audit_head SET mac = NULL`)
			log, err := audit.Open(k.Ctx, &disturbed{k.Store, sync.OnceFunc(func() { alter(k) })}, k.Keys, k.KEK, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close(k.Ctx)
			if err := log.TakeOver(k.Ctx, resume); model.CodeOf(err) != model.CodeConflict {
				t.Errorf("it was taken over: %v", err)
			}
			if err := log.TakeOver(k.Ctx, resume); err != nil {
				t.Errorf("again: %v", err)
			}
			wantTree(t, k.Store)
		})
	}
}

// A database that was made anew beside the keystore of an earlier log takes entries;
// one whose head alone says that it is new does not.
func TestNewDatabaseOfAnEarlierLog(t *testing.T) {
	logkit.Databases(t, func(t *testing.T, k *logkit.Kit) {
		k.Fill(3)
		k.Exec(`UPDATE audit_head SET size = 0, tree_size = 0, frontier = NULL, mac = NULL`)
		for _, there := range []bool{true, false} {
			if !there {
				k.Exec(`DELETE FROM audit_entries`)
				k.Exec(`DELETE FROM audit_sealed`)
			}
			next, err := audit.Open(k.Ctx, k.Store, k.Keys, k.KEK, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			if err := next.Append(k.Ctx, entry); (err != nil) != there {
				t.Errorf("entries are there: %v; appended: %v", there, err)
			}
			next.Close(k.Ctx)
		}
		wantTree(t, k.Store)
	})
}
