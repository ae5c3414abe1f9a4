package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
	"rolegate/model"
)

// Checkpoints, tiles and proofs are what golang.org/x/mod makes of the entries.
func TestCheckpointsHoldElsewhere(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		p := f.publisher()
		if _, err := p.Latest(f.ctx); model.CodeOf(err) != model.CodeBeyondCheckpoint {
			t.Fatalf("a checkpoint of nothing: %v", err)
		}
		f.append(1)
		first := f.publish(p)
		a := f.auditor(p)
		for _, n := range []int{1, 2, 250, 3, 300, 70} {
			f.append(n)
			c := f.publish(p)
			if size := f.size(); c.Size != size {
				t.Fatalf("a checkpoint of %d of %d entries", c.Size, size)
			}
			now := a.sees(p, c.Note)
			leaves, err := f.store.LeavesFrom(f.ctx, 0, int(c.Size))
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range []int64{0, c.Size / 2, c.Size - 1} {
				checkProof(t, f, p, a, i, now, leaves[i])
			}
			if again := f.publish(p); !bytes.Equal(again.Note, c.Note) {
				t.Error("a checkpoint of the same tree is another one")
			}
			served, err := p.Latest(f.ctx)
			if err != nil || !bytes.Equal(served.Note, c.Note) {
				t.Errorf("served is %s (%v)", served.Note, err)
			}
		}
		old, err := p.Proof(f.ctx, 0, first.Size)
		if err != nil || !strings.HasSuffix(string(old), "\n\n"+string(first.Note)) {
			t.Errorf("a proof as of the first checkpoint: %v\n%s", err, old)
		}
	})
}

// checkProof reads a tlog-proof.
func checkProof(t *testing.T, f *fixture, p *checkpoint.Publisher, a *auditor, index int64, want tlog.Tree, leaf []byte) {
	t.Helper()
	text, err := p.Proof(f.ctx, index, 0)
	if err != nil {
		t.Fatal(err)
	}
	head, signed, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || a.open([]byte(signed)) != want {
		t.Fatalf("not a proof: %s", text)
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		proof = append(proof, tlog.Hash(h))
	}
	if err := tlog.CheckRecord(proof, want.N, want.Hash, index, tlog.RecordHash(leaf)); err != nil {
		t.Errorf("entry %d: %v", index, err)
	}
}

func TestWhatIsBeyond(t *testing.T) {
	f := newSQLite(t)
	f.append(5)
	p := f.publisher()
	size := f.publish(p).Size
	f.append(300)
	for name, ask := range map[string]func() error{
		"proof":       func() error { _, err := p.Proof(f.ctx, size, 0); return err },
		"proof at":    func() error { _, err := p.Proof(f.ctx, 0, size+1); return err },
		"consistency": func() error { _, err := p.Consistency(f.ctx, 1, size+1); return err },
		"partial":     func() error { _, err := p.Tile(f.ctx, tree.Tile{Width: int(size) + 1}); return err },
		"full":        func() error { _, err := p.Tile(f.ctx, tree.Tile{Width: 256}); return err },
		"next":        func() error { _, err := p.Tile(f.ctx, tree.Tile{N: 1, Width: 1}); return err },
	} {
		var e *model.Error
		if err := ask(); !errors.As(err, &e) || e.Code != model.CodeBeyondCheckpoint || e.RetryAfter != checkpoint.Every {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.publish(f.publisher()) // another replica
	if _, err := p.Proof(f.ctx, 250, 0); err != nil {
		t.Errorf("what another replica has published: %v", err)
	}
	if _, err := p.Proof(f.ctx, 0, size+1); model.CodeOf(err) != model.CodeCheckpointUnknown {
		t.Errorf("a size without a checkpoint: %v", err)
	}
	if _, err := p.Proof(f.ctx, size, size); model.CodeOf(err) != model.CodeBeyondCheckpoint {
		t.Errorf("an entry after the checkpoint that was chosen: %v", err)
	}
}

// A log from before there were checkpoints has many tiles; they are stored a few
// at a time, and not before the root was found to be right.
func TestLongLog(t *testing.T) {
	f := newSQLite(t)
	f.append(70_000)
	p := f.publisher()
	c := f.publish(p)
	a := f.auditor(p)
	a.sees(p, c.Note)
	fresh := f.publisher()
	if again := f.publish(fresh); !bytes.Equal(again.Note, c.Note) {
		t.Error("another replica makes another checkpoint")
	}
	f.append(70_000)
	f.exec(`UPDATE audit_entries SET leaf = x'00' WHERE idx = 139000`)
	if _, err := p.Publish(f.ctx); !isRefusal(err, checkpoint.Forked) {
		t.Fatalf("an altered entry: %v", err)
	}
	tiles, err := f.store.TilesFrom(f.ctx, 0, 0, 1000)
	if err != nil || len(tiles) != 70_000/256 {
		t.Errorf("%d tiles are stored: %v", len(tiles), err)
	}
}

func isRefusal(err error, reason checkpoint.Reason) bool {
	var r *checkpoint.Refusal
	return errors.As(err, &r) && r.Reason == reason
}

// The key is made once, whoever is first, and is of the log and not of the issuer.
func TestKey(t *testing.T) {
	f := newSQLite(t)
	one, err := f.publisher().Key(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	moved := checkpoint.New(f.store, f.keys, f.kek, f.log, "elsewhere/v1/audit", nil, nil)
	two, err := moved.Key(f.ctx)
	if err != nil || two.VKey != one.VKey || two.Origin() != origin {
		t.Errorf("%v %v, want %v", two, err, one)
	}
	if n := f.size(); n != 1 {
		t.Errorf("%d entries of one key", n)
	}
	if sealed, err := f.keys.MetaValue(f.ctx, "log_signing_key"); err != nil || bytes.Contains(sealed, []byte("PRIVATE")) {
		t.Errorf("the key lies open: %v", err)
	}
}

// told is a store that says when a transaction is over.
type told struct {
	store.Store
	over chan struct{}
}

func (s told) InTx(ctx context.Context, fn func(store.Tx) error) error {
	err := s.Store.InTx(ctx, fn)
	select {
	case s.over <- struct{}{}:
	case <-ctx.Done():
	}
	return err
}

// Run makes a checkpoint at once, and goes on while the log grows.
func TestRun(t *testing.T) {
	f := newSQLite(t)
	f.append(1)
	ctx, cancel := context.WithCancel(f.ctx)
	st, done := told{f.store, make(chan struct{})}, make(chan struct{})
	p := f.publisherOn(st)
	go func() { p.Run(ctx); close(done) }()
	<-st.over
	f.append(1)
	<-st.over
	cancel()
	<-done
	if last, err := f.store.LastCheckpoint(f.ctx); err != nil || last.Size != f.size() {
		t.Errorf("the last checkpoint is of %d of %d entries (%v)", last.Size, f.size(), err)
	}
}
