package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestCollectorsPace(t *testing.T) {
	for inUse, want := range map[uint64]int{0: 6400, 1 << 20: 6400, 8 << 20: 800, 64 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(inUse); got != want {
			t.Errorf("%d bytes in use: GOGC %d, want %d", inUse, got, want)
		}
	}
	if heapInUse() > 1<<40 {
		t.Error("the heap is not measured")
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
