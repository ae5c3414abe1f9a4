package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestCollectorsPace(t *testing.T) {
	for scanned, want := range map[uint64]int{0: 1600, 1 << 20: 1600, 8 << 20: 800, 64 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(scanned); got != want {
			t.Errorf("%d bytes gone through: GOGC %d, want %d", scanned, got, want)
		}
	}
}

// What the collector works from is not the heap alone: it lets be left behind a
// percentage of the heap in use and of the stacks and globals that lead to it.
func TestCollectorsGoal(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	runtime.GC()
	debug.SetGCPercent(gcPercent(scanned()))
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	garbage := sample[0].Value.Uint64() - sample[1].Value.Uint64()
	if garbage < leastGarbage*3/4 || garbage > leastGarbage*5/4 {
		t.Errorf("%d bytes are left behind, want about %d", garbage, leastGarbage)
	}
}

// The pace follows what is in use from one collection to the next.
func TestCollectorsPaceFollows(t *testing.T) {
	if gogc, set := os.LookupEnv("GOGC"); set {
		os.Unsetenv("GOGC")
		defer os.Setenv("GOGC", gogc)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { paceCollector(ctx); close(done) }()
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	until := func(what string, ok func(int) bool) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); !ok(percent()); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: GOGC %d", what, percent())
			}
			runtime.GC()
		}
	}
	until("little in use", func(p int) bool { return p > 200 })
	much := make([]byte, 100<<20)
	until("much in use", func(p int) bool { return p == 100 })
	runtime.KeepAlive(much)
	until("little again", func(p int) bool { return p > 200 })
	cancel()
	<-done
	if p := percent(); p != 100 {
		t.Errorf("GOGC %d is left behind", p)
	}
}
