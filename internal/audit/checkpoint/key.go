package checkpoint

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/model"
)

// keyName is the row of the keystore's meta that has the key, sealed: who has the
// log's database cannot sign another one.
const keyName = "log_signing_key"

// Key signs checkpoints, and knows its own.
type Key struct {
	// VKey is the public half as those who verify write it down: name, hash and
	// Ed25519 key (C2SP signed-note).
	VKey     string
	signer   note.Signer
	verifier note.Verifiers
}

// Checkpoint is a signed statement that the log's first Size entries have that
// root (C2SP tlog-checkpoint). The zero value is that of an empty log, which nobody
// signs.
type Checkpoint struct {
	Size int64
	Root []byte
	Note []byte // with the signature
}

// newKey reads what note.GenerateKey wrote: PRIVATE+KEY+name+hash+key.
func newKey(skey string) (*Key, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(skey, "+", 5) // the last may have a plus of its own
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errors.New("no Ed25519 key")
	}
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return &Key{vkey, signer, note.VerifierList(verifier)}, nil
}

// Origin names the log, in its checkpoints and in the key.
func (k *Key) Origin() string { return k.signer.Name() }

func (k *Key) sign(size int64, root []byte) (Checkpoint, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", k.Origin(), size, base64.StdEncoding.EncodeToString(root))
	signed, err := note.Sign(&note.Note{Text: text}, k.signer)
	return Checkpoint{size, root, signed}, err
}

// Open reads a checkpoint of this log's, if the key has signed it.
func (k *Key) Open(signed []byte) (Checkpoint, error) {
	n, err := note.Open(signed, k.verifier)
	if err != nil {
		return Checkpoint{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != k.Origin() || lines[3] != "" {
		return Checkpoint{}, errors.New("no checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("%q is no size of a tree", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tree.HashSize {
		return Checkpoint{}, fmt.Errorf("%q is no root of a tree", lines[2])
	}
	return Checkpoint{size, root, signed}, nil
}

// Key is the log's. It is made at first use, and with it the log's name is fixed.
func (p *Publisher) Key(ctx context.Context) (*Key, error) {
	if k := p.key.Load(); k != nil {
		return k, nil
	}
	sealed, err := p.keys.MetaValue(ctx, keyName)
	if errors.Is(err, store.ErrNotFound) {
		sealed, err = p.makeKey(ctx)
	}
	if err != nil {
		return nil, err
	}
	skey, err := p.kek.Open(sealed, keyPlace)
	if err != nil {
		return nil, model.Errorf(model.CodeKeyWrong, "the log's signing key was sealed with another key-encryption key: ROLEGATE_KEYSTORE_URL and ROLEGATE_KEY_FILE do not belong together").Because(err)
	}
	defer clear(skey)
	k, err := newKey(string(skey))
	if err != nil {
		return nil, fmt.Errorf("the log's signing key: %w", err)
	}
	p.key.Store(k)
	return k, nil
}

var keyPlace = keyring.Place{Table: "meta", Row: keyName, Column: "value"}

// makeKey records that a key is made before it is: one that signs is never without
// its entry, though of two replicas that make one at a time one does so in vain.
func (p *Publisher) makeKey(ctx context.Context) ([]byte, error) {
	skey, _, err := note.GenerateKey(rand.Reader, p.origin)
	if err != nil {
		return nil, err
	}
	k, err := newKey(skey)
	if err != nil {
		return nil, fmt.Errorf("a key for the log %q: %w", p.origin, err)
	}
	sealed, err := p.kek.Seal([]byte(skey), keyPlace)
	if err != nil {
		return nil, err
	}
	err = p.log.Append(ctx, audit.Entry{Class: audit.ClassSystem, Activity: audit.LogKeyMade, Outcome: audit.OutcomeOK,
		Object: "log_signing_key", Op: fmt.Sprintf("%08x", k.signer.KeyHash()), Caller: model.Caller{Kind: model.CallerSystem}})
	if err != nil {
		return nil, err
	}
	if err := p.keys.InsertMeta(ctx, keyName, sealed); err != nil && !errors.Is(err, store.ErrExists) {
		return nil, err
	}
	return p.keys.MetaValue(ctx, keyName) // another replica may have been first
}
