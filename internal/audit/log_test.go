package audit_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/keyring"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

type fixture struct {
	store store.Store
	keys  store.Keystore
	kek   *keyring.KEK
	log   *audit.Log
	ctx   context.Context
}

// stores runs a test with a store on SQLite and on PostgreSQL; another opens the
// same database again, as another process would.
func stores(t *testing.T, test func(t *testing.T, st store.Store, another func() store.Store)) {
	run := func(t *testing.T, open func() (store.Store, error)) {
		opened := func() store.Store {
			st, err := open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { st.Close() })
			return st
		}
		test(t, opened(), opened)
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "rolegate.db")
		run(t, func() (store.Store, error) { return sqlstore.OpenSQLite(t.Context(), path) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		run(t, func() (store.Store, error) { return sqlstore.OpenPostgres(t.Context(), url) })
	})
}

// databases runs a test on both databases, with one tenant "acme".
func databases(t *testing.T, test func(t *testing.T, f *fixture)) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) { test(t, newFixture(t, st)) })
}

func newFixture(t testing.TB, st store.Store) *fixture {
	t.Helper()
	keys, err := sqlstore.OpenKeystoreSQLite(t.Context(), filepath.Join(t.TempDir(), "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	kek, err := keyring.CreateFile(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := reqctx.With(context.Background(), &reqctx.Request{TraceID: "trace-1", Address: "192.0.2.7", UserAgent: "curl/8"})
	log, err := audit.Open(ctx, st, keys, kek, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close(context.Background()) })
	err = st.InsertTenant(ctx, model.Tenant{ID: "acme", Ref: bytes.Repeat([]byte{7}, 16), MFA: model.MFAEveryone, CreatedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{st, keys, kek, log, ctx}
}

var entry = audit.Entry{
	Tenant: "acme", Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow, Code: model.ReasonAllowed,
	Roles: []string{"role:sales-rep"}, Object: "contact", Op: "read", Rule: "p:3", Revision: 5, Service: "crm", Level: 2, Age: 40,
	Caller: model.Caller{Kind: model.CallerClient, ID: "crm"}, Person: "user:alice.secret",
	Personal: map[string]any{"subject": "user:alice.secret", "resource": "contact:4711-secret"},
}

func TestAppend(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		leaf := audittest.One(t, f.store, func() {
			if err := f.log.Append(f.ctx, entry); err != nil {
				t.Fatal(err)
			}
		})
		if leaf.Request != "trace-1" || leaf.Code != model.ReasonAllowed || leaf.Object != "contact" || leaf.Rule != "p:3" ||
			leaf.Service != "crm" || leaf.Level != 2 || !bytes.Equal(leaf.Tenant, bytes.Repeat([]byte{7}, 16)) || leaf.Time == 0 {
			t.Errorf("leaf: %+v", leaf)
		}
		personal, err := audittest.Unseal(f.ctx, f.log, leaf, entry.Person)
		if err != nil {
			t.Fatal(err)
		}
		if personal["resource"] != "contact:4711-secret" || personal["address"] != "192.0.2.7" || personal["person"] != entry.Person {
			t.Errorf("sealed: %v", personal)
		}
		if _, err := audittest.Unseal(f.ctx, f.log, leaf, "user:bob"); err == nil {
			t.Error("another person's key opens the segment")
		}
		leaf.Row.Sealed[0].Ciphertext[3] ^= 1
		if _, err := audittest.Unseal(f.ctx, f.log, leaf, entry.Person); err == nil {
			t.Error("an altered segment opens")
		}
	})
}

// No name, id of a person or record, address or agent stands in a leaf, nor
// anywhere in clear text beside it.
func TestNothingPersonalInTheClear(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		if err := f.log.Append(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
		rows, err := f.store.EntriesFrom(f.ctx, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var stored []byte
		stored = append(stored, rows[0].Leaf...)
		for _, s := range rows[0].Sealed {
			stored = append(stored, bytes.Join([][]byte{s.Ref, s.Salt, s.Commitment, s.Ciphertext}, nil)...)
		}
		for _, secret := range []string{"alice", "4711", "192.0.2.7", "curl"} {
			if bytes.Contains(stored, []byte(secret)) {
				t.Errorf("%q is stored in the clear", secret)
			}
		}
	})
}

// An entry and the change it records exist together or not at all.
func TestAppendInSharesTheFate(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		boom := errors.New("boom")
		req := &reqctx.Request{}
		ctx := reqctx.With(f.ctx, req)
		refused := audit.Entry{Tenant: "acme", Class: audit.ClassLogin, Activity: audit.OTPFailed, Outcome: audit.OutcomeDeny, Caller: entry.Caller}
		change := func(end error) error {
			return f.store.InTx(ctx, func(tx store.Tx) error {
				if err := tx.PutTeam(ctx, "acme", model.Team{ID: "emea"}); err != nil {
					return err
				}
				if err := f.log.AppendIn(ctx, tx, refused); err != nil {
					return err
				}
				return end
			})
		}
		if err := change(boom); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if req.Failed() { // then the failure would have no entry at all
			t.Error("the request counts as failed in the log, and the entry is gone")
		}
		if n, err := f.store.LogSize(f.ctx); err != nil || n != 0 {
			t.Errorf("%d entries of a change that was rolled back (%v)", n, err)
		}
		if err := change(nil); err != nil || !req.Failed() {
			t.Errorf("committed: %v, failed in the log: %v", err, req.Failed())
		}
	})
}

// A request knows that the log says of it that it failed, and no other entry is taken
// for that: neither what it did before nor a decision that is a no.
func TestWhatSaysThatARequestFailed(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		for _, c := range []struct {
			class    audit.Class
			activity audit.Activity
			outcome  audit.Outcome
			code     model.Code
			failed   bool
		}{
			{audit.ClassAdmin, audit.PolicyRead, audit.OutcomeOK, "", false},
			{audit.ClassLogin, audit.TokenRefreshed, audit.OutcomeOK, "", false},
			{audit.ClassLogin, audit.OTPFailed, audit.OutcomeDeny, "", true},
			{audit.ClassAdmin, audit.RequestFailed, audit.OutcomeDeny, "", true},
			{audit.ClassDecision, audit.RequestFailed, audit.OutcomeDeny, "", true},
			{audit.ClassDecision, audit.Evaluated, audit.OutcomeAllow, "", false},
			{audit.ClassDecision, audit.Evaluated, audit.OutcomeDeny, "", false},
			{audit.ClassDecision, audit.Evaluated, audit.OutcomeDeny, model.CodeInternal, true},
			{audit.ClassDecision, audit.Evaluated, audit.OutcomeError, "", true},
		} {
			e := audit.Entry{Tenant: "acme", Class: c.class, Activity: c.activity, Outcome: c.outcome, Code: c.code, Revision: entry.Revision, Caller: entry.Caller}
			for how, log := range map[string]func(ctx context.Context) error{
				"alone":      func(ctx context.Context) error { return f.log.Append(ctx, e) },
				"a refusal":  func(ctx context.Context) error { return f.log.AppendRefusal(ctx, e) },
				"in company": func(ctx context.Context) error { return f.log.Append(ctx, e, entry) },
				"a decision": func(ctx context.Context) error { return f.log.AppendDecision(ctx, e) },
			} {
				req := &reqctx.Request{}
				if err := log(reqctx.With(f.ctx, req)); err != nil {
					t.Fatal(err)
				}
				if req.Failed() != c.failed {
					t.Errorf("%s %s, %s: failed is %v", c.activity, c.outcome, how, req.Failed())
				}
			}
		}
	})
}

// When the record cannot be written, by whatever fault, the caller is told so.
func TestUnavailable(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.keys.Close()
		if err := f.log.Append(f.ctx, entry); model.CodeOf(err) != model.CodeAuditUnavailable {
			t.Errorf("without a keystore: %v", err)
		}
		f.store.Close()
		began := time.Now()
		if err := f.log.Append(f.ctx, entry); model.CodeOf(err) != model.CodeAuditUnavailable {
			t.Errorf("without a store: %v", err)
		}
		if took := time.Since(began); took > 2*audit.Timeout {
			t.Errorf("refused after %v", took)
		}
	})
}

func TestConcurrentAppendsLeaveNoGap(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		second, err := audit.Open(f.ctx, f.store, f.keys, f.kek, time.Now) // as another process would
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close(f.ctx)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				log := f.log
				if i%2 == 1 {
					log = second
				}
				for range 10 {
					if err := log.Append(f.ctx, entry); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		rows, err := f.store.EntriesFrom(f.ctx, 0, 1000)
		if err != nil || len(rows) != 80 {
			t.Errorf("%d entries, want 80 (%v)", len(rows), err)
		}
		refs := map[string]bool{}
		for _, r := range rows {
			refs[string(r.Sealed[0].Ref)] = true
		}
		if len(refs) != 1 {
			t.Errorf("one person has %d pseudonyms", len(refs))
		}
	})
}

// A keystore of another key-encryption key stops the start.
func TestWrongKey(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	other, err := keyring.CreateFile(filepath.Join(t.TempDir(), "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(f.ctx, f.store, f.keys, other, time.Now); model.CodeOf(err) != model.CodeKeyWrong {
		t.Errorf("got %v", err)
	}
}

func mustSQLite(t testing.TB) store.Store {
	t.Helper()
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "rolegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// What a caller can make us store of one value is bounded.
func TestLongValuesAreClipped(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	e := entry
	e.Personal = map[string]any{"username": strings.Repeat("x", 1<<20) + "\r\n\x1b[31m"}
	if err := f.log.Append(f.ctx, e); err != nil {
		t.Fatal(err)
	}
	rows, err := f.store.EntriesFrom(f.ctx, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rows[0].Sealed[0].Ciphertext); n > 2048 {
		t.Errorf("%d bytes are stored of one name", n)
	}
}

func TestDecodeRefusesUnknownFields(t *testing.T) {
	bad, err := cbor.Marshal(map[int]any{1: 1, 2: 3, 99: "user:alice"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Decode(bad); err == nil {
		t.Error("a leaf with an unknown field is accepted")
	}
}

// Each person in an entry has a segment of their own, under their own key.
func TestOneSegmentAPerson(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	e := entry
	e.Caller = model.Caller{Kind: model.CallerOperator, ID: "0@host"}
	e.Others = []audit.Part{{Person: "user:bob", Personal: map[string]any{"resource": "contact:4712"}}}
	if err := f.log.Append(f.ctx, e); err != nil {
		t.Fatal(err)
	}
	leaf := audittest.From(t, f.store, 0)[0]
	for person, wants := range map[string]map[string]any{
		"user:alice.secret": {"resource": "contact:4711-secret", "caller": nil, "address": nil},
		"operator:0@host":   {"caller": "operator:0@host", "address": "192.0.2.7", "resource": nil},
		"user:bob":          {"resource": "contact:4712", "address": nil},
	} {
		personal, err := audittest.Unseal(f.ctx, f.log, leaf, person)
		if err != nil {
			t.Errorf("%s: %v", person, err)
			continue
		}
		for k, want := range wants {
			if personal[k] != want {
				t.Errorf("%s: %s is %v, want %v", person, k, personal[k], want)
			}
		}
	}
	if _, err := audittest.Unseal(f.ctx, f.log, leaf, "user:carol"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing is sealed for carol: %v", err)
	}
}
