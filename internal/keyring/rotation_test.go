package keyring

import (
	"bytes"
	"testing"
)

// Values of the old key open while the file has both, and only then.
func TestSeveralKeys(t *testing.T) {
	old, next := mustNew(t, sample(1)), mustNew(t, sample(2))
	both, err := kekOf([][]byte{sample(1), sample(2)})
	if err != nil {
		t.Fatal(err)
	}
	olds := mustSeal(t, both, []byte("secret"), totpOfAlice)
	if !bytes.Equal(olds[1:5], old.ID()) {
		t.Error("the first key of the file does not seal")
	}
	if both.Use(mustNew(t, sample(3)).Check()) || !both.Use(next.Check()) {
		t.Fatal("Use of a key that is not there, or not of one that is")
	}
	news := mustSeal(t, both, []byte("secret"), totpOfAlice)
	if !bytes.Equal(news[1:5], next.ID()) || !both.Matches(next.Check()) || both.Matches(old.Check()) {
		t.Error("the key that was chosen does not seal")
	}
	for _, sealed := range [][]byte{olds, news} {
		if got, err := both.Open(sealed, totpOfAlice); err != nil || string(got) != "secret" {
			t.Errorf("Open = %q, %v", got, err)
		}
	}
	notOpened(t, next, "the old key's, without it", olds, totpOfAlice)
	notOpened(t, both, "the old key's under the new id", append(next.header(), olds[headerSize:]...), totpOfAlice)
}

func TestAdopt(t *testing.T) {
	k := mustNew(t, sample(1))
	both, err := kekOf([][]byte{sample(2), sample(1)})
	if err != nil {
		t.Fatal(err)
	}
	k.Adopt(both)
	if !k.Matches(mustNew(t, sample(1)).Check()) || len(k.Checks()) != 2 {
		t.Errorf("after Adopt another key seals, or one is missing: %d", len(k.Checks()))
	}
	k.Adopt(mustNew(t, sample(3))) // somebody put a wrong file there
	if !k.Matches(mustNew(t, sample(1)).Check()) {
		t.Error("a file without the key that seals has taken its place")
	}
}

// What MAC computes outlives the keys.
func TestMACRoot(t *testing.T) {
	a, b := mustNew(t, sample(1)), mustNew(t, sample(2))
	if bytes.Equal(a.MAC("p"), b.MAC("p")) {
		t.Error("two keys, one MAC")
	}
	for _, k := range []*KEK{a, b} {
		if err := k.UseMACRoot(sample(9)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.MAC("p", []byte("x")), b.MAC("p", []byte("x"))) {
		t.Error("one root, two MACs")
	}
	for _, root := range [][]byte{nil, sample(1)[:31], make([]byte, 32)} {
		if a.UseMACRoot(root) == nil {
			t.Errorf("the root %x is accepted", root)
		}
	}
}
