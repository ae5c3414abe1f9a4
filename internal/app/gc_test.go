package app

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestCollectorsPace(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		scanned, rate, most, garbage uint64 // in MiB
		percent                      int
	}{
		{0, 0, 192, 4, 100},
		{1, 30, 192, 30, 750},
		{4, 500, 192, 192, 4800},     // busy
		{4, 500, 64, 64, 1600},       // and with little memory
		{32, 1, 192, 4, 12},          // many people wait
		{32, 20, 192, 20, 62},        // and log in
		{400, 1, 192, 7, 1},          // a collection every eight seconds, of less than a half
		{400, 40, 192, 312, 78},      // and as seldom when more is allocated
		{1024, 1, 192, 20, 1},        // GOGC knows whole percents
		{1024, 1000, 192, 1024, 100}, // Go's own pace
	} {
		if got := garbage(c.scanned*mb, float64(c.rate*mb), c.most*mb); got/mb != c.garbage {
			t.Errorf("%+v: %d bytes are left behind", c, got)
		}
		if got := gcPercent(c.scanned*mb, float64(c.rate*mb), c.most*mb); got != c.percent {
			t.Errorf("%+v: GOGC %d", c, got)
		}
	}
}

// A crowd that comes at one moment does not set the pace by itself; a load that goes
// on for a second does.
func TestCollectorsRate(t *testing.T) {
	rate := smoothed(0, 100, leastLook)
	if rate > 25 {
		t.Errorf("a tenth of a second of 100 counts for %.0f", rate)
	}
	for range 9 {
		rate = smoothed(rate, 100, leastLook)
	}
	if rate < 80 {
		t.Errorf("a second of 100 counts for %.0f", rate)
	}
	if rate = smoothed(rate, 1, lookEvery); rate != 1 {
		t.Errorf("a second of 1 counts for %.0f", rate)
	}
}

func TestMemoryGiven(t *testing.T) {
	for file, want := range map[string]uint64{"536870912\n": 512 << 20, "max\n": math.MaxInt64, "": math.MaxInt64} {
		if got := limitIn(file); got != want {
			t.Errorf("%q: %d", file, got)
		}
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(300 << 20))
	if got := memoryGiven(); got > 300<<20 {
		t.Errorf("%d bytes where GOMEMLIMIT is less", got)
	}
}

// A container's memory is left room in, and to who hashes passwords.
func TestOwnMemory(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		given   uint64
		workers int
		own     uint64
	}{{1000 * mb, 0, 900}, {1000 * mb, 1, 865}, {1000 * mb, 8, 620}, {200 * mb, 8, 100}, {0, 8, 0}} {
		if got := ownMemory(c.given, c.workers) / mb; got != c.own {
			t.Errorf("%+v: %d MB", c, got)
		}
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	before := debug.SetMemoryLimit(-1)
	limitMemory(1)()
	if debug.SetMemoryLimit(-1) != before {
		t.Error("what GOMEMLIMIT says does not hold")
	}
}

// The limit that holds may be of the own cgroup, or of one above.
func TestMemoryOfGroups(t *testing.T) {
	for _, c := range []struct {
		name, self string
		files      map[string]string
		want       uint64
	}{
		{"none", "", nil, math.MaxInt64},
		{"what is mounted", "0::/\n", map[string]string{"memory.max": "1000\n"}, 1000},
		{"named otherwise outside", "0::/../../x\n", map[string]string{"memory.max": "1000\n"}, 1000},
		{"its own", "0::/system.slice/rolegate.service\n", map[string]string{"system.slice/memory.max": "max\n", "system.slice/rolegate.service/memory.max": "1000\n"}, 1000},
		{"one above", "0::/a/b\n", map[string]string{"a/memory.max": "500\n", "a/b/memory.max": "1000\n"}, 500},
		{"a neighbour's", "0::/a/b\n", map[string]string{"a/c/memory.max": "500\n"}, math.MaxInt64},
		{"version 1", "5:cpu,memory:/docker/x\n4:pids:/y\n", map[string]string{"memory/docker/x/memory.limit_in_bytes": "700\n", "memory/y/memory.limit_in_bytes": "1\n"}, 700},
		{"version 1, mounted", "", map[string]string{"memory/memory.limit_in_bytes": "700\n"}, 700},
		{"version 1, none", "", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 9223372036854771712},
	} {
		dir := t.TempDir()
		self := filepath.Join(dir, "self")
		files := map[string]string{"../self": c.self}
		for name, text := range c.files {
			files[name] = text
		}
		for name, text := range files {
			file := filepath.Join(dir, "mounted", name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := memoryOfGroups(self, filepath.Join(dir, "mounted")); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// What the collector works from is not the heap alone: it lets be left behind a
// percentage of the heap in use and of the stacks and globals that lead to it.
func TestCollectorsGoal(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	runtime.GC()
	debug.SetGCPercent(gcPercent(scanned(), 1<<40, mostGarbage))
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	left := sample[0].Value.Uint64() - sample[1].Value.Uint64()
	if left < mostGarbage*3/4 || left > mostGarbage*5/4 {
		t.Errorf("%d bytes are left behind, want about %d", left, mostGarbage)
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
	allocate := func(mb int) { // within a look
		for range mb {
			kept = make([]byte, 1<<20)
		}
		kept = nil
	}
	until("little in use", func(p int) bool { allocate(2); return p > 100 })
	much := make([]byte, 2*mostGarbage) // more than any rate lets be left behind
	until("much in use", func(p int) bool { allocate(2); return p <= 100 })
	runtime.KeepAlive(much)
	until("little again", func(p int) bool { allocate(2); return p > 100 })
	until("little to do", func(p int) bool { return p <= 100*leastGarbage/leastScanned })
	cancel()
	<-done
	if p := percent(); p != 100 {
		t.Errorf("GOGC %d is left behind", p)
	}
}

var kept []byte // what is stored here is on the heap
