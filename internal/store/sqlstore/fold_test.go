package sqlstore

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"rolegate/internal/store"
)

// The write-ahead log is folded into the file beside the commits, long before one of
// them would have to, and it does not grow for ever.
func TestLogIsFolded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rolegate.db")
	db, err := OpenSQLite(t.Context(), path)
	opened(t, db, err)
	size := func(path string) int64 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	leaf := bytes.Repeat([]byte{1}, 64<<10)
	commits := func(n int) {
		t.Helper()
		for range n {
			if _, err := db.AppendEntries(t.Context(), []store.Entry{{Leaf: leaf}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := size(path)
	commits(foldEvery - 1)
	if size(path) != before {
		t.Fatal("the log is folded already: what follows shows nothing")
	}
	commits(1)
	db.folder.stop() // when what is due has been done
	if grown := size(path) - before; grown < foldEvery*int64(len(leaf)) {
		t.Errorf("after %d commits the file has grown by %d bytes", foldEvery, grown)
	}
	commits(200)
	if n := size(path + "-wal"); n > (mostUnfolded+100)*4200 {
		t.Errorf("with nobody to fold it the log has %d bytes", n)
	}
}
