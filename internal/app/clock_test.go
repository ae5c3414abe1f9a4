package app

import (
	"testing"
	"time"
)

func TestJumps(t *testing.T) {
	at := func(wall, ran time.Duration) glance {
		return glance{time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC).Add(wall), ran}
	}
	for _, c := range []struct {
		name     string
		from, to glance
		want     time.Duration
	}{
		{"as time goes", at(0, 0), at(time.Second, time.Second), 0},
		{"a look that came late", at(0, 0), at(time.Hour, time.Hour), 0},
		{"a leap second", at(0, 0), at(0, time.Second), 0},
		{"slewed", at(0, 0), at(time.Second+500*time.Microsecond, time.Second), 0},
		{"forward", at(0, 5*time.Second), at(time.Hour, 6*time.Second), time.Hour - time.Second},
		{"back", at(0, 0), at(-time.Hour, time.Second), -time.Hour - time.Second},
		{"the least there is", at(0, 0), at(3*time.Second, time.Second), 2 * time.Second},
		{"less", at(0, 0), at(3*time.Second-1, time.Second), 0},
	} {
		if got := c.from.jump(c.to); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// What Go keeps of its own beside a time hides a clock that was set.
	now := time.Now()
	if got := (glance{now.Add(-time.Hour).Round(0), 0}).jump(glance{now, 0}); got != time.Hour {
		t.Errorf("a time with a monotonic reading: %s", got)
	}
}
