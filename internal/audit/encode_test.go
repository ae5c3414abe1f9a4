package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"rolegate/internal/audit/wire"
	"rolegate/model"
)

// The bytes of a leaf are those a CBOR library gives for it in the deterministic
// encoding, whatever is in it.
func TestLeafIsDeterministicCBOR(t *testing.T) {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	text := rapid.StringN(0, 40, 300)
	blob := rapid.SliceOfN(rapid.Byte(), 0, 300)
	number := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, -1, -24, -25}))
	rapid.Check(t, func(t *rapid.T) {
		l := Leaf{
			Version: 1, Time: number.Draw(t, "time"), Tenant: blob.Draw(t, "tenant"), Class: Class(text.Draw(t, "class")),
			Activity: Activity(text.Draw(t, "activity")), Outcome: Outcome(text.Draw(t, "outcome")), Code: model.Code(text.Draw(t, "code")),
			Roles: rapid.SliceOfN(text, 0, 30).Draw(t, "roles"), Object: text.Draw(t, "object"), Op: text.Draw(t, "op"),
			Rule: text.Draw(t, "rule"), PolicyHash: blob.Draw(t, "hash"), Revision: number.Draw(t, "revision"),
			Service: text.Draw(t, "service"), Request: text.Draw(t, "request"), Level: int(number.Draw(t, "level")),
			Age: number.Draw(t, "age"), Actor: text.Draw(t, "actor"), Source: blob.Draw(t, "source"), Seq: number.Draw(t, "seq"),
			PrevPolicy: blob.Draw(t, "prev"), Count: number.Draw(t, "count"), Since: number.Draw(t, "since"),
		}
		for range rapid.IntRange(0, 40).Draw(t, "items") {
			l.Items = append(l.Items, Item{Outcome(text.Draw(t, "o")), model.Code(text.Draw(t, "c")), text.Draw(t, "ob"), text.Draw(t, "op"), text.Draw(t, "r")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "segments") {
			l.Segments = append(l.Segments, SegRef{blob.Draw(t, "ref"), text.Draw(t, "epoch"), blob.Draw(t, "sum")})
		}
		if rapid.Bool().Draw(t, "act") {
			of := number.Draw(t, "request")
			l.Act = &Act{Kind: ActKind(text.Draw(t, "kind")), By: blob.Draw(t, "by"), Request: &of, Digest: blob.Draw(t, "digest"),
				Scope: &Scope{Refs: rapid.SliceOfN(blob, 0, 3).Draw(t, "refs"), Epochs: []Epoch{{blob.Draw(t, "tenant"), text.Draw(t, "epoch")}},
					Segments: []Segment{{number.Draw(t, "index"), 1}}, Classes: map[Class]int{"b": 1, "aa": 2}},
				Floor: number.Draw(t, "floor"), Count: number.Draw(t, "segments")}
		}
		want, err := mode.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		head, tail := l.encode()
		if got := append(wire.AppendInt(head, l.Seq), tail...); !bytes.Equal(got, want) {
			t.Fatalf("\n%x\nwant\n%x", got, want)
		}
	})
}

// Sealed objects are the JSON that the standard library reads back, with what is
// no UTF-8 replaced.
func TestSealedObjectIsJSON(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\x00", "a\xffb", "<&>\u2028", "\r\n\x1b[31m", "名字"}))
	rapid.Check(t, func(t *rapid.T) {
		object := map[string]any{}
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			object[text.Draw(t, "key")] = rapid.OneOf(text.AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(),
				rapid.Just[any](nil), rapid.SliceOf(text.AsAny()).AsAny()).Draw(t, "value")
		}
		got, err := appendObject(nil, object)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := errors.Join(json.Unmarshal(got, &a), json.Unmarshal(want, &b)); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}
