package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// What is no continuation of what was published gets no checkpoint: from the
// process that published, or from one that finds it so at its start. Nor does
// anything after that, though the log be mended, until an operator says so.
func TestNoCheckpointOfAnotherLog(t *testing.T) {
	for name, c := range map[string]struct {
		alter  string
		reason checkpoint.Reason
		seen   bool // by the process that published; else by one that has just started
	}{
		"an entry since was altered":           {`UPDATE audit_entries SET leaf = x'00' WHERE idx = 321`, checkpoint.Forked, true},
		"an entry since is gone":               {`DELETE FROM audit_entries WHERE idx = 321`, checkpoint.Missing, true},
		"two entries since changed places":     {`UPDATE audit_entries SET idx = CASE idx WHEN 321 THEN -1 ELSE 321 END WHERE idx IN (321, 322); UPDATE audit_entries SET idx = 322 WHERE idx = -1`, checkpoint.Forked, true},
		"the head was set back":                {`UPDATE audit_head SET size = 5, tree_size = 0, frontier = x''`, checkpoint.Unauthenticated, true},
		"the head is an earlier one":           {`UPDATE audit_head SET (size, tree_size, frontier, mac) = (SELECT size, tree_size, frontier, mac FROM earlier_head)`, checkpoint.Smaller, true},
		"the head, and a checkpoint is gone":   {`UPDATE audit_head SET mac = NULL; DELETE FROM audit_checkpoints WHERE size = 302`, checkpoint.Unauthenticated, true},
		"the tree of the head is another one":  {`UPDATE audit_head SET frontier = zeroblob(length(frontier))`, checkpoint.Unauthenticated, true},
		"an entry was put in at the end":       {`INSERT INTO audit_entries SELECT 352, leaf FROM audit_entries WHERE idx = 7; UPDATE audit_head SET size = 353`, checkpoint.Unauthenticated, true},
		"the head's MAC is gone":               {`UPDATE audit_head SET mac = NULL`, checkpoint.Unauthenticated, true},
		"the head is nonsense":                 {`UPDATE audit_head SET frontier = x'00'`, checkpoint.Unauthenticated, true},
		"the last checkpoint is gone":          {`DELETE FROM audit_checkpoints WHERE size = 302`, checkpoint.Smaller, true},
		"all checkpoints are gone":             {`DELETE FROM audit_checkpoints`, checkpoint.Smaller, true},
		"a checkpoint was made up":             {`INSERT INTO audit_checkpoints SELECT 310, note, created_at FROM audit_checkpoints WHERE size = 302`, checkpoint.Unsigned, true},
		"the last checkpoint was altered":      {`UPDATE audit_checkpoints SET note = x'00' WHERE size = 302`, checkpoint.Forked, true},
		"an entry under it was altered":        {`UPDATE audit_entries SET leaf = x'00' WHERE idx = 300`, checkpoint.Forked, false},
		"a tile was altered":                   {`UPDATE audit_tiles SET hashes = zeroblob(8192)`, checkpoint.Forked, false},
		"a tile is gone":                       {`DELETE FROM audit_tiles`, checkpoint.Missing, false},
		"a tile was cut":                       {`UPDATE audit_tiles SET hashes = zeroblob(32)`, checkpoint.Missing, false},
		"the last note's size was set forward": {`UPDATE audit_checkpoints SET size = 310 WHERE size = 302`, checkpoint.Unsigned, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newSQLite(t)
			f.append(100)
			f.exec(`CREATE TABLE earlier_head AS SELECT * FROM audit_head`)
			p := f.publisher()
			f.publish(p)
			f.append(201)
			if c := f.publish(p); c.Size != 302 {
				t.Fatalf("a checkpoint of %d", c.Size)
			}
			f.append(50)
			f.exec(c.alter)
			started := f.publisher()
			found := started
			if c.seen {
				found = p
			}
			if _, err := found.Publish(f.ctx); !isRefusal(err, c.reason) {
				t.Fatalf("%v, want a refusal: %s", err, c.reason)
			}
			checkStopped(t, f, found, c.reason)
			checkLasting(t, f, p, started, f.publisher())
		})
	}
}

// checkStopped looks at what operators see of it.
func checkStopped(t *testing.T, f *fixture, p *checkpoint.Publisher, reason checkpoint.Reason) {
	t.Helper()
	reg := prometheus.NewRegistry()
	p.Register(reg)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "rolegate_audit_checkpoint_stopped" && m.GetGauge().GetValue() != 1 {
				t.Error("the metric says that all is well")
			}
			if len(m.GetLabel()) > 0 && (m.GetLabel()[0].GetValue() == string(reason)) != (m.GetCounter().GetValue() == 1) {
				t.Errorf("%s{%s} is %v", family.GetName(), m.GetLabel()[0].GetValue(), m.GetCounter().GetValue())
			}
		}
	}
	if r := p.State().Refused; r == nil || r.Reason != reason || r.At.IsZero() {
		t.Errorf("the state says %+v", r)
	}
	if n := strings.Count(f.said.String(), "level=ERROR"); n != 1 {
		t.Errorf("it is told %d times:\n%s", n, f.said)
	}
}

// checkLasting says that no publisher makes another checkpoint.
func checkLasting(t *testing.T, f *fixture, ps ...*checkpoint.Publisher) {
	t.Helper()
	was, err := f.store.CheckpointsFrom(f.ctx, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		var r *checkpoint.Refusal
		if _, err := p.Publish(f.ctx); !errors.As(err, &r) {
			t.Errorf("after a refusal: %v", err)
		}
	}
	is, err := f.store.CheckpointsFrom(f.ctx, 0, 100)
	if err != nil || len(is) != len(was) {
		t.Errorf("%d checkpoints became %d (%v)", len(was), len(is), err)
	}
}

// on is the log in another database, with the same keys.
func (f *fixture) on(path string) *fixture {
	f.Helper()
	st, err := sqlstore.OpenSQLite(f.ctx, path)
	if err != nil {
		f.Fatal(err)
	}
	log, err := audit.Open(f.ctx, st, f.keys, f.kek, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := errors.Join(log.Close(context.Background()), st.Close()); err != nil {
			f.Error(err)
		}
	})
	return &fixture{TB: f.TB, ctx: f.ctx, store: st, keys: f.keys, kek: f.kek, log: log, path: path, said: f.said}
}

var operator = model.Caller{Kind: model.CallerOperator, ID: "0@host"}

// A database that was put back to an earlier state is consistent in itself. It is
// found out by processes that never saw the later one, and goes on once an operator
// says so.
func TestRestoredBackup(t *testing.T) {
	f := newSQLite(t)
	f.append(10)
	f.publish(f.publisher())
	backup := filepath.Join(t.TempDir(), "backup.db")
	f.exec(`VACUUM INTO ?`, backup)
	f.append(10)
	later := f.publish(f.publisher())

	f = f.on(backup)
	f.append(30)
	p := f.publisher()
	if _, err := p.Publish(f.ctx); !isRefusal(err, checkpoint.Smaller) {
		t.Fatalf("a backup was restored: %v", err)
	}
	checkLasting(t, f, p, f.publisher())
	if err := p.Resume(f.ctx, operator, ""); model.CodeOf(err) != model.CodeReasonRequired {
		t.Errorf("without a reason: %v", err)
	}
	checkLasting(t, f, p)
	if err := p.Resume(f.ctx, operator, "the disk of the 3rd failed"); err != nil {
		t.Fatal(err)
	}
	a := f.auditor(p)
	for _, p := range []*checkpoint.Publisher{p, f.publisher()} {
		a.sees(p, f.publish(p).Note)
	}
	entries, err := f.store.EntriesFrom(f.ctx, f.size()-1, 1)
	if err != nil || len(entries) != 1 {
		t.Fatal(err)
	}
	leaf, err := audit.Decode(entries[0].Leaf)
	if err != nil || leaf.Activity != audit.LogResumed || leaf.Class != audit.ClassBreakGlass || len(leaf.Segments) != 1 {
		t.Errorf("the act is recorded as %+v (%v)", leaf, err)
	}

	// One that has grown beyond what was published is another log all the same.
	if err := f.keys.SetMeta(f.ctx, "log_checkpoint", later.Note); err != nil {
		t.Fatal(err)
	}
	if _, err := f.publisher().Publish(f.ctx); !isRefusal(err, checkpoint.Forked) {
		t.Errorf("a log that has grown otherwise: %v", err)
	}
}

// What one replica finds stops the others, which had found nothing; and after
// Resume all go on from what is stored.
func TestRefusalIsOfAllReplicas(t *testing.T) {
	f := newSQLite(t)
	f.append(10)
	one, two := f.publisher(), f.publisher()
	f.publish(one)
	f.publish(two)
	served, err := two.Latest(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	f.exec(`UPDATE audit_entries SET leaf = x'00' WHERE idx = 10`) // the last one is under the checkpoint
	if _, err := f.publisher().Publish(f.ctx); !isRefusal(err, checkpoint.Forked) {
		t.Fatal(err)
	}
	f.append(1)
	checkLasting(t, f, one, two)
	if again, err := two.Latest(f.ctx); err != nil || !bytes.Equal(again.Note, served.Note) {
		t.Errorf("what was published is not served any more: %v", err)
	}
	if _, err := two.Proof(f.ctx, 11, 0); model.CodeOf(err) != model.CodeBeyondCheckpoint {
		t.Errorf("a proof beyond it: %v", err)
	}
	if two.State().Refused == nil {
		t.Error("the second replica does not show it")
	}
}

// between is a store that lets something happen once a checkpoint was read.
type between struct {
	store.Store
	then func()
}

func (s *between) LastCheckpoint(ctx context.Context) (store.Checkpoint, error) {
	c, err := s.Store.LastCheckpoint(ctx)
	s.then()
	return c, err
}

// Whoever starts while others publish takes what they have published meanwhile for
// no loss.
func TestStartWhileOthersPublish(t *testing.T) {
	f := newSQLite(t)
	f.append(1)
	other := f.publisher()
	f.publish(other)
	then := sync.OnceFunc(func() {
		f.append(1)
		f.publish(other)
	})
	f.publish(f.publisherOn(&between{f.store, then}))
	if c := f.publish(other); c.Size != f.size() {
		t.Errorf("a checkpoint of %d of %d entries", c.Size, f.size())
	}
}

// noted is the size of the checkpoint that the keystore has.
func (f *fixture) noted(p *checkpoint.Publisher) int64 {
	f.Helper()
	text, err := p.Noted(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	return f.auditor(p).open(text).N
}

// What another replica has stored and not noted, since it was killed in between, is
// noted before anybody is given it; else a database that is put back to before it
// would look as if it never was.
func TestNotedBeforeItIsPublished(t *testing.T) {
	f := newSQLite(t)
	f.append(1)
	one, two := f.publisher(), f.publisher()
	f.publish(one)
	f.publish(two)
	f.append(1)
	f.keys = &silent{Keystore: f.keys, once: true}
	if _, err := f.publisher().Publish(f.ctx); !errors.Is(err, errBroken) {
		t.Fatalf("a keystore that cannot be written: %v", err)
	}
	c := f.publish(two)
	if c.Size != f.size() || f.noted(two) != c.Size {
		t.Errorf("a checkpoint of %d of %d entries is published, and one of %d noted", c.Size, f.size(), f.noted(two))
	}
}

// overtaken is a keystore before whose next change something else happens.
type overtaken struct {
	store.Keystore
	first func()
}

func (k *overtaken) before() {
	if first := k.first; first != nil {
		k.first = nil
		first()
	}
}

func (k *overtaken) SwapMeta(ctx context.Context, key string, was, value []byte) (bool, error) {
	k.before()
	return k.Keystore.SwapMeta(ctx, key, was, value)
}

// A replica that is slow to note its checkpoint takes a later one's note for none of
// its business.
func TestNoteIsNeverSetBack(t *testing.T) {
	f := newSQLite(t)
	f.append(1)
	fast := f.publisher()
	f.publish(fast)
	keys := &overtaken{Keystore: f.keys}
	f.keys = keys
	slow := f.publisher()
	f.publish(slow)
	f.append(1)
	keys.first = func() {
		f.append(1)
		f.publish(fast)
	}
	if c := f.publish(slow); c.Size != f.size()-1 {
		t.Fatalf("a checkpoint of %d of %d entries", c.Size, f.size())
	}
	if n := f.noted(fast); n != f.size() {
		t.Errorf("one of %d is noted, and one of %d published", n, f.size())
	}
}

// A backup of both databases has nothing in it that tells: only who has restored it
// does. Said twice it is said once.
func TestRestoredWithItsKeystore(t *testing.T) {
	f := newSQLite(t)
	f.append(10)
	p := f.publisher()
	f.publish(p)
	for range 2 {
		if err := f.publisher().Restore(f.ctx); err != nil {
			t.Fatal(err)
		}
	}
	f.append(1)
	checkLasting(t, f, p, f.publisher())
	if r := p.State().Refused; r == nil || r.Reason != checkpoint.Restored {
		t.Errorf("the state says %+v", r)
	}
	if err := p.Resume(f.ctx, operator, "a drill"); err != nil {
		t.Fatal(err)
	}
	f.publish(p)
	f.publish(f.publisher())
}

// Nobody is told that checkpoints have stopped while the keystore does not know.
func TestRestoreNeedsTheKeystore(t *testing.T) {
	f := newSQLite(t)
	f.keys = &mute{f.keys}
	if err := f.publisher().Restore(f.ctx); err == nil {
		t.Error("no error")
	}
}

// mute is a keystore in which nothing can be changed.
type mute struct{ store.Keystore }

func (*mute) SetMeta(context.Context, string, []byte) error { return errBroken }

// A head without its MAC is told also where there are no checkpoints for another reason:
// by then nothing is appended any more.
func TestRefusalThatHidesNoOther(t *testing.T) {
	f := newSQLite(t)
	f.append(10)
	one, two := f.publisher(), f.publisher()
	f.publish(one)
	f.publish(two)
	f.append(1)
	f.exec(`CREATE TABLE gone AS SELECT * FROM audit_entries WHERE idx = 11`)
	f.exec(`DELETE FROM audit_entries WHERE idx = 11`)
	if _, err := one.Publish(f.ctx); !isRefusal(err, checkpoint.Missing) {
		t.Fatal(err)
	}
	f.exec(`INSERT INTO audit_entries SELECT * FROM gone`)
	f.exec(`UPDATE audit_head SET frontier = zeroblob(length(frontier))`)
	for range 2 {
		for _, p := range []*checkpoint.Publisher{one, two, f.publisher()} {
			if _, err := p.Publish(f.ctx); !isRefusal(err, checkpoint.Unauthenticated) {
				t.Errorf("%v", err)
			}
			if r := p.State().Refused; r == nil || r.Reason != checkpoint.Unauthenticated || !strings.Contains(r.Detail, string(checkpoint.Missing)) {
				t.Errorf("the state says %+v", r)
			}
		}
	}
	if n := strings.Count(f.said.String(), "THE LOG IS NOT THE ONE"); n != 2 {
		t.Errorf("it is told %d times:\n%s", n, f.said)
	}

	// The word of an operator ends both, and signs none of what the head said.
	if err := two.Resume(f.ctx, operator, "a drill"); err != nil {
		t.Fatal(err)
	}
	a := f.auditor(one)
	for _, p := range []*checkpoint.Publisher{one, two, f.publisher()} {
		a.sees(p, f.publish(p).Note)
	}
	f.append(1)
	a.sees(one, f.publish(one).Note)
}

// A database that was made anew beside the keystore takes entries, so that an operator
// may say what happened, and gets no checkpoint until then.
func TestNewDatabase(t *testing.T) {
	f := newSQLite(t)
	f.append(10)
	f.publish(f.publisher())
	f = f.on(filepath.Join(t.TempDir(), "new.db"))
	f.append(1)
	p := f.publisher()
	if _, err := p.Publish(f.ctx); !isRefusal(err, checkpoint.Smaller) {
		t.Fatal(err)
	}
	if err := p.Resume(f.ctx, operator, "the database is gone"); err != nil {
		t.Fatal(err)
	}
	if c := f.publish(p); c.Size != 2 {
		t.Errorf("a checkpoint of %d", c.Size)
	}
}
