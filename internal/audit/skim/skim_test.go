package skim_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/skim"
	"rolegate/model"
)

func encode(t interface{ Fatal(...any) }, v any) []byte {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is skimmed of a leaf is what Decode reads of it.
func TestSkimAgreesWithDecode(t *testing.T) {
	bytesOf := func(n int) *rapid.Generator[[]byte] { return rapid.SliceOfN(rapid.Byte(), n, n) }
	var l skim.Leaf
	rapid.Check(t, func(t *rapid.T) {
		want := audit.Leaf{
			Version: 1, Time: rapid.Int64().Draw(t, "time"), Tenant: rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "tenant"),
			Class: audit.Class(rapid.String().Draw(t, "class")), Activity: audit.Activity(rapid.String().Draw(t, "activity")), Outcome: "ok", Code: model.Code(rapid.StringN(0, 300, -1).Draw(t, "code")),
			Roles: rapid.SliceOfN(rapid.String(), 0, 30).Draw(t, "roles"), Age: rapid.Int64Range(-1, 10).Draw(t, "age"),
			Items:  rapid.SliceOfN(rapid.Just(audit.Item{Outcome: "allow", Op: "read"}), 0, 30).Draw(t, "items"),
			Source: bytesOf(8).Draw(t, "source"), Seq: rapid.Int64Min(0).Draw(t, "seq"), Count: rapid.Int64().Draw(t, "count"),
			Since: rapid.Int64().Draw(t, "since"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "segments") {
			want.Segments = append(want.Segments, audit.SegRef{Ref: bytesOf(16).Draw(t, "ref"), Epoch: rapid.StringN(1, 20, -1).Draw(t, "epoch"), Sum: bytesOf(32).Draw(t, "sum")})
		}
		if rapid.Bool().Draw(t, "act") {
			want.Act = &audit.Act{Kind: audit.EraseRequested, Scope: &audit.Scope{Refs: [][]byte{{1}}, Classes: map[audit.Class]int{"login": 3}}}
		}
		if err := l.Read(encode(t, want)); err != nil {
			t.Fatal(err)
		}
		got := audit.Leaf{Time: l.Time, Tenant: l.Tenant, Class: audit.Class(l.Class), Activity: audit.Activity(l.Activity), Source: l.Source, Seq: l.Seq, Count: l.Count, Since: l.Since}
		for _, s := range l.Segments {
			got.Segments = append(got.Segments, audit.SegRef{Ref: s.Ref, Epoch: string(s.Epoch), Sum: s.Sum})
		}
		if len(want.Tenant) == 0 {
			want.Tenant = nil
		}
		some := audit.Leaf{Time: want.Time, Tenant: want.Tenant, Class: want.Class, Activity: want.Activity, Source: want.Source, Seq: want.Seq, Count: want.Count, Since: want.Since, Segments: want.Segments}
		if diff := cmp.Diff(some, got); diff != "" || l.Act != (want.Act != nil) {
			t.Fatal(diff, l.Act)
		}
	})
}

// Whoever verifies knows all of what they say is in order: no leaf of a later
// release, no field that nobody knows, no segment without a part.
func TestSkimRefuses(t *testing.T) {
	segment := map[int]any{1: make([]byte, 16), 2: "e", 3: make([]byte, 32)}
	leaf := func(change func(leaf, segment map[int]any)) []byte {
		s := maps.Clone(segment)
		m := map[int]any{1: 1, 2: 5, 4: "login", 5: "x", 6: "ok", 19: "user", 20: make([]byte, 8), 21: 1, 22: []any{s}}
		change(m, s)
		return encode(t, m)
	}
	var l skim.Leaf
	if err := l.Read(leaf(func(map[int]any, map[int]any) {})); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(leaf, segment map[int]any){
		"another version":                func(m, _ map[int]any) { m[1] = 2 },
		"no version":                     func(m, _ map[int]any) { delete(m, 1) },
		"a field nobody knows":           func(m, _ map[int]any) { m[27] = "ann@example.com" },
		"a negative field":               func(m, _ map[int]any) { m[-1] = "ann@example.com" },
		"a segment of nobody":            func(_, s map[int]any) { delete(s, 1) },
		"a segment without a month":      func(_, s map[int]any) { delete(s, 2) },
		"a segment without a sum":        func(_, s map[int]any) { delete(s, 3) },
		"a segment with half a sum":      func(_, s map[int]any) { s[3] = make([]byte, 16) },
		"a segment of a short pseudonym": func(_, s map[int]any) { s[1] = []byte("ann") },
	} {
		if err := l.Read(leaf(change)); err == nil {
			t.Errorf("a leaf with %s is read", name)
		}
	}
}

// Nothing makes it panic, and what is read twice is the same.
func FuzzSkim(f *testing.F) {
	f.Add(encode(f, audit.Leaf{Version: 1, Class: "login", Source: make([]byte, 8), Seq: 1, Segments: []audit.SegRef{{Ref: make([]byte, 16), Epoch: "e", Sum: make([]byte, 32)}}}))
	f.Add([]byte{0xbf, 0xff})
	f.Add(bytes.Repeat([]byte{0xc0}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		var l skim.Leaf
		if l.Read(b) != nil {
			return
		}
		if d, err := audit.Decode(b); err == nil && (d.Time != l.Time || d.Seq != l.Seq || len(d.Segments) != len(l.Segments) || (d.Act != nil) && !l.Act) {
			t.Fatalf("%x is read as %+v and as %+v", b, l, d)
		}
	})
}
