package wire_test

import (
	"bytes"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"rolegate/internal/audit/wire"
)

// What is written is what a library of others reads, and is read back; in a longer
// form it is refused.
func TestNumbersAndStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, s := rapid.Int64().Draw(t, "n"), rapid.SliceOfN(rapid.Byte(), 0, 70_000).Draw(t, "s")
		b := wire.AppendBytes(wire.AppendInt(nil, n), s)
		var other int64
		rest, err := cbor.UnmarshalFirst(b, &other)
		var others []byte
		if err != nil || other != n || cbor.Unmarshal(rest, &others) != nil || !bytes.Equal(others, s) {
			t.Fatalf("%d and %d bytes are read as %d and %d bytes: %v", n, len(s), other, len(others), err)
		}
		r := wire.Reader{Rest: b}
		gotN, ok := r.Int()
		gotS, okToo := r.String(wire.Bytes)
		if !ok || !okToo || gotN != n || !bytes.Equal(gotS, s) || len(r.Rest) > 0 {
			t.Fatalf("%d and %d bytes are read as %d and %d bytes", n, len(s), gotN, len(gotS))
		}
		skip := wire.Reader{Rest: b}
		if !skip.Skip() || !skip.Skip() || len(skip.Rest) > 0 {
			t.Fatal("stepping over goes another way than reading")
		}
	})
}

func TestRefused(t *testing.T) {
	for _, b := range [][]byte{
		{}, {0x18}, {0x18, 0x17}, {0x19, 0x00, 0xff}, {0x1a, 0, 0, 0xff, 0xff}, {0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, // not the shortest
		{0x1c}, {0x1f}, {0x5f, 0xff}, {0x9f, 0xff}, {0x42, 1}, {0x82, 1}, {0xa1, 1}, {0xf8}, {0xfc}, {0xff}, bytes.Repeat([]byte{0x81}, 100),
		{0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		if r := (wire.Reader{Rest: b}); r.Skip() {
			t.Errorf("%x is stepped over", b)
		}
		if r := (wire.Reader{Rest: b}); len(b) > 0 && b[0] < 0x40 {
			if _, ok := r.Int(); ok {
				t.Errorf("%x is a number", b)
			}
		}
	}
	for _, b := range [][]byte{{0xf6}, {0xf4}, {0xfb, 0, 0, 0, 0, 0, 0, 0, 0}, {0xc0, 0}, {0xa1, 1, 0x82, 1, 2}} {
		if r := (wire.Reader{Rest: b}); !r.Skip() || len(r.Rest) > 0 {
			t.Errorf("%x is not stepped over", b)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{0x82, 1, 0x42, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		for r := (wire.Reader{Rest: b}); len(r.Rest) > 0; {
			before := len(r.Rest)
			if !r.Skip() {
				return
			}
			if len(r.Rest) >= before {
				t.Fatal("it does not come on")
			}
		}
	})
}
