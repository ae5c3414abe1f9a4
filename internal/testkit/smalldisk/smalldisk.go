// Package smalldisk gives tests a file system of a few megabytes that fills up. It
// appears in tests only.
//
// Mounting one needs root. Whoever is not has the test run once more, as a process
// in a user namespace of its own, where mounting is allowed.
//
//	CI=true  where neither is possible the test fails instead of being skipped
package smalldisk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Disk is a mounted file system.
type Disk struct {
	Dir string // its root
}

// Run gives the test a disk with room for size bytes.
func Run(t *testing.T, size int, test func(d *Disk)) {
	t.Helper()
	d, err := mount(t, size)
	switch {
	case err == nil:
		test(d)
	case errors.Is(err, syscall.EPERM) && os.Getenv(inside) == "":
		again(t)
	default:
		unavailable(t, err)
	}
}

func mount(t *testing.T, size int) (*Disk, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "disk") // of t.TempDir nobody else may reach what is below
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return nil, fmt.Errorf("mount a small file system: %w", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return &Disk{dir}, nil
}

// inside is set in a process of again.
const inside = "ROLEGATE_TEST_SMALLDISK"

// again runs the test in a process that may mount, as the same user, and takes its
// outcome.
func again(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var path []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		path = append(path, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(program, "-test.v", "-test.run="+strings.Join(path, "/"))
	cmd.Env = append(os.Environ(), inside+"=1")
	uid, gid := os.Getuid(), os.Getgid()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		AmbientCaps: []uintptr{capSysAdmin},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	t.Logf("in a user namespace:\n%s", out)
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		t.Error(err)
	case err != nil:
		unavailable(t, fmt.Errorf("make a user namespace: %w", err))
	case !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		unavailable(t, errors.New("the test was not run in a user namespace"))
	}
}

const capSysAdmin = 21 // capabilities(7)

func unavailable(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	t.Fatal(err)
}

// Fill takes all the room that is left.
func (d *Disk) Fill(t testing.TB) {
	t.Helper()
	f, err := os.Create(d.filler())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// Free gives back what Fill took.
func (d *Disk) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(d.filler()); err != nil {
		t.Fatal(err)
	}
}

func (d *Disk) filler() string { return filepath.Join(d.Dir, "filler") }
