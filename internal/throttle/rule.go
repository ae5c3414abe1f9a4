// Package throttle bounds how often somebody may try.
//
// A try is charged to counters, each of which has a rule, before anything else
// is done for it; when one of them is at its limit, the try is refused and none
// is charged. A right answer gives the tries back.
//
//	Ladder  tries in a row: each that fails may lengthen the wait for the next
//	Bucket  tries over time: so many at once, and one more every so often
//
// Ledger keeps counters in the database, so that they hold on every replica and
// after a start, and settles many tries in one transaction. Meter keeps buckets
// in memory, for what only has to be bounded.
//
// Clocks jump. A counter from the future is taken for one of now: a lock then
// lasts once more as long as it would have, and no longer. After a jump forward a
// wait is over early, but nothing that counts tries in a row is forgotten by it.
package throttle

import (
	"math"
	"time"

	"rolegate/internal/store"
)

// Never is a wait that time does not end.
const Never time.Duration = math.MaxInt64

// Rule says when a counter takes one more try.
type Rule interface {
	// take counts one more, or tells how long it will be until it would.
	take(c *store.Counter, now time.Time) (wait time.Duration)
	// undo takes one try back that came to nothing, neither right nor wrong.
	undo(c *store.Counter)
	// right gives back what a right answer gives back.
	right(c *store.Counter)
	// expires is when the counter says nothing any more, zero for never.
	expires(c *store.Counter) time.Time
}

// Ladder counts tries in a row. A right answer takes all of them away.
type Ladder struct {
	Wait   func(failed int64) time.Duration // after so many; Never for good
	Forget time.Duration                    // how long after the last one all are forgotten; 0: never
}

func (l Ladder) take(c *store.Counter, now time.Time) time.Duration {
	if now.Before(c.At) {
		c.At = now
	}
	if l.Forget > 0 && now.Sub(c.At) > l.Forget {
		c.Tries = 0
	}
	wait := l.Wait(c.Tries)
	if wait == Never {
		return Never
	}
	if left := wait - now.Sub(c.At); wait > 0 && left > 0 {
		return left
	}
	c.Tries, c.At = c.Tries+1, now
	return 0
}

// undo leaves no wait that began with the try: the one before it was over then.
func (l Ladder) undo(c *store.Counter) {
	c.Tries = max(0, c.Tries-1)
	if wait := l.Wait(c.Tries); c.Tries > 0 && wait > 0 && wait != Never {
		c.At = c.At.Add(-wait)
	}
}

func (Ladder) right(c *store.Counter) { c.Tries = 0 }

// begins tells whether the try that was counted last began a time of refusal.
func (l Ladder) begins(c store.Counter) bool { return l.refuses(c) && l.Wait(c.Tries-1) == 0 }

// refuses tells whether the next try has to wait, or had to.
func (l Ladder) refuses(c store.Counter) bool { return c.Tries > 0 && l.Wait(c.Tries) > 0 }

func (l Ladder) expires(c *store.Counter) time.Time {
	if l.Forget == 0 {
		return time.Time{}
	}
	return c.At.Add(l.Forget)
}

// Bucket takes Size tries at once, and room for one more comes every Every. A
// right answer takes its own try away.
type Bucket struct {
	Size  int64
	Every time.Duration
}

func (b Bucket) take(c *store.Counter, now time.Time) time.Duration {
	switch {
	case c.Tries == 0 || now.Before(c.At):
		c.At = now
	default:
		gone := min(int64(now.Sub(c.At)/b.Every), c.Tries)
		if c.Tries -= gone; c.Tries == 0 {
			c.At = now
		} else {
			c.At = c.At.Add(time.Duration(gone) * b.Every)
		}
	}
	if c.Tries >= b.Size {
		return c.At.Add(time.Duration(c.Tries-b.Size+1) * b.Every).Sub(now)
	}
	c.Tries++
	return 0
}

func (Bucket) undo(c *store.Counter) { c.Tries = max(0, c.Tries-1) }

func (b Bucket) right(c *store.Counter) { b.undo(c) }

func (b Bucket) expires(c *store.Counter) time.Time {
	return c.At.Add(time.Duration(c.Tries) * b.Every)
}
