package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// leastGarbage is how much the collector lets be left behind, at the least,
	// before it runs again. A service with a few megabytes in use would otherwise
	// collect dozens of times a second under load, for nothing.
	leastGarbage = 64 << 20
	paceEvery    = 5 * time.Second
)

// paceCollector adapts the collector's pace to what is in use, until ctx ends:
// garbage as large as what is in use, Go's own pace, but at least leastGarbage.
// Whoever sets GOGC knows better.
func paceCollector(ctx context.Context) {
	if _, set := os.LookupEnv("GOGC"); set {
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	tick := time.NewTicker(paceEvery)
	defer tick.Stop()
	for {
		debug.SetGCPercent(gcPercent(heapInUse()))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
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
