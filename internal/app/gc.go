package app

import (
	"context"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The collector lets garbage be left behind: the more, the less often it runs.
const (
	leastGarbage = 4 << 20   // under this a collection's fixed costs are most of it
	mostGarbage  = 192 << 20 // or as much as is in use, Go's own pace, where that is more
	garbageShare = 8         // at the most an eighth of what memory there is, likewise
)

// mostGarbage is for bursts: of those a decision leaves some 18 kB behind, its record
// included, and with tens of thousands of records waiting in memory each collection goes
// through all of them. What it costs and gives is in docs/decisions/0016.

// A collection goes through a megabyte in a millisecond at the most. It is to take a
// twentieth of a core, and to come once a second, where mostGarbage allows that.
const (
	collectedPerSecond = 1 << 30
	collectingShare    = 20
)

// lookEvery is how often the pace follows what is allocated. A collection of busy
// seconds has set a goal that a quiet service would not reach for minutes.
const lookEvery = time.Second

// leastLook is how long allocations are counted at the least: the runtime hears of
// many at once, at each collection. The rate is that of the last rateOver or so, as
// of a moment at which hundreds come together there would be garbage for a second.
const (
	leastLook = lookEvery / 10
	rateOver  = time.Second / 2
)

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
	most := min(mostGarbage, max(memoryGiven()/garbageShare, leastGarbage))
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
			rate = smoothed(rate, float64(is-was)/took.Seconds(), took)
			was, before = is, before.Add(took)
		}
		if p := gcPercent(scanned(), rate, most); p*10 < pace*9 || p*9 > pace*10 {
			pace = p
			debug.SetGCPercent(pace)
		}
	}
}

// smoothed is a rate over rateOver, after another over some time that has just passed.
func smoothed(rate, latest float64, took time.Duration) float64 {
	return rate + (latest-rate)*min(1, took.Seconds()/rateOver.Seconds())
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
func garbage(scanned uint64, rate float64, most uint64) uint64 {
	every := max(1, float64(scanned)*collectingShare/collectedPerSecond) // seconds
	wanted := rate * every
	return uint64(min(max(wanted, leastGarbage), max(float64(most), float64(scanned))))
}

// gcPercent is the GOGC at which so much is left behind.
func gcPercent(scanned uint64, rate float64, most uint64) int {
	return max(1, int(garbage(scanned, rate, most)*100/max(scanned, leastScanned)))
}

// atRest is what a process that hashes passwords holds of a container's memory.
const atRest = 35 << 20

// limitMemory has the collector run sooner rather than let the container be
// killed, as it comes near to what it may take. Whoever sets GOMEMLIMIT knows better.
// What it returns takes the limit back.
func limitMemory(workers int) (undo func()) {
	given := memoryGiven()
	if _, set := os.LookupEnv("GOMEMLIMIT"); set || given >= unlimited {
		return func() {}
	}
	was := debug.SetMemoryLimit(int64(ownMemory(given, workers)))
	return func() { debug.SetMemoryLimit(was) }
}

// unlimited is more than any machine has: cgroup v1 spells no limit as a number.
const unlimited = 1 << 60

// ownMemory is this process's part of what is given: nine tenths, without what the
// others take, and a half at the least, as with too little it would only collect.
func ownMemory(given uint64, workers int) uint64 {
	others := min(given, uint64(workers)*atRest)
	return max(given/10*9-min(others, given/10*9), given/2)
}

// memoryGiven is the memory this process may take, in bytes: what GOMEMLIMIT says, or
// the container it is in.
func memoryGiven() uint64 {
	return min(uint64(debug.SetMemoryLimit(-1)), memoryOfGroups("/proc/self/cgroup", "/sys/fs/cgroup"))
}

// memoryOfGroups is the least that the cgroups allow which the process is in: its
// own, as a file such as /proc/self/cgroup names them, and all above. Both versions
// are looked at, below where they are mounted: memory.max (v2) and
// memory/…/memory.limit_in_bytes (v1). Inside a container the own one is often
// what is mounted, whatever it is called.
func memoryOfGroups(self, mounted string) uint64 {
	given := uint64(math.MaxInt64)
	look := func(root, group, name string) {
		for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
			if file, err := os.ReadFile(filepath.Join(root, dir, name)); err == nil {
				given = min(given, limitIn(string(file)))
			}
			if dir == "/" {
				return
			}
		}
	}
	groups, _ := os.ReadFile(self) // without it, what is mounted
	for line := range strings.Lines("0::/\n1:memory:/\n" + string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		switch {
		case len(parts) < 3:
		case parts[1] == "":
			look(mounted, parts[2], "memory.max")
		case slices.Contains(strings.Split(parts[1], ","), "memory"):
			look(filepath.Join(mounted, "memory"), parts[2], "memory.limit_in_bytes")
		}
	}
	return given
}

// limitIn reads a cgroup's limit, which may be "max".
func limitIn(file string) uint64 {
	if n, err := strconv.ParseUint(strings.TrimSpace(file), 10, 64); err == nil {
		return n
	}
	return math.MaxInt64
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
