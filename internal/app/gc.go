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
// while a password hash of twenty is in use, would leave behind hundreds.
// Whoever sets GOGC knows better.
func paceCollector(ctx context.Context) {
	if _, set := os.LookupEnv("GOGC"); set {
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	collected := make(chan struct{}, 1)
	for pace := 100; ; {
		if p := gcPercent(scanned()); p*10 < pace*9 || p*9 > pace*10 {
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

// leastScanned is what GOGC is taken of at the least: a heap is let grow to that
// percentage of 4 MiB, however little is in use.
const leastScanned = 4 << 20

// gcPercent is the GOGC at which the collector, having gone through so many
// bytes, lets leastGarbage be left behind, or as much as it went through.
func gcPercent(scanned uint64) int {
	return int(max(100, leastGarbage*100/max(scanned, leastScanned)))
}

// scanned is what GOGC is a percentage of: what the last collection found in use,
// and the stacks and globals it went through to find it. The service has about as
// much of these as of a heap when it has little to do.
func scanned() (bytes uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		bytes += s.Value.Uint64()
	}
	return bytes
}
