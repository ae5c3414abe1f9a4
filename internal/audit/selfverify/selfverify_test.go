package selfverify_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/audit/selfverify"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/logkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// fixture is a log whose database can be altered behind everybody's back.
type fixture struct {
	testing.TB
	store store.Store
	keys  store.Keystore
	log   *audit.Log
	raw   *sql.DB

	mu   sync.Mutex
	said bytes.Buffer
	now  time.Time
}

func (f *fixture) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.said.Write(p)
}

func (f *fixture) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func (f *fixture) hasSaid(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Contains(f.said.String(), what)
}

// databases runs a test on SQLite and on PostgreSQL.
func databases(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteFixture(t)) })
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		st, err := sqlstore.OpenPostgres(t.Context(), url)
		test(t, newFixture(t, st, err, "pgx", url))
	})
}

func sqliteFixture(t testing.TB) *fixture {
	path := filepath.Join(t.TempDir(), "rolegate.db")
	st, err := sqlstore.OpenSQLite(t.Context(), path)
	return newFixture(t, st, err, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
}

func newFixture(t testing.TB, st store.Store, err error, driver, name string) *fixture {
	if err != nil {
		t.Fatal(err)
	}
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
	f := &fixture{TB: t, store: st, keys: keys, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	if f.raw, err = sql.Open(driver, name); err != nil {
		t.Fatal(err)
	}
	testkit.Unguard(t, f.raw)
	if f.log, err = audit.Open(t.Context(), st, keys, kek, f.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.log.Close(context.Background()), f.raw.Close(), keys.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) exec(statement string) {
	f.Helper()
	if r, err := f.raw.Exec(statement); err != nil {
		f.Fatal(err)
	} else if n, err := r.RowsAffected(); err != nil || n == 0 {
		f.Fatalf("%s: %d rows, %v", statement, n, err)
	}
}

func (f *fixture) append(n int) {
	f.Helper()
	for i := range n {
		err := f.log.Append(f.Context(), audit.Entry{Class: audit.ClassLogin, Activity: audit.LoginSucceeded, Outcome: audit.OutcomeOK,
			Person: fmt.Sprint("user:", i), Personal: map[string]any{"n": i}, Caller: model.Caller{Kind: model.CallerAnonymous}})
		if err != nil {
			f.Fatal(err)
		}
	}
}

// verifier is that of a replica, with its metrics.
func (f *fixture) verifier(o selfverify.Options) (*selfverify.Verifier, *prometheus.Registry) {
	o.Store, o.Keys, o.Log, o.Now, o.Logger = f.store, f.keys, f.log, f.Now, slog.New(slog.NewTextHandler(f, nil))
	if o.Every == 0 {
		o.Every = 24 * time.Hour
	}
	v, reg := selfverify.New(o), prometheus.NewRegistry()
	v.Elapse(func() time.Duration { return 0 })
	v.Register(reg)
	return v, reg
}

// verify asks for a pass and wants an answer.
func (f *fixture) verify(v *selfverify.Verifier) *selfverify.Pass {
	f.Helper()
	a, err := v.Ask(f.Context(), operator, time.Minute)
	if err != nil || a.Pass == nil {
		f.Fatalf("%+v, %v", a, err)
	}
	return a.Pass
}

var operator = model.Caller{Kind: model.CallerOperator, ID: "0@host"}

// entries are those that passes have left.
func (f *fixture) entries() (found []audit.Leaf) {
	f.Helper()
	rows, err := f.store.EntriesFrom(f.Context(), 0, 10_000)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range rows {
		leaf, err := audit.Decode(r.Leaf)
		if err == nil && leaf.Activity == audit.LogVerified {
			found = append(found, leaf)
		}
	}
	return found
}

func (f *fixture) last() audit.Leaf {
	f.Helper()
	found := f.entries()
	if len(found) == 0 {
		f.Fatal("no pass has left an entry")
	}
	return found[len(found)-1]
}

func value(t testing.TB, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families {
		if m.GetName() == name {
			return m.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// failures are those of each kind.
func failures(t testing.TB, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, family := range families {
		if family.GetName() == "rolegate_audit_verify_failures_total" {
			for _, m := range family.GetMetric() {
				found = append(found, fmt.Sprint(m.GetLabel()[0].GetValue(), " ", m.GetCounter().GetValue()))
			}
		}
	}
	return strings.Join(found, " ")
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in half a minute: %s", what)
		}
	}
}

// What a pass finds is in its entry, the metrics, the service's log and readiness; and
// answers go on.
func TestAlteredLogIsFound(t *testing.T) {
	for name, alter := range map[string]string{
		"an entry is altered":   `UPDATE audit_entries SET leaf = (SELECT leaf FROM audit_entries WHERE idx = 4) WHERE idx = 3`,
		"an entry is gone":      `DELETE FROM audit_entries WHERE idx = 3`,
		"sealed data is gone":   `DELETE FROM audit_sealed WHERE idx = 3`,
		"sealed data is others": `UPDATE audit_sealed SET ct = (SELECT ct FROM audit_sealed WHERE idx = 4) WHERE idx = 3`,
	} {
		t.Run(name, func(t *testing.T) {
			databases(t, func(t *testing.T, f *fixture) {
				f.append(8)
				v, reg := f.verifier(selfverify.Options{})
				if p := f.verify(v); p.Failed() || p.Report.Size != 8 {
					t.Fatalf("before: %+v", p.Report)
				}
				if e := f.last(); e.Outcome != audit.OutcomeOK || e.Count != 8 || e.Actor != string(model.CallerOperator) || len(e.Segments) != 1 {
					t.Errorf("its entry is %+v", e)
				}
				good := float64(f.Now().Unix())
				if at := value(t, reg, "rolegate_audit_verify_success_timestamp_seconds"); at != good {
					t.Errorf("the last success is of %v, want %v", at, good)
				}

				f.exec(alter)
				f.advance(time.Hour)
				p := f.verify(v)
				if !p.Failed() || !strings.Contains(fmt.Sprint(v.State().Findings), "entry 3") {
					t.Fatalf("not found: %+v", p.Report)
				}
				if e := f.last(); e.Outcome != audit.OutcomeError || e.Code != model.CodeLogAltered {
					t.Errorf("its entry is %+v", e)
				}
				if at := value(t, reg, "rolegate_audit_verify_success_timestamp_seconds"); at != good {
					t.Errorf("the last success is of %v, want %v", at, good)
				}
				if value(t, reg, "rolegate_audit_verify_failed") != 1 {
					t.Error("the metric does not say so")
				}
				if n := failures(t, reg); n != "diverged 0 malformed 0 tampered 1 unreadable 0" {
					t.Errorf("failures by kind: %s", n)
				}
				if !f.hasSaid("THE LOG DOES NOT VERIFY") || !f.hasSaid("entry 3") {
					t.Error("the service's log does not say so")
				}
				if s := v.State(); !s.Failed || len(s.Findings) == 0 || s.GoodAt.Unix() != int64(good) {
					t.Errorf("state %+v", s)
				}
				f.append(1)

				// Whoever altered the log finds nothing there of passes, and a process
				// that comes later knows what was found.
				later, _ := f.verifier(selfverify.Options{})
				if err := later.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
				if s := later.State(); !s.Failed || !s.At.Equal(p.Ended) || s.GoodAt.Unix() != int64(good) {
					t.Errorf("a later process knows %+v", s)
				}
			})
		})
	}
}

// An entry that was put in at the end by hand is found, though nothing can be recorded
// of it any more, and an operator's word ends that.
func TestEntryPutInIsFound(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(10)
	said := &strings.Builder{}
	v := selfverify.New(selfverify.Options{Store: k.Store, Keys: k.Keys, Log: k.Log, Every: time.Hour, Now: time.Now, Logger: slog.New(slog.NewTextHandler(said, nil))})
	ask := func() *selfverify.Pass {
		t.Helper()
		a, err := v.Ask(t.Context(), operator, time.Minute)
		if err != nil || a.Pass == nil {
			t.Fatal(a, err)
		}
		return a.Pass
	}
	if p := ask(); p.Failed() {
		t.Fatalf("before: %+v", p.Report.Faults)
	}
	k.PutIn(0)
	p := ask()
	if !p.Failed() || !strings.Contains(fmt.Sprint(p.Report.Faults), "MAC") || !v.State().Failed {
		t.Errorf("%+v", p.Report.Faults)
	}
	if !strings.Contains(said.String(), "THE LOG DOES NOT VERIFY") {
		t.Error("the service's log does not say so")
	}
	err := k.Log.TakeOver(t.Context(), audit.Entry{Class: audit.ClassBreakGlass, Activity: audit.LogResumed, Outcome: audit.OutcomeOK, Caller: operator})
	if err != nil {
		t.Fatal(err)
	}
	if faults := fmt.Sprint(ask().Report.Faults); strings.Contains(faults, "MAC") {
		t.Errorf("after it was taken over: %s", faults)
	}
}

// What a head without its MAC says is not needed to find it: a pass ends, and the head
// is what it names first.
func TestAlteredHeadIsFound(t *testing.T) {
	for name, c := range map[string]struct{ alter, also string }{
		"its frontier is another":       {`UPDATE audit_head SET frontier = zeroblob(length(frontier))`, "the tree over all entries"},
		"its frontier is none":          {`UPDATE audit_head SET frontier = x'00'`, "no tree"},
		"its tree is beyond its end":    {`UPDATE audit_head SET tree_size = 2 * size, frontier = frontier`, "no tree"},
		"its size is beyond all bounds": {`UPDATE audit_head SET size = 4000000000000000000`, "entry 10 on there is nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			k := logkit.SQLite(t)
			k.Fill(10)
			v := selfverify.New(selfverify.Options{Store: k.Store, Keys: k.Keys, Log: k.Log, Every: time.Hour, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
			k.Exec(c.alter)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			a, err := v.Ask(ctx, operator, time.Minute)
			if err != nil || a.Pass == nil {
				t.Fatal(a, err)
			}
			faults := a.Pass.Report.Faults
			if !v.State().Failed || len(faults) < 2 || !strings.Contains(faults[0].What, "MAC") || !strings.Contains(faults[1].What, c.also) {
				t.Errorf("%+v", faults)
			}
		})
	}
}

// A scheduled pass comes when it is due, and once for all replicas; what one finds
// the others say, too, also those that come later.
func TestOneReplicaVerifiesForAll(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.append(4)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		var all []*selfverify.Verifier
		for range 3 {
			v, _ := f.verifier(selfverify.Options{Every: 100 * time.Millisecond})
			all = append(all, v)
			running.Go(func() { v.Run(ctx) })
		}
		known := func(failed bool) func() bool {
			return func() bool {
				for _, v := range all {
					if s := v.State(); s.At.IsZero() || s.Failed != failed {
						return false
					}
				}
				return true
			}
		}
		eventually(t, "all replicas know of the first pass", known(false))
		if n := len(f.entries()); n != 1 {
			t.Errorf("%d passes, while the clock stands still", n)
		}

		f.exec(`DELETE FROM audit_sealed WHERE idx = 2`)
		f.advance(time.Second)
		eventually(t, "all replicas know what was found", known(true))
		if n := len(f.entries()); n != 2 {
			t.Errorf("%d passes, where two were due", n)
		}
		later, reg := f.verifier(selfverify.Options{Every: time.Hour})
		running.Go(func() { later.Run(ctx) })
		eventually(t, "one that comes later shows it", func() bool { return value(t, reg, "rolegate_audit_verify_failed") == 1 })

		// The clock is set back: what is due must not wait until it has caught up.
		f.advance(-1000 * time.Hour)
		eventually(t, "a pass after the clock was set back", func() bool { return len(f.entries()) >= 3 })
	})
}

// A log that is put right verifies again, and nothing is said of it any more.
func TestMendedLog(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.append(4)
		v, reg := f.verifier(selfverify.Options{})
		f.schema(`CREATE TABLE backup_of AS SELECT * FROM audit_sealed WHERE idx = 2`)
		f.exec(`DELETE FROM audit_sealed WHERE idx = 2`)
		if !f.verify(v).Failed() {
			t.Fatal("not found")
		}
		f.exec(`INSERT INTO audit_sealed SELECT * FROM backup_of`)
		f.advance(time.Minute)
		if p := f.verify(v); p.Failed() || v.State().Failed || value(t, reg, "rolegate_audit_verify_failed") != 0 {
			t.Errorf("%+v", p.Report)
		}
	})
}

// What people have answered for is no alarm any more, until there is something else.
func TestAcceptedFindings(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.append(6)
		var kept []byte
		v, reg := f.verifier(selfverify.Options{Accepted: func(context.Context) ([]byte, error) { return kept, nil }})
		keep := func(_ context.Context, b []byte) error { kept = b; return nil }
		f.exec(`DELETE FROM audit_sealed WHERE idx = 2`)
		p := f.verify(v)
		if !p.Failed() {
			t.Fatal("not found")
		}
		if err := v.Accept(t.Context(), operator, selfverify.AcceptanceOf(p.Report), "", keep); model.CodeOf(err) != model.CodeReasonRequired || kept != nil {
			t.Errorf("without a reason: %v", err)
		}
		if err := v.Accept(t.Context(), operator, selfverify.AcceptanceOf(p.Report), "the disk of the 3rd", keep); err != nil {
			t.Fatal(err)
		}
		f.advance(time.Minute)
		if p := f.verify(v); p.Failed() || !p.Accepted || v.State().Failed || value(t, reg, "rolegate_audit_verify_failed") != 0 {
			t.Errorf("accepted: %+v", p)
		}
		if e := f.last(); e.Outcome != audit.OutcomeOK || e.Code != model.CodeLogAltered {
			t.Errorf("its entry is %+v", e)
		}
		f.exec(`DELETE FROM audit_sealed WHERE idx = 4`)
		f.advance(time.Minute)
		if p := f.verify(v); !p.Failed() || value(t, reg, "rolegate_audit_verify_failed") != 1 {
			t.Errorf("something else: %+v", p)
		}
	})
}

// What was found once and answered for hides nothing behind it, though it be an act
// that cannot be read.
func TestAcceptedActHidesNothing(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	old(k)
	executed := k.Erase("customer:c3")
	k.Unread(executed)
	var kept []byte
	verify := passes(t, k, nil, &kept)
	p := verify()
	if !p.Failed() || p.Report.Partial {
		t.Fatalf("%+v", p.Report)
	}
	kept = acceptance(t, p)
	if p := verify(); p.Failed() {
		t.Fatalf("accepted: %+v", p.Report.Faults)
	}
	k.Exec(`DELETE FROM audit_sealed WHERE idx = 9`)
	if !verify().Failed() {
		t.Error("what was altered later passes as accepted")
	}
}

// Digests are of all findings, of those too that are more than a report lists; and of
// a log whose end was cut off they are the same when it has grown.
func TestDigest(t *testing.T) {
	digest := func(f *fixture) []byte {
		t.Helper()
		v, _ := f.verifier(selfverify.Options{})
		p := f.verify(v)
		if !p.Failed() {
			t.Fatal("not found")
		}
		return selfverify.Digest(p.Report)
	}
	f := sqliteFixture(t)
	f.append(130)
	f.exec(`DELETE FROM audit_sealed WHERE idx < 119`)
	one := digest(f)
	if again := digest(f); !bytes.Equal(one, again) {
		t.Error("of the same findings another digest")
	}
	f.exec(`UPDATE audit_sealed SET ct = x'00' WHERE idx = 127`)
	two := digest(f)
	f.exec(`DELETE FROM audit_sealed WHERE idx = 127`)
	if three := digest(f); bytes.Equal(one, two) || bytes.Equal(two, three) {
		t.Error("a finding that is not listed is not in the digest")
	}
	g := sqliteFixture(t)
	g.append(5)
	g.exec(`INSERT INTO audit_checkpoints (size, note, created_at) VALUES (5000, x'00', 0)`)
	if one := digest(g); !bytes.Equal(one, digest(g)) {
		t.Error("the end that was cut off is another finding when the log has grown")
	}
}

// A log that cannot be read is no log that is in order, and none that was altered.
func TestUnreadableLog(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.append(2)
		v, reg := f.verifier(selfverify.Options{})
		f.verify(v)
		f.schema(`ALTER TABLE audit_sealed RENAME TO elsewhere`)
		if _, err := v.Ask(t.Context(), operator, 0); err == nil {
			t.Error("verified, without what to read")
		}
		f.schema(`ALTER TABLE elsewhere RENAME TO audit_sealed`)
		if value(t, reg, "rolegate_audit_verify_failed") != 0 {
			t.Error("it says that the log was altered")
		}
		if n := failures(t, reg); n != "diverged 0 malformed 0 tampered 0 unreadable 1" {
			t.Errorf("failures by kind: %s", n)
		}
		f.verify(v)
	})
}

func (f *fixture) schema(statement string) {
	f.Helper()
	if _, err := f.raw.Exec(statement); err != nil {
		f.Fatal(err)
	}
}

// What asks is answered in time that it goes on, and the pass goes on without it.
func TestAskedWhileRunning(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.append(20)
		v, _ := f.verifier(selfverify.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { v.Run(ctx) })
		defer running.Wait()
		defer cancel()
		var a selfverify.Answer
		eventually(t, "the pass has ended", func() bool {
			var err error
			if a, err = v.Ask(t.Context(), operator, time.Millisecond); err != nil {
				t.Fatal(err)
			}
			return !a.Running
		})
		if a.Pass == nil || a.Pass.Failed() || a.Pass.Report.Size != 20 {
			t.Errorf("%+v", a)
		}
		if n := len(f.entries()); n != 1 {
			t.Errorf("asking has begun %d passes", n)
		}
	})
}
