package search_test

import (
	"bytes"
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/audit/search"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// fixture is a log of two tenants whose entries a test writes as it likes, and
// remembers.
type fixture struct {
	t      testing.TB
	ctx    context.Context
	store  store.Store
	keys   store.Keystore
	log    *audit.Log
	search *search.Search
	now    time.Time
	refs   map[string][]byte // pseudonyms, by tenant and person
	wrote  []written

	driver, source string // of the log's database
	keysFile       string
}

// written is an entry and what no leaf says of it.
type written struct {
	leaf    audit.Leaf
	persons []string
	records []string
}

var (
	acme     = bytes.Repeat([]byte{7}, 16)
	beta     = bytes.Repeat([]byte{8}, 16)
	people   = []string{"user:ann", "user:bob", "contact:1"}
	nowhere  = []byte(nil) // the ref of entries without a tenant
	tenants  = [][]byte{acme, beta, nowhere}
	tenantID = map[string]string{string(acme): "acme", string(beta): "beta", "": ""}
	begin    = time.Date(2026, 9, 30, 23, 0, 0, 0, time.UTC)
	months   = []string{"2026-09", "2026-10", "2026-11"}
	classes  = []audit.Class{audit.ClassDecision, audit.ClassAdmin}
)

// databases runs a test on both.
func databases(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "rolegate.db")
		st, err := sqlstore.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		f := newFixture(t, st)
		f.driver, f.source = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
		test(t, f)
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		st, err := sqlstore.OpenPostgres(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		f := newFixture(t, st)
		f.driver, f.source = "pgx", url
		test(t, f)
	})
}

// newFixture makes the keys of all people, tenants, classes and months there may be.
func newFixture(t testing.TB, st store.Store) *fixture {
	t.Helper()
	keysFile := filepath.Join(t.TempDir(), "keys.db")
	keys, err := sqlstore.OpenKeystoreSQLite(t.Context(), keysFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	kek, err := keyring.CreateFile(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, ctx: context.Background(), store: st, keys: keys, now: begin, refs: map[string][]byte{}, keysFile: keysFile}
	if f.log, err = audit.Open(f.ctx, st, keys, kek, func() time.Time { return f.now }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.log.Close(context.Background()) })
	f.search = &search.Search{Store: st, Log: f.log}
	for _, ref := range tenants[:2] {
		if err := st.InsertTenant(f.ctx, model.Tenant{ID: tenantID[string(ref)], Ref: ref, MFA: model.MFAEveryone, CreatedAt: begin}); err != nil {
			t.Fatal(err)
		}
	}
	for _, month := range months {
		if f.now, err = time.Parse("2006-01-02", month+"-15"); err != nil {
			t.Fatal(err)
		}
		for _, class := range classes {
			for _, ref := range tenants {
				for _, person := range people {
					f.must(f.log.Append(f.ctx, audit.Entry{Tenant: tenantID[string(ref)], Class: class, Activity: "first", Outcome: audit.OutcomeOK, Person: person}))
				}
			}
		}
	}
	stored, err := st.LeavesFrom(f.ctx, 0, 1000)
	f.must(err)
	for i, b := range stored {
		leaf, err := audit.Decode(b)
		f.must(err)
		person := people[i%len(people)]
		f.refs[string(leaf.Tenant)+person] = leaf.Segments[0].Ref
		f.wrote = append(f.wrote, written{leaf: leaf, persons: []string{person}})
	}
	return f
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

var deterministic = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// write appends entries as they are given, beside the log.
func (f *fixture) write(entries ...written) {
	f.t.Helper()
	rows := make([]store.Entry, len(entries))
	for i, w := range entries {
		leaf := w.leaf
		for _, person := range w.persons {
			s := store.Segment{Ref: f.refs[string(leaf.Tenant)+person], Salt: []byte{1}, Commitment: []byte{2}, Ciphertext: []byte{3}}
			rows[i].Sealed = append(rows[i].Sealed, s)
			leaf.Segments = append(leaf.Segments, audit.SegRef{Ref: s.Ref, Epoch: string(leaf.Class) + "/2026-11", Sum: make([]byte, 32)})
		}
		for _, record := range w.records {
			tag, err := f.log.Tag(f.ctx, leaf.Tenant, leaf.Class, time.UnixMicro(leaf.Time).UTC().Format("2006-01"), record)
			f.must(err)
			if !slices.ContainsFunc(rows[i].Tags, func(t []byte) bool { return bytes.Equal(t, tag) }) {
				rows[i].Tags = append(rows[i].Tags, tag)
			}
		}
		if leaf.Source == nil {
			leaf.Version, leaf.Actor, leaf.Source, leaf.Seq = 1, "client", make([]byte, 8), int64(i+1)
		}
		b, err := deterministic.Marshal(leaf)
		f.must(err)
		rows[i].Leaf = b
	}
	audittest.Put(f.t, f.store, f.log, rows)
	f.wrote = append(f.wrote, entries...)
}

// summarize writes all summaries that are due.
func (f *fixture) summarize() {
	f.t.Helper()
	for more := true; more; {
		var err error
		more, err = f.search.Summarize(f.ctx)
		f.must(err)
	}
}

// find gives the indices of all pages.
func (f *fixture) find(filter search.Filter, o search.Order, limit int) (found []int64) {
	f.t.Helper()
	var after *search.Cursor
	for {
		p, err := f.search.Find(f.ctx, filter, o, limit, after)
		f.must(err)
		if len(p.Entries) > limit || p.Early && len(p.Entries) == limit || p.Early && p.Next == nil {
			f.t.Fatalf("a page of %d of %d, %+v", len(p.Entries), limit, p)
		}
		for _, e := range p.Entries {
			found = append(found, e.Index)
		}
		if p.Next == nil {
			return found
		}
		if after != nil && *after == *p.Next {
			f.t.Fatalf("a page leads to itself: %v", after)
		}
		after = p.Next
	}
}

// exec alters the log's database, execKeys the keystore, as an erasure would.
func (f *fixture) exec(statement string, args ...any) {
	f.t.Helper()
	f.alter(f.driver, f.source, statement, args...)
}

func (f *fixture) execKeys(statement string, args ...any) {
	f.t.Helper()
	f.alter("sqlite", "file:"+f.keysFile+"?_pragma=busy_timeout(5000)", statement, args...)
}

func (f *fixture) alter(driver, source, statement string, args ...any) {
	f.t.Helper()
	db, err := sql.Open(driver, source)
	f.must(err)
	defer db.Close()
	testkit.Unguard(f.t, db)
	_, err = db.Exec(statement, args...)
	f.must(err)
}
