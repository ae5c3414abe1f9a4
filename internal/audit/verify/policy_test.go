package verify

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// signer is a log's (algorithm 1) or a witness's (4), with a key of its own.
type signer struct {
	name string
	alg  byte
	key  ed25519.PrivateKey
}

func newSigner(name string, alg byte, seed byte) signer {
	return signer{name, alg, ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+seed)), 32)))}
}

func (s signer) material() []byte {
	return append([]byte{s.alg}, s.key.Public().(ed25519.PublicKey)...)
}
func (s signer) Name() string { return s.name }

func (s signer) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(s.name+"\n"), s.material()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (s signer) vkey() string {
	return fmt.Sprintf("%s+%08x+%s", s.name, s.KeyHash(), base64.StdEncoding.EncodeToString(s.material()))
}

func (s signer) Sign(text []byte) ([]byte, error) {
	if s.alg == 1 {
		return ed25519.Sign(s.key, text), nil
	}
	const at = 1_700_000_000
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(s.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))...), nil
}

// The quorum is what C2SP tlog-policy makes of it.
func TestQuorum(t *testing.T) {
	log := newSigner("log", 1, 0)
	var w []signer
	for i := range byte(4) {
		w = append(w, newSigner(fmt.Sprint("w", i), 4, 1+i))
	}
	head := "log " + log.vkey() + " https://log.example.com/\n # witnesses\n\n"
	for i, s := range w {
		head += fmt.Sprintf("\twitness W%d %s\n", i, s.vkey())
	}
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, c := range []struct {
		quorum string
		by     []int
		want   bool
	}{
		{"quorum none", []int{0, 1, 2, 3}, false},
		{"quorum W0", []int{0}, true},
		{"quorum W0", []int{1}, false},
		{"group g any W0 W1\nquorum g", []int{1}, true},
		{"group g all W0 W1\nquorum g", []int{1}, false},
		{"group g all W0 W1\nquorum g", []int{0, 1}, true},
		{"group g 2 W0 W1 W2\nquorum g", []int{0, 2}, true},
		{"group g 2 W0 W1 W2\nquorum g", []int{2}, false},
		{"group g 2 W0 W1 W2\ngroup h all g W3\nquorum h", []int{0, 1, 3}, true},
		{"group g 2 W0 W1 W2\ngroup h all g W3\nquorum h", []int{0, 1, 2}, false},
	} {
		p, err := ParsePolicy([]byte(head + c.quorum + "\n"))
		if err != nil {
			t.Errorf("%s: %v", c.quorum, err)
			continue
		}
		signers := []note.Signer{log}
		for _, i := range c.by {
			signers = append(signers, w[i])
		}
		signed, err := note.Sign(&note.Note{Text: "log\n0\n" + root + "\n"}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		cp, err := parseCheckpoint(signed)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := p.check(cp); err != nil || !s.log || s.witnessed != c.want {
			t.Errorf("%s, signed by %v: %+v, %v", c.quorum, c.by, s, err)
		}
	}

	p, _ := ParsePolicy([]byte(head + "quorum W0\n"))
	for what, signers := range map[string][]note.Signer{
		"by no log":            {w[0]},
		"by another log":       {newSigner("log", 1, 9), w[0]},
		"by a log of its name": {newSigner("gol", 1, 0), w[0]},
	} {
		signed, err := note.Sign(&note.Note{Text: "log\n0\n" + root + "\n"}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		cp, _ := parseCheckpoint(signed)
		if s, err := p.check(cp); err == nil {
			t.Errorf("signed %s: %+v", what, s)
		}
	}
}

func TestPolicyFiles(t *testing.T) {
	log, w := newSigner("log", 1, 0), newSigner("w", 4, 1)
	again := newSigner("w2", 4, 1)
	for _, bad := range []string{
		"", "log " + log.vkey(), "quorum", "quorum W", "quorum none\nquorum none", "log", "log x\nquorum none", "log " + w.vkey() + "\nquorum none",
		"log " + log.vkey() + "\nlog " + log.vkey() + "\nquorum none",
		"witness W " + log.vkey() + "\nquorum W",
		"witness W " + strings.Replace(w.vkey(), "w+", "w+0", 1) + "\nquorum W",
		"witness W " + w.vkey() + "\nwitness V " + again.vkey() + "\nquorum W",
		"witness none " + w.vkey() + "\nquorum none",
		"witness W " + w.vkey() + "\ngroup W any W\nquorum W",
		"witness W " + w.vkey() + "\ngroup g 2 W\nquorum g", "witness W " + w.vkey() + "\ngroup g 0 W\nquorum g", "witness W " + w.vkey() + "\ngroup g any\nquorum g",
		"witness W " + w.vkey() + "\ngroup g any W W\nquorum g", "witness W " + w.vkey() + "\ngroup g any W\ngroup h any W\nquorum g",
		"quorum W\nwitness W " + w.vkey(), "policy 1\nquorum none", "quorum none\x00", "quorum none\r\n", "quorum none a",
	} {
		if _, err := ParsePolicy([]byte(bad)); err == nil {
			t.Errorf("%q is a policy", bad)
		}
	}
	// A key may have plus signs.
	for seed := byte(0); ; seed++ {
		s := newSigner("plus", 1, seed)
		if key := s.vkey(); strings.Count(key, "+") > 2 {
			if _, err := ParsePolicy([]byte("log " + key + "\nquorum none\n")); err != nil {
				t.Errorf("%s: %v", key, err)
			}
			break
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte("log " + newSigner("log", 1, 0).vkey() + "\nwitness W " + newSigner("w", 4, 1).vkey() + "\ngroup g any W\nquorum g\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParsePolicy(b); err == nil {
			_, _ = p.check(checkpoint{origin: "log", note: b})
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte("log\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— log AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCheckpoint(b)
		if err == nil && !strings.HasPrefix(string(b), fmt.Sprintf("%s\n%d\n%s\n\n", c.origin, c.size, base64.StdEncoding.EncodeToString(c.root))) {
			t.Errorf("%q is read as %+v", b, c)
		}
	})
}
