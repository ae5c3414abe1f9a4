package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counting is a fixed key for golden values: start, start+1, …
func counting(start byte) []byte {
	key := make([]byte, keySize)
	for i := range key {
		key[i] = start + byte(i)
	}
	return key
}

func mustNew(t testing.TB, key []byte) *KEK {
	t.Helper()
	k, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var totpOfAlice = Place{"factors", "alice", "secret"}

func mustSeal(t testing.TB, k *KEK, plaintext []byte, p Place) []byte {
	t.Helper()
	sealed, err := k.Seal(plaintext, p)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// notOpened asserts that a sealed value stays shut.
func notOpened(t *testing.T, k *KEK, name string, sealed []byte, p Place) {
	t.Helper()
	if got, err := k.Open(sealed, p); err != ErrOpen || got != nil {
		t.Errorf("%s: Open = %q, %v; want ErrOpen", name, got, err)
	}
}

// hkdfByHand is RFC 5869 as its section 2 has it, from HMAC alone: the tests
// below rebuild our constructions without the code that makes them.
func hkdfByHand(secret, salt []byte, info string, size int) []byte {
	sum := func(key []byte, parts ...[]byte) []byte {
		m := hmac.New(sha256.New, key)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	if salt == nil {
		salt = make([]byte, sha256.Size)
	}
	prk := sum(salt, secret)
	var out, block []byte
	for i := byte(1); len(out) < size; i++ {
		block = sum(prk, block, []byte(info), []byte{i})
		out = append(out, block...)
	}
	return out[:size]
}

// RFC 5869, appendix A: test cases 1 and 3.
func TestHKDFByHand(t *testing.T) {
	ikm := bytes.Repeat([]byte{0x0b}, 22)
	for _, c := range []struct{ salt, info, want string }{
		{"000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
		{"", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
	} {
		if got := hex.EncodeToString(hkdfByHand(ikm, unhex(t, c.salt), string(unhex(t, c.info)), 42)); got != c.want {
			t.Errorf("HKDF = %s, want %s", got, c.want)
		}
	}
}

func gcm(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNewRefuses(t *testing.T) {
	for name, key := range map[string][]byte{
		"nothing": nil, "16 bytes": counting(0)[:16], "31 bytes": counting(0)[:31], "33 bytes": append(counting(0), 1),
		"zeros": make([]byte, 32), "ones": bytes.Repeat([]byte{0xff}, 32), "letters": []byte(strings.Repeat("x", 32)),
	} {
		if k, err := New(key); err == nil || k != nil {
			t.Errorf("%s: New = %v, %v; want an error", name, k, err)
		}
	}
}

func TestKeyIsCopied(t *testing.T) {
	key := counting(0)
	k := mustNew(t, key)
	want := k.Check()
	clear(key)
	k.Check()[0] ^= 1
	if !bytes.Equal(k.Check(), want) {
		t.Error("the key changes with its caller's bytes")
	}
}

func TestCheck(t *testing.T) {
	a, b := mustNew(t, counting(0)), mustNew(t, counting(1))
	check := a.Check()
	if want := hkdfByHand(counting(0), nil, "rolegate/kek/v1|check", 16); !bytes.Equal(check, want) {
		t.Errorf("Check = %x, want %x", check, want)
	}
	if !a.Matches(check) || !mustNew(t, counting(0)).Matches(check) {
		t.Error("a key does not match its own check value")
	}
	if b.Matches(check) {
		t.Error("another key matches")
	}
	for name, c := range map[string][]byte{"nothing": nil, "cut": check[:15], "extended": append(a.Check(), 0), "the key": counting(0)[:16]} {
		if a.Matches(c) {
			t.Errorf("%s matches", name)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	k := mustNew(t, counting(0))
	want := fmt.Sprintf("key-encryption key %x", k.Check()[:4])
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, k); got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
		person, month := PersonKey(counting(0)), MonthKey(counting(0))
		if got := fmt.Sprintf(verb+verb, person, month); got != "person keymonth key" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if got := k.LogValue().String(); got != want {
		t.Errorf("LogValue = %q, want %q", got, want)
	}
}

func TestSealRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, err := New(append(rapid.SliceOfN(rapid.Byte(), 31, 31).Draw(t, "key"), 1))
		if err != nil {
			t.Skip("a uniform key")
		}
		plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
		p := drawPlace(t, "place")
		sealed, err := k.Seal(plaintext, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != len(plaintext)+33 || sealed[0] != 1 || !bytes.Equal(sealed[1:5], k.Check()[:4]) {
			t.Fatalf("sealed value of %d bytes begins %x", len(sealed), sealed[:5])
		}
		got, err := k.Open(sealed, p)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("Open = %x, %v; want %x", got, err, plaintext)
		}
		again, err := k.Seal(plaintext, p)
		if err != nil || bytes.Equal(again, sealed) {
			t.Fatalf("sealing twice gives the same bytes (%v)", err)
		}
	})
}

func drawPlace(t *rapid.T, label string) Place {
	part := rapid.StringN(1, 4, -1)
	return Place{part.Draw(t, label+" table"), part.Draw(t, label+" row"), part.Draw(t, label+" column")}
}

// No two places are taken for each other, however their names are cut.
func TestSealIsBoundToItsPlace(t *testing.T) {
	k := mustNew(t, counting(0))
	rapid.Check(t, func(t *rapid.T) {
		here, there := drawPlace(t, "here"), drawPlace(t, "there")
		if rapid.Bool().Draw(t, "cut elsewhere") { // the same letters, divided in another way
			all := here.Table + here.Row + here.Column
			i := rapid.IntRange(1, len(all)-2).Draw(t, "i")
			j := rapid.IntRange(i+1, len(all)-1).Draw(t, "j")
			there = Place{all[:i], all[i:j], all[j:]}
		}
		sealed, err := k.Seal([]byte("secret"), here)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Open(sealed, there); (err == nil) != (here == there) {
			t.Fatalf("sealed to %q, opened at %q: %v", here, there, err)
		}
	})
}

// Two users' secrets swapped in the database open for neither.
func TestSwappedSecretsStayShut(t *testing.T) {
	k := mustNew(t, counting(0))
	bob := Place{"factors", "bob", "secret"}
	alices, bobs := mustSeal(t, k, []byte("alice's"), totpOfAlice), mustSeal(t, k, []byte("bob's"), bob)
	notOpened(t, k, "bob's in alice's row", bobs, totpOfAlice)
	notOpened(t, k, "alice's in bob's row", alices, bob)
	for name, p := range map[string]Place{
		"another column": {"factors", "alice", "pending"}, "another table": {"users", "alice", "secret"},
		"shifted": {"factor", "salice", "secret"}, "shifted on": {"factors", "alic", "esecret"},
		"turned": {"alice", "factors", "secret"}, "no place": {}, "no row": {"factors", "", "secret"},
	} {
		notOpened(t, k, name, alices, p)
	}
}

func TestSealNeedsAWholePlace(t *testing.T) {
	k := mustNew(t, counting(0))
	for _, p := range []Place{{}, {"", "r", "c"}, {"t", "", "c"}, {"t", "r", ""}} {
		if sealed, err := k.Seal([]byte("secret"), p); err == nil || sealed != nil {
			t.Errorf("Seal at %q = %x, %v; want an error", p, sealed, err)
		}
	}
}

func TestChangedSecretsStayShut(t *testing.T) {
	k := mustNew(t, counting(0))
	for _, plaintext := range [][]byte{nil, []byte("12345678901234567890")} {
		sealed := mustSeal(t, k, plaintext, totpOfAlice)
		for i := range sealed {
			for bit := range 8 {
				changed := bytes.Clone(sealed)
				changed[i] ^= 1 << bit
				notOpened(t, k, fmt.Sprintf("bit %d of byte %d flipped", bit, i), changed, totpOfAlice)
			}
			notOpened(t, k, fmt.Sprintf("cut at %d", i), sealed[:i], totpOfAlice)
			notOpened(t, k, fmt.Sprintf("begun at %d", i+1), sealed[i+1:], totpOfAlice)
		}
		notOpened(t, k, "extended", append(bytes.Clone(sealed), 0), totpOfAlice)
		notOpened(t, k, "twice", append(bytes.Clone(sealed), sealed...), totpOfAlice)
	}
	for name, b := range map[string][]byte{"nothing": nil, "zeros": make([]byte, 64), "plaintext": []byte("12345678901234567890")} {
		notOpened(t, k, name, b, totpOfAlice)
	}
}

func TestAnotherKeyOpensNothing(t *testing.T) {
	a, b := mustNew(t, counting(0)), mustNew(t, counting(1))
	sealed := mustSeal(t, a, []byte("secret"), totpOfAlice)
	notOpened(t, b, "another key", sealed, totpOfAlice)
	notOpened(t, b, "another key under its own id", append(b.header(), sealed[headerSize:]...), totpOfAlice)
}

// A value sealed once must open in every later release. It is also taken apart
// by hand, so the format is what the comment of Seal says.
func TestSealFormatIsFrozen(t *testing.T) {
	k := mustNew(t, counting(0))
	const golden = "012ff6adc9cc71e19fcc2db467c161ef5f838c50ea96ec345f4781f2ce6249355f5b2444b539bed029b438f8ebac2ab769080d8ed9"
	sealed := unhex(t, golden)
	got, err := k.Open(sealed, totpOfAlice)
	if err != nil || string(got) != "12345678901234567890" {
		t.Errorf("Open = %q, %v; want the golden secret", got, err)
	}
	for _, sealed := range [][]byte{sealed, mustSeal(t, k, []byte("12345678901234567890"), totpOfAlice)} {
		header := append([]byte{1}, hkdfByHand(counting(0), nil, "rolegate/kek/v1|check", 16)[:4]...)
		if !bytes.Equal(sealed[:5], header) {
			t.Errorf("header = %x, want %x", sealed[:5], header)
		}
		aad := string(header) + "\x00\x00\x00\x00\x00\x00\x00\x07factors\x00\x00\x00\x00\x00\x00\x00\x05alice\x00\x00\x00\x00\x00\x00\x00\x06secret"
		aead := gcm(t, hkdfByHand(counting(0), nil, "rolegate/kek/v1|seal/v1", 32))
		got, err := aead.Open(nil, sealed[5:17], sealed[17:], []byte(aad))
		if err != nil || string(got) != "12345678901234567890" {
			t.Errorf("by hand: %q, %v", got, err)
		}
	}
}

func TestMAC(t *testing.T) {
	k := mustNew(t, counting(0))
	m := hmac.New(sha256.New, hkdfByHand(counting(0), nil, "rolegate/kek/v1|mac|person", 32))
	m.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x07default\x00\x00\x00\x00\x00\x00\x00\x05alice"))
	want := m.Sum(nil)
	if got := k.MAC("person", []byte("default"), []byte("alice")); !bytes.Equal(got, want) {
		t.Errorf("MAC = %x, want %x", got, want)
	}
	seen := map[string]string{string(want): "person default alice"}
	for _, c := range []struct {
		key     *KEK
		purpose string
		parts   []string
	}{
		{k, "person", nil},
		{k, "person", []string{""}},
		{k, "person", []string{"", ""}},
		{k, "person", []string{"defaultalice"}},
		{k, "person", []string{"defaulta", "lice"}},
		{k, "person", []string{"default", "alice", ""}},
		{k, "person", []string{"alice", "default"}},
		{k, "personx", []string{"default", "alice"}},
		{k, "", []string{"default", "alice"}},
		{mustNew(t, counting(1)), "person", []string{"default", "alice"}},
	} {
		var parts [][]byte
		for _, p := range c.parts {
			parts = append(parts, []byte(p))
		}
		name := fmt.Sprintf("%s %s %q", c.key, c.purpose, c.parts)
		got := string(c.key.MAC(c.purpose, parts...))
		if seen[got] != "" {
			t.Errorf("%s and %s have one MAC", name, seen[got])
		}
		seen[got] = name
	}
}

func TestMACTellsPartsApart(t *testing.T) {
	k := mustNew(t, counting(0))
	list := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		same := len(a) == len(b)
		for i := range a {
			same = same && bytes.Equal(a[i], b[i])
		}
		if bytes.Equal(k.MAC("p", a...), k.MAC("p", b...)) != same {
			t.Fatalf("the MACs of %x and %x", a, b)
		}
	})
}

func TestErrOpenIsFoundInChains(t *testing.T) {
	k := mustNew(t, counting(0))
	_, err := k.Open(nil, totpOfAlice)
	if !errors.Is(fmt.Errorf("load factor: %w", err), ErrOpen) {
		t.Errorf("%v is not ErrOpen", err)
	}
}
