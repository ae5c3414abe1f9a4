package keyring

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

const label = "default|staff|2026-01|7f3a"

// The construction of the log's format, rebuilt from HMAC and AES-GCM alone.
func TestSegmentByHand(t *testing.T) {
	person, month := counting(0), counting(100)
	text := []byte(`{"user":"alice"}`)
	salt, commitment, ciphertext, err := SealSegment(person, month, label, text)
	if err != nil {
		t.Fatal(err)
	}
	if len(salt) != 16 || len(commitment) != 16 || len(ciphertext) != len(text)+16 {
		t.Fatalf("salt of %d bytes, commitment of %d, ciphertext of %d", len(salt), len(commitment), len(ciphertext))
	}
	okm := hkdfByHand(append(counting(0), counting(100)...), salt, "audit/v1|"+label, 48)
	if !bytes.Equal(commitment, okm[32:]) {
		t.Errorf("commitment = %x, want %x", commitment, okm[32:])
	}
	got, err := gcm(t, okm[:32]).Open(nil, make([]byte, 12), ciphertext, nil)
	if err != nil || !bytes.Equal(got, text) {
		t.Errorf("by hand: %q, %v; want %q", got, err, text)
	}
}

// Test cases 13 and 14 of "The Galois/Counter Mode of Operation" (McGrew and
// Viega, appendix B): a 256-bit key and an IV of zeros, as segments have it.
func TestSegmentCipherVectors(t *testing.T) {
	aead, err := oneTime(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		plaintext []byte
		want      string
	}{
		{nil, "530f8afbc74536b9a963b4f1c4cb738b"},
		{make([]byte, 16), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
	} {
		if got := hex.EncodeToString(aead.Seal(nil, make([]byte, nonceSize), c.plaintext, nil)); got != c.want {
			t.Errorf("Seal(%x) = %s, want %s", c.plaintext, got, c.want)
		}
	}
}

func TestSegmentFormatIsFrozen(t *testing.T) {
	got, err := OpenSegment(counting(0), counting(100), label,
		unhex(t, "59844a45e17e6285e831a671db5f3de5"), unhex(t, "643688d5fc0ae24a57c4db51f11207e7"), unhex(t, "d421344c81f6b178956a0bf7a2b3da8b1b6160420ed9d88060df631cbcc96318"))
	if err != nil || string(got) != `{"user":"alice"}` {
		t.Errorf("OpenSegment = %q, %v; want the golden segment", got, err)
	}
}

func TestSegmentRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		person, month := NewPersonKey(), NewMonthKey()
		label := rapid.StringN(1, 20, -1).Draw(t, "label")
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		salt, commitment, ciphertext, err := SealSegment(person[:], month[:], label, text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenSegment(person[:], month[:], label, salt, commitment, ciphertext)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("OpenSegment = %x, %v; want %x", got, err, text)
		}
		salt2, commitment2, ciphertext2, err := SealSegment(person[:], month[:], label, text)
		if err != nil || bytes.Equal(salt, salt2) || bytes.Equal(commitment, commitment2) || bytes.Equal(ciphertext, ciphertext2) {
			t.Fatalf("sealing twice gives the same bytes (%v)", err)
		}
		other := rapid.StringN(1, 20, -1).Draw(t, "other label")
		if _, err := OpenSegment(person[:], month[:], other, salt, commitment, ciphertext); (err == nil) != (other == label) {
			t.Fatalf("sealed for %q, opened for %q: %v", label, other, err)
		}
	})
}

func TestSegmentFaults(t *testing.T) {
	person, month := NewPersonKey(), NewMonthKey()
	person2, month2 := NewPersonKey(), NewMonthKey()
	zeros := make([]byte, 32)
	type segment struct {
		person, month              []byte
		label                      string
		salt, commitment, ciphered []byte
	}
	salt, commitment, ciphertext, err := SealSegment(person[:], month[:], label, []byte("alice"))
	if err != nil {
		t.Fatal(err)
	}
	salt2, commitment2, ciphertext2, err := SealSegment(person2[:], month[:], label, []byte("bob"))
	if err != nil {
		t.Fatal(err)
	}
	good := segment{person[:], month[:], label, salt, commitment, ciphertext}
	fault := func(name string, change func(*segment)) {
		t.Helper()
		s := good
		change(&s)
		if got, err := OpenSegment(s.person, s.month, s.label, s.salt, s.commitment, s.ciphered); err != ErrOpen || got != nil {
			t.Errorf("%s: OpenSegment = %q, %v; want ErrOpen", name, got, err)
		}
	}
	fault("another person", func(s *segment) { s.person = person2[:] })
	fault("another month", func(s *segment) { s.month = month2[:] })
	fault("keys exchanged", func(s *segment) { s.person, s.month = s.month, s.person })
	fault("keys cut elsewhere", func(s *segment) {
		both := append(bytes.Clone(s.person), s.month...)
		s.person, s.month = both[:31], both[31:]
	})
	fault("person erased", func(s *segment) { s.person = nil })
	fault("person zeroed", func(s *segment) { s.person = zeros })
	fault("month erased", func(s *segment) { s.month = nil })
	fault("month zeroed", func(s *segment) { s.month = zeros })
	fault("another label", func(s *segment) { s.label += "x" })
	fault("no label", func(s *segment) { s.label = "" })
	fault("another salt", func(s *segment) { s.salt = salt2 })
	fault("no salt", func(s *segment) { s.salt = nil })
	fault("long salt", func(s *segment) { s.salt = append(bytes.Clone(salt), 0) })
	fault("another commitment", func(s *segment) { s.commitment = commitment2 })
	fault("no commitment", func(s *segment) { s.commitment = nil })
	fault("short commitment", func(s *segment) { s.commitment = commitment[:15] })
	fault("another ciphertext", func(s *segment) { s.ciphered = ciphertext2 })
	fault("no ciphertext", func(s *segment) { s.ciphered = nil })
	fault("another segment whole", func(s *segment) { s.salt, s.commitment, s.ciphered = salt2, commitment2, ciphertext2 })
	flip := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[i/8] ^= 1 << (i % 8)
		return b
	}
	for i := range 8 * len(salt) {
		fault(fmt.Sprintf("salt bit %d", i), func(s *segment) { s.salt = flip(salt, i) })
	}
	for i := range 8 * len(commitment) {
		fault(fmt.Sprintf("commitment bit %d", i), func(s *segment) { s.commitment = flip(commitment, i) })
	}
	for i := range 8 * len(ciphertext) {
		fault(fmt.Sprintf("ciphertext bit %d", i), func(s *segment) { s.ciphered = flip(ciphertext, i) })
	}
	for i := range ciphertext {
		fault(fmt.Sprintf("cut at %d", i), func(s *segment) { s.ciphered = ciphertext[:i] })
	}
	for name, s := range map[string]segment{
		"no person": {nil, month[:], label, nil, nil, nil}, "no month": {person[:], nil, label, nil, nil, nil},
		"erased person": {zeros, month[:], label, nil, nil, nil}, "erased month": {person[:], zeros, label, nil, nil, nil},
		"short person": {person[:31], month[:], label, nil, nil, nil}, "no label": {person[:], month[:], "", nil, nil, nil},
	} {
		salt, commitment, ciphertext, err := SealSegment(s.person, s.month, s.label, []byte("alice"))
		if err == nil || salt != nil || commitment != nil || ciphertext != nil {
			t.Errorf("%s: SealSegment gives no error, or something with it", name)
		}
	}
}

func TestSegmentKeysAreRandom(t *testing.T) {
	seen := map[[32]byte]bool{}
	for range 500 {
		for _, k := range [][32]byte{NewPersonKey(), NewMonthKey()} {
			if seen[k] || uniform(k[:]) {
				t.Fatal("a key is not random")
			}
			seen[k] = true
		}
	}
}

// The cost of one segment is part of the cost of every logged decision.
func BenchmarkSealSegment(b *testing.B) {
	person, month, text := NewPersonKey(), NewMonthKey(), make([]byte, 200)
	for b.Loop() {
		if _, _, _, err := SealSegment(person[:], month[:], label, text); err != nil {
			b.Fatal(err)
		}
	}
}
