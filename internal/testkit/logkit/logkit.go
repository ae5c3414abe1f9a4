// Package logkit fills logs for tests: entries of people, acts of two of them, and
// checkpoints and tiles like those of a service, on SQLite or PostgreSQL, whose rows
// may be altered behind its back.
package logkit

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/keyring"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// Origin is that of the checkpoints.
const Origin = "crm.example.com/v1/audit"

// Kit is a log.
type Kit struct {
	T      testing.TB
	Ctx    context.Context
	Store  store.Store
	Keys   store.Keystore
	KEK    *keyring.KEK
	Log    *audit.Log
	Signer note.Signer
	VKey   string

	db     *sql.DB // behind the store's back
	dollar bool
	offset time.Duration
	refs   map[string][]byte
	gone   map[string]bool // whom Erase has erased: their pseudonyms do not come again
}

// Tenants of the kit, and their refs.
var (
	Acme   = bytes.Repeat([]byte{0xac}, 16)
	Globex = bytes.Repeat([]byte{0x9b}, 16)
)

// SQLite makes a log in a directory of its own.
func SQLite(t testing.TB) *Kit {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rolegate.db")
	st, err := sqlstore.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, st, db, false)
}

// Postgres makes one in a database of its own.
func Postgres(t testing.TB) *Kit {
	t.Helper()
	url := pgtest.URL(t)
	st, err := sqlstore.OpenPostgres(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, st, db, true)
}

// Databases runs a test on both.
func Databases(t *testing.T, test func(t *testing.T, k *Kit)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

func start(t testing.TB, st store.Store, db *sql.DB, dollar bool) *Kit {
	t.Helper()
	k := &Kit{T: t, Store: st, db: db, dollar: dollar, refs: map[string][]byte{}, gone: map[string]bool{}}
	t.Cleanup(func() { db.Close(); st.Close() })
	testkit.Unguard(t, db)
	k.Ctx = reqctx.With(context.Background(), &reqctx.Request{TraceID: "trace-1", Address: "192.0.2.7", UserAgent: "curl/8"})
	for id, ref := range map[string][]byte{"acme": Acme, "globex": Globex} {
		k.must(st.InsertTenant(k.Ctx, model.Tenant{ID: id, Ref: ref, MFA: model.MFAEveryone, CreatedAt: time.Now()}))
	}
	dir := t.TempDir()
	keys, err := sqlstore.OpenKeystoreSQLite(k.Ctx, filepath.Join(dir, "keys.db"))
	k.must(err)
	t.Cleanup(func() { keys.Close() })
	kek, err := keyring.CreateFile(filepath.Join(dir, "master.key"))
	k.must(err)
	k.Keys, k.KEK = keys, kek
	k.Log, err = audit.Open(k.Ctx, st, keys, kek, func() time.Time { return time.Now().Add(k.offset) })
	k.must(err)
	t.Cleanup(func() { k.Log.Close(context.Background()) })
	skey, vkey, err := note.GenerateKey(rand.Reader, Origin)
	k.must(err)
	k.VKey = vkey
	k.Signer, err = note.NewSigner(skey)
	k.must(err)
	return k
}

func (k *Kit) must(err error) {
	k.T.Helper()
	if err != nil {
		k.T.Fatal(err)
	}
}

// Advance moves the log's clock.
func (k *Kit) Advance(d time.Duration) { k.offset += d }

// Append adds an entry and returns its index and leaf.
func (k *Kit) Append(e audit.Entry) (int64, audit.Leaf) {
	k.T.Helper()
	k.must(k.Log.Append(k.Ctx, e))
	return k.last()
}

func (k *Kit) last() (int64, audit.Leaf) {
	k.T.Helper()
	head, err := k.Store.Head(k.Ctx)
	k.must(err)
	leaves, err := k.Store.LeavesFrom(k.Ctx, head.Size-1, 1)
	k.must(err)
	l, err := audit.Decode(leaves[0])
	k.must(err)
	return head.Size - 1, l
}

// User is a person of a tenant who acts.
func User(tenant, id string) model.Caller {
	return model.Caller{Kind: model.CallerUser, Tenant: tenant, ID: id, Level: 2}
}

// Fill adds n decisions about persons c0 to c9, by ann and bob in turn, of acme and
// every third of globex.
func (k *Kit) Fill(n int) {
	k.T.Helper()
	var es []audit.Entry
	for i := range n {
		tenant, who := "acme", []string{"ann", "bob"}[i%2]
		if i%3 == 2 {
			tenant = "globex"
		}
		person := fmt.Sprint("customer:c", i%10)
		if k.gone[tenant+"/"+person] {
			person += "-again"
		}
		es = append(es, audit.Entry{Tenant: tenant, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow,
			Roles: []string{"sales"}, Object: "contact", Op: "read", Rule: "p:12", Revision: 7, Service: "crm", Age: 12,
			Caller: User(tenant, who), Person: person, Personal: map[string]any{"record": fmt.Sprint("contact:", i)}})
		if len(es) == 500 || i == n-1 {
			k.must(k.Log.Append(k.Ctx, es...))
			es = nil
		}
	}
}

// Ref is a person's pseudonym; asking for it is an entry.
func (k *Kit) Ref(tenant, person string) []byte {
	k.T.Helper()
	key := tenant + "/" + person
	if k.refs[key] == nil {
		_, l := k.Append(audit.Entry{Tenant: tenant, Class: audit.ClassAdmin, Activity: audit.UserRead, Outcome: audit.OutcomeOK,
			Caller: model.Caller{Kind: model.CallerSystem}, Person: person})
		k.refs[key] = l.Segments[0].Ref
	}
	return k.refs[key]
}

// Act adds an entry of somebody that holds an act.
func (k *Kit) Act(tenant, who string, a audit.Act, roles ...string) int64 {
	k.T.Helper()
	a.By = k.Ref(tenant, "user:"+who)
	i, _ := k.Append(audit.Entry{Tenant: tenant, Class: audit.ClassAdmin, Activity: "audit_act", Outcome: audit.OutcomeOK,
		Roles: roles, Level: 2, Age: 30, Caller: User(tenant, who), Act: &a})
	return i
}

// Request asks for an erasure.
func (k *Kit) Request(who string, s audit.Scope) int64 {
	return k.Act("acme", who, audit.Act{Kind: audit.EraseRequested, Digest: s.Digest(), Scope: &s})
}

// Approve approves a request of a scope.
func (k *Kit) Approve(who string, request int64, s audit.Scope) int64 {
	return k.Act("acme", who, audit.Act{Kind: audit.EraseApproved, Request: &request, Digest: s.Digest()}, model.AuditAdmin)
}

// Execute says that a scope was destroyed, under a request of a scope.
func (k *Kit) Execute(request int64, requested, s audit.Scope) int64 {
	k.T.Helper()
	i, _ := k.Append(audit.Entry{Tenant: "acme", Class: audit.ClassSystem, Activity: "audit_act", Outcome: audit.OutcomeOK,
		Caller: model.Caller{Kind: model.CallerSystem}, Act: &audit.Act{Kind: audit.EraseExecuted, Request: &request, Digest: requested.Digest(), Scope: &s}})
	return i
}

// Destroy deletes what is sealed for a pseudonym.
func (k *Kit) Destroy(ref []byte) {
	k.T.Helper()
	if k.Exec(`DELETE FROM audit_sealed WHERE ref = ?`, ref) == 0 {
		k.T.Fatal("there was nothing to destroy")
	}
}

// Erase erases a customer of acme as it ought to be done: ann asks, bob approves.
// It returns the index of the execution.
func (k *Kit) Erase(customer string) int64 {
	k.T.Helper()
	ref := k.Ref("acme", customer)
	s := audit.Scope{Refs: [][]byte{ref}}
	request := k.Request("ann", s)
	k.Approve("bob", request, s)
	i := k.Execute(request, s, s)
	k.Destroy(ref)
	k.gone["acme/"+customer] = true
	return i
}

// Exec alters the database behind the store's back: each ? is a parameter.
func (k *Kit) Exec(statement string, args ...any) int64 {
	k.T.Helper()
	if k.dollar {
		for n := 1; strings.Contains(statement, "?"); n++ {
			statement = strings.Replace(statement, "?", fmt.Sprint("$", n), 1)
		}
	}
	res, err := k.db.Exec(statement, args...)
	k.must(err)
	n, err := res.RowsAffected()
	k.must(err)
	return n
}

// Bytes reads a value behind the store's back.
func (k *Kit) Bytes(query string) (b []byte) {
	k.T.Helper()
	k.must(k.db.QueryRow(query).Scan(&b))
	return b
}

// Checkpoint stores a checkpoint over all there is, with the tiles of its tree, and
// returns it.
func (k *Kit) Checkpoint(cosigners ...note.Signer) []byte {
	k.T.Helper()
	return k.Checkpoints(0, cosigners...)
}

// Checkpoints is Checkpoint, with one after each so many entries before it; 0 for
// none.
func (k *Kit) Checkpoints(every int64, cosigners ...note.Signer) []byte {
	k.T.Helper()
	sign := func(f *tree.Frontier) []byte {
		signed := k.Sign(f.Size(), f.Root(), cosigners...)
		k.must(k.Store.InsertCheckpoint(k.Ctx, store.Checkpoint{Size: f.Size(), Note: signed, CreatedAt: time.Now()}))
		return signed
	}
	head, err := k.Store.Head(k.Ctx)
	k.must(err)
	leaves, err := k.Store.LeavesFrom(k.Ctx, 0, int(head.Size))
	k.must(err)
	f := tree.NewFrontier()
	hashes := map[int][]byte{}
	for _, leaf := range leaves {
		f.Append(tree.LeafHash(leaf), func(n tree.Node, hash []byte) {
			if n.Level%8 == 0 {
				hashes[int(n.Level)/8] = append(hashes[int(n.Level)/8], hash...)
			}
		})
		if every > 0 && f.Size()%every == 0 && f.Size() < head.Size {
			sign(f)
		}
	}
	var tiles []store.Tile
	const full = tree.TileWidth * tree.HashSize
	for level, b := range hashes {
		for n := range len(b) / full {
			tiles = append(tiles, store.Tile{Level: level, N: int64(n), Hashes: b[n*full : (n+1)*full]})
		}
	}
	k.must(k.Store.InsertTiles(k.Ctx, tiles))
	return sign(f)
}

// Sign signs a checkpoint.
func (k *Kit) Sign(size int64, root []byte, cosigners ...note.Signer) []byte {
	k.T.Helper()
	text := fmt.Sprintf("%s\n%d\n%s\n", k.Signer.Name(), size, base64.StdEncoding.EncodeToString(root))
	signed, err := note.Sign(&note.Note{Text: text}, append([]note.Signer{k.Signer}, cosigners...)...)
	k.must(err)
	return signed
}
