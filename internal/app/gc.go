package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector lets garbage be left behind: the more, the less often it runs.
const (
	leastGarbage = 8 << 20  // under this a collection's fixed costs are most of it
	mostGarbage  = 64 << 20 // or as much as is in use, Go's own pace, where that is more
)

// A collection goes through a megabyte in a millisecond at the most. It is to take a
// twentieth of a core, and to come once a second, where mostGarbage allows that.
const (
	collectedPerSecond = 1 << 30
	collectingShare    = 20
)

// lookEvery is how often the pace follows what is allocated. A collection of busy
// seconds has set a goal that a quiet service would not reach for minutes.
const lookEvery = time.Second

// leastLook is how long allocations are counted for a rate: the runtime hears of
// many at once, at each collection.
const leastLook = lookEvery / 10

// paceCollector adapts the collector's pace to what is in use and to how fast more
// is allocated, until ctx ends: a busy service collects once a second or a few
// times, and one that has little to do holds little more than it uses, however many people
// wait in it. It does so every second, and after each collection: a pace that suited
// a few megabytes, kept on while hundreds are loaded, would leave behind gigabytes.
// Whoever sets GOGC knows better.
func paceCollector(ctx context.Context) {
	if _, set := os.LookupEnv("GOGC"); set {
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	looks := time.NewTicker(lookEvery)
	defer looks.Stop()
	collected := make(chan struct{}, 1)
	afterCollection(collected)
	was, before, rate, pace := allocated(), time.Now(), 0.0, 100
	for {
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
		case <-collected:
			afterCollection(collected)
		}
		if took := time.Since(before); took >= leastLook {
			is := allocated()
			rate = float64(is-was) / took.Seconds()
			was, before = is, before.Add(took)
		}
		if p := gcPercent(scanned(), rate); p*10 < pace*9 || p*9 > pace*10 {
			pace = p
			debug.SetGCPercent(pace)
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

// garbage is how much may be left behind, in bytes, where a collection goes through
// so many bytes and rate more are allocated a second.
func garbage(scanned uint64, rate float64) uint64 {
	every := max(1, float64(scanned)*collectingShare/collectedPerSecond) // seconds
	wanted := rate * every
	return uint64(min(max(wanted, leastGarbage), max(mostGarbage, float64(scanned))))
}

// gcPercent is the GOGC at which so much is left behind.
func gcPercent(scanned uint64, rate float64) int {
	return max(1, int(garbage(scanned, rate)*100/max(scanned, leastScanned)))
}

// allocated is how many bytes were, since the start.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
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
