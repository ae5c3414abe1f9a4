package throttle

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// three tries, then a minute, two, four … eight minutes; twelve for good.
var ladder = Ladder{Forget: 24 * time.Hour, Wait: func(n int64) time.Duration {
	switch {
	case n < 3:
		return 0
	case n >= 12:
		return Never
	}
	return min(time.Minute<<(n-3), 8*time.Minute)
}}

func TestLadder(t *testing.T) {
	var c store.Counter
	now := noon
	for i := range 3 {
		if wait := ladder.take(&c, now); wait != 0 {
			t.Fatalf("try %d has to wait %s", i+1, wait)
		}
	}
	if !ladder.begins(c) {
		t.Error("the third does not begin the wait")
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 8, 8, 8, 8, 8} {
		want *= time.Minute
		if wait := ladder.take(&c, now.Add(want-time.Second)); wait != time.Second {
			t.Errorf("a second early, the wait is %s", wait)
		}
		now = now.Add(want)
		if wait := ladder.take(&c, now); wait != 0 {
			t.Errorf("after %s it still has to wait %s", want, wait)
		}
		if ladder.begins(c) && c.Tries < 12 {
			t.Errorf("try %d begins a wait that had begun", c.Tries)
		}
	}
	if wait := ladder.take(&c, now.Add(time.Hour)); wait != Never {
		t.Errorf("after twelve the wait is %s", wait)
	}
	if ladder.right(&c); c.Tries != 0 {
		t.Error("a right answer leaves tries")
	}
}

// Whatever the clock does, whoever waits as long as it says is heard: nothing is
// eternal. And nothing but time without tries makes them be forgotten.
func TestNoClockMakesAWaitEternal(t *testing.T) {
	rules := map[string]struct {
		Rule
		longest time.Duration
	}{
		"ladder": {Ladder{Forget: 24 * time.Hour, Wait: func(n int64) time.Duration { return min(time.Second<<min(n, 20), time.Hour) }}, time.Hour},
		"bucket": {Bucket{Size: 5, Every: 10 * time.Minute}, 10 * time.Minute},
	}
	for name, rule := range rules {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			var c store.Counter
			now := noon
			for range rapid.IntRange(1, 60).Draw(t, "tries") {
				now = now.Add(time.Duration(rapid.Int64Range(-int64(2*time.Hour), int64(2*time.Hour)).Draw(t, "jump")))
				before := c.Tries
				wait := rule.take(&c, now)
				if wait > rule.longest {
					t.Fatalf("the wait is %s", wait)
				}
				if wait == 0 && name == "ladder" && c.Tries != before+1 {
					t.Fatalf("%d tries became %d", before, c.Tries)
				}
				if wait > 0 {
					now = now.Add(wait)
					if again := rule.take(&c, now); again != 0 {
						t.Fatalf("after %s the wait is %s", wait, again)
					}
				}
			}
		}))
	}
}

// Over any time a bucket takes no more than its size and what has come free.
func TestBucketBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Bucket{Size: rapid.Int64Range(1, 20).Draw(t, "size"), Every: time.Duration(rapid.IntRange(1, 100).Draw(t, "every")) * time.Second}
		var c store.Counter
		now, taken := noon, int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "later")) * time.Second)
			if b.take(&c, now) == 0 {
				taken++
			}
			if most := b.Size + int64(now.Sub(noon)/b.Every); taken > most {
				t.Fatalf("%d taken in %s, of %d", taken, now.Sub(noon), most)
			}
		}
	})
}

func TestNetworks(t *testing.T) {
	for addr, want := range map[string][3]string{
		"192.0.2.7":         {"192.0.2.7/32", "192.0.2.0/24", ""},
		"::ffff:192.0.2.7":  {"192.0.2.7/32", "192.0.2.0/24", ""},
		"2001:db8:1:2::7":   {"2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		"2001:db8:1:2:f::8": {"2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		"fe80::1%eth0":      {"fe80::/64", "fe80::/64", "fe80::/48"},
		"":                  {"", "", ""},
		"no address":        {"", "", ""},
	} {
		if got := [3]string{Address(addr), Network(addr), Site(addr)}; got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}

// A try that is taken back begins no wait: the one before it was over when it was taken.
func TestUndoBeginsNoWait(t *testing.T) {
	var c store.Counter
	now := noon
	for range 6 {
		for wait := ladder.take(&c, now); wait > 0; wait = ladder.take(&c, now) {
			now = now.Add(wait)
		}
	}
	now = now.Add(8 * time.Minute)
	for range 3 {
		if wait := ladder.take(&c, now); wait > 0 {
			t.Fatalf("after one that was taken back the wait is %s", wait)
		}
		ladder.undo(&c)
		now = now.Add(time.Second)
	}
	if c.Tries != 6 {
		t.Errorf("of six tries %d are left", c.Tries)
	}
}

func TestMeterIsBounded(t *testing.T) {
	m := Meter{Rule: Bucket{Size: 1, Every: time.Hour}}
	for i := range 5 * maxRemembered {
		m.Take(fmt.Sprint(i), noon)
	}
	if n := len(m.keys.young) + len(m.keys.old); n > 2*maxRemembered {
		t.Errorf("%d keys are remembered", n)
	}
	last := fmt.Sprint(5*maxRemembered - 1)
	if wait := m.Take(last, noon.Add(time.Minute)); wait != 59*time.Minute {
		t.Errorf("the last one has to wait %s", wait)
	}
}

// ledgers is some ledgers over one database, as replicas have it, and a clock.
type ledgers struct {
	*testing.T
	db  store.Store
	now atomic.Pointer[time.Time]
}

func newLedgers(t *testing.T) *ledgers {
	db, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l := &ledgers{T: t, db: db}
	l.now.Store(&noon)
	return l
}

func (l *ledgers) clock() time.Time { return *l.now.Load() }

func (l *ledgers) advance(d time.Duration) {
	now := l.clock().Add(d)
	l.now.Store(&now)
}

// charge tells how long a try has to wait.
func (l *ledgers) charge(on *Ledger, lines ...Line) (Try, time.Duration) {
	l.Helper()
	try, err := on.Charge(l.Context(), l.db, l.clock, lines)
	var refused *model.Error
	if errors.As(err, &refused) && refused.Code == model.CodeTooManyAttempts {
		return try, refused.RetryAfter
	}
	if err != nil {
		l.Error(err)
	}
	return try, 0
}

func TestLedgersShareCounters(t *testing.T) {
	l := newLedgers(t)
	var a, b Ledger
	line := Line{Key: []byte("k"), Rule: ladder}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			on := &a
			if i%2 == 0 {
				on = &b
			}
			if _, wait := l.charge(on, line); wait == 0 {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 3 {
		t.Errorf("%d of 100 parallel tries were taken, not 3", taken.Load())
	}
	if n := a.Settled() + b.Settled(); n > 50 {
		t.Errorf("100 tries took %d transactions", n)
	}
	if _, wait := l.charge(new(Ledger), line); wait != time.Minute { // as after a start
		t.Errorf("a new process says to wait %s", wait)
	}
	before := a.Settled()
	for range 1000 {
		l.charge(&a, line)
	}
	if n := a.Settled() - before; n > 1 {
		t.Errorf("1,000 tries beyond the limit took %d transactions", n)
	}
	l.advance(time.Minute)
	if _, wait := l.charge(&a, line); wait != 0 {
		t.Errorf("when the wait is over it is %s", wait)
	}
}

// A try is charged to all of its counters or to none.
func TestAllOrNone(t *testing.T) {
	l := newLedgers(t)
	var on Ledger
	narrow, wide := Line{Key: []byte("n"), Rule: Bucket{1, time.Hour}}, Line{Key: []byte("w"), Rule: Bucket{2, time.Hour}}
	l.charge(&on, wide, narrow)
	for range 5 {
		if _, wait := l.charge(new(Ledger), wide, narrow); wait != time.Hour {
			t.Errorf("the wait is %s", wait)
		}
	}
	if _, wait := l.charge(&on, wide); wait != 0 {
		t.Error("tries that were refused were charged")
	}
}

func TestFirstOf(t *testing.T) {
	l := newLedgers(t)
	var on Ledger
	pair := func(name string) []Line {
		return []Line{{Key: []byte("pair " + name), Rule: Bucket{100, time.Hour}}, {Key: []byte("spray"), FirstOf: []byte("pair " + name), Rule: Bucket{3, time.Hour}}}
	}
	for range 5 {
		for _, name := range []string{"ann", "bob"} {
			if _, wait := l.charge(&on, pair(name)...); wait != 0 {
				t.Errorf("%s has to wait %s", name, wait)
			}
		}
	}
	l.charge(&on, pair("eve")...)
	if _, wait := l.charge(&on, pair("zoe")...); wait == 0 {
		t.Error("a fourth name is taken")
	}
	if _, wait := l.charge(new(Ledger), pair("ann")...); wait == 0 {
		t.Error("at the limit, a name that was counted is taken")
	}
}

// However many strangers wait to be counted, there is room for whoever is not one.
func TestStrangersLeaveRoom(t *testing.T) {
	l := newLedgers(t)
	on := Ledger{running: true} // a transaction that takes its time
	gone, cancel := context.WithCancel(t.Context())
	cancel() // so that who is queued does not wait
	queued := func(own bool, tries int) (n int) {
		for i := range tries {
			_, err := on.Charge(gone, l.db, l.clock, []Line{{Key: fmt.Append(nil, own, i), Rule: ladder, Own: own}})
			if errors.Is(err, context.Canceled) {
				n++
			} else if model.CodeOf(err) != model.CodeBusy {
				t.Fatal(err)
			}
		}
		return n
	}
	strangers := queued(false, 2*maxQueue)
	if strangers == 0 || strangers > maxStrangers {
		t.Errorf("%d strangers wait", strangers)
	}
	if own := queued(true, 2*maxQueue); own != maxQueue-strangers || own < maxQueue/4 {
		t.Errorf("beside %d strangers %d wait that are none", strangers, own)
	}
	on.run(l.db, l.clock)
	if again := queued(false, 10); again != 10 {
		t.Errorf("when all is settled %d of 10 strangers wait", again)
	}
}

func TestGivenBack(t *testing.T) {
	l := newLedgers(t)
	var on Ledger
	bucket, rungs := Line{Key: []byte("b"), Rule: Bucket{2, time.Hour}}, Line{Key: []byte("l"), Rule: ladder}
	for range 20 {
		try, wait := l.charge(&on, bucket, rungs)
		if wait != 0 {
			t.Fatalf("what is taken back makes wait %s", wait)
		}
		on.Undo(t.Context(), l.db, l.clock, try)
	}
	l.charge(&on, rungs)
	l.charge(&on, rungs)
	try, _ := l.charge(&on, bucket, rungs)
	var refusing bool
	err := l.db.InTx(t.Context(), func(tx store.Tx) (err error) {
		refusing, err = on.Right(t.Context(), tx, try)
		return err
	})
	if err != nil || !refusing {
		t.Errorf("refusing %v, %v", refusing, err)
	}
	for i := range 3 {
		if _, wait := l.charge(&on, rungs); wait != 0 {
			t.Errorf("try %d after a right one has to wait %s", i+1, wait)
		}
	}
}

// The begin of a refusal is recorded once, however many are refused, in the
// transaction that settles it.
func TestBeginsOnce(t *testing.T) {
	for name, rule := range map[string]Rule{"ladder": ladder, "bucket": Bucket{3, time.Hour}} {
		l := newLedgers(t)
		var on Ledger
		begun := 0
		line := Line{Key: []byte("k"), Rule: rule, Begins: func(context.Context, store.Tx, bool) error { begun++; return nil }}
		for range 30 {
			l.charge(&on, line)
			l.advance(recall)
		}
		if begun != 1 {
			t.Errorf("%s: it began %d times", name, begun)
		}
	}
}

// Refusals that are remembered do not outlive a clock that went back.
func TestMemoryOfRefusalsAndClocks(t *testing.T) {
	l := newLedgers(t)
	var on Ledger
	line := Line{Key: []byte("k"), Rule: Bucket{1, time.Minute}}
	l.charge(&on, line)
	l.charge(&on, line)
	l.advance(-time.Hour)
	if _, wait := l.charge(&on, line); wait != time.Minute {
		t.Errorf("an hour earlier the wait is %s", wait)
	}
	l.advance(time.Minute)
	if _, wait := l.charge(&on, line); wait != 0 {
		t.Errorf("and a minute later still %s", wait)
	}
}
