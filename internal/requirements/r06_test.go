package requirements

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
)

func init() {
	requires(6, "who has database and key may rewrite all: a checkpoint, a witness or a receipt that was kept shows it, and without any the log is never said to be fine", func(t *testing.T) {
		logkit.Databases(t, rewritten)
	})
}

func rewritten(t *testing.T, k *logkit.Kit) {
	w := newWitness(t)
	policy := func(quorum string) *verify.Policy {
		p, err := verify.ParsePolicy(fmt.Appendf(nil, "log %s\nwitness w %s\nquorum %s\n", k.VKey, w.vkey, quorum))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	k.Fill(120)
	known := k.Checkpoint(w)
	k.Fill(60)
	k.Checkpoint()
	receipt := func(index int64) verify.Receipt { return verify.Receipt{Index: index, LeafHash: leafHash(k, index)} }
	receipts := []verify.Receipt{receipt(40), receipt(50)}
	anchors := map[string]verify.Options{
		"checkpoint": {Policy: policy("none"), Known: [][]byte{known}},
		"witness":    {Policy: policy("w")},
		"receipt":    {Receipts: receipts},
	}
	for name, o := range anchors {
		if r := exported(t, k, o); r.Status != verify.OK {
			t.Errorf("untouched, with a %s: status %d: %+v", name, r.Status, r.Faults)
		}
	}
	for _, o := range []verify.Options{{}, {Policy: policy("none")}} {
		if r := exported(t, k, o); r.Status != verify.Unanchored || r.Tail != r.Size {
			t.Errorf("untouched, with nothing: status %d, and %d of %d entries unanchored", r.Status, r.Tail, r.Size)
		}
	}

	k.Forge(50)
	seen := k.Bytes(`SELECT note FROM audit_checkpoints WHERE size = 120`)
	k.Rewrite()
	for name, o := range anchors {
		r := exported(t, k, o)
		if name == "witness" {
			// The witness has signed no other tree, so its signature is gone, or does
			// not fit.
			if r.Status != verify.Unanchored {
				t.Errorf("rewritten, without the witness's signature: status %d", r.Status)
			}
			k.Exec(`UPDATE audit_checkpoints SET note = ? WHERE size = 120`, seen)
			r = exported(t, k, o)
		}
		if r.Status != verify.Diverge || !names(r, verify.Diverge, 50) {
			t.Errorf("rewritten, with a %s: status %d: %+v", name, r.Status, r.Faults)
		}
		k.Rewrite()
	}
	for _, o := range []verify.Options{{}, {Policy: policy("none")}} {
		if r := exported(t, k, o); r.Status != verify.Unanchored {
			t.Errorf("rewritten, with nothing: status %d", r.Status)
		}
	}
}

func leafHash(k *logkit.Kit, index int64) []byte {
	h := sha256.Sum256(append([]byte{0}, k.Leaf(index)...)) // RFC 6962, section 2.1
	return h[:]
}

// witness signs checkpoints as C2SP tlog-cosignature says.
type witness struct {
	name string
	key  ed25519.PrivateKey
	hash uint32
	vkey string
}

func newWitness(t *testing.T) witness {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	material := append([]byte{4}, public...)
	sum := sha256.Sum256(append([]byte("witness.example.org/w1\n"), material...))
	w := witness{name: "witness.example.org/w1", key: key, hash: binary.BigEndian.Uint32(sum[:])}
	w.vkey = fmt.Sprintf("%s+%08x+%s", w.name, w.hash, base64.StdEncoding.EncodeToString(material))
	return w
}

var _ note.Signer = witness{}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }

func (w witness) Sign(text []byte) ([]byte, error) {
	at := time.Now().Unix()
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), sig...), nil
}
