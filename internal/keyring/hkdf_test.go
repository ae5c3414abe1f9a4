package keyring

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"
)

func TestDeriveSegmentIsHKDF(t *testing.T) {
	key := rapid.SliceOfN(rapid.Byte(), keySize, keySize)
	rapid.Check(t, func(t *rapid.T) {
		person, month := key.Draw(t, "person"), key.Draw(t, "month")
		salt := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "salt")
		info := rapid.StringN(0, 300, 600).Draw(t, "info")
		want, err := hkdf.Key(sha256.New, append(bytes.Clone(person), month...), salt, info, 2*sha256.Size)
		if err != nil {
			t.Fatal(err)
		}
		if got := deriveSegment(person, month, salt, info); !bytes.Equal(got[:], want) {
			t.Fatalf("%x, want %x", got, want)
		}
	})
}

func BenchmarkDeriveSegment(b *testing.B) {
	person, month := NewPersonKey(), NewMonthKey()
	b.ReportAllocs()
	for b.Loop() {
		deriveSegment(person[:], month[:], month[:16], "audit/v1|decision/2026-11|00112233445566778899aabbccddeeff")
	}
}

func BenchmarkHKDF(b *testing.B) {
	person, month := NewPersonKey(), NewMonthKey()
	b.ReportAllocs()
	for b.Loop() {
		hkdf.Key(sha256.New, append(bytes.Clone(person[:]), month[:]...), month[:16], "audit/v1|decision/2026-11|00112233445566778899aabbccddeeff", 48)
	}
}
