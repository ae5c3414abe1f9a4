// Package checkpoint signs what the log is from time to time, and serves what
// others need to hold the log to it: C2SP checkpoints, tiles and proofs.
//
//	last checkpoint's edge ─▶ grows over the leaves since ─▶ root = the head's? ─▶ sign
//	    ─▶ one transaction: tiles, checkpoint ─▶ note its size apart ─▶ publish
//
// A checkpoint is never taken back, so one of a tree that is not the continuation
// of the last one's would be the proof that history was altered. The Publisher
// refuses it, and then signs nothing more, on any replica and after any start,
// until an operator has looked (Resume).
//
// The leaves are read anew for it, rather than the head believed: what was altered
// in the database since is found within a second, as long as it is after the last
// checkpoint. The head has to have its MAC, so that nothing is signed which the service
// has not appended. What is before it is found by whoever verifies.
package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
)

// Every is how often the log is looked at.
const Every = time.Second

// job is the row that replicas take before they store a checkpoint.
const job = "checkpoint"

// Recorder writes the log, and knows its head.
type Recorder interface {
	Append(ctx context.Context, entries ...audit.Entry) error
	// TakeOver is Append where the head may not be of the log's making.
	TakeOver(ctx context.Context, e audit.Entry) error
	CheckHead(h store.Head) error
}

// Publisher makes and serves checkpoints. Fill it by New; safe for concurrent use.
type Publisher struct {
	store  store.Store
	keys   store.Keystore
	kek    *keyring.KEK
	log    Recorder
	origin string // of a key that is made now
	now    func() time.Time
	logger *slog.Logger

	turn    chan struct{} // has room for the one who follows, grows, or publishes
	turns   atomic.Int64  // begun
	key     atomic.Pointer[Key]
	latest  atomic.Pointer[published]
	stopped atomic.Pointer[Refusal] // nil while all is well
	behind  atomic.Int64            // entries of the log without a checkpoint, when last looked at
	refused [len(reasons)]atomic.Int64
	failed  atomic.Int64
}

// published is a checkpoint and the tree's edge at it; neither is ever changed.
type published struct {
	Checkpoint
	edge *tree.Edge
}

// nothing is what an empty log has.
var nothing = &published{edge: &tree.Edge{}}

// New makes a publisher. origin names the log in its checkpoints, if its key is yet
// to be made: the address without scheme under which they are served.
func New(st store.Store, keys store.Keystore, kek *keyring.KEK, log Recorder, origin string, now func() time.Time, logger *slog.Logger) *Publisher {
	return &Publisher{store: st, keys: keys, kek: kek, log: log, origin: origin, now: now, logger: logger, turn: make(chan struct{}, 1)}
}

// Run publishes a checkpoint a second while the log grows, until ctx ends. What
// fails is tried again, and told once.
func (p *Publisher) Run(ctx context.Context) {
	ticker := time.NewTicker(Every)
	defer ticker.Stop()
	told := false
	for {
		_, err := p.Publish(ctx)
		var refusal *Refusal
		if ctx.Err() != nil {
			return
		}
		if err != nil && !errors.As(err, &refusal) && !told {
			p.logger.Warn("no checkpoint of the log could be made; it will be tried again every second", "error", err)
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Publish makes a checkpoint of all that is committed, stores and then publishes
// it, unless there is one of that size, and returns the latest. The error is a
// *Refusal where there must not be one.
func (p *Publisher) Publish(ctx context.Context) (Checkpoint, error) {
	var made *published
	err := p.inTurn(ctx, func() error {
		last, err := p.follow(ctx)
		if err == nil {
			made, err = p.grow(ctx, last)
		}
		return err
	})
	if err != nil {
		p.failed.Add(1)
		return Checkpoint{}, err
	}
	return made.Checkpoint, nil
}

// inTurn does something alone in this process, unless no checkpoint may be made. A
// refusal ends all of them.
func (p *Publisher) inTurn(ctx context.Context, do func() error) error {
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.yield()
	return p.alone(ctx, do)
}

func (p *Publisher) take(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Publisher) yield() { <-p.turn }

// alone is for whoever has the turn.
func (p *Publisher) alone(ctx context.Context, do func() error) error {
	p.turns.Add(1)
	err := p.mayGoOn(ctx)
	if err == nil {
		err = do()
	}
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	refusal = p.worst(ctx, refusal)
	p.stop(ctx, refusal)
	return refusal
}

// follow goes on to the checkpoint that was stored last, by whichever replica.
func (p *Publisher) follow(ctx context.Context) (*published, error) {
	key, err := p.Key(ctx)
	if err != nil {
		return nil, err
	}
	was := p.latest.Load()
	var mark []byte
	if was == nil { // before what is stored is read, which others go on with
		if mark, err = p.Noted(ctx); err != nil {
			return nil, err
		}
	}
	stored, err := last(ctx, p.store)
	switch {
	case err != nil:
		return nil, err
	case was != nil && stored.Size < was.Size:
		return nil, refuse(Smaller, "the last stored checkpoint is of %d entries, and one of %d was published", stored.Size, was.Size)
	case was != nil && stored.Size == was.Size:
		if !bytes.Equal(stored.Note, was.Note) {
			return nil, refuse(Forked, "the stored checkpoint of %d entries is not the one that was published", was.Size)
		}
		return was, nil
	}
	next := nothing
	if stored.Size > 0 {
		if next, err = p.read(ctx, key, was, stored); err != nil {
			return nil, err
		}
	}
	if was == nil {
		if err := p.checkMark(ctx, key, mark, next); err != nil {
			return nil, err
		}
	}
	if next == nothing {
		return next, nil
	}
	return next, p.publish(ctx, next)
}

// publish notes a stored checkpoint apart, whichever replica has stored it, and
// gives it to whoever asks.
func (p *Publisher) publish(ctx context.Context, c *published) error {
	if err := p.note(ctx, c); err != nil {
		return fmt.Errorf("note the checkpoint in the keystore: %w", err) // it will be, once it is followed
	}
	p.latest.Store(c)
	return nil
}

// read holds a stored checkpoint against the log.
func (p *Publisher) read(ctx context.Context, key *Key, was *published, stored store.Checkpoint) (*published, error) {
	c, err := key.Open(stored.Note)
	if err != nil || c.Size != stored.Size {
		return nil, refuse(Unsigned, "the stored checkpoint of %d entries is not signed by this log's key", stored.Size)
	}
	edge, err := p.edgeAt(ctx, was, c.Size)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(edge.Root(), c.Root) {
		return nil, refuse(Forked, "the log's first %d entries are not those of the stored checkpoint", c.Size)
	}
	return &published{c, edge}, nil
}

// last is the last stored checkpoint; the zero one before the first.
func last(ctx context.Context, q store.Checkpoints) (store.Checkpoint, error) {
	c, err := q.LastCheckpoint(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return store.Checkpoint{}, nil
	}
	return c, err
}

// edgeAt is the tree's edge at that size: that of the one that was published,
// grown over the leaves since, or put together from tiles where this process has
// none.
func (p *Publisher) edgeAt(ctx context.Context, was *published, size int64) (*tree.Edge, error) {
	if was == nil {
		return tree.NewEdge(size, func(t tree.Tile) ([]byte, error) { return p.partial(ctx, t) })
	}
	edge := was.edge.Clone()
	return edge, p.extend(ctx, edge, size, func(tree.Tile, []byte) {})
}

// partial puts a partial tile together: from leaves, or from the full tiles below
// it.
func (p *Publisher) partial(ctx context.Context, t tree.Tile) ([]byte, error) {
	var hashes []byte
	first := t.N * tree.TileWidth
	if t.Level == 0 {
		leaves, err := p.store.LeavesFrom(ctx, first, t.Width)
		if err != nil {
			return nil, err
		}
		for _, leaf := range leaves {
			hashes = append(hashes, tree.LeafHash(leaf)...)
		}
	} else {
		tiles, err := p.store.TilesFrom(ctx, t.Level-1, first, t.Width)
		if err != nil {
			return nil, err
		}
		for i, below := range tiles {
			if below.N != first+int64(i) || len(below.Hashes) != tree.TileWidth*tree.HashSize {
				break
			}
			hashes = append(hashes, tree.Perfect(below.Hashes)...)
		}
	}
	if have := len(hashes) / tree.HashSize; have < t.Width {
		return nil, refuse(Missing, "of the %d entries or tiles that %s is made of there are %d", t.Width, t.Path(), have)
	}
	return hashes, nil
}

// leavesAtOnce bounds what is read by one statement.
const leavesAtOnce = 1024

// extend lets an edge grow over the stored leaves up to a size.
func (p *Publisher) extend(ctx context.Context, edge *tree.Edge, size int64, full func(tree.Tile, []byte)) error {
	for edge.Size() < size {
		n := int(min(size-edge.Size(), leavesAtOnce))
		leaves, err := p.store.LeavesFrom(ctx, edge.Size(), n)
		if err != nil {
			return err
		}
		if len(leaves) < n {
			return refuse(Missing, "of the %d entries from %d on there are %d", n, edge.Size(), len(leaves))
		}
		for _, leaf := range leaves {
			edge.Append(tree.LeafHash(leaf), full)
		}
	}
	return nil
}

// grow makes the next checkpoint, if the log has grown.
func (p *Publisher) grow(ctx context.Context, last *published) (*published, error) {
	head, err := p.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	p.behind.Store(head.Size - last.Size)
	frontier, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
	switch {
	case p.log.CheckHead(head) != nil: // first: it says that nothing is appended, whatever else is wrong
		return nil, unauthenticated(head)
	case err != nil || head.TreeSize > head.Size:
		return nil, refuse(Forked, "the log's head is damaged: %d entries, and a tree over %d", head.Size, head.TreeSize)
	case head.TreeSize < last.Size:
		return nil, refuse(Smaller, "the log has %d entries, and a checkpoint was made of %d", head.TreeSize, last.Size)
	case head.TreeSize == last.Size && last.Size > 0 && !bytes.Equal(frontier.Root(), last.Root):
		return nil, refuse(Forked, "the log's %d entries are not those of the checkpoint", last.Size)
	case head.TreeSize == last.Size:
		return last, nil
	}
	next, tiles, err := p.next(ctx, last, head.TreeSize, frontier.Root())
	if err != nil {
		return nil, err
	}
	first, err := p.persist(ctx, last, next, tiles)
	if err != nil {
		return nil, err
	}
	if !first {
		return p.follow(ctx)
	}
	p.behind.Store(0)
	return next, p.publish(ctx, next)
}

// tilesAtOnce bounds what one transaction stores.
const tilesAtOnce = 256

// next is the tree of that size with a signed checkpoint, and the tiles that it
// has filled. Where there are many, as on a log that was made before there were
// checkpoints, most of them are stored already: after the root was found to be the
// head's, since a tile that is stored stays.
func (p *Publisher) next(ctx context.Context, last *published, size int64, root []byte) (*published, []store.Tile, error) {
	if size-last.Size > tilesAtOnce*tree.TileWidth {
		edge := last.edge.Clone()
		if err := p.extend(ctx, edge, size, func(tree.Tile, []byte) {}); err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(edge.Root(), root) {
			return nil, nil, altered(last.Size, size)
		}
	}
	var tiles []store.Tile
	edge := last.edge.Clone()
	for edge.Size() < size {
		until := min(size, edge.Size()+tilesAtOnce*tree.TileWidth)
		if len(tiles) > 0 {
			if err := p.store.InsertTiles(ctx, tiles); err != nil {
				return nil, nil, err
			}
			tiles = nil
		}
		err := p.extend(ctx, edge, until, func(t tree.Tile, hashes []byte) {
			tiles = append(tiles, store.Tile{Level: t.Level, N: t.N, Hashes: hashes})
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if !bytes.Equal(edge.Root(), root) {
		return nil, nil, altered(last.Size, size)
	}
	c, err := p.key.Load().sign(size, root)
	return &published{c, edge}, tiles, err
}

func altered(from, to int64) error {
	return refuse(Forked, "the entries %d to %d are not those that the log's head was made of", from, to-1)
}

// persist stores a checkpoint and its tiles, unless another replica has stored one
// since last.
func (p *Publisher) persist(ctx context.Context, before, next *published, tiles []store.Tile) (first bool, err error) {
	err = p.store.InTx(ctx, func(tx store.Tx) error {
		first = false
		if _, err := tx.LockJob(ctx, job); err != nil {
			return err
		}
		stored, err := last(ctx, tx)
		if err != nil || stored.Size != before.Size {
			return err
		}
		if err := tx.InsertTiles(ctx, tiles); err != nil {
			return err
		}
		now := p.now()
		if err := tx.InsertCheckpoint(ctx, store.Checkpoint{Size: next.Size, Note: next.Note, CreatedAt: now}); err != nil {
			return err
		}
		first = true
		return tx.SetJob(ctx, store.Job{Name: job, Position: next.Size, At: now})
	})
	return first, err
}
