package skim_test

import (
	"bytes"
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
			Class: audit.Class(rapid.String().Draw(t, "class")), Activity: "x", Outcome: "ok", Code: model.Code(rapid.StringN(0, 300, -1).Draw(t, "code")),
			Roles: rapid.SliceOfN(rapid.String(), 0, 30).Draw(t, "roles"), Age: rapid.Int64Range(-1, 10).Draw(t, "age"),
			Items:  rapid.SliceOfN(rapid.Just(audit.Item{Outcome: "allow", Op: "read"}), 0, 30).Draw(t, "items"),
			Source: bytesOf(8).Draw(t, "source"), Seq: rapid.Int64Min(0).Draw(t, "seq"), Count: rapid.Int64().Draw(t, "count"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "segments") {
			want.Segments = append(want.Segments, audit.SegRef{Ref: bytesOf(16).Draw(t, "ref"), Epoch: rapid.String().Draw(t, "epoch"), Sum: bytesOf(32).Draw(t, "sum")})
		}
		if rapid.Bool().Draw(t, "act") {
			want.Act = &audit.Act{Kind: audit.EraseRequested, Scope: &audit.Scope{Refs: [][]byte{{1}}, Classes: map[audit.Class]int{"login": 3}}}
		}
		if err := l.Read(encode(t, want)); err != nil {
			t.Fatal(err)
		}
		got := audit.Leaf{Time: l.Time, Tenant: l.Tenant, Class: audit.Class(l.Class), Source: l.Source, Seq: l.Seq}
		for _, s := range l.Segments {
			got.Segments = append(got.Segments, audit.SegRef{Ref: s.Ref, Epoch: string(s.Epoch), Sum: s.Sum})
		}
		if len(want.Tenant) == 0 {
			want.Tenant = nil
		}
		some := audit.Leaf{Time: want.Time, Tenant: want.Tenant, Class: want.Class, Source: want.Source, Seq: want.Seq, Segments: want.Segments}
		if diff := cmp.Diff(some, got); diff != "" || l.Act != (want.Act != nil) {
			t.Fatal(diff, l.Act)
		}
	})
}

// Nothing makes it panic, and what is read twice is the same.
func FuzzSkim(f *testing.F) {
	f.Add(encode(f, audit.Leaf{Version: 1, Class: "login", Source: make([]byte, 8), Seq: 1, Segments: []audit.SegRef{{Ref: []byte("r"), Epoch: "e", Sum: []byte("s")}}}))
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
