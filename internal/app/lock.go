package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"rolegate/model"
)

// errLocked means another process works on the data directory.
var errLocked = errors.New("the data directory is in use")

// lock is the process lock of a data directory. Whoever holds it may open the
// SQLite files and listen on the socket; the kernel lets go of it when the
// process ends, however it ends.
type lock struct{ f *os.File }

func lockPath(dir string) string { return filepath.Join(dir, "rolegate.lock") }

// takeLock takes $ROLEGATE_DATA/rolegate.lock without waiting, or says errLocked.
func takeLock(dir string) (*lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, model.Errorf(model.CodeStoreUnavailable, "ROLEGATE_DATA %s cannot be made: %v", dir, cause(err))
	}
	path := lockPath(dir)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, model.Errorf(model.CodeStoreUnavailable, "ROLEGATE_DATA %s cannot be written: %v", dir, cause(err))
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, errLocked
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &lock{f}, nil
}

func (l *lock) release() error { return l.f.Close() }
