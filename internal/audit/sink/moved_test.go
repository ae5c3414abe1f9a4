package sink

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rolegate/internal/store"
)

// A cursor that somebody has set forward keeps no entry from going out, and is said:
// where nobody delivers all go out from the first one on.
func TestMovedCursor(t *testing.T) {
	other := cursorAt(3, time.Time{})
	for name, job := range map[string]store.Job{
		"without a MAC":           {Position: 4},
		"with another's MAC":      {Position: 4, MAC: keyed{}.MAC("sink", []byte("file|4"))},
		"with another place's":    {Position: 4, MAC: other.MAC},
		"beyond the log":          {Position: 400},
		"under a lease of no one": {Position: 4, At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, to := &memory{job: job}, &inbox{}
				m.grow(5, time.Now())
				s := newTestSink(t, m, to)
				end := start(s)
				time.Sleep(usual.lease + 4*time.Second)
				end()
				wantIndices(t, to, upTo(5))
				if !slices.Equal(m.moved, []int64{job.Position, 0}) {
					t.Errorf("it is recorded as %v", m.moved)
				}
				if j := m.cursor(); j.Position != 5 || !s.authentic(j) {
					t.Errorf("the cursor is left at %+v", j)
				}
			})
		})
	}
}

// A cursor that was set back to the beginning, or whose row is gone, is said as well,
// once; that of a sink which has sent nothing yet is where it belongs.
func TestCursorAtTheBeginningAgain(t *testing.T) {
	for name, again := range map[string]store.Job{"its row is gone": {}, "set to 0": {MAC: cursorAt(5, time.Time{}).MAC}, "as it was once": cursorAt(0, time.Time{})} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, to := &memory{}, &inbox{}
				m.grow(5, time.Now())
				run := func(want []int64) {
					t.Helper()
					end := start(newTestSink(t, m, to))
					time.Sleep(2 * time.Second)
					end()
					if !slices.Equal(m.moved, want) {
						t.Errorf("it is recorded as %v", m.moved)
					}
				}
				run(nil)
				run(nil)
				m.job = again
				to.set(func(int) error { return errAway })
				run([]int64{0, 0})
				run([]int64{0, 0}) // nothing has gone out since
				to.set(nil)
				run([]int64{0, 0})
				m.job = again
				run([]int64{0, 0, 0, 0})
			})
		})
	}
}

// While it cannot be noted that the cursor has left the beginning a sink delivers, and
// notes it later; one that cannot ask does not begin.
func TestLeftIsNotedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		keystore := func(away bool) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.apart = away
		}
		defer start(newTestSink(t, m, to))()
		time.Sleep(2 * time.Second)
		keystore(true)
		m.grow(5, time.Now())
		time.Sleep(2 * usual.renew)
		wantIndices(t, to, upTo(5))
		keystore(false)
		time.Sleep(2 * usual.renew)
		if left, _ := m.hasLeft(t.Context()); !left {
			t.Error("it is not noted that the cursor has left the beginning")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{apart: true}, &inbox{}
		m.grow(5, time.Now())
		defer start(newTestSink(t, m, to))()
		time.Sleep(2 * time.Second)
		wantIndices(t, to, nil)
	})
}

// Who delivers knows how far it is.
func TestCursorMovedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		m.grow(5, time.Now())
		defer start(newTestSink(t, m, to))()
		time.Sleep(2 * time.Second)
		m.mu.Lock()
		m.job.Position, m.job.MAC = 9, cursorAt(9, time.Time{}).MAC
		m.mu.Unlock()
		time.Sleep(2 * usual.renew)
		m.grow(2, time.Now())
		time.Sleep(2 * usual.poll)
		wantIndices(t, to, upTo(7))
		m.mu.Lock()
		defer m.mu.Unlock()
		if !slices.Equal(m.moved, []int64{9, 5}) || m.job.Position != 7 {
			t.Errorf("it is recorded as %v, and the cursor at %d", m.moved, m.job.Position)
		}
	})
}

// The cursor of an earlier release is believed when it is taken over.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{job: store.Job{Position: 3}}, &inbox{}
		m.grow(5, time.Now())
		s := newTestSink(t, m, to)
		if at, err := s.TakeOver(t.Context()); at != 3 || err != nil || !m.left {
			t.Errorf("taken over at %d, %v; that it has left the beginning: %t", at, err, m.left)
		}
		end := start(s)
		time.Sleep(2 * time.Second)
		end()
		wantIndices(t, to, []int64{3, 4})
		if m.moved != nil {
			t.Errorf("it is recorded as %v", m.moved)
		}
	})
}

// What was put in at the log's end by hand does not go out.
func TestAlteredHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{mac: []byte("another")}, &inbox{}
		m.grow(1, time.Now())
		defer start(newTestSink(t, m, to))()
		time.Sleep(2 * time.Second)
		wantIndices(t, to, nil)
	})
}

// A stop in the middle of it leaves word of how far it had come; one that had nothing
// left to send leaves none.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		m.grow(5, time.Now())
		end := start(newTestSink(t, m, to))
		time.Sleep(2 * time.Second)
		end()
		if m.cutOff != nil {
			t.Errorf("with nothing left: %v", m.cutOff)
		}
		to.set(func(int) error { return errAway })
		end = start(newTestSink(t, m, to))
		m.grow(2, time.Now())
		time.Sleep(2 * time.Second)
		end()
		if !slices.Equal(m.cutOff, []int64{5}) {
			t.Errorf("in the middle of it: %v", m.cutOff)
		}
	})
}

// How far the log has come at a sink is told by whoever delivers: a process that is
// stopped when another does already says nothing of it.
func TestCutOffByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		m.grow(5, time.Now())
		end := start(newTestSink(t, m, to))
		time.Sleep(2 * time.Second)
		to.set(func(int) error { return errAway })
		m.grow(5, time.Now())
		time.Sleep(usual.poll)
		m.mu.Lock()
		m.job = cursorAt(8, time.Now().Add(time.Second))
		m.mu.Unlock()
		end()
		if m.cutOff != nil {
			t.Errorf("another has come to 8, and what is recorded is %v", m.cutOff)
		}
	})
}
