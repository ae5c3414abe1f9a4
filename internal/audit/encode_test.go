package audit

import (
	"bytes"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

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
			PrevPolicy: blob.Draw(t, "prev"), Count: number.Draw(t, "count"),
		}
		for range rapid.IntRange(0, 40).Draw(t, "items") {
			l.Items = append(l.Items, Item{Outcome(text.Draw(t, "o")), model.Code(text.Draw(t, "c")), text.Draw(t, "ob"), text.Draw(t, "op"), text.Draw(t, "r")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "segments") {
			l.Segments = append(l.Segments, SegRef{blob.Draw(t, "ref"), text.Draw(t, "epoch"), blob.Draw(t, "sum")})
		}
		want, err := mode.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		head, tail := l.encode()
		if got := append(appendInt(head, l.Seq), tail...); !bytes.Equal(got, want) {
			t.Fatalf("\n%x\nwant\n%x", got, want)
		}
	})
}
