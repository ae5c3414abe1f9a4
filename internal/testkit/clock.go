package testkit

import (
	"sync/atomic"
	"time"
)

// Now is the service's clock.
func (k *Kit) Now() time.Time { return k.clock.now() }

// Advance moves the service's clock.
func (k *Kit) Advance(d time.Duration) { k.clock.offset.Add(int64(d)) }

// StandStill stops the service's clock but for Advance, for a test that must not take
// longer by it than a limit lasts.
func (k *Kit) StandStill() { k.clock.stands.Store(time.Now().UnixNano()) }

// clock is the machine's, or a moment where it stands still, and an offset.
type clock struct {
	offset atomic.Int64 // nanoseconds
	stands atomic.Int64 // of Unix time; 0 where it goes
}

func (c *clock) now() time.Time {
	now := time.Now()
	if at := c.stands.Load(); at != 0 {
		now = time.Unix(0, at)
	}
	return now.Add(time.Duration(c.offset.Load()))
}
