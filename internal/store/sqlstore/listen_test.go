package sqlstore

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// openTwo are two processes on one database, with a tenant "t".
func openTwo(t *testing.T) (ours, theirs *DB, database string) {
	t.Helper()
	database = pgtest.URL(t)
	open := func() *DB {
		db, err := OpenPostgres(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	ours, theirs = open(), open()
	if err := theirs.InsertTenant(t.Context(), model.Tenant{ID: "t", Ref: []byte("t"), MFA: model.MFAEveryone}); err != nil {
		t.Fatal(err)
	}
	return ours, theirs, database
}

func bump(t *testing.T, db *DB) int64 {
	t.Helper()
	revision, err := db.Bump(t.Context(), "t", store.Change{Kind: store.ChangedPolicy})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// Whoever listens hears of what is committed, of nothing else, and is told when
// the connection breaks.
func TestListen(t *testing.T) {
	ours, theirs, database := openTwo(t)
	heard := make(chan store.Notice, 100)
	ended := make(chan error, 1)
	go func() { ended <- ours.Listen(t.Context(), func(n store.Notice) { heard <- n }) }()
	// next leaves out what other schemas of the database say.
	next := func() store.Notice {
		t.Helper()
		for {
			select {
			case n := <-heard:
				if n.Tenant == "t" || n == (store.Notice{}) {
					return n
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing is heard")
			}
		}
	}
	if n := next(); n != (store.Notice{}) {
		t.Fatalf("first %+v", n)
	}
	rolledBack := errors.New("no")
	err := theirs.InTx(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Bump(t.Context(), "t"); err != nil {
			return err
		}
		return rolledBack
	})
	if !errors.Is(err, rolledBack) {
		t.Fatal(err)
	}
	if want := bump(t, theirs); next() != (store.Notice{Tenant: "t", Revision: want}) {
		t.Error("a commit was not heard")
	}
	pgtest.Terminate(t, database)
	select {
	case err := <-ended:
		if model.CodeOf(err) != model.CodeStoreUnavailable {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a broken connection is not noticed")
	}

	lite, err := OpenSQLite(t.Context(), t.TempDir()+"/rolegate.db")
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	if err := lite.Listen(t.Context(), nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SQLite: %v", err)
	}
}

// deaf hears no notices; mute cannot read all revisions at once.
type deaf struct{ *DB }

func (deaf) Listen(context.Context, func(store.Notice)) error { return errors.ErrUnsupported }

type mute struct{ *DB }

func (m mute) TenantRevisions(ctx context.Context, tenants ...string) (map[string]int64, error) {
	if len(tenants) == 0 {
		return nil, errors.New("mute")
	}
	return m.DB.TenantRevisions(ctx, tenants...)
}

// Either of the two ways by which a feed learns is enough, and both survive a
// broken connection.
func TestFeedHearsAndPolls(t *testing.T) {
	for name, wrap := range map[string]func(*DB) store.Store{
		"by notices": func(db *DB) store.Store { return mute{db} },
		"by polling": func(db *DB) store.Store { return deaf{db} },
		"by both":    func(db *DB) store.Store { return db },
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs, database := openTwo(t)
			feed := store.NewFeed(wrap(ours))
			if s := feed.State(); s.Running || s.Age != 0 || feed.Stale() {
				t.Errorf("before it runs: %+v", s)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var runs sync.WaitGroup
			runs.Go(func() { feed.Run(ctx) })
			defer runs.Wait()
			defer cancel()
			for range 3 {
				learnt := false
				for try := 0; try < 50 && !learnt; try++ { // a notice while nobody listens is lost, the next one is not
					wait, done := context.WithTimeout(t.Context(), 500*time.Millisecond)
					learnt = ours.Revisions().Wait(wait, "t", bump(t, theirs))
					done()
				}
				if !learnt {
					t.Fatalf("what another process committed is not known: %+v", feed.State())
				}
				pgtest.Terminate(t, database)
			}
			s := feed.State()
			if !s.Running || name == "by polling" && s.Listening || name == "by notices" && s.Notices == 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A feed that cannot read says so by its age, and is young again once it can.
func TestFeedGrowsOld(t *testing.T) {
	server := pgtest.Start(t)
	db, err := OpenPostgres(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	feed := store.NewFeed(db)
	if err := feed.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() { feed.Run(ctx) })
	defer runs.Wait()
	defer cancel()
	eventually := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("not %s: %+v", what, feed.State())
			}
		}
	}
	eventually("listening", func() bool { s := feed.State(); return s.Listening && !feed.Stale() })
	server.Kill()
	eventually("stale", func() bool { s := feed.State(); return feed.Stale() && !s.Listening && s.Failures > 0 })
	server.Start()
	eventually("well again", func() bool { s := feed.State(); return s.Listening && !feed.Stale() })
}

// A process that is cut off while it holds the log's head does not hold up the
// others for long.
func TestTheHeadIsNotHeldForLong(t *testing.T) {
	ours, theirs, _ := openTwo(t)
	held, over := make(chan struct{}), make(chan struct{})
	var runs sync.WaitGroup
	runs.Go(func() {
		err := ours.InTx(t.Context(), func(tx store.Tx) error {
			if _, _, err := tx.TakeHead(t.Context(), []byte("hung"), 1); err != nil {
				return err
			}
			select {
			case <-held:
			default:
				close(held)
			}
			<-over
			return errors.New("too late")
		})
		if err == nil {
			t.Error("it was committed")
		}
	})
	<-held
	began := time.Now()
	_, err := theirs.AppendEntries(t.Context(), []store.Entry{{Leaf: []byte("leaf")}})
	if took := time.Since(began); err != nil || took > 8*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	close(over)
	runs.Wait()
}

// A URL may name several hosts, of which one takes writes.
func TestSeveralHosts(t *testing.T) {
	u, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:1," + u.Host // nobody listens at the first
	db, err := OpenPostgres(t.Context(), u.String()+"&target_session_attrs=read-write")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	listens := errors.New("it listens")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	_ = db.Listen(ctx, func(store.Notice) { cancel(listens) })
	if context.Cause(ctx) != listens {
		t.Error("the listener finds no host")
	}
}
