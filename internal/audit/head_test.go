package audit_test

import (
	"fmt"
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

// An operator's word has the log go on as it is stored, in an entry that says so.
func TestTakeOver(t *testing.T) {
	logkit.Databases(t, func(t *testing.T, k *logkit.Kit) {
		resume := audit.Entry{Class: audit.ClassBreakGlass, Activity: audit.LogResumed, Outcome: audit.OutcomeOK,
			Caller: model.Caller{Kind: model.CallerOperator, ID: "0@host"}}
		takeOver := func(op string) {
			t.Helper()
			if err := k.Log.TakeOver(k.Ctx, resume); err != nil {
				t.Fatal(err)
			}
			leaves, err := k.Store.LeavesFrom(k.Ctx, k.Count("audit_entries")-1, 1)
			if err != nil {
				t.Fatal(err)
			}
			if leaf, err := audit.Decode(leaves[0]); err != nil || leaf.Activity != audit.LogResumed || leaf.Op != op {
				t.Errorf("the entry is %+v, %v", leaf, err)
			}
			k.Fill(1)
			wantTree(t, k.Store)
		}
		k.Fill(12)
		takeOver("")
		k.PutIn(3)
		takeOver(audit.HeadTakenOver)
		k.Exec(`UPDATE audit_head SET size = size - 1`)
		if err := k.Log.TakeOver(k.Ctx, resume); model.CodeOf(err) != model.CodeAuditUnavailable {
			t.Errorf("a head that does not agree with itself was taken over: %v", err)
		}
	})
}
