package checkpoint

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
	"rolegate/model"
)

// Everything below is served as of the latest checkpoint that this process knows:
// what is asked for beyond it makes it look for a later one first, which another
// replica may have made. Then it is CodeBeyondCheckpoint: it may come soon.

// Latest is the latest checkpoint.
func (p *Publisher) Latest(ctx context.Context) (Checkpoint, error) {
	at, err := p.at(ctx, 1)
	if err != nil {
		return Checkpoint{}, err
	}
	return at.Checkpoint, nil
}

// at is the latest checkpoint, of at least that size.
func (p *Publisher) at(ctx context.Context, size int64) (*published, error) {
	at := p.latest.Load()
	if at == nil || at.Size < size {
		var refusal *Refusal
		if err := p.look(ctx); err != nil && !errors.As(err, &refusal) {
			return nil, err
		}
		at = p.latest.Load()
	}
	if at == nil || at.Size < size {
		return nil, &model.Error{Code: model.CodeBeyondCheckpoint, RetryAfter: Every}
	}
	return at, nil
}

// look follows, unless somebody has since it was called: however many ask for what
// is not there yet, the publisher waits behind one or two of them.
func (p *Publisher) look(ctx context.Context) error {
	before := p.turns.Load()
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.yield()
	if p.turns.Load() != before {
		return nil
	}
	return p.alone(ctx, func() error {
		_, err := p.follow(ctx)
		return err
	})
}

// Tile gives the hashes of a tile of the latest checkpoint's tree, or of an earlier
// one.
func (p *Publisher) Tile(ctx context.Context, t tree.Tile) ([]byte, error) {
	if t.Level < 0 {
		return nil, fmt.Errorf("%s is no tile of hashes", t.Path())
	}
	at, err := p.with(ctx, t)
	if err != nil {
		return nil, err
	}
	return p.tiles(ctx, at)(t)
}

// with is the latest checkpoint, of a tree that has the tile.
func (p *Publisher) with(ctx context.Context, t tree.Tile) (*published, error) {
	if at := p.latest.Load(); at != nil && t.In(at.Size) {
		return at, nil
	}
	at, err := p.at(ctx, p.State().Size+1)
	if err == nil && !t.In(at.Size) {
		err = &model.Error{Code: model.CodeBeyondCheckpoint, RetryAfter: Every}
	}
	return at, err
}

// tiles reads the tiles of a checkpoint's tree: from its edge, or full ones from
// the database, of which it gives as much as is asked for.
func (p *Publisher) tiles(ctx context.Context, at *published) func(tree.Tile) ([]byte, error) {
	return func(t tree.Tile) ([]byte, error) {
		if hashes, ok := at.edge.Tile(t); ok {
			return hashes, nil
		}
		stored, err := p.store.Tile(ctx, t.Level, t.N)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if len(stored.Hashes) != tree.TileWidth*tree.HashSize {
			return nil, fmt.Errorf("the log is damaged: %s of %d entries is missing", t.Path(), at.Size)
		}
		return stored.Hashes[:t.Width*tree.HashSize], nil
	}
}

// Proof is a C2SP tlog-proof: that the entry is in the log, as of the checkpoint of
// that size, or of the latest where it is 0. A size of which there is no checkpoint
// is CodeCheckpointUnknown.
func (p *Publisher) Proof(ctx context.Context, index, size int64) ([]byte, error) {
	at, err := p.at(ctx, max(index+1, size))
	if err != nil {
		return nil, err
	}
	c := at.Checkpoint
	if size != 0 {
		if c, err = p.checkpoint(ctx, size); err != nil {
			return nil, err
		}
	}
	if index >= c.Size {
		return nil, model.Errorf(model.CodeBeyondCheckpoint, "entry %d is not in the first %d", index, c.Size)
	}
	hashes, err := tree.NewHashes(at.Size, p.tiles(ctx, at)).Inclusion(index, c.Size)
	if err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nindex %d\n", index)
	for _, h := range hashes {
		text = append(base64.StdEncoding.AppendEncode(text, h), '\n')
	}
	return append(append(text, '\n'), c.Note...), nil
}

// checkpoint is the stored one of a size.
func (p *Publisher) checkpoint(ctx context.Context, size int64) (Checkpoint, error) {
	stored, err := p.store.CheckpointsFrom(ctx, size, 1)
	if err != nil {
		return Checkpoint{}, err
	}
	if len(stored) == 0 || stored[0].Size != size {
		return Checkpoint{}, model.Errorf(model.CodeCheckpointUnknown, "no checkpoint was made of the first %d entries", size)
	}
	c, err := p.key.Load().Open(stored[0].Note)
	if err != nil || c.Size != size {
		return Checkpoint{}, fmt.Errorf("the log is damaged: the checkpoint of %d entries is not signed by its key", size)
	}
	return c, nil
}

// Consistency shows that a tree of From entries is the beginning of one of To.
type Consistency struct {
	From, To int64
	Hashes   [][]byte // RFC 6962, section 2.1.2
}

// Consistency proves it for any two sizes up to the latest checkpoint's, which
// stands for a to of 0. 0 < from <= to.
func (p *Publisher) Consistency(ctx context.Context, from, to int64) (Consistency, error) {
	at, err := p.at(ctx, max(from, to))
	if err != nil {
		return Consistency{}, err
	}
	if to == 0 {
		to = at.Size
	}
	hashes, err := tree.NewHashes(at.Size, p.tiles(ctx, at)).Consistency(from, to)
	return Consistency{from, to, hashes}, err
}
