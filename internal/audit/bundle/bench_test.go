package bundle_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
)

// BenchmarkVerify verifies a bundle on the disk, with two segments an entry and a
// signed checkpoint each hundred, on one core. The bar is 100,000 entries a second.
func BenchmarkVerify(b *testing.B) {
	k := logkit.SQLite(b)
	k.Fill(100_000)
	k.Checkpoints(100)
	m, w := export(b, k, bundle.Selection{})
	dir := b.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS(m)); err != nil {
		b.Fatal(err)
	}
	o := verify.Options{Policy: policy(b, k)}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	began := cpu(b)
	for b.Loop() {
		r, err := verify.Run(context.Background(), bundle.Open(dir), o)
		if err != nil || r.Status != verify.Unanchored || r.Entries != w.Size || r.Segments != 2*w.Size {
			b.Fatalf("%+v, %v", r, err)
		}
	}
	b.ReportMetric(float64(w.Size)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(w.Size)*float64(b.N)/(cpu(b)-began).Seconds(), "entries/cpu-s") // on a machine that others use
	b.ReportMetric(0, "ns/op")
}

// cpu is the time this process has had a core for.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkExport writes a bundle, to nowhere.
func BenchmarkExport(b *testing.B) {
	k := logkit.SQLite(b)
	k.Fill(50_000)
	k.Checkpoint()
	for b.Loop() {
		live, err := verify.Live(k.Ctx, k.Store)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := bundle.Write(k.Ctx, live, bundle.Selection{}, nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(50_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(0, "ns/op")
}

type nowhere struct{}

func (nowhere) File(string, []byte) error { return nil }
