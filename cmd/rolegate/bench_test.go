package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkStart starts the service on an empty directory and reports what the
// README promises: ms-to-ready from process start to accepting connections, and
// idle-MB, the resident memory five seconds later. It measures the test binary,
// which holds the whole of rolegate and the test harness besides.
func BenchmarkStart(b *testing.B) {
	var ready time.Duration
	var idle float64
	for b.Loop() {
		p := serveProcess(b, shortDir(b))
		ready += p.Ready
		time.Sleep(5 * time.Second)
		idle = max(idle, residentMB(b, p.cmd.Process.Pid))
		p.kill()
	}
	b.ReportMetric(float64(ready.Milliseconds())/float64(b.N), "ms-to-ready")
	b.ReportMetric(idle, "idle-MB")
	b.ReportMetric(0, "ns/op")
}

// residentMB is the process's resident set (VmRSS) in MB.
func residentMB(b *testing.B, pid int) float64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kb) / 1000
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
