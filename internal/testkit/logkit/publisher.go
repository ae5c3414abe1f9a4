package logkit

import (
	"time"

	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
)

// Publisher makes checkpoints like a service that goes on: of each entry as it was
// when it came.
type Publisher struct {
	k    *Kit
	edge tree.Edge
}

// Publisher begins with the log as it is.
func (k *Kit) Publisher() *Publisher { return &Publisher{k: k} }

// Publish stores a checkpoint over all there is, with the tiles that are full by now,
// and returns it.
func (p *Publisher) Publish() []byte {
	p.k.T.Helper()
	head, err := p.k.Store.Head(p.k.Ctx)
	p.k.must(err)
	leaves, err := p.k.Store.LeavesFrom(p.k.Ctx, p.edge.Size(), int(head.Size-p.edge.Size()))
	p.k.must(err)
	var tiles []store.Tile
	for _, leaf := range leaves {
		p.edge.Append(tree.LeafHash(leaf), func(t tree.Tile, hashes []byte) {
			tiles = append(tiles, store.Tile{Level: t.Level, N: t.N, Hashes: hashes})
		})
	}
	p.k.must(p.k.Store.InsertTiles(p.k.Ctx, tiles))
	signed := p.k.Sign(p.edge.Size(), p.edge.Root())
	p.k.must(p.k.Store.InsertCheckpoint(p.k.Ctx, store.Checkpoint{Size: p.edge.Size(), Note: signed, CreatedAt: time.Now()}))
	return signed
}
