package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File appends events to a file, a line each. It is made 0600, and synced before a
// batch counts. Whoever rotates it renames it, and has nobody to signal: the path is
// looked at before each batch, and opened anew when it is another file or none.
type File struct {
	path string
	f    *os.File // nil until the next batch opens it
}

// OpenFile opens the file, or says why it cannot be used.
func OpenFile(path string) (*File, error) {
	w := &File{path: path}
	return w, w.open()
}

// Deliver writes and syncs the events.
func (w *File) Deliver(_ context.Context, events [][]byte) error {
	if !w.current() {
		_ = w.Close() // what is in it is synced
		if err := w.open(); err != nil {
			return err
		}
	}
	before, err := w.f.Stat()
	if err != nil {
		return err
	}
	lines := append(bytes.Join(events, []byte("\n")), '\n')
	_, err = w.f.Write(lines)
	if err == nil {
		err = w.f.Sync()
	}
	if err != nil {
		// What is there of the batch comes again. On a disk that is full it would
		// take the room that the batch waits for.
		return errors.Join(err, w.f.Truncate(before.Size()), w.Close())
	}
	return nil
}

// Close closes the file.
func (w *File) Close() error {
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	return err
}

// current tells whether the open file is the one of the path.
func (w *File) current() bool {
	if w.f == nil {
		return false
	}
	open, err := w.f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(w.path)
	return err == nil && os.SameFile(open, there)
}

func (w *File) open() error {
	if info, err := os.Stat(w.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", w.path) // opening a pipe would wait for its reader
	}
	f, err := os.OpenFile(w.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := prepare(f, w.path); err != nil {
		return errors.Join(err, f.Close())
	}
	w.f = f
	return nil
}

// prepare makes sure that others cannot get at the file, that its name outlives a
// crash, and that its last line is whole.
func prepare(f *os.File, path string) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	case info.Mode().Perm()&0o027 != 0:
		return fmt.Errorf("%s is open to other users (mode %04o); run \"chmod 600 %s\", or 640 for a group that reads it", path, info.Mode().Perm(), path)
	case info.Size() == 0:
		return syncDir(filepath.Dir(path))
	}
	return repair(f, info.Size())
}

// repair takes away a last line that a crash has torn. Its events were not counted
// as delivered, and come again.
func repair(f *os.File, size int64) error {
	const block = 64 << 10
	buf := make([]byte, block)
	for end := size; end > 0; {
		from := max(0, end-block)
		part := buf[:end-from]
		if _, err := f.ReadAt(part, from); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return truncate(f, size, from+int64(i)+1)
		}
		if from == 0 && part[0] != '{' {
			return errors.New("what is in the file is not lines of JSON; name another file")
		}
		end = from
	}
	return truncate(f, size, 0)
}

func truncate(f *os.File, size, to int64) error {
	if to == size {
		return nil
	}
	return errors.Join(f.Truncate(to), f.Sync())
}

// syncDir makes a new name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, fs.ErrInvalid) {
		err = nil // a file system without it
	}
	return errors.Join(err, d.Close())
}
