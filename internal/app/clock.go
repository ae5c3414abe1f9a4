package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// clockLook is how often the clock is looked at.
	clockLook = time.Second
	// clockJump is the least that counts: more than a leap second, and far less than
	// the 30 seconds of a one-time code. What a clock is slewed by in a second is less
	// than a millisecond.
	clockJump = 2 * time.Second
)

// began has a reading of the clock that nobody sets.
var began = time.Now()

// glance is the clock that locks, limits, codes and tokens go by, and how long this
// process had run by then by the one that nobody sets.
type glance struct {
	wall time.Time
	ran  time.Duration
}

// jump is by how much the clock was set between two glances, forward or, below
// zero, back; 0 for less than counts.
func (g glance) jump(next glance) time.Duration {
	by := next.wall.Round(0).Sub(g.wall.Round(0)) - (next.ran - g.ran) // Round: without Go's own monotonic reading
	if by.Abs() < clockJump {
		return 0
	}
	return by
}

func (a *App) glance() glance { return glance{wall: a.now(), ran: time.Since(began)} }

// watchClock counts and tells the jumps of the clock from a glance on, until ctx ends.
func (a *App) watchClock(ctx context.Context, last glance) {
	tick := time.NewTicker(clockLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		next := a.glance()
		if by := last.jump(next); by != 0 {
			a.clockJumps.WithLabelValues(direction(by)).Inc()
			a.Logger.Warn("the clock jumped; one-time codes and tokens may be refused until it is right", "by", by.Round(time.Millisecond).String())
		}
		last = next
	}
}

func direction(by time.Duration) string {
	if by < 0 {
		return "back"
	}
	return "forward"
}

// newClockJumps counts jumps of the clock.
func newClockJumps() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rolegate_clock_jumps_total",
		Help: "Times the host's clock was set by two seconds or more while the process ran, by direction (forward, back).",
	}, []string{"direction"})
	for _, by := range []time.Duration{1, -1} { // so that both are there, at 0, to watch
		v.WithLabelValues(direction(by))
	}
	return v
}
