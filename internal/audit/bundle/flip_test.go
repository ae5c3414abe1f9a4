package bundle_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
)

// bundles are of every kind.
func bundles(t testing.TB) map[string]memory {
	k := logkit.SQLite(t)
	k.Fill(290)
	k.Checkpoint()
	k.Erase("customer:c3")
	k.Fill(10)
	k.Checkpoint()
	k.Fill(4)
	all := map[string]memory{}
	for name, s := range map[string]bundle.Selection{"whole": {}, "tenant": {Tenant: logkit.Acme}, "range": {From: 256, To: 295}, "both": {Tenant: logkit.Globex, From: 270, To: 300}} {
		all[name], _ = export(t, k, s)
	}
	return all
}

func run(t interface{ Fatal(...any) }, m memory) verify.Report {
	r, err := verify.Run(context.Background(), bundle.New(fstest.MapFS(m)), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Without any key, every byte counts but those that are for people.
func TestAnyByteFlippedIsFound(t *testing.T) {
	all := bundles(t)
	for name, m := range all {
		if r := run(t, m); r.Status != verify.Unanchored {
			t.Fatalf("%s: %+v", name, r.Faults)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(t, "kind")
		m := all[kind]
		file := rapid.SampledFrom(slices.Sorted(maps.Keys(m))).Draw(t, "file")
		data := m[file].Data
		i := rapid.IntRange(0, len(data)-1).Draw(t, "byte")
		by := rapid.ByteRange(1, 255).Draw(t, "by")
		data[i] ^= by
		defer func() { data[i] ^= by }()
		if r := run(t, m); r.Status == verify.OK || r.Status == verify.Unanchored {
			if file == "manifest.json" && forPeople(data) == forPeople(undone(data, i, by)) {
				return
			}
			t.Fatalf("byte %d of %s in the bundle of %s: nothing was found", i, file, kind)
		}
	})
}

func undone(data []byte, i int, by byte) []byte {
	was := slices.Clone(data)
	was[i] ^= by
	return was
}

// forPeople is a manifest without what nobody verifies.
func forPeople(manifest []byte) string {
	var m bundle.Manifest
	if json.Unmarshal(manifest, &m) != nil {
		return ""
	}
	m.MadeAt, m.MadeBy = time.Time{}, ""
	b, _ := json.Marshal(m)
	return string(b)
}

// A file that is taken away, cut off, longer, or put in is found.
func TestAnyFileMissingOrTooMuchIsFound(t *testing.T) {
	for kind, m := range bundles(t) {
		for name := range m {
			c := m.clone()
			delete(c, name)
			if r := run(t, c); r.Status < verify.Tamper {
				t.Errorf("%s: %s is missing, and nothing was found", kind, name)
			}
			for _, data := range [][]byte{m[name].Data[:len(m[name].Data)-1], append(slices.Clone(m[name].Data), 0), {}} {
				c[name] = &fstest.MapFile{Data: data}
				if r := run(t, c); r.Status < verify.Tamper {
					t.Errorf("%s: %s has %d bytes instead of %d, and nothing was found", kind, name, len(data), len(m[name].Data))
				}
			}
		}
		for _, name := range []string{"notes.txt", "entries/1.cborseq", "entries/000001.cborseq", "tile/0/000.p/3", "tile/0/001", "tile/9/000", "acts/000001.cborseq", "checkpoints/000007.cborseq", "tile/entries/000"} {
			c := m.clone()
			c[name] = &fstest.MapFile{Data: []byte{0}}
			if r := run(t, c); r.Status < verify.Tamper {
				t.Errorf("%s: %s was put in, and nothing was found", kind, name)
			}
		}
	}
}

// Nothing a bundle may hold makes the verifier panic, fail or go on forever.
func FuzzBundle(f *testing.F) {
	k := logkit.SQLite(f)
	k.Fill(12) // small ones: the fuzzer tries each byte
	k.Checkpoint()
	k.Erase("customer:c3")
	for _, s := range []bundle.Selection{{}, {Tenant: logkit.Acme}, {From: 5, To: 7}} {
		m, _ := export(f, k, s)
		data := func(name string) []byte {
			if m[name] == nil {
				return nil
			}
			return m[name].Data
		}
		f.Add(data("entries/000000.cborseq"), data("checkpoints/000000.cborseq"), data("acts/000000.cborseq"), data("manifest.json"))
	}
	f.Add([]byte{0xf6}, []byte{}, []byte{}, []byte("{}"))
	f.Fuzz(func(t *testing.T, entries, checkpoints, acts, manifest []byte) {
		m := memory{}
		for name, data := range map[string][]byte{"entries/000000.cborseq": entries, "checkpoints/000000.cborseq": checkpoints, "acts/000000.cborseq": acts, "manifest.json": manifest} {
			if len(data) > 0 {
				_ = m.File(name, data)
			}
		}
		run(t, m)
	})
}
