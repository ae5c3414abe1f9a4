package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// leastGarbage is how much the collector lets be left behind, at the least,
// before it runs again. A service with a few megabytes in use would otherwise
// collect dozens of times a second under load, for nothing.
const leastGarbage = 64 << 20

// paceCollector adapts the collector's pace to what is in use, until ctx ends:
// garbage as large as what is in use, Go's own pace, but at least leastGarbage.
// It does so after each collection: a pace that suited a few megabytes, kept on
// while a password hash of twenty is in use, would leave behind a gigabyte.
// Whoever sets GOGC knows better.
func paceCollector(ctx context.Context) {
	if _, set := os.LookupEnv("GOGC"); set {
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	collected := make(chan struct{}, 1)
	for pace := 100; ; {
		if p := gcPercent(heapInUse()); p*10 < pace*9 || p*9 > pace*10 {
			pace = p
			debug.SetGCPercent(pace)
		}
		afterCollection(collected)
		select {
		case <-ctx.Done():
			return
		case <-collected:
		}
	}
}

// afterCollection sends once the collector has run.
func afterCollection(collected chan struct{}) {
	canary := &struct{ *byte }{} // with a pointer: a tiny one without could share its memory with others
	runtime.AddCleanup(canary, func(c chan struct{}) { c <- struct{}{} }, collected)
}

// gcPercent is the GOGC at which a heap of so many bytes in use makes way for at
// least leastGarbage.
func gcPercent(inUse uint64) int {
	return int(max(100, leastGarbage*100/max(inUse, 1<<20)))
}

// heapInUse is what the last collection found in use, in bytes.
func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
