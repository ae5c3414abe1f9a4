package smalldisk_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rolegate/internal/testkit/smalldisk"
)

func TestDisk(t *testing.T) {
	smalldisk.Run(t, 1<<20, func(d *smalldisk.Disk) {
		file := filepath.Join(d.Dir, "file")
		write := func() error { return os.WriteFile(file, make([]byte, 256<<10), 0o600) }
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		d.Fill(t)
		if err := write(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("on a full disk: %v", err)
		}
		d.Free(t)
		if err := write(); err != nil {
			t.Errorf("once there is room: %v", err)
		}
	})
}

// The outcome of a test in a process of its own is the test's.
func TestUnderASubtest(t *testing.T) {
	t.Run("with spaces (and brackets)", func(t *testing.T) {
		smalldisk.Run(t, 1<<20, func(d *smalldisk.Disk) { d.Fill(t) })
	})
}
