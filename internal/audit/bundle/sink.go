package bundle

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"rolegate/model"
)

// Sink takes the files of a bundle, each once.
type Sink interface {
	File(name string, data []byte) error
}

// Dir is a directory that is there as a whole or not at all.
type Dir struct {
	target, work string
	made         map[string]bool
}

// NewDir begins a directory, which must not exist yet.
func NewDir(target string) (*Dir, error) {
	target = filepath.Clean(target)
	switch _, err := os.Lstat(target); {
	case err == nil:
		return nil, model.Errorf(model.CodeConflict, "%s is there already", target)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, model.Errorf(model.CodeInvalidRequest, "cannot write a bundle to %s: %v", target, err)
	}
	work, err := os.MkdirTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return nil, model.Errorf(model.CodeInvalidRequest, "cannot write a bundle to %s: %v", target, err)
	}
	return &Dir{target, work, map[string]bool{".": true}}, nil
}

// File writes one, for its owner only.
func (d *Dir) File(name string, data []byte) error {
	if !fs.ValidPath(name) {
		return fmt.Errorf("%q is no name of a file", name)
	}
	if dir := path.Dir(name); !d.made[dir] {
		if err := os.MkdirAll(filepath.Join(d.work, filepath.FromSlash(dir)), 0o700); err != nil {
			return err
		}
		d.made[dir] = true
	}
	f, err := os.OpenFile(filepath.Join(d.work, filepath.FromSlash(name)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// Commit puts the directory in its place once all of it is on the disk.
func (d *Dir) Commit() error {
	f, err := os.Open(d.work)
	if err != nil {
		return err
	}
	err = unix.Syncfs(int(f.Fd())) // one for all files; there may be many thousands
	f.Close()
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	// A rename would replace an empty directory that has come meanwhile.
	if err := unix.Renameat2(unix.AT_FDCWD, d.work, unix.AT_FDCWD, d.target, unix.RENAME_NOREPLACE); errors.Is(err, unix.EEXIST) {
		return model.Errorf(model.CodeConflict, "%s is there already", d.target)
	} else if err != nil {
		return fmt.Errorf("rename to %s: %w", d.target, err)
	}
	parent, err := os.Open(filepath.Dir(d.target))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Sync()
}

// Discard takes away what Commit has not put in its place.
func (d *Dir) Discard() error { return os.RemoveAll(d.work) }

// Tar is a stream of files, for Unpack at its other end.
type Tar struct{ w *tar.Writer }

// NewTar writes to w. Without Close its other end knows that it was cut off.
func NewTar(w io.Writer) *Tar { return &Tar{tar.NewWriter(w)} }

// File writes one.
func (t *Tar) File(name string, data []byte) error {
	if err := t.w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := t.w.Write(data)
	return err
}

// Close ends the stream.
func (t *Tar) Close() error { return t.w.Close() }

// Unpack hands the files of a Tar on.
func Unpack(r io.Reader, to Sink) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read files: %w", err)
		}
		if h.Typeflag != tar.TypeReg || h.Size > mostChunk {
			return fmt.Errorf("%q is no file of a bundle", h.Name)
		}
		data := make([]byte, h.Size)
		if _, err := io.ReadFull(t, data); err != nil {
			return fmt.Errorf("read %s: %w", h.Name, err)
		}
		if err := to.File(h.Name, data); err != nil {
			return err
		}
	}
}
