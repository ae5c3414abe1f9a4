package bundle_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"

	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/verify"
	"rolegate/internal/audit/wire"
	"rolegate/internal/testkit/logkit"
)

// A bundle is files and nothing else: what leads out of it is not followed, and
// what would be waited for is not opened, the manifest no more than the others.
func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	k.Checkpoint()
	m, _ := export(t, k, bundle.Selection{})
	for name := range m {
		for kind, put := range map[string]func(path, elsewhere string) error{
			"a link":   func(path, elsewhere string) error { return os.Symlink(elsewhere, path) },
			"a pipe":   func(path, _ string) error { return unix.Mkfifo(path, 0o600) },
			"a folder": func(path, _ string) error { return os.Mkdir(path, 0o700) },
		} {
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "bundle"), fstest.MapFS(m)); err != nil {
				t.Fatal(err)
			}
			path, elsewhere := filepath.Join(dir, "bundle", name), filepath.Join(dir, "elsewhere")
			if err := os.Rename(path, elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := put(path, elsewhere); err != nil {
				t.Fatal(err)
			}
			r, err := verify.Run(t.Context(), bundle.Open(filepath.Join(dir, "bundle")), verify.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Status < verify.Tamper {
				t.Errorf("%s is %s, and nothing was found", name, kind)
			}
		}
	}
}

// What takes little room in a bundle does not take a lot of memory, and is named.
func TestBombs(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	k.Checkpoint()
	good, _ := export(t, k, bundle.Selection{})
	const n = 5_000_000
	leaf := k.Leaf(0)
	empty := wire.AppendHead(wire.AppendBytes(wire.AppendHead(nil, wire.Array, 2), leaf), wire.Array, n)
	for i := range int64(n) {
		empty = wire.AppendInt(wire.AppendHead(empty, wire.Array, 5), i)
		empty = append(empty, 0x40, 0x40, 0x40, 0x40)
	}
	// A leaf of segments without anything in them.
	parts := []byte{0xa2, 1, 1, 22}
	parts = append(wire.AppendHead(parts, wire.Array, 10*n), bytes.Repeat([]byte{0xa0}, 10*n)...)
	parts = wire.AppendHead(wire.AppendBytes(wire.AppendHead(nil, wire.Array, 2), parts), wire.Array, 0)
	lines := append([]byte(logkit.Origin+"\n1\n"), bytes.Repeat([]byte("x\n"), 5*n)...)
	lines = append(lines, "\n— x x\n"...)
	lines = wire.AppendBytes(wire.AppendInt(wire.AppendHead(nil, wire.Array, 2), 1), lines)
	for name, c := range map[string]struct {
		file string
		data []byte
	}{
		"segments":           {"entries/000000.cborseq", empty},
		"segments of a leaf": {"entries/000000.cborseq", parts},
		"lines":              {"checkpoints/000000.cborseq", lines},
	} {
		m := good.clone()
		_ = m.File(c.file, c.data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := m.verify(t, verify.Options{})
		runtime.ReadMemStats(&after)
		if r.Status < verify.Tamper {
			t.Errorf("%s: status %d", name, r.Status)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 256<<20 {
			t.Errorf("%s: %d MiB for %d MiB", name, took>>20, len(c.data)>>20)
		}
	}
}

// Who rewrites a log may give it another name and another key: what was kept tells
// so all the same.
func TestAnotherName(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	o := verify.Options{Known: [][]byte{k.Checkpoint()}}
	skey, _, err := note.GenerateKey(rand.Reader, "crm.example.com/v2/audit")
	if err != nil {
		t.Fatal(err)
	}
	if k.Signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	k.Rewrite()
	m, _ := export(t, k, bundle.Selection{})
	want(t, m.verify(t, verify.Options{}), verify.Unanchored)
	want(t, m.verify(t, o), verify.Diverge)
}

// A receipt is an anchor, and fixes its entry alone: the report never says more.
func TestReceiptsFixTheirEntries(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	k.Checkpoint()
	m, _ := export(t, k, bundle.Selection{})
	r := m.verify(t, verify.Options{Receipts: []verify.Receipt{{Index: 7, LeafHash: tree.LeafHash(k.Leaf(7))}}})
	want(t, r, verify.OK)
	if r.Tail != r.Size || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, "receipts fix the entries they are of and no others") }) {
		t.Errorf("%d of %d entries are said to be unanchored: %q", r.Tail, r.Size, r.Notes)
	}
}
