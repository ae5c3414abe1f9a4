package checkpoint_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"rolegate/internal/audit"
	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/audit/tree"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// fixture is a log with its databases. Publishers are made as replicas make them.
type fixture struct {
	testing.TB
	ctx   context.Context
	store store.Store
	keys  store.Keystore
	kek   *keyring.KEK
	log   *audit.Log
	path  string // of the SQLite database
	said  *bytes.Buffer
}

const origin = "gate.example.com/v1/audit"

func newFixture(t testing.TB, st store.Store, path string) *fixture {
	keys, err := sqlstore.OpenKeystoreSQLite(t.Context(), filepath.Join(t.TempDir(), "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	kek, err := keyring.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{TB: t, ctx: t.Context(), store: st, keys: keys, kek: kek, path: path, said: &bytes.Buffer{}}
	if f.log, err = audit.Open(f.ctx, st, keys, kek, time.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.log.Close(context.Background()), keys.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func newSQLite(t testing.TB) *fixture {
	path := filepath.Join(t.TempDir(), "rolegate.db")
	st, err := sqlstore.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return newFixture(t, st, path)
}

// databases runs a test on SQLite and on PostgreSQL.
func databases(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newSQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		st, err := sqlstore.OpenPostgres(t.Context(), pgtest.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		test(t, newFixture(t, st, ""))
	})
}

func (f *fixture) publisher() *checkpoint.Publisher { return f.publisherOn(f.store) }

func (f *fixture) publisherOn(st store.Store) *checkpoint.Publisher {
	return checkpoint.New(st, f.keys, f.kek, f.log, origin, time.Now, slog.New(slog.NewTextHandler(f.said, nil)))
}

// append adds entries.
func (f *fixture) append(n int) {
	f.Helper()
	entry := audit.Entry{Class: audit.ClassSystem, Activity: audit.Started, Outcome: audit.OutcomeOK, Caller: model.Caller{Kind: model.CallerSystem}}
	for n > 0 {
		entries := slices.Repeat([]audit.Entry{entry}, min(n, 1000))
		if err := f.log.Append(f.ctx, entries...); err != nil {
			f.Fatal(err)
		}
		n -= len(entries)
	}
}

func (f *fixture) publish(p *checkpoint.Publisher) checkpoint.Checkpoint {
	f.Helper()
	c, err := p.Publish(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	return c
}

// size is the log's.
func (f *fixture) size() int64 {
	f.Helper()
	n, err := f.store.LogSize(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	return n
}

// exec alters the SQLite database behind everybody's back.
func (f *fixture) exec(statement string, args ...any) {
	f.Helper()
	db, err := sql.Open("sqlite", "file:"+f.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	testkit.Unguard(f, db)
	if _, err := db.Exec(statement, args...); err != nil {
		f.Fatal(err)
	}
}

// auditor is somebody who has the key of the log, keeps each checkpoint, and
// believes nothing. All that it computes with is golang.org/x/mod.
type auditor struct {
	testing.TB
	known []tlog.Tree
	vkey  note.Verifiers
}

func (f *fixture) auditor(p *checkpoint.Publisher) *auditor {
	f.Helper()
	k, err := p.Key(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	v, err := note.NewVerifier(k.VKey)
	if err != nil {
		f.Fatal(err)
	}
	return &auditor{TB: f.TB, vkey: note.VerifierList(v)}
}

// open verifies a checkpoint's signature and reads it.
func (a *auditor) open(signed []byte) tlog.Tree {
	a.Helper()
	n, err := note.Open(signed, a.vkey)
	if err != nil {
		a.Fatalf("%v: %s", err, signed)
	}
	body, ok := strings.CutPrefix(n.Text, origin+"\n")
	tr, err := tlog.ParseTree([]byte("go.sum database tree\n" + body))
	if !ok || err != nil {
		a.Fatalf("%v: %s", err, signed)
	}
	return tr
}

// tiles reads a publisher's tiles as tlog wants them: it checks each one against
// the tree it is for.
type tiles struct {
	a *auditor
	p *checkpoint.Publisher
}

func (tiles) Height() int { return 8 }

func (r tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, t := range want {
		hashes, err := r.p.Tile(r.a.Context(), tree.Tile{Level: t.L, N: t.N, Width: t.W})
		if err != nil {
			return nil, err
		}
		out[i] = hashes
	}
	return out, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// sees verifies a checkpoint, and that its tree goes on from the next smaller one
// that was seen and is the beginning of the next larger one, and so of all: by tiles
// and by proofs of the publisher's.
func (a *auditor) sees(p *checkpoint.Publisher, signed []byte) tlog.Tree {
	a.Helper()
	now := a.open(signed)
	i, there := slices.BinarySearchFunc(a.known, now, func(was, now tlog.Tree) int { return cmp.Compare(was.N, now.N) })
	if there {
		if a.known[i] != now {
			a.Fatalf("two trees of %d entries", now.N)
		}
		return now
	}
	if i > 0 {
		a.begins(p, a.known[i-1], now)
	}
	if i < len(a.known) {
		a.begins(p, now, a.known[i])
	}
	a.known = slices.Insert(a.known, i, now)
	return now
}

func (a *auditor) begins(p *checkpoint.Publisher, small, large tlog.Tree) {
	a.Helper()
	proof, err := tlog.ProveTree(large.N, small.N, tlog.TileHashReader(large, tiles{a, p}))
	if err != nil {
		a.Fatalf("prove %d in %d: %v", small.N, large.N, err)
	}
	if err := tlog.CheckTree(proof, large.N, large.Hash, small.N, small.Hash); err != nil {
		a.Fatalf("the checkpoint of %d is no beginning of that of %d: %v", small.N, large.N, err)
	}
	c, err := p.Consistency(a.Context(), small.N, large.N)
	if err != nil {
		a.Fatal(err)
	}
	if !sameHashes(proof, c.Hashes) {
		a.Fatalf("consistency from %d to %d: %d hashes, want %d", small.N, large.N, len(c.Hashes), len(proof))
	}
}

func sameHashes(want []tlog.Hash, got [][]byte) bool {
	same := len(want) == len(got)
	for i := range want {
		same = same && bytes.Equal(want[i][:], got[i])
	}
	return same
}
