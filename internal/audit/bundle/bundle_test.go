package bundle_test

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
)

// memory is a bundle in memory.
type memory fstest.MapFS

func (m memory) File(name string, data []byte) error {
	m[name] = &fstest.MapFile{Data: bytes.Clone(data), Mode: 0o600}
	return nil
}

func (m memory) clone() memory {
	c := memory{}
	for name, f := range m {
		c[name] = &fstest.MapFile{Data: bytes.Clone(f.Data), Mode: f.Mode}
	}
	return c
}

func (m memory) verify(t testing.TB, o verify.Options) verify.Report {
	t.Helper()
	r, err := verify.Run(context.Background(), bundle.New(fstest.MapFS(m)), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func export(t testing.TB, k *logkit.Kit, s bundle.Selection) (memory, bundle.Written) {
	t.Helper()
	live, err := verify.Live(k.Ctx, k.Store)
	if err != nil {
		t.Fatal(err)
	}
	m := memory{}
	s.MadeAt, s.MadeBy = time.Now(), "test"
	w, err := bundle.Write(k.Ctx, live, s, m)
	if err != nil {
		t.Fatal(err)
	}
	return m, w
}

func policy(t testing.TB, k *logkit.Kit) *verify.Policy {
	t.Helper()
	p, err := verify.KeyPolicy(k.VKey)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func want(t testing.TB, r verify.Report, status verify.Status) {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d: %+v", r.Status, status, r.Faults)
	}
}

// history is a log as a service leaves it: entries, an erasure by two people,
// checkpoints in between and a tail that none covers. known is an early checkpoint.
func history(t testing.TB, k *logkit.Kit) (known []byte) {
	t.Helper()
	k.Fill(300)
	known = k.Checkpoint()
	k.Erase("customer:c3")
	k.Fill(200)
	k.Checkpoint()
	k.Fill(60)
	k.Checkpoint()
	k.Fill(7)
	return known
}

func TestWholeLog(t *testing.T) {
	logkit.Databases(t, func(t *testing.T, k *logkit.Kit) {
		known := history(t, k)
		m, w := export(t, k, bundle.Selection{})
		r := m.verify(t, verify.Options{Policy: policy(t, k), Known: [][]byte{known}})
		want(t, r, verify.OK)
		if r.Size != w.Size || r.Entries != w.Size || r.Checkpoints != 3 || r.Signed != 3 || r.Tiles != 2 || r.Tail != w.Size-300 || r.Anchors.Known != 300 {
			t.Errorf("%+v", r)
		}
		if len(r.Shredded) != 1 || r.Shredded[0].Segments == 0 {
			t.Errorf("shredded: %+v", r.Shredded)
		}
		if live, err := verify.Live(k.Ctx, k.Store); err != nil {
			t.Error(err)
		} else if r, err := verify.Run(k.Ctx, live, verify.Options{Policy: policy(t, k)}); err != nil || r.Status != verify.Unanchored {
			t.Errorf("live: %+v, %v", r, err)
		}
	})
}

// A part of a log holds against the same checkpoints as all of it.
func TestParts(t *testing.T) {
	k := logkit.SQLite(t)
	known := history(t, k)
	for _, c := range []struct {
		name                      string
		s                         bundle.Selection
		checkpoints               int64
		entries, foreign, omitted int64 // -1: any
	}{
		{"a range", bundle.Selection{From: 310, To: 400}, 2, -1, 0, -1},
		{"a range from a checkpoint on", bundle.Selection{From: 300, To: 301}, 3, 4, 0, -1},
		{"a tenant", bundle.Selection{Tenant: logkit.Globex}, 3, -1, -1, 0},
		{"a tenant's range", bundle.Selection{Tenant: logkit.Acme, From: 100, To: 350}, 3, -1, -1, -1},
		{"the tail", bundle.Selection{From: 565, To: 0}, 1, -1, 0, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, w := export(t, k, c.s)
			r := m.verify(t, verify.Options{Policy: policy(t, k)})
			want(t, r, verify.Unanchored)
			if r.Entries != w.Entries || r.Foreign != w.Foreign || r.Omitted != w.Omitted || w.Entries+w.Foreign+w.Omitted != w.Size {
				t.Errorf("written %+v, verified %+v", w, r)
			}
			if r.Checkpoints != c.checkpoints || c.entries >= 0 && r.Entries != c.entries || c.foreign >= 0 && r.Foreign != c.foreign || c.omitted >= 0 && r.Omitted != c.omitted {
				t.Errorf("%+v", r)
			}
			for name, f := range m { // nothing of the other tenant's people
				if c.s.Tenant != nil && bytes.Contains(f.Data, k.Ref(other(c.s.Tenant), "customer:c5")) {
					t.Errorf("%s has another tenant's pseudonym", name)
				}
			}
		})
	}
	t.Run("a size that was asked for", func(t *testing.T) {
		m, _ := export(t, k, bundle.Selection{From: 400, To: 410, Sizes: []int64{300}})
		r := m.verify(t, verify.Options{Policy: policy(t, k), Known: [][]byte{known}})
		want(t, r, verify.OK)
		m, _ = export(t, k, bundle.Selection{From: 400, To: 410})
		want(t, m.verify(t, verify.Options{Known: [][]byte{known}}), verify.Unanchored) // it cannot be held against it
	})
}

// A checkpoint that was kept and lies among entries that are left out is not held
// against the log, so the log is not the one it is of for all that is known.
func TestKeptAndNotCompared(t *testing.T) {
	k := logkit.SQLite(t)
	early := history(t, k)
	late := k.Checkpoint()
	receipt := verify.Receipt{Index: 405, LeafHash: tree.LeafHash(k.Leaf(405))}
	m, _ := export(t, k, bundle.Selection{From: 400, To: 410})
	for name, o := range map[string]verify.Options{
		"beside one that was": {Known: [][]byte{early, late}},
		"beside a receipt":    {Known: [][]byte{early}, Receipts: []verify.Receipt{receipt}},
	} {
		r := m.verify(t, o)
		if r.Status != verify.Unanchored || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "of the checkpoints that were kept 1 could not") }) {
			t.Errorf("%s: status %d, %q", name, r.Status, r.Notes)
		}
	}
	want(t, m.verify(t, verify.Options{Known: [][]byte{late}, Receipts: []verify.Receipt{receipt}}), verify.OK)
}

func other(tenant []byte) string {
	if bytes.Equal(tenant, logkit.Acme) {
		return "globex"
	}
	return "acme"
}

func TestEmptyLog(t *testing.T) {
	k := logkit.SQLite(t)
	m, _ := export(t, k, bundle.Selection{})
	want(t, m.verify(t, verify.Options{}), verify.Unanchored)
}

func TestDirectory(t *testing.T) {
	k := logkit.SQLite(t)
	history(t, k)
	m, _ := export(t, k, bundle.Selection{})
	target := filepath.Join(t.TempDir(), "bundle")
	write := func() error {
		d, err := bundle.NewDir(target)
		if err != nil {
			return err
		}
		defer d.Discard()
		var stream bytes.Buffer
		tar := bundle.NewTar(&stream)
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if err := tar.File(name, m[name].Data); err != nil {
				return err
			}
		}
		if err := tar.Close(); err != nil {
			return err
		}
		if err := bundle.Unpack(&stream, d); err != nil {
			return err
		}
		return d.Commit()
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	r, err := verify.Run(t.Context(), bundle.Open(target), verify.Options{Policy: policy(t, k)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, verify.Unanchored)
	if err := write(); err == nil {
		t.Error("a bundle was written over another")
	}
	left, err := os.ReadDir(filepath.Dir(target))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the bundle: %v, %v", left, err)
	}
	_ = filepath.WalkDir(target, func(path string, d fs.DirEntry, err error) error {
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is for others, too", path)
		}
		return nil
	})
}

// A proof that was kept holds for its entry, and fixes all that is before its
// checkpoint.
func TestProofs(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	checkpoint := k.Checkpoint()
	kept := func(index int) verify.Options {
		hashes, err := tlog.ProveRecord(20, int64(index), hashesOf(t, k))
		if err != nil {
			t.Fatal(err)
		}
		p := proof.TLogProof{Index: uint64(index), Checkpoint: checkpoint}
		for _, h := range hashes {
			p.Hashes = append(p.Hashes, h)
		}
		return verify.Options{Policy: policy(t, k), Proofs: [][]byte{p.Marshal()}}
	}
	k.Fill(5)
	k.Checkpoint()
	o, wrong := kept(7), kept(8)
	m, _ := export(t, k, bundle.Selection{})
	r := m.verify(t, o)
	want(t, r, verify.OK)
	if r.Anchors.Proofs != 1 || r.Anchors.Known != 20 {
		t.Errorf("%+v", r.Anchors)
	}
	wrong.Proofs[0] = bytes.Replace(wrong.Proofs[0], []byte("index 8"), []byte("index 9"), 1)
	want(t, m.verify(t, wrong), verify.Diverge)
	k.Forge(7)
	k.Rewrite()
	m, _ = export(t, k, bundle.Selection{})
	want(t, m.verify(t, o), verify.Diverge)
	o.Proofs = [][]byte{[]byte("nothing")}
	if _, err := verify.Run(t.Context(), bundle.New(fstest.MapFS(m)), o); err == nil {
		t.Error("nothing is a proof")
	}
}

// hashesOf are golang.org/x/mod's hashes of a log.
func hashesOf(t *testing.T, k *logkit.Kit) tlog.HashReader {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(at))
		for i, n := range at {
			hashes[i] = stored[n]
		}
		return hashes, nil
	})
	for i := range k.Count("audit_entries") {
		more, err := tlog.StoredHashes(i, k.Leaf(i), read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	return read
}
