package sink

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rolegate/internal/testkit/smalldisk"
)

func deliver(t *testing.T, to Target, events ...string) {
	t.Helper()
	b := make([][]byte, len(events))
	for i, e := range events {
		b[i] = []byte(e)
	}
	if err := to.Deliver(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s holds %q, %v; want %q", filepath.Base(path), b, err, want)
	}
}

func mustOpen(t *testing.T, path string) *File {
	t.Helper()
	w, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// Lines are appended to a file that its owner alone can read; a group may where it
// was made so.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	w := mustOpen(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	deliver(t, w, `{"n":1}`, `{"n":2}`)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	w = mustOpen(t, path)
	deliver(t, w, `{"n":3}`)
	wantFile(t, path, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
}

// After a rotation the next batch is in a new file; one that is emptied in its
// place goes on from its beginning.
func TestFileRotated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	w := mustOpen(t, path)
	deliver(t, w, `{"n":1}`)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	deliver(t, w, `{"n":2}`)
	wantFile(t, path+".1", "{\"n\":1}\n")
	wantFile(t, path, "{\"n\":2}\n")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	deliver(t, w, `{"n":3}`)
	wantFile(t, path, "{\"n\":3}\n")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	deliver(t, w, `{"n":4}`)
	wantFile(t, path, "{\"n\":4}\n")
}

// A line that a crash has torn is taken away before anything is added to it.
func TestFileTorn(t *testing.T) {
	long := `{"n":"` + strings.Repeat("x", 200<<10)
	for name, c := range map[string]struct{ was, want string }{
		"whole":          {"{\"n\":1}\n", "{\"n\":1}\n{\"n\":9}\n"},
		"torn":           {"{\"n\":1}\n{\"n\":2", "{\"n\":1}\n{\"n\":9}\n"},
		"torn at once":   {"{\"n\":1", "{\"n\":9}\n"},
		"torn and long":  {"{\"n\":1}\n" + long, "{\"n\":1}\n{\"n\":9}\n"},
		"one line, long": {long, "{\"n\":9}\n"},
		"no newline yet": {"{\"n\":1}\n{\"n\":2}", "{\"n\":1}\n{\"n\":9}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			if err := os.WriteFile(path, []byte(c.was), 0o600); err != nil {
				t.Fatal(err)
			}
			deliver(t, mustOpen(t, path), `{"n":9}`)
			wantFile(t, path, c.want)
		})
	}
}

// What is not ours, or not for us alone, is left as it is.
func TestFileRefused(t *testing.T) {
	dir := t.TempDir()
	refused := func(path, why string) {
		t.Helper()
		w, err := OpenFile(path)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", path, err, why)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	refused(dir, "no regular file")
	refused("/dev/null", "no regular file")
	refused(filepath.Join(dir, "none", "audit.jsonl"), "no such file")
	for _, mode := range []os.FileMode{0o604, 0o602, 0o620, 0o666} {
		path := filepath.Join(dir, mode.String())
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		refused(path, "open to other users")
	}
	other := filepath.Join(dir, "key.pem")
	if err := os.WriteFile(other, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(other, "not lines of JSON")
	wantFile(t, other, "something else")
}

// A write that fails is not counted, and what it left is repaired by the next one.
func TestFileWriteFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	w := mustOpen(t, path)
	deliver(t, w, `{"n":1}`)
	w.f.Close()
	var err error
	if w.f, err = os.Open(path); err != nil { // for reading: writing fails
		t.Fatal(err)
	}
	if err := w.Deliver(t.Context(), [][]byte{[]byte(`{"n":2}`)}); err == nil {
		t.Fatal("what was not written is delivered")
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"n":`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	deliver(t, w, `{"n":2}`)
	wantFile(t, path, "{\"n\":1}\n{\"n\":2}\n")
}

// On a full disk a batch that does not fit leaves nothing of itself, however often
// it is tried: it must fit once there is room for it.
func TestFileOnAFullDisk(t *testing.T) {
	smalldisk.Run(t, 64<<10, func(d *smalldisk.Disk) {
		path := filepath.Join(d.Dir, "audit.jsonl")
		w := mustOpen(t, path)
		defer w.Close()
		deliver(t, w, `{"n":1}`)
		if err := os.WriteFile(filepath.Join(d.Dir, "other"), make([]byte, 32<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		var batch [][]byte
		for range 40 {
			batch = append(batch, []byte(`{"n":"`+strings.Repeat("x", 1<<10)+`"}`))
		}
		for range 3 {
			if err := w.Deliver(t.Context(), batch); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("on a full disk: %v", err)
			}
			wantFile(t, path, "{\"n\":1}\n")
		}
		if err := os.Remove(filepath.Join(d.Dir, "other")); err != nil {
			t.Fatal(err)
		}
		if err := w.Deliver(t.Context(), batch); err != nil {
			t.Errorf("once there is room: %v", err)
		}
	})
}
